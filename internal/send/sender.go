// Package send delivers what is in a queue: it maps events, gathers them in
// requests, sends those as the API allows, and finds out what became of each event.
//
// Events of one lane are applied in their order: while one is under way or has to be
// tried again, those behind it wait. That an event is finished is stored before the
// next one of its lane goes out. Lanes do not wait for each other.
package send

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/outbound"
	"github.com/celmap/celmap/internal/queue"
)

// Worker is where items come from; *queue.Worker is one. Its methods are called
// concurrently.
type Worker interface {
	Next(ctx context.Context, most int) ([]queue.Item, error)
	Finish(ctx context.Context, done []queue.ID, dead []queue.Dead) error
	Owned(item queue.Item) bool
	Share() float64
}

// Options is what a sender works with. Zero fields that have a default mean that.
type Options struct {
	Worker   Worker
	Host     *lookup.Host
	Client   *outbound.Client
	Program  *engine.Program
	Config   []byte                // of the destination, a JSON object
	Portal   map[string][]byte     // portal data that is known beforehand
	Answers  *engine.StaticAnswers // of lookups, likewise; may be nil
	Tier     string                // of what the API sells, or NoTier; default what its answers tell, and until then the first that the rules name
	Workers  int                   // requests in flight; default 16
	Attempts int                   // how often an item is tried for reasons of its own; default 10

	// Refresh reads the config again, whose token may have been changed; nil cannot.
	Refresh func() ([]byte, error)
	Tally   *Tally       // counts what is done; default one of its own
	Log     *slog.Logger // of what operators should know; default nobody reads

	Timeout time.Duration // of a request; default 10 s, half of a lease
	Base    time.Duration // first pause before a retry; default 1 s
}

// NoTier in place of a tier means that the limits of the rules do not count: only
// what the API's answers say of limits does.
const NoTier = "none"

const (
	runSize     = 1000                  // items that are mapped together
	fullEnough  = 100                   // items that are mapped without waiting for more
	gatherTime  = 20 * time.Millisecond // how long fewer items wait for more
	mostRetry   = 5 * time.Minute       // between two tries of an item
	mostTrouble = time.Minute           // the same, where the trouble is not the item's
	grace       = 15 * time.Second      // for what is under way when the sender is stopped
)

// Sender delivers the items of one worker. Its methods are safe for concurrent use.
type Sender struct {
	o    Options
	gate *gate
	kick chan struct{}
	life context.Context // ends when nothing is started any more
	die  context.CancelFunc

	mu     sync.Mutex
	lanes  *lanes
	config []byte
	hide   *strings.Replacer       // the secrets of the config
	unread string                  // why the config could not be read again, as it was told last
	runs   int                     // that are not mapped yet
	since  time.Time               // when items began to wait for more
	known  map[queue.Memory]string // of the items of the run that is put together
	err    error
	stop   context.CancelCauseFunc
}

// New returns a sender that does nothing yet.
func New(o Options) *Sender {
	o.Workers, o.Attempts = cmp.Or(o.Workers, 16), cmp.Or(o.Attempts, 10)
	o.Timeout, o.Base = cmp.Or(o.Timeout, 10*time.Second), cmp.Or(o.Base, time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	least := ""
	if tiers := o.Program.Tiers(); len(tiers) > 0 {
		least = tiers[0]
	}
	if o.Tally == nil {
		o.Tally = NewTally()
	}
	s := &Sender{o: o, gate: newGate(o.Workers, o.Base, o.Tier, least), lanes: newLanes(), known: map[queue.Memory]string{}, kick: make(chan struct{}, 1)}
	s.gate.waited = o.Tally.Waited
	s.life, s.die = context.WithCancel(context.Background())
	s.use(o.Config)
	return s
}

// Run delivers until ctx ends: then nothing is started any more, what is under way
// is finished within some seconds, and the rest stays in the queue. The error is nil
// then, and else says why delivery cannot go on. A sender runs once.
func (s *Sender) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	s.stop = stop
	defer stop(nil)
	context.AfterFunc(ctx, s.die)
	var all sync.WaitGroup
	all.Go(func() { s.feed(ctx) })
	all.Go(func() { s.watch(ctx) })
	// What is under way outlives ctx.
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, abandon) })
	s.dispatch(ctx, func(entries []*entry) {
		all.Go(func() {
			s.perform(ctx, work, entries, s.mapped, s.putBack)
		})
	})
	all.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// fail ends the run with an error.
