package expression

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/source"
)

// call works out what a call gives; w is e as its author wrote it.
func (t *typer) call(e, w ast.Expr) shape.Shape {
	name, args := t.called(w, t.bound())
	if of := w.AsCall().Target(); w.AsCall().IsMemberFunction() && of.Kind() == ast.IdentKind && of.AsIdent() == "math" && len(args) > 0 && args[0] == of {
		name, args = "math."+name, args[1:]
	}
	if t.method(w, name) != nil {
		return t.methodCall(name, args)
	}
	if isMethod(w, name) {
		if name == "size" && len(args) == 1 {
			return t.size(args[0])
		}
		return t.macro(name, args)
	}
	switch name {
	case "size":
		if len(args) == 1 {
			return t.size(args[0])
		}
	case operators.LogicalAnd, operators.LogicalOr:
		return t.logic(e, args[0], args[1], name == operators.LogicalOr)
	case operators.LogicalNot:
		s := t.of(args[0])
		t.need(args[0], s, shape.Boolean, "! turns true into false")
		return shape.Of(shape.Boolean)
	case operators.Equals, operators.NotEquals:
		t.equal(e, args[0], args[1], name == operators.NotEquals)
		return shape.Of(shape.Boolean)
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		t.order(e, args[0], args[1], strings.Trim(name, "_"))
		return shape.Of(shape.Boolean)
	case operators.In, operators.OldIn:
		t.in(e, args[0], args[1])
		return shape.Of(shape.Boolean)
	case operators.Conditional:
		c := t.of(args[0])
		t.need(args[0], c, shape.Boolean, "what stands before ? has to be true or false")
		return shape.Union(t.given(t.assume(args[0], true)).of(args[1]), t.given(t.assume(args[0], false)).of(args[2]))
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo:
		return t.arithmetic(e, args[0], args[1], name)
	case operators.Negate:
		s := t.of(args[0])
		t.need(args[0], s, shape.Number, "- needs a number")
		return s.Only(shape.Number).Or(shape.Whole)
	case operators.Index:
		return t.narrowed(e, t.index(e, args[0], args[1]))
	case "has":
		return t.has(e, args)
	case "first":
		if len(args) == 3 {
			return t.first(args)
		}
	}
	if fn := t.scope.Function(name); fn != nil {
		return t.function(fn, t.all(args))
	}
	if fn := t.scope.Builtin(name); fn != nil {
		return t.builtin(fn, args)
	}
	return t.library(name, args)
}

func (t *typer) all(args []ast.Expr) []shape.Shape {
	out := make([]shape.Shape, len(args))
	for i, x := range args {
		out[i] = t.of(x)
	}
	return out
}

// size counts elements, members or characters.
func (t *typer) size(x ast.Expr) shape.Shape {
	s := t.of(x)
	t.need(x, s, shape.Text|shape.List|shape.Object, "size counts the elements of a list, the keys of an object or the characters of a text")
	return shape.Of(shape.Whole)
}

func (t *typer) logic(e, l, r ast.Expr, or bool) shape.Shape {
	op := "&&"
	if or {
		op = "||"
	}
	x, y := t.of(l), t.given(t.assume(l, !or)).of(r)
	never := func(s shape.Shape) bool { return s.Value() != shape.Nothing && s.Value()&shape.Boolean == 0 }
	if t.found == nil || !never(x) && !never(y) {
		return shape.Of(shape.Boolean)
	}
	list := "for the first that has a value write a list of alternatives: [" + t.excerpt(l) + ", " + t.excerpt(r) + "]"
	switch {
	case never(x) && never(y):
		help := "compare each with something, or ask !empty(x)"
		if or {
			help = list
		}
		t.report(e, Problem{Code: "not-a-boolean", Message: fmt.Sprintf("%s joins what is true or false, here are %s and %s", op, shape.Words(x.Value()), shape.Words(y.Value())), Detail: known(x, y), Help: help})
	default:
		if never(y) {
			l, x = r, y
		}
		help := "compare it with something, or ask !empty(" + t.excerpt(l) + ")"
		if or {
			help += "; " + list
		}
		t.report(l, Problem{Code: "not-a-boolean", Message: fmt.Sprintf("%s joins what is true or false, and %s is %s", op, t.excerpt(l), shape.Words(x.Value())), Detail: known(x), Help: help})
	}
	return shape.Of(shape.Boolean)
}

