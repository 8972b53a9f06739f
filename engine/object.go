package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// maxDecisions bounds what a runner remembers of keys, which events choose.
const maxDecisions = 10_000

// decision is what a rest does with a key: computed once for each distinct key
// where it follows from the key alone.
type decision struct {
	target string
	node   *value.Node // the target as a value
	keep   bool
	row    *plan.TypeRow
}

// builder fills one object.
type builder struct {
	*runner
	o      *plan.Object
	object *value.Node
	roots  []*value.Node
	rest   []restKey // targets that rest has filled, and from which key
}

// builder takes a builder for an object; its user puts it back to spare.
func (r *runner) builder(o *plan.Object) *builder {
	b := &builder{runner: r}
	if n := len(r.spare); n > 0 {
		b, r.spare = r.spare[n-1], r.spare[:n-1]
	}
	b.o, b.object, b.roots, b.rest = o, r.arena.Object(), b.roots[:0], b.rest[:0]
	return b
}

type restKey struct{ target, key string }

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
			return &EventError{Code: "too_many_steps", Status: 400, Message: "the rules need too many steps for this event", Path: e.Text}
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
		target, err := r.text(as)
		if err != nil || target == "" {
			return err
		}
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
		return b.put(o.Rule, target, v, row, nil, func() string { return o.Each.Text })
	})
	if err != nil {
		return nil, err
	}
	return b.object, nil
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
		defer r.set(r.lines.target, r.set(r.lines.target, r.arena.String(l.Target)))
		if ok, err := r.decide(l.Rule, l.When); err != nil || !ok {
			return err
		}
	}
	if l.Nested != nil {
		v, err := r.nested(l.Nested, b.roots)
		if err != nil || v.IsEmpty() {
			return err
		}
		r.wrote(r.arena.Set(b.object, l.Target, v), l.Rule)
		return nil
	}
	v, at, null, err := b.source(l)
	if err != nil {
		return err
	}
	if v == nil && l.Default != nil {
		r.wrote(r.arena.Set(b.object, l.Target, l.Default), l.Rule)
		return nil
	}
	if v == nil && len(l.Sources) > 0 {
		if nulls := b.nullsOf(l); null && nulls != nil {
			return b.putNull(l.Rule, l.Target, nulls)
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

// nullsOf says what stands for a null source of a line. Where a rest walks all
// keys it sees the null itself, under the key's own name.
func (b *builder) nullsOf(l *plan.SetLine) *plan.Nulls {
	if l.Nulls != nil {
		return l.Nulls
	}
	if b.o.Rest == nil {
		return &b.o.Nulls
	}
	return nil
}

// place tells which root and source gave a value.
type place struct{ root, source int }

// source returns the first source that fits: all under the first root before
// the next. null tells that one was there, but null or "".
func (b *builder) source(l *plan.SetLine) (v *value.Node, at place, null bool, err error) {
	fits := func(n *value.Node) bool {
		if n.IsEmpty() {
			null = null || n != nil && n.Len() == 0 && n.Kind() != value.List && n.Kind() != value.Object
			return false
		}
		return l.KeepAny || n.IsScalar()
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
					return nil, at, false, err
				}
			case root < len(b.roots):
				n = s.Path.Walk(b.roots[root])
			}
			if fits(n) {
				return n, place{root, i}, null, nil
			}
		}
	}
	return nil, at, null, nil
}

// sourceName writes where a value came from, for messages.
func (b *builder) sourceName(l *plan.SetLine, at place) string {
	if len(l.Sources) == 0 {
		return l.Target
	}
	s := l.Sources[at.source]
	if s.Expr != nil {
		return s.Expr.Text
	}
	if at.root < len(b.o.Under) {
		return b.o.Under[at.root].Text + dotted(s.Path.String())
	}
	return s.Path.String()
}

func dotted(path string) string {
	if strings.HasPrefix(path, "[") {
		return path
	}
	return "." + path
}

func (b *builder) lineRow(l *plan.SetLine) (*plan.TypeRow, error) {
	if l.Type == nil {
		return b.typeRow(b.o, l.Target)
	}
	r := b.runner
	defer r.set(r.lines.target, r.set(r.lines.target, r.arena.String(l.Target)))
	t, err := b.expr(l.Type)
	if err != nil {
		return nil, err
	}
	return b.o.Types.Row(t.Text()), nil
}

