package expression

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Types tells what the names of a scope can be. It is asked once all names are
// compiled.
type Types interface {
	// Slot returns what the value of a name can be.
	Slot(slot int) shape.Shape
	// Missing tells why a name cannot have a value here, and what to do; "" if it can.
	Missing(slot int) (why, help string)
	// Given returns what is known where a name is known to be of some shape.
	Given(slot int, s shape.Shape) Types
	// Declares reports whether some schema has a field of that name, anywhere:
	// then it is no slip.
	Declares(field string) bool
}

// tree is what was parsed, for the typing of an expression.
type tree struct {
	*compiler
	want Want
}

func (c *compiler) tree(want Want) *tree { return &tree{c, want} }

// Type returns what the program can give, and what in it cannot work or is of no
// use, as far as types tells. It has to be called before Forget.
func (p *Program) Type(types Types) (shape.Shape, []Problem) {
	if p.tree == nil {
		return shape.Anything, nil
	}
	return p.tree.typed(types, nil)
}

// Explain is Type for people: why nothing is known of what the program gives,
// "" where something is.
func (p *Program) Explain(types Types) string {
	if p.tree == nil {
		return ""
	}
	t := p.tree.typer(types, nil)
	return t.why(p.tree.parsed)
}

// Forget gives up what Type needs.
func (p *Program) Forget() { p.tree = nil }

// Type is Program.Type of the body of a function, for any arguments.
func (f *Function) Type(types Types) (shape.Shape, []Problem) {
	if f.tree == nil {
		return shape.Anything, nil
	}
	return f.tree.typed(types, nil)
}

// Explain is Program.Explain of the body of a function.
func (f *Function) Explain(types Types) string {
	if f.tree == nil {
		return ""
	}
	return f.tree.typer(types, nil).why(f.tree.parsed)
}

// Forget gives up what Type needs.
func (f *Function) Forget() { f.tree = nil }

func (t *tree) typer(types Types, args []shape.Shape) *typer {
	budget := maxTyped
	x := &typer{compiler: t.compiler, types: types, budget: &budget}
	for i, name := range t.locals {
		s := shape.Anything
		if i < len(args) {
			s = args[i]
		}
		x.locals = &binding{name, s, x.locals}
	}
	return x
}

func (t *tree) typed(types Types, args []shape.Shape) (shape.Shape, []Problem) {
	var found []Problem
	x := t.typer(types, args)
	x.found = &found
	s := x.of(t.parsed)
	if t.want == Condition {
		x.condition(t.parsed, s)
	} else {
		x.alternatives(t.parsed)
	}
	return s, found
}

const (
	maxTyped = 4000 // sub-expressions, those of functions that are called included
	maxInner = 8    // calls of functions inside each other
)

// typer works out what the sub-expressions of an expression can be.
type typer struct {
	*compiler
	types  Types
	found  *[]Problem // nil: nobody wants to know
	locals *binding
	facts  *fact
	budget *int
	depth  int // calls of functions around this one
}

// binding is a variable of a comprehension, or an argument.
type binding struct {
	name  string
	shape shape.Shape
	next  *binding
}

// fact is what a condition that holds says of a path.
type fact struct {
	path  string
	shape shape.Shape
	next  *fact
}

func (t *typer) bound() []string {
	var names []string
	for l := t.locals; l != nil; l = l.next {
		names = append(names, l.name)
	}
	return names
}

func (t *typer) local(name string) (shape.Shape, bool) {
	for l := t.locals; l != nil; l = l.next {
		if l.name == name {
			return l.shape, true
		}
	}
	return shape.Shape{}, false
}

func (t *typer) fact(path string) (shape.Shape, bool) {
	for f := t.facts; f != nil; f = f.next {
		if f.path == path {
			return f.shape, true
		}
	}
	return shape.Shape{}, false
}

// quiet returns a typer that reports nothing.
func (t *typer) quiet() *typer {
	q := *t
	q.found = nil
	return &q
}

// plainly returns a quiet typer that knows no conditions.
func (t *typer) plainly() *typer {
	q := t.quiet()
	q.facts = nil
	return q
}

