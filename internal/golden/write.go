package golden

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/celmap/celmap/engine/value"
)

// lineWidth is how long a line may get before a list or an object is written
// over several.
const lineWidth = 100

// block writes a value as YAML that begins at a column (from 0) of the current
// line. Lines after the first are indented to that column.
func block(n *value.Node, column int) string {
	if text, ok := inline(n, column); ok {
		return text
	}
	if n.Kind() == value.String {
		return literal(n.Text(), column)
	}
	margin := "\n" + strings.Repeat(" ", column)
	var b strings.Builder
	for m := n.First(); m != nil; m = m.Next() {
		if m != n.First() {
			b.WriteString(margin)
		}
		if n.Kind() == value.List {
			b.WriteString("- " + block(m, column+2))
		} else {
			b.WriteString(entry(m.Key(), m, column))
		}
	}
	return b.String()
}

// entry writes a member of an object that begins at a column.
func entry(key string, n *value.Node, column int) string {
	name := scalar(key) + ":"
	if text, ok := inline(n, column+len(name)+1); ok {
		return name + " " + text
	}
	if n.Kind() == value.String {
		return name + " " + literal(n.Text(), column+2)
	}
	return name + "\n" + strings.Repeat(" ", column+2) + block(n, column+2)
}

// inline writes what is readable in one line: scalars, and lists and objects of
// nothing but scalars as long as they are short.
func inline(n *value.Node, column int) (string, bool) {
	switch n.Kind() {
	case value.String:
		if isLiteral(n.Text()) {
			return "", false
		}
		return scalar(n.Text()), true
	case value.List, value.Object:
		for m := n.First(); m != nil; m = m.Next() {
			if m.Kind() == value.String && isLiteral(m.Text()) || m.Len() > 0 {
				return "", false
			}
		}
		text := flow(n)
		return text, n.Len() == 0 || column+len([]rune(text)) <= lineWidth
	}
	return flow(n), true
}

// flow writes a value in one line.
func flow(n *value.Node) string {
	var parts []string
	switch n.Kind() {
	case value.String:
		return scalar(n.Text())
	case value.List:
		for m := n.First(); m != nil; m = m.Next() {
			parts = append(parts, flow(m))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case value.Object:
		for m := n.First(); m != nil; m = m.Next() {
			parts = append(parts, scalar(m.Key())+": "+flow(m))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return string(value.AppendJSON(nil, n))
}

// bare are texts that every YAML reader takes for texts without quotes, in a
// block as well as between brackets: words, addresses, lengths of time.
var bare = regexp.MustCompile(`^[\pL_/]([\pL\pN_./@+=&%$~-]|:[\pL\pN_./@+=&%$~-]| [\pL\pN_/])*$|^(\d+(h|m|s|ms))+$`)

// reserved are words that some reader of YAML takes for something else.
var reserved = []string{"null", "true", "false", "yes", "no", "on", "off"}

// scalar writes a text in one line, in quotes where it needs them.
func scalar(text string) string {
	if bare.MatchString(text) && !slices.Contains(reserved, strings.ToLower(text)) {
		return text
	}
	if strings.Contains(text, `"`) && !strings.ContainsAny(text, `'\`) && !strings.ContainsFunc(text, unseen) {
		return "'" + text + "'"
	}
	return quote(text)
}

func unseen(r rune) bool { return !unicode.IsPrint(r) }

// quote writes a text in double quotes, with escapes for all that cannot be seen.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// isLiteral reports whether a text is written over several lines: it has them,
// and nothing in it that gets lost or cannot be seen there.
func isLiteral(text string) bool {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 2 {
		return false
	}
	for _, line := range lines {
		if line != strings.TrimRightFunc(line, unicode.IsSpace) || strings.ContainsFunc(line, unseen) {
			return false
		}
	}
	first, last := lines[0], lines[len(lines)-1]
	return first != "" && first[0] != ' ' && last != ""
}

// literal writes a text of several lines after the column of its key.
func literal(text string, column int) string {
	header, margin := "|-", "\n"+strings.Repeat(" ", column)
	if strings.HasSuffix(text, "\n") {
		header, text = "|", strings.TrimSuffix(text, "\n")
	}
	var b strings.Builder
	b.WriteString(header)
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" {
			b.WriteByte('\n')
			continue
		}
		b.WriteString(margin + line)
	}
	return b.String()
}
