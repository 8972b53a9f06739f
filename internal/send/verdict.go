package send

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/delivery"
)

// verdict is what to do with an entry.
type verdict struct {
	do     act
	warn   bool
	reason string    // of drop
	until  time.Time // of again
	note   *Note     // of bury
}

type act uint8

const (
	wait    act = iota // it was not sent: nothing is known
	deliver            // it is done
	drop               // the rules filter it
	bury               // it is a dead letter
	again              // it is tried again
	single             // it is tried again in a smaller group
)

// rejected judges an entry that the mapping rejects.
func (r *run) rejected(i int, e *engine.EventError) verdict {
	entry := r.entries[i]
	if e.Code == "lookup_failed" {
		switch {
		case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
			if !r.s.refresh(r.used.Config) {
				r.s.gate.shut(refused)
				r.s.pause(r.s.conceal().Replace(e.Message))
			}
			return verdict{do: wait}
		case e.Status == 0 || passing(e.Status):
			return r.troubled(entry)
		}
	}
	note := Rejection(e)
	return verdict{do: bury, note: &note}
}

// troubled has an entry tried again after trouble that is not its own.
func (r *run) troubled(e *entry) verdict {
	now := time.Now()
	e.count, e.last = e.count+1, now
	return verdict{do: again, until: now.Add(backoff(r.s.o.Base, e.count, mostTrouble))}
}

// failed has an entry tried again that failed for a reason of its own, unless that
// was so too often.
func (r *run) failed(e *entry, a *answered, o engine.Outcome) verdict {
	if e.tries++; e.tries >= r.s.o.Attempts {
		return r.bury(GaveUp, e, a, o)
	}
	return verdict{do: again, until: time.Now().Add(max(o.After, backoff(r.s.o.Base, e.tries, mostRetry)))}
}

func (r *run) bury(reason Reason, e *entry, a *answered, o engine.Outcome) verdict {
	attempts := e.tries + e.count
	if reason == Refused {
		attempts++ // the last was none of those
	}
	note := Refusal(reason, a.request, o, a.Answer, a.carried == 1, attempts, r.s.conceal())
	return verdict{do: bury, note: &note}
}

// send sends the requests of an element, one after the other until one does not get
// through, and leaves verdicts on the entries. Those that have none, or only some of
// whose requests were sent, get the verdict wait.
func (r *run) send(el *engine.Element, verdicts map[int]verdict) {
	for k := range el.Requests {
		q := &el.Requests[k]
		for _, i := range el.Indexes {
			if !r.s.o.Worker.Owned(r.entries[i].Item) {
				r.s.forget()
				clear(verdicts)
				return
			}
		}
		through := r.request(q, verdicts)
		if through {
			continue
		}
		for _, later := range el.Requests[k+1:] { // which have items of entries, too
			r.rules.Lock()
			jobs := r.output.Jobs(&later)
			r.rules.Unlock()
			for _, of := range jobs {
				for _, i := range of {
					if verdicts[i].do == deliver {
						verdicts[i] = verdict{do: wait}
					}
				}
			}
		}
		return
	}
}

// request sends one request, and judges the entries that it carries. It tells
// whether all of them got through.
func (r *run) request(q *engine.Request, verdicts map[int]verdict) (through bool) {
	s := r.s
	r.rules.Lock()
	out, err := delivery.Of(q.Descriptor)
	jobs := r.output.Jobs(q)
	r.rules.Unlock()
	connection, bound := s.o.Host.Connection(r.used)
	switch {
	case err != nil:
	case bound != nil:
		err = bound
	case !connection.Declares(out.URL):
		err = errors.New("the request would go to a host that the rules do not declare")
	}
	if err != nil {
		for _, of := range jobs {
			for _, i := range of {
				verdicts[i] = verdict{do: bury, note: &Note{Reason: Rejected, Code: "unsendable", Message: err.Error(), Request: q.Name}}
			}
		}
		return false
	}
	out.Timeout, out.Redirects = s.o.Timeout, connection.Declares
	pass, err := s.gate.enter(r.ctx, q.Name, q.Limits())
	if err != nil {
		return false
	}
	began := time.Now()
	answer, err := s.o.Client.Do(r.work, out)
	if err != nil && r.work.Err() != nil {
		s.gate.leave(pass, unsent, 0, nil)
		return false
	}
	a := &answered{Answer: answer, request: q.Name, carried: len(jobs), limits: q.Limits(), before: s.gate.successOf(q.Name)}
	if err != nil {
		a.missing = err.Error()
	}
	a.outcomes = r.outcomes(q, answer)
	if answer.Status/100 == 2 && worst(a.outcomes).Do != "done" && len(answer.Body) > 0 && !json.Valid(answer.Body) {
		// What was written cannot be known: it is as if there were no answer.
		a.Answer, a.missing = engine.Answer{}, "the API's answer is no JSON, or was cut off"
		a.outcomes = r.outcomes(q, a.Answer)
	}
	known := slices.ContainsFunc(a.outcomes, func(o engine.Outcome) bool { return r.entries[o.Index].tries+r.entries[o.Index].count > 0 })
	s.o.Tally.Requested(a.Status, len(a.outcomes), known, time.Since(began))
	a.trouble = wholeTrouble(a.Status, a.outcomes)
	if worst(a.outcomes).Do != "done" {
		names := connection.Outdated(a.Answer)
		a.outdated = len(names) > 0
		s.o.Host.Outdated(r.used, names)
	}
	r.pass(pass, connection, a)
	return r.judge(a, sharedBy(jobs), verdicts)
}

