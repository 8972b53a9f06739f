package input_test

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/celmap/celmap/internal/input"
)

// all returns the texts that a reader gives, and whether each is JSON.
func all(t *testing.T, text []byte, oneByOne bool) (items []string, valid bool) {
	t.Helper()
	var source io.Reader = bytes.NewReader(text)
	if oneByOne {
		source = iotest.OneByteReader(source)
	}
	reader := input.NewReader(0, input.Stream("fuzz", source))
	valid = true
	for {
		item, err := reader.Next()
		if err == io.EOF {
			return items, valid
		}
		if err != nil {
			t.Fatalf("a source that can be read failed: %v", err)
		}
		if item.Index != len(items) || len(items) > 2*len(text) {
			t.Fatalf("item %d has index %d, of %d bytes", len(items), item.Index, len(text))
		}
		items = append(items, string(item.JSON))
		valid = valid && item.Problem == nil && json.Valid(item.JSON)
	}
}

// FuzzElements holds the scanner of lists against encoding/json: of a list that
// is JSON it finds the same elements, and of any other at least one item is no
// JSON, so that no fault goes unnoticed.
func FuzzElements(f *testing.F) {
	for _, seed := range []string{
		`{"type":"track"},{"a":[1,{"b":"]}"}]}`, `1, "a\"]", true ,null`, `{"a":1} {"b":2}`, `1,`, `,1`, `{"a":1]`,
		`"\\", "\\\""`, `[[]],[{}]`, `{"batch":[1,2]}`, "\n{\"a\":\n1}\n", `1}`, `:`, "\"\xff\"", `01`, `"a`, `{`, `]`, `}`, `,,,,`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, inner []byte, batch bool) {
		list := slices.Concat([]byte("["), inner, []byte("]"))
		text := list
		if batch {
			text = slices.Concat([]byte(`{"batch":`), list, []byte("}"))
		}
		items, valid := all(t, text, false)
		if slow, _ := all(t, text, true); !slices.Equal(items, slow) {
			t.Fatalf("read at once %q, byte by byte %q", items, slow)
		}
		var want []json.RawMessage
		switch err := json.Unmarshal(list, &want); {
		case err == nil:
			if !valid || !slices.EqualFunc(items, want, func(a string, b json.RawMessage) bool { return a == string(b) }) {
				t.Fatalf("found %q in %q, encoding/json %q", items, text, want)
			}
		case valid && !severalValues(text):
			t.Fatalf("found no fault in %q, encoding/json: %v", text, err)
		}
	})
}

// FuzzLines asks the same of lines: JSON objects of one line each come out as
// they are, and a line that is none changes nothing for those around it.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		`not json`, `{"a":"x`, `{"a":1`, `{"a":{`, `{"a":1,`, `]`, `"`, `{"a":1}}`, `{`, `,`, `{},`, "\t\r", "\xef\xbb\xbf", "\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if bytes.ContainsAny([]byte(line), "\n[") || bytes.Contains([]byte(line), []byte(`"batch"`)) {
			return // it may be more than a line
		}
		items, _ := all(t, []byte("{\"first\":1}\n"+line+"\n{\"last\":2}\n"), false)
		trimmed := string(bytes.Trim([]byte(line), " \t\r"))
		want := []string{`{"first":1}`, trimmed, `{"last":2}`}
		if trimmed == "" {
			want = []string{want[0], want[2]}
		}
		if !slices.Equal(items, want) {
			t.Fatalf("found %q around %q", items, line)
		}
	})
}

// severalValues reports whether the text is JSON values one after another,
// which a stream may hold and one JSON document may not.
func severalValues(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for n := 0; ; n++ {
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err == io.EOF && n > 1
		}
	}
}
