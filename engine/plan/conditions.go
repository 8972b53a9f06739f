package plan

import (
	"strings"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// entry is one of several of which the first that applies is taken.
type entry struct {
	node *source.Node
	when *Expr // nil: none is written, or it has mistakes
}

// always reports whether an entry applies whatever comes.
func (c *compiler) always(e entry) bool {
	if e.when != nil {
		v, ok := e.when.Constant()
		return ok && v.Kind() == value.Bool && v.Bool()
	}
	return e.node.Get("when") == nil && !c.holes[e.node]
}

// firstOf finds entries that are never reached, because those before them take
// all that they would take, which an overlay may want of those of its base. It
// reports whether something always applies.
func (c *compiler) firstOf(list []entry, what, takes string) bool {
	for i, e := range list {
		if e.when != nil {
			c.constantCondition(e, what)
		}
		if i > 0 && c.always(list[i-1]) {
			c.error(e.node.Span, "unreachable", "move the "+what+" without when to the end", "this %s is never reached: the one before it %s", what, takes).Relate(list[i-1].node.Span, "it has no condition that could be false")
			return true
		}
		for _, before := range list[:i] {
			if e.when != nil && before.when != nil && !c.borrowed[e.node.Span.File] && implies(e.when.Text, before.when.Text) {
				c.error(e.when.Span(0, len(e.when.Text)), "unreachable", "move it before the other one, or change one of the conditions", "this %s is never reached: whenever its condition holds, that of an earlier one does", what).Relate(before.when.Span(0, len(before.when.Text)), "the earlier condition")
				break
			}
		}
	}
	return len(list) > 0 && c.always(list[len(list)-1])
}

// constantCondition doubts a condition that is the same for all.
func (c *compiler) constantCondition(e entry, what string) {
	v, ok := e.when.Constant()
	switch {
	case !ok || v.Kind() != value.Bool:
	case v.Bool():
		c.warn(e.when.Span(0, len(e.when.Text)), "constant-condition", "remove when, if that is meant", "the condition is always true")
	default:
		c.warn(e.when.Span(0, len(e.when.Text)), "constant-condition", "remove the "+what+", or write what it depends on", "the condition is never true, so this %s never applies", what)
	}
}

// implies reports whether a condition holds only where another one does, as far
// as their words tell: it is the same, with or without more after &&.
func implies(condition, other string) bool {
	parts := map[string]bool{}
	for _, p := range conjuncts(condition) {
		parts[p] = true
	}
	for _, p := range conjuncts(other) {
		if !parts[p] {
			return false
		}
	}
	return true
}

// conjuncts splits a condition at its &&, without white space that means nothing.
// Where || or ?: join its parts, it is one.
func conjuncts(text string) []string {
	var parts []string
	var part strings.Builder
	depth, quote, whole := 0, byte(0), false
	for i := 0; i < len(text); i++ {
		ch := text[i]
		switch {
		case quote != 0:
			part.WriteByte(ch)
			if ch == '\\' && i+1 < len(text) {
				i++
				part.WriteByte(text[i])
			} else if ch == quote {
				quote = 0
			}
			continue
		case ch == '"' || ch == '\'':
			quote = ch
		case ch == '(' || ch == '[' || ch == '{':
			depth++
		case ch == ')' || ch == ']' || ch == '}':
			depth--
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r':
			if s := part.String(); s != "" && i+1 < len(text) && wordByte(s[len(s)-1]) && wordByte(text[i+1]) {
				part.WriteByte(' ')
			}
			continue
		case depth == 0 && (ch == '?' || strings.HasPrefix(text[i:], "||")):
			whole = true
		case depth == 0 && !whole && strings.HasPrefix(text[i:], "&&"):
			parts = append(parts, part.String())
			part.Reset()
			i++
			continue
		}
		part.WriteByte(ch)
	}
	if whole {
		return []string{strings.Join(append(parts, part.String()), "&&")}
	}
	return append(parts, part.String())
}

func wordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' || b == '"' || b == '\''
}
