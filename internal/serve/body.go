package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// budget bounds the memory that the bodies of all requests take together.
type budget struct {
	most int64
	used atomic.Int64
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
	budget *budget
	taken  int64
}

func (b *body) release() {
	b.budget.give(b.taken)
	b.bytes, b.taken = nil, 0
}

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
	limit, growth := most+1, int64(1) // one more byte tells that there is too much
	if r.ContentLength >= 0 {
		limit, growth = r.ContentLength, 15
	}
	for {
		if size := int64(len(b.bytes)); size == int64(cap(b.bytes)) {
			more := min(max(firstRead, growth*size), limit-size)
			if more == 0 {
				return b, nil
			}
			if !from.take(more) {
				b.release()
				return nil, errNoMemory
			}
			b.taken += more
			b.bytes = append(make([]byte, 0, size+more), b.bytes...)
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
