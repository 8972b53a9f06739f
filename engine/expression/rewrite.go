package expression

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/celmap/celmap/engine/function"
)

// rewriter makes an expression null-safe and ties it to frames: what has a
// native form and reads no comprehension variable becomes @native(i);
// selections, comparisons, arithmetic and objects become calls of our own.
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

// mark notes that the part of the leaf with that id can fail as at.
func (r *rewriter) mark(id int64, at *site, operands ...ast.Expr) {
	w := watchedSite{site: at}
	for _, x := range operands {
		w.operands = append(w.operands, x.ID())
	}
	r.leaf.sites[id] = w
}

func (r *rewriter) id() int64 { r.nextID++; return r.nextID }

func (r *rewriter) int(n int) ast.Expr { return r.fac.NewLiteral(r.id(), types.Int(n)) }

func (r *rewriter) text(s string) ast.Expr { return r.fac.NewLiteral(r.id(), types.String(s)) }

// dyn hides the type of x from the checker, where values of several types may stand.
func (r *rewriter) dyn(x ast.Expr) ast.Expr { return r.fac.NewCall(r.id(), "dyn", x) }

func (r *rewriter) all(list []ast.Expr, bound []string) []ast.Expr {
	out := make([]ast.Expr, len(list))
	for i, x := range list {
		out[i] = r.rewrite(x, bound)
	}
	return out
}

func (r *rewriter) rewrite(e ast.Expr, bound []string) ast.Expr {
	if !r.uses(e, bound) && r.hoistable(e) {
		r.leaf.natives = append(r.leaf.natives, r.compile(e))
		return r.helper(e, celNative, r.int(len(r.leaf.natives)-1))
	}
	switch e.Kind() {
	case ast.LiteralKind:
		if e.AsLiteral() == types.NullValue {
			return r.dyn(e)
		}
	case ast.SelectKind:
		s := e.AsSelect()
		return r.helper(e, celGet, r.rewrite(s.Operand(), bound), r.text(s.FieldName()))
	case ast.ListKind:
		return r.fac.NewList(e.ID(), r.all(e.AsList().Elements(), bound), e.AsList().OptionalIndices())
	case ast.MapKind:
		var entries, keys []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			m := entry.AsMapEntry()
			if k := m.Key(); k.Kind() == ast.LiteralKind && k.AsLiteral().Type() != types.StringType {
				r.badKey(k)
			}
			keys = append(keys, m.Key())
			entries = append(entries, r.rewrite(m.Key(), bound), r.rewrite(m.Value(), bound))
		}
		r.mark(e.ID(), r.site(e, "keys", keys...), keys...)
		return r.helper(e, celObject, r.dyn(r.dynList(entries)))
	case ast.CallKind:
		return r.rewriteCall(e, bound)
	case ast.ComprehensionKind:
		return r.rewriteComprehension(e, bound)
	}
	return e
}

// hidden reports whether a variable comes from a macro and not from the author.
func hidden(name string) bool { return strings.HasPrefix(name, "@") || strings.HasPrefix(name, "#") }

func (r *rewriter) rewriteComprehension(e ast.Expr, bound []string) ast.Expr {
	x := e.AsComprehension()
	names := []string{x.IterVar(), x.AccuVar()}
	if x.HasIterVar2() {
		names = append(names, x.IterVar2())
	}
	for _, name := range names {
		if !hidden(name) {
			r.declare(r.variable(e, name), name, bound)
		}
	}
	inner := append(slices.Clone(bound), names...)
	if call, ok := r.source.GetMacroCall(e.ID()); ok {
		r.markMacro(e, call.AsCall())
	}
	over := r.fresh(celRange, r.rewrite(x.IterRange(), bound), r.loop(e, x.LoopCondition(), x.LoopStep()))
	init, cond := r.rewrite(x.AccuInit(), bound), r.rewrite(x.LoopCondition(), inner)
	step, result := r.rewrite(x.LoopStep(), inner), r.rewrite(x.Result(), inner)
	if x.HasIterVar2() {
		return r.fac.NewComprehensionTwoVar(e.ID(), over, x.IterVar(), x.IterVar2(), x.AccuVar(), init, cond, step, result)
	}
	return r.fac.NewComprehension(e.ID(), over, x.IterVar(), x.AccuVar(), init, cond, step, result)
}

