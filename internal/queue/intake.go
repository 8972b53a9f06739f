package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// Source is where events come from.
type Source struct {
	// Name is of something that can be read again from its start, such as a file's
	// path: the queue remembers how far it was stored. It is empty for what comes once.
	Name string
	// Again forgets how far it was stored.
	Again bool
}

// noSource stands in subjects where a source has no name.
const noSource = "-"

// id is the source's name in subjects and keys.
func (s Source) id() string {
	if s.Name == "" {
		return noSource
	}
	sum := sha256.Sum256([]byte(s.Name))
	return hex.EncodeToString(sum[:12])
}

// Cursor is how far a source is stored.
type Cursor struct {
	Events int64  `json:"events"` // how many events, from the first
	Offset int64  `json:"offset"` // how many bytes of (decompressed) text they are
	Sum    string `json:"sum"`    // the caller's hash of those bytes
}

// record is what the queue remembers of a source. All its events beyond the cursor are
// in chunks after a sequence: those are kept until the cursor has passed them, finished or not.
type record struct {
	Cursor
	After uint64 `json:"after"`
}

// Intake puts events of one source into the queue. It is safe for concurrent
// use, yet order is that of the calls of Put. One for each HTTP request is cheap.
type Intake struct {
	desk *desk
	id   string

	order sync.Mutex // one Put after the other

	mu      sync.Mutex
	changed sync.Cond
	put     int64 // the number of the last event
	floor   int64 // all up to it are stored
	above   map[int64]struct{}
	before  map[int64]uint64 // beyond what was put, stored by a process before us: number → hash
	after   uint64           // where the chunks of those begin
	skipped int64
	cursor  Cursor
	marks   []record
	noting  bool // a record is on its way
	trouble error
}

// Intake starts to put events. Only one at a time may do so for a source with a name.
func (q *Queue) Intake(ctx context.Context, source Source) (*Intake, error) {
	if q.guest {
		return nil, ErrGuest
	}
	d, err := q.openDesk(ctx)
	if err != nil {
		return nil, err
	}
	in := newIntake(d, source.id())
	if in.id == noSource {
		return in, nil
	}
	if source.Again {
		return in, in.Restart(ctx)
	}
	r, err := q.record(ctx, in.id)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return in, in.Restart(ctx)
	} else if err != nil {
		return nil, err
	}
	in.cursor, in.put, in.floor = r.Cursor, r.Events, r.Events
	in.before, in.after = map[int64]uint64{}, r.After
	err = q.scan(ctx, q.events, jetstream.ConsumerConfig{FilterSubject: q.options.Name + ".events.*." + in.id}, r.After+1, 8,
		func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
			entries, err := readChunk(m.Data())
			if err != nil {
				return unreadable(meta.Sequence.Stream, err)
			}
			for _, e := range entries {
				if e.index > r.Events {
					in.before[e.index] = fingerprint(e.json)
				}
			}
			return nil
		})
	return in, err
}

func newIntake(d *desk, id string) *Intake {
	in := &Intake{desk: d, id: id}
	in.changed.L = &in.mu
	return in
}

func unreadable(sequence uint64, err error) error {
	return fmt.Errorf("message %d of the queue's events cannot be read: %w", sequence, err)
}

// fingerprint tells whether an event is the one that was stored: a file may have been
// written anew beyond the cursor.
func fingerprint(json []byte) uint64 {
	h := fnv.New64a()
	h.Write(json)
	return h.Sum64()
}

func (q *Queue) record(ctx context.Context, id string) (r record, err error) {
	err = q.insist(ctx, "read how far a source is stored", func(ctx context.Context) error {
		e, err := q.cursors.Get(ctx, id)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(e.Value(), &r); err != nil {
			return errStop{fmt.Errorf("how far a source is stored cannot be read: %w", err)}
		}
		return nil
	})
	return r, err
}

func (q *Queue) note(ctx context.Context, id string, r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return q.insist(ctx, "note how far a source is stored", func(ctx context.Context) error {
		_, err := q.cursors.Put(ctx, id, text)
		return err
	})
}

// Cursor is where to go on: the caller puts the events after it, having checked that
// the text up to it has the same sum; else it calls Restart first. Some events after the
// cursor may be stored already: the queue knows which, and leaves those out.
func (in *Intake) Cursor() Cursor { return in.cursor }

// Skipped is how many events Put left out, as they were stored before.
func (in *Intake) Skipped() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.skipped
}

