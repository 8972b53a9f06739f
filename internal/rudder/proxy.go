package rudder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/delivery"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/outbound"
)

// Sender sends requests. The answer's status is 0 where the error is not nil.
type Sender interface {
	Do(context.Context, outbound.Request) (engine.Answer, error)
}

// Connections knows the connections of destinations. Both methods return at once.
type Connections interface {
	Connection(lookup.Destination) (*engine.Connection, error)
	// Outdated says that data about a destination's account is out of date.
	Outdated(d lookup.Destination, names []string)
}

// Proxy answers requests to deliver for one destination type: it sends what a
// descriptor says, and tells of each job what became of it by the rules on the
// API's answers. It is safe for concurrent use once its fields are set.
type Proxy struct {
	Type        string // as requests call it, such as "crm"
	Program     *engine.Program
	Connections Connections
	Sender      Sender
	// Count, if set, learns what became of a job: the status that it was answered
	// with, and the outcome by the rules, such as "retry"; "" where none applied.
	Count func(status int, outcome string)
	Log   *slog.Logger // of what operators should know; nil for none

	because *engine.EventError // nothing is sent
}

// UnservedProxy returns a proxy that sends nothing, and answers each job with the
// error.
func UnservedProxy(destType string, because *engine.EventError) *Proxy {
	return &Proxy{Type: destType, because: because}
}

// Deliver answers POST /v0/destinations/TYPE/proxy (version 0) and /v1/… (version
// 1) with an HTTP status and a body. header is that of the request. The body is
// not kept.
//
// A body that cannot be read is answered with 500: rudder-server tries all its
// jobs again.
func (p *Proxy) Deliver(ctx context.Context, version int, header http.Header, body []byte) (status int, answer []byte) {
	x, err := readParcel(version, header, body)
	if err != nil {
		x = &parcel{version: version}
		return http.StatusInternalServerError, p.answer(x, receipt{status: http.StatusInternalServerError, text: err.Error()}, nil)
	}
	all := p.deliver(ctx, x)
	whole := sum(all)
	if version == 0 {
		all = nil
		if whole.status == http.StatusNotFound { // would be read as: there is no proxy
			whole.status = http.StatusBadRequest
		}
		status = whole.status
	} else {
		status = http.StatusOK
	}
	return status, p.answer(x, whole, all)
}

// parcel is a request to deliver: a descriptor, and the jobs that it is about. Of
// those version 0 knows the first alone.
type parcel struct {
	version    int
	jobs       []parcelJob
	config     json.RawMessage
	timeout    time.Duration
	descriptor []byte // the body, of which it is a part
}

type parcelJob struct {
	id       int64
	metadata json.RawMessage
	of       struct {
		JobID         *int64 `json:"jobId"`
		DestinationID string `json:"destinationId"`
		WorkspaceID   string `json:"workspaceId"`
	}
}

// The time that an API has to answer, unless the header says otherwise, and the
// most that it may say.
const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 10 * time.Minute
)

