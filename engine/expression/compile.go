package expression

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// Program is a compiled expression, immutable and safe for concurrent use.
type Program struct {
	Text  string
	root  eval
	slots []int
	reads []*pathEval
	tree  *tree
}

// Eval runs the program. The result is valid as long as the frame's arena; nil
// is an absent value. An error is an *Error, or what the Loader returned.
//
// It may run while another program of the same frame does, because that one
// loads a name: each has locals of its own.
func (p *Program) Eval(f *Frame) (*value.Node, error) {
	base := f.base
	f.base = len(f.locals)
	v, err := p.root.eval(f)
	f.base = base
	if err != nil {
		return nil, f.explain(err)
	}
	return v, nil
}

// Slots lists the names that the program reads, as slots of its scope.
func (p *Program) Slots() []int { return p.slots }

// Reads calls visit for each path that the program reads: what is known of it
// at load, up to the first computed step.
func (p *Program) Reads(visit func(slot int, steps Path)) {
	for _, r := range p.reads {
		visit(r.slot, r.steps)
	}
}

// Path returns the slot and the steps of a program that is nothing but a path.
func (p *Program) Path() (slot int, steps Path, ok bool) {
	e, ok := p.root.(*pathEval)
	if !ok {
		return 0, nil, false
	}
	return e.slot, e.steps, true
}

// Constant returns the value of a program that is a literal.
func (p *Program) Constant() (*value.Node, bool) {
	c, ok := p.root.(constant)
	return c.v, ok
}

// Compile compiles one expression of CEL in a scope.
func Compile(text string, scope Scope, want Want, options Options) (*Program, []Problem) {
	c := &compiler{text: text, scope: scope, options: options.withDefaults()}
	root := c.compileText(want)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	slices.Sort(c.slots)
	return &Program{Text: text, root: root, slots: slices.Compact(c.slots), reads: c.reads, tree: c.tree(want)}, nil
}

// CompileFunction compiles the body of a function written in rules.
// Other such functions may be called if scope knows them already.
func CompileFunction(name string, args []string, body string, scope Scope, options Options) (*Function, []Problem) {
	c := &compiler{text: body, scope: scope, options: options.withDefaults(), locals: slices.Clone(args)}
	root := c.compileText(Anything)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return &Function{Name: name, Args: args, body: root, tree: c.tree(Anything), work: c.work, takes: c.takes}, nil
}

type compiler struct {
	text     string
	scope    Scope
	options  Options
	parsed   ast.Expr
	source   *ast.SourceInfo
	locals   []string // arguments of the function, then the variables of enclosing firsts
	slots    []int
	reads    []*pathEval
	problems []Problem
	nextID   int64
	ownIDs   map[int64]bool // nodes that the author wrote
	offsets  []int          // of the characters of text
	work     int            // steps of one evaluation, without those of loops and calls
	takes    bounds         // steps of one evaluation, as far as they are known
	static   value.Arena    // literals live as long as the program
}

func (c *compiler) compileText(want Want) eval {
	if strings.TrimSpace(c.text) == "" {
		c.problem(0, len(c.text), "empty-expression", "an expression is expected here, and there is none", "write one, such as traits.email != null")
		return nil
	}
	if len(c.text) > c.options.Length {
		c.problem(0, len(c.text), "expression-too-long", fmt.Sprintf("the expression has %d bytes, at most %d are allowed", len(c.text), c.options.Length), "split it with `let`")
		return nil
	}
	parsed, issues := environment().Parse(c.text)
	if issues.Err() != nil {
		c.unreadable(issues)
		return nil
	}
	native := parsed.NativeRep()
	c.parsed, c.source = native.Expr(), native.SourceInfo()
	c.nextID = ast.MaxID(native) + 1
	c.ownIDs = c.own(native.Expr(), map[int64]bool{})
	c.doubt(native.Expr())
	doubts := slices.Clone(c.problems)
	compile := c.compile
	if c.options.CEL {
		compile = c.leaf
	}
	c.work = work(native.Expr())
	c.estimate(native.Expr())
	root := compile(native.Expr())
	c.dropFollowing(doubts)
	if want == Condition && root != nil && len(c.problems) == 0 {
		c.needCondition(root, native.Expr())
	}
	return root
}

// dropFollowing drops problems inside of what is doubted already.
func (c *compiler) dropFollowing(doubts []Problem) {
	n := len(doubts)
	c.problems = append(doubts, slices.DeleteFunc(slices.Clone(c.problems[n:]), func(p Problem) bool {
		return slices.ContainsFunc(doubts, func(d Problem) bool { return p.From < d.To && d.From < p.To })
	})...)
}

