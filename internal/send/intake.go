package send

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"strconv"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/input"
	"github.com/celmap/celmap/internal/queue"
)

// MostEvent is how many bytes an event may have that is taken from a stream. What
// is stored has a messageId besides.
const MostEvent = 1<<20 - 1<<10

// Intake stores events in a queue. It is safe for concurrent use.
type Intake struct {
	Queue      *queue.Queue
	Connection *engine.Connection // to the rules that say whom events are about
	Tally      *Tally
}

const (
	together  = 64      // events that are put at a time
	markEvery = 4 << 20 // bytes between two marks
)

// Stream stores the events of something that can be read once. Where an
// error ends it, what was read before is stored.
func (in *Intake) Stream(ctx context.Context, name string, r io.Reader) error {
	into, err := in.Queue.Intake(ctx, queue.Source{})
	if err != nil {
		return err
	}
	f := &feeding{in: in, into: into, envelope: newEnvelope(in.Connection)}
	events := input.NewReader(MostEvent, input.Stream(name, r))
	defer events.Close()
	return f.all(ctx, events)
}

// File stores the events of a file, or those that were not stored by an earlier
// run. It tells whether there were none such, though the file has some.
func (in *Intake) File(ctx context.Context, path string, again bool) (nothingNew bool, err error) {
	name, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	into, err := in.Queue.Intake(ctx, queue.Source{Name: name, Again: again})
	if err != nil {
		return false, err
	}
	source, err := input.File(path)
	if err != nil {
		return false, err
	}
	f := &feeding{in: in, into: into, envelope: newEnvelope(in.Connection), file: name, sum: sha256.New()}
	events := input.NewReader(MostEvent, source)
	defer func() { events.Close() }()
	known := into.Cursor()
	same, err := f.pass(ctx, events, known)
	if err != nil {
		return false, err
	}
	if !same { // it is another text by that name
		if err := into.Restart(ctx); err != nil {
			return false, err
		}
		events.Close()
		events = input.NewReader(MostEvent, source)
		f.sum, f.offset, known.Events = sha256.New(), 0, 0
	}
	in.Tally.Read(int(known.Events), int(known.Events))
	if err := f.all(ctx, events); err != nil {
		return false, err
	}
	return known.Events+into.Skipped() > 0 && f.put == into.Skipped(), nil
}

// feeding puts the events of one source.
type feeding struct {
	in       *Intake
	into     *queue.Intake
	envelope *envelope
	waiting  []queue.Event
	put      int64
	told     int64 // of what was skipped

	// Of a file: its name, a hash of its events so far, and how many bytes those are.
	file           string
	sum            hash.Hash
	offset, marked int64
}

// pass reads the events that are stored, and tells whether they are the same.
func (f *feeding) pass(ctx context.Context, events *input.Reader, known queue.Cursor) (same bool, err error) {
	for range known.Events {
		item, err := events.Next()
		if err == io.EOF {
			return false, nil
		} else if err != nil {
			return false, err
		}
		f.count(item)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	return known.Events == 0 || f.offset == known.Offset && f.digest() == known.Sum, nil
}

func (f *feeding) count(item input.Item) {
	if f.sum == nil {
		return
	}
	text := item.JSON
	if item.Problem != nil {
		text = []byte(item.Problem.Message)
	}
	f.sum.Write(text)
	f.sum.Write([]byte{'\n'})
	f.offset += int64(len(text)) + 1
}

func (f *feeding) digest() string { return hex.EncodeToString(f.sum.Sum(nil)) }

// all puts what is left of a source, and waits until it is stored. What was put before
// an error, or before ctx ended, is stored as well.
func (f *feeding) all(ctx context.Context, events *input.Reader) error {
	failed := f.read(ctx, events)
	life := context.WithoutCancel(ctx)
	if failed == nil || ctx.Err() == nil {
		if err := f.pour(ctx); failed == nil {
			failed = err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f.mark()
	if err := f.into.Flush(life); failed == nil {
		failed = err
	}
	f.tell()
	return failed
}

func (f *feeding) read(ctx context.Context, events *input.Reader) error {
	for {
		item, err := events.Next()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		f.count(item)
		f.waiting = append(f.waiting, f.envelope.entry(f.text(item), item.Source+":"+strconv.Itoa(item.Line)))
		if len(f.waiting) < together && events.Ready() {
			continue
		}
		if err := f.pour(ctx); err != nil {
			return err
		}
		if f.sum != nil && f.offset-f.marked >= markEvery {
			f.mark()
		}
	}
}

// text is what is stored of an item.
func (f *feeding) text(item input.Item) []byte {
	if item.Problem != nil { // is rejected with what is wrong
		return value.AppendString(nil, item.Problem.Message)
	}
	return f.envelope.identified(item.JSON, func() string {
		if f.sum == nil {
			return randomID()
		}
		return idOf(f.file+":"+strconv.Itoa(item.Index), item.JSON)
	})
}

// pour puts what waits.
func (f *feeding) pour(ctx context.Context) error {
	n := len(f.waiting)
	if n == 0 {
		return nil
	}
	if err := f.into.Put(ctx, f.waiting...); err != nil {
		return fmt.Errorf("events cannot be stored: %w", err)
	}
	f.put += int64(n)
	clear(f.waiting)
	f.waiting = f.waiting[:0]
	skipped := f.into.Skipped()
	f.in.Tally.Read(n, int(skipped-f.told))
	f.told = skipped
	return nil
}

func (f *feeding) mark() {
	if f.sum != nil {
		f.into.Mark(queue.Cursor{Offset: f.offset, Sum: f.digest()})
		f.marked = f.offset
	}
}

func (f *feeding) tell() {
	skipped := f.into.Skipped()
	f.in.Tally.Read(0, int(skipped-f.told))
	f.told = skipped
}
