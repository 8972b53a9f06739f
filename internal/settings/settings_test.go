package settings_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/report"
	"github.com/celmap/celmap/internal/settings"
)

var rules = fstest.MapFS{
	"d.yaml": {Data: []byte(`celmap: destination/v1
name: d
config: config.schema.json
hosts: {api: https://api.example.com}
routes: [{to: m}]
auth: [{name: token, needs: [config.token], headers: {Authorization: =config.token}}]
portal:
  fields:
    request: {method: GET, host: api, url: /fields}
    answer:
      - {when: kind(body.results) == "list", value: 'indexBy(body.results, "name")'}
      - {when: kind(body) == "object", value: 'body.transformMap(k, p, {"name": k, "type": p})', extend: true}
    item: item.schema.json
    builtin: fields.json
lookups:
  people:
    args: [by]
    keys: {fold: lower}
    request: {method: POST, host: api, url: /find, body: {by: =by, values: =keys}}
    answer: body
    matches: item.k == key
    gives: text(item.id)
  own: {host: true}
requests: {r: {method: POST, host: api, url: /r, envelope: =item}}
`)},
	"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\nask: {a: {lookup: people, with: {by: x}, key: input.k}, b: {lookup: own, key: input.k}}\nsend: [{request: r, item: {a: =a, b: =b, c: =fields.x}}]\n")},
	"config.schema.json": {Data: []byte(`{"type": "object", "properties": {
		"token": {"type": "string", "secret": true, "minLength": 2},
		"release": {"enum": ["v1", "v2"]},
		"oldKey": {"x-deprecated": "Use token."},
		"lines": {"type": "array", "items": {"type": "object", "required": ["from"], "properties": {"from": {"type": "string"}, "pass": {"secret": true}}}}
	}}`)},
	"item.schema.json": {Data: []byte(`{"type": "object", "required": ["name"], "properties": {"type": {"type": "string"}, "options": {"type": "array", "items": {"type": "string"}}}}`)},
	"fields.json":      {Data: []byte(`{"results": [{"name": "builtin", "type": "text"}]}`)},
}

func program() *engine.Program {
	GinkgoHelper()
	p, err := engine.Load(rules, engine.WithName("rules"))
	Expect(err).NotTo(HaveOccurred())
	Expect(p.Warnings()).To(BeEmpty())
	return p
}

func told(found source.Diagnostics) string {
	var lines []string
	for _, d := range found {
		lines = append(lines, fmt.Sprintf("%d:%d %s %s: %s | %s", d.Span.Start.Line, d.Span.Start.Column, d.Severity, d.Code, d.Summary, d.Help))
	}
	return strings.Join(lines, "\n")
}

func parsed(name, text string) *source.Node {
	GinkgoHelper()
	root, found := settings.Parse(name, []byte(text))
	Expect(found.HasErrors()).To(BeFalse(), told(found))
	return root
}

