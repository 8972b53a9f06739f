package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

// failing is a program that sends what a mapping says, and the rejection of an
// event by it.
func failing(destination, mapping, config, event string) *engine.EventError {
	GinkgoHelper()
	p, found := load(fstest.MapFS{
		"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nconfig: c.json\nroutes: [{to: m}]\n" + destination)},
		"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\n" + mapping)},
		"c.json": {Data: []byte(`{"properties": {"token": {"secret": true}, "keys": {"secret": true}}}`)},
	})
	Expect(found).To(BeEmpty())
	output := bind(p, config).Plan(inputs(event)).Map()
	defer output.Release()
	r := output.Results()[0]
	Expect(r.Status).To(Equal(engine.Rejected), string(r.AppendJSON(nil)))
	return r.Error
}

var _ = Describe("a rejected event", func() {
	DescribeTable("tells the part of the rule, the path in the event and the values",
		func(mapping, event, part, path string, values ...string) {
			e := failing(smallRequest, mapping, "{}", event)
			Expect(e.Rule).NotTo(BeNil())
			Expect(e.Rule.Span.Text()).To(Equal(part))
			Expect(e.Path).To(Equal(path))
			var all []string
			for _, v := range e.Values {
				all = append(all, v.Text+" = "+v.Value)
			}
			Expect(all).To(Equal(values))
		},
		Entry("of an item", "send: [{request: q, item: {n: '=input.a.b + 1'}}]\n", `{"a":{"b":"x"}}`, "input.a.b + 1", "a.b", `input.a.b = text "x"`),
		Entry("of a let that a loop reads", "let: {half: input.n / 2}\nsend: [{request: q, item: {n: '=input.list.map(v, v * half)'}}]\n", `{"n":"x","list":[1]}`, "input.n / 2", "n", `input.n = text "x"`),
		Entry("of a value that a let has", "let: {all: input.a}\nsend: [{request: q, item: {n: =all.b * 2}}]\n", `{"a":{"b":"x"}}`, "all.b * 2", "a.b", `all.b = text "x"`),
		Entry("in a loop", "send: [{request: q, item: {n: '=input.list.map(o, o.n + 1)'}}]\n", `{"list":[{"n":1},{"n":"x"}]}`, "o.n + 1", "list[1].n", `o.n = text "x"`, `o = object {"n":"x"}`),
		Entry("in a first", "send: [{request: q, item: {n: '=first(input.list, o, o.n > 1)'}}]\n", `{"list":[{"n":1},{"a b":2}]}`, "o.n > 1", "list[1].n", `o.n = missing`, `o = object {"a b":2}`),
		Entry("of an element that send walks", "send: [{request: q, each: input.list, item: {n: =value.n + 1}}]\n", `{"list":[{"n":1},{"n":"x"}]}`, "value.n + 1", "list[1].n", `value.n = text "x"`),
		Entry("of a condition", "send: [{request: q, when: input.on, item: {}}]\n", `{"on":"yes"}`, "input.on", "on", `input.on = text "yes"`),
		Entry("of a key that is computed", "send: [{request: q, item: {n: '=input[input.key] - 1'}}]\n", `{"key":"a b","a b":"x"}`, "input[input.key] - 1", "", `input[input.key] = text "x"`),
		Entry("of a function of the table", "send: [{request: q, item: {n: '=[1, decimal(trim(input.n))]'}}]\n", `{"n":" x"}`, "decimal(trim(input.n))", "n", `trim(input.n) = text "x"`),
		Entry("over several lines", "send:\n  - request: q\n    item:\n      n: >-\n        =1 +\n        input.n\n", `{"n":"x"}`, "1 +\n        input.n", "n", `input.n = text "x"`),
		Entry("that is missing", "needs: [input.id]\nsend: [{request: q, item: {}}]\n", `{"id":""}`, "input.id", "id", `input.id = text ""`),
		Entry("of a type", "objects: {o: {under: [input.t], type: '\"n\"', rest: {}}}\ntypes: {n: decimal(value)}\nsend: [{request: q, item: =o}]\n", `{"t":{"a b":"x"}}`, "decimal(value)", `t["a b"]`, `t["a b"] = text "x"`),
		Entry("of an object", "objects: {o: {under: [input.t], set: {a: {from: n, value: value * 2}}}}\nsend: [{request: q, item: =o}]\n", `{"t":{"n":"x"}}`, "value * 2", "t.n", `value = text "x"`),
	)

	It("tells which part of a URL is empty", func() {
		e := failing("hosts: {api: https://api.example.com}\nrequests: {q: {method: POST, host: api, url: '/q/${item.kind}/${item.id}', envelope: =item}}\n", "send: [{request: q, item: {kind: a, id: =input.id}}]\n", "{}", `{"id":""}`)
		Expect(e.Code).To(Equal("unsafe_url"))
		Expect(e.Message).To(ContainSubstring(`${item.id} in the URL gives ""`))
		Expect(e.Rule.Span.Text()).To(Equal("item.id"))
	})

	It("proposes the row of a table", func() {
		e := failing("tables: {plan: {by: input.plan, rows: {free: {n: 1}, premium: {n: 2}}}}\n"+smallRequest, "send: [{request: q, item: {n: =plan.n}}]\n", "{}", `{"plan":"premum"}`)
		Expect(e.Message).To(HaveSuffix("did you mean premium?"))
		Expect(e.Path).To(Equal("plan"))
	})

	It("is JSON that can be kept", func() {
		e := failing(smallRequest, "send: [{request: q, item: {n: '=input.list.map(o, o.n + 1)'}}]\n", "{}", `{"list":[{"n":"x"}]}`)
		Expect(json.Marshal(e)).To(MatchJSON(`{"code": "expression_failed", "status": 400, "path": "list[0].n", "rule": "shop/m.yaml:3:51",
			"message": "+ adds two numbers, or joins two texts or two lists; o.n is text \"x\" and 1 is a number: to join them write o.n + text(1)",
			"expression": "o.n + 1", "values": {"o.n": "text \"x\"", "o": "object {\"n\":\"x\"}"}}`))
		d := e.Diagnostic()
		Expect(d.Error()).To(HavePrefix("shop/m.yaml:3:51: + adds two numbers"))
		Expect(d.Detail).To(Equal("at list[0].n of the event\no is object {\"n\":\"x\"}"))
	})

	DescribeTable("shows nothing of a secret", func(mapping, event string) {
		for _, destination := range []string{smallRequest, "tables: {plan: {by: config.token, rows: {free: {n: 1}}}}\nhosts: {api: https://api.example.com}\nrequests: {q: {method: POST, host: api, url: '/q/${item.id}', headers: '=item.headers', params: =item.params, encode: form, envelope: =item}}\n"} {
			mapping := strings.Replace(mapping, "send: [", "send: [{name: any, when: input.any == true, request: q, item: =input.some}, ", 1) // so that q may read anything of items
			e := failing(destination+"portal: {}\n", mapping, `{"token":"pssst","keys":{"k":"hush","b":"x y\n"}}`, event)
			shown := fmt.Sprintf("%s %v %s %s %v %+v", e.AppendJSON(nil), e, e.Diagnostic(), e.Diagnostic().Detail, e.Values, e.Cause)
			for _, secret := range []string{"pssst", "hush", "x y"} {
				Expect(strings.ReplaceAll(shown, `\n`, "")).NotTo(ContainSubstring(secret), mapping)
			}
		}
	},
		Entry(nil, "send: [{request: q, item: {n: =config.token + 1}}]\n", `{}`),
		Entry(nil, "let: {t: config.keys.k}\nsend: [{request: q, item: {n: =t * 2}}]\n", `{}`),
		Entry(nil, "send: [{request: q, item: {n: '=input[config.keys.k] + 1'}}]\n", `{"secretly":1}`),
		Entry(nil, "send: [{request: q, item: {n: '={config.token: 1}.map(k, decimal(k) + 1)'}}]\n", `{}`),
		Entry(nil, "objects: {o: {under: [input.t], rest: {as: config.token, warn: left out}}}\nsend: [{request: q, item: =o}]\n", `{"t":{"a":1}}`),
		Entry(nil, "objects: {o: {each: input.t, as: 'config.token + value'}}\nsend: [{request: q, item: =o}]\n", `{"t":["a"]}`),
		Entry(nil, "objects: {o: {set: {a: =config.token}, type: '\"n\"'}}\ntypes: {n: decimal(value)}\nsend: [{request: q, item: =o}]\n", `{}`),
		Entry(nil, "objects: {o: {set: {a: =config.token}, type: '\"n\"'}}\ntypes: {n: {value: value, when: value == 1, reject: 'not ${value}'}}\nsend: [{request: q, item: =o}]\n", `{}`),
		Entry(nil, "reject: {r: {when: config.token != null, message: 'it is ${config.token} or ${config.keys}'}}\nsend: [{request: q, item: {}}]\n", `{}`),
		Entry(nil, "send: [{request: q, when: config.token, item: {}}]\n", `{}`),
		Entry(nil, "needs: [config.keys.none]\nsend: [{request: q, item: {}}]\n", `{}`),
	)
})
