package expression

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
)

// Compared returns what a condition compares a name with, so that it need not be
// tried for every value: where the condition holds, the value of the slot equals
// what one of the programs gives, or is in it. It returns nil where the condition
// may hold for others. It has to be called before Forget.
func (p *Program) Compared(slot int) []*Program {
	if p.tree == nil {
		return nil
	}
	return p.tree.compared(p.tree.parsed, slot)
}

func (t *tree) compared(e ast.Expr, slot int) []*Program {
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
		if p := t.without(args[1], slot); t.names(args[0], slot) && p != nil {
			return []*Program{p}
		}
		if p := t.without(args[0], slot); t.names(args[1], slot) && p != nil {
			return []*Program{p}
		}
	case operators.In:
		if p := t.without(args[1], slot); t.names(args[0], slot) && p != nil {
			return []*Program{p}
		}
	}
	return nil
}

// names reports whether e is the name of a slot and nothing else.
func (t *tree) names(e ast.Expr, slot int) bool {
	if e.Kind() != ast.IdentKind {
		return false
	}
	i, ok := t.scope.Slot(e.AsIdent())
	return ok && i == slot
}

// without compiles a part of the program, nil where it reads a slot.
func (t *tree) without(e ast.Expr, slot int) *Program {
	c := *t.compiler
	c.slots, c.reads = nil, nil
	root := c.compile(e)
	if len(c.problems) > 0 || slices.Contains(c.slots, slot) {
		return nil
	}
	s := c.span(e)
	slices.Sort(c.slots)
	return &Program{Text: c.text[s.from:s.to], root: root, slots: slices.Compact(c.slots), reads: c.reads}
}
