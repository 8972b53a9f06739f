package engine_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
)

// folder reads a folder of testdata into memory, to be changed by a test.
func folder(dir string) fstest.MapFS {
	out := fstest.MapFS{}
	files, err := filepath.Glob("testdata/" + dir + "/*")
	Expect(err).NotTo(HaveOccurred())
	for _, f := range files {
		data, err := os.ReadFile(f)
		Expect(err).NotTo(HaveOccurred())
		out[filepath.Base(f)] = &fstest.MapFile{Data: data}
	}
	return out
}

func load(files fs.FS, with ...engine.Option) (*engine.Program, source.Diagnostics) {
	p, err := engine.Load(files, append([]engine.Option{engine.WithName("shop"), engine.WithEvents("spec", sub("spec"))}, with...)...)
	var found source.Diagnostics
	if err != nil {
		Expect(errors.As(err, &found)).To(BeTrue())
	}
	return p, found
}

var _ = Describe("a mistake in a rule", func() {
	// Each entry replaces a piece of a sound file. «» mark what the finding has to point at.
	DescribeTable("is found at load, at its place", func(file, old, new, code, help string) {
		files := folder("shop")
		text := string(files[file].Data)
		Expect(strings.Count(text, old)).To(Equal(1), "the piece has to be there, once")
		fault := ""
		if i := strings.Index(new, "«"); i >= 0 {
			fault = new[i+len("«") : strings.Index(new, "»")]
		}
		at := strings.Index(text, old) + strings.Index(new, "«")
		new = strings.NewReplacer("«", "", "»", "").Replace(new)
		text = strings.Replace(text, old, new, 1)
		files[file] = &fstest.MapFile{Data: []byte(text)}
		p, found := load(files)
		Expect(p).To(BeNil())
		Expect(found).NotTo(BeEmpty())
		first := found[0]
		Expect(first.Code).To(Equal(code), found.Error())
		Expect(first.Span.File.Name).To(Equal("shop/" + file))
		if fault != "" {
			Expect(first.Span.Start.Offset).To(Equal(at), "%s points at %q", first.Error(), first.Span.Text())
			Expect(first.Span.Text()).To(Equal(fault))
		}
		Expect(first.Summary + " | " + first.Help).To(ContainSubstring(help))
	},
		Entry("an unknown key", "person.yaml", "needs: [profile.email]", "«neds»: [profile.email]", "unknown-key", "did you mean needs?"),
		Entry("an alternative twice", "person.yaml", "  id: [known, \"found[0]\"]", "  id: [known, \"found[0]\", «known»]", "listed-twice", "let.id lists \"known\" twice"),
		Entry("a source twice", "profile.yaml", "      email: email", "      email: [email, mail, «email»]", "listed-twice", "twice"),
		Entry("yes for true in one row of a table", "destination.yaml", "      v1: {people: /v1/people}\n      v2: {people: /2/persons}", "      v1: {people: /v1/people, old: true}\n      v2: {people: /2/persons, old: «yes»}", "wrong-kind", "write true or false"),
		Entry("a comment that is glued to a URL", "destination.yaml", "    url: ${family.people}/batch", "    url: ${family.people}/batch«# all of them»", "bad-url", "put a blank before the #"),
		Entry("a URL that is empty", "destination.yaml", "    url: ${family.people}/batch", "    url:", "empty", "where the address of the host is complete"),
		Entry("a route that does two things", "destination.yaml", "    to: note", "    to: note\n    «filter»: no notes", "conflicting-keys", "both to and filter"),
		Entry("a send entry that also chooses", "note.yaml", "  - request: notes.list\n", "  - request: notes.list\n    «choose»: [{request: notes.list, item: =userId}]\n", "conflicting-keys", "both request and choose"),
		Entry("a short key that is needed", "destination.yaml", "      do: give-up", "      «od»: give-up", "unknown-key", `it lacks the key "do"`),
		Entry("a key of another tool", "person.yaml", "    when: size(found) > 2", "    «if»: size(found) > 2", "unknown-key", "conditions are written under when"),
		Entry("a missing key", "person.yaml", "    lookup: people\n", "", "missing-key", `needs the key "lookup"`),
		Entry("a list where a mapping belongs", "person.yaml", "    with: {by: email}", "    with: «[email]»", "wrong-kind", "has to be a mapping"),
		Entry("an empty value", "person.yaml", "    when: size(found) > 2", "    when:", "empty", "put it in quotes if it starts with !"),
		Entry("an unknown kind of file", "person.yaml", "celmap: mapping/v1", "celmap: «maping/v1»", "unknown-kind", "did you mean mapping/v1?"),
		Entry("an unknown fragment", "person.yaml", "use: [profile]", "use: [«profil»]", "unknown-fragment", "did you mean profile?"),
		Entry("an unknown lookup", "person.yaml", "lookup: people", "lookup: «poeple»", "unknown-lookup", "did you mean people?"),
		Entry("an unknown request", "person.yaml", "request: people.save", "request: «people.safe»", "unknown-request", "did you mean people.save?"),
		Entry("an unknown argument", "person.yaml", "with: {by: email}", "with: {«bye»: email}", "unknown-argument", "did you mean by?"),
		Entry("a missing argument", "person.yaml", "        with: {id: =id}\n", "", "missing-argument", `needs the argument "id"`),
		Entry("an unknown name", "person.yaml", "when: size(found) > 2", "when: size(«fund») > 2", "unknown-name", "did you mean found?"),
		Entry("an unknown function", "person.yaml", "'!isEmail(profile.email)'", "'!«isMail»(profile.email)'", "unknown-function", "did you mean isEmail(…)?"),
		Entry("a wrong number of arguments", "person.yaml", "'!isEmail(profile.email)'", "'!«isEmail(profile.email, 1)»'", "wrong-arguments", "isEmail is called with 2 arguments"),
		Entry("a mistake inside a text", "person.yaml", "message: ${size(found)} people", "message: ${size(«fond»)} people", "unknown-name", "did you mean found?"),
		Entry("an expression that is not closed", "person.yaml", "message: ${size(found)} people have this e-mail", "message: «${size(found) people have this e-mail»", "unclosed-expression", "close it with }"),
		Entry("a syntax error", "person.yaml", "when: size(found) > 2", "when: size(found) «>>» 2", "wrong-operator", ">> is no operator here"),
		Entry("types that do not go together", "person.yaml", "when: size(found) > 2", `when: '"a" + 1 > 2'`, "bad-argument", "not one of each"),
		Entry("a condition that is none", "person.yaml", "when: size(found) > 2", "when: «size(found)»", "not-a-condition", "true or false"),
		Entry("a value that depends on itself", "person.yaml", "  id: [known, \"found[0]\"]", "  id: [known, other]\n  other: id", "cycle", "id → other → id"),
		Entry("a question too deep", "person.yaml", "reject:\n  bad-email:", "  third:\n    lookup: groups\n    key: circle\nreject:\n  bad-email:", "ask-too-deep", "depends on another answer"),
		Entry("a name that means something already", "person.yaml", "  known: first", "  «traits»: first", "shadowed-name", "means a field of the event already"),
		Entry("a need that is no path", "person.yaml", "needs: [profile.email]", "needs: [«lower(profile.email)»]", "not-a-path", "name one field"),
		Entry("two entries of one name", "person.yaml", "      - name: save", "      - name: update", "duplicate-name", `two send entries "update"`),
		Entry("an alternative that is never reached", "person.yaml", "        when: id != null\n", "", "unreachable", "never reached"),
		Entry("a source that is no path", "profile.yaml", "      email: email", "      email: «e-mail»", "bad-path", "this is not a path"),
		Entry("a key that needs brackets", "profile.yaml", "      email: email", "      email: «Sign up»", "bad-path", `write ["Sign up"]`),
		Entry("a regular expression that is none", "destination.yaml", `"[^a-z0-9]+", "_"`, `"[^a-z", "_"`, "bad-argument", "regexReplace"),
		Entry("a function that calls itself", "destination.yaml", `value: regexReplace(lower(key), "[^a-z0-9]+", "_")`, `value: slug(key)`, "recursive-function", "calls itself"),
		Entry("a function that looks around", "destination.yaml", `regexReplace(lower(key), "[^a-z0-9]+", "_")`, `lower(«traits».x)`, "unknown-name", "nothing here is called traits"),
		Entry("an unknown host", "destination.yaml", "    host: site\n", "    host: «sit»\n", "unknown-host", "did you mean site?"),
		Entry("a host that is none", "destination.yaml", "api: https://api.shop.example", "api: «api.shop.example»", "bad-host", "https://"),
		Entry("a host in the clear", "destination.yaml", "api: https://api.shop.example", "api: «http://api.shop.example»", "insecure-host", "write https://"),
		Entry("a URL that is one expression", "destination.yaml", "    url: ${family.people}/batch", "    url: «=family.people»", "computed-url", "so that the parts can be escaped"),
		Entry("an event in a URL", "destination.yaml", "    url: ${family.people}/batch", "    url: ${«traits».x}/batch", "unknown-name", "what is of the event comes in the item, or under with; there are"),
		Entry("a route to nowhere", "destination.yaml", "    to: note", "    to: «note2»", "unknown-mapping", "did you mean note?"),
		Entry("a route that is never reached", "destination.yaml", "  - when: type == \"track\"\n    to: note", "  - to: note", "unreachable", "never reached"),
		Entry("a row that is none", "destination.yaml", "    absent: v1", "    absent: «v3»", "unknown-row", "there are v1, v2"),
		Entry("answer rules that are none", "destination.yaml", "    answers: people", "    answers: «peple»", "unknown-list-of-answer-rules", "did you mean people?"),
		Entry("an outcome that is none", "destination.yaml", "      do: give-up", "      do: «giveup»", "unknown-value", "did you mean give-up?"),
		Entry("a file that is not there", "destination.yaml", "config: config.schema.json", "config: «konfig.schema.json»", "unreadable-file", "did you mean config.schema.json?"),
		Entry("a file outside the folder", "destination.yaml", "config: config.schema.json", "config: «../config.schema.json»", "path-outside", "outside the mapping folder"),
		Entry("event schemas that are none", "destination.yaml", "events: spec", "events: «speck»", "unknown-set-of-event-schemas", "did you mean spec?"),
		Entry("a field that no object has", "order.yaml", "item: {id: =order.id,", "item: {id: =order.«idd»,", "unknown-field", "did you mean id?"),
		Entry("a field that no row has", "destination.yaml", "url: ${family.people}/batch", "url: ${family.«peopel»}/batch", "unknown-field", "did you mean people?"),
		Entry("a field that the config does not declare", "destination.yaml", "when: config.token != null", "when: config.«tokn» != null", "unknown-field", "did you mean token?"),
		Entry("a mark where none belongs", "person.yaml", "    when: size(found) > 2", "    when: «=»size(found) > 2", "needless-mark", "only an expression can stand here"),
		Entry("a path without its mark", "note.yaml", "by: =userId", "by: «context.userId»", "missing-mark", "write =context.userId"),
		Entry("a name without its mark", "note.yaml", "by: =userId", "by: «userId»", "missing-mark", "userId is a name here"),
		Entry("a call without its mark", "note.yaml", "by: =userId", "by: «lower(userId)»", "missing-mark", "no = before the expression"),
		Entry("a choice without its mark", "note.yaml", "by: =userId", "by: «'empty(userId) ? null : userId'»", "missing-mark", "write = before it"),
		Entry("a value in braces only", "note.yaml", "${value} (", "«{value}» (", "missing-mark", "write ${value}"),
		Entry("a value behind a dollar sign", "note.yaml", "${value} (${index}", "${value} («$index»", "missing-mark", "write ${index}"),
		Entry("a value behind a dollar sign in a query", "note.yaml", "${value} (", "query($id: ID!) { user(id: $id, of: «$value») } (", "missing-mark", "write ${value}"),
		Entry("a path among words", "note.yaml", "by: =userId", "by: «context.userId» of it", "missing-mark", `where this text is meant, write ${"context.userId"} of it`),
		Entry("a value in braces only, in double quotes", "note.yaml", "by: =userId", `by: "by «{userId}»"`, "missing-mark", "where this text is meant, ${'{'}userId}"),
		Entry("a call behind a dollar sign", "note.yaml", "${value} (", "«$lower(value)» (", "missing-mark", "write ${lower(value)}"),
		Entry("a value in round brackets", "note.yaml", "${value} (", "«$(text(value))» (", "missing-mark", "write ${text(value)}"),
		Entry("the items without their mark", "destination.yaml", "envelope: {people: =items}", "envelope: {people: «items»}", "missing-mark", "write =items"),
		Entry("a type that no row converts", "profile.yaml", "type: '\"flag\"'", "type: '«\"flga\"»'", "unknown-type", "did you mean flag?"),
		Entry("a send entry without an item", "note.yaml", "    each: properties.notes\n    item: {text: \"${value} (${index})\", by: =userId}\n", "", "missing-key", "add item"),
		Entry("a bound that holds for no host", "destination.yaml", `within: "*.shop.example"`, `within: «"*"»`, "bad-within", "*.example.com for those below it"),
		Entry("a rest without an object", "profile.yaml", "    under: [traits, context.traits]\n", "", "rest-of-what", "say under for the object"),
	)
	It("is reported with all others, sorted, in one run", func() {
		files := folder("shop")
		files["person.yaml"] = &fstest.MapFile{Data: []byte(strings.NewReplacer("size(found) > 2", "sise(found) > 2", "request: people.save", "request: x", "use: [profile]", "use: [profile, q]").Replace(string(files["person.yaml"].Data)))}
		files["note.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(string(files["note.yaml"].Data), "=userId", "=usrId", 1))}
		_, found := load(files)
		var places []string
		for _, d := range found {
			places = append(places, d.Error())
		}
		Expect(places).To(HaveLen(4))
		Expect(places[0]).To(HavePrefix("shop/note.yaml:"))
		Expect(places).To(HaveEach(MatchRegexp(`^shop/(note|person)\.yaml:\d+:\d+: `)))
	})
	It("reports a folder without a destination, and one with two", func() {
		_, found := load(fstest.MapFS{"a.txt": &fstest.MapFile{}})
		Expect(found[0].Code).To(Equal("no-destination"))
		files := folder("shop")
		files["second.yaml"] = files["destination.yaml"]
		_, found = load(files)
		Expect(found[0].Code).To(Equal("two-destinations"))
		Expect(found[0].Summary).To(ContainSubstring("shop/destination.yaml"))
	})
	It("leaves fixtures and files without YAML alone", func() {
		files := folder("shop")
		files["cases/one.yaml"] = &fstest.MapFile{Data: []byte("celmap: fixture/v1\nanything: goes\n")}
		files["README.md"] = &fstest.MapFile{Data: []byte("# hi")}
		p, found := load(files)
		Expect(found).To(BeEmpty())
		Expect(p.Rules()).NotTo(BeEmpty())
	})
	DescribeTable("that may be meant is doubted", func(file, old, new, code, help string) {
		files := folder("shop")
		text := string(files[file].Data)
		Expect(strings.Count(text, old)).To(Equal(1))
		files[file] = &fstest.MapFile{Data: []byte(strings.Replace(text, old, new, 1))}
		p, found := load(files)
		Expect(found).To(BeEmpty())
		Expect(p.Warnings()).To(HaveLen(1))
		Expect(p.Warnings()[0].Code).To(Equal(code))
		Expect(p.Warnings()[0].Help).To(ContainSubstring(help))
	},
		Entry("a text that is another value to many", "note.yaml", "by: =userId", "by: yes", "text-like-value", "write true"),
		Entry("a root that is repeated", "profile.yaml", "      email: email", "      email: traits.email", "repeated-root", "write email"),
		Entry("a mapping that no route leads to", "destination.yaml", "    to: note", "    to: order\n    name: again", "unused-mapping", "add a route"),
	)
	It("is not a text that only looks like an expression", func() {
		for _, text := range []string{`"userId"`, "name of userId", "{{ userId }}", "$5 (userId)", "$${userId}", "{name} and {unknown.x}", "application/json", "(see userId)", "a ? b", "x(userId)",
			"query q($userId: [ID!]) { user(id: $userId) { name } }", "{ user { userId } }"} {
			files := folder("shop")
			files["note.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(string(files["note.yaml"].Data), "=userId", strings.ReplaceAll("'"+strings.Trim(text, `"`)+"'", "''", "'"), 1))}
			_, found := load(files)
			Expect(found).To(BeEmpty(), text)
		}
	})
	It("is what events share but that differs between them", func() {
		files := folder("shop")
		text := strings.NewReplacer("    by: config.release", "    by: userId", "envelope: {people: =items}", "envelope: {people: =items, of: =family.people}").Replace(string(files["destination.yaml"].Data))
		files["destination.yaml"] = &fstest.MapFile{Data: []byte(text)}
		_, found := load(files)
		Expect(found).To(HaveLen(1))
		Expect(found[0].Code).To(Equal("not-shared"))
		Expect(found[0].Span.Text()).To(Equal("family.people"))
	})
	It("gives every rule a name of its own and a place", func() {
		seen := map[string]bool{}
		for _, r := range shop().Rules() {
			Expect(r.Place).To(MatchRegexp(`^shop/\w+\.yaml:\d+:\d+$`))
			Expect(seen[r.ID]).To(BeFalse(), r.ID)
			seen[r.ID] = true
		}
		for _, id := range []string{"person/reject/bad-email", "person/send/save", "person/ask/found", "person/let/id", "profile/objects/profile/set/email", "profile/objects/profile/rest", "profile/types/day", "shop/routes/note", "shop/requests/people.save", "shop/answers/people/written", "shop/auth/token", "shop/tables/family", "order/filter/test-order"} {
			Expect(seen).To(HaveKey(id))
		}
	})
})

var _ = Describe("an overlay", func() {
	base := engine.WithBase(func(name string) (fs.FS, string, bool) {
		return sub("shop"), "shop", name == "shop"
	}, "shop", "store")
	overlay := func(changes string, more map[string]string) (*engine.Program, source.Diagnostics) {
		files := fstest.MapFS{"overlay.yaml": &fstest.MapFile{Data: []byte("celmap: overlay/v1\nname: team\nbase: shop\nchanges:\n" + changes)}}
		for name, text := range more {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		return load(files, base)
	}
	digestOf := func(rule string) string {
		_, found := overlay("  - {rule: "+rule+", remove: true}\n", nil)
		Expect(found[0].Code).To(Equal("missing-digest"))
		_, digest, _ := strings.Cut(found[0].Help, "digest: ")
		return digest[:12]
	}
	identify := `{"type":"identify","messageId":"m","traits":{"email":"a@b.org","motto":"x"}}`

	It("adds a line to an object, under its own name and those of its base", func() {
		p, found := overlay("  - rule: profile/objects/profile/set/slogan\n    add: [slogan, motto]\n", nil)
		Expect(found).To(BeEmpty())
		Expect(p.Name()).To(Equal("team"))
		Expect(p.Aliases()).To(Equal([]string{"shop"}))
		line := lines(bind(p, token), identify)[0]
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "slogan")).To(Equal("x"))
	})
	It("replaces a rule whose digest it states, and points at its own file", func() {
		d := digestOf("person/reject/bad-email")
		p, found := overlay("  - rule: person/reject/bad-email\n    digest: "+d+"\n    replace: {when: profile.email != null, message: No e-mails here}\n", nil)
		Expect(found).To(BeEmpty())
		line := lines(bind(p, token), identify)[0]
		Expect(dig(line, "error", "message")).To(Equal("No e-mails here"))
		Expect(dig(line, "error", "rule")).To(Equal("shop/overlay.yaml:7:14"))
	})
	It("removes, moves and adds entries of lists, and whole files", func() {
		p, found := overlay(
			"  - {rule: shop/routes/filter-3, remove: true, digest: "+digestOf("person/ask/circle")+"}\n", nil)
		Expect(p).To(BeNil())
		Expect(found[0].Code).To(Equal("unknown-rule"), "a filter without a name has none to be found by")
		p, found = overlay(
			"  - rule: shop/routes/wave\n    before: order\n    add: {name: wave, when: 'type == \"track\" && event == \"Wave\"', to: wave}\n"+
				"  - {rule: shop/routes/note, move: true, before: order}\n",
			map[string]string{"wave.yaml": "celmap: mapping/v1\nname: wave\nsend:\n  - request: notes.list\n    item: {text: wave}\n"})
		Expect(found).To(BeEmpty())
		got := lines(bind(p, token), `{"type":"track","event":"Wave"}`, `{"type":"track","event":"Order","properties":{"notes":["moved before it"]}}`)
		Expect(dig(got[0], "requests", 0, "body", "JSON_ARRAY", "batch")).To(Equal(`[{"text":"wave"}]`))
		Expect(dig(got[1], "requests", 0, "endpoint")).To(HaveSuffix("/v1/notes"))
	})
	DescribeTable("is refused", func(changes, code, words string) {
		p, found := overlay(changes, nil)
		Expect(p).To(BeNil())
		Expect(found[0].Code).To(Equal(code), found.Error())
		Expect(found[0].Summary + " | " + found[0].Help).To(ContainSubstring(words))
	},
		Entry("where the base has changed", "  - {rule: person/reject/bad-email, remove: true, digest: 000000000000}\n", "changed-base", "has changed since"),
		Entry("where it adds what is there", "  - {rule: person/reject/bad-email, add: {message: x}}\n", "exists", "write replace"),
		Entry("where it names no rule", "  - {rule: person/reject/bad-mail, remove: true}\n", "unknown-rule", "did you mean person/reject/bad-email?"),
		Entry("where it names no file", "  - {rule: persn/reject/bad-email, remove: true}\n", "unknown-rule", "did you mean person?"),
		Entry("where it does two things", "  - {rule: person/reject/x, add: {message: x}, remove: true}\n", "one-change", "exactly one thing"),
		Entry("where what it adds does not fit", "  - {rule: person/reject/x, add: {mesage: x}}\n", "unknown-key", "did you mean message?"),
		Entry("where it adds a line to all lines", "  - {rule: profile/objects/profile/set, add: {slogan: motto}}\n", "exists", "to add a line write rule: profile/objects/profile/set/slogan, and add: motto"),
		Entry("where it adds a line that is there to all lines", "  - {rule: profile/objects/profile/set, add: {email: mail}}\n", "exists", "to change a line write replace, with rule: profile/objects/profile/set/email"),
		Entry("where it adds a rule to its section", "  - {rule: person/reject, add: {no-name: {when: 'userId == null', message: x}}}\n", "exists", "write rule: person/reject/no-name, and add what stands below no-name"),
		Entry("where it adds an entry to a list", "  - {rule: shop/routes, add: {name: wave, when: 'type == \"x\"', to: note}}\n", "exists", "write rule: shop/routes/wave"),
		Entry("where the name stands twice", "  - {rule: profile/objects/profile/set/slogan, add: {slogan: motto}}\n", "wrong-name", "write add: motto"),
		Entry("where the first names are missing", "  - {rule: set/slogan, add: motto}\n", "unknown-rule", "profile/objects/profile/set/slogan"),
		Entry("where a name in between is missing", "  - {rule: profile/set/slogan, add: motto}\n", "unknown-rule", "write profile/objects/profile/set/slogan"),
		Entry("where a name in between is missing of what is there", "  - {rule: profile/set/email, remove: true}\n", "unknown-rule", "write profile/objects/profile/set/email"),
		Entry("where it names a file with its ending", "  - {rule: profile.yaml/objects/profile/set/slogan, add: motto}\n", "unknown-rule", "write profile/objects/profile/set/slogan"),
		Entry("where it has points for slashes", "  - {rule: profile.objects.profile.set.slogan, add: motto}\n", "unknown-rule", "write profile/objects/profile/set/slogan"),
		Entry("where a move goes nowhere", "  - {rule: shop/routes/note, move: true}\n", "missing-key", "before or after"),
	)
	It("needs a base", func() {
		files := fstest.MapFS{"o.yaml": &fstest.MapFile{Data: []byte("celmap: overlay/v1\nname: t\nbase: nowhere\nchanges:\n  - {rule: a/b/c, remove: true}\n")}}
		_, found := load(files, base)
		Expect(found[0].Code).To(Equal("unknown-base"))
	})
	DescribeTable("has a base that is called otherwise", func(name, help string) {
		files := fstest.MapFS{"o.yaml": &fstest.MapFile{Data: []byte("celmap: overlay/v1\nname: t\nbase: " + name + "\nchanges:\n  - {rule: a/b/c, remove: true}\n")}}
		_, found := load(files, base)
		Expect(found[0].Code).To(Equal("unknown-base"))
		Expect(found[0].Help).To(Equal(help))
	},
		Entry("in capitals", "Shop", "did you mean shop?"),
		Entry("with a folder", "mappings/shop", "did you mean shop?"),
		Entry("by a word far away", "nowhere", "there are shop, store"),
	)
	It("leaves its base as it is", func() {
		before := maps.Clone(map[string]string{"line": lines(bind(shop(), token), identify)[0]})
		_, _ = overlay("  - rule: profile/objects/profile/set/slogan\n    add: [slogan, motto]\n", nil)
		Expect(lines(bind(shop(), token), identify)[0]).To(Equal(before["line"]))
	})
})
