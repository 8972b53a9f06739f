package send

import (
	"slices"
	"time"

	"github.com/celmap/celmap/engine"
)

const (
	aim     = 0.98      // of what a limit allows is used: clocks and networks are not exact
	reserve = 0.05      // of a long limit is left to others
	scarce  = 0.20      // of a long limit is left: from then on it is spread over the time to its reset
	long    = time.Hour // from which span on a limit is one to be spread
)

// limit spaces requests so that a limit holds. Others may use the same limit: what
// they take is found out from the answers, and left to them. It is not safe for
// concurrent use.
type limit struct {
	name  string
	max   int // requests in any span of per
	per   time.Duration
	share float64   // of the limit that is this process's
	next  time.Time // when the next request may go out

	sent    []time.Time // of a short limit, within the last span
	foreign float64     // requests of others in a span, about

	// Nobody said what the account has bought: the API's answers tell, and where they do
	// not, it is taken for one without this limit until it says that it was reached.
	asked  bool
	absent bool

	left  int       // of a long limit; -1 as long as nothing was said
	reset time.Time // of a long limit, zero if unknown
}

func newLimit(name string, most int, per time.Duration) *limit {
	return &limit{name: name, max: most, per: per, share: 1, left: -1}
}

// interval is the time between two requests, 0 where the limit does not matter now.
func (l *limit) interval(now time.Time) time.Duration {
	if l.max <= 0 || l.share <= 0 || l.absent {
		return 0
	}
	most := float64(l.max)
	if l.per < long {
		return time.Duration(float64(l.per) / (l.share * max(reserve*most, aim*most-l.foreign)))
	}
	if l.left < 0 || float64(l.left) > scarce*most {
		return 0
	}
	remaining := l.reset.Sub(now)
	if l.reset.IsZero() || remaining <= 0 {
		remaining = l.per / 2
	}
	budget := l.share * (float64(l.left) - reserve*most)
	if budget < 1 {
		return min(remaining, time.Minute) // one now and then, to learn when there is more
	}
	return time.Duration(float64(remaining) / budget)
}

// when is the earliest time for a request.
func (l *limit) when() time.Time { return l.next }

// take counts a request that goes out now. One that is late by up to an interval does
// not delay those after it.
func (l *limit) take(now time.Time) {
	every := l.interval(now)
	if every == 0 {
		return
	}
	if late := now.Add(-every); l.next.Before(late) {
		l.next = late
	}
	l.next = l.next.Add(every)
	if l.per < long {
		old := now.Add(-2 * l.per)
		keep, _ := slices.BinarySearchFunc(l.sent, old, time.Time.Compare)
		l.sent = append(slices.Delete(l.sent, 0, keep), now)
	}
}

// told takes what the answer to a request that went out at sent says.
func (l *limit) told(a engine.Allowance, sent, now time.Time) {
	if a.Max > 0 {
		l.max, l.asked, l.absent = a.Max, false, false
	}
	if at, ok := slices.BinarySearchFunc(l.sent, sent, time.Time.Compare); ok && a.Reached { // what is refused does not count
		l.sent = slices.Delete(l.sent, at, at+1)
	}
	if a.Left < 0 || a.Left > l.max {
		return
	}
	if l.per >= long {
		if l.left >= 0 && a.Left > l.left+l.max/2 {
			l.reset = now.Add(l.per)
		}
		if l.left = a.Left; a.Reset > 0 {
			l.reset = now.Add(a.Reset)
		}
		return
	}
	from, _ := slices.BinarySearchFunc(l.sent, sent.Add(-l.per), time.Time.Compare)
	to, _ := slices.BinarySearchFunc(l.sent, sent.Add(1), time.Time.Compare)
	ours := float64(to-from) / max(l.share, 0.01) // those who share with us do what we do
	others := max(0, float64(l.max-a.Left)-ours)
	if others <= float64(l.max)/100 { // requests that arrived in another order than they went out
		others = 0
	}
	l.foreign += (others - l.foreign) / 4
}

// learn takes how a request fared whose answer does not say what the limit is.
func (l *limit) learn(t trouble) {
	switch {
	case !l.asked:
	case t == none:
		l.absent = true
	case t == limited:
		l.asked, l.absent = false, false
	}
}
