package send

import (
	"container/heap"
	"slices"
	"time"

	"github.com/celmap/celmap/internal/queue"
)

// entry is an item of the queue on its way.
type entry struct {
	queue.Item
	arrival uint64 // counts up; of two items the one that came first goes first
	tries   int    // that failed for reasons of its own
	alone   bool   // it is sent by itself: the API failed on it while others got through
	troubles
}

// troubles are failures that say nothing about an item.
type troubles struct {
	count int
	last  time.Time
}

// lanes holds the items that wait. Items of a lane leave in the order in which
// they came, and while one of them is out, none of those behind it leaves: what would
// go out together might be applied, and be repeated in pieces after a crash, so that
// an older value came after a newer one. It is not safe for concurrent use.
type lanes struct {
	byKey   map[uint64]*lane
	ready   laneHeap // those that nothing stands in the way of
	paused  laneHeap // those that have to wait until some time
	arrived uint64
	waiting int // items in all lanes
}

type lane struct {
	key     uint64
	waiting []*entry
	out     bool      // one of its items is; it is in no heap then
	until   time.Time // paused
	at      int       // in its heap
}

func newLanes() *lanes {
	return &lanes{
		byKey:  map[uint64]*lane{},
		ready:  laneHeap{less: func(a, b *lane) bool { return a.waiting[0].arrival < b.waiting[0].arrival }},
		paused: laneHeap{less: func(a, b *lane) bool { return a.until.Before(b.until) }},
	}
}

// add puts items at the end of their lanes.
func (l *lanes) add(items []queue.Item) {
	block := make([]entry, len(items))
	for i := range items {
		e := &block[i]
		e.Item, e.arrival = items[i], l.arrived
		l.arrived++
		l.waiting++
		k := l.byKey[e.Lane]
		if k == nil {
			k = &lane{key: e.Lane, waiting: []*entry{e}}
			l.byKey[e.Lane] = k
			heap.Push(&l.ready, k)
			continue
		}
		k.waiting = append(k.waiting, e)
	}
}

// take takes up to most items out, of those that may leave the ones that came
// first. One that does not fit stays. Each lane that gave one is out until it is put
// back.
func (l *lanes) take(now time.Time, most int, fits func(*entry) bool) []*entry {
	l.wake(now)
	taken := make([]*entry, 0, min(most, l.ready.Len()))
	var stuck []*lane
	for len(taken) < most && l.ready.Len() > 0 {
		k := heap.Pop(&l.ready).(*lane)
		if !fits(k.waiting[0]) {
			stuck = append(stuck, k)
			continue
		}
		taken = append(taken, k.waiting[0])
		k.waiting[0], k.waiting, k.out = nil, k.waiting[1:], true
		l.waiting--
	}
	for _, k := range stuck {
		heap.Push(&l.ready, k)
	}
	return taken
}

// putBack ends that the lane of an item is out. An item that is not finished is the
// lane's first again, and does not leave before until (zero: at once).
func (l *lanes) putBack(e *entry, finished bool, until time.Time) {
	k := l.byKey[e.Lane]
	k.out, k.until = false, until
	if !finished {
		k.waiting = slices.Insert(k.waiting, 0, e)
		l.waiting++
	}
	switch {
	case len(k.waiting) == 0:
		delete(l.byKey, e.Lane)
	case until.IsZero():
		heap.Push(&l.ready, k)
	default:
		heap.Push(&l.paused, k)
	}
}

// wake ends pauses that are over.
func (l *lanes) wake(now time.Time) {
	for l.paused.Len() > 0 && !l.paused.lanes[0].until.After(now) {
		k := heap.Pop(&l.paused).(*lane)
		k.until = time.Time{}
		heap.Push(&l.ready, k)
	}
}

// next is when the next pause ends; zero if there is none.
func (l *lanes) next() time.Time {
	if l.paused.Len() == 0 {
		return time.Time{}
	}
	return l.paused.lanes[0].until
}

// drop forgets the items that wait and are not wanted any more.
func (l *lanes) drop(unwanted func(*entry) bool) {
	for key, k := range l.byKey {
		before := len(k.waiting)
		k.waiting = slices.DeleteFunc(k.waiting, unwanted)
		gone := before - len(k.waiting)
		if gone == 0 {
			continue
		}
		l.waiting -= gone
		if k.out {
			continue
		}
		of := &l.ready
		if !k.until.IsZero() {
			of = &l.paused
		}
		if len(k.waiting) > 0 {
			heap.Fix(of, k.at)
			continue
		}
		k.waiting = []*entry{{}} // for the heap to compare
		heap.Remove(of, k.at)
		delete(l.byKey, key)
	}
}

// laneHeap is a container/heap of lanes.
type laneHeap struct {
	lanes []*lane
	less  func(a, b *lane) bool
}

func (h *laneHeap) Len() int           { return len(h.lanes) }
func (h *laneHeap) Less(i, j int) bool { return h.less(h.lanes[i], h.lanes[j]) }
func (h *laneHeap) Swap(i, j int) {
	h.lanes[i], h.lanes[j] = h.lanes[j], h.lanes[i]
	h.lanes[i].at, h.lanes[j].at = i, j
}
func (h *laneHeap) Push(x any) {
	k := x.(*lane)
	k.at = len(h.lanes)
	h.lanes = append(h.lanes, k)
}
func (h *laneHeap) Pop() any {
	last := len(h.lanes) - 1
	k := h.lanes[last]
	h.lanes[last] = nil
	h.lanes = h.lanes[:last]
	return k
}