func (c *compiler) needCondition(root eval, e ast.Expr) {
	kind := ""
	switch r := root.(type) {
	case constant:
		if r.v.Kind() != value.Bool {
			kind = "always " + value.Preview(r.v)
		}
	case *listEval:
		kind = "a list"
	case *objectEval:
		kind = "an object"
	case *sizeEval:
		kind = "a number"
	case *celEval:
		if t := r.result; t != nil && t.Kind() != types.BoolKind && t.Kind() != types.DynKind {
			kind = "a value of type " + typeWord(t.TypeName())
		}
	}
	if kind != "" {
		c.at(e, "not-a-condition", "a condition has to be true or false, this is "+kind, "compare it with something: x == 1, x != null")
	}
}

func (c *compiler) problem(from, to int, code, message, help string) {
	c.problems = append(c.problems, Problem{From: from, To: to, Code: code, Message: message, Help: help})
}

func (c *compiler) at(e ast.Expr, code, message, help string) {
	s := c.span(e)
	c.problem(s.from, s.to, code, message, help)
}

// span returns the bytes that e covers, with the brackets that belong to it.
func (c *compiler) span(e ast.Expr) span {
	s := span{len(c.text), 0}
	c.extent(e, &s)
	if s.from >= s.to {
		return span{0, len(c.text)}
	}
	return balanced(c.text, s)
}

// extent widens s to what e and its parts cover in the text.
func (c *compiler) extent(e ast.Expr, s *span) {
	if r, ok := c.source.GetOffsetRange(e.ID()); ok {
		from := c.offset(int(r.Start))
		if e.Kind() == ast.CallKind && !e.AsCall().IsMemberFunction() { // the place of f(x) is its bracket
			if name := strings.TrimRight(c.text[:from], " \t\r\n"); strings.HasPrefix(c.text[from:], "(") {
				from = len(strings.TrimSuffix(name, e.AsCall().FunctionName()))
			}
		}
		name := from
		if e.Kind() == ast.SelectKind { // the place of a.b is its point
			name += len(c.text[from:]) - len(strings.TrimLeft(c.text[from:], ". \t\r\n"))
		}
		s.from = min(s.from, from)
		s.to = max(s.to, c.offset(int(r.Stop)), tokenEnd(c.text, name))
	}
	if call, ok := c.source.GetMacroCall(e.ID()); ok {
		e = call // what a macro expands to is not in the text
	}
	for _, part := range parts(e) {
		c.extent(part, s)
	}
}

// offset returns the byte where the character i of the text starts.
func (c *compiler) offset(i int) int {
	if c.offsets == nil {
		for at := range c.text {
			c.offsets = append(c.offsets, at)
		}
	}
	if i >= len(c.offsets) {
		return len(c.text)
	}
	return c.offsets[max(i, 0)]
}

// balanced widens s until each bracket in it has its partner.
func balanced(text string, s span) span {
	var open []byte
	for i := s.from; i < len(text) && (i < s.to || len(open) > 0); i++ {
		switch ch := text[i]; ch {
		case '"', '\'':
			for i++; i < len(text) && text[i] != ch; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '(', '[', '{':
			open = append(open, ch)
		case ')', ']', '}':
			if len(open) > 0 {
				open = open[:len(open)-1]
			} else if at := strings.LastIndexByte(text[:s.from], map[byte]byte{')': '(', ']': '[', '}': '{'}[ch]); at >= 0 {
				s.from = at
			}
		}
		s.to = min(max(s.to, i+1), len(text))
	}
	return s
}

func parts(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return append([]ast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		var all []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			m := entry.AsMapEntry()
			all = append(all, m.Key(), m.Value())
		}
		return all
	case ast.ComprehensionKind:
		x := e.AsComprehension()
		return []ast.Expr{x.IterRange(), x.AccuInit(), x.LoopCondition(), x.LoopStep(), x.Result()}
	}
	return nil
}

// compile builds the native form of e, which must not use variables of an
// enclosing comprehension: those live in CEL only.
func (c *compiler) compile(e ast.Expr) eval {
	switch e.Kind() {
	case ast.LiteralKind:
		if v, ok := c.literal(e.AsLiteral()); ok {
			return constant{v.Freeze()}
		}
	case ast.IdentKind:
		return c.ident(e)
	case ast.SelectKind:
		s := e.AsSelect()
		return c.selection(e, s.Operand(), c.name(s.FieldName()))
	case ast.ListKind:
		l := &listEval{}
		if len(e.AsList().OptionalIndices()) > 0 {
			break
		}
		for _, x := range e.AsList().Elements() {
			l.elements = append(l.elements, c.compile(x))
		}
		return c.fold(l, l.elements...)
	case ast.MapKind:
		if o := c.object(e); o != nil {
			return o
		}
	case ast.CallKind:
		if x := c.call(e); x != nil {
			return x
		}
	}
	return c.leaf(e)
}

// foldSteps bounds the work of one call at load.
const foldSteps = 100

