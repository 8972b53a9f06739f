package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// readAhead is how many items of a partition wait to be handed out, before no
	// more of it is read.
	readAhead = 4096
	// deltas is how many messages tell of progress before a snapshot takes their place.
	deltas = 128
)

// share is a partition that a worker has. Its fields are guarded by the worker's
// lock, but those of one goroutine.
type share struct {
	w         *Worker
	partition int
	claim     uint32
	ctx       context.Context
	drop      context.CancelCauseFunc
	wake      chan struct{} // there may be something to read
	note      chan struct{} // there may be something to note

	renewed time.Time // when the lease was renewed last, as far as we know
	lease   uint64    // its revision
	leaving bool      // it goes to another worker, as soon as nothing is under way

	horizon   uint64 // the last chunk that was read
	chunks    map[uint64]*held
	done      items // of chunks beyond the horizon
	ready     []Item
	blocked   map[uint64][]*blocked // by their lane
	waits     map[uint64][]*wait    // by the lane that is waited for
	finishing []*finishing
	garbage   []removal

	// Of the goroutine that notes.
	last   uint64 // the last message of our progress
	stamp  stamp
	deltas int
}

// held is a chunk with items that are not finished.
type held struct {
	source string
	items  []Item // those that are finished are zero
	left   int
}

// blocked is an item that waits for other lanes, or is behind one that does.
type blocked struct {
	item  Item
	waits int // how many barriers are in its way
}

// wait is a barrier that an item has before it.
type wait struct {
	barrier
	item *blocked
	left int // how many items are in the way; not known of another partition
}

// removal is a chunk that is finished.
type removal struct {
	sequence uint64
	source   string
	finished time.Time
}

// claim takes a partition: from here on, nobody who had it before can note progress.
func (w *Worker) claim(ctx context.Context, partition int, lease uint64, renewed time.Time) error {
	q := w.q
	s := &share{
		w: w, partition: partition, lease: lease, renewed: renewed,
		wake: make(chan struct{}, 1), note: make(chan struct{}, 1),
		chunks: map[uint64]*held{}, blocked: map[uint64][]*blocked{}, waits: map[uint64][]*wait{},
	}
	w.mu.Lock()
	w.claims++
	s.claim = w.claims
	w.mu.Unlock()
	s.stamp.writer = w.id + uint64(s.claim)
	var p *progress
	for {
		var err error
		if p, _, s.last, err = q.readProgress(ctx, partition); err != nil {
			return err
		}
		if err = s.publish(ctx, appendSnapshot(nil, s.stamp, p), true); err == nil {
			break
		} else if !errors.Is(err, errConflict) {
			return err
		}
	}
	s.horizon, s.done = p.horizon, p.done
	s.ctx, s.drop = context.WithCancelCause(w.ctx)
	for _, sequence := range slices.Sorted(maps.Keys(p.open)) {
		if err := s.reopen(ctx, sequence, p.open); err != nil {
			s.lose(err)
			return err
		}
	}
	notice, err := q.conn.Subscribe(q.options.Name+".stored."+strconv.Itoa(partition), func(*nats.Msg) { nudge(s.wake) })
	if err != nil {
		s.lose(err)
		return fmt.Errorf("cannot listen for what is stored: %w", err)
	}
	context.AfterFunc(s.ctx, func() { _ = notice.Unsubscribe() })
	w.mu.Lock()
	w.shares[partition] = s
	w.announce()
	w.mu.Unlock()
	w.work.Go(s.read)
	w.work.Go(s.keepNotes)
	w.work.Go(s.tidy)
	return nil
}

// reopen reads a chunk again that was read before and has unfinished items.
func (s *share) reopen(ctx context.Context, sequence uint64, open items) error {
	m, err := s.w.q.get(ctx, s.w.q.events, sequence)
	if err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("message %d of the queue's events is gone, and %d of its events are not finished: "+
			"celmap does not remove such, somebody else has", sequence, len(open[sequence]))
	}
	entries, err := readChunk(m.Data)
	if err != nil {
		return unreadable(sequence, err)
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.add(m, entries, func(index int) bool { return !open.has(sequence, index) })
	return nil
}

