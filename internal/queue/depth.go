package queue

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Depth is what is in a queue.
type Depth struct {
	Events int64     // that are not finished
	Bytes  int64     // of their JSON, about
	Oldest time.Time // when the oldest of them was stored; zero without one
	Dead   int64     // dead letters
}

// ledger is what chunks hold that no worker of this process has read. In a folder's queue they are
// written down as they are stored: to read their headers, its server would read them again, and keep them
// in this process. Headers are read of what was there before, and of what others store.
type ledger struct {
	reading sync.Mutex // one at a time reads headers

	mu     sync.Mutex
	read   uint64             // all chunks up to it are known,
	ours   span               // and these, which this process stored one after the other
	flying int                // chunks of ours that may be stored, and are not written down
	chunks [Partitions][]line // in order
	again  bool               // all of it is to be read anew
}

// span is the sequences of the stream from first to last.
type span struct{ first, last uint64 }

// line is a chunk in the ledger.
type line struct {
	sequence uint64
	stored   int64 // in nanoseconds
	bytes    int64
	events   int64
}

// store stores a chunk and writes it down.
func (l *ledger) store(partition int, bytes, events int64, store func() (uint64, error)) (uint64, error) {
	l.mu.Lock()
	l.flying++
	l.mu.Unlock()
	sequence, err := store()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flying--
	if err != nil {
		return 0, err
	}
	if sequence != l.ours.last+1 {
		l.ours.first = sequence
	}
	l.ours.last = sequence
	l.join()
	l.insert(partition, line{sequence, time.Now().UnixNano(), bytes, events})
	return sequence, nil
}

// join notes that chunks of ours follow those that are known; mu is held.
func (l *ledger) join() {
	if l.ours.first <= l.read+1 {
		l.read = max(l.read, l.ours.last)
	}
}

// insert writes down a chunk unless it is there; mu is held.
func (l *ledger) insert(partition int, c line) {
	if at, ok := l.find(partition, c.sequence); !ok {
		l.chunks[partition] = slices.Insert(l.chunks[partition], at, c)
	}
}

func (l *ledger) find(partition int, sequence uint64) (int, bool) {
	return slices.BinarySearchFunc(l.chunks[partition], sequence, func(c line, s uint64) int { return cmp.Compare(c.sequence, s) })
}

// unknown is which chunks are not known of a stream that ends with last. What follows our own may be
// ours, too, as long as one is on its way.
func (l *ledger) unknown(last uint64) span {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.again {
		l.read, l.ours, l.chunks, l.again = 0, span{}, [Partitions][]line{}, false
	}
	l.join()
	switch {
	case l.ours.first > l.read:
		last = min(last, l.ours.first-1)
	case l.flying > 0 && l.ours.last > 0:
		last = 0
	}
	return span{l.read + 1, last}
}

// reach notes that all chunks up to one are known, or gone.
func (l *ledger) reach(sequence uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read = max(l.read, sequence)
}

// forget strikes out the chunks of a partition up to one, which a worker of this process has read.
func (l *ledger) forget(partition int, horizon uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trim(partition, horizon)
}

// trim is forget; mu is held.
func (l *ledger) trim(partition int, horizon uint64) {
	n, _ := l.find(partition, horizon+1)
	if l.chunks[partition] = l.chunks[partition][n:]; len(l.chunks[partition]) == 0 {
		l.chunks[partition] = nil // else what was before keeps its memory
	}
}

// restart has all read anew: what a worker had read is another's now, who may have to read it again.
func (l *ledger) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = true
}

// readHeaders completes the ledger.
func (q *Queue) readHeaders(ctx context.Context) error {
	l := &q.ledger
	l.reading.Lock()
	defer l.reading.Unlock()
	var last uint64
	err := q.insist(ctx, "read", func(ctx context.Context) error {
		info, err := q.events.Info(ctx)
		if err == nil {
			last = info.State.LastSeq
		}
		return err
	})
	if err != nil {
		return err
	}
	for {
		unknown := l.unknown(last)
		if unknown.first > unknown.last {
			return nil
		}
		if err := q.readHeadersOf(ctx, unknown); err != nil {
			return err
		}
		l.reach(unknown.last)
	}
}

