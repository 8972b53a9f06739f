package engine

import (
	"fmt"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// item is one thing to send: an element of a request's body, or all of it.
type item struct {
	request *plan.Request
	send    *plan.Send
	node    *value.Node
	args    []*value.Node
	target  *target
	events  []int // positions in the batch of the events that it stands for
	trace   string
	array   int    // index in request.Arrays
	same    string // what identity gives, once that is known
	known   bool   // it is
}

// newItem takes an item for an event from the slab.
func (b *Batch) newItem(i int, s *plan.Send) *item {
	slab := min(64, 2*len(b.events))
	if len(b.items) == 0 {
		b.items, b.indexes = make([]item, slab), make([]int, slab)
	}
	it := &b.items[0]
	it.request, it.send, it.array, it.events = s.Request, s, s.Array, b.indexes[:1:1]
	it.events[0] = i
	b.items, b.indexes = b.items[1:], b.indexes[1:]
	if n := len(s.With); n > 0 {
		if len(b.args) < n {
			b.args = make([]*value.Node, max(slab, n))
		}
		it.args, b.args = b.args[:0:n], b.args[n:]
	}
	return it
}

// send makes the items of an event.
func (b *Batch) send(i int, e *event) error {
	e.items = e.items[:0]
	for _, s := range e.mapping.Sends {
		if _, err := b.sendEntry(i, e, s); err != nil {
			return err
		}
	}
	return nil
}

// sendEntry makes the items of an entry, if it applies.
func (b *Batch) sendEntry(i int, e *event, s *plan.Send) (applied bool, err error) {
	r := b.runner
	if ok, err := r.decide(s.Rule, s.When); err != nil || !ok {
		return false, err
	}
	for _, alternative := range s.Choose {
		if applied, err := b.sendEntry(i, e, alternative); err != nil || applied {
			return applied, err
		}
	}
	if s.Choose != nil {
		return true, nil
	}
	return true, b.makeItems(i, e, s)
}

// makeItems makes the items of an entry that applies: one, or one for each element.
func (b *Batch) makeItems(i int, e *event, s *plan.Send) error {
	r := b.runner
	if err := r.needs(s.Needs); err != nil {
		return err
	}
	if s.Each == nil {
		return b.item(i, e, s)
	}
	return r.each(s.Each, func(*value.Node) error { return b.item(i, e, s) })
}

func (b *Batch) item(i int, e *event, s *plan.Send) error {
	r := b.runner
	limits := r.connection.program.limits
	if len(e.items) >= limits.Items {
		return &EventError{Code: "too_many_items", Status: 400, Rule: s.Rule, Message: fmt.Sprintf("the event makes more than %d items", limits.Items)}
	}
	node, err := r.template(s.Item)
	if err != nil {
		return err
	}
	if s.Item != nil && node.IsNull() {
		return nil // nothing is no item
	}
	for _, p := range s.Request.Portals { // it is read when the request is made, which is too late to want it
		if err := r.connection.unread[p]; err != nil {
			return err
		}
	}
	it := b.newItem(i, s)
	for _, w := range s.With {
		v, err := r.template(w)
		if err != nil {
			return err
		}
		it.args = append(it.args, v)
	}
	it.node = r.wrote(node, s.Rule)
	if it.target, err = r.target(it); err != nil {
		return err
	}
	if it.target.trace && node.Kind() == value.Object {
		if s.Item.Expr != nil || s.Item.Constant != nil {
			node = r.arena.Fork(node)
		}
		it.trace = e.job
		if it.trace == "" {
			it.trace = fmt.Sprint(e.result.Index)
		}
		if f := s.Request.TraceField; f != "index" {
			r.wrote(r.arena.Set(node, f, r.arena.String(it.trace)), s.Request.Rule)
		}
		it.node = r.wrote(node, s.Rule)
	}
	e.items = append(e.items, it)
	return nil
}

// maxIdentity bounds what `same` may give, in bytes of JSON.
const maxIdentity = 64 << 10

// identity is what makes two items of a request the same, "" for one that is
// like no other: where it is null, alone or within a list.
func (r *runner) identity(it *item) (string, error) {
	if it.known {
		return it.same, nil
	}
	r.arguments(it)
	defer r.set(r.lines.item, r.set(r.lines.item, it.node))
	v, err := r.expr(it.request.Same)
	if err != nil {
		return "", err
	}
	if value.Larger(v, maxIdentity) {
		return "", (&EventError{Code: "expression_failed", Status: 400, Message: "same has to give something small, such as an id"}).at(it.request.Same, 0, len(it.request.Same.Text)).with(r, it.request.Same, v)
	}
	unlike := v.IsNull()
	for m := v.First(); m != nil && v.Kind() == value.List; m = m.Next() {
		unlike = unlike || m.IsNull()
	}
	if !unlike {
		same := r.arena.Text(64)
		if len(it.request.Arrays) > 0 { // items of different arrays are never the same
			same = append(same, it.request.Arrays[it.array].Name...)
		}
		it.same = r.arena.Intern(value.AppendJSON(same, v))
	}
	it.known = true
	return it.same, nil
}

// arguments sets the variables that a request's `args` name.
func (r *runner) arguments(it *item) {
	for i, slot := range it.request.ArgSlots {
		r.values[slot] = it.args[i]
	}
}
