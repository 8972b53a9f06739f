package engine_test

import (
	"fmt"
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

var _ = Describe("the target of a request", func() {
	// hook has an address and headers from the settings.
	hook := func(url string) *engine.Connection {
		GinkgoHelper()
		p, err := engine.Load(fstest.MapFS{
			"destination.yaml": {Data: []byte(`
celmap: destination/v1
name: hook
config: config.json
hosts: {own: {url: =config.url, within: any}}
headers: {Content-Type: application/json}
routes: [{to: all}]
requests:
  all: {method: POST, host: own, url: "` + url + `", headers: =config.headers, envelope: =item}
`)},
			"config.json": {Data: []byte(`{"properties": {"headers": {"secret": true}}}`)},
			"all.yaml":    {Data: []byte("celmap: mapping/v1\nname: all\nsend: [{request: all, item: {a: 1}}]\n")},
		})
		Expect(err).NotTo(HaveOccurred())
		return bind(p, `{"url": "https://x.example/in/", "headers": {"content-type": "text/plain", "X-N": 5, "X-No": null}}`)
	}

	It("is the address of the settings as it stands, where no path follows", func() {
		Expect(dig(lines(hook(""), `{}`)[0], "requests", 0, "endpoint")).To(Equal("https://x.example/in/"))
		Expect(dig(lines(hook("/a"), `{}`)[0], "requests", 0, "endpoint")).To(Equal("https://x.example/in/a"))
	})

	It("has the headers of an object, whose names differ by more than case", func() {
		Expect(dig(lines(hook(""), `{}`)[0], "requests", 0, "headers")).To(Equal(map[string]any{"Content-Type": "text/plain", "X-N": "5"}))
	})

	It("keeps headers secret that come from a secret object", func() {
		output := hook("").Plan(inputs(`{}`)).Map()
		defer output.Release()
		Expect(string(output.Results()[0].AppendRedacted(nil))).To(ContainSubstring(`"headers":{"Content-Type":"[secret]","X-N":"[secret]"}`))
	})

	DescribeTable("refuses settings of", func(config, code, message string) {
		line := lines(bind(hook("/a").Program(), config), `{}`)[0]
		Expect(dig(line, "error", "code")).To(Equal(code))
		Expect(dig(line, "error", "message")).To(ContainSubstring(message))
	},
		Entry("a header without a name", `{"url": "https://x.example", "headers": {"": "x"}}`, "unsafe_header", "no name of a header"),
		Entry("a header with a blank in its name", `{"url": "https://x.example", "headers": {"X Y": "x"}}`, "unsafe_header", "the name of no. 1 of those that are computed from a secret is no name of a header"),
		Entry("a header that breaks its line", `{"url": "https://x.example", "headers": {"X": "a\r\nY: b"}}`, "unsafe_header", "line break"),
		Entry("headers that are a list", `{"url": "https://x.example", "headers": ["X"]}`, "invalid_request", "the headers of a request are an object"),
		Entry("more headers than servers take", `{"url": "https://x.example", "headers": {`+manyHeaders(101)+`}}`, "unsafe_header", "more than 100 headers"),
		Entry("an address with an empty fragment", `{"url": "https://x.example/#"}`, "forbidden_host", "fragment"),
		Entry("an address without a host", `{"url": "https://:443/a"}`, "forbidden_host", "no URL"),
		Entry("a host with a slash of another script", `{"url": "https://evil.example\uff0f.x.example"}`, "forbidden_host", "no URL"),
		Entry("a query that a path would follow", `{"url": "https://x.example/?a=1"}`, "forbidden_host", "query"),
	)
})

var _ = Describe("the URL of a request", func() {
	It("never goes on with the name of its host", func() {
		c := bind(small("hosts: {api: https://api.example.com}\ntables: {t: {by: config.x, absent: a, rows: {a: {start: null}}}}\nrequests: {q: {method: POST, host: api, url: '${t.start}${item.path}/x', envelope: =item}}\n", "send: [{request: q, item: {path: =input.path}}]\n"), "{}")
		for _, path := range []string{".evil.example", "evil", "-", "/a", "@evil.example", ":80"} {
			Expect(dig(lines(c, fmt.Sprintf(`{"path":%q}`, path))[0], "error", "code")).To(Equal("unsafe_url"), path)
		}
	})
})

// manyHeaders is the members of an object with n headers.
func manyHeaders(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"X-%d": 1`, i)
	}
	return strings.Join(members, ", ")
}
