package golden

import (
	"errors"
	"fmt"

	"github.com/celmap/celmap/engine/source"
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
	return v, r.judge(c, v, func() error { return c.update(want) })
}

// judge decides how a case ended, and updates its fixture if that is wanted.
func (r *Runner) judge(c *Case, v *Verdict, update func() error) error {
	switch {
	case len(v.Differences) == 0:
		v.Status = Passed
	case !r.Update:
		v.Status = Failed
		if c.expected.Len() == 0 {
			v.Remarks = append(v.Remarks, "the fixture does not say what must come of the event: look at what comes, and if it is right, run celmap test --update "+quoteArg(c.File))
		}
	default:
		if v.Remarks = shrinkage(v.Differences); len(v.Remarks) > 0 && !r.Force {
			v.Status = Refused
			v.Remarks = append(v.Remarks, "not updated, because the fixture would pin less than it does; if that is right, run celmap test --update --force "+quoteArg(c.File))
			return nil
		}
		v.Status = Updated
		return update()
	}
	return nil
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
	d.Help = "the known ones are " + enumerate(known) + "; give a folder of rules with --mapping DIR"
	if s := source.Suggest(c.Destination, known); s != "" {
		d.Help = "did you mean `" + s + "`?"
	}
	return d
}
