package expression

import (
	"errors"
	"fmt"
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

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// Names that exist only in rewritten expressions; no author can write an @.
const (
	frameName   = "@frame"
	celNative   = "@native" // (frame, i): the native part i of the leaf
	celCall     = "@call"   // (frame, i, args…): callee i of the leaf
	celGet      = "@get"
	celHas      = "@has"
	celIn       = "@contains"
	celSize     = "@count"
	celRange    = "@range"
	celObject   = "@object"
	celInsert   = "@insert"
	mapInsert   = "cel.@mapInsert" // what cel-go's transformMap expands to
	firstResult = "@found"
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
		ext.Strings(), ext.Lists(), ext.Sets(), ext.Math(), ext.Encoders(), ext.TwoVarComprehensions(),
		cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(64), cel.ParserExpressionSizeLimit(8192),
		cel.Variable(frameName, cel.DynType),
		helper(celNative, 1, cel.DynType, func(f *celFrame, args []ref.Val) ref.Val { return f.native(args[0]) }),
		helper(celGet, 2, cel.DynType, func(f *celFrame, args []ref.Val) ref.Val {
			return f.wrap(member(f.node(args[0]), f.node(args[1])))
		}),
		helper(celHas, 2, cel.BoolType, func(f *celFrame, args []ref.Val) ref.Val {
			return types.Bool(member(f.node(args[0]), f.node(args[1])) != nil)
		}),
		helper(celIn, 2, cel.BoolType, func(f *celFrame, args []ref.Val) ref.Val {
			found, err := contains(f.node(args[1]), f.node(args[0]))
			if err != nil {
				return types.WrapErr(err)
			}
			return types.Bool(found)
		}),
		helper(celSize, 1, cel.IntType, func(f *celFrame, args []ref.Val) ref.Val {
			n, err := size(f.node(args[0]))
			if err != nil {
				return types.WrapErr(err)
			}
			return types.Int(n)
		}),
		helper(celRange, 1, cel.DynType, func(_ *celFrame, args []ref.Val) ref.Val {
			if args[0] == types.NullValue {
				return types.NewRefValList(types.DefaultTypeAdapter, nil)
			}
			return args[0]
		}),
		helper(celObject, 1, cel.DynType, newObject),
		helper(celInsert, 2, cel.DynType, insertAll),
		helper(celInsert, 3, cel.DynType, insert),
	}
	for n := range maxArgs + 1 {
		options = append(options, helper(celCall, n+1, cel.DynType, func(f *celFrame, args []ref.Val) ref.Val {
			return f.call(args[0], args[1:])
		}))
	}
	env, err := cel.NewCustomEnv(append([]cel.EnvOption{cel.StdLib()}, options...)...)
	if err != nil {
		panic(err) // the declarations above are constants of the program
	}
	return env
})

func helper(name string, args int, result *cel.Type, run func(*celFrame, []ref.Val) ref.Val) cel.EnvOption {
	params := make([]*cel.Type, args+1)
	for i := range params {
		params[i] = cel.DynType
	}
	return cel.Function(name, cel.Overload(fmt.Sprintf("%s_%d", name, args), params, result,
		cel.FunctionBinding(func(values ...ref.Val) ref.Val { return run(values[0].(*celFrame), values[1:]) })))
}

// celEval is a part of an expression that runs as a CEL program.
type celEval struct {
	span
	program cel.Program
	result  *types.Type
	natives []eval
	callees []callee
}

type callee struct {
	builtin function.Eval
	user    *Function
}

