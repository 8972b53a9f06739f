package docs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/syntax"
)

const keysPage = "keys.md"

const keysHead = `# Every key

<!-- Made from the grammar in engine/syntax. Change it there and run ` + "`make docs`" + `. -->

Every key of the [mapping language](language.md), by the thing it stands in. The third column says what may stand behind it:
a *name* or *text* as it is, an *expression*, a *path* below the roots of an object (or ` + "`=expression`" + `), a *template*
(any value, with ` + "`=expression` and `${expression}`" + ` in it), a *computed* value (` + "`=expression`" + `), a *constant*, or another thing of this page.
`

// node is as much of a JSON Schema as the grammar writes.
type node struct {
	Ref         string           `json:"$ref"`
	Holds       string           `json:"x-holds"`
	Description string           `json:"description"`
	Enum        []string         `json:"enum"`
	AllOf       []*node          `json:"allOf"`
	AnyOf       []*node          `json:"anyOf"`
	Items       *node            `json:"items"`
	Each        json.RawMessage  `json:"additionalProperties"`
	Properties  map[string]*node `json:"properties"`
	Required    []string         `json:"required"`
	Definitions map[string]*node `json:"definitions"`
}

// holds says in words what a place takes.
func (n *node) holds() string {
	var each node
	switch {
	case n.Ref != "":
		name := n.Ref[strings.LastIndexByte(n.Ref, '/')+1:]
		return fmt.Sprintf("[%s](#%s)", name, strings.ReplaceAll(name, " ", "-"))
	case n.Holds != "":
		return n.Holds
	case len(n.Enum) > 0:
		return "`" + strings.Join(n.Enum, "` `") + "`"
	case len(n.AllOf) > 0:
		return n.AllOf[0].holds()
	case n.Items != nil:
		return "list of " + n.Items.holds()
	case len(n.AnyOf) > 0:
		var words []string
		for _, x := range n.AnyOf {
			words = append(words, x.holds())
		}
		return strings.Join(words, ", or ")
	case json.Unmarshal(n.Each, &each) == nil:
		return "name: " + each.holds()
	}
	return ""
}

func keysText() string {
	var root node
	Expect(json.Unmarshal(syntax.JSONSchema(), &root)).To(Succeed())
	names := []string{"destination", "mapping", "fragment", "overlay"}
	for _, name := range slices.Sorted(maps.Keys(root.Definitions)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var b strings.Builder
	b.WriteString(keysHead)
	for _, name := range names {
		shape := root.Definitions[name]
		fmt.Fprintf(&b, "\n## %s\n\n", name)
		if shape.Description != "" {
			b.WriteString(shape.Description + "\n\n")
		}
		b.WriteString("| key | | holds |\n| --- | --- | --- |\n")
		for _, key := range keysOf(name, shape) {
			p, needed := shape.Properties[key], ""
			if slices.Contains(shape.Required, key) {
				needed = " Needed."
			}
			fmt.Fprintf(&b, "| `%s` | %s%s | %s |\n", key, cell(p.Description), needed, cell(p.holds()))
		}
	}
	return b.String()
}

// keysOf lists keys as the grammar does, or in their alphabetical order where
// it has no file of that kind.
func keysOf(name string, shape *node) []string {
	if file := syntax.FileShape(name + "/v1"); file != nil {
		var keys []string
		for _, k := range file.Keys {
			keys = append(keys, k.Name)
		}
		return keys
	}
	return slices.Sorted(maps.Keys(shape.Properties))
}

var _ = Describe("The page of keys", func() {
	It("is what the grammar says", func() {
		if os.Getenv("UPDATE_DOCS") != "" {
			Expect(os.WriteFile(keysPage, []byte(keysText()), 0o644)).To(Succeed())
		}
		page, err := os.ReadFile(keysPage)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(page)).To(Equal(keysText()), "run `make docs`, and read what changes")
	})

	It("has no key that the page of the language does not explain", func() {
		page, err := os.ReadFile("language.md")
		Expect(err).NotTo(HaveOccurred())
		var root node
		Expect(json.Unmarshal(syntax.JSONSchema(), &root)).To(Succeed())
		for name, shape := range root.Definitions {
			for key := range shape.Properties {
				Expect(string(page)).To(MatchRegexp("`%s\\b|\\b%s:", key, key), "%s of %s", key, name)
			}
		}
	})
})
