package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/celmap/celmap/internal/queue"
	"github.com/celmap/celmap/internal/report"
	"github.com/celmap/celmap/internal/send"
)

// letter is a dead letter as people see it. Its JSON is a line of `celmap dead list
// --format json`.
type letter struct {
	ID        string      `json:"id"`
	MessageID string      `json:"messageId"`
	Type      string      `json:"type,omitempty"` // of the event
	Reason    send.Reason `json:"reason"`
	Code      string      `json:"code"`
	Status    int         `json:"status,omitempty"`
	Message   string      `json:"message"`
	Path      string      `json:"path,omitempty"`
	Rule      string      `json:"rule"`
	Line      string      `json:"line,omitempty"`
	Request   string      `json:"request,omitempty"`
	Attempts  int         `json:"attempts"`
	Origin    string      `json:"origin,omitempty"`
	Stored    time.Time   `json:"stored"`
	Time      time.Time   `json:"time"` // when it was given up

	answer json.RawMessage
	event  []byte // as it came
	dead   queue.DeadLetter
}

// read returns a dead letter with what its note and its event say.
func read(dead queue.DeadLetter) *letter {
	var n send.Note
	if err := json.Unmarshal(dead.Note, &n); err != nil {
		n.Message = "the note of why it could not be delivered cannot be read: " + err.Error()
	}
	kind, id := nameOf(dead.JSON)
	return &letter{
		ID: dead.ID.String(), MessageID: id, Type: kind,
		Reason: n.Reason, Code: n.Code, Status: n.Status, Message: n.Message, Path: n.Path, Rule: n.Rule, Line: n.Line, Request: n.Request, Attempts: n.Attempts,
		Origin: dead.Origin, Stored: dead.Stored.UTC().Truncate(time.Millisecond), Time: dead.Died.UTC().Truncate(time.Millisecond),
		answer: n.Answer, event: dead.JSON, dead: dead,
	}
}

// nameOf returns the type and the messageId of an event, with or without
// RudderStack's wrapping; empty where there is none.
func nameOf(event []byte) (kind, id string) {
	var e struct {
		Type, MessageID any
		Message         struct{ Type, MessageID any }
	}
	_ = json.Unmarshal(event, &e) // what is no JSON has no name; what has another kind is left out
	kind, _ = cmp.Or(e.Type, e.Message.Type).(string)
	id, _ = cmp.Or(e.MessageID, e.Message.MessageID).(string)
	return kind, id
}

// json returns the line of a list.
func (l *letter) json() []byte { return oneLine(l) }

// whole returns all as JSON: a line of a list, with the API's answer and the event.
// The settings of a destination that came with the event are left out, as secrets
// are among them.
func (l *letter) whole() []byte {
	return oneLine(struct {
		*letter
		Answer json.RawMessage `json:"answer,omitempty"`
		Event  json.RawMessage `json:"event"`
	}{l, l.answer, l.shownEvent()})
}

// oneLine returns a value as JSON in a line.
func oneLine(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // texts, numbers and JSON that was read
	}
	return b.Bytes()
}

// shownEvent returns the event without what RudderStack put beside it about the
// destination; what is no JSON as a text.
func (l *letter) shownEvent() json.RawMessage {
	if !json.Valid(l.event) {
		text, err := json.Marshal(strings.ToValidUTF8(string(l.event), "\uFFFD"))
		if err != nil {
			panic(err) // no text fails
		}
		return text
	}
	var parts map[string]json.RawMessage
	if !bytes.Contains(l.event, []byte(`"destination"`)) || json.Unmarshal(l.event, &parts) != nil || parts["message"] == nil || parts["type"] != nil {
		return l.event
	}
	return parts["message"]
}

// export returns the event in a line, as it came; with the reason in a wrapping that
// readers of events know.
func (l *letter) export(withReason bool) []byte {
	event := l.event
	var compact bytes.Buffer
	if json.Compact(&compact, event) == nil {
		event = compact.Bytes()
	} else {
		event = bytes.Map(func(r rune) rune { // which stays no JSON
			if r == '\n' || r == '\r' {
				return ' '
			}
			return r
		}, event)
	}
	if !withReason {
		return append(slices.Clone(event), '\n')
	}
	parts := map[string]json.RawMessage{}
	if json.Unmarshal(event, &parts) != nil || parts["message"] == nil || parts["type"] != nil {
		parts = map[string]json.RawMessage{"message": event}
		if !json.Valid(event) {
			parts["message"] = l.shownEvent()
		}
	}
	parts["dead"] = bytes.TrimSpace(l.json())
	return oneLine(parts)
}

