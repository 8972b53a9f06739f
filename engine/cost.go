package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// Cost is what one expression of the rules took for an event, and which part of
// it took most.
type Cost struct {
	Rule       *Rule
	Expression string
	Steps      int
}

// shownCosts is how many expressions an error names.
const shownCosts = 3

// profile counts the steps of expressions, without those of the names that they
// read.
type profile struct {
	parts  expression.Profile
	steps  map[*plan.Expr]int
	inside int // steps of the expressions within the running one
}

// eval evaluates an expression and counts.
func (p *profile) eval(r *runner, e *plan.Expr) (*value.Node, error) {
	before, around := r.frame.Steps, p.inside
	p.inside = 0
	v, err := e.Eval(&r.frame)
	took := before - r.frame.Steps
	p.steps[e] += took - p.inside
	p.inside = around + took
	return v, err
}

// costs runs once more what took too many steps, and tells which expressions
// took most. It takes no more than the first time did, and gives the same.
func (r *runner) costs(run func() error) []Cost {
	observe := r.observe
	r.observe, r.profile = nil, &profile{steps: map[*plan.Expr]int{}}
	r.frame.Profile = &r.profile.parts
	defer func() { r.observe, r.profile, r.frame.Profile = observe, nil, nil }()
	if guarded(run) == nil {
		return nil
	}
	var out []Cost
	for e, steps := range r.profile.steps {
		from, to, ok := r.profile.parts.Most(e.Text, steps)
		if !ok {
			from, to = 0, len(e.Text)
		}
		out = append(out, Cost{placeOf(e, from, to), short(strings.Join(strings.Fields(e.Text[from:to]), " ")), steps})
	}
	slices.SortFunc(out, func(a, b Cost) int {
		if a.Steps != b.Steps {
			return b.Steps - a.Steps
		}
		return strings.Compare(a.Rule.Place, b.Rule.Place)
	})
	return out[:min(len(out), shownCosts)]
}

// explainSteps adds to an error of too many steps where they went. run is what
// gave it, and is run again.
func (r *runner) explainSteps(err error, limit int, run func() error) error {
	known, ok := err.(*EventError)
	if !ok || known.Code != "too_many_steps" || known.Costs != nil {
		return err
	}
	known.Costs = r.costs(run)
	if len(known.Costs) == 0 {
		return known
	}
	// Where nothing was left is chance; where most went is the reason.
	known.Rule, known.Expression, known.Values = known.Costs[0].Rule, known.Costs[0].Expression, nil
	known.Message = fmt.Sprintf("the rules need more than %d steps for this event; of these", limit)
	for i, c := range known.Costs {
		if c.Steps*50 < limit && i > 0 {
			break // hardly any
		}
		if i > 0 {
			known.Message += ","
		}
		known.Message += fmt.Sprintf(" %d for %s at %s", c.Steps, c.Expression, c.Rule.Place)
	}
	known.Message += ": simplify nested lists and functions there"
	return known
}
