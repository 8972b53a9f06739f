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
	*quota
	pause time.Duration // the first after trouble
	names closures      // trouble with one of what is asked for
}

// quota is what the API allows everybody with the same credentials, whose calls it
// counts together. It is safe for concurrent use.
type quota struct {
	whole closures // trouble with all calls, under no name

	mu     sync.Mutex
	limits map[string]*rate.Limiter // by name; nil as long as nothing is limited
}

// closures are times in which nothing is called, by the name of what is asked for.
// They stand in the book after their end until a call succeeds.
type closures struct {
	mu sync.Mutex
	by map[string]closure // nil as long as there was no trouble
}

// closure is a time in which nothing is called: the API asked for that, or has
// trouble.
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

// closure returns the one that lasts longest for a name.
func (p *pace) closure(name string) closure {
	own, whole := p.names.get(name), p.whole.get("")
	if whole.until.After(own.until) {
		return whole
	}
	return own
}

// succeeded ends what is known of trouble, where the call went out after it.
func (p *pace) succeeded(name string, started time.Time) {
	p.names.succeeded(name, started)
	p.whole.succeeded("", started)
}

// limit spaces calls evenly: in no second there are more than perSecond.
func (q *quota) limit(name string, perSecond int) *rate.Limiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.limits[name]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(perSecond), 1)
		if q.limits == nil {
			q.limits = map[string]*rate.Limiter{}
		}
		q.limits[name] = l
	} else if l.Limit() != rate.Limit(perSecond) { // the rules have changed
		l.SetLimit(rate.Limit(perSecond))
	}
	return l
}

func (c *closures) get(name string) closure {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[name]
}

// close has nothing called for as long as the API asks.
func (c *closures) close(name string, failure *engine.LookupFailure, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.by[name]
	if until := time.Now().Add(wait); until.After(known.until) {
		known.until, known.failure = until, failure
	}
	c.note(name, known)
}

// brake has nothing called for a pause that grows from the first up to a bound, with
// every call that fails once it is over. started is when the failed one went out.
func (c *closures) brake(name string, failure *engine.LookupFailure, started time.Time, first, most time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.by[name]
	if started.Before(known.until) {
		return // it is known already
	}
	known.pause = min(max(2*known.pause, first), most)
	known.until, known.failure = time.Now().Add(known.pause+spread(known.pause)/4), failure
	c.note(name, known)
}

func (c *closures) note(name string, known closure) {
	if c.by == nil {
		c.by = map[string]closure{}
	}
	c.by[name] = known
}

func (c *closures) succeeded(name string, started time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.by[name]; ok && known.until.Before(started) {
		delete(c.by, name)
	}
}

// spread returns some time up to d.
func spread(d time.Duration) time.Duration { return rand.N(d + 1) }
