package value

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The codes of a ParseError.
const (
	CodeInvalidJSON      = "invalid_json"
	CodeInvalidUTF8      = "invalid_utf8"
	CodeDuplicateKey     = "duplicate_key"
	CodeEventTooLarge    = "event_too_large"
	CodeEventTooDeep     = "event_too_deep"
	CodeEventTooMany     = "event_too_many_values"
	CodeTooManyKeys      = "too_many_keys"
	CodeKeyTooLong       = "key_too_long"
	CodeStringTooLong    = "string_too_long"
	CodeNumberTooLong    = "number_too_long"
	CodeNumberOutOfRange = "number_out_of_range"
)

// ParseError tells why an event is not accepted.
type ParseError struct {
	Code    string
	Offset  int    // byte of the event at which the fault lies
	Path    string // of the value at fault, such as traits.address["a b"][0]; "" is the event itself
	Message string // what was found, what is accepted, and what to do
}

// Error names the place and the message.
func (e *ParseError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("byte %d: %s", e.Offset, e.Message)
	}
	return fmt.Sprintf("%s (byte %d): %s", e.Path, e.Offset, e.Message)
}

// pathKeyRunes is how much of one key the path of an error shows.
const pathKeyRunes = 65

// cutOff is the remedy wherever the input ends too early.
const cutOff = "the event may be cut off; send all of it"

// path returns the path that leads depth steps down to where the parser stands:
// always to the last member.
func (p *parser) path(depth int) []byte {
	var path []byte
	for n := p.root; depth > 0; depth-- {
		child := n.first
		for child.next != nil {
			child = child.next
		}
		if n.kind == List {
			path = AppendIndex(path, int(n.count)-1)
		} else {
			path = AppendKey(path, Shorten(child.key, pathKeyRunes))
		}
		n = child
	}
	return path
}

// fail leaves the error of the parse. The result is what callers return that
// tell a failure by a negative index.
func (p *parser) fail(code string, depth, offset int, message string, args ...any) int {
	p.err = &ParseError{
		Code:    code,
		Offset:  offset,
		Path:    string(p.path(depth)),
		Message: fmt.Sprintf(message, args...),
	}
	return -1
}

// found describes what stands at byte i.
func (p *parser) found(i int) string {
	if i >= len(p.src) {
		return "the end of the input"
	}
	r, size := utf8.DecodeRuneInString(p.src[i:])
	if r == utf8.RuneError && size == 1 || r < ' ' || r == 0x7f || r == '\ufeff' {
		return fmt.Sprintf("byte 0x%02x", p.src[i])
	}
	return "`" + string(r) + "`"
}

func (p *parser) tooLarge() *Node {
	p.fail(CodeEventTooLarge, 0, p.limits.Bytes,
		"the event has %d bytes, and at most %d are accepted: send less data in one event", len(p.src), p.limits.Bytes)
	return nil
}

func (p *parser) tooMany(depth, i int) *Node {
	p.fail(CodeEventTooMany, depth, i,
		"the event has more than %d values, which is the most that is accepted: send less data in one event", p.limits.Nodes)
	return nil
}

func (p *parser) tooDeep(depth, i int) *Node {
	p.fail(CodeEventTooDeep, depth, i,
		"lists and objects are nested deeper than %d levels, which is the most that is accepted: send flatter data", p.limits.Depth)
	return nil
}

func (p *parser) duplicate(depth, i int, key string) *Node {
	p.fail(CodeDuplicateKey, depth, i,
		"the key %s stands twice in one object, so it is unclear which value counts: keep one of the two",
		AppendString(nil, Shorten(key, pathKeyRunes)))
	return nil
}

func (p *parser) trailing(i int) *Node {
	p.fail(CodeInvalidJSON, 0, i,
		"found %s after the end of the value, where nothing more is expected: give one JSON value at a time", p.found(i))
	return nil
}

func (p *parser) unclosed(depth int, parent *Node, i int) *Node {
	noun, closer := "an object", "`}`"
	if parent.kind == List {
		noun, closer = "a list", "`]`"
	}
	help := "add the comma or the bracket that is missing"
	if i == len(p.src) {
		help = cutOff
	}
	p.fail(CodeInvalidJSON, depth, i, "found %s after a value of %s, expected `,` or %s: %s", p.found(i), noun, closer, help)
	return nil
}

func (p *parser) noKey(depth int, object *Node, i int) *Node {
	expected, help := "a key in double quotes or `}`", "write the key in double quotes"
	if object.count > 0 {
		expected = "a key in double quotes"
	}
	switch {
	case i == len(p.src):
		help = cutOff
	case p.src[i] == '}':
		help = "remove the comma before it"
	case p.src[i] == ',':
		help = "remove one comma"
	}
	p.fail(CodeInvalidJSON, depth, i, "found %s in an object, expected %s: %s", p.found(i), expected, help)
	return nil
}

