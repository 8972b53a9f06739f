package engine_test

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

// fetching is a destination whose rules read data about the account in many ways.
const fetching = `hosts: {api: https://api.example.com}
portal:
  fields: {request: {method: GET, host: api, url: /fields}, answer: body.fields, refreshOnMiss: true}
  sizes: {request: {method: GET, host: api, url: "/sizes/${fields.a.kind}"}, answer: "merge(body, {\"a\": fields.a.kind})", builtin: sizes.json}
  plain: {request: {method: GET, host: api, url: /plain}}
let:
  known: size(fields)
  first: [config.first, fields.a.kind, '"none"']
lookups:
  l: {keys: {max: 5}, request: {method: POST, host: api, url: /l, body: {keys: =keys, of: =fields.a.kind}}, answer: body, matches: item == key}
requests:
  q: {method: POST, host: api, url: /q, envelope: =item}
  sized: {method: POST, host: api, url: "/q/${sizes.a}", envelope: =item}
  enveloped: {method: POST, host: api, url: /q, max: 10, envelope: {all: =items, kind: =fields.a.kind}}
`

const fetchers = `objects:
  rest: {under: [input.traits], rest: {as: lower(key), keep: "fields[target] != null", warn: no such field}}
  typed: {under: [input.traits], set: {a: a}, type: "fields[target].kind"}
ask:
  found: {lookup: l, key: '"x"', when: input.way == "lookup"}
reject:
  told: {when: input.way == "message", message: "the kind is ${fields.a.kind}"}
filter:
  dropped: {when: input.way == "reason", reason: "the kind is ${fields.a.kind}"}
send:
  - choose:
      - {name: native, when: input.way == "native", request: q, item: {v: =fields.a.kind}}
      - {name: cel, when: input.way == "cel", request: q, item: {v: "=fields.map(k, k)"}}
      - {name: alternatives, when: input.way == "alternatives", request: q, item: {v: =first}}
      - {name: static, when: input.way == "static", request: q, item: {v: =known}}
      - {name: rest, when: input.way == "rest", request: q, item: =rest}
      - {name: typed, when: input.way == "typed", request: q, item: =typed}
      - {name: request, when: input.way == "request", request: sized, item: {}}
      - {name: envelope, when: input.way == "envelope", request: enveloped, item: {}}
      - {name: plain, when: input.way == "plain", request: q, item: {v: =plain.x}}
      - {name: decided, when: input.way == "decided", request: q, item: {v: "=true || fields.a.kind == null"}}
      - {request: q, item: {found: =found}}
`

