package expression

import (
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"

	"github.com/celmap/celmap/engine/shape"
)

// why tells where the knowledge ends: which part of e can be anything, and for
// what reason. It is empty where something is known of e.
func (t *typer) why(e ast.Expr) string {
	if !t.of(e).IsAnything() {
		return ""
	}
	w := t.written(e)
	var of ast.Expr
	switch w.Kind() {
	case ast.IdentKind:
		return t.of(w).Leaves(t.excerpt(e))
	case ast.SelectKind:
		of = w.AsSelect().Operand()
	case ast.CallKind:
		if w.AsCall().FunctionName() != operators.Index {
			for _, x := range w.AsCall().Args() {
				if x.Kind() != ast.UnspecifiedExprKind && w.AsCall().FunctionName() == operators.Conditional {
					if why := t.why(x); why != "" {
						return why
					}
				}
			}
			return "nothing is known of what " + t.excerpt(e) + " gives"
		}
		of = w.AsCall().Args()[0]
	default:
		return "nothing is known of what " + t.excerpt(e) + " gives"
	}
	if s := t.of(of); !s.IsAnything() || s.Source() != "" && len(s.Names()) > 0 {
		return s.Leaves(t.excerpt(e))
	}
	return t.why(of)
}

// TypePath returns what a path can lead to below some roots, and what is wrong
// with it: that no root can have it. what names the roots, for messages.
func TypePath(text string, steps Path, what string, roots []shape.Shape, types Types) (shape.Shape, []Problem) {
	var all []shape.Shape
	known := false
	var problem *Problem
	for _, s := range roots {
		found, p, ok := followed(text, steps, what, s, types)
		known = known || ok && p == nil
		if p != nil && (problem == nil || problem.Warning && !p.Warning) {
			problem = p
		}
		if ok {
			all = append(all, found)
		}
	}
	switch {
	case problem == nil, known:
		problem = nil
	case len(all) > 0 && !problem.Warning:
		problem = nil // one of the roots may have it
	}
	s := shape.Union(all...)
	if problem == nil {
		return s, nil
	}
	if len(all) == 0 {
		s = shape.Anything
	}
	return s, []Problem{*problem}
}

// followed walks one root; false where it cannot have the path.
func followed(text string, steps Path, what string, s shape.Shape, types Types) (shape.Shape, *Problem, bool) {
	var doubt *Problem
	at := 0
	for _, step := range steps {
		var problem Problem
		from, to := stepSpan(text, at, step)
		at = to
		switch {
		case s.Value() == shape.Nothing:
			return shape.Of(shape.Absent), doubt, true
		case step.IsIndex:
			if !s.Can(shape.List) {
				problem = Problem{Code: "no-elements", Message: what + " is " + shape.Words(s.Value()) + ", which has no elements", Detail: "this is known from " + s.Source(), Help: "leave the index out"}
				problem.From, problem.To = from, to
				return s, &problem, false
			}
			s = s.Element(step.Index)
		case !s.Can(shape.Object):
			problem = Problem{Code: "no-fields", Message: what + " is " + shape.Words(s.Value()) + ", which has no fields", Detail: "this is known from " + s.Source(), Help: "leave the field out"}
			problem.From, problem.To = from, to
			return s, &problem, false
		default:
			m, presence := s.Member(step.Name)
			switch presence {
			case shape.Unknown:
				problem = unknownField(what, step.Name, s)
				problem.From, problem.To = from, to
				return s, &problem, false
			case shape.Open:
				for _, n := range s.Names() {
					if doubt == nil && oneSlip(step.Name, n) && !types.Declares(step.Name) {
						p := undeclaredField(what, step.Name, n, s)
						p.From, p.To = from, to
						doubt = &p
					}
				}
			}
			s = m
		}
		what = Path{step}.String()
		if !step.IsIndex {
			what = step.Name
		}
	}
	return s, doubt, true
}

// stepSpan is where a step is written, after the byte at.
func stepSpan(text string, at int, step Step) (from, to int) {
	word := step.Name
	if step.IsIndex {
		word = "["
	}
	for i := at; i+len(word) <= len(text); i++ {
		if text[i:i+len(word)] == word {
			to = i + len(word)
			if step.IsIndex {
				for to < len(text) && text[to-1] != ']' {
					to++
				}
			}
			return i, to
		}
	}
	return 0, len(text)
}
