package function

import (
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

var objectFunctions = []*Function{
	{
		Name:     "merge",
		Params:   []Param{{Name: "objects", Type: "object", Doc: "objects; nulls are skipped"}},
		Variadic: true,
		Result:   "object",
		Doc: "One object with the members of all. Where a key comes again, the later value stands in the place of the earlier one, also when it is null. " +
			"Objects within are not merged. Without any object the result is {}.",
		Examples: []Example{
			{`merge({"a": 1, "b": 2}, null, {"b": 3, "c": 4})`, `{"a":1,"b":3,"c":4}`},
			{`merge(null)`, `{}`},
			{`merge({}, "x")`, `error: give an object`},
		},
		run: merge,
	},
	{
		Name: "omit",
		Params: []Param{
			{Name: "object", Type: "object", Doc: "the object"},
			{Name: "keys", Type: "list or text", Doc: "the keys to leave out"},
		},
		Result:   "object",
		Doc:      "The object without these keys. Keys that it does not have are no error.",
		Examples: []Example{{`omit({"a": 1, "b": 2, "c": 3}, ["a", "x"])`, `{"b":2,"c":3}`}, {`omit({"a": 1}, "a")`, `{}`}},
		run:      func(a *value.Arena, args []*value.Node) (*value.Node, *Error) { return choose(a, args, false) },
	},
	{
		Name: "pick",
		Params: []Param{
			{Name: "object", Type: "object", Doc: "the object"},
			{Name: "keys", Type: "list or text", Doc: "the keys to keep"},
		},
		Result:   "object",
		Doc:      "The object with these keys only, in its own order. Keys that it does not have are no error.",
		Examples: []Example{{`pick({"a": 1, "b": 2, "c": 3}, ["c", "a", "x"])`, `{"a":1,"c":3}`}, {`pick({"a": 1}, null)`, `{}`}},
		run:      func(a *value.Arena, args []*value.Node) (*value.Node, *Error) { return choose(a, args, true) },
	},
	{
		Name: "flatten",
		Params: []Param{
			{Name: "object", Type: "object", Doc: "the object"},
			{Name: "separator", Type: "text", Doc: `what joins the keys; "." if left out`, Optional: true},
		},
		Result: "object",
		Doc: "The object with the members of the objects within it brought up to one level, their keys joined. Lists and empty objects are kept as they are. " +
			"Where two keys become the same, the later value stands. Keys of more than 1 MiB together are an error.",
		Examples: []Example{
			{`flatten({"a": {"b": 1, "c": {"d": [2]}}, "e": 3})`, `{"a.b":1,"a.c.d":[2],"e":3}`},
			{`flatten({"a": {"b": 1}, "e": {}}, "_")`, `{"a_b":1,"e":{}}`},
		},
		run: flatten,
	},
	{
		Name: "get",
		Params: []Param{
			{Name: "from", Type: "any", Doc: "the object or list to look into"},
			{Name: "path", Type: "text", Doc: `keys joined by points, with [0] for an element of a list and ["any key"] for a key with points in it`},
			{Name: "default", Type: "any", Doc: "what is given when nothing is there; null if left out", Optional: true},
		},
		Result: "any",
		Doc: "The value at a path that is itself data. Never an error: where a part is missing, null, of another kind, or the path is malformed, the default is given. " +
			"An element of a list may also be written as a number between points.",
		Examples: []Example{
			{`get({"a": {"b": [{"c": 7}]}}, "a.b[0].c")`, `7`},
			{`get({"a": {"b": [{"c": 7}]}}, "a.b.0.c")`, `7`},
			{`get({"a.b": 1}, "[\"a.b\"]")`, `1`},
			{`get({"a": 1}, "a.b.c", "none")`, `"none"`},
		},
		run: func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
			if p := arg(args, 1); p.Kind() == value.String {
				if n := find(a, arg(args, 0), p.Text()); !n.IsNull() {
					return n, nil
				}
			}
			return arg(args, 2), nil
		},
	},
	{
		Name:     "keys",
		Params:   []Param{{Name: "object", Type: "object", Doc: "the object"}},
		Result:   "list",
		Doc:      "The keys of the object, in its order.",
		Examples: []Example{{`keys({"b": 1, "a": null})`, `["b","a"]`}, {`keys([1])`, `error: give an object`}},
		run: func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
			o, err := object(args, 0)
			if o == nil {
				return nil, err
			}
			out := a.List()
			for m := o.First(); m != nil; m = m.Next() {
				a.Append(out, a.String(m.Key()))
			}
			return out, nil
		},
	},
	{
		Name: "entries",
		Params: []Param{
			{Name: "object", Type: "object", Doc: "the object"},
			{Name: "keyName", Type: "text", Doc: `the name under which a key stands; "key" if left out`, Optional: true},
			{Name: "valueName", Type: "text", Doc: `the name under which a value stands; "value" if left out`, Optional: true},
		},
		Result: "list",
		Doc:    "The members of the object as a list of objects, in its order.",
		Examples: []Example{
			{`entries({"b": 1, "a": null})`, `[{"key":"b","value":1},{"key":"a","value":null}]`},
			{`entries({"email": "a@b.c"}, "property")`, `[{"property":"email","value":"a@b.c"}]`},
			{`entries({"a": 1}, "x", "x")`, `error: give two different names`},
		},
		run: entries,
	},
}

