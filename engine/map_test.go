package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

const token = `{"token":"s3cret","dc":"eu","maxNotes":2}`

var _ = Describe("mapping an event", func() {
	identify := func(traits string) string {
		return `{"type":"identify","messageId":"m1","userId":"u1","traits":` + traits + `}`
	}
	one := func(config, event string) string { return lines(bind(shop(), config), event)[0] }

	It("writes set lines first, then the rest in the event's order, and converts by type", func() {
		line := one(token, identify(`{"Nick Name":"Tin","email":"A@b.org","age":"42","name":{"full":"Tintin"},"vip":"TRUE","city":"Brussels"}`))
		Expect(line).To(ContainSubstring(`"body":{"JSON":{"people":[{"email":"A@b.org","name":"Tintin","vip":true,"address":{"town":"Brussels"},"nick_name":"Tin","age":42,"ref":"m1"}]}}`))
		Expect(dig(line, "warnings")).To(BeNil(), "what set lines read is not left out")
	})
	It("warns of what it leaves out, not of what set lines or their expressions have read", func() {
		line := one(token, identify(`{"email":"a@b.org","city":"x","unknown key":1}`))
		Expect(dig(line, "warnings")).To(HaveLen(1))
		Expect(dig(line, "warnings", 0, "path")).To(Equal(`traits["unknown key"]`))
		p, found := load(fstest.MapFS{
			"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nhosts: {api: https://api.example.com}\nroutes: [{to: m}]\nrequests:\n  q: {method: POST, host: api, url: /q, envelope: =item}\n")},
			"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\nobjects:\n  o:\n    under: [input.traits]\n    set:\n      full: =input.traits.first + input.traits.last\n      town: {set: {name: city}}\n    rest: {as: upper(key)}\nsend: [{request: q, item: =o}]\n")},
		})
		Expect(found).To(BeEmpty())
		line = lines(bind(p, "{}"), `{"traits":{"first":"A","last":"B","city":"C","other":"D"}}`)[0]
		Expect(line).To(ContainSubstring(`{"full":"AB","town":{"name":"C"},"OTHER":"D"}`))
	})
	It("takes all sources under the first root before the next", func() {
		line := one(token, `{"type":"identify","traits":{"name":"B","email":"a@b.org"},"context":{"traits":{"fullName":"A"}}}`)
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "name")).To(Equal("B"))
	})
	It("passes lists and objects over, unless the line keeps any", func() {
		line := one(token, identify(`{"email":"a@b.org","fullName":["x"],"name":{"full":"T"},"tags":["a","b"]}`))
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "name")).To(Equal("T"))
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "tags")).To(HaveLen(2))
	})
	It("keeps the digits of numbers", func() {
		line := one(token, identify(`{"email":"a@b.org","age":12345678901234567890.50}`))
		Expect(line).To(ContainSubstring(`"age":12345678901234567890.50`))
	})
	It("sends the nulls constant where the trait is null or empty", func() {
		line := one(token, identify(`{"email":"a@b.org","age":null,"nick":""}`))
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "age")).To(Equal(""))
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "nick")).To(Equal(""))
	})
	It("keeps null null and \"\" empty where nulls are kept, be it a line or a rest, and converts neither", func() {
		c := bind(small("hosts: {api: https://api.example.com}\nrequests: {q: {method: POST, host: api, url: /q, envelope: =item}}\n",
			"objects: {o: {under: [input.t], set: {a: [x, y], b: z}, rest: {as: key}, type: '\"number\"', nulls: keep}}\ntypes: {number: decimal(value)}\nsend: [{request: q, item: =o}]\n"), "{}")
		Expect(dig(lines(c, `{"t":{"x":"","y":null,"z":null,"c":"","d":null,"e":"1"}}`)[0], "requests", 0, "body", "JSON")).To(
			BeEquivalentTo(map[string]any{"a": "", "b": nil, "c": "", "d": nil, "e": json.Number("1")}))
	})
	It("lets the exact spelling win over a key that normalises to it, and says so", func() {
		line := one(token, identify(`{"email":"a@b.org","NICK":"first","nick":"exact","Nick":"third"}`))
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "nick")).To(Equal("exact"))
		Expect(dig(line, "warnings")).To(HaveLen(2))
		line = one(token, identify(`{"email":"a@b.org","AGE":"not a number","age":5}`))
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "age")).To(BeEquivalentTo("5"), "what does not count is not converted")
		line = one(token, identify(`{"email":"a@b.org","NICK":"first","Nick":"second"}`))
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "nick")).To(Equal("first"))
	})
	It("rejects a value that its type does not take, naming trait, value, target and rule", func() {
		line := one(token, identify(`{"email":"a@b.org","birthday":"30 Feb 2024"}`))
		Expect(dig(line, "error", "code")).To(Equal("invalid_value"))
		Expect(dig(line, "error", "path")).To(Equal("traits.birthday"))
		Expect(dig(line, "error", "message")).To(And(ContainSubstring("30 Feb 2024"), ContainSubstring("birthday"), ContainSubstring("day")))
		Expect(dig(line, "error", "rule")).To(HavePrefix("shop/profile.yaml:2"))
		line = one(token, identify(`{"email":"a@b.org","birthday":"1960-01-01"}`))
		Expect(dig(line, "error", "message")).To(ContainSubstring("days before 1970 are not kept"))
	})
	It("rejects a text with more characters than its type allows, and counts no bytes", func() {
		c := bind(small(smallRequest, "objects: {o: {under: [input.traits], rest: {as: key}, type: '\"name\"'}}\ntypes: {name: {value: text(value), maxLength: 3}}\nsend: [{request: q, item: =o}]\n"), "{}")
		got := lines(c, `{"traits":{"name":"äöü"}}`, `{"traits":{"name":"äöüß"}}`, `{"traits":{"name":1234}}`)
		Expect(dig(got[0], "requests", 0, "body", "JSON", "name")).To(Equal("äöü"))
		Expect(dig(got[1], "error", "code")).To(Equal("invalid_value"))
		Expect(dig(got[1], "error", "message")).To(ContainSubstring("it has 4 characters, at most 3 are allowed"))
		Expect(dig(got[2], "error", "code")).To(Equal("invalid_value"), "what is converted to text counts too")
	})
	It("warns of a doubtful value and sends it", func() {
		line := one(token, identify(`{"email":"a@b.org","birthday":86400001}`))
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "birthday")).To(BeEquivalentTo("86400000"))
		Expect(dig(line, "warnings", 0, "code")).To(Equal("doubtful_value"))
	})
	It("builds lists of objects, with defaults, conditions and the index", func() {
		line := one(token, `{"type":"track","event":"Order","messageId":"o","context":{"traits":{"email":"A@B.org"}},"properties":{"order_id":"7","revenue":"12.50","products":[{"sku":"a","price":"1.10"},{"sku":"b","quantity":0,"price":2},{"sku":"c","quantity":3,"price":2}]}}`)
		Expect(dig(line, "requests", 0, "body", "FORM", "lines")).To(Equal(`[{"sku":"a","count":1,"price":1.10,"at":0},{"sku":"c","count":3,"price":2,"at":2}]`))
		Expect(dig(line, "requests", 0, "body", "FORM", "total")).To(Equal("12.50"))
		Expect(dig(line, "requests", 0, "params")).To(Equal(map[string]any{"source": "celmap", "total": "12.50"}))
	})
	It("nests objects in the elements of a list, below the element or below roots of their own", func() {
		p, found := load(fstest.MapFS{
			"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nhosts: {api: https://api.example.com}\nroutes: [{to: m}]\nrequests:\n  q: {method: POST, host: api, url: /q, envelope: {all: =item}}\n")},
			"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\nobjects:\n  lines:\n    each: input.lines\n    set:\n      own: {set: {sku: sku}}\n      order: {under: [input.order], set: {id: id}}\nsend: [{request: q, item: =lines}]\n")},
		})
		Expect(found).To(BeEmpty())
		line := lines(bind(p, "{}"), `{"order":{"id":7},"lines":[{"sku":"a","id":1},{"sku":"b"}]}`)[0]
		Expect(line).To(ContainSubstring(`{"all":[{"own":{"sku":"a"},"order":{"id":7}},{"own":{"sku":"b"},"order":{"id":7}}]}`))
	})
	It("rejects by an element", func() {
		line := one(token, `{"type":"track","event":"Order","properties":{"order_id":"7","total":1,"products":[{"sku":"a","price":1},{"price":1}]}}`)
		Expect(dig(line, "error")).To(HaveKeyWithValue("message", "Product 1 has no sku"))
	})
	It("sends what applies in the order written, in all encodings", func() {
		line := one(`{"token":"t","xml":true}`, `{"type":"track","event":"Order","properties":{"order_id":"<7>","total":1,"products":[{"sku":"a","price":1},{"sku":"b","price":2}]}}`)
		Expect(dig(line, "requests", 1, "body", "XML", "payload")).To(Equal("<order><id>&lt;7&gt;</id><line><sku>a</sku><count>1</count><price>1</price><at>0</at></line><line><sku>b</sku><count>1</count><price>2</price><at>1</at></line></order>"))
		Expect(dig(line, "requests", 1, "headers")).NotTo(HaveKey("Authorization"))
	})
	It("writes list bodies as text, and splits at a maximum from the config", func() {
		line := one(token, `{"type":"track","event":"x","userId":"u","properties":{"notes":["a","b","c"]}}`)
		Expect(dig(line, "requests")).To(HaveLen(2))
		Expect(dig(line, "requests", 0, "body", "JSON_ARRAY", "batch")).To(Equal(`[{"text":"a (0)","by":"u"},{"text":"b (1)","by":"u"}]`))
	})
	It("takes a condition that gives null for one that does not hold, and refuses other values", func() {
		files := fstest.MapFS{
			"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nhosts: {api: https://api.example.com}\nroutes: [{to: m}]\nrequests:\n  q: {method: POST, host: api, url: /q, envelope: =item}\n")},
			"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\nsend: [{request: q, when: input.wanted, item: {}}]\n")},
		}
		p, found := load(files)
		Expect(found).To(BeEmpty())
		got := lines(bind(p, "{}"), `{}`, `{"wanted":null}`, `{"wanted":true}`, `{"wanted":"yes"}`)
		Expect(dig(got[0], "reason")).To(Equal("no entry under send of m applies"))
		Expect(dig(got[1], "status")).To(Equal("filtered"))
		Expect(dig(got[2], "requests")).To(HaveLen(1))
		Expect(dig(got[3], "error", "message")).To(ContainSubstring(`text "yes"`))
	})
	It("filters by route and by mapping", func() {
		got := lines(bind(shop(), token), `{"type":"track","event":"Ping","messageId":"p"}`, `{"type":"track","event":"Order","properties":{"order_id":3,"test":true}}`)
		Expect(got[0]).To(Equal(`{"index":0,"messageId":"p","status":"filtered","reason":"Pings are of no use"}`))
		Expect(dig(got[1], "reason")).To(Equal("Order 3 is a test"))
	})
	It("rejects what no route takes, what needs and what auth needs is missing", func() {
		got := lines(bind(shop(), `{"dc":"eu"}`), `{"type":"page"}`, `{"type":"identify","traits":{}}`, identify(`{"email":"a@b.org"}`), `{"type":"track","userId":5}`, `[1]`)
		Expect(dig(got[0], "error", "code")).To(Equal("unsupported_type"))
		Expect(dig(got[1], "error", "code")).To(Equal("missing_value"))
		Expect(dig(got[2], "error", "message")).To(Equal("config.user is missing or empty in the destination's settings"))
		Expect(dig(got[3], "error", "code")).To(Equal("invalid_event"))
		Expect(dig(got[3], "error", "path")).To(Equal("userId"))
		Expect(dig(got[4], "error", "code")).To(Equal("not_an_object"))
	})
	It("chooses a table's row by the config, and refuses an unknown one", func() {
		Expect(dig(one(`{"token":"t","release":"v2"}`, identify(`{"email":"a@b.org"}`)), "requests", 0, "endpoint")).To(Equal("https://api.shop.example/2/persons/batch"))
		line := one(`{"token":"t","release":"v9"}`, identify(`{"email":"a@b.org"}`))
		Expect(dig(line, "error", "code")).To(Equal("unknown_row"))
		Expect(dig(line, "error", "message")).To(ContainSubstring("v1, v2"))
	})
	It("escapes what is computed in a URL and refuses what would change its path", func() {
		update := func(id string) string {
			return one(`{"user":"u","password":"p","dc":"eu"}`, `{"type":"identify","traits":{"email":"a@b.org"},"context":{"externalId":[{"type":"shopId","id":`+id+`}]}}`)
		}
		Expect(dig(update(`"a/b?c=d&é"`), "requests", 0, "endpoint")).To(Equal("https://eu.shop.example/v1/people/a%2Fb%3Fc%3Dd%26%C3%A9"))
		Expect(dig(update(`".."`), "error", "code")).To(Equal("unsafe_url"))
	})
	It("keeps hosts from the config within their bounds", func() {
		event := `{"type":"identify","traits":{"email":"a@b.org"},"context":{"externalId":[{"type":"shopId","id":1}]}}`
		for _, dc := range []string{"evil.com/x", "evil.com#", "a@evil.com/", "evil.com?", ""} {
			line := one(fmt.Sprintf(`{"user":"u","password":"p","dc":%q}`, dc), event)
			Expect(dig(line, "error", "code")).To(Equal("forbidden_host"), dc)
		}
	})
	It("keeps secrets out of everything but requests", func() {
		p := shop()
		c := bind(p, `{"token":"s3cret","user":"u","password":"p4ss","dc":"eu"}`)
		o := c.Plan(inputs(identify(`{"email":"a@b.org"}`), identify(`{"email":"nope"}`))).Map()
		defer o.Release()
		mapped, rejected := o.Results()[0], o.Results()[1]
		Expect(string(mapped.AppendJSON(nil))).To(ContainSubstring("Bearer s3cret"))
		Expect(string(mapped.AppendRedacted(nil))).NotTo(ContainSubstring("s3cret"))
		Expect(string(mapped.AppendRedacted(nil))).To(ContainSubstring(`"Authorization":"[secret]"`))
		Expect(rejected.Error.Message).To(Equal(`"nope" is no e-mail for token [secret]`))
		line := one(`{"user":"u","password":"p4ss","dc":"eu"}`, `{"type":"identify","traits":{"email":"a@b.org"},"context":{"externalId":[{"type":"shopId","id":1}]}}`)
		Expect(dig(line, "requests", 0, "headers", "Authorization")).To(Equal("Basic dTpwNHNz"))
	})
	It("names the place of an expression that fails on an event", func() {
		line := one(token, `{"type":"track","event":"Order","properties":{"order_id":1,"total":"ten"}}`)
		Expect(dig(line, "error", "code")).To(Equal("expression_failed"))
		Expect(dig(line, "error", "rule")).To(Equal("shop/order.yaml:7:68"))
		Expect(dig(line, "error", "message")).To(ContainSubstring("ten"))
	})
	It("hides what authentication computes, also without a schema of the config", func() {
		p, found := load(fstest.MapFS{
			"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nhosts: {api: {url: \"https://${config.account}.example.com\", within: \"*.example.com\"}}\nroutes: [{to: m}]\nauth: [{name: key, needs: [config.account, config.key], params: {key: =config.key, v: 1}, headers: {X-Key: \"k ${config.key}\"}}]\nrequests:\n  q: {method: POST, host: api, url: /q, envelope: =item}\n")},
			"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\nobjects:\n  lines: {each: input.lines, set: {sku: sku}}\n  all: {set: {lines: =lines, one: =input.one}}\nsend: [{request: q, item: =all}]\n")},
		})
		Expect(found).To(BeEmpty())
		o := bind(p, `{"account":"a","key":"s3cret"}`).Plan(inputs(`{"lines":[{"sku":"x"}],"one":1}`)).Map()
		defer o.Release()
		Expect(string(o.Results()[0].AppendRedacted(nil))).To(And(Not(ContainSubstring("s3cret")), ContainSubstring(`"params":{"key":"[secret]","v":"1"}`)))
		By("an object of the rules fits a line as a whole")
		Expect(dig(string(o.Results()[0].AppendJSON(nil)), "requests", 0, "body", "JSON", "lines")).To(HaveLen(1))
		By("what authentication needs is looked at before the address that is made of it")
		Expect(dig(lines(bind(p, `{}`), `{"one":1}`)[0], "error", "message")).To(Equal("config.account is missing or empty in the destination's settings"))
	})
	It("makes no item of nothing", func() {
		p, found := load(fstest.MapFS{
			"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nhosts: {api: https://api.example.com}\nroutes: [{to: m}]\nrequests:\n  q: {method: POST, host: api, url: /q, envelope: {all: =items}}\n")},
			"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\nsend: [{request: q, each: input.all, item: =value.x}]\n")},
		})
		Expect(found).To(BeEmpty())
		got := lines(bind(p, "{}"), `{"all":[{"x":1},{},{"x":null},{"x":2}]}`, `{"all":[{}]}`)
		Expect(got[0]).To(ContainSubstring(`{"all":[1,2]}`))
		Expect(dig(got[1], "status")).To(Equal("filtered"))
	})
	It("reads events in RudderStack's envelope", func() {
		line := one(token, `{"message":`+identify(`{"email":"a@b.org"}`)+`,"metadata":{"jobId":17}}`)
		Expect(dig(line, "requests", 0, "body", "JSON", "people", 0, "ref")).To(Equal("17"))
		Expect(dig(line, "messageId")).To(Equal("m1"))
	})
})

