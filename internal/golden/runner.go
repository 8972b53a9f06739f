package golden

import (
	"errors"
	"fmt"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Runner runs fixtures.
type Runner struct {
	Library *Library
	Update  bool // rewrite the fixtures that do not say what comes out
	Force   bool // even if they lose something by it
}

// Run runs fixtures in their order. The error is one of reading or writing
// files, not of a case.
func (r *Runner) Run(files []string) (*Summary, error) {
	s := &Summary{}
	for _, file := range files {
		v, err := r.run(file)
		if err != nil {
			return nil, err
		}
		s.Verdicts = append(s.Verdicts, v)
	}
	var err error
	s.Rules, err = r.Library.Problems()
	return s, err
}

func (r *Runner) run(file string) (*Verdict, error) {
	v := &Verdict{File: file, Status: Broken}
	c, found, err := ReadFile(file)
	if v.Problems = found; c == nil {
		return v, err
	}
	program, err := r.Library.find(c.Destination)
	if err != nil {
		v.Problems = append(v.Problems, r.noRules(c, err))
		return v, nil
	}
	t, a, found := c.play(program)
	v.Problems = append(v.Problems, found...)
	if found.HasErrors() {
		return v, nil
	}
	want := projection{t}.expectations(c, a)
	d := &differ{tree: t, targets: targets(program.Rules())}
	d.compare(c, want)
	v.Differences = d.found
	switch {
	case len(d.found) == 0:
		v.Status = Passed
	case !r.Update:
		v.Status = Failed
		if c.expected.Len() == 0 {
			v.Remarks = append(v.Remarks, "the fixture does not say what must come of the event; if it is what came, run celmap test --update "+quoteArg(c.File))
		}
	default:
		v.Remarks = shrinkage(d.found)
		d.found, d.leaves = nil, true
		d.compare(c, want)
		v.Differences = d.found
		return v, r.update(c, v, want)
	}
	return v, nil
}

// update rewrites a fixture, unless it would pin less than before.
func (r *Runner) update(c *Case, v *Verdict, want *value.Node) error {
	if len(v.Remarks) > 0 && !r.Force {
		v.Status = Refused
		v.Remarks = append(v.Remarks, "not updated, because the fixture would pin less than it does; if that is right, run celmap test --update --force "+quoteArg(c.File))
		return nil
	}
	v.Status = Updated
	return c.update(want)
}

// noRules explains why a case cannot run.
func (r *Runner) noRules(c *Case, err error) source.Diagnostic {
	n := c.root.Get("destination")
	d := source.Diagnostic{Code: "fixture-destination", Span: n.Span}
	if !errors.Is(err, errUnknownDestination) {
		d.Summary = fmt.Sprintf("the rules of %s do not compile", c.Destination)
		d.Help = "correct them; what is wrong with them is said beside this"
		return d
	}
	known := r.Library.names()
	d.Summary = fmt.Sprintf("there is no destination %s", shown(n))
	if found, err := r.Library.Problems(); len(found) > 0 || err != nil {
		d.Detail = "rules that do not compile may be those of it"
	}
	d.Help = "the known ones are " + enumerate(known) + "; give a folder of rules with --mapping DIR"
	if s := source.Suggest(c.Destination, known); s != "" {
		d.Help = "did you mean `" + s + "`?"
	}
	return d
}