// markMacro notes that what a macro expands to can fail.
func (r *rewriter) markMacro(e ast.Expr, call ast.CallExpr) {
	over := call.Target()
	if !call.IsMemberFunction() && len(call.Args()) > 0 {
		over = call.Args()[0]
	}
	name := "walk"
	switch call.FunctionName() {
	case "sortBy", "optMap", "optFlatMap":
		name = call.FunctionName()
	}
	r.mark(e.ID(), r.site(e, name, over), over)
}

// markCall notes that a call can fail. Of those that macros add, the condition
// of the author is what does.
func (r *rewriter) markCall(e ast.Expr, name string, args []ast.Expr) {
	if call, ok := r.source.GetMacroCall(e.ID()); ok && !strings.HasPrefix(name, "math.") {
		r.markMacro(e, call.AsCall())
		return
	}
	if r.ownIDs[e.ID()] {
		r.mark(e.ID(), r.siteOf(e, name, args), args...)
		return
	}
	switch name {
	case operators.LogicalAnd, operators.LogicalOr, operators.Conditional:
		for _, x := range args {
			if r.ownIDs[x.ID()] {
				r.mark(e.ID(), r.site(x, "condition", x), x)
				return
			}
		}
	}
}

// loop notes a loop of the leaf, and returns its index.
func (r *rewriter) loop(e ast.Expr, body ...ast.Expr) ast.Expr {
	l := loop{span: r.span(e), text: r.compiler.text}
	for _, x := range body {
		l.work += nodes(x)
	}
	l.work = 1 + l.work>>2
	r.leaf.loops = append(r.leaf.loops, l)
	return r.int(len(r.leaf.loops) - 1)
}

// variable finds where the author wrote the variable of a comprehension: in the
// macro that became e, or (optMap, sortBy) in one around it.
func (r *rewriter) variable(e ast.Expr, name string) ast.Expr {
	calls := r.source.MacroCalls()
	ids := append([]int64{e.ID()}, slices.Sorted(maps.Keys(calls))...)
	for _, id := range ids {
		if call := calls[id]; call != nil {
			for _, x := range call.AsCall().Args() {
				if x.Kind() == ast.IdentKind && x.AsIdent() == name {
					return x
				}
			}
		}
	}
	return e
}

// dynList is a list whose elements may be of any types.
func (r *rewriter) dynList(elements []ast.Expr) ast.Expr {
	for i, x := range elements {
		elements[i] = r.dyn(x)
	}
	return r.fac.NewList(r.id(), elements, nil)
}

// own are the operators that CEL does not compute itself, see operator.go.
var own = map[string]string{
	operators.Add: celAdd, operators.Subtract: celSubtract, operators.Multiply: celMultiply,
	operators.Divide: celDivide, operators.Modulo: celModulo,
	operators.In: celIn, operators.OldIn: celIn, operators.Index: celGet,
	operators.OptIndex: celOptional, operators.OptSelect: celOptional,
	mapInsert: celInsert, sortByKeys: celSort,
}

