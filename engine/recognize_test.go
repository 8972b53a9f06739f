package engine_test

import (
	"sync"
	"testing"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

// A destination whose requests resemble each other.
const recognized = `
celmap: destination/v1
name: crm
hosts:
  api: https://api.example.com
  hook: {url: "=config.hook", within: "*.example.com"}
routes: [{to: all}]
tables:
  family:
    by: config.release
    absent: v1
    rows:
      v1: {people: /v1/people, batch: /batch}
      v2: {people: "/2/persons?version=2", batch: /all}
requests:
  people: {method: POST, host: api, url: "/v1/objects/people/batch", envelope: {inputs: =items}, max: 9, trace: ref, answers: judged}
  objects: {method: POST, host: api, url: "/v1/objects/${kind}/batch", args: [kind], envelope: {inputs: =items}, max: 9, answers: judged}
  pairs: {method: POST, host: api, url: "/v1/objects/${from}/${to}", args: [from, to], envelope: {inputs: =items}, max: 9}
  person: {method: PUT, host: api, url: "${family.people}/${id}", args: [id], envelope: =item}
  note: {method: POST, host: api, url: /v1/notes, envelope: =item}
  notes: {method: POST, host: api, url: /v1/notes, envelope: {kind: note, list: =items}, max: 9}
  list: {method: POST, host: api, url: /v1/notes, envelope: =items, max: 9}
  parts: {method: POST, host: api, url: /v1/parts, envelope: {id: =item.id, of: {name: =item.name, by: "${item.by} & co"}, size: =size(item.name), deep: =item.deep.er}, answers: judged}
  track: {method: POST, host: api, url: /v1/track, envelope: {people: =items.people, visits: =items.visits}, arrays: {people: {max: 3}, visits: {max: 3}}, max: 9, trace: index, answers: judged}
  form: {method: POST, host: api, url: /v1/form, encode: form, envelope: {version: 1, user: =item.user}, answers: judged}
  xml: {method: POST, host: api, url: /v1/xml, encode: xml, envelope: {order: =item}}
  same: {method: POST, host: api, url: /v1/same, envelope: {inputs: =items}, max: 9}
  same.named: {method: POST, host: api, url: /v1/same, envelope: {inputs: =items}, max: 9, trace: ref}
  get: {method: GET, host: api, url: /v1/ping, params: =item}
  hook: {method: POST, host: hook, url: "", envelope: =item}
portal:
  fields: {builtin: fields.json, request: {method: GET, host: api, url: /fields}, outdated: 'status == 400 && body.code == "UNKNOWN_FIELD"'}
  sizes: {builtin: fields.json, request: {method: GET, host: api, url: /sizes}, outdated: 'headers["x-stale"] == "sizes" || body.a + 1 == 2'}
  colours: {builtin: fields.json}
answers:
  judged:
    - {name: shown, do: done-with-warning, because: "${trace} ${index} ${items} ${json(item)}"}
`

const sendsAll = `
celmap: mapping/v1
name: all
send:
  - {name: people, request: people, item: =input}
  - {name: objects, request: objects, with: {kind: =input.kind}, item: =input}
  - {name: pairs, request: pairs, with: {from: =input.from, to: =input.to}, item: =input}
  - {name: person, request: person, with: {id: =input.id}, item: =input}
  - {name: note, request: note, item: =input}
  - {name: notes, request: notes, item: =input}
  - {name: list, request: list, item: =input}
  - {name: parts, request: parts, item: =input}
  - {name: people-of-track, request: track, array: people, item: =input}
  - {name: visits-of-track, request: track, array: visits, item: =input}
  - {name: form, request: form, item: =input}
  - {name: xml, request: xml, item: =input}
  - {name: same, request: same, item: =input}
  - {name: same-named, request: same.named, item: =input}
  - {name: get, request: get, item: =input}
  - {name: hook, request: hook, item: =input}
`

var _ = Describe("a descriptor", func() {
	crm := func(config string) *engine.Connection {
		GinkgoHelper()
		p, err := engine.Load(fstest.MapFS{"destination.yaml": {Data: []byte(recognized[1:])}, "all.yaml": {Data: []byte(sendsAll[1:])}, "fields.json": {Data: []byte("{}")}})
		Expect(err).NotTo(HaveOccurred())
		return bind(p, config)
	}
	const hooked = `{"hook": "https://Hooks.Example.com/T1?key=s"}`
	const api = "https://api.example.com"

	DescribeTable("is recognised as the request that fits it best", func(method, endpoint, body, name string, traces ...string) {
		sent := crm(hooked).Recognize(method, endpoint, []byte(body))
		Expect(sent).NotTo(BeNil())
		Expect(sent.Name).To(Equal(name))
		Expect(sent.Traces).To(Equal(traces))
	},
		Entry(nil, "POST", api+"/v1/objects/people/batch", `{"JSON":{"inputs":[{"ref":"7"},{"ref":8},{}]},"FORM":{}}`, "people", "7", "8", ""),
		Entry("whose address names most", "POST", api+"/v1/objects/cars/batch", `{"JSON":{"inputs":[{}]}}`, "objects", ""),
		Entry("and whatever fills a segment", "POST", api+"/v1/objects/a%2Fb/batch", `{"JSON":{"inputs":[{}]}}`, "objects", ""),
		Entry("and nothing else", "POST", api+"/v1/objects/cars/wheels", `{"JSON":{"inputs":[{}]}}`, "pairs", ""),
		Entry("by the row of a table that the settings choose", "PUT", api+"/v1/people/5", `{"JSON":{"a":1}}`, "person", ""),
		Entry("without regard to the query", "PUT", "HTTPS://API.example.com/v1/people/5?a=b/c", `{"JSON":{"a":1}}`, "person", ""),
		Entry("by the form of its body", "POST", api+"/v1/notes", `{"JSON":{"kind":"note","list":[{"a":1},{}]}}`, "notes", "", ""),
		Entry("by a constant in it", "POST", api+"/v1/notes", `{"JSON":{"kind":"other","list":[{}]}}`, "note", ""),
		Entry("by what is a list", "POST", api+"/v1/notes", `{"JSON":{},"JSON_ARRAY":{"batch":"[{\"a\":1},{\"b\":2}]"}}`, "list", "", ""),
		Entry("in arrays, of which one may be empty", "POST", api+"/v1/track", `{"JSON":{"visits":[{},{}]}}`, "track", "", ""),
		Entry("by the names of its items", "POST", api+"/v1/same", `{"JSON":{"inputs":[{"ref":"7"}]}}`, "same.named", "7"),
		Entry("by items without names", "POST", api+"/v1/same", `{"JSON":{"inputs":[{"a":"7"}]}}`, "same", ""),
		Entry("by a form", "POST", api+"/v1/form", `{"FORM":{"version":"1","user":"ann"}}`, "form", ""),
		Entry("by XML, whose item cannot be read", "POST", api+"/v1/xml", `{"XML":{"payload":"<order/>"}}`, "xml", ""),
		Entry("without a body", "GET", api+"/v1/ping", `{"JSON":{}}`, "get", ""),
		Entry("without a body at all", "", api+"/v1/ping", ``, "get", ""),
		Entry("at a host of the settings", "POST", "https://hooks.example.com/T1?key=s", `{"JSON":{"a":1}}`, "hook", ""),
	)

	DescribeTable("is not recognised", func(method, endpoint, body string) {
		Expect(crm(hooked).Recognize(method, endpoint, []byte(body))).To(BeNil())
	},
		Entry("by another method", "PUT", api+"/v1/notes", `{"JSON":{"a":1}}`),
		Entry("at another host", "POST", "https://api.example.org/v1/notes", `{"JSON":{"a":1}}`),
		Entry("over another scheme", "POST", "http://api.example.com/v1/notes", `{"JSON":{"a":1}}`),
		Entry("at another port", "POST", "https://api.example.com:8443/v1/notes", `{"JSON":{"a":1}}`),
		Entry("with a user", "POST", "https://a:b@api.example.com/v1/notes", `{"JSON":{"a":1}}`),
		Entry("where segments are too many", "PUT", api+"/v1/people/5/6", `{"JSON":{"a":1}}`),
		Entry("where one is empty", "PUT", api+"/v1/people/", `{"JSON":{"a":1}}`),
		Entry("by the row of another setting", "PUT", api+"/2/persons/5", `{"JSON":{"a":1}}`),
		Entry("with another member", "POST", api+"/v1/objects/people/batch", `{"JSON":{"inputs":[{}],"more":1}}`),
		Entry("without items", "POST", api+"/v1/objects/people/batch", `{"JSON":{"inputs":[]}}`),
		Entry("where items are no list", "POST", api+"/v1/objects/people/batch", `{"JSON":{"inputs":{"a":1}}}`),
		Entry("in another format", "POST", api+"/v1/objects/people/batch", `{"FORM":{"inputs":"[{}]"}}`),
		Entry("in two formats", "POST", api+"/v1/notes", `{"FORM":{"a":"1"},"JSON":{"a":1}}`),
		Entry("with JSON for a form", "POST", api+"/v1/form", `{"JSON":{"version":1,"user":"ann"}}`),
		Entry("with a list that is none", "POST", api+"/v1/notes", `{"JSON_ARRAY":{"batch":"[{}"}}`),
		Entry("with a list that is no text", "POST", api+"/v1/notes", `{"JSON_ARRAY":{"batch":[{}]}}`),
		Entry("with a body that is no JSON", "POST", api+"/v1/notes", `{"JSON":`),
		Entry("with a body that is no object", "POST", api+"/v1/notes", `[1]`),
		Entry("where a body was not expected", "GET", api+"/v1/ping", `{"JSON":{"a":1}}`),
		Entry("with an address that is none", "POST", "::", `{}`),
	)

	It("is recognised by what the settings make of an address", func() {
		sent := crm(`{"release": "v2"}`).Recognize("PUT", api+"/2/persons?version=2/5", []byte(`{"JSON":{"a":1}}`))
		Expect(sent).To(HaveField("Name", "person"))
		Expect(crm(`{"release": "v3"}`).Recognize("PUT", api+"/v1/people/5", []byte(`{"JSON":{"a":1}}`))).To(BeNil(), "there is no such row")
	})

	It("goes to a declared host or nowhere", func() {
		c := crm(hooked)
		for endpoint, declared := range map[string]bool{
			api + "/anything?x=y": true, "https://API.EXAMPLE.COM": true, "https://hooks.example.com/other": true,
			"http://api.example.com/": false, "https://api.example.com.evil.org/": false, "https://api.example.com@evil.org/": false,
			"https://evil.org/?https://api.example.com/": false, "https://api.example.com:444/": false, "//api.example.com/": false, "/v1": false, "": false, "%": false,
		} {
			Expect(c.Declares(endpoint)).To(Equal(declared), endpoint)
		}
		Expect(crm(`{}`).Declares("https://hooks.example.com/T1")).To(BeFalse(), "the settings name no address")
		Expect(crm(`{"hook": "https://evil.org"}`).Declares("https://evil.org/")).To(BeFalse(), "the settings name one that the rules forbid")
	})

	It("is judged by what could be read of it", func() {
		c := crm(hooked)
		because := func(path, body string) (all []string) {
			GinkgoHelper()
			outcomes, err := c.Recognize("POST", api+path, []byte(body)).Judge(engine.Answer{Status: 200})
			Expect(err).NotTo(HaveOccurred())
			for i, o := range outcomes {
				Expect(o).To(And(HaveField("Index", i), HaveField("Do", "done-with-warning")))
				Expect(o.Rule.ID).To(Equal("crm/answers/judged/shown"))
				all = append(all, o.Because)
			}
			return all
		}
		Expect(because("/v1/objects/people/batch", `{"JSON":{"inputs":[{"ref":"7"},{"a":1}]}}`)).To(Equal([]string{`7 0 2 {"ref":"7"}`, ` 1 2 {"a":1}`}))
		Expect(because("/v1/track", `{"JSON":{"people":[{"a":1}],"visits":[{"b":1},{}]}}`)).To(Equal([]string{` 0 3 {"a":1}`, ` 0 3 {"b":1}`, ` 1 3 {}`}))
		Expect(because("/v1/parts", `{"JSON":{"id":1,"of":{"name":"n","by":"x & co"},"size":1,"deep":2}}`)).To(Equal([]string{` 0 1 {"id":1,"name":"n","deep":{"er":2}}`}))
		Expect(because("/v1/form", `{"FORM":{"version":"1","user":"ann"}}`)).To(Equal([]string{` 0 1 {"user":"ann"}`}))
	})

	It("is judged as the output that it came from, also by many at once", func() {
		c := bind(shop(), token)
		o := c.Plan(inputs(
			`{"type":"identify","messageId":"1","traits":{"email":"1@x.org"}}`,
			`{"type":"identify","messageId":"2","traits":{"email":"2@x.org"}}`,
			`{"type":"identify","messageId":"3","traits":{"email":"2@X.org"}}`)).Map()
		defer o.Release()
		q := &o.Elements()[0].Requests[0]
		Expect(o.Jobs(q)).To(Equal([][]int{{0}, {1, 2}}))
		body := []byte(`{"JSON":{"people":[{"email":"1@x.org","ref":"1"},{"email":"2@x.org","ref":"2"}]}}`)
		sent := c.Recognize("POST", "https://api.shop.example/v1/people/batch", body)
		Expect(sent.Name).To(Equal("people.save"))
		Expect(sent.Traces).To(Equal([]string{"1", "2"}))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				defer GinkgoRecover()
				for range 50 {
					outcomes, err := sent.Judge(engine.Answer{Status: 207, Body: []byte(`{"errors":[{"ref":"2","message":"no"}]}`)})
					Expect(err).NotTo(HaveOccurred())
					Expect(outcomes).To(HaveLen(2))
					Expect(outcomes[0]).To(And(HaveField("MessageID", "1"), HaveField("Do", "done")))
					Expect(outcomes[1]).To(And(HaveField("MessageID", "2"), HaveField("Index", 1), HaveField("Do", "give-up"), HaveField("Because", "no")))
					outcomes, err = sent.Judge(engine.Answer{Status: 429})
					Expect(err).To(HaveOccurred(), "the wait adds to a header that is not there")
					Expect(outcomes).To(HaveEach(HaveField("Do", "retry")))
					Expect(c.Recognize("POST", "https://api.shop.example/v1/people/batch", body).Traces).To(HaveLen(2))
				}
			})
		}
		all.Wait()
	})

	It("may be answered by what shows that data about the account is out of date", func() {
		c := crm(hooked)
		Expect(c.Outdated(engine.Answer{Status: 400, Body: []byte(`{"code":"UNKNOWN_FIELD"}`)})).To(Equal([]string{"fields"}))
		Expect(c.Outdated(engine.Answer{Status: 200, Body: []byte(`{"code":"UNKNOWN_FIELD","a":"text"}`)})).To(BeEmpty(), "a condition that fails says nothing")
		Expect(c.Outdated(engine.Answer{Status: 400, Headers: map[string]string{"x-stale": "sizes"}, Body: []byte(`{"code":"UNKNOWN_FIELD"}`)})).To(Equal([]string{"fields", "sizes"}))
		Expect(c.Outdated(engine.Answer{Status: 400, Body: []byte("<html>")})).To(BeEmpty())
		Expect(c.Outdated(engine.Answer{})).To(BeEmpty())
		Expect(bind(shop(), token).Outdated(engine.Answer{Status: 400})).To(BeEmpty())
	})

	It("weighs outcomes as one input's items do", func() {
		Expect(engine.Outcome{Do: "give-up"}.Worse(engine.Outcome{Do: "retry"})).To(BeTrue())
		Expect(engine.Outcome{Do: "retry"}.Worse(engine.Outcome{Do: "retry"})).To(BeFalse())
		Expect(engine.Outcome{Do: "done"}.Worse(engine.Outcome{Do: "done-with-warning"})).To(BeFalse())
	})
})

