package engine

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// Call is a request that a host makes to learn what rules ask about: data about
// the account (portal data), or the answers to questions of a lookup. It holds
// secrets in the clear, as the API needs them, and nothing of the batch that
// asked. Calls that do not follow from each other may be used at the same time.
type Call struct {
	Name      string // of the portal data or the lookup
	Method    string
	URL       string // with its parameters, escaped
	Headers   map[string]string
	Body      []byte      // JSON; nil for none
	PerSecond int         // calls of this lookup that the API allows in a second; 0 where the rules do not say
	Limits    []*Limit    // that it counts for
	Questions []*Question // that it answers, at most as many as the rules allow; nil for portal data

	connection *Connection
	failure    []plan.Failure // of portal data
	asked      *asked         // nil for portal data
}

// asked is what the pages of one call have in common.
type asked struct {
	lookup *plan.Lookup
	with   *value.Node
	keys   []string
	of     []int           // by question: its key
	found  []finding       // by key
	pages  map[string]bool // the pages that were asked for
}

// finding is what was found for one key: JSON, of a list without its brackets.
type finding []byte

const maxPages = 100 // of one call

// PortalCall returns the request that fetches portal data. It follows from the
// destination's config alone. The error is an *EventError: what the config lacks,
// or why nothing can be fetched.
func (c *Connection) PortalCall(name string) (call *Call, err error) {
	for _, p := range c.program.plan.Portals {
		if p.Name != name || p.Request == nil {
			continue
		}
		if c.refused != nil {
			return nil, c.refused
		}
		c.borrow(func(r *runner) {
			r.start(nil, c.program.limits.Steps)
			if call, err = r.call(p.Request, p.Rule); err == nil {
				call.Name, call.Limits, call.failure = name, p.Limits, p.Failure
			}
		})
		return call, err
	}
	return nil, &EventError{Code: "lookup_failed", Status: 500, Message: "the rules do not say how the data " + name + " of the account is fetched"}
}

// Calls groups questions into requests: those of one lookup with equal
// arguments, up to its maximum of keys. A question that cannot be asked (its URL
// cannot be built, say) is in none of them, and has a failure as its answer.
// Questions of lookups that the host answers by its own means (Lookup.Host) are
// left out; they need an answer, too.
func (c *Connection) Calls(questions []*Question) (calls []*Call) {
	type group struct {
		lookup *plan.Lookup
		with   string // JSON
	}
	var order []group
	members := map[group][]*Question{}
	for _, q := range questions {
		if q.Lookup.Request == nil || q.Lookup.Host {
			continue
		}
		g := group{q.Lookup, string(value.AppendJSON(nil, q.With))}
		if members[g] == nil {
			order = append(order, g)
		}
		members[g] = append(members[g], q)
	}
	for _, g := range order {
		rest := members[g]
		with := keep(rest[0].With)
		for len(rest) > 0 {
			n := min(len(rest), g.lookup.MostKeys())
			calls = append(calls, c.ask(g.lookup, with, rest[:n])...)
			rest = rest[n:]
		}
	}
	return calls
}

// keep copies a value out of the memory of a batch.
func keep(v *value.Node) *value.Node {
	arena := value.NewArena()
	n, err := value.Parse(arena, value.AppendJSON(nil, v), answerLimits)
	if err != nil {
		return nil
	}
	if v.HoldsSecret() {
		n = arena.MarkSecret(n)
	}
	return n.Freeze()
}

// ask makes the request for some questions. Where it cannot be made, it is tried
// with fewer: one of them may be why.
func (c *Connection) ask(l *plan.Lookup, with *value.Node, questions []*Question) []*Call {
	a := &asked{lookup: l, with: with, pages: map[string]bool{}}
	at := map[string]int{}
	for _, q := range questions {
		k, known := at[q.Key]
		if !known {
			k = len(a.keys)
			at[q.Key], a.keys = k, append(a.keys, q.Key)
		}
		a.of = append(a.of, k)
	}
	a.found = make([]finding, len(a.keys))
	var call *Call
	var err error
	c.borrow(func(r *runner) {
		r.start(nil, c.program.limits.Steps)
		call, err = r.page(a, nil)
	})
	switch {
	case err == nil:
		call.Questions = questions
		return []*Call{call}
	case len(questions) > 1:
		half := len(questions) / 2
		return append(c.ask(l, with, questions[:half:half]), c.ask(l, with, questions[half:])...)
	}
	failure := &LookupFailure{Status: 500, Message: err.Error(), cause: err}
	if known, ok := err.(*EventError); ok {
		failure.Status, failure.Message = known.Status, known.Message
	}
	questions[0].answer = &Reply{Failure: failure}
	return nil
}

