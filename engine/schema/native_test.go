package schema_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/value"
)

// Texts and numbers from small pools, so that schemas and values often meet.
var (
	names     = rapid.SampledFrom([]string{"a", "b", "email", "a b", "ä", "x1"})
	texts     = rapid.SampledFrom([]string{"", "a", "ab", "äöü", "a@b.de", "x@localhost", "A <a@b.de>", "2024-02-29", "2023-02-29", "2024-03-05T10:11:12Z", "2024-03-05T10:11:12.5+01:00", "2024-03-05T24:00:00Z", "10:11:12", "https://example.com/a?b#c", "mailto:a@b.de", "https://ex ample.com", "http://[::1]:80/", "http://a:x/", "192.0.2.1", "::ffff:1.2.3.4", "2001:db8::1", "fe80::1%eth0", "01.2.3.4", "a-.b", "host.example", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6BA7B810-9dad-11d1-80b4-00c04fd430c8", "(", "^a+$"})
	literals  = rapid.SampledFrom([]string{"0", "-0", "1", "1.0", "10e-1", "2", "2.5", "-3", "0.1", "0.3", "1e2", "100", "9007199254740992", "9007199254740993", "9007199254740992.0", "123456789012345678901234567890", "1e20", "1e-20", "0.30000000000000004", "1e300"})
	formatted = rapid.SampledFrom([]string{"date", "date-time", "email", "hostname", "ipv4", "ipv6", "regex", "uri", "uuid"})
	patterns  = rapid.SampledFrom([]string{"^a", "b$", "[0-9]+", "^.{2,3}$", "", "^(a|b)*$"})
)

// anyValue draws JSON that json.Marshal writes with its numbers as they are.
func anyValue(depth int) *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Map(texts, func(s string) any { return s }),
		rapid.Map(literals, func(s string) any { return json.Number(s) }),
		rapid.SampledFrom([]any{nil, true, false}),
	)
	if depth == 0 {
		return scalar
	}
	return rapid.OneOf(scalar,
		rapid.Map(rapid.SliceOfN(anyValue(depth-1), 0, 4), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(names, anyValue(depth-1), 0, 4), func(m map[string]any) any { return m }),
	)
}

// anySchema draws schemas with all the keywords.
func anySchema(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		if depth == 0 || rapid.IntRange(0, 9).Draw(t, "boolean") == 0 {
			return rapid.IntRange(0, 3).Draw(t, "false") != 0
		}
		s := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "keywords") {
			addKeyword(t, s, depth)
		}
		if ref := s["$ref"]; ref != nil { // nothing may stand beside it
			return map[string]any{"$ref": ref}
		}
		return s
	})
}

func addKeyword(t *rapid.T, s map[string]any, depth int) {
	below := func() any { return anySchema(depth-1).Draw(t, "schema") }
	several := func() any { return rapid.SliceOfN(anySchema(depth-1), 1, 3).Draw(t, "schemas") }
	byName := func(g *rapid.Generator[string]) any {
		return rapid.MapOfN(g, anySchema(depth-1), 0, 3).Draw(t, "properties")
	}
	size := func() any { return rapid.IntRange(0, 3).Draw(t, "size") }
	number := func() any { return json.Number(literals.Draw(t, "number")) }
	some := func() any { return rapid.SliceOfNDistinct(names, 0, 3, rapid.ID).Draw(t, "names") }
	switch k := rapid.SampledFrom([]string{"type", "type", "properties", "properties", "required", "enum", "const", "additionalProperties",
		"patternProperties", "propertyNames", "dependencies", "minProperties", "maxProperties", "items", "tuple", "additionalItems", "contains",
		"minItems", "maxItems", "uniqueItems", "minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum",
		"exclusiveMaximum", "multipleOf", "allOf", "anyOf", "oneOf", "not", "if", "ref"}).Draw(t, "keyword"); k {
	case "type":
		types := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"null", "boolean", "number", "integer", "string", "array", "object"}), 1, 4, rapid.ID).Draw(t, "types")
		if s[k] = types; len(types) == 1 {
			s[k] = types[0]
		}
	case "properties":
		s[k] = byName(names)
	case "required":
		s[k] = some()
	case "enum":
		s[k] = rapid.SliceOfNDistinct(anyValue(1), 1, 4, func(v any) string { return fmt.Sprint(v) }).Draw(t, "values")
	case "const":
		s[k] = anyValue(2).Draw(t, "value")
	case "additionalProperties", "propertyNames", "additionalItems", "contains", "not", "items":
		s[k] = below()
	case "patternProperties":
		s[k] = byName(patterns)
	case "dependencies":
		s[k] = map[string]any{names.Draw(t, "name"): below(), "b": some()}
	case "minProperties", "minItems", "minLength":
		s[k] = size()
	case "maxProperties", "maxItems", "maxLength":
		s[k] = 3 + rapid.IntRange(0, 2).Draw(t, "size")
	case "tuple":
		s["items"] = rapid.SliceOfN(anySchema(depth-1), 1, 3).Draw(t, "schemas")
	case "uniqueItems":
		s[k] = true
	case "pattern":
		s[k] = patterns.Draw(t, "pattern")
	case "format":
		s[k] = formatted.Draw(t, "format")
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		s[k] = number()
	case "multipleOf":
		s[k] = json.Number(rapid.SampledFrom([]string{"1", "0.1", "2.5", "1e-20", "3", "1e2", "7e20"}).Draw(t, "divisor"))
	case "allOf", "anyOf", "oneOf":
		s[k] = several()
	case "if":
		s["if"], s["then"], s["else"] = below(), below(), below()
	case "ref":
		s["$ref"] = "#/definitions/" + rapid.SampledFrom([]string{"one", "two"}).Draw(t, "definition")
	}
}