// given returns a typer that knows more.
func (t *typer) given(f *fact) *typer {
	if f == t.facts {
		return t
	}
	q := *t
	for x := f; x != t.facts; x = x.next {
		if slot, err := strconv.Atoi(x.path); err == nil {
			q.types = q.types.Given(slot, x.shape)
		}
	}
	q.facts = f
	return &q
}

func (t *typer) with(name string, s shape.Shape) *typer {
	q := *t
	q.locals = &binding{name, s, t.locals}
	return &q
}

// written returns e as its author wrote it: a macro is the call that it was.
func (t *typer) written(e ast.Expr) ast.Expr {
	if call, ok := t.source.GetMacroCall(e.ID()); ok {
		return call
	}
	return e
}

func (t *typer) report(e ast.Expr, p Problem) {
	if t.found == nil {
		return
	}
	s := t.span(e)
	t.reportAt(s, p)
}

func (t *typer) reportAt(s span, p Problem) {
	if t.found == nil {
		return
	}
	p.From, p.To = s.from, s.to
	if !slices.ContainsFunc(*t.found, func(x Problem) bool { return x.From == p.From && x.To == p.To }) {
		*t.found = append(*t.found, p)
	}
}

// excerpt is the text of e, for messages.
func (t *typer) excerpt(e ast.Expr) string {
	s := t.span(e)
	return value.Shorten(strings.Join(strings.Fields(t.text[s.from:s.to]), " "), 40)
}

// known tells where the knowledge of a shape comes from.
func known(all ...shape.Shape) string {
	s := shape.Union(all...)
	if s.Source() == "" {
		return ""
	}
	return "this is known from " + s.Source()
}

// path names the value that e reads, the same for all places that read it.
func (t *typer) path(e ast.Expr) (string, bool) {
	e = t.written(e)
	switch e.Kind() {
	case ast.IdentKind:
		name := e.AsIdent()
		if _, ok := t.local(name); ok {
			return "%" + name, true
		}
		slot, ok := t.scope.Slot(name)
		return strconv.Itoa(slot), ok
	case ast.SelectKind:
		of, ok := t.path(e.AsSelect().Operand())
		return of + "." + strconv.Quote(e.AsSelect().FieldName()), ok
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Index {
			of, ok := t.path(call.Args()[0])
			if !ok {
				return "", false
			}
			switch key := t.written(call.Args()[1]); key.Kind() {
			case ast.LiteralKind:
				if name, ok := key.AsLiteral().(types.String); ok {
					return of + "." + strconv.Quote(string(name)), true
				}
				return of + "[" + fmt.Sprint(key.AsLiteral().Value()) + "]", true
			default:
				by, ok := t.path(key)
				return of + "[" + by + "]", ok
			}
		}
	}
	return "", false
}

// of works out what e can be, and reports what is wrong in it.
func (t *typer) of(e ast.Expr) shape.Shape {
	if *t.budget--; *t.budget < 0 {
		return shape.Anything
	}
	w := t.written(e)
	switch w.Kind() {
	case ast.LiteralKind:
		if d, ok := w.AsLiteral().(types.Double); ok && float64(d) == math.Trunc(float64(d)) {
			return shape.Of(shape.Number) // 10.0 is whole, but divides as a number with a fraction does
		}
		if v, ok := t.literal(w.AsLiteral()); ok {
			return shape.Literal(v)
		}
	case ast.IdentKind:
		return t.ident(w)
	case ast.SelectKind:
		return t.narrowed(e, t.member(e, t.of(w.AsSelect().Operand()), w.AsSelect().Operand(), w.AsSelect().FieldName()))
	case ast.ListKind:
		if len(w.AsList().OptionalIndices()) > 0 {
			break
		}
		all := make([]shape.Shape, len(w.AsList().Elements()))
		for i, x := range w.AsList().Elements() {
			all[i] = t.of(x)
		}
		return shape.Tuple(all...)
	case ast.MapKind:
		return t.object(w)
	case ast.CallKind:
		return t.call(e, w)
	}
	for _, x := range parts(w) {
		t.of(x)
	}
	return shape.Anything
}