// equal is == and !=.
func (t *typer) equal(e, l, r ast.Expr, not bool) {
	x, y := t.of(l), t.of(r)
	if t.found == nil {
		return
	}
	if t.isNull(l) || t.isNull(r) {
		if t.isNull(l) {
			l = r
		}
		t.alwaysThere(e, l, fmt.Sprintf("is compared with null, and is always there, so this is always %v", not))
		return
	}
	t.comparable(e, l, r, x, y, not)
	t.fraction(l, r)
}

func (t *typer) isNull(e ast.Expr) bool {
	return e.Kind() == ast.LiteralKind && e.AsLiteral() == types.NullValue
}

// alwaysThere doubts a test for null of what cannot be null, be it for what
// conditions around the test say.
func (t *typer) alwaysThere(e, x ast.Expr, what string) {
	s := t.plainly().of(x)
	if s.Kinds() != shape.Nothing && !s.Can(shape.Missing) && declared(s) {
		t.report(e, Problem{Code: "needless-test", Warning: true, Message: t.excerpt(x) + " " + what, Detail: known(s), Help: "leave the test out"})
	}
}

// comparable reports two values of which one is never the other.
func (t *typer) comparable(e, l, r ast.Expr, x, y shape.Shape, not bool) bool {
	if x.Kinds() == shape.Nothing || y.Kinds() == shape.Nothing || x.Value() == shape.Nothing || y.Value() == shape.Nothing {
		return true
	}
	if x.Can(shape.Missing) && y.Can(shape.Missing) {
		return true
	}
	always := "so this is always false"
	if not {
		always = "so this is always true"
	}
	switch common := x.Value() & y.Value(); {
	case common == shape.Nothing:
		if x.Value()&shape.Number != 0 && y.Value()&shape.Number != 0 {
			t.report(e, Problem{Code: "never-equal", Message: fmt.Sprintf("%s is never %s: one is a whole number, the other has a fraction", t.excerpt(l), t.excerpt(r)), Detail: known(x, y), Help: "compare with < or >"})
			return false
		}
		t.report(e, Problem{
			Code: "never-equal", Message: fmt.Sprintf("%s is %s, and %s is %s, %s", t.excerpt(l), shape.Words(x.Value()), t.excerpt(r), shape.Words(y.Value()), always),
			Detail: known(x, y), Help: t.sameKind(l, r, x, y),
		})
	case common == shape.Text && x.Texts() != nil && y.Texts() != nil && !slices.ContainsFunc(x.Texts(), func(s string) bool { return slices.Contains(y.Texts(), s) }):
		if r.Kind() != ast.LiteralKind {
			l, r, x, y = r, l, y, x
		}
		t.noneOf(r, t.excerpt(l), x, y, always)
	case common == shape.Text && len(x.Texts()) == 1 && y.Likely() != nil:
		t.unlikely(l, r, x, y, always)
	case common == shape.Text && len(y.Texts()) == 1 && x.Likely() != nil:
		t.unlikely(r, l, y, x, always)
	default:
		return true
	}
	return false
}

// unlikely reports a text that is nearly one of those that a value is known to
// have, although it may have others.
func (t *typer) unlikely(at, what ast.Expr, text, s shape.Shape, so string) {
	word := text.Texts()[0]
	if slices.Contains(s.Likely(), word) {
		return
	}
	if near := source.Suggest(word, s.Likely()); near != "" {
		t.report(at, Problem{Code: "never-equal", Message: fmt.Sprintf("%s %s is not known, %s", t.excerpt(what), t.excerpt(at), so), Detail: known(s), Help: fmt.Sprintf("did you mean %q?", near)})
	}
}

