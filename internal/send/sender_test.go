package send

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/internal/queue"
)

// TestDelivery draws events of some contacts, bad ones among them, and an API that
// breaks now and then: in the end every contact has what its last good event says, no
// value was followed by an older one, and the dead letters are the bad events.
func TestDelivery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newAPI()
		defer a.Close()
		a.traced = rapid.Bool().Draw(t, "traced")
		var items []queue.Item
		want, poisoned := map[string]any{}, map[uint64]bool{}
		for n := range rapid.Uint64Range(1, 120).Draw(t, "events") {
			contact := rapid.IntRange(1, 12).Draw(t, "contact")
			poison := rapid.IntRange(0, 15).Draw(t, "poison") == 0
			items = append(items, identify(n, contact, poison))
			if poison {
				poisoned[n] = true
			} else {
				want[fmt.Sprintf("c%d@x.com", contact)] = fmt.Sprintf("%06d", n)
			}
		}
		faults := rapid.SliceOfN(rapid.SampledFrom([]string{"", "", "before", "after", "500 {}", "502 <html>", "429 {}", `200 {"results":[]`, `423 {"message":"locked"}`}), 0, 10).Draw(t, "faults")
		for i, f := range faults {
			if f == `423 {"message":"locked"}` || f == "429 {}" { // whose pause by the rules is some seconds
				faults[i] = "503 {}"
			}
		}
		a.fault = func(*http.Request, []write) string {
			if len(faults) == 0 {
				return ""
			}
			f := faults[0]
			faults = faults[1:]
			return f
		}
		b := newBacklog(items...)
		_, stop := start(b, a, func(o *Options) { o.Workers = rapid.IntRange(1, 8).Draw(t, "workers") })
		select {
		case <-b.empty:
		case <-time.After(20 * time.Second):
			t.Errorf("it takes too long: %d of %d", len(b.finished), b.total)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		for _, w := range slices.Concat(a.wrong, b.wrong) {
			t.Error(w)
		}
		for id, values := range a.values {
			if !slices.IsSortedFunc(values, func(a, b any) int { return compare(a.(string), b.(string)) }) {
				t.Errorf("%s got an older value after a newer one: %v", id, values)
			}
		}
		if got := a.written(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("written %v, wanted %v", got, want)
		}
		dead := b.deadLetters()
		for n := range poisoned {
			if dead[n].Code == "" {
				t.Errorf("event %d is no dead letter", n)
			}
			delete(dead, n)
		}
		for n, note := range dead {
			t.Errorf("event %d is a dead letter: %+v", n, note)
		}
	})
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

