package engine

import (
	"errors"
	"fmt"

	"github.com/celmap/celmap/engine/plan"
)

// unfetched is the cause of an error of rules that read data about the account
// which the host has not fetched.
type unfetched struct{ portal *plan.Portal }

func (u *unfetched) Error() string { return "the data " + u.portal.Name + " is not known" }

// unfetchedError is what rules get that read such data. It is shared by all who
// read it, so it never changes.
func unfetchedError(p *plan.Portal, f *LookupFailure) *EventError {
	e := &EventError{Code: "lookup_failed", Status: 503, Rule: p.Rule, Cause: &unfetched{p}}
	if f == nil {
		e.Message = fmt.Sprintf("the data %s of the account is not fetched yet; send the event again", p.Name)
		return e
	}
	remedy := "send the event again"
	if e.Status = f.status(); !mayPass(e.Status) {
		remedy = "check the destination's settings, and what they are allowed to read"
	}
	e.Message = fmt.Sprintf("the data %s of the account could not be fetched (status %d): %s; %s", p.Name, e.Status, f.Message, remedy)
	return e
}

// Wants returns the names of data about the account that events of the batch
// need and that is not fetched (see Settings.Unfetched), sorted. The host fetches
// it, binds again and plans anew; there may be more to want then. Rules read some
// of it only after answers, or when requests are made: so it may grow until then.
func (b *Batch) Wants() []string {
	wanted := map[string]bool{}
	for i := range b.events {
		var u *unfetched
		if e := b.events[i].result.Error; e != nil && errors.As(e.Cause, &u) {
			wanted[u.portal.Name] = true
		}
	}
	return sortedKeys(wanted)
}

// Misses returns names that events of the batch gave values for and that were
// left out because data about the account lacks them, by the name of the data: of
// that only whose rules say refreshOnMiss. Both are sorted.
func (b *Batch) Misses() map[string][]string { return nil }
