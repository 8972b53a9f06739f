package engine_test

import (
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
