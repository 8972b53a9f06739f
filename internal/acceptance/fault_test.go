//go:build linux

package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/celmap/celmap/internal/hubspotstub"
	"github.com/celmap/celmap/internal/rudderserver"
)

// full makes the tests as heavy as operators fear (make faults); otherwise they
// do the same in small.
var full = os.Getenv("FAULTS") == "full"

func scaled(small, large int) int {
	if full {
		return large
	}
	return small
}

// people are identify events of different contacts, a job each.
func people(n int, to []byte) []rudderserver.Job {
	jobs := make([]rudderserver.Job, n)
	for i := range jobs {
		email := fmt.Sprintf("u%d@example.test", i)
		jobs[i] = job(int64(i+1), "u"+email, identify("u", int64(i), map[string]any{"email": email, "customer_code": "k1", "plan": "gold"}), to)
	}
	return jobs
}

// orders are track events, which ask nothing of HubSpot.
func orders(first int64, n int, to []byte) []rudderserver.Job {
	jobs := make([]rudderserver.Job, n)
	for i := range jobs {
		id := first + int64(i)
		jobs[i] = job(id, fmt.Sprintf("o%d", id), map[string]any{"type": "track", "event": "Order Completed", "messageId": fmt.Sprint(id), "timestamp": "2026-11-23T08:38:35.315Z",
			"context": map[string]any{"traits": map[string]any{"email": "ada@example.test"}}}, to)
	}
	return jobs
}

func transformOf(jobs []rudderserver.Job) *rudderserver.Transform {
	GinkgoHelper()
	call, err := rudderserver.NewTransform("hs", jobs, true)
	Expect(err).NotTo(HaveOccurred())
	return call
}

// closedPort is an address at which nobody listens.
func closedPort() string {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer l.Close()
	return "http://" + l.Addr().String()
}

// leaksNothing checks that the server comes to rest as it was before.
func leaksNothing(celmap *process, before int) {
	GinkgoHelper()
	// A few belong to connections to HubSpot and upstream that are kept.
	Eventually(celmap.goroutines).WithTimeout(20 * time.Second).WithPolling(50 * time.Millisecond).Should(BeNumerically("<=", before+10))
	_, err := celmap.metric("celmap_panics_total")
	Expect(err).NotTo(HaveOccurred())
	Expect(celmap.metric("celmap_panics_total")).To(BeZero())
	Expect(celmap.metric("celmap_invariant_breaches_total", "destination")).To(BeZero())
}

