package expression

import (
	"errors"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"

	"github.com/celmap/celmap/engine/value"
)

// Outcome is a constant that a program may give: bytes From to To of its text.
type Outcome struct {
	From, To int
	Value    *value.Node
}

// Outcomes returns the constants that the program may give as a whole: itself, or
// alternatives of c ? a : b. It has to be called before Forget.
func (p *Program) Outcomes() []Outcome {
	if p.tree == nil {
		return nil
	}
	return p.tree.outcomes(p.tree.parsed, nil)
}

func (t *tree) outcomes(e ast.Expr, found []Outcome) []Outcome {
	switch e.Kind() {
	case ast.LiteralKind:
		if v, ok := t.literal(e.AsLiteral()); ok && !v.IsNull() {
			s := t.span(e)
			found = append(found, Outcome{s.from, s.to, v.Freeze()})
		}
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Conditional && len(call.Args()) == 3 {
			found = t.outcomes(call.Args()[2], t.outcomes(call.Args()[1], found))
		}
	}
	return found
}

// ErrBroken is what a function whose body has mistakes gives.
var ErrBroken = errors.New("the function has mistakes")

// Broken stands in for a function whose body has mistakes, so that its callers can
// be checked.
func Broken(name string, args []string) *Function {
	return &Function{Name: name, Args: args, body: broken{}}
}

type broken struct{}

func (broken) eval(*Frame) (*value.Node, error) { return nil, ErrBroken }