// fold evaluates a list or object of constants once.
func (c *compiler) fold(e eval, of ...eval) eval {
	for _, x := range of {
		if _, ok := x.(constant); !ok {
			return e
		}
	}
	v, err := e.eval(&Frame{Arena: &c.static, Steps: foldSteps})
	if err != nil {
		return e
	}
	return constant{v.Freeze()}
}

// name is a constant text that rules did not write as a literal.
func (c *compiler) name(s string) eval { return constant{c.static.String(s).Freeze()} }

func (c *compiler) literal(v ref.Val) (*value.Node, bool) {
	switch x := v.(type) {
	case types.Bool:
		return value.BoolNode(bool(x)), true
	case types.Int:
		return c.static.Int(int64(x)), true
	case types.Double:
		return c.static.Float(float64(x)), true
	case types.String:
		return c.static.String(string(x)), true
	case types.Null:
		return value.NullNode(), true
	}
	return nil, false
}

func (c *compiler) ident(e ast.Expr) eval {
	name := e.AsIdent()
	if i := slices.Index(c.locals, name); i >= 0 {
		return &localEval{index: i}
	}
	slot, ok := c.scope.Slot(name)
	if !ok {
		c.unknownName(e, name)
		return constant{}
	}
	c.slots = append(c.slots, slot)
	return c.reading(&pathEval{slot: slot})
}

// reading notes a path that the program reads.
func (c *compiler) reading(p *pathEval) *pathEval {
	c.reads = append(c.reads, p)
	return p
}

// selection compiles operand.key or operand[key], extending a path where it can.
func (c *compiler) selection(e, operand ast.Expr, key eval) eval {
	x := c.compile(operand)
	step, constantKey := constantStep(key)
	if constantKey {
		switch p := x.(type) {
		case *pathEval:
			steps := append(slices.Clone(p.steps), step)
			c.reads = slices.DeleteFunc(c.reads, func(x *pathEval) bool { return x == p }) // it is read as a part of the longer one
			return c.reading(&pathEval{slot: p.slot, steps: steps, work: steps.work()})
		case *localEval:
			steps := append(slices.Clone(p.steps), step)
			return &localEval{index: p.index, steps: steps, work: steps.work()}
		}
	}
	return &getEval{site: c.site(e, "[]"), operand: x, key: key}
}

func constantStep(key eval) (Step, bool) {
	k, ok := key.(constant)
	if !ok {
		return Step{}, false
	}
	switch k.v.Kind() {
	case value.String:
		return Step{Name: k.v.Text()}, true
	case value.Number:
		if i, ok := k.v.Int(); ok && i >= 0 && i < 1<<20 {
			return Step{Index: int(i), IsIndex: true}, true
		}
	}
	return Step{}, false
}

func (c *compiler) object(e ast.Expr) eval {
	if !constantKeys(e) {
		return nil
	}
	o := &objectEval{}
	for _, entry := range e.AsMap().Entries() {
		m := entry.AsMapEntry()
		key, ok := m.Key().AsLiteral().(types.String)
		if !ok {
			c.badKey(m.Key())
			return constant{}
		}
		o.keys = append(o.keys, string(key))
		o.values = append(o.values, c.compile(m.Value()))
	}
	return c.fold(o, o.values...)
}

// call compiles the calls that have a native form; nil leaves e to CEL.
func (c *compiler) call(e ast.Expr) eval {
	name, args := c.called(e, nil)
	at := c.siteOf(e, name, args)
	arg := func(i int) eval { return c.compile(args[i]) }
	all := func() []eval {
		out := make([]eval, len(args))
		for i := range args {
			out[i] = arg(i)
		}
		return out
	}
	if m := c.method(e, name); m != nil {
		if !c.checkMethod(e, name, m, args) {
			return constant{}
		}
		return &callEval{at, c.prepareMethod(m, args), all()}
	}
	if name == "size" && len(args) == 1 {
		return &sizeEval{at, arg(0)}
	}
	if isMethod(e, name) {
		return nil
	}
	switch name {
	case operators.LogicalAnd, operators.LogicalOr:
		return &logicEval{at, arg(0), arg(1), name == operators.LogicalOr}
	case operators.LogicalNot:
		return &notEval{at, arg(0)}
	case operators.Equals, operators.NotEquals:
		return &equalEval{at, arg(0), arg(1), name == operators.NotEquals}
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		if temporal(args[0]) || temporal(args[1]) {
			return nil
		}
		return &orderEval{at, arg(0), arg(1), strings.Trim(name, "_")}
	case operators.In, operators.OldIn:
		return &inEval{at, arg(0), arg(1)}
	case operators.Conditional:
		return &conditionalEval{at, arg(0), arg(1), arg(2)}
	case operators.Index:
		return c.selection(e, args[0], arg(1))
	case "has":
		return c.presence(e, args)
	case "first":
		return c.first(e, args)
	}
	if fn := c.scope.Function(name); fn != nil {
		if !c.arity(e, name, len(args), len(fn.Args), len(fn.Args), strings.Join(fn.Args, ", ")) {
			return constant{}
		}
		return &callEval{at, fn, all()}
	}
	if fn := c.scope.Builtin(name); fn != nil {
		if !c.checkBuiltin(e, fn, len(args)) {
			return constant{}
		}
		x := &callEval{site: at, args: all()}
		x.fn = c.prepare(e, fn, x.args)
		return c.fold(x, x.args...)
	}
	if !c.known(e, name) {
		return constant{}
	}
	return nil
}

