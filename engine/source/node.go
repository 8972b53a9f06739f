// Package source reads YAML files into trees in which every key and value knows
// its exact place. Scalars are taken from the source text: 01234 stays "01234"
// and on stays "on".
//
// It reads the part of YAML that reads the same to everyone, and refuses the
// rest (tags, anchors, aliases, merge keys, duplicate keys, several documents,
// tabs as indentation, …) in plain words, with the remedy.
package source

import (
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// Kind is what a node is made of.
type Kind uint8

// The kinds of nodes.
const (
	Scalar Kind = iota
	Mapping
	Sequence
)

// String names the kind as error messages do: "text", "mapping", "list".
func (k Kind) String() string { return [...]string{"text", "mapping", "list"}[k] }

// Style is how a scalar is written.
type Style uint8

// The styles of scalars.
const (
	Plain   Style = iota
	Single        // 'single-quoted'
	Double        // "double-quoted"
	Literal       // | keeps line breaks
	Folded        // > joins lines
)

// Node is a value of a file. Nodes are not changed once Parse has returned them.
type Node struct {
	Kind    Kind
	Style   Style   // of a Scalar
	Text    string  // content of a Scalar, escapes resolved and lines joined
	Span    Span    // with quotes and brackets
	Entries []Entry // of a Mapping, in the file's order
	Items   []*Node // of a Sequence
}

// Entry is a member of a mapping. Value is never nil: an empty value is a plain
// Scalar without text.
type Entry struct{ Key, Value *Node }

// Get returns the value of a key, nil if n is no mapping or has no such key.
func (n *Node) Get(key string) *Node {
	if e := n.Entry(key); e != nil {
		return e.Value
	}
	return nil
}

// Entry returns the member of that key, nil if there is none.
func (n *Node) Entry(key string) *Entry {
	if n == nil {
		return nil
	}
	for i := range n.Entries {
		if n.Entries[i].Key.Text == key {
			return &n.Entries[i]
		}
	}
	return nil
}

// IsNull reports whether the node is absent, or a plain scalar that reads as
// null: empty, null or ~.
func (n *Node) IsNull() bool {
	if n == nil {
		return true
	}
	return n.Kind == Scalar && n.Style == Plain && (n.Text == "" || n.Text == "null" || n.Text == "~")
}

// At returns the place of the bytes [from,to) of a scalar's Text. Where several
// bytes of the source make one of the text (an escape, a joined line) it covers
// all of them. For other kinds it is the node's Span.
func (n *Node) At(from, to int) Span {
	if n == nil {
		return Span{}
	}
	if n.Kind != Scalar || n.Span.File == nil {
		return n.Span
	}
	from = min(max(from, 0), len(n.Text))
	to = min(max(to, from), len(n.Text))
	f := n.Span.File
	al, ok := align(f.Data, n.Span.Start.Offset, n.Style, n.Text)
	if !ok {
		return n.Span
	}
	start := al.start(from)
	if to == from {
		return f.Span(start, start)
	}
	return f.Span(start, al.end(to))
}

// Value returns the node as JSON. Plain scalars follow JSON's rules, not those
// of YAML: empty, null and ~ are null, true and false are booleans, what JSON's
// grammar calls a number is one with its digits kept, and all else is text, as
// is everything in quotes and blocks.
func (n *Node) Value(a *value.Arena) *value.Node {
	switch {
	case n.IsNull():
		return value.NullNode()
	case n.Kind == Mapping:
		object := a.Object()
		for _, e := range n.Entries {
			a.Add(object, e.Key.Text, e.Value.Value(a))
		}
		return object
	case n.Kind == Sequence:
		list := a.List()
		for _, item := range n.Items {
			a.Append(list, item.Value(a))
		}
		return list
	case n.Style != Plain:
		return a.String(n.Text)
	case n.Text == "true" || n.Text == "false":
		return value.BoolNode(n.Text == "true")
	case isNumber(n.Text):
		return a.Number(n.Text)
	}
	return a.String(n.Text)
}

// isNumber reports whether s is a JSON number that fits a double. (RFC 8259, 6)
func isNumber(s string) bool {
	rest := strings.TrimPrefix(s, "-")
	whole := digits(rest)
	if whole == 0 || whole > 1 && rest[0] == '0' {
		return false
	}
	rest = rest[whole:]
	if strings.HasPrefix(rest, ".") {
		fraction := digits(rest[1:])
		if fraction == 0 {
			return false
		}
		rest = rest[1+fraction:]
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		exponent := digits(rest)
		if exponent == 0 || exponent > 4 { // no double needs more, and big ones cost time
			return false
		}
		rest = rest[exponent:]
	}
	if rest != "" {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