// letterPrinter writes dead letters for people.
type letterPrinter struct{ report.Palette }

// why returns "rejected invalid_email: …".
func (p letterPrinter) why(l *letter) string {
	about := p.Red(string(l.Reason)) + " " + report.Plain(l.Code)
	if l.Reason != send.Rejected && l.Status > 0 {
		about += " (" + strconv.Itoa(l.Status) + ")"
	}
	return about + ": " + report.Plain(l.Message)
}

// tries returns "after 3 attempts"; "" where one was enough.
func (l *letter) tries() string {
	if l.Attempts < 2 {
		return ""
	}
	return "after " + amount(l.Attempts, "attempt")
}

// title names a letter in a line.
func (p letterPrinter) title(l *letter) string {
	words := []string{p.Bold(l.ID)}
	for _, word := range []string{cmp.Or(l.Type, "event"), l.MessageID} {
		if word != "" {
			words = append(words, report.Plain(word))
		}
	}
	if l.Origin != "" {
		words = append(words, p.Faint(report.Plain(l.Origin)))
	}
	return strings.Join(words, "  ")
}

// summary returns
//
//	3-17-0  identify  m-7  events.ndjson:7
//	  rejected invalid_email: "not an address" is not an e-mail address
//	    rule mappings/hubspot/identify.yaml:37:5  invalid-email:
func (p letterPrinter) summary(l *letter) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n  %s\n", p.title(l), p.why(l))
	if tries := l.tries(); tries != "" {
		fmt.Fprintf(&b, "    %s\n", tries)
	}
	p.rule(&b, l, "    rule ")
	return b.Bytes()
}

func (p letterPrinter) rule(b *bytes.Buffer, l *letter, title string) {
	if l.Rule != "" {
		fmt.Fprintf(b, "%s%s  %s\n", title, p.Faint(report.Plain(l.Rule)), report.Plain(l.Line))
	}
}

// whole returns all that is known, with the event and the API's answer, indented.
func (p letterPrinter) whole(l *letter) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n  %s\n", p.title(l), p.why(l))
	if l.Path != "" {
		fmt.Fprintf(&b, "  at       %s\n", report.Plain(l.Path))
	}
	p.rule(&b, l, "  rule     ")
	fmt.Fprintf(&b, "  stored   %s\n", l.Stored.Format(time.RFC3339))
	fmt.Fprintf(&b, "  died     %s%s\n", l.Time.Format(time.RFC3339), spaced(l.tries()))
	if l.Request != "" {
		fmt.Fprintf(&b, "  request  %s\n", report.Plain(l.Request))
	}
	if l.answer != nil {
		fmt.Fprintf(&b, "  %s\n", p.Bold("answer of the API"))
		indented(&b, l.answer)
	}
	fmt.Fprintf(&b, "  %s\n", p.Bold("event"))
	indented(&b, l.shownEvent())
	return b.Bytes()
}

func spaced(text string) string {
	if text == "" {
		return ""
	}
	return ", " + text
}

// indented writes JSON in lines.
func indented(b *bytes.Buffer, text json.RawMessage) {
	var lines bytes.Buffer
	if json.Indent(&lines, text, "", "  ") != nil {
		lines.Reset()
		lines.Write(text)
	}
	for line := range strings.Lines(lines.String()) {
		b.WriteString("    " + report.Plain(strings.TrimSuffix(line, "\n")) + "\n")
	}
}

// letterCounts counts dead letters by code.
type letterCounts struct {
	all    int
	byCode map[string]int
}

func (c *letterCounts) count(l *letter) {
	if c.byCode == nil {
		c.byCode = make(map[string]int)
	}
	c.all++
	c.byCode[l.Code]++
}

// text returns "3 dead letters: 2 invalid_email, 1 bad_record"; printed of them
// stand above it.
func (c *letterCounts) text(printed int) string {
	text := amount(c.all, "dead letter") + ": " + byCode(c.byCode) + "\n"
	if more := c.all - printed; more > 0 {
		text = "… " + grouped(int64(more)) + " more (--limit)\n" + text
	}
	return text
}

// none says, of all that there are, that those which were asked for are not among them.
func (c *letterCounts) none() string {
	if c.all == 0 {
		return "no dead letters\n"
	}
	return "none of " + amount(c.all, "dead letter") + " matches: " + byCode(c.byCode) + "\n"
}
