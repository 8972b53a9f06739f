package engine

import (
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// builder fills one object.
type builder struct {
	*runner
	o      *plan.Object
	object *value.Node
	roots  []*value.Node
	rest   []restKey      // targets that rest has filled, and from which key
	restAt map[string]int // index in rest by target, once there are many
}

// builder takes a builder for an object; its user puts it back to spare.
func (r *runner) builder(o *plan.Object) *builder {
	var b *builder
	if n := len(r.spare); n > 0 {
		b, r.spare = r.spare[n-1], r.spare[:n-1]
	} else {
		b = &builder{runner: r}
	}
	b.o, b.object, b.roots, b.rest = o, r.arena.Object(), b.roots[:0], b.rest[:0]
	b.restAt = nil
	return b
}

// object builds an object, or a list of objects. roots replaces what `under` says.
func (r *runner) object(o *plan.Object, roots []*value.Node) (*value.Node, error) {
	switch {
	case o.IsList():
		return r.objects(o)
	case o.Each != nil:
		return r.keyed(o)
	}
	ok, err := r.decideObject(o)
	if err != nil || !ok {
		return nil, err
	}
	return r.build(o, roots)
}

func (r *runner) decideObject(o *plan.Object) (bool, error) {
	if o.When == nil {
		return true, nil
	}
	return r.decide(o.Rule, o.When)
}

// each calls do for the elements of a list or the members of an object, with
// the variables of lines set.
func (r *runner) each(e *plan.Expr, do func(m *value.Node) error) error {
	list, err := r.expr(e)
	if err != nil || list.IsNull() {
		return err
	}
	if list.Kind() != value.List && list.Kind() != value.Object {
		return nil // what is neither has no elements
	}
	v, k, i := r.set(r.lines.value, nil), r.set(r.lines.key, nil), r.set(r.lines.index, nil)
	defer r.element(v, k, i)
	index := int64(0)
	for m := list.First(); m != nil; m = m.Next() {
		if r.frame.Steps--; r.frame.Steps < 0 {
			return (&EventError{Code: "too_many_steps", Status: 400, Message: expression.ErrSteps.Error(), Path: e.Text, Cause: expression.ErrSteps}).at(e, 0, len(e.Text))
		}
		var key *value.Node
		if list.Kind() == value.Object {
			key = r.arena.String(m.Key())
		}
		r.element(m, key, r.arena.Int(index))
		index++
		if err := do(m); err != nil {
			return err
		}
	}
	return nil
}

// objects builds a list with one object an element.
func (r *runner) objects(o *plan.Object) (*value.Node, error) {
	list := r.arena.List()
	err := r.each(o.Each, func(m *value.Node) error {
		if ok, err := r.decideObject(o); err != nil || !ok {
			return err
		}
		if err := r.rejectFirst(o.Reject); err != nil {
			return err
		}
		var roots []*value.Node
		if len(o.Under) == 0 {
			roots = []*value.Node{m}
		}
		v, err := r.build(o, roots)
		if err == nil && v.Len() > 0 {
			r.wrote(r.arena.Append(list, v), o.Rule)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// keyed builds one object with a member for each element.
func (r *runner) keyed(o *plan.Object) (*value.Node, error) {
	b := r.builder(o)
	defer func() { r.spare = append(r.spare, b) }()
	err := r.each(o.Each, func(m *value.Node) error {
		if ok, err := r.decideObject(o); err != nil || !ok {
			return err
		}
		if err := r.rejectFirst(o.Reject); err != nil {
			return err
		}
		as, err := r.expr(o.As)
		if err != nil {
			return err
		}
		name, err := r.name(o.As, as)
		if err != nil || name == "" {
			return err
		}
		target := r.arena.String(name)
		v := m
		if o.Value != nil {
			if v, err = r.expr(o.Value); err != nil {
				return err
			}
		}
		if v == nil {
			return nil
		}
		row, err := r.typeRow(o, target)
		if err != nil {
			return err
		}
		return b.put(o.Rule, target, v, row, nil, func() string { return r.calls(o.Each) })
	})
	if err != nil {
		return nil, err
	}
	return b.object, nil
}

// name is text for the name of a member, which must not be made from a secret:
// names are shown.
func (r *runner) name(e *plan.Expr, v *value.Node) (string, error) {
	if v.HoldsSecret() {
		return "", (&EventError{Code: "expression_failed", Status: 400, Message: "the name of a field would be made from a secret, and names are shown: make it from something else"}).at(e, 0, len(e.Text))
	}
	name, err := r.text(v)
	if err != nil {
		return "", placed(err, e)
	}
	return name, nil
}

// build fills an object by its set lines, then by its rest.
func (r *runner) build(o *plan.Object, roots []*value.Node) (*value.Node, error) {
	b := r.builder(o)
	defer func() { r.spare = append(r.spare, b) }()
	b.roots = append(b.roots, roots...)
	if roots == nil {
		for _, u := range o.Under {
			root, err := r.expr(u)
			if err != nil {
				return nil, err
			}
			b.roots = append(b.roots, root)
		}
	}
	if r.frame.Steps -= len(o.Set) >> 2; r.frame.Steps < 0 {
		return nil, r.spent(o.Rule)
	}
	for _, l := range o.Set {
		if err := b.set(l); err != nil {
			return nil, err
		}
	}
	if o.Rest != nil {
		if err := b.fillRest(); err != nil {
			return nil, err
		}
	}
	return b.object, nil
}

// set fills the target of one line from the first source that fits.
func (b *builder) set(l *plan.SetLine) error {
	r := b.runner
	if l.When != nil {
		defer r.set(r.lines.target, r.set(r.lines.target, l.Target))
		if ok, err := r.decide(l.Rule, l.When); err != nil || !ok {
			return err
		}
	}
	if l.Nested != nil {
		v, err := r.nested(l.Nested, b.roots)
		if err != nil || v.IsEmpty() {
			return err
		}
		r.wrote(r.arena.Set(b.object, l.Target.Text(), v), l.Rule)
		return nil
	}
	v, at, blank, err := b.source(l)
	if err != nil {
		return err
	}
	if v == nil && l.Default != nil {
		r.wrote(r.arena.Set(b.object, l.Target.Text(), l.Default), l.Rule)
		return nil
	}
	if v == nil && len(l.Sources) > 0 {
		if nulls := b.nullsOf(l); blank != nil && nulls != nil {
			return b.putNull(l.Rule, l.Target, blank, nulls)
		}
		return nil
	}
	if l.Value != nil {
		defer r.set(r.lines.value, r.set(r.lines.value, v))
		if v, err = r.expr(l.Value); err != nil {
			return err
		}
		if v.IsNull() {
			return nil
		}
	}
	row, err := b.lineRow(l)
	if err != nil {
		return err
	}
	return b.put(l.Rule, l.Target, v, row, nil, func() string { return b.sourceName(l, at) })
}

// nested builds an object inside another. Under the roots of the one around it,
// unless it has its own.
func (r *runner) nested(o *plan.Object, roots []*value.Node) (*value.Node, error) {
	if o.Each == nil && len(o.Under) > 0 {
		roots = nil
	}
	return r.object(o, roots)
}

// nullsOf says what stands for a null source of a line. Where a rest walks the
// keys again it sees the null itself, under the key's own name.
func (b *builder) nullsOf(l *plan.SetLine) *plan.Nulls {
	if l.Nulls != nil {
		return l.Nulls
	}
	if b.o.Rest == nil || !b.o.Rest.Again {
		return &b.o.Nulls
	}
	return nil
}

// place tells which root and source gave a value.
type place struct{ root, source int }

// source returns the first source that fits: all under the first root before
// the next. blank is the first that was there, but null or "".
func (b *builder) source(l *plan.SetLine) (v *value.Node, at place, blank *value.Node, err error) {
	fits := func(s *plan.Source, n *value.Node) bool {
		if n.IsEmpty() {
			if blank == nil && n.Kind() != value.List && n.Kind() != value.Object {
				blank = n
			}
			return false
		}
		return l.KeepAny || s.Any || n.IsScalar()
	}
	for root := range max(1, len(b.roots)) {
		for i := range l.Sources {
			s := &l.Sources[i]
			var n *value.Node
			switch {
			case s.Expr != nil:
				if root > 0 {
					continue
				}
				if n, err = b.expr(s.Expr); err != nil {
					return nil, at, nil, err
				}
			case root < len(b.roots):
				n = s.Path.Walk(b.roots[root])
			}
			if fits(s, n) {
				return n, place{root, i}, nil, nil
			}
		}
	}
	return nil, at, blank, nil
}

// sourceName writes where a value came from, for messages.
func (b *builder) sourceName(l *plan.SetLine, at place) string {
	if len(l.Sources) == 0 {
		return l.Target.Text()
	}
	s := l.Sources[at.source]
	if s.Expr != nil {
		return s.Expr.Text
	}
	if at.root < len(b.o.Under) {
		return b.calls(b.o.Under[at.root]) + dotted(s.Path.String())
	}
	return s.Path.String()
}

func dotted(path string) string {
	if strings.HasPrefix(path, "[") {
		return path
	}
	return "." + path
}
