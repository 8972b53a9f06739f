package expression

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// doubt reports what the parser reads, but never does what its author means:
// 2024-01-31 without quotes, type == "a" || "b", list[-1].
func (c *compiler) doubt(e ast.Expr) {
	if c.doubtPieces(); len(c.problems) == 0 {
		c.doubtTree(e)
	}
}

// doubtPieces doubts numbers, and -- with a comment behind it.
func (c *compiler) doubtPieces() {
	list, problem := pieces(c.text)
	m := &misreading{text: c.text, scope: c.scope, list: list, broken: problem}
	behind := 0
	for m.at = range list {
		if m.is(m.at, "-") && m.is(m.at+1, "-") && m.touches(m.at+1) && !m.touches(m.at) && !m.touches(m.at+2) {
			c.problem(list[m.at].from, len(strings.TrimRight(c.text, " \n")), "foreign-syntax", "-- begins no comment inside of an expression", "move the comment to a line of its own, or write // before it")
			return
		}
		if list[m.at].kind != numberPiece || list[m.at].from < behind {
			continue
		}
		if p := m.number(); p != nil {
			c.problems = append(c.problems, *p)
			behind = p.To
		}
	}
}

var ordering = map[string]string{operators.Less: "<", operators.LessEquals: "<=", operators.Greater: ">", operators.GreaterEquals: ">="}

func (c *compiler) doubtTree(e ast.Expr) {
	switch e.Kind() {
	case ast.SelectKind:
		if s := e.AsSelect(); isNull(s.Operand()) {
			c.at(e, "null-misuse", "null has no fields", "name what has the field "+s.FieldName()+" before the point")
		}
	case ast.StructKind:
		c.at(e, "foreign-syntax", "brackets { } cannot stand behind a name", `an object is written {"key": value}; an element is read with [ ]`)
		return
	case ast.CallKind:
		c.doubtCall(e)
	}
	for _, part := range parts(e) {
		c.doubtTree(part)
	}
}

func (c *compiler) doubtCall(e ast.Expr) {
	name, args := e.AsCall().FunctionName(), e.AsCall().Args()
	switch sign := signs[own[name]]; {
	case name == operators.LogicalAnd || name == operators.LogicalOr:
		for i, x := range args {
			if v, ok := nonCondition(x); ok {
				c.noCondition(x, v, name, args[1-i])
			}
		}
		c.doubtEither(e, name, args)
	case name == operators.LogicalNot || name == operators.Conditional:
		if v, ok := nonCondition(args[0]); ok {
			c.at(args[0], "not-a-condition", "a condition has to be true or false, this is always "+v, "compare it with something: x == "+v)
		}
	case ordering[name] != "":
		c.doubtOrder(e, ordering[name], args)
	case name == operators.Equals || name == operators.NotEquals:
		c.doubtNot(e, strings.Trim(name, "_"), args, map[string]string{operators.Equals: "!=", operators.NotEquals: "=="}[name])
	case name == operators.In:
		c.doubtNot(e, "in", args, "")
		c.doubtIn(e, args)
	case name == operators.Index:
		if i, ok := literalOf(args[1]).(types.Int); ok && i < 0 {
			list := c.textOf(args[0])
			c.at(args[1], "negative-index", fmt.Sprintf("elements are counted from 0, so there is none at %d", i), fmt.Sprintf("write %s[size(%s) - %d], counted from the end", list, list, -i))
		}
	case sign != "" && len(args) == 2:
		c.doubtSum(e, name, sign, args)
	}
}

// nonCondition returns a literal that is neither true nor false.
func nonCondition(e ast.Expr) (shown string, ok bool) {
	switch v := literalOf(e).(type) {
	case nil, types.Bool:
		return "", false
	case types.String:
		return fmt.Sprintf("%q", string(v)), true
	case types.Null:
		return "null", true
	default:
		return fmt.Sprint(v.Value()), true
	}
}

func literalOf(e ast.Expr) ref.Val {
	if e.Kind() != ast.LiteralKind {
		return nil
	}
	return e.AsLiteral()
}

