package schema

import (
	"slices"
	"strconv"

	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/value"
)

// Shape returns what the schema says of a valid value. source is what messages
// call the schema.
//
// What is hard to say (not, contains, propertyNames, if) is left out, so the
// shape allows more than the schema now and then, and never less.
func (s *Schema) Shape(source string) shape.Shape {
	return s.root.shape(source).From(source)
}

// Properties returns the names of the properties declared below a path, at the
// top without one, in the order of the schema. The step into a list is the
// number of an element.
func (s *Schema) Properties(path ...string) []string { return s.at(path).Names() }

func (s *Schema) at(path []string) shape.Shape {
	at := s.root.shape("")
	for _, step := range path {
		if i, err := strconv.Atoi(step); err == nil && at.Can(shape.List) {
			at = at.Element(i)
		} else {
			at, _ = at.Member(step)
		}
	}
	return at
}

// maxShapes bounds the rules that bear on one value. Where there are more,
// nothing is said.
const maxShapes = 2000

func (r *rule) shape(source string) shape.Shape {
	budget := maxShapes
	return r.shapeWithin(source, &budget)
}

var someValue = shape.Anything.Without(shape.Absent)

func (r *rule) shapeWithin(source string, budget *int) shape.Shape {
	for r.ref != nil {
		r = r.ref
	}
	if *budget--; *budget < 0 {
		return someValue
	}
	if r.fixed == no {
		return shape.Shape{}
	}
	s := someValue
	if r.list != nil || r.object != nil {
		s = shape.With(s.Kinds(), ruleParts{r, source})
	}
	if r.types != 0 {
		s = s.Only(r.types.shape())
	}
	for _, set := range r.equal {
		all := make([]shape.Shape, len(set))
		for i, n := range set {
			all[i] = shape.Literal(n)
		}
		s = shape.Meet(s, shape.Union(all...))
	}
	if t := r.text; t != nil && (t.min > 0 || t.pattern != nil && !t.pattern.MatchString("")) {
		s = s.Full(shape.Text)
	}
	if r.list != nil && r.list.min > 0 {
		s = s.Full(shape.List)
	}
	if o := r.object; o != nil && (o.min > 0 || len(o.required) > 0) {
		s = s.Full(shape.Object)
	}
	union := func(rules ...*rule) shape.Shape {
		all := make([]shape.Shape, len(rules))
		for i, x := range rules {
			all[i] = someValue
			if x != nil {
				all[i] = x.shapeWithin(source, budget)
			}
		}
		return shape.Union(all...)
	}
	for _, x := range r.all {
		s = shape.Meet(s, x.shapeWithin(source, budget))
	}
	if r.any != nil {
		s = shape.Meet(s, union(r.any...))
	}
	if r.one != nil {
		s = shape.Meet(s, union(r.one...))
	}
	if r.then != nil || r.or != nil {
		s = shape.Meet(s, union(r.then, r.or))
	}
	if r.object != nil {
		for _, d := range r.object.needs { // conditional: they declare, but demand nothing
			if d.rule != nil {
				s = shape.Meet(s, union(d.rule, nil))
			}
		}
	}
	return s
}

// shape returns the kinds of values of some JSON types.
func (s kinds) shape() shape.Kinds {
	var k shape.Kinds
	for kind, as := range shapeOf {
		if s.has(value.Kind(kind)) {
			k |= as
		}
	}
	if s&whole != 0 {
		k |= shape.Whole
	}
	return k
}

var shapeOf = [...]shape.Kinds{
	value.Null: shape.Null, value.Bool: shape.Boolean, value.Number: shape.Number,
	value.String: shape.Text, value.List: shape.List, value.Object: shape.Object,
}

// ruleParts is what a rule by itself, without those beside it, says of members
// and elements.
type ruleParts struct {
	rule   *rule
	source string
}

func (p ruleParts) Member(name string) (shape.Shape, shape.Presence) {
	o := p.rule.object
	if o == nil {
		return shape.Anything, shape.Open
	}
	presence, s := shape.Open, shape.Anything
	required := false
	add := func(r *rule) {
		presence, s = shape.Known, shape.Meet(s, r.shape(p.source))
	}
	if o.members != nil {
		if m := o.members.get(name); m != nil {
			required = m.required
			if m.rule != nil {
				add(m.rule)
			}
		}
	}
	for _, x := range o.patterns {
		if x.pattern.MatchString(name) {
			add(x.rule)
		}
	}
	if presence == shape.Open && o.rest != nil {
		s = o.rest.shape(p.source)
	}
	switch {
	case s.Kinds() == shape.Nothing:
		return shape.Of(shape.Absent), shape.Unknown
	case required:
		return s.Without(shape.Absent), shape.Known
	}
	return s.Or(shape.Absent), presence
}

func (p ruleParts) Others() shape.Shape {
	o := p.rule.object
	if o == nil || o.rest == nil {
		return shape.Anything
	}
	all := []shape.Shape{o.rest.shape(p.source)}
	for _, m := range o.declared {
		all = append(all, m.rule.shape(p.source))
	}
	for _, x := range o.patterns {
		all = append(all, x.rule.shape(p.source))
	}
	return shape.Union(all...).Or(shape.Absent)
}

func (p ruleParts) Element(i int) shape.Shape {
	l := p.rule.list
	switch {
	case l == nil:
		return shape.Anything
	case l.each != nil:
		return l.each.shape(p.source).Or(shape.Absent)
	case i < len(l.tuple):
		return l.tuple[i].shape(p.source).Or(shape.Absent)
	case l.isTuple && l.more != nil:
		return l.more.shape(p.source).Or(shape.Absent)
	}
	return shape.Anything
}

func (p ruleParts) Elements() shape.Shape {
	l := p.rule.list
	switch {
	case l == nil:
		return someValue
	case l.each != nil:
		return l.each.shape(p.source)
	case l.isTuple && l.more != nil:
		all := []shape.Shape{l.more.shape(p.source)}
		for _, x := range l.tuple {
			all = append(all, x.shape(p.source))
		}
		return shape.Union(all...)
	}
	return someValue
}

func (p ruleParts) Names() []string {
	var names []string
	if p.rule.object != nil {
		for _, m := range p.rule.object.declared {
			if !slices.Contains(names, m.name) {
				names = append(names, m.name)
			}
		}
	}
	return names
}
