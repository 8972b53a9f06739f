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
	"log/slog"

	"github.com/celmap/celmap/engine"
)

// Destination is a configured destination, as jobs bring it along.
type Destination struct {
	Program *engine.Program
	ID      string
	Config  []byte // a JSON object
}

// Mapper maps events of one destination, lookups and all. It keeps neither the
// events nor the destination's config when it has returned, except for what the
// output needs until it is released. The error is about the destination's
// settings: none of the events can be mapped; an *engine.EventError tells its status.
type Mapper interface {
	Map(ctx context.Context, d Destination, events []engine.Input) (*engine.Output, error)
}

// Transformer answers requests to transform jobs of one destination type. It is
// safe for concurrent use once its fields are set.
type Transformer struct {
	Type    string // as requests call it, such as "crm"
	Program *engine.Program
	Mapper  Mapper
	// Count, if set, learns what became of jobs: the status that they were
	// answered with, and why where they were not mapped. Codes are few.
	Count func(status int, code string, jobs int)
	Log   *slog.Logger // of defects; nil for none
}

// Unserved returns a transformer that answers each job with the error.
func Unserved(destType string, because *engine.EventError) *Transformer {
	return &Transformer{Type: destType, Mapper: refusing{because}}
}

type refusing struct{ because *engine.EventError }

func (r refusing) Map(context.Context, Destination, []engine.Input) (*engine.Output, error) {
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

var errNotBuilt = errors.New("not built yet")

// Router answers POST /routerTransform. It appends the answer to dst: an
// element for each group of jobs that share their fate. compact tells that the
// body is in the form json+compactedv1. The body has to stay unchanged until
// Router returns. The error is a *BodyError.
func (t *Transformer) Router(ctx context.Context, dst, body []byte, compact bool) ([]byte, error) {
	return dst, errNotBuilt
}

// Batch answers POST /batch: as Router, but for the form of the answer, which is
// the list of elements itself.
func (t *Transformer) Batch(ctx context.Context, dst, body []byte, compact bool) ([]byte, error) {
	return dst, errNotBuilt
}

// Processor answers POST /v0/destinations/TYPE: each event with requests of its
// own. The error is a *BodyError.
func (t *Transformer) Processor(ctx context.Context, dst, body []byte, compact bool) ([]byte, error) {
	return dst, errNotBuilt
}

// DestinationType returns the destType of the body of a /routerTransform or
// /batch request, "" if it has none. It reads little more of the body than what
// stands behind the jobs, and does not check the rest.
func DestinationType(body []byte) string { return "" }

// Features answers GET /features: what the transformer behind us can do, with
// what we do for the types. upstream is its answer; it may be empty. The error
// says why that cannot be read.
func Features(upstream []byte, types []string) ([]byte, error) { return nil, errNotBuilt }
