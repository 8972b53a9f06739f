package schema

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Error is a mistake in a schema.
type Error struct {
	File         string
	Line, Column int    // 1-based, the column in characters; 0 where unknown
	Pointer      string // JSON pointer of the place in the file, "" for the whole
	Message      string // what is wrong and what to do
}

// Error names the place in the form of compilers, then the JSON pointer.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		b.WriteString(":" + strconv.Itoa(e.Line) + ":" + strconv.Itoa(e.Column))
	}
	b.WriteString(": ")
	if e.Pointer != "" {
		b.WriteString("#" + e.Pointer + ": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// Errors are all the mistakes found in a schema and in the files it refers to.
type Errors []*Error

// Error lists them, one a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, x := range e {
		lines[i] = x.Error()
	}
	return strings.Join(lines, "\n")
}

func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(e, func(a, b *Error) bool { return *a == *b })
}

// place is where in which file a rule or a mistake stands.
type place struct {
	file    string
	pointer string // JSON pointer, "" for the whole document
}

func (p place) key(name string) place {
	return place{p.file, p.pointer + "/" + escapePointer(name)}
}

func (p place) index(i int) place {
	return place{p.file, p.pointer + "/" + strconv.Itoa(i)}
}

var (
	pointerEscaper   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

func escapePointer(name string) string { return pointerEscaper.Replace(name) }
