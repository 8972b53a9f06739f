package queue

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// progress is which items of a partition are finished: all of the chunks up to the horizon
// but those that are open, and those beyond it that are done.
type progress struct {
	horizon uint64
	open    items
	done    items
}

// items are indices by the sequence of their chunk, in order.
type items map[uint64][]int

func (i items) has(sequence uint64, index int) bool {
	_, ok := slices.BinarySearch(i[sequence], index)
	return ok
}

func (i items) add(sequence uint64, index int) {
	list := i[sequence]
	if at, ok := slices.BinarySearch(list, index); !ok {
		i[sequence] = slices.Insert(list, at, index)
	}
}

func (i items) remove(sequence uint64, index int) {
	list := i[sequence]
	if at, ok := slices.BinarySearch(list, index); ok {
		if list = slices.Delete(list, at, at+1); len(list) == 0 {
			delete(i, sequence)
		} else {
			i[sequence] = list
		}
	}
}

// finish notes that an item is finished.
func (p *progress) finish(sequence uint64, index int) {
	if sequence <= p.horizon {
		p.open.remove(sequence, index)
	} else {
		p.done.add(sequence, index)
	}
}

// A message of progress is a byte that says how it is written, one that says what it is,
// who wrote it, its number there, and what is finished: a delta has the items that have been
// finished since, a snapshot the whole progress, and takes the place of all before it.
const progressVersion = 1

const (
	delta    = 'd'
	snapshot = 's'
)

// stamp tells messages of one writer from those of others, and from each other.
type stamp struct{ writer, number uint64 }

func appendStamp(to []byte, kind byte, s stamp) []byte {
	to = append(to, progressVersion, kind)
	return binary.AppendUvarint(binary.LittleEndian.AppendUint64(to, s.writer), s.number)
}

func appendItems(to []byte, i items) []byte {
	to = binary.AppendUvarint(to, uint64(len(i)))
	var last uint64
	for _, sequence := range slices.Sorted(maps.Keys(i)) {
		to = binary.AppendUvarint(to, sequence-last)
		to = binary.AppendUvarint(to, uint64(len(i[sequence])))
		next := 0
		for _, index := range i[sequence] {
			to = binary.AppendUvarint(to, uint64(index-next))
			next = index + 1
		}
		last = sequence
	}
	return to
}

func appendDelta(to []byte, s stamp, finished items) []byte {
	return appendItems(appendStamp(to, delta, s), finished)
}

func appendSnapshot(to []byte, s stamp, p *progress) []byte {
	to = binary.AppendUvarint(appendStamp(to, snapshot, s), p.horizon)
	return appendItems(appendItems(to, p.open), p.done)
}

func (r *reader) items() items {
	all := items{}
	var sequence uint64
	for range r.count(2) {
		sequence += r.number()
		list := make([]int, 0, r.count(1))
		next := uint64(0)
		for range cap(list) {
			index := next + r.number()
			if index >= 1<<31 {
				r.fail(fmt.Errorf("an event has the index %d", index))
				return all
			}
			list, next = append(list, int(index)), index+1
		}
		all[sequence] = list
	}
	return all
}

// take reads a message into the progress.
func (p *progress) take(data []byte) (stamp, error) {
	r := reader{rest: data}
	r.version(progressVersion)
	kind := r.byte()
	s := stamp{writer: r.fixed(), number: r.number()}
	switch kind {
	case delta:
		for sequence, list := range r.items() {
			for _, index := range list {
				p.finish(sequence, index)
			}
		}
	case snapshot:
		*p = progress{horizon: r.number(), open: r.items(), done: r.items()}
	default:
		r.fail(fmt.Errorf("it is of the kind %q", kind))
	}
	return s, r.err
}

func (q *Queue) progressSubject(partition int) string {
	return q.options.Name + ".progress." + strconv.Itoa(partition)
}

// read reads the progress of a partition, and the sequence of its last message.
func (q *Queue) readProgress(ctx context.Context, partition int) (p *progress, last stamp, sequence uint64, err error) {
	p = &progress{open: items{}, done: items{}}
	err = q.scan(ctx, q.progress, jetstream.ConsumerConfig{FilterSubject: q.progressSubject(partition)}, 1, 64,
		func(m jetstream.Msg, meta *jetstream.MsgMetadata) (err error) {
			if last, err = p.take(m.Data()); err != nil {
				return fmt.Errorf("message %d of the stream %s cannot be read: %w", meta.Sequence.Stream, meta.Stream, err)
			}
			sequence = meta.Sequence.Stream
			return nil
		})
	return p, last, sequence, err
}
