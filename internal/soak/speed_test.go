//go:build linux

package soak

import (
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// identifies are n events about a fifth as many contacts.
func identifies(n int, seed uint64) ([][]byte, world) {
	lines := crowd{events: n, contacts: n / 5, seed: seed}.lines()
	return lines, expected(lines)
}

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
		say("%d events in %v: %.0f a second; %.1f µs of the processor an event for the sender, %.1f for the simulator; %.1f events a request; %d MB at the most",
			len(lines), took.Round(time.Millisecond), float64(len(lines))/took.Seconds(), perEvent(sender.cpu()), perEvent(s.cpu()-before),
			float64(now.Inputs)/float64(now.Requests), sender.peak())
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
})
