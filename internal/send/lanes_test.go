package send

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/celmap/celmap/internal/queue"
)

// TestLanes draws what may happen to lanes, and holds them against a list: an item is
// in one place at a time, leaves its lane after those before it are finished, first
// come, first served, and not before its pause is over.
func TestLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0)
		l := newLanes()
		var next uint64
		waiting := map[uint64][]uint64{} // by lane, the numbers of the items
		until := map[uint64]time.Time{}
		out := map[uint64]*entry{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				var items []queue.Item
				for range rapid.IntRange(1, 10).Draw(t, "items") {
					lane := rapid.Uint64Range(1, 6).Draw(t, "lane")
					items = append(items, queue.Item{ID: queue.ID{Sequence: next}, Lane: lane})
					waiting[lane] = append(waiting[lane], next)
					next++
				}
				l.add(items)
			},
			"take": func(t *rapid.T) {
				most := rapid.IntRange(1, 5).Draw(t, "most")
				refused := rapid.Uint64Range(0, 40).Draw(t, "does not fit")
				taken := l.take(now, most, func(e *entry) bool { return e.ID.Sequence != refused })
				if len(taken) > most {
					t.Fatalf("took %d of at most %d", len(taken), most)
				}
				for i, e := range taken {
					if i > 0 && taken[i-1].ID.Sequence > e.ID.Sequence {
						t.Fatalf("%d came before %d", taken[i-1].ID.Sequence, e.ID.Sequence)
					}
					if out[e.Lane] != nil {
						t.Fatalf("lane %d gave %d while it was out", e.Lane, e.ID.Sequence)
					}
					if until[e.Lane].After(now) {
						t.Fatalf("lane %d gave %d in its pause", e.Lane, e.ID.Sequence)
					}
					if e.ID.Sequence != waiting[e.Lane][0] || e.ID.Sequence == refused {
						t.Fatalf("lane %d gave %d, its first is %d", e.Lane, e.ID.Sequence, waiting[e.Lane][0])
					}
					waiting[e.Lane], out[e.Lane] = waiting[e.Lane][1:], e
				}
				for lane, items := range waiting { // nothing that came earlier was passed over
					may := out[lane] == nil && !until[lane].After(now) && len(items) > 0 && items[0] != refused
					if may && (len(taken) < most || items[0] < taken[len(taken)-1].ID.Sequence) {
						t.Fatalf("lane %d gave nothing, though %d might leave", lane, items[0])
					}
				}
			},
			"put back": func(t *rapid.T) {
				if len(out) == 0 {
					t.Skip("no lane is out")
				}
				lane := rapid.SampledFrom(slices.Sorted(maps.Keys(out))).Draw(t, "lane")
				e, finished := out[lane], rapid.Bool().Draw(t, "finished")
				pause := time.Duration(rapid.IntRange(0, 3).Draw(t, "pause")) * time.Second
				delete(until, lane)
				if pause > 0 {
					until[lane] = now.Add(pause)
				}
				if !finished {
					waiting[lane] = slices.Insert(waiting[lane], 0, e.ID.Sequence)
				}
				delete(out, lane)
				l.putBack(e, finished, until[lane])
			},
			"drop": func(t *rapid.T) {
				lane, unwanted := rapid.Uint64Range(1, 6).Draw(t, "lane"), map[uint64]bool{}
				for _, n := range waiting[lane] {
					unwanted[n] = rapid.Bool().Draw(t, "unwanted")
				}
				waiting[lane] = slices.DeleteFunc(waiting[lane], func(n uint64) bool { return unwanted[n] })
				l.drop(func(e *entry) bool { return unwanted[e.ID.Sequence] })
			},
			"let time pass": func(t *rapid.T) { now = now.Add(time.Second) },
			"": func(t *rapid.T) {
				count, ready := 0, 0
				l.wake(now)
				for lane, items := range waiting {
					if out[lane] == nil && len(items) == 0 {
						delete(until, lane) // nothing is left that could pause
					}
					count += len(items)
					if out[lane] == nil && !until[lane].After(now) && len(items) > 0 {
						ready++
					}
				}
				if l.waiting != count || l.ready.Len() != ready {
					t.Fatalf("%d items wait and %d lanes are ready, counted %d and %d", count, ready, l.waiting, l.ready.Len())
				}
			},
		})
	})
}
