package shape

import (
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// literal is the parts of a constant.
type literal struct{ n *value.Node }

func (l literal) Member(name string) (Shape, Presence) {
	if m := l.n.Get(name); m != nil {
		return Literal(m), Known
	}
	return Of(Absent), Unknown
}

func (l literal) Others() Shape { return l.Elements() }

func (l literal) Element(i int) Shape { return Literal(l.n.At(i)) }

func (l literal) Elements() Shape {
	var all []Shape
	for m := l.n.First(); m != nil; m = m.Next() {
		all = append(all, Literal(m))
	}
	return Union(all...)
}

func (l literal) Names() []string {
	var out []string
	if l.n.Kind() == value.Object {
		for m := l.n.First(); m != nil; m = m.Next() {
			out = append(out, m.Key())
		}
	}
	return out
}

// Member is one member of an object that rules write down.
type Member struct {
	Name  string
	Shape Shape
}

// fields is the parts of an object that rules write down.
type fields struct {
	members []Member
	rest    *Shape // of what has another name; nil: there is none
	lower   bool   // other names are in lower case
}

// ObjectOf returns the shape of an object with these members, and others of the
// shape rest, unless that is nil.
func ObjectOf(members []Member, rest *Shape) Shape {
	return Shape{kinds: Object, parts: fields{members: members, rest: rest}}
}

// MapOf returns the shape of an object that has such members under any names.
func MapOf(of Shape) Shape { return ObjectOf(nil, &of) }

// LowerMapOf is MapOf for names in lower case.
func LowerMapOf(of Shape) Shape { return Shape{kinds: Object, parts: fields{rest: &of, lower: true}} }

func (f fields) Member(name string) (Shape, Presence) {
	for _, m := range f.members {
		if m.Name == name {
			if f.rest != nil {
				return Union(m.Shape, f.rest.Or(Absent)), Known
			}
			return m.Shape, Known
		}
	}
	if f.rest != nil && !(f.lower && name != strings.ToLower(name)) {
		return f.rest.Or(Absent), Open
	}
	return Of(Absent), Unknown
}

func (f fields) Others() Shape {
	all := make([]Shape, 0, len(f.members)+1)
	for _, m := range f.members {
		all = append(all, m.Shape)
	}
	if f.rest != nil {
		all = append(all, *f.rest)
	}
	return Union(all...)
}

func (f fields) Element(int) Shape { return Of(Absent) }

func (f fields) Elements() Shape { return Shape{} }

func (f fields) Names() []string {
	out := make([]string, len(f.members))
	for i, m := range f.members {
		out[i] = m.Name
	}
	return out
}

// list is the parts of a list.
type list struct {
	first []Shape // of the first elements, which are there
	rest  *Shape  // of all others; nil: there are none
}

// ListOf returns the shape of a list of such elements.
func ListOf(of Shape) Shape {
	of = of.Written()
	return Shape{kinds: List, parts: list{rest: &of}}
}

// Tuple returns the shape of a list with exactly these elements.
func Tuple(elements ...Shape) Shape {
	s := Shape{kinds: List}
	if len(elements) > 0 {
		s.full = List
	}
	for i, e := range elements {
		elements[i] = e.Written()
	}
	s.parts = list{first: elements}
	return s
}

// Written returns what becomes of a value that is put into a list or an object:
// what is absent becomes null.
func (s Shape) Written() Shape {
	if s.kinds&Absent != 0 {
		s.kinds = s.kinds&^Absent | Null
	}
	return s
}

func (l list) Member(string) (Shape, Presence) { return Of(Absent), Unknown }

func (l list) Others() Shape { return Of(Absent) }

func (l list) Element(i int) Shape {
	switch {
	case i >= 0 && i < len(l.first):
		return l.first[i]
	case l.rest != nil:
		return l.rest.Or(Absent)
	}
	return Of(Absent)
}

func (l list) Elements() Shape {
	if l.rest == nil {
		return Union(l.first...)
	}
	return Union(append(slices.Clone(l.first), *l.rest)...)
}

func (l list) Names() []string { return nil }

// Union returns the shape of values that fit one of some shapes.
func Union(all ...Shape) Shape {
	switch len(all) {
	case 0:
		return Shape{}
	case 1:
		return all[0]
	}
	out := Shape{full: Text | List | Object}
	var parts union
	open, texts := false, true
	for _, s := range all {
		if s.kinds == Nothing {
			continue
		}
		if s.kinds&Text != 0 {
			if s.texts == nil {
				texts = false
			}
			for _, t := range s.texts {
				if !slices.Contains(out.texts, t) {
					out.texts = append(out.texts, t)
				}
			}
		}
		out.kinds |= s.kinds
		out.full &= s.full | ^s.kinds
		out.from = sources(out.from, s.from)
		out.strict = out.strict || s.strict
		if s.kinds&(List|Object) != 0 {
			open = open || s.parts == nil
			parts = append(parts, s)
		}
	}
	if !texts || out.kinds&Text == 0 {
		out.texts = nil
	}
	switch {
	case len(parts) == 0, open && len(parts) == 1:
	case len(parts) == 1:
		out.parts = parts[0].parts
	case slices.ContainsFunc(parts, func(s Shape) bool { return s.parts != nil }):
		out.parts = parts
	}
	return out
}

const separator = ", "

// sources puts the names of two sources together.
func sources(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "" || slices.Contains(strings.Split(a, separator), b):
		return a
	}
	return a + separator + b
}

