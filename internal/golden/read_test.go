package golden

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const fine = `celmap: fixture/v1
destination: hubspot
event: {type: identify}
requests: []
`

// folderWith makes a folder with files, given as names and contents in turn.
func folderWith(files ...string) string {
	GinkgoHelper()
	dir := GinkgoT().TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		Expect(os.MkdirAll(filepath.Dir(name), 0o755)).To(Succeed())
		Expect(os.WriteFile(name, []byte(files[i+1]), 0o644)).To(Succeed())
	}
	return dir
}

var _ = Describe("Reading a fixture", func() {
	It("takes the sentence from the file's name", func() {
		c, found := Read("fixtures/hubspot/a date becomes midnight.yaml", []byte(fine))
		Expect(found).To(BeEmpty())
		Expect(Sentence(c.File)).To(Equal("a date becomes midnight"))
	})

	It("runs at a fixed time unless it names another", func() {
		c, _ := Read("x.yaml", []byte(fine))
		Expect(c.Now).To(Equal(DefaultNow))
		c, found := Read("x.yaml", []byte(fine+"now: 2024-03-05T10:00:00Z\n"))
		Expect(found).To(BeEmpty())
		Expect(c.Now).To(BeTemporally("==", time.Date(2024, 3, 5, 10, 0, 0, 0, time.UTC)))
	})

	DescribeTable("gives events as JSON",
		func(event, want string) {
			c, found := Read("x.yaml", []byte("celmap: fixture/v1\ndestination: d\nrequests: []\n"+event))
			Expect(found).To(BeEmpty())
			Expect(string(c.Events[0])).To(Equal(want))
		},
		Entry("a mapping", "event:\n  type: identify\n  traits: {n: 12345678901234567890, b: 1.50, zip: 01234}\n",
			`{"type":"identify","traits":{"n":12345678901234567890,"b":1.50,"zip":"01234"}}`),
		Entry("JSON", `event: {"a": null, "b": [1e3, true, "1"]}`, `{"a":null,"b":[1e3,true,"1"]}`),
		Entry("a text, as it is", "event: |\n  {\"a\": 1,\n   \"a\"\n", "{\"a\": 1,\n \"a\"\n"),
	)

	It("reads several events and their results", func() {
		c, found := Read("x.yaml", []byte(`celmap: fixture/v1
destination: d
events:
  - {messageId: a}
  - |
    broken
results:
  - requests: []
  - rejected: {code: invalid_json}
batches:
  - {events: [a], requests: []}
`))
		Expect(found).To(BeEmpty())
		Expect(c.Events).To(HaveLen(2))
	})

	It("reads an answer", func() {
		c, found := Read("x.yaml", []byte(`celmap: fixture/v1
destination: d
event: {messageId: a}
answer: {request: 1, status: 429, headers: {Retry-After: 2}, body: {a: 1.0}}
outcomes:
  a: {do: retry, after: 2s}
`))
		Expect(found).To(BeEmpty())
		Expect(*c.Answer).To(Equal(Answer{Request: 1, Status: 429, Headers: map[string]string{"retry-after": "2"}, Body: []byte(`{"a":1.0}`)}))
	})

	Describe("configs", func() {
		const body = "celmap: fixture/v1\ndestination: d\nevent: {}\nrequests: []\n"
		read := func(config string) (*Case, string) {
			GinkgoHelper()
			dir := folderWith(
				"configs/base.yaml", "accessToken: far\nlookupField: email\n",
				"a/configs/near.json", `{"accessToken": "near", "hubID": 7.0}`,
				"a/b/x.yaml", body+config)
			c, found, err := ReadFile(filepath.Join(dir, "a/b/x.yaml"))
			Expect(err).NotTo(HaveOccurred())
			var text []string
			for _, d := range found {
				text = append(text, d.Summary+": "+d.Help)
			}
			return c, strings.Join(text, "\n")
		}
		DescribeTable("are found by name, and changed by key",
			func(config, want string) {
				c, problems := read(config)
				Expect(problems).To(BeEmpty())
				Expect(string(c.Config)).To(Equal(want))
			},
			Entry("none", "", `{}`),
			Entry("written out", "config: {a: 1}", `{"a":1}`),
			Entry("in a folder above", "config: base", `{"accessToken":"far","lookupField":"email"}`),
			Entry("as JSON", "config: near", `{"accessToken":"near","hubID":7.0}`),
			Entry("with other keys", "config: {use: base, lookupField: null, accessToken: x, more: [1]}", `{"accessToken":"x","more":[1]}`),
		)
		DescribeTable("that are not there",
			func(config, want string) {
				c, problems := read(config)
				Expect(c).To(BeNil())
				Expect(problems).To(ContainSubstring(want))
			},
			Entry("nearly", "config: bace", "there is no config `bace`: did you mean `base`?"),
			Entry("at all", "config: {use: something-else}", "there is no config `something-else`: make the file "),
			Entry("a path", "config: ../base", "`../base` is no config"),
			Entry("a list", "config: [base]", "a list is no config"),
		)
	})

	DescribeTable("refuses, with the place and the remedy",
		func(text, want string) {
			c, found := Read("x.yaml", []byte(text))
			Expect(c).To(BeNil())
			var lines []string
			for _, d := range found {
				lines = append(lines, strings.TrimPrefix(d.Error(), "x.yaml:")+" | "+d.Help)
			}
			Expect(strings.Join(lines, "\n")).To(Equal(want))
		},
		Entry("no mapping", "- a\n", "1:1: a fixture is a mapping, and this is a list | write it with the keys `celmap`, `destination`, `doc`, `config`, `portal`, `lookups`, `now`, `event`, `events`, `answer`, `requests`, `rejected`, `filtered`, `warnings`, `results`, `batches` and `outcomes`"),
		Entry("another header", strings.Replace(fine, "v1", "v2", 1), "1:9: `fixture/v2` is not read here | a fixture begins with `celmap: fixture/v1`"),
		Entry("no destination", strings.Replace(fine, "destination: hubspot", "", 1), "1:1: a fixture needs the key `destination` | add `destination: …`"),
		Entry("a key that is nearly right", fine+"warning: {}\n", "5:1: a fixture has no key `warning` | did you mean `warnings`?"),
		Entry("a key from elsewhere", fine+"steps: {}\n", "5:1: a fixture has no key `steps` | its keys are `celmap`, `destination`, `doc`, `config`, `portal`, `lookups`, `now`, `event`, `events`, `answer`, `requests`, `rejected`, `filtered`, `warnings`, `results`, `batches` and `outcomes`"),
		Entry("no event", strings.Replace(fine, "event: {type: identify}\n", "", 1), "1:1: the fixture has no event | add `event: {…}`, or `events:` with a list"),
		Entry("an empty event", strings.Replace(fine, "{type: identify}", "", 1), "3:7: the event is empty | write it as a mapping, or as JSON after `event: |`"),
		Entry("one and several events", fine+"events: []\n", "5:1: `event` and `events` cannot stand together | put all events into the list `events`"),
		Entry("a time", fine+"now: yesterday\n", "5:6: `yesterday` is no time | write it as 2024-03-05T10:00:00Z"),
		Entry("two states", fine+"rejected: {code: x}\n", "5:1: `requests` and `rejected` cannot both be true | keep one of them"),
		Entry("results of one event", fine+"results: [{requests: []}]\n", "5:1: `results` belongs to a list of `events`, and this fixture has one `event` | write `requests`, `rejected` or `filtered` instead"),
		Entry("requests of several events", strings.Replace(fine, "event: {type: identify}", "events: [{}]", 1), "4:1: `requests` does not say of which of the `events` it speaks | write it under `results`, one element for each event, or under `batches`"),
		Entry("too few results", strings.Replace(strings.Replace(fine, "event: {type: identify}", "events: [{}, {}]", 1), "requests: []", "results: [{filtered: true}]", 1), "4:1: there are 1 results for 2 events | write one result for each event, in the order of the events"),
		Entry("outcomes of nothing", fine+"outcomes: {a: done}\n", "5:1: `outcomes` are what comes of an `answer`, and there is none | add `answer: {status: 200}`"),
		Entry("an unknown outcome", fine+"answer: {status: 200}\noutcomes: {a: giveup}\n", "6:15: the text `giveup` is no outcome | did you mean `give-up`?"),
		Entry("an odd wait", fine+"answer: {status: 200}\noutcomes: {a: {do: retry, after: soon}}\n", "6:34: the text `soon` is no length of time | write it as 2s, 500ms or 1m30s"),
		Entry("an answer without status", fine+"answer: {body: {}}\n", "5:10: `answer` needs the key `status` | add `status: …`"),
		Entry("a request that is no list", strings.Replace(fine, "requests: []", "requests: {method: GET}", 1), "4:11: `requests` is a list, and this is a mapping | begin each element with `- `"),
		Entry("a request's slip", strings.Replace(fine, "requests: []", "requests:\n  - {method: GET, url: x, endpoint: y}", 1), "5:19: a request has no key `url` | did you mean `endpoint`?"),
		Entry("two bodies", strings.Replace(fine, "requests: []", "requests:\n  - {method: GET, endpoint: y, body: {}, form: {}}", 1), "5:42: a request is sent as `body` or as `form` | keep one of them"),
		Entry("the form of descriptors", strings.Replace(fine, "requests: []", "requests:\n  - {method: GET, endpoint: y, body: {JSON: {}}}", 1), "5:39: a fixture leaves `JSON` out | write what is inside: `body: {…}`"),
		Entry("a rejection of no kind", strings.Replace(fine, "requests: []", "rejected: {}", 1), "4:11: `rejected` says nothing about the rejection | write its `code`, or a part of its `message`"),
		Entry("a rejection that is a text", strings.Replace(fine, "requests: []", "rejected: missing_email", 1), "4:11: `rejected` is a mapping, and this is the text `missing_email` | write it with the keys `code`, `status`, `message` and `path`"),
		Entry("not filtered", strings.Replace(fine, "requests: []", "filtered: false", 1), "4:11: `filtered` is the reason, or true, and this is the text `false` | write `filtered: true`, or a part of the reason"),
		Entry("a result of nothing", strings.Replace(strings.Replace(fine, "event: {type: identify}", "events: [{}]", 1), "requests: []", "results: [{warnings: {}}]", 1), "4:12: a result says what became of it | add one of `requests`, `rejected` and `filtered`"),
		Entry("a lookup's slip", fine+"lookups: {contacts: [{key: 1, anser: 2}]}\n", "5:23: an answer of a lookup has either `answer` or `failure` | write `answer: …`, or `failure: {status: 429}`\n5:31: an answer of a lookup has no key `anser` | did you mean `answer`?"),
		Entry("a lookup that is a text", fine+"lookups: {contacts: x}\n", "5:21: `x` says nothing about a lookup | write what it answers: `{KEY: ANSWER}`, or a list of `{with: {…}, key: KEY, answer: ANSWER}`"),
		Entry("a warning without words", fine+"warnings: {a: }\n", "5:15: `a` is a text, and this is empty | write one text"),
	)
})

