package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

// calling is a destination whose host makes calls of all kinds.
const calling = `celmap: destination/v1
name: calling
config: config.schema.json
hosts:
  api: https://api.example.com
  own: {url: "=config.url", within: "*.example.com"}
headers: {Accept: application/json}
auth:
  - {name: key, when: config.kind == "key", needs: [config.key], params: {api_key: =config.key}}
  - {name: basic, when: config.kind == "basic", basic: {user: u, password: =config.token}}
  - {name: token, needs: [config.token], headers: {Authorization: "Bearer ${config.token}"}}
portal:
  account:
    request: {method: GET, host: api, url: "/accounts/${config.account}", headers: {X-Kind: =config.kind, X-None: =null}, params: {of: "a&b=${config.account}", n: =1 + 2, none: =null}}
    ttl: 1h
    refreshOnMiss: true
  given:
    builtin: given.json
lookups:
  people:
    args: [field, region]
    keys: {max: 3, fold: lower}
    rate: {perSecond: 5}
    request: {method: POST, host: api, url: "/${region}/search", body: {field: =field, values: =keys, after: =page}}
    pages: body.next
    answer: body.people
    matches: item.id != null && (lower(item[field]) == key || key in item.others)
    gives: '{"id": item.id, "for": key}'
    failure:
      - {when: status == 429 && body.policy == "day", do: retry, after: 1h}
      - {when: '!empty(headers["retry-after"])', do: retry, after: 'headers["retry-after"] + "s"', because: "${field} in ${region}: wait ${headers[\"retry-after\"]} s"}
      - {when: status == 429, do: retry, after: text(body.wait)}
      - {when: status == 404, do: empty}
  person:
    keys: {max: 1}
    request: {method: GET, host: own, url: "/people/${keys[0]}"}
    value: 'kind(body.person) == "object" ? merge(body.person, {"key": key}) : null'
  everyone:
    request: {method: GET, host: api, url: /everyone}
    answer: body
    matches: item.name.startsWith(key)
  elsewhere: {host: true}
routes: [{to: event}]
requests: {q: {method: POST, host: api, url: /q, envelope: =item}}
`

const callers = `celmap: mapping/v1
name: event
ask:
  found: {lookup: people, with: {field: =input.by, region: =input.region}, key: input.key}
  one: {lookup: person, key: input.one}
  all: {lookup: everyone, key: input.all}
  other: {lookup: elsewhere, key: input.other}
send: [{request: q, item: {found: =found, one: =one, all: =all, other: =other, account: "=account.name", given: =given}}]
`

const callingConfig = `{"type": "object", "properties": {"token": {"type": "string", "secret": true}, "key": {"type": "string", "secret": true}, "kind": {}, "account": {}, "url": {"type": "string"}}}`

func calls(config string) *engine.Connection {
	GinkgoHelper()
	p, err := engine.Load(fstest.MapFS{
		"d.yaml": {Data: []byte(calling)}, "m.yaml": {Data: []byte(callers)},
		"config.schema.json": {Data: []byte(callingConfig)}, "given.json": {Data: []byte("{}")},
	}, engine.WithName("calling"))
	Expect(err).NotTo(HaveOccurred())
	Expect(p.Warnings()).To(BeEmpty())
	return bind(p, config)
}

// shown writes a call on one line for each of its parts.
func shown(c *engine.Call) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", c.Name, c.Method, c.URL)
	for _, name := range []string{"Accept", "Authorization", "X-Kind"} {
		if v, ok := c.Headers[name]; ok {
			fmt.Fprintf(&b, " %s=%s", name, v)
		}
	}
	if c.Body != nil {
		fmt.Fprintf(&b, " %s", c.Body)
	}
	return b.String()
}

func shownAll(list []*engine.Call) (out []string) {
	for _, c := range list {
		out = append(out, shown(c))
	}
	return out
}

func replies(c *engine.Call) (out []string) {
	for _, r := range c.Replies() {
		Expect(r.Failure).To(BeNil())
		out = append(out, string(r.Answer))
	}
	return out
}

func answer(body string) engine.Answer { return engine.Answer{Status: 200, Body: []byte(body)} }