// noneOf reports a text that a value never is.
func (t *typer) noneOf(at ast.Expr, what string, s, text shape.Shape, so string) {
	known := slices.Sorted(slices.Values(s.Texts()))
	quoted := make([]string, len(known))
	for i, k := range known {
		quoted[i] = fmt.Sprintf("%q", k)
	}
	help := "it is one of " + strings.Join(quoted, ", ")
	if len(quoted) == 1 {
		help = "it is always " + quoted[0]
	}
	if len(text.Texts()) == 1 {
		if near := source.Suggest(text.Texts()[0], known); near != "" {
			help = fmt.Sprintf("did you mean %q?", near)
		}
	}
	detail := ""
	if s.Source() != "" {
		detail = "this is known from " + s.Source()
	}
	t.report(at, Problem{Code: "never-equal", Message: fmt.Sprintf("%s is never %s, %s", what, t.excerpt(at), so), Detail: detail, Help: help})
}

// sameKind says how two values could be compared.
func (t *typer) sameKind(l, r ast.Expr, x, y shape.Shape) string {
	scalar := func(s shape.Shape) bool { return s.Value()&^shape.Scalar == 0 }
	switch {
	case r.Kind() == ast.LiteralKind && scalar(x) && y.Value() == shape.Text && len(y.Texts()) == 1:
		word := y.Texts()[0]
		if x.Value()&^shape.Number == 0 && isNumber(word) || x.Value() == shape.Boolean && (word == "true" || word == "false") {
			return "write " + word + " without quotes"
		}
	case r.Kind() == ast.LiteralKind && x.Value() == shape.Text && scalar(y):
		return "put " + t.excerpt(r) + " in quotes"
	case x.Value() == shape.List && scalar(y):
		return "ask " + t.excerpt(r) + " in " + t.excerpt(l)
	}
	if scalar(x) && scalar(y) {
		return "bring both to one kind, with text(x) or decimal(x)"
	}
	return "compare one of its fields or elements"
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789.-") == ""
}

// length doubts traits.email.length < 5, unless something is declared to have a
// field of that name.
func (t *typer) length(e, other ast.Expr) {
	if literalOf(other) == nil || e.Kind() != ast.SelectKind || e.AsSelect().FieldName() != "length" || e.AsSelect().Operand().Kind() != ast.SelectKind || t.types.Declares("length") {
		return
	}
	of := t.excerpt(e.AsSelect().Operand())
	if v := t.plainly().of(e.AsSelect().Operand()).Value(); v != 0 && v&shape.Object == 0 {
		return // it is reported that it has no fields
	}
	t.report(e, Problem{Code: "no-fields", Warning: true, Message: "nothing says that " + of + " has a field length; how many characters or elements something has is asked with size", Help: "write size(" + of + ")"})
}

// order is < and its like.
func (t *typer) order(e, l, r ast.Expr, op string) {
	x, y := t.of(l), t.of(r)
	t.length(l, r)
	t.length(r, l)
	if x.Value() == shape.Nothing || y.Value() == shape.Nothing {
		return
	}
	possible := (x.Value() & y.Value()) & shape.Text
	if x.Can(shape.Number) && y.Can(shape.Number) {
		possible |= shape.Number
	}
	t.fraction(l, r)
	if possible != shape.Nothing {
		return
	}
	at, s, other := l, x, y
	if x.Value()&(shape.Text|shape.Number) != 0 && (y.Value()&(shape.Text|shape.Number) == 0 || l.Kind() == ast.LiteralKind || r.Kind() == ast.LiteralKind) {
		at, s, other = r, y, x
		if r.Kind() == ast.LiteralKind || l.Kind() == ast.LiteralKind {
			at = e
		}
	}
	help := t.sameKind(l, r, x, y)
	switch list := shape.List | shape.Object; {
	case x.Value() != 0 && x.Value()&^list == 0 && y.Value()&^shape.Number == 0:
		help = "write size(" + t.excerpt(l) + ") for how many it has"
	case y.Value() != 0 && y.Value()&^list == 0 && x.Value()&^shape.Number == 0:
		help = "write size(" + t.excerpt(r) + ") for how many it has"
	}
	if s.Value()&(shape.Text|shape.Number) != 0 && other.Value()&(shape.Text|shape.Number) != 0 && !strings.HasPrefix(help, "write ") {
		help = "bring both to one kind, with text(x) or decimal(x)"
	}
	t.report(at, Problem{Code: "wrong-type", Message: fmt.Sprintf("%s compares two numbers or two texts, here are %s and %s", op, shape.Words(x.Value()), shape.Words(y.Value())), Detail: known(x, y), Help: help})
}

