package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/growth"
)

var _ = Describe("hostile events", func() {
	DescribeTable("are rejected with a code, whatever they hold", func(event func() string, code string) {
		c := bind(shop(), token)
		got := lines(c, event(), `{"type":"track","event":"Ping","messageId":"neighbour"}`)
		Expect(dig(got[0], "error", "code")).To(Equal(code))
		Expect(dig(got[0], "error", "status")).To(BeEquivalentTo("400"))
		Expect(len(got[0])).To(BeNumerically("<", 1000), "messages do not repeat the event")
		Expect(dig(got[1], "status")).To(Equal("filtered"), "neighbours are not harmed")
	},
		Entry("brackets", func() string { return strings.Repeat("[", 1<<20) }, "event_too_deep"),
		Entry("braces", func() string { return strings.Repeat(`{"a":`, 1<<18) }, "event_too_deep"),
		Entry("a giant exponent", func() string { return `{"type":"identify","traits":{"age":1e1000000}}` }, "number_out_of_range"),
		Entry("a giant exponent with a sign", func() string { return `{"type":"identify","traits":{"age":-1e+9999999999999999999}}` }, "number_out_of_range"),
		Entry("very many keys", func() string { return wide(10_000) }, "too_many_keys"),
		Entry("a giant key", func() string { return `{"` + strings.Repeat("x", 5<<10) + `":1}` }, "key_too_long"),
		Entry("a giant number", func() string { return `{"traits":{"age":` + strings.Repeat("9", 1<<20) + `}}` }, "number_too_long"),
		Entry("very many values", func() string { return `{"traits":{"tags":[` + strings.Repeat("1,", 200_000) + `1]}}` }, "event_too_many_values"),
		Entry("invalid UTF-8", func() string { return "{\"type\":\"identify\",\"traits\":{\"a\":\"\xff\"}}" }, "invalid_utf8"),
		Entry("a key twice", func() string { return `{"type":"identify","type":"track"}` }, "duplicate_key"),
		Entry("a giant text", func() string { return `{"type":"` + strings.Repeat("x", 10<<20) + `"}` }, "event_too_large"),
		Entry("a large text", func() string { return `{"type":"` + strings.Repeat("x", 2<<20) + `"}` }, "string_too_long"),
		Entry("nothing", func() string { return "" }, "invalid_json"),
		Entry("a cut event", func() string { return `{"type":"ident` }, "invalid_json"),
		Entry("trailing data", func() string { return `{"type":"track"} x` }, "invalid_json"),
		Entry("text", func() string { return `"identify"` }, "not_an_object"),
		Entry("a type that is no text", func() string { return `{"type":{"a":1}}` }, "unsupported_type"),
	)
	It("bounds the items and requests of one event", func() {
		notes := `{"type":"track","event":"x","properties":{"notes":[` + strings.Repeat(`1,`, 399) + `1]}}`
		Expect(dig(lines(bind(shop(), token), notes)[0], "error", "code")).To(Equal("too_many_requests"))
		few := bind(shop(engine.WithLimits(engine.Limits{Items: 10})), token)
		Expect(dig(lines(few, notes)[0], "error", "code")).To(Equal("too_many_items"))
	})
	It("bounds what shared parts grow to when they are written out", func() {
		p, found := load(fstest.MapFS{
			"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nhosts: {api: https://api.example.com}\nroutes: [{to: m}]\nrequests:\n  q: {method: POST, host: api, url: /q, envelope: =item}\nfunctions:\n" +
				"  a: {args: [x], value: \"[x, x, x, x, x, x, x, x]\"}\n  b: {args: [x], value: a(a(a(a(x))))}\n  c: {args: [x], value: b(b(b(x)))}\n")},
			"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\nsend:\n  - request: q\n    item: {big: =c(input.x), text: =input.text}\n")},
		})
		Expect(found).To(BeEmpty())
		Expect(dig(lines(bind(p, "{}"), `{"x":1}`)[0], "error", "code")).To(Equal("request_too_large"))
	})
	It("bounds the work for objects with very many keys", Label("time"), func() {
		c := bind(small(smallRequest, "objects: {o: {under: [input.traits], rest: {warn: is left out}}}\nsend: [{request: q, item: {n: =size(o)}}]\n", manyKeys), "{}")
		Expect(dig(lines(c, wide(90_000))[0], "requests", 0, "body", "JSON", "n")).To(BeEquivalentTo("90001"))
		Expect(growth.Of(func(n int) { lines(c, wide(n)) }, 16_000, 64_000)).To(BeNumerically("<", 12), "a search for each key grows by 16")
	})
	It("bounds the marking of secrets in values that share parts", func() {
		let := "let:\n  a0: '{\"x\": input}'\n"
		for i := range 40 {
			let += fmt.Sprintf("  a%d: '{\"l\": a%d, \"r\": a%d}'\n", i+1, i, i)
		}
		p, found := load(fstest.MapFS{
			"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nconfig: c.json\nroutes: [{to: m}]\n" + smallRequest)},
			"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\n" + let + "send:\n  - name: built\n    request: q\n    when: input.all\n    item: {n: '=size(merge(a40, {\"t\": config.token}))'}\n  - name: chosen\n    request: q\n    item: {n: '=kind({\"t\": a40}[config.token])'}\n")},
			"c.json": {Data: []byte(`{"properties": {"token": {"type": "string", "secret": true}}}`)},
		})
		Expect(found).To(BeEmpty())
		for _, event := range []string{`{"all":true}`, `{"all":false}`} {
			Expect(dig(lines(bind(p, `{"token":"t"}`), event)[0], "error", "message")).To(MatchRegexp("the rules need more than .* steps|too many steps"))
		}
	})
	It("bounds the work of joining lists", func() {
		c := bind(small("hosts: {api: https://api.example.com}\nrequests: {q: {method: POST, host: api, url: /q, same: '1', duplicates: union, envelope: {all: =items}}}\n", "send: [{request: q, item: {l: =input.l}}]\n"), "{}")
		list := func(from int) string {
			var b strings.Builder
			for i := range 40_000 {
				fmt.Fprintf(&b, "%d,", from+i)
			}
			return `{"l":[` + b.String() + `0]}`
		}
		o := c.Plan(inputs(list(1), list(100_001))).Map()
		defer o.Release()
		Expect(o.Elements()).To(HaveLen(2), "what cannot be joined within the budget travels apart")
		Expect(o.Elements()[0].Status).To(Equal(engine.Mapped))
	})
	It("survive a function of the host that panics, wherever it is called", func() {
		boom := &function.Function{Name: "boom", Params: []function.Param{{Name: "x"}}, Eval: func(_ *value.Arena, args []*value.Node) (*value.Node, error) {
			if args[0].Bool() {
				panic("boom")
			}
			return args[0], nil
		}}
		for _, request := range []string{
			"{method: POST, host: api, url: '/${item.b}', envelope: =item}",
			"{method: POST, host: api, url: /q, envelope: '=[boom(item.b)]'}",
			"{method: POST, host: api, url: /q, envelope: {all: =items, bad: '=items.map(i, boom(i.b))'}}",
			"{method: POST, host: api, url: /q, same: '[boom(item.b)]', duplicates: merge, envelope: {all: =items}, params: {x: '=text(boom(items[0].b))'}}",
		} {
			send := "send: [{request: q, item: {b: =input.b}}]\n"
			if strings.Contains(request, "${") {
				send = "send: [{request: q, item: {b: =boom(input.b)}}]\n"
			}
			c := bind(small("hosts: {api: https://api.example.com}\nrequests: {q: "+request+"}\n", send, engine.WithFunctions(boom)), "{}")
			o := c.Plan(inputs(`{"b":false}`, `{"b":true}`, `{"b":false}`)).Map()
			var states []string
			for _, e := range o.Elements() {
				for range e.Indexes {
					states = append(states, e.Status.String())
				}
			}
			Expect(states).To(ConsistOf("mapped", "rejected", "mapped"), request)
			Expect(o.Results()[1].Error.Code).To(BeElementOf("internal_error", "expression_failed"), request)
			Expect(o.Results()[2].Status).To(Equal(engine.Mapped))
			o.Release()
		}
	})
	It("bounds the work of rules", func() {
		few := bind(shop(engine.WithLimits(engine.Limits{Steps: 50})), token)
		notes := `{"type":"track","event":"x","properties":{"notes":[` + strings.Repeat(`1,`, 99) + `1]}}`
		Expect(dig(lines(few, notes)[0], "error", "code")).To(Equal("too_many_steps"))
	})
})

