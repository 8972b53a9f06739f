package rudder

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

// Statuses that rudder-server knows besides those of HTTP.
const (
	statusDeliver  = 200
	statusFiltered = 298 // dropped on purpose
)

// verdict is what becomes of jobs: the status, and a text where they are not
// delivered.
type verdict struct {
	status int
	text   string
	err    *engine.EventError // nil unless it failed
}

// failure is the verdict on jobs that failed. The status decides whether
// rudder-server tries again: 408, 429 and 5xx; other 4xx are given up.
func failure(e *engine.EventError) verdict {
	v := verdict{status: e.Status, text: explain(e), err: e}
	switch { // what rules may say, too
	case v.status < 400: // most would be read as a success, and the job lost
		v.status = 400
	case v.status > 598: // 599 is tried again without end
		v.status = 500
	}
	return v
}

// filtered is the verdict on jobs that the rules drop on purpose.
func filtered(reason string) verdict {
	return verdict{status: statusFiltered, text: clip(reason, maxMessage)}
}

// How long the parts of an explanation may be, in bytes: rudder-server stores it
// with every try of every job.
const (
	maxMessage = 1000
	maxPath    = 200
)

// explain says why a job failed, in one line.
func explain(e *engine.EventError) string {
	var b strings.Builder
	b.WriteString(e.Code)
	b.WriteString(": ")
	b.WriteString(clip(e.Message, maxMessage))
	separator := " ("
	add := func(what, where string) {
		if where != "" {
			b.WriteString(separator + what + clip(where, maxPath))
			separator = ", "
		}
	}
	add("at ", e.Path)
	if e.Rule != nil {
		add("rule ", e.Rule.Place)
	}
	if separator == ", " {
		b.WriteByte(')')
	}
	return b.String()
}

// clip shortens a text to at most n bytes and an ellipsis.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// verdict writes the verdict on jobs.
func (w *writer) verdict(jobs []int, v verdict) {
	w.dst = strconv.AppendInt(append(w.dst, `,"statusCode":`...), int64(v.status), 10)
	code := ""
	if v.status != statusDeliver {
		w.dst = value.AppendString(append(w.dst, `,"error":`...), v.text)
	}
	if v.err != nil {
		code = v.err.Code
		w.statTags(jobs[0], v)
	}
	if w.t.Count != nil {
		w.t.Count(v.status, code, len(jobs))
	}
}

// statTags writes how rudder-server's metrics shall count a failure. All of them
// are texts: one that is not would make rudder-server refuse the whole answer.
func (w *writer) statTags(job int, v verdict) {
	category, kind := classify(v)
	w.dst = append(append(w.dst, `,"statTags":{"errorCategory":"`...), category...)
	w.dst = append(append(w.dst, `","errorType":"`...), kind...)
	w.dst = value.AppendString(append(w.dst, `","destType":`...), strings.ToUpper(w.t.Type))
	w.dst = append(append(w.dst, `,"module":"destination","implementation":"celmap","feature":"`...), w.feature...)
	w.dst = append(w.dst, '"')
	for _, name := range []string{"destinationId", "workspaceId"} {
		if literal := textOf(w.jobs[job].metadata, name); literal != nil {
			w.dst = append(append(append(w.dst, `,"`...), name...), `":`...)
			w.dst = append(w.dst, literal...)
		}
	}
	w.dst = append(w.dst, '}')
}

// classify returns RudderStack's names for a kind of failure.
func classify(v verdict) (category, kind string) {
	lookup := v.err.Code == "lookup_failed"
	switch {
	case v.status == 429:
		return "network", "throttled"
	case lookup && (v.status == 408 || v.status >= 500):
		return "network", "retryable"
	case lookup:
		return "network", "aborted"
	case v.status == 408 || v.status >= 500:
		return "platform", "retryable"
	}
	switch v.err.Code {
	case "invalid_config", "missing_config", "invalid_settings":
		return "dataValidation", "configuration"
	}
	return "dataValidation", "instrumentation"
}