// in is x in list, key in object.
func (t *typer) in(e, x, in ast.Expr) {
	s, list := t.of(x), t.of(in)
	if t.found == nil {
		return
	}
	if v := list.Value(); v != shape.Nothing && v&(shape.List|shape.Object) == 0 {
		help := "put a list on its right"
		if v == shape.Text {
			help = "ask " + t.excerpt(in) + ".contains(" + t.excerpt(x) + ")"
		}
		t.report(in, Problem{Code: "wrong-type", Message: "in looks into a list or the keys of an object, and " + t.excerpt(in) + " is " + shape.Words(v), Detail: known(list), Help: help})
		return
	}
	w := t.written(in)
	if w.Kind() == ast.ListKind { // each element by itself
		for _, el := range w.AsList().Elements() {
			t.comparable(el, x, el, s, t.quiet().of(el), false)
		}
		return
	}
	if list.Value() == shape.Object {
		t.need(x, s, shape.Text, "the keys of an object are texts")
		return
	}
	if list.Value() == shape.List {
		if el := list.Elements(); el.Kinds() != shape.Nothing {
			t.comparable(e, x, in, s, el, false)
		}
	}
}

// index is of[key].
func (t *typer) index(e, of, key ast.Expr) shape.Shape {
	s := t.of(of)
	if k := t.written(key); k.Kind() == ast.LiteralKind {
		switch v := k.AsLiteral().(type) {
		case types.String:
			return t.member(e, s, of, string(v))
		case types.Int:
			if s.Value() == shape.Nothing {
				return shape.Of(shape.Absent)
			}
			if !s.Can(shape.List) {
				help := "read " + t.excerpt(of) + " itself"
				if s.Can(shape.Object) {
					help = "name one of its fields"
				}
				t.report(key, Problem{Code: "no-elements", Message: fmt.Sprintf("%s is %s, which has no elements", t.excerpt(of), shape.Words(s.Value())), Detail: known(s), Help: help})
				return shape.Of(shape.Absent)
			}
			if v < 0 {
				return shape.Of(shape.Absent)
			}
			return s.Element(int(v))
		case types.Double:
			if v != types.Double(math.Trunc(float64(v))) {
				t.report(key, Problem{Code: "wrong-type", Message: "an index is a whole number, and this is " + t.excerpt(key)})
				return shape.Of(shape.Absent)
			}
		}
	}
	k := t.of(key)
	t.need(key, k, shape.Text|shape.Number, "a key is text, an index a number")
	if v := s.Value(); v != shape.Nothing && v&(shape.List|shape.Object) == 0 {
		t.report(key, Problem{Code: "no-fields", Message: fmt.Sprintf("%s is %s, which has neither fields nor elements", t.excerpt(of), shape.Words(v)), Detail: known(s), Help: "read " + t.excerpt(of) + " itself"})
		return shape.Of(shape.Absent)
	}
	var all []shape.Shape
	if s.Can(shape.Object) && k.Can(shape.Text) {
		if texts := k.Texts(); texts != nil && len(texts) <= 20 {
			for _, name := range texts {
				m, _ := s.Member(name)
				all = append(all, m)
			}
		} else {
			all = append(all, s.Others())
		}
	}
	if s.Can(shape.List) && k.Can(shape.Number) {
		all = append(all, s.Elements())
	}
	return shape.Union(all...).Or(shape.Absent)
}

func (t *typer) has(e ast.Expr, args []ast.Expr) shape.Shape {
	for _, x := range args {
		t.of(x)
		if t.found != nil {
			if s := t.plainly().of(x); s.Kinds() != shape.Nothing && !s.Can(shape.Missing) && declared(s) {
				t.report(e, Problem{Code: "needless-test", Warning: true, Message: t.excerpt(x) + " is always there, so has is always true", Detail: known(s), Help: "leave the test out, or ask for a value: " + t.excerpt(x) + " != null"})
			}
		}
	}
	return shape.Of(shape.Boolean)
}

