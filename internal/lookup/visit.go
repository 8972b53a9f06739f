package lookup

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

// visit is one batch of an account's events on its way.
type visit struct {
	account  *account
	now      time.Time
	bound    *binding
	tried    []*use                           // portal data that was asked for already
	failures map[string]*engine.LookupFailure // of portal data that cannot be used for that
	memo     map[string]engine.Reply          // by question, for who plans anew
	answers  func(*engine.Question) (engine.Reply, bool)
}

// bind gets the connection to map with. Portal data that was fetched before, and
// whose time is over, is fetched again; where the API is slow with it, the batch
// goes on with the old.
func (v *visit) bind(ctx context.Context) (err error) {
	var due []*use
	for _, u := range v.account.uses {
		if u.known(v.now) == nil {
			continue // as good as never fetched
		}
		if u.due(v.now) && !slices.Contains(v.tried, u) {
			due = append(due, u)
		} else if v.bound == nil {
			v.account.host.meter.Cache(v.account.kind, u.name, Fresh)
		}
	}
	if len(due) > 0 {
		within, cancel := context.WithTimeout(ctx, v.account.host.timeout/5)
		v.learn(within, due)
		cancel()
	}
	v.bound, err = v.account.connection(v.now, v.failures)
	return err
}

// fetch gets the portal data that events of the batch want. It tells whether more
// is known now.
func (v *visit) fetch(ctx context.Context, batch *engine.Batch) bool {
	if !v.bound.lacks() {
		return false
	}
	var wanted []*use
	for _, name := range batch.Wants() {
		for _, u := range v.account.uses {
			if u.name == name && !slices.Contains(v.tried, u) {
				wanted = append(wanted, u)
			}
		}
	}
	return len(wanted) > 0 && v.learn(ctx, wanted)
}

// learn asks the API for portal data, and tells whether more is known then: the
// data, or why there is none.
func (v *visit) learn(ctx context.Context, wanted []*use) (more bool) {
	a := v.account
	v.tried = append(v.tried, wanted...)
	failures := make([]*engine.LookupFailure, len(wanted))
	given := make([]bool, len(wanted))
	var all sync.WaitGroup
	for i, u := range wanted {
		from, err := a.resolve(u, v.by())
		if err != nil {
			failures[i], given[i] = refusal(err), true
			continue
		}
		seen := from.state.Load()
		if given[i] = seen != nil && v.now.Before(seen.until); given[i] {
			continue // another batch was faster
		}
		all.Go(func() { failures[i], given[i] = a.fetch(ctx, u, from, seen) })
	}
	all.Wait()
	for i, u := range wanted {
		found, failed := Absent, failures[i] != nil
		switch {
		case (failed || !given[i]) && u.known(v.now) != nil:
			found = Stale
		case failed:
			if v.failures == nil {
				v.failures = map[string]*engine.LookupFailure{}
			}
			v.failures[u.name] = failures[i]
		}
		a.host.meter.Cache(a.kind, u.name, found)
		more = more || given[i]
	}
	return more
}

// by returns the connection that knows most of the account.
func (v *visit) by() *engine.Connection {
	if v.bound != nil {
		return v.bound.connection
	}
	if b := v.account.current.Load(); b != nil {
		return b.connection
	}
	return v.account.base
}

// refusal says of portal data why there is no call for it.
func refusal(err error) *engine.LookupFailure {
	var known *engine.EventError
	if errors.As(err, &known) {
		return &engine.LookupFailure{Status: known.Status, Message: known.Message}
	}
	return &engine.LookupFailure{Status: http.StatusInternalServerError, Message: err.Error()}
}

// answer answers the questions of a batch, of which some follow from answers.
func (v *visit) answer(ctx context.Context, batch *engine.Batch) {
	var last *engine.Question
	for {
		questions := batch.Questions()
		if len(questions) == 0 || questions[0] == last {
			return
		}
		last = questions[0]
		v.ask(ctx, batch, questions)
	}
}

// asking is questions of one lookup with equal arguments.
type asking struct {
	name      string // tells them from others
	questions []*engine.Question
	keys      []string
	tickets   []*ticket
}

func (v *visit) ask(ctx context.Context, batch *engine.Batch, questions []*engine.Question) {
	a := v.account
	var groups []*asking
	for _, q := range questions {
		if v.answers != nil {
			if reply, ok := v.answers(q); ok {
				batch.Answer(q, reply)
				continue
			}
		}
		if q.Lookup.Host { // nothing is remembered here
			batch.Answer(q, engine.Reply{})
			continue
		}
		name := q.Lookup.Name + " " + string(value.AppendJSON(nil, q.With))
		if reply, ok := v.remembered(q, name); ok {
			batch.Answer(q, reply)
			continue
		}
		i := slices.IndexFunc(groups, func(g *asking) bool { return g.name == name })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &asking{name: name})
		}
		groups[i].questions, groups[i].keys = append(groups[i].questions, q), append(groups[i].keys, q.Key)
	}
	for _, g := range groups {
		g.tickets = a.ask(g.questions[0], g.name, g.keys)
	}
	for _, g := range groups {
		for i, t := range g.tickets {
			v.take(ctx, batch, g.questions[i], g.name, t)
		}
	}
}

// remembered returns the answer to a question, if it is known.
func (v *visit) remembered(q *engine.Question, name string) (engine.Reply, bool) {
	if reply, ok := v.memo[name+" "+q.Key]; ok {
		return reply, true
	}
	if q.Lookup.TTL == 0 {
		return engine.Reply{}, false
	}
	a := v.account
	known, ok := a.host.answers.get(a.answerKey(name, q.Key))
	if ok = ok && v.now.Before(known.until); !ok {
		a.host.meter.Cache(a.kind, q.Lookup.Name, Absent)
		return engine.Reply{}, false
	}
	a.host.meter.Cache(a.kind, q.Lookup.Name, Fresh)
	return known.reply, true
}

// take waits for what comes of a ticket.
func (v *visit) take(ctx context.Context, batch *engine.Batch, q *engine.Question, name string, t *ticket) {
	select {
	case <-t.done:
	case <-ctx.Done():
		batch.Answer(q, engine.Reply{Failure: &engine.LookupFailure{Status: http.StatusServiceUnavailable, Message: "the request was given up before the answer came"}})
		return
	}
	if t.mute { // which leaves the reason with the question
		v.bound.connection.Calls([]*engine.Question{q})
		return
	}
	if v.memo == nil {
		v.memo = map[string]engine.Reply{}
	}
	v.memo[name+" "+q.Key] = t.reply
	batch.Answer(q, t.reply)
}

// renew fetches portal data again that lacks something which events have, unless
// that was in vain before. It tells whether the batch would be mapped with more now.
func (v *visit) renew(ctx context.Context, batch *engine.Batch) (more bool) {
	var misses map[string][]string
	for i, u := range v.account.uses {
		if !u.refreshOnMiss || v.bound.versions[i] == 0 || slices.Contains(v.tried, u) {
			continue
		}
		s := u.last()
		if s == nil {
			continue
		}
		from := u.source.Load()
		newer := s.version != v.bound.versions[i] // another batch was faster
		if !newer && v.now.Sub(s.fetched) < minimum {
			continue
		}
		if misses == nil {
			misses = batch.Misses()
		}
		names := misses[u.name]
		if !newer && from.expects(names) {
			if failure, given := v.account.fetch(ctx, u, from, s); failure != nil || !given {
				continue
			}
			from.lacks(names)
			newer = from.state.Load().version != s.version
		}
		more = more || newer && len(names) > 0
	}
	return more
}
