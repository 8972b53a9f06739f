package plan

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// forgottenMark reports a value of a template that is text, but reads as an
// expression: its = was most likely forgotten. Quotes say that a name is meant as text.
func (c *compiler) forgottenMark(s *scope, n *source.Node) {
	if p, problem := expression.ParsePath(n.Text); problem == nil {
		if len(p) > 0 && n.Style == source.Plain && c.names(s, p[0].Name) {
			c.error(n.Span, "missing-mark", "write ="+n.Text+" for its value; where this text is meant, put it in quotes", "%q is sent as this text, although %s is a name here", n.Text, p[0].Name)
		}
		return
	}
	if likeCode.MatchString(n.Text) && c.readable(s, n.Text) {
		c.error(n.Span, "missing-mark", "write = before it for its value; where this text is meant, write "+asText(n, "…")+" with the text in it", "%s is sent as this text: there is no = before the expression", strconv.Quote(shortened(n.Text)))
	}
}

// forgottenItems is forgottenMark for the items of an envelope: with a mark
// forgotten, nothing of the envelope says that it carries many.
func (c *compiler) forgottenItems(many *scope, n *source.Node) {
	switch {
	case n == nil:
	case n.Kind == source.Mapping:
		for _, e := range n.Entries {
			c.forgottenItems(many, e.Value)
		}
	case n.Kind == source.Sequence:
		for _, x := range n.Items {
			c.forgottenItems(many, x)
		}
	case n.Text == "items" || strings.HasPrefix(n.Text, "items."):
		c.forgottenMark(many, n)
	}
}

// likeCode are texts that may be expressions: with a call, an index, a choice or a comparison in them.
var likeCode = regexp.MustCompile(`^!*[A-Za-z_]\w*[(\[.]|^["'(\[{]|[=!]=|&&|\|\||\s\?\s|\s[-+*/<>]=?\s`)

// readable reports whether a text is an expression of what a scope knows, and
// of something that it knows.
func (c *compiler) readable(s *scope, text string) bool {
	p, problems := expression.Compile(text, s, expression.Anything, c.options.Expression)
	if len(problems) > 0 {
		return false
	}
	_, constant := p.Constant()
	return !constant && len(p.Slots()) > 0
}

// shortened is a text of the rules for a message.
func shortened(s string) string { return value.Shorten(s, 41) }

// names reports whether a word is a name in a scope.
func (c *compiler) names(s *scope, word string) bool {
	_, ok := s.Slot(word)
	return ok
}

// valueMarks are ways of other tools to put a value into a text: {x}, $(x), $x.
var valueMarks = regexp.MustCompile(`\$*\{+[^{}$]*\}+|\$\([^$]*\)|\$[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*`)

// foreignMarks reports values that a text takes in the way of another tool.
// literal is the part of the text without expressions that begins at offset.
func (c *compiler) foreignMarks(s *scope, n *source.Node, offset int, literal string) {
	for _, at := range valueMarks.FindAllStringIndex(literal, -1) {
		from, to := at[0], at[1]
		mark := literal[from:to]
		var inner string
		sign := 1
		switch {
		case from > 0 && literal[from-1] == '#', strings.HasPrefix(mark, "{{") && !c.prose || strings.HasPrefix(mark, "${") || strings.HasPrefix(mark, "$$"):
			continue
		case strings.HasPrefix(mark, "{ ") && strings.Count(literal[:from], "{") > strings.Count(literal[:from], "}"):
			continue // a block inside of another, as in { user { name } }
		case strings.HasPrefix(mark, "{"):
			inner = strings.Trim(mark, "{}")
			if sign = 2; !strings.HasPrefix(mark, "{{") {
				sign, to = 1, from+1+len(inner)+1
			}
		case strings.HasPrefix(mark, "$("):
			end := closingBracket(mark, 2)
			if end < 0 {
				continue
			}
			inner, to = mark[2:end], from+end+1
		default:
			inner = mark[1:]
			if declares(n.Text, inner) {
				continue
			}
			if rest := literal[to:]; strings.HasPrefix(rest, "(") || strings.HasPrefix(rest, "[") {
				if end := closingBracket(rest, 1); end > 0 && c.readable(s, inner+rest[:end+1]) {
					inner, to = inner+rest[:end+1], to+end+1
				}
			}
		}
		inner = strings.TrimSpace(inner)
		if !c.readable(s, inner) {
			continue
		}
		c.error(n.At(offset+from, offset+to), "missing-mark", "write ${"+inner+"}; where this text is meant, "+asText(n, literal[from:from+sign])+literal[from+sign:to],
			"%s is sent as this text: a value stands in a text as ${ }", strconv.Quote(shortened(literal[from:to])))
	}
}

// declares reports whether a text is a query that has a variable of that name
// itself, as query($id: ID!) { … } has: then $id is that variable.
func declares(text, name string) bool {
	return regexp.MustCompile(`\$` + regexp.QuoteMeta(name) + `\s*:\s*\[*[A-Z]`).MatchString(text)
}

// asText writes a constant text as an expression in a text, with quotes that
// can stand between those of the whole value.
func asText(n *source.Node, text string) string {
	if n.Style == source.Double {
		return "${'" + text + "'}"
	}
	return `${"` + text + `"}`
}

// closingBracket returns where the round or square bracket before from is closed, -1 if it is not.
func closingBracket(text string, from int) int {
	depth := 0
	for i := from; i < len(text); i++ {
		switch text[i] {
		case '(', '[':
			depth++
		case ')', ']':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}
