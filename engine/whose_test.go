package engine_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

// delivering is a destination that says all that a deliverer has to know.
const delivering = `celmap: destination/v1
name: delivering
config: config.schema.json
hosts: {api: https://api.example.com}
delivery:
  order:
    email: [lower(text(input.traits.email)), 'empty(input.others) ? null : input.others.map(o, lower(text(o)))']
    user: input.userId
    anonymous: input.anonymousId
  config: {traces: true}
  limits:
    burst:
      per: 10s
      max: {free: 100, pro: 190}
      says:
        max: headers["x-max"]
        left: headers["x-left"]
        reset: 'headers["x-reset"] == null ? null : headers["x-reset"] + "s"'
        reached: status == 429 && body.policy == "BURST"
    search: {per: 1s, max: 5, says: {left: body.left}}
lookups:
  emails:
    host: true
    keys: {fold: lower}
    learn:
      when: input.type == "identify"
      keys: [input.userId, input.anonymousId]
      value: [input.traits.email, input.email]
  people:
    limits: search
    keys: {max: 2}
    request: {method: GET, host: api, url: /people, params: {ids: =keys}}
    answer: body.people
    matches: item.id == key
routes: [{to: person}]
requests: {people: {method: POST, host: api, url: /people, limits: [burst], envelope: =item}}
`

const delivered = `celmap: mapping/v1
name: person
ask:
  email: {lookup: emails, key: [input.userId, input.anonymousId]}
  found: {lookup: people, key: input.id, when: input.id != null}
send: [{request: people, item: {email: =email, found: =found, traces: =config.traces}}]
`

const deliveringConfig = `{"type": "object", "properties": {"traces": {"type": "boolean"}, "key": {"secret": true}}}`

func deliveringFiles(destination string) fstest.MapFS {
	return fstest.MapFS{
		"destination.yaml": {Data: []byte(destination)}, "person.yaml": {Data: []byte(delivered)}, "config.schema.json": {Data: []byte(deliveringConfig)},
	}
}

func deliverer() *engine.Program {
	GinkgoHelper()
	p, found := load(deliveringFiles(delivering))
	Expect(found).To(BeEmpty())
	Expect(p.Warnings()).To(BeEmpty())
	return p
}

var _ = Describe("whose an event is", func() {
	var c *engine.Connection
	BeforeEach(func() { c = bind(deliverer(), `{}`) })

	whose := func(event string) engine.Whose {
		GinkgoHelper()
		w, err := c.Whose(engine.Input{JSON: []byte(event)})
		Expect(err).NotTo(HaveOccurred())
		return w
	}

	It("is told by all keys of the rules, each under its name and once", func() {
		w := whose(`{"userId": 7, "anonymousId": "7", "traits": {"email": "Ann@X.com"}, "others": ["ANN@x.com", "bob@x.com", "", null]}`)
		Expect(w.Keys).To(Equal([]string{"email:ann@x.com", "email:bob@x.com", "user:7", "anonymous:7"}))
	})

	It("is told by nothing that is empty or an object", func() {
		Expect(whose(`{"userId": "", "anonymousId": {"a": 1}}`).Keys).To(BeEmpty())
	})

	It("is read as inputs are", func() {
		wrapped := `{"message": {"userId": "7"}, "metadata": {"userId": "8"}}`
		Expect(whose(wrapped).Keys).To(Equal([]string{"user:7"}))
		w, err := c.Whose(engine.Input{JSON: []byte(wrapped), Metadata: []byte(`{}`)})
		Expect(err).NotTo(HaveOccurred())
		Expect(w.Keys).To(BeEmpty())
	})

	It("is not known of what is no event", func() {
		for _, text := range []string{`{"userId": "7"`, `7`, `[]`} {
			w, err := c.Whose(engine.Input{JSON: []byte(text)})
			Expect(err).To(BeAssignableToTypeOf(&engine.EventError{}))
			Expect(w).To(Equal(engine.Whose{}))
		}
	})

	It("is told by keys of a bounded length, which differ all the same", func() {
		long := strings.Repeat("x", 10_000)
		one, other := whose(`{"userId": "`+long+`a"}`).Keys, whose(`{"userId": "`+long+`b"}`).Keys
		Expect(one).To(HaveLen(1))
		Expect(len(one[0])).To(BeNumerically("<", 100))
		Expect(one).NotTo(Equal(other))
	})

	It("holds nothing of the bytes that it was read from", func() {
		text := []byte(`{"type": "identify", "userId": "seven", "traits": {"email": "ann@x.com"}}`)
		w, err := c.Whose(engine.Input{JSON: text})
		Expect(err).NotTo(HaveOccurred())
		clear(text)
		Expect(w.Keys).To(Equal([]string{"email:ann@x.com", "user:seven"}))
		Expect(w.Teaches).To(Equal([]engine.Memory{{Lookup: "emails", Key: "seven", Value: "ann@x.com"}}))
	})

	It("teaches a lookup where the rules say so, under every key", func() {
		w := whose(`{"type": "identify", "userId": "Seven", "anonymousId": "a", "traits": {"email": ""}, "email": "Ann@x.com"}`)
		Expect(w.Teaches).To(Equal([]engine.Memory{{"emails", "seven", "Ann@x.com"}, {"emails", "a", "Ann@x.com"}}))
		Expect(w.Asks).To(Equal([]engine.Memory{{"emails", "seven", ""}, {"emails", "a", ""}}))
		w = whose(`{"type": "track", "userId": "7", "traits": {"email": "ann@x.com"}}`)
		Expect(w.Teaches).To(BeEmpty())
		Expect(w.Asks).To(Equal([]engine.Memory{{"emails", "7", ""}}))
		Expect(whose(`{"type": "identify", "userId": "7"}`).Teaches).To(BeEmpty())
	})

	It("asks with the keys of the questions that mapping asks", func() {
		event := `{"type": "track", "userId": "Seven"}`
		b := c.Plan(inputs(event))
		Expect(b.Questions()).To(HaveLen(1))
		q := b.Questions()[0]
		Expect(whose(event).Asks).To(ContainElement(engine.Memory{Lookup: q.Lookup.Name, Key: q.Key}))
		b.Map().Release()
	})

	It("is told by userId and anonymousId where the rules do not say", func() {
		c = bind(shop(), `{}`)
		Expect(whose(`{"userId": "7", "anonymousId": "a"}`).Keys).To(Equal([]string{"userId:7", "anonymousId:a"}))
	})
})

