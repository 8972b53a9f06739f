// Package simulator is a HubSpot account behind HTTP, for tests and
// demonstrations: as strict as the real one, as far as its behaviour is known.
// It knows nothing of who calls it.
//
// Where facts come from, and where the simulator guesses, is told in
// docs/simulator.md.
package simulator

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options says how a portal is simulated. Zero fields mean the default.
type Options struct {
	Seed    uint64           // of everything random: faults, order of results, correlation ids
	Faults  float64          // share of the requests that meet trouble, from 0 to 1
	Journal io.Writer        // gets a line of JSON for each request, write and event; nil for none
	Now     func() time.Time // default: the machine's clock
}

// Simulator answers like the API of one portal. It is an http.Handler, safe for
// concurrent use.
type Simulator struct {
	portal Portal
	now    func() time.Time
	mux    *http.ServeMux
	// changed is told of every write that was applied, in the order in which the
	// writes to a record were; it is called with the lock of the type's records held,
	// so it must be quick and must not ask for records.
	changed func(change)

	lastID       atomic.Int64 // of a record
	types        *catalogue
	associations *associations

	requests atomic.Uint64 // how many there were
	ahead    atomic.Int64  // by how many nanoseconds the clock was set forward
	gate     *gate
	faults   *faultPlan
	events   *events
	journal  *journal
	later    waiting

	making sync.Mutex // one custom object is made at a time

	mu     sync.Mutex // guards what follows
	random *rand.Rand
}

// change is a write that was applied to a record.
type change struct {
	time time.Time
	kind *table  // whose record it is
	id   int64   // of the record
	how  string  // "create", "update", "archive", "merge", "gdpr-delete" or "seed"
	set  []field // what was stored, by name; an empty text: the value was cleared. Not to be changed
	// request is the number of the request that asked for the write, 0 if none did.
	request uint64
}

// New returns a simulator of a portal with nothing in it but what the portal
// says. The error names what is wrong with the portal.
func New(p Portal, o Options) (*Simulator, error) {
	if err := p.complete(); err != nil {
		return nil, err
	}
	s := &Simulator{
		portal:  p,
		mux:     http.NewServeMux(),
		random:  rand.New(rand.NewPCG(o.Seed, 0x5eed)),
		faults:  newFaultPlan(&p, o),
		journal: newJournal(o.Journal),
	}
	s.changed = s.journal.write
	clock := o.Now
	if clock == nil {
		clock = time.Now
	}
	s.now = func() time.Time { return clock().Add(time.Duration(s.ahead.Load())) }
	s.gate, s.events = newGate(&p, s.now()), newEvents(&p, s.now())
	s.lastID.Store(1_000_000)
	if err := s.furnish(); err != nil {
		return nil, err
	}
	for i := range routes {
		s.register(&routes[i])
	}
	s.watch()
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, "", &nowhere) })
	return s, nil
}

// ServeHTTP answers a request.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.catchUp()
	s.mux.ServeHTTP(w, r)
}

// call is a request that is being answered.
type call struct {
	*http.Request
	number  uint64 // of the request, from 1
	id      string // of the request: the correlation id
	now     time.Time
	version version
	route   *route
	body    []byte
	// unassociating callers may not tie records: user-level OAuth without the
	// permission Edit Associations.
	unassociating bool
	inputs        int // of a batch, once they are read
}

// answer is what a request is answered with.
type answer struct {
	status int
	header http.Header // beside those that every answer has; nil for none
	body   []byte      // JSON; nil for none
}

// serve answers a request to a route.
func (s *Simulator) serve(w http.ResponseWriter, r *http.Request, v version, to *route) {
	began := time.Now()
	c := &call{Request: r, number: s.requests.Add(1), id: s.correlation(), now: s.now().UTC(), version: v, route: to}
	a, f := s.attend(c, w)
	e := entry{number: c.number, time: c.now, method: r.Method, path: r.URL.Path, route: to.name(r, v), inputs: c.asked(), fault: f.kind, took: time.Since(began)}
	if a != nil {
		e.status = a.status
	}
	s.journal.request(e) // first: who has the answer finds it noted
	if a == nil {
		reset(w)
		return
	}
	header := w.Header()
	header["X-HubSpot-Correlation-Id"] = []string{c.id}
	header.Set("X-Request-Id", c.id)
	header.Set("X-Trace", strings.ToUpper(strings.ReplaceAll(c.id, "-", "")))
	if a.body != nil {
		header.Set("Content-Type", "application/json;charset=utf-8")
	}
	for name, values := range a.header {
		header[name] = values
	}
	if f.kind == FaultTruncated {
		f.truncate(w, a.status, a.body)
		return
	}
	if a.body != nil {
		header.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // who asked may have gone
}

// attend works a call out, and says which trouble it met. Without an answer the
// connection is to be reset.
func (s *Simulator) attend(c *call, w http.ResponseWriter) (*answer, fault) {
	body := bytes.NewBuffer(make([]byte, 0, min(max(c.ContentLength, 0), usualBytes)+bytes.MinRead))
	if _, err := body.ReadFrom(http.MaxBytesReader(w, c.Body, mostBytes)); err != nil {
		return c.problem(http.StatusRequestEntityTooLarge, problem{Message: "The request body is too large", Category: "VALIDATION_ERROR"}), fault{}
	}
	c.body = body.Bytes()
	if len(c.RequestURI) > longestURI {
		return c.problem(http.StatusRequestURITooLong, problem{Message: "URI Too Long"}), fault{}
	}
	if refusal := s.gate.admit(c, s.scopes(c), w.Header()); refusal != nil {
		return refusal, fault{}
	}
	f := s.faults.draw(c.number, c.route.isBatchWrite())
	if f.delay > 0 {
		select {
		case <-time.After(f.delay):
		case <-c.Context().Done(): // who asked has gone, HubSpot does not see it
		}
	}
	var a *answer
	if f.commits || f.kind == "" {
		a = c.route.handle(s, c)
	}
	return f.instead(c, a)
}

// HubSpot documents no limit of a body, and not which one of a URI its 414 is for.
const (
	mostBytes  = 32 << 20 // of a body
	usualBytes = 1 << 20  // of a body that is made room for before it comes
	longestURI = 16 << 10 // bytes
)

// correlation returns an id for a request, in the form of a UUID.
func (s *Simulator) correlation() string {
	s.mu.Lock()
	high, low := s.random.Uint64(), s.random.Uint64()
	s.mu.Unlock()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", high>>32, high>>16&0xffff, high&0xfff, low>>48&0xfff, low&0xffffffffffff)
}
