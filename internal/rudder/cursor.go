package rudder

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"strconv"
)

// cursor walks over JSON text and finds where values begin and end, without
// decoding them. It accepts what encoding/json accepts. The first fault stops it.
type cursor struct {
	body  []byte
	at    int
	depth int                     // of the objects and lists around
	kinds [maxDepth/64 + 1]uint64 // of those that pass is in: 1 for an object
	huge  bool                    // a number that was passed over may be beyond those of doubles
	fault *BodyError
}

// maxDepth is how deep values may be nested. It is what rudder-server's JSON
// library writes at most.
const maxDepth = 10_000

// fail notes a fault at a place.
func (c *cursor) fail(at int, expected string) {
	if c.fault != nil {
		return
	}
	found := "it ends there"
	if at < len(c.body) {
		found = "there is " + strconv.QuoteRune(rune(c.body[at]))
	}
	c.fault = &BodyError{Offset: at, Message: fmt.Sprintf("the body is no JSON: at byte %d %s is expected, but %s", at, expected, found)}
}

// refuse notes that a value at a place is not what the protocol says.
func (c *cursor) refuse(at int, message string) {
	if c.fault == nil {
		c.fault = &BodyError{Offset: at, Message: fmt.Sprintf("%s (at byte %d of the body)", message, at)}
	}
}

// peek returns the next byte that is no white space, without using it up; 0 at
// the end.
func (c *cursor) peek() byte {
	c.at = afterSpace(c.body, c.at)
	if c.at == len(c.body) {
		return 0
	}
	return c.body[c.at]
}

// enter goes into the object or list that begins here with open.
func (c *cursor) enter(open byte) bool {
	if c.fault != nil || c.peek() != open {
		return false
	}
	if c.depth++; c.depth > maxDepth {
		c.fail(c.at, "no deeper nesting")
		return false
	}
	c.at++
	return true
}

// element goes to the next element of a list, false behind its last and on a
// fault.
func (c *cursor) element(first bool) bool { return c.further(']', first) }

// member goes to the value of the next member of an object, false behind its
// last and on a fault.
func (c *cursor) member(first bool) (key []byte, ok bool) {
	if !c.further('}', first) {
		return nil, false
	}
	if c.peek() != '"' {
		c.fail(c.at, "a key")
		return nil, false
	}
	key, ok = c.text()
	if !ok {
		return nil, false
	}
	if c.peek() != ':' {
		c.fail(c.at, "a colon")
		return nil, false
	}
	c.at++
	c.peek()
	return key, true
}

func (c *cursor) further(end byte, first bool) bool {
	if c.fault != nil {
		return false
	}
	switch next := c.peek(); {
	case next == end:
		c.at++
		c.depth--
		return false
	case first:
	case next != ',':
		c.fail(c.at, "a comma or the end of the list or object")
		return false
	default:
		c.at++
		c.peek()
	}
	return true
}

// text passes over the text here and returns it with its escapes resolved.
func (c *cursor) text() (s []byte, ok bool) {
	start := c.at
	end, escaped := c.afterText(start)
	if end < 0 {
		return nil, false
	}
	c.at = end
	if escaped {
		return unescaped(c.body[start:end]), true
	}
	return c.body[start+1 : end-1], true
}

// unescaped reads a text that is known to be valid.
func unescaped(literal []byte) []byte {
	var s string
	if json.Unmarshal(literal, &s) != nil {
		return nil
	}
	return []byte(s)
}