var _ = Describe("While HubSpot", func() {
	retryable := Satisfy(func(status int) bool { return status == 429 || status >= 500 && status < 599 })
	well := Satisfy(func(status int) bool { return status == 200 })

	// answered sends events that need HubSpot and others that do not, from several
	// clients, and checks that only those which need it are to be tried again.
	answered := func(celmap *process, id, token string, status types.GomegaMatcher) {
		GinkgoHelper()
		to := destination(id, newAPI(token, "customer_code"))
		var wait sync.WaitGroup
		for range scaled(4, 50) {
			wait.Go(func() {
				defer GinkgoRecover()
				answer, err := celmap.transform(transformOf(append(people(20, to), orders(21, 5, to)...)))
				Expect(err).NotTo(HaveOccurred())
				Expect(answer.Status).To(Equal(200))
				for id, got := range answer.Statuses() {
					if id > 20 {
						Expect(got).To(Equal(200), "job %d asks nothing", id)
					} else {
						Expect(got).To(status, "job %d", id)
					}
				}
			})
		}
		wait.Wait()
	}

	It("is down, jobs that need it are tried again", func() {
		celmap := start(GinkgoTB(), "--connect-to", "api.hubapi.com="+closedPort())
		before := celmap.goroutines()
		answered(celmap, "down", "made-up", retryable)
		leaksNothing(celmap, before)
	})

	It("is not well, jobs that need it are tried again until it is", func() {
		hub := newHubSpot()
		DeferCleanup(hub.Close)
		celmap := start(GinkgoTB(), hub.connectTo()...)
		before := celmap.goroutines()
		var wait sync.WaitGroup
		for name, f := range map[string]hubspotstub.Fault{
			"resets":  {Reset: true},
			"garbage": {Status: 200, Body: "\x00<html>{"},
			"fails":   {Status: 500, Body: "oh"},
			"busy": {Status: 429, Header: map[string]string{"Retry-After": "2"},
				Body: `{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}`},
		} {
			wait.Go(func() { // each with an account of its own: none waits for another's trouble
				defer GinkgoRecover()
				a := hub.open()
				a.Break(f)
				answered(celmap, name, a.token, retryable)
				if name == "busy" {
					Expect(a.Total("")).To(BeNumerically("<=", 10), "it is not stormed: %v", a.Calls())
				}
				a.Break()
				to := destination(name, newAPI(a.token, "customer_code"))
				Eventually(func(g Gomega) {
					answer, err := celmap.transform(transformOf(people(20, to)))
					g.Expect(err).NotTo(HaveOccurred())
					g.Expect(answer.Statuses()).To(HaveEach(200), name)
				}).WithTimeout(30 * time.Second).WithPolling(100 * time.Millisecond).Should(Succeed())
			})
		}
		wait.Wait()
		leaksNothing(celmap, before)
	})

	It("is slow, calls wait together for one answer", func() {
		hub := newHubSpot()
		DeferCleanup(hub.Close)
		celmap := start(GinkgoTB(), hub.connectTo()...)
		before := celmap.goroutines()
		a := hub.open()
		a.Break(hubspotstub.Fault{Delay: time.Duration(scaled(300, 5000)) * time.Millisecond})
		answered(celmap, "slow", a.token, well)
		Expect(a.Total("/properties/")).To(Equal(1))
		leaksNothing(celmap, before)

		By("clients that go away while they wait")
		gone := hub.open()
		gone.Break(hubspotstub.Fault{Delay: 2 * time.Second})
		call := transformOf(people(20, destination("left", newAPI(gone.token, "customer_code"))))
		for range 10 {
			ctx, cancel := context.WithCancel(context.Background())
			left := make(chan error)
			go func() {
				_, err := call.Send(ctx, rudderserver.Client, celmap.url)
				left <- err
			}()
			Eventually(func() int { return gone.Total("") }).Should(BeNumerically(">", 0))
			cancel()
			Expect(<-left).To(MatchError(context.Canceled))
		}
		leaksNothing(celmap, before)
	})
})

