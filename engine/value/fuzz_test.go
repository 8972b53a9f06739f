package value_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/value"
)

// FuzzParse compares Parse with encoding/json. They must accept the same inputs,
// except that Parse alone refuses duplicate keys, invalid UTF-8, numbers beyond
// doubles and what exceeds its limits.
func FuzzParse(f *testing.F) {
	for _, e := range events(f)[:5] {
		f.Add(e)
	}
	for _, s := range []string{
		``, ` `, `null`, `[1,2.5e-3,-0]`, `{"a":{"b":[true,false]}}`, `"\ud83d\ude00\ud83d\u0041\udc00"`,
		"\"\xff\"", `{"a":1,"a":2}`, `1e400`, `[1,]`, `{"a":1,}`, `01`, "\"a\x1f\"", `"\x"`, `{} {}`, "\ufeff1",
		`[[[[[[[[]]]]]]]]`, "\"\u2028é\"", `{"a" :1 , "b": [ ] }`, `tru`, `-`, `1.`, `1e+`, `"abc`, `"\u12`,
	} {
		f.Add([]byte(s))
	}
	own := map[string]bool{
		value.CodeDuplicateKey: true, value.CodeInvalidUTF8: true, value.CodeNumberOutOfRange: true,
		value.CodeEventTooLarge: true, value.CodeEventTooDeep: true, value.CodeEventTooMany: true,
		value.CodeStringTooLong: true, value.CodeKeyTooLong: true, value.CodeTooManyKeys: true, value.CodeNumberTooLong: true,
	}
	a := value.NewArena()
	f.Fuzz(func(t *testing.T, src []byte) {
		a.Reset()
		got, err := value.Parse(a, src, value.Limits{})
		want, accepted := decode(src)
		if err != nil {
			refused := err.(*value.ParseError)
			if refused.Offset < 0 || refused.Offset > len(src) || refused.Message == "" || !utf8.ValidString(refused.Message+refused.Path) {
				t.Fatalf("bad error %#v", refused)
			}
			if !own[refused.Code] && accepted {
				t.Fatalf("encoding/json accepts %q, Parse does not: %v", src, err)
			}
			return
		}
		if !accepted {
			t.Fatalf("encoding/json does not accept %q, Parse does", src)
		}
		if !utf8.Valid(src) {
			t.Fatalf("%q is no UTF-8 and accepted", src)
		}
		compare(t, got, want)
		text := value.AppendJSON(nil, got)
		again, err := value.Parse(a, text, value.Limits{Bytes: 16 << 20})
		if err != nil || !value.Equal(got, again) {
			t.Fatalf("%q is written as %q, which does not read back: %v", src, text, err)
		}
	})
}

// decode reads exactly one value with encoding/json.
func decode(src []byte) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil, false
	}
	_, err := d.Token()
	return v, err == io.EOF
}

func compare(t *testing.T, got *value.Node, want any) {
	t.Helper()
	same := false
	switch w := want.(type) {
	case nil:
		same = got.Kind() == value.Null
	case bool:
		same = got.Kind() == value.Bool && got.Bool() == w
	case json.Number:
		same = got.Kind() == value.Number && got.Text() == w.String()
	case string:
		same = got.Kind() == value.String && got.Text() == w
	case []any:
		if same = got.Kind() == value.List && got.Len() == len(w); same {
			i := 0
			for m := got.First(); m != nil; m = m.Next() {
				compare(t, m, w[i])
				i++
			}
		}
	case map[string]any:
		if same = got.Kind() == value.Object && got.Len() == len(w); same {
			for m := got.First(); m != nil; m = m.Next() {
				if _, ok := w[m.Key()]; !ok {
					t.Fatalf("key %q is not in %v", m.Key(), w)
				}
				compare(t, m, w[m.Key()])
			}
		}
	}
	if !same {
		t.Fatalf("got %s, encoding/json reads %v", value.AppendJSON(nil, got), want)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "a\"b", "\u2028", "\xff", "Łukasz\n", "long enough for two words"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := value.AppendString(nil, s)
		var want string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%q is written as %q: %v", s, text, err)
		}
		if valid := string([]rune(s)); want != valid {
			t.Fatalf("%q is written as %q", s, text)
		}
	})
}