// typeRow returns the conversion of a target, which follows from its name.
func (r *runner) typeRow(o *plan.Object, target string) (*plan.TypeRow, error) {
	if len(o.Type) == 0 {
		return nil, nil
	}
	cached := o.Rest != nil && o.Rest.KeyOnly
	if cached {
		if row, ok := r.types[o][target]; ok {
			return row, nil
		}
	}
	defer r.set(r.lines.target, r.set(r.lines.target, r.arena.String(target)))
	t, err := r.first(o.Type)
	if err != nil {
		return nil, err
	}
	row := o.Types.Row(t.Text())
	if cached {
		if r.types[o] == nil {
			r.types[o] = map[string]*plan.TypeRow{}
		}
		if len(r.types[o]) < maxDecisions {
			r.types[o][strings.Clone(target)] = row
		}
	}
	return row, nil
}

// put converts a value and makes it a member. at names its source, for messages.
func (b *builder) put(rule *Rule, target string, v *value.Node, row *plan.TypeRow, key *value.Node, at func() string) error {
	if row != nil {
		converted, err := b.convert(row, target, key, v, at)
		if err != nil {
			return err
		}
		v = converted
	}
	if v == nil || v.IsNull() {
		return nil
	}
	b.wrote(b.arena.Set(b.object, target, v), rule)
	return nil
}

func (b *builder) putNull(rule *Rule, target string, nulls *plan.Nulls) error {
	if nulls.Keep {
		b.wrote(b.arena.Set(b.object, target, value.NullNode()), rule)
		return nil
	}
	v, err := b.template(nulls.Value)
	if err != nil || v.IsNull() {
		return err
	}
	b.wrote(b.arena.Set(b.object, target, v), rule)
	return nil
}

// convert runs a row of types. A value that it does not take rejects the event.
func (b *builder) convert(row *plan.TypeRow, target string, key, v *value.Node, at func() string) (*value.Node, error) {
	r := b.runner
	oldValue, oldTarget, oldKey := r.set(r.lines.value, v), r.set(r.lines.target, r.arena.String(target)), r.set(r.lines.key, key)
	defer func() {
		r.set(r.lines.value, oldValue)
		r.set(r.lines.target, oldTarget)
		r.set(r.lines.key, oldKey)
	}()
	out, err := r.expr(row.Value)
	if err != nil {
		reason := err.Error()
		var failed *function.Error
		if errors.As(err, &failed) {
			reason = failed.Message
		} else {
			var known *EventError
			if errors.As(err, &known) {
				reason = known.Message
			}
		}
		return nil, r.unfit(row, target, v, at, reason, err)
	}
	if row.When != nil {
		ok, err := r.decide(row.Rule, row.When)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, r.unfit(row, target, v, at, row.Reject, nil)
		}
	}
	if row.WarnWhen != nil {
		ok, err := r.condition(row.WarnWhen)
		if err != nil {
			return nil, err
		}
		if ok {
			r.warnings = append(r.warnings, Warning{Code: "doubtful_value", Message: row.Warn, Path: at(), Target: target, Rule: row.Rule})
		}
	}
	return out, nil
}

func (r *runner) unfit(row *plan.TypeRow, target string, v *value.Node, at func() string, reason string, cause error) error {
	path := at()
	message := fmt.Sprintf("%s, %s, does not fit %s, which is of type %s", path, value.Preview(v), target, row.Name)
	if reason != "" {
		message += ": " + reason
	}
	return &EventError{Code: "invalid_value", Status: 400, Message: message, Path: path, Rule: row.Rule, Cause: cause}
}

// fillRest walks the keys that no set line has filled a target from.
func (b *builder) fillRest() error {
	rest := b.o.Rest
	if rest.When != nil {
		if ok, err := b.decide(rest.Rule, rest.When); err != nil || !ok {
			return err
		}
	}
	of, name, err := b.restOf()
	if err != nil || of == nil {
		return err
	}
	for m := of.First(); m != nil; m = m.Next() {
		if len(rest.Except) > 0 && rest.Except[m.Key()] {
			continue
		}
		if err := b.restKey(m, name); err != nil {
			return err
		}
	}
	return nil
}

// restOf returns the object whose keys are walked, and how the rules call it.
func (b *builder) restOf() (*value.Node, string, error) {
	for _, e := range b.o.Rest.Of {
		v, err := b.expr(e)
		if err != nil {
			return nil, "", err
		}
		if v.Kind() == value.Object && v.Len() > 0 {
			return v, e.Text, nil
		}
	}
	if b.o.Rest.Of == nil {
		for i, root := range b.roots {
			if root.Kind() == value.Object && root.Len() > 0 {
				name := ""
				if i < len(b.o.Under) {
					name = b.o.Under[i].Text
				}
				return root, name, nil
			}
		}
	}
	return nil, "", nil
}