var _ = Describe("While upstream", func() {
	other := func() *rudderserver.Transform {
		call, err := rudderserver.NewTransform("am", orders(1, 3, destination("am", map[string]any{})), true)
		Expect(err).NotTo(HaveOccurred())
		return call
	}

	It("is down, only what is its own fails, and can be tried again", func() {
		celmap := start(GinkgoTB(), "--upstream", closedPort())
		before := celmap.goroutines()
		response, err := other().Send(context.Background(), rudderserver.Client, celmap.url)
		Expect(err).NotTo(HaveOccurred())
		answer, err := other().Check(response)
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Statuses()).To(HaveEach(BeNumerically(">=", 500)))
		for _, path := range []string{"/customTransform", "/v0/destinations/am", "/v1/destinations/am/proxy", "/v2/sources/webhook", "/deleteUsers", "/v0/validate", "/batch", "/anything"} {
			response, err := (&rudderserver.Call{Method: http.MethodPost, Path: path, Header: http.Header{}, Body: []byte(`[]`)}).Send(context.Background(), rudderserver.Client, celmap.url)
			Expect(err).NotTo(HaveOccurred())
			Expect(response.Status).To(BeNumerically(">=", 500), path)
		}
		mine, err := celmap.transform(transformOf(orders(1, 3, destination("hs", newAPI("t", "email")))))
		Expect(err).NotTo(HaveOccurred())
		Expect(mine.Statuses()).To(HaveEach(200))
		leaksNothing(celmap, before)
	})

	It("says more than it announced, its caller gets what was announced, and the log says so without what came", func() {
		upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			connection, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer func() { _ = connection.Close() }()
			_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{\"email\":\"ann@example.com\"}")
		}))
		DeferCleanup(upstream.Close)
		celmap := start(GinkgoTB(), "--upstream", upstream.URL)
		call := &rudderserver.Call{Method: http.MethodPost, Path: "/customTransform", Header: http.Header{}, Body: []byte(`[]`)}
		response, err := call.Send(context.Background(), rudderserver.Client, celmap.url)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(response.Body)).To(Equal("{}"))
		Eventually(celmap.stderr).WithTimeout(starting).Should(ContainSubstring("trouble with a connection"))
		Expect(celmap.stderr()).NotTo(ContainSubstring("ann@"))
		for line := range strings.Lines(celmap.stderr()) {
			if !listening.MatchString(line) {
				Expect(json.Valid([]byte(line))).To(BeTrue(), line)
			}
		}
	})

	It("breaks off, its caller learns so", func() {
		upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/features" {
				_, _ = w.Write([]byte(`{"routerTransform":{"AM":true},"regulations":["AM"],"upgradedToSourceTransformV2":true}`))
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("apiVersion", "2")
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"output":[`))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}))
		DeferCleanup(upstream.Close)
		celmap := start(GinkgoTB(), "--upstream", upstream.URL)
		before := celmap.goroutines()
		for range 5 {
			_, err := other().Send(context.Background(), rudderserver.Client, celmap.url)
			Expect(err).To(HaveOccurred(), "a 200 whose body ends early must not look complete")
		}
		response, err := rudderserver.Features().Send(context.Background(), rudderserver.Client, celmap.url)
		Expect(err).NotTo(HaveOccurred())
		Expect(rudderserver.CheckFeatures(response, "HS", "AM")).To(Succeed())

		By("keeping the features that it had")
		upstream.Close()
		response, err = rudderserver.Features().Send(context.Background(), rudderserver.Client, celmap.url)
		Expect(err).NotTo(HaveOccurred())
		Expect(rudderserver.CheckFeatures(response, "HS", "AM")).To(Succeed())
		Expect(response.Body).To(MatchJSON(`{"routerTransform":{"AM":true,"HS":true,"HUBSPOT":true},"regulations":["AM"],"upgradedToSourceTransformV2":true}`), "nothing is promised for upstream")
		leaksNothing(celmap, before)
	})
})

var _ = Describe("Of bodies", Ordered, func() {
	var celmap *process
	var to []byte
	most := scaled(4, 200) << 20

	BeforeAll(func() {
		celmap = start(GinkgoTB(), "--max-body", fmt.Sprintf("%dMB", most>>20))
		to = destination("hs", newAPI("t", "email"))
	})

	send := func(body []byte) *rudderserver.Response {
		GinkgoHelper()
		call := transformOf(orders(1, 1, to)).Call
		call.Body = body
		response, err := call.Send(context.Background(), rudderserver.Client, celmap.url)
		Expect(err).NotTo(HaveOccurred())
		return response
	}

	It("those cut off anywhere are refused, to be tried again", func() {
		before := celmap.goroutines()
		body := transformOf(append(orders(1, 2, to), people(1, to)...)).Body
		step := scaled(97, 1)
		for cut := 0; cut < len(body); cut += step {
			response := send(body[:cut])
			Expect(response.Status).To(Or(Equal(400), Equal(503)), "%s", body[:cut])
			Expect(response.Body).NotTo(BeEmpty())
		}
		leaksNothing(celmap, before)
	})

	It("those that lack something are refused whole, or job by job", func() {
		full := string(transformOf(orders(1, 2, to)).Body)
		for _, body := range []string{"", "null", "[]", "7", `"x"`, "{}", `{"input":null}`, `{"input":{}}`, `{"destType":"hs"}`, `{"input":[7],"destType":"hs"}`, `{"input":[{}],"destType":"hs"}`,
			`{"input":[{"metadata":7,"message":{}}],"destType":"hs"}`, `{"input":[{"metadata":{},"message":{}}],"destType":"hs"}`, `{"input":[{"metadata":{"jobId":"1"},"message":{}}],"destType":"hs"}`,
			`{"input":[{"metadata":{"jobId":1.5},"message":{}}],"destType":"hs"}`, full + full, full[:len(full)-1] + `,"input":[]}`,
			strings.Replace(full, `"destType":"hs"`, `"destType":7`, 1), strings.Repeat(`[`, 1<<20), `{"input":` + strings.Repeat(`{"a":`, 1<<18), "\xff\xfe", strings.ReplaceAll(full, "hs", "\xff"),
		} {
			response := send([]byte(body))
			Expect(response.Status).To(And(BeNumerically(">=", 200), Not(Equal(404))))
			if response.Status != 200 {
				Expect(response.Status).To(BeNumerically(">=", 400), "%.200s", body)
			}
		}
		// Without a destination in `destinations`, jobs fail one by one.
		lost := transformOf(orders(1, 2, to))
		lost.Body = bytes.Replace(lost.Body, []byte(`"destinations":{"hs"`), []byte(`"destinations":{"xx"`), 1)
		response := send(lost.Body)
		Expect(response.Status).To(Equal(200))
		Expect(string(response.Body)).To(And(ContainSubstring(`"error":"no_destination`), Not(ContainSubstring(`"statusCode":200`))))
		answer, err := celmap.transform(transformOf(orders(1, 2, to)))
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Statuses()).To(HaveEach(200))
	})

	It("a very large one is answered, a larger one refused", func() {
		before := celmap.goroutines()
		one := len(transformOf(orders(1, 2, to)).Body) - len(transformOf(orders(1, 1, to)).Body)
		call := transformOf(orders(1, most/(one+8)*9/10, to))
		answer, err := celmap.transform(call)
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Status).To(Equal(200))
		statuses := slices.Collect(maps.Values(answer.Statuses()))
		Expect(statuses).To(HaveLen(call.Size()))
		Expect(slices.Min(statuses)).To(Equal(200))
		Expect(slices.Max(statuses)).To(Equal(200))
		memory := celmap.usage().rss
		AddReportEntry(fmt.Sprintf("%d jobs in %d MB: the server takes %d MB", call.Size(), len(call.Body)>>20, memory>>20), ReportEntryVisibilityAlways)
		if !race {
			Expect(memory).To(BeNumerically("<", 200<<20+20*int64(len(call.Body))))
		}

		By("a single event of that size")
		large := orders(1, 2, to)
		large[0].Message = encoded(map[string]any{"type": "track", "event": strings.Repeat("x", most*8/10)})
		answer, err = celmap.transform(transformOf(large))
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Statuses()).To(HaveKeyWithValue(int64(2), 200))
		Expect(answer.Statuses()[1]).To(Equal(400))

		By("one byte too many")
		body := append(call.Body, bytes.Repeat([]byte(" "), most+1-len(call.Body))...)
		response := send(body)
		Expect(response.Status).To(Or(Equal(413), Equal(400), Equal(503)))
		By("one that does not say its length")
		request, err := http.NewRequest("POST", celmap.url+"/routerTransform", io.MultiReader(bytes.NewReader(body)))
		Expect(err).NotTo(HaveOccurred())
		refused, err := rudderserver.Client.Do(request)
		Expect(err).NotTo(HaveOccurred())
		refused.Body.Close()
		Expect(refused.StatusCode).To(Or(Equal(413), Equal(400), Equal(503)))
		leaksNothing(celmap, before)
	})

	It("those that clients do not finish hold nothing up", func() {
		before := celmap.goroutines()
		body := transformOf(people(20, to)).Body
		for i := range scaled(20, 500) {
			c, err := net.Dial("tcp", strings.TrimPrefix(celmap.url, "http://"))
			Expect(err).NotTo(HaveOccurred())
			fmt.Fprintf(c, "POST /routerTransform HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:len(body)*(i%10)/10])
			c.Close()
		}
		leaksNothing(celmap, before)
		Expect(celmap.metric("celmap_http_body_bytes")).To(BeZero())
	})
})

var _ = Describe("With many connections at once", func() {
	It("each is answered, or told to come back", func() {
		n := scaled(500, 10_000)
		var limit syscall.Rlimit
		Expect(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)).To(Succeed())
		n = min(n, int(limit.Max)-500)
		limit.Cur = limit.Max
		Expect(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)).To(Succeed())

		celmap := start(GinkgoTB())
		before := celmap.goroutines()
		call := transformOf(orders(1, 3, destination("hs", newAPI("t", "email"))))
		head := fmt.Sprintf("POST /routerTransform HTTP/1.1\r\nHost: x\r\nX-Content-Format: json+compactedv1\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(call.Body))
		connections := make([]net.Conn, n)
		for i := range connections {
			var err error
			connections[i], err = net.Dial("tcp", strings.TrimPrefix(celmap.url, "http://"))
			Expect(err).NotTo(HaveOccurred(), "connection %d", i)
			_, err = io.WriteString(connections[i], head) // and no body yet
			Expect(err).NotTo(HaveOccurred())
		}
		status, _, err := celmap.get("/health")
		Expect(err).NotTo(HaveOccurred())
		Expect(status).To(Equal(200), "while all wait")
		var wait sync.WaitGroup
		var answered, refused atomic.Int64
		for _, c := range connections {
			wait.Go(func() {
				defer GinkgoRecover()
				defer c.Close()
				if _, err := c.Write(call.Body); err != nil && !errors.Is(err, syscall.EPIPE) {
					Expect(err).NotTo(HaveOccurred())
				}
				text, err := io.ReadAll(c)
				Expect(err).NotTo(HaveOccurred(), "answer: %.200s", text)
				switch status := strings.SplitN(string(text), " ", 3); {
				case len(status) < 2:
					Fail(fmt.Sprintf("a connection was dropped: %q", text))
				case status[1] == "200":
					answered.Add(1)
				default:
					Expect(status[1]).To(Equal("503"), "%s", text)
					refused.Add(1)
				}
			})
		}
		wait.Wait()
		AddReportEntry(fmt.Sprintf("%d connections: %d answered, %d to come back", n, answered.Load(), refused.Load()), ReportEntryVisibilityAlways)
		leaksNothing(celmap, before)
	})
})

