package main

import (
	"bytes"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

var _ = Describe("The summary", func() {
	It("counts every event once, and rejections by code", func() {
		var sum, job counts
		for _, code := range []string{"b", "a", "c", "a"} {
			job.count(outcome{Result: &engine.Result{Status: engine.Rejected, Error: &engine.EventError{Code: code}}, events: 1})
		}
		job.count(outcome{Result: &engine.Result{Status: engine.Mapped, Warnings: make([]engine.Warning, 2)}, events: 1})
		job.count(outcome{Result: &engine.Result{Status: engine.Filtered}, events: 1})
		sum.add(job)
		sum.add(job)
		var b bytes.Buffer
		sum.print(&b)
		Expect(b.String()).To(Equal("12 events: 2 mapped, 8 rejected, 2 filtered\n  rejected: 4 a, 2 b, 2 c\n  4 warnings\n"))
	})

	It("is short where there is nothing to tell", func() {
		var b bytes.Buffer
		(&counts{Events: 1, Mapped: 1}).print(&b)
		Expect(b.String()).To(Equal("1 event: 1 mapped, 0 rejected, 0 filtered\n"))
	})
})

var _ = Describe("Progress", func() {
	It("is shown now and then, and wiped out in the end", func() {
		var b bytes.Buffer
		p := progress{w: &b, last: time.Now()}
		p.show(1)
		Expect(b.String()).To(BeEmpty())
		p.last = p.last.Add(-time.Second)
		p.show(2)
		p.end()
		Expect(b.String()).To(Equal("\r2 events …\r\x1b[K"))
		progress := progressFor(&streams{err: &b})
		progress.show(3)
		progress.end()
		Expect(b.String()).To(Equal("\r2 events …\r\x1b[K"), "silent where there is no terminal")
	})
})

var _ = Describe("Text for people", func() {
	It("shows no secret, and lets no event do anything to the terminal", func() {
		a := value.NewArena()
		parse := func(text string) *value.Node {
			n, err := value.Parse(a, []byte(text), value.Limits{})
			Expect(err).NotTo(HaveOccurred())
			return n
		}
		secret := a.MarkSecret(a.String("Bearer s3cret"))
		d := parse(`{"method":"POST","endpoint":"https://x.test/\u001b[2J"}`)
		a.Add(d, "params", parse(`{"q":"a b","n":5}`))
		headers := a.Add(d, "headers", a.Object())
		a.Add(headers, "Authorization", secret)
		body := a.Add(d, "body", a.Object())
		a.Add(body, "JSON", parse(`{"a":{"b":"\u001b[2J"},"list":[1]}`))
		a.Add(body, "JSON_ARRAY", parse(`{"batch":"[{\"x\":1}]"}`))
		a.Add(a.Add(body, "FORM", a.Object()), "token", secret)
		r := engine.Result{
			Index: 3, MessageID: "m\x07", Requests: []engine.Request{{Descriptor: d}},
			Warnings: []engine.Warning{{Code: "left_out", Message: "no such field", Target: "x", Path: "traits.x", Rule: &engine.Rule{Place: "a.yaml:1:2"}}},
		}
		Expect(string(printer{text: true}.outcome(nil, outcome{Result: &r, events: 1}))).To(Equal(`event 3 (m�): mapped
  POST https://x.test/�[2J
    ?q=a b
    ?n=5
    Authorization: [secret]
    JSON
    {
      "a": {
        "b": "\u001b[2J"
      },
      "list": [
        1
      ]
    }
    JSON_ARRAY
    [
      {
        "x": 1
      }
    ]
    FORM
    {
      "token": "[secret]"
    }
  warning left_out: x: no such field
    at   traits.x
    rule a.yaml:1:2

`))
	})
})

var _ = Describe("A crash", func() {
	It("is an internal error, and not one of usage", func() {
		var err error
		func() {
			defer recoverTo(&err)
			panic("oops")
		}()
		var out bytes.Buffer
		Expect(explain(&streams{err: &out}, err)).To(Equal(exitInternal))
		Expect(out.String()).To(HavePrefix("celmap: internal error: oops\nplease report it with these lines:\n"))
	})
})
