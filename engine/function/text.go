package function

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/value"
)

var textFunctions = []*Function{
	{
		Name:     "lower",
		Params:   []Param{{Name: "x", Type: "text or number or boolean", Doc: "the text"}},
		Result:   "text",
		Doc:      "The text in lower case, in every script that has cases (İ as i and a dot, Σ at the end of a word as ς). Numbers and booleans are taken as their text.",
		Examples: []Example{{`lower("ÄRGER in Rome")`, `"ärger in rome"`}, {`lower(true)`, `"true"`}, {`lower(["A"])`, `error: give text`}},
		run:      mapText(Lower),
	},
	{
		Name:     "upper",
		Params:   []Param{{Name: "x", Type: "text or number or boolean", Doc: "the text"}},
		Result:   "text",
		Doc:      "The text in upper case, in every script that has cases. Numbers and booleans are taken as their text.",
		Examples: []Example{{`upper("ärger")`, `"ÄRGER"`}, {`upper(null)`, `null`}},
		run:      mapText(strings.ToUpper),
	},
	{
		Name:     "trim",
		Params:   []Param{{Name: "x", Type: "text or number or boolean", Doc: "the text"}},
		Result:   "text",
		Doc:      "The text without the white space (of Unicode) at both ends. Numbers and booleans are taken as their text.",
		Examples: []Example{{`trim("\t a b\u00a0\n")`, `"a b"`}, {`trim(12)`, `"12"`}},
		run:      mapText(strings.TrimSpace),
	},
	{
		Name:   "text",
		Params: []Param{{Name: "x", Type: "any", Doc: "the value"}},
		Result: "text",
		Doc: "The value as text: a number as plain digits, never with an exponent; a boolean as true or false; a list or an object as JSON. " +
			"A number that needs more than 1000 zeros to be written out is an error.",
		Examples: []Example{
			{`text(1e21)`, `"1000000000000000000000"`},
			{`text(1.50)`, `"1.50"`},
			{`text(-0)`, `"0"`},
			{`text(["a", {"b": true}])`, `"[\"a\",{\"b\":true}]"`},
		},
		run: text,
	},
	{
		Name:     "json",
		Params:   []Param{{Name: "x", Type: "any", Doc: "the value"}},
		Result:   "text",
		Doc:      "The value as JSON text. Text becomes quoted text, numbers stay as they are written. Null gives null, not the text null.",
		Examples: []Example{{`json({"a": [1, "x"]})`, `"{\"a\":[1,\"x\"]}"`}, {`json("a\"b")`, `"\"a\\\"b\""`}, {`json(null)`, `null`}},
		run: func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
			n := arg(args, 0)
			if n.IsNull() {
				return nil, nil
			}
			if !a.PayFor(n) {
				return nil, nil
			}
			if value.Larger(n, maxJSON) {
				return nil, tooLarge(0)
			}
			return a.String(a.Intern(value.AppendJSON(a.Text(64), n))), nil
		},
	},
	{
		Name:   "parseJSON",
		Params: []Param{{Name: "text", Type: "text or number or boolean", Doc: "the text"}},
		Result: "any",
		Doc: "The value that the text holds as JSON, such as a list that a system hands on as text. Null where the text is no JSON, " +
			"names a member twice, or has more than 64 levels or 100000 values.",
		Examples: []Example{
			{`parseJSON("{\"sku\": \"a\", \"prices\": [1.50]}")`, `{"sku":"a","prices":[1.50]}`},
			{`parseJSON("a, b")`, `null`},
			{`parseJSON(["a"])`, `error: give text`},
		},
		run: parseJSON,
	},
	{
		Name: "regexReplace",
		Params: []Param{
			{Name: "text", Type: "text or number or boolean", Doc: "the text"},
			{Name: "pattern", Type: "text", Doc: "a regular expression (RE2 syntax), at most 1000 bytes"},
			{Name: "replacement", Type: "text", Doc: "what goes in the place of a match; $1 or ${name} is the text of a group, $0 of the match, $$ a dollar sign"},
		},
		Result: "text",
		Doc: "The text with every match of the pattern replaced. (?i) at the start of the pattern ignores case. " +
			"More than 100000 matches and a result of more than 1 MiB are errors.",
		Examples: []Example{
			{`regexReplace("+49 (0) 30-12", "[^0-9]+", "")`, `"4903012"`},
			{`regexReplace("Doe, Jane", "^(\\w+), (\\w+)$", "$2 $1")`, `"Jane Doe"`},
			{`regexReplace("a.b", "(", "")`, `error: is no regular expression`},
			{`regexReplace("a", "a", "$2")`, `error: the pattern has no group 2`},
		},
		run:     regexReplace,
		prepare: prepareRegexReplace,
	},
	{
		Name: "glob",
		Params: []Param{
			{Name: "text", Type: "text or number or boolean", Doc: "the text"},
			{Name: "pattern", Type: "text", Doc: "* stands for any number of characters, ? for one; at most 1000 bytes"},
		},
		Result: "boolean",
		Doc:    "Whether the whole text matches the pattern. Capital letters matter: compare lower(x) to ignore them. Null does not match.",
		Examples: []Example{
			{`glob("order_completed", "order_*")`, `true`},
			{`glob("Order_completed", "order_*")`, `false`},
			{`glob("naïve", "na?ve")`, `true`},
			{`glob(null, "*")`, `false`},
		},
		run: glob,
	},
	{
		Name: "render",
		Params: []Param{
			{Name: "template", Type: "text", Doc: "text with {{ path }} in it, or {{ path || words to use when there is no value }}"},
			{Name: "values", Type: "object", Doc: "where the paths (as in get) are looked up"},
		},
		Result: "text",
		Doc: "The template, which may come from data, with each {{ path }} replaced by the text of the value found there. " +
			"Where the value is missing or empty, the words after || stand for it, or nothing. A result of more than 1 MiB is an error.",
		Examples: []Example{
			{`render("Hi {{ user.name }}!", {"user": {"name": "Ann"}})`, `"Hi Ann!"`},
			{`render("Hi {{name||dear customer}}!", {})`, `"Hi dear customer!"`},
			{`render("{{ items[1].price }}", {"items": [{}, {"price": 1.50}]})`, `"1.50"`},
			{`render("Hi {{ name", {})`, `error: has {{ without }}`},
		},
		run: render,
	},
	{
		Name:   "kind",
		Params: []Param{{Name: "x", Type: "any", Doc: "the value"}},
		Result: "text",
		Doc:    "What the value is: null, boolean, number, text, list or object. An absent value is null.",
		Examples: []Example{
			{`kind(12)`, `"number"`},
			{`kind({})`, `"object"`},
			{`kind(null)`, `"null"`},
		},
		run: func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
			return a.String(arg(args, 0).Kind().String()), nil
		},
	},
	{
		Name:     "empty",
		Params:   []Param{{Name: "x", Type: "any", Doc: "the value"}},
		Result:   "boolean",
		Doc:      `Whether the value is absent, null, "", [] or {}. 0, false and white space are values.`,
		Examples: []Example{{`empty("")`, `true`}, {`empty(null)`, `true`}, {`empty([null])`, `false`}, {`empty(0)`, `false`}},
		run: func(_ *value.Arena, args []*value.Node) (*value.Node, *Error) {
			return value.BoolNode(arg(args, 0).IsEmpty()), nil
		},
	},
}

