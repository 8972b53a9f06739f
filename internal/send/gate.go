package send

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/celmap/celmap/engine"
)

// gate says when a request may go out: as the API's limits, the bound for requests in
// flight and trouble allow. While the API has trouble it is closed, for all who wait;
// then one request goes out, and only when it gets through do the others follow. It
// is safe for concurrent use.
type gate struct {
	mu       sync.Mutex
	now      func() time.Time
	most     int           // requests in flight
	base     time.Duration // the first pause after trouble is a part of it
	inFlight int
	tier     string  // of what the API sells; "" for what its answers tell
	least    string  // tier that holds until they do
	share    float64 // of the limits that is this process's
	limits   map[*engine.Limit]*limit
	kinds    map[string]*kind
	closures map[string]*closure
	arrived  uint64
	timer    *time.Timer
	waited   func(name string, d time.Duration) // told of every wait, and what for; may be nil
}

// kind is the requests of one name.
type kind struct {
	name    string
	limits  []*limit
	keys    []string // of the closures that matter: for all, for this kind, and for each of its limits
	waiting []*waiter
	success time.Time // when one last got through
	cause   string    // why the first one waits
}

type waiter struct {
	arrival uint64
	since   time.Time
	granted chan *pass
}

// pass is the permission for one request.
type pass struct {
	kind   *kind
	at     time.Time
	probes []string // closures that end if this one gets through
}

// closure is a time in which the gate is closed for some requests. It stands in the
// book after its end until a request gets through.
type closure struct {
	until   time.Time
	pause   time.Duration // doubles while the trouble lasts
	probing bool          // a request finds out whether it is over
	why     trouble
}

// trouble is what kept a request from getting through.
type trouble uint8

const (
	none    trouble = iota
	unsent          // it did not go out at all
	limited         // the API had too many
	broken          // the API does not answer, or fails
	refused         // the API takes nothing from this sender
)

// String returns what requests wait for, or "".
func (t trouble) String() string {
	return [...]string{"", "", "after 429", "trouble of the API", "access"}[t]
}

const (
	longestPause = 5 * time.Minute
	probePause   = time.Minute // of an API that refuses
)

func newGate(most int, base time.Duration, tier, least string) *gate {
	return &gate{now: time.Now, most: most, base: base, tier: tier, least: least, share: 1,
		limits: map[*engine.Limit]*limit{}, kinds: map[string]*kind{}, closures: map[string]*closure{}}
}

// kind returns the requests of a name, which count for limits.
func (g *gate) kind(name string, limits []*engine.Limit) *kind {
	if k := g.kinds[name]; k != nil {
		return k
	}
	k := &kind{name: name, keys: []string{everything, "request " + name}}
	for _, l := range limits {
		known := g.limits[l]
		if known == nil {
			most := 0
			if g.tier != NoTier {
				most = l.Max(cmp.Or(g.tier, g.least))
			}
			known = newLimit(l.Name, most, l.Per)
			known.share, known.asked = g.share, g.tier == "" && l.SaysMax != nil
			g.limits[l] = known
		}
		k.limits = append(k.limits, known)
		k.keys = append(k.keys, limitKey(l.Name))
	}
	g.kinds[name] = k
	return k
}

func limitKey(name string) string { return "limit " + name }

// enter waits until a request of this name, which counts for limits, may go out.
// Every pass is given back with leave. The error is that of ctx.
func (g *gate) enter(ctx context.Context, name string, limits []*engine.Limit) (*pass, error) {
	g.mu.Lock()
	k := g.kind(name, limits)
	w := &waiter{arrival: g.arrived, since: g.now(), granted: make(chan *pass, 1)}
	g.arrived++
	k.waiting = append(k.waiting, w)
	g.let()
	g.mu.Unlock()
	select {
	case p := <-w.granted:
		return p, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, other := range k.waiting {
		if other == w {
			k.waiting = append(k.waiting[:i:i], k.waiting[i+1:]...)
			return nil, ctx.Err()
		}
	}
	g.back(<-w.granted, unsent, 0, nil)
	return nil, ctx.Err()
}

// leave gives a pass back, and says how the request fared. after is how long the
// API wants to be left alone, 0 if it does not say. said is what the answer says of
// limits.
func (g *gate) leave(p *pass, t trouble, after time.Duration, said []engine.Allowance) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.back(p, t, after, said)
}

