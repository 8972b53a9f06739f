//go:build linux

package soak

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// A process is taken over only after its lease, so this takes longer than a test of
// every day may.
var _ = Describe("Two senders on a cluster of three servers", func() {
	if !full {
		return
	}
	It("share the work and lose nothing when one of each is killed and comes back", func() {
		lines := crowd{events: 20_000, contacts: 3_000, poisoned: .03, tracks: .2, seed: 3}.lines()
		want := expected(lines)
		s := newScene(3, "--faults", "0.05", "--seed", "13")
		servers := newCluster(s.folder)
		file := s.file("events.ndjson", lines)

		begun := time.Now()
		reader := func() *process { return s.send("--nats", servers.url(), file) }
		listener := func() *process { return s.send("--nats", servers.url(), "--listen", "127.0.0.1:0") }
		a, b := reader(), listener()
		b.address()

		all := deliverable(lines, want)
		at := s.moments(4, all*8/10)
		until := func(moment int) {
			GinkgoHelper()
			Expect(s.until(moment, a)).To(BeTrue(), "celmap send ended early: %s", a.stderr())
		}
		until(at[0])
		servers.running[1].kill()
		until(at[1])
		servers.start(1)
		until(at[2])
		b.kill()
		until(at[3])
		a.kill()
		a, b = reader(), listener()
		Expect(a.wait(5*time.Minute)).To(Equal(0), a.stderr())
		took := time.Since(begun)
		b.kill()

		got := s.judge(want, deadLetters("--nats", servers.url()))
		say("a server and both senders were killed, %v", took.Round(time.Millisecond))
		s.figures(want, got, took)
		Expect(servers.replicas()).To(HaveEach(3))
	})
})