var _ = Describe("A config", func() {
	check := func(name, text string) source.Diagnostics {
		return settings.CheckConfigFile(program(), parsed(name, text))
	}

	DescribeTable("is checked with the places of what is wrong", func(name, text, want string) {
		Expect(told(check(name, text))).To(Equal(want))
	},
		Entry("in YAML", "c.yaml", "token: s3cret\nrelease: v3\n", `2:10 error invalid-config: config.release: found text "v3", expected one of "v1", "v2" | did you mean "v1"?`),
		Entry("in JSON", "c.json", "{\n  \"token\": \"s3cret\",\n  \"release\": \"v3\"\n}", `3:14 error invalid-config: config.release: found text "v3", expected one of "v1", "v2" | did you mean "v1"?`),
		Entry("behind wide characters on one line", "c.json", `{"a": "東京", "token": "s3cret", "release": "v3"}`, `1:43 error invalid-config: config.release: found text "v3", expected one of "v1", "v2" | did you mean "v1"?`),
		Entry("behind a byte order mark", "c.json", "\ufeff{\"token\": \"s3cret\", \"release\": 1}", `1:32 error invalid-config: config.release: found number 1, expected one of "v1", "v2" | correct the value`),
		Entry("below Config", "c.json", `{"id": 1, "Config": {"token": "s3cret", "release": "v3"}}`, `1:52 error invalid-config: config.release: found text "v3", expected one of "v1", "v2" | did you mean "v1"?`),
		Entry("that misses a key of a list", "c.yaml", "token: s3cret\nlines:\n  - {pass: a}\n", "3:6 error invalid-config: config.lines[0].from: found nothing, expected text | add it"),
		Entry("whose key is misspelt, deep inside", "c.yaml", "token: s3cret\nlines:\n  - {from: a, pas: s3cret}\n", "3:15 warning unknown-setting: the rules know no setting pas | did you mean pass?"),
		Entry("whose misspelt key rejects every event", "c.yaml", "tokn: s3cret\n", "1:1 error unknown-setting: the rules know no setting tokn | did you mean token?"),
		Entry("with keys that are far from any", "c.yaml", "token: s3cret\nsomethingElse: 1\ntoken2: x\n", ""),
		Entry("that lacks what is needed", "c.yaml", "release: v1\n", "1:1 error missing-setting: config.token is missing or empty in the destination's settings | add token"),
		Entry("with something deprecated", "c.yaml", "token: s3cret\noldKey: x\n", "2:1 warning deprecated: the setting oldKey is deprecated | "),
		Entry("where what is deprecated is empty", "c.yaml", "token: s3cret\noldKey: \"\"\n", ""),
		Entry("with a variable that is not set", "c.yaml", "token: ${env:CELMAP_NOBODY_SETS_THIS}\nrelease: ${env:CELMAP_NOR_THIS}\n",
			"1:8 warning missing-variable: token: the environment variable CELMAP_NOBODY_SETS_THIS is not set | export it, or write the value itself\n2:10 warning missing-variable: release: the environment variable CELMAP_NOR_THIS is not set | export it, or write the value itself"),
		Entry("with a reference that does not end", "c.yaml", "token: 's3cret${env:'\n", "1:8 error missing-variable: token begins a reference to an environment variable and does not end it | write ${env:NAME}"),
		Entry("that is a list", "c.yaml", "- token\n", "1:1 error invalid-config: a config is an object, and this is a list | write its keys, such as `accessToken: ${env:TOKEN}`"),
	)

	It("takes variables from the environment", func() {
		GinkgoT().Setenv("CELMAP_TEST_RELEASE", "v9")
		Expect(told(check("c.yaml", "token: s3cret\nrelease: ${env:CELMAP_TEST_RELEASE}\n"))).To(ContainSubstring(`2:10 error invalid-config: config.release: found text "v9"`))
	})

	DescribeTable("never shows a secret", func(name, text string) {
		root, found := settings.Parse(name, []byte(text))
		if root == nil {
			found = settings.ConcealText(found)
		} else {
			found = settings.CheckConfigFile(program(), root)
		}
		Expect(found).NotTo(BeEmpty())
		var b bytes.Buffer
		Expect(report.Text(&b, found, report.Palette{})).To(Succeed())
		Expect(b.String()).NotTo(ContainSubstring("s3"))
		Expect(b.String()).To(ContainSubstring("**"))
	},
		Entry("of a known key", "c.yaml", "{token: {a: s3}, release: v3}\n"),
		Entry("of a misspelt key", "c.yaml", "tokn: s3cret\n"),
		Entry("of a misspelt key in a list", "c.json", `{"token": "s3cret", "lines": [{"from": "a", "pas": "s3cret"}], "release": 3}`),
		Entry("that is too short", "c.yaml", "token: 3\nrelease: v3  # s3 was it before\n"),
		Entry("around the config", "c.json", `{"Config": {"token": 1, "x": {"y": "s3"}}, "s": "s3"}`),
		Entry("in a comment", "c.yaml", "release: v3 # s3cret\n"),
		Entry("in a file that is no YAML", "c.yaml", "token: \"s3cret\n"),
		Entry("in a file that is no YAML, in the words", "c.yaml", "token: s3cret s3more: s3x\n"),
		Entry("in a file that is no JSON", "c.json", `{"token": "s3cret" "x"}`),
		Entry("with wide characters", "c.yaml", "tokn: s3東ü🎉\n"),
	)
})

