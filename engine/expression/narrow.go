package expression

import (
	"strconv"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/celmap/celmap/engine/shape"
)

// assume returns the facts that hold where e is true, or false: those that hold
// anyway, and what e says of the paths in it.
func (t *typer) assume(e ast.Expr, truth bool) *fact {
	if *t.budget < 0 {
		return t.facts
	}
	w := t.written(e)
	switch w.Kind() {
	case ast.IdentKind, ast.SelectKind:
		if truth {
			return t.narrow(e, func(s shape.Shape) shape.Shape { return s.Only(shape.Boolean) })
		}
		return t.facts
	case ast.CallKind:
	default:
		return t.facts
	}
	name, args := t.called(w, t.bound())
	switch name {
	case operators.LogicalNot:
		return t.assume(args[0], !truth)
	case operators.LogicalAnd, operators.LogicalOr:
		if truth == (name == operators.LogicalAnd) {
			return t.given(t.assume(args[0], truth)).assume(args[1], truth)
		}
		// one side may fail where the other decides, so neither says anything of the other
		return t.either(t.assume(args[0], truth), t.assume(args[1], truth))
	case operators.Equals, operators.NotEquals:
		return t.assumeEqual(args[0], args[1], truth == (name == operators.Equals))
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return t.assumeOrder(name, args, truth)
	case operators.In:
		return t.assumeIn(args[0], args[1], truth)
	case "has":
		if len(args) == 1 {
			return t.narrow(args[0], func(s shape.Shape) shape.Shape {
				if truth {
					return s.Without(shape.Absent)
				}
				return s.Only(shape.Absent)
			})
		}
	case "empty":
		if len(args) == 1 && t.scope.Function(name) == nil {
			return t.narrow(args[0], func(s shape.Shape) shape.Shape {
				if truth {
					return s.Empties()
				}
				return s.Without(shape.Missing).Full(shape.Text | shape.List | shape.Object)
			})
		}
	case "isEmail":
		if truth && len(args) == 1 && t.scope.Function(name) == nil {
			return t.narrow(args[0], func(s shape.Shape) shape.Shape { return s.Only(shape.Text).Full(shape.Text) })
		}
	case "startsWith", "endsWith", "contains", "matches":
		if truth && len(args) == 2 && t.method(w, name) != nil {
			return t.narrow(args[0], func(s shape.Shape) shape.Shape { return s.Only(shape.Text) })
		}
	case operators.Index:
		if truth {
			return t.narrow(e, func(s shape.Shape) shape.Shape { return s.Only(shape.Boolean) })
		}
	}
	return t.facts
}

// conditionBefore is the source of what a condition tells of a value.
const conditionBefore = "the condition before it"

// declared reports whether a schema or a table says what is known of a value,
// and not what is computed with it, or a condition.
func declared(s shape.Shape) bool {
	return s.Source() != "" && !strings.Contains(s.Source(), conditionBefore)
}

// narrow adds what is known of a path to the facts.
func (t *typer) narrow(e ast.Expr, by func(shape.Shape) shape.Shape) *fact {
	path, ok := t.path(e)
	if !ok {
		return t.facts
	}
	before := t.quiet().of(e)
	s := by(before)
	if s.Kinds() != before.Kinds() || len(s.Texts()) != len(before.Texts()) {
		s = s.From(conditionBefore)
	}
	facts := t.facts
	if s.Kinds() != shape.Nothing && !s.Can(shape.Missing) { // what it lies in is there, too
		facts = t.holder(e)
	}
	return &fact{path, s, facts}
}

// holder adds what is known of the object or list that something is found in.
func (t *typer) holder(e ast.Expr) *fact {
	w := t.written(e)
	var of ast.Expr
	kind := shape.Object
	switch {
	case w.Kind() == ast.SelectKind:
		of = w.AsSelect().Operand()
	case w.Kind() == ast.CallKind && w.AsCall().FunctionName() == operators.Index:
		of, kind = w.AsCall().Args()[0], shape.Object|shape.List
	default:
		return t.facts
	}
	return t.narrow(of, func(s shape.Shape) shape.Shape { return s.Only(kind).Full(kind) })
}

// either returns the facts that hold where those of one side or the other do.
func (t *typer) either(a, b *fact) *fact {
	out := t.facts
	seen := map[string]bool{}
	for f := a; f != t.facts; f = f.next {
		if seen[f.path] { // a newer one says more
			continue
		}
		seen[f.path] = true
		if s, ok := until(b, t.facts, f.path); ok {
			out = &fact{f.path, shape.Union(f.shape, s), out}
		}
	}
	return out
}

// until finds the newest fact about a path, before the fact end.
func until(f, end *fact, path string) (shape.Shape, bool) {
	for ; f != end; f = f.next {
		if f.path == path {
			return f.shape, true
		}
	}
	return shape.Shape{}, false
}

