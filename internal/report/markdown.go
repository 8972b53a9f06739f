package report

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

const column = 100 // cells of a line of running text

var (
	fileMark   = regexp.MustCompile(`^<!-- file: (.+) -->$`)
	listItem   = regexp.MustCompile(`^( *)([-*]|[0-9]+\.) `)
	inlineCode = regexp.MustCompile("`[^`]+`")
	strong     = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	linked     = regexp.MustCompile(`\[([^\]]+)\]\([^)]*\)`)
)

// Markdown returns a page as a terminal shows it: headings bold, code indented,
// running text in lines of a readable length.
func Markdown(page string, p Palette) string {
	m := markdown{palette: p}
	fence := ""
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		switch {
		case fence != "" && line == fence:
			fence = ""
		case fence != "":
			m.out.WriteString(strings.TrimRight("    "+Plain(line), " ") + "\n")
		case strings.HasPrefix(line, "```"):
			m.flush()
			fence = strings.TrimRight(line, "abcdefghijklmnopqrstuvwxyz")
		case strings.HasPrefix(line, "#"):
			m.flush()
			m.out.WriteString(p.Bold(Plain(strings.TrimLeft(line, "# "))) + "\n")
		case strings.HasPrefix(line, "<!--"):
			m.flush()
			if file := fileMark.FindStringSubmatch(line); file != nil {
				m.out.WriteString("    " + p.Faint(Plain(file[1])+":") + "\n")
			}
		case line == "":
			m.flush()
			m.out.WriteString("\n")
		case strings.HasPrefix(line, "    ") && len(m.text) == 0: // code that is indented, and no further line of a paragraph
			m.out.WriteString(Plain(line) + "\n")
		default:
			if listItem.MatchString(line) || strings.HasPrefix(line, "|") {
				m.flush()
			}
			m.text = append(m.text, line)
		}
	}
	m.flush()
	return m.out.String()
}

type markdown struct {
	palette Palette
	out     strings.Builder
	text    []string // the lines of the paragraph, or of the entry of a list
}

// flush writes the paragraph that has been read.
func (m *markdown) flush() {
	if len(m.text) == 0 {
		return
	}
	indent := strings.Repeat(" ", len(listItem.FindString(m.text[0])))
	text := linked.ReplaceAllString(Plain(strings.Join(m.text, " ")), "$1")
	m.text = nil
	for i, line := range wrapped(text, indent) {
		if i > 0 {
			line = indent + line
		}
		if m.palette.on {
			line = inlineCode.ReplaceAllStringFunc(line, func(code string) string { return m.palette.Bold(strings.Trim(code, "`")) })
		}
		line = strong.ReplaceAllStringFunc(line, func(s string) string { return m.palette.Bold(strings.Trim(s, "*")) })
		m.out.WriteString(line + "\n")
	}
}

// wrapped breaks a text into lines, but nowhere within code.
func wrapped(text, indent string) []string {
	var lines []string
	line := text[:len(text)-len(strings.TrimLeft(text, " "))]
	empty := true
	inCode := false
	for _, word := range strings.Fields(text) {
		switch {
		case empty:
			line += word
		case !inCode && utf8.RuneCountInString(indent+line)+1+utf8.RuneCountInString(word) > column:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
		empty = false
		if strings.Count(word, "`")%2 == 1 {
			inCode = !inCode
		}
	}
	return append(lines, line)
}
