package function

import (
	"strings"
	"unicode"

	"github.com/celmap/celmap/engine/value"
)

var addressFunctions = []*Function{
	{
		Name:   "isEmail",
		Params: []Param{{Name: "x", Type: "any", Doc: "the value"}},
		Result: "boolean",
		Doc: "Whether the value is text that can be an e-mail address: one @, 1 to 64 bytes before it, after it a domain with a point and no empty label, " +
			"no white space or control characters. Letters of all scripts are taken. False for everything else, also for null.",
		Examples: []Example{
			{`isEmail("ann@example.com")`, `true`},
			{`isEmail("jörg@bücher.example")`, `true`},
			{`isEmail("ann@localhost")`, `false`},
			{`isEmail(7)`, `false`},
		},
		run: func(_ *value.Arena, args []*value.Node) (*value.Node, *Error) {
			n := arg(args, 0)
			return value.BoolNode(n.Kind() == value.String && isEmail(n.Text())), nil
		},
	},
	{
		Name: "urlParam",
		Params: []Param{
			{Name: "url", Type: "text", Doc: "an address, or its part from the question mark on"},
			{Name: "name", Type: "text", Doc: "the name of the parameter"},
		},
		Result: "text",
		Doc: "The first query parameter of that name, decoded as browsers do: + is a space, a % that starts no byte stays. " +
			"Null when there is none.",
		Examples: []Example{
			{`urlParam("https://example.com/p?utm_source=a%20b&x=1#top", "utm_source")`, `"a b"`},
			{`urlParam("?a=1+2&a=3", "a")`, `"1 2"`},
			{`urlParam("?off=10%", "off")`, `"10%"`},
			{`urlParam("https://example.com/", "a")`, `null`},
		},
		run: urlParam,
	},
}

func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > 64 || strings.Contains(domain, "@") {
		return false
	}
	if !strings.Contains(domain, ".") || domain[0] == '.' || domain[len(domain)-1] == '.' || strings.Contains(domain, "..") {
		return false
	}
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return false
		}
	}
	return true
}

func urlParam(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	if arg(args, 0).IsNull() {
		return nil, nil
	}
	url, err := requiredText(args, 0)
	if err != nil {
		return nil, err
	}
	name, err := requiredText(args, 1)
	if err != nil {
		return nil, err
	}
	url, _, _ = strings.Cut(url, "#")
	_, query, _ := strings.Cut(url, "?")
	for query != "" {
		if !a.Pay(1) {
			return nil, nil
		}
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, val, _ := strings.Cut(pair, "=")
		if pair != "" && unescape(key) == name {
			return a.String(unescape(val)), nil
		}
	}
	return nil, nil
}

// unescape decodes application/x-www-form-urlencoded as the URL Standard of the
// WHATWG does.
func unescape(s string) string {
	if !strings.ContainsAny(s, "+%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			b = append(b, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
