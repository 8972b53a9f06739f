package source

import (
	"fmt"
	"sort"
	"sync"
	"unicode/utf8"
)

// Position is a place in a file. Line and Column count from 1, and Column
// counts characters, as editors show them; Offset counts bytes from 0.
type Position struct{ Line, Column, Offset int }

// Span is a stretch of a file: from Start up to, but not including, End.
// The zero Span is an unknown place.
type Span struct {
	File       *File
	Start, End Position
}

// IsZero reports whether the place is unknown.
func (s Span) IsZero() bool { return s.File == nil }

// String returns the place as "dir/file.yaml:14:5", "" if it is unknown.
func (s Span) String() string {
	if s.File == nil {
		return ""
	}
	if s.Start.Line == 0 {
		return s.File.Name
	}
	return fmt.Sprintf("%s:%d:%d", s.File.Name, s.Start.Line, s.Start.Column)
}

// Text returns what the file says there.
func (s Span) Text() string {
	if s.File == nil {
		return ""
	}
	return string(s.File.Data[s.Start.Offset:s.End.Offset])
}

func (s Span) name() string {
	if s.File == nil {
		return ""
	}
	return s.File.Name
}

// File is a source file. It is safe for concurrent use; Name and Data must not
// change once it is in use.
type File struct {
	Name string
	Data []byte

	once  sync.Once
	lines []int // offset at which each line starts; see starts
}

// NewFile returns a file with the given content.
func NewFile(name string, data []byte) *File { return &File{Name: name, Data: data} }

// starts returns the offset at which each line starts.
func (f *File) starts() []int {
	f.once.Do(func() {
		f.lines = []int{0}
		for i, c := range f.Data {
			if c == '\n' {
				f.lines = append(f.lines, i+1)
			}
		}
	})
	return f.lines
}

// Line returns the text of a line (from 1) without its line break and byte
// order mark, "" if the file has no such line.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.starts()) {
		return ""
	}
	return string(f.Data[f.textStart(n):f.lineEnd(n)])
}

// Lines returns the number of lines; what follows the last line break counts.
func (f *File) Lines() int { return len(f.starts()) }

// Position returns the place of a byte; an offset outside of the file is moved
// to its nearest end.
func (f *File) Position(offset int) Position {
	offset = min(max(offset, 0), len(f.Data))
	line := f.lineOf(offset)
	start := f.textStart(line)
	column := 1
	if offset > start {
		column += utf8.RuneCount(f.Data[start:offset])
	}
	return Position{Line: line, Column: column, Offset: offset}
}

// Span returns the stretch [from,to) of bytes.
func (f *File) Span(from, to int) Span {
	return Span{File: f, Start: f.Position(from), End: f.Position(max(from, to))}
}

func (f *File) lineOf(offset int) int {
	lines := f.starts()
	return sort.Search(len(lines), func(i int) bool { return lines[i] > offset })
}

// textStart returns the offset of a line's first character. A byte order mark
// is none.
func (f *File) textStart(line int) int {
	if line == 1 && hasMark(f.Data) {
		return len(byteOrderMark)
	}
	return f.starts()[line-1]
}

// lineEnd returns the offset of a line's break, or of the file's end.
func (f *File) lineEnd(line int) int {
	if line == len(f.starts()) {
		return len(f.Data)
	}
	end := f.starts()[line] - 1
	if end > f.starts()[line-1] && f.Data[end-1] == '\r' {
		end--
	}
	return end
}
