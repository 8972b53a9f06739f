package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	tidyOften  = 100 * time.Millisecond
	tidySeldom = time.Second
	// straggler is how long a chunk may be finished while one before it is not, before it is
	// removed by itself. That costs the server a look into its block of 8 MB, while all that is
	// finished up to an item goes at nearly no cost.
	straggler = 10 * time.Second
	// backlog is how often chunks are removed while others wait. In the midst of a block the server writes
	// down what is removed at the end of the stream, with the time of what is removed: older than ten seconds, that
	// has it drop the block that it writes, read it again, and keep it for ten seconds in memory.
	backlog = 10 * time.Second
)

// tidy removes chunks that are finished, and looks after lanes in other
// partitions that items wait for. Nothing depends on the first: what is finished
// is known from the progress alone.
func (s *share) tidy() {
	if err := s.leftovers(); err != nil && s.ctx.Err() == nil {
		s.w.q.log.Warn("what was finished before cannot be removed from the queue's events", "error", err)
	}
	var kept []removal
	removed := time.Now()
	passed := map[string]uint64{} // by source
	ticks := time.NewTicker(tidyOften)
	defer ticks.Stop()
	for n := 1; ; n++ {
		select {
		case <-s.ctx.Done():
			return
		case <-ticks.C:
		}
		s.w.mu.Lock()
		kept, s.garbage = append(kept, s.garbage...), nil
		front, idle := s.oldest(), len(s.chunks) == 0
		s.w.mu.Unlock()
		if n%int(tidySeldom/tidyOften) == 0 {
			clear(passed)
		}
		if s.w.q.partitions == 1 && (idle || time.Since(removed) > backlog || n%int(tidySeldom/tidyOften) == 0 && s.crowded()) {
			kept, removed = s.removeFront(kept, front, passed), time.Now()
		}
		kept = slices.DeleteFunc(kept, func(r removal) bool {
			return (s.w.q.partitions > 1 || time.Since(r.finished) > straggler) && s.removable(r, passed) && s.remove(r)
		})
		if s.w.q.partitions > 1 {
			if err := s.lookAround(); err != nil && s.ctx.Err() == nil {
				s.w.q.log.Warn("the progress of other partitions cannot be read", "error", err)
			}
		}
	}
}

// crowded tells that the queue needs the room that finished chunks take.
func (s *share) crowded() bool {
	info, err := s.w.q.events.Info(s.ctx)
	return err == nil && int64(info.State.Bytes) > info.Config.MaxBytes/2
}

// oldest is the first sequence that may not be finished; mu is held.
func (s *share) oldest() uint64 {
	oldest := s.horizon + 1
	for sequence := range s.chunks {
		oldest = min(oldest, sequence)
	}
	return oldest
}

// removable tells that a source's cursor has passed a chunk: until then it is known by the
// chunk that its events are stored.
func (s *share) removable(r removal, passed map[string]uint64) bool {
	if r.source == noSource {
		return true
	}
	after, known := passed[r.source]
	if !known {
		record, err := s.w.q.record(s.ctx, r.source)
		if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
			return false
		}
		after = record.After
		passed[r.source] = after
	}
	return r.sequence <= after
}

// removeFront removes all chunks at the front of the stream that can go, and returns the others.
func (s *share) removeFront(kept []removal, front uint64, passed map[string]uint64) []removal {
	last := uint64(0)
	for _, r := range kept {
		if r.sequence < front && !s.removable(r, passed) {
			front = r.sequence
		}
	}
	for _, r := range kept {
		if r.sequence < front {
			last = max(last, r.sequence)
		}
	}
	if last == 0 {
		return kept
	}
	err := s.w.q.insist(s.ctx, "remove what is finished", func(ctx context.Context) error {
		return s.w.q.events.Purge(ctx, jetstream.WithPurgeSequence(last+1))
	})
	if err != nil {
		return kept
	}
	return slices.DeleteFunc(kept, func(r removal) bool { return r.sequence <= last })
}