var _ = Describe("data that the host has not fetched", func() {
	var program *engine.Program
	BeforeEach(func() {
		program = smallWith(map[string]string{"sizes.json": "{}"}, fetching, fetchers)
	})
	connect := func(s engine.Settings) *engine.Connection {
		GinkgoHelper()
		c, err := program.Bind(s)
		Expect(err).NotTo(HaveOccurred())
		return c
	}
	none := engine.Settings{Unfetched: map[string]*engine.LookupFailure{"fields": nil, "sizes": nil, "plain": nil}}
	event := func(way string) string { return fmt.Sprintf(`{"way":%q,"traits":{"a":1,"B":2}}`, way) }

	DescribeTable("rejects who reads it, and is wanted", func(way, want string) {
		c := connect(none)
		for range 3 { // what is remembered says the same
			b := c.Plan(inputs(event(way), event("nothing"), event(way)))
			for _, q := range b.Questions() {
				Expect(c.Calls([]*engine.Question{q})).To(BeEmpty())
			}
			o := b.Map()
			Expect(b.Wants()).To(Equal([]string{want}), "before requests are made")
			results := o.Results()
			Expect(results[1].Status).To(Equal(engine.Mapped))
			for _, r := range []engine.Result{results[0], results[2]} {
				Expect(r.Status).To(Equal(engine.Rejected), way)
				Expect(r.Error.Code).To(Equal("lookup_failed"))
				Expect(r.Error.Status).To(Equal(503))
				Expect(r.Error.Message).To(MatchRegexp(`^the data \w+ of the account is not fetched yet; send the event again$`))
				Expect(r.Error.Rule.ID).To(HavePrefix("d/portal/"))
			}
			Expect(b.Wants()).To(Equal([]string{want}))
			o.Release()
		}
	},
		Entry("natively", "native", "fields"),
		Entry("in CEL", "cel", "fields"),
		Entry("as an alternative", "alternatives", "fields"),
		Entry("through a value that is computed once", "static", "fields"),
		Entry("to keep keys", "rest", "fields"),
		Entry("to convert values", "typed", "fields"),
		Entry("in an address, where other data has to be fetched first", "request", "fields"),
		Entry("in an envelope", "envelope", "fields"),
		Entry("in the message of a rejection", "message", "fields"),
		Entry("in the reason of a filter", "reason", "fields"),
		Entry("in the request of a lookup", "lookup", "fields"),
		Entry("of a kind without an answer rule", "plain", "plain"),
	)
	It("does not matter to who does not need it", func() {
		c := connect(none)
		b := c.Plan(inputs(event("decided"), event("other")))
		o := b.Map()
		defer o.Release()
		for _, r := range o.Results() {
			Expect(r.Status).To(Equal(engine.Mapped))
		}
		Expect(b.Wants()).To(BeEmpty())
	})
	It("does not matter to an alternative that is not reached", func() {
		s := none
		s.Config = []byte(`{"first":"x"}`)
		o := connect(s).Plan(inputs(event("alternatives"))).Map()
		defer o.Release()
		Expect(o.Results()[0].Status).To(Equal(engine.Mapped))
	})
	It("is asked for in turn, until all is there", func() {
		c := connect(none)
		call, err := c.PortalCall("fields")
		Expect(err).NotTo(HaveOccurred())
		Expect(call.URL).To(Equal("https://api.example.com/fields"))
		_, err = c.PortalCall("sizes")
		Expect(err).To(MatchError(ContainSubstring("the data fields of the account is not fetched yet")))
		c = connect(engine.Settings{Portal: map[string][]byte{"fields": []byte(`{"fields":{"a":{"kind":"text"}}}`)}, Unfetched: map[string]*engine.LookupFailure{"sizes": nil, "fields": nil}})
		b := c.Plan(inputs(event("request")))
		b.Map()
		Expect(b.Wants()).To(Equal([]string{"sizes"}))
		b.Release()
		call, err = c.PortalCall("sizes")
		Expect(err).NotTo(HaveOccurred())
		Expect(call.URL).To(Equal("https://api.example.com/sizes/text"))
	})
	It("leaves data that is made of it unfetched, too", func() {
		c := connect(engine.Settings{Portal: map[string][]byte{"sizes": []byte(`{}`)}, Unfetched: map[string]*engine.LookupFailure{"fields": nil}})
		b := c.Plan(inputs(event("request")))
		defer b.Release()
		b.Map()
		Expect(b.Wants()).To(Equal([]string{"fields"}))
	})
	DescribeTable("tells why it could not be fetched", func(f engine.LookupFailure, status int, says string) {
		c := connect(engine.Settings{Unfetched: map[string]*engine.LookupFailure{"fields": &f}})
		b := c.Plan(inputs(event("native")))
		defer b.Release()
		o := b.Map()
		e := o.Results()[0].Error
		Expect(e.Status).To(Equal(status))
		Expect(e.Message).To(Equal("the data fields of the account could not be fetched " + says))
		Expect(b.Wants()).To(Equal([]string{"fields"}))
	},
		Entry("for now", engine.LookupFailure{Status: 429, Message: "slow down"}, 429, "(status 429): slow down; send the event again"),
		Entry("for good", engine.LookupFailure{Status: 401, Message: "expired"}, 401, "(status 401): expired; check the destination's settings, and what they are allowed to read"),
		Entry("without an answer", engine.LookupFailure{Message: "reset"}, 500, "(status 500): reset; send the event again"),
	)
	It("is judged by the rules on failures", func() {
		p := smallWith(map[string]string{"sizes.json": "{}"}, strings.Replace(fetching, "refreshOnMiss: true", `refreshOnMiss: true, failure: [
    {when: status == 423, do: retry, after: 2s, because: "locked: ${body.message}"}, {when: status == 0, do: retry},
    {when: headers.x == "y", do: reject, because: "x of ${body.message}"}, {when: status == 418, do: reject}, {when: body.n > 1, do: reject}]`, 1), fetchers)
		tell := func(f engine.LookupFailure) string {
			GinkgoHelper()
			c, err := p.Bind(engine.Settings{Unfetched: map[string]*engine.LookupFailure{"fields": &f}})
			Expect(err).NotTo(HaveOccurred())
			b := c.Plan(inputs(event("native")))
			defer b.Release()
			e := b.Map().Results()[0].Error
			Expect(b.Wants()).To(Equal([]string{"fields"}))
			return fmt.Sprint(e.Code, " ", e.Status, " ", e.Message)
		}
		Expect(tell(engine.LookupFailure{Status: 423, Message: "busy"})).To(Equal("lookup_failed 500 locked: busy"))
		Expect(tell(engine.LookupFailure{Status: 500, Headers: map[string]string{"x": "y"}, Body: []byte(`{"message": "z"}`)})).To(Equal("lookup_failed 400 x of z"))
		Expect(tell(engine.LookupFailure{Status: 418, Message: "tea"})).To(HavePrefix("lookup_failed 418 the data fields of the account could not be fetched (status 418): tea; check "))
		Expect(tell(engine.LookupFailure{Status: 500, Body: []byte(`{"n": "many"}`)})).To(HavePrefix("lookup_failed 500 "), "a rule that fails decides nothing")

		c, err := p.Bind(engine.Settings{})
		Expect(err).NotTo(HaveOccurred())
		call, err := c.PortalCall("fields")
		Expect(err).NotTo(HaveOccurred())
		Expect(call.Wait(engine.Answer{Status: 423})).To(Equal(2 * time.Second))
		after, err := call.Wait(engine.Answer{Status: 500})
		Expect(after).To(BeZero())
		Expect(err).To(MatchError(ContainSubstring("body.n is missing")))
	})
	It("has to be data that the rules have", func() {
		_, err := program.Bind(engine.Settings{Unfetched: map[string]*engine.LookupFailure{"feilds": nil}})
		Expect(err).To(MatchError("portal.feilds: the destination has no such data; did you mean fields?"))
	})
})

