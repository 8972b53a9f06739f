package engine_test

import (
	"fmt"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

// An API that takes people and visits in one request, each with a bound.
var _ = Describe("a request with several arrays", func() {
	files := func(more string) fstest.MapFS {
		return fstest.MapFS{
			"destination.yaml": {Data: []byte(`
celmap: destination/v1
name: tracker
hosts: {api: https://api.example.com}
routes: [{to: visit}]
requests:
  track:
    method: POST
    host: api
    url: /track
    envelope: {people: =items.people, visits: =items.visits}
    arrays:
      people: {max: 3}
      visits: {max: input_}
    max: 8
    same: "[item.id]"
    duplicates: merge
`[1:])},
			"visit.yaml": {Data: []byte(`
celmap: mapping/v1
name: visit
send:
  - name: person
    when: input.person != null
    request: track
    array: people
    item: {id: =input.person}
  - name: visits
    request: track
    array: visits
    each: input.pages
    item: {page: =value}
` + more)},
		}
	}
	with := func(visits string) *engine.Connection {
		f := files("")
		f["destination.yaml"].Data = []byte(strings.Replace(string(f["destination.yaml"].Data), "input_", visits, 1))
		p, found := load(f)
		Expect(found).To(BeEmpty())
		return bind(p, `{"visits": 4}`)
	}
	event := func(id int, person string, pages ...string) string {
		return fmt.Sprintf(`{"messageId":"%d","person":%s,"pages":["%s"]}`, id, person, strings.Join(pages, `","`))
	}
	requests := func(c *engine.Connection, events ...string) (ids [][]string, bodies []string) {
		o := c.Plan(inputs(events...)).Map()
		defer o.Release()
		for _, e := range o.Elements() {
			ids = append(ids, e.MessageIDs)
			for _, q := range e.Requests {
				line := string(e.AppendJSON(nil))
				_ = q
				bodies = append(bodies, line[strings.Index(line, `"JSON":`):])
			}
		}
		return ids, bodies
	}

	It("fills each array in order, and leaves out the empty one", func() {
		line := lines(with("4"), event(1, `"a"`, "x", "y"), `{"messageId":"2","person":"b"}`)
		Expect(line[0]).To(ContainSubstring(`"body":{"JSON":{"people":[{"id":"a"}],"visits":[{"page":"x"},{"page":"y"}]}}`))
		Expect(line[1]).To(ContainSubstring(`"body":{"JSON":{"people":[{"id":"b"}]}}`))
	})
	It("keeps the bound of each array, also from the config, and never splits an event", func() {
		ids, _ := requests(with("config.visits"), event(1, `"a"`, "1", "2", "3"), event(2, `"b"`, "4", "5"), event(3, `"c"`, "6", "7", "8", "9"))
		Expect(ids).To(Equal([][]string{{"1"}, {"2"}, {"3"}}))
		ids, _ = requests(with("config.visits"), event(1, `"a"`, "1", "2"), event(2, `"b"`, "4", "5"), event(3, `"c"`, "6"))
		Expect(ids).To(Equal([][]string{{"1", "2"}, {"3"}}))
	})
	It("keeps the bound of all", func() {
		ids, _ := requests(with("100"), event(1, `"a"`, "1", "2", "3"), event(2, `"b"`, "4", "5", "6"), event(3, `"c"`, "7"))
		Expect(ids).To(Equal([][]string{{"1", "2"}, {"3"}}))
	})
	It("splits what one event alone has too much of", func() {
		o := with("2").Plan(inputs(event(1, `"a"`, "1", "2", "3", "4", "5"))).Map()
		defer o.Release()
		Expect(o.Elements()).To(HaveLen(1))
		Expect(o.Elements()[0].Requests).To(HaveLen(3))
	})
	It("merges what is the same within an array", func() {
		_, bodies := requests(with("9"), event(1, `"a"`, "1"), event(2, `"a"`, "2"))
		Expect(bodies).To(HaveLen(1))
		Expect(bodies[0]).To(ContainSubstring(`"people":[{"id":"a"}],"visits":[{"page":"1"},{"page":"2"}]`))
	})
	It("has to be told which array an entry fills", func() {
		f := files("  - name: third\n    request: track\n    item: {}\n")
		f["destination.yaml"].Data = []byte(strings.Replace(string(f["destination.yaml"].Data), "input_", "4", 1))
		_, found := load(f)
		Expect(found[0].Code).To(Equal("missing-key"))
		Expect(found[0].Summary).To(ContainSubstring("several arrays"))
		f = files("  - name: third\n    request: track\n    array: visit\n    item: {}\n")
		f["destination.yaml"].Data = []byte(strings.Replace(string(f["destination.yaml"].Data), "input_", "4", 1))
		_, found = load(f)
		Expect(found[0].Help).To(Equal("did you mean visits?"))
	})
	It("has to find its arrays in the envelope", func() {
		for old, code := range map[string]string{"visits: =items.visits": "unused-array", "=items.people": "unknown-field"} {
			f := files("")
			f["destination.yaml"].Data = []byte(strings.NewReplacer("input_", "4", old, map[string]string{"unused-array": "x: 1", "unknown-field": "=items.peple"}[code]).Replace(string(f["destination.yaml"].Data)))
			_, found := load(f)
			var codes []string
			for _, d := range found {
				codes = append(codes, d.Code)
			}
			Expect(codes).To(ContainElement(code))
		}
	})
})

var _ = Describe("a batch whose body is too large", func() {
	It("is split by bytes, and one event that is too large by itself does not harm its neighbours", func() {
		p, found := load(fstest.MapFS{
			"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nhosts: {api: https://api.example.com}\nroutes: [{to: m}]\nrequests:\n  q: {method: POST, host: api, url: /q, envelope: {all: =items}, maxBytes: 60}\n")},
			"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\nsend: [{request: q, item: {t: =input.t}}]\n")},
		})
		Expect(found).To(BeEmpty())
		event := func(id, t string) string { return fmt.Sprintf(`{"messageId":%q,"t":%q}`, id, t) }
		o := bind(p, "{}").Plan(inputs(event("1", "aaaaaaaaaa"), event("2", "bbbbbbbbbb"), event("3", "cccccccccc"))).Map()
		Expect(o.Elements()).To(HaveLen(1))
		Expect(o.Elements()[0].Requests).To(HaveLen(2))
		o.Release()
		o = bind(p, "{}").Plan(inputs(event("1", "a"), event("2", strings.Repeat("b", 100)), event("3", "c"))).Map()
		defer o.Release()
		var states []string
		for _, e := range o.Elements() {
			states = append(states, fmt.Sprint(e.MessageIDs, e.Status))
		}
		Expect(states).To(Equal([]string{"[1] mapped", "[2] rejected", "[3] mapped"}))
	})
})
