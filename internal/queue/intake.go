package queue

import (
	"context"
	"errors"
)

// Source is where events come from.
type Source struct {
	// Name is of something that can be read again from its start, such as a file's
	// path: the queue remembers how far it was stored. It is empty for what comes once.
	Name string
	// Again forgets how far it was stored.
	Again bool
}

// Cursor is how far a source is stored.
type Cursor struct {
	Events int64  // how many events, from the first
	Offset int64  // how many bytes of (decompressed) text they are
	Sum    string // the caller's hash of those bytes
}

// Intake puts events of one source into the queue. It is safe for concurrent
// use, yet order is that of the calls of Put. One for each HTTP request is cheap.
type Intake struct{}

// Intake starts to put events. Only one at a time may do so for a source with a name.
func (q *Queue) Intake(ctx context.Context, source Source) (*Intake, error) {
	return nil, errors.New("not yet")
}

// Cursor is where to go on: the caller puts the events after it, having checked that
// the text up to it has the same sum; else it calls Restart first. Some events after the
// cursor may be stored already: the queue knows which, and leaves those out.
func (in *Intake) Cursor() Cursor { return Cursor{} }

// Skipped is how many events Put left out, as they were stored before.
func (in *Intake) Skipped() int64 { return 0 }

// Restart forgets how far the source was stored: it is another text by that name.
func (in *Intake) Restart(ctx context.Context) error { return errors.New("not yet") }

// Put takes events, to be stored in this order; it does not wait until they are: Flush
// does. It waits while the queue is full, or much is on its way. The error says that nothing
// can be stored any more (an event that is too large, a queue that was closed, ctx).
func (in *Intake) Put(ctx context.Context, events ...Event) error { return errors.New("not yet") }

// Mark notes, as soon as all that was put before is stored, that the source is stored
// up to here. Events is set by the intake: the caller gives Offset and Sum. Now and
// then is enough, about once for some MB, and at the end.
func (in *Intake) Mark(at Cursor) error { return errors.New("not yet") }

// Flush waits until all that was put before is stored, and marked.
func (in *Intake) Flush(ctx context.Context) error { return errors.New("not yet") }
