package expression

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Program is a compiled expression, immutable and safe for concurrent use.
type Program struct {
	Text  string
	root  eval
	slots []int
}

// Eval runs the program. The result is valid as long as the frame's arena; nil
// is an absent value. An error is an *Error, or what the Loader returned.
func (p *Program) Eval(f *Frame) (*value.Node, error) { return p.root.eval(f) }

// Slots lists the names that the program reads, as slots of its scope.
func (p *Program) Slots() []int { return p.slots }

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
	return &Program{Text: text, root: root, slots: slices.Compact(c.slots)}, nil
}

// CompileFunction compiles the body of a function written in rules.
// Other such functions may be called if scope knows them already.
func CompileFunction(name string, args []string, body string, scope Scope, options Options) (*Function, []Problem) {
	c := &compiler{text: body, scope: scope, options: options.withDefaults(), locals: slices.Clone(args)}
	root := c.compileText(Anything)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return &Function{Name: name, Args: args, body: root}, nil
}

type compiler struct {
	text     string
	scope    Scope
	options  Options
	source   *ast.SourceInfo
	locals   []string // arguments of the function, then the variables of enclosing firsts
	slots    []int
	problems []Problem
	nextID   int64
	static   value.Arena // literals live as long as the program
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
		c.issues(issues)
		return nil
	}
	native := parsed.NativeRep()
	c.source = native.SourceInfo()
	c.nextID = ast.MaxID(native) + 1
	root := c.compile(native.Expr())
	if want == Condition && root != nil {
		c.needCondition(root, native.Expr())
	}
	return root
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
			kind = "a value of type " + t.String()
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

// issues turns what cel-go reports into problems.
func (c *compiler) issues(issues *cel.Issues) {
	for _, e := range issues.Errors() {
		line := lineStart(c.text, e.Location.Line())
		from := min(line+runeOffset(c.text[min(line, len(c.text)):], e.Location.Column()), len(c.text))
		to := tokenEnd(c.text, from)
		message, help := plainWords(e.Message)
		c.problem(from, to, "bad-expression", message, help)
	}
}

func lineStart(text string, line int) int {
	at := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	return at
}

func runeOffset(text string, runes int) int {
	for i := range text {
		if runes == 0 {
			return i
		}
		runes--
	}
	return len(text)
}

// tokenEnd returns the end of the word or sign that starts at from.
func tokenEnd(text string, from int) int {
	to := from
	for to < len(text) && (text[to] == '_' || text[to] >= '0' && text[to] <= '9' || text[to]|0x20 >= 'a' && text[to]|0x20 <= 'z' || text[to] >= 0x80) {
		to++
	}
	if to == from && to < len(text) {
		to++
	}
	return to
}

// plainWords replaces the words of parser and checker by those of rule authors.
func plainWords(message string) (text, help string) {
	switch {
	case strings.Contains(message, "token recognition error"):
		return "a text is not closed, or a sign is not part of the language", "close quotes; the operators are == != < <= > >= && || ! + - * / % ? : in"
	case strings.Contains(message, "Syntax error"):
		text = strings.TrimPrefix(message, "Syntax error: ")
		if i := strings.Index(text, ", expecting"); i >= 0 {
			text = text[:i]
		}
		text = strings.NewReplacer("mismatched input", "did not expect", "extraneous input", "did not expect", "'<EOF>'", "the end of the expression", "no viable alternative at input", "cannot read", "missing", "missing").Replace(text)
		return text, "check brackets and operators: = is written ==, and is &&, or is ||, not is !"
	case strings.Contains(message, "found no matching overload for"):
		m := strings.TrimPrefix(message, "found no matching overload for ")
		return "these types do not go together: " + m, "convert one side, for example with text(x) or decimal(x)"
	}
	return message, ""
}

func (c *compiler) span(e ast.Expr) span {
	from, to := len(c.text), 0
	c.extent(e, &from, &to)
	if from > to {
		return span{0, len(c.text)}
	}
	return span{from, to}
}

