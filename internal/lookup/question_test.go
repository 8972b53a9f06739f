package lookup_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// searching is an event that asks for a person by e-mail.
func searching(i int) string { return person(fmt.Sprintf(`"email":"P%d@x.com","search":true`, i)) }

// searched is what it sends if the person was found.
func searched(i int) string {
	return fmt.Sprintf(`{"id":"id-%d","person":{"email":"P%d@x.com"}}`, i, i)
}

// batchOf is n events that ask, from a number on, and what they send.
func batchOf(from, n int) (events, want []string) {
	for i := from; i < from+n; i++ {
		events, want = append(events, searching(i)), append(want, searched(i))
	}
	return events, want
}

var _ = Describe("Questions", func() {
	var b *bench
	BeforeEach(func(ctx context.Context) {
		b = newBench(nil)
		for i := range 2000 {
			b.api.people[fmt.Sprintf("p%d@x.com", i)] = []string{fmt.Sprintf("id-%d", i)}
		}
		b.results(ctx, person(`"email":"x"`)) // the fields are known
	})

	It("of a batch go out together, as many at a time as the rules say", func(ctx context.Context) {
		events, want := batchOf(0, 250)
		Expect(sentAll(b.results(ctx, events...))).To(Equal(want))
		Expect(b.api.total("POST /search")).To(Equal(3))
	})

	It("are asked anew by every batch, for the answer may have changed", func(ctx context.Context) {
		Expect(sent(b.results(ctx, searching(5000))[0])).To(Equal(`{"person":{"email":"P5000@x.com"}}`))
		b.api.mu.Lock()
		b.api.people["p5000@x.com"] = []string{"id-5000"}
		b.api.mu.Unlock()
		Expect(sent(b.results(ctx, searching(5000))[0])).To(Equal(searched(5000)))
	})

	It("do not share the answer to a call that went out before", func(ctx context.Context) {
		var calls atomic.Int32
		arrived, released := make(chan struct{}), make(chan struct{})
		release := sync.OnceFunc(func() { close(released) })
		defer release()
		b.api.break_(func(http.ResponseWriter, *http.Request, []byte) bool {
			if calls.Add(1) == 1 {
				close(arrived)
				<-released
			}
			return false
		})
		first, second := make(chan string), make(chan string)
		ask := func(to chan string) {
			defer GinkgoRecover()
			to <- sent(b.results(ctx, searching(1))[0])
		}
		go ask(first)
		<-arrived
		go ask(second)
		Eventually(second).Should(Receive(Equal(searched(1))))
		release()
		Eventually(first).Should(Receive(Equal(searched(1))))
	})

	It("of batches at the same time go out together while they have to wait", func(ctx context.Context) {
		b.before.Program = load("pages: body.next", "pages: body.next\n    rate: {perSecond: 20}")
		together(50, func(i int) {
			events, want := batchOf(20*i, 20)
			Expect(sentAll(b.results(ctx, events...))).To(Equal(want))
		})
		Expect(b.api.total("POST /search")).To(BeNumerically("<=", 15)) // 50 without
	})

	It("go out no faster than the rules say", func(ctx context.Context) {
		b.before.Program = load("max: 100", "max: 1", "pages: body.next", "pages: body.next\n    rate: {perSecond: 50}")
		events, want := batchOf(0, 10)
		started := time.Now()
		Expect(sentAll(b.results(ctx, events...))).To(Equal(want))
		Expect(time.Since(started)).To(BeNumerically(">=", 9*time.Second/50))
	})

	It("of destinations with one token go out together no faster than that", func(ctx context.Context) {
		b.before.Program = load("max: 100", "max: 1", "pages: body.next", "pages: body.next\n    rate: {perSecond: 50}")
		started := time.Now()
		together(5, func(i int) {
			events, want := batchOf(2*i, 2)
			d := b.before
			d.ID = fmt.Sprint("d-", i)
			Expect(sentAll(results(ctx, b.host, d, events...))).To(Equal(want))
		})
		Expect(time.Since(started)).To(BeNumerically(">=", 9*time.Second/50))
	})

	It("are answered by all pages", func(ctx context.Context) {
		b.api.page = 30
		events, want := batchOf(0, 100)
		Expect(sentAll(b.results(ctx, events...))).To(Equal(want))
		Expect(b.api.total("POST /search")).To(Equal(4))
	})

	It("that the host would have to answer are left open", func(ctx context.Context) {
		Expect(sent(b.results(ctx, `{"type":"identify","userId":"u","traits":{"email":"x"}}`)[0])).To(Equal(`{"person":{"email":"x"}}`))
	})

	It("that cannot be asked say why", func(ctx context.Context) {
		Expect(sentAll(b.results(ctx, person(`"kind":".."`), person(`"kind":"a"`)))).To(HaveExactElements(
			HavePrefix(`unsafe_url 400 ${keys[0]} in the URL gives ".."`), `{"kind":"the kind a","person":{}}`))
		Expect(b.api.total("GET /kinds")).To(Equal(1))
	})

	Describe("whose answer may be remembered", func() {
		kind := person(`"kind":"a"`)
		const mapped = `{"kind":"the kind a","person":{}}`

		It("are asked once in that time", func(ctx context.Context) {
			for range 3 {
				Expect(sentAll(b.results(ctx, kind, kind))).To(HaveEach(mapped))
			}
			Expect(b.api.total("GET /kinds")).To(Equal(1))
			Expect(b.meter.total("cache kinds absent")).To(Equal(1))
			Expect(b.meter.total("cache kinds fresh")).To(Equal(2))
			b.clock.pass(10 * time.Minute)
			b.results(ctx, kind)
			Expect(b.api.total("GET /kinds")).To(Equal(2))
		})

		It("are asked once by 50 batches at the same time", func(ctx context.Context) {
			b.api.break_(func(http.ResponseWriter, *http.Request, []byte) bool {
				Eventually(func() int { return b.meter.total("cache kinds absent") }).Should(Equal(50))
				return false
			})
			together(50, func(int) { Expect(sentAll(b.results(ctx, kind))).To(HaveEach(mapped)) })
			Expect(b.api.total("GET /kinds")).To(Equal(1))
		})

		It("are answered with it for a day while the API fails", func(ctx context.Context) {
			b.results(ctx, kind)
			b.api.break_(answering("/kinds", 500, ""))
			b.clock.pass(24 * time.Hour)
			Expect(sent(b.results(ctx, kind)[0])).To(Equal(mapped))
			Expect(b.meter.total("cache kinds stale")).To(Equal(1))
			b.clock.pass(10 * time.Minute)
			Expect(sent(b.results(ctx, kind)[0])).To(HavePrefix("lookup_failed 500 "))
		})

		It("are asked again for another destination, other credentials and other rules", func(ctx context.Context) {
			b.results(ctx, kind)
			other := b.before
			other.ID = "d-2"
			results(ctx, b.host, other, kind)
			Expect(b.api.total("GET /kinds")).To(Equal(2))
			other = b.before
			other.Config = []byte(`{"token":"wrong-token"}`)
			Expect(sent(results(ctx, b.host, other, kind)[0])).To(HavePrefix("lookup_failed 401 "))
			b.before.Program = load("value: body.label", "value: '{\"is\": body.label}'")
			Expect(sent(b.results(ctx, kind)[0])).To(Equal(`{"kind":{"is":"the kind a"},"person":{}}`))
		})
	})

	Describe("of which the API refuses one", func() {
		refusing := func(bad ...string) func(http.ResponseWriter, *http.Request, []byte) bool {
			return func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
				for _, key := range bad {
					if strings.Contains(string(body), `"`+key+`@x.com"`) {
						w.WriteHeader(http.StatusBadRequest)
						fmt.Fprintf(w, `{"message":"%s@x.com is no value"}`, key)
						return true
					}
				}
				return false
			}
		}

		It("are answered without it", func(ctx context.Context) {
			b.api.break_(refusing("p13"))
			events, want := batchOf(0, 100)
			want[13] = "lookup_failed 400 the lookup people failed: p13@x.com is no value"
			Expect(sentAll(b.results(ctx, events...))).To(Equal(want))
			Expect(b.api.total("POST /search")).To(BeNumerically("<=", 15))
		})

		It("are refused together where that has nothing to do with the keys", func(ctx context.Context) {
			b.api.break_(answering("/search", 400, `{"message":"no such field"}`))
			events, _ := batchOf(0, 100)
			Expect(sentAll(b.results(ctx, events...))).To(HaveEach("lookup_failed 400 the lookup people failed: no such field"))
			Expect(b.api.total("POST /search")).To(Equal(3))
		})
	})

	It("are not waited for longer than the caller does", func(ctx context.Context) {
		arrived, release := make(chan struct{}, 10), make(chan struct{})
		b.api.break_(func(http.ResponseWriter, *http.Request, []byte) bool {
			arrived <- struct{}{}
			<-release
			return false
		})
		within, cancel := context.WithCancel(ctx)
		go func() {
			<-arrived
			cancel()
		}()
		Expect(sentAll(b.results(within, searching(1), searching(2), person(`"email":"x"`)))).To(HaveExactElements(
			HavePrefix("lookup_failed 503 "), HavePrefix("lookup_failed 503 "), `{"person":{"email":"x"}}`))
		close(release)
		Expect(sent(b.results(ctx, searching(1))[0])).To(Equal(searched(1)))
	})

	It("of thousands of batches, some of which are given up, are answered right", func(ctx context.Context) {
		var n atomic.Int64
		together(16, func(worker int) {
			for round := range 40 {
				within, cancel := context.WithCancel(ctx)
				if (worker+round)%7 == 0 {
					cancel()
				}
				events, want := batchOf((worker*40+round)%1900, 20)
				for i, got := range sentAll(b.results(within, append(events, person(fmt.Sprintf(`"kind":"k%d"`, round%9)))...)) {
					switch {
					case strings.HasPrefix(got, "lookup_failed 503 "):
						Expect((worker + round) % 7).To(BeZero())
					case i < len(want):
						Expect(got).To(Equal(want[i]))
						n.Add(1)
					default:
						Expect(got).To(Equal(fmt.Sprintf(`{"kind":"the kind k%d","person":{}}`, round%9)))
					}
				}
				cancel()
			}
		})
		Expect(n.Load()).To(BeNumerically(">=", 16*40*20*6/7-400))
		Expect(b.api.total("GET /kinds")).To(Equal(9))
	})
})
