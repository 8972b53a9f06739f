package function

import (
	"strings"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/value"
)

var listFunctions = []*Function{
	{
		Name: "slice",
		Params: []Param{
			{Name: "x", Type: "list or text or number or boolean", Doc: "the list, or the text"},
			{Name: "from", Type: "number", Doc: "index of the first element or character, counted from 0, or from the end if negative"},
			{Name: "to", Type: "number", Doc: "index of the first one that is left out; the end if left out", Optional: true},
		},
		Result: "list or text",
		Doc:    "A part of a list, or of a text by characters. Indexes beyond the ends are taken as the ends. Numbers and booleans are taken as their text.",
		Examples: []Example{
			{`slice([1, 2, 3, 4], 1, 3)`, `[2,3]`},
			{`slice("héllo", 0, 2)`, `"hé"`},
			{`slice("hello", -3)`, `"llo"`},
			{`slice([1, 2], 5)`, `[]`},
		},
		run: slice,
	},
	{
		Name: "split",
		Params: []Param{
			{Name: "text", Type: "text or number or boolean", Doc: "the text"},
			{Name: "separator", Type: "text", Doc: "what stands between the parts; not empty"},
		},
		Result: "list",
		Doc: `The parts of the text. "" has no parts; two separators in a row have "" between them. ` +
			"A text of more than 1 MiB or of more than 100000 parts is an error.",
		Examples: []Example{
			{`split("a;b;;c", ";")`, `["a","b","","c"]`},
			{`split("", ";")`, `[]`},
			{`split("abc", "")`, `error: the separator is empty`},
		},
		run: split,
	},
	{
		Name: "joinText",
		Params: []Param{
			{Name: "x", Type: "list or text or number or boolean", Doc: "the list; a single value is taken as a list of one"},
			{Name: "separator", Type: "text", Doc: "what is put between the elements"},
		},
		Result: "text",
		Doc:    "The texts of the elements (as by text) joined. Nulls are skipped. A result of more than 1 MiB is an error.",
		Examples: []Example{
			{`joinText(["a", 2, null, true], ";")`, `"a;2;true"`},
			{`joinText("a", ";")`, `"a"`},
			{`joinText([], ";")`, `""`},
			{`joinText({"a": 1}, ";")`, `error: give a list`},
		},
		run: joinText,
	},
	{
		Name: "indexBy",
		Params: []Param{
			{Name: "list", Type: "list", Doc: "a list of objects"},
			{Name: "field", Type: "text", Doc: "path (as in get) of the field whose text becomes the key"},
		},
		Result: "object",
		Doc: "An object that has each element under the text of its field. Of several elements with the same text the last one stands. " +
			"Elements without the field are left out.",
		Examples: []Example{
			{`indexBy([{"name": "a", "n": 1}, {"name": "b"}, {"n": 2}], "name")`, `{"a":{"name":"a","n":1},"b":{"name":"b"}}`},
			{`indexBy([{"id": 7}, {"id": 7, "x": 1}], "id")`, `{"7":{"id":7,"x":1}}`},
		},
		run: func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
			return byField(a, args, func(out *value.Node, key string, m *value.Node) { a.Set(out, key, m) })
		},
	},
	{
		Name: "groupBy",
		Params: []Param{
			{Name: "list", Type: "list", Doc: "a list of objects"},
			{Name: "field", Type: "text", Doc: "path (as in get) of the field whose text becomes the key"},
		},
		Result: "object",
		Doc:    "An object that has under each text of the field the list of the elements with it. Elements without the field are left out.",
		Examples: []Example{
			{`groupBy([{"t": "a", "n": 1}, {"t": "b"}, {"t": "a", "n": 2}], "t")`, `{"a":[{"t":"a","n":1},{"t":"a","n":2}],"b":[{"t":"b"}]}`},
			{`groupBy([{"t": ["a"]}], "t")`, `error: is no key`},
		},
		run: func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
			return byField(a, args, func(out *value.Node, key string, m *value.Node) {
				group := out.Get(key)
				if group == nil {
					group = a.Add(out, key, a.List())
				}
				a.Append(group, m)
			})
		},
	},
}