func (g *gate) back(p *pass, t trouble, after time.Duration, said []engine.Allowance) {
	now := g.now()
	g.inFlight--
	var closed []string
	for _, a := range said {
		if l := g.limits[a.Limit]; l != nil {
			if a.Max < 0 {
				l.learn(t)
			}
			l.told(a, p.at, now)
		}
		if t == limited && a.Reached {
			closed = append(closed, limitKey(a.Limit.Name))
		}
	}
	switch t {
	case limited:
		if len(closed) > 0 {
			break
		}
		if closed = p.kind.keys[1:]; len(p.kind.limits) > 0 {
			closed = closed[1:] // others may have their own
		}
	case broken, refused:
		closed = []string{everything}
	case none:
		p.kind.success = now
	}
	for _, key := range p.kind.keys {
		if c := g.closures[key]; c != nil && t != unsent && c.until.Before(p.at) {
			delete(g.closures, key)
			if slices.Contains(closed, key) {
				g.close(key, c.pause, t, after)
			}
		} else if slices.Contains(closed, key) {
			g.close(key, 0, t, after)
		}
	}
	for _, key := range p.probes {
		if c := g.closures[key]; c != nil {
			c.probing = false
		}
	}
	g.let()
}

// close closes the gate for a key, before which it was closed for a pause.
func (g *gate) close(key string, before time.Duration, t trouble, after time.Duration) {
	now := g.now()
	pause := min(max(2*before, g.base/4), longestPause)
	switch {
	case after > 0:
		pause = after
	case t == refused:
		pause = probePause
	case t == limited:
		pause = max(pause, g.base)
	}
	until := now.Add(pause + spread(pause/4))
	if c := g.closures[key]; c != nil { // those that went out together fail together
		if until.After(c.until) && (after > 0 || t == refused) {
			c.until = until
		}
		if t > c.why {
			c.why = t
		}
		return
	}
	g.closures[key] = &closure{until: until, pause: pause, why: t}
}

// everything is the key of a closure for all requests.
const everything = ""

// let lets go those who may, first come, first served.
func (g *gate) let() {
	now := g.now()
	var wake time.Time
	for g.inFlight < g.most {
		var first *kind
		for _, k := range g.kinds {
			if len(k.waiting) == 0 || first != nil && first.waiting[0].arrival < k.waiting[0].arrival {
				continue
			}
			switch at, cause, ok := g.when(k); {
			case !ok:
				k.cause = cause
			case at.After(now):
				k.cause = cause
				if wake.IsZero() || at.Before(wake) {
					wake = at
				}
			default:
				first = k
			}
		}
		if first == nil {
			break
		}
		w := first.waiting[0]
		first.waiting = first.waiting[1:]
		p := &pass{kind: first, at: now}
		for _, l := range first.limits {
			l.take(now)
		}
		if len(g.closures) > 0 {
			for _, key := range first.keys {
				if c := g.closures[key]; c != nil {
					c.probing = true
					p.probes = append(p.probes, key)
				}
			}
		}
		g.inFlight++
		if d := now.Sub(w.since); g.waited != nil && d >= time.Millisecond {
			g.waited(cmp.Or(first.cause, "requests under way"), d)
		}
		first.cause = ""
		w.granted <- p
	}
	if wake.IsZero() {
		return
	}
	if g.timer == nil {
		g.timer = time.AfterFunc(wake.Sub(now), g.tick)
	} else {
		g.timer.Reset(wake.Sub(now))
	}
}

func (g *gate) tick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.let()
}

// when is the earliest time for a request of a kind, and what it waits for; ok is
// false while another one finds out whether trouble is over.
func (g *gate) when(k *kind) (at time.Time, cause string, ok bool) {
	for _, l := range k.limits {
		if next := l.when(); next.After(at) {
			at, cause = next, l.name
		}
	}
	if len(g.closures) == 0 {
		return at, cause, true
	}
	for _, key := range k.keys {
		c := g.closures[key]
		switch {
		case c == nil:
		case c.probing:
			return at, c.why.String(), false
		case c.until.After(at):
			at, cause = c.until, c.why.String()
		}
	}
	return at, cause, true
}

// reshare says which share of the limits is this process's.
func (g *gate) reshare(share float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.share = share
	for _, l := range g.limits {
		l.share = share
	}
}

// busy is how many requests are under way or wait; full tells that more of them would
// only wait.
func (g *gate) busy() (n int, full bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n = g.inFlight
	for _, k := range g.kinds {
		n += len(k.waiting)
	}
	c := g.closures[everything]
	return n, n >= g.most || c != nil && (c.probing || c.until.After(g.now()))
}

// spread returns some time up to d.
func spread(d time.Duration) time.Duration { return rand.N(d + 1) }

// successOf is when a request of this name last got through.
func (g *gate) successOf(name string) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if k := g.kinds[name]; k != nil {
		return k.success
	}
	return time.Time{}
}

// shut closes the gate for all, as a request that met this trouble would.
func (g *gate) shut(t trouble) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.close(everything, 0, t, 0)
}

// reopen lets a request find out whether this trouble is over, though its time is not.
func (g *gate) reopen(t trouble) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.closures {
		if c.why == t {
			c.until = g.now().Add(-1)
		}
	}
	g.let()
}