func mapText(convert func(string) string) body {
	return func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
		n := arg(args, 0)
		if n.IsNull() {
			return nil, nil
		}
		s, err := scalarText(a, args, 0)
		if err != nil {
			return nil, err
		}
		return textNode(a, n, convert(s)), nil
	}
}

// textNode returns s as a node: n itself where it is that text already.
func textNode(a *value.Arena, n *value.Node, s string) *value.Node {
	if n.Kind() == value.String && n.Text() == s {
		return n
	}
	return a.String(s)
}

// parseJSON is strict, as about events: what is no JSON for others is none here.
func parseJSON(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	if arg(args, 0).IsNull() {
		return nil, nil
	}
	s, err := scalarText(a, args, 0)
	if err != nil || !a.Pay(len(s)>>3) {
		return nil, err
	}
	n, wrong := value.Parse(a, []byte(s), value.Limits{})
	if wrong != nil {
		return nil, nil
	}
	return n, nil
}

func text(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	n := arg(args, 0)
	if n.IsNull() {
		return nil, nil
	}
	s, err := textOf(a, n, 0)
	if err != nil {
		return nil, err
	}
	return textNode(a, n, s), nil
}

// textOf returns the text of a value that is argument i: "" for null.
func textOf(a *value.Arena, n *value.Node, i int) (string, *Error) {
	switch n.Kind() {
	case value.Null:
		return "", nil
	case value.String:
		return n.Text(), nil
	case value.Bool:
		if n.Bool() {
			return "true", nil
		}
		return "false", nil
	case value.Number:
		if s := n.Text(); !strings.HasPrefix(s, "-") && !strings.ContainsAny(s, "eE") {
			return s, nil
		}
	}
	b, err := appendText(a, a.Text(64), n, i)
	if err != nil {
		return "", err
	}
	return a.Intern(b), nil
}

