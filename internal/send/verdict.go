package send

import (
	"fmt"
	"net/http"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/delivery"
)

// verdict is what to do with an entry.
type verdict struct {
	do    act
	warn  bool
	until time.Time // of again
	note  *Note     // of bury
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
				r.s.gate.shut(refused, e.Message)
				r.s.pause(e.Message)
			}
			return verdict{do: wait}
		case e.Status == 0 || passing(e.Status):
			return r.troubled(entry)
		}
	}
	note := &Note{Code: e.Code, Message: e.Message, Path: e.Path, Status: 0, Attempts: entry.tries + 1}
	if e.Rule != nil {
		note.Rule = e.Rule.Place
	}
	return verdict{do: bury, note: note}
}

// troubled has an entry tried again after trouble that is not its own.
func (r *run) troubled(e *entry) verdict {
	now := time.Now()
	e.count, e.last = e.count+1, now
	return verdict{do: again, until: now.Add(backoff(r.s.o.Base, e.count, mostTrouble))}
}

// failed has an entry tried again that failed for a reason of its own, unless that
// was so too often.
func (r *run) failed(e *entry, request string, status int, o engine.Outcome) verdict {
	if e.tries++; e.tries >= r.s.o.Attempts {
		note := noteOf(request, status, o)
		note.Code, note.Attempts = "gave_up", e.tries
		note.Message = fmt.Sprintf("gave up after %d attempts: %s", e.tries, note.Message)
		return verdict{do: bury, note: note}
	}
	return verdict{do: again, until: time.Now().Add(max(o.After, backoff(r.s.o.Base, e.tries, mostRetry)))}
}

func noteOf(request string, status int, o engine.Outcome) *Note {
	n := &Note{Code: "refused", Message: o.Because, Request: request, Status: status}
	if n.Message == "" {
		n.Message = fmt.Sprintf("the API answered with status %d, and said no more", status)
	}
	if o.Rule != nil {
		n.Rule = o.Rule.Place
	}
	return n
}

