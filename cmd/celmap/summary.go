package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/report"
)

// counts says what became of events.
type counts struct {
	Events, Mapped, Rejected, Filtered, Warnings int

	codes map[string]int // of rejections
}

func (c *counts) count(o outcome) {
	n := counts{Events: o.events, Warnings: len(o.Warnings)}
	switch o.Status {
	case engine.Mapped:
		n.Mapped = o.events
	case engine.Filtered:
		n.Filtered = o.events
	case engine.Rejected:
		n.Rejected = o.events
		n.codes = map[string]int{o.Error.Code: o.events}
	}
	c.add(n)
}

func (c *counts) add(more counts) {
	c.Events += more.Events
	c.Mapped += more.Mapped
	c.Rejected += more.Rejected
	c.Filtered += more.Filtered
	c.Warnings += more.Warnings
	for code, n := range more.codes {
		if c.codes == nil {
			c.codes = make(map[string]int)
		}
		c.codes[code] += n
	}
}

// print writes
//
//	12 events: 10 mapped, 1 rejected, 1 filtered
//	  rejected: 1 missing_email
//	  3 warnings
func (c *counts) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %s mapped, %s rejected, %s filtered\n", amount(c.Events, "event"), grouped(int64(c.Mapped)), grouped(int64(c.Rejected)), grouped(int64(c.Filtered)))
	if len(c.codes) > 0 {
		fmt.Fprintf(w, "  rejected: %s\n", byCode(c.codes))
	}
	if c.Warnings > 0 {
		fmt.Fprintf(w, "  %s\n", amount(c.Warnings, "warning"))
	}
}

// byCode lists codes with their counts, the most frequent first: "2 a, 1 b".
func byCode(codes map[string]int) string {
	type entry struct {
		code string
		n    int
	}
	var entries []entry
	for code, n := range codes {
		entries = append(entries, entry{code, n})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.code, b.code))
	})
	words := make([]string, len(entries))
	for i, e := range entries {
		words[i] = grouped(int64(e.n)) + " " + e.code
	}
	return strings.Join(words, ", ")
}

// amount returns "1 event", "2,000 events".
func amount(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return grouped(int64(n)) + " " + noun
}

// progress shows on a terminal how far a run is. The zero progress is silent.
type progress struct {
	w     io.Writer
	last  time.Time
	shown bool
}

// progressFor returns a silent progress where the results go to a terminal too.
func progressFor(s *streams) progress {
	if !report.IsTerminal(s.err) || report.IsTerminal(s.out) {
		return progress{}
	}
	return progress{w: s.err, last: time.Now()}
}

func (p *progress) show(events int) {
	if p.w == nil || time.Since(p.last) < 200*time.Millisecond {
		return
	}
	p.last, p.shown = time.Now(), true
	fmt.Fprintf(p.w, "\r%s …", amount(events, "event"))
}

// end makes room for the summary.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
