package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/source"
)

// changed returns the shop with pieces of its files replaced: "file: old -> new".
func changed(changes ...string) fstest.MapFS {
	GinkgoHelper()
	files := folder("shop")
	for _, c := range changes {
		name, rest, _ := strings.Cut(c, ": ")
		old, new, _ := strings.Cut(rest, " -> ")
		old, new = strings.ReplaceAll(old, `\n`, "\n"), strings.ReplaceAll(new, `\n`, "\n")
		Expect(strings.Count(string(files[name].Data), old)).To(Equal(1), "%q has to be in %s, once", old, name)
		files[name] = &fstest.MapFile{Data: []byte(strings.Replace(string(files[name].Data), old, new, 1))}
	}
	return files
}

func codes(found source.Diagnostics) []string {
	out := []string{}
	for _, d := range found {
		name, _ := strings.CutPrefix(d.Span.File.Name, "shop/")
		out = append(out, name+" "+d.Code)
	}
	return out
}

var _ = Describe("the mistakes of a folder", func() {
	DescribeTable("are all found in one run, without what follows from them", func(want []string, changes ...string) {
		_, found := load(changed(changes...))
		Expect(codes(found)).To(Equal(want), found.Error())
	},
		Entry("in the grammar of one file and an expression of another", []string{"order.yaml unknown-name", "person.yaml unknown-key"},
			"person.yaml: needs: [profile.email] -> nedsx: [profile.email]", "order.yaml: =lower(context -> =lower(contxt"),
		Entry("in the YAML of a mapping that a route leads to", []string{"note.yaml unknown-name", "person.yaml yaml-bracket"},
			"person.yaml: needs: [profile.email] -> needs: [profile.email", "note.yaml: by: =userId -> by: =usrId"),
		Entry("in the YAML of a fragment that mappings use", []string{"person.yaml unknown-function", "profile.yaml yaml-tab"},
			"profile.yaml:     under: -> \tunder:", "person.yaml: size(found) > 2 -> sise(found) > 2"),
		Entry("in the YAML of the destination, without which little is known", []string{"destination.yaml yaml-bracket", "person.yaml missing-operand"},
			"destination.yaml: absent: v1 -> absent: [v1", "person.yaml: size(found) > 2 -> size(found) > > 2"),
		Entry("in a file whose kind is misspelt", []string{"person.yaml unknown-kind", "person.yaml unknown-function"},
			"person.yaml: celmap: mapping/v1 -> celmap: maping/v1", "person.yaml: size(found) > 2 -> sise(found) > 2"),
		Entry("in a key that is misspelt, and below it", []string{"person.yaml unknown-key", "person.yaml unknown-name"},
			"person.yaml: needs: [profile.email] -> neds: [profil.email]"),
		Entry("in a section of the wrong kind that defines names", []string{"profile.yaml wrong-kind"},
			"profile.yaml: under: [traits, context.traits] -> under: {a: traits}"),
		Entry("in a list of one that is written as one", []string{"profile.yaml wrong-kind", "profile.yaml bad-path"},
			"profile.yaml: under: [traits, context.traits] -> under: traits", "profile.yaml: email: email -> email: e-mail"),
		Entry("in a let whose expression is broken, which others use", []string{"person.yaml wrong-bracket"},
			"person.yaml: known: first -> known: (first"),
		Entry("in a route whose mapping is misspelt, which no other leads to", []string{"destination.yaml unknown-mapping"},
			"destination.yaml: to: note -> to: nota"),
		Entry("in the schemas of events, which names come from", []string{"destination.yaml unknown-set-of-event-schemas"},
			"destination.yaml: events: spec -> events: speck"),
		Entry("in the arguments of a function", []string{"destination.yaml missing-key"},
			"destination.yaml:     args: [key]\n -> "),
		Entry("in an envelope whose items are counted", []string{"destination.yaml unknown-name"},
			"destination.yaml: envelope: {people: =items} -> envelope: {people: =items, x: =nothing}"),
		Entry("in a circle, although an expression is broken elsewhere", []string{"note.yaml unknown-name", "person.yaml cycle"},
			"note.yaml: by: =userId -> by: =usrId", `person.yaml: id: [known, "found[0]"] -> id: [known, other]\n  other: id`),
		Entry("in the field of a table, although an expression is broken elsewhere", []string{"destination.yaml unknown-field", "note.yaml unknown-name"},
			"note.yaml: by: =userId -> by: =usrId", "destination.yaml: ${family.people}/batch -> ${family.peeple}/batch"),
	)

	It("point at the other places that they are about", func() {
		related := func(changes ...string) string {
			GinkgoHelper()
			_, found := load(changed(changes...))
			Expect(found).To(HaveLen(1), found.Error())
			var out []string
			for _, r := range found[0].Related {
				out = append(out, r.Span.String()+" "+r.Span.Text()+" | "+r.Message)
			}
			return strings.Join(out, "\n")
		}
		Expect(related("person.yaml: request: people.save -> request: people.safe")).To(MatchRegexp(`^shop/destination.yaml:\d+:3 people.save \| people.save is defined here$`))
		Expect(related("person.yaml: size(found) > 2 -> size(fund) > 2")).To(MatchRegexp(`^shop/person.yaml:\d+:3 found \| found is defined here$`))
		Expect(related("person.yaml: with: {by: email} -> with: {bye: email}")).To(MatchRegexp(`^shop/destination.yaml:\d+:\d+ by \| by is defined here$`))
		Expect(related("person.yaml:         with: {id: =id}\n -> ")).To(MatchRegexp(`^shop/destination.yaml:\d+:\d+ id \| id is declared here$`))
		Expect(related("person.yaml: - name: save -> - name: update")).To(MatchRegexp(`^shop/person.yaml:\d+:9 name: update\n(?s:.*) \| the first one$`))
		Expect(related("destination.yaml:   - when: type == \"track\"\n    to: note ->   - to: note")).To(MatchRegexp(`^shop/destination.yaml:\d+:5 to: note \| it has no condition that could be false$`))
	})

	It("name the node by its JSON path", func() {
		_, found := load(changed("note.yaml: by: =userId -> by: =usrId", "person.yaml: needs: [profile.email] -> neds: [profile.email]", "destination.yaml: host: site\n -> host: sit\n"))
		var paths []string
		for _, d := range found {
			paths = append(paths, d.Path)
		}
		Expect(paths).To(Equal([]string{"$.requests[\"person.update\"].host", "$.send[0].item.by", "$.neds"}))
	})

	It("harm no one, whatever line is damaged, and lie inside their files", func() {
		base := folder("shop")
		for name, file := range base {
			if !strings.HasSuffix(name, ".yaml") {
				continue
			}
			lines := strings.Split(string(file.Data), "\n")
			for i := 0; i < len(lines); i += 7 { // some of them: all are damaged elsewhere
				for how, damaged := range damages(lines[i]) {
					files := fstest.MapFS{}
					for n, f := range base {
						files[n] = f
					}
					text := slices.Clone(lines)
					text[i] = damaged
					files[name] = &fstest.MapFile{Data: []byte(strings.Join(text, "\n"))}
					what := fmt.Sprintf("%s:%d %s: %s", name, i+1, how, damaged)
					_, found := load(files)
					for _, d := range found {
						if d.Span.File == nil {
							continue
						}
						at, end := d.Span.Start, d.Span.End
						Expect(at.Offset).To(BeNumerically("<=", end.Offset), what)
						Expect(d.Span.File.Position(at.Offset)).To(Equal(at), what)
						Expect(end.Offset).To(BeNumerically("<=", len(d.Span.File.Data)), what)
					}
				}
			}
		}
	})
})

// damages returns ways to break a line of a rule file.
func damages(line string) map[string]string {
	out := map[string]string{"removed": "", "doubled": line + "\n" + line}
	if key, value, ok := strings.Cut(line, ": "); ok {
		out["no value"] = key + ":"
		out["a list"] = key + ": [" + value + "]"
		out["a mapping"] = key + ": {a: 1}"
		out["an empty text"] = key + ": ''"
		out["another key"] = key + "x: " + value
		out["no name"] = key + ": = (x"
	}
	return out
}