var _ = Describe("While rules are loaded again and again", func() {
	It("every call is answered by one set of them", func() {
		hub := newHubSpot()
		DeferCleanup(hub.Close)
		celmap := start(GinkgoTB(), hub.connectTo()...)
		before := celmap.goroutines()
		to := destination("hs", newAPI(hub.open().token, "email"))
		call := transformOf(append(people(5, to), orders(6, 5, to)...))
		over := make(chan struct{})
		var wait sync.WaitGroup
		var answered atomic.Int64
		for range 4 {
			wait.Go(func() {
				defer GinkgoRecover()
				for {
					select {
					case <-over:
						return
					default:
					}
					answer, err := celmap.transform(call)
					Expect(err).NotTo(HaveOccurred())
					Expect(answer.Statuses()).To(HaveEach(200))
					answered.Add(1)
				}
			})
		}
		for n := range scaled(5, 100) {
			Expect(celmap.cmd.Process.Signal(syscall.SIGHUP)).To(Succeed())
			Eventually(func() (float64, error) { return celmap.metric("celmap_rules_loads_total", "success") }).WithTimeout(30*time.Second).
				Should(BeNumerically(">", n+1), "loads after the first")
		}
		close(over)
		wait.Wait()
		Expect(answered.Load()).To(BeNumerically(">", 0))
		leaksNothing(celmap, before)
	})
})

