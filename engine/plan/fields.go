package plan

import (
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/source"
)

// checkField reports a field that is not among those that are known.
func (c *compiler) checkField(e *Expr, what, field string, known []string) {
	if slices.Contains(known, field) {
		return
	}
	slices.Sort(known)
	c.error(e.place(field), "unknown-field", source.Choices(field, slices.Compact(known)), "%s %q", what, field)
}

// place is where an expression names a field.
func (e *Expr) place(field string) source.Span {
	for _, before := range []string{".", `["`, "['"} {
		if i := strings.Index(e.Text, before+field); i >= 0 {
			from := i + len(before)
			return e.Span(from, from+len(field))
		}
	}
	return e.Span(0, len(e.Text))
}