func (b *builder) restKey(m *value.Node, of string) error {
	r, rest, key := b.runner, b.o.Rest, m.Key()
	d, err := b.decision(m)
	if err != nil {
		return err
	}
	if d.target == "" {
		return nil
	}
	if _, named := b.o.Targets[d.target]; named {
		// A line of set owns this target. What it has filled stays; what it has
		// not, a single value may still fill.
		if filled := b.object.Get(d.target); filled != nil && b.restIndex(d.target) < 0 || !m.IsScalar() && !m.IsNull() {
			if !b.o.Read[key] && rest.Warn != "" {
				b.warn("same_target", key+" stands for "+d.target+" too, which a line of the rules fills", of, key, d.target)
			}
			return nil
		}
	}
	if !d.keep {
		if !b.o.Read[key] && rest.Warn != "" {
			b.warn("not_sent", rest.Warn, of, key, d.target)
		}
		return nil
	}
	if i := b.restIndex(d.target); i >= 0 {
		if key != d.target { // the first stays, unless this one is spelt exactly
			b.warn("same_target", fmt.Sprintf("%s stands for %s too, which %s has given already", key, d.target, b.rest[i].key), of, key, d.target)
			return nil
		}
		b.warn("same_target", fmt.Sprintf("%s stands for %s too, which is spelt exactly so by another key", b.rest[i].key, d.target), of, b.rest[i].key, d.target)
		b.rest[i].key = key
	} else {
		b.rest = append(b.rest, restKey{d.target, key})
	}
	if m.IsNull() || m.Kind() == value.String && m.Text() == "" {
		if b.o.Nulls.Value != nil || b.o.Nulls.Keep {
			defer r.set(r.lines.target, r.set(r.lines.target, d.node))
			return b.putNull(rest.Rule, d.target, &b.o.Nulls)
		}
		if m.IsNull() {
			return nil
		}
	}
	return b.put(rest.Rule, d.target, m, d.row, nil, func() string { return member(of, key) })
}

func (b *builder) restIndex(target string) int {
	for i := range b.rest {
		if b.rest[i].target == target {
			return i
		}
	}
	return -1
}

// member writes the path of a key below the object that rules call of.
func member(of, key string) string {
	return string(value.AppendKey([]byte(of), key))
}

func (b *builder) warn(code, message, of, key, target string) {
	b.warnings = append(b.warnings, Warning{Code: code, Message: message, Path: member(of, key), Target: target, Rule: b.o.Rest.Rule})
}

// decision computes, or remembers, what rest does with a key.
func (b *builder) decision(m *value.Node) (*decision, error) {
	r, rest, key := b.runner, b.o.Rest, m.Key()
	remember := rest.KeyOnly && len(r.keys[b.o]) < maxDecisions
	if rest.KeyOnly {
		if d := r.keys[b.o][key]; d != nil {
			return d, nil
		}
	}
	if remember {
		key = strings.Clone(key) // the event's memory is not ours to keep
		arena := r.arena
		r.arena, r.frame.Arena = r.static, r.static
		defer func() { r.arena, r.frame.Arena = arena, arena }()
	}
	d := &decision{}
	keyNode := r.arena.String(key).Freeze()
	oldKey, oldValue, oldTarget := r.set(r.lines.key, keyNode), r.set(r.lines.value, m), r.set(r.lines.target, nil)
	defer func() {
		r.set(r.lines.key, oldKey)
		r.set(r.lines.value, oldValue)
		r.set(r.lines.target, oldTarget)
	}()
	d.node = keyNode
	if rest.As != nil {
		as, err := r.expr(rest.As)
		if err != nil {
			return nil, err
		}
		text, err := r.text(as)
		if err != nil {
			return nil, err
		}
		d.node = r.arena.String(text).Freeze()
	}
	d.target = d.node.Text()
	r.set(r.lines.target, d.node)
	var err error
	if d.keep, err = r.condition(rest.Keep); err != nil {
		return nil, err
	}
	if len(b.o.Type) > 0 {
		t, err := r.first(b.o.Type)
		if err != nil {
			return nil, err
		}
		d.row = b.o.Types.Row(t.Text())
	}
	if remember {
		if r.keys[b.o] == nil {
			r.keys[b.o] = map[string]*decision{}
		}
		r.keys[b.o][key] = d
	}
	return d, nil
}
