package expression

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// assumedSize is how many elements a list is taken to have that is not known
// before an event is.
const assumedSize = 20

// bounds is what is known at load of a number: the least that it can be, and
// what it is where lists have assumedSize elements.
type bounds struct{ least, likely float64 }

func (b bounds) plus(x bounds) bounds { return bounds{b.least + x.least, b.likely + x.likely} }

func (b bounds) times(x bounds) bounds { return bounds{b.least * x.least, b.likely * x.likely} }

// either is what is known where one of two is chosen.
func either(x, y bounds) bounds {
	return bounds{math.Min(x.least, y.least), math.Max(x.likely, y.likely)}
}

// estimate refuses an expression that takes more steps than an event has:
// always, or with lists of a usual size.
func (c *compiler) estimate(e ast.Expr) {
	c.takes = c.steps(e)
	most := float64(c.options.Steps)
	switch {
	case c.takes.least > most:
		c.at(c.loops(e), "too-expensive", fmt.Sprintf("this takes at least %s steps for each event, and an event may take %s", count3(c.takes.least), count3(most)),
			"go through shorter lists, or work out beforehand what is the same for all events")
	case c.takes.likely > most:
		c.at(c.loops(e), "nested-loops", fmt.Sprintf("with %d elements in each list this takes about %s steps for each event, and an event may take %s", assumedSize, count3(c.takes.likely), count3(most)),
			"take loops out of each other: indexBy(list, field) and groupBy(list, field) find elements without one")
	}
}

// count3 writes a number of steps.
func count3(n float64) string {
	if n >= 1e12 {
		return "a million million"
	}
	s := strconv.FormatFloat(n, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// loops returns the part of e that takes the most, the outermost of loops
// within each other.
func (c *compiler) loops(e ast.Expr) ast.Expr {
	for e.Kind() != ast.ComprehensionKind {
		part := e
		for _, x := range parts(e) {
			if cost := c.steps(x); cost.likely > 0.9*c.takes.likely {
				part = x
			}
		}
		if part == e || e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "first" {
			break
		}
		e = part
	}
	return e
}

// steps estimates what one evaluation of e takes.
func (c *compiler) steps(e ast.Expr) bounds {
	sum := bounds{0.25, 0.25}
	switch e.Kind() {
	case ast.ComprehensionKind:
		x := e.AsComprehension()
		body := bounds{1, 1}.plus(c.steps(x.LoopCondition())).plus(c.steps(x.LoopStep()))
		times := c.size(x.IterRange())
		if x.LoopCondition().Kind() != ast.LiteralKind { // it may end with the first element
			times.least = math.Min(times.least, 1)
		}
		return sum.plus(c.steps(x.IterRange())).plus(c.steps(x.Result())).plus(times.times(body))
	case ast.CallKind:
		name, args := c.called(e, nil)
		switch name {
		case operators.Conditional:
			return sum.plus(c.steps(args[0])).plus(either(c.steps(args[1]), c.steps(args[2])))
		case operators.LogicalAnd, operators.LogicalOr:
			right := c.steps(args[1])
			return sum.plus(c.steps(args[0])).plus(bounds{0, right.likely})
		case "first":
			if len(args) == 3 && !isMethod(e, name) {
				times := c.size(args[0])
				times.least = math.Min(times.least, 1)
				return sum.plus(c.steps(args[0])).plus(times.times(bounds{1, 1}.plus(c.steps(args[2]))))
			}
		}
		sum = sum.plus(bounds{float64(callWeight(e)) / 4, float64(callWeight(e)) / 4})
		if fn := c.scope.Function(name); fn != nil && !isMethod(e, name) {
			sum = sum.plus(fn.takes)
		} else if name == "lists.range" && len(args) == 1 {
			sum = sum.plus(c.size(e).times(bounds{0.25, 0.25}))
		}
		for _, x := range args {
			sum = sum.plus(c.steps(x))
		}
		return sum
	}
	for _, x := range parts(e) {
		sum = sum.plus(c.steps(x))
	}
	return sum
}

// size estimates how many elements e has, if it is a list.
func (c *compiler) size(e ast.Expr) bounds {
	unknown := bounds{0, assumedSize}
	switch e.Kind() {
	case ast.ListKind:
		n := float64(e.AsList().Size())
		return bounds{n, n}
	case ast.MapKind:
		n := float64(e.AsMap().Size())
		return bounds{n, n}
	case ast.ComprehensionKind:
		x := e.AsComprehension()
		if k := x.AccuInit().Kind(); k != ast.ListKind && k != ast.MapKind {
			return unknown
		}
		n := c.size(x.IterRange())
		if x.LoopStep().Kind() == ast.CallKind && x.LoopStep().AsCall().FunctionName() == operators.Conditional {
			n.least = 0
		}
		return n
	case ast.CallKind:
		name, args := c.called(e, nil)
		switch {
		case name == "lists.range" && len(args) == 1 && args[0].Kind() == ast.LiteralKind:
			if n, ok := args[0].AsLiteral().(types.Int); ok && n >= 0 {
				return bounds{float64(n), float64(n)}
			}
		case name == operators.Add && len(args) == 2:
			if x, y := c.size(args[0]), c.size(args[1]); x.least > 0 || y.least > 0 {
				return x.plus(y)
			}
		case name == operators.Conditional:
			return either(c.size(args[1]), c.size(args[2]))
		case strings.HasPrefix(name, "reverse") || name == "sort":
			return c.size(args[0])
		}
	}
	return unknown
}
