//go:build linux

package soak

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// door is where a sender takes events over HTTP; that changes each time it is started.
type door struct {
	url          atomic.Pointer[string] // nil while there is none
	acknowledged atomic.Int64           // events, of all producers
}

// wait waits until the door is open, and returns its address.
func (d *door) wait() string {
	GinkgoHelper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if url := d.url.Load(); url != nil {
			if response, err := http.Get(*url + "/health"); err == nil {
				response.Body.Close()
				return *url
			}
		}
	}
	Fail("no sender takes events")
	return ""
}

// producer sends events to a door, each request after the answer to the one before,
// as an SDK does or as a webhook destination, which share the work with luck.
type producer struct {
	*door
	random *rand.Rand
	lines  [][]byte
	first  int  // the number of its first line, less one
	again  bool // a request is sent until it is acknowledged; else each is sent once

	sent         []int // by line: how often
	acknowledged []bool
}

// run sends all.
func (p *producer) run() {
	GinkgoHelper()
	p.sent, p.acknowledged = make([]int, len(p.lines)), make([]bool, len(p.lines))
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	for next := 0; next < len(p.lines); {
		numbers, path, body := p.request(next)
		next = numbers[len(numbers)-1] + 1
		if body == nil {
			continue
		}
		for {
			url := p.wait()
			for _, i := range numbers {
				p.sent[i]++
			}
			if p.post(client, url+path, body) {
				for _, i := range numbers {
					p.acknowledged[i] = true
				}
				p.door.acknowledged.Add(int64(len(numbers)))
				break
			}
			if !p.again {
				break
			}
		}
	}
}

// post sends a request, and tells whether it was acknowledged.
func (p *producer) post(client *http.Client, url string, body []byte) bool {
	GinkgoHelper()
	response, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body) // the status is what counts
	Expect(response.StatusCode).To(BeElementOf(http.StatusOK, http.StatusServiceUnavailable), "%s to %s: %s", body, url, text)
	return response.StatusCode == http.StatusOK
}

// request makes a request of the events from a line on. One without a body stands for
// a line that is no event, which no producer sends.
func (p *producer) request(from int) (numbers []int, path string, body []byte) {
	GinkgoHelper()
	whose := map[string]bool{}
	var batch []json.RawMessage
	most := 1
	if p.random.IntN(3) == 0 {
		most = 1 + p.random.IntN(20)
	}
	gateway := p.random.IntN(2) == 0
	kind := ""
	for i := from; i < len(p.lines) && len(batch) < most; i++ {
		var e struct {
			Type, MessageID, UserID, AnonymousID string
			Traits                               struct{ Email string }
			Context                              struct{ Traits struct{ Email string } }
		}
		if json.Unmarshal(p.lines[i], &e) != nil || e.MessageID == "" {
			break
		}
		// To a gateway somebody does something; a webhook passes on whatever it gets.
		if nobody := e.UserID == "" && e.AnonymousID == ""; gateway && nobody {
			if len(batch) > 0 {
				break
			}
			gateway = false
		}
		// A batch that is sent twice sets back whom it is about twice.
		email := strings.ToLower(e.Traits.Email + e.Context.Traits.Email)
		if p.again && whose[email] {
			break
		}
		whose[email] = true
		numbers, batch, kind = append(numbers, i), append(batch, p.lines[i]), e.Type
	}
	switch {
	case len(batch) == 0:
		return []int{from}, "", nil
	case len(batch) == 1 && gateway && kind != "" && p.random.IntN(3) > 0:
		return numbers, "/v1/" + kind, batch[0]
	case len(batch) == 1 && !gateway:
		return numbers, p.path(), batch[0]
	case !gateway && p.random.IntN(2) == 0:
		body, err := json.Marshal(batch)
		Expect(err).NotTo(HaveOccurred())
		return numbers, p.path(), body
	}
	body, err := json.Marshal(map[string]any{"batch": batch, "sentAt": time.Now()})
	Expect(err).NotTo(HaveOccurred())
	if gateway {
		return numbers, "/v1/batch", body
	}
	return numbers, p.path(), body
}

// path is one of those that a webhook may be given.
func (p *producer) path() string {
	return []string{"/", "/hook", "/from/rudderstack?x=1"}[p.random.IntN(3)]
}

