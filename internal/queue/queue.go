package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Partitions is the number of parts that a queue in a cluster is divided into. A lane
// belongs to one, and one process at a time works on a partition. A queue in a
// folder has one partition: nobody shares it.
const Partitions = 16

// Options says which queue to open. Zero fields mean the default.
type Options struct {
	Dir  string // the folder of a queue of our own, made where it does not exist
	URL  string // else a NATS cluster: nats://user:password@host:4222,…
	Name string // of the queue: letters, digits, - and _; default "celmap"

	SyncAlways bool // with Dir: stored means that the disk has it, see the package's comment

	MaxBytes   int64         // of queued events; where it is full, Put waits; default 16 GiB, or what the disk has
	MaxEvent   int           // bytes of one event; default 1 MiB, or what the NATS server takes
	Remember   time.Duration // how long keys and memories are known after their last use; default 90 days
	Identities int           // how many keys and memories are known at the most, about; default 2,000,000

	Hold      int   // items that a worker has unfinished at the most, about; default 20,000
	HoldBytes int64 // bytes of them; default 64 MiB

	Lease time.Duration // after which another process takes over from one that is not heard of; default 20 s

	Log *slog.Logger // default: nobody reads
}

// Errors of this package, for errors.Is.
var (
	// ErrGuest means that another process has the folder: it alone works on the queue.
	ErrGuest = errors.New("another process works on this queue")
	// ErrLost means that another worker has taken over a partition. Its items are not
	// this worker's any more: they are handed out there.
	ErrLost = errors.New("another worker has taken over")
	// ErrClosed means that the queue, or the worker, was closed.
	ErrClosed = errors.New("the queue is closed")
	// ErrTooLarge means that an event has more bytes than Options.MaxEvent.
	ErrTooLarge = errors.New("the event is too large for the queue")
)

// besides is what a message may have beside the JSON of its events: keys, where they
// come from, why they are dead.
const besides = 128 << 10

// Queue is an open queue. It is safe for concurrent use.
type Queue struct {
	options    Options
	log        *slog.Logger
	embedded   *embedded // nil: somebody else's server
	guest      bool
	conn       *nats.Conn
	js         jetstream.JetStream
	partitions int
	patience   time.Duration // with one request to the server
	limited    bool          // the options say how much may be queued

	events     jetstream.Stream
	progress   jetstream.Stream
	dead       jetstream.Stream
	identities jetstream.Stream
	cursors    jetstream.KeyValue
	leases     jetstream.KeyValue // nil: the folder is ours

	ctx   context.Context // ends with Close
	close context.CancelCauseFunc

	mu     sync.Mutex
	intake *desk
	worker *Worker
	ledger ledger
}

