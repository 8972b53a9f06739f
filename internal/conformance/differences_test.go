package conformance_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/conformance"
)

var _ = Describe("A file of differences", func() {
	write := func(text string) string {
		GinkgoHelper()
		file := filepath.Join(GinkgoT().TempDir(), "differences.yaml")
		Expect(os.WriteFile(file, []byte(text), 0o600)).To(Succeed())
		return file
	}
	disagreement := func(group, id, note string, theirs, ours int) *conformance.Disagreement {
		return &conformance.Disagreement{
			Case: &conformance.Case{Group: group, ID: id, Note: note},
			Jobs: []conformance.Job{{Theirs: conformance.Outcome{Status: theirs}, Ours: conformance.Outcome{Status: ours}}},
		}
	}

	It("explains what it names, and tells what no longer differs", func() {
		differences, err := conformance.ReadDifferences(write(`
differences:
  - class: checked
    reason: HubSpot refuses it
    groups: [dates, numbers]
    note: ^date
    status: 200 -> 400
    cases: [other-1, other-2]
`))
		Expect(err).NotTo(HaveOccurred())
		Expect(differences.Explain(disagreement("dates", "dates-1", "date <- x", 200, 400))).To(HaveLen(1))
		Expect(differences.Explain(disagreement("other", "other-1", "", 400, 200))).To(HaveLen(1))
		Expect(differences.Explain(disagreement("dates", "dates-2", "text <- x", 200, 400))).To(BeEmpty(), "another note")
		Expect(differences.Explain(disagreement("dates", "dates-3", "date <- x", 400, 200))).To(BeEmpty(), "another change")
		Expect(differences.Explain(disagreement("texts", "texts-1", "date <- x", 200, 400))).To(BeEmpty(), "another group")
		Expect(differences.Stale()).To(ConsistOf(`numbers (class "checked")`, `other-2 (class "checked")`))
	})

	DescribeTable("is refused if an entry", func(entry, why string) {
		_, err := conformance.ReadDifferences(write("differences:\n  - " + entry + "\n"))
		Expect(err).To(MatchError(ContainSubstring(why)))
	},
		Entry("gives no reason", `{class: a, cases: [b]}`, "needs a class, a reason"),
		Entry("names nothing", `{class: a, reason: b}`, "groups, cases or fixtures"),
		Entry("names a fixture that there is not", `{class: a, reason: b, fixtures: [c/d.yaml]}`, "fixture: "),
		Entry("has a status that is no change", `{class: a, reason: b, cases: [c], status: "400"}`, "write it like 200 -> 400"),
		Entry("has a note that is no pattern", `{class: a, reason: b, cases: [c], note: "("}`, "note:"),
	)
})

var _ = Describe("Outcomes", func() {
	outcomes := func(status, batchedRequest string) conformance.Outcomes {
		GinkgoHelper()
		file := filepath.Join(GinkgoT().TempDir(), "cases.ndjson.gz")
		Expect(os.WriteFile(file, zipped(`{"id": "a", "expected": {"output": [{"statusCode": `+status+`, "metadata": [{"jobId": 1}], "batchedRequest": `+batchedRequest+`}]}}`), 0o600)).To(Succeed())
		cases, err := conformance.ReadCases(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(cases).To(HaveLen(1))
		recorded, err := cases[0].Recorded()
		Expect(err).NotTo(HaveOccurred())
		return recorded
	}

	DescribeTable("are the same where requests mean the same", func(a, b string) {
		different, jobs, sameStatus := conformance.Compare(outcomes("200", a), outcomes("200", b))
		Expect(different).To(BeEmpty())
		Expect([]int{jobs, sameStatus}).To(Equal([]int{1, 1}))
	},
		Entry("numbers and texts of them",
			`{"endpoint": "https://a/b", "body": {"JSON": {"n": 1.5, "t": true, "e": 1e3}}}`,
			`{"endpoint": "https://a/b", "body": {"JSON": {"n": "1.5", "t": "true", "e": "1000"}}}`),
		Entry("the query of the endpoint and params",
			`{"endpoint": "https://a/b?c=d%20e", "params": {}}`, `{"endpoint": "https://a/b", "params": {"c": "d e"}}`),
		Entry("the text of a legacy batch, however it is written",
			`{"endpoint": "https://a/b", "body": {"JSON_ARRAY": {"batch": "[{\"a\":1}]"}, "XML": {}}}`,
			`{"endpoint": "https://a/b", "body": {"JSON_ARRAY": {"batch": "[ {\"a\": \"1\"} ]"}}}`),
		Entry("our uuid on events",
			`{"endpoint": "https://a/events/v3/send", "body": {"JSON": {"uuid": "x", "a": 1}}}`,
			`{"endpoint": "https://a/events/v3/send", "body": {"JSON": {"a": 1}}}`),
		Entry("what JSON cannot hold",
			`{"endpoint": "https://a/b", "body": {"JSON": {"a": Infinity, "b": "`+"\xed\xa0\xbd"+`", "c": "\"Infinity"}}}`,
			`{"endpoint": "https://a/b", "body": {"JSON": {"a": 1e400, "b": "\ud83d", "c": "\"Infinity"}}}`),
	)

	It("differ by status, and by what is sent", func() {
		a, b := `{"endpoint": "https://a/b", "params": {"x": "1"}}`, `{"endpoint": "https://a/b", "params": {"x": "2"}}`
		different, _, sameStatus := conformance.Compare(outcomes("200", a), outcomes("200", b))
		Expect(different).To(HaveLen(1))
		Expect(sameStatus).To(Equal(1))
		different, _, sameStatus = conformance.Compare(outcomes("200", a), outcomes("400", a))
		Expect(different).To(HaveLen(1))
		Expect(sameStatus).To(Equal(0))
	})
})

func zipped(line string) []byte {
	GinkgoHelper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(line + "\n"))
	Expect(err).NotTo(HaveOccurred())
	Expect(z.Close()).To(Succeed())
	return b.Bytes()
}
