package engine_test

import (
	"io/fs"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
)

// findings returns the errors of a folder, or its warnings where it has none.
func findings(files fstest.MapFS) source.Diagnostics {
	p, found := load(files)
	if p == nil {
		return found
	}
	return p.Warnings()
}

var _ = Describe("a slip that would pass unnoticed", func() {
	DescribeTable("is an error or a warning", func(severity source.Severity, code, at, words string, changes ...string) {
		found := findings(changed(changes...))
		Expect(found).To(HaveLen(1), "%v", found)
		Expect(found[0].Code).To(Equal(code), found.Error())
		Expect(found[0].Severity).To(Equal(severity))
		Expect(found[0].Span.Text()).To(HavePrefix(at), found.Error())
		Expect(found[0].Summary + " | " + found[0].Help).To(ContainSubstring(words))
	},
		Entry("a row that lacks a field", source.Warning, "ragged-table", "v2", "lacks more",
			"destination.yaml: v1: {people: /v1/people} -> v1: {people: /v1/people, more: 1}"),
		Entry("a path that no event has", source.Error, "unknown-field", "trait", "did you mean traits?",
			"person.yaml: at: traits.email -> at: trait.email"),
		Entry("a path that is none", source.Error, "bad-path", "the e-mail", "",
			"person.yaml: at: traits.email -> at: the e-mail"),
		Entry("a path of a route", source.Error, "unknown-field", "typ", "did you mean type?",
			`destination.yaml: are not supported", at: type} -> are not supported", at: typ}`),
		Entry("a path that the config has not", source.Error, "unknown-field", "tokn", "did you mean token?",
			"person.yaml: at: traits.email -> at: config.tokn"),
		Entry("an item that is no body", source.Error, "bad-body", "just text", "JSON bodies are objects or lists",
			"destination.yaml: encode: form -> encode: json", `order.yaml:     item: '=merge(order, {"lines": lines})' ->     item: just text`),
		Entry("a list as a form", source.Error, "bad-body", "[a]", "a form is made of an object",
			`order.yaml:     item: '=merge(order, {"lines": lines})' ->     item: [a]`),
		Entry("XML with two roots", source.Error, "bad-body", "{order: =item, b: 1}", "one member",
			"destination.yaml: envelope: {order: =item} -> envelope: {order: =item, b: 1}"),
		Entry("items without a bound", source.Warning, "no-bound", "{people: =items}", "add max",
			"destination.yaml:     max: 3\n -> "),
		Entry("a rejection with a space", source.Error, "bad-name", "bad email", "a rejection",
			"person.yaml:   bad-email: ->   bad email:"),
		Entry("a route with a slash", source.Error, "bad-name", "a/b", "a route",
			"destination.yaml:   - when: type == \"track\"\\n    to: note ->   - name: a/b\\n    when: type == \"track\"\\n    to: note"),
		Entry("portal data made from data below it", source.Error, "portal-order", "merge(later, indexBy(body, \"name\"))", "move later above fields",
			"destination.yaml:     answer: indexBy(body, \"name\")\\n    builtin: fields.json ->     answer: merge(later, indexBy(body, \"name\"))\\n    builtin: fields.json\\n  later:\\n    builtin: fields.json"),
		Entry("portal data made from itself", source.Error, "portal-order", "merge(fields,", "made from itself",
			"destination.yaml: answer: indexBy(body, \"name\") -> answer: 'merge(fields, indexBy(body, \"name\"))'"),
		Entry("a URL that begins with what is escaped", source.Error, "bad-url", "id", "cannot be its beginning",
			"destination.yaml: url: ${family.people}/${id} -> url: ${id}/${family.people}"),
		Entry("a URL that begins with a table's text without a slash", source.Error, "bad-url", "family.people", `in the row "v2"`,
			"destination.yaml: v2: {people: /2/persons} -> v2: {people: 2/persons}", "destination.yaml:     url: ${family.people}/${id} ->     url: /people/${id}"),
		Entry("a route whose condition came before", source.Error, "unreachable", `event == "Ping" && type=="track"`, "an earlier one does",
			"destination.yaml:   - when: type == \"track\"\\n    to: note ->   - when: event == \"Ping\" && type==\"track\"\\n    to: note"),
		Entry("a rejection after one that takes all", source.Error, "unreachable", "when: size(found) > 2", "takes all",
			"person.yaml:     when: '!isEmail(profile.email)'\n -> "),
		Entry("a send after a filter that takes all", source.Error, "unreachable", "send", "give test-order a when",
			"order.yaml:     when: properties.test == true\n -> "),
		Entry("a send after a rejection that takes all", source.Error, "unreachable", "send", "give too-many a when",
			"person.yaml:     when: size(found) > 2\n -> "),
		Entry("answer rules after one that takes all", source.Error, "unreachable", "name: wait", "takes every answer",
			"destination.yaml:       when: status / 100 == 2\n -> "),
		Entry("a list of answer rules after one that takes all", source.Error, "unreachable", "people", "name all last",
			"destination.yaml:     answers: people ->     answers: [all, people]", "destination.yaml: answers:\n -> answers:\\n  all:\\n    - {name: x, do: done}\\n"),
		Entry("a condition that never holds", source.Warning, "constant-condition", "false", "never applies",
			"order.yaml:     when: properties.test == true ->     when: \"false\""),
		Entry("a condition that always holds", source.Warning, "constant-condition", "true", "remove when",
			"order.yaml:     when: config.xml == true ->     when: \"true\""),
		Entry("an object that nothing uses", source.Warning, "unused", "spare", "the object spare",
			"order.yaml: objects:\n -> objects:\\n  spare: {set: {a: userId}}\\n"),
		Entry("a value that nothing uses", source.Warning, "unused", "spare", "the value spare",
			"person.yaml: let:\n -> let:\\n  spare: userId\\n"),
		Entry("a function that nothing uses", source.Warning, "unused", "spare", "the function spare",
			"destination.yaml: functions:\n -> functions:\\n  spare: {args: [x], value: x}\\n"),
		Entry("a table that nothing uses", source.Warning, "unused", "spare", "the table spare",
			"destination.yaml: tables:\n -> tables:\\n  spare: {by: config.release, rows: {a: {b: 1}}}\\n"),
		Entry("a lookup that nothing uses", source.Warning, "unused", "spare", "the lookup spare",
			"destination.yaml:   groups:\n ->   spare: {host: true}\\n  groups:\\n"),
		Entry("a request that nothing sends", source.Warning, "unused", "notes.list", "the request notes.list",
			"note.yaml: request: notes.list -> request: order.form"),
		Entry("a host that nothing calls", source.Warning, "unused", "spare", "the host spare",
			"destination.yaml: hosts:\n -> hosts:\\n  spare: https://spare.example\\n"),
		Entry("answer rules that nothing uses", source.Warning, "unused", "people", "the list of answer rules people",
			"destination.yaml:     answers: people\n -> "),
	)
	It("is a fragment that nothing uses", func() {
		files := folder("shop")
		files["spare.yaml"] = &fstest.MapFile{Data: []byte("celmap: fragment/v1\nname: spare\nfunctions: {f: {args: [x], value: x}}\n")}
		found := findings(files)
		Expect(found).To(HaveLen(1), "what is in it needs no mention")
		Expect(found[0].Summary).To(Equal("nothing uses the fragment spare"))
	})
	It("is not that an overlay uses less than its base defines", func() {
		base := engine.WithBase(func(string) (fs.FS, string, bool) {
			return changed("destination.yaml: functions:\n -> functions:\\n  spare: {args: [x], value: x}\\n"), "shop", true
		})
		p, found := load(fstest.MapFS{"overlay.yaml": &fstest.MapFile{Data: []byte("celmap: overlay/v1\nname: team\nbase: shop\nchanges:\n  - rule: shop/functions/mine\n    add: {args: [x], value: x}\n")}}, base)
		Expect(found).To(BeEmpty())
		Expect(p.Warnings()).To(HaveLen(1))
		Expect(p.Warnings()[0].Summary).To(Equal("nothing uses the function mine"))
	})
	It("is not a condition of the same words in a text, or with ||", func() {
		Expect(findings(changed("destination.yaml:   - when: type == \"track\"\\n    to: note ->   - when: userId == \"x\" || userId == \"y && z\" && type == \"track\" && event == \"Order\"\\n    to: note"))).To(BeEmpty())
	})
	It("is a type of event that has no schema", func() {
		files := folder("shop")
		for _, name := range []string{"identify", "track"} {
			data, err := sub("spec").Open(name + ".schema.json")
			Expect(err).NotTo(HaveOccurred())
			info, _ := data.Stat()
			text := make([]byte, info.Size())
			_, _ = data.Read(text)
			files["own/"+name+".schema.json"] = &fstest.MapFile{Data: text}
		}
		text := strings.NewReplacer("events: spec", "events: own", "  - when: type == \"track\"\n    to: note", "  - when: type == \"track\"\n    to: note\n  - {name: deleted, when: type == \"deleted\", to: note}").Replace(string(files["destination.yaml"].Data))
		files["destination.yaml"] = &fstest.MapFile{Data: []byte(text)}
		found := findings(files)
		Expect(found).To(HaveLen(1))
		Expect(found[0].Code).To(Equal("no-event-schema"))
		Expect(found[0].Help).To(Equal("add deleted.schema.json to own"))
	})
})

