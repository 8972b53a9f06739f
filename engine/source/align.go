package source

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"
)

// alignment maps the text of a scalar to the source bytes it comes from. It is
// found by reading the source along the text, and computed anew each time: only
// error messages need it.
type alignment struct {
	runs  []run
	first int // source offset of the content: behind an opening quote
	last  int // source offset of the scalar's end: behind a closing quote
}

// run is a stretch of text and its source. A verbatim one is the same in both,
// byte for byte; any other is one unit, such as an escape or a joined line.
type run struct {
	text, textLen     int
	source, sourceLen int
	verbatim          bool
}

func (al *alignment) verbatim(text, source, n int) {
	if n == 0 {
		return
	}
	if k := len(al.runs) - 1; k >= 0 {
		r := &al.runs[k]
		if r.verbatim && r.text+r.textLen == text && r.source+r.sourceLen == source {
			r.textLen += n
			r.sourceLen += n
			return
		}
	}
	al.runs = append(al.runs, run{text, n, source, n, true})
}

func (al *alignment) unit(text, textLen, source, sourceLen int) {
	al.runs = append(al.runs, run{text, textLen, source, sourceLen, false})
}

// start returns the source offset at which byte i of the text begins.
func (al *alignment) start(i int) int {
	if len(al.runs) == 0 {
		return al.first
	}
	k := sort.Search(len(al.runs), func(k int) bool { return al.runs[k].text+al.runs[k].textLen > i })
	if k == len(al.runs) {
		r := al.runs[k-1]
		return r.source + r.sourceLen
	}
	r := al.runs[k]
	if r.verbatim {
		return r.source + i - r.text
	}
	return r.source
}

// end returns the source offset behind the byte of the text before i.
func (al *alignment) end(i int) int {
	k := sort.Search(len(al.runs), func(k int) bool { return al.runs[k].text+al.runs[k].textLen >= i })
	if k == len(al.runs) {
		return al.start(i)
	}
	r := al.runs[k]
	if r.verbatim {
		return r.source + i - r.text
	}
	return r.source + r.sourceLen
}

// align reads the source from a scalar's first byte along its text. ok is false
// if they do not belong together.
func align(src []byte, start int, style Style, text string) (al alignment, ok bool) {
	switch style {
	case Plain:
		return alignPlain(src, start, text)
	case Single, Double:
		return alignQuoted(src, start, style, text)
	}
	return alignBlock(src, start, style, text)
}

func alignPlain(src []byte, start int, text string) (al alignment, ok bool) {
	al.first, al.last = start, start
	s := start
	for i := 0; i < len(text); {
		if n, breaks := fold(src, s); breaks > 0 {
			k := folded(text[i:], breaks)
			if k < 0 {
				return al, false
			}
			al.unit(i, k, s, n)
			i, s = i+k, s+n
			continue
		}
		n := same(src[s:], text[i:])
		if n == 0 {
			return al, false
		}
		al.verbatim(i, s, n)
		i, s = i+n, s+n
	}
	al.last = s
	return al, true
}

func alignQuoted(src []byte, start int, style Style, text string) (al alignment, ok bool) {
	quote := byte('\'')
	if style == Double {
		quote = '"'
	}
	al.first, al.last = start, start
	if start >= len(src) || src[start] != quote {
		return al, false
	}
	al.first = start + 1
	i, s := 0, start+1
	for s < len(src) {
		c := src[s]
		if n, breaks := fold(src, s); breaks > 0 {
			k := folded(text[i:], breaks)
			if k < 0 {
				return al, false
			}
			al.unit(i, k, s, n)
			i, s = i+k, s+n
			continue
		}
		switch {
		case c == quote && style == Single && s+1 < len(src) && src[s+1] == quote:
			if i >= len(text) || text[i] != quote {
				return al, false
			}
			al.unit(i, 1, s, 2)
			i, s = i+1, s+2
		case c == quote:
			al.last = s + 1
			return al, i == len(text)
		case c == '\\' && style == Double:
			k, n := escape(src[s:])
			if n == 0 || i+k > len(text) {
				return al, false
			}
			al.unit(i, k, s, n)
			i, s = i+k, s+n
		default:
			n := same(src[s:], text[i:])
			if n == 0 {
				return al, false
			}
			al.verbatim(i, s, n)
			i, s = i+n, s+n
		}
	}
	return al, false
}

// same returns how many bytes at the start of both are alike: one, or as many
// as there are blanks (each of which would else be looked behind for a break).
func same(src []byte, text string) int {
	n := 0
	for n < len(src) && n < len(text) && src[n] == text[n] {
		blank := src[n] == ' ' || src[n] == '\t'
		if !blank && n > 0 {
			break
		}
		n++
		if !blank {
			break
		}
	}
	return n
}

