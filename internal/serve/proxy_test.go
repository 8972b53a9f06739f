package serve

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("A delivery", func() {
	const body = `{"type":"REST","method":"POST","endpoint":"https://api.example.com/notes?a=b","headers":{},"params":{},"body":{"JSON":{"notes":[{"text":"a"}]}},"files":{},"userId":"",
		"metadata":METADATA,"destinationConfig":{}}`
	const list, object = `[{"jobId":1,"dontBatch":false},{"jobId":2}]`, `{"jobId":1,"dontBatch":false}`
	with := func(metadata string) string { return strings.Replace(body, "METADATA", metadata, 1) }

	// served starts a server whose destination's API answers with a status.
	served := func(status int, change ...func(*Options)) (r *running, sent *[]string) {
		GinkgoHelper()
		sent = new([]string)
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			*sent = append(*sent, r.Method+" "+r.Host+r.RequestURI+" "+string(text))
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "so")
		}))
		DeferCleanup(api.Close)
		to, err := url.Parse(api.URL)
		Expect(err).NotTo(HaveOccurred())
		return start(append(change, func(o *Options) { o.ConnectTo = map[string]*url.URL{"api.example.com": to} })...), sent
	}

	It("goes out, and each job is told what became of it", func() {
		r, sent := served(201)
		answer := r.do(http.MethodPost, "/v1/destinations/notes/proxy", with(list))
		Expect(answer.status).To(Equal(200))
		Expect(answer.header.Get("apiVersion")).To(Equal("2"))
		Expect(answer.body).To(MatchJSON(`{"output":{"status":201,"message":"2 of 2 jobs were delivered","response":[
			{"statusCode":201,"metadata":{"jobId":1,"dontBatch":false},"error":"so"},{"statusCode":201,"metadata":{"jobId":2},"error":"so"}]}}`))
		Expect(*sent).To(Equal([]string{`POST api.example.com/notes?a=b {"notes":[{"text":"a"}]}`}))
		Expect(r.metric("celmap_deliveries_total")).To(ConsistOf(`celmap_deliveries_total{destination="notes",outcome="done",status="201"} 2`))
	})
	It("is known by every name of the destination, and in its old form", func() {
		r, _ := served(404)
		answer := r.do(http.MethodPost, "/v0/destinations/n/proxy", with(object))
		Expect(answer.status).To(Equal(400), "404 would be read as: there is no proxy")
		Expect(answer.header.Get("apiVersion")).To(Equal("2"))
		Expect(answer.body).To(ContainSubstring(`"destinationResponse":{"status":400,`))
	})
	It("to a host that no rules declare is told of once in a while", func() {
		r, sent := served(200)
		for range 3 {
			answer := r.do(http.MethodPost, "/v1/destinations/notes/proxy", strings.Replace(with(list), "api.example.com", "evil.example.com", 1))
			Expect(answer.body).To(ContainSubstring("declare no such host"))
		}
		Expect(*sent).To(BeEmpty())
		Expect(strings.Count(string(r.log.Contents()), "do not declare was not sent")).To(Equal(1))
	})
	It("is expected to go elsewhere only where rules send it", func() {
		r, _ := served(200, func(o *Options) {})
		Expect(r.log).NotTo(say("no rules send to a host"))
		elsewhere := start(func(o *Options) {
			o.ConnectTo = map[string]*url.URL{"api.exmaple.com": {Scheme: "http", Host: "localhost:1"}}
		})
		Expect(elsewhere.log).To(say(`"host":"api.exmaple.com","help":"they send to api.example.com"`))
	})
	It("of a destination that nobody serves is tried again", func() {
		r, sent := served(200)
		answer := r.do(http.MethodPost, "/v1/destinations/other/proxy", with(list))
		Expect(answer.status).To(Equal(200))
		Expect(answer.body).To(ContainSubstring(`{"statusCode":500,"metadata":{"jobId":2},"error":"unserved_destination: `))
		Expect(r.do(http.MethodPost, "/v0/destinations/other/proxy", with(object)).status).To(Equal(500))
		Expect(*sent).To(BeEmpty())
		Expect(r.metric("celmap_deliveries_total")).To(ConsistOf(`celmap_deliveries_total{destination="other",outcome="none",status="500"} 3`))
	})
})
