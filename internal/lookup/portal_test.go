package lookup_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/lookup"
)

const known = `{"person":{"email":"ann@x.com"}}`

var _ = Describe("Portal data", func() {
	var b *bench
	BeforeEach(func() { b = newBench(nil) })

	ann := person(`"email":"ann@x.com","plan":"pro"`)

	It("is fetched when events want it, once", func(ctx context.Context) {
		Expect(b.results(ctx, `{"type":"track","event":"seen"}`)[0]).To(ContainSubstring(`"status":"mapped"`))
		Expect(b.api.total("")).To(BeZero())
		for range 3 {
			Expect(sentAll(b.results(ctx, ann, ann))).To(HaveEach(known))
		}
		Expect(b.api.total("")).To(Equal(1))
		Expect(b.meter.counts).To(Equal(map[string]int{"call fields 200": 1, "cache fields absent": 1, "cache fields fresh": 2}))
	})

	It("is fetched once for 50 batches at the same time", func(ctx context.Context) {
		var batches atomic.Int32
		b.api.break_(func(http.ResponseWriter, *http.Request, []byte) bool {
			Eventually(batches.Load).Should(BeEquivalentTo(50))
			return false
		})
		together(50, func(int) {
			batches.Add(1)
			Expect(sentAll(b.results(ctx, ann))).To(HaveEach(known))
		})
		Expect(b.api.total("")).To(Equal(1))
	})

	It("is fetched again when its time is over", func(ctx context.Context) {
		b.results(ctx, ann)
		b.clock.pass(time.Hour - time.Second)
		b.api.setFields("plan")
		Expect(sent(b.results(ctx, person(`"email":"ann@x.com"`))[0])).To(Equal(known))
		Expect(b.api.total("")).To(Equal(1))
		b.clock.pass(time.Second)
		Expect(sent(b.results(ctx, ann)[0])).To(Equal(`{"person":{"plan":"pro"}}`))
		Expect(b.api.total("")).To(Equal(2))
	})

	It("is the destination's own, by its type, its id and its credentials", func(ctx context.Context) {
		b.results(ctx, ann)
		other := b.before
		other.ID = "d-2"
		results(ctx, b.host, other, ann)
		Expect(b.api.total("")).To(Equal(2))

		same := b.before
		same.Config = []byte(`{"token":"` + token + `","other":1}`)
		Expect(sent(results(ctx, b.host, same, ann)[0])).To(Equal(known))
		Expect(b.api.total("")).To(Equal(2))

		stranger := b.before
		stranger.Config = []byte(`{"token":"wrong-token"}`)
		Expect(sent(results(ctx, b.host, stranger, ann)[0])).To(HavePrefix("lookup_failed 401 "))
		Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
	})

	It("stays when the rules are loaded again", func(ctx context.Context) {
		b.results(ctx, ann)
		b.before.Program = load("person: =person", "who: =person")
		Expect(sent(b.results(ctx, ann)[0])).To(Equal(`{"who":{"email":"ann@x.com"}}`))
		Expect(b.api.total("")).To(Equal(1))
	})

	It("that new rules cannot read is fetched again", func(ctx context.Context) {
		b.results(ctx, ann)
		b.before.Program = load("body.fields", "body.things")
		Expect(sent(b.results(ctx, ann)[0])).To(HavePrefix("lookup_failed 500 "))
		Expect(b.api.total("")).To(Equal(2))
	})

	It("that the config does not let fetch is said to be missing", func(ctx context.Context) {
		b.before.Config = []byte(`{}`)
		Expect(sent(b.results(ctx, ann)[0])).To(SatisfyAll(HavePrefix("lookup_failed 400 "), ContainSubstring("config.token")))
		Expect(b.api.total("")).To(BeZero())
	})

	It("is not waited for longer than the caller does, but kept", func(ctx context.Context) {
		arrived, go_ := make(chan struct{}), make(chan struct{})
		b.api.break_(func(http.ResponseWriter, *http.Request, []byte) bool {
			close(arrived)
			<-go_
			return false
		})
		within, cancel := context.WithCancel(ctx)
		go func() {
			<-arrived
			cancel()
		}()
		Expect(sent(b.results(within, ann)[0])).To(HavePrefix("lookup_failed 503 "))
		close(go_)
		Eventually(func() string { return sent(b.results(ctx, ann)[0]) }).Should(Equal(known))
		Expect(b.api.total("")).To(Equal(1))
	})

	It("whose call is made of other data is fetched after that", func(ctx context.Context) {
		b.before.Program = load("lookups:\n", "  label:\n    request: {method: GET, host: api, url: '/kinds/${size(fields)}'}\n    answer: body.label\n    ttl: 10m\nlookups:\n",
			"person: =person", "person: =label")
		for range 2 {
			Expect(sent(b.results(ctx, ann)[0])).To(Equal(`{"person":"the kind 2"}`))
			Expect(b.api.total("")).To(Equal(2))
		}
		b.api.setFields("email")
		b.clock.pass(time.Hour)
		Expect(sent(b.results(ctx, ann)[0])).To(HavePrefix(`{"person":"the kind `))
		b.clock.pass(10 * time.Minute)
		Expect(sent(b.results(ctx, ann)[0])).To(Equal(`{"person":"the kind 1"}`))
	})

	It("that needs config that is no object is an error of the settings", func(ctx context.Context) {
		b.before.Config = []byte(`[]`)
		_, err := b.host.Map(ctx, b.before, nil)
		Expect(err).To(MatchError(ContainSubstring("config: ")))
		_, err = b.host.Connection(b.before)
		Expect(err).To(MatchError(ContainSubstring("config: ")))
	})

	Describe("that lacks something", func() {
		It("is fetched again, but not within a minute, and once for every name", func(ctx context.Context) {
			b.results(ctx, ann)
			b.api.setFields("email", "plan")
			b.clock.pass(59 * time.Second)
			Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
			Expect(b.api.total("")).To(Equal(1))

			b.clock.pass(time.Second)
			Expect(sent(b.results(ctx, ann)[0])).To(Equal(`{"person":{"email":"ann@x.com","plan":"pro"}}`))
			Expect(b.api.total("")).To(Equal(2))

			for range 5 {
				b.clock.pass(2 * time.Minute)
				b.results(ctx, person(`"email":"ann@x.com","junk":1`))
			}
			Expect(b.api.total("")).To(Equal(3))
		})

		It("is fetched once for batches at the same time, which all see what is new", func(ctx context.Context) {
			b.results(ctx, ann)
			b.api.setFields("email", "plan")
			b.clock.pass(time.Hour / 2)
			together(20, func(int) {
				Expect(sent(b.results(ctx, ann)[0])).To(Equal(`{"person":{"email":"ann@x.com","plan":"pro"}}`))
			})
			Expect(b.api.total("")).To(Equal(2))
		})

		It("does not search again for what was found already", func(ctx context.Context) {
			b.api.people["ann@x.com"] = []string{"7"}
			b.results(ctx, ann)
			b.api.setFields("email", "plan")
			b.clock.pass(time.Hour / 2)
			Expect(sent(b.results(ctx, person(`"email":"ann@x.com","search":true,"plan":"pro"`))[0])).To(Equal(`{"id":"7","person":{"email":"ann@x.com","plan":"pro"}}`))
			Expect(b.api.total("GET /fields")).To(Equal(2))
			Expect(b.api.total("POST /search")).To(Equal(1))
		})

		It("is used as it is while the API fails", func(ctx context.Context) {
			b.results(ctx, ann)
			b.clock.pass(time.Hour / 2)
			b.api.break_(answering("/fields", 500, ""))
			Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
		})
	})

	Describe("that is out of date", func() {
		It("is fetched again, once a minute at most", func(ctx context.Context) {
			b.host.Outdated(b.before, []string{"fields"}) // nothing is known yet
			b.results(ctx, ann)
			for i := range 6 {
				b.host.Outdated(b.before, []string{"fields", "others"})
				b.results(ctx, ann)
				b.clock.pass(30 * time.Second)
				Expect(b.api.total("")).To(Equal(2 + i/2))
			}
		})

		It("stays if the API fails", func(ctx context.Context) {
			b.results(ctx, ann)
			b.api.break_(answering("/fields", 500, ""))
			b.host.Outdated(b.before, []string{"fields"})
			Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
			Expect(b.meter.total("cache fields stale")).To(Equal(1))
		})
	})

	It("is used for a day while the API fails, and no longer", func(ctx context.Context) {
		b.results(ctx, ann)
		b.api.break_(answering("/fields", 500, ""))
		b.clock.pass(25 * time.Hour)
		Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
		b.clock.pass(time.Second)
		Expect(sent(b.results(ctx, ann)[0])).To(HavePrefix("lookup_failed 500 "))
		Expect(b.results(ctx, `{"type":"track","event":"seen"}`)[0]).To(ContainSubstring(`"status":"mapped"`))
		b.api.break_(nil)
		Eventually(func() string { return sent(b.results(ctx, ann)[0]) }).Should(Equal(known))
	})

	It("is used without waiting for long while the API is slow", func(ctx context.Context) {
		b = newBench(func(o *lookup.Options) { o.Timeout = 5 * time.Second })
		b.results(ctx, ann)
		b.clock.pass(time.Hour)
		slow := make(chan struct{})
		b.api.setFields("plan")
		b.api.break_(func(http.ResponseWriter, *http.Request, []byte) bool { <-slow; return false })
		Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
		close(slow)
		Eventually(func() string { return sent(b.results(ctx, ann)[0]) }).Should(Equal(`{"person":{"plan":"pro"}}`))
		Expect(b.api.total("")).To(Equal(2))
	})

	It("keeps what it had when the API answers something else", func(ctx context.Context) {
		b.results(ctx, ann)
		b.clock.pass(2 * time.Hour)
		for _, garbage := range []string{`<html>`, `{"fields":3}`, ``} {
			b.api.break_(answering("/fields", 200, garbage))
			Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
		}
	})

	It("is known without being fetched to who only reads answers", func(ctx context.Context) {
		c, err := b.host.Connection(b.before)
		Expect(err).NotTo(HaveOccurred())
		Expect(c.PortalData("fields")).To(BeNil())
		b.results(ctx, ann)
		c, err = b.host.Connection(b.before)
		Expect(err).NotTo(HaveOccurred())
		Expect(c.PortalData("fields").Get("email")).NotTo(BeNil())
		Expect(b.api.total("")).To(Equal(1))
	})

	It("of many destinations takes bounded memory", func(ctx context.Context) {
		const memory = 8 << 20
		b := newBench(func(o *lookup.Options) { o.Memory = memory })
		before := heap()
		for i := range 10_000 {
			b.before.ID = fmt.Sprint(i)
			Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
		}
		Expect(heap() - before).To(BeNumerically("<", 3*memory)) // with what is known of 10,000 accounts' pace
		Expect(b.host.Remembered().Bytes).To(BeNumerically("<", memory))
		Expect(b.host.Remembered().Destinations).To(BeNumerically(">", 50))
		Expect(b.api.total("")).To(Equal(10_000))
		Expect(sent(b.results(ctx, ann)[0])).To(Equal(known))
		Expect(b.api.total("")).To(Equal(10_000))
	})
})

// heap is how many bytes are in use.
func heap() int64 {
	for range 3 { // what pools hold goes in the second round
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