var _ = Describe("a target that the data lacks", func() {
	misses := func(data string, events ...string) map[string][]string {
		GinkgoHelper()
		p := smallWith(map[string]string{"sizes.json": "{}"}, fetching, fetchers)
		c, err := p.Bind(engine.Settings{Portal: map[string][]byte{"fields": []byte(data)}})
		Expect(err).NotTo(HaveOccurred())
		b := c.Plan(inputs(events...))
		o := b.Map()
		o.Release()
		return b.Misses()
	}
	It("is a miss, once for all events, whatever was remembered", func() {
		Expect(misses(`{"fields":{"a":{}}}`, `{"way":"rest","traits":{"a":1,"B":2,"c":3}}`, `{"way":"rest","traits":{"b":1,"D":2}}`, `{"way":"other","traits":{"e":1}}`)).
			To(Equal(map[string][]string{"fields": {"b", "c", "d"}}))
	})
	It("is none where it is there, or the event is lost anyway", func() {
		Expect(misses(`{"fields":{"a":{}}}`, `{"way":"rest","traits":{"a":1}}`)).To(BeEmpty())
		Expect(misses(`{"fields":{"a":{}}}`, `{"way":"rest","traits":{"z":1}`)).To(BeEmpty())
	})
	It("is none where the data is left out for another reason", func() {
		p := small(smallRequest+"portal: {fields: {request: {method: GET, host: api, url: /f}, refreshOnMiss: true}, old: {request: {method: GET, host: api, url: /o}}}\nlet: {open: [fields]}\n",
			"objects: {o: {under: [input.t], rest: {keep: 'open[target].w == true && old[target] == null'}}}\nsend: [{request: q, item: {o: =o}}]\n")
		c, err := p.Bind(engine.Settings{Portal: map[string][]byte{"fields": []byte(`{"a":{"w":false},"b":{"w":true}}`), "old": []byte(`{"b":1}`)}})
		Expect(err).NotTo(HaveOccurred())
		b := c.Plan(inputs(`{"t":{"a":1,"b":2,"c":3}}`))
		defer b.Release()
		b.Map()
		Expect(b.Misses()).To(Equal(map[string][]string{"fields": {"c"}}))
	})
})