var _ = Describe("the call for portal data", func() {
	It("is made of the config, with headers, authentication and escaped parts", func() {
		call, err := calls(`{"token": "s", "account": "a/b c?", "kind": "x"}`).PortalCall("account")
		Expect(err).NotTo(HaveOccurred())
		Expect(shown(call)).To(Equal("account GET https://api.example.com/accounts/a%2Fb%20c%3F?of=a%26b%3Da%2Fb+c%3F&n=3 Accept=application/json Authorization=Bearer s X-Kind=x"))
		Expect(call.Headers).To(HaveLen(3))
		Expect(call.Questions).To(BeNil())
		Expect(call.PerSecond).To(BeZero())
	})
	It("proves who asks in the first way that applies", func() {
		call, err := calls(`{"kind": "key", "key": "k&1", "account": 7}`).PortalCall("account")
		Expect(err).NotTo(HaveOccurred())
		Expect(shown(call)).To(Equal("account GET https://api.example.com/accounts/7?of=a%26b%3D7&n=3&api_key=k%261 Accept=application/json X-Kind=key"))
		call, err = calls(`{"kind": "basic", "token": "t", "account": 7}`).PortalCall("account")
		Expect(err).NotTo(HaveOccurred())
		Expect(call.Headers).To(HaveKeyWithValue("Authorization", "Basic dTp0"))
	})
	DescribeTable("is not made", func(config, name, code, says string) {
		call, err := calls(config).PortalCall(name)
		Expect(call).To(BeNil())
		var known *engine.EventError
		Expect(errors.As(err, &known)).To(BeTrue())
		Expect(known.Code).To(Equal(code))
		Expect(known.Message).To(ContainSubstring(says))
	},
		Entry("without credentials", `{"account": 1}`, "account", "missing_config", "config.token is missing"),
		Entry("to an address with a hole", `{"token": "s"}`, "account", "unsafe_url", "config.account"),
		Entry("with a config that its schema refuses", `{"token": 1}`, "account", "invalid_config", "config.token"),
		Entry("for data that is not fetched", `{"token": "s"}`, "given", "lookup_failed", "do not say how the data given"),
		Entry("for data that nobody knows", `{"token": "s"}`, "gone", "lookup_failed", "do not say how the data gone"),
	)
	It("fails without telling secrets", func() {
		_, err := calls(`{"token": "hush\nhush", "account": 1}`).PortalCall("account")
		Expect(err).To(MatchError(ContainSubstring("unsafe_header")))
		Expect(err.Error()).NotTo(ContainSubstring("hush"))
	})
	It("is told from data that nobody fetches", func() {
		p := calls("{}").Program()
		ttl, refresh, fetched := p.Portal("account")
		Expect(fmt.Sprint(ttl, refresh, fetched)).To(Equal("1h0m0s true true"))
		ttl, refresh, fetched = p.Portal("given")
		Expect(fmt.Sprint(ttl, refresh, fetched)).To(Equal("0s false false"))
	})
})

