package engine

import (
	"errors"
	"time"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// Answer is what the API answered to a request.
type Answer struct {
	Status  int               // HTTP status; 0 where there was no answer
	Headers map[string]string // names in lower case
	Body    []byte            // JSON; what is none reads as null
}

// Outcome says what happens to one input after an answer.
type Outcome struct {
	Index     int
	MessageID string
	Do        string // done, done-with-warning, retry, retry-alone, refresh-credentials, pause-destination or give-up
	After     time.Duration
	Because   string
	Rule      *Rule // nil where no rule of the destination applied
}

// severity orders outcomes: an input gets the worst of its items.
var severity = map[string]int{
	"done": 0, "done-with-warning": 1, "retry": 2, "retry-alone": 3, "refresh-credentials": 4, "pause-destination": 5, "give-up": 6,
}

// Judge applies the answer rules of a request of this output, and returns one
// outcome for each input that the request carried, in order.
//
// The outcomes are complete also where the error is not nil: a rule whose
// condition fails is passed over, and a wait that cannot be computed is left
// out. The error says which (several are joined).
func (o *Output) Judge(q *Request, answer Answer) ([]Outcome, error) {
	b := o.batch
	r := b.runner
	r.start(nil, b.connection.program.limits.Steps)
	body, err := value.Parse(r.arena, answer.Body, value.Limits{Bytes: 32 << 20, Nodes: 2_000_000})
	if err != nil {
		body = nil
	}
	headers := r.arena.Object()
	for _, name := range sortedKeys(answer.Headers) {
		r.arena.Set(headers, name, r.arena.String(answer.Headers[name]))
	}
	for name, v := range map[string]*value.Node{"status": r.arena.Int(int64(answer.Status)), "body": body, "headers": headers, "items": r.arena.Int(int64(len(q.items)))} {
		r.set(r.variable(name), v)
	}
	byEvent := map[int]Outcome{}
	var order []int
	var failures []error
	positions := make([]int64, max(1, len(q.plan.Arrays)))
	for _, it := range q.items {
		r.set(r.lines.item, it.node)
		r.set(r.lines.index, r.arena.Int(positions[it.array])) // within its array
		positions[it.array]++
		var trace *value.Node
		if it.trace != "" {
			trace = r.arena.String(it.trace)
		}
		r.set(r.variable("trace"), trace)
		r.frame.Steps = b.connection.program.limits.Steps
		outcome, failed := r.judge(q.plan, answer.Status)
		failures = append(failures, failed...)
		for _, k := range it.events {
			old, again := byEvent[k]
			if !again {
				order = append(order, k)
			}
			if !again || severity[outcome.Do] > severity[old.Do] {
				byEvent[k] = outcome
			}
		}
	}
	out := make([]Outcome, len(order))
	for i, k := range order {
		out[i] = byEvent[k]
		out[i].Index, out[i].MessageID = b.events[k].result.Index, b.events[k].result.MessageID
	}
	return out, errors.Join(failures...)
}

// judge finds the outcome of one item, and what failed on the way.
func (r *runner) judge(q *plan.Request, status int) (o Outcome, failed []error) {
	for _, a := range q.Answers {
		ok, err := r.decide(a.Rule, a.When)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if !ok {
			continue
		}
		o := Outcome{Do: a.Do, After: a.After, Because: r.message(a.Because), Rule: a.Rule}
		if a.AfterOf != nil {
			v, err := r.expr(a.AfterOf)
			if err != nil {
				return o, append(failed, err)
			}
			if d, err := time.ParseDuration(v.Text()); err == nil && d > 0 {
				o.After = min(d, 24*time.Hour)
			}
		}
		return o, failed
	}
	switch { // what every HTTP API means
	case status/100 == 2:
		return Outcome{Do: "done"}, failed
	case status == 0 || mayPass(status):
		return Outcome{Do: "retry"}, failed
	}
	return Outcome{Do: "give-up"}, failed
}
