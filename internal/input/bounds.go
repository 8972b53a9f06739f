package input

import (
	"bytes"
	"encoding/json"
)

// bounds finds where a JSON value ends, from quotes and brackets alone and
// without judging what is in it. Where the value is no JSON, the end is such
// that the value is none either.
//
// It keeps its place between two calls of scan, so a value may come in pieces.
type bounds struct {
	depth   int  // open brackets, of either kind
	text    bool // inside of a text
	escaped bool // behind a backslash
	word    bool // inside of a number, true, false, null, or what stands in their place
	fenced  bool // ends also before a { that begins a line
	newline bool // behind a line break, if fenced
}

// scan reads on in p. It returns how many bytes belong to the value, and
// whether it ends there.
func (b *bounds) scan(p []byte) (n int, done bool) {
	for i, c := range p {
		if b.fenced {
			if b.newline && c == '{' {
				return i, true
			}
			b.newline = c == '\n'
		}
		if b.text {
			switch {
			case b.escaped:
				b.escaped = false
			case c == '\\':
				b.escaped = true
			case c == '"':
				b.text = false
				if b.depth == 0 {
					return i + 1, true
				}
			}
			continue
		}
		if b.word {
			switch c {
			case ',', ' ', '\n', '\r', '\t', '"', '{', '[', '}', ']':
				return i, true
			}
			continue
		}
		switch c {
		case '"':
			b.text = true
		case '{', '[':
			b.depth++
		case '}', ']':
			if b.depth == 0 { // begins where a value should
				return i + 1, true
			}
			if b.depth--; b.depth == 0 {
				return i + 1, true
			}
		default:
			b.word = b.depth == 0
		}
	}
	return len(p), false
}

// cut reports whether the value is not complete where its stream ends.
func (b *bounds) cut() bool { return b.depth > 0 || b.text }

// batchHead returns where, in an object that has a list named "batch", that
// list's first element may begin. It returns 0 for every other value, and where
// p ends before the list.
func batchHead(p []byte) int {
	name := []byte(`"batch"`)
	if !bytes.Contains(p, name) {
		return 0
	}
	at := 1 // behind the { or the comma
	for {
		key := at + space(p[at:])
		size, done := new(bounds).scan(p[key:])
		colon := key + size
		colon += space(p[colon:])
		if !done || colon == len(p) || p[colon] != ':' {
			return 0
		}
		v := colon + 1
		v += space(p[v:])
		if v < len(p) && p[v] == '[' && bytes.Equal(p[key:key+size], name) {
			if !json.Valid(append(p[:v+1:v+1], "]}"...)) {
				return 0
			}
			return v + 1
		}
		size, done = new(bounds).scan(p[v:])
		at = v + size
		at += space(p[at:])
		if !done || at == len(p) || p[at] != ',' {
			return 0
		}
		at++
	}
}