// first is the first element for which a condition holds.
func (t *typer) first(args []ast.Expr) shape.Shape {
	list := t.of(args[0])
	t.need(args[0], list, shape.List, "first looks into a list")
	name := args[1].AsIdent()
	in := t.with(name, list.Elements())
	in.element(args[2], "the condition of first has to be true or false")
	if found, ok := in.given(in.assume(args[2], true)).fact("%" + name); ok {
		return found.Or(shape.Absent)
	}
	return list.Elements().Or(shape.Absent)
}

// element types a condition about an element.
func (t *typer) element(cond ast.Expr, what string) {
	t.need(cond, t.of(cond), shape.Boolean, "%s", what)
}

// macro is a method that walks a list or an object, and those of CEL's libraries.
func (t *typer) macro(name string, args []ast.Expr) shape.Shape {
	of := t.of(args[0])
	given := args[1:]
	ident := func(i int) bool { return i < len(given) && given[i].Kind() == ast.IdentKind }
	walks := func() { // what is walked
		t.need(args[0], of, shape.List|shape.Object, ".%s walks the elements of a list or the keys of an object", name)
	}
	one := func() *typer { // with the variable of an element
		var el []shape.Shape
		if of.Can(shape.List) {
			el = append(el, of.Elements())
		}
		if of.Can(shape.Object) {
			el = append(el, shape.Of(shape.Text))
		}
		return t.with(given[0].AsIdent(), shape.Union(el...))
	}
	two := func() *typer { // with those of key and value
		var keys, values []shape.Shape
		if of.Can(shape.List) {
			keys, values = append(keys, shape.Of(shape.Whole)), append(values, of.Elements())
		}
		if of.Can(shape.Object) {
			keys, values = append(keys, shape.Of(shape.Text)), append(values, of.Others().Without(shape.Absent))
		}
		return t.with(given[0].AsIdent(), shape.Union(keys...)).with(given[1].AsIdent(), shape.Union(values...))
	}
	const test = ".%s asks what is true or false of each element"
	switch {
	case slices.Contains([]string{"all", "exists", "exists_one", "existsOne"}, name) && len(given) == 2 && ident(0):
		walks()
		in := one()
		in.need(given[1], in.of(given[1]), shape.Boolean, test, name)
		return shape.Of(shape.Boolean)
	case slices.Contains([]string{"all", "exists", "exists_one", "existsOne"}, name) && len(given) == 3 && ident(0) && ident(1):
		walks()
		in := two()
		in.need(given[2], in.of(given[2]), shape.Boolean, test, name)
		return shape.Of(shape.Boolean)
	case name == "filter" && len(given) == 2 && ident(0):
		walks()
		in := one()
		in.need(given[1], in.of(given[1]), shape.Boolean, test, name)
		el, _ := in.local(given[0].AsIdent())
		if found, ok := in.given(in.assume(given[1], true)).fact("%" + given[0].AsIdent()); ok {
			el = found
		}
		return shape.ListOf(el)
	case name == "map" && len(given) == 2 && ident(0):
		walks()
		return shape.ListOf(one().of(given[1]))
	case name == "map" && len(given) == 3 && ident(0):
		walks()
		in := one()
		in.need(given[1], in.of(given[1]), shape.Boolean, test, name)
		return shape.ListOf(in.given(in.assume(given[1], true)).of(given[2]))
	case name == "sortBy" && len(given) == 2 && ident(0):
		t.need(args[0], of, shape.List, ".sortBy orders a list")
		one().of(given[1])
		return shape.ListOf(of.Elements())
	case (name == "transformList" || name == "transformMap" || name == "transformMapEntry") && (len(given) == 3 || len(given) == 4) && ident(0) && ident(1):
		walks()
		in := two()
		x := given[len(given)-1]
		if len(given) == 4 {
			in.need(given[2], in.of(given[2]), shape.Boolean, test, name)
			in = in.given(in.assume(given[2], true))
		}
		s := in.of(x)
		switch name {
		case "transformList":
			return shape.ListOf(s)
		case "transformMap":
			return shape.MapOf(s.Written())
		}
		return shape.MapOf(s.Others())
	}
	if m, ok := textMethods[name]; ok && len(given) >= m.least && len(given) <= m.most {
		t.need(args[0], of, m.of, ".%s works on %s", name, shape.Words(m.of))
		t.all(given)
		if name == "reverse" && of.Value() == shape.List {
			return shape.ListOf(of.Elements())
		}
		return m.gives
	}
	if name == "slice" && len(given) == 2 {
		t.need(args[0], of, shape.List, ".slice takes a part of a list")
		t.all(given)
		return shape.ListOf(of.Elements())
	}
	for _, x := range given {
		t.of(x)
	}
	return shape.Anything
}

