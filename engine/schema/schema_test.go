package schema_test

import (
	"strconv"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/value"
)

func parse(text string) *value.Node {
	GinkgoHelper()
	n, err := value.Parse(value.NewArena(), []byte(text), value.Limits{})
	Expect(err).NotTo(HaveOccurred())
	return n
}

func compile(text string) *schema.Schema {
	GinkgoHelper()
	s, err := schema.Compile("test.schema.json", []byte(text))
	Expect(err).NotTo(HaveOccurred())
	return s
}

func messages(s *schema.Schema, text string) (all []string) {
	GinkgoHelper()
	for _, v := range s.Validate(parse(text)) {
		all = append(all, v.Error())
	}
	return all
}

var _ = Describe("Validate", func() {
	DescribeTable("says what was found, what was expected and what to do",
		func(s, text, want string) { Expect(messages(compile(s), text)).To(Equal([]string{want})) },
		Entry("type", `{"properties": {"a": {"type": "integer"}}}`, `{"a": "x"}`,
			`a: found text "x", expected a whole number: correct the value`),
		Entry("several types", `{"items": {"type": ["string", "null", "array"]}}`, `[1]`,
			`[0]: found number 1, expected text, null or a list: correct the value`),
		Entry("required", `{"properties": {"a b": {"required": ["c"]}}}`, `{"a b": {}}`,
			`["a b"].c: found nothing, expected a value: add it`),
		Entry("required of a type", `{"properties": {"a": {"type": ["string", "integer"]}}, "required": ["a"]}`, `{}`,
			`a: found nothing, expected text or a whole number: add it`),
		Entry("closed object", `{"properties": {"email": true}, "additionalProperties": false}`, `{"emial": 1}`,
			`emial: there is no field "emial" here; did you mean "email"?`),
		Entry("closed object, nothing near", `{"properties": {"email": true}, "additionalProperties": false}`, `{"x": 1}`,
			`x: there is no field "x" here: remove it`),
		Entry("enum", `{"enum": ["upsert", "create"]}`, `"upsrt"`,
			`found text "upsrt", expected one of "upsert", "create"; did you mean "upsert"?`),
		Entry("a format inside anyOf", `{"anyOf": [{"type": "string", "format": "email"}]}`, `"x"`,
			`found text "x", expected an e-mail address: correct the value`),
		Entry("a bound", `{"minimum": 1.5}`, `1`, `found number 1, expected 1.5 or more: correct the value`),
	)
})

var _ = Describe("Compile", func() {
	DescribeTable("refuses a schema and names the place",
		func(text, want string) {
			_, err := schema.Compile("a.schema.json", []byte(text))
			Expect(err).To(MatchError(ContainSubstring(want)))
		},
		Entry("unknown keyword", "{\n  \"properties\": {\"a\": {\"tpye\": \"string\"}}\n}",
			`a.schema.json:2:24: #/properties/a/tpye: unknown keyword "tpye"; did you mean "type"?`),
		Entry("unknown format", `{"format": "e-mail"}`, `#/format: unknown format "e-mail"; did you mean "email"?`),
		Entry("against the meta-schema", `{"properties": {"a": {"type": "strin"}}}`, `#/properties/a/type: found text "strin"`),
		Entry("network", `{"$ref": "https://example.com/x.json"}`, `nothing is fetched`),
		Entry("parent folder", `{"$ref": "../x.json"}`, `only files of the same folder`),
		Entry("no such definition", `{"definitions": {"address": {}}, "$ref": "#/definitions/adress"}`, `did you mean "#/definitions/address"?`),
		Entry("endless", `{"allOf": [{"$ref": "#"}]}`, `refers to itself`),
		Entry("endless by itself", `{"properties": {"a": {"$ref": "#/properties/a"}}}`, `#/properties/a: this schema refers to itself`),
		Entry("ignored beside $ref", `{"definitions": {"a": {}}, "$ref": "#/definitions/a", "type": "string"}`, `draft-07 ignores "type" beside $ref`),
		Entry("syntax", "{\n x}", "a.schema.json:2:2"),
		Entry("other draft", `{"$schema": "https://json-schema.org/draft/2020-12/schema"}`, `only draft-07`),
		Entry("look-ahead", `{"pattern": "(?=a)"}`, `RE2`),
	)

	It("follows references to files of the folder", func() {
		files := fstest.MapFS{"events/common.schema.json": {Data: []byte(`{"definitions": {"name": {"type": "string"}}}`)}}
		s, err := schema.Compile("events/a.schema.json", []byte(`{"properties": {"n": {"$ref": "common.schema.json#/definitions/name"}}}`), schema.WithFiles(files))
		Expect(err).NotTo(HaveOccurred())
		Expect(s.Accepts(parse(`{"n": "x"}`))).To(BeTrue())
		Expect(messages(s, `{"n": 1}`)).To(HaveLen(1))
	})
})