func isNull(e ast.Expr) bool { return literalOf(e) == types.NullValue }

// textOf returns what the author wrote for e.
func (c *compiler) textOf(e ast.Expr) string {
	s := c.span(e)
	return c.text[s.from:s.to]
}

// noCondition explains plan == "free" || "pro".
func (c *compiler) noCondition(e ast.Expr, v, operator string, other ast.Expr) {
	sign := strings.Trim(operator, "_")
	if list, problem := pieces(c.text); problem == nil { // all of plan == "free" || "pro" || "trial" at once
		m := &misreading{text: c.text, scope: c.scope, list: list}
		for m.at = range list {
			if p := m.oneOf(); p != nil && m.piece(m.at+1).from == c.span(e).from {
				c.at(e, "not-a-condition", sign+" joins two conditions, and "+v+" alone is none", p.Help)
				return
			} else if p != nil && p.To < c.span(e).from && c.follows(m, e) {
				return
			}
		}
	}
	help := "write a whole condition on both sides of " + sign
	for other.Kind() == ast.CallKind && other.AsCall().FunctionName() == operator {
		other = other.AsCall().Args()[0]
	}
	if other.Kind() == ast.CallKind {
		switch name, args := other.AsCall().FunctionName(), other.AsCall().Args(); {
		case name == operators.Equals && operator == operators.LogicalOr && literalOf(args[1]) != nil:
			help = shown(fmt.Sprintf("write %s in [%s, %s]", c.textOf(args[0]), c.textOf(args[1]), c.textOf(e)), help)
		case name == operators.Equals || name == operators.NotEquals:
			help = shown(fmt.Sprintf("write %s %s %s", c.textOf(args[0]), strings.Trim(name, "_"), c.textOf(e)), help)
		}
	}
	c.at(e, "not-a-condition", sign+" joins two conditions, and "+v+" alone is none", help)
}

// follows reports whether e is a later one of the values that m.oneOf counts up.
func (c *compiler) follows(m *misreading, e ast.Expr) bool {
	for i := m.at + 1; ; i += 2 {
		switch k := m.piece(i).kind; {
		case k != textPiece && k != numberPiece:
			return false
		case m.piece(i).from == c.span(e).from:
			return true
		case m.word(i+1) != m.word(m.at):
			return false
		}
	}
}

// doubtEither explains x != "a" || x != "b", which is always true, and
// x == "a" && x == "b", which never is.
func (c *compiler) doubtEither(e ast.Expr, name string, args []ast.Expr) {
	compares := map[string]string{operators.LogicalOr: operators.NotEquals, operators.LogicalAnd: operators.Equals}[name]
	for _, x := range args {
		if x.Kind() != ast.CallKind || x.AsCall().FunctionName() != compares {
			return
		}
	}
	l, r := args[0].AsCall().Args(), args[1].AsCall().Args()
	v, w := literalOf(l[1]), literalOf(r[1])
	if v == nil || w == nil || c.textOf(l[0]) != c.textOf(r[0]) || l[0].Kind() == ast.LiteralKind || v.Type() != w.Type() || v.Equal(w) == types.True {
		return
	}
	list := fmt.Sprintf("%s in [%s, %s]", c.textOf(l[0]), c.textOf(l[1]), c.textOf(r[1]))
	if name == operators.LogicalOr {
		c.at(e, "never-equal", "this is always true: whatever "+c.textOf(l[0])+" is, it differs from one of them", shown("write !("+list+")", "write && between them"))
		return
	}
	c.at(e, "never-equal", "this is never true: "+c.textOf(l[0])+" cannot be both", shown("write "+list, "write || between them"))
}

func (c *compiler) doubtOrder(e ast.Expr, sign string, args []ast.Expr) {
	for i, x := range args {
		if isNull(x) {
			c.at(x, "null-misuse", "null is neither greater nor smaller than anything", "ask whether a value is there with "+c.textOf(args[1-i])+" != null")
			return
		}
	}
	for i, x := range args {
		if x.Kind() != ast.CallKind || ordering[x.AsCall().FunctionName()] == "" {
			continue
		}
		inner := x.AsCall().Args()
		help := "write two conditions with && between them"
		if i == 0 {
			help = shown(fmt.Sprintf("write %s && %s %s %s", c.textOf(x), c.textOf(inner[1]), sign, c.textOf(args[1])), help)
		}
		c.at(e, "chained-comparison", "a comparison compares two values, not three", help)
		return
	}
}