func (s *Sender) fail(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	s.stop(err)
}

// feed takes items from the queue.
func (s *Sender) feed(ctx context.Context) {
	for {
		items, err := s.o.Worker.Next(ctx, runSize)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.fail(err)
			return
		}
		s.gate.reshare(s.o.Worker.Share())
		s.mu.Lock()
		s.lanes.add(items)
		if s.since.IsZero() {
			s.since = time.Now()
		}
		s.mu.Unlock()
		s.wake()
	}
}

func (s *Sender) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// dispatch starts runs until ctx ends.
func (s *Sender) dispatch(ctx context.Context, start func([]*entry)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		entries, wait := s.next(time.Now())
		if entries != nil {
			start(entries)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-s.kick:
		case <-timer.C:
		}
	}
}

// next returns the items of the next run, or how long to wait at the most before
// asking again.
func (s *Sender) next(now time.Time) ([]*entry, time.Duration) {
	const idle = 50 * time.Millisecond
	busy, full := s.gate.busy()
	if full {
		return nil, idle
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs >= runtime.GOMAXPROCS(0) {
		return nil, idle
	}
	s.lanes.wake(now)
	if s.lanes.ready.Len() == 0 {
		if at := s.lanes.next(); !at.IsZero() {
			return nil, min(idle, at.Sub(now))
		}
		s.since = time.Time{}
		return nil, idle
	}
	if s.since.IsZero() {
		s.since = now
	}
	if gathered := now.Sub(s.since); busy+s.runs > 0 && s.lanes.ready.Len() < fullEnough && gathered < gatherTime {
		return nil, gatherTime - gathered
	}
	s.since = time.Time{}
	clear(s.known)
	first, alone := true, false
	entries := s.lanes.take(now, runSize, func(e *entry) bool {
		if alone || e.alone && !first || !remember(s.known, e.Known) {
			return false
		}
		first, alone = false, e.alone
		return true
	})
	if len(entries) == 0 {
		return nil, idle
	}
	s.runs++
	return entries, 0
}

// remember adds memories of an item to those of a run. It is false where the run
// knows something else by then: what an item knows is as old as the item.
func remember(known map[queue.Memory]string, of []queue.Memory) bool {
	for _, m := range of {
		if value, ok := known[queue.Memory{Lookup: m.Lookup, Key: m.Key}]; ok && value != m.Value {
			return false
		}
	}
	for _, m := range of {
		known[queue.Memory{Lookup: m.Lookup, Key: m.Key}] = m.Value
	}
	return true
}

// putBack ends that an item is out. One that is another worker's now is forgotten.
func (s *Sender) putBack(e *entry, finished bool, until time.Time) {
	finished = finished || !s.o.Worker.Owned(e.Item)
	s.mu.Lock()
	s.lanes.putBack(e, finished, until)
	s.mu.Unlock()
	s.wake()
}

// mapped tells that a run is.
func (s *Sender) mapped() {
	s.mu.Lock()
	s.runs--
	s.mu.Unlock()
	s.wake()
}

// forget drops the items that are another worker's now.
func (s *Sender) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lanes.drop(func(e *entry) bool { return !s.o.Worker.Owned(e.Item) })
}

