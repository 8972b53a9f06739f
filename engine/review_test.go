package engine_test

import (
	"fmt"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

const reviewed = `celmap: destination/v1
name: reviewed
events: spec
hosts:
  api: https://api.example.com
  own: {url: "${config.url}", within: "*.example.com"}
routes:
  - {name: old, deprecated: It has to be reached., to: old, when: type == "identify" && config.version == 1}
  - {to: new, when: type == "identify"}
  - {to: order, when: type == "track" && event == "Order"}
  - {name: vip, to: vip, when: type == "track" && config.vip == true && event == "Vip"}
tables:
  paths: {by: config.release, absent: v2, rows: {v1: {p: /v1}, v2: {p: /v2}}, deprecated: {v1: Choose v2.}}
auth:
  - {name: token, when: config.key == null, needs: [config.token], headers: {Authorization: =config.token}}
  - {name: key, when: config.key != "none", deprecated: Use a token., headers: {X-Key: =config.key}}
requests:
  open: {method: POST, host: api, url: /o, envelope: =item, auth: none}
  people: {method: POST, host: api, url: "${paths.p}/people", envelope: =item}
  own: {method: POST, host: own, url: /x, envelope: =item}
`

var reviewedMappings = map[string]string{
	"old.yaml":   "celmap: mapping/v1\nname: old\ndeprecated: Set version 2.\nsend: [{request: people, item: {}}]\n",
	"new.yaml":   "celmap: mapping/v1\nname: new\nneeds: [config.field, traits.x]\nsend: [{request: people, item: {}}]\n",
	"order.yaml": "celmap: mapping/v1\nname: order\nsend: [{choose: [{name: a, when: properties.x == 1, request: own, item: {}}, {name: b, request: open, item: {}}]}]\n",
	"vip.yaml":   "celmap: mapping/v1\nname: vip\nneeds: [config.vipField]\nsend: [{request: open, item: {}}]\n",
}

var _ = Describe("A review of settings", func() {
	review := func(config string) string {
		GinkgoHelper()
		files := fstest.MapFS{"d.yaml": {Data: []byte(reviewed)}}
		for name, text := range reviewedMappings {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		p, found := load(files)
		Expect(found).To(BeEmpty())
		c, err := p.Bind(engine.Settings{Config: []byte(config)})
		Expect(err).NotTo(HaveOccurred())
		r := c.Review()
		var lines []string
		for _, o := range r.Obstacles {
			lines = append(lines, fmt.Sprintf("%s by %v for %v, every %t", o.Error.Code, o.Settings, o.Mappings, o.Every))
		}
		for _, o := range r.Outdated {
			lines = append(lines, fmt.Sprintf("%s by %v: %s", o.What, o.Settings, o.Because))
		}
		return strings.Join(lines, "\n")
	}

	DescribeTable("tells what they decide for events alone", func(config, want string) {
		Expect(review(config)).To(Equal(want))
	},
		Entry("nothing", `{"token": "t", "field": "f", "url": "https://a.example.com"}`, ""),
		Entry("a missing setting of one mapping", `{"token": "t", "url": "https://a.example.com"}`, "missing_config by [field] for [new], every false"),
		Entry("a missing token, which an open request does without", `{"field": "f", "url": "https://a.example.com"}`, "missing_config by [token] for [new order], every false"),
		Entry("no way to prove who sends", `{"key": "none", "field": "f", "url": "https://a.example.com"}`, "missing_config by [key] for [new order], every false"),
		Entry("a host that is not allowed", `{"token": "t", "field": "f", "url": "https://elsewhere.test"}`, "forbidden_host by [url] for [order], every false"),
		Entry("a row that is not there", `{"token": "t", "field": "f", "url": "https://a.example.com", "release": "v3"}`, "unknown_row by [release] for [new], every false"),
		Entry("a mapping that only these settings reach", `{"token": "t", "field": "f", "url": "https://a.example.com", "vip": true}`, "missing_config by [vipField] for [vip], every false"),
		Entry("what is deprecated", `{"key": "k", "url": "https://a.example.com", "version": 1, "release": "v1"}`,
			"the mapping old by [version]: Set version 2.\nthe auth entry key by [key]: Use a token.\nthe row v1 of the table paths by [release]: Choose v2."),
	)

	It("says when it is every event", func() {
		files := fstest.MapFS{
			"d.yaml": {Data: []byte("celmap: destination/v1\nname: d\nhosts: {api: https://api.example.com}\nroutes: [{to: m}]\n" +
				"auth: [{name: token, needs: [config.token, config.id], headers: {A: =config.token}}]\nrequests: {r: {method: POST, host: api, url: /r, envelope: =item}}\n")},
			"m.yaml": {Data: []byte("celmap: mapping/v1\nname: m\nsend: [{request: r, item: {}}]\n")},
		}
		p, found := load(files)
		Expect(found).To(BeEmpty())
		c, err := p.Bind(engine.Settings{})
		Expect(err).NotTo(HaveOccurred())
		obstacles := c.Review().Obstacles
		Expect(obstacles).To(HaveLen(2))
		for _, o := range obstacles {
			Expect(o.Every).To(BeTrue())
		}
	})

	It("tells nothing of settings that their schema refuses", func() {
		p, _ := load(folder("shop"))
		c, err := p.Bind(engine.Settings{Config: []byte(`{"token": 1}`)})
		Expect(err).NotTo(HaveOccurred())
		Expect(c.Review()).To(Equal(engine.Review{}))
	})
})

var _ = Describe("The codes of a program", func() {
	It("are those of the rules and of the engine", func() {
		p, _ := load(folder("shop"))
		Expect(p.Codes()).To(ContainElements("unsupported_type", "bad_email", "no_route", "invalid_json", "lookup_failed"))
	})
})
