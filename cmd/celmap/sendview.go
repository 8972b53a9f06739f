package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/report"
	"github.com/celmap/celmap/internal/send"
)

// sendView shows people what a sender does: on a terminal one line that is written
// again and again, and messages above it. Without a terminal there are only messages.
type sendView struct {
	w     io.Writer
	line  bool // there is a terminal, and it may be written on
	paint report.Palette
	tally *send.Tally

	mu    sync.Mutex
	shown bool // the line stands there
}

// newSendView returns a view on standard error; quiet leaves out the line.
func newSendView(s *streams, tally *send.Tally, quiet bool) *sendView {
	return &sendView{w: s.err, line: !quiet && report.IsTerminal(s.err), paint: report.PaletteFor(s.err), tally: tally}
}

// log returns what operators are told through: on a terminal a line for people, else
// JSON, one object a line.
func (v *sendView) log(level slog.Level) *slog.Logger {
	if !report.IsTerminal(v.w) {
		return slog.New(slog.NewJSONHandler(v.w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(&spoken{view: v, level: level})
}

// spoken is a slog.Handler that writes messages for people: "celmap: warning: the
// message (reason: …)".
type spoken struct {
	view  *sendView
	level slog.Level
	with  []slog.Attr
}

func (h *spoken) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *spoken) Handle(_ context.Context, r slog.Record) error {
	text := "celmap: "
	switch {
	case r.Level >= slog.LevelError:
		text += h.view.paint.Red("error") + ": "
	case r.Level >= slog.LevelWarn:
		text += h.view.paint.Yellow("warning") + ": "
	}
	text += report.Plain(r.Message)
	var about []string
	note := func(a slog.Attr) bool {
		about = append(about, report.Plain(a.Key+": "+a.Value.String()))
		return true
	}
	for _, a := range h.with {
		note(a)
	}
	r.Attrs(note)
	if len(about) > 0 {
		text += " (" + strings.Join(about, ", ") + ")"
	}
	return h.view.say(text)
}

func (h *spoken) WithAttrs(more []slog.Attr) slog.Handler {
	return &spoken{view: h.view, level: h.level, with: append(slices.Clone(h.with), more...)}
}

func (h *spoken) WithGroup(string) slog.Handler { return h }

// say writes a message above the line.
func (v *sendView) say(text string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wipe()
	_, err := fmt.Fprintln(v.w, text)
	return err
}

func (v *sendView) wipe() {
	if v.shown {
		fmt.Fprint(v.w, "\r\x1b[K")
		v.shown = false
	}
}

// run keeps the line up to date until ctx ends, and wipes it out then. left tells how
// many events are in the queue, and whether more may come.
func (v *sendView) run(ctx context.Context, left func() (events int64, more bool)) {
	if !v.line {
		return
	}
	every := time.NewTicker(250 * time.Millisecond)
	defer every.Stop()
	last := v.tally.Figures(0)
	for {
		select {
		case <-ctx.Done():
			v.mu.Lock()
			defer v.mu.Unlock()
			v.wipe()
			return
		case <-every.C:
		}
		events, more := left()
		now := v.tally.Figures(events)
		line := progressLine(last, now, v.tally.Rate(), more)
		last = now
		v.mu.Lock()
		fmt.Fprint(v.w, "\r\x1b[K\x1b[?7l"+line+"\x1b[?7h") // a line that is too long is cut, not wrapped
		v.shown = true
		v.mu.Unlock()
	}
}

// progressLine returns
//
//	1,234 delivered, 12 filtered, 3 dead · 45,678 waiting · 4,120/s · about 11 s left
//
// and what keeps it from going on faster. more tells that events still come in.
func progressLine(before, now send.Figures, rate float64, more bool) string {
	e := now.Events
	parts := []string{grouped(e.Delivered) + " delivered"}
	for _, other := range []struct {
		n    int64
		name string
	}{{e.Filtered, "filtered"}, {e.Dead, "dead"}} {
		if other.n > 0 {
			parts[0] += ", " + grouped(other.n) + " " + other.name
		}
	}
	if e.Left > 0 {
		parts = append(parts, grouped(e.Left)+" waiting")
	}
	if n := len(now.Pauses); n > len(before.Pauses) || n > 0 && now.Pauses[n-1].Seconds > before.Pauses[len(before.Pauses)-1].Seconds {
		return strings.Join(append(parts, "paused: "+report.Plain(now.Pauses[n-1].Reason)), " · ")
	}
	if rate > 0 {
		parts = append(parts, grouped(int64(math.Round(rate)))+"/s")
		if e.Left > 0 && !more {
			parts = append(parts, "about "+inWords(time.Duration(float64(e.Left)/rate*float64(time.Second)))+" left")
		}
	}
	if why := heldUp(before, now); why != "" {
		parts = append(parts, "held up by: "+report.Plain(why))
	}
	return strings.Join(parts, " · ")
}

// heldUp returns for what requests waited most lately, if they mostly waited.
func heldUp(before, now send.Figures) string {
	why, most := "", (now.Seconds-before.Seconds)/2
	for name, seconds := range now.Waited {
		if d := seconds - before.Waited[name]; d > most && name != send.UnderWay {
			why, most = name, d
		}
	}
	return why
}

// inWords returns a time that nobody needs to know exactly: "4 s", "3 min", "2 h 10 min".
func inWords(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return strconv.Itoa(int(math.Ceil(d.Seconds()))) + " s"
	case d < 90*time.Minute:
		return strconv.Itoa(int(math.Round(d.Minutes()))) + " min"
	case d < 48*time.Hour:
		d = d.Round(10 * time.Minute)
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return strconv.Itoa(int(math.Round(d.Hours()/24))) + " days"
}

// grouped returns 1,234,567.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// printFigures writes the table at the end:
//
//	13 events in 1.2 s, 11 a second
//	  delivered  10
//	  filtered    1  Page events are not sent
//	  dead        2
//
//	  1 × rejected invalid_email: "not an address" is not an e-mail address
//	      rule mappings/hubspot/identify.yaml:37:5  invalid-email:
//	      such as 3-17-0  m-7  events.ndjson:7
//
//	6 requests: 5 × 200, 1 × 400; 2.3 events each, 3 sent again
func printFigures(w io.Writer, f send.Figures, p report.Palette) {
	e := f.Events
	var b strings.Builder
	took := time.Duration(f.Seconds * float64(time.Second))
	fmt.Fprintf(&b, "%s in %s, %s a second\n", p.Bold(grouped(e.Finished())+" "+plural(e.Finished(), "event")), precise(took), grouped(int64(math.Round(f.Rate))))
	type line struct {
		name  string
		n     int64
		about string
		paint func(string) string
	}
	plain := func(s string) string { return s }
	lines := []line{{"delivered", e.Delivered, "", p.Green}}
	if e.Warnings > 0 {
		lines[0].about = "with " + grouped(e.Warnings) + " " + plural(e.Warnings, "warning")
	}
	lines = append(lines, line{"filtered", e.Filtered, reasons(f.Filtered), p.Yellow}, line{"dead", e.Dead, "", p.Red})
	if e.Skipped > 0 {
		lines = append(lines, line{"skipped", e.Skipped, "read and stored by an earlier run already", plain})
	}
	if e.Left > 0 {
		lines = append(lines, line{"left", e.Left, "in the queue: celmap send goes on with them", p.Yellow})
	}
	width := 0
	for _, l := range lines {
		width = max(width, len(grouped(l.n)))
	}
	for _, l := range lines {
		paint := l.paint
		if l.n == 0 {
			paint = plain
		}
		text := fmt.Sprintf("  %-10s %*s", l.name, width, grouped(l.n))
		b.WriteString(paint(text))
		if l.about != "" {
			b.WriteString("  " + report.Plain(l.about))
		}
		b.WriteString("\n")
	}
	if len(f.Dead) > 0 {
		b.WriteString("\n")
	}
	for i, d := range f.Dead {
		if i == mostDead {
			fmt.Fprintf(&b, "  … and %d other kinds\n", len(f.Dead)-i)
			break
		}
		fmt.Fprintf(&b, "  %s %s\n", p.Red(grouped(d.Count)+" × "+string(d.Reason)), report.Plain(d.Code+": "+value.Shorten(d.Example.Message, 160)))
		if d.Rule != "" {
			fmt.Fprintf(&b, "      rule %s  %s\n", p.Faint(report.Plain(d.Rule)), report.Plain(d.Line))
		}
		which := "such as"
		if d.Count == 1 {
			which = "it is"
		}
		fmt.Fprintf(&b, "      %s %s\n", which, strings.Join(slices.DeleteFunc([]string{d.Example.ID, report.Plain(d.Example.MessageID), p.Faint(report.Plain(d.Example.Origin))}, func(s string) bool { return s == "" }), "  "))
	}
	if f.Requests.Total > 0 {
		fmt.Fprintf(&b, "\n%s\n", requestLine(f.Requests))
	}
	for _, pause := range f.Pauses {
		fmt.Fprintf(&b, "paused for %s: %s\n", inWords(time.Duration(pause.Seconds*float64(time.Second))), report.Plain(pause.Reason))
	}
	fmt.Fprint(w, b.String())
}

// mostDead is how many kinds of dead letters the table has.
const mostDead = 20

// reasons returns why events were filtered, the most frequent first.
func reasons(by map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
	if len(names) == 1 {
		return names[0]
	}
	for i, name := range names {
		names[i] = grouped(by[name]) + " × " + name
	}
	if len(names) > 5 {
		names = append(names[:5], "…")
	}
	return strings.Join(names, ", ")
}

func requestLine(r send.RequestFigures) string {
	statuses := slices.Sorted(maps.Keys(r.ByStatus))
	for i, s := range statuses {
		name := s
		if s == "none" {
			name = "no answer"
		}
		statuses[i] = grouped(r.ByStatus[s]) + " × " + name
	}
	text := grouped(r.Total) + " " + plural(r.Total, "request") + ": " + strings.Join(statuses, ", ") + fmt.Sprintf("; %.1f events each", float64(r.Items)/float64(r.Total))
	if r.Again > 0 {
		text += ", " + grouped(r.Again) + " sent again"
	}
	return text
}

func plural(n int64, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// precise returns a time as it is worth knowing afterwards: "0.42 s", "12.3 s", "2m3s".
func precise(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// writeReport writes the figures as JSON.
func writeReport(name string, f send.Figures) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, append(text, '\n'), 0o644); err != nil {
		return usage("--report: %w", err)
	}
	return nil
}
