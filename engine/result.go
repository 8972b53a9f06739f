package engine

import (
	"strconv"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// Status is the one state in which every input ends.
type Status uint8

// The three states of an input.
const (
	Mapped Status = iota
	Rejected
	Filtered
)

// String returns the status as results print it.
func (s Status) String() string { return [...]string{"mapped", "rejected", "filtered"}[s] }

// Rule names the rule behind a result: its identity ("identify/reject/invalid-email")
// and its place in the rule files.
type Rule = plan.Rule

// Request is one API request in descriptor form:
//
//	{"method", "endpoint", "headers": {…}, "params": {…}, "body": {FORMAT: …}}
//
// Empty parts are left out. FORMAT is JSON (an object), JSON_ARRAY (the text of
// a list, under "batch"), FORM (an object of texts) or XML (text, under "payload").
type Request struct {
	Name       string      // name of the request in the destination file
	Descriptor *value.Node // valid until Output.Release
	Rule       *Rule       // the send entry that made it
	items      []*item
	plan       *plan.Request
	size       int // bytes of its body, about
}

// Warning says what a mapping left out or doubts.
type Warning struct {
	Code    string
	Message string
	Path    string // where in the event
	Target  string // the field of the request that it is about
	Rule    *Rule
}

// Result is what became of one input.
type Result struct {
	Index     int    // position of the input in its stream
	MessageID string // the event's messageId, "" if it has none
	Status    Status
	Requests  []Request   // Mapped; at least one
	Warnings  []Warning   // Mapped
	Error     *EventError // Rejected
	Reason    string      // Filtered
}

// reject turns the result into a rejection.
func (r *Result) reject(err error) {
	known, ok := err.(*EventError)
	if !ok {
		known = &EventError{Code: "internal_error", Status: 500, Message: err.Error(), Cause: err}
	}
	r.Status, r.Error, r.Warnings = Rejected, known, nil
}

// AppendJSON appends the result as one line of `celmap map` (without the newline).
func (r *Result) AppendJSON(dst []byte) []byte { return r.append(dst, value.AppendJSON) }

// AppendRedacted is AppendJSON with secrets replaced, for reports and goldens.
func (r *Result) AppendRedacted(dst []byte) []byte { return r.append(dst, value.AppendRedacted) }

func (r *Result) append(dst []byte, encode func([]byte, *value.Node) []byte) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(r.Index), 10)
	dst = append(dst, `,"messageId":`...)
	dst = value.AppendString(dst, r.MessageID)
	return r.appendOutcome(dst, encode)
}

// appendOutcome appends all from the status on, and the closing brace.
func (r *Result) appendOutcome(dst []byte, encode func([]byte, *value.Node) []byte) []byte {
	dst = append(dst, `,"status":"`...)
	dst = append(dst, r.Status.String()...)
	dst = append(dst, '"')
	switch r.Status {
	case Mapped:
		dst = append(dst, `,"requests":[`...)
		for i := range r.Requests {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = encode(dst, r.Requests[i].Descriptor)
		}
		dst = append(dst, ']')
	case Rejected:
		dst = r.Error.AppendJSON(append(dst, `,"error":`...))
	case Filtered:
		dst = append(dst, `,"reason":`...)
		dst = value.AppendString(dst, r.Reason)
	}
	if len(r.Warnings) > 0 {
		dst = append(dst, `,"warnings":[`...)
		for i, w := range r.Warnings {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"code":`...)
			dst = value.AppendString(dst, w.Code)
			dst = append(dst, `,"message":`...)
			dst = value.AppendString(dst, w.Message)
			if w.Target != "" {
				dst = append(dst, `,"target":`...)
				dst = value.AppendString(dst, w.Target)
			}
			dst = appendPlace(dst, w.Path, w.Rule)
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func appendPlace(dst []byte, path string, rule *Rule) []byte {
	if path != "" {
		dst = append(dst, `,"path":`...)
		dst = value.AppendString(dst, path)
	}
	if rule != nil {
		dst = append(dst, `,"rule":`...)
		dst = value.AppendString(dst, rule.Place)
	}
	return dst
}