var errKnown = errors.New("what follows is known")

func (q *Queue) readHeadersOf(ctx context.Context, chunks span) error {
	l := &q.ledger
	err := q.scan(ctx, q.events, jetstream.ConsumerConfig{HeadersOnly: true}, chunks.first, 16, // the server holds a chunk while its headers are on their way
		func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
			if meta.Sequence.Stream > chunks.last {
				return errKnown
			}
			parts := strings.Split(m.Subject(), ".")
			partition, err := strconv.Atoi(parts[max(len(parts)-2, 0)])
			if err != nil || partition < 0 || partition >= Partitions {
				return nil // not ours
			}
			number := func(header string) int64 {
				n, _ := strconv.ParseInt(m.Headers().Get(header), 10, 64)
				return n
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.insert(partition, line{meta.Sequence.Stream, meta.Timestamp.UnixNano(), number(headerBytes), number(headerEvents)})
			return nil
		})
	if errors.Is(err, errKnown) {
		return nil
	}
	return err
}

// Depth measures the queue. It costs a message for each chunk that other processes have stored since
// the last call; once a second is fine.
func (q *Queue) Depth(ctx context.Context) (Depth, error) {
	var depth Depth
	if err := q.readHeaders(ctx); err != nil {
		return depth, err
	}
	for partition := range q.partitions {
		d, err := q.measure(ctx, partition)
		if err != nil {
			return depth, err
		}
		depth.Events += d.Events
		depth.Bytes += d.Bytes
		if !d.Oldest.IsZero() && (depth.Oldest.IsZero() || d.Oldest.Before(depth.Oldest)) {
			depth.Oldest = d.Oldest
		}
	}
	err := q.insist(ctx, "count dead letters", func(ctx context.Context) error {
		info, err := q.dead.Info(ctx)
		if err == nil {
			depth.Dead = int64(info.State.Msgs)
		}
		return err
	})
	return depth, err
}

// measure measures a partition: what its worker has read, and what is beyond that.
func (q *Queue) measure(ctx context.Context, partition int) (d Depth, err error) {
	q.mu.Lock()
	w := q.worker
	q.mu.Unlock()
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if s := w.shares[partition]; s != nil {
			for _, c := range s.chunks {
				for i := range c.items {
					if item := &c.items[i]; !item.Stored.IsZero() {
						d.Events++
						d.Bytes += int64(len(item.JSON))
						if d.Oldest.IsZero() || item.Stored.Before(d.Oldest) {
							d.Oldest = item.Stored
						}
					}
				}
			}
			q.ledger.ahead(partition, s.horizon, s.done, &d) // nothing is read in between
			return d, nil
		}
		w.mu.Unlock()
		defer w.mu.Lock()
	}
	p, _, _, err := q.readProgress(ctx, partition)
	if err != nil {
		return d, err
	}
	oldest := uint64(0)
	for sequence, list := range p.open {
		d.Events += int64(len(list))
		if oldest == 0 || sequence < oldest {
			oldest = sequence
		}
	}
	if oldest > 0 {
		m, err := q.get(ctx, q.events, oldest)
		if err != nil {
			return d, err
		}
		if m != nil {
			d.Oldest = m.Time
			if n, err := chunkSize(m.Data); err == nil && n > 0 {
				d.Bytes = d.Events * int64(len(m.Data)) / int64(n) // its events stand for the others
			}
		}
	}
	q.ledger.ahead(partition, p.horizon, p.done, &d)
	return d, nil
}

// ahead adds to a depth what a partition has beyond a chunk, but for what is done there.
func (l *ledger) ahead(partition int, horizon uint64, done items, d *Depth) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trim(partition, horizon)
	for _, c := range l.chunks[partition] {
		left := c.events - int64(len(done[c.sequence]))
		if left <= 0 {
			continue
		}
		d.Events += left
		d.Bytes += c.bytes * left / c.events
		if d.Oldest.IsZero() {
			d.Oldest = time.Unix(0, c.stored)
		}
	}
}
