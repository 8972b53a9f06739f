// Package growth measures, for tests, how much longer something takes than
// something else in the same run. Machines differ and are busy with other
// things; how time grows does not.
package growth

import "time"

// tries are made of each measurement, of which the fastest counts: what else
// the machine does only ever adds time.
const tries = 3

// Ratio returns how many times as long a takes as b.
func Ratio(a, b func()) float64 {
	return float64(fastest(a)) / float64(max(fastest(b), time.Microsecond))
}

// Of returns how many times as long run takes for large as for small.
func Of(run func(n int), small, large int) float64 {
	return Ratio(func() { run(large) }, func() { run(small) })
}

func fastest(run func()) time.Duration {
	least := time.Duration(1<<63 - 1)
	for range tries {
		start := clock()
		run()
		least = min(least, clock()-start)
	}
	return least
}
