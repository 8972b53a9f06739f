package engine_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/growth"
)

var _ = Describe("limits", func() {
	sized := "send: [{request: q, item: {n: '=size(input.list.map(x, x + 1))'}}]\n"
	list := func(n int) string { return `{"list":[` + strings.Repeat("1,", n-1) + `1]}` }
	states := func(o *engine.Output) (out []string) {
		for _, r := range o.Results() {
			code := r.Status.String()
			if r.Error != nil {
				code = r.Error.Code
			}
			out = append(out, code)
		}
		return out
	}

	It("let no event take more from its neighbours than their share", func() {
		c := bind(small(smallRequest, sized, engine.WithLimits(engine.Limits{Steps: 1000, BatchSteps: 2500})), "{}")
		o := c.Plan(inputs(list(300), list(300), list(300), list(20), list(400), list(3000), list(20))).Map()
		defer o.Release()
		Expect(states(o)).To(Equal([]string{"mapped", "mapped", "batch_too_many_steps", "mapped", "batch_too_many_steps", "batch_too_many_steps", "mapped"}))
		failed := o.Results()[2].Error
		Expect(failed.Status).To(Equal(503), "alone it may be mapped, so it is worth another try")
		Expect(failed.Rule.Place).To(Equal("m.yaml:3:38"))
		alone := c.Plan(inputs(list(300), list(3000), list(20))).Map()
		defer alone.Release()
		Expect(states(alone)).To(Equal([]string{"mapped", "too_many_steps", "mapped"}))
	})
	It("give an event one budget for all that is done for it", func() {
		twice := "hosts: {api: https://api.example.com}\nrequests: {q: {method: POST, host: api, url: /q, envelope: {n: '=size(item.list.map(x, x + 1))'}}}\n"
		for steps, code := range map[int]string{1500: "mapped", 900: "too_many_steps"} {
			c := bind(small(twice, "let: {n: 'size(input.list.map(x, x + 1))'}\nsend: [{request: q, when: n > 0, item: {list: =input.list}}]\n", engine.WithLimits(engine.Limits{Steps: steps})), "{}")
			o := c.Plan(inputs(list(200))).Map()
			Expect(states(o)).To(Equal([]string{code}))
			Expect(o.Elements()).To(HaveLen(1))
			Expect(o.Elements()[0].Status == engine.Mapped).To(Equal(code == "mapped"))
			o.Release()
		}
	})
	It("tell which expressions took how much, and where", func() {
		mapping := "let:\n  cheap: size(input.list)\n  dear: 'size(input.list.map(x, input.list.map(y, x * y)))'\nsend: [{request: q, item: {n: '=cheap + dear'}}]\n"
		for _, with := range [][]engine.Option{nil, {engine.WithLimits(engine.Limits{CEL: 20_000})}} {
			c := bind(small(smallRequest, mapping, with...), "{}")
			for _, c := range []*engine.Connection{c, c.Observe(&watcher{})} {
				o := c.Plan(inputs(list(400), list(2))).Map()
				e := o.Results()[0].Error
				Expect(o.Results()[1].Status).To(Equal(engine.Mapped), e.Message)
				if with != nil {
					Expect(e.Code).To(Equal("expression_too_many_steps"), e.Message)
					Expect(e.Rule.Place).To(Equal("m.yaml:6:33"))
					continue
				}
				Expect(e.Code).To(Equal("too_many_steps"))
				Expect(e.Message).To(MatchRegexp(`^the rules need more than 100000 steps for this event; of these \d+ for input\.list\.map\(y, x \* y\) at m\.yaml:5:33: simplify`))
				Expect(e.Rule.Place).To(Equal("m.yaml:5:33"))
				Expect(e.Costs[0].Rule.Place).To(Equal("m.yaml:5:33"))
				o.Release()
			}
		}
	})
	It("tell it of requests too, and of what is made of the settings", func() {
		c := bind(small("hosts: {api: https://api.example.com}\nrequests:\n  q: {method: POST, host: api, url: /q, envelope: {n: '=size(item.list.map(x, item.list.map(y, x + y)))'}}\n", "send: [{request: q, item: {list: =input.list}}]\n"), "{}")
		o := c.Plan(inputs(list(400))).Map()
		defer o.Release()
		Expect(o.Results()[0].Error.Message).To(MatchRegexp(`of these \d+ for item\.list\.map\(y, x \+ y\) at d\.yaml:6:`))
		Expect(o.Elements()[0].Error.Message).To(Equal(o.Results()[0].Error.Message))
		s := bind(small(smallRequest, "let:\n  dear: 'size(config.list.map(x, config.list.map(y, x + y)))'\nsend: [{request: q, item: {n: '=dear'}}]\n"), list(400))
		for range 2 {
			Expect(dig(lines(s, `{}`)[0], "error", "message")).To(ContainSubstring("at m.yaml:"))
		}
	})
	It("bound what the requests of an event have together", func() {
		c := bind(small("hosts: {api: https://api.example.com}\nrequests: {q: {method: POST, host: api, url: /q, envelope: =item}}\n",
			"send: [{request: q, each: input.list, item: {all: =input.text}}]\n", engine.WithLimits(engine.Limits{Output: 1 << 20})), "{}")
		event := func(n int) string {
			return `{"list":[` + strings.Repeat("1,", n-1) + `1],"text":"` + strings.Repeat("x", 100_000) + `"}`
		}
		o := c.Plan(inputs(event(10), event(11), event(1))).Map()
		defer o.Release()
		Expect(states(o)).To(Equal([]string{"mapped", "output_too_large", "mapped"}))
		Expect(o.Results()[1].Error.Message).To(Equal("the bodies of the event's 11 requests up to here have more than 1048576 bytes together"))
		Expect(o.Elements()).To(HaveLen(3))
	})
	It("bound the work of a line for each element", func() {
		var set strings.Builder
		for i := range 400 {
			fmt.Fprintf(&set, "  f%d: input.list\n", i)
		}
		c := bind(small(smallRequest, "objects: {o: {each: input.list, set: {"+strings.ReplaceAll(strings.TrimSuffix(strings.ReplaceAll(set.String(), "\n", ", "), ", "), "  ", "")+"}}}\nsend: [{request: q, item: {n: =size(o)}}]\n"), "{}")
		Expect(dig(lines(c, list(1500))[0], "error", "code")).To(Equal("too_many_steps"))
	})
	It("do not let a batch for many addresses take long", Label("time"), func() {
		c := bind(small("hosts: {api: https://api.example.com}\nrequests: {q: {method: POST, host: api, url: '/${id}', args: [id], envelope: {all: =items}}}\n",
			"send: [{request: q, with: {id: =input.id}, item: {n: 1}}]\n"), "{}")
		run := func(n int) {
			events := make([]string, n)
			for i := range events {
				events[i] = fmt.Sprintf(`{"id":"%d"}`, i)
			}
			o := c.Plan(inputs(events...)).Map()
			defer o.Release()
			Expect(o.Elements()).To(HaveLen(n))
		}
		Expect(growth.Of(run, 4_000, 32_000)).To(BeNumerically("<", 36), "a search through all batches for each event grows by 64")
	})
})

type watcher struct{}

func (*watcher) Wrote(*value.Node, *engine.Rule) {}
func (*watcher) Decided(*engine.Rule, bool)      {}
