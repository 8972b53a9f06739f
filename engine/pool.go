package engine

import "fmt"

// pool is the steps that a batch has left. An event that takes no more than its
// share, a tenth of what one event may take, gets that however much the others
// have taken: nobody is harmed by neighbours, and no batch runs for long.
type pool struct {
	all, left int
	most      int // that one event may take
}

func newPool(l Limits) pool { return pool{l.BatchSteps, l.BatchSteps, l.Steps} }

// allow returns how many more steps an event may take.
func (p *pool) allow(e *event) int { return min(p.most-e.spent, max(p.most/10-e.spent, p.left)) }

// take counts steps that an event has taken.
func (p *pool) take(steps int) int {
	p.left -= steps
	return steps
}

// explain tells an event that was allowed too little because of those before it
// from one that takes too much itself: alone it may be mapped.
func (p *pool) explain(e *event, allowed int, err error) error {
	known, ok := err.(*EventError)
	if !ok || known.Code != "too_many_steps" || allowed >= p.most-e.spent {
		return err
	}
	return &EventError{Code: "batch_too_many_steps", Status: 503, Rule: known.Rule, Path: known.Path, Cause: err,
		Message: fmt.Sprintf("the events of this batch need more than %d steps together, and this one more than its share of %d: send it again, in a smaller batch", p.all, p.most/10)}
}