// taken finds the lines of the events that were taken: those that were acknowledged,
// and of the others those that have left a trace. The others are nil.
func (p *producer) taken(o outcome) [][]byte {
	traces := map[string]bool{}
	emails := map[string]string{}
	for email, contact := range o.contacts {
		emails[contact["hs_object_id"]] = email
	}
	for _, one := range o.writes {
		traces[emails[one.id]+" "+one.properties["followercount"]] = true
	}
	for _, one := range o.orders {
		traces[strconv.Itoa(one.line)] = true
	}
	for _, line := range o.dead {
		traces[strconv.Itoa(line)] = true
	}
	all := slices.Clone(p.lines)
	for i, line := range all {
		if p.acknowledged[i] {
			continue
		}
		var e struct {
			Traits, Context struct {
				Email         string
				FollowerCount any
				Traits        struct {
					Email         string
					FollowerCount any
				}
			}
		}
		_ = json.Unmarshal(line, &e) // what is no event has left no trace
		traits := e.Traits
		if traits.Email == "" {
			traits.Email, traits.FollowerCount = e.Context.Traits.Email, e.Context.Traits.FollowerCount
		}
		trace := strings.ToLower(traits.Email) + " "
		if count, is := traits.FollowerCount.(float64); is {
			trace += strconv.Itoa(int(count))
		}
		if !traces[strconv.Itoa(p.first+i+1)] && !traces[trace] {
			all[i] = nil
		}
	}
	return all
}

var _ = Describe("A sender that is killed while producers send to it over HTTP", func() {
	It("delivers every event that it acknowledged, in the order of its contact", func() {
		const seed = 9
		s := newScene(seed, "--faults", "0.02", "--seed", "17")
		d := &door{}
		var producers []*producer
		total := 0
		for i := range sized(6, 12) {
			c := crowd{events: sized(250, 3_000), contacts: sized(30, 300), poisoned: .04, tracks: .3, seed: seed + uint64(i), after: total}
			producers = append(producers, &producer{door: d, random: rand.New(rand.NewPCG(seed, uint64(i))), lines: c.lines(), first: total, again: i%2 == 0})
			total += c.events
		}

		begun := time.Now()
		var sender *process
		start := func() { sender = s.send("--state", s.state(), "--listen", "127.0.0.1:0") }
		open := func() {
			url := sender.address()
			d.url.Store(&url)
		}
		start()
		var producing sync.WaitGroup
		for _, p := range producers {
			producing.Go(func() {
				defer GinkgoRecover()
				p.run()
			})
		}
		done := make(chan struct{})
		go func() { producing.Wait(); close(done) }()
		open()
		kills, stops := 0, 0
		for _, moment := range s.moments(sized(5, 20), total*8/10) {
			for d.acknowledged.Load() < int64(moment) {
				select {
				case <-done:
					Fail("the producers have ended early")
				case <-sender.over:
					Fail("celmap send has ended: " + sender.stderr())
				case <-time.After(time.Millisecond):
				}
			}
			// It may come to its end in order as well: what it acknowledges meanwhile counts.
			if s.random.IntN(4) == 0 {
				Expect(sender.cmd.Process.Signal(syscall.SIGTERM)).To(Succeed())
				Expect(sender.wait(time.Minute)).To(Equal(0), sender.stderr())
				stops++
			} else {
				sender.kill()
				kills++
			}
			d.url.Store(nil)
			start()
			if s.random.IntN(3) == 0 { // once more, while it starts
				select {
				case <-sender.ready:
				case <-time.After(time.Duration(s.random.IntN(400)) * time.Millisecond):
				}
				sender.kill()
				kills++
				start()
			}
			open()
		}
		Eventually(done, time.Minute).Should(BeClosed())
		sender.kill()
		drain := s.send("--state", s.state(), s.file("none.ndjson", nil))
		Expect(drain.wait(5*time.Minute)).To(Equal(0), drain.stderr())
		took := time.Since(begun)

		got := s.outcome()
		got.dead = deadLetters("--state", s.state())
		var lines [][]byte
		acknowledged, lost, repeated := 0, map[int][]byte{}, map[int]bool{}
		for _, p := range producers {
			taken := p.taken(got)
			lines = append(lines, taken...)
			for i, n := range p.sent {
				switch {
				case p.acknowledged[i]:
					acknowledged++
				case n > 0 && taken[i] == nil:
					lost[p.first+i+1] = p.lines[i]
				}
				repeated[p.first+i+1] = n > 1
			}
		}
		// An event that was taken twice and cannot be delivered has two letters.
		slices.Sort(got.dead)
		got.dead = slices.CompactFunc(got.dead, func(a, b int) bool { return a == b && repeated[a] })
		want := expected(lines)
		want.concede(got, lines, lost)
		Expect(want.faults(got)).To(BeEmpty())
		say("%d kills and %d ends in order, %v; %d events were acknowledged, %d others were not taken", kills, stops, took.Round(time.Millisecond), acknowledged, len(lost))
		s.figures(want, got, took)
	})
})
