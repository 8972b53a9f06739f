package source

import "unicode/utf8"

// cursor converts between places and offsets by walking from the last place
// asked for. A file may be one line of a megabyte, in which counting from the
// line's start each time would take time quadratic in its length.
type cursor struct {
	file *File
	at   Position
}

// offset returns the offset of a line and a column, moved into the line where
// it lies outside.
func (c *cursor) offset(line, column int) int {
	line = min(max(line, 1), c.file.Lines())
	c.seek(line, func() bool { return c.at.Column <= column })
	end := c.file.lineEnd(line)
	for c.at.Column < column && c.at.Offset < end {
		c.step()
	}
	return c.at.Offset
}

// position is File.Position.
func (c *cursor) position(offset int) Position {
	offset = min(max(offset, 0), len(c.file.Data))
	c.seek(c.file.lineOf(offset), func() bool { return c.at.Offset <= offset })
	for c.at.Offset < offset {
		c.step()
	}
	at := c.at
	at.Offset = offset
	return at
}

// seek goes to the start of a line, unless the place is in it and before what
// is looked for.
func (c *cursor) seek(line int, before func() bool) {
	if c.at.Line != line || !before() {
		c.at = Position{Line: line, Column: 1, Offset: c.file.textStart(line)}
	}
}

func (c *cursor) step() {
	_, n := utf8.DecodeRune(c.file.Data[c.at.Offset:])
	c.at.Offset += n
	c.at.Column++
}
