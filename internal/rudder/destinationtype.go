package rudder

import (
	"bytes"
)

// DestinationType returns the destType of the body of a /routerTransform or
// /batch request, "" if it has none. It reads the body from its end, since there
// destType stands behind the jobs, and does not check what it passes over.
func DestinationType(body []byte) string {
	i := beforeSpace(body, len(body))
	if i == 0 || body[i-1] != '}' {
		return ""
	}
	for i--; i > 0; { // body[:i] ends with a member, or with the bracket
		end := beforeSpace(body, i)
		start := startOf(body, end)
		if start < 0 {
			return ""
		}
		colon := beforeSpace(body, start)
		if colon == 0 || body[colon-1] != ':' {
			return ""
		}
		after := beforeSpace(body, colon-1)
		key := startOfText(body, after)
		if key < 0 {
			return ""
		}
		if string(unquoted(body[key:after])) == "destType" {
			if !isText(body[start:end]) {
				return ""
			}
			return string(unquoted(body[start:end]))
		}
		if i = beforeSpace(body, key); i == 0 || body[i-1] != ',' {
			return ""
		}
		i--
	}
	return ""
}

// beforeSpace returns the index behind the last byte of b[:i] that is no white space.
func beforeSpace(b []byte, i int) int {
	for i > 0 && (b[i-1] == ' ' || b[i-1] == '\n' || b[i-1] == '\t' || b[i-1] == '\r') {
		i--
	}
	return i
}

// startOf returns where the value begins that ends at i, -1 if there is none.
func startOf(b []byte, i int) int {
	depth := 0
	for i > 0 {
		switch b[i-1] {
		case '"':
			if i = startOfText(b, i); i < 0 {
				return -1
			}
		case '}', ']':
			depth++
			i--
		case '{', '[':
			depth--
			i--
		default:
			if depth > 0 {
				i--
				continue
			}
			end := i
			for i > 0 && bytes.IndexByte([]byte(" \n\t\r:,"), b[i-1]) < 0 { // a number, true, false or null
				i--
			}
			if i == end {
				return -1
			}
		}
		if depth <= 0 {
			return i
		}
	}
	return -1
}

// startOfText returns where the text begins whose last quote is before end, -1 if
// there is none.
func startOfText(b []byte, end int) int {
	if end == 0 || b[end-1] != '"' {
		return -1
	}
	for i := end - 1; ; {
		if i = bytes.LastIndexByte(b[:i], '"'); i < 0 {
			return -1
		}
		first := i
		for first > 0 && b[first-1] == '\\' {
			first--
		}
		if (i-first)%2 == 0 { // else the quote is part of the text
			return i
		}
	}
}