// remove removes one chunk.
func (s *share) remove(r removal) bool {
	err := s.w.q.insist(s.ctx, "remove what is finished", func(ctx context.Context) error {
		return s.w.q.events.DeleteMsg(ctx, r.sequence)
	})
	// What is gone already cannot be removed.
	return err == nil || s.ctx.Err() == nil
}

// leftovers removes what was finished under the worker before, and not removed.
func (s *share) leftovers() error {
	q := s.w.q
	s.w.mu.Lock()
	oldest := s.oldest()
	s.w.mu.Unlock()
	purge := func(source string, below uint64) error {
		return q.insist(s.ctx, "remove what is finished", func(ctx context.Context) error {
			return q.events.Purge(ctx, jetstream.WithPurgeSubject(q.options.Name+".events."+strconv.Itoa(s.partition)+"."+source), jetstream.WithPurgeSequence(below))
		})
	}
	if err := purge(noSource, oldest); err != nil {
		return err
	}
	sources, err := q.cursors.ListKeys(s.ctx)
	if err != nil {
		return err
	}
	for source := range sources.Keys() {
		record, err := q.record(s.ctx, source)
		if err != nil {
			return err
		}
		if err := purge(source, min(oldest, record.After+1)); err != nil {
			return err
		}
	}
	return nil
}

// lookAround ends waits for lanes of other partitions: when all that was stored there
// up to the barrier is finished.
func (s *share) lookAround() error {
	q := s.w.q
	var waits []barrier
	s.w.mu.Lock()
	for lane, list := range s.waits {
		if q.partition(lane) != s.partition {
			for _, w := range list {
				waits = append(waits, w.barrier)
			}
		}
	}
	s.w.mu.Unlock()
	known := map[int]*progress{}
	for _, b := range waits {
		partition := q.partition(b.lane)
		if known[partition] == nil {
			p, _, _, err := q.readProgress(s.ctx, partition)
			if err != nil {
				return err
			}
			known[partition] = p
		}
		over, err := q.finishedTo(s.ctx, partition, known[partition], b.sequence)
		if err != nil {
			return err
		}
		if !over {
			continue
		}
		s.w.mu.Lock()
		if s.ctx.Err() == nil {
			s.pass(b.lane, func(w *wait) bool { return w.barrier == b })
			s.w.announce()
		}
		s.w.mu.Unlock()
	}
	return nil
}

// finishedTo tells whether all of a partition up to a sequence is finished.
func (q *Queue) finishedTo(ctx context.Context, partition int, p *progress, sequence uint64) (bool, error) {
	for open := range p.open {
		if open <= sequence {
			return false, nil
		}
	}
	for from := p.horizon + 1; from <= sequence; {
		// The leader knows all that is stored; a replica, which answers other reads, may be behind.
		next, events, err := q.leaderNext(ctx, q.options.Name+".events."+strconv.Itoa(partition)+".*", from)
		if err != nil || next == 0 || next > sequence {
			return err == nil, err
		}
		if len(p.done[next]) < events {
			return false, nil
		}
		from = next + 1
	}
	return true, nil
}

// leaderNext finds the next chunk, and how many events it has; zero where there is none.
func (q *Queue) leaderNext(ctx context.Context, subject string, from uint64) (sequence uint64, count int, err error) {
	request, err := json.Marshal(map[string]any{"seq": from, "next_by_subj": subject})
	if err != nil {
		return 0, 0, err
	}
	err = q.insist(ctx, "read", func(ctx context.Context) error {
		m, err := q.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+q.options.Name+"-events", request)
		if err != nil {
			return err
		}
		var answer struct {
			Error   *jetstream.APIError `json:"error"`
			Message struct {
				Seq  uint64 `json:"seq"`
				Data []byte `json:"data"`
			} `json:"message"`
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return errStop{fmt.Errorf("the answer of the queue's server cannot be read: %w", err)}
		}
		switch {
		case answer.Error == nil:
			sequence = answer.Message.Seq
			if count, err = chunkSize(answer.Message.Data); err != nil {
				return errStop{unreadable(sequence, err)}
			}
			return nil
		case answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
			return nil
		}
		return answer.Error
	})
	return sequence, count, err
}