// drawCase draws a schema that compiles, and a value; ok is false where the
// schema is one of those that Compile refuses.
func drawCase(t *rapid.T) (s *schema.Schema, n *value.Node, text string, ok bool) {
	root, isMap := anySchema(3).Draw(t, "root").(map[string]any)
	if !isMap {
		return nil, nil, "", false
	}
	root["definitions"] = map[string]any{"one": anySchema(1).Draw(t, "one"), "two": map[string]any{
		"properties": map[string]any{"a": map[string]any{"$ref": "#/definitions/two"}, "b": anySchema(1).Draw(t, "two")},
	}}
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	s, err = schema.Compile("random.schema.json", data)
	if err != nil {
		message := err.Error()
		for _, known := range []string{"refers to itself", "are equal: remove one"} {
			if strings.Contains(message, known) {
				return nil, nil, "", false
			}
		}
		t.Fatalf("%s\n%s", data, message)
	}
	event, err := json.Marshal(anyValue(3).Draw(t, "value"))
	if err != nil {
		t.Fatal(err)
	}
	n, err = value.Parse(value.NewArena(), event, value.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	return s, n, string(data) + "\n" + string(event), true
}

var _ = Describe("the native rules", func() {
	It("never contradict gojsonschema, and decide nearly everything", func() {
		valid, accepted, invalid, refused := 0, 0, 0, 0
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			s, n, text, ok := drawCase(t)
			if !ok {
				return
			}
			want, err := s.Authority(n)
			if err != nil {
				t.Fatalf("%s\n%v", text, err)
			}
			native := s.Native(n)
			if native == "yes" && !want || native == "no" && want {
				t.Fatalf("%s\nnative %s, gojsonschema %v", text, native, want)
			}
			violations := s.Validate(n)
			if (len(violations) == 0) != want {
				t.Fatalf("%s\ngojsonschema %v, Validate %v", text, want, violations)
			}
			if want {
				valid++
				if native == "yes" {
					accepted++
				}
			} else {
				invalid++
				if native == "no" {
					refused++
				}
			}
		})
		GinkgoWriter.Printf("accepted %d of %d valid values, refused %d of %d invalid ones\n", accepted, valid, refused, invalid)
		if valid >= 20 { // rapid draws fewer when it repeats a failure
			Expect(accepted * 100).To(BeNumerically(">=", valid*95))
		}
	})
})

func BenchmarkEventSchema(b *testing.B) {
	files := os.DirFS("../../schemas/events")
	data, err := fs.ReadFile(files, "identify.schema.json")
	if err != nil {
		b.Fatal(err)
	}
	s, err := schema.Compile("identify.schema.json", data, schema.WithFiles(files))
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, s)
}

