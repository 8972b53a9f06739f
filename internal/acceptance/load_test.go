//go:build linux

package acceptance

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/hubspotstub"
	"github.com/celmap/celmap/internal/rudderserver"
)

const benchmarks = "../benchmark/testdata/"

// batchesOf puts the benchmark's events of a name into calls of a size, for one
// of its destinations.
func batchesOf(t testing.TB, name, config string, size int, compact bool) []*rudderserver.Transform {
	t.Helper()
	var destinations map[string]json.RawMessage
	text, err := os.ReadFile(benchmarks + "destinations.json")
	if err == nil {
		err = json.Unmarshal(text, &destinations)
	}
	if err != nil {
		t.Fatal(err)
	}
	var to bytes.Buffer
	if err := json.Compact(&to, destinations[config]); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(benchmarks + name + ".ndjson.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var calls []*rudderserver.Transform
	var jobs []rudderserver.Job
	for lines := json.NewDecoder(unpacked); ; {
		var line struct{ Message, Metadata json.RawMessage }
		err := lines.Decode(&line)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if err == nil {
			jobs = append(jobs, rudderserver.Job{Message: line.Message, Metadata: line.Metadata, Destination: to.Bytes()})
		}
		if len(jobs) == size || err != nil && len(jobs) > 0 {
			call, err := rudderserver.NewTransform("hs", jobs, compact)
			if err != nil {
				t.Fatal(err)
			}
			calls, jobs = append(calls, call), nil
		}
		if err != nil {
			return calls
		}
	}
}

// loaded is a server with the account of the benchmark's destinations, which has
// answered every call once by the rules.
func loaded(t testing.TB, calls []*rudderserver.Transform) *process {
	t.Helper()
	text, err := os.ReadFile(benchmarks + "properties-v3.json")
	var account struct {
		Results []map[string]any `json:"results"`
	}
	if err == nil {
		err = json.Unmarshal(text, &account)
	}
	if err != nil {
		t.Fatal(err)
	}
	hub := newHubSpot()
	t.Cleanup(hub.Close)
	a := hub.open()
	a.Stub = hubspotstub.New(hubspotstub.Portal{Properties: account.Results})
	hub.accounts.Store("made-up-bench-token", a)
	celmap := start(t, hub.connectTo()...)
	for _, call := range calls {
		answer, err := celmap.transform(call)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Status != http.StatusOK {
			t.Fatalf("a call was answered with %d", answer.Status)
		}
	}
	return celmap
}

// drive is load on a server.
type drive struct {
	calls   []*rudderserver.Transform
	client  *http.Client
	workers int
	pause   time.Duration // between the starts of two calls; 0: each worker starts when it is done
}

// driven is what came of it.
type driven struct {
	calls, events int
	took          time.Duration
	cpu           time.Duration // of the server
	latencies     []time.Duration
	failures      int
}

func (d driven) perEvent() float64 { return float64(d.cpu.Microseconds()) / float64(d.events) }

// latency is the one that a share of the calls stays below.
func (d driven) latency(share float64) time.Duration {
	slices.Sort(d.latencies)
	return d.latencies[min(len(d.latencies)-1, int(share*float64(len(d.latencies))))]
}

// against sends calls to a server for some time. Calls that come when all workers
// wait count from when they should have started, so that a server which stands
// still is seen in every latency.
func (d drive) against(celmap *process, length time.Duration) driven {
	var next, events atomic.Int64
	var mu sync.Mutex
	var all driven
	var wait sync.WaitGroup
	before, begun := celmap.usage(), time.Now()
	for range d.workers {
		wait.Go(func() {
			var own []time.Duration
			failures := 0
			for {
				n := next.Add(1) - 1
				due := time.Now()
				if d.pause > 0 {
					due = begun.Add(time.Duration(n) * d.pause)
					time.Sleep(time.Until(due))
				}
				if due.Sub(begun) > length {
					break
				}
				call := d.calls[int(n)%len(d.calls)]
				if status, err := post(d.client, celmap.url, call); err != nil || status != http.StatusOK {
					failures++
				} else {
					events.Add(int64(call.Size()))
				}
				own = append(own, time.Since(due))
			}
			mu.Lock()
			defer mu.Unlock()
			all.latencies, all.failures = append(all.latencies, own...), all.failures+failures
		})
	}
	wait.Wait()
	all.took, all.cpu = time.Since(begun), celmap.usage().cpu-before.cpu
	all.calls, all.events = len(all.latencies), int(events.Load())
	return all
}

// post sends a call and reads the answer without a look.
func post(client *http.Client, base string, call *rudderserver.Transform) (int, error) {
	request, err := http.NewRequest(call.Method, base+call.Path, bytes.NewReader(call.Body))
	if err != nil {
		return 0, err
	}
	request.Header = call.Header
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// staying is a client that keeps its connections.
func staying() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000, DisableCompression: true}}
}

