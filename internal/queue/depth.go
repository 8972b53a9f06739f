package queue

import (
	"cmp"
	"context"
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

// ledger is what chunks hold that no worker has read yet, as far as their headers were read.
type ledger struct {
	mu     sync.Mutex
	chunks [Partitions][]line
	read   uint64
}

// line is a chunk in the ledger.
type line struct {
	sequence uint64
	events   int64
	bytes    int64
	stored   time.Time
}

// Depth measures the queue. It costs a message for each chunk that came since
// the last call; once a second is fine.
func (q *Queue) Depth(ctx context.Context) (Depth, error) {
	var depth Depth
	l := &q.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	err := q.scan(ctx, q.events, jetstream.ConsumerConfig{HeadersOnly: true}, l.read+1, 16, // the server holds a chunk while its headers are on their way
		func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
			l.read = meta.Sequence.Stream
			parts := strings.Split(m.Subject(), ".")
			partition, err := strconv.Atoi(parts[max(len(parts)-2, 0)])
			if err != nil || partition < 0 || partition >= Partitions {
				return nil // not ours
			}
			number := func(header string) int64 {
				n, _ := strconv.ParseInt(m.Headers().Get(header), 10, 64)
				return n
			}
			l.chunks[partition] = append(l.chunks[partition], line{l.read, number(headerEvents), number(headerBytes), meta.Timestamp})
			return nil
		})
	if err != nil {
		return depth, err
	}
	for partition := range q.partitions {
		d, horizon, done, err := q.reached(ctx, partition)
		if err != nil {
			return depth, err
		}
		lines := l.chunks[partition]
		first, _ := slices.BinarySearchFunc(lines, horizon+1, func(l line, s uint64) int { return cmp.Compare(l.sequence, s) })
		lines = slices.Clone(lines[first:])
		l.chunks[partition] = lines
		for _, line := range lines {
			left := line.events - int64(len(done[line.sequence]))
			if left <= 0 {
				continue
			}
			d.Events += left
			d.Bytes += line.bytes * left / line.events
			if d.Oldest.IsZero() {
				d.Oldest = line.stored
			}
		}
		depth.Events += d.Events
		depth.Bytes += d.Bytes
		if !d.Oldest.IsZero() && (depth.Oldest.IsZero() || d.Oldest.Before(depth.Oldest)) {
			depth.Oldest = d.Oldest
		}
	}
	err = q.insist(ctx, "count dead letters", func(ctx context.Context) error {
		info, err := q.dead.Info(ctx)
		if err == nil {
			depth.Dead = int64(info.State.Msgs)
		}
		return err
	})
	return depth, err
}

// reached measures the part of a partition that was read by its worker, and tells how far that is.
func (q *Queue) reached(ctx context.Context, partition int) (d Depth, horizon uint64, done items, err error) {
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
			return d, s.horizon, nil, nil
		}
		w.mu.Unlock()
		defer w.mu.Lock()
	}
	p, _, _, err := q.readProgress(ctx, partition)
	if err != nil {
		return d, 0, nil, err
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
			return d, 0, nil, err
		}
		if m != nil {
			d.Oldest = m.Time
			if n, err := chunkSize(m.Data); err == nil && n > 0 {
				d.Bytes = d.Events * int64(len(m.Data)) / int64(n) // its events stand for the others
			}
		}
	}
	return d, p.horizon, p.done, nil
}
