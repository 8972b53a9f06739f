package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Worker takes items out of the queue. It is safe for concurrent use.
type Worker struct {
	q    *Queue
	id   uint64
	ctx  context.Context
	stop context.CancelCauseFunc
	work sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed and made anew when something has changed
	shares  [Partitions]*share
	claims  uint32 // how many partitions were taken
	turn    int    // whose items are handed out next
	held    int    // items that are not finished
	bytes   int64
	trouble error // ends all calls of Next
}

// Work starts to take items. A process has one worker. Where the queue is in a cluster,
// the workers of all processes share the partitions.
func (q *Queue) Work(ctx context.Context) (*Worker, error) {
	if q.guest {
		return nil, ErrGuest
	}
	w := &Worker{q: q, id: rand.Uint64(), changed: make(chan struct{})}
	w.ctx, w.stop = context.WithCancelCause(q.ctx)
	q.mu.Lock()
	if q.worker != nil {
		q.mu.Unlock()
		return nil, errors.New("the queue has a worker already")
	}
	q.worker = w
	q.mu.Unlock()
	if q.leases != nil {
		w.work.Go(w.keepLeases)
		return w, nil
	}
	for p := range q.partitions {
		if err := w.claim(ctx, p, 0, time.Time{}); err != nil {
			_ = w.Close()
			return nil, err
		}
	}
	return w, nil
}

// Close hands the partitions to others, and ends calls of Next with an error.
func (w *Worker) Close() error {
	w.stop(ErrClosed)
	w.work.Wait()
	w.q.mu.Lock()
	defer w.q.mu.Unlock()
	if w.q.worker == w {
		w.q.worker = nil
	}
	return nil
}

// announce wakes all that wait for a change; mu is held.
func (w *Worker) announce() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// Next waits until there are items, and returns up to most of them. The items of a lane come
// in order, one call after the other; those that have to wait for another lane come
// when they may. What is handed out is not handed out again while this worker has its
// partition. It waits, too, while this worker has as much as it may hold: finish
// something at the same time.
func (w *Worker) Next(ctx context.Context, most int) ([]Item, error) {
	for {
		w.mu.Lock()
		if w.trouble != nil {
			defer w.mu.Unlock()
			return nil, w.trouble
		}
		var taken []Item
		for range w.shares {
			s := w.shares[w.turn]
			w.turn = (w.turn + 1) % len(w.shares)
			if s == nil || len(s.ready) == 0 || w.expired(s) {
				continue
			}
			n := min(most-len(taken), len(s.ready))
			taken = append(taken, s.ready[:n]...)
			clear(s.ready[:n])
			if s.ready = s.ready[n:]; len(s.ready) < readAhead/2 {
				nudge(s.wake)
			}
			if len(taken) == most {
				break
			}
		}
		changed := w.changed
		w.mu.Unlock()
		if len(taken) > 0 {
			return taken, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-w.ctx.Done():
			return nil, context.Cause(w.ctx)
		case <-changed:
		}
	}
}

// expired tells that a share's lease is too old to start anything; mu is held.
func (w *Worker) expired(s *share) bool {
	return w.q.leases != nil && (s.leaving || time.Since(s.renewed) > w.q.options.Lease*2/5)
}

// Owned tells whether an item is this worker's now. Ask before a request is started for
// it, which may take half of Options.Lease at the most. An item that is not owned any
// more is to be forgotten: it comes again, here or in another process.
func (w *Worker) Owned(item Item) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.shares[item.ID.Partition]
	return s != nil && s.claim == item.claim && (w.q.leases == nil || time.Since(s.renewed) <= w.q.options.Lease*2/5)
}

// Share is which share of all partitions is this worker's, from 0 to 1.
func (w *Worker) Share() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.shares {
		if s != nil {
			n++
		}
	}
	return float64(n) / float64(w.q.partitions)
}

// Dead is an item that cannot be delivered.
type Dead struct {
	ID   ID
	Note json.RawMessage // why: JSON of the caller's, without secrets
}

// Finish notes that items are done, and stores dead letters for those that
// never will be. It is durable when it returns nil: they do not come again. A lane's next
// item may be applied only then. ErrLost (errors.Is) means that some of the partitions went
// to another worker, and that nothing is known of their items; the others are noted. Any
// number of calls may be under way: those for one partition are stored together.
func (w *Worker) Finish(ctx context.Context, done []ID, dead []Dead) error {
	if len(dead) > 0 {
		if err := w.bury(ctx, dead); err != nil {
			return err
		}
		done = slices.Clone(done)
		for _, d := range dead {
			done = append(done, d.ID)
		}
	}
	var all [Partitions][]ID
	for _, id := range done {
		all[id.Partition] = append(all[id.Partition], id)
	}
	var calls []*finishing
	lost := false
	w.mu.Lock()
	for p, ids := range all {
		if len(ids) == 0 {
			continue
		}
		s := w.shares[p]
		if s == nil {
			lost = true
			continue
		}
		f := &finishing{ids: ids, noted: make(chan struct{})}
		s.finishing = append(s.finishing, f)
		nudge(s.note)
		calls = append(calls, f)
	}
	w.mu.Unlock()
	var failed error
	for _, f := range calls {
		select {
		case <-f.noted:
			lost = lost || f.err == ErrLost
			if f.err != nil && f.err != ErrLost {
				failed = cmp.Or(failed, f.err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if lost {
		failed = errors.Join(failed, ErrLost)
	}
	return failed
}

// finishing is a call of Finish, as far as it concerns one partition.
type finishing struct {
	ids   []ID
	noted chan struct{}
	err   error // once noted is closed
}
