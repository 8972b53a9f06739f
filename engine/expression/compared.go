package expression

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"

	"github.com/celmap/celmap/engine/value"
)

// Comparison is one of the things that a condition compares a text with: the
// text equals it, or is in it.
type Comparison struct {
	*Program
	in bool
}

// Compared returns what a condition compares a name with, so that it need not be
// tried for every text that the name may have: where it holds, one of the
// comparisons does. It returns nil where nothing is known. It has to be called
// before Forget.
func (p *Program) Compared(slot int) []Comparison {
	if p.tree == nil {
		return nil
	}
	return p.tree.compared(p.tree.parsed, slot)
}

// Texts calls take with each text for which the comparison holds. It returns
// false where that cannot be told, because the comparison fails.
func (c *Comparison) Texts(f *Frame, take func(string)) bool {
	v, err := c.Eval(f)
	switch {
	case err != nil:
		return false
	case !c.in && v.Kind() == value.String:
		take(v.Text())
	case !c.in, v.IsNull():
	case v.Kind() == value.List:
		for m := v.First(); m != nil; m = m.Next() {
			if m.Kind() == value.String {
				take(m.Text())
			}
		}
	case v.Kind() == value.Object:
		for m := v.First(); m != nil; m = m.Next() {
			take(m.Key())
		}
	default:
		return false
	}
	return true
}

func (t *tree) compared(e ast.Expr, slot int) []Comparison {
	if e.Kind() != ast.CallKind {
		return nil
	}
	name, args := t.called(e, nil)
	switch name {
	case operators.LogicalOr:
		l, r := t.compared(args[0], slot), t.compared(args[1], slot)
		if l == nil || r == nil {
			return nil
		}
		return slices.Concat(l, r)
	case operators.LogicalAnd:
		if l := t.compared(args[0], slot); l != nil {
			return l
		}
		return t.compared(args[1], slot)
	case operators.Equals:
		if t.names(args[1], slot) {
			return t.comparison(args[1], args[0], slot, false)
		}
		return t.comparison(args[0], args[1], slot, false)
	case operators.In:
		return t.comparison(args[0], args[1], slot, true)
	}
	return nil
}

// comparison compiles what a name is compared with, unless it is made of it.
func (t *tree) comparison(name, with ast.Expr, slot int, in bool) []Comparison {
	if !t.names(name, slot) {
		return nil
	}
	c := *t.compiler
	c.slots, c.reads, c.problems, c.static = nil, nil, nil, value.Arena{}
	root := c.compile(with)
	if len(c.problems) > 0 || slices.Contains(c.slots, slot) {
		return nil
	}
	s := c.span(with)
	slices.Sort(c.slots)
	return []Comparison{{&Program{Text: c.text[s.from:s.to], root: root, slots: slices.Compact(c.slots), reads: c.reads}, in}}
}

// names reports whether e is the name of a slot and nothing else.
func (t *tree) names(e ast.Expr, slot int) bool {
	if e.Kind() != ast.IdentKind {
		return false
	}
	i, ok := t.scope.Slot(e.AsIdent())
	return ok && i == slot
}