// destination is what items are mapped for.
func (s *Sender) destination() lookup.Destination {
	s.mu.Lock()
	defer s.mu.Unlock()
	return lookup.Destination{Program: s.o.Program, Config: s.config, Portal: s.o.Portal, Delivers: true}
}

// Admit lets the call of a lookup go out, which counts for the same limits as
// deliveries do. It is for lookup.Options.
func (s *Sender) Admit(c *engine.Call) (answered func(engine.Answer)) {
	if len(c.Limits) == 0 {
		return func(engine.Answer) {}
	}
	p, err := s.gate.enter(s.life, "lookup "+c.Name, c.Limits)
	if err != nil {
		return func(engine.Answer) {} // the sender ends, and nobody waits for the answer
	}
	return func(answer engine.Answer) {
		said, err := c.Allowances(answer)
		if err != nil {
			s.o.Log.Warn("what an answer says of limits cannot be read", "lookup", c.Name)
		}
		switch {
		case answer.Status == http.StatusTooManyRequests:
			s.gate.leave(p, limited, 0, said)
		case answer.Status/100 == 2:
			s.gate.leave(p, none, 0, said)
		default: // what it means is for the lookup's rules
			s.gate.leave(p, unsent, 0, said)
		}
	}
}

// watch reads the config again every second while the API refuses this sender, so that
// one who sets the token right sees at once that it is.
func (s *Sender) watch(ctx context.Context) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if s.o.Tally.Paused() != "" && s.refresh(s.destination().Config) {
			s.o.Log.Info("the config has changed: a request tries it")
			s.gate.reopen(refused)
		}
	}
}

// refresh reads the config again, unless others did after used was read. It tells
// whether there is another one now.
func (s *Sender) refresh(used []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if string(s.config) != string(used) {
		return true
	}
	if s.o.Refresh == nil {
		return false
	}
	config, err := s.o.Refresh()
	if err != nil {
		if err.Error() != s.unread {
			s.unread = err.Error()
			s.o.Log.Error("the config cannot be read again", "error", err)
		}
		return false
	}
	s.unread = ""
	changed := string(config) != string(s.config)
	s.use(config)
	return changed
}

// use has items mapped with a config from now on.
func (s *Sender) use(config []byte) {
	s.config = config
	var pairs []string
	for _, secret := range s.o.Program.Secrets(config) {
		if secret != "" {
			pairs = append(pairs, secret, value.Redacted)
		}
	}
	s.hide = strings.NewReplacer(pairs...)
}

// conceal returns what removes secrets from texts of the API.
func (s *Sender) conceal() *strings.Replacer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hide
}

// finish notes what became of items. It is durable when it returns true; false says
// that delivery ends.
func (s *Sender) finish(ctx context.Context, done []queue.ID, dead []queue.Dead) bool {
	err := s.o.Worker.Finish(ctx, done, dead)
	switch {
	case errors.Is(err, queue.ErrLost):
		s.forget()
	case err != nil:
		s.fail(err)
		return false
	}
	return true
}

// pause tells, once, that the API takes nothing from this sender.
func (s *Sender) pause(reason string) {
	told := s.o.Tally.Paused() != ""
	s.o.Tally.Pause(reason)
	if !told {
		s.o.Log.Error("delivery is paused: the API refuses this sender. Nothing is lost: set the token or its permissions right; it is tried again every minute, and when the config changes", "reason", reason)
	}
}

// resume tells, once, that the API takes requests again.
func (s *Sender) resume() {
	if s.o.Tally.Paused() != "" {
		s.o.Tally.Resume()
		s.o.Log.Info("delivery goes on: the API takes requests again")
	}
}

// backoff is how long to wait before a try, after some that failed: any time up to
// a bound that doubles.
func backoff(base time.Duration, failed int, most time.Duration) time.Duration {
	bound := most
	if shift := max(failed-1, 0); shift < 20 && base<<shift < most {
		bound = base << shift
	}
	return bound/10 + spread(bound-bound/10)
}
