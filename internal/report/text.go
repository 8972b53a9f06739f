// Package report renders diagnostics: for people with the source line and a
// caret, for programs as JSON, for GitHub as annotations, and for code scanners
// as SARIF.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	codes "github.com/celmap/celmap/docs/errors"
	"github.com/celmap/celmap/engine/source"
)

// Text writes each finding as people read it:
//
//	rules/identify.yaml:14:11: error[R301 unknown-name]: nothing here is called emial
//	  14 |     when: emial != null
//	     |           ^^^^^
//	     = the detail
//	  see rules/identify.yaml:4:3: email is defined here
//	  help: did you mean email?
//
// What the files say is shown so that it can do nothing to a terminal. An error
// is the writer's.
func Text(w io.Writer, findings source.Diagnostics, p Palette) error {
	for _, d := range findings {
		if _, err := io.WriteString(w, textOf(d, p)); err != nil {
			return err
		}
	}
	return nil
}

func textOf(d source.Diagnostic, p Palette) string {
	var b strings.Builder
	if place := d.Span.String(); place != "" {
		b.WriteString(p.Bold(Plain(place)+":") + " ")
	}
	paint := p.Red
	if d.Severity == source.Warning {
		paint = p.Yellow
	}
	code := d.Severity.String()
	if d.Code != "" {
		code += "[" + codes.Label(d.Code) + "]"
	}
	b.WriteString(paint(code+":") + " " + p.Bold(Plain(d.Summary)) + "\n")

	margin := "  "
	if !d.Span.IsZero() && d.Span.Start.Line > 0 {
		margin = strings.Repeat(" ", len(fmt.Sprint(d.Span.Start.Line))+3)
		b.WriteString(excerptOf(d.Span, "  ", p, paint))
	}
	for line := range lines(d.Detail) {
		b.WriteString(p.Faint(margin+"=") + " " + line + "\n")
	}
	for _, r := range d.Related {
		b.WriteString("  " + p.Green("see") + " " + p.Bold(Plain(r.Span.String())+":") + " " + Plain(r.Message) + "\n")
	}
	label := "help: "
	for line := range lines(d.Help) {
		b.WriteString("  " + p.Green(label) + line + "\n")
		label = strings.Repeat(" ", len(label))
	}
	return b.String()
}

// Hint returns the line below findings that tells people where more is said
// about their codes, "" if nowhere.
func Hint(findings source.Diagnostics, p Palette) string {
	var numbers []string
	for _, d := range findings {
		if n := codes.Number(d.Code); n != "" && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	switch len(numbers) {
	case 0:
		return ""
	case 1:
		return p.Faint("celmap help "+numbers[0]+" explains it") + "\n"
	}
	return p.Faint("celmap help CODE explains each, such as celmap help "+numbers[0]) + "\n"
}

// lines yields the lines of a text that is not empty.
func lines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if text == "" {
			return
		}
		for line := range strings.SplitSeq(text, "\n") {
			if !yield(Plain(line)) {
				return
			}
		}
	}
}