// FuzzMap looks for events that make mapping panic, or differ between two runs.
func FuzzMap(f *testing.F) {
	for _, seed := range []string{
		`{"type":"identify","messageId":"m","traits":{"email":"a@b.org","Nick Name":"x","age":"1","birthday":5,"tags":[1]}}`,
		`{"type":"identify","traits":{"email":"a@b.org"},"context":{"externalId":[{"type":"shopId","id":1}]}}`,
		`{"type":"track","event":"Order","properties":{"order_id":1,"total":"2","products":[{"sku":"a","price":1}]}}`,
		`{"type":"track","event":"x","properties":{"notes":["a",{"b":null},[]]}}`,
		`{"message":{"type":"identify","traits":{"email":"x@y.z"}},"metadata":{"jobId":1,"dontBatch":true,"userId":2}}`,
		`{"type":null}`, `[]`, `{"traits":{"":{"":[]}}}`,
	} {
		f.Add([]byte(seed))
	}
	RegisterFailHandler(func(message string, _ ...int) { panic(message) })
	c := bind(shop(), `{"token":"s3cret","dc":"eu","maxNotes":2,"user":"u","password":"p4ss"}`)
	again := bind(shop(), `{"token":"s3cret","dc":"eu","maxNotes":2,"user":"u","password":"p4ss"}`)
	run := func(c *engine.Connection, event []byte) (plain, redacted []byte) {
		o := c.Plan([]engine.Input{{JSON: event}, {JSON: event, Index: 1}}).Map()
		defer o.Release()
		for _, r := range o.Results() {
			plain, redacted = append(r.AppendJSON(plain), '\n'), r.AppendRedacted(redacted)
		}
		for _, e := range o.Elements() {
			plain, redacted = append(e.AppendJSON(plain), '\n'), e.AppendRedacted(redacted)
		}
		return plain, redacted
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		first, redacted := run(c, bytes.Clone(event))
		second, _ := run(again, bytes.Clone(event))
		if !bytes.Equal(first, second) {
			t.Fatalf("two runs differ:\n%s\n%s", first, second)
		}
		if bytes.Contains(redacted, []byte("s3cret")) && !bytes.Contains(event, []byte("s3cret")) {
			t.Fatalf("a secret shows: %s", redacted)
		}
		if bytes.Contains(first, []byte(`"code":"internal_error"`)) {
			t.Fatalf("mapping panicked: %s", first)
		}
		for line := range bytes.Lines(first) {
			if !json.Valid(line) {
				t.Fatalf("a result is no JSON: %s", line)
			}
		}
	})
}