var _ = Describe("metadata beside an event", func() {
	c := func() *engine.Connection {
		return bind(small("hosts: {api: https://api.example.com}\nrequests: {q: {method: POST, host: api, url: /q, envelope: =items, trace: t}}\n",
			"send: [{request: q, item: {n: =input.n, m: =input.message}}]\n"), "{}")
	}
	It("names the job, whose order counts and who travels alone", func() {
		o := c().Plan([]engine.Input{
			{JSON: []byte(`{"n":1,"messageId":"a"}`), Metadata: []byte(`{"jobId":11,"userId":"u"}`)},
			{JSON: []byte(`{"n":2}`), Metadata: []byte(`{"jobId":12,"dontBatch":true}`)},
			{JSON: []byte(`{"n":3}`), Metadata: []byte(`{"jobId":13}`)},
		}).Map()
		defer o.Release()
		var got []string
		for _, e := range o.Elements() {
			got = append(got, fmt.Sprint(e.Indexes)+string(e.AppendJSON(nil)))
		}
		Expect(got).To(HaveLen(2))
		Expect(got[0]).To(ContainSubstring(`[{\"n\":1,\"t\":\"11\"},{\"n\":3,\"t\":\"13\"}]`))
		Expect(got[1]).To(ContainSubstring(`[{\"n\":2,\"t\":\"12\"}]`))
	})
	It("makes of JSON the event itself, whatever it holds", func() {
		o := c().Plan([]engine.Input{{JSON: []byte(`{"message":{"n":5},"n":1}`), Metadata: []byte(`{"jobId":1}`)}}).Map()
		defer o.Release()
		r := o.Results()[0]
		Expect(string(r.AppendJSON(nil))).To(ContainSubstring(`{\"n\":1,\"m\":{\"n\":5},\"t\":\"1\"}`))
	})
	It("that cannot be read rejects the event alone", func() {
		o := c().Plan([]engine.Input{{JSON: []byte(`{"n":1}`), Metadata: []byte(`{"jobId":`)}, {JSON: []byte(`{"n":2}`), Metadata: []byte(`7`)}}).Map()
		defer o.Release()
		results := o.Results()
		Expect(results[0].Error.Code).To(Equal("invalid_json"))
		Expect(results[0].Error.Message).To(HavePrefix("the metadata of the event cannot be read: "))
		Expect(results[1].Status).To(Equal(engine.Mapped))
	})
})

var _ = Describe("a connection at another time", func() {
	It("differs in nothing else", func() {
		p := smallWith(map[string]string{"f.json": `{"x":1}`}, smallRequest+"portal: {f: {builtin: f.json}}\n", "send: [{request: q, item: {now: =now, f: =f.x}}]\n")
		c := bind(p, "{}")
		later := c.At(now.AddDate(1, 0, 0))
		for range 2 {
			Expect(lines(c, "{}")[0]).To(ContainSubstring(`{"now":"2025-01-01T00:00:00Z","f":1}`))
			Expect(lines(later, "{}")[0]).To(ContainSubstring(`{"now":"2026-01-01T00:00:00Z","f":1}`))
		}
		Expect(lines(c.At(now.AddDate(0, 0, 1)).At(now.AddDate(2, 0, 0)), "{}")[0]).To(ContainSubstring(`"2027-01-01T`))
	})
})

var _ = Describe("a batch that is given up", func() {
	It("leaves its memory and the answers of others alone", func() {
		c := bind(small(smallRequest+"lookups: {l: {host: true}}\n", "ask: {found: {lookup: l, key: input.k}}\nsend: [{request: q, item: {k: =input.k, found: =found}}]\n"), "{}")
		b := c.Plan(inputs(`{"k":"a"}`))
		Expect(b.Questions()).To(HaveLen(1))
		b.Release()
		b.Release()
		o := c.Plan(inputs(`{"k":"b"}`)).Map()
		Expect(o.Results()[0].Status).To(Equal(engine.Mapped))
		o.Release()
		o.Release()
	})
})