func (t *typer) assumeEqual(l, r ast.Expr, truth bool) *fact {
	if w := t.written(l); w.Kind() == ast.LiteralKind {
		l, r = r, l
	}
	w := t.written(r)
	if w.Kind() != ast.LiteralKind {
		return t.facts
	}
	lit := w.AsLiteral()
	if of, ok := t.callOf(l, "kind"); ok {
		name, _ := lit.(types.String)
		return t.narrow(of, func(s shape.Shape) shape.Shape { return ofKinds(s, shape.KindsOf(string(name)), truth) })
	}
	if of, ok := t.callOf(l, "size"); ok {
		if n, whole := lit.(types.Int); whole {
			return t.assumeSize(of, truth && n > 0 || !truth && n == 0)
		}
		return t.facts
	}
	return t.narrow(l, func(s shape.Shape) shape.Shape {
		switch v := lit.(type) {
		case types.Null:
			return ofKinds(s, shape.Missing, truth)
		case types.String:
			if truth {
				return s.Only(shape.Text).OneOf(string(v))
			}
			return s.NoneOf(string(v))
		case types.Bool:
			if truth {
				return s.Only(shape.Boolean)
			}
		case types.Int, types.Double:
			if truth {
				return s.Only(shape.Number)
			}
		}
		return s
	})
}

func ofKinds(s shape.Shape, k shape.Kinds, truth bool) shape.Shape {
	if truth {
		return s.Only(k)
	}
	return s.Without(k)
}

// assumeSize says that something has a size, which is not 0 if full.
func (t *typer) assumeSize(of ast.Expr, full bool) *fact {
	if !full {
		return t.facts
	}
	const k = shape.Text | shape.List | shape.Object
	return t.narrow(of, func(s shape.Shape) shape.Shape { return s.Only(k).Full(k) })
}

// assumeOrder: what could be compared with a number is one, whatever came of it.
func (t *typer) assumeOrder(op string, args []ast.Expr, truth bool) *fact {
	facts := t.facts
	for i, x := range args {
		other := t.written(args[1-i])
		if other.Kind() != ast.LiteralKind {
			continue
		}
		switch n := other.AsLiteral().(type) {
		case types.Int, types.Double:
			if of, ok := t.callOf(x, "size"); ok {
				more := op == operators.Greater && i == 0 || op == operators.Less && i == 1
				atLeast := op == operators.GreaterEquals && i == 0 || op == operators.LessEquals && i == 1
				least, whole := n.(types.Int)
				facts = t.given(facts).assumeSize(of, truth && whole && (more && least >= 0 || atLeast && least > 0))
				continue
			}
			facts = t.given(facts).narrow(x, func(s shape.Shape) shape.Shape { return s.Only(shape.Number) })
		case types.String:
			facts = t.given(facts).narrow(x, func(s shape.Shape) shape.Shape { return s.Only(shape.Text) })
		}
	}
	return facts
}

func (t *typer) assumeIn(x, in ast.Expr, truth bool) *fact {
	list := t.written(in)
	if list.Kind() != ast.ListKind {
		return t.facts
	}
	var texts []string
	var kinds shape.Kinds
	for _, el := range list.AsList().Elements() {
		el = t.written(el)
		if el.Kind() != ast.LiteralKind {
			return t.facts
		}
		v, ok := t.literal(el.AsLiteral())
		if !ok {
			return t.facts
		}
		s := shape.Literal(v)
		kinds |= s.Kinds()
		texts = append(texts, s.Texts()...)
	}
	if kinds&shape.Missing != 0 {
		kinds |= shape.Missing
	}
	if kinds&shape.Number != 0 {
		kinds |= shape.Number
	}
	if of, ok := t.callOf(x, "kind"); ok {
		var k shape.Kinds
		for _, name := range texts {
			k |= shape.KindsOf(name)
		}
		return t.narrow(of, func(s shape.Shape) shape.Shape { return ofKinds(s, k, truth) })
	}
	return t.narrow(x, func(s shape.Shape) shape.Shape {
		if !truth {
			return s.NoneOf(texts...)
		}
		return s.Only(kinds).OneOf(texts...)
	})
}

// callOf returns the argument of a call of a function with one.
func (t *typer) callOf(e ast.Expr, name string) (ast.Expr, bool) {
	w := t.written(e)
	if w.Kind() != ast.CallKind {
		return nil, false
	}
	n, args := t.called(w, t.bound())
	if n != name || len(args) != 1 || t.scope.Function(name) != nil {
		return nil, false
	}
	return args[0], true
}

// Where returns what a name of the scope can be where the program is true, or
// where it is false.
func (p *Program) Where(types Types, name string, truth bool) shape.Shape {
	if p.tree == nil {
		return shape.Anything
	}
	slot, ok := p.tree.scope.Slot(name)
	if !ok {
		return shape.Anything
	}
	t := p.tree.typer(types, nil)
	if s, ok := t.given(t.assume(p.tree.parsed, truth)).fact(strconv.Itoa(slot)); ok {
		return s
	}
	return types.Slot(slot)
}
