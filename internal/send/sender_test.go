package send

import (
	"fmt"
	"net/http"
	"slices"
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
})
