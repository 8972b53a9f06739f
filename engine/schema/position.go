package schema

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// position returns the line and column of what a JSON pointer names in a
// document: of the value or, on demand, of its key. Where it does not exist,
// the place is that of the deepest list or object around it.
func position(data []byte, pointer string, ofKey bool) (line, column int) {
	d := json.NewDecoder(bytes.NewReader(data))
	key, at := 0, skip(data, 0)
	for _, step := range steps(pointer) {
		k, ok := descend(d, step)
		if !ok {
			break
		}
		key, at = skip(data, k), skip(data, int(d.InputOffset()))
	}
	if ofKey {
		at = key
	}
	return lineColumn(data, at)
}

// skip returns the offset of what follows white space and punctuation.
func skip(data []byte, at int) int {
	for at < len(data) && strings.IndexByte(" \t\r\n,:", data[at]) >= 0 {
		at++
	}
	return at
}

// lineColumn counts from 1, columns in characters.
func lineColumn(data []byte, at int) (line, column int) {
	before := data[:min(at, len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// steps splits a JSON pointer into its unescaped names.
func steps(pointer string) []string {
	if pointer == "" {
		return nil
	}
	all := strings.Split(pointer[1:], "/")
	for i, s := range all {
		all[i] = pointerUnescaper.Replace(s)
	}
	return all
}

// descend moves the decoder from before a list or object to before one of its
// members, and returns the offset before the member's key.
func descend(d *json.Decoder, step string) (key int, ok bool) {
	open, err := d.Token()
	if err != nil {
		return 0, false
	}
	for i := 0; d.More(); i++ {
		key = int(d.InputOffset())
		name := ""
		switch open {
		case json.Delim('{'):
			t, err := d.Token()
			if err != nil {
				return 0, false
			}
			name, _ = t.(string)
		case json.Delim('['):
			name = decimalText(i)
		default:
			return 0, false
		}
		if name == step {
			return key, true
		}
		var skipped json.RawMessage
		if d.Decode(&skipped) != nil {
			return 0, false
		}
	}
	return 0, false
}
