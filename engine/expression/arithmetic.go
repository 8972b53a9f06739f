package expression

import (
	"fmt"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/celmap/celmap/engine/shape"
)

var operatorSigns = map[string]string{operators.Add: "+", operators.Subtract: "-", operators.Multiply: "*", operators.Divide: "/", operators.Modulo: "%"}

// arithmetic is + - * / %.
func (t *typer) arithmetic(e, l, r ast.Expr, op string) shape.Shape {
	x, y := t.of(l), t.of(r)
	var out []shape.Shape
	if x.Can(shape.Number) && y.Can(shape.Number) {
		k := shape.Number
		if op != operators.Divide && (x.Kinds()|y.Kinds())&shape.Fraction == 0 {
			k = shape.Whole
		}
		out = append(out, shape.Of(k))
	}
	if op == operators.Add {
		if x.Can(shape.Text) && y.Can(shape.Text) {
			out = append(out, shape.Of(shape.Text).Full(full(x)|full(y)))
		}
		if x.Can(shape.List) && y.Can(shape.List) {
			out = append(out, shape.ListOf(shape.Union(x.Elements(), y.Elements())))
		}
	}
	if x.IsAnything() || y.IsAnything() { // it may be an instant or a span of time
		out = append(out, shape.Of(shape.Text))
	}
	t.operands(e, l, r, x, y, op, len(out) > 0)
	if t.found != nil {
		switch op {
		case operators.Divide:
			t.literalRemainder(e, l, r)
		case operators.Multiply:
			t.remainder(l, "so what is multiplied has lost its fraction")
			t.remainder(r, "so what is multiplied has lost its fraction")
		case operators.Add, operators.Subtract:
			t.fraction(l, r)
		}
	}
	if len(out) == 0 {
		return shape.Anything
	}
	return shape.Union(out...)
}

// full is shape.Text if the value is never an empty text.
func full(s shape.Shape) shape.Kinds {
	if s.Only(shape.Text).HasValue() {
		return shape.Text
	}
	return shape.Nothing
}

// operands reports operands that an operator never takes.
func (t *typer) operands(e, l, r ast.Expr, x, y shape.Shape, op string, possible bool) {
	if t.found == nil {
		return
	}
	sign := operatorSigns[op]
	for _, o := range [...]struct {
		e ast.Expr
		s shape.Shape
	}{{l, x}, {r, y}} {
		if o.s.Kinds() != shape.Nothing && o.s.Value() == shape.Nothing && t.isNull(o.e) {
			t.report(o.e, Problem{Code: "wrong-type", Message: sign + " does not take null", Help: "leave it out"})
			return
		}
	}
	takes, what := shape.Number, "computes with numbers"
	if op == operators.Add {
		takes, what = shape.Number|shape.Text|shape.List, "adds numbers, or joins texts or lists"
	}
	if !t.need(l, x, takes, "%s %s", sign, what) || !t.need(r, y, takes, "%s %s", sign, what) {
		return
	}
	if op == operators.Modulo && (!t.need(l, x, shape.Whole, "%% needs whole numbers") || !t.need(r, y, shape.Whole, "%% needs whole numbers")) {
		return
	}
	if x.Value() == shape.Nothing || y.Value() == shape.Nothing || possible {
		return
	}
	at, s := l, x
	if r.Kind() != ast.LiteralKind && (l.Kind() == ast.LiteralKind || y.Value()&shape.Text == 0) || x.Value() == shape.Text && y.Value()&^shape.Number == 0 {
		at, s = r, y
	}
	need := shape.Text
	if s.Value()&shape.Text != 0 {
		need = shape.Number
	}
	t.report(e, Problem{
		Code: "wrong-type", Message: fmt.Sprintf("%s %s, here are %s and %s", sign, what, shape.Words(x.Value()), shape.Words(y.Value())),
		Detail: known(x, y), Help: t.convert(at, s.Value(), need),
	})
}

// whole reports whether e divides whole numbers, which gives a whole number.
func (t *typer) wholeDivision(e ast.Expr) bool {
	w := t.written(e)
	if w.Kind() != ast.CallKind || w.AsCall().FunctionName() != operators.Divide {
		return false
	}
	for _, x := range w.AsCall().Args() {
		if v := t.quiet().of(x).Value(); v == shape.Nothing || v&^shape.Whole != 0 {
			return false
		}
		if x.Kind() == ast.LiteralKind && x.AsLiteral().Type() == types.DoubleType { // 2.0 is there to keep the fraction
			return false
		}
	}
	return true
}

// remainder doubts a division whose fraction would matter.
func (t *typer) remainder(e ast.Expr, so string) {
	if t.found == nil || !t.wholeDivision(e) {
		return
	}
	divisor := t.written(e).AsCall().Args()[1]
	help := "divide by double(" + t.excerpt(divisor) + ") to keep the fraction"
	if divisor.Kind() == ast.LiteralKind {
		help = "write " + t.excerpt(divisor) + ".0 to keep the fraction"
	}
	t.report(e, Problem{Code: "whole-division", Warning: true, Message: "whole numbers divided give a whole number, " + so, Detail: t.excerpt(e) + " leaves out what is behind the point", Help: help})
}

// literalRemainder doubts a division of two constants that does not come out even.
func (t *typer) literalRemainder(e, l, r ast.Expr) {
	x, ok := l.AsLiteral().(types.Int)
	y, ok2 := r.AsLiteral().(types.Int)
	if l.Kind() == ast.LiteralKind && r.Kind() == ast.LiteralKind && ok && ok2 && y != 0 && x%y != 0 {
		t.remainder(e, fmt.Sprintf("this one %d", x/y))
	}
}

// fraction doubts the division of whole numbers beside a number with a fraction.
func (t *typer) fraction(l, r ast.Expr) {
	if t.found == nil {
		return
	}
	for _, o := range [...][2]ast.Expr{{l, r}, {r, l}} {
		if t.wholeDivision(o[0]) && t.quiet().of(o[1]).Value() == shape.Fraction {
			t.remainder(o[0], "and what stands beside it has a fraction")
		}
	}
}
