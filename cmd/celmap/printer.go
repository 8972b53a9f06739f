package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	codes "github.com/celmap/celmap/docs/errors"
	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/report"
)

// printer writes results: as JSON for programs, or as text for people, in which
// no secret is shown.
type printer struct {
	text bool
	report.Palette
}

// outcome appends an outcome, which ends with a line break.
func (p printer) outcome(dst []byte, o outcome) []byte {
	switch {
	case p.text:
		return append(dst, p.textOf(o)...)
	case o.element != nil:
		return append(o.element.AppendJSON(dst), '\n')
	}
	return append(o.AppendJSON(dst), '\n')
}

// title names the events of an outcome.
func (o outcome) title() string {
	indexes, ids := []int{o.Index}, []string{o.MessageID}
	if o.element != nil {
		indexes, ids = o.element.Indexes, o.element.MessageIDs
	}
	words := make([]string, len(indexes))
	for i := range indexes {
		words[i] = "event " + strconv.Itoa(indexes[i])
		if ids[i] != "" {
			words[i] += " (" + report.Plain(ids[i]) + ")"
		}
	}
	return strings.Join(words, ", ")
}

func (p printer) textOf(r outcome) string {
	var b strings.Builder
	paint := p.Green
	switch r.Status {
	case engine.Rejected:
		paint = p.Red
	case engine.Filtered:
		paint = p.Yellow
	}
	b.WriteString(p.Bold(r.title()) + ": " + paint(r.Status.String()))
	if r.Status == engine.Filtered && r.Reason != "" {
		b.WriteString(": " + report.Plain(r.Reason))
	}
	b.WriteString("\n")
	for i := range r.Requests {
		p.request(&b, r.Requests[i].Descriptor)
	}
	for _, w := range r.Warnings {
		b.WriteString("  " + p.Yellow("warning") + " ")
		about := w.Message
		if w.Target != "" {
			about = w.Target + ": " + about
		}
		p.finding(&b, w.Code, about, w.Path)
		if w.Rule != nil {
			b.WriteString("    rule " + p.Faint(report.Plain(w.Rule.Place)) + line(w.Rule.Span) + "\n")
		}
	}
	if r.Error != nil {
		b.WriteString("  " + p.Red("error") + " ")
		p.finding(&b, r.Error.Code, r.Error.Message, r.Error.Path)
		if r.Error.Rule != nil {
			b.WriteString("    rule " + p.Faint(report.Plain(r.Error.Rule.Place)) + "\n")
		}
		b.WriteString(report.Failure(r.Error, "      ", p.Palette))
	}
	b.WriteString("\n")
	return b.String()
}

func (p printer) finding(b *strings.Builder, code, message, path string) {
	b.WriteString(report.Plain(codes.Label(code)) + ": " + report.Plain(message) + "\n")
	if path != "" {
		b.WriteString("    at   " + report.Plain(path) + "\n")
	}
}

// line returns the line of the rules on which a span begins.
func line(at source.Span) string {
	if at.IsZero() || at.Start.Line == 0 {
		return ""
	}
	const most = 100 // characters
	text := []rune(report.Plain(strings.TrimSpace(at.File.Line(at.Start.Line))))
	if len(text) > most {
		text = append(text[:most:most], '…')
	}
	return "  " + string(text)
}

// request prints a request in the order in which HTTP writes it.
func (p printer) request(b *strings.Builder, d *value.Node) {
	b.WriteString("  " + p.Bold(shown(d.Get("method"))+" "+shown(d.Get("endpoint"))) + "\n")
	for n := d.Get("params").First(); n != nil; n = n.Next() {
		b.WriteString("    ?" + report.Plain(n.Key()) + "=" + shown(n) + "\n")
	}
	for n := d.Get("headers").First(); n != nil; n = n.Next() {
		b.WriteString("    " + report.Plain(n.Key()) + ": " + shown(n) + "\n")
	}
	for n := d.Get("body").First(); n != nil; n = n.Next() {
		b.WriteString("    " + p.Faint(report.Plain(n.Key())) + "\n")
		b.WriteString("    " + body(n) + "\n")
	}
}

// body returns a body with its lines indented as those of a request are.
func body(n *value.Node) string {
	text := value.AppendRedacted(nil, n)
	if list := n.Get("batch"); n.Key() == "JSON_ARRAY" && !list.Secret() && !n.Secret() {
		text = []byte(list.Text()) // a list that is sent as text
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "    ", "  "); err != nil {
		return report.Plain(string(text))
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = report.Plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

// shown returns a value in one line.
func shown(n *value.Node) string {
	if n.Kind() == value.String && !n.Secret() {
		return report.Plain(n.Text())
	}
	return strings.Trim(string(value.AppendRedacted(nil, n)), `"`)
}
