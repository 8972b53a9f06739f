package input

import (
	"bytes"
	"io"
)

// windowSize is how much is read at once, and what a window needs as long as
// no event is longer.
const windowSize = 64 << 10

// window is the part of a stream that is in memory: buf[pos:end] is read and
// not yet used. It grows with what its user leaves unused.
type window struct {
	src      io.Reader
	buf      []byte
	pos, end int
	line     int   // of buf[pos], from 1
	err      error // of src, after buf[end-1]
	failed   error // err, once it stood in the way
}

// newWindow returns a window that uses buf for its memory, if it has any.
func newWindow(src io.Reader, buf []byte) window {
	if buf == nil {
		buf = make([]byte, windowSize)
	}
	return window{src: src, buf: buf, line: 1}
}

// rest returns what has been read and not yet used.
func (w *window) rest() []byte { return w.buf[w.pos:w.end] }

// skip uses up n bytes of the rest.
func (w *window) skip(n int) {
	w.line += bytes.Count(w.buf[w.pos:w.pos+n], []byte{'\n'})
	w.pos += n
}

// more makes the rest longer, and returns false at the stream's end and where
// reading failed.
func (w *window) more() bool {
	if w.end == len(w.buf) {
		if w.pos >= len(w.buf)/2 {
			copy(w.buf, w.rest())
		} else {
			grown := make([]byte, 2*len(w.buf))
			copy(grown, w.rest())
			w.buf = grown
		}
		w.pos, w.end = 0, w.end-w.pos
	}
	for empty := 0; w.err == nil; empty++ {
		n, err := w.src.Read(w.buf[w.end:])
		w.end += n
		w.err = err
		if n > 0 {
			return true
		}
		if empty == 100 { // as bufio does with a reader that returns nothing
			w.err = io.ErrNoProgress
		}
	}
	if w.err != io.EOF {
		w.failed = w.err
	}
	return false
}

// peek returns the next n bytes without using them, fewer at the end.
func (w *window) peek(n int) []byte {
	for w.end-w.pos < n && w.more() {
	}
	return w.buf[w.pos:min(w.pos+n, w.end)]
}

// next returns the next byte behind white space without using it, and false at the end.
func (w *window) next() (byte, bool) {
	for {
		rest := w.rest()
		n := space(rest)
		w.skip(n)
		if n < len(rest) {
			return rest[n], true
		}
		if !w.more() {
			return 0, false
		}
	}
}

// space returns the length of the white space (RFC 8259, 2) that p begins with.
func space(p []byte) int {
	n := 0
	for n < len(p) && (p[n] == ' ' || p[n] == '\n' || p[n] == '\r' || p[n] == '\t') {
		n++
	}
	return n
}