var _ = Describe("Shape", func() {
	s := func() *schema.Schema {
		return compile(`{
			"type": "object",
			"definitions": {
				"person": {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": false},
				"node": {"type": "object", "required": ["value"], "properties": {"value": {"type": "integer"}, "next": {"$ref": "#/definitions/node"}}}
			},
			"required": ["id", "state"],
			"allOf": [{"properties": {"traits": {"$ref": "#/definitions/person"}}}],
			"anyOf": [{"properties": {"user": {"$ref": "#/definitions/person"}}}, {"properties": {"user": {"type": "object"}}}],
			"if": {"properties": {"state": {"const": "paid"}}}, "then": {"properties": {"paid": {"type": "string"}}},
			"patternProperties": {"^n_": {"type": ["number", "null"]}},
			"properties": {
				"list": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/person"}},
				"pair": {"items": [{"const": 1}, {"type": "boolean"}], "additionalItems": {"type": "string"}},
				"id": {"type": "string", "pattern": "^[a-z]+$"}, "note": {"type": "string", "pattern": "[a-z]*"},
				"state": {"enum": ["open", "paid"]}, "mixed": {"enum": ["a", 1, null]}, "never": false,
				"one": {"oneOf": [{"type": "string"}, {"type": "integer"}]}, "tree": {"$ref": "#/definitions/node"}
			}
		}`)
	}
	at := func(path ...string) (at shape.Shape, p shape.Presence) {
		at = s().Shape("the schema")
		for _, step := range path {
			if i, err := strconv.Atoi(step); err == nil {
				at = at.Element(i)
			} else {
				at, p = at.Member(step)
			}
		}
		return at, p
	}
	DescribeTable("tells what is declared, possible and impossible", func(want shape.Presence, path ...string) {
		_, presence := at(path...)
		Expect(presence).To(Equal(want))
	},
		Entry(nil, shape.Known, "traits"),
		Entry(nil, shape.Known, "traits", "name"),
		Entry(nil, shape.Unknown, "traits", "nam"),
		Entry(nil, shape.Unknown, "traits", "name", "first"),
		Entry(nil, shape.Open, "other"),
		Entry(nil, shape.Open, "other", "deep"),
		Entry(nil, shape.Known, "user", "name"),
		Entry(nil, shape.Open, "user", "other"),
		Entry(nil, shape.Known, "list", "0", "name"),
		Entry(nil, shape.Unknown, "list", "0", "x"),
		Entry(nil, shape.Unknown, "list", "x"),
		Entry(nil, shape.Unknown, "never"),
		Entry(nil, shape.Known, "paid"),
		Entry(nil, shape.Known, "n_1"),
	)
	DescribeTable("tells what a value can be", func(want string, path ...string) {
		s, _ := at(path...)
		Expect(s.String()).To(Equal(want))
		Expect(s.Source()).To(Equal("the schema"))
	},
		Entry(nil, "object"),
		Entry(nil, "object or absent", "traits"),
		Entry(nil, "text or absent", "traits", "name"),
		Entry(nil, "text", "id"),
		Entry(nil, `"open" or "paid"`, "state"),
		Entry(nil, `"a" or whole number or null`, "mixed"),
		Entry(nil, "text or whole number or absent", "one"),
		Entry(nil, "number or null", "n_1"),
		Entry(nil, "list of object or absent", "list"),
		Entry(nil, "whole number or absent", "pair", "0"),
		Entry(nil, "boolean or absent", "pair", "1"),
		Entry(nil, "text or absent", "pair", "7"),
		Entry(nil, "whole number or absent", "tree", "next", "next", "next", "value"),
		Entry(nil, "anything", "other"),
		Entry(nil, "anything", "paid"),
	)
	It("tells what always has a value", func() {
		for field, want := range map[string]bool{"id": true, "state": true, "traits": false, "note": false} {
			s, _ := at(field)
			Expect(s.HasValue()).To(Equal(want), field)
		}
		list, _ := at("list")
		Expect(list.Without(shape.Absent).HasValue()).To(BeTrue())
	})
	It("lists names through $ref, allOf and alternatives", func() {
		Expect(s().Properties()).To(ContainElements("traits", "user", "list", "paid"))
		Expect(s().Properties("traits")).To(Equal([]string{"name"}))
		Expect(s().Properties("list", "0")).To(Equal([]string{"name"}))
	})
})

var _ = Describe("Secrets", func() {
	const text = `{
		"definitions": {"token": {"type": "string", "minLength": 10, "secret": true}},
		"properties": {
			"accessToken": {"$ref": "#/definitions/token"},
			"auth": {"secret": true, "properties": {"user": {"type": "string"}}},
			"hooks": {"items": {"properties": {"key": {"type": "string", "secret": true}}}},
			"name": {"type": "string"}
		}}`
	It("lists their paths", func() {
		Expect(compile(text).Secrets()).To(ConsistOf([]string{"accessToken"}, []string{"auth"}, []string{"hooks", "*", "key"}))
	})
	It("marks them in a copy, with all that is inside", func() {
		n := parse(`{"accessToken":"abc","auth":{"user":"u"},"hooks":[{"key":"k","x":1}],"name":"n"}`)
		m := compile(text).MarkSecrets(value.NewArena(), n)
		Expect(string(value.AppendRedacted(nil, m))).To(Equal(`{"accessToken":"[secret]","auth":"[secret]","hooks":[{"key":"[secret]","x":1}],"name":"n"}`))
		Expect(m.Get("auth").Get("user").Secret()).To(BeTrue())
		Expect(n.Get("accessToken").Secret()).To(BeFalse())
	})
	It("never shows them in messages", func() {
		Expect(messages(compile(text), `{"accessToken": "hunter2"}`)).To(Equal([]string{"accessToken: found [secret], expected at least 10 characters: make it longer"}))
	})
})