var _ = Describe("the calls of lookups", func() {
	plan := func(c *engine.Connection, events ...string) *engine.Batch {
		b := c.Plan(inputs(events...))
		DeferCleanup(b.Release)
		return b
	}
	const config = `{"token": "s", "url": "https://eu.example.com"}`

	It("gather the keys of equal questions, as many as a request takes", func() {
		b := plan(calls(config),
			`{"by":"mail","region":"eu","key":"A"}`, `{"by":"mail","region":"eu","key":"b"}`, `{"by":"mail","region":"us/1","key":"a"}`, `{"by":"mail","region":"eu","key":"a"}`,
			`{"by":"mail","region":"eu","key":"c"}`, `{"by":"mail","region":"eu","key":"d \"?"}`, `{"by":"id","region":"eu","key":5}`)
		list := calls(config).Calls(b.Questions())
		Expect(shownAll(list)).To(Equal([]string{
			`people POST https://api.example.com/eu/search Accept=application/json Authorization=Bearer s {"field":"mail","values":["a","b","c"]}`,
			`people POST https://api.example.com/eu/search Accept=application/json Authorization=Bearer s {"field":"mail","values":["d \"?"]}`,
			`people POST https://api.example.com/us%2F1/search Accept=application/json Authorization=Bearer s {"field":"mail","values":["a"]}`,
			`people POST https://api.example.com/eu/search Accept=application/json Authorization=Bearer s {"field":"id","values":["5"]}`,
		}))
		Expect(list[0].Questions).To(HaveLen(3))
		Expect(list[0].PerSecond).To(Equal(5))
	})
	It("ask for a key that several batches want once", func() {
		c := calls(config)
		event := `{"by":"mail","region":"eu","key":"a"}`
		list := c.Calls(append(plan(c, event).Questions(), plan(c, event).Questions()...))
		Expect(shownAll(list)).To(ConsistOf(HaveSuffix(`"values":["a"]}`)))
		Expect(list[0].Read(answer(`{"people":[{"id":1,"mail":"A"}]}`))).To(BeNil())
		Expect(replies(list[0])).To(Equal([]string{`[{"id":1,"for":"a"}]`, `[{"id":1,"for":"a"}]`}))
	})
	It("are one for each key where an answer is for one", func() {
		b := plan(calls(config), `{"one":"a/b"}`, `{"one":"c"}`)
		Expect(shownAll(calls(config).Calls(b.Questions()))).To(Equal([]string{
			"person GET https://eu.example.com/people/a%2Fb Accept=application/json Authorization=Bearer s",
			"person GET https://eu.example.com/people/c Accept=application/json Authorization=Bearer s",
		}))
	})
	It("are one for all keys where the request does not name them", func() {
		var events []string
		for i := range 300 {
			events = append(events, fmt.Sprintf(`{"all":"%d","other":"x"}`, i))
		}
		b := plan(calls(config), events...)
		list := calls(config).Calls(b.Questions())
		Expect(list).To(HaveLen(1), "the host answers the others by its own means")
		Expect(list[0].Questions).To(HaveLen(300))
		Expect(list[0].Read(answer(`[{"name":"12x"},{"name":"3"}]`))).To(BeNil())
		Expect(replies(list[0])[12]).To(Equal(`[{"name":"12x"}]`))
		Expect(replies(list[0])[1]).To(Equal(`[{"name":"12x"}]`))
		Expect(replies(list[0])[3]).To(Equal(`[{"name":"3"}]`))
		Expect(replies(list[0])[4]).To(BeEmpty())
	})
	It("leave out a question that cannot be asked, and none beside it", func() {
		c := calls(config)
		b := plan(c, `{"one":".."}`, `{"by":"mail","region":"eu","key":"a"}`, `{"by":"mail","region":"","key":"a"}`)
		Expect(c.Calls(b.Questions())).To(HaveLen(1))
		o := b.Map()
		var codes []string
		for _, r := range o.Results() {
			code := ""
			if r.Error != nil {
				code = r.Error.Code
			}
			codes = append(codes, code)
		}
		Expect(codes).To(Equal([]string{"unsafe_url", "", "unsafe_url"}))
	})
	It("find the key of many that cannot be asked for", func() {
		c := bind(small(smallRequest+"lookups: {l: {keys: {max: 10}, request: {method: POST, host: api, url: /l, body: {ids: \"=keys.map(k, int(k))\"}}, answer: body, matches: text(item.id) == key}}\n",
			"ask: {found: {lookup: l, key: input.id}}\nsend: [{request: q, item: {found: =found}}]\n"), "{}")
		b := plan(c, `{"id":"1"}`, `{"id":"2"}`, `{"id":"x"}`, `{"id":"4"}`)
		list := c.Calls(b.Questions())
		var bodies []string
		for _, call := range list {
			bodies = append(bodies, string(call.Body))
			Expect(call.Read(answer(`[{"id":4}]`))).To(BeNil())
			for i, reply := range call.Replies() {
				b.Answer(call.Questions[i], reply)
			}
		}
		Expect(bodies).To(Equal([]string{`{"ids":[1,2]}`, `{"ids":[4]}`}))
		results := b.Map().Results()
		Expect(results[2].Error.Code).To(Equal("expression_failed"))
		Expect(string(results[3].AppendJSON(nil))).To(ContainSubstring(`{"found":[{"id":4}]}`))
	})
	It("fail without telling secrets that rules hand over", func() {
		c := bind(smallWith(map[string]string{"c.json": callingConfig}, "config: c.json\n"+smallRequest+"lookups: {l: {args: [by], keys: {max: 1}, request: {method: POST, host: api, url: \"/l/${keys[0]}\", params: {n: =int(by)}}, answer: body}}\n",
			"ask: {found: {lookup: l, with: {by: =config.token}, key: input.k}}\nsend: [{request: q, item: {found: =found}}]\n"), `{"token":"hush"}`)
		b := plan(c, `{"k":"a"}`)
		Expect(c.Calls(b.Questions())).To(BeEmpty())
		line := string(b.Map().Results()[0].AppendJSON(nil))
		Expect(line).To(And(ContainSubstring("expression_failed"), ContainSubstring("[secret]"), Not(ContainSubstring("hush"))))
	})
	It("hold nothing of the batch that asked", func() {
		c := calls(config)
		b := c.Plan(inputs(`{"by":"mail","region":"eu","key":"ann"}`))
		list := c.Calls(b.Questions())
		b.Release()
		for range 3 { // others work in its memory
			big := `{"other":"x","y":[` + strings.Repeat(`{"mail":"x"},`, 100) + `1]}`
			first, second := c.Plan(inputs(big)), c.Plan(inputs(big))
			first.Release()
			second.Release()
		}
		Expect(shown(list[0])).To(HaveSuffix(`/eu/search Accept=application/json Authorization=Bearer s {"field":"mail","values":["ann"]}`))
		next, err := list[0].Read(answer(`{"people":[{"id":1,"mail":"Ann"}],"next":"p2"}`))
		Expect(err).NotTo(HaveOccurred())
		Expect(shown(next)).To(HaveSuffix(`/eu/search Accept=application/json Authorization=Bearer s {"field":"mail","values":["ann"],"after":"p2"}`))
	})
})