// appendText appends what textOf returns.
func appendText(a *value.Arena, dst []byte, n *value.Node, i int) ([]byte, *Error) {
	switch n.Kind() {
	case value.Null:
		return dst, nil
	case value.String:
		return append(dst, n.Text()...), nil
	case value.Number:
		if !a.Pay(len(n.Text()) >> 5) {
			return dst, nil
		}
		dst, ok := appendPlain(dst, n.Text())
		if !ok {
			return dst, refuse(i, n, "has too many digits to be written without an exponent: send a number of the size of a double")
		}
		return dst, nil
	}
	if !a.PayFor(n) {
		return dst, nil
	}
	if value.Larger(n, maxJSON) {
		return dst, tooLarge(i)
	}
	return value.AppendJSON(dst, n), nil
}

func regexReplace(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	if arg(args, 0).IsNull() {
		return nil, nil
	}
	re, err := pattern(a, args)
	if err != nil {
		return nil, err
	}
	parts, err := replacement(args, re)
	if err != nil {
		return nil, err
	}
	return replaceAll(a, args, re, parts)
}

func prepareRegexReplace(constants []*value.Node) (body, *Error) {
	if arg(constants, 1) == nil {
		return regexReplace, nil
	}
	re, err := pattern(nil, constants)
	if err != nil {
		return nil, err
	}
	var known []part
	variable := arg(constants, 2) == nil
	if !variable {
		if known, err = replacement(constants, re); err != nil {
			return nil, err
		}
	}
	return func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
		if arg(args, 0).IsNull() {
			return nil, nil
		}
		parts := known
		if variable {
			var err *Error
			if parts, err = replacement(args, re); err != nil {
				return nil, err
			}
		}
		return replaceAll(a, args, re, parts)
	}, nil
}

// patternText returns the second argument, which the time to match grows with.
func patternText(args []*value.Node) (string, *Error) {
	s, err := requiredText(args, 1)
	if err == nil && len(s) > maxPattern {
		err = refuse(1, args[1], fmt.Sprintf("is too long for a pattern: it has %d bytes, at most %d are taken", len(s), maxPattern))
	}
	return s, err
}

// pattern compiles the second argument. Without an arena it is not paid for.
func pattern(a *value.Arena, args []*value.Node) (*Pattern, *Error) {
	s, err := requiredText(args, 1)
	if err != nil {
		return nil, err
	}
	p, fault := CompilePattern(a, s)
	if fault != nil {
		return nil, refuse(1, args[1], fault.Error())
	}
	return p, nil
}

// part is a piece of a replacement: literal text, or a group of the match.
type part struct {
	text  string
	group int // -1 for text
}

// replacement reads the third argument of regexReplace. It is not
// regexp.Expand: that reads $1x as a group named 1x, and drops unknown groups.
func replacement(args []*value.Node, re *Pattern) ([]part, *Error) {
	s, err := requiredText(args, 2)
	if err != nil {
		return nil, err
	}
	var parts []part
	for {
		plain, rest, found := strings.Cut(s, "$")
		if plain != "" {
			parts = append(parts, part{plain, -1})
		}
		if !found {
			return parts, nil
		}
		if strings.HasPrefix(rest, "$") {
			parts = append(parts, part{"$", -1})
			s = rest[1:]
			continue
		}
		name := rest
		if strings.HasPrefix(rest, "{") {
			if name, rest, found = strings.Cut(rest[1:], "}"); !found {
				return nil, refuse(2, args[2], "has ${ without }")
			}
		} else {
			end := 0
			for end < len(rest) && end < 2 && rest[end] >= '0' && rest[end] <= '9' {
				end++
			}
			name, rest = rest[:end], rest[end:]
		}
		if name == "" {
			return nil, refuse(2, args[2], "has a $ without the number of a group: write $1, ${name}, $0 for the match, or $$ for a dollar sign")
		}
		group := re.SubexpIndex(name)
		if digitsOnly(name) && len(name) <= 4 {
			group = 0
			for _, c := range []byte(name) {
				group = 10*group + int(c-'0')
			}
		}
		if group < 0 || group > re.NumSubexp() {
			return nil, refuse(2, args[2], fmt.Sprintf("cannot be taken here: the pattern has no group %s, only %d", name, re.NumSubexp()))
		}
		parts = append(parts, part{"", group})
		s = rest
	}
}

