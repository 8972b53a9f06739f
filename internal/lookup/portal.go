package lookup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/celmap/celmap/engine"
)

const (
	stale      = 24 * time.Hour // how long data is used after its time while the API fails
	minimum    = time.Minute    // between fetches for the reason that something is missing or out of date
	mostAbsent = 1000           // names that are known to be missing
)

// portal is portal data of one account, as its API gives it. It outlives the
// rules: those that ask for it with the same call share it.
type portal struct {
	flight string // names it among what is being fetched
	state  atomic.Pointer[state]

	mu      sync.Mutex
	absent  map[string]bool // names that the data lacked although it was fetched for them
	renewed time.Time       // when it was last declared out of date
}

// state is what is known of portal data at a time. It never changes.
type state struct {
	data    []byte
	version uint64 // differs from that of all other data
	fetched time.Time
	until   time.Time // when it has to be fetched again
}

// versions counts what was fetched.
var versions atomic.Uint64

// use is portal data as the rules of an account use it.
type use struct {
	name          string
	ttl           time.Duration
	refreshOnMiss bool
	source        atomic.Pointer[source] // nil until it is known how it is fetched
}

// source is where portal data comes from. It never changes.
type source struct {
	call *engine.Call
	key  [sha256.Size]byte // of the call
	*portal
}

// last returns what was learnt last, nil if that is nothing.
func (u *use) last() *state {
	if from := u.source.Load(); from != nil {
		return from.state.Load()
	}
	return nil
}

// due tells whether what is known has to be fetched again.
func (u *use) due(now time.Time) bool {
	s := u.last()
	return s != nil && !now.Before(s.until)
}

// known returns what is known and may be used, if only because the API fails.
func (u *use) known(now time.Time) *state {
	if s := u.last(); s != nil && now.Sub(s.fetched) <= u.ttl+stale {
		return s
	}
	return nil
}

// resolve finds out where portal data comes from. Its call may be made of other
// portal data. The error says what is missing for that.
func (a *account) resolve(u *use, by *engine.Connection) (*source, error) {
	call, err := by.PortalCall(u.name)
	if err != nil {
		return nil, err
	}
	key := sumOf(a.kind, a.id, call)
	if from := u.source.Load(); from != nil && from.key == key {
		return from, nil
	}
	from := &source{call, key, a.host.portals.getOr(key, 0, func() *portal {
		return &portal{flight: strconv.FormatUint(versions.Add(1), 10)}
	})}
	u.source.Store(from)
	return from, nil
}

// expects tells whether the data should be fetched for names that it lacks.
func (p *portal) expects(names []string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(names, func(name string) bool { return !p.absent[name] })
}

// lacks remembers names for which the data was fetched in vain.
func (p *portal) lacks(names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.absent == nil || len(p.absent)+len(names) > mostAbsent {
		p.absent = map[string]bool{}
	}
	for _, name := range names {
		p.absent[name] = true
	}
}

// outdated makes the data due.
func (p *portal) outdated(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state.Load()
	if s == nil || now.Sub(p.renewed) < minimum {
		return
	}
	p.renewed = now
	due := *s
	due.until = now
	p.state.CompareAndSwap(s, &due)
}

// fetch asks the API for portal data, unless it is known differently from what
// the caller has seen. Callers at the same time share one call, which goes on where
// one of them gives up; given tells whether it ended before that.
func (a *account) fetch(ctx context.Context, u *use, from *source, seen *state) (failure *engine.LookupFailure, given bool) {
	done := a.host.flights.DoChan(from.flight, func() (any, error) {
		if from.state.Load() != seen {
			return (*engine.LookupFailure)(nil), nil
		}
		return a.learn(u, from), nil
	})
	select {
	case result := <-done:
		return result.Val.(*engine.LookupFailure), true
	case <-ctx.Done():
		return nil, false
	}
}

// learn fetches portal data and keeps it, if the rules can read it.
func (a *account) learn(u *use, from *source) *engine.LookupFailure {
	started, call := time.Now(), from.call
	deadline := started.Add(a.host.patience)
	if failure := a.pace.admit(call.Name, call.PerSecond, deadline); failure != nil {
		return failure
	}
	now := a.host.now()
	answer, failure := a.perform(call, deadline)
	if failure == nil {
		if failure = a.accept(u, from, answer.Body, now); failure == nil {
			return nil
		}
		a.warn(call, answer.Status, 1, failure)
	}
	a.pace.names.brake(call.Name, failure, started, a.pace.pause, mostPause) // it is the same for every event
	if retryAfter(answer) > 0 && !mayPass(failure.Status) {
		later := *failure
		later.Status = http.StatusServiceUnavailable // it says itself that it will do later
		return &later
	}
	return failure
}

// accept makes an answer the data of an account, with a binding to it. What the
// rules cannot read is a failure: the data from before stays.
func (a *account) accept(u *use, from *source, body []byte, now time.Time) *engine.LookupFailure {
	s := &state{data: body, fetched: now, until: now.Add(u.ttl)}
	if old := from.state.Load(); old != nil && bytes.Equal(old.data, body) {
		s.data, s.version = old.data, old.version
		from.state.Store(s)
		return nil
	}
	s.version = versions.Add(1)
	b, err := a.bind(now, nil, u, s)
	if err != nil {
		message := err.Error()
		var wrong *engine.SettingsError
		if errors.As(err, &wrong) {
			message = wrong.Message
		}
		return &engine.LookupFailure{Status: http.StatusInternalServerError, Message: "the answer cannot be read: " + shortened(message)}
	}
	from.state.Store(s)
	a.keep(b)
	a.host.portals.put(from.key, from.portal, int64(1000+len(body)))
	return nil
}