var _ = Describe("the answer to a lookup", func() {
	const config = `{"token": "s", "url": "https://eu.example.com"}`
	ask := func(keys ...string) *engine.Call {
		GinkgoHelper()
		c := calls(config)
		var events []string
		for _, k := range keys {
			events = append(events, fmt.Sprintf(`{"by":"mail","region":"eu","key":%q}`, k))
		}
		b := c.Plan(inputs(events...))
		DeferCleanup(b.Release)
		list := c.Calls(b.Questions())
		Expect(list).To(HaveLen(1))
		return list[0]
	}

	It("is split to the keys that its items match", func() {
		call := ask("Ann@x", "bob@x", "eve@x")
		Expect(call.Read(answer(`{"people":[{"id":1,"mail":"ann@X"},{"id":2,"mail":"bob@x","others":["ann@x"]},{"id":3},{"mail":"eve@x"},{"id":4,"mail":"zoe@x"}]}`))).To(BeNil())
		Expect(replies(call)).To(Equal([]string{
			`[{"id":1,"for":"ann@x"},{"id":2,"for":"ann@x"}]`,
			`[{"id":2,"for":"bob@x"}]`,
			``,
		}))
	})
	It("goes on for as many pages as it names", func() {
		call := ask("a", "b")
		second, err := call.Read(answer(`{"people":[{"id":1,"mail":"a"}],"next":{"after":2}}`))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(second.Body)).To(Equal(`{"field":"mail","values":["a","b"],"after":{"after":2}}`))
		Expect(second.Questions).To(Equal(call.Questions))
		third, err := second.Read(answer(`{"people":[],"next":"3"}`))
		Expect(err).NotTo(HaveOccurred())
		Expect(third.Read(answer(`{"people":[{"id":2,"mail":"a"},{"id":3,"mail":"b"}],"next":""}`))).To(BeNil())
		for _, page := range []*engine.Call{call, third} {
			Expect(replies(page)).To(Equal([]string{`[{"id":1,"for":"a"},{"id":2,"for":"a"}]`, `[{"id":3,"for":"b"}]`}))
		}
	})
	It("that names a page again is refused", func() {
		call := ask("a")
		_, err := call.Read(engine.Answer{Status: 404, Body: []byte(`{"people":[]}`)})
		Expect(err).To(MatchError(ContainSubstring("its status is 404")), "a refusal is not nothing found")
		second, err := call.Read(answer(`{"people":[],"next":"2"}`))
		Expect(err).NotTo(HaveOccurred())
		_, err = second.Read(answer(`{"people":[],"next":"2"}`))
		Expect(err).To(MatchError(`the answer of the lookup people cannot be read: it names a page as the next one that was read already, text "2"`))
	})
	It("has a bound of pages", func() {
		call := ask("a")
		for i := range 100 {
			next, err := call.Read(answer(fmt.Sprintf(`{"people":[],"next":%d}`, i+1)))
			Expect(err).NotTo(HaveOccurred())
			call = next
		}
		_, err := call.Read(answer(`{"people":[],"next":101}`))
		Expect(err).To(MatchError(ContainSubstring("more than 100 pages")))
	})
	It("that cannot be read says why, and adds nothing", func() {
		call := ask("a")
		for body, says := range map[string]string{
			``:                               "its body is no JSON (invalid_json at byte 0 of 0)",
			`<html>`:                         "its body is no JSON (invalid_json at byte 0 of 6)",
			`{"people":[{"id":1,"mail":"a"}`: "its body is no JSON",
			`{"message":"gone"}`:             "body.people gives missing, where the list of items is expected",
			`{"people":{"id":1}}`:            "body.people gives object {…1 key}, where",
			`{"people":[{"id":1,"mail":"a"},{"id":2,"mail":["a"]}]}`: "lower",
		} {
			next, err := call.Read(answer(body))
			Expect(err).To(MatchError(And(HavePrefix("the answer of the lookup people cannot be read: "), ContainSubstring(says))), body)
			Expect(next).To(BeNil())
		}
		Expect(replies(call)).To(Equal([]string{""}))
		Expect(call.Read(answer(`{"people":[{"id":1,"mail":"a"}]}`))).To(BeNil())
		Expect(replies(call)).To(Equal([]string{`[{"id":1,"for":"a"}]`}))
	})
	// The second list is what the condition compares the key with.
	DescribeTable("is matched without trying every key for every item", func(matches string, compared ...string) {
		lookup := "{keys: {max: 1000}, request: {method: POST, host: api, url: /l, body: =keys}, answer: body, matches: '%s'}"
		p := small(smallRequest+fmt.Sprintf("lookups: {l: "+lookup+", every: "+lookup+"}\n", matches, "("+matches+") || false"),
			"ask: {found: {lookup: l, key: input.k}, every: {lookup: every, key: input.k}}\nsend: [{request: q, item: {found: =found, every: =every}}]\n")
		var got []string
		for _, c := range p.Plan().Lookups["l"].Compared {
			got = append(got, c.Text)
		}
		Expect(got).To(HaveExactElements(compared))
		Expect(p.Plan().Lookups["every"].Compared).To(BeEmpty())
		c := bind(p, "{}")
		b := c.Plan(inputs(`{"k":"a"}`, `{"k":"b"}`, `{"k":"c"}`, `{"k":"5"}`, `{"k":"x"}`))
		defer b.Release()
		both := c.Calls(b.Questions())
		Expect(both).To(HaveLen(2))
		for _, call := range both {
			Expect(call.Read(answer(`[{"id":"a"},{"id":"B","l":["c","x"]},{"id":5,"l":{"b":1,"a":1}},{"id":null,"l":null},{"l":["c",5,null]},{"id":"x","l":["x"]},{"t":"a b c"}]`))).To(BeNil())
		}
		Expect(replies(both[0])).To(Equal(replies(both[1])))
	},
		Entry("by ==", `item.id == key`, "item.id"),
		Entry("by == the other way around", `key == lower(text(item.id))`, "lower(text(item.id))"),
		Entry("by in", `key in item.l`, "item.l"),
		Entry("by one of several", `item.id == key || key in item.l || key == "x"`, "item.id", "item.l", `"x"`),
		Entry("by one of two that both hold", `item.l != null && (item.id == key || key in item.l)`, "item.id", "item.l"),
		Entry("by the first of two", `item.id == key && key in item.l`, "item.id"),
		Entry("by something that fails for others", `item.id != null && key in split(item.t, " ")`, `split(item.t, " ")`),
		Entry("by a pattern", `text(item.id).startsWith(key)`),
		Entry("by one of several, or a pattern", `item.id == key || text(item.id).contains(key)`),
		Entry("by what is not equal", `item.id != key`),
		Entry("by what is not so", `!(item.id == key)`),
		Entry("by what is made of the key", `item.id == lower(key)`),
		Entry("by itself", `key == key && item.id != null`),
		Entry("by a loop", `item.l.exists(k, k == key)`),
		Entry("by an alternative", `item.id == null ? key in item.l : item.id == key`),
	)
	It("may have many items that each key has to be tried with", func() {
		c := bind(small(smallRequest+"lookups: {l: {keys: {max: 100}, request: {method: POST, host: api, url: /l, body: =keys}, answer: body, matches: 'item.ids.exists(i, i.lowerAscii() == key)'}}\n",
			"ask: {found: {lookup: l, key: input.k}}\nsend: [{request: q, item: {found: =found}}]\n"), "{}")
		var events, items []string
		for i := range 200 {
			items = append(items, fmt.Sprintf(`{"ids":["A%d","B%d","C%d"]}`, i, i, i))
			if i < 100 {
				events = append(events, fmt.Sprintf(`{"k":"b%d"}`, i))
			}
		}
		b := c.Plan(inputs(events...))
		defer b.Release()
		call := c.Calls(b.Questions())[0]
		Expect(call.Read(answer("[" + strings.Join(items, ",") + "]"))).To(BeNil())
		Expect(replies(call)[99]).To(Equal(`[{"ids":["A99","B99","C99"]}]`))
	})
	It("takes no longer than the events of a batch may", func() {
		c := bind(small(smallRequest+"lookups: {l: {keys: {max: 100}, request: {method: POST, host: api, url: /l, body: =keys}, answer: body, matches: 'item.exists(x, item.exists(y, x == y + key))'}}\n",
			"ask: {found: {lookup: l, key: input.k}}\nsend: [{request: q, item: {found: =found}}]\n", engine.WithLimits(engine.Limits{BatchSteps: 100_000})), "{}")
		b := c.Plan(inputs(`{"k":"a"}`))
		defer b.Release()
		list := "[" + strings.Repeat(`"a",`, 200) + `"a"]`
		_, err := c.Calls(b.Questions())[0].Read(answer("[" + strings.Repeat(list+",", 20) + list + "]"))
		Expect(err).To(MatchError(ContainSubstring("too many steps")))
	})
	DescribeTable("that is none says how long to wait", func(a engine.Answer, seconds float64, failed ...string) {
		after, err := ask("a").Wait(a)
		Expect(after.Seconds()).To(Equal(seconds))
		if len(failed) == 0 {
			Expect(err).NotTo(HaveOccurred())
			return
		}
		Expect(err).To(MatchError(ContainSubstring(failed[0])))
		var known *engine.EventError
		Expect(errors.As(err, &known)).To(BeTrue())
		Expect(known.Rule.Place).NotTo(BeEmpty())
	},
		Entry("as long as a rule says", engine.Answer{Status: 429, Body: []byte(`{"policy":"day"}`)}, 3600.0),
		Entry("as long as it says itself", engine.Answer{Status: 503, Headers: map[string]string{"retry-after": "7"}}, 7.0),
		Entry("no longer than a day", engine.Answer{Status: 503, Headers: map[string]string{"retry-after": "1000000"}}, 86400.0),
		Entry("not at all, if what it says is no time", engine.Answer{Status: 503, Headers: map[string]string{"retry-after": "soon"}}, 0.0, `how long to wait is a time span such as 10s or 5m; headers["retry-after"] + "s" is text "soons"`),
		Entry("not at all, if a rule fails", engine.Answer{Status: 429, Body: []byte(`{"wait":{}}`)}, 0.0, "how long to wait"),
		Entry("not at all, if nothing is said", engine.Answer{Status: 500, Body: []byte(`<html>`)}, 0.0),
		Entry("not at all, if no rule waits", engine.Answer{Status: 404}, 0.0),
	)
	It("that is none is judged by rules that know what was asked", func() {
		c := calls(config)
		b := c.Plan(inputs(`{"by":"mail","region":"eu","key":"a"}`, `{"by":"id","region":"us","key":"a"}`))
		defer b.Release()
		for _, q := range b.Questions() {
			b.Answer(q, engine.Reply{Failure: &engine.LookupFailure{Status: 503, Headers: map[string]string{"retry-after": "7"}}})
		}
		results := b.Map().Results()
		Expect(results[0].Error.Message).To(Equal("mail in eu: wait 7 s"))
		Expect(results[1].Error.Message).To(Equal("id in us: wait 7 s"))
	})
	It("may be a value as a whole", func() {
		c := calls(config)
		b := c.Plan(inputs(`{"one":"a"}`, `{"one":"b"}`))
		defer b.Release()
		list := c.Calls(b.Questions())
		Expect(list[0].Read(answer(`{"person":{"name":"Ann"}}`))).To(BeNil())
		Expect(list[1].Read(answer(`{"person":null}`))).To(BeNil())
		Expect(replies(list[0])).To(Equal([]string{`{"name":"Ann","key":"a"}`}))
		Expect(replies(list[1])).To(Equal([]string{""}))
		for _, call := range list {
			b.Answer(call.Questions[0], call.Replies()[0])
		}
		results := b.Map().Results()
		Expect(string(results[0].AppendJSON(nil))).To(ContainSubstring(`{"one":{"name":"Ann","key":"a"},"given":{}}`))
		Expect(string(results[1].AppendJSON(nil))).To(ContainSubstring(`{"JSON":{"given":{}}}`))
	})
	It("that is a value may be given by hand, of any kind", func() {
		p := calls(config).Program()
		s, err := engine.NewStaticAnswers(p, map[string][]byte{"person": []byte(`{"a":{"x":1},"b":2}`)})
		Expect(err).NotTo(HaveOccurred())
		b := bind(p, config).Plan(inputs(`{"one":"a"}`, `{"one":"b"}`))
		defer b.Release()
		s.Resolve(b)
		results := b.Map().Results()
		Expect(string(results[0].AppendJSON(nil))).To(ContainSubstring(`{"one":{"x":1},`))
		Expect(string(results[1].AppendJSON(nil))).To(ContainSubstring(`{"one":2,`))
		_, err = engine.NewStaticAnswers(p, map[string][]byte{"people": []byte(`{"a":{"x":1}}`)})
		Expect(err).To(MatchError(ContainSubstring("a list of what each item gives")))
	})
	DescribeTable("has the types of its schema", func(answer, reads string, codes ...string) {
		found := loadAll(map[string]string{
			"d.yaml":           "celmap: destination/v1\nname: d\nroutes: [{to: m}]\n" + smallRequest + "lookups: {l: {keys: {max: 1}, request: {method: GET, host: api, url: \"/l/${keys[0]}\"}, " + answer + ", item: item.schema.json}}\n",
			"item.schema.json": `{"type":"object","properties":{"name":{"type":"string"}},"additionalProperties":false}`,
			"m.yaml":           "celmap: mapping/v1\nname: m\nask: {fields: {lookup: l, key: input.k}}\nsend: [{request: q, item: {a: '=" + reads + "'}}]\n",
		})
		var got []string
		for _, d := range found {
			got = append(got, d.Code)
		}
		Expect(got).To(HaveExactElements(codes))
	},
		Entry("as a value by name", `value: body`, `fields["a"].name`),
		Entry("as a value by name, misread", `value: body`, `fields["a"].nam`, "unknown-field"),
		Entry("as a list", `answer: body`, `fields[0].name`),
		Entry("as a list, misread", `answer: body`, `fields[0].nam`, "unknown-field"),
	)
	It("is read by many at the same time", func() {
		c := calls(config)
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				defer GinkgoRecover()
				for i := range 50 {
					key := fmt.Sprintf("%d-%d", g, i)
					b := c.At(now).Plan(inputs(fmt.Sprintf(`{"by":"mail","region":"eu","key":%q}`, key)))
					call := c.Calls(b.Questions())[0]
					_, err := c.PortalCall("account")
					Expect(err).To(HaveOccurred())
					Expect(call.Read(answer(fmt.Sprintf(`{"people":[{"id":1,"mail":%q}]}`, key)))).To(BeNil())
					Expect(replies(call)).To(Equal([]string{fmt.Sprintf(`[{"id":1,"for":%q}]`, key)}))
					b.Release()
				}
			})
		}
		all.Wait()
	})
})