// send sends the requests of an element, one after the other until one does not get
// through, and leaves verdicts on the entries. Those that have none, or only some of
// whose requests were sent, get the verdict wait.
func (r *run) send(el *engine.Element, verdicts map[int]verdict) {
	for k := range el.Requests {
		q := &el.Requests[k]
		for _, i := range el.Indexes {
			if !r.s.o.Worker.Owned(r.entries[i].ID.Partition) {
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
		err = fmt.Errorf("the request would go to a host that the rules do not declare")
	}
	if err != nil {
		for _, of := range jobs {
			for _, i := range of {
				verdicts[i] = verdict{do: bury, note: &Note{Code: "unsendable", Message: err.Error(), Request: q.Name, Attempts: r.entries[i].tries + 1}}
			}
		}
		return false
	}
	out.Timeout, out.Redirects = s.o.Timeout, connection.Declares
	pass, err := s.gate.enter(r.ctx, q.Name)
	if err != nil {
		return false
	}
	answer, err := s.o.Client.Do(r.work, out)
	if err != nil && r.work.Err() != nil {
		s.gate.leave(pass, unsent, 0, "")
		return false
	}
	missing := ""
	if err != nil {
		missing = err.Error()
	}
	return r.judge(q, jobs, pass, connection, answer, missing, verdicts)
}

// judge applies the rules to an answer, for the entries that the request carried and
// for the gate.
func (r *run) judge(q *engine.Request, jobs [][]int, pass *pass, connection *engine.Connection, answer engine.Answer, missing string, verdicts map[int]verdict) (through bool) {
	s := r.s
	r.rules.Lock()
	outcomes, err := r.output.Judge(q, answer)
	r.rules.Unlock()
	if err != nil {
		s.o.Log.Warn("a rule on answers failed and was passed over", "request", q.Name)
	}
	s.count(answer.Status)
	if s.o.Allowance != nil {
		s.gate.told(pass, s.o.Allowance(connection, q.Name, answer))
	}
	outdated := false
	if worst(outcomes).Do != "done" {
		names := connection.Outdated(answer)
		outdated = len(names) > 0
		s.o.Host.Outdated(r.used, names)
	}
	whole := wholeTrouble(answer.Status, outcomes)
	reason := worst(outcomes).Because
	if reason == "" {
		reason = missing
	}
	if reason == "" {
		reason = fmt.Sprintf("the API answered with status %d", answer.Status)
	}
	renewed := whole == refused && hasRefresh(outcomes) && s.refresh(r.used.Config)
	before := s.gate.successOf(q.Name)
	switch {
	case renewed:
		s.gate.leave(pass, unsent, 0, "")
	default:
		s.gate.leave(pass, whole, worst(outcomes).After, reason)
	}
	switch {
	case whole == refused && !renewed:
		s.pause(reason)
	case whole == none:
		s.resume()
	}
	shared := sharedBy(jobs)
	through = true
	for _, o := range outcomes {
		if o.Because == "" {
			o.Because = missing
		}
		e := r.entries[o.Index]
		v := verdict{do: deliver}
		switch o.Do {
		case "done":
		case "done-with-warning":
			v.warn = true
		case "pause-destination", "refresh-credentials":
			v.do = wait
		case "retry":
			v = r.retry(e, q.Name, answer.Status, whole, o, before, len(outcomes))
		case "retry-alone":
			if v.do = single; len(outcomes) == 1 {
				v = r.failed(e, q.Name, answer.Status, o)
			}
		default: // give-up
			switch {
			case outdated: // what the event was mapped with was wrong
				v = r.failed(e, q.Name, answer.Status, o)
			case shared[o.Index]:
				v.do = single
			default:
				v.do, v.note = bury, noteOf(q.Name, answer.Status, o)
				v.note.Attempts = e.tries + e.count + 1
			}
		}
		if v.do != deliver {
			through = false
		}
		if old, known := verdicts[o.Index]; !known || v.do > old.do || old.do == deliver {
			v.warn = v.warn || old.warn
			verdicts[o.Index] = v
		}
	}
	return through
}

// retry judges an entry that the rules have tried again. before is when a request
// of this name had last got through.
func (r *run) retry(e *entry, request string, status int, whole trouble, o engine.Outcome, before time.Time, carried int) verdict {
	const patience = 3
	if whole == none {
		return r.failed(e, request, status, o)
	}
	own := whole == broken && e.count > 0 && before.After(e.last) // others got through since it failed
	v := r.troubled(e)
	switch {
	case own && carried > 1 && e.count >= patience:
		return verdict{do: single}
	case own && carried == 1:
		return r.failed(e, request, status, o)
	}
	return v
}

// wholeTrouble finds out whether an answer is about all that the API is asked, and
// not about the records of this request.
func wholeTrouble(status int, outcomes []engine.Outcome) trouble {
	for _, o := range outcomes {
		if o.Do == "pause-destination" || o.Do == "refresh-credentials" {
			return refused
		}
	}
	o := worst(outcomes)
	switch {
	case o.Do != "retry":
		return none
	case status == http.StatusTooManyRequests:
		return limited
	case status == 0 || passing(status) || status/100 != 2 && o.After > 0:
		return broken
	}
	return none
}

// passing reports whether a status tells of trouble that passes.
func passing(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

func worst(outcomes []engine.Outcome) (w engine.Outcome) {
	for i, o := range outcomes {
		if i == 0 || o.Worse(w) {
			w = o
		}
	}
	return w
}

func hasRefresh(outcomes []engine.Outcome) bool {
	for _, o := range outcomes {
		if o.Do == "refresh-credentials" {
			return true
		}
	}
	return false
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

func (s *Sender) count(status int) {
	if status > 0 {
		s.tally.requests.Add(1)
	}
	switch {
	case status == http.StatusTooManyRequests:
		s.tally.limited.Add(1)
	case status == 0 || status >= 500:
		s.tally.failed.Add(1)
	}
}