// pass passes over the value here and returns its span, nil on a fault. It is one
// loop without recursion: bodies decide how deep it goes.
func (c *cursor) pass() []byte {
	if c.fault != nil {
		return nil
	}
	var (
		b     = c.body
		start = afterSpace(b, c.at)
		i     = start
		depth = c.depth
	)

value:
	i = afterSpace(b, i)
	if i == len(b) {
		c.fail(i, "a value")
		return nil
	}
	switch ch := b[i]; {
	case ch == '"':
		if i, _ = c.afterText(i); i < 0 {
			return nil
		}
	case ch == '{' || ch == '[':
		if depth++; depth > maxDepth {
			c.fail(i, "no deeper nesting")
			return nil
		}
		i = afterSpace(b, i+1)
		if i < len(b) && b[i] == ch+2 { // ] and } follow their openers by two
			i++
			depth--
			break
		}
		bit := uint64(1) << (depth & 63)
		if ch == '{' {
			c.kinds[depth>>6] |= bit
			goto key
		}
		c.kinds[depth>>6] &^= bit
		goto value
	case ch == '-' || ch-'0' <= 9:
		if i = c.afterNumber(i); i < 0 {
			return nil
		}
	default:
		if i = c.afterWord(i); i < 0 {
			return nil
		}
	}

next: // after a value
	if depth == c.depth {
		c.at = i
		return b[start:i]
	}
	i = afterSpace(b, i)
	if i == len(b) {
		c.fail(i, "more of a list or object")
		return nil
	}
	{
		object := c.kinds[depth>>6]>>(depth&63)&1 == 1
		switch ch := b[i]; {
		case ch == ',' && object:
			i++
			goto key
		case ch == ',':
			i++
			goto value
		case ch == '}' && object, ch == ']' && !object:
			i++
			depth--
			goto next
		}
		c.fail(i, "a comma or the end of the list or object")
		return nil
	}

key:
	i = afterSpace(b, i)
	if i == len(b) || b[i] != '"' {
		c.fail(i, "a key")
		return nil
	}
	if i, _ = c.afterText(i); i < 0 {
		return nil
	}
	i = afterSpace(b, i)
	if i == len(b) || b[i] != ':' {
		c.fail(i, "a colon")
		return nil
	}
	i++
	goto value
}

// afterSpace returns the index of the first byte from i on that is no white space.
func afterSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// afterText returns the index behind the text whose quote is at i, -1 on a fault.
func (c *cursor) afterText(i int) (end int, escaped bool) {
	const (
		ones   = 0x0101010101010101
		tops   = 0x8080808080808080
		quotes = ones * '"'
		slash  = ones * '\\'
		space  = ones * ' '
	)
	b := c.body
	i++
	for {
		for i+8 <= len(b) { // eight bytes at a time: does one of them end a run of plain ones?
			w := binary.LittleEndian.Uint64(b[i:])
			q, s := w^quotes, w^slash
			if stop := ((q-ones)&^q | (s-ones)&^s | (w-space)&^w) & tops; stop != 0 {
				i += bits.TrailingZeros64(stop) >> 3
				break
			}
			i += 8
		}
		for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
			i++
		}
		if i == len(b) || b[i] < ' ' {
			c.fail(i, "more of a text")
			return -1, false
		}
		if b[i] == '"' {
			return i + 1, escaped
		}
		escaped = true
		size := escapeSize(b[i:])
		if size == 0 {
			c.fail(i, "an escape that JSON knows")
			return -1, false
		}
		i += size
	}
}

// escapeSize returns the length of the escape that b begins with, 0 if it is none.
func escapeSize(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, h := range b[2:6] {
			if h-'0' > 9 && h|0x20-'a' > 5 {
				return 0
			}
		}
		return 6
	}
	return 0
}

// afterNumber returns the index behind the number at i, -1 on a fault.
func (c *cursor) afterNumber(i int) int {
	b := c.body
	digits := func() bool {
		start := i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		if i == start {
			c.fail(i, "a digit")
		}
		return i > start
	}
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		exponent := i
		if !digits() {
			return -1
		}
		c.huge = c.huge || i-exponent > 2
	}
	return i
}

// afterWord returns the index behind true, false or null at i, -1 on a fault.
func (c *cursor) afterWord(i int) int {
	rest := c.body[i:]
	for _, word := range [...]string{"null", "true", "false"} {
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			return i + len(word)
		}
	}
	c.fail(i, "a value")
	return -1
}

// end checks that nothing follows.
func (c *cursor) end() {
	if c.fault == nil && afterSpace(c.body, c.at) < len(c.body) {
		c.peek()
		c.fail(c.at, "nothing more")
	}
}
