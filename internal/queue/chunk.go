package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// A chunk is what one message of the stream of events holds: a byte that says how it is
// written, the number of events, and the events one after the other. Numbers
// are varints; texts have their length before them.
//
//	event   = flags lane [index] [barriers] origin [known] json
//	barrier = lane sequence
//	known   = lookup key value
const chunkVersion = 1

const (
	hasIndex    = 1 << iota // the source can be read again
	hasBarriers             // it waits for other lanes
	hasKnown                // it asked
)

// Most of a chunk, unless one event alone is larger.
const (
	chunkEvents = 512
	chunkBytes  = 512 << 10
)

// barrier says that an event waits until all of a lane that was stored up to a chunk is
// finished.
type barrier struct {
	lane     uint64
	sequence uint64
}

// entry is an event in a chunk.
type entry struct {
	lane     uint64
	index    int64 // of its source, from 1; 0: the source has no cursor
	barriers []barrier
	origin   string
	known    []Memory
	json     []byte
}

func appendText[T string | []byte](to []byte, text T) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

func appendEntry(to []byte, e *entry) []byte {
	var flags byte
	if e.index > 0 {
		flags |= hasIndex
	}
	if len(e.barriers) > 0 {
		flags |= hasBarriers
	}
	if len(e.known) > 0 {
		flags |= hasKnown
	}
	to = binary.LittleEndian.AppendUint64(append(to, flags), e.lane)
	if e.index > 0 {
		to = binary.AppendUvarint(to, uint64(e.index))
	}
	if len(e.barriers) > 0 {
		to = binary.AppendUvarint(to, uint64(len(e.barriers)))
		for _, b := range e.barriers {
			to = binary.AppendUvarint(binary.LittleEndian.AppendUint64(to, b.lane), b.sequence)
		}
	}
	to = appendText(to, e.origin)
	if len(e.known) > 0 {
		to = binary.AppendUvarint(to, uint64(len(e.known)))
		for _, m := range e.known {
			to = appendText(appendText(appendText(to, m.Lookup), m.Key), m.Value)
		}
	}
	return appendText(to, e.json)
}

// chunkHead is how many bytes are left free before the entries of a chunk.
const chunkHead = 1 + binary.MaxVarintLen16

// sealChunk returns the chunk of entries that are written behind chunkHead bytes.
func sealChunk(text []byte, events int) []byte {
	var some [chunkHead]byte
	head := binary.AppendUvarint(append(some[:0], chunkVersion), uint64(events))
	chunk := text[chunkHead-len(head):]
	copy(chunk, head)
	return chunk
}

// reader reads what was written in this package. Its first error stays: all that
// is read after it is zero.
type reader struct {
	rest []byte
	err  error
}

var errShort = errors.New("it ends too early")

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail(errShort)
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) fixed() uint64 {
	if len(r.rest) < 8 {
		r.fail(errShort)
		return 0
	}
	n := binary.LittleEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return n
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail(errShort)
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// count reads how many things follow, each of at least some bytes.
func (r *reader) count(each int) int {
	n := r.number()
	if n > uint64(len(r.rest)/each) {
		r.fail(errShort)
		return 0
	}
	return int(n)
}

// text is valid for as long as what is read.
func (r *reader) text() []byte {
	n := r.count(1)
	text := r.rest[:n:n]
	r.rest = r.rest[n:]
	return text
}

func (r *reader) version(want byte) {
	if got := r.byte(); r.err == nil && got != want {
		r.fail(fmt.Errorf("it is written in version %d, and this program reads %d: a newer celmap wrote it, or it is damaged", got, want))
	}
}

// entry reads one entry. Its texts are copies: a chunk is not kept for the sake of one.
func (r *reader) entry() entry {
	var e entry
	flags := r.byte()
	if flags&^(hasIndex|hasBarriers|hasKnown) != 0 {
		r.fail(fmt.Errorf("an event has the flags %#x", flags))
	}
	e.lane = r.fixed()
	if flags&hasIndex != 0 {
		if n := r.number(); n > math.MaxInt64 {
			r.fail(fmt.Errorf("an event has the number %d", n))
		} else {
			e.index = int64(n)
		}
	}
	if flags&hasBarriers != 0 {
		e.barriers = make([]barrier, r.count(9))
		for i := range e.barriers {
			e.barriers[i] = barrier{lane: r.fixed(), sequence: r.number()}
		}
	}
	e.origin = string(r.text())
	if flags&hasKnown != 0 {
		e.known = make([]Memory, r.count(3))
		for i := range e.known {
			e.known[i] = Memory{Lookup: string(r.text()), Key: string(r.text()), Value: string(r.text())}
		}
	}
	e.json = append([]byte(nil), r.text()...)
	return e
}

// readChunk reads a whole chunk.
func readChunk(data []byte) ([]entry, error) {
	r := reader{rest: data}
	r.version(chunkVersion)
	entries := make([]entry, 0, r.count(11))
	for range cap(entries) {
		if entries = append(entries, r.entry()); r.err != nil {
			break
		}
	}
	if r.err == nil && len(r.rest) > 0 {
		r.fail(fmt.Errorf("%d bytes follow its events", len(r.rest)))
	}
	if r.err != nil {
		return nil, r.err
	}
	return entries, nil
}

// chunkSize reads how many events a chunk has.
func chunkSize(data []byte) (int, error) {
	r := reader{rest: data}
	r.version(chunkVersion)
	return r.count(11), r.err
}
