// Package syntax is the grammar of the mapping language: which keys each
// construct has and what stands behind them. One description serves the
// loader, which checks files against it, and the JSON Schema for editors,
// which is generated from it.
package syntax

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/celmap/celmap/engine/source"
)

// Type describes what may stand at a place of a rule file.
type Type interface {
	check(c *checker, n *source.Node, at string)
	schema(b *schemaBuilder) object
}

// Key is one key of a Shape.
type Key struct {
	Name     string
	Type     Type
	Doc      string
	Required bool
}

// Shape is a mapping with known keys.
type Shape struct {
	Name string // as messages call it, and the name of its definition in the JSON Schema
	Doc  string
	Keys []Key
	// Any lists groups of keys of which at least one has to stand.
	Any [][]string
}

type (
	// mapOf is a mapping from names of the author's choice.
	mapOf struct {
		of   Type
		name string // what the names are: "property", "row"
	}
	listOf  struct{ of Type }
	literal struct{ kind, doc string }
	oneOf   struct{ names []string }
	// either tries the kinds of YAML node in turn: a scalar, a list, a mapping.
	either struct{ scalar, list, mapping Type }
)

// The kinds of scalar.
var (
	text       = literal{"text", "Text, taken as it is."}
	name       = literal{"name", "A name."}
	expression = literal{"expression", "A CEL expression."}
	path       = literal{"path", "Where a value comes from: a path such as address.city, or =expression."}
	template   = literal{"template", "Any value. Inside it =expression is a computed value, and ${expression} in a text is always text."}
	constant   = literal{"constant", "A fixed value."}
	computed   = literal{"computed", "=expression."}
	boolean    = literal{"boolean", "true or false."}
	integer    = literal{"integer", "A whole number."}
	duration   = literal{"duration", "A time span such as 500ms, 10s, 5m, 1h."}
	file       = literal{"file", "A file of this folder."}

	names        = listOf{name}
	alternatives = either{scalar: expression, list: listOf{expression}}
	sources      = either{scalar: path, list: listOf{path}}
)

type checker struct{ found source.Diagnostics }

// Check compares a node with what its place allows.
func Check(n *source.Node, t Type, what string) source.Diagnostics {
	c := &checker{}
	t.check(c, n, what)
	return c.found
}

func (c *checker) add(at source.Span, code, help, format string, args ...any) {
	c.found = append(c.found, source.Diagnostic{Code: code, Span: at, Summary: fmt.Sprintf(format, args...), Help: help})
}

func (c *checker) want(n *source.Node, what, expected string) {
	c.add(n.Span, "wrong-kind", "write "+expected, "%s has to be %s, this is %s", what, expected, describe(n))
}

func describe(n *source.Node) string {
	switch n.Kind {
	case source.Mapping:
		return "a mapping of keys"
	case source.Sequence:
		return "a list"
	}
	if n.IsNull() {
		return "empty"
	}
	return strconv.Quote(clip(n.Text))
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func (s *Shape) check(c *checker, n *source.Node, at string) {
	if n.Kind != source.Mapping {
		c.want(n, at, "a mapping with the keys "+strings.Join(s.names(), ", "))
		return
	}
	misspelt := map[string]bool{}
	for _, e := range n.Entries {
		k := s.key(e.Key.Text)
		if k == nil {
			help := s.Name + " has the keys " + strings.Join(s.names(), ", ")
			if near := source.Suggest(e.Key.Text, s.names()); near != "" {
				help = "did you mean " + near + "?"
				misspelt[near] = true
			} else if other, ok := elsewhere[e.Key.Text]; ok {
				help = other
			}
			c.add(e.Key.Span, "unknown-key", help, "%s has no key %q", s.Name, e.Key.Text)
			continue
		}
		k.Type.check(c, e.Value, k.Name)
	}
	for _, k := range s.Keys {
		if k.Required && n.Get(k.Name) == nil && !misspelt[k.Name] {
			c.add(n.Span, "missing-key", "add "+k.Name+": "+k.Doc, "%s needs the key %q", s.Name, k.Name)
		}
	}
	for _, group := range s.Any {
		if !slices.ContainsFunc(group, func(k string) bool { return n.Get(k) != nil || misspelt[k] }) {
			c.add(n.Span, "missing-key", "add one of them", "%s needs one of the keys %s", s.Name, strings.Join(group, ", "))
		}
	}
}

func (s *Shape) key(name string) *Key {
	for i := range s.Keys {
		if s.Keys[i].Name == name {
			return &s.Keys[i]
		}
	}
	return nil
}

func (s *Shape) names() []string {
	out := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		out[i] = k.Name
	}
	return out
}

