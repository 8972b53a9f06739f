package value_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/value"
)

var _ = Describe("Parse", func() {
	DescribeTable("accepts JSON and keeps order, digits and characters",
		func(text, want string) {
			Expect(encoded(parse(value.NewArena(), text))).To(Equal(want))
		},
		Entry("null", `null`, `null`),
		Entry("true", `true`, `true`),
		Entry("false", `false`, `false`),
		Entry("white space of all kinds around and between", " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } , \"c\" : [ ] }\n", `{"a":[1,2],"b":{},"c":[]}`),
		Entry("keys in their order", `{"z":1,"a":2,"m":3}`, `{"z":1,"a":2,"m":3}`),
		Entry("an empty key", `{"":1}`, `{"":1}`),
		Entry("digits as written", `[1.50,-0,0.0,1E+2,1e-400,12345678901234567890]`, `[1.50,-0,0.0,1E+2,1e-400,12345678901234567890]`),
		Entry("the largest double", `1.7976931348623157e308`, `1.7976931348623157e308`),
		Entry("texts outside ASCII", `"Łukasz 山田 😀"`, `"Łukasz 山田 😀"`),
		Entry("DEL, which is no control character of JSON", "\"\x7f\"", "\"\x7f\""),
		Entry("every short escape", `"\"\\\/\b\f\n\r\t"`, `"\"\\/\b\f\n\r\t"`),
		Entry("escapes in keys", `{"a\u0062":1}`, `{"ab":1}`),
		Entry("hexadecimal escapes in either case", `"\u00e9\u00E9"`, `"éé"`),
		Entry("a surrogate pair", `"\ud83d\ude00"`, `"😀"`),
		Entry("half a pair, first", `"\ud83dx"`, "\"\ufffdx\""),
		Entry("half a pair, second", `"\ude00"`, "\"\ufffd\""),
		Entry("a first half before a pair", `"\ud83d\ud83d\ude00"`, "\"\ufffd😀\""),
		Entry("a first half before another escape", `"\ud83d\n"`, "\"\ufffd\\n\""),
		Entry("an escaped NUL", `"\u0000"`, `"\u0000"`),
		Entry("keys that differ in case only", `{"a":1,"A":2}`, `{"a":1,"A":2}`),
		Entry("one key in two objects", `[{"a":1},{"a":{"a":2}}]`, `[{"a":1},{"a":{"a":2}}]`),
	)

	DescribeTable("refuses what is no JSON, and says where and why",
		func(text, code string, offset int, path, message string) {
			e := refusal(text, value.Limits{})
			Expect(e.Code).To(Equal(code))
			Expect(e.Offset).To(Equal(offset))
			Expect(e.Path).To(Equal(path))
			Expect(e.Message).To(ContainSubstring(message))
		},
		Entry("nothing", ``, "invalid_json", 0, ``, "there is nothing to read"),
		Entry("white space only", " \n", "invalid_json", 2, ``, "the end of the input"),
		Entry("a word", `nil`, "invalid_json", 0, ``, "found `n`, expected a value"),
		Entry("a word cut off", `[tru`, "invalid_json", 1, `[0]`, "found `t`"),
		Entry("a value JSON does not have", `{"a":NaN}`, "invalid_json", 5, `a`, "send null or leave the key out"),
		Entry("single quotes", `{"a":'b'}`, "invalid_json", 5, `a`, "double quotes"),
		Entry("a comment", `{"a":/* one */1}`, "invalid_json", 5, `a`, "no comments"),
		Entry("a byte order mark", "\ufeff{}", "invalid_json", 0, ``, "remove the byte order mark"),
		Entry("more after the value", `{} {}`, "invalid_json", 3, ``, "found `{` after the end of the value"),
		Entry("a closer too many", `[]]`, "invalid_json", 2, ``, "after the end of the value"),
		Entry("a closer alone", `}`, "invalid_json", 0, ``, "found `}`"),

		Entry("an object cut off at its start", `{"t":{`, "invalid_json", 6, `t`, "cut off"),
		Entry("an object cut off after a key", `{"t":{"a"`, "invalid_json", 9, `t`, `the end of the input after the key "a"`),
		Entry("an object cut off after a colon", `{"t":{"a":`, "invalid_json", 10, `t.a`, "cut off"),
		Entry("an object cut off after a value", `{"t":{"a":1`, "invalid_json", 11, `t`, "cut off"),
		Entry("an object cut off after a comma", `{"t":{"a":1,`, "invalid_json", 12, `t`, "cut off"),
		Entry("a list cut off at its start", `{"t":[`, "invalid_json", 6, `t[0]`, "cut off"),
		Entry("a list cut off after an element", `{"t":[1`, "invalid_json", 7, `t`, "cut off"),
		Entry("a list cut off after a comma", `{"t":[1,`, "invalid_json", 8, `t[1]`, "cut off"),
		Entry("a text cut off", `{"t":"ab`, "invalid_json", 8, `t`, "begins at byte 5"),
		Entry("a text cut off in an escape", `["ab\`, "invalid_json", 5, `[0]`, "begins at byte 1"),
		Entry("a key cut off", `{"t":{"ab`, "invalid_json", 9, `t`, "begins at byte 6"),

		Entry("a comma before `}`", `{"a":1,}`, "invalid_json", 7, ``, "remove the comma"),
		Entry("two commas in an object", `{"a":1,,}`, "invalid_json", 7, ``, "remove one comma"),
		Entry("a comma before `]`", `{"a":[1,]}`, "invalid_json", 8, `a[1]`, "remove the comma"),
		Entry("no comma in an object", `{"a":1 "b":2}`, "invalid_json", 7, ``, "expected `,` or `}`"),
		Entry("no comma in a list", `{"a":[1 2]}`, "invalid_json", 8, `a`, "expected `,` or `]`"),
		Entry("a list closed by `}`", `{"a":[1}`, "invalid_json", 7, `a`, "expected `,` or `]`"),
		Entry("an empty list closed by `}`", `[}`, "invalid_json", 1, `[0]`, "found `}`"),
		Entry("an object closed by `]`", `[{"a":1]`, "invalid_json", 7, `[0]`, "expected `,` or `}`"),
		Entry("an empty object closed by `]`", `[{]`, "invalid_json", 2, `[0]`, "a key in double quotes or `}`"),
		Entry("after an empty object", `{"a":{}x`, "invalid_json", 7, ``, "found `x` after a value of an object"),
		Entry("a key without quotes", `{a:1}`, "invalid_json", 1, ``, "write the key in double quotes"),
		Entry("a key that is a number", `{1:1}`, "invalid_json", 1, ``, "found `1`"),
		Entry("no colon", `{"a" 1}`, "invalid_json", 5, ``, "expected `:`"),

		Entry("a minus alone", `[-]`, "invalid_json", 2, `[0]`, "found `]` after -, expected a digit"),
		Entry("a plus", `[+1]`, "invalid_json", 1, `[0]`, "begin a number with a digit"),
		Entry("a point in front", `[.5]`, "invalid_json", 1, `[0]`, "begin a number with a digit"),
		Entry("a point behind", `[5.]`, "invalid_json", 3, `[0]`, "after 5., expected a digit"),
		Entry("no exponent", `[5e]`, "invalid_json", 3, `[0]`, "after 5e, expected a digit"),
		Entry("no digits of the exponent", `[5e+]`, "invalid_json", 4, `[0]`, "after 5e+, expected a digit"),
		Entry("a zero in front", `[007]`, "invalid_json", 1, `[0]`, "found the number 007"),
		Entry("a zero in front of a negative number", `[-01]`, "invalid_json", 1, `[0]`, "found the number -01"),
		Entry("a hexadecimal number", `[0x1f]`, "invalid_json", 2, ``, "found `x`"),

		Entry("a line break in a text", "[\"a\nb\"]", "invalid_json", 3, `[0]`, `found byte 0x0a in a text`),
		Entry("a NUL in a text", "[\"a\x00\"]", "invalid_json", 3, `[0]`, `\u0000`),
		Entry("a tab in a key", "{\"a\tb\":1}", "invalid_json", 3, ``, `found byte 0x09`),
		Entry("an escape JSON does not have", `["ab\x41"]`, "invalid_json", 4, `[0]`, "found `x` after a backslash"),
		Entry("an escape of a character outside ASCII", `["\é"]`, "invalid_json", 2, `[0]`, "found `é` after a backslash"),
		Entry("an escape that is too short", `["\u12"]`, "invalid_json", 2, `[0]`, "four hexadecimal digits"),
		Entry("an escape that is no number", `["\u12g4"]`, "invalid_json", 2, `[0]`, "four hexadecimal digits"),

		Entry("a byte that is no UTF-8", "{\"a\":\"b\xff\"}", "invalid_utf8", 7, `a`, "byte 0xff"),
		Entry("a character cut off", "[\"é\xc3\"]", "invalid_utf8", 4, `[0]`, "byte 0xc3"),
		Entry("an overlong character", "[\"\xc0\x80\"]", "invalid_utf8", 2, `[0]`, "byte 0xc0"),
		Entry("half a surrogate pair in UTF-8", "[\"\xed\xa0\x80\"]", "invalid_utf8", 2, `[0]`, "byte 0xed"),
		Entry("invalid UTF-8 in a key", "{\"a\":{\"\x80\":1}}", "invalid_utf8", 7, `a`, "byte 0x80"),
		Entry("invalid UTF-8 outside texts", "{\x80}", "invalid_json", 1, ``, "found byte 0x80"),

		Entry("a number beyond doubles", `{"n":1e400}`, "number_out_of_range", 5, `n`, "1e400"),
		Entry("a huge exponent", `1e1000000`, "number_out_of_range", 0, ``, "send it as text"),
		Entry("a huge exponent of many digits", `-1e99999999999999999999999`, "number_out_of_range", 0, ``, "send it as text"),

		Entry("a key twice", `{"a":1,"b":2,"a":3}`, "duplicate_key", 13, `a`, `the key "a" stands twice`),
		Entry("a key twice, once escaped", `{"t":[{"a":1,"\u0061":3}]}`, "duplicate_key", 13, `t[0].a`, `the key "a"`),
		Entry("the empty key twice", `{"":1,"":3}`, "duplicate_key", 6, `[""]`, `the key ""`),
	)

	It("writes paths with names, quoted names and indices", func() {
		Expect(refusal(`{"traits":{"address":{"a b":["x",?`, value.Limits{}).Path).To(Equal(`traits.address["a b"][1]`))
		Expect(refusal(`[[],[0,{"a\"b":{"":{"_x1":{"1x":?`, value.Limits{}).Path).To(Equal(`[1][1]["a\"b"][""]._x1["1x"]`))
	})

	It("shortens long keys in paths and messages", func() {
		key := strings.Repeat("ä", 2_000)
		e := refusal(`{"`+key+`":1,"`+key+`":2}`, value.Limits{})
		Expect(e.Path).To(Equal(`["` + strings.Repeat("ä", 64) + `…"]`))
		Expect(len(e.Message)).To(BeNumerically("<", 400))
		Expect(len(refusal(`{"`+key+`" 1`, value.Limits{}).Message)).To(BeNumerically("<", 400))
	})

	It("names place and message as an error", func() {
		Expect(refusal(`{"a":?}`, value.Limits{}).Error()).To(HavePrefix("a (byte 5): found `?`, expected a value: "))
		Expect(refusal(`?`, value.Limits{}).Error()).To(HavePrefix("byte 0: found `?`"))
	})

	It("finds duplicates at every size of an object", func() {
		for _, size := range []int{1, 2, 22, 23, 24, 25, 26, 63, 64, 65, 1000} {
			var b strings.Builder
			for i := range size {
				b.WriteString(`"key` + strings.Repeat("x", i%7) + string(rune('0'+i%10)) + string(rune('à'+i)) + `":0,`)
			}
			members := b.String()
			n := parse(value.NewArena(), "{"+members+`"last":1}`)
			Expect(n.Len()).To(Equal(size + 1))
			for m := n.First(); m != nil; m = m.Next() {
				Expect(n.Get(m.Key())).To(BeIdenticalTo(m))
			}
			Expect(n.Get("none")).To(BeNil())

			first := n.First().Key()
			e := refusal("{"+members+`"`+first+`":1}`, value.Limits{})
			Expect(e.Code).To(Equal(value.CodeDuplicateKey), "size %d", size)
			Expect(e.Offset).To(Equal(1 + len(members)))
			Expect(e.Path).To(Equal(string(value.AppendKey(nil, first))))
		}
	})

	It("aliases the source, and copies only texts with escapes", func() {
		src := []byte(`["plain","\u0065scaped"]`)
		n, err := value.Parse(value.NewArena(), src, value.Limits{})
		Expect(err).NotTo(HaveOccurred())
		copy(src, `["PLAIN","\u0045SCAPED"]`)
		Expect(n.At(0).Text()).To(Equal("PLAIN"))
		Expect(n.At(1).Text()).To(Equal("escaped"))
	})

	It("allocates nothing once the arena has grown", func() {
		all := events(GinkgoTB())
		wide := []byte("{")
		for i := range 40 {
			wide = fmt.Appendf(wide, `"k\n%d":"\t",`, i)
		}
		all = append(all, append(wide, `"end":[1.5e3]}`...))
		a := value.NewArena()
		run := func() {
			a.Reset()
			for _, e := range all {
				if _, err := value.Parse(a, e, value.Limits{}); err != nil {
					panic(err)
				}
			}
		}
		run()
		Expect(allocs(run)).To(BeZero())
	})
})

var _ = Describe("Limits", func() {
	DescribeTable("accepts a value at the limit and refuses the next larger one",
		func(limits value.Limits, at, above, code string, offset int, path string) {
			_, err := value.Parse(value.NewArena(), []byte(at), limits)
			Expect(err).NotTo(HaveOccurred())
			e := refusal(above, limits)
			Expect(e.Code).To(Equal(code))
			Expect(e.Offset).To(Equal(offset))
			Expect(e.Path).To(Equal(path))
		},
		Entry("Bytes", value.Limits{Bytes: 3}, `[1]`, `[1] `, "event_too_large", 3, ``),
		Entry("Depth", value.Limits{Depth: 2}, `{"a":[1]}`, `{"a":[{"b":1}]}`, "event_too_deep", 6, `a[0]`),
		Entry("Nodes", value.Limits{Nodes: 3}, `{"a":[1]}`, `{"a":[1,2]}`, "event_too_many_values", 8, `a[1]`),
		Entry("Nodes in an object", value.Limits{Nodes: 3}, `{"a":1,"b":2}`, `{"a":1,"b":2,"c":3}`, "event_too_many_values", 17, `c`),
		Entry("String", value.Limits{String: 3}, `["abc"]`, `["abcd"]`, "string_too_long", 1, `[0]`),
		Entry("String, after its escapes", value.Limits{String: 3}, `["\u0061\u00e9"]`, `["\u0061\u00e9\n"]`, "string_too_long", 1, `[0]`),
		Entry("Key", value.Limits{Key: 3}, `{"abc":"abcd"}`, `{"abcd":1}`, "key_too_long", 1, ``),
		Entry("Key, after its escapes", value.Limits{Key: 3}, `{"a":{"\u0061bc":1}}`, `{"a":{"\u0061bcd":1}}`, "key_too_long", 6, `a`),
		Entry("Keys", value.Limits{Keys: 2}, `{"a":1,"b":[1,2,3]}`, `{"a":1,"b":2,"c":3}`, "too_many_keys", 13, ``),
		Entry("Keys, of an object within", value.Limits{Keys: 1}, `{"a":{"b":[1,2,3]}}`, `{"a":{"b":1,"c":2}}`, "too_many_keys", 12, `a`),
		Entry("String, in bytes of UTF-8", value.Limits{String: 4}, `["éé"]`, `["ééé"]`, "string_too_long", 1, `[0]`),
		Entry("Number", value.Limits{Number: 4}, `[-1.5]`, `[-1.25]`, "number_too_long", 1, `[0]`),
		Entry("Depth by default", value.Limits{}, nested(64), nested(65), "event_too_deep", 64, strings.Repeat("[0]", 64)),
		Entry("Number by default", value.Limits{}, strings.Repeat("9", 308), strings.Repeat("9", 309), "number_too_long", 0, ``),
		Entry("String by default", value.Limits{}, quoted(1<<20), quoted(1<<20+1), "string_too_long", 0, ``),
		Entry("Key by default", value.Limits{}, `{`+quoted(4<<10)+`:1}`, `{`+quoted(4<<10+1)+`:1}`, "key_too_long", 1, ``),
		Entry("Keys by default", value.Limits{}, keyed(10_000), keyed(10_001), "too_many_keys", len(keyed(10_000)), ``),
		Entry("Keys where more values are allowed", value.Limits{Nodes: 200_000}, keyed(20_000), keyed(20_001), "too_many_keys", len(keyed(20_000)), ``),
		Entry("Nodes by default", value.Limits{}, `[`+strings.Repeat("1,", 99_998)+`1]`, `[`+strings.Repeat("1,", 99_999)+`1]`, "event_too_many_values", 199_999, `[99999]`),
		Entry("Bytes by default", value.Limits{}, `1`+strings.Repeat(" ", 4<<20-1), `1`+strings.Repeat(" ", 4<<20), "event_too_large", 4<<20, ``),
	)

	It("refuses long literals beyond doubles where long literals are allowed", func() {
		limits := value.Limits{Number: 1000}
		Expect(refusal(strings.Repeat("9", 310), limits).Code).To(Equal(value.CodeNumberOutOfRange))
		_, err := value.Parse(value.NewArena(), []byte("0."+strings.Repeat("9", 900)), limits)
		Expect(err).NotTo(HaveOccurred())
	})

	It("takes its defaults one by one", func() {
		Expect(value.DefaultLimits()).To(Equal(value.Limits{Bytes: 4 << 20, Depth: 64, Nodes: 100_000, Keys: 10_000, Key: 4 << 10, String: 1 << 20, Number: 308}))
		Expect(refusal(nested(65), value.Limits{Bytes: 1000, Depth: -1}).Code).To(Equal(value.CodeEventTooDeep))
	})
})

// keyed is an object with so many keys.
func keyed(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%05d":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func quoted(size int) string { return `"` + strings.Repeat("x", size) + `"` }