func (r *rewriter) rewriteCall(e ast.Expr, bound []string) ast.Expr {
	name, args := r.called(e, bound)
	r.markCall(e, name, args)
	if m := r.method(e, name); m != nil {
		if !r.checkMethod(e, name, m, args) {
			return e
		}
		return r.callee(e, r.prepareMethod(m, args), r.all(args, bound))
	}
	if name == "size" && len(args) == 1 {
		return r.helper(e, celSize, r.all(args, bound)...)
	}
	if isMethod(e, name) {
		if !r.known(e, name) {
			return e
		}
		switch args := r.all(args, bound); name {
		case sortByKeys:
			return r.helper(e, celSort, args...)
		case "sort":
			if len(args) == 1 {
				return r.helper(e, celSort, args[0], args[0])
			}
			fallthrough
		default:
			return r.fac.NewMemberCall(e.ID(), name, r.fresh(celPaid, args[0]), args[1:]...)
		}
	}
	switch name {
	case operators.Add:
		if args[0].Kind() == ast.IdentKind && hidden(args[0].AsIdent()) {
			// the result of a macro grows; cel-go has it grow in place
			return r.fac.NewCall(e.ID(), name, r.all(args, bound)...)
		}
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return r.helper(e, celCompare, append([]ast.Expr{r.text(strings.Trim(name, "_"))}, r.all(args, bound)...)...)
	case operators.Conditional:
		branches := r.all(args, bound)
		return r.fac.NewCall(e.ID(), name, branches[0], r.dyn(branches[1]), r.dyn(branches[2]))
	case "string":
		if len(args) == 1 {
			return r.helper(e, celText, r.all(args, bound)...)
		}
	case "has":
		return r.rewriteHas(e, args, bound)
	case "first":
		return r.rewriteFirst(e, args, bound)
	}
	if op := own[name]; op != "" {
		return r.helper(e, op, r.all(args, bound)...)
	}
	if fn := r.scope.Function(name); fn != nil {
		if !r.arity(e, name, len(args), len(fn.Args), len(fn.Args), strings.Join(fn.Args, ", ")) {
			return e
		}
		return r.callee(e, fn, r.all(args, bound))
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
		return r.callee(e, r.prepare(e, fn, constants), r.all(args, bound))
	}
	if !r.known(e, name) {
		return e
	}
	out := r.all(args, bound)
	if name == operators.Negate || name == "int" || name == "uint" || name == "double" || strings.HasPrefix(name, "math.") {
		for i, x := range out { // these know the numbers of CEL only
			if out[i].Kind() != ast.LiteralKind {
				out[i] = r.fresh(celPlain, x)
			}
		}
	}
	for range readsAll[name] {
		for i, x := range out {
			if x.Kind() != ast.LiteralKind {
				out[i] = r.fresh(celPaid, x)
			}
		}
	}
	return r.fac.NewCall(e.ID(), name, out...)
}

// rewriteHas is has(path) inside a comprehension, or where all is CEL.
func (r *rewriter) rewriteHas(e ast.Expr, args []ast.Expr, bound []string) ast.Expr {
	if len(args) == 1 {
		switch a := args[0]; {
		case a.Kind() == ast.SelectKind:
			return r.helper(e, celHas, r.rewrite(a.AsSelect().Operand(), bound), r.text(a.AsSelect().FieldName()))
		case a.Kind() == ast.CallKind && a.AsCall().FunctionName() == operators.Index:
			return r.helper(e, celHas, r.all(a.AsCall().Args(), bound)...)
		case a.Kind() == ast.IdentKind && !slices.Contains(bound, a.AsIdent()):
			r.leaf.natives = append(r.leaf.natives, r.presence(e, args))
			return r.helper(e, celNative, r.int(len(r.leaf.natives)-1))
		}
	}
	r.badHas(e)
	return e
}

func (r *rewriter) callee(e ast.Expr, c callee, args []ast.Expr) ast.Expr {
	r.leaf.callees = append(r.leaf.callees, c)
	return r.helper(e, celCall, append([]ast.Expr{r.int(len(r.leaf.callees) - 1)}, args...)...)
}

// rewriteFirst turns first(list, x, condition) inside a comprehension into a
// loop that stops at the first hit.
func (r *rewriter) rewriteFirst(e ast.Expr, args []ast.Expr, bound []string) ast.Expr {
	if !r.checkFirst(e, args, bound) {
		return e
	}
	name := args[1].AsIdent()
	inner := append(slices.Clone(bound), name)
	found := func() ast.Expr { return r.fac.NewIdent(r.id(), firstResult) }
	empty := func() ast.Expr {
		return r.fac.NewCall(r.id(), operators.Equals, r.fac.NewCall(r.id(), "size", found()), r.int(0))
	}
	choice := r.id()
	r.mark(choice, r.site(args[2], "condition", args[2]), args[2])
	loop := r.fac.NewComprehension(r.id(),
		r.fresh(celElements, r.rewrite(args[0], bound), r.loop(e, args[2])), name, firstResult,
		r.dyn(r.fac.NewList(r.id(), nil, nil)),
		empty(),
		r.fac.NewCall(choice, operators.Conditional, r.rewrite(args[2], inner),
			r.dyn(r.dynList([]ast.Expr{r.fac.NewIdent(r.id(), name)})), found()),
		found())
	return r.helper(e, celGet, loop, r.int(0))
}

