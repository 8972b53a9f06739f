package queue

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/semaphore"
)

const (
	// batchEvents is how many events are placed together at the most: what they change
	// of the table is one message.
	batchEvents = 1024
	// underWay is how many bytes of events may be put and not stored yet.
	underWay = 4 << 20
	// linger is how long events may wait for others to fill a chunk, unless
	// somebody waits for them.
	linger = 50 * time.Millisecond
)

// Headers of a chunk, for those who count.
const (
	headerEvents = "Celmap-Events"
	headerBytes  = "Celmap-Bytes"
)

// desk is where all intakes of a process put their events. One goroutine gives them their
// lanes, in order; one for each partition stores them, chunk after chunk.
type desk struct {
	q       *Queue
	ctx     context.Context
	fail    context.CancelCauseFunc
	table   *table
	writers []*writer
	room    *semaphore.Weighted
	hurry   atomic.Int64  // how many wait until all is stored
	stored  atomic.Uint64 // the highest sequence that is known to be stored
	work    sync.WaitGroup

	mu      sync.Mutex
	waiting []put
	wake    chan struct{}
}

// put is an event on its way.
type put struct {
	event  Event
	lane   uint64 // of an event that is put back
	back   bool
	intake *Intake
	number int64 // of the intake
	index  int64 // of the source, where that has a cursor
}

// bytes is what an event costs memory while it is on its way.
func (e *Event) bytes() int64 { return min(int64(len(e.JSON))+256, underWay) }

// desk opens the desk with the first intake.
func (q *Queue) openDesk(ctx context.Context) (*desk, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ctx.Err() != nil {
		return nil, ErrClosed
	}
	if q.intake != nil {
		return q.intake, nil
	}
	d := &desk{q: q, table: newTable(q), room: semaphore.NewWeighted(underWay), wake: make(chan struct{}, 1)}
	if err := d.table.catchUp(ctx); err != nil {
		return nil, err
	}
	info, err := q.events.Info(ctx)
	if err != nil {
		return nil, err
	}
	d.stored.Store(info.State.LastSeq)
	d.ctx, d.fail = context.WithCancelCause(q.ctx)
	for p := range q.partitions {
		w := &writer{desk: d, partition: p, wake: make(chan struct{}, 1), space: make(chan struct{}, 1)}
		d.writers = append(d.writers, w)
		d.work.Go(w.run)
	}
	d.work.Go(d.run)
	q.intake = d
	return d, nil
}

// reserve waits until an event may be on its way.
func (d *desk) reserve(ctx context.Context, bytes int64) error {
	if err := context.Cause(d.ctx); err != nil {
		return err
	}
	if d.room.TryAcquire(bytes) {
		return nil
	}
	either, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(d.ctx, func() { cancel(context.Cause(d.ctx)) })()
	if err := d.room.Acquire(either, bytes); err != nil {
		return context.Cause(either)
	}
	return nil
}

func (d *desk) take(p put) {
	d.mu.Lock()
	d.waiting = append(d.waiting, p)
	d.mu.Unlock()
	nudge(d.wake)
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// rush has everything stored without waiting for more, until the returned function is called.
func (d *desk) rush() (enough func()) {
	d.hurry.Add(1)
	for _, w := range d.writers {
		nudge(w.wake)
	}
	return func() { d.hurry.Add(-1) }
}

func (d *desk) run() {
	var all []put
	for {
		clear(all)
		d.mu.Lock()
		all, d.waiting = d.waiting, all[:0]
		d.mu.Unlock()
		if len(all) == 0 {
			select {
			case <-d.ctx.Done():
				return
			case <-d.wake:
			}
			continue
		}
		for batch := range slices.Chunk(all, batchEvents) {
			if err := d.place(batch); err != nil {
				d.fail(err)
				return
			}
		}
	}
}

// place gives events their lanes, stores what they teach, and then passes them on.
func (d *desk) place(batch []put) error {
	if err := d.table.current(d.ctx); err != nil {
		return err
	}
	for len(batch) > 0 {
		n, entries, err := d.draw(batch)
		if err == errConflict {
			continue
		} else if err != nil {
			return err
		}
		for i := range entries {
			if err := d.writers[d.q.partition(entries[i].lane)].add(&batch[i], &entries[i]); err != nil {
				return err
			}
		}
		batch = batch[n:]
	}
	return nil
}

// draw places the first events of a batch: all, or those before one in which lanes meet. That
// one has to know what is stored of the lanes, and so comes first in a batch.
func (d *desk) draw(batch []put) (int, []entry, error) {
	draft := d.table.draft(time.Now())
	entries := make([]entry, 0, len(batch))
	for i := range batch {
		p := &batch[i]
		e := entry{lane: p.lane, index: p.index, origin: p.event.Origin, json: p.event.JSON}
		keys := p.event.Keys
		switch {
		case p.back:
		case len(keys) == 0:
			e.lane = rand.Uint64()
		case !draft.meet(keys):
			e.lane, e.barriers = draft.place(keys, 0)
		case i > 0:
			return i, entries, draft.commit(d.ctx)
		default:
			stored, err := d.settle()
			if err != nil {
				return 0, nil, err
			}
			e.lane, e.barriers = draft.place(keys, stored)
		}
		e.known = draft.known(p.event.Asks, p.event.Teaches)
		entries = append(entries, e)
	}
	return len(batch), entries, draft.commit(d.ctx)
}

// settle waits until all that was passed on is stored, and returns the last sequence of the stream.
func (d *desk) settle() (uint64, error) {
	defer d.rush()()
	for _, w := range d.writers {
		if err := w.drain(); err != nil {
			return 0, err
		}
	}
	var last uint64
	err := d.q.insist(d.ctx, "read", func(ctx context.Context) error {
		info, err := d.q.events.Info(ctx)
		if err == nil {
			last = info.State.LastSeq
		}
		return err
	})
	return last, err
}

// writer stores what comes into a partition, a chunk at a time: while one is on its way, the
// next one fills.
type writer struct {
	desk      *desk
	partition int
	wake      chan struct{} // there may be something to do
	space     chan struct{} // a chunk was taken, or stored

	mu      sync.Mutex
	open    pile
	spare   pile // with room for another
	flying  bool
	pressed bool // the desk waits
}

// pile is a chunk that fills. All of it is of one source.
type pile struct {
	entries []byte // after room for the chunk's head
	size    int64  // of the JSON
	first   time.Time
	puts    []placed
}

type placed struct {
	intake *Intake
	number int64
	bytes  int64
}

func (p *pile) takes(bytes int, in *Intake) bool {
	return len(p.puts) == 0 ||
		len(p.puts) < chunkEvents && len(p.entries)+bytes <= chunkBytes && p.puts[0].intake.id == in.id
}

// add appends an event to the open chunk. It waits while that is full.
func (w *writer) add(p *put, e *entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.open.takes(len(e.json), p.intake) {
		if err := w.wait(); err != nil {
			return err
		}
	}
	if len(w.open.puts) == 0 {
		w.open.first = time.Now()
		w.open.entries = append(w.open.entries[:0], make([]byte, chunkHead)...)
	}
	w.open.entries = appendEntry(w.open.entries, e)
	w.open.size += int64(len(e.json))
	w.open.puts = append(w.open.puts, placed{p.intake, p.number, p.event.bytes()})
	if n := len(w.open.puts); n == 1 || n == chunkEvents || len(w.open.entries) > chunkBytes/2 {
		nudge(w.wake)
	}
	return nil
}

// drain waits until nothing is open or on its way.
func (w *writer) drain() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.flying || len(w.open.puts) > 0 {
		if err := w.wait(); err != nil {
			return err
		}
	}
	return nil
}

