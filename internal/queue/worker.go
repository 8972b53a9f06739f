package queue

import (
	"context"
	"encoding/json"
	"errors"
)

// Worker takes items out of the queue. It is safe for concurrent use.
type Worker struct{}

// Work starts to take items. A process has one worker. Where the queue is in a cluster,
// the workers of all processes share the partitions.
func (q *Queue) Work(ctx context.Context) (*Worker, error) { return nil, errors.New("not yet") }

// Next waits until there are items, and returns up to most of them. The items of a lane come
// in order, one call after the other; those that have to wait for another lane come
// when they may. What is handed out is not handed out again while this worker has its
// partition. It waits, too, while this worker has as much as it may hold: finish
// something at the same time.
func (w *Worker) Next(ctx context.Context, most int) ([]Item, error) {
	return nil, errors.New("not yet")
}

// Finish notes that items are done, and stores dead letters for those that
// never will be. It is durable when it returns nil: they do not come again. A lane's next
// item may be applied only then. ErrLost (errors.Is) means that some of the partitions went
// to another worker, and that nothing is known of their items; the others are noted. Any
// number of calls may be under way: those for one partition are stored together.
func (w *Worker) Finish(ctx context.Context, done []ID, dead []Dead) error {
	return errors.New("not yet")
}

// Dead is an item that cannot be delivered.
type Dead struct {
	ID   ID
	Note json.RawMessage // why: JSON of the caller's, without secrets
}

// Owned tells whether a partition is this worker's now: ask before a request is started
// for its items, which may take half of Options.Lease at the most. An item of a
// partition that is not owned any more is to be forgotten.
func (w *Worker) Owned(partition int) bool { return false }

// Share is which share of all partitions is this worker's, from 0 to 1.
func (w *Worker) Share() float64 { return 0 }

// Close hands the partitions to others, and ends calls of Next with an error.
func (w *Worker) Close() error { return nil }
