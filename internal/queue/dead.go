package queue

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"
)

// DeadLetter is an item that could not be delivered, and why.
type DeadLetter struct {
	Item
	Note json.RawMessage
	Died time.Time
}

// DeadLetters returns all dead letters, oldest first.
func (q *Queue) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) { yield(DeadLetter{}, errors.New("not yet")) }
}

// DeadLetter returns one; false where there is none of that item.
func (q *Queue) DeadLetter(ctx context.Context, id ID) (DeadLetter, bool, error) {
	return DeadLetter{}, false, errors.New("not yet")
}

// Remove throws dead letters away. It is fine where there are none.
func (q *Queue) Remove(ctx context.Context, ids ...ID) error { return errors.New("not yet") }

// Replay puts letters back at the end of the queue, as new items in their lanes, and removes
// them. What they ask is asked again. Where it fails on its way, it can be called
// again with the same letters: what had been put back a short time before is not put
// back twice.
func (q *Queue) Replay(ctx context.Context, letters ...DeadLetter) error {
	return errors.New("not yet")
}
