package expression

import (
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/celmap/celmap/engine/value"
)

// span is a stretch of an expression's text, in bytes.
type span struct{ from, to int }

// site is a part of an expression that can fail: where it stands, and what it
// works on. It is looked at only once something has failed.
type site struct {
	span
	text     string // of the whole expression
	name     string // of the operator or function, as rules write it
	operands []operand
	locals   []local // variables that it reads
}

// operand is a part of a site. Where it is a path, or reads one, that is known.
type operand struct {
	span
	literal bool
	slot    int    // of the name that it reads first, -1 for none
	local   string // the variable that it reads first
	steps   Path   // below either
	exact   bool   // it is that path and nothing else
}

// local is a variable: of a function or a native first, or of a comprehension
// of CEL, where index is -1.
type local struct {
	name  string
	index int
}

// site describes a part of the text: e, which works on operands.
func (c *compiler) site(e ast.Expr, name string, operands ...ast.Expr) *site {
	s := &site{span: c.span(e), text: c.text, name: name}
	for _, x := range operands {
		s.operands = append(s.operands, c.operand(x))
	}
	c.variables(e, s)
	return s
}

// siteOf is site for a call.
func (c *compiler) siteOf(e ast.Expr, name string, args []ast.Expr) *site {
	if sign := written[name]; sign != "" {
		name = sign
	}
	return c.site(e, name, args...)
}

// written are the signs that rules have for functions of CEL.
var written = map[string]string{
	operators.Add: "+", operators.Subtract: "-", operators.Multiply: "*", operators.Divide: "/", operators.Modulo: "%", operators.Negate: "-",
	"math.@max": "math.greatest", "math.@min": "math.least",
	operators.Less: "<", operators.LessEquals: "<=", operators.Greater: ">", operators.GreaterEquals: ">=",
	operators.Equals: "==", operators.NotEquals: "!=", operators.LogicalAnd: "&&", operators.LogicalOr: "||", operators.LogicalNot: "!",
	operators.In: "in", operators.OldIn: "in", operators.Conditional: "?", operators.Index: "[]", operators.OptIndex: "[?]", operators.OptSelect: ".?",
}

func (c *compiler) operand(e ast.Expr) operand {
	o := operand{span: c.span(e), literal: e.Kind() == ast.LiteralKind, slot: -1}
	o.exact = c.pathOf(e, &o)
	if !o.exact {
		c.firstRead(e, &o)
	}
	return o
}

// pathOf fills in the path that e is, if it is one.
func (c *compiler) pathOf(e ast.Expr, o *operand) bool {
	switch e.Kind() {
	case ast.IdentKind:
		name := e.AsIdent()
		if hidden(name) {
			return false
		}
		if slot, ok := c.scope.Slot(name); ok {
			o.slot = slot
		} else {
			o.local = name
		}
		return true
	case ast.SelectKind:
		if !c.pathOf(e.AsSelect().Operand(), o) {
			return false
		}
		o.steps = append(o.steps, Step{Name: e.AsSelect().FieldName()})
		return true
	case ast.CallKind:
		call := e.AsCall()
		if call.FunctionName() != operators.Index || call.Args()[1].Kind() != ast.LiteralKind || !c.pathOf(call.Args()[0], o) {
			return false
		}
		switch key := call.Args()[1].AsLiteral().(type) {
		case types.String:
			o.steps = append(o.steps, Step{Name: string(key)})
		case types.Int:
			o.steps = append(o.steps, Step{Index: int(key), IsIndex: true})
		default:
			return false
		}
		return true
	}
	return false
}

// firstRead fills in the first path that e reads.
func (c *compiler) firstRead(e ast.Expr, o *operand) bool {
	for _, x := range c.authored(e) {
		read := operand{slot: -1}
		if c.pathOf(x, &read) {
			if read.slot < 0 && environment().HasFunction(read.local) {
				continue
			}
			o.slot, o.local, o.steps = read.slot, read.local, read.steps
			return true
		}
		if c.firstRead(x, o) {
			return true
		}
	}
	return false
}

// authored returns the parts of e as the author wrote them.
func (c *compiler) authored(e ast.Expr) []ast.Expr {
	if call, ok := c.source.GetMacroCall(e.ID()); ok {
		return parts(call)
	}
	return parts(e)
}

// own returns the nodes that the author wrote: macros expand to others besides.
func (c *compiler) own(e ast.Expr, into map[int64]bool) map[int64]bool {
	into[e.ID()] = true
	for _, x := range c.authored(e) {
		c.own(x, into)
	}
	return into
}

// variables notes the variables that e reads.
func (c *compiler) variables(e ast.Expr, s *site) {
	if e.Kind() == ast.IdentKind {
		name := e.AsIdent()
		if _, taken := c.scope.Slot(name); taken || hidden(name) || slices.ContainsFunc(s.locals, func(l local) bool { return l.name == name }) {
			return
		}
		s.locals = append(s.locals, local{name, slices.Index(c.locals, name)})
		return
	}
	for _, x := range parts(e) {
		c.variables(x, s)
	}
}

// maxSource bounds how much of a rule a message repeats, in characters.
const maxSource = 61

// source returns a part of the text in one line.
func (s *site) source(of span) string {
	return value.Shorten(strings.Join(strings.Fields(s.text[of.from:of.to]), " "), maxSource)
}
