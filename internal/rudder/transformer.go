// Package rudder speaks RudderStack's protocol between rudder-server and a
// transformer, without sockets: it reads the bodies of requests, has jobs mapped,
// and writes answers that rudder-server accepts.
//
// Bodies are read as spans of bytes: what has to come back unchanged (metadata,
// destination) is never decoded and encoded again.
package rudder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
)

// Mapper maps events of one destination, lookups and all. The error is about the
// destination's settings: none of the events can be mapped; an *engine.EventError
// tells its status. It is used from several goroutines at once.
type Mapper interface {
	Map(ctx context.Context, d lookup.Destination, events []engine.Input) (*engine.Output, error)
}

// Transformer answers requests to transform jobs of one destination type. It is
// safe for concurrent use once its fields are set.
type Transformer struct {
	Type    string // as requests call it, such as "crm"
	Program *engine.Program
	Mapper  Mapper
	// Count, if set, learns what became of jobs: the status that they were
	// answered with, and the code of the error. Codes are few.
	Count func(status int, code string, jobs int)
	// Warn, if set, learns how often rules warned of what they left out of mapped
	// events, or doubt; rudder-server has no place for it. Codes are few.
	Warn func(code string, times int)
	Log  *slog.Logger // of defects; nil for none
}

// Unserved returns a transformer that answers each job with the error.
func Unserved(destType string, because *engine.EventError) *Transformer {
	return &Transformer{Type: destType, Mapper: refusing{because}}
}

type refusing struct{ because *engine.EventError }

func (r refusing) Map(context.Context, lookup.Destination, []engine.Input) (*engine.Output, error) {
	return nil, r.because
}

// BodyError says why the body of a request cannot be read. rudder-server has to
// be answered with the HTTP status 400, upon which its router retries all jobs.
type BodyError struct {
	Message string
	Offset  int // in the body
}

// Error returns the message.
func (e *BodyError) Error() string { return e.Message }

// Router answers POST /routerTransform. It appends the answer to dst: an element
// for each group of jobs that share their fate, each job in exactly one. compact
// tells that the body is in the form json+compactedv1. The body has to stay
// unchanged until Router returns. The error is a *BodyError.
func (t *Transformer) Router(ctx context.Context, dst, body []byte, compact bool) ([]byte, error) {
	r, err := readLoosely(body, form{compact: compact})
	if err != nil {
		return dst, err
	}
	defer r.release()
	dst = append(dst, `{"output":[`...)
	dst = t.elements(ctx, dst, r)
	return append(dst, "]}"...), nil
}

// Batch answers POST /batch: as Router, but for the form of the answer, which is
// the list of elements itself.
func (t *Transformer) Batch(ctx context.Context, dst, body []byte, compact bool) ([]byte, error) {
	r, err := readLoosely(body, form{compact: compact})
	if err != nil {
		return dst, err
	}
	defer r.release()
	return append(t.elements(ctx, append(dst, '['), r), ']'), nil
}

// Processor answers POST /v0/destinations/TYPE: each event with requests of its
// own, in the order of the events. The error is a *BodyError.
func (t *Transformer) Processor(ctx context.Context, dst, body []byte, compact bool) ([]byte, error) {
	r, err := readLoosely(body, form{compact: compact, processor: true})
	if err != nil {
		return dst, err
	}
	defer r.release()
	t.transform(ctx, r, func(*group) {})
	w := writer{request: r, t: t, dst: append(dst, '['), feature: "processor"}
	for i := range r.jobs {
		w.event(i)
	}
	return append(w.dst, ']'), nil
}

// elements transforms the jobs and appends the elements of the answer. What was
// mapped is let go of as soon as it is written: of a large request only a part is
// in memory.
func (t *Transformer) elements(ctx context.Context, dst []byte, r *request) []byte {
	w := writer{request: r, t: t, dst: dst, feature: "router"}
	t.transform(ctx, r, func(g *group) {
		w.elements(g)
		g.release()
	})
	return w.dst
}

// parallel is how many groups of one request are mapped at a time. Requests
// usually have one; those of many destinations shall not wait for each other's
// lookups.
const parallel = 8

// transform maps the jobs, and hands on each group in order.
func (t *Transformer) transform(ctx context.Context, r *request, mapped func(*group)) {
	r.arrange()
	if len(r.groups) == 1 {
		t.mapGroup(ctx, r, &r.groups[0])
		mapped(&r.groups[0])
		return
	}
	ready := make([]chan struct{}, len(r.groups))
	begin := func(k int) {
		ready[k] = make(chan struct{})
		go func() {
			defer close(ready[k])
			t.mapGroup(ctx, r, &r.groups[k])
		}()
	}
	defer func() { // also where writing panics: nobody may work on a request that is released
		for _, c := range ready {
			if c != nil {
				<-c
			}
		}
	}()
	for k := range min(parallel, len(r.groups)) {
		begin(k)
	}
	for k := range r.groups {
		<-ready[k]
		mapped(&r.groups[k])
		if next := k + parallel; next < len(r.groups) {
			begin(next)
		}
	}
}

// mapGroup maps the jobs of a group, unless their fate is known.
func (t *Transformer) mapGroup(ctx context.Context, r *request, g *group) {
	if g.because != nil || g.sent {
		return
	}
	for _, i := range g.jobs {
		g.inputs = append(g.inputs, engine.Input{JSON: r.jobs[i].message, Metadata: r.jobs[i].metadata, Index: i})
	}
	defer func() {
		if p := recover(); p != nil { // a request that is not answered would stop rudder-server
			g.because = t.defect("mapping", p)
		}
	}()
	d := lookup.Destination{Program: t.Program, ID: g.destination.id, Config: g.destination.config}
	output, err := t.Mapper.Map(ctx, d, g.inputs)
	if err != nil {
		g.because = unmapped(err)
		return
	}
	g.output = output
	if t.Warn != nil {
		t.warn(output)
	}
}

// warn counts warnings, those of one code that follow each other at once.
func (t *Transformer) warn(output *engine.Output) {
	code, times := "", 0
	for _, result := range output.Results() {
		for i := range result.Warnings {
			if next := result.Warnings[i].Code; next != code {
				if times > 0 {
					t.Warn(code, times)
				}
				code, times = next, 0
			}
			times++
		}
	}
	if times > 0 {
		t.Warn(code, times)
	}
}

// unmapped is why none of the events of a group can be mapped.
func unmapped(err error) *engine.EventError {
	var known *engine.EventError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &engine.EventError{Code: "timeout", Status: 503, Message: "there was no time left to map this job, which is tried again"}
	}
	return &engine.EventError{Code: "invalid_settings", Status: 400, Message: err.Error(), Cause: err}
}

// defect notes that celmap itself failed.
func (t *Transformer) defect(doing string, p any) *engine.EventError {
	if t.Log != nil {
		t.Log.Error("celmap failed; please report it", "doing", doing, "destination", t.Type, "panic", fmt.Sprint(p))
	}
	return &engine.EventError{Code: "internal_error", Status: 500, Message: "celmap failed on this job, which is tried again; please report it"}
}
