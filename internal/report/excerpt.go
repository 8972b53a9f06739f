package report

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/celmap/celmap/engine/source"
)

const (
	tab  = "    "
	most = 120 // cells of a source line that are shown
	lead = 40  // of them in front of the mark, where a line is longer
)

// cell is a character as a terminal shows it.
type cell struct {
	text  string
	width int
}

// excerpt returns the line on which a span begins, and the carets below what
// the span covers of it: at least one, which may stand behind the line's end.
func excerpt(span source.Span) (text, marks string) {
	line := strings.TrimPrefix(span.File.Line(span.Start.Line), "\ufeff")
	var cells []cell
	for _, r := range line {
		cells = append(cells, cellOf(r))
	}
	from := min(max(span.Start.Column-1, 0), len(cells))
	to := len(cells)
	if span.End.Line == span.Start.Line {
		to = min(span.End.Column-1, to)
	}
	to = max(to, from)

	first, last := 0, len(cells)
	if widthOf(cells) > most {
		first = max(from-lead, 0)
		room := most
		for last = first; last < len(cells) && cells[last].width <= room; last++ {
			room -= cells[last].width
		}
	}
	to = min(to, last)
	var head, tail string
	if first > 0 {
		head = "…"
	}
	if last < len(cells) {
		tail = "…"
	}
	text = head + textOfCells(cells[first:last]) + tail
	marks = strings.Repeat(" ", len([]rune(head))+widthOf(cells[first:from])) + strings.Repeat("^", max(widthOf(cells[from:to]), 1))
	return text, marks
}

// Excerpt returns the line on which a span begins and a mark below what the
// span covers of it, each line with an indent; "" where there is no such line.
func Excerpt(span source.Span, indent string, p Palette) string {
	if span.IsZero() || span.Start.Line == 0 {
		return ""
	}
	return excerptOf(span, indent, p, p.Red)
}

func excerptOf(span source.Span, indent string, p Palette, paint func(string) string) string {
	number := fmt.Sprint(span.Start.Line)
	text, marks := excerpt(span)
	return indent + p.Faint(number+" |") + strings.TrimRight(" "+text, " ") + "\n" +
		indent + p.Faint(strings.Repeat(" ", len(number)+1)+"|") + " " + paint(marks) + "\n"
}

func textOfCells(cells []cell) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString(c.text)
	}
	return b.String()
}

func widthOf(cells []cell) int {
	n := 0
	for _, c := range cells {
		n += c.width
	}
	return n
}

func cellOf(r rune) cell {
	switch {
	case r == '\t':
		return cell{tab, len(tab)}
	case hostile(r):
		return cell{"�", 1}
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf): // drawn onto the character before
		return cell{string(r), 0}
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return cell{string(r), 2}
	}
	return cell{string(r), 1}
}

// Plain returns text in one line that does nothing to a terminal: control
// characters, and those that turn the direction of writing, become U+FFFD.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\r':
			return ' '
		case hostile(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// hostile reports whether a character does something to a terminal, or cannot be
// seen where a mark stands below it.
func hostile(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == '\ufeff'
}