// lose forgets the partition, which another worker has, or may have.
func (s *share) lose(why error) {
	w := s.w
	w.mu.Lock()
	defer w.mu.Unlock()
	s.drop(why)
	for _, c := range s.chunks {
		for i := range c.items {
			if !c.items[i].Stored.IsZero() {
				w.held--
				w.bytes -= c.items[i].bytes()
			}
		}
	}
	s.chunks, s.ready, s.blocked, s.waits = nil, nil, nil, nil
	if w.shares[s.partition] == s {
		w.shares[s.partition] = nil
	}
	w.q.ledger.restart()
	w.announce()
}

// read reads chunks, in order, while there is room.
func (s *share) read() {
	w, q := s.w, s.w.q
	subject := q.options.Name + ".events." + strconv.Itoa(s.partition) + ".*"
	timer := time.NewTimer(time.Second)
	for {
		w.mu.Lock()
		room := w.held < q.options.Hold && w.bytes < q.options.HoldBytes && len(s.ready) < readAhead && !s.leaving
		w.mu.Unlock()
		if room {
			m, err := q.next(s.ctx, q.events, subject, s.horizon+1)
			if err == nil && m != nil {
				err = s.take(m)
			}
			switch {
			case s.ctx.Err() != nil:
				return
			case err != nil:
				w.fail(err)
				return
			case m != nil:
				continue
			}
		}
		timer.Reset(time.Second)
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// take takes the next chunk in.
func (s *share) take(m *jetstream.RawStreamMsg) error {
	entries, err := readChunk(m.Data)
	if err != nil {
		return unreadable(m.Sequence, err)
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil
	}
	s.add(m, entries, func(index int) bool { return s.done.has(m.Sequence, index) })
	s.horizon = m.Sequence
	delete(s.done, m.Sequence)
	s.w.q.ledger.forget(s.partition, s.horizon)
	s.w.announce()
	return nil
}

// fail ends the worker's work: something is wrong with the queue that only people can mend.
func (w *Worker) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.trouble == nil {
		w.trouble = err
	}
	w.announce()
}

// add takes a chunk in; mu is held.
func (s *share) add(m *jetstream.RawStreamMsg, entries []entry, finished func(index int) bool) {
	c := &held{source: m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], items: make([]Item, len(entries))}
	s.chunks[m.Sequence] = c
	for i := range entries {
		if finished(i) {
			continue
		}
		e := &entries[i]
		c.items[i] = Item{
			ID:   ID{Partition: s.partition, Sequence: m.Sequence, Index: i},
			Lane: e.lane, JSON: e.json, Known: e.known, Origin: e.origin, Stored: m.Time, claim: s.claim,
		}
		c.left++
		s.w.held++
		s.w.bytes += c.items[i].bytes()
		s.admit(c.items[i], e.barriers)
	}
	s.sweep(m.Sequence, c)
}

// sweep lets go of a chunk that is finished; mu is held.
func (s *share) sweep(sequence uint64, c *held) {
	if c.left == 0 {
		delete(s.chunks, sequence)
		s.garbage = append(s.garbage, removal{sequence, c.source, time.Now()})
	}
}

// bytes is what an item costs memory, about.
func (i *Item) bytes() int64 { return int64(len(i.JSON)) + 256 }

// admit makes an item ready, or has it wait; mu is held.
func (s *share) admit(item Item, barriers []barrier) {
	queue, behind := s.blocked[item.Lane]
	if len(barriers) == 0 && !behind {
		s.ready = append(s.ready, item)
		return
	}
	b := &blocked{item: item}
	for _, barrier := range barriers {
		s.await(b, barrier)
	}
	if b.waits > 0 || behind {
		s.blocked[item.Lane] = append(queue, b)
	} else {
		s.ready = append(s.ready, item)
	}
}

// await registers what an item waits for, if anything; mu is held.
func (s *share) await(item *blocked, b barrier) {
	left := 0
	if s.w.q.partition(b.lane) == s.partition {
		// All that was stored before this item has been read.
		for sequence, c := range s.chunks {
			for i := range c.items {
				if sequence <= b.sequence && c.items[i].Lane == b.lane && !c.items[i].Stored.IsZero() {
					left++
				}
			}
		}
		if left == 0 {
			return
		}
	}
	item.waits++
	s.waits[b.lane] = append(s.waits[b.lane], &wait{b, item, left})
}

// pass ends waits for a lane; mu is held.
func (s *share) pass(lane uint64, over func(*wait) bool) {
	s.waits[lane] = slices.DeleteFunc(s.waits[lane], func(w *wait) bool {
		if !over(w) {
			return false
		}
		if w.item.waits--; w.item.waits == 0 {
			s.release(w.item.item.Lane)
		}
		return true
	})
	if len(s.waits[lane]) == 0 {
		delete(s.waits, lane)
	}
}