// textMethods are methods of CEL's libraries: the arguments after what they
// work on, that, and what they give.
var textMethods = map[string]struct {
	least, most int
	of          shape.Kinds
	gives       shape.Shape
}{
	"charAt":     {1, 1, shape.Text, shape.Of(shape.Text)},
	"lowerAscii": {0, 0, shape.Text, shape.Of(shape.Text)},
	"upperAscii": {0, 0, shape.Text, shape.Of(shape.Text)},
	"trim":       {0, 0, shape.Text, shape.Of(shape.Text)},
	"substring":  {1, 2, shape.Text, shape.Of(shape.Text)},
	"split":      {1, 2, shape.Text, shape.ListOf(shape.Of(shape.Text))},
	"reverse":    {0, 0, shape.Text | shape.List, shape.Of(shape.Text | shape.List)},
}

// methodCall is a call of one of our own methods.
func (t *typer) methodCall(name string, args []ast.Expr) shape.Shape {
	all := t.all(args)
	text := func(i int) {
		if i < len(args) {
			t.need(args[i], all[i], shape.Text, "%s works on text", name)
		}
	}
	list := func(i int) { t.need(args[i], all[i], shape.List, "%s works on lists", name) }
	switch name {
	case "startsWith", "endsWith", "contains", "matches":
		if name == "contains" && all[0].Value() == shape.List {
			t.report(args[0], Problem{Code: "wrong-type", Message: "contains works on text, and " + t.excerpt(args[0]) + " is a list", Detail: known(all[0]), Help: "ask " + t.excerpt(args[1]) + " in " + t.excerpt(args[0])})
			return shape.Of(shape.Boolean)
		}
		text(0)
		text(1)
		return shape.Of(shape.Boolean)
	case "indexOf", "lastIndexOf":
		text(0)
		text(1)
		return shape.Of(shape.Whole)
	case "replace":
		text(0)
		text(1)
		text(2)
		if all[0].Can(shape.Missing) {
			return shape.Of(shape.Text | shape.Missing)
		}
		return shape.Of(shape.Text)
	case "join":
		list(0)
		text(1)
		return shape.Of(shape.Text)
	case "distinct", "sort":
		list(0)
		return shape.ListOf(all[0].Elements())
	case "flatten":
		list(0)
		return shape.Of(shape.List)
	case "lists.range":
		t.need(args[0], all[0], shape.Whole, "lists.range counts up to a whole number")
		return shape.ListOf(shape.Of(shape.Whole))
	case "sets.contains", "sets.equivalent", "sets.intersects":
		list(0)
		list(1)
		return shape.Of(shape.Boolean)
	}
	return shape.Anything
}

// function is a call of a function written in rules: what its body gives for
// such arguments. What is wrong in the body is reported where it stands.
func (t *typer) function(fn *Function, args []shape.Shape) shape.Shape {
	if fn.tree == nil || t.depth >= maxInner || *t.budget < 0 {
		return shape.Anything
	}
	in := fn.tree.typer(t.types, args)
	in.budget, in.depth = t.budget, t.depth+1
	s := in.of(fn.tree.parsed)
	if *t.budget < 0 {
		return shape.Anything
	}
	return s
}

// builtin is a call of a function of the table.
func (t *typer) builtin(fn *function.Function, args []ast.Expr) shape.Shape {
	all := t.all(args)
	for i, x := range args {
		if len(fn.Params) > 0 {
			if p := fn.Params[min(i, len(fn.Params)-1)]; kindsOf(p.Type) != shape.All {
				t.need(x, all[i], kindsOf(p.Type), "%s takes %s", fn.Name, p.Type)
			}
		}
	}
	if fn.Name == "round" && len(args) > 0 {
		t.remainder(args[0], "rounding it changes nothing")
	}
	if fn.Name == "empty" && len(args) == 1 && t.found != nil {
		if s := t.plainly().of(args[0]); s.HasValue() && declared(s) {
			t.report(args[0], Problem{Code: "needless-test", Warning: true, Message: t.excerpt(args[0]) + " is never empty, so empty(…) is always false", Detail: known(s), Help: "leave the test out"})
		}
	}
	return result(fn, all)
}

