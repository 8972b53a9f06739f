//go:build unix

package rudder_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/rudder"
)

// benchmarks is where the events and destinations of benchmarks are.
const benchmarks = "../benchmark/testdata/"

// bodies puts the events of a file into /routerTransform bodies of n jobs each,
// as rudder-server writes them: plain, so that each job repeats its destination.
func bodies(tb testing.TB, events string, n int) [][]byte {
	tb.Helper()
	f, err := os.Open(benchmarks + events + ".ndjson.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	var destinations map[string]json.RawMessage
	text, err := os.ReadFile(benchmarks + "destinations.json")
	if err == nil {
		err = json.Unmarshal(text, &destinations)
	}
	if err != nil {
		tb.Fatal(err)
	}
	var destination bytes.Buffer
	if err := json.Compact(&destination, destinations["upsert"]); err != nil {
		tb.Fatal(err)
	}
	var all [][]byte
	var jobs [][]byte
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		jobs = append(jobs, fmt.Appendf(nil, `%s,"destination":%s,"connection":{"sourceId":"2benchSource","destinationId":"2bench","enabled":true,"processorEnabled":true,"config":{}}}`,
			bytes.TrimSuffix(lines.Bytes(), []byte("}")), destination.Bytes()))
		if len(jobs) == n {
			all = append(all, fmt.Appendf(nil, `{"input":[%s],"destType":"hs"}`, bytes.Join(jobs, []byte(","))))
			jobs = nil
		}
	}
	if lines.Err() != nil || len(all) == 0 {
		tb.Fatal("no events", lines.Err())
	}
	return all
}

// bound maps with settings that were bound before.
type bound struct{ connection *engine.Connection }

func (m bound) Map(_ context.Context, _ lookup.Destination, events []engine.Input) (*engine.Output, error) {
	return m.connection.Plan(events).Map(), nil
}

// timing is a mapper whose own time is known.
type timing struct {
	bound
	spent *time.Duration
}

func (m timing) Map(ctx context.Context, d lookup.Destination, events []engine.Input) (*engine.Output, error) {
	started := cpuTime()
	out, err := m.bound.Map(ctx, d, events)
	out.Elements() // of mapping, too
	*m.spent += cpuTime() - started
	return out, err
}

func hubspot(tb testing.TB) *rudder.Transformer {
	tb.Helper()
	program := builtin("hubspot")
	properties, err := os.ReadFile(benchmarks + "properties-v3.json")
	if err != nil {
		tb.Fatal(err)
	}
	var destinations map[string]struct{ Config json.RawMessage }
	text, err := os.ReadFile(benchmarks + "destinations.json")
	if err == nil {
		err = json.Unmarshal(text, &destinations)
	}
	if err != nil {
		tb.Fatal(err)
	}
	c, err := program.Bind(engine.Settings{Config: destinations["upsert"].Config, Portal: map[string][]byte{"contactProperties": properties}})
	if err != nil {
		tb.Fatal(err)
	}
	return &rudder.Transformer{Type: "hs", Program: program, Mapper: bound{c}}
}

func benchmark(b *testing.B, events string, n int) {
	t, all := hubspot(b), bodies(b, events, n)
	var spent time.Duration
	t.Mapper = timing{bound: t.Mapper.(bound), spent: &spent}
	var answer []byte
	run := func(i int) {
		var err error
		if answer, err = t.Router(context.Background(), answer[:0], all[i%len(all)], false); err != nil {
			b.Fatal(err)
		}
	}
	for i := range all {
		run(i)
	}
	spent = 0
	b.ReportAllocs()
	b.ResetTimer()
	started := cpuTime()
	for i := 0; b.Loop(); i++ {
		run(i)
	}
	// The processor's time does not suffer from what else the machine does.
	took, count := cpuTime()-started, float64(b.N*n)
	b.ReportMetric(float64(took.Nanoseconds())/count, "cpu-ns/event")
	b.ReportMetric(float64((took-spent).Nanoseconds())/count, "beside-mapping-cpu-ns/event")
	b.ReportMetric(0, "ns/op")
}

// cpuTime is the time that this process has spent on processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkIdentify1(b *testing.B)   { benchmark(b, "identify", 1) }
func BenchmarkIdentify20(b *testing.B)  { benchmark(b, "identify", 20) }
func BenchmarkIdentify100(b *testing.B) { benchmark(b, "identify", 100) }
func BenchmarkTrack100(b *testing.B)    { benchmark(b, "track", 100) }
func BenchmarkMixed100(b *testing.B)    { benchmark(b, "mixed", 100) }

// TestAllocations gates what grows with every event: reading, mapping and
// writing.
func TestAllocations(t *testing.T) {
	transformer, all := hubspot(t), bodies(t, "identify", 100)
	answer := make([]byte, 0, 4<<20)
	next := 0
	run := func() {
		if _, err := transformer.Router(context.Background(), answer, all[next%len(all)], false); err != nil {
			t.Fatal(err)
		}
		next++
	}
	for range all {
		run()
	}
	if perEvent := testing.AllocsPerRun(40, run) / 100; perEvent > 6 {
		t.Errorf("an identify event takes %.1f allocations, at most 6 are allowed", perEvent)
	}
}