var _ = Describe("lookups", func() {
	event := `{"type":"identify","messageId":"m","traits":{"email":"Tin@B.org"}}`
	config := `{"token":"t","user":"u","password":"p","dc":"eu","search":true}`

	resolve := func(answers string) string {
		p := shop()
		a, err := engine.NewStaticAnswers(p, map[string][]byte{"people": []byte(answers)})
		Expect(err).NotTo(HaveOccurred())
		b := bind(p, config).Plan(inputs(event))
		a.Resolve(b)
		o := b.Map()
		defer o.Release()
		return string(o.Results()[0].AppendJSON(nil))
	}
	It("asks each key once for all events, folded, in at most two rounds", func() {
		b := bind(shop(), config).Plan(inputs(event, strings.ReplaceAll(event, "Tin", "tin"), `{"type":"track","event":"Ping"}`))
		q := b.Questions()
		Expect(q).To(HaveLen(1))
		Expect(q[0].Key).To(Equal("tin@b.org"))
		b.Answer(q[0], engine.Reply{Answer: []byte(`["1","22"]`)})
		second := b.Questions()
		Expect(second).To(HaveLen(1))
		Expect(second[0].Lookup.Name).To(Equal("groups"))
		Expect(second[0].Key).To(Equal("22"))
		b.Answer(second[0], engine.Reply{Answer: []byte(`"circle"`)})
		Expect(b.Questions()).To(BeEmpty())
		o := b.Map()
		defer o.Release()
		for _, r := range o.Results()[:2] {
			line := string(r.AppendJSON(nil))
			Expect(dig(line, "requests", 0, "endpoint")).To(Equal("https://eu.shop.example/v1/people/1"))
			Expect(dig(line, "requests", 0, "body", "JSON", "circle")).To(Equal("circle"))
		}
	})
	It("gives an answer that is kept to many batches at the same time", func() {
		c := bind(shop(), config)
		kept := engine.Reply{Answer: []byte(`["7"]`)}.Kept()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				defer GinkgoRecover()
				for range 20 {
					b := c.Plan(inputs(event))
					b.Answer(b.Questions()[0], kept)
					o := b.Map()
					Expect(dig(string(o.Results()[0].AppendJSON(nil)), "requests", 0, "endpoint")).To(HaveSuffix("/v1/people/7"))
					o.Release()
				}
			})
		}
		all.Wait()
		Expect(engine.Reply{}.Kept()).To(Equal(engine.Reply{}))
		broken := engine.Reply{Answer: []byte(`{`)}.Kept()
		Expect(broken.Failure.Status).To(Equal(500))
		Expect(broken.Failure.Message).To(HavePrefix("the answer cannot be read: "))
	})
	It("does not ask for an event that is rejected anyway", func() {
		Expect(bind(shop(), config).Plan(inputs(strings.ReplaceAll(event, "@", "_"))).Questions()).To(BeEmpty())
	})
	It("takes no answer, and none that was given, as nothing found", func() {
		Expect(dig(resolve(`{}`), "requests", 0, "endpoint")).To(HaveSuffix("/v1/people/batch"))
	})
	It("uses the answer for the arguments it is for", func() {
		Expect(dig(resolve(`[{"with":{"by":"phone"},"key":"tin@b.org","answer":["9"]},{"with":{"by":"email"},"key":"TIN@b.org","answer":["5"]}]`), "requests", 0, "endpoint")).To(HaveSuffix("/5"))
	})
	DescribeTable("refuses what is no answer", func(answers, want string) {
		_, err := engine.NewStaticAnswers(shop(), map[string][]byte{"people": []byte(answers)})
		var wrong *engine.SettingsError
		Expect(errors.As(err, &wrong)).To(BeTrue())
		Expect(wrong.Setting + ": " + wrong.Message).To(Equal(want))
	},
		Entry("a text for a list", `{"a":[],"b":null,"tin@b.org":"12"}`, `lookup people: the answer for "tin@b.org" is text "12", where a list of what each item gives is expected`),
		Entry("a number for a list", `[{"key":7,"answer":12}]`, `lookup people: the answer for "7" is number 12, where a list of what each item gives is expected`),
		Entry("a bare status", `[{"key":"a","failure":503}]`, `lookup people: this is no answer: object {…2 keys}`),
	)
	DescribeTable("gives a failure to the events that asked", func(failure string, status int, message string) {
		line := resolve(`[{"key":"tin@b.org","failure":` + failure + `}]`)
		Expect(dig(line, "error", "status")).To(BeEquivalentTo(fmt.Sprint(status)))
		Expect(dig(line, "error", "message")).To(ContainSubstring(message))
	},
		Entry("an outage is retried", `{"status":503,"message":"down"}`, 503, "down"),
		Entry("too many requests are retried", `{"status":429}`, 429, "people failed"),
		Entry("no answer is retried", `{"status":0}`, 500, "people failed"),
		Entry("a refusal aborts", `{"status":401,"message":"no key"}`, 401, "no key"),
		Entry("a rule of the lookup decides", `{"status":418,"message":"short and stout"}`, 418, "The teapot said: short and stout"),
	)
	It("can take a failure for nothing found", func() {
		Expect(dig(resolve(`[{"key":"tin@b.org","failure":{"status":404}}]`), "status")).To(Equal("mapped"))
	})
	It("retries an answer that cannot be read", func() {
		b := bind(shop(), config).Plan(inputs(event))
		b.Answer(b.Questions()[0], engine.Reply{Answer: []byte(`{oops`)})
		o := b.Map()
		defer o.Release()
		Expect(o.Results()[0].Error.Status).To(Equal(500))
	})
})

