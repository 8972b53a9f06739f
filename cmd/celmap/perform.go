package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

// outcome is what became of an event or, as an element, of the events of a batch.
type outcome struct {
	*engine.Result
	element *engine.Element
	events  int
}

// perform maps the events of a job, and leaves what to print in it.
func (p *pipeline) perform(j *job) {
	var outcomes []outcome
	inputs := make([]engine.Input, 0, len(j.items))
	for i := range j.items {
		if it := &j.items[i]; it.Problem == nil && it.refused == nil {
			inputs = append(inputs, engine.Input{JSON: j.text[it.start:it.end], Index: it.Index})
		} else {
			outcomes = append(outcomes, outcome{Result: it.refusal(), events: 1})
		}
	}
	if len(inputs) > 0 {
		batch := j.connection.Plan(inputs)
		p.binder.answers.Resolve(batch)
		output := batch.Map()
		defer output.Release()
		if p.batched {
			elements := output.Elements()
			for i := range elements {
				outcomes = append(outcomes, outcome{&elements[i].Result, &elements[i], len(elements[i].Indexes)})
			}
		} else {
			results := output.Results()
			for i := range results {
				outcomes = append(outcomes, outcome{&results[i], nil, 1})
			}
		}
	}
	slices.SortStableFunc(outcomes, func(a, b outcome) int { return cmp.Compare(a.Index, b.Index) })
	for _, o := range outcomes {
		j.locate(o.Result)
		j.counts.count(o)
		j.out = p.printer.outcome(j.out, o)
	}
}

// refusal returns the result of an item that is no event, or whose config
// cannot be used.
func (it *item) refusal() *engine.Result {
	e := &engine.EventError{Code: value.CodeInvalidJSON, Status: http.StatusBadRequest}
	switch {
	case it.refused != nil:
		e.Code, e.Message, e.Path = "invalid_config", it.refused.Error(), "config"
	case it.Problem.TooLarge:
		e.Code, e.Message = value.CodeEventTooLarge, it.Problem.Message
	default:
		e.Message = it.Problem.Message
	}
	e.Message = it.place() + e.Message
	return &engine.Result{Index: it.Index, Status: engine.Rejected, Error: e}
}

// place begins a message about an item.
func (it *item) place() string { return fmt.Sprintf("line %d of %s: ", it.Line, it.Source) }

// locate adds to the message about a text that is no JSON where that text is.
func (j *job) locate(r *engine.Result) {
	var wrong *value.ParseError
	if r.Status == engine.Rejected && errors.As(r.Error, &wrong) {
		located := *r.Error
		located.Message = j.items[r.Index-j.items[0].Index].place() + located.Message
		r.Error = &located
	}
}