// release makes the first items of a lane ready that wait for nothing; mu is held.
func (s *share) release(lane uint64) {
	queue := s.blocked[lane]
	for len(queue) > 0 && queue[0].waits == 0 {
		s.ready = append(s.ready, queue[0].item)
		queue = queue[1:]
	}
	if s.blocked[lane] = queue; len(queue) == 0 {
		delete(s.blocked, lane)
	}
}

// settle notes that an item is finished; mu is held.
func (s *share) settle(sequence uint64, index int) {
	c := s.chunks[sequence]
	item := &c.items[index]
	s.w.held--
	s.w.bytes -= item.bytes()
	lane := item.Lane
	*item = Item{}
	c.left--
	s.sweep(sequence, c)
	if len(s.waits[lane]) > 0 {
		s.pass(lane, func(w *wait) bool {
			if sequence <= w.sequence {
				w.left--
			}
			return w.left == 0
		})
	}
}

// keepNotes notes what is finished: all that came in while the note before was on its way
// goes into the next.
func (s *share) keepNotes() {
	for {
		select {
		case <-s.ctx.Done():
			s.w.mu.Lock()
			calls := s.finishing
			s.finishing = nil
			s.w.mu.Unlock()
			answer(calls, context.Cause(s.ctx))
			return
		case <-s.note:
		}
		calls, finished, message, whole := s.collect()
		if len(finished) == 0 {
			answer(calls, nil)
			continue
		}
		switch err := s.publish(s.ctx, message, whole); {
		case err == nil:
			s.w.mu.Lock()
			for sequence, list := range finished {
				if s.ctx.Err() != nil {
					break // forgotten meanwhile
				}
				for _, index := range list {
					s.settle(sequence, index)
				}
			}
			for _, other := range s.w.shares {
				if other != nil {
					nudge(other.wake)
				}
			}
			s.w.announce()
			s.w.mu.Unlock()
			answer(calls, nil)
		case errors.Is(err, errConflict):
			s.w.q.log.Warn("another worker has taken over a part of the queue", "partition", s.partition)
			s.lose(ErrLost)
			answer(calls, ErrLost)
		default:
			answer(calls, err)
			if s.ctx.Err() == nil {
				s.w.fail(err)
			}
		}
	}
}

func answer(calls []*finishing, err error) {
	for _, f := range calls {
		f.err = err
		close(f.noted)
	}
}

// collect takes the calls of Finish that wait, and writes what they finish: now and then with
// all the rest, so that what was written before can go.
func (s *share) collect() (calls []*finishing, finished items, message []byte, whole bool) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	calls, s.finishing = s.finishing, nil
	finished = items{}
	for _, f := range calls {
		for _, id := range f.ids {
			// What is finished already, or never was here, is nothing to note.
			if c := s.chunks[id.Sequence]; c != nil && id.Index < len(c.items) && !c.items[id.Index].Stored.IsZero() {
				finished.add(id.Sequence, id.Index)
			}
		}
	}
	s.stamp.number++
	if s.deltas++; s.deltas < deltas {
		return calls, finished, appendDelta(nil, s.stamp, finished), false
	}
	s.deltas = 0
	p := progress{horizon: s.horizon, open: items{}, done: s.done}
	for sequence, c := range s.chunks {
		for i := range c.items {
			if !c.items[i].Stored.IsZero() && !finished.has(sequence, i) {
				p.open[sequence] = append(p.open[sequence], i)
			}
		}
	}
	return calls, finished, appendSnapshot(nil, s.stamp, &p), true
}

// publish stores a message of progress after the last that is known. errConflict means that
// another worker has stored one.
func (s *share) publish(ctx context.Context, message []byte, whole bool) error {
	q := s.w.q
	m := nats.NewMsg(q.progressSubject(s.partition))
	m.Data = message
	if whole {
		m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	}
	sequence, err := q.publish(ctx, m, jetstream.WithExpectLastSequencePerSubject(s.last))
	if errors.Is(err, errConflict) {
		// It may be our own, whose answer was lost.
		_, stamp, last, failed := q.readProgress(ctx, s.partition)
		if failed != nil {
			return failed
		}
		if stamp != s.stamp {
			return err
		}
		sequence = last
	} else if err != nil {
		return err
	}
	s.last = sequence
	return nil
}
