package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Partitions is into how many parts a queue is divided. A lane belongs to one, and
// one process at a time works on a partition.
const Partitions = 16

// Options says which queue to open. Zero fields mean the default.
type Options struct {
	Dir  string // the folder of a queue of our own, made where it does not exist
	URL  string // else a NATS cluster: nats://user:password@host:4222,…
	Name string // of the queue: letters, digits, - and _; default "celmap"

	SyncAlways bool // with Dir: stored means that the disk has it, see the package's comment

	MaxBytes   int64         // of queued events; where it is full, Put waits; default 16 GiB
	MaxEvent   int           // bytes of one event; default 1 MiB
	Remember   time.Duration // how long keys and memories are known after their last use; default 90 days
	Identities int           // how many keys and memories are known at the most, about; default 2,000,000

	Hold      int   // items that a worker has unfinished at the most; default 20,000
	HoldBytes int64 // bytes of them; default 64 MiB

	Lease time.Duration // after which another process takes over from one that is not heard of; default 20 s

	Log *slog.Logger // default: nobody reads
}

// ErrGuest means that another process has the folder: it alone works on the queue.
var ErrGuest = errors.New("another process works on this queue")

// ErrLost means that another worker has taken over a partition. Its items are not
// this worker's any more: they are handed out there.
var ErrLost = errors.New("another worker has taken over")

// Queue is an open queue. It is safe for concurrent use.
type Queue struct {
	options Options
}

// Open opens a queue, and makes it where it does not exist. With Dir it runs a server in
// this process; where another process does so already, it connects to that one and is
// a guest, see Guest.
func Open(ctx context.Context, options Options) (*Queue, error) {
	return nil, errors.New("not yet")
}

// Guest tells that another process has the folder. A guest reads depth and dead
// letters, and replays them; Work and Intake fail with ErrGuest.
func (q *Queue) Guest() bool { return false }

// Close ends all that was opened of the queue. What was put and not flushed may be
// stored or not.
func (q *Queue) Close() error { return nil }

// Depth is what is in a queue.
type Depth struct {
	Events int64     // that are not finished
	Bytes  int64     // of their JSON, about
	Oldest time.Time // when the oldest of them was stored; zero without one
	Dead   int64     // dead letters
}

// Depth measures the queue. It costs a message for each chunk that came since
// the last call; once a second is fine.
func (q *Queue) Depth(ctx context.Context) (Depth, error) { return Depth{}, errors.New("not yet") }
