package queue

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// DeadLetter is an item that could not be delivered, and why.
type DeadLetter struct {
	Item
	Note json.RawMessage // the caller's
	Died time.Time
}

// A dead letter is a byte that says how it is written, when the event was stored, the
// note, and the event as in a chunk. It has its own subject, so that a second one of the same
// event takes the place of the first: a process may die between a letter and
// the note that its event is finished.
const letterVersion = 1

func appendLetter(to []byte, item *Item, note []byte) []byte {
	to = binary.AppendVarint(append(to, letterVersion), item.Stored.UnixNano())
	e := entry{lane: item.Lane, origin: item.Origin, known: item.Known, json: item.JSON}
	return appendEntry(appendText(to, note), &e)
}

func readLetter(subject string, data []byte, died time.Time) (DeadLetter, error) {
	parts := strings.Split(subject, ".")
	id, err := ParseID(strings.Join(parts[max(len(parts)-3, 0):], "-"))
	if err != nil {
		return DeadLetter{}, err
	}
	r := reader{rest: data}
	r.version(letterVersion)
	stored, size := binary.Varint(r.rest)
	if size <= 0 {
		r.fail(errShort)
	}
	r.rest = r.rest[max(size, 0):]
	note := append(json.RawMessage(nil), r.text()...)
	e := r.entry()
	if r.err == nil && len(r.rest) > 0 {
		r.fail(fmt.Errorf("%d bytes follow its event", len(r.rest)))
	}
	return DeadLetter{
		Item: Item{ID: id, Lane: e.lane, JSON: e.json, Known: e.known, Origin: e.origin, Stored: time.Unix(0, stored)},
		Note: note, Died: died,
	}, r.err
}

func (q *Queue) letterSubject(id ID) string {
	return q.options.Name + ".dead." + strconv.Itoa(id.Partition) + "." + strconv.FormatUint(id.Sequence, 10) + "." + strconv.Itoa(id.Index)
}

// bury stores dead letters. Those whose items are not this worker's any more are left to
// the one who has them.
func (w *Worker) bury(ctx context.Context, dead []Dead) error {
	var letters []*nats.Msg
	w.mu.Lock()
	for _, d := range dead {
		s := w.shares[d.ID.Partition]
		if s == nil {
			continue
		}
		c := s.chunks[d.ID.Sequence]
		if c == nil || d.ID.Index >= len(c.items) || c.items[d.ID.Index].Stored.IsZero() {
			continue
		}
		m := nats.NewMsg(w.q.letterSubject(d.ID))
		m.Data = appendLetter(nil, &c.items[d.ID.Index], d.Note)
		letters = append(letters, m)
	}
	w.mu.Unlock()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, m := range letters {
		group.Go(func() error {
			_, err := w.q.publish(ctx, m)
			return err
		})
	}
	return group.Wait()
}

// DeadLetters returns all dead letters, oldest first.
func (q *Queue) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for from := uint64(1); ; {
			m, err := q.next(ctx, q.dead, q.options.Name+".dead.>", from)
			if err != nil || m == nil {
				if err != nil {
					yield(DeadLetter{}, err)
				}
				return
			}
			letter, err := readLetter(m.Subject, m.Data, m.Time)
			if err != nil {
				err = fmt.Errorf("message %d of the queue's dead letters cannot be read: %w", m.Sequence, err)
			}
			if !yield(letter, err) {
				return
			}
			from = m.Sequence + 1
		}
	}
}

// DeadLetter returns one; false where there is none of that item.
func (q *Queue) DeadLetter(ctx context.Context, id ID) (letter DeadLetter, found bool, err error) {
	m, err := q.next(ctx, q.dead, q.letterSubject(id), 1)
	if err != nil || m == nil {
		return DeadLetter{}, false, err
	}
	letter, err = readLetter(m.Subject, m.Data, m.Time)
	return letter, err == nil, err
}

// Remove throws dead letters away. It is fine where there are none.
func (q *Queue) Remove(ctx context.Context, ids ...ID) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, id := range ids {
		group.Go(func() error {
			return q.insist(ctx, "remove a dead letter", func(ctx context.Context) error {
				return q.dead.Purge(ctx, jetstream.WithPurgeSubject(q.letterSubject(id)))
			})
		})
	}
	return group.Wait()
}

// Replay puts letters back at the end of the queue, as new items in their lanes, and removes
// them. What they ask is asked again. Where it fails on its way, some of them may be both in
// the queue and dead letters still: none is lost.
func (q *Queue) Replay(ctx context.Context, letters ...DeadLetter) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	in := newIntake(d, noSource)
	ids := make([]ID, len(letters))
	for i, l := range letters {
		ids[i] = l.ID
		event := Event{JSON: l.JSON, Asks: l.Known, Origin: l.Origin}
		if err := d.reserve(ctx, event.bytes()); err != nil {
			return err
		}
		in.take(put{event: event, intake: in, lane: l.Lane, back: true})
	}
	if err := in.Flush(ctx); err != nil {
		return err
	}
	return q.Remove(ctx, ids...)
}
