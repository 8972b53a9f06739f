package value

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the JSON text of a value to dst: no white space, members
// in their order, numbers as their literals. Absent is null. Characters are
// written as they are, except those that JSON or JavaScript cannot hold in a
// text; HTML is not escaped.
func AppendJSON(dst []byte, n *Node) []byte { return appendNode(dst, n, false) }

// AppendRedacted is AppendJSON for reports: secrets become the text Redacted.
func AppendRedacted(dst []byte, n *Node) []byte { return appendNode(dst, n, true) }

func appendNode(dst []byte, n *Node, redact bool) []byte {
	if n == nil {
		return append(dst, "null"...)
	}
	if redact && n.flags&flagSecret != 0 {
		return append(dst, `"`+Redacted+`"`...)
	}
	switch n.kind {
	case Bool:
		return strconv.AppendBool(dst, n.flags&flagTrue != 0)
	case Number:
		if n.text == "" {
			return append(dst, '0')
		}
		return append(dst, n.text...)
	case String:
		return AppendString(dst, n.text)
	case List:
		dst = append(dst, '[')
		for m := n.first; m != nil; m = m.next {
			if m != n.first {
				dst = append(dst, ',')
			}
			dst = appendNode(dst, m, redact)
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for m := n.first; m != nil; m = m.next {
			if m != n.first {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, m.key), ':')
			dst = appendNode(dst, m, redact)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON text. Bytes that are no UTF-8 become U+FFFD,
// so the result is valid JSON whatever s holds.
func AppendString(dst []byte, s string) []byte {
	if !isPlain(s) {
		return appendEscaped(dst, s)
	}
	start := len(dst)
	dst = slices.Grow(dst, len(s)+2)[:start+len(s)+2]
	dst[start] = '"'
	copy(dst[start+1:], s)
	dst[len(dst)-1] = '"'
	return dst
}

func appendEscaped(dst []byte, s string) []byte {
	dst = append(dst, '"')
	done := 0 // s[:done] is written
	for i := skipPlain(s, 0); i < len(s); {
		c, size := s[i], 1
		switch {
		case c < utf8.RuneSelf:
			dst = appendEscape(append(dst, s[done:i]...), c)
			done = i + 1
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r == '\u2028' || r == '\u2029':
				dst = append(append(dst, s[done:i]...), `\u202`...)
				dst = append(dst, hexDigits[r&0xf])
				done = i + size
			case r == utf8.RuneError && size == 1:
				dst = utf8.AppendRune(append(dst, s[done:i]...), r)
				done = i + 1
			}
		}
		i = skipPlain(s, i+size)
	}
	return append(append(dst, s[done:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

// previewRunes is how much of a text or number a Preview shows.
const previewRunes = 25

// Preview describes a value in a few words for a message: `text "ab…"`,
// `number 12`, `object {…3 keys}`. Secrets are not shown.
func Preview(n *Node) string {
	switch {
	case n == nil:
		return "absent"
	case n.flags&flagSecret != 0:
		return Redacted
	}
	switch n.kind {
	case Bool:
		return "boolean " + strconv.FormatBool(n.Bool())
	case Number:
		return "number " + Shorten(n.text, previewRunes)
	case String:
		return "text " + string(AppendString(nil, Shorten(n.text, previewRunes)))
	case List:
		return "list " + previewMembers('[', int(n.count), "element", ']')
	case Object:
		return "object " + previewMembers('{', int(n.count), "key", '}')
	}
	return "null"
}

func previewMembers(open byte, count int, noun string, end byte) string {
	b := []byte{open}
	if count > 0 {
		b = strconv.AppendInt(append(b, "…"...), int64(count), 10)
		b = append(append(b, ' '), noun...)
		if count > 1 {
			b = append(b, 's')
		}
	}
	return string(append(b, end))
}

// Shorten returns a text for a message: at most so many characters, of which the
// last is an ellipsis where some are left out.
func Shorten(s string, most int) string {
	runes, last := 0, 0
	for i := range s {
		switch runes++; {
		case runes == most:
			last = i
		case runes > most:
			return s[:last] + "…"
		}
	}
	return s
}

// Larger reports whether the JSON of n has more than limit bytes, without
// writing it. Values share their parts, so a small one may be a giant when it is
// written out; this stops as soon as the limit is passed.
func Larger(n *Node, limit int) bool { return weigh(n, limit) < 0 }

// Size returns about how many bytes the JSON of n has, somewhat more than limit
// if there are more than that.
func Size(n *Node, limit int) int { return limit - weigh(n, limit) }

// weigh takes the size of n from what is left.
func weigh(n *Node, left int) int {
	if left -= n.Len() + 2 + len(n.Text()); left < 0 {
		return left
	}
	for m := n.First(); m != nil; m = m.Next() {
		if left = weigh(m, left-len(m.Key())); left < 0 {
			return left
		}
	}
	return left
}
