package report

import (
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine"
)

// Failure shows what of the rules rejected an event, and the values that its
// message does not tell:
//
//	14 |     when: traits.age > 18 && o.n > 3
//	   |                              ^^^^^^^
//	   = o is object {"n":2}
//
// and, where the rule calls a function of the rules, the same of that.
//
// It is "" for an error that no rule has made and that has no values.
func Failure(e *engine.EventError, indent string, p Palette) string {
	var b strings.Builder
	if e.Rule != nil {
		if excerpt := Excerpt(e.Rule.Span, indent, p); excerpt != "" {
			b.WriteString(excerpt)
		}
	}
	at := indent
	if e.Rule != nil && !e.Rule.Span.IsZero() {
		at += strings.Repeat(" ", len(fmt.Sprint(e.Rule.Span.Start.Line))+1) // below the bar
	}
	for _, v := range e.Details() {
		b.WriteString(at + p.Faint("=") + " " + Plain(v.Text+" is "+v.Value) + "\n")
	}
	if e.Function != nil {
		b.WriteString(indent + "in the function, " + p.Faint(Plain(e.Function.Place)) + "\n" + Excerpt(e.Function.Span, indent, p))
	}
	return b.String()
}
