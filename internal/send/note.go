package send

import (
	"bytes"
	"encoding/json"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/celmap/celmap/engine"
)

// Note says why an event could not be delivered. Its JSON is the note of a dead
// letter: queue.Dead.Note, queue.DeadLetter.Note. It holds no secrets; Message, Answer
// and Path may hold values of the event, beside which it is kept.
type Note struct {
	Reason   Reason          `json:"reason"`
	Code     string          `json:"code"`               // snake_case: that of the rejection, else the name of the rule that judged the answer
	Status   int             `json:"status,omitempty"`   // of the rejection, else HTTP status of the last answer; 0: there was none
	Message  string          `json:"message"`            // for people: what is wrong, in the API's words where it said so
	Path     string          `json:"path,omitempty"`     // where in the event
	Rule     string          `json:"rule,omitempty"`     // "mappings/hubspot/identify.yaml:37:5"
	Line     string          `json:"line,omitempty"`     // of the rules, that stands there
	Request  string          `json:"request,omitempty"`  // name of the request that was refused
	Answer   json.RawMessage `json:"answer,omitempty"`   // what the API said of this event alone: JSON, or a text
	Attempts int             `json:"attempts,omitempty"` // how often it was sent
}

// Reason is which way an event ended as a dead letter.
type Reason string

// The reasons.
const (
	Rejected Reason = "rejected" // by the rules, before anything was sent
	Refused  Reason = "refused"  // by the API, for good
	GaveUp   Reason = "gave-up"  // after as many attempts as are allowed
)

// most characters of what a note quotes.
const (
	mostLine   = 100
	mostAnswer = 8 << 10
)

// Rejection returns the note for an event that the rules reject.
func Rejection(e *engine.EventError) Note {
	n := Note{Reason: Rejected, Code: e.Code, Status: e.Status, Message: e.Message, Path: e.Path}
	n.place(e.Rule)
	return n
}

// Refusal returns the note for an event that the API takes no more, by the outcome
// that the rules see in its answer. alone tells that the request was for this event only:
// else the answer is about others, too, and not kept. What is in conceal is replaced
// wherever the API repeats it (tokens).
func Refusal(reason Reason, request string, o engine.Outcome, a engine.Answer, alone bool, attempts int, conceal *strings.Replacer) Note {
	n := Note{Reason: reason, Status: a.Status, Message: conceal.Replace(o.Because), Request: request, Attempts: attempts}
	n.place(o.Rule)
	switch {
	case o.Rule != nil:
		n.Code = strings.ReplaceAll(path.Base(o.Rule.ID), "-", "_")
	case a.Status == 0:
		n.Code = "no_answer"
	default:
		n.Code = "http_" + strconv.Itoa(a.Status)
	}
	if n.Message == "" {
		n.Message = "the API answered with status " + strconv.Itoa(a.Status)
		if a.Status == 0 {
			n.Message = "the API did not answer"
		}
	}
	if alone {
		n.Answer = quote(conceal.Replace(string(a.Body)))
	}
	return n
}

// place notes where the rule stands that decided.
func (n *Note) place(r *engine.Rule) {
	if r == nil {
		return
	}
	n.Rule = r.Place
	if at := r.Span; !at.IsZero() && at.Start.Line > 0 {
		n.Line = clip(strings.TrimSpace(at.File.Line(at.Start.Line)), mostLine)
	}
}

// quote returns an answer as JSON: as it is, else as a text, of bounded length.
func quote(body string) json.RawMessage {
	var compact bytes.Buffer
	switch {
	case strings.TrimSpace(body) == "":
		return nil
	case len(body) <= mostAnswer && json.Compact(&compact, []byte(body)) == nil:
		return compact.Bytes()
	}
	text, err := json.Marshal(clip(strings.ToValidUTF8(body, "\uFFFD"), mostAnswer))
	if err != nil {
		return nil // no text fails
	}
	return text
}

// clip shortens a text to at most so many bytes and a mark that some are left out.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
