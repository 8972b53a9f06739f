package engine

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// Sent is a request that rules of this program made earlier, read back from its
// descriptor: by a deliverer that has nothing but that.
type Sent struct {
	Name   string   // of the request in the rules
	Traces []string // of its items, in their order; "" for an item without one
	c      *Connection
	plan   *plan.Request
	items  []judged
}

// Judge applies the answer rules of the request, as Output.Judge does, and
// returns one outcome for each item, in order: Index is the item's position,
// MessageID its trace. The variable `trace` is null for a request whose answers
// name positions (trace: index), since its descriptor does not hold it.
func (s *Sent) Judge(answer Answer) (out []Outcome, err error) {
	s.c.borrow(func(r *runner) { out, err = r.judge(s.plan, s.items, answer) })
	for i := range out {
		out[i].Index, out[i].MessageID = i, s.Traces[i]
	}
	return out, err
}

// borrow lends a runner and memory that last as long as the call.
func (c *Connection) borrow(use func(*runner)) {
	r, m := c.runner(), batchMemories.Get().(*memory)
	r.arena, r.frame.Arena = m.arena, m.arena
	use(r)
	r.arena, r.frame.Arena = nil, nil
	m.release()
	c.runners.Put(r)
}

// Jobs tells for each item of the request, in order, which inputs it stands
// for, by their Index, each once: more than one where duplicates were merged.
func (o *Output) Jobs(q *Request) [][]int {
	inputs := 0
	for _, it := range q.items {
		inputs += len(it.events)
	}
	jobs, all := make([][]int, len(q.items)), make([]int, 0, inputs)
	for i, it := range q.items {
		first := len(all)
		for _, k := range it.events {
			if index := o.batch.events[k].result.Index; !slices.Contains(all[first:], index) {
				all = append(all, index)
			}
		}
		jobs[i] = all[first:len(all):len(all)]
	}
	return jobs
}

// Hosts returns the addresses of the hosts that the rules declare, as far as they do
// not follow from the config; open tells that some do.
func (p *Program) Hosts() (fixed []string, open bool) {
	for _, name := range sortedKeys(p.plan.Hosts) {
		if h := p.plan.Hosts[name]; h.URL != nil {
			open = true
		} else {
			fixed = append(fixed, h.Base)
		}
	}
	return fixed, open
}

// Declares reports whether the rules declare the host of a URL, with its scheme
// and port. No request may go elsewhere.
func (c *Connection) Declares(endpoint string) bool {
	origin, _ := split(endpoint)
	return origin != "" && slices.Contains(c.sights.of(c).origins, origin)
}

// Recognize finds out which request of the rules a descriptor came from, by its
// method and address, and what items its body holds. body is the descriptor's
// body, JSON: {"JSON": {…}, "JSON_ARRAY": {}, …}; it has to stay unchanged as long
// as the result is used. The result is nil where no request of the rules could
// have made the descriptor, or its body has another form. A *Sent is immutable
// and safe for concurrent use.
//
// Of several requests that could have made it, the one counts whose address has
// most that is fixed, then the one whose envelope says most about the body.
func (c *Connection) Recognize(method, endpoint string, body []byte) *Sent {
	origin, path := split(endpoint)
	if origin == "" {
		return nil
	}
	if method == "" {
		method = "GET"
	}
	arena := value.NewArena()
	formats, err := value.Parse(arena, orEmptyObject(body), bodyLimits)
	if err != nil {
		return nil
	}
	var best *reading
	fixed := 0
	for _, s := range c.sights.of(c).requests { // those with most that is fixed come first
		if best != nil && s.fixed < fixed {
			break
		}
		if s.request.Method != method || !s.address.MatchString(origin+path) {
			continue
		}
		r := &reading{request: s.request, vars: c.sights.vars, arena: arena}
		if r.read(formats) && (best == nil || r.score() > best.score()) {
			best, fixed = r, s.fixed
		}
	}
	if best == nil {
		return nil
	}
	return best.sent(c)
}

// Outdated returns the names of portal data that an answer of the API shows to
// be out of date, as the rules say under `outdated`.
func (c *Connection) Outdated(answer Answer) (names []string) {
	portals := c.program.plan.Portals
	if !slices.ContainsFunc(portals, func(p *plan.Portal) bool { return p.Outdated != nil }) {
		return nil
	}
	c.borrow(func(r *runner) {
		r.listen(answer)
		for _, p := range portals {
			outdated := false
			r.frame.Steps = c.program.limits.Steps
			if err := guarded(func() (err error) {
				if p.Outdated != nil {
					outdated, err = r.condition(p.Outdated)
				}
				return err
			}); err == nil && outdated {
				names = append(names, p.Name)
			}
		}
	})
	return names
}