func replaceAll(a *value.Arena, args []*value.Node, re *Pattern, parts []part) (*value.Node, *Error) {
	s, err := scalarText(a, args, 0)
	if err != nil {
		return nil, err
	}
	matches := re.all(a, s, maxParts+1)
	switch {
	case matches == nil:
		return textNode(a, args[0], s), nil
	case len(matches) > maxParts:
		return nil, tooManyParts("matches")
	case !a.Pay(len(matches) * (len(parts) + 1)):
		return nil, nil
	}
	out, from := make([]byte, 0, len(s)), 0
	for _, m := range matches {
		out = append(out, s[from:m[0]]...)
		for _, p := range parts {
			if p.group < 0 {
				out = append(out, p.text...)
			} else if at := m[2*p.group]; at >= 0 {
				out = append(out, s[at:m[2*p.group+1]]...)
			}
			if len(out) > maxText {
				return nil, tooLong(0)
			}
		}
		from = m[1]
	}
	if out = append(out, s[from:]...); len(out) > maxText {
		return nil, tooLong(0)
	}
	return a.String(string(out)), nil
}

func glob(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	p, err := patternText(args)
	if err != nil {
		return nil, err
	}
	if arg(args, 0).IsNull() {
		return value.BoolNode(false), nil
	}
	s, err := scalarText(a, args, 0)
	if err != nil {
		return nil, err
	}
	return value.BoolNode(matches(a, s, p)), nil
}

// Glob reports whether the whole text matches a pattern, in which * stands for any
// number of characters and ? for one. It compares with one point of return, the last star: a text that fails
// after it fails for every choice made at an earlier star.
func Glob(s, p string) bool { return matches(value.NewArena(), s, p) }

// matches is Glob, paid for.
func matches(a *value.Arena, s, p string) bool {
	i, j := 0, 0
	star, resume := -1, 0
	for tried := 1; i < len(s); tried++ {
		if tried&63 == 0 && !a.Pay(1) {
			return false
		}
		switch {
		case j < len(p) && p[j] == '*':
			star, resume = j, i
			j++
			continue
		case j < len(p) && p[j] == '?':
			_, n := utf8.DecodeRuneInString(s[i:])
			i, j = i+n, j+1
			continue
		case j < len(p) && p[j] == s[i]:
			i, j = i+1, j+1
			continue
		case star < 0:
			return false
		}
		_, n := utf8.DecodeRuneInString(s[resume:])
		resume += n
		i, j = resume, star+1
	}
	return strings.Trim(p[j:], "*") == ""
}

func render(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	n := arg(args, 0)
	if n.IsNull() {
		return nil, nil
	}
	s, err := requiredText(args, 0)
	if err != nil {
		return nil, err
	}
	values := arg(args, 1)
	if k := values.Kind(); k != value.Object && k != value.List && k != value.Null {
		return nil, refuse(1, values, "cannot be taken here: give an object")
	}
	if !strings.Contains(s, "{{") {
		return n, nil
	}
	out := make([]byte, 0, len(s)+64)
	for {
		plain, rest, found := strings.Cut(s, "{{")
		out = append(out, plain...)
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, refuse(0, n, "has {{ without }}: close it")
		}
		path, words, _ := strings.Cut(inside, "||")
		if !a.Pay(1) {
			return nil, nil
		}
		if v := find(a, values, strings.TrimSpace(path)); v.IsEmpty() {
			out = append(out, strings.TrimSpace(words)...)
		} else if out, err = appendText(a, out, v, 1); err != nil {
			return nil, err
		}
		if len(out) > maxText {
			return nil, tooLong(0)
		}
		s = after
	}
	if len(out) > maxText {
		return nil, tooLong(0)
	}
	return a.String(string(out)), nil
}