func (e *celEval) eval(f *Frame) (*value.Node, error) {
	frame := &celFrame{frame: f, leaf: e}
	out, details, err := e.program.Eval(frame)
	if details != nil {
		if cost := details.ActualCost(); cost != nil {
			f.Steps -= int(*cost / 16)
		}
	}
	if err != nil {
		var ours *Error
		if errors.As(err, &ours) {
			return nil, ours
		}
		return nil, e.wrap(err)
	}
	if f.Steps < 0 {
		return nil, e.wrap(errSteps)
	}
	v, err := frame.result(out)
	if err != nil {
		return nil, e.wrap(err)
	}
	if frame.secret && v.Kind() != value.Bool {
		v = f.Arena.MarkSecret(v)
	}
	return v, nil
}

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
	r.leaf.result = checked.OutputType()
	r.leaf.program, err = environment().Program(checked,
		cel.EvalOptions(cel.OptOptimize), cel.CostLimit(c.options.Cost), cel.InterruptCheckFrequency(0))
	if err != nil {
		c.at(e, "bad-expression", err.Error(), "")
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

// rewriter makes an expression null-safe and ties it to frames: what has a
// native form and no comprehension variable becomes @native(i); selections,
// `in`, size and objects become calls of our own.
type rewriter struct {
	*compiler
	leaf *celEval
	fac  ast.ExprFactory
}

// helper makes a call that stands where e stands, for messages.
func (r *rewriter) helper(e ast.Expr, name string, args ...ast.Expr) ast.Expr {
	return r.fac.NewCall(e.ID(), name, append([]ast.Expr{r.fac.NewIdent(r.id(), frameName)}, args...)...)
}

// fresh is helper for a call that the author did not write.
func (r *rewriter) fresh(name string, args ...ast.Expr) ast.Expr {
	return r.fac.NewCall(r.id(), name, append([]ast.Expr{r.fac.NewIdent(r.id(), frameName)}, args...)...)
}

func (r *rewriter) id() int64 { r.nextID++; return r.nextID }

func (r *rewriter) int(n int) ast.Expr { return r.fac.NewLiteral(r.id(), types.Int(n)) }

func (r *rewriter) rewrite(e ast.Expr, bound []string) ast.Expr {
	if !r.uses(e, bound) && r.hoistable(e) {
		r.leaf.natives = append(r.leaf.natives, r.compile(e))
		return r.helper(e, celNative, r.int(len(r.leaf.natives)-1))
	}
	all := func(list []ast.Expr) []ast.Expr {
		out := make([]ast.Expr, len(list))
		for i, x := range list {
			out[i] = r.rewrite(x, bound)
		}
		return out
	}
	switch e.Kind() {
	case ast.LiteralKind:
		if e.AsLiteral() == types.NullValue {
			return r.fac.NewCall(r.id(), "dyn", e)
		}
		return e
	case ast.SelectKind:
		s := e.AsSelect()
		return r.helper(e, celGet, r.rewrite(s.Operand(), bound), r.fac.NewLiteral(r.id(), types.String(s.FieldName())))
	case ast.ListKind:
		return r.fac.NewList(e.ID(), all(e.AsList().Elements()), e.AsList().OptionalIndices())
	case ast.MapKind:
		var entries []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			m := entry.AsMapEntry()
			entries = append(entries, r.rewrite(m.Key(), bound), r.rewrite(m.Value(), bound))
		}
		return r.helper(e, celObject, r.fac.NewCall(r.id(), "dyn", r.dynList(entries)))
	case ast.CallKind:
		return r.rewriteCall(e, bound, all)
	case ast.ComprehensionKind:
		x := e.AsComprehension()
		inner := append(slices.Clone(bound), x.IterVar(), x.AccuVar())
		if x.HasIterVar2() {
			inner = append(inner, x.IterVar2())
		}
		rangeExpr := r.fresh(celRange, r.rewrite(x.IterRange(), bound))
		init, cond := r.rewrite(x.AccuInit(), bound), r.rewrite(x.LoopCondition(), inner)
		step, result := r.rewrite(x.LoopStep(), inner), r.rewrite(x.Result(), inner)
		if x.HasIterVar2() {
			return r.fac.NewComprehensionTwoVar(e.ID(), rangeExpr, x.IterVar(), x.IterVar2(), x.AccuVar(), init, cond, step, result)
		}
		return r.fac.NewComprehension(e.ID(), rangeExpr, x.IterVar(), x.AccuVar(), init, cond, step, result)
	}
	return e
}

// dynList is a list whose elements may be of any types.
func (r *rewriter) dynList(elements []ast.Expr) ast.Expr {
	for i, x := range elements {
		elements[i] = r.fac.NewCall(r.id(), "dyn", x)
	}
	return r.fac.NewList(r.id(), elements, nil)
}

