package value_test

import (
	"encoding/json"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/value"
)

var _ = Describe("AppendString", func() {
	DescribeTable("escapes what JSON and JavaScript need, and nothing else",
		func(text, want string) {
			Expect(string(value.AppendString(nil, text))).To(Equal(want))
		},
		Entry("nothing", ``, `""`),
		Entry("quote and backslash", `a"b\c`, `"a\"b\\c"`),
		Entry("control characters", "\b\f\n\r\t\x00\x1f\x7f", `"\b\f\n\r\t\u0000\u001f`+"\x7f\""),
		Entry("no HTML", `<a href='x'>&</a>/`, `"<a href='x'>&</a>/"`),
		Entry("line and paragraph separators", "a\u2028b\u2029c\u202a", `"a\u2028b\u2029c`+"\u202a\""),
		Entry("other characters as they are", "Łukasz 山田 😀\ufffd", "\"Łukasz 山田 😀\ufffd\""),
		Entry("bytes that are no UTF-8 as U+FFFD", "a\xffb\xed\xa0\x80\xc3", "\"a\ufffdb\ufffd\ufffd\ufffd\ufffd\""),
	)

	It("finds a character to escape at every place of every length", func() {
		for size := range 40 {
			for at := range size {
				for _, c := range []string{`"`, `\`, "\n", "\x00", "\u2028", "\xff", "é"} {
					text := strings.Repeat("x", at) + c + strings.Repeat("~", size-at-1)
					var back string
					Expect(json.Unmarshal(value.AppendString(nil, text), &back)).To(Succeed(), "%q", text)
					Expect(back).To(Equal(strings.ToValidUTF8(text, "\ufffd")))
				}
			}
		}
	})

	It("appends", func() {
		Expect(string(value.AppendString([]byte("a: "), "b"))).To(Equal(`a: "b"`))
		Expect(string(value.AppendString([]byte("a: "), "\n"))).To(Equal(`a: "\n"`))
	})
})

var _ = Describe("AppendJSON and AppendRedacted", func() {
	var a *value.Arena
	BeforeEach(func() { a = value.NewArena() })

	It("write absent as null", func() {
		Expect(encoded(nil)).To(Equal("null"))
		Expect(string(value.AppendRedacted(nil, nil))).To(Equal("null"))
	})

	It("hide secrets only where asked, in lists, objects and as a whole", func() {
		o := a.Object()
		a.Set(o, "token", a.MarkSecret(a.String("hunter2")))
		a.Set(o, "list", a.Append(a.List(), a.MarkSecret(a.Int(7))))
		list := a.List()
		a.Append(list, a.MarkSecret(a.Int(7)))
		a.Append(list, a.String("open"))
		a.Set(o, "list", list)
		hidden := a.Object()
		a.Set(hidden, "user", a.String("u"))
		a.Set(o, "auth", a.MarkSecret(hidden))

		Expect(encoded(o)).To(Equal(`{"token":"hunter2","list":[7,"open"],"auth":{"user":"u"}}`))
		Expect(string(value.AppendRedacted([]byte("> "), o))).To(Equal(`> {"token":"[secret]","list":["[secret]","open"],"auth":"[secret]"}`))
		Expect(string(value.AppendRedacted(nil, a.MarkSecret(value.NullNode())))).To(Equal(`"[secret]"`))
	})

	It("write the events of the benchmark as they were", func() {
		for _, e := range events(GinkgoTB()) {
			a.Reset()
			Expect(encoded(parse(a, string(e)))).To(Equal(string(e)))
		}
	})
})

var _ = Describe("Preview", func() {
	DescribeTable("describes a value in a few words",
		func(text, want string) {
			Expect(value.Preview(parse(value.NewArena(), text))).To(Equal(want))
		},
		Entry("null", `null`, `null`),
		Entry("booleans", `true`, `boolean true`),
		Entry("numbers", `-1.50`, `number -1.50`),
		Entry("long numbers", strings.Repeat("1", 50), `number `+strings.Repeat("1", 24)+`…`),
		Entry("texts", `"ab\n"`, `text "ab\n"`),
		Entry("a text that just fits", `"`+strings.Repeat("ä", 25)+`"`, `text "`+strings.Repeat("ä", 25)+`"`),
		Entry("long texts", `"`+strings.Repeat("ä", 26)+`"`, `text "`+strings.Repeat("ä", 24)+`…"`),
		Entry("empty lists", `[]`, `list []`),
		Entry("lists", `[1,[2,3]]`, `list […2 elements]`),
		Entry("empty objects", `{}`, `object {}`),
		Entry("objects with one key", `{"a":1}`, `object {…1 key}`),
		Entry("objects", `{"a":1,"b":2,"c":3}`, `object {…3 keys}`),
	)

	It("tells absent values, and no secrets", func() {
		a := value.NewArena()
		Expect(value.Preview(nil)).To(Equal("absent"))
		Expect(value.Preview(a.MarkSecret(a.String("hunter2")))).To(Equal("[secret]"))
	})
})

var _ = Describe("paths", func() {
	It("are built step by step", func() {
		path := value.AppendKey(nil, "traits")
		path = value.AppendKey(path, "Sign up")
		path = value.AppendIndex(path, 12)
		path = value.AppendKey(path, "größe")
		path = value.AppendKey(path, "zip_2")
		Expect(string(path)).To(Equal(`traits["Sign up"][12]["größe"].zip_2`))
	})
})
