package golden

import (
	"fmt"
	"io"
	"strings"

	"github.com/celmap/celmap/internal/report"
)

// Formats are the names of the formats in which a report can be written.
var Formats = map[string]func(io.Writer, *Summary, report.Palette) error{
	"tree":   Tree,
	"json":   JSON,
	"junit":  JUnit,
	"github": GitHub,
}

// Tree writes a report for people: the cases by folder, and what is wrong.
// There are no times in it, so that the same cases give the same text.
func Tree(w io.Writer, r *Summary, p report.Palette) error {
	var b strings.Builder
	if err := report.Text(&b, r.Rules, p); err != nil {
		return err
	}
	folder := ""
	for i, v := range r.Verdicts {
		if i == 0 || v.Folder() != folder {
			folder = v.Folder()
			b.WriteString(p.Bold(report.Plain(folder)) + "\n")
		}
		v.tree(&b, p)
	}
	b.WriteString("\n" + r.summary(p) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

const margin = "      "

func (v *Verdict) tree(b *strings.Builder, p report.Palette) {
	mark := map[Status]string{
		Passed: p.Green("✓"), Failed: p.Red("✗"), Broken: p.Red("!"), Updated: p.Yellow("↻"), Refused: p.Red("✗"),
	}[v.Status]
	b.WriteString("  " + mark + " " + report.Plain(v.Name()) + "\n")
	b.WriteString(v.details(margin, p))
}

// details says what is wrong with a case, or what has changed in it.
func (v *Verdict) details(margin string, p report.Palette) string {
	var b strings.Builder
	switch v.Status {
	case Updated, Refused:
		b.WriteString(changes(v.Differences, margin, p))
	default:
		for i := range v.Differences {
			b.WriteString(v.Differences[i].explain(margin, p))
		}
	}
	for _, remark := range v.Remarks {
		b.WriteString(margin + p.Yellow(report.Plain(remark)) + "\n")
	}
	if len(v.Problems) > 0 {
		var text strings.Builder
		_ = report.Text(&text, v.Problems, p) // a Builder does not fail
		for line := range strings.Lines(text.String()) {
			b.WriteString(margin + line)
		}
	}
	return b.String()
}

// summary counts the cases by how they ended.
func (r *Summary) summary(p report.Palette) string {
	parts := []string{p.Green(fmt.Sprintf("%d passed", r.Count(Passed)))}
	for _, s := range []Status{Failed, Broken, Refused, Updated} {
		paint := p.Red
		if s == Updated {
			paint = p.Yellow
		}
		if n := r.Count(s); n > 0 {
			parts = append(parts, paint(fmt.Sprintf("%d %s", n, s)))
		}
	}
	return strings.Join(parts, ", ")
}
