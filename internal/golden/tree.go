package golden

import (
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

// tree owns the values that came out of a case, without secrets, and knows the
// rule behind each. Its values outlive the engine's.
type tree struct {
	arena value.Arena
	rules map[*value.Node]*engine.Rule // of the engine's values and of their copies

	errors map[*value.Node]*engine.EventError // of rejections and of their copies
}

func newTree() *tree {
	return &tree{rules: map[*value.Node]*engine.Rule{}, errors: map[*value.Node]*engine.EventError{}}
}

// put makes a copy of n a member of an object of the tree.
func (t *tree) put(object *value.Node, key string, n *value.Node) {
	t.inherit(t.arena.Add(object, strings.Clone(key), t.copy(n)), n)
}

// push makes a copy of n an element of a list of the tree.
func (t *tree) push(list, n *value.Node) {
	t.inherit(t.arena.Append(list, t.copy(n)), n)
}

func (t *tree) inherit(copied, n *value.Node) {
	if rule := t.rules[n]; rule != nil {
		t.rules[copied] = rule
	}
	if err := t.errors[n]; err != nil {
		t.errors[copied] = err
	}
}

// copy returns a copy that shares nothing with n, in which secrets are redacted.
func (t *tree) copy(n *value.Node) *value.Node {
	if n.Secret() {
		return t.arena.String(value.Redacted)
	}
	switch n.Kind() {
	case value.List:
		list := t.arena.List()
		for m := n.First(); m != nil; m = m.Next() {
			t.push(list, m)
		}
		return list
	case value.Object:
		object := t.arena.Object()
		for m := n.First(); m != nil; m = m.Next() {
			t.put(object, m.Key(), m)
		}
		return object
	case value.String:
		return t.text(n.Text())
	case value.Number:
		return t.arena.Number(strings.Clone(n.Text()))
	case value.Bool:
		return value.BoolNode(n.Bool())
	}
	return value.NullNode()
}

func (t *tree) text(s string) *value.Node { return t.arena.String(strings.Clone(s)) }

// set makes a value of the tree a member of an object and names its rule.
func (t *tree) set(object *value.Node, key string, n *value.Node, rule *engine.Rule) {
	n = t.arena.Add(object, key, n)
	if rule != nil {
		t.rules[n] = rule
	}
}

// empty returns an empty list or object, as n is one.
func (t *tree) empty(n *value.Node) *value.Node {
	if n.Kind() == value.List {
		return t.arena.List()
	}
	return t.arena.Object()
}

// same reports whether two values are written alike: numbers digit for digit,
// objects without regard to order. Unlike to a mapping, null is not absent.
func same(a, b *value.Node) bool {
	if a == nil || b == nil || a.Kind() != b.Kind() {
		return a == nil && b == nil
	}
	switch a.Kind() {
	case value.Bool:
		return a.Bool() == b.Bool()
	case value.Number, value.String:
		return a.Text() == b.Text()
	}
	if a.Len() != b.Len() {
		return false
	}
	x, y := a.First(), b.First()
	for ; x != nil; x = x.Next() {
		if a.Kind() == value.Object {
			y = b.Get(x.Key())
		}
		if !same(x, y) {
			return false
		}
		if a.Kind() == value.List {
			y = y.Next()
		}
	}
	return true
}