func merge(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	var out *value.Node
	for i := range args {
		o, err := object(args, i)
		if err != nil {
			return nil, err
		}
		switch {
		case o == nil:
		case out == nil:
			out = a.Fork(o)
		default:
			for m := o.First(); m != nil; m = m.Next() {
				a.Set(out, m.Key(), m)
			}
		}
	}
	if out == nil {
		return a.Object(), nil
	}
	return out, nil
}

// choose keeps the members whose key is among the keys, or those whose is not.
func choose(a *value.Arena, args []*value.Node, keep bool) (*value.Node, *Error) {
	o, err := object(args, 0)
	if o == nil {
		return nil, err
	}
	var keys []string
	add := func(n *value.Node) *Error {
		if !n.IsScalar() {
			return refuse(1, n, "is no key: give text")
		}
		s, err := textOf(a, n, 1)
		keys = append(keys, s)
		return err
	}
	switch k := arg(args, 1); k.Kind() {
	case value.Null:
	case value.List:
		for m := k.First(); m != nil; m = m.Next() {
			if err := add(m); err != nil {
				return nil, err
			}
		}
	default:
		if err := add(k); err != nil {
			return nil, err
		}
	}
	if !a.Pay(len(keys)) {
		return nil, nil
	}
	slices.Sort(keys)
	out := a.Object()
	for m := o.First(); m != nil; m = m.Next() {
		if _, found := slices.BinarySearch(keys, m.Key()); found == keep {
			a.Add(out, m.Key(), m)
		}
	}
	return out, nil
}

func flatten(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	o, err := object(args, 0)
	if o == nil {
		return nil, err
	}
	separator, err := optionalText(args, 1, ".")
	if err != nil {
		return nil, err
	}
	out := a.Object()
	size := 0
	var walk func(prefix string, o *value.Node) bool
	walk = func(prefix string, o *value.Node) bool {
		if !a.Pay(1 + o.Len()>>1) {
			return true // the caller sees that nothing is left
		}
		for m := o.First(); m != nil; m = m.Next() {
			key := prefix + m.Key()
			if size += len(key); size > maxText {
				return false
			}
			if m.Kind() == value.Object && m.Len() > 0 {
				if size += len(key) + len(separator); size > maxText || !walk(key+separator, m) {
					return false
				}
			} else {
				a.Set(out, key, m)
			}
		}
		return true
	}
	if !walk("", o) {
		return nil, tooLong(0)
	}
	return out, nil
}

func entries(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	o, err := object(args, 0)
	if o == nil {
		return nil, err
	}
	key, err := optionalText(args, 1, "key")
	if err != nil {
		return nil, err
	}
	val, err := optionalText(args, 2, "value")
	if err != nil {
		return nil, err
	}
	if key == val {
		return nil, &Error{Arg: 2, Message: "key and value would stand under the same name: give two different names"}
	}
	out := a.List()
	for m := o.First(); m != nil; m = m.Next() {
		e := a.Append(out, a.Object())
		a.Add(e, key, a.String(m.Key()))
		a.Add(e, val, m)
	}
	return out, nil
}

// find returns the value at a path, nil if there is none or the path is malformed.
func find(a *value.Arena, n *value.Node, path string) *value.Node {
	if path == "" {
		return nil
	}
	for start := true; path != ""; start = false {
		if path[0] == '[' {
			var ok bool
			if n, path, ok = bracket(a, n, path); !ok {
				return nil
			}
			continue
		}
		if !start {
			if path[0] != '.' {
				return nil
			}
			path = path[1:]
		}
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		name := path[:end]
		if name == "" {
			return nil
		}
		if path = path[end:]; path == "." {
			return nil
		}
		if n.Kind() == value.List {
			n = element(a, n, name)
		} else {
			n = n.Get(name)
		}
	}
	return n
}

// bracket follows [0] or ["key"] at the start of a path.
func bracket(a *value.Arena, n *value.Node, path string) (_ *value.Node, rest string, ok bool) {
	if len(path) > 1 && (path[1] == '"' || path[1] == '\'') {
		end := strings.Index(path[2:], path[1:2]+"]")
		if end < 0 {
			return nil, "", false
		}
		return n.Get(path[2 : 2+end]), path[end+4:], true
	}
	inside, rest, ok := strings.Cut(path[1:], "]")
	return element(a, n, inside), rest, ok
}

// element returns the element of a list at an index written in digits.
func element(a *value.Arena, n *value.Node, index string) *value.Node {
	if index == "" || len(index) > 9 || !digitsOnly(index) {
		return nil
	}
	i := 0
	for _, c := range []byte(index) {
		i = 10*i + int(c-'0')
	}
	if !a.Pay(min(i, n.Len()) >> 6) {
		return nil
	}
	return n.At(i)
}