// page makes the request for a page; cursor is what the answer before said of it,
// nil for the first one.
func (r *runner) page(a *asked, cursor *value.Node) (*Call, error) {
	keys := r.arena.List()
	for _, k := range a.keys {
		r.arena.Append(keys, r.arena.String(k))
	}
	r.asking(a.lookup, a.with)
	r.set(r.variable("keys"), keys)
	r.set(r.variable("page"), cursor)
	call, err := r.call(a.lookup.Request, a.lookup.Rule)
	if err != nil {
		return nil, err
	}
	call.Name, call.PerSecond, call.Limits, call.asked = a.lookup.Name, a.lookup.PerSecond, a.lookup.Limits, a
	return call, nil
}

// asking sets the variables that are a lookup's arguments.
func (r *runner) asking(l *plan.Lookup, with *value.Node) {
	for _, name := range l.Args {
		r.set(r.variable(name), with.Get(name))
	}
}

// call makes a request of the rules for the host.
func (r *runner) call(h *plan.HTTP, rule *Rule) (call *Call, err error) {
	err = guarded(func() error {
		t := &target{headers: r.arena.Object(), params: r.arena.Object()}
		if err := r.addTexts(t.headers, r.program.Headers, rule, true); err != nil {
			return err
		}
		if err := r.addTexts(t.headers, h.Headers, rule, true); err != nil {
			return err
		}
		if err := r.addTexts(t.params, h.Params, rule, false); err != nil {
			return err
		}
		if err := r.authenticate(t, r.program.Auth, rule); err != nil { // over what the request says
			return err
		}
		if t.endpoint, err = r.endpoint(h.Host, h.URL, rule); err != nil {
			return err
		}
		body, err := r.template(h.Body)
		if err != nil {
			return err
		}
		if size := value.Size(body, maxRequest); size > maxRequest {
			return &EventError{Code: "request_too_large", Status: 400, Rule: rule, Message: fmt.Sprintf("the request would have more than %d bytes", maxRequest)}
		}
		call = &Call{Method: h.Method, URL: withParams(t.endpoint.Text(), t.params), Headers: map[string]string{}, connection: r.connection}
		for m := t.headers.First(); m != nil; m = m.Next() {
			call.Headers[strings.Clone(m.Key())] = strings.Clone(m.Text())
		}
		if h.Body != nil && h.Method != "GET" {
			call.Body = value.AppendJSON(nil, body)
		}
		return nil
	})
	return call, err
}

// withParams appends parameters to an address.
func withParams(address string, params *value.Node) string {
	b := []byte(address)
	sep := byte('?')
	if strings.Contains(address, "?") {
		sep = '&'
	}
	for m := params.First(); m != nil; m = m.Next() {
		b = append(b, sep)
		b = append(b, url.QueryEscape(m.Key())...)
		b = append(b, '=')
		b = append(b, url.QueryEscape(m.Text())...)
		sep = '&'
	}
	return string(b)
}

// Read takes the API's answer to a call of a lookup, or to one of its pages. It
// returns the call for the next page, nil if this was the last. The error says why
// the answer cannot be read, as none can whose status is not 2xx; it is not
// "nothing found". After an error the same page may be read again.
func (c *Call) Read(answer Answer) (next *Call, err error) {
	a := c.asked
	if a == nil {
		return nil, fmt.Errorf("the data %s of the account is read by who binds to it", c.Name)
	}
	if answer.Status/100 != 2 {
		return nil, fmt.Errorf("the lookup %s has no answer that could be read: its status is %d", c.Name, answer.Status)
	}
	c.connection.borrow(func(r *runner) {
		r.start(nil, c.connection.program.limits.BatchSteps)
		err = guarded(func() error {
			next, err = r.readPage(a, answer)
			return err
		})
	})
	if err != nil {
		message := err.Error()
		if known, ok := err.(*EventError); ok {
			message = known.Message
		}
		return nil, fmt.Errorf("the answer of the lookup %s cannot be read: %s", c.Name, message)
	}
	if next != nil {
		next.Questions = c.Questions
	}
	return next, nil
}

