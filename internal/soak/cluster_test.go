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
		a := reader()
		b := s.send("--nats", servers.url(), "--listen", "127.0.0.1:0")
		b.address()

		all := deliverable(lines, want)
		at := s.moments(4, all*8/10)
		s.until(at[0], a)
		servers.running[1].kill()
		s.until(at[1], a)
		servers.start(1)
		s.until(at[2], a)
		b.kill()
		s.until(at[3], a)
		a.kill()
		b = s.send("--nats", servers.url(), "--listen", "127.0.0.1:0")
		a = reader()
		Expect(a.wait(5*time.Minute)).To(Equal(0), a.stderr())
		took := time.Since(begun)
		b.kill()

		got := s.judge(want, deadLetters("--nats", servers.url()))
		say("a server and both senders were killed, %v", took.Round(time.Millisecond))
		s.figures(want, got, took)
	})
})