var _ = Describe("what a request reads of its items", func() {
	DescribeTable("is what mappings make for it", func(code, at string, changes ...string) {
		found := findings(changed(changes...))
		if code == "" {
			Expect(found).To(BeEmpty())
			return
		}
		Expect(found).To(HaveLen(1), "%v", found)
		Expect(found[0].Code).To(Equal(code))
		Expect(found[0].Span.Text()).To(Equal(at))
		Expect(found[0].Detail).To(ContainSubstring("the items that are sent with"))
	},
		Entry("headers", "unknown-field", "feelds", "destination.yaml:     auth: [basic] ->     auth: [basic]\\n    headers: {X-Count: =size(item.feelds)}"),
		Entry("an answer rule", "unknown-field", "feelds", "destination.yaml:     auth: [basic] ->     auth: [basic]\\n    answers: own",
			"destination.yaml: answers:\n -> answers:\\n  own: [{name: x, when: item.feelds != null, do: done}]\\n"),
		Entry("an answer rule of two requests, one of which has it", "", "", "destination.yaml:     auth: [basic] ->     auth: [basic]\\n    answers: own",
			"destination.yaml: answers:\n -> answers:\\n  own: [{name: x, when: item.text != null || item.circle != null, do: done}]\\n", "destination.yaml:     max: config.maxNotes ->     max: config.maxNotes\\n    answers: own"),
		Entry("the field of its trace", "", "", "destination.yaml:     auth: [basic] ->     auth: [basic]\\n    trace: ref\\n    headers: {X-Ref: '=item.ref'}"),
		Entry("what is open", "", "", `destination.yaml: same: "[lower(item.email)]" -> same: "[item.anything]"`),
	)
})