func (p *parser) noColon(depth, i int, key string) *Node {
	help := "write the value after the key, as in {\"key\": 1}"
	if i == len(p.src) {
		help = cutOff
	}
	p.fail(CodeInvalidJSON, depth, i, "found %s after the key %s, expected `:`: %s",
		p.found(i), AppendString(nil, Shorten(key, pathKeyRunes)), help)
	return nil
}

func (p *parser) noValue(depth, i int) *Node {
	rest := p.src[i:]
	help := "write a text in double quotes, a number, true, false, null, a list or an object"
	switch {
	case rest == "" && depth == 0:
		help = `there is nothing to read, not even {}`
	case rest == "":
		help = cutOff
	case strings.HasPrefix(rest, "\ufeff"):
		help = "remove the byte order mark"
	case rest[0] == ']' || rest[0] == '}':
		help = "remove the comma before it, or add the value"
	case rest[0] == '\'':
		help = "write texts in double quotes"
	case rest[0] == '+' || rest[0] == '.':
		help = "begin a number with a digit or a minus"
	case strings.HasPrefix(rest, "NaN") || strings.HasPrefix(rest, "Infinity") || strings.HasPrefix(rest, "undefined"):
		help = "JSON has no such value; send null or leave the key out"
	case rest[0] == '/' || rest[0] == '#':
		help = "JSON has no comments; remove it"
	}
	p.fail(CodeInvalidJSON, depth, i, "found %s, expected a value: %s", p.found(i), help)
	return nil
}

func (p *parser) brokenText(depth, start, i int) int {
	if i == len(p.src) {
		return p.fail(CodeInvalidJSON, depth, i,
			"found the end of the input in the text that begins at byte %d, expected its closing quote: %s", start-1, cutOff)
	}
	return p.fail(CodeInvalidJSON, depth, i,
		"found %s in a text, where control characters are not allowed: write it as an escape such as \\n or \\u%04x", p.found(i), p.src[i])
}

func (p *parser) badEscape(depth, i int) int {
	if p.src[i+1] == 'u' {
		return p.fail(CodeInvalidJSON, depth, i,
			"found an escape \\u in a text, expected four hexadecimal digits after it: write it as in \\u00e9")
	}
	return p.fail(CodeInvalidJSON, depth, i,
		"found %s after a backslash in a text, expected one of \" \\ / b f n r t u: write two backslashes for a backslash", p.found(i+1))
}

func (p *parser) invalidUTF8(depth, start int, text string) int {
	i := 0
	for {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		i += size
	}
	return p.fail(CodeInvalidUTF8, depth, start+i,
		"found byte 0x%02x in a text, which is no UTF-8 there: send the event in UTF-8", text[i])
}

func (p *parser) tooManyKeys(depth, i int) *Node {
	p.fail(CodeTooManyKeys, depth, i,
		"an object has more than %d keys, which is the most that is accepted: send less data in one object", p.limits.Keys)
	return nil
}

func (p *parser) keyTooLong(depth, i, size int) int {
	return p.fail(CodeKeyTooLong, depth, i,
		"a key has %d bytes, and at most %d are accepted: use short names as keys, and send texts as values", size, p.limits.Key)
}

func (p *parser) tooLong(depth, i, size int) int {
	return p.fail(CodeStringTooLong, depth, i,
		"the text has %d bytes, and at most %d are accepted: send a shorter text", size, p.limits.String)
}

func (p *parser) noDigit(depth, start, i int) int {
	return p.fail(CodeInvalidJSON, depth, i, "found %s after %s, expected a digit: write numbers as in -12, 0.5 or 1.5e3",
		p.found(i), Shorten(p.src[start:i], previewRunes))
}

func (p *parser) leadingZero(depth, start, i int) int {
	return p.fail(CodeInvalidJSON, depth, start, "found the number %s, expected no 0 in front of other digits: remove it, or send the digits as text",
		Shorten(p.src[start:i], previewRunes))
}

func (p *parser) numberTooLong(depth, start, i int) int {
	return p.fail(CodeNumberTooLong, depth, start,
		"the number has %d characters, and at most %d are accepted: send it as text", i-start, p.limits.Number)
}

func (p *parser) outOfRange(depth, start, i int) int {
	return p.fail(CodeNumberOutOfRange, depth, start,
		"the number %s is beyond the range of a double, about ±1.8e308: send it as text", Shorten(p.src[start:i], previewRunes))
}