// Restart forgets how far the source was stored, before anything is put: it is
// another text by that name.
func (in *Intake) Restart(ctx context.Context) error {
	if in.put != in.cursor.Events {
		return errors.New("a source is put already: it cannot be started again")
	}
	in.cursor, in.before, in.put, in.floor = Cursor{}, nil, 0, 0
	return in.desk.q.note(ctx, in.id, record{After: in.desk.stored.Load()})
}

// Put takes events, to be stored in this order; it does not wait until they are: Flush
// does. It waits while the queue is full, or much is on its way. The error says that nothing
// can be stored any more (a queue that was closed, ctx), or ErrTooLarge that
// one of the events cannot be: then none of them is taken.
func (in *Intake) Put(ctx context.Context, events ...Event) error {
	for i := range events {
		if most := in.desk.q.options.MaxEvent; len(events[i].JSON) > most {
			return fmt.Errorf("%w: %s has %d bytes, at most %d are taken", ErrTooLarge, events[i].Origin, len(events[i].JSON), most)
		}
	}
	in.order.Lock()
	defer in.order.Unlock()
	for i := range events {
		if err := in.desk.reserve(ctx, events[i].bytes()); err != nil {
			return err
		}
		in.take(put{event: events[i], intake: in})
	}
	return nil
}

// take passes an event on to the desk, unless it was stored before.
func (in *Intake) take(p put) {
	in.mu.Lock()
	in.put++
	number := in.put
	if in.id != noSource {
		p.index = number
	}
	if hash, ok := in.before[number]; ok {
		delete(in.before, number)
		if hash == fingerprint(p.event.JSON) {
			in.skipped++
			in.settle(number)
			in.mu.Unlock()
			in.desk.room.Release(p.event.bytes())
			return
		}
	}
	in.mu.Unlock()
	p.number = number
	if slices.Contains(p.event.Keys, "") {
		p.event.Keys = slices.DeleteFunc(slices.Clone(p.event.Keys), func(k string) bool { return k == "" })
	}
	in.desk.take(p)
}

// landed takes in that events are stored.
func (in *Intake) landed(puts []placed) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, p := range puts {
		in.settle(p.number)
	}
}

// settle notes that one event is stored; mu is held.
func (in *Intake) settle(number int64) {
	if number != in.floor+1 {
		if in.above == nil {
			in.above = map[int64]struct{}{}
		}
		in.above[number] = struct{}{}
		return
	}
	for in.floor = number; len(in.above) > 0; in.floor++ {
		if _, ok := in.above[in.floor+1]; !ok {
			break
		}
		delete(in.above, in.floor+1)
	}
	in.noteMarks()
	in.changed.Broadcast()
}

// Mark notes, as soon as all that was put before is stored, that the source is stored
// up to here. Events is set by the intake: the caller gives Offset and Sum. Now and
// then is enough, about once for some MB, and at the end.
func (in *Intake) Mark(at Cursor) {
	if in.id == noSource {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	at.Events = in.put
	in.marks = append(in.marks, record{Cursor: at, After: in.beyond()})
	in.noteMarks()
}

// beyond is a sequence after which all is stored that is put from now on; mu is held.
func (in *Intake) beyond() uint64 {
	if len(in.before) > 0 { // some of that is stored already
		return in.after
	}
	return in.desk.stored.Load()
}

// noteMarks stores the last mark that is reached; mu is held.
func (in *Intake) noteMarks() {
	reached := 0
	for reached < len(in.marks) && in.marks[reached].Events <= in.floor {
		reached++
	}
	if reached == 0 || in.noting {
		return
	}
	r := in.marks[reached-1]
	if r.Events == in.put {
		r.After = in.beyond() // nothing that this process has stored
	}
	in.noting = true
	in.desk.work.Go(func() {
		err := in.desk.q.note(in.desk.ctx, in.id, r)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.noting, in.marks = false, in.marks[reached:]
		if err != nil {
			in.trouble = err
		} else {
			in.noteMarks()
		}
		in.changed.Broadcast()
	})
}

// Flush waits until all that was put before is stored, and marked.
func (in *Intake) Flush(ctx context.Context) error {
	defer in.desk.rush()()
	wake := func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.changed.Broadcast()
	}
	defer context.AfterFunc(ctx, wake)()
	defer context.AfterFunc(in.desk.ctx, wake)()
	in.mu.Lock()
	defer in.mu.Unlock()
	target := in.put
	for {
		switch {
		case in.trouble != nil:
			return in.trouble
		case in.floor >= target && (len(in.marks) == 0 || in.marks[0].Events > target):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case in.desk.ctx.Err() != nil:
			return context.Cause(in.desk.ctx)
		}
		in.changed.Wait()
	}
}