// What make bench-serve expects: it sets BOUNDS, and wants a machine of its own.
const (
	transformer = 218.0 // µs of processor that rudder-transformer takes for an identify event over HTTP, in batches of 100
	times       = 10    // as many events in the same time, at least
	slowest     = 50 * time.Millisecond
)

var bounds = os.Getenv("BOUNDS") != ""

// BenchmarkServe measures what an event costs the server over HTTP, in time of
// the processor: that of the client does not count. What else runs on the machine
// only adds to it, so the best of some seconds is what is compared.
func BenchmarkServe(b *testing.B) {
	for _, c := range []struct {
		name, events, config string
		size                 int
		compact              bool
		client               *http.Client
	}{
		{"identify/100", "identify", "upsert", 100, true, staying()},
		{"identify/20", "identify", "upsert", 20, true, staying()},
		{"identify/100/plain", "identify", "upsert", 100, false, staying()},
		{"identify/20/plain", "identify", "upsert", 20, false, staying()},
		{"identify/20/closing", "identify", "upsert", 20, true, rudderserver.Client},
		{"identify/100/search", "identify", "search", 100, true, staying()},
		{"identify/100/legacy", "identify", "legacy", 100, true, staying()},
		{"track/100", "track", "upsert", 100, true, staying()},
		{"mixed/100", "mixed", "upsert", 100, true, staying()},
	} {
		b.Run(c.name, func(b *testing.B) {
			calls := batchesOf(b, c.events, c.config, c.size, c.compact)
			celmap := loaded(b, calls)
			d := drive{calls: calls, client: c.client, workers: 8}
			var all driven
			best := math.Inf(1)
			for b.Loop() {
				once := d.against(celmap, time.Second)
				best = min(best, once.perEvent())
				all.events, all.cpu, all.failures = all.events+once.events, all.cpu+once.cpu, all.failures+once.failures
			}
			if all.failures > 0 {
				b.Fatalf("%d calls failed", all.failures)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(all.perEvent(), "cpu-µs/event")
			b.ReportMetric(float64(all.events)/all.cpu.Seconds(), "events/cpu-s")
			b.ReportMetric(float64(celmap.usage().rss>>20), "MB")
			if c.events == "identify" {
				b.ReportMetric(transformer/best, "times-transformer")
			}
			if bounded := c.name == "identify/100" || c.name == "identify/20"; bounds && bounded && transformer/best < times {
				b.Errorf("an identify event takes %.1f µs in calls of %d, %.1f times less than rudder-transformer: at least %d times are expected", best, c.size, transformer/best, times)
			}
		})
	}
}

// BenchmarkServeLatency measures how long calls take at half of what this machine
// can do, client and all.
func BenchmarkServeLatency(b *testing.B) {
	for _, size := range []int{20, 100} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			calls := batchesOf(b, "identify", "upsert", size, true)
			celmap := loaded(b, calls)
			full := drive{calls: calls, client: staying(), workers: 8}.against(celmap, 2*time.Second)
			half := drive{calls: calls, client: staying(), workers: 64, pause: 2 * full.took / time.Duration(full.calls)}
			var all driven
			for b.Loop() {
				all.latencies = append(all.latencies, half.against(celmap, 2*time.Second).latencies...)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(full.events)/full.took.Seconds(), "events/s-full")
			b.ReportMetric(float64(all.latency(.5).Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(all.latency(.99).Microseconds())/1000, "p99-ms")
			if p99 := all.latency(.99); bounds && p99 >= slowest {
				b.Errorf("at half load 99 %% of the calls of %d take up to %v: less than %v is expected", size, p99, slowest)
			}
		})
	}
}