// uses reports whether e reads one of the variables.
func (c *compiler) uses(e ast.Expr, bound []string) bool {
	if len(bound) == 0 {
		return false
	}
	if e.Kind() == ast.IdentKind {
		return slices.Contains(bound, e.AsIdent())
	}
	return slices.ContainsFunc(parts(e), func(x ast.Expr) bool { return c.uses(x, bound) })
}

// hoistable reports whether the native compiler has a form for the top of e.
func (r *rewriter) hoistable(e ast.Expr) bool {
	switch e.Kind() {
	case ast.IdentKind:
		return true
	case ast.SelectKind:
		return !r.options.CEL
	case ast.MapKind:
		return !r.options.CEL && e.AsMap().Size() > 0 && constantKeys(e)
	case ast.CallKind:
		if r.options.CEL {
			return false
		}
		name, args := r.called(e, nil)
		if r.method(e, name) != nil || name == "size" && len(args) == 1 {
			return true
		}
		return !isMethod(e, name) && (name == operators.Index || name == "has" || name == "first" ||
			r.scope.Function(name) != nil || r.scope.Builtin(name) != nil)
	}
	return false
}

// constantKeys reports whether an object has the keys that rules write, and no
// optional members.
func constantKeys(e ast.Expr) bool {
	return !slices.ContainsFunc(e.AsMap().Entries(), func(x ast.EntryExpr) bool {
		m := x.AsMapEntry()
		return m.IsOptional() || m.Key().Kind() != ast.LiteralKind
	})
}

// called returns the name of a function and its arguments: of x.f(y), x is the
// first argument, and lists.range(y) is the function lists.range.
func (c *compiler) called(e ast.Expr, bound []string) (name string, args []ast.Expr) {
	call := e.AsCall()
	if !call.IsMemberFunction() {
		return call.FunctionName(), call.Args()
	}
	if t := call.Target(); t.Kind() == ast.IdentKind && !slices.Contains(bound, t.AsIdent()) && !slices.Contains(c.locals, t.AsIdent()) {
		if _, taken := c.scope.Slot(t.AsIdent()); !taken {
			if full := t.AsIdent() + "." + call.FunctionName(); methods[full] != nil || environment().HasFunction(full) {
				return full, call.Args()
			}
		}
	}
	return call.FunctionName(), append([]ast.Expr{call.Target()}, call.Args()...)
}

// method returns the method that a call means: list.flatten() is one, where
// flatten(object) is a function of the table.
func (c *compiler) method(e ast.Expr, name string) *method {
	if !e.AsCall().IsMemberFunction() && (c.scope.Function(name) != nil || c.scope.Builtin(name) != nil) {
		return nil
	}
	return methods[name]
}

// isMethod tells x.f(y) from f(x, y) and from lists.f(y).
func isMethod(e ast.Expr, name string) bool {
	return e.AsCall().IsMemberFunction() && name == e.AsCall().FunctionName()
}

func (c *compiler) badKey(key ast.Expr) {
	c.at(key, "bad-key", "the keys of an object are texts", "put the key in quotes")
}

// checkMethod checks the number of arguments, and a constant pattern.
func (c *compiler) checkMethod(e ast.Expr, name string, m *method, args []ast.Expr) bool {
	if !c.arity(e, name, len(args), m.least, m.most, m.form) {
		return false
	}
	if name == "matches" && args[1].Kind() == ast.LiteralKind {
		if p, ok := args[1].AsLiteral().(types.String); ok {
			if _, err := function.CompilePattern(nil, string(p)); err != nil {
				c.at(args[1], "bad-argument", fmt.Sprintf("matches: the pattern %s", err), "patterns are written in RE2 syntax")
				return false
			}
		}
	}
	return true
}

// prepareMethod compiles a constant pattern once.
func (c *compiler) prepareMethod(m *method, args []ast.Expr) callee {
	if m == methods["matches"] && args[1].Kind() == ast.LiteralKind {
		if p, ok := args[1].AsLiteral().(types.String); ok {
			if compiled, err := function.CompilePattern(nil, string(p)); err == nil {
				return &method{run: matchesPattern(compiled)}
			}
		}
	}
	return m
}
