package golden

import (
	"path"

	"github.com/celmap/celmap/engine/source"
)

// Status is how a case ended.
type Status string

// The ends of a case.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Broken  Status = "broken"  // the fixture or its rules cannot be read
	Updated Status = "updated" // the fixture was rewritten
	Refused Status = "refused" // the fixture would lose what it pins
)

// Verdict is what a run says of one case.
type Verdict struct {
	File        string
	Status      Status
	Differences []Difference       // of Failed, Updated and Refused
	Remarks     []string           // what else there is to say, and what to do
	Problems    source.Diagnostics // of Broken
}

// Name returns the case's sentence.
func (v *Verdict) Name() string { return Sentence(v.File) }

// Folder returns the folder of the case, with slashes.
func (v *Verdict) Folder() string { return path.Dir(v.File) }

// Summary is what a run says of all cases, in their order.
type Summary struct {
	Verdicts []*Verdict
	Rules    source.Diagnostics // of destinations that do not compile
}

// Count returns how many cases ended in one of the states.
func (r *Summary) Count(states ...Status) int {
	n := 0
	for _, v := range r.Verdicts {
		for _, s := range states {
			if v.Status == s {
				n++
			}
		}
	}
	return n
}

// OK reports whether every case passed or was updated.
func (r *Summary) OK() bool { return r.Count(Passed, Updated) == len(r.Verdicts) }
