// Package shape describes what a value can be, before there is one: which kinds,
// which members and elements, which texts, and where that is known from.
//
// A shape never says too much: every value that can stand at a place fits the
// shape of the place. Where nothing is known, it is Anything. Members and
// elements are worked out when they are asked for, so that a schema that refers
// to itself is no trouble. Shapes are immutable.
package shape

import (
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// Kinds is a set of kinds of values.
type Kinds uint8

// The kinds. An absent value reads as null; only has() tells them apart. A
// number is whole if its value is: 5 and 5.0 are, 5.5 is not.
const (
	Absent Kinds = 1 << iota
	Null
	Boolean
	Whole
	Fraction
	Text
	List
	Object

	Nothing Kinds = 0
	Missing       = Absent | Null
	Number        = Whole | Fraction
	Scalar        = Boolean | Number | Text
	All           = Missing | Scalar | List | Object
)

// KindsOf returns the kinds that kind(x) calls by a name; "any" is all of them.
func KindsOf(name string) Kinds { return kindsByName[name] }

var kindsByName = map[string]Kinds{
	"null": Missing, "boolean": Boolean, "number": Number, "text": Text, "list": List, "object": Object, "any": All,
}

// Presence is what is known of a member.
type Presence uint8

// The degrees of presence.
const (
	Unknown Presence = iota // no value has it
	Open                    // nothing is said, it may be there
	Known                   // declared
)

// Parts is what is known of the members of an object and the elements of a list.
type Parts interface {
	// Member returns what stands under a name, with Absent if it may be missing.
	Member(name string) (Shape, Presence)
	// Others returns what stands under any name.
	Others() Shape
	// Element returns what stands at an index, with Absent if it may be missing.
	Element(i int) Shape
	// Elements returns what any element can be.
	Elements() Shape
	// Names lists the declared members.
	Names() []string
}

// Shape is what a value can be. The zero Shape is Impossible: no value fits it.
type Shape struct {
	kinds  Kinds
	full   Kinds    // texts, lists or objects that are never empty
	texts  []string // the texts that it can be; nil: any
	likely []string // texts that are known, where it may be others
	from   string
	strict bool
	parts  Parts // nil: nothing is known
}

// Anything is the shape of which nothing is known.
var Anything = Shape{kinds: All}

// Of returns the shape of values of some kinds, of which no more is known.
func Of(k Kinds) Shape { return Shape{kinds: k} }

// With returns the shape of lists and objects with such parts.
func With(k Kinds, parts Parts) Shape { return Shape{kinds: k, parts: parts} }

// Kinds returns the kinds that the value can have.
func (s Shape) Kinds() Kinds { return s.kinds }

// Value returns the kinds that it can have besides being missing.
func (s Shape) Value() Kinds { return s.kinds &^ Missing }

// Can reports whether the value can be of one of the kinds.
func (s Shape) Can(k Kinds) bool { return s.kinds&k != 0 }

// IsAnything reports whether no kind is excluded.
func (s Shape) IsAnything() bool { return s.kinds|Absent == All }

// Texts returns the texts that it can be; nil means any.
func (s Shape) Texts() []string { return s.texts }

// Likely returns texts that it is known to be, although it may be others.
func (s Shape) Likely() []string { return s.likely }

// Likelier returns s as one that is mostly one of some texts.
func (s Shape) Likelier(texts []string) Shape {
	s.likely = texts
	return s
}

// Source tells where the knowledge comes from, "" if it is from the expression itself.
func (s Shape) Source() string {
	if i := strings.LastIndex(s.from, separator); i >= 0 {
		return s.from[:i] + " and " + s.from[i+len(separator):]
	}
	return s.from
}

// Leaves tells that the source of the shape says nothing of something.
func (s Shape) Leaves(what string) string {
	if s.from == "" {
		return "nothing is known of " + what
	}
	return s.Says("leaves", "leave") + " " + what + " open"
}

// Says returns the source of the shape and the verb that goes with it: that for
// one file, or that for several.
func (s Shape) Says(one, several string) string {
	switch {
	case s.from == "":
		return "the schema " + one
	case strings.Contains(s.from, separator):
		return s.Source() + " " + several
	}
	return s.from + " " + one
}

// From returns s with the place where the knowledge comes from.
func (s Shape) From(source string) Shape {
	s.from = source
	return s
}

// Strict returns s as one whose members ought to be declared, although it may
// have others.
func (s Shape) Strict() Shape {
	s.strict = true
	return s
}

// IsStrict reports whether members ought to be declared.
func (s Shape) IsStrict() bool { return s.strict }

// Only returns s without the kinds that are not in k.
func (s Shape) Only(k Kinds) Shape {
	s.kinds &= k
	if s.kinds&Text == 0 {
		s.texts = nil
	}
	return s
}

// Without returns s without some kinds.
func (s Shape) Without(k Kinds) Shape { return s.Only(All &^ k) }

// Or returns s with more kinds, of which no more is known.
func (s Shape) Or(k Kinds) Shape {
	if k&(Text|List|Object) != 0 {
		return Union(s, Of(k))
	}
	s.kinds |= k
	return s
}

// OneOf returns s where its text is one of some, and where it is no text.
func (s Shape) OneOf(texts ...string) Shape {
	if s.kinds&Text == 0 {
		return s
	}
	if s.texts != nil {
		texts = slices.DeleteFunc(slices.Clone(texts), func(t string) bool { return !slices.Contains(s.texts, t) })
	}
	if len(texts) == 0 {
		return s.Without(Text)
	}
	s.texts = texts
	return s
}

// NoneOf returns s where its text is none of some.
func (s Shape) NoneOf(texts ...string) Shape {
	if slices.Contains(texts, "") {
		s.full |= Text
	}
	if s.texts == nil {
		return s
	}
	left := slices.DeleteFunc(slices.Clone(s.texts), func(t string) bool { return slices.Contains(texts, t) })
	if len(left) == 0 {
		return s.Without(Text)
	}
	s.texts = left
	return s
}

// Full returns s where texts, lists or objects of it are never empty.
func (s Shape) Full(k Kinds) Shape {
	s.full |= k & (Text | List | Object)
	if k&Text != 0 && slices.Contains(s.texts, "") {
		return s.NoneOf("")
	}
	return s
}

// HasValue reports whether the value is always one that counts: neither missing
// nor an empty text, list or object.
func (s Shape) HasValue() bool {
	if s.kinds == Nothing || s.kinds&Missing != 0 {
		return false
	}
	full := s.full
	if s.texts != nil && !slices.Contains(s.texts, "") {
		full |= Text
	}
	return s.kinds&(Text|List|Object)&^full == 0
}

// Empties returns s where it is empty: missing, "", [] or {}.
func (s Shape) Empties() Shape {
	s = s.Only(Missing | (Text|List|Object)&^s.full)
	return s.OneOf("")
}

// Member returns what stands under a name.
func (s Shape) Member(name string) (Shape, Presence) {
	if s.kinds&Object == 0 {
		return Of(Absent), Unknown
	}
	m, p := Anything, Open
	if s.parts != nil {
		m, p = s.parts.Member(name)
	}
	if s.kinds != Object {
		m.kinds |= Absent
	}
	return m.inherit(s), p
}

// Others returns what stands under any name.
func (s Shape) Others() Shape {
	switch {
	case s.kinds&Object == 0:
		return Of(Absent)
	case s.parts == nil:
		return Anything.inherit(s)
	}
	return s.parts.Others().Or(Absent).inherit(s)
}

// Element returns what stands at an index.
func (s Shape) Element(i int) Shape {
	if s.kinds&List == 0 {
		return Of(Absent)
	}
	e := Anything
	if s.parts != nil {
		e = s.parts.Element(i)
	}
	if s.kinds != List {
		e.kinds |= Absent
	}
	return e.inherit(s)
}

// Elements returns what any element of the list can be.
func (s Shape) Elements() Shape {
	switch {
	case s.kinds&List == 0:
		return Shape{}
	case s.parts == nil:
		return Anything.Without(Absent).inherit(s)
	}
	return s.parts.Elements().inherit(s)
}

// Names lists the declared members.
func (s Shape) Names() []string {
	if s.parts == nil || s.kinds&Object == 0 {
		return nil
	}
	return s.parts.Names()
}

func (s Shape) inherit(from Shape) Shape {
	if s.from == "" {
		s.from = from.from
	}
	return s
}

// Literal returns the shape of a constant.
func Literal(n *value.Node) Shape {
	switch n.Kind() {
	case value.Bool:
		return Of(Boolean)
	case value.Number:
		if f := n.Float(); f == float64(int64(f)) || n.IntegerLiteral() {
			return Of(Whole)
		} else if f > 1<<53 || f < -1<<53 {
			return Of(Number)
		}
		return Of(Fraction)
	case value.String:
		s := Shape{kinds: Text, texts: []string{n.Text()}}
		if n.Text() != "" {
			s.full = Text
		}
		return s
	case value.List, value.Object:
		s := Shape{kinds: List, parts: literal{n}}
		if n.Kind() == value.Object {
			s.kinds = Object
		}
		if n.Len() > 0 {
			s.full = s.kinds
		}
		return s
	}
	if n == nil {
		return Of(Absent)
	}
	return Of(Null)
}