// temporal reports whether e is an instant or a span of time: these are values
// of CEL only, and are ordered there.
func temporal(e ast.Expr) bool {
	if e.Kind() != ast.CallKind || e.AsCall().IsMemberFunction() {
		return false
	}
	switch call := e.AsCall(); call.FunctionName() {
	case "timestamp", "duration":
		return true
	case operators.Add, operators.Subtract, operators.Conditional:
		return slices.ContainsFunc(call.Args(), temporal)
	}
	return false
}

func (c *compiler) checkBuiltin(e ast.Expr, fn *function.Function, n int) bool {
	least, names := 0, make([]string, len(fn.Params))
	for i, p := range fn.Params {
		names[i] = p.Name
		if !p.Optional {
			least++
		}
	}
	most := len(fn.Params)
	if fn.Variadic {
		most = maxArgs
	}
	return c.arity(e, fn.Name, n, least, most, strings.Join(names, ", "))
}

func (c *compiler) arity(e ast.Expr, name string, n, least, most int, params string) bool {
	if n >= least && n <= most {
		return true
	}
	given := fmt.Sprintf("%d arguments", n)
	if n == 1 {
		given = "1 argument"
	}
	c.at(e, "wrong-arguments", fmt.Sprintf("%s is called with %s", name, given), fmt.Sprintf("its form is %s(%s)", name, params))
	return false
}

// prepare lets a function with constant arguments do their part at load.
func (c *compiler) prepare(e ast.Expr, fn *function.Function, args []eval) callee {
	if fn.Prepare == nil {
		return builtin(fn.Eval)
	}
	constants := make([]*value.Node, len(args))
	for i, x := range args {
		if k, ok := x.(constant); ok {
			constants[i] = k.v
		}
	}
	run, err := fn.Prepare(constants)
	if err != nil {
		var refused *function.Error
		if errors.As(err, &refused) && refused.Arg < len(args) {
			_, written := c.called(e, nil)
			e = written[refused.Arg]
		}
		c.at(e, "bad-argument", err.Error(), "")
	}
	if run == nil {
		return builtin(fn.Eval)
	}
	return builtin(run)
}

func (c *compiler) presence(e ast.Expr, args []ast.Expr) eval {
	if len(args) == 1 {
		a := args[0]
		if k := a.Kind(); k == ast.SelectKind || k == ast.IdentKind || k == ast.CallKind && a.AsCall().FunctionName() == operators.Index {
			return &hasEval{c.compile(a)}
		}
	}
	c.badHas(e)
	return constant{}
}

func (c *compiler) badHas(e ast.Expr) {
	c.at(e, "bad-has", "has asks whether a field is there, and needs one path", `write has(traits.email) or has(traits["Sign up"])`)
}

func (c *compiler) first(e ast.Expr, args []ast.Expr) eval {
	if !c.checkFirst(e, args, nil) {
		return constant{}
	}
	x := &firstEval{site: c.site(e, "first", args[0]), list: c.compile(args[0]), local: len(c.locals), work: work(args[2])}
	c.locals = append(c.locals, args[1].AsIdent())
	x.when = c.compile(args[2])
	x.condition = c.site(args[2], "condition", args[2])
	c.locals = c.locals[:len(c.locals)-1]
	return x
}

// checkFirst checks the form of first, and that its variable is new.
func (c *compiler) checkFirst(e ast.Expr, args []ast.Expr, bound []string) bool {
	if len(args) != 3 || args[1].Kind() != ast.IdentKind {
		c.at(e, "wrong-arguments", "first has the form first(list, name, condition)", `for example first(context.externalId, e, e.type == "id")`)
		return false
	}
	return c.declare(args[1], args[1].AsIdent(), bound)
}

// declare checks that the name of a variable means nothing yet.
func (c *compiler) declare(at ast.Expr, name string, bound []string) bool {
	_, taken := c.scope.Slot(name)
	if taken || slices.Contains(c.locals, name) || slices.Contains(bound, name) {
		c.at(at, "shadowed-name", "the name "+name+" means something else here already", "choose another name for the element")
		return false
	}
	return true
}
