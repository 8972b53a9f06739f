package schema_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/value"
)

func keywordsOf(violations []schema.Violation) (all []string) {
	for _, v := range violations {
		all = append(all, v.Keyword)
	}
	return all
}

var _ = Describe("hostile input", func() {
	DescribeTable("numbers that would exhaust gojsonschema",
		func(text, literal string) {
			n := value.NewArena().Number(literal)
			Expect(keywordsOf(compile(text).Validate(n))).To(Equal([]string{"number"}))
		},
		Entry("a huge exponent", `{"minimum": 1}`, "1e3000000"),
		Entry("a tiny exponent", `{"multipleOf": 0.1}`, "1e-3000000"),
		Entry("an exponent that is itself huge", `{"type": "integer"}`, "1e99999999999999999999"),
		Entry("many digits", `{"maximum": 1}`, strings.Repeat("9", 5000)),
		Entry("no double", `{"const": 1}`, "1e309"),
		Entry("no number at all", `{"minimum": 1}`, "x"),
	)

	DescribeTable("numbers at the edge are decided",
		func(text, literal string, valid bool) {
			Expect(compile(text).Validate(value.NewArena().Number(literal))).To(HaveLen(map[bool]int{true: 0, false: 1}[valid]))
		},
		Entry(nil, `{"multipleOf": 1e300}`, "1e-300", false),
		Entry(nil, `{"multipleOf": 1e-300}`, "1e300", true),
		Entry(nil, `{"multipleOf": 123456789012345678901234567890}`, "123456789012345678901234567890", true),
		Entry(nil, `{"minimum": 9007199254740993}`, "9007199254740992", false),
		Entry(nil, `{"maximum": 0.1}`, "0.1000000000000000000000000001", false),
		Entry(nil, `{"type": "integer"}`, "123456789012345678901234567890.0", true),
	)

	It("values of any depth", func() {
		a := value.NewArena()
		n := a.List()
		for range 50_000 {
			outer := a.List()
			a.Append(outer, n)
			n = outer
		}
		s := compile(`{"items": {"$ref": "#"}, "uniqueItems": true, "properties": {"x": {"secret": true}}}`)
		Expect(s.Accepts(n)).To(BeFalse())
		Expect(keywordsOf(s.Validate(n))).To(Equal([]string{"depth"}))
	})

	It("patterns made to backtrack", func() {
		s := compile(`{"pattern": "^(a+)+$"}`)
		Expect(messages(s, `"`+strings.Repeat("a", 100_000)+`!"`)).To(HaveLen(1))
	})

	It("schemas that double their work at each step", func() {
		var b strings.Builder
		for i := range 60 {
			fmt.Fprintf(&b, `"d%d": {"allOf": [{"$ref": "#/definitions/d%d"}, {"$ref": "#/definitions/d%d"}]},`, i, i+1, i+1)
		}
		s := compile(`{"definitions": {` + b.String() + `"d60": {"type": "string"}}, "$ref": "#/definitions/d0"}`)
		Expect(keywordsOf(s.Validate(parse(`"x"`)))).To(Equal([]string{"effort"}))

		s = compile(`{"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["b"]}, {"properties": {"a": {"$ref": "#"}}, "required": ["c"]}]}`)
		Expect(keywordsOf(s.Validate(parse(strings.Repeat(`{"a":`, 50) + `1` + strings.Repeat(`}`, 50))))).To(ConsistOf(BeElementOf("effort", "required")))
	})

	DescribeTable("schemas beyond the limits",
		func(text, want string) {
			_, err := schema.Compile("a.schema.json", []byte(text))
			Expect(err).To(MatchError(ContainSubstring(want)))
		},
		Entry("depth", strings.Repeat(`{"not":`, 100)+`{}`+strings.Repeat(`}`, 100), "64"),
		Entry("size", `"`+strings.Repeat("x", 1<<20)+`"`, "bytes"),
		Entry("a length", `{"minLength": 1e30}`, "too large"),
		Entry("a number", `{"minimum": 1e-3000000}`, "no computer double can hold"),
		Entry("not a schema", `[]`, "expected an object or true or false"),
		Entry("a bad pattern", `{"patternProperties": {"(": {}}}`, "RE2"),
	)
})
