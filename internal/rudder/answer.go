package rudder

import (
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

// Unsound is the code of jobs that would have been answered twice or not at all: a
// defect of celmap.
const Unsound = "unsound_answer"

var errUnsound = &engine.EventError{Code: Unsound, Status: 500,
	Message: "the rules' answer for this batch did not hold every job exactly once, so this job was not sent, and is tried again; please report it"}

// writer writes an answer.
type writer struct {
	*request
	t       *Transformer
	dst     []byte
	feature string // of rudder-server that asks: router or processor
}

// guarded writes something, or what failed writes where that panics.
func (w *writer) guarded(write func(), failed func(*engine.EventError)) {
	mark := len(w.dst)
	defer func() {
		if p := recover(); p != nil {
			w.dst = w.dst[:mark]
			failed(w.t.defect("writing an answer", p))
		}
	}()
	write()
}

// elements writes the elements of a group.
func (w *writer) elements(g *group) {
	switch {
	case g.because != nil:
		w.failed(g.jobs, g.because)
	case g.sent:
		w.begin()
		w.dst = append(append(w.dst, `"batchedRequest":`...), w.jobs[g.jobs[0]].message...)
		w.dst = append(w.dst, ',')
		w.shared(g.jobs, false, verdict{status: statusDeliver})
	default:
		w.guarded(func() { w.mapped(g) }, func(e *engine.EventError) { w.failed(g.jobs, e) })
	}
}

// mapped writes the elements of a group that was mapped. rudder-server counts
// jobs, but would not see that one is sent twice and another never: so each has
// to be in exactly one element.
func (w *writer) mapped(g *group) {
	elements := g.output.Elements()
	for e := range elements {
		for _, i := range elements[e].Indexes {
			if w.holds(g, i) {
				w.jobs[i].answers++
			}
		}
	}
	for e := range elements {
		el := &elements[e]
		if w.sound(g, el) {
			w.element(el)
			continue
		}
		for _, i := range el.Indexes {
			if w.holds(g, i) {
				w.jobs[i].answers = 0
			}
		}
	}
	var left []int
	for _, i := range g.jobs {
		if w.jobs[i].answers == 0 {
			left = append(left, i)
		}
	}
	if left == nil {
		return
	}
	if log := w.t.Log; log != nil {
		log.Error("the engine did not answer a batch job by job; please report it",
			"destination", w.t.Type, "jobs", len(left), "jobId", w.jobs[left[0]].id)
	}
	w.failed(left, errUnsound)
}

// holds reports whether the group holds a job.
func (w *writer) holds(g *group, i int) bool {
	return i >= 0 && i < len(w.jobs) && &w.groups[w.jobs[i].group] == g
}

// sound reports whether an element may be sent.
func (w *writer) sound(g *group, el *engine.Element) bool {
	for _, i := range el.Indexes {
		if !w.holds(g, i) || w.jobs[i].answers != 1 {
			return false
		}
	}
	return len(el.Indexes) > 0 && (el.Status != engine.Mapped || len(el.Requests) > 0)
}

// element writes an element of the engine.
func (w *writer) element(el *engine.Element) {
	switch el.Status {
	case engine.Rejected:
		w.failed(el.Indexes, el.Error)
	case engine.Filtered:
		w.begin()
		w.shared(el.Indexes, false, filtered(el.Reason))
	default:
		w.begin()
		w.dst = append(w.dst, `"batchedRequest":`...)
		if len(el.Requests) == 1 {
			w.descriptor(&el.Requests[0], w.sharing(el))
		} else { // of one event: sent in order, up to the first that fails
			w.dst = append(w.dst, '[')
			for i := range el.Requests {
				if i > 0 {
					w.dst = append(w.dst, ',')
				}
				w.descriptor(&el.Requests[i], "")
			}
			w.dst = append(w.dst, ']')
		}
		w.dst = append(w.dst, ',')
		w.shared(el.Indexes, w.batches(&el.Requests[0]), verdict{status: statusDeliver})
	}
}

// batches reports whether a request may hold several events.
func (w *writer) batches(q *engine.Request) bool {
	rules := w.t.Program.Plan().Requests[q.Name]
	return rules != nil && !rules.Single
}

// failed writes an element for jobs that were not mapped.
func (w *writer) failed(jobs []int, e *engine.EventError) {
	w.begin()
	w.shared(jobs, false, failure(e))
}

// begin opens the next element.
func (w *writer) begin() {
	if w.dst[len(w.dst)-1] != '[' {
		w.dst = append(w.dst, ',')
	}
	w.dst = append(w.dst, '{')
}

// shared writes what all elements have, and closes the element.
func (w *writer) shared(jobs []int, batched bool, v verdict) {
	w.dst = append(w.dst, `"metadata":[`...)
	for n, i := range jobs {
		if n > 0 {
			w.dst = append(w.dst, ',')
		}
		w.dst = append(w.dst, w.jobs[i].metadata...)
	}
	w.dst = strconv.AppendBool(append(w.dst, `],"batched":`...), batched)
	w.verdict(jobs, v)
	if d := w.destination(jobs[0]); d != nil {
		w.dst = append(append(w.dst, `,"destination":`...), d.raw...)
	}
	w.dst = append(w.dst, '}')
}

// destination returns a job's destination, with what templates gave where it
// was mapped with that; nil if it has none.
func (w *writer) destination(i int) *destination {
	j := &w.jobs[i]
	if d := w.groups[j.group].destination; d != nil {
		return d
	}
	return j.destination
}

// event writes what the processor gets for one event: each request by itself.
func (w *writer) event(i int) {
	j := &w.jobs[i]
	g := &w.groups[j.group]
	failed := func(e *engine.EventError) { w.begin(); w.own(i, failure(e)) }
	switch {
	case g.because != nil:
		failed(g.because)
	case g.sent:
		w.begin()
		w.dst = append(append(w.dst, `"output":`...), j.message...)
		w.dst = append(w.dst, ',')
		w.own(i, verdict{status: statusDeliver})
	default:
		w.guarded(func() { w.result(i, &g.output.Results()[j.place]) }, failed)
	}
}

// result writes the answers for an event that was mapped.
func (w *writer) result(i int, result *engine.Result) {
	v := verdict{status: statusDeliver}
	switch {
	case result.Index != i || result.Status == engine.Mapped && len(result.Requests) == 0:
		v = failure(errUnsound)
	case result.Status == engine.Rejected:
		v = failure(result.Error)
	case result.Status == engine.Filtered:
		v = filtered(result.Reason)
	}
	if v.status != statusDeliver {
		w.begin()
		w.own(i, v)
		return
	}
	for k := range result.Requests {
		w.begin()
		w.dst = append(w.dst, `"output":`...)
		w.descriptor(&result.Requests[k], "")
		w.dst = append(w.dst, ',')
		w.own(i, v)
	}
}

// own writes what all answers to the processor have, and closes the answer.
func (w *writer) own(i int, v verdict) {
	w.dst = append(append(w.dst, `"metadata":`...), w.jobs[i].metadata...)
	w.verdict([]int{i}, v)
	w.dst = append(w.dst, '}')
}

// sharing notes for the delivery proxy which jobs share the records of an
// element's only request.
func (w *writer) sharing(el *engine.Element) string {
	if len(el.Indexes) == 1 {
		return ""
	}
	out := w.groups[w.jobs[el.Indexes[0]].group].output
	return sharing(out, w.t.Program, &el.Requests[0], func(i int) int64 { return w.jobs[i].id })
}

// descriptor writes a request as rudder-server reads it: with all its parts, also
// the empty ones. The note is for the delivery proxy; see sharing.
func (w *writer) descriptor(q *engine.Request, note string) {
	d := q.Descriptor
	endpoint := d.Get("endpoint").Text()
	w.dst = value.AppendString(append(w.dst, `{"version":"1","type":"REST","method":`...), d.Get("method").Text())
	w.dst = value.AppendString(append(w.dst, `,"endpoint":`...), endpoint)
	w.dst = appendPart(append(w.dst, `,"headers":`...), d.Get("headers"))
	w.dst = appendPart(append(w.dst, `,"params":`...), d.Get("params"))
	body := d.Get("body")
	w.dst = appendPart(append(w.dst, `,"body":{"JSON":`...), body.Get("JSON"))
	w.dst = appendPart(append(w.dst, `,"JSON_ARRAY":`...), body.Get("JSON_ARRAY"))
	w.dst = appendPart(append(w.dst, `,"XML":`...), body.Get("XML"))
	w.dst = appendPart(append(w.dst, `,"FORM":`...), body.Get("FORM"))
	w.dst = value.AppendString(append(w.dst, `},"files":{},"endpointPath":`...), pathOf(endpoint))
	if note != "" {
		w.dst = value.AppendString(append(w.dst, `,"userId":`...), note)
	}
	w.dst = append(w.dst, '}')
}

func appendPart(dst []byte, part *value.Node) []byte {
	if part == nil {
		return append(dst, "{}"...)
	}
	return value.AppendJSON(dst, part)
}

// pathOf returns the path of a URL, by which rudder-server groups its metrics.
func pathOf(url string) string {
	if _, after, ok := strings.Cut(url, "://"); ok {
		url = after
	}
	slash := strings.IndexByte(url, '/')
	if slash < 0 {
		return ""
	}
	url = url[slash:]
	if end := strings.IndexAny(url, "?#"); end >= 0 {
		url = url[:end]
	}
	return url
}