func BenchmarkStrictSchema(b *testing.B) {
	s, err := schema.Compile("event.schema.json", []byte(eventSchema))
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, s)
}

func benchmark(b *testing.B, s *schema.Schema) {
	n, err := value.Parse(value.NewArena(), []byte(event), value.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	if !s.Accepts(n) {
		b.Fatal(s.Validate(n))
	}
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		s.Validate(n)
	}
}

func BenchmarkAuthority(b *testing.B) {
	s, err := schema.Compile("event.schema.json", []byte(eventSchema))
	if err != nil {
		b.Fatal(err)
	}
	n, err := value.Parse(value.NewArena(), []byte(event), value.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := s.Authority(n); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// eventSchema is stricter than the schemas of events that celmap brings, so
// that every value is looked at.
const eventSchema = `{
	"definitions": {
		"text": {"type": "string", "maxLength": 500},
		"time": {"type": "string", "format": "date-time"},
		"traits": {
			"type": "object",
			"properties": {
				"email": {"type": "string", "format": "email"}, "firstName": {"$ref": "#/definitions/text"},
				"lastName": {"$ref": "#/definitions/text"}, "phone": {"$ref": "#/definitions/text"},
				"address": {"type": "object", "additionalProperties": {"$ref": "#/definitions/text"}},
				"company": {"type": ["object", "string"], "properties": {"name": {"$ref": "#/definitions/text"}, "employee_count": {"type": "integer", "minimum": 0}}}
			},
			"additionalProperties": {"type": ["string", "number", "boolean", "null"]}
		}
	},
	"type": "object",
	"required": ["type", "messageId"],
	"properties": {
		"type": {"const": "identify"}, "channel": {"enum": ["server", "web", "mobile", "sources"]},
		"messageId": {"type": "string", "format": "uuid"}, "userId": {"type": ["string", "integer", "null"]}, "anonymousId": {"type": "string"},
		"originalTimestamp": {"$ref": "#/definitions/time"}, "sentAt": {"$ref": "#/definitions/time"},
		"receivedAt": {"$ref": "#/definitions/time"}, "timestamp": {"$ref": "#/definitions/time"},
		"context": {
			"type": "object",
			"properties": {
				"app": {"type": "object", "additionalProperties": {"type": "string"}},
				"library": {"type": "object", "additionalProperties": {"type": "string"}},
				"locale": {"type": "string"}, "timezone": {"type": "string"}, "ip": {"type": "string", "format": "ipv4"},
				"page": {"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}}
			},
			"additionalProperties": false
		},
		"integrations": {"type": "object"}, "traits": {"$ref": "#/definitions/traits"}
	}
}`

// event has 1.2 KB.
const event = `{"type":"identify","channel":"web","messageId":"265ae7e2-d39f-40ea-a6e7-d9463bd22b95","userId":"u4229","anonymousId":"f50f4d42-4ed4-4490-a9a9-29a3126d06ab","originalTimestamp":"2025-02-04T00:00:00.015Z","sentAt":"2025-02-04T00:00:00.055Z","receivedAt":"2025-02-04T00:00:00.119Z","timestamp":"2025-02-04T00:00:00.015Z","context":{"app":{"name":"Workshop","version":"4.1.4","build":"333"},"library":{"name":"JavaScript SDK","version":"3.7.16"},"locale":"ja-JP","timezone":"Asia/Kolkata","ip":"203.0.113.42","page":{"path":"/docs/getting-started","url":"https://example.com/docs/getting-started?lang=ja","title":"Workshop"}},"integrations":{"All":true},"traits":{"email":"ukasz.haddad31001@example.com","firstName":"Łukasz","lastName":"Haddad","phone":"+49-30-927704","address":{"street":"180 Hauptstraße","city":"Lagos","state":"LA","country":"Nigeria","postalcode":"100001"},"company":{"name":"Acme GmbH","industry":"Health Care","employee_count":34},"jobtitle":"","plan.name":"free","Signup Date":"Wed, 27 Nov 2024 04:24:50 GMT","Renewal Date":"2025-06-05T02:14:07.583Z","lifetime_value":1967,"marketing_opt_in":true,"seats":118,"team_size":54,"account_id":null,"Internal Ref":"247659e4"}}`
