package golden

import (
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/report"
)

// mostLines is how many lines of one value a report shows.
const mostLines = 16

// labels stand before the values of a difference.
const labelWidth = len("expected  ")

// explain says what a difference is, indented by a margin.
func (d *Difference) explain(margin string, p report.Palette) string {
	expected, got := d.sides(len(margin) + 2 + labelWidth)
	var b strings.Builder
	line := func(label, text string) {
		indent := margin + "  " + strings.Repeat(" ", labelWidth)
		fmt.Fprintf(&b, "%s  %-*s%s\n", margin, labelWidth, label, strings.ReplaceAll(text, "\n", "\n"+indent))
	}
	b.WriteString(margin + p.Bold(report.Plain(d.Path)) + "\n")
	line("expected", p.Green(expected))
	line("got", p.Red(got))
	switch {
	case d.Error != nil:
		if d.Error.Path != "" {
			line("at", report.Plain(d.Error.Path))
		}
		if d.Error.Rule != nil {
			line("rule", report.Plain(d.Error.Rule.Place))
		}
		b.WriteString(report.Failure(d.Error, margin+"    ", p))
	case d.Rule != nil:
		line("rule", report.Plain(d.Rule.Place)+p.Faint(quotedLine(d.Rule)))
	}
	return b.String()
}

// quotedLine returns the line of the file on which a rule begins.
func quotedLine(rule *engine.Rule) string {
	if rule.Span.IsZero() {
		return ""
	}
	return "  " + report.Plain(strings.TrimSpace(rule.Span.File.Line(rule.Span.Start.Line)))
}

// sides returns both values as a reader compares them.
func (d *Difference) sides(column int) (expected, got string) {
	if d.State {
		return sideOfState(d.Expected), sideOfState(d.Got.First())
	}
	expected, got = show(d.Expected, column), show(d.Got, column)
	switch {
	case !d.Expected.IsScalar() || !d.Got.IsScalar():
	case d.Expected.Kind() != d.Got.Kind():
		expected += " (" + d.Expected.Kind().String() + ")"
		got += " (" + d.Got.Kind().String() + ")"
	case d.Expected.Kind() == value.Number && value.CompareNumbers(d.Expected, d.Got) == 0:
		got += " (the same number, written otherwise)"
	}
	return expected, got
}

func sideOfState(n *value.Node) string {
	switch {
	case n.Key() != keyRequests:
		return entry(n.Key(), n, 0)
	case n.Len() == 1:
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n.Len())
}

// show writes a value as a fixture would, texts always in quotes.
func show(n *value.Node, column int) string {
	switch {
	case n == nil:
		return "nothing"
	case n.Kind() == value.String:
		return quote(n.Text())
	}
	text, ok := inline(n, column)
	if !ok {
		text = block(n, 0)
	}
	lines := strings.Split(text, "\n")
	if len(lines) > mostLines {
		lines = append(lines[:mostLines-1], fmt.Sprintf("… %d more lines", len(lines)-mostLines+1))
	}
	return strings.Join(lines, "\n")
}

// change says in one line what an update changes.
func (d *Difference) change(p report.Palette) string {
	expected, got := d.sides(0)
	path := report.Plain(d.Path)
	switch {
	case d.Expected == nil:
		return p.Green("+ "+path) + brief(got)
	case d.Got == nil:
		return p.Red("- "+path) + brief(expected)
	}
	return p.Yellow("~ "+path) + brief(expected) + " → " + strings.TrimSpace(brief(got))
}

// brief puts a value behind what it belongs to, in one line.
func brief(text string) string {
	first, rest, more := strings.Cut(text, "\n")
	if more {
		first += fmt.Sprintf(" … %d more lines", strings.Count(rest, "\n")+1)
	}
	return "  " + first
}

// changes lists what an update changes, by the rule that is behind it.
func changes(differences []Difference, margin string, p report.Palette) string {
	var order []string
	groups := map[string][]string{}
	for i := range differences {
		d := &differences[i]
		head := "by no rule"
		if d.Rule != nil {
			head = report.Plain(d.Rule.Place) + p.Faint(quotedLine(d.Rule))
		}
		if groups[head] == nil {
			order = append(order, head)
		}
		groups[head] = append(groups[head], d.change(p))
	}
	var b strings.Builder
	for _, head := range order {
		b.WriteString(margin + head + "\n")
		for _, line := range groups[head] {
			b.WriteString(margin + "  " + line + "\n")
		}
	}
	return b.String()
}
