package expression

import (
	"errors"
	"math"
	"slices"
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
	*site
	program cel.Program
	checked *cel.Ast
	sites   map[int64]watchedSite // parts that can fail, by node
	once    sync.Once
	watched cel.Program // see watching
	result  *types.Type
	limit   int // steps
	natives []eval
	callees []callee
	loops   []loop
}

// loop is a comprehension, or a first inside one.
type loop struct {
	span
	text string // of the whole expression
	work int    // steps for each element
}

func (e *celEval) eval(f *Frame) (*value.Node, error) {
	if f.Steps < 0 {
		return nil, e.fail(f, ErrSteps)
	}
	steps := f.Steps
	kept := max(f.Steps-e.limit, 0)
	f.Steps -= kept
	frame := &celFrame{frame: f, leaf: e}
	out, _, err := e.program.Eval(frame)
	var v *value.Node
	if err == nil {
		v, err = frame.result(out)
	}
	if f.Steps < 0 { // what is kept must not revive the others
		if kept > 0 {
			return nil, e.fail(f, ErrExpression)
		}
		if frame.loading != nil {
			return nil, frame.loading // which had nothing left
		}
		return nil, e.fail(f, ErrSteps)
	}
	f.Steps += kept
	if err != nil {
		return nil, e.failed(f, err, steps-kept)
	}
	return v, nil
}

// failed tells what a native part of the leaf failed with, or what it takes to
// find the part of CEL that did.
func (e *celEval) failed(f *Frame, err error, steps int) error {
	switch cause := rootOf(err).(type) {
	case *failure:
		return cause
	case loading:
		return cause.error
	}
	failed := e.fail(f, err).(*failure)
	failed.again = &retry{e, slices.Clone(f.locals[f.base:]), steps}
	return failed
}

// leaf compiles e, and what is below it, as a CEL program.
func (c *compiler) leaf(e ast.Expr) eval {
	r := &rewriter{compiler: c, leaf: &celEval{site: c.site(e, ""), sites: map[int64]watchedSite{}}, fac: ast.NewExprFactory()}
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
	r.leaf.checked = checked
	r.leaf.result, r.leaf.limit = checked.OutputType(), int(min(c.options.Cost, math.MaxInt))
	r.leaf.program, err = environment().Program(checked,
		cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		c.hopeless(r.leaf, err)
		return constant{}
	}
	return r.leaf
}

// hopeless reports a leaf that fails whatever the event holds: cel-go computes
// what is constant at once.
func (c *compiler) hopeless(e *celEval, err error) {
	f := &Frame{Arena: &c.static, Steps: gatherSteps}
	failed := (&retry{leaf: e, steps: gatherSteps}).run(f, &failure{at: e.site, cause: errMisfit})
	message, help := constantFailure(err)
	if message == "" {
		message, _ = f.message(failed)
	}
	c.problem(failed.at.from, failed.at.to, "bad-expression", message, help)
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

	loading error // of a name, which found nothing left

	gather    int // work that may be spent on operands, see watch.go
	gathering bool
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

// walk pays for an element of a loop.
func (f *celFrame) walk(l *loop) {
	if l == nil {
		f.work(1)
		return
	}
	if p := f.frame.Profile; p != nil {
		p.add(l.text, l.span, l.work)
	}
	f.work(l.work)
}

func (f *celFrame) native(index ref.Val) ref.Val {
	v, err := f.leaf.natives[index.(types.Int)].eval(f.frame)
	if err != nil {
		if _, ok := err.(*failure); !ok {
			if f.frame.Steps < 0 && f.loading == nil {
				f.loading = err
			}
			err = loading{err}
		}
		return types.WrapErr(err)
	}
	return f.wrap(v)
}

func (f *celFrame) call(index ref.Val, args []ref.Val) ref.Val {
	c := f.leaf.callees[index.(types.Int)]
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
		return types.WrapErr(err)
	}
	return f.wrap(v)
}