var _ = Describe("batches", func() {
	person := func(id, user, email, extra string) string {
		return fmt.Sprintf(`{"message":{"type":"identify","messageId":%q,"userId":%q,"traits":{"email":%q%s}},"metadata":{"jobId":%q,"userId":%q}}`, id, user, email, extra, id, user)
	}
	elements := func(events ...string) []string {
		o := bind(shop(), token).Plan(inputs(events...)).Map()
		defer o.Release()
		var out []string
		for _, e := range o.Elements() {
			out = append(out, string(e.AppendJSON(nil)))
		}
		return out
	}
	ids := func(lines []string) (out []any) {
		for _, l := range lines {
			if v := dig(l, "messageIds"); v != nil {
				out = append(out, v)
			} else {
				out = append(out, dig(l, "messageId"))
			}
		}
		return out
	}
	note := func(id, user string) string {
		return fmt.Sprintf(`{"type":"track","event":"x","messageId":%q,"userId":%q,"properties":{"notes":["n"]}}`, id, user)
	}
	ping := func(id, user string) string {
		return fmt.Sprintf(`{"type":"track","event":"Ping","messageId":%q,"userId":%q}`, id, user)
	}

	It("gathers items of one target up to the maximum, in input order", func() {
		got := elements(person("1", "a", "1@x.org", ""), person("2", "b", "2@x.org", ""), person("3", "c", "3@x.org", ""), person("4", "d", "4@x.org", ""))
		Expect(ids(got)).To(Equal([]any{[]any{"1", "2", "3"}, []any{"4"}}))
		Expect(dig(got[0], "requests", 0, "body", "JSON", "people")).To(HaveLen(3))
		Expect(dig(got[0], "indexes")).To(HaveLen(3))
	})
	It("lets no batch overtake another event of the same user", func() {
		got := elements(person("1", "a", "1@x.org", ""), note("2", "b"), person("3", "b", "3@x.org", ""), person("4", "a", "4@x.org", ""), person("5", "c", "5@x.org", ""))
		Expect(ids(got)).To(Equal([]any{[]any{"1", "4", "5"}, []any{"2"}, []any{"3"}}))
	})
	It("lets what is filtered hold up nothing", func() {
		got := elements(person("1", "a", "1@x.org", ""), ping("2", "b"), person("3", "b", "3@x.org", ""))
		Expect(ids(got)).To(Equal([]any{[]any{"1", "3"}, "2"}))
	})
	It("counts a rejected event as its user's earlier one", func() {
		got := elements(person("1", "a", "1@x.org", ""), person("2", "b", "bad", ""), person("3", "b", "3@x.org", ""))
		Expect(ids(got)).To(Equal([]any{[]any{"1"}, "2", []any{"3"}}))
	})
	It("merges items that are the same: later members win, the first trace stays, all jobs share", func() {
		got := elements(person("1", "a", "A@x.org", `,"nick":"x","age":1`), person("2", "b", "a@X.org", `,"age":2`))
		Expect(ids(got)).To(Equal([]any{[]any{"1", "2"}}))
		people := dig(got[0], "requests", 0, "body", "JSON", "people").([]any)
		Expect(people).To(HaveLen(1))
		Expect(people[0]).To(And(HaveKeyWithValue("nick", "x"), HaveKeyWithValue("ref", "1"), HaveKeyWithValue("email", "a@X.org")))
	})
	It("sends an event alone where its metadata says so", func() {
		alone := strings.Replace(person("2", "b", "2@x.org", ""), `"metadata":{`, `"metadata":{"dontBatch":true,`, 1)
		Expect(ids(elements(person("1", "a", "1@x.org", ""), alone, person("3", "c", "3@x.org", "")))).To(Equal([]any{[]any{"1", "3"}, []any{"2"}}))
	})
	It("puts every input into exactly one element", func() {
		var events []string
		for i := range 60 {
			switch i % 4 {
			case 0, 1:
				events = append(events, person(fmt.Sprint(i), fmt.Sprint("u", i%7), fmt.Sprintf("%d@x.org", i%11), ""))
			case 2:
				events = append(events, ping(fmt.Sprint(i), fmt.Sprint("u", i%5)))
			default:
				events = append(events, `{"type":`)
			}
		}
		o := bind(shop(), token).Plan(inputs(events...)).Map()
		defer o.Release()
		seen := map[int]int{}
		for _, e := range o.Elements() {
			for _, i := range e.Indexes {
				seen[i]++
			}
		}
		Expect(seen).To(HaveLen(60))
		for i, n := range seen {
			Expect(n).To(Equal(1), "input %d", i)
		}
	})
	It("judges an answer for each record by the destination's rules", func() {
		o := bind(shop(), token).Plan(inputs(person("1", "a", "1@x.org", ""), person("2", "b", "2@x.org", ""), person("3", "c", "2@X.org", ""))).Map()
		defer o.Release()
		q := &o.Elements()[0].Requests[0]
		outcomes, err := o.Judge(q, engine.Answer{Status: 207, Body: []byte(`{"errors":[{"ref":"2","message":"no"}]}`)})
		Expect(err).NotTo(HaveOccurred())
		Expect(outcomes).To(HaveLen(3))
		Expect(outcomes[0]).To(And(HaveField("MessageID", "1"), HaveField("Do", "done")))
		Expect(outcomes[1]).To(And(HaveField("Do", "give-up"), HaveField("Because", "no")))
		Expect(outcomes[2]).To(And(HaveField("MessageID", "3"), HaveField("Do", "give-up")), "it shares the merged record")
		outcomes, _ = o.Judge(q, engine.Answer{Status: 429, Headers: map[string]string{"retry-after": "7"}})
		Expect(outcomes[0]).To(And(HaveField("Do", "retry"), HaveField("After", 7*time.Second)))
		outcomes, err = o.Judge(q, engine.Answer{Status: 429})
		Expect(err).To(HaveOccurred(), "the wait adds to a header that is not there")
		Expect(outcomes).To(HaveLen(3))
		Expect(outcomes[0]).To(And(HaveField("Do", "retry"), HaveField("After", time.Duration(0))))
		outcomes, err = o.Judge(q, engine.Answer{Status: 429, Headers: map[string]string{"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}})
		Expect(err).To(MatchError(ContainSubstring("how long to wait is a time span such as 10s or 5m")))
		Expect(outcomes[0]).To(And(HaveField("Do", "retry"), HaveField("After", time.Duration(0))))
		outcomes, _ = o.Judge(q, engine.Answer{Status: 400})
		Expect(outcomes[0].Do).To(Equal("retry-alone"))
		outcomes, _ = o.Judge(q, engine.Answer{Status: 503})
		Expect(outcomes[0].Do).To(Equal("retry"), "what no rule names means what HTTP means")
	})
})

var _ = Describe("a connection", func() {
	It("maps from many goroutines at once, with the same result for each", func() {
		c := bind(shop(), token)
		event := `{"type":"identify","messageId":"m","traits":{"email":"a@b.org","Nick Name":"x","age":"1","zzz":1}}`
		want := lines(c, event)[0]
		var wg sync.WaitGroup
		for range 8 {
			wg.Add(1)
			go func() {
				defer GinkgoRecover()
				defer wg.Done()
				for range 50 {
					Expect(lines(c, event, event)[1]).To(Equal(strings.Replace(want, `"index":0`, `"index":1`, 1)))
				}
			}()
		}
		wg.Wait()
	})
	It("gives the same bytes on a thousand fresh loads and runs", func() {
		event := `{"type":"identify","messageId":"m","traits":{"email":"a@b.org","Nick Name":"x","age":"1","b":1,"a":2,"birthday":5}}`
		want := lines(bind(shop(), token), event)[0]
		for i := range 1000 {
			p := shopOnce()
			if i%50 == 0 {
				p = shop()
			}
			Expect(lines(bind(p, token), event)[0]).To(Equal(want))
		}
	})
	It("refuses settings that it cannot use, by name", func() {
		p := shop()
		for config, message := range map[string]string{`[]`: "config: it is list", `{"a":`: "config: "} {
			_, err := p.Bind(engine.Settings{Config: []byte(config)})
			Expect(err).To(MatchError(ContainSubstring(message)))
		}
		_, err := p.Bind(engine.Settings{Portal: map[string][]byte{"feilds": []byte(`[]`)}})
		Expect(err).To(MatchError(ContainSubstring("did you mean fields?")))
	})
	It("rejects every event where the config's schema refuses the config", func() {
		line := lines(bind(shop(), `{"token":5}`), `{"type":"identify"}`)[0]
		Expect(dig(line, "error", "code")).To(Equal("invalid_config"))
		Expect(dig(line, "error", "path")).To(Equal("config.token"))
	})
})

var shopOnce = sync.OnceValue(func() *engine.Program { return shop() })
