package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/report"
)

var _ = Describe("SARIF", func() {
	// log returns what is written, which always has the form of SARIF.
	log := func(findings ...source.Diagnostic) map[string]any {
		GinkgoHelper()
		var b bytes.Buffer
		Expect(report.SARIF(&b, findings, "1.2.3")).To(Succeed())
		data, err := os.ReadFile("testdata/sarif.schema.json")
		Expect(err).NotTo(HaveOccurred())
		form, err := schema.Compile("sarif.schema.json", data)
		Expect(err).NotTo(HaveOccurred())
		node, err := value.Parse(value.NewArena(), b.Bytes(), value.Limits{})
		Expect(err).NotTo(HaveOccurred())
		Expect(form.Validate(node)).To(BeEmpty())
		var out map[string]any
		Expect(json.Unmarshal(b.Bytes(), &out)).To(Succeed())
		return out["runs"].([]any)[0].(map[string]any)
	}
	encoded := func(v any) string {
		GinkgoHelper()
		data, err := json.Marshal(v)
		Expect(err).NotTo(HaveOccurred())
		return string(data)
	}

	It("gives the place in characters, the path, the other places, and all that is said", func() {
		d := at("a: 1\nwhen: '🎉' + x\n", "x")
		d.Code, d.Detail, d.Help, d.Path = "unknown-name", "why", "what to do\nor that", "$.when"
		d.Relate(at("a: 1\n", "1").Span, "see a")
		Expect(encoded(log(d)["results"])).To(MatchJSON(`[{
			"ruleId": "R301", "ruleIndex": 0, "level": "error",
			"message": {"text": "wrong\nwhy\nwhat to do\nor that"},
			"locations": [{
				"physicalLocation": {"artifactLocation": {"uri": "rules/a.yaml"}, "region": {"startLine": 2, "startColumn": 13, "endLine": 2, "endColumn": 14}},
				"logicalLocations": [{"fullyQualifiedName": "$.when"}]
			}],
			"relatedLocations": [{
				"id": 1, "message": {"text": "see a"},
				"physicalLocation": {"artifactLocation": {"uri": "rules/a.yaml"}, "region": {"startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 5}}
			}]
		}]`))
		Expect(log(d)["columnKind"]).To(Equal("unicodeCodePoints"))
	})

	It("explains each code once, by its page", func() {
		one, two := source.Diagnostic{Code: "unknown-name"}, source.Diagnostic{Code: "unknown-key", Severity: source.Warning}
		run := log(two, one, one)
		var indexes, levels []any
		for _, r := range run["results"].([]any) {
			indexes = append(indexes, r.(map[string]any)["ruleIndex"])
			levels = append(levels, r.(map[string]any)["level"])
		}
		Expect(indexes).To(Equal([]any{0.0, 1.0, 1.0}))
		Expect(levels).To(Equal([]any{"warning", "error", "error"}))
		rules := run["tool"].(map[string]any)["driver"].(map[string]any)["rules"].([]any)
		Expect(rules).To(HaveLen(2))
		rule := rules[1].(map[string]any)
		Expect(rule).To(HaveKeyWithValue("id", "R301"))
		Expect(rule).To(HaveKeyWithValue("name", "unknown-name"))
		Expect(rule).To(HaveKeyWithValue("helpUri", "https://github.com/celmap/celmap/blob/main/docs/errors/R301-unknown-name.md"))
		Expect(rule["help"].(map[string]any)["markdown"]).To(HavePrefix("# R301 unknown-name: "))
		Expect(encoded(rules[0])).To(ContainSubstring("](https://github.com/celmap/celmap/blob/main/docs/errors/../keys.md)"))
		Expect(rule["help"].(map[string]any)["text"]).To(HavePrefix("R301 unknown-name: "))
	})

	It("takes what has no place, no code of its own, or an odd file", func() {
		file := func(name string) source.Diagnostic {
			return source.Diagnostic{Code: "no-such-code", Summary: "s", Span: source.Span{File: source.NewFile(name, nil)}}
		}
		results := encoded(log(source.Diagnostic{Summary: "a\x1bb"}, file("a b/ü.yaml"), file("c:d.yaml"), file("/abs/x.yaml"))["results"])
		Expect(results).To(MatchJSON(`[
			{"level": "error", "message": {"text": "a�b"}},
			{"ruleId": "no-such-code", "level": "error", "message": {"text": "s"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a%20b/%C3%BC.yaml"}}}]},
			{"ruleId": "no-such-code", "level": "error", "message": {"text": "s"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "./c:d.yaml"}}}]},
			{"ruleId": "no-such-code", "level": "error", "message": {"text": "s"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "file:///abs/x.yaml"}}}]}
		]`))
		Expect(encoded(log()["results"])).To(Equal("[]"))
	})
})

var _ = Describe("Markdown", func() {
	It("becomes what a terminal shows", func() {
		page := "# R1 a-b: Title\n\nText with `code` and [a link](x.md), **much** of it, " + strings.Repeat("word ", 20) + "\nand more.\n\n" +
			"<!-- file: a.json -->\n```json\n{\"a\": 1}\n\n```\n\n<!-- … is \"a\" × 5 -->\n## Right\n\n- one\n- two " + strings.Repeat("word ", 20) + "\n"
		Expect(report.Markdown(page, report.Palette{})).To(Equal(`R1 a-b: Title

Text with ` + "`code`" + ` and a link, much of it, word word word word word word word word word word word
word word word word word word word word word and more.

    a.json:
    {"a": 1}


Right

- one
- two word word word word word word word word word word word word word word word word word word
  word word
`))
	})

	It("keeps the lines of code that is indented", func() {
		Expect(report.Markdown("Write:\n\n    when: >-\n      a\n      && b\n", report.Palette{})).To(Equal("Write:\n\n    when: >-\n      a\n      && b\n"))
	})

	It("does nothing to the terminal", func() {
		Expect(report.Markdown("a\x1b[2Jb\n\n```\nc\x07d\n```\n", report.Palette{})).To(Equal("a�[2Jb\n\n    c�d\n"))
	})
})