var _ = Describe("When it has to end", func() {
	It("every call is answered, and every job of it once, until nobody listens any more", func() {
		hub := newHubSpot()
		DeferCleanup(hub.Close)
		a := hub.open()
		a.Break(hubspotstub.Fault{Path: "/search", Delay: 20 * time.Millisecond})
		celmap := start(GinkgoTB(), append(hub.connectTo(), "--drain", "3s")...)
		to := destination("hs", newAPI(a.token, "customer_code"))
		calls := []*rudderserver.Transform{transformOf(people(20, to)), transformOf(orders(1, 20, to))} // slow ones and fast ones
		kept := staying()
		var wait sync.WaitGroup
		var answered, later, refused, unreachable atomic.Int64
		var ending atomic.Bool
		for w := range scaled(16, 128) {
			// As rudder-server, with connections that are kept, and with those between whose calls some time goes by.
			client, pause := rudderserver.Client, time.Duration(0)
			if w%4 > 0 {
				client, pause = kept, time.Duration(w%4-1)*50*time.Millisecond
			}
			call := calls[w/4%2]
			wait.Go(func() {
				defer GinkgoRecover()
				for {
					during := ending.Load()
					response, err := call.Send(context.Background(), client, celmap.url)
					var failed *net.OpError
					if errors.As(err, &failed) && failed.Op == "dial" {
						unreachable.Add(1)
						return
					}
					Expect(err).NotTo(HaveOccurred(), "whoever is connected is answered")
					answer, err := call.Check(response)
					Expect(err).NotTo(HaveOccurred())
					switch {
					case answer.Status == 503:
						Expect(response.Header.Get("X-Rudder-Should-Retry")).To(Equal("true"))
						refused.Add(1)
					default:
						Expect(answer.Status).To(Equal(200))
						Expect(answer.Statuses()).To(HaveEach(Or(Equal(200), Equal(429), BeNumerically(">=", 500))))
						answered.Add(1)
					}
					if during {
						later.Add(1)
					}
					time.Sleep(pause)
				}
			})
		}
		Eventually(answered.Load).WithTimeout(starting).Should(BeNumerically(">", 50))
		silent, err := net.Dial("tcp", strings.TrimPrefix(celmap.url, "http://"))
		Expect(err).NotTo(HaveOccurred())
		defer silent.Close()
		Expect(celmap.cmd.Process.Signal(syscall.SIGTERM)).To(Succeed())
		ending.Store(true)
		Eventually(celmap.over).WithTimeout(starting).Should(BeClosed())
		Expect(celmap.err).NotTo(HaveOccurred())
		wait.Wait()
		_, err = silent.Read(make([]byte, 1))
		Expect(err).To(MatchError(io.EOF), "a connection over which nothing was asked is closed, and not reset")
		AddReportEntry(fmt.Sprintf("%d calls answered, %d refused with 503, %d of both after SIGTERM, %d not connected",
			answered.Load(), refused.Load(), later.Load(), unreachable.Load()), ReportEntryVisibilityAlways)
		Expect(later.Load()).To(BeNumerically(">", 0))
		Expect(celmap.stderr()).To(And(ContainSubstring(`"msg":"ended"`), Not(ContainSubstring("panic")), Not(ContainSubstring("cut off"))))
	})

	It("ends when it has not begun", func() {
		celmap := start(GinkgoTB(), "--drain", "0s")
		Expect(celmap.stop()).To(Succeed())
	})
})
