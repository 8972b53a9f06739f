package rudder_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/outbound"
	"github.com/celmap/celmap/internal/rudder"
	"github.com/celmap/celmap/internal/rudderserver"
)

// hubspotRules are the built-in ones: HubSpot's answers are those that matter.
var hubspotRules = sync.OnceValue(func() *engine.Program { return builtin("hubspot") })

const (
	token  = "pat-na1-made-up"
	config = `{"authorizationType":"newPrivateAppApi","accessToken":"` + token + `","apiVersion":"newApi","lookupField":"email"}`
	upsert = "https://api.hubapi.com/crm/v3/objects/contacts/batch/upsert"
)

// api is an API that answers as it is told, and remembers what it was asked.
type api struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string // method, host and URI
	bodies   []string
	answer   http.HandlerFunc
}

func newAPI(answer http.HandlerFunc) *api {
	a := &api{answer: answer}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.requests, a.bodies = append(a.requests, r.Method+" "+r.Host+r.RequestURI), append(a.bodies, string(body))
		answer := a.answer
		a.mu.Unlock()
		answer(w, r)
	}))
	DeferCleanup(a.Close)
	return a
}

// then has the API answer in another way from now on.
func (a *api) then(answer http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = answer
}

func (a *api) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.requests...)
}

// says is an API that answers everything alike.
func says(status int, body string, headers ...string) *api {
	return newAPI(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// connections notes what it is told to be out of date.
type connections struct {
	*lookup.Host
	outdated []string
}

func (c *connections) Outdated(_ lookup.Destination, names []string) {
	c.outdated = append(c.outdated, names...)
}

// proxy is a server for deliveries, whose hosts are the API's.
type proxy struct {
	*httptest.Server
	program     *engine.Program
	connections *connections
	counted     map[string]int
	log         bytes.Buffer
}

func newProxy(hosts *api) *proxy { return newProxyOf(hubspotRules(), hosts) }

func newProxyOf(program *engine.Program, hosts *api) *proxy {
	to, err := url.Parse(hosts.URL)
	Expect(err).NotTo(HaveOccurred())
	client := outbound.New(outbound.Options{ConnectTo: map[string]*url.URL{"api.hubapi.com": to, "track.hubspot.com": to, "api.example.com": to}})
	p := &proxy{program: program, connections: &connections{Host: lookup.New(lookup.Options{Client: client})}, counted: map[string]int{}}
	var mu sync.Mutex
	d := rudder.Proxy{Type: "hs", Program: program, Connections: p.connections, Sender: client, Log: slog.New(slog.NewTextHandler(&p.log, nil)), Count: func(status int, outcome string) {
		mu.Lock()
		defer mu.Unlock()
		p.counted[outcome+" "+strconv.Itoa(status)]++
	}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		version, _ := strconv.Atoi(r.URL.Path[2:3])
		status, answer := d.Deliver(r.Context(), version, r.Header, body)
		w.Header().Set("apiVersion", "2")
		w.WriteHeader(status)
		_, _ = w.Write(answer)
	}))
	DeferCleanup(p.Close)
	return p
}

// send makes a call as rudder-server does, and applies all its rules to the answer.
func (p *proxy) send(ctx context.Context, version int, body string) map[int64]rudderserver.Outcome {
	GinkgoHelper()
	outcomes, _ := p.call(ctx, version, body, "10000")
	return outcomes
}

func (p *proxy) call(ctx context.Context, version int, body, timeout string) (map[int64]rudderserver.Outcome, *rudderserver.Response) {
	GinkgoHelper()
	call, err := rudderserver.ReadProxy(version, "hs", []byte(body))
	Expect(err).NotTo(HaveOccurred())
	call.Header.Set("RdProxy-Timeout", timeout)
	response, err := call.Send(ctx, rudderserver.Client, p.URL)
	Expect(err).NotTo(HaveOccurred())
	outcomes, err := call.Check(response)
	Expect(err).NotTo(HaveOccurred(), string(response.Body))
	Expect(string(response.Body)).NotTo(ContainSubstring(token))
	return outcomes, response
}

// parcel writes the body of a call for some jobs.
func parcel(version int, endpoint, content, userID string, jobs ...int64) string {
	var metadata []string
	for _, id := range jobs {
		metadata = append(metadata, fmt.Sprintf(`{"jobId":%d,"attemptNum":0,"userId":"","sourceId":"s","destinationId":"d1","workspaceId":"w","secret":null,"dontBatch":false}`, id))
	}
	of := "[" + strings.Join(metadata, ",") + "]"
	if version == 0 {
		of = metadata[0]
	}
	return fmt.Sprintf(`{"type":"REST","method":"POST","endpoint":%q,"endpointPath":"","userId":%q,"headers":{"Authorization":"Bearer %s","Content-Type":"application/json"},"params":{},
		"body":{"JSON":%s,"JSON_ARRAY":{},"XML":{},"FORM":{}},"files":{},"metadata":%s,"destinationConfig":%s}`, endpoint, userID, token, content, of, config)
}

// contacts is the body of an upsert with a record for each trace.
func contacts(traces ...int64) string {
	var inputs []string
	for _, t := range traces {
		inputs = append(inputs, fmt.Sprintf(`{"id":"%d@example.com","idProperty":"email","properties":{"email":"%d@example.com"},"objectWriteTraceId":"%d"}`, t, t, t))
	}
	return `{"inputs":[` + strings.Join(inputs, ",") + `]}`
}

