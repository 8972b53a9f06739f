package queue_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/celmap/celmap/internal/queue"
)

// processor is how long this process has used processors.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is how much memory this process has now, in bytes.
func resident() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages float64
	fmt.Sscan(string(text), &size, &pages)
	return pages * float64(os.Getpagesize())
}

var padding = strings.Repeat("x", 1000)

// sample is event i of people, with about 1 KB.
func sample(i, people int) queue.Event {
	p := i % people
	user := fmt.Sprint("user-", p)
	email := user + "@example.com"
	return queue.Event{
		JSON:    []byte(fmt.Sprintf(`{"n":%d,"pad":%q}`, i, padding)),
		Keys:    []string{email, user, "anonymous-" + user},
		Teaches: []queue.Memory{{Lookup: "identity", Key: user, Value: email}},
		Asks:    []queue.Memory{{Lookup: "identity", Key: user}},
		Origin:  fmt.Sprint("events.ndjson:", i),
	}
}

// BenchmarkQueue puts events of 5,000 people in, takes them out and finishes them, a hundred at
// a time: all at once, as celmap send does.
func BenchmarkQueue(b *testing.B) {
	ctx := context.Background()
	q, err := queue.Open(ctx, queue.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	in, err := q.Intake(ctx, queue.Source{Name: "events.ndjson"})
	if err != nil {
		b.Fatal(err)
	}
	w, err := q.Work(ctx)
	if err != nil {
		b.Fatal(err)
	}
	events := make([]queue.Event, 20000)
	for i := range events {
		events[i] = sample(i, 5000)
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := processor()
	var done sync.WaitGroup
	done.Go(func() {
		for i := range b.N {
			if err := in.Put(ctx, events[i%len(events)]); err != nil {
				b.Error(err)
			}
			if i%1000 == 0 {
				in.Mark(queue.Cursor{})
			}
		}
		if err := in.Flush(ctx); err != nil {
			b.Error(err)
		}
	})
	for n := 0; n < b.N; {
		items, err := w.Next(ctx, 100)
		if err != nil {
			b.Fatal(err)
		}
		n += len(items)
		done.Go(func() {
			if err := w.Finish(ctx, ids(items), nil); err != nil {
				b.Error(err)
			}
		})
	}
	done.Wait()
	b.StopTimer()
	b.ReportMetric(float64(processor()-before)/float64(b.N)/1000, "µs-cpu/event")
	b.ReportMetric(resident()/1e6, "MB")
}

// BenchmarkBacklog stores a million events of as many people, and tells the memory that it takes.
func BenchmarkBacklog(b *testing.B) {
	for _, people := range []int{5_000, 1_000_000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			ctx := context.Background()
			q, err := queue.Open(ctx, queue.Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer q.Close()
			w, err := q.Work(ctx)
			if err != nil {
				b.Fatal(err)
			}
			const many = 1_000_000
			for range b.N {
				before, most := processor(), 0.0
				in, err := q.Intake(ctx, queue.Source{})
				if err != nil {
					b.Fatal(err)
				}
				for i := range many {
					if err := in.Put(ctx, sample(i, people)); err != nil {
						b.Fatal(err)
					}
					if i%1000 == 0 {
						most = max(most, resident())
					}
				}
				if err := in.Flush(ctx); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(processor()-before)/many/1000, "µs-cpu/event-in")
				b.ReportMetric(most/1e6, "MB-in")
				before, most = processor(), 0
				for n := 0; n < many; {
					items, err := w.Next(ctx, 1000)
					if err != nil {
						b.Fatal(err)
					}
					if err := w.Finish(ctx, ids(items), nil); err != nil {
						b.Fatal(err)
					}
					n += len(items)
					most = max(most, resident())
				}
				b.ReportMetric(float64(processor()-before)/many/1000, "µs-cpu/event-out")
				b.ReportMetric(most/1e6, "MB-out")
			}
		})
	}
}
