package lookup

import (
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/celmap/celmap/engine"
)

// pace says when the API of one account may be called, for any of what it is
// asked for by name. It is safe for concurrent use.
type pace struct {
	pause time.Duration // the first after trouble

	mu     sync.Mutex
	closed map[string]closure       // by name; "" is for all; nil as long as there was no trouble
	limits map[string]*rate.Limiter // by name; nil as long as nothing is limited
}

// closure is a time in which nothing is called: the API asked for that, or has
// trouble. It stands in the book after its end until a call succeeds.
type closure struct {
	until   time.Time
	pause   time.Duration // doubles while the trouble lasts
	failure *engine.LookupFailure
}

// admit waits until a call may be made. It returns at once if that is after the
// deadline: with the failure that the API would give.
func (p *pace) admit(name string, perSecond int, deadline time.Time) *engine.LookupFailure {
	for reserved := false; ; {
		now := time.Now()
		c := p.closure(name)
		wait := c.until.Sub(now)
		switch {
		case wait > 0 && c.until.After(deadline):
			return c.failure
		case wait > 0:
			wait += spread(wait) / 8 // those who wait do not start all at once
		case reserved || perSecond == 0:
			return nil
		default:
			r := p.limit(name, perSecond).ReserveN(now, 1)
			if wait = r.DelayFrom(now); now.Add(wait).After(deadline) {
				r.CancelAt(now)
				return &engine.LookupFailure{Status: 429, Message: "too many calls are waiting, of which the API allows a few in a second"}
			}
			reserved = true
		}
		time.Sleep(wait)
	}
}

func (p *pace) closure(name string) closure {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, all := p.closed[name], p.closed[""]
	if all.until.After(c.until) {
		return all
	}
	return c
}

// limit spaces calls evenly: in no second there are more than perSecond.
func (p *pace) limit(name string, perSecond int) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.limits[name]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(perSecond), 1)
		if p.limits == nil {
			p.limits = map[string]*rate.Limiter{}
		}
		p.limits[name] = l
	} else if l.Limit() != rate.Limit(perSecond) { // the rules have changed
		l.SetLimit(rate.Limit(perSecond))
	}
	return l
}

// close has nothing called for as long as the API asks.
func (p *pace) close(name string, failure *engine.LookupFailure, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.closed[name]
	if until := time.Now().Add(wait); until.After(c.until) {
		c.until, c.failure = until, failure
	}
	p.note(name, c)
}

func (p *pace) note(name string, c closure) {
	if p.closed == nil {
		p.closed = map[string]closure{}
	}
	p.closed[name] = c
}

// brake has nothing called for a pause that grows, up to a bound, with every
// call that fails once it is over. started is when the failed one went out.
func (p *pace) brake(name string, failure *engine.LookupFailure, started time.Time, most time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.closed[name]
	if started.Before(c.until) {
		return // it is known already
	}
	c.pause = min(max(2*c.pause, p.pause), most)
	c.until, c.failure = time.Now().Add(c.pause+spread(c.pause)/4), failure
	p.note(name, c)
}

// succeeded ends what is known of trouble, where the call went out after it.
func (p *pace) succeeded(name string, started time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range []string{name, ""} {
		if c, ok := p.closed[name]; ok && c.until.Before(started) {
			delete(p.closed, name)
		}
	}
}

// spread returns some time up to d.
func spread(d time.Duration) time.Duration { return rand.N(d + 1) }