func statuses(outcomes map[int64]rudderserver.Outcome) map[int64]int {
	all := map[int64]int{}
	for id, o := range outcomes {
		if all[id] = o.Status; o.DontBatch {
			all[id] = -o.Status // to be sent alone
		}
	}
	return all
}

// What HubSpot answers.
const (
	written = `{"status":"COMPLETE","results":[{"id":"501","properties":{"email":"1@example.com"},"objectWriteTraceId":"1","new":true},{"id":"503","objectWriteTraceId":"3"}],
		"numErrors":1,"errors":[{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"error\":\"INVALID_EMAIL\",\"name\":\"email\"}]","context":{"objectWriteTraceId":["2"]}}]}`
	invalid  = `{"status":"error","message":"Property values were not valid","correlationId":"c","category":"VALIDATION_ERROR"}`
	exists   = `{"status":"error","message":"Contact already exists. Existing ID: 12345","correlationId":"c","category":"CONFLICT"}`
	silent   = `{"status":"COMPLETE","results":[],"requestedAt":"…","errors":[]}`
	daily    = `{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","correlationId":"c","policyName":"DAILY","requestId":"r"}`
	tenly    = `{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","correlationId":"c","policyName":"TEN_SECONDLY_ROLLING","groupName":"publicapi"}`
	secondly = `{"status":"error","message":"You have reached your secondly limit.","errorType":"RATE_LIMIT","correlationId":"c","policyName":"SECONDLY"}`
	searchly = `{"status":"error","message":"You have reached your secondly limit.","correlationId":"c","category":"RATE_LIMITS"}`
	unknown  = `{"status":"error","message":"Authentication credentials not found.","correlationId":"c","category":"INVALID_AUTHENTICATION"}`
	expired  = `{"status":"error","message":"The OAuth token used to make this call expired 0 second(s) ago.","category":"EXPIRED_AUTHENTICATION"}`
	scopes   = `{"status":"error","message":"This app hasn't been granted all required scopes to make this call.","category":"MISSING_SCOPES"}`
)

