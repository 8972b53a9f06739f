package engine_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
)

const aging = `celmap: destination/v1
name: aging
hosts: {api: https://api.example.com, own: {url: "${config.url}", within: any}}
routes:
  - {name: old, deprecated: It has to be reached., to: old, when: input.old == true}
  - to: new
tables:
  paths:
    by: config.release
    absent: v2
    rows: {v1: {people: /v1/people}, v2: {people: /v2/people}}
    deprecated: {v1: Choose v2.}
auth:
  - {name: token, when: config.token != null, headers: {Authorization: =config.token}}
  - {name: key, deprecated: Use a token., params: {key: =config.key}}
lookups:
  old: {host: true, deprecated: Ask new.}
  new: {host: true}
requests:
  old: {method: POST, host: api, url: /v1/people, params: {key: x}, envelope: =item, auth: [key], deprecated: Send new.}
  new: {method: POST, host: api, url: "${paths.people}", envelope: =item}
deprecated:
  - {url: "https://api.example.com/v1/*", because: Version 1 is gone.}
  - {param: key, because: Keys are gone.}
`

var agingMappings = map[string]string{
	"old.yaml": "celmap: mapping/v1\nname: old\ndeprecated: Use new.\nuse: [old-parts]\nask: {a: {lookup: old, key: input.id}}\nsend: [{request: old, item: {}}]\n",
	"new.yaml": "celmap: mapping/v1\nname: new\nsend: [{request: new, item: {}}]\n",
	"f.yaml":   "celmap: fragment/v1\nname: old-parts\ndeprecated: Do without.\nlet: {x: input.x}\n",
}

var _ = Describe("what is deprecated", func() {
	told := func(found source.Diagnostics) string {
		var lines []string
		for _, d := range found {
			if d.Code == "deprecated" {
				lines = append(lines, fmt.Sprintf("%s: %s: %s", d.Span.Text(), d.Summary, d.Detail))
			}
			Expect(d.Severity).To(Equal(source.Warning))
		}
		return strings.Join(lines, "\n")
	}
	with := func(changes ...string) map[string]string {
		files := map[string]string{"d.yaml": strings.NewReplacer(changes...).Replace(aging)}
		for name, text := range agingMappings {
			files[name] = strings.NewReplacer(changes...).Replace(text)
		}
		return files
	}

	It("may use what is deprecated", func() { Expect(told(loadAll(with()))).To(BeEmpty()) })

	DescribeTable("warns who uses it", func(want string, changes ...string) {
		Expect(told(loadAll(with(changes...)))).To(Equal(want))
	},
		Entry("a route", "old: the mapping old is deprecated: Use new.", "deprecated: It has to be reached., ", ""),
		Entry("a mapping", "old-parts: the fragment old-parts is deprecated: Do without.\nold: the lookup old is deprecated: Ask new.\nold: the request old is deprecated: Send new.",
			"deprecated: Use new.\n", "", "deprecated: It has to be reached., ", ""),
		Entry("one entry of a mapping", "old: the request old is deprecated: Send new.", "send: [{request: new, item: {}}]",
			"send: [{request: new, item: {}}, {name: a, deprecated: For now., request: old, item: {}}, {name: b, choose: [{name: c, request: old, item: {}}]}]"),
		Entry("a request", "/v1/people: the address https://api.example.com/v1/people is deprecated: Version 1 is gone.\nkey: the parameter key is deprecated: Keys are gone.\nkey: the auth entry key is deprecated: Use a token.",
			", deprecated: Send new.", ""),
		Entry("a way to prove who sends", "key: the parameter key is deprecated: Keys are gone.", "deprecated: Use a token., ", ""),
		Entry("the request of a lookup", "/v1/find: the address https://api.example.com/v1/find is deprecated: Version 1 is gone.",
			"new: {host: true}", "new: {keys: {max: 1}, request: {method: GET, host: api, url: /v1/find, params: {k: =keys}}, answer: body}"),
	)

	It("is not used by a table for a row that it has not", func() {
		found := loadAll(with("{v1: Choose v2.}", "{v3: Choose v2.}"))
		Expect(found[0].Code).To(Equal("unknown-row"))
	})

	It("is used anew by an overlay", func() {
		base := fstest.MapFS{}
		for name, text := range with() {
			base[name] = &fstest.MapFile{Data: []byte(text)}
		}
		overlay := fstest.MapFS{"o.yaml": {Data: []byte("celmap: overlay/v1\nname: team\nbase: aging\nchanges:\n" +
			"  - {rule: old/send/more, add: {name: more, request: old, item: {}}}\n" +
			"  - {rule: aging/requests/own, add: {method: POST, host: api, url: /v1/own, envelope: =item}}\n" +
			"  - {rule: aging/requests/marked, add: {method: POST, host: api, url: /v1/own, envelope: =item, deprecated: For now.}}\n")}}
		p, found := load(overlay, engine.WithBase(func(string) (fs.FS, string, bool) { return base, "aging", true }))
		Expect(found).To(BeEmpty())
		Expect(told(p.Warnings())).To(Equal("old: the request old is deprecated: Send new.\n" +
			"/v1/own: the address https://api.example.com/v1/own is deprecated: Version 1 is gone."))
		Expect(p.Warnings()[0].Span.File.Name).To(Equal("shop/o.yaml"))
	})
})
