package plan

import (
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
)

// read is a path that an expression reads below a name.
type read struct {
	expr  *Expr
	slot  int
	steps expression.Path
}

// noteReads remembers what an expression reads, to be checked when all names
// are compiled.
func (c *compiler) noteReads(e *Expr) {
	e.Reads(func(slot int, steps expression.Path) {
		if len(steps) > 0 && !steps[0].IsIndex {
			c.reads = append(c.reads, read{e, slot, steps})
		}
	})
}

// checkReads reports fields that cannot be there: of tables and objects that
// the rules themselves write down, and of the config where its schema is closed
// or the name is a slip of one that it declares.
func (c *compiler) checkReads() {
	for _, r := range c.reads {
		slot, field := c.program.Slots[r.slot], r.steps[0].Name
		switch slot.Kind {
		case TableSlot:
			var known []string
			for row := slot.Table.Rows.First(); row != nil; row = row.Next() {
				for m := row.First(); m != nil; m = m.Next() {
					known = append(known, m.Key())
				}
			}
			c.checkField(r, "no row of the table "+slot.Name+" has a field", field, known)
		case ObjectSlot:
			if o := slot.Object; o.Rest == nil && o.Each == nil {
				c.checkField(r, "no line of the object "+slot.Name+" sets a field", field, sortedNames(o.Targets))
			}
		case ConfigSlot:
			c.checkConfig(r, field)
		}
	}
}

func (c *compiler) checkField(r read, what, field string, known []string) {
	if slices.Contains(known, field) {
		return
	}
	slices.Sort(known)
	help := "there are " + strings.Join(slices.Compact(known), ", ")
	if near := source.Suggest(field, known); near != "" {
		help = "did you mean " + near + "?"
	}
	c.error(r.place(field), "unknown-field", help, "%s %q", what, field)
}

func (c *compiler) checkConfig(r read, field string) {
	s := c.program.Config
	if s == nil || slices.Contains(s.Properties(), field) {
		return
	}
	near := source.Suggest(field, s.Properties())
	closed := s.Property(field) == schema.Unknown
	if near == "" && !closed {
		return // the config may hold more than its schema says
	}
	help := "declare it in " + s.Name()
	if near != "" {
		help = "did you mean " + near + "? Otherwise declare " + field + " in " + s.Name()
	}
	c.error(r.place(field), "unknown-field", help, "the schema of the config has no %q", field)
}

// place is where an expression names a field.
func (r read) place(field string) source.Span {
	for _, before := range []string{".", `["`, "['"} {
		if i := strings.Index(r.expr.Text, before+field); i >= 0 {
			from := i + len(before)
			return r.expr.Span(from, from+len(field))
		}
	}
	return r.expr.Span(0, len(r.expr.Text))
}