var _ = Describe("The delivery proxy", func() {
	Context("for a batch whose records have names", func() {
		It("tells of each job what became of its record", func(ctx context.Context) {
			hubspot := says(207, written)
			p := newProxy(hubspot)
			outcomes, response := p.call(ctx, 1, parcel(1, upsert, contacts(1, 2, 3), "", 1, 2, 3), "")
			Expect(statuses(outcomes)).To(Equal(map[int64]int{1: 200, 2: 400, 3: 200}))
			Expect(string(response.Body)).To(HavePrefix(`{"output":{"status":207,"message":"2 of 3 jobs were delivered",`))
			Expect(outcomes[2].Error).To(And(HavePrefix("INVALID_EMAIL (it is given up"), ContainSubstring("hubspot/answers/records/failed-record"), ContainSubstring("answered 207")))
			Expect(outcomes[1].Error).To(Equal(written))
			Expect(p.counted).To(Equal(map[string]int{"done 200": 2, "give-up 400": 1}))
			Expect(hubspot.seen()).To(Equal([]string{"POST api.hubapi.com/crm/v3/objects/contacts/batch/upsert"}))
			Expect(hubspot.bodies[0]).To(MatchJSON(contacts(1, 2, 3)))
		})
		It("gives a job the worst of its records", func(ctx context.Context) {
			p := newProxy(says(207, written))
			Expect(statuses(p.send(ctx, 1, parcel(1, upsert, contacts(1, 2, 3), "", 1)))).To(Equal(map[int64]int{1: 400}))
			Expect(statuses(p.send(ctx, 1, parcel(1, upsert, contacts(1, 2, 3), "shared 4=1 4=2 4=3 5=3 5=1", 4, 5)))).To(Equal(map[int64]int{4: 400, 5: 200}))
			Expect(statuses(p.send(ctx, 1, parcel(1, upsert, contacts(1, 2, 3), "shared"+strings.Repeat(" 1=1", 100), 1, 2)))).To(Equal(map[int64]int{1: 200, 2: 400}), "and does not count them over and over")
		})
		It("lets the jobs of merged records share what became of them", func(ctx context.Context) {
			p := newProxy(says(207, written))
			outcomes := p.send(ctx, 1, parcel(1, upsert, contacts(1, 2, 3), "shared 4=1 5=2 6=2", 1, 2, 3, 4, 5, 6))
			Expect(statuses(outcomes)).To(Equal(map[int64]int{1: 200, 2: 400, 3: 200, 4: 200, 5: 400, 6: 400}))
		})
		It("lets jobs share what became of all, where nothing tells them apart", func(ctx context.Context) {
			p := newProxy(says(200, `{"results":[{"id":"1","objectWriteTraceId":"1"},{"id":"2","objectWriteTraceId":"2"}]}`))
			Expect(statuses(p.send(ctx, 1, parcel(1, upsert, contacts(1, 2), "", 1, 2, 7)))).To(Equal(map[int64]int{1: 200, 2: 200, 7: 200}))
		})
		It("never takes a job for delivered that may have failed", func(ctx context.Context) {
			p := newProxy(says(207, written))
			outcomes := p.send(ctx, 1, parcel(1, upsert, contacts(1, 2, 3), "no note of ours", 1, 2, 3, 7))
			Expect(statuses(outcomes)).To(Equal(map[int64]int{1: 200, 2: 400, 3: 200, 7: -500}))
			Expect(outcomes[7].Error).To(ContainSubstring("does not tell what became of this job"))
		})
		It("sends a record again by itself that the answer does not mention", func(ctx context.Context) {
			p := newProxy(says(207, written))
			Expect(statuses(p.send(ctx, 1, parcel(1, upsert, contacts(1, 2, 3, 4), "", 1, 2, 3, 4)))).To(Equal(map[int64]int{1: 200, 2: 400, 3: 200, 4: -500}))
		})
		It("reads failures also beside the status 200", func(ctx context.Context) {
			p := newProxy(says(200, written))
			Expect(statuses(p.send(ctx, 1, parcel(1, upsert, contacts(1, 2, 3), "", 1, 2, 3)))).To(Equal(map[int64]int{1: 200, 2: 400, 3: 200}))
		})
	})

	DescribeTable("judges an answer to three jobs, and to one", func(ctx context.Context, status int, body string, three, one int, says_ string, headers ...string) {
		p := newProxy(says(status, body, headers...))
		outcomes := p.send(ctx, 1, parcel(1, upsert, contacts(1, 2, 3), "", 1, 2, 3))
		Expect(statuses(outcomes)).To(Equal(map[int64]int{1: three, 2: three, 3: three}))
		Expect(outcomes[2].Error).To(ContainSubstring(says_))
		Expect(statuses(p.send(ctx, 1, parcel(1, upsert, contacts(1), "", 1)))).To(Equal(map[int64]int{1: one}))
	},
		Entry("refused as a whole: each is tried alone", 400, invalid, -500, 400, "Property values were not valid"),
		Entry("in conflict", 409, exists, -500, 409, "Existing ID: 12345"),
		Entry("written without a word", 200, silent, -500, 500, "wrote nothing"),
		Entry("success that is no JSON", 200, "<html>", 500, 500, "without results that can be read"),
		Entry("success without a body", 204, "", 500, 500, "without results that can be read"),
		Entry("the daily limit", 429, daily, 429, 429, "daily limit"),
		Entry("the limit of ten seconds", 429, tenly, 429, 429, "ten_secondly"),
		Entry("the limit of a second", 429, secondly, 429, 429, "secondly limit"),
		Entry("the limit of searches", 429, searchly, 429, 429, "secondly limit"),
		Entry("a limit with a wait", 429, searchly, 429, 429, "wait-as-told", "Retry-After", "3"),
		Entry("locked", 423, `{"message":"locked"}`, 429, 429, "locked"),
		Entry("moving", 477, `{"message":"account migration"}`, 429, 429, "account-moves"),
		Entry("moving for a stated time", 477, `{"message":"account migration"}`, 429, 429, "wait-as-told", "Retry-After", "3600"),
		Entry("no such token", 401, unknown, 401, 401, "credentials not found"),
		Entry("an old token", 401, expired, 401, 401, "renew the credentials"),
		Entry("a missing scope", 403, scopes, 403, 403, "until its settings or permissions are changed"),
		Entry("not found", 404, `{"message":"resource not found"}`, 404, 404, "resource not found"),
		Entry("too large: fewer are smaller", 413, ``, -500, 413, "answered 413"),
		Entry("slow", 408, ``, 408, 408, "answered 408"),
		Entry("in trouble", 500, `oops`, 500, 500, "oops"),
		Entry("behind a gateway in trouble", 502, `<html>Bad Gateway</html>`, 502, 502, "Bad Gateway"),
		Entry("away", 503, ``, 503, 503, "answered 503"),
		Entry("away for a stated time", 503, ``, 503, 503, "wait-as-told", "Retry-After", "30"),
		Entry("behind a proxy that gave up", 524, ``, 524, 524, "answered 524"),
		Entry("in a trouble that rudder-server does not know", 599, ``, 500, 500, "answered 599"),
	)

	DescribeTable("has one status for all jobs in its old form", func(ctx context.Context, status int, body string, want int) {
		p := newProxy(says(status, body))
		outcomes := p.send(ctx, 0, parcel(0, upsert, contacts(1, 2, 3), "", 1))
		Expect(statuses(outcomes)).To(Equal(map[int64]int{1: want}))
	},
		Entry("all written", 200, `{"results":[{"id":"1","objectWriteTraceId":"1"},{"id":"2","objectWriteTraceId":"2"},{"id":"3","objectWriteTraceId":"3"}]}`, 200),
		Entry("some failed", 207, written, 400),
		Entry("one is to be sent alone, which has to wait", 207, strings.Replace(written, `,{"id":"503","objectWriteTraceId":"3"}`, "", 1), 500),
		Entry("refused as a whole", 400, invalid, 500),
		Entry("too fast", 429, daily, 429),
		Entry("moving", 477, ``, 429),
		Entry("no access", 403, scopes, 403),
		Entry("not found, which would be read as: there is no proxy", 404, `{"message":"resource not found"}`, 400),
		Entry("in trouble", 502, ``, 502),
	)

	It("judges requests without names of records as a whole", func(ctx context.Context) {
		update := "https://api.hubapi.com/crm/v3/objects/contacts/batch/update"
		body := `{"inputs":[{"id":"5","properties":{}},{"id":"6","properties":{}}]}`
		p := newProxy(says(200, `{"results":[{"id":"5"},{"id":"6"}]}`))
		Expect(statuses(p.send(ctx, 1, parcel(1, update, body, "", 1, 2)))).To(Equal(map[int64]int{1: 200, 2: 200}))
		p = newProxy(says(207, `{"results":[{"id":"5"}],"errors":[{"category":"OBJECT_NOT_FOUND","message":"Could not get some CONTACT objects","context":{"ids":["6"]}}]}`))
		Expect(statuses(p.send(ctx, 1, parcel(1, update, body, "", 1, 2)))).To(Equal(map[int64]int{1: -500, 2: -500}))
	})

	It("gives an event the worst that became of its records, and does not send again alone what was alone", func(ctx context.Context) {
		associations := "https://api.hubapi.com/crm/v3/associations/car/contact/batch/create"
		body := `{"inputs":[{"from":{"id":"1"},"to":{"id":"2"},"type":"car_to_contact"},{"from":{"id":"3"},"to":{"id":"2"},"type":"car_to_contact"}]}`
		p := newProxy(says(400, invalid))
		Expect(statuses(p.send(ctx, 1, parcel(1, associations, body, "", 9)))).To(Equal(map[int64]int{9: 400}))
		Expect(statuses(p.send(ctx, 1, parcel(1, associations, body, "", 9, 10)))).To(Equal(map[int64]int{9: -500, 10: -500}))
		p = newProxy(says(207, `{"results":[{"from":{"id":"1"}}],"errors":[{"message":"no"}]}`))
		Expect(statuses(p.send(ctx, 1, parcel(1, associations, body, "", 9)))).To(Equal(map[int64]int{9: -500}), "the next try may get more of it through")
	})

	It("counts an event as delivered that HubSpot knows already", func(ctx context.Context) {
		p := newProxy(says(400, `{"status":"error","message":"Event with UUID abc was sent before"}`))
		outcomes := p.send(ctx, 1, parcel(1, "https://api.hubapi.com/events/v3/send", `{"eventName":"pe1_x","email":"a@example.com","uuid":"abc","properties":{}}`, "", 1))
		Expect(statuses(outcomes)).To(Equal(map[int64]int{1: 200}))
		Expect(outcomes[1].Error).To(ContainSubstring("sent before"))
		p = newProxy(says(204, ""))
		Expect(statuses(p.send(ctx, 1, parcel(1, "https://api.hubapi.com/events/v3/send", `{"eventName":"pe1_x"}`, "", 1)))).To(Equal(map[int64]int{1: 204}))
	})

	It("says so where an answer shows that the account's properties are others", func(ctx context.Context) {
		p := newProxy(says(400, `{"errors":[{"message":"Property \"plan\" does not exist","code":"PROPERTY_DOESNT_EXIST"}]}`))
		p.send(ctx, 1, parcel(1, upsert, contacts(1), "", 1))
		Expect(p.connections.outdated).To(Equal([]string{"contactProperties"}))
	})

	Context("without an answer", func() {
		// breaking is an API that breaks connections, before or after it has read the request.
		breaking := func(after bool) *api {
			return newAPI(func(w http.ResponseWriter, r *http.Request) {
				c, _, err := w.(http.Hijacker).Hijack()
				Expect(err).NotTo(HaveOccurred())
				if !after {
					_ = c.(*net.TCPConn).SetLinger(0)
				}
				_ = c.Close()
			})
		}
		DescribeTable("has all tried again", func(ctx context.Context, after bool) {
			p := newProxy(breaking(after))
			outcomes := p.send(ctx, 1, parcel(1, upsert, contacts(1, 2), "", 1, 2))
			Expect(statuses(outcomes)).To(Equal(map[int64]int{1: 504, 2: 504}))
			Expect(outcomes[1].Error).To(And(ContainSubstring("there was no answer"), ContainSubstring("api.hubapi.com"), Not(ContainSubstring("/crm/"))))
			Expect(statuses(p.send(ctx, 0, parcel(0, upsert, contacts(1, 2), "", 1)))).To(Equal(map[int64]int{1: 504}))
		},
			Entry("where the connection is reset", false),
			Entry("where it ends after the request", true),
		)
		It("has all tried again where the server is not there", func(ctx context.Context) {
			gone := says(200, "")
			gone.Close()
			Expect(statuses(newProxy(gone).send(ctx, 1, parcel(1, upsert, contacts(1), "", 1)))).To(Equal(map[int64]int{1: 504}))
		})
		It("waits as long as rudder-server says", func(ctx context.Context) {
			release := make(chan struct{})
			slow := newAPI(func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-release:
				case <-r.Context().Done():
				}
			})
			defer close(release)
			p := newProxy(slow)
			started := time.Now()
			outcomes, _ := p.call(ctx, 1, parcel(1, upsert, contacts(1), "", 1), "50")
			Expect(statuses(outcomes)).To(Equal(map[int64]int{1: 504}))
			Expect(outcomes[1].Error).To(ContainSubstring("within 50ms"))
			Expect(time.Since(started)).To(BeNumerically("<", 5*time.Second))
		})
	})

	Context("for hosts", func() {
		It("sends nothing to one that the rules do not declare", func(ctx context.Context) {
			other := says(200, silent)
			p := newProxy(says(200, silent))
			for _, endpoint := range []string{other.URL + "/crm/v3/objects/contacts/batch/upsert", "http://api.hubapi.com/crm/v3/objects/contacts/batch/upsert", "https://api.hubapi.com:8443/", "https://x@api.hubapi.com/"} {
				outcomes := p.send(ctx, 1, parcel(1, endpoint, contacts(1, 2), "", 1, 2))
				Expect(statuses(outcomes)).To(Equal(map[int64]int{1: 400, 2: 400}), endpoint)
				Expect(outcomes[1].Error).To(ContainSubstring("declare no such host"))
				Expect(statuses(p.send(ctx, 0, parcel(0, endpoint, contacts(1, 2), "", 1)))).To(Equal(map[int64]int{1: 400}))
			}
			Expect(other.seen()).To(BeEmpty())
			Expect(p.log.String()).To(And(ContainSubstring("host=http://api.hubapi.com "), Not(ContainSubstring("/crm/"))))
		})
		It("follows redirects on them, up to ten, and none to others", func(ctx context.Context) {
			other := says(200, silent)
			var hops int
			a := newAPI(func(w http.ResponseWriter, r *http.Request) {
				switch hops++; {
				case r.URL.Path == "/away":
					http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
				case r.URL.Path == "/ever":
					http.Redirect(w, r, "/ever", http.StatusTemporaryRedirect)
				case r.URL.Query().Get("to") == "":
					http.Redirect(w, r, r.URL.Path+"?to=here", http.StatusTemporaryRedirect)
				default:
					_, _ = io.WriteString(w, `{"results":[{"id":"1","objectWriteTraceId":"1"}]}`)
				}
			})
			p := newProxy(a)
			Expect(statuses(p.send(ctx, 1, parcel(1, upsert, contacts(1), "", 1)))).To(Equal(map[int64]int{1: 200}))
			Expect(a.bodies).To(HaveLen(2))
			Expect(a.bodies[1]).To(Equal(a.bodies[0]))
			Expect(statuses(p.send(ctx, 1, parcel(1, "https://api.hubapi.com/away", contacts(1), "", 1)))).To(Equal(map[int64]int{1: 307}))
			Expect(other.seen()).To(BeEmpty())
			hops = 0
			Expect(statuses(p.send(ctx, 1, parcel(1, "https://api.hubapi.com/ever", contacts(1), "", 1)))).To(Equal(map[int64]int{1: 307}))
			Expect(hops).To(Equal(10))
		})
	})

	DescribeTable("judges by the status alone what no rule knows, such as jobs of another transformer", func(ctx context.Context, status, two, one, old int) {
		p := newProxy(says(status, `{"message":"so"}`))
		endpoint := "https://api.hubapi.com/crm/v9/things?x=y"
		outcomes := p.send(ctx, 1, parcel(1, endpoint, `{"a":1}`, "", 1, 2))
		Expect(statuses(outcomes)).To(Equal(map[int64]int{1: two, 2: two}))
		Expect(outcomes[1].Error).To(Equal(`{"message":"so"}`))
		Expect(statuses(p.send(ctx, 1, parcel(1, endpoint, `{"a":1}`, "", 1)))).To(Equal(map[int64]int{1: one}))
		Expect(statuses(p.send(ctx, 0, parcel(0, endpoint, `{"a":1}`, "", 1)))).To(Equal(map[int64]int{1: old}))
	},
		Entry(nil, 200, 200, 200, 200), Entry(nil, 201, 200, 200, 200), Entry(nil, 207, -500, 200, 200), Entry(nil, 400, -500, 400, 400), Entry(nil, 404, 404, 404, 400),
		Entry(nil, 429, 429, 429, 429), Entry(nil, 503, 503, 503, 503), Entry(nil, 401, 401, 401, 401),
	)

	It("sends nothing, and has it delivered, where rudder-server would not send", func(ctx context.Context) {
		a := says(200, silent)
		p := newProxy(a)
		for _, change := range []string{`"files":{"a":"b"}`, `"type":"GRAPHQL"`} {
			body := strings.NewReplacer(`"files":{}`, change, `"type":"REST"`, change).Replace(parcel(1, upsert, contacts(1), "", 1, 2))
			Expect(statuses(p.send(ctx, 1, body))).To(Equal(map[int64]int{1: 200, 2: 200}))
		}
		Expect(a.seen()).To(BeEmpty())
	})

	It("refuses descriptors that cannot be sent, and settings that cannot be used", func(ctx context.Context) {
		a := says(200, silent)
		p := newProxy(a)
		whole := parcel(1, upsert, contacts(1), "", 1)
		for from, to := range map[string]string{
			`"Content-Type":"application/json"`:      `"Content-Type":5`,
			`"body":{"JSON":` + contacts(1):          `"body":{"JSON":[]`,
			`"endpoint":"https://api.hubapi.com/crm`: `"endpoint":"api.hubapi.com/crm`,
			`"destinationConfig":` + config:          `"destinationConfig":[]`,
		} {
			body := strings.Replace(whole, from, to, 1)
			Expect(body).NotTo(Equal(whole))
			outcomes := p.send(ctx, 1, body)
			Expect(outcomes[1].Status).To(BeElementOf(400, 500), to)
			Expect(outcomes[1].Error).To(HavePrefix("nothing was sent: "))
		}
		Expect(a.seen()).To(BeEmpty())
	})

	It("answers what it cannot read so that all is tried again", func(ctx context.Context) {
		p := newProxy(says(200, silent))
		for _, body := range []string{``, `{`, `[]`, `null`, `5`, `{}`, `{"metadata":[]}`, `{"metadata":{}}`, `{"metadata":[5]}`, `{"metadata":[{"jobId":"1"}]}`, `{"metadata":[{"jobId":1.5}]}`, `{"metadata":null}`, "\xff"} {
			for _, version := range []string{"v0", "v1"} {
				if version == "v0" && body == `{"metadata":{"jobId":1}}` {
					continue
				}
				response, err := http.Post(p.URL+"/"+version+"/destinations/hs/proxy", "application/json", strings.NewReader(body))
				Expect(err).NotTo(HaveOccurred())
				text, err := io.ReadAll(response.Body)
				Expect(err).NotTo(HaveOccurred())
				Expect(response.StatusCode).To(Equal(500), body)
				var answer struct{ Output struct{ Status int } }
				Expect(json.Unmarshal(text, &answer)).To(Succeed(), string(text))
				Expect(answer.Output.Status).To(Equal(500))
			}
		}
	})

	It("gives metadata back byte for byte, but for dontBatch where a job is to be sent alone", func(ctx context.Context) {
		p := newProxy(says(400, invalid))
		odd := `[ { "jobId" : 9007199254740993 , "x":[1.50, 1e3,"\u00e9é"],"dontBatch"  :  false,"destinationId":"d"}, {"jobId":2}, {"z":{"dontBatch":false},"jobId":3,"dontBatch":true,"workspaceId":"w" } ,{"jobId":2,"again":true}]`
		body := strings.Replace(parcel(1, upsert, contacts(2, 3), "", 1), parcel(1, "", "", "", 1)[strings.Index(parcel(1, "", "", "", 1), `[{"jobId"`):strings.Index(parcel(1, "", "", "", 1), `,"destinationConfig"`)], odd, 1)
		call, err := rudderserver.ReadProxy(1, "hs", []byte(body))
		Expect(err).NotTo(HaveOccurred())
		response, err := call.Send(ctx, rudderserver.Client, p.URL)
		Expect(err).NotTo(HaveOccurred())
		var answer struct {
			Output struct {
				Response []struct{ Metadata json.RawMessage }
			}
		}
		Expect(json.Unmarshal(response.Body, &answer)).To(Succeed(), string(response.Body))
		var got []string
		for _, r := range answer.Output.Response {
			got = append(got, string(r.Metadata))
		}
		Expect(got).To(Equal([]string{
			`{ "jobId" : 9007199254740993 , "x":[1.50, 1e3,"\u00e9é"],"dontBatch"  :  true,"destinationId":"d"}`,
			`{"jobId":2,"dontBatch":true}`,
			`{"z":{"dontBatch":false},"jobId":3,"dontBatch":true,"workspaceId":"w" }`,
		}))
	})

	It("says in texts alone how failures are to be counted, and bounds what it tells of an answer", func(ctx context.Context) {
		p := newProxy(says(502, strings.Repeat("é", 20_000)))
		_, response := p.call(ctx, 1, parcel(1, upsert, contacts(1), "", 1), "")
		var answer struct {
			Output struct {
				Status   int
				StatTags map[string]string
				Response []struct{ Error string }
			}
		}
		Expect(json.Unmarshal(response.Body, &answer)).To(Succeed())
		Expect(answer.Output.Status).To(Equal(502))
		Expect(answer.Output.StatTags).To(Equal(map[string]string{"errorCategory": "network", "errorType": "retryable", "destType": "HS", "module": "destination",
			"implementation": "celmap", "feature": "dataDelivery", "destinationId": "d1", "workspaceId": "w"}))
		Expect(len(answer.Output.Response[0].Error)).To(BeNumerically("<", 10_300))
		Expect(answer.Output.Response[0].Error).NotTo(ContainSubstring("\uFFFD"))
	})

	It("does not show an answer that is no text", func(ctx context.Context) {
		p := newProxy(newAPI(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.WriteHeader(500)
			_, _ = w.Write([]byte{0x89, 'P', 'N', 'G', 0, 0xff})
		}))
		Expect(p.send(ctx, 1, parcel(1, upsert, contacts(1), "", 1))[1].Error).To(ContainSubstring("(6 bytes of image/png, not shown)"))
	})

	DescribeTable("answers what a real rudder-server sends", func(ctx context.Context, version int, file string, want map[int64]int) {
		text, err := os.ReadFile("testdata/captures/" + file)
		Expect(err).NotTo(HaveOccurred())
		var recording struct {
			Request struct{ Body json.RawMessage }
		}
		Expect(json.Unmarshal(text, &recording)).To(Succeed())
		var body bytes.Buffer
		Expect(json.Compact(&body, recording.Request.Body)).To(Succeed())
		a := says(200, `{"status":"COMPLETE","results":[{"id":"1"}]}`)
		p := newProxy(a)
		for id, o := range p.send(ctx, version, body.String()) {
			Expect(o.Status).To(Equal(400), "job %d goes to a server of the recording", id)
		}
		Expect(statuses(p.send(ctx, version, strings.Replace(body.String(), "http://127.0.0.1:19091", "https://api.hubapi.com", 1)))).To(Equal(want))
		Expect(a.seen()).To(Equal([]string{"POST api.hubapi.com/crm/v3/objects/contacts/batch/upsert?archived=false"}))
		Expect(a.bodies[0]).To(Equal(`[{"id":"made-up-user-1","properties":{"messageid":"mu-msg-0001"}},{"id":"made-up-user-1","properties":{"messageid":"mu-msg-0002"}}]`))
	},
		Entry(nil, 0, "proxy-v0.json", map[int64]int{1: 200}),
		Entry(nil, 1, "proxy-v1.json", map[int64]int{1: 200, 2: 200}),
	)

	// through has jobs transformed, and the request of all of them delivered.
	through := func(ctx context.Context, p *proxy, events ...string) (outcomes map[int64]rudderserver.Outcome, userID string) {
		GinkgoHelper()
		var jobs []rudderserver.Job
		for i, event := range events {
			jobs = append(jobs, rudderserver.Job{
				Message:     json.RawMessage(event),
				Metadata:    rudderserver.Metadata{JobID: int64(i + 1), UserID: strconv.Itoa(i), DestinationID: "d1", SourceID: "s", WorkspaceID: "w"}.JSON(),
				Destination: json.RawMessage(`{"ID":"d1","Config":` + config + `}`),
			})
		}
		call, err := rudderserver.NewTransform("hs", jobs, false)
		Expect(err).NotTo(HaveOccurred())
		t := rudder.Transformer{Type: "hs", Program: p.program, Mapper: p.connections}
		body, err := t.Router(ctx, nil, call.Body, false)
		Expect(err).NotTo(HaveOccurred())
		answer, err := call.Check(&rudderserver.Response{Status: 200, Header: http.Header{"Apiversion": {"2"}}, Body: body})
		Expect(err).NotTo(HaveOccurred(), string(body))
		Expect(answer.Elements).To(HaveLen(1), string(body))
		element := answer.Elements[0]
		Expect(element.Requests).To(HaveLen(1), string(body))
		delivery, err := rudderserver.NewProxy(1, "hs", element, element.Requests[0])
		Expect(err).NotTo(HaveOccurred())
		return p.send(ctx, 1, string(delivery.Body)), element.Requests[0].UserID
	}
	It("knows whose record is whose, as its own transformer has told it", func(ctx context.Context) {
		p := newProxy(newAPI(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = io.WriteString(w, `{"results":[{"name":"email","type":"string","fieldType":"text"}]}`)
				return
			}
			w.WriteHeader(207)
			_, _ = io.WriteString(w, written)
		}))
		event := `{"type":"identify","messageId":"m","traits":{"email":"%s@example.com"}}`
		outcomes, note := through(ctx, p, fmt.Sprintf(event, "a"), fmt.Sprintf(event, "b"), fmt.Sprintf(event, "c"), fmt.Sprintf(event, "B"), fmt.Sprintf(event, "A"), fmt.Sprintf(event, "b"))
		Expect(note).To(Equal("shared 5=1 4=2 6=2"))
		Expect(statuses(outcomes)).To(Equal(map[int64]int{1: 200, 2: 400, 3: 200, 4: 400, 5: 200, 6: 400}))
		_, note = through(ctx, p, fmt.Sprintf(event, "a"), fmt.Sprintf(event, "b"))
		Expect(note).To(BeEmpty(), "the names of the records tell all")
	})
	// lines is a destination whose API names records by their positions.
	lines := func() *engine.Program {
		GinkgoHelper()
		program, err := engine.Load(fstest.MapFS{"destination.yaml": {Data: []byte(`
celmap: destination/v1
name: list
hosts: {api: https://api.example.com}
routes: [{to: line}]
requests:
  lines: {method: POST, host: api, url: /lines, envelope: {lines: =items}, max: 9, trace: index, same: "[item.text]", duplicates: merge, answers: judged}
answers:
  judged:
    - {name: broken, when: body.count + 1 == 3, do: give-up}
    - {name: refused, when: index in body.refused, do: give-up}
    - {name: over, when: status == 429, do: give-up}
    - {name: early, when: status == 425, do: retry}
`[1:])}, "line.yaml": {Data: []byte(`
celmap: mapping/v1
name: line
send: [{name: line, request: lines, each: input.texts, item: {text: =value}}]
`[1:])}})
		Expect(err).NotTo(HaveOccurred())
		return program
	}
	It("knows whose record is whose also where the API names positions", func(ctx context.Context) {
		a := says(200, `{"refused":[1]}`)
		outcomes, note := through(ctx, newProxyOf(lines(), a), `{"texts":["a","a"]}`, `{"texts":["b","c"]}`, `{"texts":["c"]}`, `{"texts":["b"]}`)
		Expect(note).To(Equal("items 1 2,4 2,3"))
		Expect(a.bodies).To(Equal([]string{`{"lines":[{"text":"a"},{"text":"b"},{"text":"c"}]}`}))
		Expect(statuses(outcomes)).To(Equal(map[int64]int{1: 200, 2: 400, 3: 200, 4: 400}))
		_, note = through(ctx, newProxyOf(lines(), a), `{"texts":["a","b"]}`)
		Expect(note).To(BeEmpty())
	})
	It("makes of outcomes what rudder-server does with them", func(ctx context.Context) {
		body := parcel(1, "https://api.example.com/lines", `{"lines":[{"text":"a"}]}`, "", 1)
		for status, want := range map[int]int{429: 400, 425: 500, 410: 410, 418: 418, 202: 202} {
			Expect(statuses(newProxyOf(lines(), says(status, `{}`)).send(ctx, 1, body))).To(Equal(map[int64]int{1: want}))
		}
		Expect(statuses(newProxyOf(lines(), says(200, `{}`)).send(ctx, 1, strings.Replace(body, config, "null", 1)))).To(Equal(map[int64]int{1: 200}))
	})
	It("logs rules that cannot be applied, without what the API said", func(ctx context.Context) {
		p := newProxyOf(lines(), says(200, `{"count":"ann@example.com"}`))
		Expect(statuses(p.send(ctx, 1, parcel(1, "https://api.example.com/lines", `{"lines":[{"text":"a"},{"text":"b"}]}`, "", 1)))).To(Equal(map[int64]int{1: 200}))
		Expect(p.log.String()).To(And(ContainSubstring("an answer rule failed"), ContainSubstring("rule=destination.yaml:9:"), Not(ContainSubstring("ann"))))
		Expect(strings.Count(p.log.String(), "\n")).To(Equal(1))
	})
	It("waits no longer than makes sense", func(ctx context.Context) {
		p := newProxyOf(lines(), says(200, `{}`))
		for _, timeout := range []string{"9223372036854775807", "99999999999999999999", "-1", "0", "x"} {
			outcomes, _ := p.call(ctx, 1, parcel(1, "https://api.example.com/lines", `{"lines":[{"text":"a"}]}`, "", 1), timeout)
			Expect(statuses(outcomes)).To(Equal(map[int64]int{1: 200}), timeout)
		}
	})

	It("keeps rudder-server's rules whatever comes", func(ctx context.Context) {
		const jobs = 6
		var r *rand.Rand
		choose := func(of ...string) string { return of[r.IntN(len(of))] }
		a := newAPI(nil)
		p := newProxy(a)
		for seed := range uint64(200) {
			r = rand.New(rand.NewPCG(seed, 1))
			var traces, ids []int64
			for id := range int64(jobs) {
				if r.IntN(3) > 0 {
					traces = append(traces, id)
				}
				if r.IntN(4) > 0 {
					ids = append(ids, id)
				}
			}
			if ids == nil {
				ids = []int64{1}
			}
			failing := map[string]bool{}
			for id := range jobs {
				failing[strconv.Itoa(id)] = r.IntN(3) == 0
			}
			status, _ := strconv.Atoi(choose("200", "200", "207", "207", "207", "201", "204", "400", "401", "403", "404", "409", "413", "423", "429", "477", "500", "503", "599"))
			body := choose("", "<html>", "null", "[]", `{"results":5,"errors":"x"}`, invalid, daily, searchly, silent, "records", "records", "records", "records")
			broken := r.IntN(10) == 0
			a.then(func(w http.ResponseWriter, _ *http.Request) {
				if broken {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(status)
				if status == 204 {
					return
				}
				if body != "records" {
					_, _ = io.WriteString(w, body)
					return
				}
				var done, failed []string
				for _, t := range traces {
					id := strconv.FormatInt(t, 10)
					if failing[id] {
						failed = append(failed, `{"message":"no","context":{"objectWriteTraceId":["`+id+`"]}}`)
					} else {
						done = append(done, `{"id":"5","objectWriteTraceId":"`+id+`"}`)
					}
				}
				_, _ = io.WriteString(w, `{"results":[`+strings.Join(done, ",")+`],"errors":[`+strings.Join(failed, ",")+`]}`)
			})
			content, endpoint := contacts(traces...), choose(upsert, upsert, upsert, "https://api.hubapi.com/x", "https://other.example.com/x")
			note := choose("", "", "shared 1=2 3=2", "shared", "shared 1 = 2", "items 1 2 3", "shared 9=1 1=1 x=y")
			by := fmt.Sprintf("seed %d: %s %d %s, jobs %v, traces %v, %q", seed, endpoint, status, body, ids, traces, note)
			outcomes := p.send(ctx, 1, parcel(1, endpoint, content, note, ids...))
			for id, o := range outcomes {
				Expect(o.Status != 404 || status == 404).To(BeTrue(), by)
				if o.Status/100 == 2 && endpoint == upsert && len(traces) > 0 {
					Expect(broken).To(BeFalse(), by)
					Expect(status/100).To(Equal(2), by)
					if body == "records" && len(ids) > 1 && note == "" {
						Expect(failing[strconv.FormatInt(id, 10)]).To(BeFalse(), by)
					}
				}
			}
			for _, o := range p.send(ctx, 0, parcel(0, endpoint, content, note, ids...)) {
				if o.Status/100 == 2 && endpoint == upsert && body == "records" {
					for _, t := range traces {
						Expect(failing[strconv.FormatInt(t, 10)]).To(BeFalse(), by)
					}
				}
			}
		}
	})
})