// extent widens [from, to) to what e and its parts cover in the text.
func (c *compiler) extent(e ast.Expr, from, to *int) {
	if r, ok := c.source.GetOffsetRange(e.ID()); ok {
		start := runeOffset(c.text, int(r.Start))
		*from = min(*from, start)
		*to = max(*to, runeOffset(c.text, int(r.Stop)), tokenEnd(c.text, min(start, len(c.text))))
	}
	for _, part := range parts(e) {
		c.extent(part, from, to)
	}
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

// fold evaluates a list or object of constants once.
func (c *compiler) fold(e eval, of ...eval) eval {
	for _, x := range of {
		if _, ok := x.(constant); !ok {
			return e
		}
	}
	v, err := e.eval(&Frame{Arena: &c.static, Steps: 1})
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
	return &pathEval{span: c.span(e), slot: slot}
}

func (c *compiler) unknownName(e ast.Expr, name string) {
	names := append(slices.Clone(c.locals), c.scope.Names()...)
	help := "names here are fields of the event, lets, objects and asks of this file, tables, portal data, config and input"
	if near := source.Suggest(name, names); near != "" {
		help = "did you mean " + near + "?"
	}
	c.at(e, "unknown-name", "nothing here is called "+name, help)
}

// selection compiles operand.key or operand[key], extending a path where it can.
func (c *compiler) selection(e, operand ast.Expr, key eval) eval {
	x := c.compile(operand)
	step, constantKey := constantStep(key)
	switch p := x.(type) {
	case *pathEval:
		if constantKey {
			return &pathEval{span: c.span(e), slot: p.slot, steps: append(slices.Clone(p.steps), step)}
		}
	case *localEval:
		if constantKey {
			return &localEval{index: p.index, steps: append(slices.Clone(p.steps), step)}
		}
	}
	return &getEval{operand: x, key: key}
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
	o := &objectEval{}
	for _, entry := range e.AsMap().Entries() {
		m := entry.AsMapEntry()
		if m.IsOptional() {
			return nil
		}
		if m.Key().Kind() != ast.LiteralKind {
			return nil
		}
		key, ok := m.Key().AsLiteral().(types.String)
		if !ok {
			c.at(m.Key(), "bad-key", "the keys of an object are texts", "put the key in quotes")
			return constant{}
		}
		o.keys = append(o.keys, string(key))
		o.values = append(o.values, c.compile(m.Value()))
	}
	return c.fold(o, o.values...)
}

// call compiles the calls that have a native form; nil leaves e to CEL.
func (c *compiler) call(e ast.Expr) eval {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if call.IsMemberFunction() {
		return nil
	}
	at := c.span(e)
	arg := func(i int) eval { return c.compile(args[i]) }
	switch name {
	case operators.LogicalAnd, operators.LogicalOr:
		return &logicEval{at, arg(0), arg(1), name == operators.LogicalOr}
	case operators.LogicalNot:
		return &notEval{at, arg(0)}
	case operators.Equals, operators.NotEquals:
		return &equalEval{arg(0), arg(1), name == operators.NotEquals}
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return &orderEval{at, arg(0), arg(1), strings.Trim(name, "_")}
	case operators.In, operators.OldIn:
		return &inEval{at, arg(0), arg(1)}
	case operators.Conditional:
		return &conditionalEval{at, arg(0), arg(1), arg(2)}
	case operators.Index:
		return c.selection(e, args[0], arg(1))
	case "size":
		if len(args) == 1 {
			return &sizeEval{at, arg(0)}
		}
	case "has":
		return c.presence(e, args)
	case "first":
		return c.first(e, args)
	}
	if fn := c.scope.Function(name); fn != nil {
		if !c.arity(e, name, len(args), len(fn.Args), len(fn.Args), strings.Join(fn.Args, ", ")) {
			return constant{}
		}
		u := &userEval{span: at, fn: fn}
		for i := range args {
			u.args = append(u.args, arg(i))
		}
		return u
	}
	if fn := c.scope.Builtin(name); fn != nil {
		if !c.checkBuiltin(e, fn, len(args)) {
			return constant{}
		}
		x := &callEval{span: at}
		for i := range args {
			x.args = append(x.args, arg(i))
		}
		x.fn = c.prepare(e, fn, x.args)
		return c.fold(x, x.args...)
	}
	if !environment().HasFunction(name) {
		help := "docs/language.md lists the functions"
		if near := source.Suggest(name, append(append(c.scope.Functions(), c.scope.Builtins()...), "first", "has", "size")); near != "" {
			help = "did you mean " + near + "(…)?"
		}
		c.at(e, "unknown-function", "there is no function "+name, help)
		return constant{}
	}
	return nil
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
	c.at(e, "wrong-arguments", fmt.Sprintf("%s is called with %d arguments", name, n), fmt.Sprintf("its form is %s(%s)", name, params))
	return false
}

// prepare lets a function with constant arguments do their part at load.
func (c *compiler) prepare(e ast.Expr, fn *function.Function, args []eval) function.Eval {
	if fn.Prepare == nil {
		return fn.Eval
	}
	constants := make([]*value.Node, len(args))
	for i, x := range args {
		if k, ok := x.(constant); ok {
			constants[i] = k.v
		}
	}
	run, err := fn.Prepare(constants)
	if err != nil {
		c.at(e, "bad-argument", err.Error(), "")
		return fn.Eval
	}
	if run == nil {
		return fn.Eval
	}
	return run
}

func (c *compiler) presence(e ast.Expr, args []ast.Expr) eval {
	if len(args) == 1 {
		switch a := args[0]; a.Kind() {
		case ast.SelectKind:
			s := a.AsSelect()
			return &hasEval{c.compile(s.Operand()), c.name(s.FieldName())}
		case ast.CallKind:
			if call := a.AsCall(); call.FunctionName() == operators.Index {
				return &hasEval{c.compile(call.Args()[0]), c.compile(call.Args()[1])}
			}
		case ast.IdentKind:
			if slot, ok := c.scope.Slot("input"); ok {
				if _, known := c.scope.Slot(a.AsIdent()); known {
					c.slots = append(c.slots, slot)
					return &hasEval{&pathEval{slot: slot}, c.name(a.AsIdent())}
				}
			}
		}
	}
	c.at(e, "bad-has", "has asks whether a field is there, and needs one path", `write has(traits.email) or has(traits["Sign up"])`)
	return constant{}
}

func (c *compiler) first(e ast.Expr, args []ast.Expr) eval {
	if len(args) != 3 || args[1].Kind() != ast.IdentKind {
		c.at(e, "wrong-arguments", "first has the form first(list, name, condition)", `for example first(context.externalId, e, e.type == "id")`)
		return constant{}
	}
	name := args[1].AsIdent()
	if _, taken := c.scope.Slot(name); taken || slices.Contains(c.locals, name) {
		c.at(args[1], "shadowed-name", "the name "+name+" means something else here already", "choose another name for the element")
		return constant{}
	}
	x := &firstEval{span: c.span(e), list: c.compile(args[0]), local: len(c.locals)}
	c.locals = append(c.locals, name)
	x.when = c.compile(args[2])
	c.locals = c.locals[:len(c.locals)-1]
	return x
}
