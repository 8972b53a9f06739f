package function

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/celmap/celmap/engine/value"
)

var digestFunctions = []*Function{
	digest("md5", func(b []byte) []byte { d := md5.Sum(b); return d[:] },
		Example{`md5("ann@example.com")`, `"257c57037d384ae37ea27a07e8a01665"`}),
	digest("sha1", func(b []byte) []byte { d := sha1.Sum(b); return d[:] },
		Example{`sha1("abc")`, `"a9993e364706816aba3e25717850c26c9cd0d89d"`}),
	digest("sha256", func(b []byte) []byte { d := sha256.Sum256(b); return d[:] },
		Example{`sha256("abc")`, `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`},
		Example{`sha256(null)`, `null`}),
	{
		Name:     "base64",
		Params:   []Param{{Name: "x", Type: "any", Doc: "the value"}},
		Result:   "text",
		Doc:      "The text of the value (as by text), as UTF-8 in base64 with the standard alphabet and padding.",
		Examples: []Example{{`base64("user:pass")`, `"dXNlcjpwYXNz"`}, {`base64("é")`, `"w6k="`}},
		run: overText(func(dst, src []byte) []byte {
			return base64.StdEncoding.AppendEncode(dst, src)
		}),
	},
	{
		Name:     "uuidFrom",
		Params:   []Param{{Name: "parts", Type: "any", Doc: "the values"}},
		Variadic: true,
		Result:   "text",
		Doc: "A UUID (version 5) that is always the same for the same values, for receivers that drop what they have seen before. " +
			"The texts of the values (as by text) and their order make it; a null after the first counts as a text of its own. Null as the first value gives null.",
		Examples: []Example{
			{`uuidFrom("message-1")`, `"2ebf59f2-1943-5f48-a1e4-c577edaed994"`},
			{`uuidFrom("message-1", "second")`, `"0f175c91-e78a-5bb4-aebf-c213883c65ae"`},
			{`uuidFrom(null, "second")`, `null`},
		},
		run: uuidFrom,
	},
}

func digest(name string, sum func([]byte) []byte, examples ...Example) *Function {
	return &Function{
		Name:     name,
		Params:   []Param{{Name: "x", Type: "any", Doc: "the value"}},
		Result:   "text",
		Doc:      "The " + name + " digest of the text of the value (as by text), in lower-case hexadecimal digits. Receivers that match hashed addresses mostly want trim and lower first.",
		Examples: examples,
		run:      overText(func(dst, src []byte) []byte { return hex.AppendEncode(dst, sum(src)) }),
	}
}

// overText is a function of the bytes of text(x).
func overText(convert func(dst, src []byte) []byte) body {
	return func(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
		n := arg(args, 0)
		if n.IsNull() {
			return nil, nil
		}
		src, err := appendText(a, make([]byte, 0, 64), n, 0)
		if err != nil {
			return nil, err
		}
		return a.String(a.Intern(convert(a.Text(64), src))), nil
	}
}

// namespace is the version-5 UUID of "https://github.com/celmap/celmap" in the
// URL namespace of RFC 9562. It must never change: receivers remember.
var namespace = [16]byte{0x35, 0x57, 0xf2, 0xa9, 0x19, 0xd7, 0x52, 0x84, 0x9a, 0x25, 0xaa, 0xbf, 0xeb, 0x32, 0x4e, 0xf3}

func uuidFrom(a *value.Arena, args []*value.Node) (*value.Node, *Error) {
	if arg(args, 0).IsNull() {
		return nil, nil
	}
	name := append(make([]byte, 0, 128), namespace[:]...)
	for i, n := range args {
		if i > 0 {
			name = append(name, 0x1f) // the unit separator of ASCII
		}
		if n.IsNull() {
			name = append(name, 0)
		}
		var err *Error
		if name, err = appendText(a, name, n, i); err != nil {
			return nil, err
		}
	}
	id := sha1.Sum(name)
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	b := a.Text(36)
	for i, c := range id[:16] {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, []byte{c})
	}
	return a.String(a.Intern(b)), nil
}