// split cuts a URL into its origin (scheme, host and port, in lower case) and its
// escaped path; the query is set aside. The origin is "" where it is no URL with
// a host.
func split(address string) (origin, path string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return "", ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host), u.EscapedPath()
}

// sights are what the requests of a connection are recognised by. Connections
// that differ in nothing that addresses are made of share them.
type sights struct {
	once     sync.Once
	origins  []string // of the hosts that the rules declare
	requests []sight  // those with most that is fixed first
	vars     struct{ item, items int }
}

// sight is what a request's address looks like.
type sight struct {
	request *plan.Request
	address *regexp.Regexp
	fixed   int // bytes of the address that are the same for all events
}

// of computes the sights from a connection, unless they are known.
func (s *sights) of(c *Connection) *sights {
	s.once.Do(func() {
		c.borrow(func(r *runner) {
			s.vars.item, s.vars.items = r.lines.item, r.lines.items
			for _, name := range sortedKeys(c.program.plan.Hosts) {
				if base := r.base(c.program.plan.Hosts[name]); base != "" {
					origin, _ := split(base)
					s.origins = append(s.origins, origin)
				}
			}
			for _, name := range sortedKeys(c.program.plan.Requests) {
				if x, ok := r.sight(c.program.plan.Requests[name]); ok {
					s.requests = append(s.requests, x)
				}
			}
		})
		slices.SortStableFunc(s.requests, func(a, b sight) int { return cmp.Compare(b.fixed, a.fixed) })
	})
	return s
}

// base returns the address of a host, "" where the settings give none that can
// be used.
func (r *runner) base(h *plan.Host) string {
	if h.URL == nil {
		return h.Base
	}
	base := ""
	r.attempt(func() error {
		v, err := r.template(h.URL)
		if err != nil {
			return err
		}
		text, err := r.text(v)
		if err == nil && within(text, "", h) == nil {
			base = text
		}
		return err
	})
	return base
}

// attempt computes something of the settings alone; what cannot be computed is
// as if it were not there.
func (r *runner) attempt(do func() error) bool {
	r.start(nil, r.connection.program.limits.Steps)
	return guarded(do) == nil
}

// sight finds what the address of a request looks like, from what is known of
// it without an event. ok is false where the settings do not allow the request.
func (r *runner) sight(q *plan.Request) (s sight, ok bool) {
	base := r.base(q.Host)
	if base == "" {
		return s, false
	}
	var pattern strings.Builder
	literal := func(text string) (ended bool) {
		text, _, ended = strings.Cut(text, "?") // what follows is the query
		pattern.WriteString(regexp.QuoteMeta(text))
		s.fixed += len(text)
		return ended
	}
	var parts []plan.Part
	switch {
	case q.URL == nil:
	case q.URL.Text != nil:
		parts = q.URL.Text
	case q.URL.Constant.Text() != "":
		parts = []plan.Part{{Literal: q.URL.Constant.Text()}}
	}
	origin, path := split(base)
	if len(parts) > 0 {
		path = strings.TrimSuffix(path, "/")
	}
	pattern.WriteString("^")
	literal(origin + path)
	for _, p := range parts {
		text := p.Literal
		switch {
		case p.Expr == nil:
		case !r.settled(p.Expr) && p.Rules: // a row of a table
			pattern.WriteString(".+")
			continue
		case !r.settled(p.Expr):
			pattern.WriteString("[^/]+")
			continue
		default:
			known := r.attempt(func() error {
				v, err := r.expr(p.Expr)
				if err != nil {
					return err
				}
				if text, err = r.text(v); err == nil && !p.Rules {
					text, err = escapeSegment(text, q.Rule)
				}
				return err
			})
			if !known {
				return s, false
			}
		}
		if literal(text) {
			break
		}
	}
	pattern.WriteString("$")
	s.request, s.address = q, regexp.MustCompile(pattern.String())
	return s, true
}

// settled reports whether an expression follows from the settings alone.
func (r *runner) settled(e *plan.Expr) bool {
	return !slices.ContainsFunc(e.Slots(), func(slot int) bool { return !r.program.Slots[slot].Static })
}
