//go:build linux

package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/rudderserver"
)

// captured is the body of a request that a real rudder-server made, with made-up
// events. It is re-encoded: keys sorted, in several lines.
func captured(name string) []byte {
	GinkgoHelper()
	text, err := os.ReadFile("testdata/captures/" + name + ".json")
	Expect(err).NotTo(HaveOccurred())
	var c struct {
		Request struct{ Body json.RawMessage }
	}
	Expect(json.Unmarshal(text, &c)).To(Succeed())
	return c.Request.Body
}

func oneLine(body []byte) []byte {
	var b bytes.Buffer
	Expect(json.Compact(&b, body)).To(Succeed())
	return b.Bytes()
}

var _ = Describe("Recorded calls of a real rudder-server", Ordered, func() {
	var hub *hubspot
	var celmap *process
	var a *account

	BeforeAll(func() {
		hub = newHubSpot()
		DeferCleanup(hub.Close)
		a = hub.open()
		hub.accounts.Store("made-up-token", a) // that of the recordings
		celmap = start(GinkgoTB(), append(hub.connectTo(), "--connect-to", "127.0.0.1:19091="+hub.URL)...)
	})

	DescribeTable("of /routerTransform are answered", func(name string, compact bool, statuses map[int64]int) {
		for _, body := range [][]byte{captured(name), oneLine(captured(name))} {
			call, err := rudderserver.ReadTransform(body, compact)
			Expect(err).NotTo(HaveOccurred())
			answer, err := celmap.transform(call)
			Expect(err).NotTo(HaveOccurred())
			Expect(answer.Statuses()).To(Equal(statuses))
			upsert := answer.Elements[0].Requests[0]
			Expect(upsert.Endpoint).To(Equal("https://api.hubapi.com/crm/v3/objects/contacts/batch/upsert"))
			Expect(upsert.Headers).To(HaveKeyWithValue("Authorization", "Bearer made-up-token"))
			Expect(upsert.Content).To(MatchJSON(`{"inputs":[{"id":"ada@example.test","idProperty":"email","objectWriteTraceId":"1",
				"properties":{"email":"ada@example.test","firstname":"Ada","company":"Example Ltd","plan":"gold"}}]}`))
		}
	},
		Entry("plain", "routerTransform-plain", false, map[int64]int{1: 200, 2: 200}),
		Entry("compact", "routerTransform-compacted", true, map[int64]int{1: 200, 2: 200}),
		Entry("tried again", "routerTransform-retry-dontBatch", true, map[int64]int{1: 200}),
	)

	It("of the processor are answered", func() {
		for _, body := range [][]byte{captured("processor-hs-plain"), oneLine(captured("processor-hs-plain"))} {
			call, err := rudderserver.ReadProcess("hs", body, false)
			Expect(err).NotTo(HaveOccurred())
			response, err := call.Send(context.Background(), rudderserver.Client, celmap.url)
			Expect(err).NotTo(HaveOccurred())
			Expect(call.Check(response)).To(Equal([]int{200, 200}))
		}
	})

	It("of features are answered", func() {
		response, err := rudderserver.Features().Send(context.Background(), rudderserver.Client, celmap.url)
		Expect(err).NotTo(HaveOccurred())
		Expect(rudderserver.CheckFeatures(response, "HS", "HUBSPOT")).To(Succeed())
	})

	// The descriptors of the recordings came from a stub: their address is one that
	// the rules never call, with a list as its body.
	for version, name := range []string{"proxy-v0", "proxy-v1"} {
		It("of the delivery proxy are answered: "+name, func() {
			body := captured(name)
			called := 0
			a.write.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { called++ }))
			call, err := rudderserver.ReadProxy(version, "hs", body)
			Expect(err).NotTo(HaveOccurred())
			response, err := call.Send(context.Background(), rudderserver.Client, celmap.url)
			Expect(err).NotTo(HaveOccurred())
			_, err = call.Check(response)
			Expect(err).NotTo(HaveOccurred())

			By("delivering to HubSpot")
			body = bytes.ReplaceAll(body, []byte("http://127.0.0.1:19091"), []byte("https://api.hubapi.com"))
			var got *http.Request
			a.write.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r
				w.WriteHeader(http.StatusOK)
			}))
			call, err = rudderserver.ReadProxy(version, "hs", body)
			Expect(err).NotTo(HaveOccurred())
			response, err = call.Send(context.Background(), rudderserver.Client, celmap.url)
			Expect(err).NotTo(HaveOccurred())
			outcomes, err := call.Check(response)
			Expect(err).NotTo(HaveOccurred())
			Expect(outcomes).To(HaveEach(HaveField("Status", 200)))
			Expect(got).NotTo(BeNil())
			Expect(got.Host).To(Equal("api.hubapi.com"))
			Expect(got.URL.String()).To(Equal("/crm/v3/objects/contacts/batch/upsert?archived=false"))
			Expect(got.Header.Get("User-Agent")).To(Equal("RudderLabs"))
		})
	}

	// What the transformer hands out comes back to its proxy.
	DescribeTable("Deliveries through the proxy", func(answer func(w http.ResponseWriter, ids []string), want map[int64]rudderserver.Outcome) {
		var jobs []rudderserver.Job
		for i, email := range []string{"ada@example.test", "bob@example.test", "ADA@example.test"} {
			to := destination("proxied", newAPI(a.token, "email"))
			jobs = append(jobs, job(int64(i+1), "u"+email, identify("u", int64(i), map[string]any{"email": email, "plan": "gold"}), to))
		}
		a.write.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var sent struct {
				Inputs []struct{ ObjectWriteTraceID string }
			}
			if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
				http.Error(w, err.Error(), http.StatusTeapot)
				return
			}
			var ids []string
			for _, in := range sent.Inputs {
				ids = append(ids, in.ObjectWriteTraceID)
			}
			w.Header().Set("Content-Type", "application/json")
			answer(w, ids)
		}))
		call, err := rudderserver.NewTransform("hs", jobs, true)
		Expect(err).NotTo(HaveOccurred())
		transformed, err := celmap.transform(call)
		Expect(err).NotTo(HaveOccurred())
		Expect(transformed.Elements).To(HaveLen(1), "ada's events merge, and all are one request")
		e := transformed.Elements[0]
		proxy, err := rudderserver.NewProxy(1, "hs", e, e.Requests[0])
		Expect(err).NotTo(HaveOccurred())
		response, err := proxy.Send(context.Background(), rudderserver.Client, celmap.url)
		Expect(err).NotTo(HaveOccurred())
		outcomes, err := proxy.Check(response)
		Expect(err).NotTo(HaveOccurred())
		for id, o := range outcomes {
			o.Error = ""
			outcomes[id] = o
		}
		Expect(outcomes).To(Equal(want))
	},
		Entry("that HubSpot takes", func(w http.ResponseWriter, ids []string) {
			_, _ = w.Write([]byte(`{"status":"COMPLETE","results":[{"id":"1","objectWriteTraceId":"` + strings.Join(ids, `"},{"id":"2","objectWriteTraceId":"`) + `"}]}`))
		}, outcomesOf(200, false, 200, false, 200, false)),
		Entry("of which one is refused, with what was merged into it", func(w http.ResponseWriter, ids []string) {
			w.WriteHeader(http.StatusMultiStatus)
			_, _ = w.Write([]byte(`{"status":"COMPLETE","results":[{"id":"2","objectWriteTraceId":"2"}],"numErrors":1,
				"errors":[{"status":"error","category":"VALIDATION_ERROR","message":"made-up: no","context":{"objectWriteTraceId":["1"]}}]}`))
		}, outcomesOf(400, false, 200, false, 400, false)),
		Entry("that are refused for one of them: each is tried alone", func(w http.ResponseWriter, ids []string) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"status":"error","category":"VALIDATION_ERROR","message":"made-up: no"}`))
		}, outcomesOf(500, true, 500, true, 500, true)),
		Entry("when HubSpot is busy", func(w http.ResponseWriter, ids []string) {
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"status":"error","message":"You have reached your secondly limit.","errorType":"RATE_LIMIT","policyName":"SECONDLY"}`))
		}, outcomesOf(429, false, 429, false, 429, false)),
		Entry("when the token is refused", func(w http.ResponseWriter, ids []string) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"status":"error","message":"made-up: no","category":"INVALID_AUTHENTICATION"}`))
		}, outcomesOf(401, false, 401, false, 401, false)),
		Entry("when the connection breaks", func(w http.ResponseWriter, ids []string) {
			panic(http.ErrAbortHandler)
		}, outcomesOf(504, false, 504, false, 504, false)),
	)
})

// outcomesOf gives the jobs from 1 on a status each, and whether to be sent alone.
func outcomesOf(statusAndAlone ...any) map[int64]rudderserver.Outcome {
	outcomes := map[int64]rudderserver.Outcome{}
	for i := 0; i < len(statusAndAlone); i += 2 {
		outcomes[int64(i/2+1)] = rudderserver.Outcome{Status: statusAndAlone[i].(int), DontBatch: statusAndAlone[i+1].(bool)}
	}
	return outcomes
}
