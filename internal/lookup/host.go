// Package lookup is the host's side of lookups: it binds destinations to their
// rules, calls their API for what the rules ask, and remembers the answers.
package lookup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/outbound"
)

// Destination is one configured destination, and the rules for its type.
type Destination struct {
	Program *engine.Program
	ID      string
	Config  []byte // a JSON object; the host keeps a copy

	// Portal is portal data by name that is known beforehand, as JSON: it is never
	// fetched. Unchanged from now on.
	Portal map[string][]byte
	// Answers knows answers to questions of the batch that is mapped; the API is not
	// asked then. It is the only one who knows those of lookups that the host answers
	// by its own means. nil knows nothing.
	Answers func(*engine.Question) (engine.Reply, bool)
	// Delivers says that this process delivers the requests, see engine.Settings.
	Delivers bool
}

// Options is what a host works with. Zero fields mean the default.
type Options struct {
	Client *outbound.Client // default: one that connects to the hosts themselves
	Meter  Meter            // default: nobody counts
	// Admit waits until a call may go out, beside what its lookup allows: its limits are
	// shared with others. It returns what to do with the answer. nil waits for nothing.
	Admit    func(*engine.Call) (answered func(engine.Answer))
	Log      *slog.Logger     // default: nobody reads
	Now      func() time.Time // default: the clock; what is remembered grows old by it
	Timeout  time.Duration    // of one call; default 10 s
	Patience time.Duration    // how long a call is tried again; default 5 s
	Pause    time.Duration    // before that is done, and after trouble; it grows; default 1 s
	Memory   int64            // bytes that what is remembered takes, about; default 512 MiB
}

// Meter counts. Its methods are called concurrently, and should return at once.
type Meter interface {
	// Call tells of one HTTP call: the type of its destination, the portal data or
	// the lookup that it was for, its status (0 where there was no answer) and how
	// long it took.
	Call(destination, name string, status int, took time.Duration)
	// Cache tells how something that may be remembered was found: portal data, once
	// a batch, or the answer to a question.
	Cache(destination, name string, found Found)
}

// Found is how something that rules ask was found.
type Found uint8

// The ways to find something.
const (
	Fresh  Found = iota // in memory
	Stale               // in memory, out of date, while the API fails
	Absent              // not in memory: the API is called
)

// String returns the word for it: fresh, stale or absent.
func (f Found) String() string { return [...]string{"fresh", "stale", "absent"}[f] }

type noMeter struct{}

func (noMeter) Call(string, string, int, time.Duration) {}
func (noMeter) Cache(string, string, Found)             {}

// mostEntries bounds every kind of what is remembered by number.
const mostEntries = 10_000

// Host maps events, and learns for that what their rules ask. It is safe for
// concurrent use.
type Host struct {
	client   *outbound.Client
	meter    Meter
	admit    func(*engine.Call) func(engine.Answer)
	log      *slog.Logger
	now      func() time.Time
	timeout  time.Duration
	patience time.Duration
	pause    time.Duration

	mu       sync.Mutex // held while an account is added
	accounts *cache[[sha256.Size]byte, *account]
	portals  *cache[[sha256.Size]byte, *portal] // by the sum of their call
	answers  *cache[answerKey, answer]
	paces    *cache[[sha256.Size]byte, *pace]  // by account
	quotas   *cache[[sha256.Size]byte, *quota] // by credentials
	flights  singleflight.Group
}

// New returns a host that knows nothing yet.
func New(o Options) *Host {
	memory := cmp.Or(o.Memory, 512<<20)
	h := &Host{
		client:   o.Client,
		meter:    o.Meter,
		admit:    o.Admit,
		log:      o.Log,
		now:      o.Now,
		timeout:  cmp.Or(o.Timeout, 10*time.Second),
		patience: cmp.Or(o.Patience, 5*time.Second),
		pause:    cmp.Or(o.Pause, time.Second),
		accounts: newCache[[sha256.Size]byte, *account](mostEntries, memory/2),
		portals:  newCache[[sha256.Size]byte, *portal](mostEntries, memory/4),
		answers:  newCache[answerKey, answer](10*mostEntries, memory/4),
		paces:    newCache[[sha256.Size]byte, *pace](mostEntries, 1),
		quotas:   newCache[[sha256.Size]byte, *quota](mostEntries, 1),
	}
	if h.client == nil {
		h.client = outbound.New(outbound.Options{})
	}
	if h.meter == nil {
		h.meter = noMeter{}
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.now == nil {
		h.now = time.Now
	}
	return h
}

// Map maps events of one destination: it fetches what their rules ask, as far as
// it is not known, and gives the output, to be released. What cannot be
// fetched rejects the events that need it. The error is a *engine.SettingsError:
// the destination's config cannot be used.
//
// Where ctx ends before all is known, the events that need the rest are rejected
// with a status that lets them be sent again.
func (h *Host) Map(ctx context.Context, d Destination, inputs []engine.Input) (*engine.Output, error) {
	a, err := h.account(d)
	if err != nil {
		return nil, err
	}
	v := visit{account: a, now: h.now(), answers: d.Answers}
	for renewed := false; ; {
		if err := v.bind(ctx); err != nil {
			return nil, err
		}
		batch := v.bound.connection.At(v.now).Plan(inputs)
		if v.fetch(ctx, batch) {
			batch.Release()
			continue
		}
		v.answer(ctx, batch)
		if v.fetch(ctx, batch) {
			batch.Release()
			continue
		}
		output := batch.Map()
		if renewed || !v.renew(ctx, batch) {
			return output, nil
		}
		renewed = true
		output.Release()
	}
}

// Connection returns a destination's connection with what is known of its
// account. Nothing is fetched. The error is a *engine.SettingsError.
func (h *Host) Connection(d Destination) (*engine.Connection, error) {
	a, err := h.account(d)
	if err != nil {
		return nil, err
	}
	now := h.now()
	b, err := a.connection(now, nil)
	if err != nil {
		return nil, err
	}
	return b.connection.At(now), nil
}

// Outdated makes the host fetch portal data of a destination again, when events
// come next. It does so once a minute at most.
func (h *Host) Outdated(d Destination, names []string) {
	if len(names) == 0 {
		return
	}
	a, err := h.account(d)
	if err != nil {
		return // there is no data then
	}
	for _, u := range a.uses {
		if from := u.source.Load(); from != nil && slices.Contains(names, u.name) {
			from.outdated(h.now())
		}
	}
}

// Remembered is how much a host remembers.
type Remembered struct {
	Destinations int   // that are bound to their rules
	Portals      int   // portal data of accounts
	Answers      int   // to questions
	Bytes        int64 // of all of it, about
}

// Remembered returns how much the host remembers now.
func (h *Host) Remembered() (r Remembered) {
	var destinations, portals, answers int64
	r.Destinations, destinations = h.accounts.size()
	r.Portals, portals = h.portals.size()
	r.Answers, answers = h.answers.size()
	r.Bytes = destinations + portals + answers
	return r
}
