package golden

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/report"
)

// came returns what came out of a case, written as a fixture would with all
// that can be said, and with the rules behind some of it.
func came(text string, rules map[string]string) (*tree, *actual) {
	GinkgoHelper()
	t := newTree()
	n := warned(t, valueOf(text))
	a := &actual{outcomes: n.Get(keyOutcomes)}
	if n.Get(keyResults) == nil {
		a.results = []*value.Node{n}
	}
	for r := n.Get(keyResults).First(); r != nil; r = r.Next() {
		a.results = append(a.results, r)
	}
	for b := n.Get(keyBatches).First(); b != nil; b = b.Next() {
		a.batches = append(a.batches, b)
	}
	var visit func(n *value.Node, path string)
	visit = func(n *value.Node, path string) {
		if id := rules[path]; id != "" {
			t.rules[n] = ruleOf(id)
		}
		i := 0
		for m := n.First(); m != nil; m = m.Next() {
			step := string(value.AppendIndex([]byte(path), i))
			if n.Kind() == value.Object {
				step = string(value.AppendKey([]byte(path), m.Key()))
			}
			visit(m, step)
			i++
		}
	}
	visit(n, "")
	return t, a
}

// warned puts the warnings of fixtures into the form in which they are captured.
func warned(t *tree, n *value.Node) *value.Node {
	out := t.arena.Object()
	for m := n.First(); m != nil; m = m.Next() {
		if m.Key() != keyWarnings {
			t.put(out, m.Key(), m)
			continue
		}
		list := t.arena.Add(out, keyWarnings, t.arena.List())
		for about := m.First(); about != nil; about = about.Next() {
			for _, message := range append(elements(about), about) {
				if message.Kind() == value.String {
					w := t.arena.Append(list, t.arena.Object())
					t.arena.Add(w, "about", t.text(about.Key()))
					t.arena.Add(w, "path", t.text("traits."+about.Key()))
					t.put(w, "message", message)
				}
			}
		}
	}
	return out
}

// ruleOf returns a rule that stands in line 2 of a file.
func ruleOf(id string) *engine.Rule {
	file := source.NewFile("rules.yaml", []byte("first\n  line of "+id+"\n"))
	span := file.Span(8, 10)
	return &engine.Rule{ID: id, Span: span, Place: span.String()}
}

func reading(text string) *Case {
	GinkgoHelper()
	c, found := Read("x.yaml", []byte("celmap: fixture/v1\ndestination: d\n"+text))
	Expect(found).To(BeEmpty())
	return c
}

func differences(c *Case, got string, rules map[string]string, all ...*engine.Rule) ([]Difference, *value.Node) {
	GinkgoHelper()
	t, a := came(got, rules)
	want := projection{t}.expectations(c, a)
	d := &differ{tree: t, targets: targets(all)}
	d.compare(c, want)
	return d.found, want
}

func told(found []Difference) string {
	var b strings.Builder
	for _, d := range found {
		expected, got := d.sides(0)
		b.WriteString(d.Path + ": " + expected + " / " + got)
		if d.Rule != nil {
			b.WriteString(" (" + d.Rule.ID + ")")
		}
		b.WriteString("\n")
	}
	return b.String()
}

const upsert = `
requests:
  - method: POST
    endpoint: https://api.example.com/contacts
    headers: {Authorization: "[secret]", Content-Type: application/json}
    body:
      inputs:
        - id: a@example.com
          properties: {email: a@example.com, n: 1.50, big: 9007199254740993, gone: null}
`

