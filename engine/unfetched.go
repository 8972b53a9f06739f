package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// unfetched is the cause of an error of rules that read data about the account
// which the host has not fetched.
type unfetched struct{ portal *plan.Portal }

func (u *unfetched) Error() string { return "the data " + u.portal.Name + " is not known" }

// unfetched is what rules get that read such data. It is shared by all who
// read it, so it never changes.
func (c *Connection) unfetched(p *plan.Portal, f *LookupFailure, arena *value.Arena) error {
	if f == nil {
		return &EventError{Code: "lookup_failed", Status: 503, Rule: p.Rule, Cause: &unfetched{p},
			Message: fmt.Sprintf("the data %s of the account is not fetched yet; send the event again", p.Name)}
	}
	r := c.lastingRunner(arena)
	_, e, err := r.loss(p.Failure, f, "")
	if err != nil { // of a rule: nobody knows what it would have said
		e = &EventError{Code: "lookup_failed", Status: 500, Message: err.Error()}
	}
	e.Rule, e.Cause = p.Rule, &unfetched{p}
	if e.Message == "" {
		remedy := "send the event again"
		if !mayPass(e.Status) {
			remedy = "check the destination's settings, and what they are allowed to read"
		}
		e.Message = fmt.Sprintf("the data %s of the account could not be fetched (status %d): %s; %s", p.Name, e.Status, f.Message, remedy)
	}
	return e
}

// Wants returns the names of data about the account that events of the batch
// need and that is not fetched (see Settings.Unfetched), sorted. The host fetches
// it, binds again and plans anew; there may be more to want then. Rules read some
// of it only when questions are answered, so the list may grow until Map.
func (b *Batch) Wants() []string {
	wanted := map[string]bool{}
	for i := range b.events {
		if e := b.events[i].result.Error; e != nil {
			if name := wantedBy(e.Cause); name != "" {
				wanted[b.connection.before(name)] = true
			}
		}
	}
	return sortedKeys(wanted)
}

// wantedBy returns the name of the data that was read and is not fetched, "" if
// that is not what failed.
func wantedBy(err error) string {
	if u := (*unfetched)(nil); errors.As(err, &u) {
		return u.portal.Name
	}
	return ""
}

// before returns the data that has to be fetched first to fetch some: that which
// its request is made of, or itself.
func (c *Connection) before(name string) string {
	_, err := c.PortalCall(name)
	if other := wantedBy(err); other != "" && other != name {
		return c.before(other)
	}
	return name
}

// miss is a target that an object left out because of portal data.
type miss struct {
	portal *plan.Portal
	target string
}

// miss notes a target that rest leaves out, if portal data that could be fetched
// again lacks it.
func (r *runner) miss(rest *plan.Rest, target string) {
	for _, p := range rest.Refreshed {
		data := r.connection.portals[r.program.Slots[p.Slot].Portal]
		if data.Kind() == value.Object && data.Get(target) == nil {
			r.missed = append(r.missed, miss{p, target})
		}
	}
}

func (b *Batch) note(missed []miss) {
	for _, m := range missed {
		names := b.misses[m.portal.Name]
		if names == nil {
			if b.misses == nil {
				b.misses = map[string]map[string]bool{}
			}
			names = map[string]bool{}
			b.misses[m.portal.Name] = names
		}
		if !names[m.target] {
			names[strings.Clone(m.target)] = true
		}
	}
}

// Misses returns names that mapped events of the batch gave values for and that
// were left out because data about the account lacks them, by the name of the
// data: of that only whose rules say refreshOnMiss. The names are sorted. It is
// complete once the batch is mapped.
func (b *Batch) Misses() map[string][]string {
	out := make(map[string][]string, len(b.misses))
	for name, missed := range b.misses {
		out[name] = sortedKeys(missed)
	}
	return out
}
