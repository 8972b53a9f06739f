//go:build linux

package soak

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// full says that the sizes are those of `make soak`; else they are small enough
// for every run of the tests.
var full = os.Getenv("SOAK") == "full"

func sized[T any](small, large T) T {
	if full {
		return large
	}
	return small
}

// scene is a simulator, and files of events to be sent to it.
type scene struct {
	hub
	folder string
	random *rand.Rand
}

func newScene(seed uint64, arguments ...string) scene {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	for name, text := range map[string]string{"config.yaml": config, "portal.yaml": portal} {
		Expect(os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600)).To(Succeed())
	}
	return scene{hub: simulate(append([]string{"--portal", filepath.Join(folder, "portal.yaml")}, arguments...)...), folder: folder, random: rand.New(rand.NewPCG(seed, 2))}
}

// file writes events.
func (s scene) file(name string, lines [][]byte) string {
	GinkgoHelper()
	path := filepath.Join(s.folder, name)
	Expect(os.WriteFile(path, append(bytes.Join(lines, []byte("\n")), '\n'), 0o600)).To(Succeed())
	return path
}

func (s scene) state() string { return filepath.Join(s.folder, "state") }

// send starts a sender that knows of no limits, unless the arguments name a tier.
func (s scene) send(arguments ...string) *process {
	GinkgoHelper()
	all := append([]string{"send", "--config", filepath.Join(s.folder, "config.yaml")}, s.connectTo()...)
	if !slices.Contains(arguments, "--tier") {
		all = append(all, "--tier", "none")
	}
	return launch("celmap send", exec.Command(command, append(all, arguments...)...))
}

// moments draws so many of the numbers up to most, in order.
func (s scene) moments(many, most int) []int {
	var all []int
	for range many {
		all = append(all, s.random.IntN(most))
	}
	slices.Sort(all)
	return all
}

// until waits until so much has arrived; false says that the sender ended before.
func (s scene) until(arrived int, sender *process) bool {
	GinkgoHelper()
	for deadline := time.Now().Add(10 * time.Minute); s.arrived() < arrived; {
		select {
		case <-sender.over:
			return false
		case <-time.After(time.Duration(1+s.random.IntN(20)) * time.Millisecond):
		}
		Expect(time.Now()).To(BeTemporally("<", deadline), "%d of %d have arrived\n%s", s.arrived(), arrived, sender.stderr())
	}
	return true
}

// judge fails the test if anything is not as it should be.
func (s scene) judge(want world, dead []int) outcome {
	GinkgoHelper()
	got := s.outcome()
	got.dead = dead
	if faults := want.faults(got); len(faults) > 0 {
		Fail(fmt.Sprintf("%d faults, among them\n%s", len(faults), strings.Join(faults[:min(len(faults), 25)], "\n")))
	}
	return got
}

// say prints figures, whether the test passes or not.
func say(format string, values ...any) {
	AddReportEntry(fmt.Sprintf(format, values...), ReportEntryVisibilityAlways)
}

// figures says what the simulator has seen.
func (s scene) figures(want world, got outcome, took time.Duration) {
	GinkgoHelper()
	now := s.stats()
	deliverable := len(want.orders)
	for _, contact := range want.contacts {
		var n int
		_, _ = fmt.Sscan(contact["followercount"], &n)
		deliverable += n
	}
	trouble := 0
	for _, n := range now.Faults {
		trouble += n
	}
	say("%d events delivered (%.0f a second), %d dead letters; %d contacts, %d writes, %d occurrences; %d requests, of which %d met trouble, statuses %v",
		deliverable, float64(deliverable)/took.Seconds(), len(want.dead), len(want.contacts), len(got.writes), len(got.orders), now.Requests, trouble, now.Status)
}

// deliverable counts the events of a world that arrive.
func deliverable(lines [][]byte, want world) int { return len(lines) - len(want.dead) }

var _ = Describe("A sender that is killed again and again, with an API that has trouble", func() {
	It("delivers every event, in the order of its contact, and leaves only poisoned ones", func() {
		lines := crowd{events: sized(3000, 50_000), contacts: sized(300, 5_000), poisoned: .04, tracks: .25, seed: 1}.lines()
		want := expected(lines)
		s := newScene(1, "--faults", "0.05", "--seed", "11", "--journal", filepath.Join(GinkgoT().TempDir(), "journal.ndjson"))
		file := s.file("events.ndjson", lines)

		begun := time.Now()
		start := func() *process { return s.send("--state", s.state(), file) }
		sender := start()
		kills := 0
		for _, moment := range s.moments(sized(5, 20), deliverable(lines, want)*9/10) {
			if s.random.IntN(4) == 0 { // while it starts
				select {
				case <-sender.over:
				case <-time.After(time.Duration(s.random.IntN(300)) * time.Millisecond):
				}
			} else {
				s.until(moment, sender)
			}
			Expect(sender.running()).To(BeTrue(), "celmap send ended early: %s", sender.stderr())
			sender.kill()
			kills++
			sender = start()
		}
		Expect(sender.wait(5*time.Minute)).To(Equal(0), sender.stderr())
		took := time.Since(begun)
		got := s.judge(want, deadLetters("--state", s.state()))
		say("%d kills, %v", kills, took.Round(time.Millisecond))
		s.figures(want, got, took)
	})

	It("takes each event of a file once, though it is killed while it reads", func() {
		lines := crowd{events: sized(20_000, 200_000), contacts: sized(2_000, 20_000), seed: 2}.lines()
		want := expected(lines)
		s := newScene(2)
		file := s.file("events.ndjson", lines)
		start := func() *process { return s.send("--state", s.state(), file) }
		sender := start()
		kills := 0
		for range sized(4, 20) {
			select {
			case <-sender.over:
			case <-time.After(time.Duration(30+s.random.IntN(sized(250, 600))) * time.Millisecond):
			}
			if !sender.running() {
				break
			}
			sender.kill()
			kills++
			sender = start()
		}
		Expect(sender.wait(5*time.Minute)).To(Equal(0), sender.stderr())
		got := s.judge(want, deadLetters("--state", s.state()))
		repeated := len(got.writes) - deliverable(lines, want)
		say("%d kills; %d of %d writes were repeated", kills, repeated, len(got.writes))

		By("having nothing to do when it is called again")
		before := len(got.writes)
		Expect(s.send("--state", s.state(), file).wait(time.Minute)).To(Equal(0))
		Expect(s.outcome().writes).To(HaveLen(before))
	})
})
