package conformance

import (
	"maps"
	"slices"
)

// Compare returns the jobs of a case whose outcomes differ, and how many jobs
// there are and agree at least in status. Jobs of one metadata are compared in
// the order of their outcomes.
func Compare(theirs, ours Outcomes) (different []Job, jobs, sameStatus int) {
	for _, metadata := range slices.Sorted(maps.Keys(theirs)) {
		for i, t := range theirs[metadata] {
			jobs++
			o := Outcome{Why: "the job is in no element"}
			if i < len(ours[metadata]) {
				o = ours[metadata][i]
			}
			if t.Status == o.Status {
				sameStatus++
			}
			if !t.Agrees(o) || len(ours[metadata]) != len(theirs[metadata]) {
				different = append(different, Job{Metadata: metadata, Theirs: t, Ours: o})
			}
		}
	}
	return different, jobs, sameStatus
}
