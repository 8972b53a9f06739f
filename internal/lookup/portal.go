package lookup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
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
	call          *engine.Call
	key           [sha256.Size]byte     // of the call
	*portal                             // nil where the config does not let it be fetched
	refused       *engine.LookupFailure // why not
}

// due returns what is known, where it has to be fetched again.
func (u *use) due(now time.Time) *state {
	if u.portal == nil {
		return nil
	}
	if s := u.state.Load(); s != nil && !now.Before(s.until) {
		return s
	}
	return nil
}

// known returns what is known and may be used, if only because the API fails.
func (u *use) known(now time.Time) *state {
	if u.portal == nil {
		return nil
	}
	if s := u.state.Load(); s != nil && now.Sub(s.fetched) <= u.ttl+stale {
		return s
	}
	return nil
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
func (a *account) fetch(ctx context.Context, u *use, seen *state) (failure *engine.LookupFailure, given bool) {
	done := a.host.flights.DoChan(u.flight, func() (any, error) {
		if u.state.Load() != seen {
			return (*engine.LookupFailure)(nil), nil
		}
		return a.learn(u), nil
	})
	select {
	case result := <-done:
		return result.Val.(*engine.LookupFailure), true
	case <-ctx.Done():
		return nil, false
	}
}

// learn fetches portal data and keeps it, if the rules can read it.
func (a *account) learn(u *use) *engine.LookupFailure {
	started := time.Now()
	deadline := started.Add(a.host.patience)
	if failure := a.pace.admit(u.name, u.call.PerSecond, deadline); failure != nil {
		return failure
	}
	now := a.host.now()
	answer, failure := a.perform(u.call, deadline)
	if failure == nil {
		failure = a.accept(u, answer.Body, now)
		if failure != nil {
			a.warn(u.call, answer.Status, 1, failure)
		}
	}
	if failure == nil {
		return nil
	}
	a.pace.brake(u.name, failure, started, mostPause) // it is the same for every event
	if retryAfter(answer) > 0 && !mayPass(failure.Status) {
		later := *failure
		later.Status = http.StatusServiceUnavailable // it says itself that it will do later
		return &later
	}
	return failure
}

// accept makes an answer the data of an account, with a binding to it. What the
// rules cannot read is a failure: the data from before stays.
func (a *account) accept(u *use, body []byte, now time.Time) *engine.LookupFailure {
	s := &state{data: body, fetched: now, until: now.Add(u.ttl)}
	if old := u.state.Load(); old != nil && bytes.Equal(old.data, body) {
		s.data, s.version = old.data, old.version
		u.state.Store(s)
		return nil
	}
	s.version = versions.Add(1)
	b, err := a.bind(now, nil, u, s)
	var wrong *engine.SettingsError
	if errors.As(err, &wrong) {
		return &engine.LookupFailure{Status: http.StatusInternalServerError, Message: "the answer cannot be read: " + shortened(wrong.Message)}
	}
	u.state.Store(s)
	a.keep(b)
	a.host.portals.put(u.key, u.portal, int64(len(body)))
	return nil
}