// fold measures a joined line: blanks, line breaks with blanks around them.
// breaks is 0 if there is none at s.
func fold(src []byte, s int) (n, breaks int) {
	p := s
	for {
		q := p
		for q < len(src) && (src[q] == ' ' || src[q] == '\t') {
			q++
		}
		k := breakLen(src[q:])
		if k == 0 {
			if breaks > 0 {
				p = q
			}
			return p - s, breaks
		}
		p = q + k
		breaks++
	}
}

// folded returns how many bytes of text a joined line became: one line break a
// space, more of them one newline less; -1 if the text has something else.
func folded(text string, breaks int) int {
	if breaks == 1 {
		if strings.HasPrefix(text, " ") {
			return 1
		}
		return -1
	}
	if !strings.HasPrefix(text, strings.Repeat("\n", breaks-1)) {
		return -1
	}
	return breaks - 1
}

func breakLen(src []byte) int {
	switch {
	case len(src) > 0 && src[0] == '\n':
		return 1
	case len(src) > 1 && src[0] == '\r' && src[1] == '\n':
		return 2
	}
	return 0
}

// escape measures an escape of a double-quoted scalar: textLen bytes of text
// from n bytes of source. n is 0 if it is none. (YAML 1.2, 5.7)
func escape(src []byte) (textLen, n int) {
	if len(src) < 2 {
		return 0, 0
	}
	if breakLen(src[1:]) > 0 { // an escaped line break: none of it is text, but empty lines after it are
		n, breaks := fold(src, 1)
		return breaks - 1, n + 1
	}
	switch src[1] {
	case 'x':
		return hex(src, 2)
	case 'u':
		return hex(src, 4)
	case 'U':
		return hex(src, 8)
	case 'N', '_': // U+0085, U+00A0
		return 2, 2
	case 'L', 'P': // U+2028, U+2029
		return 3, 2
	}
	return 1, 2
}

func hex(src []byte, width int) (textLen, n int) {
	if len(src) < 2+width {
		return 0, 0
	}
	var r rune
	for _, c := range src[2 : 2+width] {
		k := strings.IndexByte("0123456789abcdef", c|0x20)
		if k < 0 {
			return 0, 0
		}
		r = r<<4 | rune(k)
	}
	k := utf8.RuneLen(r)
	if k < 0 {
		return 0, 0
	}
	return k, 2 + width
}

// alignBlock aligns | and > scalars. The indentation is not computed from the
// rules for it but read off the first line with content.
func alignBlock(src []byte, start int, style Style, text string) (al alignment, ok bool) {
	_, p := lineBounds(src, start) // the header's line
	al.first, al.last = p, min(start+1, len(src))
	i := 0
	for i < len(text) && text[i] == '\n' { // empty lines before the content
		end, next := lineBounds(src, p)
		al.unit(i, 1, end, next-end)
		i, p = i+1, next
	}
	if i == len(text) {
		return al, true
	}
	end, next := lineBounds(src, p)
	indent := spaces(src[p:end]) - leading(text[i:], ' ')
	tail := len(strings.TrimRight(text, "\n"))
	if indent < 0 {
		return al, false
	}
	for {
		from := min(p+indent, end)
		content := src[from:end]
		if !strings.HasPrefix(text[i:], string(content)) {
			return al, false
		}
		al.verbatim(i, from, len(content))
		i += len(content)
		if len(content) > 0 {
			al.last = end
		}
		switch {
		case i == len(text):
			return al, true
		case style == Literal || i >= tail:
			if text[i] != '\n' {
				return al, false
			}
			al.unit(i, 1, end, next-end)
			i++
			p = next
			if i == len(text) {
				return al, true
			}
		default: // joined lines
			p = next
			for p < len(src) { // to the next line with content
				end, next := lineBounds(src, p)
				if spaces(src[p:end]) < end-p || end-p > indent || end == next {
					break
				}
				p = next
			}
			length := leading(text[i:], '\n')
			if length == 0 {
				if text[i] != ' ' {
					return al, false
				}
				length = 1
			}
			lineEnd := end
			end, _ := lineBounds(src, p)
			al.unit(i, length, lineEnd, min(p+indent, end)-lineEnd)
			i += length
		}
		end, next = lineBounds(src, p)
	}
}

// lineBounds returns where the line of an offset ends, without and with its break.
func lineBounds(src []byte, p int) (end, next int) {
	k := bytes.IndexByte(src[p:], '\n')
	if k < 0 {
		return len(src), len(src)
	}
	end, next = p+k, p+k+1
	if k > 0 && src[end-1] == '\r' {
		end--
	}
	return end, next
}

func spaces(s []byte) int { return leading(s, ' ') }

func leading[T []byte | string](s T, c byte) int {
	n := 0
	for n < len(s) && s[n] == c {
		n++
	}
	return n
}