var _ = Describe("Portal data", func() {
	DescribeTable("is checked by its forms and elements", func(name, text, want string) {
		Expect(told(settings.CheckPortal(program(), "fields", parsed(name, text)))).To(Equal(want))
	},
		Entry("that fits", "p.json", `{"results": [{"name": "a", "type": "text"}]}`, ""),
		Entry("whose element does not", "p.json", "{\"results\": [\n {\"name\": \"a\"},\n {\"name\": \"b\", \"options\": [\"x\", 2]}\n]}", "3:33 error invalid-portal: fields, b options[1]: found number 2, expected text | correct the value"),
		Entry("in a short form", "p.yaml", "a: text\nb: 5\n", "2:4 error invalid-portal: fields, b type: found number 5, expected text | correct the value"),
		Entry("of no form", "p.yaml", "- a\n", "1:1 error invalid-portal: portal.fields: this is none of the forms that the data may have: list […1 element] | give what the API answers, or a form that the rules accept (rules/d.yaml:9:5)"),
	)
})

var _ = Describe("Answers by hand", func() {
	DescribeTable("are checked by what events can ask", func(lookup, text, want string) {
		Expect(told(settings.CheckAnswers(program(), lookup, parsed("a.yaml", text)))).To(Equal(want))
	},
		Entry("that fit", "people", "a: [\"1\", x]\nb: []\nc: null\n", ""),
		Entry("of a host", "own", "a: 1\nb: {c: d}\n", ""),
		Entry("a text for a list", "people", "a: \"1\"\n", "1:4 error invalid-answer: an answer of people is a list of what each item gives, and this is a text | write [\"1\"], or [] where nothing is found"),
		Entry("a number for a list", "people", "a: 12\n", "1:4 error invalid-answer: an answer of people is a list of what each item gives, and this is a number | write [\"12\"], or [] where nothing is found"),
		Entry("what the API answers for what items give", "people", "results: [{id: 12}]\n", "1:12 error invalid-answer: each item gives a text (text(item.id)), and this is none | write texts"),
		Entry("a bare status for a failure", "people", "- {key: a, failure: 503}\n", "1:21 error invalid-answer: a failure is an object with the status that the API answers, and this is a number | write {status: 503}"),
		Entry("a status that is a text", "people", "- {key: a, failure: {status: down}}\n", "1:30 error invalid-answer: the status of a failure is that of an HTTP answer, or 0 where there is none | write a whole number, such as 503"),
		Entry("a failure without answer", "people", "- {key: a, failure: {status: 0}}\n", ""),
		Entry("an object for a list", "people", "a: {id: x}\n", "1:5 error invalid-answer: an answer of people is a list of what each item gives, and this is a mapping | write a list, or [] where nothing is found"),
		Entry("a number for a text", "people", "a: [512]\n", "1:5 error invalid-answer: each item gives a text (text(item.id)), and this is none | write \"512\""),
		Entry("keys that are the same", "people", "a: [x]\nA: [y]\n", "2:1 warning unused-answer: A is asked for as a, which has an answer already | keep one of them; the one in line 1 counts"),
		Entry("keys that are the same with other arguments", "people", "- {with: {by: x}, key: a, answer: [x]}\n- {with: {by: y}, key: a, answer: [y]}\n", ""),
		Entry("an argument that is misspelt", "people", "- {with: {bye: x}, key: a, answer: [x]}\n",
			"1:11 error invalid-answer: the lookup people has no argument bye, so nobody asks with it | did you mean by?\n1:11 error invalid-answer: every ask of people gives the argument by, and this answer is for one without | add by, or leave out with: then the answer is for all"),
		Entry("a failure", "people", "- {key: a, failure: {status: 429}}\n", ""),
		Entry("neither answer nor failure", "people", "- {key: a}\n", "1:4 error invalid-answer: this is no answer | write {key: KEY, answer: ANSWER} or {key: KEY, failure: {status: 429}}, with the arguments under with"),
		Entry("a text", "people", "x\n", "1:1 error invalid-answer: the answers of people are an object or a list | write them as KEY: ANSWER, or as a list of {with: {…}, key: KEY, answer: ANSWER}"),
	)
})
