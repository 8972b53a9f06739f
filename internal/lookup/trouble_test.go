package lookup_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/lookup"
)

var _ = Describe("An API in trouble", func() {
	var b *bench
	BeforeEach(func() { b = newBench(nil) })
	ann := person(`"email":"ann@x.com"`)

	// times is trouble that ends after some calls.
	times := func(n int32, trouble func(http.ResponseWriter, *http.Request, []byte) bool) func(http.ResponseWriter, *http.Request, []byte) bool {
		var calls atomic.Int32
		return func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			return calls.Add(1) <= n && trouble(w, r, body)
		}
	}
	reset := func(http.ResponseWriter, *http.Request, []byte) bool { panic(http.ErrAbortHandler) }

	DescribeTable("is asked again where that may help", func(ctx context.Context, trouble func(http.ResponseWriter, *http.Request, []byte) bool) {
		b.api.break_(times(2, trouble))
		Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
		Expect(b.api.total("")).To(Equal(3))
		Expect(b.notes.String()).To(BeEmpty())
	},
		Entry("500", answering("/", 500, "")),
		Entry("503", answering("/", 503, "<html>")),
		Entry("429", answering("/", 429, `{"message":"slow down"}`)),
		Entry("429 that says how long", answering("/", 429, ``, "Retry-After", "0.05")),
		Entry("locked, and says how long", answering("/", 423, ``, "Retry-After", "0.05")),
		Entry("reset", reset),
	)

	DescribeTable("rejects the events that ask, and no others", func(ctx context.Context, trouble func(http.ResponseWriter, *http.Request, []byte) bool, status int, message string) {
		b = newBench(func(o *lookup.Options) { o.Timeout = 50 * time.Millisecond })
		b.api.break_(trouble)
		got := b.results(ctx, ann, `{"type":"track","event":"seen"}`, ann)
		for _, i := range []int{0, 2} {
			Expect(sent(got[i])).To(SatisfyAll(HavePrefix(fmt.Sprintf("lookup_failed %d ", status)), ContainSubstring(message)))
		}
		Expect(got[1]).To(ContainSubstring(`"status":"mapped"`))

		b.api.break_(nil)
		b.results(ctx, ann)
		Eventually(func() string { return sent(b.results(ctx, ann)[0]) }).Should(Equal(known))
		b.api.break_(func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			return r.URL.Path == "/search" && trouble(w, r, body)
		})
		Expect(sentAll(b.results(ctx, searching(1), ann))).To(HaveExactElements(
			SatisfyAll(HavePrefix(fmt.Sprintf("lookup_failed %d ", status)), ContainSubstring(message)), known))
	},
		Entry("400", answering("/", 400, `{"message":"what is that?"}`), 400, "what is that?"),
		Entry("401", answering("/", 401, `{"error":"who are you?"}`), 401, "who are you?"),
		Entry("403", answering("/", 403, `{"error":{"message":"not you"}}`), 403, "not you"),
		Entry("404", answering("/", 404, `{"title":"nothing here"}`), 404, "nothing here"),
		Entry("429", answering("/", 429, `{"message":"slow down"}`), 429, "slow down"),
		Entry("429 for long", answering("/", 429, `{"message":"daily limit"}`, "Retry-After", "0.4"), 429, "daily limit"),
		Entry("500", answering("/", 500, `{"detail":"oops"}`), 500, "oops"),
		Entry("502", answering("/", 502, `<html>bad</html>`), 502, "HTTP 502 Bad Gateway"),
		Entry("an unknown status", answering("/", 521, ``), 521, "HTTP 521"),
		Entry("reset", reset, 504, "the connection broke"),
		Entry("slow", func(_ http.ResponseWriter, r *http.Request, _ []byte) bool { <-r.Context().Done(); return true }, 504, "no answer within 50ms"),
		Entry("garbage", answering("/", 200, `<html>`), 500, "cannot be read"),
		Entry("another form", answering("/", 200, `{"fields":3,"people":3}`), 500, ""),
		Entry("a redirect", answering("/", 302, ``, "Location", "/people"), 500, "HTTP 302 Found"),
	)

	It("says that it may be asked later, which events are told as well", func(ctx context.Context) {
		b.api.break_(answering("/fields", 477, `{"message":"moving"}`, "Retry-After", "3600"))
		Expect(sent(b.results(ctx, ann)[0])).To(SatisfyAll(HavePrefix("lookup_failed 503 "), ContainSubstring("moving")))
	})

	It("is not asked by anyone with the same credentials until the time that it names", func(ctx context.Context) {
		b.results(ctx, ann)
		b.api.break_(answering("/search", 429, `{"message":"daily limit"}`, "Retry-After", "1"))
		started := time.Now()
		Expect(sent(b.results(ctx, searching(1))[0])).To(HavePrefix("lookup_failed 429 "))
		b.api.break_(nil)
		together(20, func(i int) {
			got := sentAll(b.results(ctx, searching(i), person(fmt.Sprintf(`"kind":"%d"`, i)), ann))
			Expect(got).To(HaveExactElements(ContainSubstring("daily limit"), ContainSubstring("daily limit"), known))
		})
		Expect(b.api.total("POST")).To(Equal(1))
		Expect(b.api.total("GET /kinds")).To(BeZero())

		By("any destination with this token")
		other := b.before
		other.ID, other.Config = "d-2", []byte(`{"token":"`+token+`","other":1}`)
		Expect(sent(results(ctx, b.host, other, searching(1))[0])).To(ContainSubstring("daily limit"))
		By("but by another account, which answers for itself")
		stranger := b.before
		stranger.Config = []byte(`{"token":"another-token"}`)
		Expect(sent(results(ctx, b.host, stranger, searching(1))[0])).To(HavePrefix("lookup_failed 401 "))

		Eventually(func() string { return sent(b.results(ctx, searching(1))[0]) }, 3).Should(HavePrefix(`{"person"`))
		Expect(time.Since(started)).To(BeNumerically(">=", 900*time.Millisecond))
	})

	It("is not asked until the rules say so", func(ctx context.Context) {
		b.before.Program = load("    gives: item.id\n", "    gives: item.id\n    failure: [{when: body.limit == \"day\", do: retry, after: body.wait, because: '${field}, and ${headers[\"x-left\"]} are left'}]\n")
		b.api.break_(answering("/search", 429, `{"limit":"day","wait":"1s"}`, "X-Left", "0"))
		started := time.Now()
		for range 5 {
			Expect(sent(b.results(ctx, searching(1))[0])).To(Equal("lookup_failed 429 email, and 0 are left"))
		}
		Expect(b.api.total("POST")).To(Equal(1))
		b.api.break_(nil)
		Eventually(func() string { return sent(b.results(ctx, searching(1))[0]) }, 3).Should(HavePrefix(`{"person"`))
		Expect(time.Since(started)).To(BeNumerically(">=", 900*time.Millisecond))
	})

	It("is asked less and less while the trouble lasts", func(ctx context.Context) {
		for _, status := range []int{429, 500, 503} {
			b = newBench(func(o *lookup.Options) { o.Patience = 50 * time.Millisecond })
			b.api.break_(answering("/", status, ""))
			for end := time.Now().Add(600 * time.Millisecond); time.Now().Before(end); {
				together(5, func(int) { Expect(sent(b.results(ctx, ann)[0])).To(HavePrefix("lookup_failed ")) })
			}
			Expect(b.api.total("")).To(BeNumerically("<=", 15), "%d", status)
			b.api.break_(nil)
			Eventually(func() string { return sent(b.results(ctx, ann)[0]) }, 5).Should(Equal(known))
		}
	})

	It("pauses once for calls that fail at the same time, and as shortly as at first after all was well", func(ctx context.Context) {
		b = newBench(func(o *lookup.Options) { o.Pause, o.Patience = 200*time.Millisecond, 700*time.Millisecond })
		for round := range 3 {
			var kinds []string
			for i := range 4 {
				kinds = append(kinds, person(fmt.Sprintf(`"kind":"%d-%d"`, round, i)))
			}
			var calls atomic.Int32
			b.api.break_(func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
				if calls.Add(1) > 4 {
					return false
				}
				Eventually(calls.Load).Should(BeEquivalentTo(4))
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			})
			Expect(sentAll(b.results(ctx, kinds...))).To(HaveEach(HavePrefix(`{"kind":"the kind `)))
		}
	})

	It("that refuses the credentials is asked now and then", func(ctx context.Context) {
		b.api.break_(answering("/", 401, `{"message":"expired"}`))
		for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
			Expect(sent(b.results(ctx, ann)[0])).To(HavePrefix("lookup_failed 401 "))
		}
		Expect(b.api.total("")).To(BeNumerically("<=", 6))
		b.api.break_(nil)
		b.before.Config = []byte(`{"token":"` + token + `","new":true}`)
		Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
	})

	It("is noted, without what proves who calls and what was looked for", func(ctx context.Context) {
		b.results(ctx, ann)
		b.api.break_(func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			if r.URL.Path != "/search" {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"message":"%s may not look for P1@x.com, but eve@y.com, %s","more":"%s"}`, token, strings.Repeat("long ", 200), token)
			return true
		})
		got := sent(b.results(ctx, searching(1))[0])
		Expect(got).To(HavePrefix("lookup_failed 403 "))
		Expect(got).NotTo(ContainSubstring(token))
		note := b.notes.String()
		Expect(note).To(SatisfyAll(ContainSubstring(`"lookup":"people"`), ContainSubstring(`"status":403`), ContainSubstring(`"destinationId":"d-1"`), ContainSubstring("*** may not look for ***, but ***, long")))
		Expect(strings.ToLower(note)).NotTo(Or(ContainSubstring(token), ContainSubstring("p1@x.com"), ContainSubstring("eve@"), ContainSubstring("bearer")))
		Expect(len(note)).To(BeNumerically("<", 700))
		for name := range b.meter.counts {
			Expect(name).NotTo(Or(ContainSubstring(token), ContainSubstring("@")))
		}
	})

	It("is noted without what was found", func(ctx context.Context) {
		b.results(ctx, ann)
		b.api.break_(answering("/search", 200, `{"people":"Eve Example"}`))
		Expect(sent(b.results(ctx, searching(1))[0])).To(HavePrefix("lookup_failed 500 "))
		Expect(b.notes.String()).To(ContainSubstring("the answer cannot be read"))
		Expect(b.notes.String()).NotTo(ContainSubstring("Eve"))
	})

	It("repeats the credentials in vain", func(ctx context.Context) {
		b.before.Config = []byte(`{"token":"another-token"}`)
		got := sent(b.results(ctx, ann)[0])
		Expect(got).To(SatisfyAll(HavePrefix("lookup_failed 401 "), ContainSubstring("*** is not valid")))
		Expect(got + b.notes.String()).NotTo(ContainSubstring("another-token"))
	})
})
