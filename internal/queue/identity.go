package queue

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// name is what a key, or the key of a memory, is known by: half a SHA-256, so that
// nobody can make up another with the same name.
type name [16]byte

func keyName(key string) name {
	return digest(append(append(make([]byte, 0, 96), 'k'), key...))
}

func memoryName(m Memory) name {
	return digest(append(appendText(append(make([]byte, 0, 96), 'm'), m.Lookup), m.Key...))
}

func digest(text []byte) name {
	sum := sha256.Sum256(text)
	return name(sum[:16])
}

// own is the lane of a key that does not share one.
func (n name) own() uint64 { return binary.LittleEndian.Uint64(n[:]) }

// table is all that is known of keys and memories. It is the identities' stream, read
// from its start. It is for one goroutine.
type table struct {
	q        *Queue
	subject  string
	lanes    *cabinet // by key; without a text the lane is the key's own
	memories *cabinet

	// Where a key has changed its lane, its next event waits for the lanes before, unless this
	// process has put that event already.
	behind map[name][]barrier

	sequence uint64 // the last batch of changes that is in here
	last     uint64 // the batch's own number

	plan draft // used again for each batch
}

func newTable(q *Queue) *table {
	return &table{
		q: q, subject: "$KV." + q.options.Name + "-identities.log",
		lanes:    newCabinet(q.options.Identities, q.options.Remember),
		memories: newCabinet(q.options.Identities, q.options.Remember),
		behind:   map[name][]barrier{},
		plan:     draft{index: map[name]int{}},
	}
}

// change is a line of what changes in the table.
type change struct {
	name   name
	memory bool
	lane   uint64
	behind []barrier
	value  string
}

// Changes are stored many at a time: one message for a batch of events that taught anything
// new. An entry for each in a bucket would cost the server some hundred bytes of memory and
// a write for each key that was ever seen, and us a request to find each.
const changesVersion = 1

func appendChanges(to []byte, number uint64, changes []change) []byte {
	to = binary.LittleEndian.AppendUint64(append(to, changesVersion), number)
	to = binary.AppendUvarint(to, uint64(len(changes)))
	for _, c := range changes {
		if c.memory {
			to = appendText(append(append(to, 'm'), c.name[:]...), c.value)
			continue
		}
		to = binary.LittleEndian.AppendUint64(append(append(to, 'k'), c.name[:]...), c.lane)
		to = binary.AppendUvarint(to, uint64(len(c.behind)))
		for _, b := range c.behind {
			to = binary.AppendUvarint(binary.LittleEndian.AppendUint64(to, b.lane), b.sequence)
		}
	}
	return to
}

func readChanges(data []byte) (number uint64, changes []change, err error) {
	r := reader{rest: data}
	r.version(changesVersion)
	number = r.fixed()
	for range r.count(18) {
		c := change{}
		kind := r.byte()
		binary.LittleEndian.PutUint64(c.name[:8], r.fixed())
		binary.LittleEndian.PutUint64(c.name[8:], r.fixed())
		switch kind {
		case 'm':
			c.memory, c.value = true, string(r.text())
		case 'k':
			c.lane = r.fixed()
			for range r.count(9) {
				c.behind = append(c.behind, barrier{lane: r.fixed(), sequence: r.number()})
			}
		default:
			r.fail(fmt.Errorf("a change is of the kind %q", kind))
		}
		if r.err != nil {
			return 0, nil, r.err
		}
		changes = append(changes, c)
	}
	return number, changes, r.err
}

// apply takes changes in. Those of our own are of events that we put now.
func (t *table) apply(changes []change, when time.Time, own bool) {
	for _, c := range changes {
		if c.memory {
			t.memories.put(c.name, []byte(c.value), when)
			continue
		}
		var lane []byte
		if c.lane != c.name.own() {
			lane = binary.LittleEndian.AppendUint64(nil, c.lane)
		}
		t.lanes.put(c.name, lane, when)
		if delete(t.behind, c.name); !own && len(c.behind) > 0 {
			t.behind[c.name] = c.behind
		}
	}
}

// catchUp reads what others have written since.
func (t *table) catchUp(ctx context.Context) error {
	var last uint64
	err := t.q.insist(ctx, "read", func(ctx context.Context) error {
		info, err := t.q.identities.Info(ctx)
		if err == nil {
			last = info.State.LastSeq
		}
		return err
	})
	if err != nil {
		return err
	}
	err = t.q.scan(ctx, t.q.identities, jetstream.ConsumerConfig{FilterSubject: t.subject}, t.sequence+1, 256,
		func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
			number, changes, err := readChanges(m.Data())
			if err != nil {
				return fmt.Errorf("message %d of the stream %s cannot be read: %w", meta.Sequence.Stream, meta.Stream, err)
			}
			t.apply(changes, meta.Timestamp, false)
			t.sequence, t.last = meta.Sequence.Stream, number
			return nil
		})
	t.sequence = max(t.sequence, last) // what is forgotten is not there to be read
	return err
}

