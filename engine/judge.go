package engine

import (
	"errors"
	"fmt"
	"strings"
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

// Worse reports whether o weighs more than other: what has both gets o.
func (o Outcome) Worse(other Outcome) bool { return severity[o.Do] > severity[other.Do] }

// Judge applies the answer rules of a request of this output, and returns one
// outcome for each input that the request carried, in order.
//
// The outcomes are complete also where the error is not nil: a rule whose
// condition fails is passed over, and a wait that cannot be computed is left
// out. The error says which (several are joined).
func (o *Output) Judge(q *Request, answer Answer) ([]Outcome, error) {
	b := o.batch
	items := make([]judged, len(q.items))
	for i, it := range q.items {
		items[i] = judged{it.node, it.array, it.trace}
	}
	byItem, err := b.runner.judge(q.plan, items, answer)
	byEvent := map[int]Outcome{}
	var order []int
	for i, it := range q.items {
		for _, k := range it.events {
			old, again := byEvent[k]
			if !again {
				order = append(order, k)
			}
			if !again || byItem[i].Worse(old) {
				byEvent[k] = byItem[i]
			}
		}
	}
	out := make([]Outcome, len(order))
	for i, k := range order {
		out[i] = byEvent[k]
		out[i].Index, out[i].MessageID = b.events[k].result.Index, b.events[k].result.MessageID
	}
	return out, err
}

// judged is an item of a request, as the rules on its answer see it.
type judged struct {
	node  *value.Node
	array int
	trace string
}

// answerLimits bounds the answers that rules read.
var answerLimits = value.Limits{Bytes: 32 << 20, Nodes: 2_000_000}

// listen hands an answer to the rules that read it.
func (r *runner) listen(answer Answer) {
	r.start(nil, r.connection.program.limits.Steps)
	body, err := value.Parse(r.arena, answer.Body, answerLimits)
	if err != nil {
		body = nil
	}
	r.answered(answer, body)
}

// answered sets the variables that tell what the API answered.
func (r *runner) answered(answer Answer, body *value.Node) {
	headers := r.arena.Object()
	for _, name := range sortedKeys(answer.Headers) {
		r.arena.Set(headers, name, r.arena.String(answer.Headers[name]))
	}
	r.set(r.variable("status"), r.arena.Int(int64(answer.Status)))
	r.set(r.variable("headers"), headers)
	r.set(r.variable("body"), body)
}

// judge finds the outcome of each item of a request, in order; they hold
// nothing of the arena. The error joins what failed on the way.
func (r *runner) judge(q *plan.Request, items []judged, answer Answer) ([]Outcome, error) {
	r.listen(answer)
	r.set(r.variable("items"), r.arena.Int(int64(len(items))))
	out := make([]Outcome, len(items))
	var failures []error
	positions := make([]int64, max(1, len(q.Arrays)))
	for i, it := range items {
		r.set(r.lines.item, it.node)
		r.set(r.lines.index, r.arena.Int(positions[it.array])) // within its array
		positions[it.array]++
		var trace *value.Node
		if it.trace != "" {
			trace = r.arena.String(it.trace)
		}
		r.set(r.variable("trace"), trace)
		r.frame.Steps = r.connection.program.limits.Steps
		var failed []error
		if err := guarded(func() error {
			out[i], failed = r.outcome(q, answer.Status)
			return nil
		}); err != nil {
			out[i], failed = usual(answer.Status), []error{err}
		}
		out[i].Because = strings.Clone(out[i].Because)
		failures = append(failures, failed...)
	}
	return out, errors.Join(failures...)
}

// outcome finds the outcome of the item that is set, and what failed on the way.
func (r *runner) outcome(q *plan.Request, status int) (o Outcome, failed []error) {
	for _, a := range q.Answers {
		ok, err := r.decide(a.Rule, a.When)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if !ok {
			continue
		}
		o := Outcome{Do: a.Do, Because: r.message(a.Because), Rule: a.Rule}
		if o.After, err = r.wait(a.After, a.AfterOf); err != nil {
			failed = append(failed, err)
		}
		return o, failed
	}
	return usual(status), failed
}

// wait is how long rules say to wait: a fixed time, or what an expression gives,
// at most a day; null and "" are no wait. The error says what it gives that is no
// time span, for which the wait is 0.
func (r *runner) wait(fixed time.Duration, of *plan.Expr) (time.Duration, error) {
	if of == nil {
		return fixed, nil
	}
	v, err := r.expr(of)
	if err != nil || v.IsNull() || v.Kind() == value.String && v.Text() == "" {
		return 0, err
	}
	d, err := time.ParseDuration(v.Text())
	if err != nil || d < 0 {
		return 0, (&EventError{Code: "expression_failed", Status: 400,
			Message: fmt.Sprintf("how long to wait is a time span such as 10s or 5m; %s is %s", short(of.Text), value.Preview(v))}).at(of, 0, len(of.Text)).with(r, of, v)
	}
	return min(d, 24*time.Hour), nil
}

// usual is what a status means to every HTTP API.
func usual(status int) Outcome {
	switch {
	case status/100 == 2:
		return Outcome{Do: "done"}
	case status == 0 || mayPass(status):
		return Outcome{Do: "retry"}
	}
	return Outcome{Do: "give-up"}
}
