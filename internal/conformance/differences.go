package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Disagreement is a case whose jobs do not all become what was recorded.
type Disagreement struct {
	Case *Case
	Jobs []Job // those that differ
}

// Job is a job with two outcomes.
type Job struct {
	Metadata     string
	Theirs, Ours Outcome
}

// Difference explains disagreements: those of the listed cases, and those of
// whole groups as far as note and status fit.
type Difference struct {
	Class    string   `json:"class"`
	Reason   string   `json:"reason"`
	Groups   []string `json:"groups"`
	Note     string   `json:"note"`
	Status   string   `json:"status"` // "theirs -> ours", * for any; empty: any change
	Cases    []string `json:"cases"`
	Fixtures []string `json:"fixtures"` // paths below the folder of fixtures

	note         *regexp.Regexp
	theirs, ours int             // 0 for any
	used         map[string]bool // groups and cases that it has explained something of
}

// Differences is all that is known to differ.
type Differences []*Difference

// ReadDifferences reads the file of differences, which lies in a folder beside
// those of fixtures.
func ReadDifferences(file string) (Differences, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	root, found := source.Parse(file, data)
	if err := found.Err(); err != nil {
		return nil, err
	}
	var list struct {
		Differences Differences `json:"differences"`
	}
	if err := json.Unmarshal(value.AppendJSON(nil, root.Value(value.NewArena())), &list); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i, d := range list.Differences {
		if err := d.prepare(filepath.Dir(filepath.Dir(file))); err != nil {
			return nil, fmt.Errorf("%s: entry %d (%s): %w", file, i+1, d.Class, err)
		}
	}
	return list.Differences, nil
}

func (d *Difference) prepare(fixtures string) (err error) {
	if d.Class == "" || d.Reason == "" || len(d.Groups)+len(d.Cases)+len(d.Fixtures) == 0 {
		return fmt.Errorf("it needs a class, a reason, and groups, cases or fixtures")
	}
	for _, f := range d.Fixtures {
		if _, err := os.Stat(filepath.Join(fixtures, f)); err != nil {
			return fmt.Errorf("fixture: %w", err)
		}
	}
	if d.note, err = regexp.Compile(d.Note); err != nil {
		return fmt.Errorf("note: %w", err)
	}
	d.used = map[string]bool{}
	if d.Status == "" {
		return nil
	}
	theirs, ours, ok := strings.Cut(d.Status, " -> ")
	if d.theirs, err = status(theirs); err == nil {
		d.ours, err = status(ours)
	}
	if !ok || err != nil {
		return fmt.Errorf("status is %q; write it like 200 -> 400", d.Status)
	}
	return nil
}

func status(s string) (int, error) {
	if s == "*" {
		return 0, nil
	}
	return strconv.Atoi(s)
}

// Explain returns the entries that explain a disagreement.
func (ds Differences) Explain(x *Disagreement) []*Difference {
	var out []*Difference
	for _, d := range ds {
		listed, grouped := slices.Contains(d.Cases, x.Case.ID), d.covers(x)
		if listed {
			d.used[x.Case.ID] = true
		}
		if grouped {
			d.used[x.Case.Group] = true
		}
		if listed || grouped {
			out = append(out, d)
		}
	}
	return out
}

func (d *Difference) covers(x *Disagreement) bool {
	return slices.Contains(d.Groups, x.Case.Group) && d.note.MatchString(x.Case.Note) &&
		!slices.ContainsFunc(x.Jobs, func(j Job) bool {
			return d.theirs != 0 && d.theirs != j.Theirs.Status || d.ours != 0 && d.ours != j.Ours.Status
		})
}

// Stale returns what no longer explains anything, after all was explained.
func (ds Differences) Stale() []string {
	var out []string
	for _, d := range ds {
		for _, name := range slices.Concat(d.Groups, d.Cases) {
			if !d.used[name] {
				out = append(out, fmt.Sprintf("%s (class %q)", name, d.Class))
			}
		}
	}
	return out
}
