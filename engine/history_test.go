package engine_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

// small loads a destination of one mapping m.
func small(destination, mapping string, with ...engine.Option) *engine.Program {
	GinkgoHelper()
	return smallWith(nil, destination, mapping, with...)
}

// smallWith is small with more files in the folder.
func smallWith(files map[string]string, destination, mapping string, with ...engine.Option) *engine.Program {
	GinkgoHelper()
	folder := fstest.MapFS{
		"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nroutes: [{to: m}]\n" + destination)},
		"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\n" + mapping)},
	}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	p, err := engine.Load(folder, with...)
	Expect(err).NotTo(HaveOccurred())
	return p
}

const smallRequest = "hosts: {api: https://api.example.com}\nrequests: {q: {method: POST, host: api, url: /q, envelope: =item}}\n"

// manyKeys lets events have as many keys as they have values.
var manyKeys = engine.WithLimits(engine.Limits{Event: value.Limits{Keys: 100_000}})

// wide is an event with many keys below traits.
func wide(keys int) string {
	var b strings.Builder
	b.WriteString(`{"traits":{"first":1`)
	for i := range keys {
		fmt.Fprintf(&b, `,"K%05d":1`, i)
	}
	return b.String() + "}}"
}

// A runner remembers what follows from the settings and from keys. Nobody may
// see that in results.
var _ = Describe("what came before an event", func() {
	It("does not change what its keys cost", func() {
		c := bind(small(smallRequest, "objects: {o: {under: [input.traits], rest: {as: lower(upper(lower(upper(lower(upper(key))))))}}}\nsend: [{request: q, item: {n: =size(o)}}]\n", manyKeys), "{}")
		event := wide(20_000)
		first := lines(c, event)
		Expect(dig(first[0], "error", "message")).To(MatchRegexp("the rules need more than .* steps|too many steps"))
		for range 3 {
			Expect(lines(c, event)).To(Equal(first))
		}
	})
	It("does not change what the values of the settings cost", func() {
		c := bind(small(smallRequest, "let: {a: 'size(config.list.map(x, x + 1))', b: 'size(input.list.map(x, x + 1))'}\nsend: [{request: q, item: {n: =a == b}}]\n",
			engine.WithLimits(engine.Limits{Steps: 250})), `{"list":[`+strings.Repeat("1,", 39)+`1]}`)
		event := func(n int) string { return `{"list":[` + strings.Repeat("1,", n-1) + `1]}` }
		for range 3 {
			got := lines(c, event(60), event(40), event(60))
			Expect(dig(got[0], "error", "code")).To(Equal("too_many_steps"))
			Expect(dig(got[1], "status")).To(Equal("mapped"))
			Expect(got[2][10:]).To(Equal(got[0][10:]))
		}
	})
	It("does not make one event pay twice for a value of the settings, in whatever order it reads them", func() {
		for _, read := range []string{"a + b + b", "b + a + a", "b + b + b"} {
			c := bind(small(smallRequest, "let: {a: 'size(config.list.map(x, x + 1))', b: 'size(config.list.map(x, x + a))'}\nsend: [{request: q, item: {n: '="+read+"'}}]\n",
				engine.WithLimits(engine.Limits{Steps: 250})), `{"list":[`+strings.Repeat("1,", 39)+`1]}`)
			for range 3 {
				Expect(dig(lines(c, `{}`)[0], "status")).To(Equal("mapped"), read)
			}
		}
	})
	It("does not change a maximum that depends on the event", func() {
		for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
			c := bind(small("hosts: {api: https://api.example.com}\ntables: {sizes: {by: input.kind, absent: a, rows: {a: {max: 1}, b: {max: 5}}}}\nrequests: {q: {method: POST, host: api, url: /q, max: sizes.max, envelope: {all: =items}}}\n",
				"send: [{request: q, each: input.list, item: =value}]\n"), "{}")
			for _, kind := range order {
				requests := map[string]int{"a": 3, "b": 1}[kind]
				Expect(dig(lines(c, fmt.Sprintf(`{"kind":%q,"list":[1,2,3]}`, kind))[0], "requests")).To(HaveLen(requests), kind)
			}
		}
	})
	It("stays in memory only up to a bound", func() {
		grown := func(c *engine.Connection, event func(i int) string) int64 {
			lines(c, event(0))
			before := heap()
			for i := range 60 {
				lines(c, event(i))
			}
			after := heap()
			runtime.KeepAlive(c)
			return after - before
		}
		keys := bind(small(smallRequest, "objects: {o: {under: [input.traits], rest: {as: lower(key)}}}\nsend: [{request: q, item: {n: =size(o)}}]\n"), "{}")
		Expect(grown(keys, func(i int) string {
			return fmt.Sprintf(`{"traits":{"K%d%s":1}}`, i, strings.Repeat("k", 1<<20-10))
		})).To(BeNumerically("<", 16<<20), "long keys are not remembered")
		host := bind(small("hosts: {api: {url: =config.url, within: x.example}}\nrequests: {q: {method: POST, host: api, url: /q, envelope: =item}}\n", "send: [{request: q, item: {}}]\n"),
			`{"url":"https://`+strings.Repeat("h", 1<<19)+`"}`)
		Expect(grown(host, func(int) string { return "{}" })).To(BeNumerically("<", 16<<20), "settings that cannot be used are tried once")
		as := bind(small(smallRequest, "objects: {o: {under: [input.traits], rest: {as: decimal(lower(config.long) + key)}}}\nsend: [{request: q, item: {n: =size(o)}}]\n"), `{"long":"`+strings.Repeat("L", 1<<19)+`"}`)
		Expect(grown(as, func(i int) string { return fmt.Sprintf(`{"traits":{"K%d":1}}`, i) })).To(BeNumerically("<", 16<<20), "keys whose rule fails leave nothing")
	})
})

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

var _ = Describe("portal data", func() {
	It("is computed with the tables of the destination", func() {
		p := small(smallRequest+"tables: {names: {by: config.version, absent: a, rows: {a: {field: results}, b: {field: items}}}}\nportal: {fields: {answer: 'body[names.field]'}}\n", "send: [{request: q, item: {n: =fields.x}}]\n")
		for config, body := range map[string]string{`{}`: `{"results":{"x":1}}`, `{"version":"b"}`: `{"items":{"x":1}}`} {
			c, err := p.Bind(engine.Settings{Config: []byte(config), Portal: map[string][]byte{"fields": []byte(body)}})
			Expect(err).NotTo(HaveOccurred())
			Expect(dig(lines(c, `{}`)[0], "requests", 0, "body", "JSON", "n")).To(BeEquivalentTo("1"))
		}
	})
})
