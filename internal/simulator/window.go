package simulator

import "time"

// window counts calls over a rolling time: exactly, as each is forgotten when its
// time is over. It is for one goroutine at a time.
type window struct {
	per   time.Duration
	most  int
	times []time.Time // a ring of the calls that count, the oldest at first
	first int
	count int
}

func newWindow(per time.Duration, most int) *window { return &window{per: per, most: most} }

// forget drops the calls that count no longer.
func (w *window) forget(now time.Time) {
	for w.count > 0 && now.Sub(w.times[w.first]) >= w.per {
		w.first = (w.first + 1) % len(w.times)
		w.count--
	}
}

// left returns how many calls may come now.
func (w *window) left(now time.Time) int {
	w.forget(now)
	return w.most - w.count
}

// take counts a call.
func (w *window) take(now time.Time) {
	if w.count == len(w.times) { // only as long as what is used grows
		grown := make([]time.Time, min(max(2*w.count, 16), w.most))
		for i := range w.count {
			grown[i] = w.times[(w.first+i)%w.count]
		}
		w.times, w.first = grown, 0
	}
	w.times[(w.first+w.count)%len(w.times)] = now
	w.count++
}

// wait returns how long it takes until a call may come again.
func (w *window) wait(now time.Time) time.Duration {
	if w.left(now) > 0 {
		return 0
	}
	if w.count == 0 { // none may ever come
		return w.per
	}
	return w.per - now.Sub(w.times[w.first])
}

// day counts the calls of a calendar day in a time zone.
type day struct {
	zone  *time.Location
	most  int
	count int
	end   time.Time // midnight, when the count begins anew
}

func (d *day) left(now time.Time) int {
	if !now.Before(d.end) {
		local := now.In(d.zone)
		d.end = time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, d.zone)
		d.count = 0
	}
	return d.most - d.count
}

func (d *day) take() { d.count++ }
