package rudder

import (
	"errors"
	"strconv"
)

// readLoosely reads a body as read does, and one that holds numbers beyond those
// of doubles, too: 1e400, or NaN and Infinity, which are no JSON. They stand as
// texts in what it returns. rudder-server knows no such numbers; others who send
// jobs may write them, and they shall harm no more than the field that is concerned.
// The error is a *BodyError.
func readLoosely(body []byte, f form) (*request, error) {
	r, err := read(body, f)
	if err == nil && !r.cursor.huge {
		return r, nil
	}
	finite := quoteNonFinite(body)
	if finite == nil {
		return r, err
	}
	if err == nil {
		r.release()
	}
	return read(finite, f)
}

// quoteNonFinite returns the body with texts in place of all that is no finite
// double, nil if there is nothing like that.
func quoteNonFinite(body []byte) []byte {
	var out []byte
	copied := 0
	for i := 0; i < len(body); {
		if body[i] == '"' {
			i = afterQuoted(body, i)
			continue
		}
		end := i
		for end < len(body) && partOfWord(body[end]) {
			end++
		}
		if word := body[i:end]; nonFinite(word) {
			out = append(append(out, body[copied:i]...), '"')
			out = append(append(out, word...), '"')
			copied = end
		}
		i = max(end, i+1)
	}
	if out == nil {
		return nil
	}
	return append(out, body[copied:]...)
}

// partOfWord reports whether a byte may be part of a number or a word.
func partOfWord(b byte) bool {
	return b-'0' <= 9 || b|0x20-'a' < 26 || b == '-' || b == '+' || b == '.'
}

func nonFinite(word []byte) bool {
	switch string(word) {
	case "NaN", "Infinity", "-Infinity":
		return true
	}
	if len(word) == 0 || word[0] != '-' && word[0]-'0' > 9 {
		return false
	}
	_, err := strconv.ParseFloat(string(word), 64)
	return errors.Is(err, strconv.ErrRange)
}

// afterQuoted returns the index behind the text whose quote is at i.
func afterQuoted(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(b))
}
