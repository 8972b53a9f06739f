package value

import "unsafe"

const (
	chunkBytes = 16 << 10
	keptChunks = 1024 // over a reset, of each slab
)

// slab hands out pieces of chunks that it keeps for the next batch. Pieces hold
// what they held before: the taker writes all of them.
type slab[T any] struct {
	chunks [][]T
	chunk  int // next chunk to be opened
	free   []T // rest of the chunk that is open
}

func (s *slab[T]) reset() {
	if len(s.chunks) > keptChunks {
		clear(s.chunks[keptChunks:])
		s.chunks = s.chunks[:keptChunks]
	}
	s.chunk, s.free = 0, nil
}

// chunkLen returns the number of Ts in a chunk.
func (s *slab[T]) chunkLen() int {
	var t T
	return chunkBytes / int(unsafe.Sizeof(t))
}

// one returns one T.
func (s *slab[T]) one() *T {
	if len(s.free) == 0 {
		s.open()
	}
	t := &s.free[0]
	s.free = s.free[1:]
	return t
}

// taken counts what one has handed out since the last reset.
func (s *slab[T]) taken() int { return s.chunk*s.chunkLen() - len(s.free) }

// take returns n adjoining Ts, with no capacity beyond them. A piece of more
// than half a chunk is allocated for itself, and not kept.
func (s *slab[T]) take(n int) []T {
	if n > s.chunkLen()/2 {
		return make([]T, n)
	}
	if n > len(s.free) {
		s.open()
	}
	t := s.free[:n:n]
	s.free = s.free[n:]
	return t
}

func (s *slab[T]) open() {
	if s.chunk == len(s.chunks) {
		s.chunks = append(s.chunks, make([]T, s.chunkLen()))
	}
	s.free = s.chunks[s.chunk]
	s.chunk++
}
