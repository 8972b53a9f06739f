// Package docstest keeps the pages of this project true: it runs what they tell
// readers to type and compares what they say will come out. CONTRIBUTING.md says how
// to write a page that can be run.
package docstest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Block is a fenced block of a page.
type Block struct {
	Lang string // the word after the fence
	Mark string // what a comment right above says that it is, one of marks, or ""
	Path string // the file that the comment names
	Line int    // of the opening fence, 1-based

	// Lines are what stands between the fences, without the fences' indentation.
	Lines []string

	from, to int // Lines as indexes into the page's lines
	indent   string
}

// Command is one command of a console block and what it prints.
type Command struct {
	Text string // what a shell is given; may have several lines
	Line int    // 1-based
	Want []string

	from, to int // Want as indexes into the page's lines
}

var (
	fence = regexp.MustCompile("^( *)(```+)([a-z]*)$")
	mark  = regexp.MustCompile(`^ *<!-- ([a-z]+): (.+) -->$`)
)

var marks = []string{"file", "excerpt", "change"}

// Blocks returns the fenced blocks of a page.
func Blocks(page string) ([]Block, error) {
	lines := strings.Split(page, "\n")
	var blocks []Block
	for i := 0; i < len(lines); i++ {
		if m := mark.FindStringSubmatch(lines[i]); m != nil && (i+1 == len(lines) || !fence.MatchString(lines[i+1])) {
			return nil, fmt.Errorf("line %d: %s stands above no fenced block: put it on the line right above the fence", i+1, strings.TrimSpace(lines[i]))
		}
		open := fence.FindStringSubmatch(lines[i])
		if open == nil {
			continue
		}
		b := Block{Lang: open[3], Line: i + 1, from: i + 1, indent: open[1]}
		if i > 0 {
			if m := mark.FindStringSubmatch(lines[i-1]); m != nil {
				if b.Mark, b.Path = m[1], m[2]; !slices.Contains(marks, b.Mark) {
					return nil, fmt.Errorf("line %d: a block cannot be marked as %s: %s are the marks", i, b.Mark, strings.Join(marks, ", "))
				}
			}
		}
		for i++; i < len(lines) && lines[i] != open[1]+open[2]; i++ {
			b.Lines = append(b.Lines, strings.TrimPrefix(lines[i], open[1]))
		}
		if i == len(lines) {
			return nil, fmt.Errorf("line %d: this block has no end: close it with %s", b.Line, open[2])
		}
		b.to = i
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// Commands returns the commands of a console block. A command begins with "$ " and
// goes on as long as its lines end in a backslash or a pipe; what follows, up to the
// next command, is its output.
func (b *Block) Commands() ([]Command, error) {
	var commands []Command
	for i := 0; i < len(b.Lines); i++ {
		text, ok := strings.CutPrefix(b.Lines[i], "$ ")
		if !ok {
			return nil, fmt.Errorf("line %d: a console block begins with a command: write `$ command`", b.from+i+1)
		}
		c := Command{Text: text, Line: b.from + i + 1}
		for (strings.HasSuffix(c.Text, `\`) || strings.HasSuffix(c.Text, "|")) && i+1 < len(b.Lines) {
			i++
			c.Text += "\n" + b.Lines[i]
		}
		c.from = b.from + i + 1
		for i+1 < len(b.Lines) && !strings.HasPrefix(b.Lines[i+1], "$ ") {
			i++
			c.Want = append(c.Want, b.Lines[i])
		}
		c.to = b.from + i + 1
		commands = append(commands, c)
	}
	return commands, nil
}

// leftOut is how a page shows that lines are left out of an output or an excerpt.
const leftOut = "…"

// Fits reports whether lines are what a page shows, where a line … (in code also as a
// comment: # … or // …) stands for any lines.
func Fits(shown, lines []string) bool {
	for i, s := range shown {
		if strings.TrimLeft(s, " \t#/") == leftOut {
			for rest := 0; rest <= len(lines)-i; rest++ {
				if Fits(shown[i+1:], lines[i+rest:]) {
					return true
				}
			}
			return false
		}
		if i >= len(lines) || lines[i] != s {
			return false
		}
	}
	return len(lines) == len(shown)
}

// Update returns what a page is to show in place of shown, which does not fit any
// more: the same parts of lines, if they can be found by their words, whatever
// numbers have changed in them; else all lines.
func Update(shown, lines []string) []string {
	if out, ok := align(shown, lines); ok {
		return out
	}
	return lines
}

func align(shown, lines []string) ([]string, bool) {
	var out []string
	for i, s := range shown {
		if strings.TrimLeft(s, " \t#/") == leftOut {
			for rest := 0; rest <= len(lines)-i; rest++ {
				if tail, ok := align(shown[i+1:], lines[i+rest:]); ok {
					return append(append(out, s), tail...), true
				}
			}
			return nil, false
		}
		if i >= len(lines) || words(lines[i]) != words(s) {
			return nil, false
		}
		out = append(out, lines[i])
	}
	return out, len(lines) == len(shown)
}

var numbers = regexp.MustCompile(`[0-9]+`)

// words is a line without its numbers.
func words(line string) string { return numbers.ReplaceAllString(line, "0") }

// Change applies a diff block to a text: its lines that begin with a blank or a minus
// stand in the text at exactly one place, and are replaced by those that begin with a
// blank or a plus.
func Change(text string, diff []string) (string, error) {
	var before, after strings.Builder
	for _, line := range diff {
		if line == "" {
			line = " "
		}
		kind, rest := line[0], line[1:]+"\n"
		switch kind {
		case ' ':
			before.WriteString(rest)
			after.WriteString(rest)
		case '-':
			before.WriteString(rest)
		case '+':
			after.WriteString(rest)
		default:
			return "", fmt.Errorf("%q: a line of a change begins with a blank, - or +", line)
		}
	}
	text = "\n" + text
	old := "\n" + before.String()
	if n := strings.Count(text, old); n != 1 {
		return "", fmt.Errorf("the lines to change stand in the file %d times, not once:\n%s", n, before.String())
	}
	return strings.Replace(text, old, "\n"+after.String(), 1)[1:], nil
}
