package source

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity tells whether a diagnostic stops the load.
type Severity uint8

// The severities. The zero Severity is Error, so a forgotten one is noticed.
const (
	Error Severity = iota
	Warning
)

// String returns "error" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Diagnostic is one finding about a file, in words for the person who wrote it.
type Diagnostic struct {
	Code     string // kebab-case, stable, such as "yaml-duplicate-key"
	Severity Severity
	Span     Span
	Summary  string // what is wrong, with the value
	Detail   string // why; may be empty
	Help     string // what to do; may be empty
	Related  []Related
	Path     string // JSON path of the node in its file, such as $.send[0].item; see Locate
}

// Related is another place that a finding is about, such as the first of two
// entries of one name.
type Related struct {
	Span    Span
	Message string
}

// Relate adds another place to a finding. A place that is unknown is left out.
func (d *Diagnostic) Relate(at Span, format string, args ...any) *Diagnostic {
	if !at.IsZero() {
		d.Related = append(d.Related, Related{at, fmt.Sprintf(format, args...)})
	}
	return d
}

// Error returns "file:line:col: summary", without the place if it is unknown.
func (d Diagnostic) Error() string {
	where := d.Span.String()
	if where == "" {
		return d.Summary
	}
	return where + ": " + d.Summary
}

// Diagnostics is a list of findings. As an error it lists one a line, and
// errors.As reaches the single Diagnostic values.
type Diagnostics []Diagnostic

// Error returns one line for each finding.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.Is and errors.As the single findings.
func (ds Diagnostics) Unwrap() []error {
	errs := make([]error, len(ds))
	for i, d := range ds {
		errs[i] = d
	}
	return errs
}

// Err returns the list as an error if it holds an Error, else nil: the way to
// return Diagnostics from a function without the trap of a typed nil.
func (ds Diagnostics) Err() error {
	if ds.HasErrors() {
		return ds
	}
	return nil
}

// HasErrors reports whether a finding stops the load.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Add appends findings.
func (ds *Diagnostics) Add(more ...Diagnostic) { *ds = append(*ds, more...) }

// Errorf appends an error at a place and returns it, for a Detail or Help to be set.
// The pointer is good until the next Add.
func (ds *Diagnostics) Errorf(code string, at Span, format string, args ...any) *Diagnostic {
	return ds.addf(Error, code, at, format, args)
}

// Warnf is Errorf for a warning.
func (ds *Diagnostics) Warnf(code string, at Span, format string, args ...any) *Diagnostic {
	return ds.addf(Warning, code, at, format, args)
}

func (ds *Diagnostics) addf(s Severity, code string, at Span, format string, args []any) *Diagnostic {
	*ds = append(*ds, Diagnostic{Code: code, Severity: s, Span: at, Summary: fmt.Sprintf(format, args...)})
	return &(*ds)[len(*ds)-1]
}

// Tidy sorts findings, leaves out those that say the same of the same place and
// doubts about what is refused anyway, and locates the others.
func (ds *Diagnostics) Tidy() {
	ds.Sort()
	type place struct {
		file     string
		from, to int
	}
	at := func(d Diagnostic) place { return place{d.Span.name(), d.Span.Start.Offset, d.Span.End.Offset} }
	refused := map[place]bool{}
	for _, d := range *ds {
		if d.Severity == Error && !d.Span.IsZero() {
			refused[at(d)] = true
		}
	}
	type said struct {
		file, code, summary string
		from, to            Position
	}
	before := map[said]bool{}
	*ds = slices.DeleteFunc(*ds, func(d Diagnostic) bool {
		if d.Severity == Warning && refused[at(d)] {
			return true
		}
		this := said{d.Span.name(), d.Code, d.Summary, d.Span.Start, d.Span.End}
		again := before[this]
		before[this] = true
		return again
	})
	ds.Locate()
}

// Sort orders findings by file, place, and then code. Findings of equal place
// and code keep their order, so output does not change from run to run.
func (ds Diagnostics) Sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			strings.Compare(a.Span.name(), b.Span.name()),
			cmp.Compare(a.Span.Start.Offset, b.Span.Start.Offset),
			strings.Compare(a.Code, b.Code),
		)
	})
}
