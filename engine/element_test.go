package engine_test

import (
	"encoding/json"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/growth"
)

var _ = Describe("a large batch", func() {
	merging := "hosts: {api: https://api.example.com}\nrequests: {q: {method: POST, host: api, url: /q, max: 2, same: lower(item.id), duplicates: merge, envelope: {all: =items}}}\n"
	mapping := "send: [{request: q, item: {id: =input.id, n: =input.n}}]\n"
	elements := func(c *engine.Connection, n int, event func(i int) string) [][]int {
		events := make([]string, n)
		for i := range events {
			events[i] = event(i)
		}
		o := c.Plan(inputs(events...)).Map()
		defer o.Release()
		var out [][]int
		for _, e := range o.Elements() {
			out = append(out, e.Indexes)
		}
		return out
	}

	It("takes what is the same into one batch, however much there is of it, in time", Label("time"), func() {
		c := bind(small(merging, mapping), "{}")
		same := func(i int) string { return fmt.Sprintf(`{"id":"A","n":%d}`, i) }
		Expect(elements(c, 20_000, same)).To(ConsistOf(HaveLen(20_000)))
		Expect(growth.Of(func(n int) { elements(c, n, same) }, 2_000, 16_000)).To(BeNumerically("<", 30), "joining at each event grows by 64")
	})
	It("closes a batch by what is left after merging", func() {
		ids := []string{"a", "A", "b", "a", "c", "a"}
		Expect(elements(bind(small(merging, mapping), "{}"), len(ids), func(i int) string { return fmt.Sprintf(`{"id":%q,"n":%d}`, ids[i], i) })).
			To(Equal([][]int{{0, 1, 2, 3}, {4, 5}}))
	})
	It("leaves alone who cannot be compared, not the neighbours", func() {
		ids := []string{`"a"`, `[]`, `"b"`}
		Expect(elements(bind(small(merging, mapping), "{}"), len(ids), func(i int) string { return fmt.Sprintf(`{"id":%s}`, ids[i]) })).
			To(Equal([][]int{{0, 2}, {1}}))
	})
	It("lets nobody overtake an event of the same user that cannot be read", func() {
		in := inputs(`{"id":"a"}`, `{"id":`, `{"id":"b"}`)
		for i, user := range []string{"u", "v", "v"} {
			in[i].Metadata = fmt.Appendf(nil, `{"userId":%q}`, user)
		}
		o := bind(small(merging, mapping), "{}").Plan(in).Map()
		defer o.Release()
		var out [][]int
		for _, e := range o.Elements() {
			out = append(out, e.Indexes)
		}
		Expect(out).To(Equal([][]int{{0}, {1}, {2}}))
	})
	It("asks each question once, in time", Label("time"), func() {
		c := bind(small("hosts: {api: https://api.example.com}\nlookups: {ids: {args: [by], host: true}}\nrequests: {q: {method: POST, host: api, url: /q, envelope: =item}}\n",
			"ask: {found: {lookup: ids, with: {by: mail}, key: input.id}}\nsend: [{request: q, item: {id: =input.id, of: =found}}]\n"), "{}")
		ask := func(n int) int {
			events := make([]string, n)
			for i := range events {
				events[i] = fmt.Sprintf(`{"id":%d}`, i%(n*2/3))
			}
			b := c.Plan(inputs(events...))
			defer func() { b.Map().Release() }()
			return len(b.Questions())
		}
		Expect(ask(30_000)).To(Equal(20_000))
		Expect(growth.Of(func(n int) { ask(n) }, 3_000, 24_000)).To(BeNumerically("<", 30), "a search for each event grows by 64")
	})
})

var _ = Describe("the arguments of a request", func() {
	const hosts = "hosts: {api: https://api.example.com}\n"
	grouped := func(requests, mapping string, events ...string) []string {
		o := bind(small(hosts+requests, mapping), "{}").Plan(inputs(events...)).Map()
		defer o.Release()
		var out []string
		for _, e := range o.Elements() {
			out = append(out, string(e.AppendJSON(nil)))
		}
		return out
	}

	It("tell items apart for `same`, and do not part those of one address", func() {
		out := grouped("requests: {q: {method: POST, host: api, url: '/${kind}', args: [kind, who], same: who, duplicates: merge, envelope: {all: =items}}}\n",
			"send: [{request: q, with: {kind: =input.kind, who: =input.id}, item: =input.give}]\n",
			`{"kind":"a","id":1,"give":{"x":1}}`, `{"kind":"a","id":2,"give":{"x":2}}`, `{"kind":"b","id":1,"give":{"x":3}}`, `{"kind":"a","id":1,"give":{"y":4}}`, `{"kind":"a","give":{"z":5}}`, `{"kind":"a","give":{"z":6}}`)
		Expect(out).To(HaveLen(2))
		Expect(dig(out[0], "indexes")).To(HaveLen(5))
		Expect(dig(out[0], "requests", 0, "body", "JSON", "all")).To(BeEquivalentTo([]any{
			map[string]any{"x": json.Number("1"), "y": json.Number("4")}, map[string]any{"x": json.Number("2")}, map[string]any{"z": json.Number("5")}, map[string]any{"z": json.Number("6")}}))
	})
	It("part items whose envelope or parameters they stand in", func() {
		events := []string{`{"id":1}`, `{"id":2}`, `{"id":1}`}
		for _, part := range []string{"envelope: {of: =who, all: =items}", "params: {of: =who}, envelope: {all: =items}"} {
			Expect(grouped("requests: {q: {method: POST, host: api, url: /q, args: [who], "+part+"}}\n", "send: [{request: q, with: {who: =input.id}, item: {a: 1}}]\n", events...)).To(HaveLen(2), part)
		}
	})
	It("that are constants lead each entry to its own address", func() {
		out := grouped("requests: {q: {method: POST, host: api, url: '/${kind}', args: [kind, who], envelope: {all: =items}}}\n",
			"send: [{choose: [{name: a, when: input.a, request: q, with: {kind: as, who: =input.id}, item: {a: 1}}, {name: b, request: q, with: {kind: bs, who: =input.id}, item: {b: 1}}]}]\n",
			`{"a":true,"id":1}`, `{"a":false,"id":1}`, `{"a":true,"id":2}`)
		Expect(out).To(HaveLen(2))
		Expect(dig(out[0], "requests", 0, "endpoint")).To(Equal("https://api.example.com/as"))
		Expect(dig(out[0], "indexes")).To(HaveLen(2))
		Expect(dig(out[1], "requests", 0, "endpoint")).To(Equal("https://api.example.com/bs"))
	})
})