// doubtNot explains !a == b, where ! is meant for the whole.
func (c *compiler) doubtNot(e ast.Expr, sign string, args []ast.Expr, opposite string) {
	x := args[0]
	if x.Kind() != ast.CallKind || x.AsCall().FunctionName() != operators.LogicalNot {
		return
	}
	if _, ok := literalOf(args[1]).(types.Bool); ok {
		return
	}
	if args[1].Kind() == ast.CallKind && args[1].AsCall().FunctionName() == operators.LogicalNot {
		return
	}
	at := c.span(x)
	if strings.HasPrefix(c.text[at.from:], "(") || strings.HasSuffix(strings.TrimRight(c.text[:at.from], " "), "(") && strings.HasPrefix(strings.TrimLeft(c.text[at.to:], " "), ")") {
		return
	}
	inner := c.textOf(x.AsCall().Args()[0])
	help := fmt.Sprintf("write !(%s %s %s)", inner, sign, c.textOf(args[1]))
	if opposite != "" {
		help = fmt.Sprintf("write %s %s %s", inner, opposite, c.textOf(args[1]))
	}
	c.problem(at.from, at.from+1, "misplaced-not", "! belongs to "+inner+" alone, and not to the comparison", shown(help, "put the comparison in brackets: !(a == b)"))
}

func (c *compiler) doubtIn(e ast.Expr, args []ast.Expr) {
	if args[0].Kind() == ast.CallKind && args[0].AsCall().FunctionName() == operators.LogicalNot {
		return
	}
	switch v := literalOf(args[1]).(type) {
	case nil:
	case types.String:
		c.at(args[1], "bad-argument", fmt.Sprintf("in looks into a list or an object, and %q is a text", string(v)),
			shown(fmt.Sprintf("write %s == %q to compare, or %q.contains(%s) for a part of the text", c.textOf(args[0]), string(v), string(v), c.textOf(args[0])), "write [ ] around a list"))
	case types.Null:
		c.at(args[1], "null-misuse", "nothing is in null", "name a list, such as [\"free\", \"pro\"]")
	default:
		c.at(args[1], "bad-argument", fmt.Sprintf("in looks into a list or an object, and %v is neither", v.Value()), "write [ ] around a list")
	}
}

func (c *compiler) doubtSum(e ast.Expr, name, sign string, args []ast.Expr) {
	if i := slices.IndexFunc(args, isNull); i >= 0 {
		c.at(args[i], "null-misuse", "nothing can be computed with null", "leave it out, or ask for != null before")
		return
	}
	if l, r := literalOf(args[0]), literalOf(args[1]); name == operators.Add && l != nil && r != nil && l.Type() != r.Type() && (l.Type() == types.StringType || r.Type() == types.StringType) {
		written := [2]string{c.textOf(args[0]), c.textOf(args[1])}
		for i, v := range []ref.Val{l, r} {
			if v.Type() != types.StringType {
				written[i] = "text(" + written[i] + ")"
			}
		}
		c.at(e, "bad-argument", "+ joins two texts or adds two numbers, not one of each", "write "+written[0]+" + "+written[1])
		return
	}
	divides := name == operators.Divide || name == operators.Modulo
	if i, ok := literalOf(args[1]).(types.Int); ok && i == 0 && divides {
		c.at(args[1], "bad-argument", "nothing can be divided by 0", "write another number")
		return
	}
	for _, x := range args {
		if _, ok := literalOf(x).(types.Double); ok && name == operators.Modulo {
			c.at(e, "bad-argument", "% is the remainder of whole numbers, and "+c.textOf(x)+" is none", "write whole numbers on both sides of %")
			return
		}
	}
}
