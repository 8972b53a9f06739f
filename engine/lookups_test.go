package engine_test

import (
	"strings"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/source"
)

// asking is a destination that asks, without a mistake.
const asking = `celmap: destination/v1
name: asking
hosts: {api: https://api.example.com}
portal:
  fields:
    request: {method: GET, host: api, url: /fields}
    answer: [{when: body.v == 2, value: body.fields}, {value: body}]
    ttl: 1h
lookups:
  people:
    args: [field]
    keys: {max: 100, fold: lower}
    rate: {perSecond: 5}
    request: {method: POST, host: api, url: /search, body: {field: =field, values: =keys, after: =page}}
    pages: body.next
    answer: body.people
    matches: lower(item[field]) == key
    gives: item.id
    ttl: 10m
    failure: [{when: status == 404, do: empty}, {do: reject, because: "Refused: ${body.message}"}]
routes: [{to: person}]
requests: {people: {method: POST, host: api, url: /people, envelope: =item}}
`

const asked = `celmap: mapping/v1
name: person
ask: {found: {lookup: people, with: {field: email}, key: input.email}}
send: [{request: people, item: {id: "=found[0]", as: "=fields.id"}}]
`

// loadAll compiles files, and returns what is found with them or without.
func loadAll(files map[string]string) source.Diagnostics {
	GinkgoHelper()
	folder := fstest.MapFS{}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	p, found := load(folder)
	if p != nil {
		found = p.Warnings()
	}
	return found
}