func slice(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	n := arg(args, 0)
	if n.IsNull() {
		return nil, nil
	}
	const far = 1 << 53
	from, err := optionalInt(args, 1, 0, -far, far)
	if err != nil {
		return nil, err
	}
	to, err := optionalInt(args, 2, far, -far, far)
	if err != nil {
		return nil, err
	}
	if n.Kind() == value.List {
		i, j := bounds(n.Len(), from, to)
		out, at := a.List(), 0
		for m := n.First(); m != nil && at < j; m = m.Next() {
			if at >= i {
				a.Append(out, m)
			}
			at++
		}
		return out, nil
	}
	if !n.IsScalar() {
		return nil, refuse(0, n, "cannot be taken here: give a list or text")
	}
	s, err := scalarText(a, args, 0)
	if err != nil {
		return nil, err
	}
	i, j := bounds(utf8.RuneCountInString(s), from, to)
	return textNode(a, n, s[offset(s, i):offset(s, j)]), nil
}

// bounds turns the indexes of slice into 0 <= i <= j <= length.
func bounds(length int, from, to int64) (i, j int) {
	at := func(k int64) int {
		if k < 0 {
			k += int64(length)
		}
		return int(min(max(k, 0), int64(length)))
	}
	i, j = at(from), at(to)
	return i, max(i, j)
}

// offset returns the byte offset of a character.
func offset(s string, character int) int {
	if character == 0 {
		return 0
	}
	for i := range s {
		if character == 0 {
			return i
		}
		character--
	}
	return len(s)
}

func split(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	if arg(args, 0).IsNull() {
		return nil, nil
	}
	s, err := scalarText(a, args, 0)
	if err != nil {
		return nil, err
	}
	separator, err := requiredText(args, 1)
	if err != nil {
		return nil, err
	}
	if separator == "" {
		return nil, &Error{Arg: 1, Message: "the separator is empty: give the text that stands between the parts"}
	}
	if len(s) > maxText {
		return nil, tooLong(0)
	}
	out := a.List()
	for found := s != ""; found; {
		var before string
		before, s, found = strings.Cut(s, separator)
		if a.Append(out, a.String(before)); out.Len() > maxParts {
			return nil, tooManyParts("parts")
		}
	}
	return out, nil
}

func joinText(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	n := arg(args, 0)
	if n.IsNull() {
		return nil, nil
	}
	separator, err := requiredText(args, 1)
	if err != nil {
		return nil, err
	}
	if n.Kind() != value.List {
		if !n.IsScalar() {
			return nil, refuse(0, n, "cannot be taken here: give a list")
		}
		return text(a, args)
	}
	var out []byte
	first := true
	for m := n.First(); m != nil; m = m.Next() {
		if m.IsNull() {
			continue
		}
		if !first {
			out = append(out, separator...)
		}
		first = false
		if out, err = appendText(a, out, m, 0); err != nil {
			return nil, err
		}
		if len(out) > maxText {
			return nil, tooLong(0)
		}
	}
	return a.String(string(out)), nil
}

// byField calls add for each element of a list with the text of its field.
func byField(a *value.Arena, args []*value.Node, add func(out *value.Node, key string, m *value.Node)) (*value.Node, *Error) {
	l, err := list(args, 0)
	if l == nil {
		return nil, err
	}
	field, err := requiredText(args, 1)
	if err != nil {
		return nil, err
	}
	out := a.Object()
	for m := l.First(); m != nil; m = m.Next() {
		if !a.Pay(len(field) >> 4) {
			return nil, nil
		}
		n := find(a, m, field)
		if n.IsNull() {
			continue
		}
		if !n.IsScalar() {
			return nil, refuse(0, n, "in the field is no key: give a field that holds text, a number or a boolean")
		}
		key, err := textOf(a, n, 0)
		if err != nil {
			return nil, err
		}
		add(out, key, m)
	}
	return out, nil
}
