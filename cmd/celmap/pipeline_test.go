package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("celmap map", func() {
	var config string

	BeforeEach(func() {
		config = GinkgoT().TempDir() + "/config.yaml"
		Expect(os.WriteFile(config, []byte("token: s3cret"), 0o600)).To(Succeed())
	})

	// args are those of a run over stdin with the rules of testdata.
	args := func(more ...string) []string {
		return append([]string{"map", "--quiet", "--mapping", "testdata/rules", "--config", config}, more...)
	}

	It("keeps the order of many events on all cores", func() {
		const n = 20_000
		var events strings.Builder
		for i := range n {
			if i%97 == 0 {
				events.WriteString("no event\n")
				continue
			}
			fmt.Fprintf(&events, `{"type":"track","messageId":"m-%d","properties":{"text":"%s"}}`+"\n", i, strings.Repeat("x", i%300+1))
		}
		var out, complaints bytes.Buffer
		Expect(run(args("--batch-size", "7"), &streams{strings.NewReader(events.String()), &out, &complaints})).To(Equal(exitDone), complaints.String())
		decoder := json.NewDecoder(&out)
		for i := range n {
			var result struct {
				Index             int
				MessageID, Status string
			}
			Expect(decoder.Decode(&result)).To(Succeed())
			Expect(result.Index).To(Equal(i))
			if i%97 == 0 {
				Expect(result.Status).To(Equal("rejected"))
			} else {
				Expect(result.MessageID).To(Equal(fmt.Sprint("m-", i)))
				Expect(result.Status).To(Equal("mapped"))
			}
		}
		Expect(decoder.More()).To(BeFalse())
	})

	It("answers each event of a live stream at once", func() {
		events, in := io.Pipe()
		out, results := io.Pipe()
		code := make(chan int)
		go func() {
			code <- run(args(), &streams{events, results, io.Discard})
			results.Close()
		}()
		decoder := json.NewDecoder(out)
		for i := range 3 {
			fmt.Fprintf(in, `{"type":"track","messageId":"m-%d","properties":{"text":"x"}}`+"\n", i)
			var result struct{ MessageID string }
			Expect(decoder.Decode(&result)).To(Succeed())
			Expect(result.MessageID).To(Equal(fmt.Sprint("m-", i)))
		}
		in.Close()
		Expect(<-code).To(Equal(exitDone))
	})

	It("rejects an event that is too large, and goes on", func() {
		var out, complaints bytes.Buffer
		events := `{"type":"page"}` + "\n" + `{"text":"` + strings.Repeat("x", 5<<20) + `"}` + "\n" + `{"type":"page"}`
		Expect(run([]string{"map", "--mapping", "testdata/rules"}, &streams{strings.NewReader(events), &out, &complaints})).To(Equal(exitDone))
		Expect(strings.Split(out.String(), "\n")[1]).To(Equal(`{"index":1,"messageId":"","status":"rejected","error":{"code":"event_too_large","status":400,` +
			`"message":"line 2 of stdin: the event has more than 4194304 bytes, which is the most that is accepted: send less data in one event"}}`))
		Expect(complaints.String()).To(Equal("3 events: 0 mapped, 1 rejected, 2 filtered\n  rejected: 1 event_too_large\n"))
	})

	It("rejects an event whose own config cannot be used, and goes on", func() {
		event := `{"message":{"type":"page"},"destination":{"Config":{%s}}}` + "\n"
		text := strings.Repeat("\u2028", 349_000) // twice as long when it is escaped
		large := fmt.Sprintf(event, fmt.Sprintf(`"a":"%s","b":"%[1]s","c":"%[1]s"`, text))
		for _, events := range []string{`{"type":"page"}` + "\n" + large + `{"type":"page"}`, fmt.Sprintf(event, `"a":1`) + large + fmt.Sprintf(event, `"a":2`)} {
			for _, batch := range []string{"--batch", "--batch-size=2"} {
				var out, complaints bytes.Buffer
				Expect(run([]string{"map", "--mapping", "testdata/rules", batch}, &streams{strings.NewReader(events), &out, &complaints})).To(Equal(exitDone))
				Expect(complaints.String()).To(Equal("3 events: 0 mapped, 1 rejected, 2 filtered\n  rejected: 1 invalid_config\n"))
				Expect(strings.Split(out.String(), "\n")[1]).To(HavePrefix(`{"index":1,"messageId":"","status":"rejected","error":{"code":"invalid_config","status":400,"message":"line 2 of stdin: config: `))
			}
		}
	})

	It("stops when its results cannot be written", func() {
		var complaints bytes.Buffer
		events := io.MultiReader(strings.NewReader(strings.Repeat(`{"type":"page"}`+"\n", 100_000)))
		Expect(run(args(), &streams{events, &fullDisk{}, &complaints})).To(Equal(exitInternal))
		Expect(complaints.String()).To(Equal("celmap: the results cannot be written: disk full\n"))
	})

	It("needs no more memory for a long stream than for a short one", func() {
		defer debug.SetGCPercent(debug.SetGCPercent(20))
		event := `{"type":"track","messageId":"m","properties":{"text":"` + strings.Repeat("x", 4000) + `"}}` + "\n"
		most := &heapWatch{}
		events := io.MultiReader(strings.NewReader(`[`), &repeated{event: event[:len(event)-1] + ",", n: 20_000}, strings.NewReader(event+`]`)) // 80 MB
		Expect(run(args(), &streams{events, most, io.Discard})).To(Equal(exitDone))
		Expect(most.written).To(BeNumerically(">", 80<<20))
		GinkgoWriter.Println("heap", most.heap)
		Expect(most.heap).To(BeNumerically("<", 48<<20))
	})
})

// fullDisk takes a few writes, and no more.
type fullDisk struct{ n int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.n++; d.n > 3 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

// repeated gives an event n times.
type repeated struct {
	event string
	n, at int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.event[r.at:])
	if r.at += n; r.at == len(r.event) {
		r.at = 0
		r.n--
	}
	return n, nil
}

// heapWatch keeps the greatest size of the heap among its writes.
type heapWatch struct{ written, writes, heap uint64 }

func (w *heapWatch) Write(p []byte) (int, error) {
	w.written += uint64(len(p))
	if w.writes++; w.writes%50 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.heap = max(w.heap, m.HeapAlloc)
	}
	return len(p), nil
}