func (t *typer) ident(e ast.Expr) shape.Shape {
	name := e.AsIdent()
	path, ok := t.path(e)
	if s, found := t.fact(path); ok && found {
		return s
	}
	if s, ok := t.local(name); ok {
		return s
	}
	slot, ok := t.scope.Slot(name)
	if !ok {
		return shape.Anything
	}
	if t.found != nil {
		if why, help := t.types.Missing(slot); why != "" {
			t.report(e, Problem{Code: "unknown-field", Message: why, Help: help})
			return shape.Anything
		}
	}
	return t.types.Slot(slot)
}

// narrowed is what e is after conditions on it; s is what it is without.
func (t *typer) narrowed(e ast.Expr, s shape.Shape) shape.Shape {
	if t.facts == nil {
		return s
	}
	if path, ok := t.path(e); ok {
		if known, ok := t.fact(path); ok {
			return known
		}
	}
	return s
}

func (t *typer) object(e ast.Expr) shape.Shape {
	var members []shape.Member
	var rest *shape.Shape
	optional := false
	for _, entry := range e.AsMap().Entries() {
		m := entry.AsMapEntry()
		s := t.of(m.Value()).Written()
		if k := t.written(m.Key()); k.Kind() == ast.LiteralKind && !m.IsOptional() {
			name, _ := k.AsLiteral().(types.String)
			members = append(members, shape.Member{Name: string(name), Shape: s})
			continue
		}
		t.of(m.Key())
		optional = optional || m.IsOptional()
		if optional {
			s = shape.Anything
		}
		if rest != nil {
			s = shape.Union(s, *rest)
		}
		rest = &s
	}
	out := shape.ObjectOf(members, rest)
	if len(members) > 0 {
		out = out.Full(shape.Object)
	}
	return out
}

// member is what stands under a name of an operand.
func (t *typer) member(e ast.Expr, of shape.Shape, operand ast.Expr, name string) shape.Shape {
	if of.Value() == shape.Nothing { // null, or not known to be possible
		return shape.Of(shape.Absent)
	}
	if !of.Can(shape.Object) {
		help := "read " + t.excerpt(operand) + " itself"
		if of.Can(shape.List) {
			help = "take one element, with [0] or first(" + t.excerpt(operand) + ", e, …)"
		}
		t.reportAt(t.fieldSpan(e, name), Problem{Code: "no-fields", Message: fmt.Sprintf("%s is %s, which has no fields", t.excerpt(operand), shape.Words(of.Value())), Detail: known(of), Help: help})
		return shape.Of(shape.Absent)
	}
	s, presence := of.Member(name)
	if t.found == nil {
		return s
	}
	switch presence {
	case shape.Unknown:
		t.reportAt(t.fieldSpan(e, name), unknownField(t.excerpt(operand), name, of))
		return shape.Anything
	case shape.Open:
		if near := t.slip(name, of); near != "" {
			t.reportAt(t.fieldSpan(e, name), undeclaredField(t.excerpt(operand), name, near, of))
		}
	}
	return s
}

// slip returns the declared field that is most likely meant by one that is not,
// "" if it may be one of its own.
func (t *typer) slip(name string, of shape.Shape) string {
	if of.IsStrict() {
		return source.Suggest(name, of.Names())
	}
	for _, n := range of.Names() {
		if oneSlip(name, n) && !t.types.Declares(name) {
			return n
		}
	}
	return ""
}

func unknownField(of, name string, s shape.Shape) Problem {
	names := slices.Clone(s.Names())
	slices.Sort(names)
	help := source.Choices(name, names)
	if len(names) == 0 {
		help = "it has none that are known"
	}
	if _, p := s.Member(strings.ToLower(name)); p == shape.Open {
		help = fmt.Sprintf("its names are in lower case: write %q", strings.ToLower(name))
	}
	return Problem{Code: "unknown-field", Message: fmt.Sprintf("%s has no field %q", of, name), Detail: known(s), Help: help}
}

func undeclaredField(of, name, near string, s shape.Shape) Problem {
	if s.IsStrict() {
		return Problem{Code: "unknown-field", Message: fmt.Sprintf("%s has no field %q", of, name), Detail: s.Says("does", "do") + " not declare it", Help: "did you mean " + near + "? Otherwise declare " + name}
	}
	return Problem{Code: "misspelt-field", Warning: true, Message: fmt.Sprintf("%s has a field %q, but none %q is declared", of, near, name), Detail: s.Says("lets", "let") + " other fields pass", Help: "did you mean " + near + "? Otherwise declare " + name}
}

