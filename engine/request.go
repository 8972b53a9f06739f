package engine

import (
	"fmt"
	"slices"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// maxRequest bounds the JSON of one request's body, in bytes.
const maxRequest = 32 << 20

// load counts what a request carries.
type load struct {
	items  int
	arrays []int // of each array
}

// take counts one more item, unless the request has no room for it.
func (l *load) take(t *target, it *item) bool {
	if l.arrays == nil && len(t.arrays) > 0 {
		l.arrays = make([]int, len(t.arrays))
	}
	if t.max > 0 && l.items == t.max {
		return false
	}
	if len(l.arrays) > 0 {
		if most := t.arrays[it.array]; most > 0 && l.arrays[it.array] == most {
			return false
		}
		l.arrays[it.array]++
	}
	l.items++
	return true
}

// fit returns how many of the items, from the first on, one request may carry.
func fit(items []*item) int {
	if items[0].request.Single {
		return 1
	}
	var l load
	for i, it := range items {
		if !l.take(items[0].target, it) {
			return i
		}
	}
	return len(items)
}

// whole shortens the first n items so that no event is split, unless it alone
// has more.
func whole(items []*item, n int) int {
	if n >= len(items) {
		return len(items)
	}
	cut := n
	for cut > 0 && items[cut-1].events[0] == items[cut].events[0] {
		cut--
	}
	if cut > 0 {
		return cut
	}
	return max(n, 1)
}

// together reports whether two items may travel in one request.
func together(a, b *item) bool {
	if a.request != b.request || a.request.Single {
		return false
	}
	if a.target == b.target && len(a.request.SharedArgs) == 0 {
		return true
	}
	return value.Equal(a.target.endpoint, b.target.endpoint) && value.Equal(a.target.headers, b.target.headers) &&
		value.Equal(a.target.params, b.target.params) &&
		!slices.ContainsFunc(a.request.SharedArgs, func(i int) bool { return !value.Equal(a.args[i], b.args[i]) })
}

// merge adds items that are the same into one, as the request says.
func (r *runner) merge(items []*item) ([]*item, error) {
	q := items[0].request
	if len(items) < 2 || !q.Merges() {
		return items, nil
	}
	out := make([]*item, 0, len(items))
	seen := make(map[string]int, len(items))
	ours := map[int]bool{} // items of out that are copies, to be changed
	for _, it := range items {
		same, err := r.identity(it)
		if err != nil {
			return nil, err
		}
		k, again := seen[same]
		if same == "" || !again {
			if same != "" {
				seen[same] = len(out)
			}
			out = append(out, it)
			continue
		}
		if !ours[k] {
			first := *out[k]
			first.events = slices.Clone(first.events)
			out[k], ours[k] = &first, true
		}
		old := out[k]
		old.events = append(old.events, it.events...)
		switch it.request.Duplicates {
		case "replace":
			old.node = r.retrace(it.node, *old)
		case "union":
			old.node, err = r.join(old.node, it.node, true)
		default:
			var sum *value.Node
			if sum, err = r.join(old.node, it.node, false); err == nil {
				old.node = r.retrace(sum, *old)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// retrace keeps the trace of the first of merged items.
func (r *runner) retrace(n *value.Node, first item) *value.Node {
	if f := first.request.TraceField; first.trace != "" && f != "index" && n.Get(f) != nil {
		n = r.arena.Fork(n)
		r.arena.Set(n, f, first.node.Get(f))
	}
	return n
}

// join merges two values: objects member by member, later ones over earlier
// ones; with union lists are joined.
func (r *runner) join(a, b *value.Node, union bool) (*value.Node, error) {
	switch {
	case a.Kind() == value.Object && b.Kind() == value.Object:
		sum := r.arena.Fork(a)
		for m := b.First(); m != nil; m = m.Next() {
			v := m
			if old := a.Get(m.Key()); old != nil {
				var err error
				if v, err = r.join(old, m, union); err != nil {
					return nil, err
				}
			}
			r.arena.Set(sum, m.Key(), v)
		}
		return sum, nil
	case union && a.Kind() == value.List && b.Kind() == value.List:
		sum := r.arena.Fork(a)
		for m := b.First(); m != nil; m = m.Next() {
			if r.frame.Steps -= sum.Len() >> 5; r.frame.Steps < 0 {
				return nil, &EventError{Code: "too_many_steps", Status: 400, Message: "the lists of items that are the same are too long to be joined"}
			}
			known := false
			for x := sum.First(); x != nil && !known; x = x.Next() {
				known = value.Equal(x, m)
			}
			if !known {
				r.arena.Append(sum, m)
			}
		}
		return sum, nil
	}
	return b, nil
}

// requests builds the requests of items, in their order: neighbours that may
// travel together do, up to the maximum.
func (r *runner) requests(items []*item) (out []Request, err error) {
	err = guarded(func() (err error) {
		out, err = r.pack(items)
		return err
	})
	return out, err
}

func (r *runner) pack(items []*item) ([]Request, error) {
	var out []Request
	limits, output := r.connection.program.limits, 0
	for len(items) > 0 {
		n := 1
		for n < len(items) && together(items[0], items[n]) {
			n++
		}
		group, err := r.merge(items[:n])
		if err != nil {
			return nil, err
		}
		items = items[n:]
		for len(group) > 0 {
			size := whole(group, fit(group))
			q, used, err := r.request(group[:size])
			if err != nil {
				return nil, err
			}
			if len(out) >= limits.Requests {
				return nil, &EventError{Code: "too_many_requests", Status: 400, Rule: q.Rule, Message: fmt.Sprintf("the event makes more than %d requests", limits.Requests)}
			}
			if output += q.size; output > limits.Output {
				return nil, &EventError{Code: "output_too_large", Status: 400, Rule: q.Rule, Message: fmt.Sprintf("the bodies of the event's %d requests up to here have more than %d bytes together", len(out)+1, limits.Output)}
			}
			out = append(out, q)
			group = group[used:]
		}
	}
	return out, nil
}

// request builds one request; where its body would be too large it takes fewer
// items, and says how many.
func (r *runner) request(items []*item) (Request, int, error) {
	for {
		q, err := r.describe(items)
		if err != nil {
			return q, 0, err
		}
		most := items[0].request.MaxBytes
		if most == 0 {
			return q, len(items), nil
		}
		size := bodySize(q.Descriptor.Get("body").First())
		if size <= most {
			return q, len(items), nil
		}
		if len(items) == 1 {
			return q, 0, &EventError{Code: "item_too_large", Status: 400, Rule: items[0].send.Rule, Message: fmt.Sprintf("the request would have %d bytes, at most %d are allowed", size, most)}
		}
		items = items[:whole(items, len(items)/2)]
	}
}

// bodySize is the size of a body as it will be sent; of a form, before escaping.
func bodySize(content *value.Node) int {
	switch content.Key() {
	case "JSON_ARRAY", "XML":
		return len(content.First().Text())
	}
	return len(value.AppendJSON(nil, content))
}

// describe writes a request in descriptor form.
func (r *runner) describe(items []*item) (Request, error) {
	it := items[0]
	q, t := it.request, it.target
	r.arguments(it)
	oldItem, oldItems := r.set(r.lines.item, it.node), r.set(r.lines.items, nil)
	defer func() {
		r.set(r.lines.item, oldItem)
		r.set(r.lines.items, oldItems)
	}()
	if !q.Single {
		r.set(r.lines.items, r.itemsOf(q, items))
	}
	out := Request{Name: q.Name, Rule: it.send.Rule, items: items, plan: q}
	d := r.arena.Object()
	r.wrote(r.arena.Add(d, "method", r.arena.String(q.Method)), q.Rule)
	r.wrote(r.arena.Add(d, "endpoint", t.endpoint), q.Rule)
	if t.headers.Len() > 0 {
		r.wrote(r.arena.Add(d, "headers", t.headers), q.Rule)
	}
	params := t.params
	if q.Params != nil {
		own, err := r.template(q.Params)
		if err != nil {
			return out, err
		}
		params = r.arena.Object()
		if err := r.addMembers(params, own, it.send.Rule, false); err != nil {
			return out, err
		}
		for m := t.params.First(); m != nil; m = m.Next() { // authentication is never overridden
			r.arena.Set(params, m.Key(), m)
		}
	}
	if params.Len() > 0 {
		r.wrote(r.arena.Add(d, "params", params), q.Rule)
	}
	body, err := r.template(q.Envelope)
	if err != nil {
		return out, err
	}
	if out.size = value.Size(body, maxRequest); out.size > maxRequest {
		return out, &EventError{Code: "request_too_large", Status: 400, Rule: it.send.Rule, Message: fmt.Sprintf("the request would have more than %d bytes", maxRequest)}
	}
	if body != nil && q.Envelope != nil {
		format, content, err := r.encode(q, body)
		if err != nil {
			return out, err
		}
		formats := r.arena.Object()
		r.wrote(r.arena.Add(formats, format, content), q.Rule)
		r.wrote(r.arena.Add(d, "body", formats), q.Rule)
	}
	out.Descriptor = r.wrote(d, it.send.Rule)
	return out, nil
}

// itemsOf is what an envelope calls items: a list, or an object of lists where
// the request has several arrays. An array without items is absent.
func (r *runner) itemsOf(q *plan.Request, items []*item) *value.Node {
	list := func(array int) *value.Node {
		l := r.arena.List()
		for _, x := range items {
			if x.array == array {
				r.wrote(r.arena.Append(l, x.node), x.send.Rule)
			}
		}
		return l
	}
	if len(q.Arrays) == 0 {
		return list(0)
	}
	arrays := r.arena.Object()
	for i, a := range q.Arrays {
		if l := list(i); l.Len() > 0 {
			r.arena.Add(arrays, a.Name, l)
		}
	}
	return arrays
}
