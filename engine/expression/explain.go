package expression

import (
	"slices"

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
	var problem, doubt *Problem
	declared := false
	for _, s := range roots {
		found, p, ok, sure := followed(text, steps, what, s, types)
		if ok {
			all = append(all, found)
		}
		declared = declared || sure
		switch {
		case p == nil:
		case p.Warning && doubt == nil:
			doubt = p
		case !p.Warning && problem == nil:
			problem = p
		}
	}
	switch {
	case declared:
		problem = nil
	case len(all) > 0:
		problem = doubt // what one of the roots cannot have, another may
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

// followed walks one root. ok is false where it cannot have the path, sure is
// true where all of it is declared, in this spelling or nearly so.
func followed(text string, steps Path, what string, s shape.Shape, types Types) (_ shape.Shape, doubt *Problem, ok, sure bool) {
	sure = true
	at := 0
	for _, step := range steps {
		var problem Problem
		from, to := stepSpan(text, at, step)
		at = to
		switch {
		case s.Value() == shape.Nothing:
			return shape.Of(shape.Absent), doubt, true, false
		case step.IsIndex:
			if !s.Can(shape.List) {
				problem = Problem{Code: "no-elements", Message: what + " is " + shape.Words(s.Value()) + ", which has no elements", Detail: "this is known from " + s.Source(), Help: "leave the index out"}
				problem.From, problem.To = from, to
				return s, &problem, false, false
			}
			s = s.Element(step.Index)
		case !s.Can(shape.Object):
			problem = Problem{Code: "no-fields", Message: what + " is " + shape.Words(s.Value()) + ", which has no fields", Detail: "this is known from " + s.Source(), Help: "leave the field out"}
			problem.From, problem.To = from, to
			return s, &problem, false, false
		default:
			m, presence := s.Member(step.Name)
			switch presence {
			case shape.Unknown:
				problem = unknownField(what, step.Name, s)
				problem.From, problem.To = from, to
				return s, &problem, false, false
			case shape.Open:
				sure = sure && slices.ContainsFunc(s.Names(), func(n string) bool { return sameName(n, step.Name) })
				for _, n := range s.Names() {
					if doubt == nil && !sure && oneSlip(step.Name, n) && !types.Declares(step.Name) {
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
	return s, doubt, true, sure && doubt == nil
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