// outcomes applies the rules on answers.
func (r *run) outcomes(q *engine.Request, answer engine.Answer) []engine.Outcome {
	r.rules.Lock()
	defer r.rules.Unlock()
	outcomes, err := r.output.Judge(q, answer)
	if err != nil {
		r.s.o.Log.Warn("a rule on answers failed and was passed over", "request", q.Name)
	}
	return outcomes
}

// answered is an answer, and what it means for all who wait.
type answered struct {
	engine.Answer
	missing  string // why there is none
	request  string
	carried  int // items
	limits   []*engine.Limit
	outcomes []engine.Outcome
	trouble  trouble
	outdated bool      // what the events were mapped with is not so any more
	before   time.Time // when a request of this name had last got through
}

// pass gives a pass back, and says what the answer means for others.
func (r *run) pass(p *pass, connection *engine.Connection, a *answered) {
	s, w := r.s, worst(a.outcomes)
	said, err := connection.Allowances(a.limits, a.Answer)
	if err != nil {
		s.o.Log.Warn("what an answer says of limits cannot be read", "request", a.request)
	}
	reason := cmp.Or(w.Because, a.missing, fmt.Sprintf("the API answered with status %d", a.Status))
	switch {
	case a.trouble == refused && s.refresh(r.used.Config): // it went out with a token of before
		s.gate.leave(p, unsent, 0, nil)
	case a.trouble == refused:
		s.gate.leave(p, refused, w.After, said)
		s.pause(s.conceal().Replace(reason))
	default:
		s.gate.leave(p, a.trouble, w.After, said)
		if a.trouble == none {
			s.resume()
		}
	}
}

// judge leaves verdicts on the entries that a request carried. It tells whether
// all of them got through. shared are those who were not alone in an item.
func (r *run) judge(a *answered, shared map[int]bool, verdicts map[int]verdict) (through bool) {
	through = true
	for _, o := range a.outcomes {
		o.Because = cmp.Or(o.Because, a.missing)
		e, v := r.entries[o.Index], verdict{do: deliver}
		switch o.Do {
		case "done":
		case "done-with-warning":
			v.warn = true
		case "pause-destination", "refresh-credentials":
			v.do = wait
		case "retry":
			v = r.retry(e, a, o)
		case "retry-alone":
			switch {
			case len(a.outcomes) > 1:
				v.do = single
			case a.Status/100 == 4 && !a.outdated: // there is no neighbour left whose fault it may be
				v = r.bury(Refused, e, a, o)
			default:
				v = r.failed(e, a, o)
			}
		default: // give-up
			switch {
			case a.outdated:
				v = r.failed(e, a, o)
			case shared[o.Index]:
				v.do = single
			default:
				v = r.bury(Refused, e, a, o)
			}
		}
		through = through && v.do == deliver
		if old, known := verdicts[o.Index]; !known || old.do == deliver {
			v.warn = v.warn || old.warn
			verdicts[o.Index] = v
		}
	}
	return through
}

// patience is how often a group of entries fails by trouble that others do not meet,
// before it is found out which of them is the reason.
const patience = 3

// retry judges an entry that the rules have tried again.
func (r *run) retry(e *entry, a *answered, o engine.Outcome) verdict {
	if a.trouble == none {
		return r.failed(e, a, o)
	}
	own := a.trouble == broken && e.count > 0 && a.before.After(e.last)
	v := r.troubled(e)
	switch {
	case own && len(a.outcomes) == 1:
		e.alone = true
		return r.failed(e, a, o)
	case own && e.count >= patience:
		return verdict{do: single}
	}
	return v
}

// wholeTrouble finds out whether an answer is about all that the API is asked, and
// not about the records of this request.
func wholeTrouble(status int, outcomes []engine.Outcome) trouble {
	o := worst(outcomes)
	switch {
	case asks(outcomes, "pause-destination") || asks(outcomes, "refresh-credentials"):
		return refused
	case o.Do != "retry":
		return none
	case status == http.StatusTooManyRequests:
		return limited
	case status == 0 || passing(status) || status/100 != 2 && o.After > 0:
		return broken
	}
	return none
}

// passing reports whether a status tells of trouble that passes: of the API, or of
// what stands before it, such as a proxy or a page to log in.
func passing(status int) bool {
	switch status {
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return status/100 == 3 || status >= 500
}

func worst(outcomes []engine.Outcome) (w engine.Outcome) {
	for i, o := range outcomes {
		if i == 0 || o.Worse(w) {
			w = o
		}
	}
	return w
}

// asks tells whether an outcome is among others.
func asks(outcomes []engine.Outcome, do string) bool {
	return slices.ContainsFunc(outcomes, func(o engine.Outcome) bool { return o.Do == do })
}

// sharedBy returns the entries that share an item of a request with others: what the
// API says of the item may be the fault of any.
func sharedBy(jobs [][]int) map[int]bool {
	var shared map[int]bool
	for _, of := range jobs {
		if len(of) < 2 {
			continue
		}
		if shared == nil {
			shared = map[int]bool{}
		}
		for _, i := range of {
			shared[i] = true
		}
	}
	return shared
}
