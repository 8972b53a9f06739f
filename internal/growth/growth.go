// Package growth measures, for tests, how much longer something takes than
// something else in the same run. Machines differ and are busy with other
// things; how time grows does not.
package growth

import "time"

// So many tries are made of each measurement, of which the fastest counts: what else
// the machine does only ever adds time.
const (
	tries     = 3
	manyTries = 15 // of runs that may contain a collection
)

// Ratio returns how many times as long a takes as b.
func Ratio(a, b func()) float64 {
	return ratio(a, b, tries)
}

// Of returns how many times as long run takes for large as for small. A collection that
// falls into the large run only would count as growth, so it is tried more often.
func Of(run func(n int), small, large int) float64 {
	return ratio(func() { run(large) }, func() { run(small) }, manyTries)
}

func ratio(a, b func(), tries int) float64 {
	return float64(fastest(a, tries)) / float64(max(fastest(b, tries), time.Microsecond))
}

func fastest(run func(), tries int) time.Duration {
	least := time.Duration(1<<63 - 1)
	for range tries {
		start := clock()
		run()
		least = min(least, clock()-start)
	}
	return least
}