var _ = Describe("Comparing", func() {
	DescribeTable("passes",
		func(fixture, got string) {
			found, _ := differences(reading(fixture), got, nil)
			Expect(told(found)).To(BeEmpty())
		},
		Entry("what is the same, whatever the order of keys",
			"event: {}\nrequests: [{endpoint: https://api.example.com/contacts, method: POST, body: {inputs: [{properties: {big: 9007199254740993, email: a@example.com, gone: null, n: 1.50}, id: a@example.com}]}}]\n", upsert),
		Entry("the headers that are named, in any case",
			"event: {}"+strings.Replace(upsert, `{Authorization: "[secret]", Content-Type: application/json}`, `{content-type: application/json, X-Other: null}`, 1), upsert),
		Entry("parts of a rejection", "event: {}\nrejected: {code: missing_email}", "rejected: {code: missing_email, status: 400, message: there is none, path: traits.email}"),
		Entry("parts of a message", "event: {}\nrejected: {message: is none, status: 400}", "rejected: {code: missing_email, status: 400, message: there is none}"),
		Entry("filtered for any reason", "event: {}\nfiltered: true", "filtered: not for us"),
		Entry("filtered for a reason", "event: {}\nfiltered: for us", "filtered: not for us"),
		Entry("warnings", "event: {}\nrequests: []\nwarnings: {a: part, b: [one, two]}", "requests: []\nwarnings: {b: [the one, the two], a: a part of it}"),
		Entry("warnings by their paths", "event: {}\nrequests: []\nwarnings: {traits.a: part, b: one}", "requests: []\nwarnings: {b: the one, a: a part of it}"),
		Entry("one warning in a list", "event: {}\nrequests: []\nwarnings: {a: [part]}", "requests: []\nwarnings: {a: a part of it}"),
		Entry("outcomes", "events: [{}, {}]\nanswer: {status: 207}\noutcomes: {b: {do: retry, after: 2s}, a: done}",
			"results: [{requests: []}, {requests: []}]\noutcomes: {a: {do: done, because: x}, b: {do: retry, after: 2000ms, because: y}}"),
		Entry("batches by messageId", "events: [{}, {}]\nbatches: [{events: [1, b], requests: []}]",
			"results: [{requests: []}, {requests: []}]\nbatches: [{events: [\"1\", b], requests: []}]"),
		Entry("results", "events: [{}, {}]\nresults: [{filtered: true}, {requests: []}]", "results: [{filtered: x}, {requests: []}]"),
	)

	DescribeTable("tells each difference by its path, with the rule behind it",
		func(fixture, got string, rules map[string]string, want string) {
			found, _ := differences(reading(fixture), got, rules, ruleOf("contact/contact/set/email"), ruleOf("company/company/set/email"))
			Expect(told(found)).To(Equal(want))
		},
		Entry("values", "event: {}"+upsert, strings.NewReplacer("1.50", "1.5", "993", "992", "gone: null", "gone: \"\"").Replace(upsert),
			map[string]string{"requests[0].body.inputs[0].properties": "contact/contact", "requests[0].body.inputs[0].properties.big": "contact/contact/set/big"},
			`requests[0].body.inputs[0].properties.n: 1.50 / 1.5 (the same number, written otherwise) (contact/contact)
requests[0].body.inputs[0].properties.big: 9007199254740993 / 9007199254740992 (contact/contact/set/big)
requests[0].body.inputs[0].properties.gone: null / "" (contact/contact)
`),
		Entry("kinds", "event: {}\nrequests: [{method: POST, endpoint: x, body: {a: \"1\", b: [1]}}]", "requests: [{method: POST, endpoint: x, body: {a: 1, b: {c: 1}}}]", nil,
			"requests[0].body.a: \"1\" (text) / 1 (number)\nrequests[0].body.b: [1] / {c: 1}\n"),
		Entry("null is not absent", "event: {}\nrequests: [{method: POST, endpoint: x, body: {a: null}}]", "requests: [{method: POST, endpoint: x, body: {b: null}}]", nil,
			"requests[0].body.a: null / nothing\nrequests[0].body.b: nothing / null\n"),
		Entry("what is missing, with the line that should have set it", "event: {}"+upsert, strings.Replace(upsert, "email: a@example.com, ", "", 1),
			map[string]string{"requests[0].body.inputs[0].properties": "contact/contact"},
			"requests[0].body.inputs[0].properties.email: \"a@example.com\" / nothing (contact/contact/set/email)\n"),
		Entry("what is too much", "event: {}"+upsert, upsert+"          more: {x: y}\n", map[string]string{"requests[0]": "identify/send/upsert"},
			"requests[0].body.inputs[0].more: nothing / {x: y} (identify/send/upsert)\n"),
		Entry("requests", "event: {}\nrequests: [{method: GET, endpoint: a}, {method: GET, endpoint: c}]",
			"requests: [{method: GET, endpoint: a}, {method: GET, endpoint: b}, {method: GET, endpoint: c}]", nil,
			"requests[1]: nothing / {method: GET, endpoint: b}\n"),
		Entry("fewer requests", "event: {}\nrequests: [{method: GET, endpoint: a}, {method: GET, endpoint: c}]", "requests: [{method: GET, endpoint: c}]", nil,
			"requests[0]: {method: GET, endpoint: a} / nothing\n"),
		Entry("another state", "event: {}"+upsert, "rejected: {code: invalid_value, message: no date}", map[string]string{"rejected": "contact/types/date"},
			"requests: 1 request / rejected: {code: invalid_value, message: no date} (contact/types/date)\n"),
		Entry("mapped after all", "event: {}\nrejected: {code: x}", upsert, nil, "rejected: rejected: {code: x} / 1 request\n"),
		Entry("codes and messages", "event: {}\nrejected: {code: a, message: b, path: c}", "rejected: {code: x, status: 400, message: y}", nil,
			"rejected.code: \"a\" / \"x\"\nrejected.message: \"b\" / \"y\"\nrejected.path: \"c\" / nothing\n"),
		Entry("a header that must not be", "event: {}\nrequests: [{method: GET, endpoint: a, headers: {authorization: null, x: 1}}]", "requests: [{method: GET, endpoint: a, headers: {Authorization: b}}]", nil,
			"requests[0].headers.authorization: null / \"b\"\nrequests[0].headers.x: 1 / nothing\n"),
		Entry("a warning that was not expected", "event: {}\nrequests: []", "requests: []\nwarnings: {x: no such property}", map[string]string{"warnings[0].message": "contact/contact/rest"},
			"warnings.x: nothing / \"no such property\" (contact/contact/rest)\n"),
		Entry("warnings", "event: {}\nrequests: []\nwarnings: {x: a, y: b}", "requests: []\nwarnings: {x: [a, c], z: d}", nil,
			"warnings.x: \"a\" / [a, c]\nwarnings.y: \"b\" / nothing\nwarnings.z: nothing / \"d\"\n"),
		Entry("results", "events: [{}, {}]\nresults: [{filtered: true}, {requests: []}]", "results: [{filtered: x}, {rejected: {code: b}}]", nil,
			"results[1].requests: 0 requests / rejected: {code: b}\n"),
		Entry("batches", "events: [{}, {}]\nbatches: [{events: [a, b], requests: []}]", "results: [{}, {}]\nbatches: [{events: [a], requests: []}, {events: [b], requests: []}]", nil,
			"batches[0].events[1]: \"b\" / nothing\nbatches[1]: nothing / events: [b]\nrequests: []\n"),
		Entry("outcomes", "event: {}\nanswer: {status: 200}\noutcomes: {a: done, c: retry}", "outcomes: {a: {do: retry, after: 1s}, b: {do: done}}", nil,
			"outcomes.a: \"done\" / \"retry\"\noutcomes.c: \"retry\" / nothing\noutcomes.b: nothing / \"done\"\n"),
	)

	It("points into the fixture", func() {
		found, _ := differences(reading("event: {}"+upsert), strings.Replace(upsert, "1.50", "2", 1), nil)
		Expect(found[0].At.String()).To(Equal("x.yaml:11:49"))
	})
})

