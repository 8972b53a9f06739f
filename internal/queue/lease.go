package queue

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Keys in the bucket of leases. An entry is gone when it was not written for
// Options.Lease.
const (
	memberKey    = "member."    // and a worker's id: it lives
	partitionKey = "partition." // and a number: the value is the id of the worker that has it
)

// keepLeases takes a fair part of the partitions, keeps it, and gives it back at the end.
func (w *Worker) keepLeases() {
	every := w.q.options.Lease * 3 / 20
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		round, cancel := context.WithTimeout(w.ctx, w.q.options.Lease)
		if err := w.renew(round); err != nil && w.ctx.Err() == nil {
			w.q.log.Warn("leases cannot be renewed: trying again", "error", err)
		}
		cancel()
		select {
		case <-w.ctx.Done():
			w.giveBack()
			return
		case <-ticks.C:
		}
	}
}

func (w *Worker) name() string { return strconv.FormatUint(w.id, 36) }

// renew goes once through all leases.
func (w *Worker) renew(ctx context.Context) error {
	q := w.q
	w.mu.Lock()
	shares := w.shares
	w.mu.Unlock()
	for p, s := range shares {
		if s == nil {
			continue
		}
		// Counted from before it is asked for: the bucket counts from later.
		now := time.Now()
		revision, err := q.leases.Update(ctx, partitionKey+strconv.Itoa(p), []byte(w.name()), s.lease)
		switch {
		case err == nil:
			w.mu.Lock()
			late := w.expired(s)
			if s.lease, s.renewed = revision, now; late {
				w.announce() // Next passed it over
			}
			w.mu.Unlock()
		case errors.Is(err, jetstream.ErrKeyExists) || time.Since(s.renewed) > q.options.Lease:
			q.log.Warn("a part of the queue is another worker's now: its lease was not renewed in time", "partition", p)
			s.lose(ErrLost)
		default:
			return err
		}
	}
	if _, err := q.leases.Put(ctx, memberKey+w.name(), nil); err != nil {
		return err
	}
	return w.balance(ctx)
}

// balance takes partitions that nobody has, and gives away those that others should have.
func (w *Worker) balance(ctx context.Context) error {
	q, start := w.q, time.Now()
	keys, err := q.leases.ListKeys(ctx)
	if err != nil {
		return err
	}
	var members []string
	taken := map[string]bool{}
	for key := range keys.Keys() {
		if id, ok := strings.CutPrefix(key, memberKey); ok {
			members = append(members, id)
		} else {
			taken[key] = true
		}
	}
	slices.Sort(members)
	place := slices.Index(members, w.name())
	if place < 0 {
		return nil
	}
	// The first ones have one more, where it does not come out even.
	fair := (q.partitions + len(members) - 1 - place) / len(members)
	w.mu.Lock()
	shares := w.shares
	mine := 0
	for _, s := range shares {
		if s == nil {
			continue
		}
		if mine++; mine > fair {
			s.leaving = true
		}
	}
	w.mu.Unlock()
	for p, s := range shares {
		if time.Since(start) > q.options.Lease*3/20 {
			return nil // what is held has to be renewed first
		}
		switch {
		case s != nil && s.leaving:
			if err := w.leave(ctx, s); err != nil {
				return err
			}
		case s == nil && mine < fair && !taken[partitionKey+strconv.Itoa(p)]:
			now := time.Now()
			revision, err := q.leases.Create(ctx, partitionKey+strconv.Itoa(p), []byte(w.name()))
			if errors.Is(err, jetstream.ErrKeyExists) {
				continue
			} else if err != nil {
				return err
			}
			if err := w.claim(ctx, p, revision, now); err != nil {
				_ = q.leases.Delete(context.WithoutCancel(ctx), partitionKey+strconv.Itoa(p), jetstream.LastRevision(revision))
				return err
			}
			mine++
		}
	}
	return nil
}

// leave gives a partition away, if nothing that was handed out of it is unfinished. Nothing
// more is handed out of one that is to leave.
func (w *Worker) leave(ctx context.Context, s *share) error {
	w.mu.Lock()
	out := -len(s.ready)
	for _, list := range s.blocked {
		out -= len(list)
	}
	for _, c := range s.chunks {
		out += c.left
	}
	w.mu.Unlock()
	if out > 0 {
		return nil
	}
	s.lose(ErrLost)
	return w.q.leases.Delete(ctx, partitionKey+strconv.Itoa(s.partition), jetstream.LastRevision(s.lease))
}

// giveBack ends all leases, so that others need not wait.
func (w *Worker) giveBack() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), time.Second)
	defer cancel()
	w.mu.Lock()
	shares := w.shares
	w.mu.Unlock()
	for _, s := range shares {
		if s != nil {
			s.lose(ErrClosed)
			_ = w.q.leases.Delete(ctx, partitionKey+strconv.Itoa(s.partition), jetstream.LastRevision(s.lease))
		}
	}
	_ = w.q.leases.Delete(ctx, memberKey+w.name())
}
