package value

// slab hands out pieces of chunks that it keeps for the next batch. Pieces hold
// what they held before: the taker writes all of them.
type slab[T any] struct {
	chunks [][]T
	chunk  int // next chunk to be opened
	free   []T // rest of the chunk that is open
	size   int // of a chunk
	keep   int // number of chunks kept over a reset
}

func (s *slab[T]) reset() {
	if len(s.chunks) > s.keep {
		clear(s.chunks[s.keep:])
		s.chunks = s.chunks[:s.keep]
	}
	s.chunk, s.free = 0, nil
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

// take returns n adjoining Ts, with no capacity beyond them. A piece of more
// than half a chunk is allocated for itself, and not kept.
func (s *slab[T]) take(n int) []T {
	if n > s.size/2 {
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
		s.chunks = append(s.chunks, make([]T, s.size))
	}
	s.free = s.chunks[s.chunk]
	s.chunk++
}