// Open opens a queue, and makes it where it does not exist. With Dir it runs a server in
// this process; where another process does so already, it connects to that one and is
// a guest, see Guest.
func Open(ctx context.Context, options Options) (*Queue, error) {
	o := options
	o.Name = cmp.Or(o.Name, "celmap")
	o.MaxBytes = cmp.Or(o.MaxBytes, 16<<30)
	o.MaxEvent = cmp.Or(o.MaxEvent, 1<<20)
	o.Remember = cmp.Or(o.Remember, 90*24*time.Hour)
	o.Identities = cmp.Or(o.Identities, 2_000_000)
	o.Hold = cmp.Or(o.Hold, 20_000)
	o.HoldBytes = cmp.Or(o.HoldBytes, 64<<20)
	o.Lease = cmp.Or(o.Lease, 20*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(o.Name) {
		return nil, fmt.Errorf("a queue cannot be called %q: expected letters, digits, - and _", o.Name)
	}
	if (o.Dir == "") == (o.URL == "") {
		return nil, errors.New("a queue needs a folder or the URL of a NATS server, and not both")
	}
	q := &Queue{options: o, log: o.Log, patience: 5 * time.Second, limited: options.MaxBytes > 0}
	q.ctx, q.close = context.WithCancelCause(context.Background())
	if err := q.connect(ctx); err != nil {
		_ = q.Close() // what went wrong first counts
		return nil, err
	}
	if err := q.prepare(ctx); err != nil {
		_ = q.Close() // what went wrong first counts
		return nil, err
	}
	return q, nil
}

func (q *Queue) connect(ctx context.Context) (err error) {
	options := []nats.Option{
		nats.Name("celmap " + q.options.Name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectJitter(200*time.Millisecond, 200*time.Millisecond),
		nats.ReconnectBufSize(-1), // what cannot be sent now is tried again by us, and in order
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			q.log.Warn("the connection to NATS", "error", err)
		}),
	}
	switch {
	case q.options.URL != "":
		if q.conn, err = nats.Connect(q.options.URL, options...); errors.As(err, new(*url.Error)) {
			return errors.New("the URL of the NATS server is malformed: expected nats://user:password@host:4222, or several with commas between (it is not shown, as it may hold a password; in one, % is written %25, @ %40, : %3A and / %2F)")
		} else if err != nil {
			return fmt.Errorf("the NATS server cannot be reached: %w", err)
		}
		takes := int(q.conn.MaxPayload())
		if least := chunkBytes + besides; takes < least {
			return fmt.Errorf("the NATS server takes messages of at most %d bytes, and %d are needed: set its max_payload to 1MB or more (4MB, so that the largest events fit)", takes, least)
		}
		q.options.MaxEvent = min(q.options.MaxEvent, takes-besides)
	default:
		if q.embedded, err = embed(q.options); err != nil {
			return err
		}
		if q.guest = q.embedded == nil; q.guest {
			q.conn, err = visit(ctx, q.options.Dir, options...)
		} else {
			q.patience = time.Minute // it is here: it may be slow, and is not lost
			q.conn, err = q.embedded.connect(options...)
		}
		if err != nil {
			return err
		}
	}
	q.js, err = jetstream.New(q.conn, jetstream.WithDefaultTimeout(q.patience))
	return err
}

// prepare opens the streams, and makes them.
func (q *Queue) prepare(ctx context.Context) (err error) {
	o, name := q.options, q.options.Name
	replicas, partitions, window := 1, Partitions, 2*time.Minute
	switch {
	case q.embedded != nil:
		partitions, window = 1, 20*time.Second
		if c := q.embedded.server.JetStreamConfig(); c != nil {
			// A quarter is left to what is not events.
			o.MaxBytes = min(o.MaxBytes, c.MaxStore/4*3)
		}
	case q.guest:
	case len(q.conn.ConnectedClusterName()) > 0:
		replicas = 3
	}
	open := func(c jetstream.StreamConfig) jetstream.Stream {
		if err != nil {
			return nil
		}
		c.Replicas, c.Storage, c.Duplicates = replicas, jetstream.FileStorage, window
		// Messages are read as they are, not as JSON. In a cluster a server answers so that
		// may not have caught up.
		c.AllowDirect = q.embedded != nil
		if c.MaxAge > 0 {
			c.Duplicates = min(c.Duplicates, c.MaxAge)
		}
		var stream jetstream.Stream
		stream, err = q.stream(ctx, c)
		return stream
	}
	bucket := func(c jetstream.KeyValueConfig) jetstream.KeyValue {
		if err != nil {
			return nil
		}
		c.Replicas, c.Storage, c.History = replicas, jetstream.FileStorage, 1
		var kv jetstream.KeyValue
		kv, err = q.bucket(ctx, c)
		return kv
	}
	q.events = open(jetstream.StreamConfig{
		Name: name + "-events", Subjects: []string{name + ".events.*.*"},
		Description: "Events to deliver, many in a message",
		MaxBytes:    o.MaxBytes, Discard: jetstream.DiscardNew,
		Metadata: map[string]string{"celmap-partitions": strconv.Itoa(partitions)},
	})
	q.progress = open(jetstream.StreamConfig{
		Name: name + "-progress", Subjects: []string{name + ".progress.*"},
		Description: "Which events are finished", AllowRollup: true,
	})
	q.dead = open(jetstream.StreamConfig{
		Name: name + "-dead", Subjects: []string{name + ".dead.*.*.*"},
		Description: "Events that cannot be delivered, and why", MaxMsgsPerSubject: 1,
	})
	q.identities = open(jetstream.StreamConfig{
		Name: "KV_" + name + "-identities", Subjects: []string{"$KV." + name + "-identities.>"},
		Description: "Which keys belong together, and what events taught",
		MaxAge:      o.Remember, MaxBytes: max(64<<20, 256*int64(o.Identities)), Discard: jetstream.DiscardOld,
	})
	q.cursors = bucket(jetstream.KeyValueConfig{Bucket: name + "-cursors", Description: "How far sources are stored"})
	if q.options.URL != "" {
		q.leases = bucket(jetstream.KeyValueConfig{Bucket: name + "-leases", TTL: o.Lease, Description: "Who works on which partition"})
	}
	if err != nil {
		return err
	}
	text := q.events.CachedInfo().Config.Metadata["celmap-partitions"]
	if q.partitions, err = strconv.Atoi(text); err != nil || q.partitions < 1 || q.partitions > Partitions {
		return fmt.Errorf("the stream %s-events is not a queue of celmap: it says %q partitions; give the queue another name", name, text)
	}
	return nil
}