// ownCPU is the time that this process has spent on processors.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var _ = Describe("Under load", Label("time"), func() {
	It("an identify event over HTTP costs the server less than three quarters of what encoding/json takes to read and write it", func() {
		calls := batchesOf(GinkgoTB(), "identify", "upsert", 100, true)
		celmap := loaded(GinkgoTB(), calls)
		result := drive{calls: calls, client: staying(), workers: 4}.against(celmap, time.Second)
		Expect(result.failures).To(BeZero())

		begun, events := ownCPU(), 0
		for _, call := range calls {
			var body any
			Expect(json.Unmarshal(call.Body, &body)).To(Succeed())
			encoded(body)
			events += call.Size()
		}
		copying := float64((ownCPU() - begun).Microseconds()) / float64(events)
		AddReportEntry(fmt.Sprintf("%.1f µs of the server's processor an event, encoding/json %.1f µs", result.perEvent(), copying), ReportEntryVisibilityAlways)
		Expect(result.perEvent()).To(BeNumerically("<", .75*copying))
	})

	DescribeTable("an identify event over HTTP makes few allocations", func(size int, most float64) {
		if race {
			Skip("the race detector allocates, too")
		}
		calls := batchesOf(GinkgoTB(), "identify", "upsert", size, true)
		celmap := loaded(GinkgoTB(), calls)
		client := staying()
		made := func() float64 {
			n, err := celmap.metric("go_memstats_mallocs_total")
			Expect(err).NotTo(HaveOccurred())
			return n
		}
		before, events := made(), 0
		for range 5 {
			for _, call := range calls {
				Expect(post(client, celmap.url, call)).To(Equal(http.StatusOK))
				events += call.Size()
			}
		}
		each := (made() - before) / float64(events)
		AddReportEntry(fmt.Sprintf("%.2f allocations an event", each), ReportEntryVisibilityAlways)
		Expect(each).To(BeNumerically("<", most))
	},
		Entry("in calls of 100", 100, 3.5),
		Entry("in calls of 20", 20, 9.0),
	)

	// SOAK=10m go test -run TestAcceptance -ginkgo.focus 'memory' -timeout 30m
	It("the server's memory stays flat", func() {
		length := 2 * time.Second
		if text := os.Getenv("SOAK"); text != "" {
			var err error
			length, err = time.ParseDuration(text)
			Expect(err).NotTo(HaveOccurred())
		}
		calls := append(batchesOf(GinkgoTB(), "mixed", "upsert", 20, false), batchesOf(GinkgoTB(), "identify", "search", 100, true)...)
		celmap := loaded(GinkgoTB(), calls)
		d := drive{calls: calls, client: staying(), workers: 4}
		collections := func() float64 {
			n, err := celmap.metric("go_gc_duration_seconds_count")
			Expect(err).NotTo(HaveOccurred())
			return n
		}
		for begun := collections(); collections() < begun+4; { // until the heap has the size that it keeps
			Expect(d.against(celmap, 200*time.Millisecond).failures).To(BeZero())
		}
		const parts = 10
		var sizes []int64
		for i := range parts {
			result := d.against(celmap, length/parts)
			Expect(result.failures).To(BeZero())
			sizes = append(sizes, celmap.usage().rss>>20)
			if length > time.Minute {
				GinkgoWriter.Printf("after %v: %d MB, %.1f µs an event\n", time.Duration(i+1)*length/parts, sizes[i], result.perEvent())
			}
		}
		AddReportEntry(fmt.Sprintf("megabytes over %v: %v", length, sizes), ReportEntryVisibilityAlways)
		Expect(float64(sizes[parts-1])).To(BeNumerically("<", 1.3*float64(slices.Max(sizes[:parts/2]))))
	})
})