func readParcel(version int, header http.Header, body []byte) (*parcel, error) {
	var fields struct {
		Metadata json.RawMessage `json:"metadata"`
		Config   json.RawMessage `json:"destinationConfig"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, fmt.Errorf("the body is no JSON object with metadata: %w", err)
	}
	x := &parcel{version: version, config: fields.Config, descriptor: body, timeout: defaultTimeout}
	if string(x.config) == "null" {
		x.config = nil
	}
	if ms, err := strconv.ParseInt(header.Get("RdProxy-Timeout"), 10, 64); err == nil && ms > 0 {
		x.timeout = time.Duration(min(ms, maxTimeout.Milliseconds())) * time.Millisecond
	}
	list := []json.RawMessage{fields.Metadata}
	if version > 0 {
		list = nil
		if err := json.Unmarshal(fields.Metadata, &list); err != nil {
			return nil, errors.New("metadata is no list of the jobs' metadata")
		}
	}
	known := map[int64]bool{}
	for i, raw := range list {
		j := parcelJob{metadata: raw}
		if err := json.Unmarshal(raw, &j.of); err != nil || j.of.JobID == nil {
			return nil, fmt.Errorf("the metadata of job no. %d is no object with an integer jobId", i)
		}
		if j.id = *j.of.JobID; !known[j.id] {
			known[j.id] = true
			x.jobs = append(x.jobs, j)
		}
	}
	if len(x.jobs) == 0 {
		return nil, errors.New("metadata names no job")
	}
	return x, nil
}

// deliver sends what a parcel describes, and returns a receipt for each job. For
// version 0, which has one answer for all jobs, it is a receipt for each record.
func (p *Proxy) deliver(ctx context.Context, x *parcel) []receipt {
	if p.because != nil {
		v := failure(p.because)
		return x.all(receipt{status: v.status, text: v.text})
	}
	d, err := delivery.Read(x.descriptor)
	if err != nil {
		return x.all(refused(err))
	}
	request, send, err := d.Request()
	if err != nil {
		return x.all(refused(err))
	}
	if !send {
		return x.all(receipt{status: http.StatusOK, text: "nothing was sent: only descriptors of type REST without files are"})
	}
	destination := lookup.Destination{Program: p.Program, ID: x.jobs[0].of.DestinationID, Config: x.config}
	connection, err := p.Connections.Connection(destination)
	if err != nil {
		return x.all(receipt{status: http.StatusBadRequest, text: "nothing was sent: the destination's settings cannot be used: " + err.Error()})
	}
	if !connection.Declares(d.Endpoint) {
		return x.all(p.foreign(d, x))
	}
	request.Timeout, request.Redirects = x.timeout, connection.Declares
	answer, err := p.Sender.Do(ctx, request)
	a := answered{Answer: answer, text: textOfAnswer(answer)}
	if err != nil {
		answer, a = engine.Answer{}, answered{text: err.Error()}
	}
	if names := connection.Outdated(answer); len(names) > 0 {
		p.Connections.Outdated(destination, names)
	}
	sent := connection.Recognize(d.Method, d.Endpoint, d.Body)
	if sent == nil {
		return x.all(a.byStatus(len(x.jobs)))
	}
	outcomes, err := sent.Judge(answer)
	p.broken(err)
	if x.version == 0 {
		all := make([]receipt, len(outcomes))
		for i, o := range outcomes {
			all[i] = a.receipt(o, false)
		}
		return all
	}
	all := make([]receipt, len(x.jobs))
	of := recordsOf(sent.Traces, d.UserID)
	for i, j := range x.jobs {
		all[i] = a.receipt(of.outcome(j.id, outcomes, len(x.jobs)), len(x.jobs) == 1)
	}
	return all
}

// all gives every job the same receipt.
func (x *parcel) all(r receipt) []receipt {
	all := make([]receipt, len(x.jobs))
	for i := range all {
		all[i] = r
	}
	return all
}

// outcome returns what became of a job: the worst of its records. Where it is not
// known which those are, all records have to share an outcome; a job that may have
// failed is sent again by itself.
func (of records) outcome(job int64, outcomes []engine.Outcome, jobs int) engine.Outcome {
	worst, known := engine.Outcome{}, false
	for i, o := range outcomes {
		if (jobs == 1 || slices.Contains(of[job], i)) && (!known || o.Worse(worst)) {
			worst, known = o, true
		}
	}
	if known {
		return worst
	}
	for _, o := range outcomes[1:] {
		if o.Do != outcomes[0].Do {
			return engine.Outcome{Do: "retry-alone", Because: "The answer does not tell what became of this job"}
		}
	}
	return outcomes[0]
}

// foreign refuses to send to a host that the rules do not declare.
func (p *Proxy) foreign(d *delivery.Descriptor, x *parcel) receipt {
	host := "a host that cannot be read"
	if u, err := url.Parse(d.Endpoint); err == nil && u.Host != "" {
		host = u.Scheme + "://" + u.Host
	}
	if p.Log != nil {
		p.Log.Warn("a request to a host that the rules do not declare was not sent",
			"destination", p.Type, "destinationId", x.jobs[0].of.DestinationID, "host", host, "jobs", len(x.jobs))
	}
	return receipt{status: http.StatusBadRequest, text: fmt.Sprintf(
		"nothing was sent: it would go to %s, and the rules of %s, with this destination's settings, declare no such host", host, p.Program.Name())}
}

// broken logs answer rules that could not be applied.
func (p *Proxy) broken(err error) {
	if err == nil || p.Log == nil {
		return
	}
	failures := []error{err}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		failures = several.Unwrap()
	}
	told := map[string]bool{}
	for _, failure := range failures { // their texts may hold values of the answer
		var e *engine.EventError
		if errors.As(failure, &e) && e.Rule != nil && !told[e.Rule.Place] {
			told[e.Rule.Place] = true
			p.Log.Warn("an answer rule failed and was passed over", "destination", p.Type, "rule", e.Rule.Place, "code", e.Code)
		}
	}
}

// sentAlone sets dontBatch in the metadata of a job, an object. All else stays as
// it is, byte for byte.
func sentAlone(metadata []byte) []byte {
	c := cursor{body: metadata}
	if !c.enter('{') {
		return metadata
	}
	var out []byte
	done, first := 0, true // metadata[:done] is in out
	for ; ; first = false {
		key, ok := c.member(first)
		if !ok {
			break
		}
		at := c.at
		if literal := c.pass(); string(key) == "dontBatch" {
			out = append(append(out, metadata[done:at]...), "true"...)
			done = at + len(literal)
		}
	}
	if done == 0 {
		done = c.at - 1 // the closing brace
		if out = append(out, metadata[:done]...); !first {
			out = append(out, ',')
		}
		out = append(out, `"dontBatch":true`...)
	}
	return append(out, metadata[done:]...)
}