// current catches up where others may have written.
func (t *table) current(ctx context.Context) error {
	if t.q.leases == nil {
		return nil
	}
	last, err := t.q.lastOf(ctx, t.q.identities, t.subject)
	if err != nil || last <= t.sequence {
		return err
	}
	return t.catchUp(ctx)
}

// draft is what a batch of events would change. A table has one at a time.
type draft struct {
	*table
	now     time.Time
	changes []change
	index   map[name]int // in changes
	message []byte       // for commit
}

func (t *table) draft(now time.Time) *draft {
	d := &t.plan
	d.table, d.now = t, now
	clear(d.changes)
	clear(d.index)
	d.changes = d.changes[:0]
	return d
}

func (d *draft) change(c change) {
	if i, ok := d.index[c.name]; ok {
		// An event of the batch waits for what it was behind already; should that event
		// not be stored, the next one has to.
		c.behind = append(d.changes[i].behind, c.behind...)
		d.changes[i] = c
		return
	}
	d.index[c.name] = len(d.changes)
	d.changes = append(d.changes, c)
}

func (d *draft) lane(n name) (lane uint64, known, stale bool) {
	if i, ok := d.index[n]; ok {
		return d.changes[i].lane, true, false
	}
	text, age, ok := d.lanes.get(n, d.now)
	if lane = n.own(); len(text) > 0 {
		lane = binary.LittleEndian.Uint64(text)
	}
	return lane, ok && age <= d.q.options.Remember, d.stale(age)
}

func (d *draft) memory(n name) (value string, known, stale bool) {
	if i, ok := d.index[n]; ok {
		return d.changes[i].value, true, false
	}
	text, age, ok := d.memories.get(n, d.now)
	return string(text), ok && age <= d.q.options.Remember, d.stale(age)
}

// stale tells that what is used is to be written again, so that it is not forgotten.
func (d *draft) stale(age time.Duration) bool { return age > d.q.options.Remember/2 }

// meet tells that keys are known in different lanes.
func (d *draft) meet(keys []string) bool {
	var first uint64
	found := false
	for _, key := range keys {
		switch lane, known, _ := d.lane(keyName(key)); {
		case !known:
		case !found:
			first, found = lane, true
		case lane != first:
			return true
		}
	}
	return false
}

// place finds the lane of an event, and what it waits for in other lanes: all of them
// that is stored up to a sequence. The first key that is known decides; where none is, the
// first key's own lane is it. Keys that were elsewhere come along.
func (d *draft) place(keys []string, stored uint64) (lane uint64, barriers []barrier) {
	names := make([]name, len(keys))
	found := false
	for i, key := range keys {
		if names[i] = keyName(key); !found {
			lane, found, _ = d.lane(names[i])
		}
	}
	if !found {
		lane = names[0].own()
	}
	for _, n := range names {
		before, known, stale := d.lane(n)
		var behind []barrier
		if _, drafted := d.index[n]; !drafted {
			behind = d.behind[n]
		}
		if known && before != lane {
			behind = append(behind[:len(behind):len(behind)], barrier{before, stored})
		}
		if !known || before != lane || stale || len(behind) > 0 {
			d.change(change{name: n, lane: lane, behind: behind})
		}
		for _, b := range behind {
			if b.lane != lane && !slices.Contains(barriers, b) {
				barriers = append(barriers, b)
			}
		}
	}
	return lane, barriers
}

// known answers what an event asks, after what it teaches.
func (d *draft) known(asks, teaches []Memory) []Memory {
	for _, m := range teaches {
		if m.Value == "" {
			continue
		}
		n := memoryName(m)
		if value, known, stale := d.memory(n); !known || stale || value != m.Value {
			d.change(change{name: n, memory: true, value: m.Value})
		}
	}
	if len(asks) == 0 {
		return nil
	}
	known := make([]Memory, len(asks))
	for i, m := range asks {
		known[i] = Memory{Lookup: m.Lookup, Key: m.Key}
		n := memoryName(m)
		value, ok, stale := d.memory(n)
		if !ok {
			continue
		}
		if known[i].Value = value; stale {
			d.change(change{name: n, memory: true, value: value})
		}
	}
	return known
}

// commit stores what changes. errConflict means that others have changed something
// first, which is in the table now: the events are to be placed again.
func (d *draft) commit(ctx context.Context) error {
	if len(d.changes) == 0 {
		return nil
	}
	var id [8]byte
	rand.Read(id[:])
	number := binary.LittleEndian.Uint64(id[:])
	d.message = appendChanges(d.message[:0], number, d.changes)
	message := &nats.Msg{Subject: d.subject, Data: d.message}
	sequence, err := d.q.publish(ctx, message, jetstream.WithExpectLastSequence(d.sequence))
	switch {
	case errors.Is(err, errConflict):
		if err := d.catchUp(ctx); err != nil {
			return err
		}
		if d.last != number {
			return errConflict
		}
		// It was ours, whose answer was lost: nobody has written since.
	case err != nil:
		return err
	default:
		d.sequence, d.last = sequence, number
	}
	d.apply(d.changes, d.now, true)
	return nil
}
