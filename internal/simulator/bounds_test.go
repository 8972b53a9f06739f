package simulator

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2" // not all by its names: HubSpot has labels, too
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"
)

// What grows with the calls has bounds that no test reaches from outside.
var _ = ginkgo.Describe("What is kept", func() {
	ginkgo.It("are the last lines of a list, whole and in order", func() {
		l := newLedger(1 << 20)
		const n = 200_000
		for i := range n {
			l.add(fmt.Appendf(nil, "line %d\n", i))
		}
		var kept bytes.Buffer
		size, err := l.WriteTo(&kept)
		Expect(err).NotTo(HaveOccurred())
		Expect(size).To(And(BeNumerically("<=", 1<<20), BeNumerically(">", 1<<20-2*chunkSize)))
		lines := strings.Split(strings.TrimSuffix(kept.String(), "\n"), "\n")
		added, dropped := l.counts()
		Expect(added).To(BeEquivalentTo(n))
		Expect(lines).To(HaveLen(n - int(dropped)))
		for i, line := range lines {
			Expect(line).To(Equal(fmt.Sprintf("line %d", int(dropped)+i)))
		}
	})

	ginkgo.It("says how much is gone, with the list and among the counts", func() {
		s, err := New(Portal{}, Options{})
		Expect(err).NotTo(HaveOccurred())
		shown := func(method, path, body string) *httptest.ResponseRecorder {
			r, w := httptest.NewRequest(method, path, strings.NewReader(body)), httptest.NewRecorder()
			r.Header.Set("Authorization", "Bearer t")
			s.ServeHTTP(w, r)
			return w
		}
		send := func() {
			Expect(shown("POST", "/events/v3/send", `{"eventName": "pe1_x", "email": "ann@example.com", "properties": {"note": "`+strings.Repeat("x", 200)+`"}}`).Code).To(Equal(204))
		}
		s.journal.events.most = 1 << 20
		send()
		Expect(shown("GET", "/_sim/events", "").Header()).NotTo(HaveKey("X-Dropped"))
		for range 5000 {
			send()
		}
		list := shown("GET", "/_sim/events", "")
		dropped := list.Header().Get("X-Dropped")
		Expect(dropped).NotTo(BeEmpty())
		Expect(shown("GET", "/_sim/stats", "").Body.String()).To(And(ContainSubstring(`"events":5001`), ContainSubstring(`"dropped":{"events":`+dropped+`,`)))
		n, err := strconv.Atoi(dropped)
		Expect(err).NotTo(HaveOccurred())
		Expect(strings.Count(list.Body.String(), "\n")).To(Equal(5001 - n))
	})

	ginkgo.It("is a line that is longer than all else", func() {
		l := newLedger(10)
		long := strings.Repeat("x", 2*chunkSize) + "\n"
		l.add([]byte("short\n"))
		l.add([]byte(long))
		var kept bytes.Buffer
		_, err := l.WriteTo(&kept)
		Expect(err).NotTo(HaveOccurred())
		Expect(kept.String()).To(Equal(long))
	})

	ginkgo.It("are the last uuids", func() {
		m, now := newMemory(3), time.Unix(0, 0)
		for i := range 5 {
			m.note(m.key("a", fmt.Sprint(i)), now)
		}
		Expect(m.seen).To(HaveLen(3))
		Expect(m.has(m.key("a", "1"), now, time.Hour)).To(BeFalse())
		Expect(m.has(m.key("a", "2"), now, time.Hour)).To(BeTrue())
		Expect(m.has(m.key("b", "2"), now, time.Hour)).To(BeFalse())
		Expect(m.has(m.key("a", "2"), now.Add(time.Hour), time.Hour)).To(BeFalse())
	})

	ginkgo.It("are not the tokens of everybody", func() {
		p := Portal{}
		Expect(p.complete()).To(Succeed())
		g := newGate(&p, time.Now())
		for i := range 3 * mostApps {
			Expect(g.holder(fmt.Sprint(i))).NotTo(BeNil())
		}
		Expect(g.anyone).To(HaveLen(mostApps))
		Expect(len(g.apps)).To(BeNumerically("<=", mostApps+1))
	})
})

var _ = ginkgo.Describe("A rolling window", func() {
	ginkgo.It("lets in as many calls as a list of all of them would", func() {
		rapid.Check(ginkgo.GinkgoT(), func(t *rapid.T) {
			per := time.Duration(rapid.IntRange(1, 50).Draw(t, "per"))
			w := newWindow(per, rapid.IntRange(0, 40).Draw(t, "most"))
			now, all := time.Unix(0, 0), []time.Time{}
			for range rapid.IntRange(1, 200).Draw(t, "calls") {
				now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "later")))
				within := 0
				for _, at := range all {
					if now.Sub(at) < per {
						within++
					}
				}
				if left := w.left(now); left != w.most-within {
					t.Fatalf("%d left, not %d", left, w.most-within)
				}
				if w.left(now) > 0 {
					w.take(now)
					all = append(all, now)
					continue
				}
				wait, later := w.wait(now), *w
				if wait <= 0 || w.most > 0 && (later.left(now.Add(wait-1)) > 0 || later.left(now.Add(wait)) < 1) {
					t.Fatalf("waits %s", wait)
				}
			}
		})
	})
})