// union is the parts of a value that fits one of several shapes.
type union []Shape

func (u union) Member(name string) (Shape, Presence) {
	var all []Shape
	presence := Unknown
	for _, s := range u {
		if s.kinds&Object != 0 {
			m, p := s.Only(Object).Member(name)
			all, presence = append(all, m), max(presence, p)
		}
	}
	return Union(all...), presence
}

func (u union) collect(k Kinds, of func(Shape) Shape) Shape {
	var all []Shape
	for _, s := range u {
		if s.kinds&k != 0 {
			all = append(all, of(s.Only(k)))
		}
	}
	return Union(all...)
}

func (u union) Others() Shape { return u.collect(Object, Shape.Others) }

func (u union) Element(i int) Shape {
	return u.collect(List, func(s Shape) Shape { return s.Element(i) })
}

func (u union) Elements() Shape { return u.collect(List, Shape.Elements) }

func (u union) Names() []string {
	var out []string
	for _, s := range u {
		for _, n := range s.Names() {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

// Meet returns the shape of values that fit both shapes.
func Meet(a, b Shape) Shape {
	out := Shape{kinds: a.kinds & b.kinds, full: a.full | b.full, texts: a.texts, from: sources(a.from, b.from), strict: a.strict || b.strict, parts: a.parts}
	if b.texts != nil {
		out = out.OneOf(b.texts...)
	}
	if out.kinds&Text == 0 {
		out.texts = nil
	}
	switch {
	case out.kinds&(List|Object) == 0:
		out.parts = nil
	case a.parts == nil:
		out.parts = b.parts
	case b.parts != nil:
		out.parts = both{a, b}
	}
	return out
}

// both is the parts of a value that fits two shapes.
type both struct{ a, b Shape }

func (x both) Member(name string) (Shape, Presence) {
	m, p := x.a.Only(Object).Member(name)
	n, q := x.b.Only(Object).Member(name)
	if p == Unknown || q == Unknown {
		return Of(Absent), Unknown
	}
	return Meet(m, n), max(p, q)
}

func (x both) Others() Shape { return Meet(x.a.Only(Object).Others(), x.b.Only(Object).Others()) }

func (x both) Element(i int) Shape { return Meet(x.a.Only(List).Element(i), x.b.Only(List).Element(i)) }

func (x both) Elements() Shape { return Meet(x.a.Only(List).Elements(), x.b.Only(List).Elements()) }

func (x both) Names() []string { return union{x.a, x.b}.Names() }
