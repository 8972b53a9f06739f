package serve

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net/http"
	"sync"
	"sync/atomic"
)

// budget bounds the memory that the bodies of all requests take together.
type budget struct {
	most  int64
	used  atomic.Int64
	rooms rooms
}

// take reports whether there are n bytes left, which are the caller's then.
func (b *budget) take(n int64) bool {
	if b.used.Add(n) <= b.most {
		return true
	}
	b.used.Add(-n)
	return false
}

func (b *budget) give(n int64) { b.used.Add(-n) }

// body is a body in memory, to be released.
type body struct {
	bytes  []byte
	lent   bool // somebody may read the bytes even then
	budget *budget
	taken  int64
}

// lend returns the bytes for somebody who may read them for longer than the
// request is answered, as those who send them on do.
func (b *body) lend() []byte {
	b.lent = true
	return b.bytes
}

// release gives the memory back.
func (b *body) release() {
	b.budget.give(b.taken)
	if !b.lent {
		b.budget.rooms.put(b.bytes)
	}
	b.bytes, b.taken = nil, 0
}

// rooms are slices to be used again, by their capacity: the k-th pool has those
// of smallestRoom<<k bytes. Larger ones are not kept.
type rooms [11]sync.Pool

const smallestRoom = 1 << 10 // bytes

// get returns an empty slice for n bytes or more.
func (r *rooms) get(n int64) []byte {
	k := bits.Len64(uint64(n-1) / smallestRoom)
	if k >= len(r) {
		return make([]byte, 0, n)
	}
	if room, ok := r[k].Get().(*[]byte); ok {
		return *room
	}
	return make([]byte, 0, smallestRoom<<k)
}

// put keeps what get returned, with whatever is in it by now.
func (r *rooms) put(room []byte) {
	if cap(room) == 0 {
		return
	}
	if released != nil {
		released(room[:cap(room)])
	}
	k := bits.Len64(uint64(cap(room)-1) / smallestRoom)
	if k < len(r) && cap(room) == smallestRoom<<k {
		room = room[:0]
		r[k].Put(&room)
	}
}

// released, if set, is shown what is not used any more.
var released func([]byte)

var (
	errTooLarge = errors.New("the body is too large")
	errNoMemory = errors.New("too many bytes of bodies are in memory")
)

const firstRead = 16 << 10 // bytes

// readBody reads the body of a request. Its memory is taken from the budget as it
// comes in: what a client announces and never sends takes next to none.
func readBody(r *http.Request, most int64, from *budget) (*body, error) {
	if r.ContentLength > most {
		return nil, errTooLarge
	}
	b := &body{budget: from}
	limit, growth := most+1, int64(2) // one more byte tells that there is too much
	if r.ContentLength >= 0 {
		limit, growth = r.ContentLength, 16
	}
	for {
		if size := int64(len(b.bytes)); size == int64(cap(b.bytes)) {
			room := min(max(firstRead, growth*size), limit)
			if room == size {
				return b, nil
			}
			if !b.grow(room, most+1) {
				b.release()
				return nil, errNoMemory
			}
		}
		n, err := r.Body.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case int64(len(b.bytes)) > most:
			b.release()
			return nil, errTooLarge
		case err == io.EOF:
			return b, nil
		case err != nil:
			size := len(b.bytes)
			b.release()
			return nil, fmt.Errorf("the body broke off after %d bytes: %w", size, err)
		}
	}
}

// grow moves the body to where there is room for n bytes, if the budget allows.
// What a room has beyond the most bytes that a body may have does not count.
func (b *body) grow(n, most int64) bool {
	room := b.budget.rooms.get(n)
	taken := min(int64(cap(room)), most)
	if !b.budget.take(taken - b.taken) {
		b.budget.rooms.put(room)
		return false
	}
	old := b.bytes
	b.bytes, b.taken = append(room, old...), taken
	b.budget.rooms.put(old)
	return true
}