// kindsOf returns the kinds that the table of functions names.
func kindsOf(words string) shape.Kinds {
	var k shape.Kinds
	for _, w := range strings.Split(words, " or ") {
		one := shape.KindsOf(w)
		if one == shape.Nothing { // a function of the host may say it otherwise
			return shape.All
		}
		k |= one
	}
	return k
}

// Functions whose result is never null, and those whose result is null only if
// their first argument is.
var (
	neverNull   = []string{"empty", "glob", "isEmail", "kind"}
	nullForNull = []string{"base64", "boolean", "decimal", "epoch", "flatten", "formatTime", "groupBy", "indexBy", "instant", "joinText", "json", "keys", "lower", "md5", "midnightUTC", "omit", "pick", "regexReplace", "round", "sha1", "sha256", "slice", "split", "sum", "text", "trim", "upper", "uuidFrom"}
)

// result is what a function of the table gives for such arguments.
func result(fn *function.Function, args []shape.Shape) shape.Shape {
	k := kindsOf(fn.Result)
	if function.Lookup(fn.Name) != fn { // one of the host's
		return shape.Of(k | shape.Missing)
	}
	var s shape.Shape
	first := shape.Anything
	if len(args) > 0 {
		first = args[0]
	}
	switch fn.Name {
	case "keys", "split":
		s = shape.ListOf(shape.Of(shape.Text))
	case "kind":
		s = shape.Of(shape.Text).OneOf(kindNames(first.Kinds())...)
	case "epoch", "midnightUTC":
		s = shape.Of(shape.Whole)
	case "decimal", "round":
		s = shape.Of(k)
		if first.Value()&^shape.Whole == 0 && first.Value() != shape.Nothing {
			s = shape.Of(shape.Whole)
		}
	case "text", "lower", "upper", "trim":
		s = shape.Of(k)
		if fn.Name == "text" && first.Value() == shape.Text {
			s = first.Only(shape.Text)
		} else if fn.Name == "text" && first.Without(shape.Missing).HasValue() {
			s = s.Full(shape.Text)
		}
	case "slice":
		switch v := first.Value(); {
		case v == shape.List:
			s = shape.ListOf(first.Elements())
		case v&shape.List == 0:
			s = shape.Of(shape.Text)
		default:
			s = shape.Of(k)
		}
	case "entries", "merge", "get", "render", "urlParam":
		return shape.Of(k | shape.Missing)
	default:
		s = shape.Of(k)
	}
	switch {
	case slices.Contains(neverNull, fn.Name):
		return s
	case slices.Contains(nullForNull, fn.Name) && !first.Can(shape.Missing):
		return s
	}
	return s.Or(shape.Missing)
}

func kindNames(k shape.Kinds) []string {
	var out []string
	for _, name := range []string{"null", "boolean", "number", "text", "list", "object"} {
		if k&shape.KindsOf(name) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// library is a call of a function of CEL's own.
func (t *typer) library(name string, args []ast.Expr) shape.Shape {
	all := t.all(args)
	switch name {
	case "int", "uint":
		return shape.Of(shape.Whole)
	case "double":
		return shape.Of(shape.Number)
	case "string":
		if len(args) == 1 {
			t.need(args[0], all[0], shape.Scalar, "string takes a single value")
		}
		return shape.Of(shape.Text)
	case "bool":
		return shape.Of(shape.Boolean)
	case "math.greatest", "math.least", "math.abs", "math.ceil", "math.floor", "math.round", "math.trunc", "math.sign":
		for i, x := range args {
			t.need(x, all[i], shape.Number|shape.List, "%s takes numbers", name)
		}
		if len(args) == 1 {
			t.remainder(args[0], "what is left of it is whole already")
		}
		return shape.Of(shape.Number)
	}
	return shape.Anything
}