var _ = Describe("a lookup", func() {
	It("that fits together is fine", func() {
		Expect(loadAll(map[string]string{"d.yaml": asking, "m.yaml": asked})).To(BeEmpty())
	})

	// Each entry replaces a piece of the sound file. The finding has to point at a text.
	DescribeTable("whose parts do not fit together is found", func(old, new, code, at, says string) {
		Expect(strings.Count(asking, old)).To(Equal(1), "the piece has to be there, once")
		found := loadAll(map[string]string{"d.yaml": strings.Replace(asking, old, new, 1), "m.yaml": asked})
		Expect(found).NotTo(BeEmpty())
		Expect(found[0].Code).To(Equal(code), found.Error())
		Expect(found[0].Summary + " | " + found[0].Help).To(ContainSubstring(says))
		Expect(found[0].Span.Text()).To(Equal(at))
	},
		Entry("no keys at a time", "max: 100", "max: 0", "zero-limit", "0", "no key would ever be looked up"),
		Entry("no requests a second", "perSecond: 5", "perSecond: 0", "zero-limit", "0", "nothing would ever be asked"),
		Entry("nothing kept", "    ttl: 10m", "    ttl: 0s", "useless-key", "ttl", "0s keeps nothing"),
		Entry("no answer", "    answer: body.people\n", "", "missing-key", "people", "body.results"),
		Entry("nothing that matches", "    matches: lower(item[field]) == key\n", "", "unmatched-answer", "people", "which item of an answer belongs to which key"),
		Entry("matches without the key", "lower(item[field]) == key", "item[field] != null", "ignored-input", "item[field] != null", "matches does not look at key"),
		Entry("matches without the item", "lower(item[field]) == key", "field == key", "ignored-input", "field == key", "matches does not look at item"),
		Entry("gives without the item", "gives: item.id", "gives: key", "ignored-input", "key", "every item gives the same"),
		Entry("answer without the body", "answer: body.people", "answer: '[status]'", "ignored-input", "'[status]'", "whatever the API says"),
		Entry("pages without the answer", "pages: body.next", "pages: field", "ignored-input", "field", "again and again"),
		Entry("pages that are not asked for", ", after: =page", "", "unasked-page", "pages", "use page in the request"),
		Entry("a page that nothing tells", "    pages: body.next\n", "", "unasked-page", "{method: POST, host: api, url: /search, body: {field: =field, values: =keys, after: =page}}", "add pages:"),
		Entry("keys that are not sent", ", values: =keys", "", "useless-key", "max", "does not use keys"),
		Entry("keys that neither the request nor matches looks at", "keys: {max: 100, fold: lower}\n    rate: {perSecond: 5}\n    request: {method: POST, host: api, url: /search, body: {field: =field, values: =keys, after: =page}}\n    pages: body.next\n    answer: body.people\n    matches: lower(item[field]) == key",
			"keys: {max: 1}\n    request: {method: POST, host: api, url: /search, body: {field: =field}}\n    answer: body.people", "useless-key", "max", "does not use keys"),
		Entry("a value for many keys", ", after: =page}}\n    pages: body.next\n    answer: body.people\n    matches: lower(item[field]) == key\n    gives: item.id\n", "}}\n    value: body.people\n", "unmatched-answer", "value", "keys: {max: 1}"),
		Entry("a value besides an answer", "    gives: item.id\n", "    value: body.people\n", "conflicting-keys", "value", "both answer and value"),
		Entry("a value without the body", "keys: {max: 100, fold: lower}\n    rate: {perSecond: 5}\n    request: {method: POST, host: api, url: /search, body: {field: =field, values: =keys, after: =page}}\n    pages: body.next\n    answer: body.people\n    matches: lower(item[field]) == key\n    gives: item.id",
			"keys: {max: 1}\n    request: {method: POST, host: api, url: /search, body: {field: =field, values: =keys}}\n    value: '[key]'", "ignored-input", "'[key]'", "whatever the API says"),
		Entry("portal data whose age nothing tells", "    ttl: 1h", "    outdated: fields != null", "ignored-input", "fields != null", "does not look at the answer"),
		Entry("an argument that nothing reads", "args: [field]", "args: [field, shop]", "unused-argument", "shop", "which every ask has to give"),
		Entry("a body that a GET would carry", "{method: POST, host: api, url: /search,", "{method: GET, host: api, url: /search,", "useless-key", "body", "a GET carries no body"),
		Entry("a failure that is never reached", "{when: status == 404, do: empty}, {do: reject", "{do: empty}, {do: reject", "unreachable", "{do: reject, because: \"Refused: ${body.message}\"}", "never reached"),
		Entry("a reason that is never shown", "when: status == 404, do: empty", "when: status == 404, do: empty, because: none", "useless-key", "because", "never shown"),
		Entry("a wait before nothing", "{do: reject, because", "{do: reject, after: 10s, because", "useless-key", "after", "nothing is tried again"),
		Entry("a wait that is no time", "{do: reject, because", "{do: retry, after: status, because", "wrong-type", "status", "a text such as 10s"),
		Entry("a wait in words", "{do: reject, because", "{do: retry, after: 10 seconds, because", "wrong-kind", "10 seconds", "write 10s"),
		Entry("a wait without a unit", "{do: reject, because", "{do: retry, after: 10, because", "wrong-kind", "10", "write 10s"),
		Entry("an alternative that is no wait", "{do: reject, because", "{do: retry, after: 'status == 429 ? \"2 minutes\" : \"10s\"', because", "wrong-kind", `status == 429 ? "2 minutes" : "10s"`, `write "2m"`),
		Entry("an alternative that is no time", "{do: reject, because", "{do: retry, after: 'status == 429 ? \"soon\" : null', because", "wrong-kind", `status == 429 ? "soon" : null`, "write a number and its unit"),
		Entry("a wait that a header gives without a unit", "{do: reject, because", "{do: retry, after: 'headers[\"retry-after\"]', because", "wrong-kind", `headers["retry-after"]`, `write headers["retry-after"] + "s"`),
		Entry("a header that is not written as headers are given", "when: status == 404", "when: 'headers[\"X-Gone\"] == \"1\"'", "unknown-field", `"X-Gone"`, `in lower case: write "x-gone"`),
		Entry("a header that is taken for a number", "when: status == 404", "when: 'headers[\"x-left\"] < 1'", "wrong-type", `headers["x-left"] < 1`, "text"),
		Entry("portal data that nobody fetches", "    request: {method: GET, host: api, url: /fields}\n", "", "unanswered-lookup", "fields", "neither request nor builtin"),
		Entry("a form of portal data that is never reached", "[{when: body.v == 2, value: body.fields}, ", "[{value: body.fields}, ", "unreachable", "{value: body}", "never reached"),
	)

	It("whose failure has a slip is found once", func() {
		for old, code := range map[string]string{"do: reject": "missing-key", "do: empty": "unknown-value"} {
			new := map[string]string{"do: reject": "because: gone", "do: empty": "do: nothing, because: none, after: 1s"}[old]
			found := loadAll(map[string]string{"d.yaml": strings.Replace(strings.Replace(asking, old+", because: \"Refused: ${body.message}\"", old, 1), old, new, 1), "m.yaml": asked})
			Expect(found).To(HaveLen(1), found.Error())
			Expect(found[0].Code).To(Equal(code))
		}
	})

	It("that gives something by name has no elements", func() {
		byName := strings.Replace(asking, asking[strings.Index(asking, "    pages: body.next"):strings.Index(asking, "    ttl: 10m")], "    value: indexBy(body.people, \"name\")\n    item: item.json\n", 1)
		byName = strings.Replace(strings.Replace(byName, ", after: =page", "", 1), "max: 100", "max: 1", 1)
		files := map[string]string{"d.yaml": byName, "m.yaml": strings.Replace(asked, "found[0]", "found.a.id", 1), "item.json": `{"type": "object", "properties": {"id": {"type": "string"}}}`}
		Expect(loadAll(files)).To(BeEmpty())
		files["m.yaml"] = asked
		found := loadAll(files)
		Expect(found).To(HaveLen(1), found.Error())
		Expect(found[0].Code).To(Equal("no-elements"))
	})

	It("that the host answers needs none of it", func() {
		own := strings.Replace(asking, "    request: {method: POST", "    host: true\n    request: {method: POST", 1)
		found := loadAll(map[string]string{"d.yaml": own, "m.yaml": asked})
		Expect(found).To(HaveLen(5), found.Error())
		for _, d := range found {
			Expect(d.Code).To(Equal("useless-key"))
			Expect(d.Severity).To(Equal(source.Warning))
		}
		nobody := own[:strings.Index(own, "    host: true")] + "    host: false\n" + own[strings.Index(own, "    ttl: 10m"):]
		found = loadAll(map[string]string{"d.yaml": nobody, "m.yaml": asked})
		Expect(found[0].Code).To(Equal("unanswered-lookup"), found.Error())
	})
})