var _ = Describe("Updating", func() {
	updated := func(text, got string) (string, []string) {
		GinkgoHelper()
		file := filepath.Join(folderWith("x.yaml", "celmap: fixture/v1\ndestination: d\n"+text), "x.yaml")
		c, found, err := ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(found).To(BeEmpty())
		differs, want := differences(c, got, nil)
		Expect(c.update(want)).To(Succeed())
		data, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		again, found := Read(file, data)
		Expect(found).To(BeEmpty())
		left, _ := differences(again, got, nil)
		Expect(told(left)).To(BeEmpty())
		return strings.TrimPrefix(string(data), "celmap: fixture/v1\ndestination: d\n"), shrinkage(differs)
	}

	It("fills a fixture that says nothing yet", func() {
		text, losses := updated("# why\nevent: {type:   identify} # as it was\n", upsert+"warnings: {x: \"no such property\\nat all\", \"y z\": [a, b]}\n")
		Expect(text).To(Equal(`# why
event: {type:   identify} # as it was
requests:
  - method: POST
    endpoint: https://api.example.com/contacts
    body:
      inputs:
        - id: a@example.com
          properties: {email: a@example.com, n: 1.50, big: 9007199254740993, gone: null}
warnings:
  x: |-
    no such property
    at all
  y z: [a, b]
`))
		Expect(losses).To(BeEmpty())
	})

	It("fills keys that are there but empty", func() {
		text, _ := updated("requests: # to come\nevent: {}\n", upsert)
		Expect(text).To(HavePrefix("requests: # to come\n  - method: POST\n"))
		text, _ = updated("events: [{}, {}]\nresults:\n", "results: [{filtered: x}, {rejected: {code: a, status: 400, message: b}}]")
		Expect(text).To(Equal("events: [{}, {}]\nresults:\n  - {filtered: x}\n  - rejected: {code: a, status: 400, message: b}\n"))
	})

	It("changes values where they stand", func() {
		text, losses := updated("event: {}\nrequests:\n  # the only one\n  - {\"method\": \"POST\", \"endpoint\": \"a\"}   # why\nwarnings:\n  x: part # of it\n",
			"requests: [{method: PUT, endpoint: a}]\nwarnings: {x: all but part of it}")
		Expect(text).To(Equal("event: {}\nrequests:\n  # the only one\n  - {\"method\": \"PUT\", \"endpoint\": \"a\"}   # why\nwarnings:\n  x: part # of it\n"))
		Expect(losses).To(BeEmpty())
	})

	It("puts another state in the place of the one that was", func() {
		text, losses := updated("event: {}\n# what comes\nrequests: []\n# the end\ndoc: x\n", "rejected: {code: a, message: b}")
		Expect(text).To(Equal("event: {}\nrejected: {code: a, message: b}\n# what comes\n# the end\ndoc: x\n"))
		Expect(losses).To(Equal([]string{"requests: what was mapped becomes rejected"}))
	})

	It("writes batches, and outcomes where there is an answer", func() {
		text, _ := updated("events: [{}, {}]\n", "results: [{}, {}]\nbatches: [{events: [a, b], requests: [{method: GET, endpoint: x}]}]")
		Expect(text).To(Equal("events: [{}, {}]\nbatches:\n  - events: [a, b]\n    requests:\n      - {method: GET, endpoint: x}\n"))
		text, _ = updated("event: {}\nanswer: {status: 200}\n", "outcomes: {a: {do: done}, b: {do: retry, after: 2s}}")
		Expect(text).To(Equal("event: {}\nanswer: {status: 200}\noutcomes:\n  a: done\n  b: {do: retry, after: 2s}\n"))
	})

	DescribeTable("sees what a fixture would lose",
		func(fixture, got, want string) {
			found, _ := differences(reading(fixture), got, nil)
			Expect(strings.Join(shrinkage(found), "\n")).To(Equal(want))
		},
		Entry("a key", "event: {}"+upsert, strings.Replace(upsert, ", n: 1.50", "", 1), "requests[0].body.inputs[0].properties.n is lost"),
		Entry("a null", "event: {}"+upsert, strings.Replace(upsert, ", gone: null", "", 1), "requests[0].body.inputs[0].properties.gone is lost"),
		Entry("an element", "event: {}"+upsert, strings.Replace(upsert, "        - id: a@example.com\n          properties: {email: a@example.com, n: 1.50, big: 9007199254740993, gone: null}\n", "        []\n", 1), "requests[0].body.inputs[0] is lost"),
		Entry("a value", "event: {}"+upsert, strings.Replace(upsert, "id: a@example.com", "id: \"\"", 1), "requests[0].body.inputs[0].id becomes empty"),
		Entry("the keys of an object", "event: {}\nrequests: [{method: GET, endpoint: x, body: {a: {b: 1}}}]", "requests: [{method: GET, endpoint: x, body: {a: text}}]", "requests[0].body.a was an object and becomes a text"),
		Entry("all requests", "event: {}\nrequests: [{method: GET, endpoint: x}]", "requests: []", "requests[0] is lost"),
		Entry("an event that is filtered now", "event: {}"+upsert, "filtered: x", "requests: what was mapped becomes filtered"),
		Entry("not a warning", "event: {}\nrequests: []\nwarnings: {a: b}", "requests: []", ""),
		Entry("not another value", "event: {}"+upsert, strings.Replace(upsert, "1.50", "text", 1), ""),
		Entry("not a rejection that ends", "event: {}\nrejected: {code: x}", upsert, ""),
	)
})