// fieldSpan is where an expression names the field that it selects.
func (t *typer) fieldSpan(e ast.Expr, name string) span {
	if t.found == nil {
		return span{}
	}
	w := t.written(e)
	if w.Kind() == ast.CallKind {
		return t.span(w.AsCall().Args()[1])
	}
	if r, ok := t.source.GetOffsetRange(e.ID()); ok {
		from := t.offset(int(r.Start))
		if i := strings.Index(t.text[from:], name); i >= 0 {
			return span{from + i, from + i + len(name)}
		}
	}
	return t.span(e)
}

// need reports an operand that can never be of the kinds that are needed. What
// may be missing is judged by what it is when it is there.
func (t *typer) need(e ast.Expr, s shape.Shape, k shape.Kinds, format string, args ...any) bool {
	if v := s.Value(); v == shape.Nothing || v&k != 0 {
		return true
	}
	t.report(e, Problem{
		Code: "wrong-type", Message: fmt.Sprintf(format, args...) + ", and " + t.excerpt(e) + " is " + shape.Words(s.Value()),
		Detail: known(s), Help: t.convert(e, s.Value(), k),
	})
	return false
}

// convert says how a value of some kinds becomes one of others.
func (t *typer) convert(e ast.Expr, have, need shape.Kinds) string {
	x := t.excerpt(e)
	switch {
	case have&^shape.Scalar == 0 && need&shape.Text != 0:
		return "write text(" + x + ") for its text"
	case have&^shape.Text == 0 && need&shape.Number != 0:
		return "write decimal(" + x + ") for its number"
	case have == shape.List && need&(shape.Scalar|shape.Object) != 0:
		return "take one element: " + x + "[0], or first(" + x + ", e, …)"
	case have == shape.Object:
		return "name one of its fields"
	case need == shape.Boolean:
		return "compare it with something, or ask !empty(" + x + ")"
	case need&shape.List != 0 && have&^shape.Text == 0:
		return `make a list of it, with split(` + x + `, ",") or [` + x + "]"
	case need&shape.List != 0:
		return "write [" + x + "] for a list with one element"
	}
	return ""
}

// condition reports a condition that is never true or false.
func (t *typer) condition(e ast.Expr, s shape.Shape) {
	if v := s.Value(); v != shape.Nothing && v&shape.Boolean == 0 {
		t.report(e, Problem{Code: "not-a-condition", Message: "a condition has to be true or false, this is " + shape.Words(v), Detail: known(s), Help: "compare it with something: x == 1, x != null, !empty(x)"})
	}
}

// alternatives doubts a || b where it stands for a value, and nothing says that
// a and b are true or false: other languages take the first that has a value.
func (t *typer) alternatives(e ast.Expr) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.LogicalOr && e.AsCall().FunctionName() != operators.LogicalAnd {
		return
	}
	name := e.AsCall().FunctionName()
	var all []string
	var plain func(x ast.Expr) bool
	plain = func(x ast.Expr) bool {
		if x.Kind() == ast.CallKind && x.AsCall().FunctionName() == name {
			return plain(x.AsCall().Args()[0]) && plain(x.AsCall().Args()[1])
		}
		all = append(all, t.excerpt(x))
		if v := t.plainly().of(x).Value(); v&shape.Boolean == 0 || v&^shape.Boolean == 0 {
			return false // it is known what it is
		}
		if x.Kind() != ast.SelectKind || x.AsSelect().IsTestOnly() {
			return false
		}
		for x.Kind() == ast.SelectKind {
			x = x.AsSelect().Operand()
		}
		if x.Kind() != ast.IdentKind {
			return false
		}
		_, local := t.local(x.AsIdent())
		return !local
	}
	if !plain(e) {
		return
	}
	help := "for the first that has a value write [" + strings.Join(all, ", ") + "]; for true and false compare each: " + all[0] + " == true"
	if name == operators.LogicalAnd {
		help = "what is missing gives null, so write " + all[len(all)-1] + " alone; for true and false compare each: " + all[0] + " == true"
	}
	t.report(e, Problem{Code: "not-a-boolean", Warning: true, Message: strings.Trim(name, "_") + " gives true or false, and fails for every other value; nothing says that " + all[0] + " is true or false", Help: help})
}