var _ = Describe("A sender", func() {
	var a *api
	BeforeEach(func() {
		a = newAPI()
		DeferCleanup(a.Close)
	})

	It("gathers the events of many contacts in one request", func() {
		var items []queue.Item
		for n := range uint64(300) {
			items = append(items, identify(n, int(n)+1, false))
		}
		b := newBacklog(items...)
		s, stop := start(b, a, nil)
		Eventually(b.empty).Should(BeClosed())
		Expect(stop()).To(Succeed())
		Expect(a.requests).To(HaveEach("/crm/v3/objects/contacts/batch/upsert 100"))
		Expect(a.requests).To(HaveLen(3))
		Expect(s.o.Tally.Figures(0).Events.Delivered).To(BeEquivalentTo(300))
	})

	It("sends each event on its own where one of a batch is bad", func() {
		var items []queue.Item
		for n := range uint64(100) {
			items = append(items, identify(n, int(n)+1, n == 37 || n == 80))
		}
		b := newBacklog(items...)
		_, stop := start(b, a, nil)
		Eventually(b.empty).Should(BeClosed())
		Expect(stop()).To(Succeed())
		Expect(b.deadLetters()).To(HaveLen(2))
		note := b.deadLetters()[37]
		Expect(note.Reason).To(Equal(Refused))
		Expect(note.Message).To(Equal("one of them is poison"))
		Expect(note.Rule).To(HavePrefix("destination.yaml:"))
		Expect(note.Request).To(Equal("objects.upsert"))
		Expect(note.Attempts).To(Equal(1))
		Expect(a.written()).To(HaveLen(98))
		Expect(len(a.requests)).To(BeNumerically("<", 40), "it is halved, not taken apart")
	})

	DescribeTable("is paused by an API that refuses it, loses nothing, and goes on with a new token", func(category string) {
		b := newBacklog(identify(1, 1, false), identify(2, 2, false))
		a.fault = func(r *http.Request, _ []write) string {
			if r.Header.Get("Authorization") == "Bearer new-token" {
				return ""
			}
			return `401 {"status":"error","message":"refused secret-token","category":"` + category + `"}`
		}
		var renewed atomic.Bool
		var read atomic.Int32
		s, stop := start(b, a, func(o *Options) {
			o.Refresh = func() ([]byte, error) {
				if read.Add(1); renewed.Load() {
					return []byte(strings.ReplaceAll(config, "secret-token", "new-token")), nil
				}
				return []byte(config), nil
			}
		})
		Eventually(s.o.Tally.Paused).Should(Equal("refused [secret]"))
		Consistently(func() int { a.mu.Lock(); defer a.mu.Unlock(); return len(a.requests) }, "100ms").Should(Equal(1))
		Expect(read.Load()).To(BeEquivalentTo(1))
		Expect(b.finished).To(BeEmpty())
		renewed.Store(true)
		Eventually(b.empty).WithTimeout(5*time.Second).Should(BeClosed(), "long before the minute is over")
		Expect(s.o.Tally.Paused()).To(BeEmpty())
		Expect(stop()).To(Succeed())
		Expect(b.dead).To(BeEmpty())
	},
		Entry("where it has expired", "EXPIRED_AUTHENTICATION"),
		Entry("where it never was good", "INVALID_AUTHENTICATION"),
	)

	It("is paused where lookups are refused, too", func() {
		b := newBacklog(identify(1, 1, false))
		a.refuseLookups = true
		s, stop := start(b, a, nil)
		Eventually(s.o.Tally.Paused).ShouldNot(BeEmpty())
		Expect(stop()).To(Succeed())
		Expect(b.finished).To(BeEmpty())
		Expect(a.requests).To(BeEmpty())
	})

	It("lets no request out beside the one that tries whether trouble is over", func() {
		var items []queue.Item
		for n := range uint64(2000) {
			items = append(items, identify(n, int(n)+1, false))
		}
		b := newBacklog(items...)
		well := false
		a.fault = func(*http.Request, []write) string {
			if well {
				return ""
			}
			return "503 {}"
		}
		_, stop := start(b, a, func(o *Options) { o.Base = 400 * time.Millisecond })
		requests := func() int { a.mu.Lock(); defer a.mu.Unlock(); return len(a.requests) }
		Eventually(requests).Should(BeNumerically(">=", 1))
		Consistently(requests, "700ms").Should(BeNumerically("<=", 16+4), "those under way, and some to try")
		a.mu.Lock()
		well = true
		a.mu.Unlock()
		Eventually(b.empty, "10s").Should(BeClosed())
		Expect(stop()).To(Succeed())
		Expect(b.dead).To(BeEmpty())
	})

	It("finds out which record the API fails on, and gives it up", func() {
		var items []queue.Item
		for n := range uint64(20) {
			items = append(items, identify(n, int(n)+1, n == 7))
		}
		b := newBacklog(items...)
		a.fault = func(_ *http.Request, writes []write) string {
			if slices.ContainsFunc(writes, func(w write) bool { return w.Properties["city"] == "poison" }) {
				return `500 {"message":"broken"}`
			}
			return ""
		}
		_, stop := start(b, a, nil)
		for n := uint64(20); ; n++ { // others get through meanwhile
			b.add(identify(n, int(n)+1, false))
			if len(b.deadLetters()) > 0 || n == 2000 {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
		Eventually(b.empty, "10s").Should(BeClosed())
		Expect(stop()).To(Succeed())
		Expect(b.deadLetters()).To(HaveLen(1))
		Expect(b.deadLetters()[7].Reason).To(Equal(GaveUp))
	})

	It("takes what an event knew when it was stored for the answer of the rules", func() {
		track := func(n uint64, known string) queue.Item {
			return queue.Item{ID: queue.ID{Sequence: n}, Lane: n, JSON: fmt.Appendf(nil, `{"type":"track","event":"Bought","messageId":"m-%d","userId":"u1"}`, n),
				Known: []queue.Memory{{Lookup: "identity", Key: "u1", Value: known}}}
		}
		b := newBacklog(track(1, ""), track(2, "old@x.com"), track(3, "new@x.com"))
		_, stop := start(b, a, nil)
		Eventually(b.empty).Should(BeClosed())
		Expect(stop()).To(Succeed())
		Expect(b.deadLetters()).To(HaveLen(1))
		Expect(b.deadLetters()[1].Code).To(Equal("missing_identity"))
		var emails []any
		for _, e := range a.events {
			emails = append(emails, e["email"])
		}
		Expect(emails).To(ConsistOf("old@x.com", "new@x.com"))
	})

	It("sends nothing that is another worker's by now", func() {
		b := newBacklog()
		for n := range uint64(40) {
			b.waiting = append(b.waiting, identify(n, int(n), false))
		}
		b.total = 30 // those of three partitions of four
		b.lost[2] = true
		_, stop := start(b, a, nil)
		Eventually(b.empty).Should(BeClosed())
		Expect(stop()).To(Succeed())
		Expect(a.written()).To(HaveLen(30))
		Expect(a.written()).NotTo(HaveKey("c2@x.com"))
	})

	It("finishes what is under way when it is stopped, and leaves the rest", func() {
		b := newBacklog(identify(1, 1, false), identify(2, 1, false), identify(3, 1, false))
		arrived, proceed := make(chan struct{}, 9), make(chan struct{})
		a.hold = func() { arrived <- struct{}{}; <-proceed }
		_, stop := start(b, a, nil)
		Eventually(arrived).Should(Receive())
		ended := make(chan error, 1)
		go func() { ended <- stop() }()
		Consistently(ended, "50ms").ShouldNot(Receive())
		close(proceed)
		Eventually(ended).Should(Receive(BeNil()))
		Expect(b.finished).To(HaveLen(1))
		Expect(a.requests).To(HaveLen(1))
	})
})
