//go:build linux

package soak

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// identifies are n events about a fifth as many contacts.
func identifies(n int, seed uint64) ([][]byte, world) {
	lines := crowd{events: n, contacts: n / 5, seed: seed}.lines()
	return lines, expected(lines)
}

// decoding is what encoding/json takes of the processor to read an event: what a sender takes is
// compared with it, since machines differ.
func decoding(lines [][]byte) time.Duration {
	GinkgoHelper()
	used := func() time.Duration {
		var u syscall.Rusage
		Expect(syscall.Getrusage(syscall.RUSAGE_SELF, &u)).To(Succeed())
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	var least time.Duration
	for range 3 {
		before := used()
		for _, line := range lines {
			var e any
			Expect(json.Unmarshal(line, &e)).To(Succeed())
		}
		if took := used() - before; least == 0 || took < least {
			least = took
		}
	}
	return least / time.Duration(len(lines))
}

// mostDecodings is how many times as much of the processor a sender may take for an event as
// encoding/json takes to read it: it took 15 to 18 when this was written, at 32,000 to 36,000 events
// a second. At 38 they would be fewer than 20,000, as the simulator takes its part of two processors.
const mostDecodings = 28

var _ = Describe("How fast events are delivered", Label("time"), func() {
	It("without limits: 20,000 a second, end to end", func() {
		lines, want := identifies(sized(20_000, 200_000), 5)
		s := newScene(5)
		file := s.file("events.ndjson", lines)

		before := s.cpu()
		begun := time.Now()
		sender := s.send("--state", s.state(), file)
		Expect(sender.wait(5*time.Minute)).To(Equal(0), sender.stderr())
		took := time.Since(begun)
		perEvent := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(len(lines)) }
		now := s.stats()
		s.judge(want, nil)
		say("%d events in %v: %.0f a second; %.1f µs of the processor an event for the sender, %.1f for the simulator; %.1f events a request",
			len(lines), took.Round(time.Millisecond), float64(len(lines))/took.Seconds(), perEvent(sender.cpu()), perEvent(s.cpu()-before),
			float64(now.Inputs)/float64(now.Requests))
		alone := decoding(lines[:10_000])
		times := sender.cpu().Seconds() / float64(len(lines)) / alone.Seconds()
		say("encoding/json takes %v to read an event: the sender takes %.1f times as long", alone, times)
		Expect(times).To(BeNumerically("<", mostDecodings))
	})

	It("with the limits of Professional: 95 % of the permitted requests, hardly any refused", func() {
		lines, want := identifies(sized(10_000, 150_000), 6)
		s := newScene(6, "--tier", "pro")
		file := s.file("events.ndjson", lines)
		begun := time.Now()
		sender := s.send("--tier", "pro", "--state", s.state(), file)
		Expect(sender.wait(5*time.Minute)).To(Equal(0), sender.stderr())
		took := time.Since(begun)
		now := s.stats()
		refused := 0
		for _, n := range now.TooMany {
			refused += n
		}
		Expect(float64(refused)).To(BeNumerically("<", .005*float64(now.Requests)+1))
		for _, limit := range now.Limits {
			if strings.HasPrefix(limit.Name, "burst") {
				say("%d events in %v: %d requests of %.0f events, %.1f %% of those that the limit %s permits, %d answered 429",
					len(lines), took.Round(time.Millisecond), now.Requests, float64(now.Inputs)/float64(now.Requests), 100*limit.Share, limit.Name, refused)
				if full {
					Expect(limit.Share).To(BeNumerically(">=", .95))
				}
			}
		}
		s.judge(want, nil)
	})

	It("with many people's events in the queue: below 300 MB", func() {
		people := sized(50_000, 1_000_000)
		lines := make([][]byte, people+people/5) // a fifth has a second event, or is delivered meanwhile
		for i := range lines {
			e := event{who: i % people, line: i + 1}
			lines[i] = e.text("identify", map[string]any{
				"userId": userID(e.who), "anonymousId": anonymousID(e.who),
				"traits":  map[string]any{"email": fmt.Sprintf("contact%d@example.com", e.who), "followerCount": i, "city": "Lisboa", "jobTitle": "Captain", "company": "Olivar"},
				"context": map[string]any{"ip": "203.0.113.7", "userAgent": strings.Repeat("Mozilla/5.0 ", 10), "locale": "pt-PT"},
			})
		}
		s := newScene(7, "--tier", "pro")
		file := s.file("events.ndjson", lines)
		begun := time.Now()
		sender := s.send("--tier", "pro", "--state", s.state(), "--metrics", "127.0.0.1:0", file)
		most := 0
		Eventually(func() int {
			most = max(most, sender.metric("celmap_send_queue_events"))
			return sender.metric("celmap_send_events_read_total")
		}).WithTimeout(10 * time.Minute).WithPolling(200 * time.Millisecond).Should(Equal(len(lines)))
		Expect(most).To(BeNumerically(">=", people))
		stored := time.Since(begun)
		// It goes on to deliver with all of them in the queue.
		arrived := s.arrived()
		Eventually(s.arrived).WithTimeout(5 * time.Minute).Should(BeNumerically(">", arrived+sized(2_000, 50_000)))
		peak := sender.peak()
		say("%d events of %d people stored in %v, at the most %d in the queue; %d MB at the most", len(lines), people, stored.Round(time.Millisecond), most, peak)
		Expect(peak).To(BeNumerically("<", 300))
	})
})

var metricsAt = regexp.MustCompile(`metrics on (\S+)`)

// metric reads a metric without labels; 0 until the sender says where they are.
func (p *process) metric(name string) int {
	GinkgoHelper()
	found := metricsAt.FindStringSubmatch(p.stderr())
	if found == nil {
		return 0
	}
	response, err := http.Get(found[1])
	Expect(err).NotTo(HaveOccurred(), p.stderr())
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	for line := range strings.Lines(string(page)) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			Expect(err).NotTo(HaveOccurred())
			return int(value)
		}
	}
	return 0
}
