package conformance_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/conformance"
	"github.com/celmap/celmap/internal/hubspotstub"
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

var _ = Describe("The account of a case", func() {
	It("answers our question for properties as it answers the transformer's", func() {
		c := conformance.Case{Portal: hubspotstub.Portal{Overrides: []hubspotstub.Override{
			{Path: "/properties/v1/contacts/properties", Status: 429}, {Path: "/crm/v3/objects/contacts/search", Status: 500},
		}}}
		Expect(c.Account().Overrides).To(ConsistOf(append(c.Portal.Overrides, hubspotstub.Override{Path: "/crm/v3/properties/contacts", Status: 429})))
	})
})

var _ = Describe("Outcomes", func() {
	read := func(text string) *conformance.Case {
		GinkgoHelper()
		file := filepath.Join(GinkgoT().TempDir(), "cases.ndjson.gz")
		Expect(os.WriteFile(file, zipped(text), 0o600)).To(Succeed())
		cases, err := conformance.ReadCases(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(cases).To(HaveLen(1))
		return &cases[0]
	}
	outcomes := func(status, batchedRequest string) conformance.Outcomes {
		GinkgoHelper()
		recorded, err := read(`{"id": "a", "expected": {"output": [{"statusCode": ` + status + `, "metadata": [{"jobId": 1}], "batchedRequest": ` + batchedRequest + `}]}}`).Recorded()
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

	DescribeTable("are those of the HTTP route", func(expected string, status int) {
		recorded, err := read(`{"input": [{"metadata": {"jobId": 1}}], "expected": ` + expected + `}`).Recorded()
		Expect(err).NotTo(HaveOccurred())
		Expect(recorded).To(HaveKey(`{"jobId":1}`))
		Expect(recorded[`{"jobId":1}`]).To(HaveLen(1))
		Expect(recorded[`{"jobId":1}`][0].Status).To(Equal(status))
	},
		Entry("where it answers otherwise", `{"output": [{"metadata": [{"jobId": 1}], "statusCode": 500}], "route": [{"metadata": [{"jobId": 1}], "statusCode": 400}]}`, 400),
		Entry("where the code fails", `{"thrown": "(text)", "route": [{"metadata": [{"jobId": 1}], "statusCode": 400}]}`, 400),
		Entry("where it refuses the request, and rudder-server tries again", `{"thrown": "(text)", "route": "(text)"}`, 500),
		Entry("where it fails without a word", `{"thrown": "(text)"}`, 500),
	)

	It("of our server are those of its answer, or of its refusal", func() {
		c := read(`{"id": "a", "input": [{"message": {}, "metadata": {"jobId": 1}, "destination": {"ID": "shared"}}]}`)
		answer, status, body := "", 200, map[string]any{}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer GinkgoRecover()
			Expect(r.URL.Path).To(Equal("/routerTransform"))
			Expect(json.NewDecoder(r.Body).Decode(&body)).To(Succeed())
			w.WriteHeader(status)
			_, _ = io.WriteString(w, answer)
		}))
		defer server.Close()
		answer = `{"output": [{"metadata": [{"jobId": 1}], "statusCode": 400, "error": "why"}]}`
		Expect(c.Post(server.URL)).To(HaveKeyWithValue(`{"jobId":1}`, []conformance.Outcome{{Status: 400, Why: "why"}}))
		Expect(body).To(HaveKeyWithValue("destType", "hs"))
		Expect(body["input"]).To(ConsistOf(HaveKeyWithValue("destination", HaveKeyWithValue("ID", "a"))))
		answer, status = "busy", 503
		Expect(c.Post(server.URL)).To(HaveKeyWithValue(`{"jobId":1}`, []conformance.Outcome{{Status: 500, Why: "503 Service Unavailable: busy"}}))
	})

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