// readPage adds what a page gives to what was found, and returns the request for
// the next one.
func (r *runner) readPage(a *asked, answer Answer) (*Call, error) {
	body, err := value.Parse(r.arena, answer.Body, answerLimits)
	if err != nil {
		code, at := value.CodeInvalidJSON, 0
		if broken, ok := err.(*value.ParseError); ok {
			code, at = broken.Code, broken.Offset
		}
		return nil, fmt.Errorf("its body is no JSON (%s at byte %d of %d)", code, at, len(answer.Body))
	}
	r.asking(a.lookup, a.with)
	r.answered(answer, body)
	found := make([]finding, len(a.keys))
	if a.lookup.Value != nil {
		r.set(r.lines.key, r.arena.String(a.keys[0]))
		v, err := r.expr(a.lookup.Value)
		if err != nil {
			return nil, err
		}
		if !v.IsNull() {
			found[0] = value.AppendJSON(nil, v)
		}
	} else if err := r.match(a, found); err != nil {
		return nil, err
	}
	next, err := r.nextPage(a)
	if err != nil {
		return nil, err
	}
	for k, f := range found {
		if len(f) > 0 && len(a.found[k]) > 0 {
			a.found[k] = append(a.found[k], ',')
		}
		a.found[k] = append(a.found[k], f...)
	}
	return next, nil
}

// nextPage returns the request for the page that the answer names, nil for none.
func (r *runner) nextPage(a *asked) (*Call, error) {
	if a.lookup.Pages == nil {
		return nil, nil
	}
	cursor, err := r.expr(a.lookup.Pages)
	if err != nil || cursor.IsEmpty() {
		return nil, err
	}
	name := string(value.AppendJSON(nil, cursor))
	switch {
	case a.pages[name]:
		return nil, fmt.Errorf("it names a page as the next one that was read already, %s", value.Preview(cursor))
	case len(a.pages) >= maxPages:
		return nil, fmt.Errorf("it has more than %d pages", maxPages)
	}
	next, err := r.page(a, cursor)
	if err == nil {
		a.pages[name] = true
	}
	return next, err
}

// match finds out which items of an answer belong to which keys, and adds what
// they give.
func (r *runner) match(a *asked, found []finding) error {
	l := a.lookup
	items, err := r.expr(l.Answer)
	if err != nil {
		return err
	}
	if items.Kind() != value.List {
		return fmt.Errorf("%s gives %s, where the list of items is expected", short(l.Answer.Text), shownValue(items))
	}
	keys, at := make([]*value.Node, len(a.keys)), make(map[string]int, len(a.keys))
	for k, key := range a.keys {
		keys[k], at[key] = r.arena.String(key).Freeze(), k
	}
	var likely []int
	for item := items.First(); item != nil; item = item.Next() {
		r.set(r.lines.item, item)
		likely = r.likely(l, at, likely[:0])
		for _, k := range likely {
			r.set(r.lines.key, keys[k])
			ok, err := r.condition(l.Matches)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			v := item
			if l.Gives != nil {
				if v, err = r.expr(l.Gives); err != nil {
					return err
				}
			}
			if len(found[k]) > 0 {
				found[k] = append(found[k], ',')
			}
			found[k] = value.AppendJSON(found[k], v)
		}
	}
	return nil
}

// likely appends the keys that the item may match, as positions.
func (r *runner) likely(l *plan.Lookup, at map[string]int, out []int) []int {
	known := l.Compared != nil
	for i := range l.Compared {
		known = known && l.Compared[i].Texts(&r.frame, func(text string) {
			if k, ok := at[text]; ok && !slices.Contains(out, k) {
				out = append(out, k)
			}
		})
	}
	if !known { // or whoever tries the condition will see why not
		out = out[:0]
		for k := range len(at) {
			out = append(out, k)
		}
	}
	return out
}

// Wait tells after an answer that is no success how long the rules of the lookup
// or the portal data say not to ask the API again: 0 where they do not say. The
// error says that they cannot be used, with their place; the wait is 0 then.
func (c *Call) Wait(answer Answer) (after time.Duration, err error) {
	c.connection.borrow(func(r *runner) {
		err = guarded(func() error {
			r.listen(answer)
			rules := c.failure
			if a := c.asked; a != nil {
				r.asking(a.lookup, a.with)
				rules = a.lookup.Failure
			}
			for _, rule := range rules {
				ok, err := r.condition(rule.When)
				if err == nil && ok && rule.Do == "retry" {
					after, err = r.wait(rule.After, rule.AfterOf)
				}
				if err != nil || ok {
					return err
				}
			}
			return nil
		})
	})
	return after, err
}

// Replies returns what the pages that were read give each of Questions, in
// their order.
func (c *Call) Replies() []Reply {
	replies := make([]Reply, len(c.Questions))
	for i := range replies {
		found := c.asked.found[c.asked.of[i]]
		if len(found) == 0 {
			continue
		}
		if !c.asked.lookup.Lists() {
			replies[i].Answer = found
			continue
		}
		replies[i].Answer = append(append(append(make([]byte, 0, len(found)+2), '['), found...), ']')
	}
	return replies
}