// elsewhere helps with keys of other tools and of natural guesses.
var elsewhere = map[string]string{
	"if":        "conditions are written under when",
	"unless":    "write when: with ! before the condition",
	"condition": "conditions are written under when",
	"require":   "what has to be present is listed under needs",
	"required":  "what has to be present is listed under needs",
	"fields":    "the values of an object are written under set",
	"mapping":   "the values of an object are written under set",
	"body":      "what a request carries is its envelope",
	"otherwise": "the last entry without when is the default",
	"else":      "the last entry without when is the default",
}

func (m mapOf) check(c *checker, n *source.Node, at string) {
	if n.Kind != source.Mapping {
		if n.Kind == source.Scalar && n.IsNull() {
			c.add(n.Span, "empty", "add an entry, or remove the key", "%s is empty", at)
			return
		}
		c.want(n, at, "a mapping from "+m.name+" to its rule")
		return
	}
	for _, e := range n.Entries {
		m.of.check(c, e.Value, at+"."+e.Key.Text)
	}
}

func (l listOf) check(c *checker, n *source.Node, at string) {
	if n.Kind != source.Sequence {
		c.want(n, at, "a list")
		return
	}
	if len(n.Items) == 0 {
		c.add(n.Span, "empty", "add an entry, or remove the key", "the list %s is empty", at)
	}
	for i, x := range n.Items {
		l.of.check(c, x, fmt.Sprintf("%s[%d]", at, i))
	}
}

func (e either) check(c *checker, n *source.Node, at string) {
	t := map[source.Kind]Type{source.Scalar: e.scalar, source.Sequence: e.list, source.Mapping: e.mapping}[n.Kind]
	if t == nil {
		var kinds []string
		for _, k := range []struct {
			t    Type
			name string
		}{{e.scalar, "a single value"}, {e.list, "a list"}, {e.mapping, "a mapping"}} {
			if k.t != nil {
				kinds = append(kinds, k.name)
			}
		}
		c.want(n, at, strings.Join(kinds, " or "))
		return
	}
	t.check(c, n, at)
}

func (o oneOf) check(c *checker, n *source.Node, at string) {
	if n.Kind != source.Scalar || !slices.Contains(o.names, n.Text) {
		help := "write one of " + strings.Join(o.names, ", ")
		if near := source.Suggest(n.Text, o.names); near != "" {
			help = "did you mean " + near + "?"
		}
		c.add(n.Span, "unknown-value", help, "%s is %s, which is none of %s", at, describe(n), strings.Join(o.names, ", "))
	}
}

func (l literal) check(c *checker, n *source.Node, at string) {
	switch l.kind {
	case "template", "constant":
		return
	}
	if n.Kind != source.Scalar {
		c.want(n, at, "a single value ("+l.kind+")")
		return
	}
	if n.IsNull() {
		help := "write one after the colon"
		if l.kind == "expression" {
			help = "write one after the colon; put it in quotes if it starts with ! or holds a #"
		}
		c.add(n.Span, "empty", help, "%s is empty; %s is expected", at, article(l.kind))
		return
	}
	switch l.kind {
	case "computed":
		if !strings.HasPrefix(n.Text, "=") || strings.HasPrefix(n.Text, "==") {
			c.want(n, at, "a mapping, or an expression after =")
		}
	case "boolean":
		if n.Text != "true" && n.Text != "false" {
			c.want(n, at, "true or false")
		}
	case "integer":
		if i, err := strconv.Atoi(n.Text); err != nil || i < 0 {
			c.want(n, at, "a whole number")
		}
	case "duration":
		if d, err := time.ParseDuration(n.Text); err != nil || d < 0 {
			c.want(n, at, "a time span such as 500ms, 10s, 5m or 1h")
		}
	}
}

func article(s string) string {
	if strings.ContainsAny(s[:1], "aeiou") {
		return "an " + s
	}
	return "a " + s
}
