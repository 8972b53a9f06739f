package expression

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
	"github.com/google/cel-go/interpreter"
	exprpb "google.golang.org/genproto/googleapis/api/expr/v1alpha1"

	"github.com/celmap/celmap/engine/value"
)

// environment is the CEL that every expression is parsed and checked in. It
// declares one variable only: names are resolved by the compiler, so one
// environment serves all scopes.
var environment = sync.OnceValue(func() *cel.Env {
	macros := slices.DeleteFunc(slices.Clone(cel.StandardMacros), func(m cel.Macro) bool {
		return m.Function() == operators.Has // ours also takes a["key"]
	})
	options := []cel.EnvOption{
		cel.ClearMacros(), cel.Macros(macros...),
		cel.OptionalTypes(),
		ext.Strings(), ext.Lists(), ext.Math(), ext.Encoders(), ext.TwoVarComprehensions(),
		cel.EnableMacroCallTracking(), cel.EnableHiddenAccumulatorName(true),
		cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(64), cel.ParserExpressionSizeLimit(8192),
		cel.Variable(frameName, cel.DynType),
	}
	options = append(options, helpers()...)
	env, err := cel.NewCustomEnv(append([]cel.EnvOption{cel.StdLib()}, options...)...)
	if err != nil {
		panic(err) // the declarations above are constants of the program
	}
	return env
})

// celEval is a part of an expression that runs as a CEL program.
type celEval struct {
	span
	program cel.Program
	result  *types.Type
	limit   int // steps
	natives []eval
	callees []calleeAt
}

// calleeAt is a function that a leaf calls, and the place of the call.
type calleeAt struct {
	span
	callee
}

func (e *celEval) eval(f *Frame) (*value.Node, error) {
	if f.Steps < 0 {
		return nil, e.fail(ErrSteps)
	}
	kept := max(f.Steps-e.limit, 0)
	f.Steps -= kept
	frame := &celFrame{frame: f, leaf: e}
	out, _, err := e.program.Eval(frame)
	var v *value.Node
	if err == nil {
		v, err = frame.result(out)
	}
	if f.Steps < 0 {
		return nil, e.fail(ErrSteps) // what is kept must not revive the others
	}
	f.Steps += kept
	if err != nil {
		return nil, e.explain(frame, err)
	}
	return v, nil
}

// explain tells in words of rules why a leaf failed. The messages of cel-go
// may quote values, so they are not shown when a secret was read.
func (e *celEval) explain(f *celFrame, err error) error {
	var ours *Error
	if errors.As(err, &ours) {
		return ours
	}
	switch failed := (*types.Err)(nil); {
	case f.secret:
		return e.fail(errSecret)
	case errors.As(err, &failed) && noOverload(failed):
		return &Error{From: e.from, To: e.to, Cause: err, Message: "a function here does not take the value that it is given; ask for x != null or kind(x) before"}
	}
	failed := e.fail(err).(*Error)
	failed.Message = shorten(failed.Message)
	return failed
}

// maxMessage bounds the messages of cel-go, which quote whole texts of events.
const maxMessage = 300

func shorten(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxMessage {
			return s[:i] + "…"
		}
	}
	return s
}

func noOverload(err *types.Err) bool { return strings.Contains(err.String(), "no such overload") }

// leaf compiles e, and what is below it, as a CEL program.
func (c *compiler) leaf(e ast.Expr) eval {
	r := &rewriter{compiler: c, leaf: &celEval{span: c.span(e)}, fac: ast.NewExprFactory()}
	before := len(c.problems)
	out := r.rewrite(e, nil)
	if len(c.problems) > before {
		return constant{}
	}
	tree, err := ast.ExprToProto(out)
	if err != nil {
		c.at(e, "bad-expression", err.Error(), "")
		return constant{}
	}
	info, err := ast.SourceInfoToProto(c.source)
	if err != nil {
		c.at(e, "bad-expression", err.Error(), "")
		return constant{}
	}
	checked, err := c.check(cel.ParsedExprToAst(&exprpb.ParsedExpr{Expr: tree, SourceInfo: info}))
	if err != nil {
		return constant{}
	}
	r.leaf.result, r.leaf.limit = checked.OutputType(), int(min(c.options.Cost, math.MaxInt))
	r.leaf.program, err = environment().Program(checked,
		cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		message, help := constantFailure(err)
		c.at(e, "bad-expression", message, help)
		return constant{}
	}
	return r.leaf
}

var errChecked = errors.New("reported")

func (c *compiler) check(a *cel.Ast) (*cel.Ast, error) {
	checked, issues := environment().Check(a)
	if issues.Err() != nil {
		c.issues(issues)
		return nil, errChecked
	}
	return checked, nil
}

// celFrame is the activation of one leaf, and the value of its one variable.
type celFrame struct {
	frame  *Frame
	leaf   *celEval
	secret bool // a secret was read on the way
	calls  int
}

// ResolveName implements cel-go's activation.
func (f *celFrame) ResolveName(name string) (any, bool) {
	if name == frameName {
		return f, true
	}
	return nil, false
}

// Parent implements cel-go's activation.
func (*celFrame) Parent() interpreter.Activation { return nil }

// work pays for something that a program does, and ends the program, as
// cel-go's own limits do, once nothing is left: an error would not end the
// loops around it. cel-go's cost tracking is not used, because the time that
// it takes itself grows with the square of the iterations.
func (f *celFrame) work(steps int) {
	if f.frame.spend(steps) != nil {
		panic(interpreter.EvalCancelledError{Message: ErrSteps.Error(), Cause: interpreter.CostLimitExceeded})
	}
}

func (f *celFrame) native(index ref.Val) ref.Val {
	v, err := f.leaf.natives[index.(types.Int)].eval(f.frame)
	if err != nil {
		return types.WrapErr(err)
	}
	return f.wrap(v)
}

func (f *celFrame) call(index ref.Val, args []ref.Val) ref.Val {
	c := &f.leaf.callees[index.(types.Int)]
	nodes := make([]*value.Node, len(args))
	for i, x := range args {
		n, err := f.result(x)
		if err != nil {
			return types.WrapErr(err)
		}
		nodes[i] = n
	}
	v, err := c.call(f.frame, nodes)
	if err != nil {
		return types.WrapErr(c.fail(err))
	}
	return f.wrap(v)
}