// stream opens a stream, which a guest leaves as it is.
func (q *Queue) stream(ctx context.Context, c jetstream.StreamConfig) (stream jetstream.Stream, err error) {
	err = q.insist(ctx, "open the stream "+c.Name, func(ctx context.Context) error {
		stream, err = q.js.Stream(ctx, c.Name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound) && !q.guest:
			// A cluster sets aside what a stream may take: it may have less than the default.
			for stream, err = q.js.CreateStream(ctx, c); scarce(err) && c.MaxBytes > 1<<30 && !q.limited; {
				c.MaxBytes /= 2
				stream, err = q.js.CreateStream(ctx, c)
			}
		case err == nil && q.embedded != nil:
			// Limits may have changed.
			now := stream.CachedInfo().Config
			now.MaxBytes, now.MaxAge, now.Duplicates, now.AllowDirect = c.MaxBytes, c.MaxAge, c.Duplicates, c.AllowDirect
			stream, err = q.js.UpdateStream(ctx, now)
		}
		return err
	})
	return stream, err
}

func (q *Queue) bucket(ctx context.Context, c jetstream.KeyValueConfig) (kv jetstream.KeyValue, err error) {
	err = q.insist(ctx, "open the bucket "+c.Bucket, func(ctx context.Context) error {
		if kv, err = q.js.KeyValue(ctx, c.Bucket); errors.Is(err, jetstream.ErrBucketNotFound) && !q.guest {
			kv, err = q.js.CreateKeyValue(ctx, c)
		}
		return err
	})
	return kv, err
}

// Guest tells that another process has the folder. A guest reads depth and dead
// letters, and replays them; Work and Intake fail with ErrGuest.
func (q *Queue) Guest() bool { return q.guest }

// Close ends all that was opened of the queue. What was put and not flushed may be
// stored or not.
func (q *Queue) Close() error {
	q.mu.Lock()
	worker, intake := q.worker, q.intake
	q.mu.Unlock()
	if worker != nil {
		_ = worker.Close()
	}
	q.close(ErrClosed)
	if intake != nil {
		intake.work.Wait()
	}
	if q.conn != nil {
		q.conn.Close()
	}
	if q.embedded != nil {
		q.embedded.stop()
	}
	return nil
}

func (q *Queue) partition(lane uint64) int { return int(lane>>32) % q.partitions }