var _ = Describe("Finding fixtures", func() {
	It("takes those of folders in order, and leaves out all else", func() {
		dir := folderWith(
			"b/2.yaml", fine, "b/1.yml", "# why\n"+fine, "a/1.yaml", fine, "0.yaml", fine,
			"b/configs/c.yaml", "event: no", "b/rules.yaml", "celmap: mapping/v1\n", "b/notes.yaml", "what: else\n",
			"b/forgotten.yaml", "destination: d\nevent: {}\n", "b/x.json", fine, ".git/x.yaml", fine)
		files, err := Find([]string{dir, filepath.Join(dir, "a", "1.yaml")})
		Expect(err).NotTo(HaveOccurred())
		for i := range files {
			files[i] = strings.TrimPrefix(files[i], filepath.ToSlash(dir)+"/")
		}
		Expect(files).To(Equal([]string{"0.yaml", "a/1.yaml", "b/1.yml", "b/2.yaml", "b/forgotten.yaml"}))
	})

	It("says so where there are none", func() {
		_, err := Find([]string{GinkgoT().TempDir()})
		Expect(err).To(MatchError(ErrNoFixture))
		_, err = Find([]string{"not-there"})
		Expect(err).To(MatchError(ContainSubstring("not-there does not exist")))
	})
})
