//go:build unix

// Package benchmark measures the hot path: the shipped HubSpot rules over 2,000
// varied events, from the bytes of an event to the bytes of its result.
package benchmark

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

// connection binds the built-in rules to one of the configs in testdata.
func connection(tb testing.TB, name string) *engine.Connection {
	tb.Helper()
	folder, err := fs.Sub(mappings.FS, "hubspot")
	if err != nil {
		tb.Fatal(err)
	}
	events, err := fs.Sub(schemas.FS, "events")
	if err != nil {
		tb.Fatal(err)
	}
	program, err := engine.Load(folder, engine.WithEvents("rudderstack", events))
	if err != nil {
		tb.Fatal(err)
	}
	var destinations map[string]struct{ Config json.RawMessage }
	data, err := os.ReadFile("testdata/destinations.json")
	if err == nil {
		err = json.Unmarshal(data, &destinations)
	}
	if err != nil {
		tb.Fatal(err)
	}
	properties, err := os.ReadFile("testdata/properties-v3.json")
	if err != nil {
		tb.Fatal(err)
	}
	c, err := program.Bind(engine.Settings{
		Config: destinations[name].Config,
		Portal: map[string][]byte{"contactProperties": properties},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// batches reads a file of events in batches of 100.
func batches(tb testing.TB, name string) [][]engine.Input {
	tb.Helper()
	f, err := os.Open("testdata/" + name + ".ndjson.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	var out [][]engine.Input
	var batch []engine.Input
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for i := 0; lines.Scan(); i++ {
		if batch = append(batch, engine.Input{JSON: bytes.Clone(lines.Bytes()), Index: i}); len(batch) == 100 {
			out, batch = append(out, batch), nil
		}
	}
	return out
}

// run maps a batch to bytes, the way `celmap map` does.
func run(c *engine.Connection, inputs []engine.Input, buffer []byte) []byte {
	output := c.Plan(inputs).Map()
	results := output.Results()
	for i := range results {
		buffer = results[i].AppendJSON(buffer)
	}
	output.Release()
	return buffer
}

func benchmark(b *testing.B, config, events string) {
	c, all := connection(b, config), batches(b, events)
	var buffer []byte
	for _, batch := range all { // what is remembered per key is part of a running system
		buffer = run(c, batch, buffer[:0])
	}
	b.ReportAllocs()
	b.ResetTimer()
	started := cpuTime()
	for i := 0; b.Loop(); i++ {
		buffer = run(c, all[i%len(all)], buffer[:0])
	}
	// The processor's time does not suffer from what else the machine does.
	b.ReportMetric(float64((cpuTime()-started).Nanoseconds())/float64(b.N)/100, "cpu-ns/event")
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

func BenchmarkIdentify(b *testing.B)       { benchmark(b, "upsert", "identify") }
func BenchmarkIdentifyLegacy(b *testing.B) { benchmark(b, "legacy", "identify") }
func BenchmarkTrack(b *testing.B)          { benchmark(b, "upsert", "track") }
func BenchmarkMixed(b *testing.B)          { benchmark(b, "upsert", "mixed") }

// BenchmarkSearch makes the search for the contacts of a batch, and reads its
// answer: as many contacts as keys.
func BenchmarkSearch(b *testing.B) {
	c := connection(b, "search")
	var events []engine.Input
	for i := range 100 {
		events = append(events, engine.Input{JSON: fmt.Appendf(nil, `{"type":"identify","userId":"u","traits":{"email":"p%d@example.com","account_id":"A-%d"}}`, i, i)})
	}
	batch := c.Plan(events)
	defer batch.Release()
	questions := batch.Questions()
	answer := []byte(`{"results":[`)
	for i, q := range questions {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = fmt.Appendf(answer, `{"id":"%d","createdAt":"2024-01-01T00:00:00Z","properties":{%q:%q,"hs_additional_emails":null}}`, i, q.With.Get("property").Text(), q.Key)
	}
	answer = append(answer, "]}"...)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		for _, call := range c.Calls(questions) {
			if _, err := call.Read(engine.Answer{Status: 200, Body: answer}); err != nil {
				b.Fatal(err)
			}
			if replies := call.Replies(); string(replies[0].Answer) == "" {
				b.Fatal("nothing is found")
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(questions)), "ns/key")
	b.ReportMetric(float64(len(questions)), "keys")
}

// TestAllocations gates what the issue of speed turns on: 30 allocations an
// event at most, wherever it runs.
func TestAllocations(t *testing.T) {
	c, all := connection(t, "upsert"), batches(t, "identify")
	buffer := make([]byte, 0, 4<<20)
	for _, batch := range all {
		run(c, batch, buffer[:0])
	}
	next := 0
	perBatch := testing.AllocsPerRun(40, func() {
		run(c, all[next%len(all)], buffer[:0])
		next++
	})
	if perEvent := perBatch / 100; perEvent > 30 {
		t.Errorf("an identify event takes %.1f allocations, at most 30 are allowed", perEvent)
	}
}