// FuzzRecognize reads whatever may come as a descriptor.
func FuzzRecognize(f *testing.F) {
	p, err := engine.Load(fstest.MapFS{"destination.yaml": {Data: []byte(recognized[1:])}, "all.yaml": {Data: []byte(sendsAll[1:])}, "fields.json": {Data: []byte("{}")}})
	if err != nil {
		f.Fatal(err)
	}
	c, err := p.Bind(engine.Settings{Config: []byte(`{"hook": "https://hooks.example.com/T1?key=s"}`)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("POST", "/v1/objects/people/batch", `{"JSON":{"inputs":[{"ref":"7"},{"ref":8},{}]},"FORM":{}}`, `{"errors":[]}`)
	f.Add("PUT", "/v1/people/5", `{"JSON":{"a":1}}`, `null`)
	f.Add("POST", "/v1/notes", `{"JSON_ARRAY":{"batch":"[{\"a\":1}]"}}`, `[`)
	f.Add("POST", "/v1/parts", `{"JSON":{"id":1,"of":{"name":"n","by":"x"},"size":1}}`, ``)
	f.Add("POST", "/v1/track", `{"JSON":{"people":[{"a":1}],"visits":[{"b":1},{}]}}`, ``)
	f.Add("POST", "/v1/form", `{"FORM":{"version":"1","user":"ann"}}`, ``)
	f.Fuzz(func(t *testing.T, method, path, body, answer string) {
		endpoint := "https://api.example.com" + path
		sent := c.Recognize(method, endpoint, []byte(body))
		if sent == nil {
			return
		}
		if !c.Declares(endpoint) {
			t.Errorf("%s is recognised and not declared", endpoint)
		}
		outcomes, _ := sent.Judge(engine.Answer{Status: 200, Body: []byte(answer)})
		if len(outcomes) == 0 || len(outcomes) != len(sent.Traces) {
			t.Errorf("%d outcomes for %d items", len(outcomes), len(sent.Traces))
		}
	})
}