// wait gives up the lock until something has changed. Only the desk's goroutine waits.
func (w *writer) wait() error {
	w.pressed = true
	w.mu.Unlock()
	defer w.mu.Lock()
	nudge(w.wake)
	select {
	case <-w.space:
		return nil
	case <-w.desk.ctx.Done():
		return context.Cause(w.desk.ctx)
	}
}

// take closes the open chunk if it is time; else it says when to look again.
func (w *writer) take() (pile, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flying = false
	if len(w.open.puts) == 0 {
		return pile{}, 0
	}
	if rest := linger - time.Since(w.open.first); rest > 0 && w.desk.hurry.Load() == 0 &&
		len(w.open.puts) < chunkEvents && len(w.open.entries) <= chunkBytes/2 && !w.pressed {
		return pile{}, rest
	}
	full := w.open
	w.open, w.spare = w.spare, pile{}
	w.flying, w.pressed = true, false
	return full, 0
}

// recycle has the memory of a chunk used again, unless one event alone took it.
func (w *writer) recycle(p pile) {
	if cap(p.entries) > 2*chunkBytes {
		p.entries = nil
	}
	clear(p.puts)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = pile{entries: p.entries, puts: p.puts[:0]}
}

func (w *writer) run() {
	d := w.desk
	notice := d.q.options.Name + ".stored." + strconv.Itoa(w.partition)
	timer := time.NewTimer(linger)
	for {
		full, rest := w.take()
		nudge(w.space)
		if len(full.puts) == 0 {
			if rest > 0 {
				timer.Reset(rest)
			}
			select {
			case <-d.ctx.Done():
				return
			case <-w.wake:
			case <-timer.C:
			}
			continue
		}
		store := func() (uint64, error) { return w.store(&full) }
		var sequence uint64
		var err error
		if d.q.embedded != nil {
			sequence, err = d.q.ledger.store(w.partition, full.size, int64(len(full.puts)), store)
		} else {
			sequence, err = store()
		}
		if err != nil {
			d.fail(err)
			return
		}
		for last := d.stored.Load(); last < sequence && !d.stored.CompareAndSwap(last, sequence); last = d.stored.Load() {
		}
		_ = d.q.conn.Publish(notice, nil) // a hint: workers look by themselves now and then
		var bytes int64
		for i := 0; i < len(full.puts); {
			j := i + 1
			for j < len(full.puts) && full.puts[j].intake == full.puts[i].intake {
				j++
			}
			full.puts[i].intake.landed(full.puts[i:j])
			i = j
		}
		for _, p := range full.puts {
			bytes += p.bytes
		}
		d.room.Release(bytes)
		w.recycle(full)
	}
}

func (w *writer) store(full *pile) (uint64, error) {
	message := nats.NewMsg(w.desk.q.options.Name + ".events." + strconv.Itoa(w.partition) + "." + full.puts[0].intake.id)
	message.Data = sealChunk(full.entries, len(full.puts))
	message.Header.Set(headerEvents, strconv.Itoa(len(full.puts)))
	message.Header.Set(headerBytes, strconv.FormatInt(full.size, 10))
	message.Header.Set(nats.MsgIdHdr, nats.NewInbox())
	return w.desk.q.publish(w.desk.ctx, message)
}
