package plan

import (
	"slices"

	"github.com/celmap/celmap/engine/shape"
)

// itemShape is what the items of a request can be: whatever the entries under
// `send` make for it.
func (t *typing) itemShape(r *Request) shape.Shape {
	if s, ok := t.items[r]; ok {
		return s
	}
	var all []shape.Shape
	for _, name := range sortedNames(t.program.Mappings) {
		types := &viewTypes{t, t.views[name], nil}
		for _, s := range t.program.Mappings[name].Sends {
			all = t.itemsOf(r, s, types, all)
		}
	}
	s := shape.Anything
	if len(all) > 0 && !t.found.HasErrors() { // what has mistakes may be anything
		s = shape.Union(all...)
		if r.TraceField != "" && s.Can(shape.Object) {
			s = shape.With(s.Kinds(), traced{s, r.TraceField}).Full(shape.Object)
		}
		s = s.From("the items that are sent with " + r.Name)
	}
	t.items[r] = s
	return s
}

func (t *typing) itemsOf(r *Request, s *Send, types *viewTypes, all []shape.Shape) []shape.Shape {
	for _, x := range s.Choose {
		all = t.itemsOf(r, x, types, all)
	}
	if s.Request != r {
		return all
	}
	if s.Item == nil {
		return append(all, shape.Anything)
	}
	return append(all, t.made(s.Item, t.each(s.Each, types)))
}

// answered is what the items of all requests can be whose answers a rule judges.
func (t *typing) answered(a *Answer) shape.Shape {
	var all []shape.Shape
	for _, name := range sortedNames(t.program.Requests) {
		if r := t.program.Requests[name]; slices.Contains(r.Answers, a) {
			all = append(all, t.itemShape(r))
		}
	}
	return shape.Union(all...)
}

// made is what a template makes. Its members that are missing vanish.
func (t *typing) made(x *Template, types *viewTypes) shape.Shape {
	present := func(s shape.Shape) shape.Shape {
		if s.Can(shape.Missing) {
			return s.Without(shape.Null).Or(shape.Absent)
		}
		return s
	}
	switch {
	case x == nil:
		return shape.Of(shape.Absent)
	case x.kind == textTemplate:
		return shape.Of(shape.Text)
	case x.kind == exprTemplate:
		return t.expr(x.Expr, types)
	case x.IsObject():
		members := make([]shape.Member, len(x.Fields))
		for i, f := range x.Fields {
			members[i] = shape.Member{Name: f.Name, Shape: present(t.made(f.Value, types))}
		}
		return shape.ObjectOf(members, nil)
	case x.IsList():
		elements := make([]shape.Shape, len(x.Items))
		for i, item := range x.Items {
			elements[i] = t.made(item, types).Without(shape.Missing)
		}
		return shape.ListOf(shape.Union(elements...))
	case x.Constant != nil:
		return shape.Literal(x.Constant)
	}
	return shape.Anything
}

// traced is an item with the field in which the engine writes its identity.
type traced struct {
	shape.Shape
	field string
}

func (x traced) Member(name string) (shape.Shape, shape.Presence) {
	if name == x.field {
		return maybeText, shape.Known
	}
	return x.Shape.Member(name)
}

func (x traced) Names() []string { return append(x.Shape.Names(), x.field) }
