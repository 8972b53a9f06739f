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
	"github.com/celmap/celmap/engine/value"
)

// Type describes what may stand at a place of a rule file.
type Type interface {
	// check reports what n has that the place does not allow, and returns what to
	// go on with: n itself, repaired, or what stands in for it.
	check(c *checker, n *source.Node, at string) *source.Node
	// missing stands in for a node that is not there, or is not what it has to be.
	missing(c *checker, at source.Span) *source.Node
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

// Holes are the nodes of a repaired tree of which not everything is known: those
// that stand in for what was missing or wrong, and mappings that have lost keys
// which nobody knows. What follows from a hole alone is no mistake of its own.
type Holes map[*source.Node]bool

type checker struct {
	found source.Diagnostics
	holes Holes
}

// Repair compares a tree with what its place allows, and makes it whole, in
// place: keys are there that have to be, values are of the kind that is
// expected, and keys that nobody knows are gone. What it has made up is a hole.
func (h Holes) Repair(n *source.Node, t Type, what string) source.Diagnostics {
	c := &checker{holes: h}
	t.check(c, n, what)
	return c.found
}

// hole marks a node as one of which not everything is known.
func (c *checker) hole(n *source.Node) *source.Node {
	c.holes[n] = true
	return n
}

func (c *checker) add(at source.Span, code, help, format string, args ...any) {
	c.found = append(c.found, source.Diagnostic{Code: code, Span: at, Summary: fmt.Sprintf(format, args...), Help: help})
}

func (c *checker) want(n *source.Node, t Type, what, expected string) *source.Node {
	c.add(n.Span, "wrong-kind", "write "+corrected(n, t, expected), "%s has to be %s, this is %s", what, expected, describe(n))
	return t.missing(c, n.Span)
}

// corrected is what was most likely meant by a value of the wrong kind, else what is expected.
func corrected(n *source.Node, t Type, expected string) string {
	if n.Kind != source.Scalar || n.IsNull() {
		return expected
	}
	if _, ok := t.(listOf); ok {
		inner := strings.Trim(n.Text, "(){}[] ")
		if len(inner) > 0 && len(inner) < 60 && n.Text[0] != '=' {
			return "[" + inner + "]"
		}
	}
	of, ok := t.(literal)
	if !ok {
		return expected
	}
	word := strings.ToLower(strings.TrimSpace(n.Text))
	switch of.kind {
	case "boolean":
		switch word {
		case "yes", "y", "on", "true", "1", "=true":
			return "true"
		case "no", "n", "off", "false", "0", "=false":
			return "false"
		}
	case "integer":
		if plain := strings.NewReplacer(",", "", "_", "", " ", "").Replace(word); digitsOnly(plain) {
			return plain
		}
	case "duration":
		if meant := MeantDuration(word); meant != "" {
			return meant
		}
	}
	return expected
}

// MeantDuration is the time span that a text most likely means, such as 10s for
// "10 seconds" and for "10"; "" if it means none.
func MeantDuration(text string) string {
	word := strings.ToLower(strings.TrimSpace(text))
	number := strings.TrimRight(word, "abcdefghijklmnopqrstuvwxyz ")
	if !digitsOnly(number) {
		return ""
	}
	units := map[string]string{"": "s", "second": "s", "seconds": "s", "sec": "s", "minute": "m", "minutes": "m", "min": "m", "hour": "h", "hours": "h", "s": "s", "m": "m", "h": "h", "ms": "ms"}
	if unit := units[strings.TrimSpace(word[len(number):])]; unit != "" {
		return number + unit
	}
	return ""
}

func digitsOnly(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

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
	return strconv.Quote(value.Shorten(n.Text, 41))
}

func (s *Shape) check(c *checker, n *source.Node, at string) *source.Node {
	if c.holes[n] && len(n.Entries) == 0 {
		return n
	}
	if n.Kind != source.Mapping {
		return c.want(n, s, at, "a mapping with the keys "+strings.Join(s.names(), ", "))
	}
	kept := make([]source.Entry, 0, len(n.Entries))
	var strange []*source.Node // keys that nothing here is near to
	for _, e := range n.Entries {
		k := s.key(e.Key.Text)
		if k == nil {
			near, sure := s.misspelt(c, n, e.Key)
			switch {
			case near == nil && !sure:
				strange = append(strange, e.Key)
				fallthrough
			case near == nil:
				c.hole(n)
				continue
			}
			k = near
			meant := *e.Key
			meant.Text = k.Name
			e.Key = &meant
		}
		e.Value = k.Type.check(c, e.Value, k.Name)
		kept = append(kept, e)
	}
	n.Entries = kept
	var missing []string
	help := ""
	for _, k := range s.Keys {
		if k.Required && n.Get(k.Name) == nil {
			missing = append(missing, strconv.Quote(k.Name))
			help += "add " + k.Name + ": " + k.Doc + "\n"
			n.Entries = append(n.Entries, s.entry(c, k, n.Span))
		}
	}
	s.strange(c, strange, missing)
	if len(missing) > len(strange) { // else a strange key stands for each
		c.add(n.Span, "missing-key", strings.TrimSuffix(help, "\n"), "%s needs the %s", s.Name, keysOf(missing))
	}
	for _, group := range s.Any {
		if !c.holes[n] && !slices.ContainsFunc(group, func(k string) bool { return n.Get(k) != nil }) {
			c.add(n.Span, "missing-key", "add one of them", "%s needs one of the keys %s", s.Name, strings.Join(group, ", "))
			c.hole(n)
		}
	}
	return n
}

// misspelt reports a key that the shape does not have where it knows what is
// meant, and returns that, nil if it is there as well.
func (s *Shape) misspelt(c *checker, n, key *source.Node) (meant *Key, sure bool) {
	near := source.Suggest(key.Text, s.likely(n))
	help := "did you mean " + near + "?"
	if other, ok := elsewhere[key.Text]; ok && (other.means == "" || s.key(other.means) != nil) {
		near, help = other.means, other.help
	} else if near == "" {
		return nil, false
	}
	c.add(key.Span, "unknown-key", help, "%s has no key %q", s.Name, key.Text)
	if other := n.Entry(near); other != nil {
		c.found[len(c.found)-1].Relate(other.Key.Span, "%s is here", near)
		return nil, true
	}
	return s.key(near), true
}

// likely lists the keys of the shape: first those that n lacks and needs, last
// those that it has.
func (s *Shape) likely(n *source.Node) []string {
	names := s.names()
	rank := func(name string) int {
		switch {
		case n.Get(name) != nil:
			return 2
		case s.key(name).Required:
			return 0
		}
		return 1
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

// strange reports the keys of one mapping that the shape does not have. Several
// that another construct has stand there for a reason: a line above them is lost.
// missing are the keys that the shape lacks, one of which is most likely meant.
func (s *Shape) strange(c *checker, keys []*source.Node, missing []string) {
	if len(keys) == 0 {
		return
	}
	help := s.Name + " has the keys " + strings.Join(s.names(), ", ")
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = strconv.Quote(k.Text)
	}
	if len(missing) > 0 {
		help += "; it lacks the " + keysOf(missing)
	}
	if section, other := home(keys); other != nil && len(keys) > 1 {
		help = "they are keys of " + article(other.Name) + ", which stands under " + section + ": is a line missing above, or the indentation wrong?"
	}
	c.add(keys[0].Span, "unknown-key", help, "%s has no %s", s.Name, keysOf(names))
}

// home finds the construct that has all of these keys, and the section it is in.
func home(keys []*source.Node) (section string, of *Shape) {
	for _, kind := range Kinds {
		file := FileShape(kind)
		if file == nil {
			continue
		}
		for _, k := range file.Keys {
			if s := shapeOf(k.Type); s != nil && !slices.ContainsFunc(keys, func(n *source.Node) bool { return s.key(n.Text) == nil }) {
				return k.Name, s
			}
		}
	}
	return "", nil
}

// shapeOf returns the shape that all entries of a section have, nil if they may
// be something else.
func shapeOf(t Type) *Shape {
	switch t := t.(type) {
	case mapOf:
		s, _ := t.of.(*Shape)
		return s
	case listOf:
		s, _ := t.of.(*Shape)
		return s
	}
	return nil
}

// keysOf says key or keys.
func keysOf(quoted []string) string {
	if len(quoted) == 1 {
		return "key " + quoted[0]
	}
	return "keys " + strings.Join(quoted, ", ")
}

func (s *Shape) entry(c *checker, k Key, at source.Span) source.Entry {
	return source.Entry{Key: &source.Node{Text: k.Name, Span: at}, Value: k.Type.missing(c, at)}
}

func (s *Shape) missing(c *checker, at source.Span) *source.Node {
	n := c.hole(&source.Node{Kind: source.Mapping, Span: at})
	for _, k := range s.Keys {
		if k.Required {
			n.Entries = append(n.Entries, s.entry(c, k, at))
		}
	}
	return n
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

// elsewhere helps with keys of other tools and of natural guesses: what they
// mean here, and how that is said.
var elsewhere = map[string]struct{ means, help string }{
	"if":         {"when", "conditions are written under when"},
	"condition":  {"when", "conditions are written under when"},
	"unless":     {"", "write when: with ! before the condition"},
	"require":    {"needs", "what has to be present is listed under needs"},
	"required":   {"needs", "what has to be present is listed under needs"},
	"fields":     {"set", "the values of an object are written under set"},
	"mapping":    {"set", "the values of an object are written under set"},
	"properties": {"set", "the values of an object are written under set"},
	"variables":  {"let", "named values are written under let"},
	"vars":       {"let", "named values are written under let"},
	"foreach":    {"each", "what is walked is written under each"},
	"forEach":    {"each", "what is walked is written under each"},
	"in":         {"each", "what is walked is written under each"},
	"path":       {"url", "the path below the host is written under url"},
	"endpoint":   {"url", "the path below the host is written under url"},
	"query":      {"params", "query parameters are written under params"},
	"body":       {"envelope", "what a request carries is its envelope"},
	"otherwise":  {"", "the last entry without when is the default"},
	"else":       {"", "the last entry without when is the default"},
}

func (m mapOf) check(c *checker, n *source.Node, at string) *source.Node {
	if c.holes[n] {
		return n
	}
	if n.Kind != source.Mapping {
		if n.Kind == source.Scalar && n.IsNull() {
			c.add(n.Span, "empty", "add an entry, or remove the key", "%s is empty", at)
			return m.missing(c, n.Span)
		}
		return c.want(n, m, at, "a mapping from "+m.name+" to its rule")
	}
	if m.nameless(c, n, at) {
		return m.missing(c, n.Span)
	}
	for i, e := range n.Entries {
		n.Entries[i].Value = m.of.check(c, e.Value, at+"."+e.Key.Text)
	}
	return n
}

// nameless reports a mapping from names in which the names are left out, so that
// the keys of one entry stand where the names belong.
func (m mapOf) nameless(c *checker, n *source.Node, at string) bool {
	s, ok := m.of.(*Shape)
	if !ok || len(n.Entries) == 0 {
		return false
	}
	wrong := 0
	for _, e := range n.Entries {
		if s.key(e.Key.Text) == nil {
			return false
		}
		if e.Value.Kind != source.Mapping {
			wrong++
		}
	}
	if wrong == 0 {
		return false
	}
	key := n.Entries[0].Key
	c.add(key.Span, "missing-name", "write a line with a name of your choice and a colon above it, and indent what belongs to it below", "%s is a key of %s, and %s holds every %s under a name of its own", key.Text, article(s.Name), at, m.name)
	return true
}

func (m mapOf) missing(c *checker, at source.Span) *source.Node {
	return c.hole(&source.Node{Kind: source.Mapping, Span: at})
}

func (l listOf) check(c *checker, n *source.Node, at string) *source.Node {
	if c.holes[n] {
		return n
	}
	if n.Kind != source.Sequence {
		out := c.want(n, l, at, "a list")
		if _, scalar := l.of.(literal); scalar && n.Kind == source.Scalar && n.Text != "" && n.Text[0] != '=' { // a list of one is meant
			out.Items = []*source.Node{l.of.check(c, n, at)}
			delete(c.holes, out)
		}
		return out
	}
	if len(n.Items) == 0 {
		c.add(n.Span, "empty", "add an entry, or remove the key", "the list %s is empty", at)
		return c.hole(n)
	}
	for i, x := range n.Items {
		n.Items[i] = l.of.check(c, x, fmt.Sprintf("%s[%d]", at, i))
	}
	if _, scalars := l.of.(literal); scalars {
		c.twice(n, at)
	}
	return n
}

// twice reports entries of a list of names, paths or expressions that an
// earlier one says already.
func (c *checker) twice(n *source.Node, at string) {
	first := map[string]*source.Node{}
	for _, x := range n.Items {
		switch earlier := first[x.Text]; {
		case x.Kind != source.Scalar || x.Text == "" || c.holes[x]:
		case earlier == nil:
			first[x.Text] = x
		default:
			c.add(x.Span, "listed-twice", "remove one of the two, or correct the one that is meant to be another", "%s lists %s twice", at, describe(x))
			c.found[len(c.found)-1].Relate(earlier.Span, "it stands here already")
		}
	}
}

func (l listOf) missing(c *checker, at source.Span) *source.Node {
	return c.hole(&source.Node{Kind: source.Sequence, Span: at})
}

func (e either) check(c *checker, n *source.Node, at string) *source.Node {
	if c.holes[n] {
		return n
	}
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
		return c.want(n, e, at, strings.Join(kinds, " or "))
	}
	return t.check(c, n, at)
}

func (e either) missing(c *checker, at source.Span) *source.Node {
	for _, t := range []Type{e.scalar, e.list, e.mapping} {
		if t != nil {
			return t.missing(c, at)
		}
	}
	return nil
}

func (o oneOf) check(c *checker, n *source.Node, at string) *source.Node {
	if c.holes[n] || n.Kind == source.Scalar && slices.Contains(o.names, n.Text) {
		return n
	}
	help := "write one of " + strings.Join(o.names, ", ")
	if near := source.Suggest(n.Text, o.names); near != "" {
		help = "did you mean " + near + "?"
	}
	c.add(n.Span, "unknown-value", help, "%s is %s, which is none of %s", at, describe(n), strings.Join(o.names, ", "))
	return o.missing(c, n.Span)
}

func (o oneOf) missing(c *checker, at source.Span) *source.Node {
	return c.hole(&source.Node{Text: o.names[0], Span: at})
}

func (l literal) check(c *checker, n *source.Node, at string) *source.Node {
	switch {
	case l.kind == "template", l.kind == "constant", c.holes[n]:
		return n
	case n.Kind != source.Scalar:
		return c.want(n, l, at, "a single value ("+l.kind+")")
	case n.IsNull(), n.Text == "" && l.kind != "text":
		help := "write one after the colon"
		if l.kind == "expression" {
			help = "write one after the colon; put it in quotes if it starts with ! or holds a #"
		}
		c.add(n.Span, "empty", help, "%s is empty; %s is expected", at, article(l.kind))
		return l.missing(c, n.Span)
	}
	switch l.kind {
	case "computed":
		if !strings.HasPrefix(n.Text, "=") || strings.HasPrefix(n.Text, "==") {
			return c.want(n, l, at, "a mapping, or an expression after =")
		}
	case "boolean":
		if n.Text != "true" && n.Text != "false" {
			return c.want(n, l, at, "true or false")
		}
	case "integer":
		if i, err := strconv.Atoi(n.Text); err != nil || i < 0 {
			return c.want(n, l, at, "a whole number")
		}
	case "duration":
		if d, err := time.ParseDuration(n.Text); err != nil || d < 0 {
			return c.want(n, l, at, "a time span such as 500ms, 10s, 5m or 1h")
		}
	}
	return n
}

func (literal) missing(c *checker, at source.Span) *source.Node {
	return c.hole(&source.Node{Style: source.Single, Span: at})
}

func article(s string) string {
	if strings.ContainsAny(s[:1], "aeiou") {
		return "an " + s
	}
	return "a " + s
}