var _ = Describe("a limit of the API", func() {
	It("holds for requests and lookups that name it", func() {
		p := deliverer()
		Expect(p.Tiers()).To(Equal([]string{"free", "pro"}))
		Expect(p.Limits()).To(HaveLen(2))
		burst, search := p.Limits()[0], p.Limits()[1]
		Expect([]any{burst.Name, burst.Per, burst.Max("free"), burst.Max("pro")}).To(Equal([]any{"burst", 10 * time.Second, 100, 190}))
		Expect([]any{search.Name, search.Per, search.Max("free"), search.Max("")}).To(Equal([]any{"search", time.Second, 5, 5}))
		c := bind(p, `{}`)
		b := c.Plan(inputs(`{"id": "1"}`))
		calls := c.Calls(b.Questions())
		Expect(calls).To(HaveLen(1))
		Expect(calls[0].Limits).To(Equal([]*engine.Limit{search}))
		o := b.Map()
		defer o.Release()
		requests := o.Results()[0].Requests
		Expect(requests).To(HaveLen(1))
		Expect(requests[0].Limits()).To(Equal([]*engine.Limit{burst}))
	})

	It("is told by answers, as far as they say something", func() {
		p := deliverer()
		c := bind(p, `{}`)
		told, err := c.Allowances(p.Limits(), engine.Answer{Status: 429, Headers: map[string]string{"x-max": "190", "x-left": "12", "x-reset": "3"}, Body: []byte(`{"policy": "BURST", "left": 4}`)})
		Expect(err).NotTo(HaveOccurred())
		Expect(told).To(Equal([]engine.Allowance{
			{Limit: p.Limits()[0], Max: 190, Left: 12, Reset: 3 * time.Second, Reached: true},
			{Limit: p.Limits()[1], Max: -1, Left: 4},
		}))
		told, err = c.Allowances(p.Limits(), engine.Answer{Status: 200, Headers: map[string]string{"x-left": "many"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(told).To(Equal([]engine.Allowance{{Limit: p.Limits()[0], Max: -1, Left: -1}, {Limit: p.Limits()[1], Max: -1, Left: -1}}))
	})
})

var _ = Describe("settings of delivery", func() {
	sent := func(s engine.Settings) any {
		c, err := deliverer().Bind(s)
		Expect(err).NotTo(HaveOccurred())
		return dig(lines(c, `{}`)[0], "requests", 0, "body", "JSON", "traces")
	}

	It("hold where the host delivers and the config does not say otherwise", func() {
		Expect(sent(engine.Settings{Delivers: true})).To(BeTrue())
		Expect(sent(engine.Settings{Delivers: true, Config: []byte(`{"traces": false}`)})).To(BeFalse())
		Expect(sent(engine.Settings{})).To(BeNil())
	})
})

var _ = DescribeTable("delivery that does not fit together is reported:",
	func(old, broken, code, fault, words string) {
		Expect(delivering).To(ContainSubstring(old))
		p, found := load(deliveringFiles(strings.Replace(delivering, old, broken, 1)))
		if p != nil {
			found = p.Warnings()
		}
		Expect(found).To(HaveLen(1), "%v", found)
		Expect(found[0].Code).To(Equal(code))
		Expect(found[0].Span.Text()).To(Equal(fault))
		Expect(found[0].Summary + " | " + found[0].Help).To(ContainSubstring(words))
	},
	Entry("a limit that is misspelt", "limits: search", "limits: serach", "unknown-limit", "serach", "did you mean search?"),
	Entry("a limit that nothing names", "    limits: search\n", "", "unused", "search", "nothing uses the limit search"),
	Entry("a limit of zero", "max: 5", "max: 0", "zero-limit", "0", "nothing would ever be sent"),
	Entry("a tier of zero", "pro: 190", "pro: 0", "zero-limit", "0", "nothing would ever be sent"),
	Entry("no time", "per: 1s", "per: 0s", "zero-limit", "0s", "no time"),
	Entry("a tier that another limit does not know", "max: 5", "max: {free: 5, por: 6}", "unknown-tier", "por", "did you mean pro?"),
	Entry("a tier that is left out", "max: 5", "max: {free: 5}", "missing-tier", "{free: 5}", `says nothing of the tier "pro"`),
	Entry("a reset without a unit", `'headers["x-reset"] == null ? null : headers["x-reset"] + "s"'`, `headers["x-reset"]`, "wrong-kind", `headers["x-reset"]`, `+ "s"`),
	Entry("a refusal that is no condition", `status == 429 && body.policy == "BURST"`, "status + 1", "not-a-condition", "status + 1", "true or false"),
	Entry("a count that is a list", "left: body.left", "left: '[body.left]'", "wrong-type", "[body.left]", "a number of requests"),
	Entry("a key that is an object", "user: input.userId", `user: '{"id": input.userId}'`, "wrong-type", `{"id": input.userId}`, "a key is a text"),
	Entry("a key that depends on the time", "user: input.userId", "user: text(input.userId) + now", "unsteady-key", "text(input.userId) + now", "the time of the run"),
	Entry("an order of nothing", "order:\n    email: [lower(text(input.traits.email)), 'empty(input.others) ? null : input.others.map(o, lower(text(o)))']\n    user: input.userId\n    anonymous: input.anonymousId\n", "order: {}\n", "empty", "{}", "order"),
	Entry("a setting that is misspelt", "{traces: true}", "{trace: true}", "unknown-setting", "trace", "traces"),
	Entry("a setting of the wrong kind", "{traces: true}", "{traces: maybe}", "invalid-config", "maybe", "does not fit the schema"),
	Entry("a secret among the settings", "{traces: true}", "{traces: true, key: abc}", "secret-setting", "abc", "secret"),
	Entry("something learnt that nobody asks", "    host: true\n    keys: {fold: lower}\n", "    keys: {fold: lower}\n    request: {method: GET, host: api, url: /, params: {k: =keys}}\n    answer: body.l\n    matches: item.id == key\n", "useless-key", "learn", "add host: true"),
	Entry("a key that is never learnt", "keys: [input.userId, input.anonymousId]", "keys: [input.userId]", "never-learnt", "input.anonymousId", "nothing is remembered under input.anonymousId"),
	Entry("something learnt that is a list", "value: [input.traits.email, input.email]", "value: '[input.email]'", "wrong-type", "[input.email]", "a single value"),
)

func BenchmarkWhose(b *testing.B) {
	p, _ := load(deliveringFiles(delivering))
	c, err := p.Bind(engine.Settings{})
	if err != nil {
		b.Fatal(err)
	}
	event := engine.Input{JSON: []byte(`{"type": "identify", "messageId": "m-1", "userId": "user-1234", "anonymousId": "0c9c2d6e-5f2a-4b0e-9f2d-3b8a6a6c1d10", "traits": {"email": "ann@example.com", "firstName": "Ann", "plan": "pro", "age": 41}, "context": {"library": {"name": "js", "version": "2.1"}, "ip": "203.0.113.7"}, "timestamp": "2025-01-01T00:00:00Z"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if w, err := c.Whose(event); err != nil || len(w.Keys) != 3 {
			b.Fatal(w, err)
		}
	}
}
