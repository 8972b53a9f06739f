package value

import (
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Parse reads one JSON value strictly (RFC 8259): white space around it is
// accepted, anything else is not, nor are invalid UTF-8 and two members of one
// name. An escaped half of a surrogate pair reads as U+FFFD.
//
// The nodes alias src, which must stay unchanged until the arena is Reset.
// An error is a *ParseError.
func Parse(a *Arena, src []byte, limits Limits) (*Node, error) {
	p := parser{
		arena:  a,
		src:    unsafe.String(unsafe.SliceData(src), len(src)),
		limits: limits.orDefault(),
	}
	if root := p.parse(); root != nil {
		return root, nil
	}
	return nil, p.err
}

type parser struct {
	arena  *Arena
	src    string
	limits Limits
	root   *Node
	err    *ParseError
}

// frame is a list or object that is being read.
type frame struct {
	node *Node  // nil around the root
	tail *Node  // last element or member so far
	seen uint64 // a Bloom filter of the keys so far: one bit a key
}

// parse reads the whole of src, or returns nil and leaves p.err. It is one loop
// without recursion because calls would take longer than the work in them.
func (p *parser) parse() *Node {
	var (
		src   = p.src
		a     = p.arena
		open  = a.open[:0] // frames around f
		f     frame
		n     *Node
		key   string
		quote int // where key begins
		i     int
		left  = p.limits.Nodes
	)
	if len(src) > p.limits.Bytes {
		return p.tooLarge()
	}
	if cap(open) == 0 {
		open = make([]frame, 0, DefaultLimits().Depth)
		a.open = open
	}

value:
	if i < len(src) && src[i] <= ' ' {
		i = skipSpace(src, i)
	}
	n = a.nodes.one()
	n.key, n.next = key, nil
	n.first, n.last, n.index, n.count = nil, nil, nil, 0
	n.kind, n.flags = Null, flagAttached
	if f.tail != nil {
		f.tail.next = n
	} else if f.node != nil {
		f.node.first = n
	} else {
		p.root = n
	}
	f.tail = n
	if f.node != nil {
		f.node.count++
		if f.node.index != nil {
			if a.addToIndex(f.node.index, n) != nil {
				return p.duplicate(len(open), quote, key)
			}
		} else if f.node.count == indexAt && f.node.kind == Object {
			f.node.index = a.buildIndex(f.node)
		}
	}
	if left--; left < 0 {
		return p.tooMany(len(open), i)
	}
	if i == len(src) {
		return p.noValue(len(open), i)
	}

	switch c := src[i]; {
	case c == '"':
		start := i + 1
		end := skipPlain(src, start)
		n.kind = String
		if end < len(src) && src[end] == '"' && end-start <= p.limits.String {
			n.text, i = src[start:end], end+1
		} else if n.text, i = p.string(len(open), start, end, false); i < 0 {
			return nil
		}
	case c == '{' || c == '[':
		n.text = ""
		n.kind = Object
		if c == '[' {
			n.kind = List
		}
		if len(open) >= p.limits.Depth {
			return p.tooDeep(len(open), i)
		}
		open = append(open, f)
		f = frame{node: n}
		i++
		if i < len(src) && src[i] <= ' ' {
			i = skipSpace(src, i)
		}
		if i < len(src) && src[i] == c+2 { // ] and } follow their openers by two
			goto end
		}
		if c == '{' {
			goto member
		}
		key = ""
		goto value
	case c == '-' || c-'0' <= 9:
		start := i
		n.kind = Number
		if i = p.number(len(open), start); i < 0 {
			return nil
		}
		n.text = src[start:i]
	case c == 't' && strings.HasPrefix(src[i:], "true"):
		n.kind, n.text = Bool, ""
		n.flags = flagAttached | flagTrue
		i += len("true")
	case c == 'f' && strings.HasPrefix(src[i:], "false"):
		n.kind, n.text = Bool, ""
		i += len("false")
	case c == 'n' && strings.HasPrefix(src[i:], "null"):
		n.kind, n.text = Null, ""
		i += len("null")
	default:
		return p.noValue(len(open), i)
	}

next: // after a value
	if i < len(src) && src[i] <= ' ' {
		i = skipSpace(src, i)
	}
	if f.node == nil {
		if i < len(src) {
			return p.trailing(i)
		}
		a.open = open[:0]
		return p.root
	}
	if i == len(src) {
		return p.unclosed(len(open)-1, f.node, i)
	}
	if src[i] == ',' {
		i++
		if f.node.kind == Object {
			goto member
		}
		key = ""
		goto value
	}
	if src[i] != '}' && src[i] != ']' || (src[i] == '}') != (f.node.kind == Object) {
		return p.unclosed(len(open)-1, f.node, i)
	}

end: // at the closer of f
	i++
	f.node.last = f.tail
	f = open[len(open)-1]
	open = open[:len(open)-1]
	goto next

member: // at a key
	if i < len(src) && src[i] <= ' ' {
		i = skipSpace(src, i)
	}
	if i == len(src) || src[i] != '"' {
		return p.noKey(len(open)-1, f.node, i)
	}
	if int(f.node.count) >= p.limits.Keys {
		return p.tooManyKeys(len(open)-1, i)
	}
	{
		quote = i
		start := i + 1
		end := skipPlain(src, start)
		if end < len(src) && src[end] == '"' && end-start <= p.limits.Key {
			key, i = src[start:end], end+1
		} else if key, i = p.string(len(open)-1, start, end, true); i < 0 {
			return nil
		}
		if f.node.index == nil {
			bit := bloom(key)
			if f.seen&bit != 0 && f.node.Get(key) != nil {
				f.tail.next = a.new(Null) // the way to the error leads over it
				f.tail.next.key = key
				return p.duplicate(len(open), quote, key)
			}
			f.seen |= bit
		}
	}
	if i < len(src) && src[i] <= ' ' {
		i = skipSpace(src, i)
	}
	if i == len(src) || src[i] != ':' {
		return p.noColon(len(open)-1, i, key)
	}
	i++
	goto value
}

// bloom returns one of 64 bits for a key, from its length and its ends.
func bloom(key string) uint64 {
	if key == "" {
		return 1
	}
	n := len(key)
	h := uint64(n) + uint64(key[0])<<8 + uint64(key[n/2])<<16 + uint64(key[n-1])<<24
	return 1 << (h * 0x9e3779b97f4a7c15 >> 58)
}

// string reads on a text or key from start to after its closing quote where the
// quick path of parse stopped, at stop. It returns -1 after an error; depth is
// the number of steps to the place that the error names. Keys have a limit of
// their own.
func (p *parser) string(depth, start, stop int, isKey bool) (string, int) {
	src, escaped := p.src, false
	end := stop
	for {
		end = skipText(src, end)
		if end == len(src) || src[end] < ' ' {
			return "", p.brokenText(depth, start, end)
		}
		if src[end] == '"' {
			break
		}
		escaped = true
		end = min(end+2, len(src))
	}
	text := src[start:end]
	if !utf8.ValidString(text) {
		return "", p.invalidUTF8(depth, start, text)
	}
	if escaped {
		b, bad := unescape(p.arena.Text(len(text)), text)
		if bad >= 0 {
			return "", p.badEscape(depth, start+bad)
		}
		text = p.arena.Intern(b)
	}
	if isKey && len(text) > p.limits.Key {
		return "", p.keyTooLong(depth, start-1, len(text))
	}
	if !isKey && len(text) > p.limits.String {
		return "", p.tooLong(depth, start-1, len(text))
	}
	return text, end + 1
}

// unescape appends a text to dst with its escapes resolved. bad is the index of
// an escape that JSON does not know, else -1. The result is never longer than text.
func unescape(dst []byte, text string) (_ []byte, bad int) {
	for i := 0; i < len(text); {
		run := strings.IndexByte(text[i:], '\\')
		if run < 0 {
			return append(dst, text[i:]...), -1
		}
		dst = append(dst, text[i:i+run]...)
		i += run
		switch c := text[i+1]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(text[i:])
			if r < 0 {
				return dst, i
			}
			if r >= 0xd800 && r < 0xdc00 {
				if low := hex4(text[i+6:]); low >= 0xdc00 && low < 0xe000 {
					r = 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r) // half a pair becomes U+FFFD
			i += 6
			continue
		default:
			return dst, i
		}
		i += 2
	}
	return dst, -1
}

// hex4 returns the number in an escape \uXXXX at the start of s, else -1.
func hex4(s string) (r rune) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	for _, c := range []byte(s[2:6]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// number returns the end of the number literal at start, -1 after an error.
func (p *parser) number(depth, start int) int {
	src, i := p.src, start
	if src[i] == '-' {
		i++
	}
	whole := i
	i = skipDigits(src, i)
	wholeDigits := i - whole
	if wholeDigits == 0 {
		return p.noDigit(depth, start, i)
	}
	if wholeDigits > 1 && src[whole] == '0' {
		return p.leadingZero(depth, start, i)
	}
	if i < len(src) && src[i] == '.' {
		point := i
		if i = skipDigits(src, i+1); i == point+1 {
			return p.noDigit(depth, start, i)
		}
	}
	exponent := i < len(src) && src[i]|0x20 == 'e'
	if exponent {
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		digits := i
		if i = skipDigits(src, i); i == digits {
			return p.noDigit(depth, start, i)
		}
	}
	if i-start > p.limits.Number {
		return p.numberTooLong(depth, start, i)
	}
	// 308 digits stay below the largest double, 1.797…e308.
	if exponent || wholeDigits > 308 {
		if _, err := strconv.ParseFloat(src[start:i], 64); err != nil {
			return p.outOfRange(depth, start, i)
		}
	}
	return i
}
