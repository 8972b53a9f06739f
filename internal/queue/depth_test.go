package queue

import (
	"math/rand/v2"
	"testing"
)

// TestLedger has chunks stored by this process and by others, a worker that reads, takes over and loses,
// and looks at any time: what is in the ledger is what the worker has not read.
func TestLedger(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var l ledger
	var last, horizon uint64
	asked := 0
	look := func() {
		for unknown := l.unknown(last); unknown.first <= unknown.last; unknown = l.unknown(last) {
			for s := unknown.first; s <= unknown.last; s++ {
				asked++
				l.insert(0, line{sequence: s, events: int64(s), bytes: 1})
			}
			l.reach(unknown.last)
		}
		var d, want Depth
		done := items{}
		for s := horizon + 1; s <= last; s++ {
			want.Events += int64(s)
			want.Bytes++
		}
		if horizon+2 < last {
			done[last] = []int{1}
			want.Events--
			want.Bytes-- // less than one whole
		}
		l.ahead(0, horizon, done, &d)
		if d.Events != want.Events || d.Bytes != want.Bytes {
			t.Fatalf("after %d, with %d read: %+v, expected %+v", last, horizon, d, want)
		}
	}
	store := func(meanwhile func()) {
		_, _ = l.store(0, 1, int64(last+1), func() (uint64, error) {
			last++
			meanwhile()
			return last, nil
		})
	}
	for range 100_000 {
		switch n := random.IntN(1000); {
		case n == 0: // what the worker before had read is to be read again
			horizon -= min(horizon, uint64(random.IntN(5)))
			l.restart()
		case n < 100:
			look()
		case n < 500:
			horizon = min(horizon+1, last)
			l.forget(0, horizon)
		case n < 510: // somebody else's
			last++
		default:
			store(func() {})
		}
	}
	look()

	horizon = last
	l.forget(0, horizon)
	asked = 0
	for range 10_000 {
		store(func() {
			if unknown := l.unknown(last); unknown.first <= unknown.last {
				t.Fatalf("%v are read while %d, our own, is being stored", unknown, last)
			}
		})
	}
	if look(); asked > 0 {
		t.Errorf("%d headers of our own chunks were read", asked)
	}
	if l.forget(0, last); l.chunks[0] != nil {
		t.Errorf("%d chunks are kept that were read", len(l.chunks[0]))
	}
}