func (r *rewriter) rewriteCall(e ast.Expr, bound []string, all func([]ast.Expr) []ast.Expr) ast.Expr {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if call.IsMemberFunction() {
		return r.fac.NewMemberCall(e.ID(), name, r.rewrite(call.Target(), bound), all(args)...)
	}
	switch name {
	case operators.Index:
		return r.helper(e, celGet, all(args)...)
	case operators.In, operators.OldIn:
		return r.helper(e, celIn, all(args)...)
	case "size":
		if len(args) == 1 {
			return r.helper(e, celSize, all(args)...)
		}
	case mapInsert:
		return r.helper(e, celInsert, all(args)...)
	case "has":
		if len(args) == 1 && args[0].Kind() == ast.SelectKind {
			s := args[0].AsSelect()
			return r.helper(e, celHas, r.rewrite(s.Operand(), bound), r.fac.NewLiteral(r.id(), types.String(s.FieldName())))
		}
		if len(args) == 1 && args[0].Kind() == ast.CallKind && args[0].AsCall().FunctionName() == operators.Index {
			return r.helper(e, celHas, all(args[0].AsCall().Args())...)
		}
		r.presence(e, nil) // reports the misuse
		return e
	case "first":
		return r.rewriteFirst(e, args, bound)
	}
	if fn := r.scope.Function(name); fn != nil {
		if r.arity(e, name, len(args), len(fn.Args), len(fn.Args), fmt.Sprint(fn.Args)) {
			return r.callee(e, callee{user: fn}, all(args))
		}
		return e
	}
	if fn := r.scope.Builtin(name); fn != nil {
		if !r.checkBuiltin(e, fn, len(args)) {
			return e
		}
		constants := make([]eval, len(args))
		for i, x := range args {
			if x.Kind() == ast.LiteralKind {
				constants[i] = r.compile(x)
			}
		}
		return r.callee(e, callee{builtin: r.prepare(e, fn, constants)}, all(args))
	}
	if !environment().HasFunction(name) {
		r.call(e) // reports the unknown name
		return e
	}
	return r.fac.NewCall(e.ID(), name, all(args)...)
}

func (r *rewriter) callee(e ast.Expr, c callee, args []ast.Expr) ast.Expr {
	r.leaf.callees = append(r.leaf.callees, c)
	return r.helper(e, celCall, append([]ast.Expr{r.int(len(r.leaf.callees) - 1)}, args...)...)
}

// rewriteFirst turns first(list, x, condition) inside a comprehension into a
// loop that stops at the first hit.
func (r *rewriter) rewriteFirst(e ast.Expr, args []ast.Expr, bound []string) ast.Expr {
	if len(args) != 3 || args[1].Kind() != ast.IdentKind {
		r.first(e, args) // reports the misuse
		return e
	}
	name, accu := args[1].AsIdent(), firstResult
	inner := append(slices.Clone(bound), name)
	found := func() ast.Expr { return r.fac.NewIdent(r.id(), accu) }
	empty := func() ast.Expr {
		return r.fac.NewCall(r.id(), operators.Equals, r.fresh(celSize, found()), r.int(0))
	}
	loop := r.fac.NewComprehension(r.id(),
		r.fresh(celRange, r.rewrite(args[0], bound)), name, accu,
		r.fac.NewCall(r.id(), "dyn", r.fac.NewList(r.id(), nil, nil)),
		empty(),
		r.fac.NewCall(r.id(), operators.Conditional, r.rewrite(args[2], inner),
			r.fac.NewCall(r.id(), "dyn", r.dynList([]ast.Expr{r.fac.NewIdent(r.id(), name)})), found()),
		found())
	return r.helper(e, celGet, loop, r.int(0))
}

// uses reports whether e reads one of the variables.
func (r *rewriter) uses(e ast.Expr, bound []string) bool {
	if len(bound) == 0 {
		return false
	}
	if e.Kind() == ast.IdentKind {
		return slices.Contains(bound, e.AsIdent())
	}
	return slices.ContainsFunc(parts(e), func(x ast.Expr) bool { return r.uses(x, bound) })
}

// hoistable reports whether the native compiler has a form for the top of e.
func (r *rewriter) hoistable(e ast.Expr) bool {
	switch e.Kind() {
	case ast.IdentKind, ast.SelectKind:
		return true
	case ast.MapKind:
		return !r.options.CEL && !slices.ContainsFunc(e.AsMap().Entries(), func(x ast.EntryExpr) bool {
			return x.AsMapEntry().IsOptional() || x.AsMapEntry().Key().Kind() != ast.LiteralKind
		}) && e.AsMap().Size() > 0
	case ast.CallKind:
		call := e.AsCall()
		name := call.FunctionName()
		if call.IsMemberFunction() {
			return false
		}
		if name == operators.Index || name == "has" || name == "first" || name == "size" && len(call.Args()) == 1 {
			return !r.options.CEL || name == operators.Index
		}
		return !r.options.CEL && (r.scope.Function(name) != nil || r.scope.Builtin(name) != nil)
	}
	return false
}

// celFrame is the activation of one leaf, and the value of its one variable.
type celFrame struct {
	frame  *Frame
	leaf   *celEval
	secret bool // a secret was read on the way
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

func (f *celFrame) native(index ref.Val) ref.Val {
	v, err := f.leaf.natives[index.(types.Int)].eval(f.frame)
	if err != nil {
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
	var v *value.Node
	var err error
	if c.user != nil {
		v, err = f.frame.Call(c.user, nodes...)
	} else {
		v, err = invoke(f.frame, c.builtin, nodes)
	}
	if err != nil {
		return types.WrapErr(err)
	}
	return f.wrap(v)
}