var _ = Describe("Reporting", func() {
	var summary *Summary
	BeforeEach(func() {
		found, _ := differences(reading("event: {}"+upsert), strings.NewReplacer("1.50", "2", "a@example.com", "\"b%,:\\n\"").Replace(upsert),
			map[string]string{"requests[0].body.inputs[0].properties.n": "contact/contact/set/n"})
		changed, _ := differences(reading("event: {}\nrequests: [{method: GET, endpoint: a}]"), "requests: [{method: PUT, endpoint: b}, {method: GET, endpoint: c}]",
			map[string]string{"requests[0].method": "r", "requests[1]": "r"})
		_, problems := Read("dir/c.yaml", []byte("celmap: fixture/v1\ndestination: d\nevnt: {}\n"))
		summary = &Summary{Verdicts: []*Verdict{
			{File: "dir/a.yaml", Status: Passed},
			{File: "dir/b.yaml", Status: Failed, Differences: found},
			{File: "dir/c.yaml", Status: Broken, Problems: problems},
			{File: "other/d.yaml", Status: Updated, Differences: changed},
			{File: "other/e.yaml", Status: Refused, Differences: changed[:1], Remarks: []string{"x is lost"}},
		}}
	})
	written := func(format string) string {
		var b bytes.Buffer
		Expect(Formats[format](&b, summary, report.Palette{})).To(Succeed())
		return b.String()
	}

	It("draws a tree", func() {
		Expect(written("tree")).To(Equal(`dir
  ✓ a
  ✗ b
      requests[0].body.inputs[0].id
        expected  "a@example.com"
        got       "b%,:\n"
      requests[0].body.inputs[0].properties.email
        expected  "a@example.com"
        got       "b%,:\n"
      requests[0].body.inputs[0].properties.n
        expected  1.50
        got       2
        rule      rules.yaml:2:3  line of contact/contact/set/n
  ! c
      dir/c.yaml:1:1: error[R704 fixture-missing-key]: the fixture has no event
        1 | celmap: fixture/v1
          | ^^^^^^
        help: add ` + "`event: {…}`, or `events:`" + ` with a list
      dir/c.yaml:3:1: error[R703 fixture-unknown-key]: a fixture has no key ` + "`evnt`" + `
        3 | evnt: {}
          | ^^^^
        help: did you mean ` + "`event`" + `?
other
  ↻ d
      rules.yaml:2:3  line of r
        ~ requests[0].method  "GET" → "PUT"
        + requests[1]  {method: GET, endpoint: c}
      by no rule
        ~ requests[0].endpoint  "a" → "b"
  ✗ e
      rules.yaml:2:3  line of r
        ~ requests[0].method  "GET" → "PUT"
      x is lost

1 passed, 1 failed, 1 broken, 1 refused, 1 updated
`))
	})

	It("writes JSON", func() {
		var got struct {
			Passed, Failed, Updated int
			Cases                   []struct {
				Name, File, Status string
				Differences        []struct {
					Path, Rule    string
					Expected, Got any
				}
				Problems []struct{ Code, Help string }
			}
		}
		Expect(json.Unmarshal([]byte(written("json")), &got)).To(Succeed())
		Expect([]int{got.Passed, got.Failed, got.Updated}).To(Equal([]int{1, 3, 1}))
		Expect(got.Cases[1].Name).To(Equal("b"))
		Expect(got.Cases[1].Status).To(Equal("failed"))
		last := got.Cases[1].Differences[2]
		Expect(last.Path).To(Equal("requests[0].body.inputs[0].properties.n"))
		Expect(last.Rule).To(Equal("rules.yaml:2:3"))
		Expect(last.Expected).To(Equal(1.5))
		Expect(got.Cases[2].Problems).To(HaveLen(2))
		Expect(written("json")).To(ContainSubstring(`"expected": 1.50,`))
	})

	It("writes JUnit's XML", func() {
		text := written("junit")
		Expect(text).To(HavePrefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"5\" failures=\"2\" errors=\"1\">\n  <testsuite name=\"dir\" tests=\"3\" failures=\"1\" errors=\"1\">\n    <testcase name=\"a\" classname=\"dir\" file=\"dir/a.yaml\"></testcase>\n"))
		Expect(text).To(ContainSubstring(`<failure message="requests[0].body.inputs[0].id: expected &#34;a@example.com&#34;, got &#34;b%,:\n&#34;, and 2 more">`))
		Expect(text).To(ContainSubstring(`<error message="dir/c.yaml:1:1: the fixture has no event">`))
	})

	It("annotates for GitHub", func() {
		lines := strings.Split(written("github"), "\n")
		Expect(lines).To(HaveLen(6))
		Expect(lines[0]).To(HavePrefix(`::error file=x.yaml,line=10,col=15::b: requests[0].body.inputs[0].id: expected "a@example.com", got "b%25,:\n", and 2 more%0Arequests[0]`))
		Expect(lines[1]).To(HavePrefix("::error file=dir/c.yaml,line=1,col=1,title=R704 fixture-missing-key::the fixture has no event"))
		Expect(lines[3]).To(HavePrefix("::error file=x.yaml,line=4,col=21::e: "))
		Expect(lines[4]).To(Equal("1 passed, 1 failed, 1 broken, 1 refused, 1 updated"))
	})
})
