package engine

import (
	"strconv"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// Element is a group of inputs that share their fate: the events of one batch
// request, or one event with requests, rejection or reason of its own. Every
// input is in exactly one element.
type Element struct {
	Result              // of all its inputs; Index and MessageID are the first one's
	Indexes    []int    // of its inputs, in order
	MessageIDs []string // likewise
	events     []int    // positions in the batch
	key        *item    // what its items have in common; nil for events that travel alone
	items      []*item
	load       load            // what one request would carry
	seen       map[string]bool // identities of its items
	full       bool
}

// Elements returns the batch grouped for sending. Input order is kept, and no
// batch overtakes another event of the same user: an event joins an earlier
// batch only if none of its user's events came after that batch began.
func (o *Output) Elements() []Element {
	if o.elements != nil || len(o.batch.events) == 0 {
		return o.elements
	}
	b := o.batch
	o.pool, o.open = b.pool, map[address][]int{}
	last := map[string]int{} // user: the latest element with an event of theirs
	homes := make([]int, len(b.events))
	for i := range b.events {
		e := &b.events[i]
		key := o.batchKey(e)
		k := o.home(e, key, last)
		if k < 0 {
			k = len(o.elements)
			el := Element{Result: e.result, key: key}
			el.full = key == nil || !el.take(e)
			if !el.full {
				o.open[addressOf(key)] = append(o.open[addressOf(key)], k)
			}
			o.elements = append(o.elements, el)
		}
		homes[i] = k
		if e.user != "" && e.result.Status != Filtered { // what is dropped on purpose has no place in the order
			last[e.user] = max(last[e.user], k)
		}
	}
	grouped := o.elements
	b.gather(grouped, homes)
	o.elements = make([]Element, 0, len(grouped))
	for k := range grouped {
		o.finish(&grouped[k])
	}
	return o.elements
}

// gather gives elements what is their events'. homes says the element of each event.
func (b *Batch) gather(elements []Element, homes []int) {
	type size struct{ events, items, warnings int }
	sizes, items := make([]size, len(elements)), 0
	for i, k := range homes {
		e := &b.events[i]
		sizes[k].events++
		sizes[k].items += len(e.items)
		sizes[k].warnings += len(e.result.Warnings)
		items += len(e.items)
	}
	// It is made at once: the pieces are many, and mostly small.
	all := Element{Indexes: make([]int, 0, len(homes)), MessageIDs: make([]string, 0, len(homes)), events: make([]int, 0, len(homes)), items: make([]*item, 0, items)}
	for k, n := range sizes {
		el := &elements[k]
		el.Indexes, all.Indexes = cut(all.Indexes, n.events)
		el.MessageIDs, all.MessageIDs = cut(all.MessageIDs, n.events)
		el.events, all.events = cut(all.events, n.events)
		el.items, all.items = cut(all.items, n.items)
		if n.events > 1 && n.warnings > 0 {
			el.Warnings = make([]Warning, 0, n.warnings)
		}
	}
	for i, k := range homes {
		e, el := &b.events[i], &elements[k]
		el.Indexes, el.MessageIDs = append(el.Indexes, e.result.Index), append(el.MessageIDs, e.result.MessageID)
		el.events, el.items = append(el.events, i), append(el.items, e.items...)
		if sizes[k].events > 1 {
			el.Warnings = append(el.Warnings, e.result.Warnings...)
		}
	}
}

// cut takes the room for n elements from a slice that has none yet.
func cut[T any](from []T, n int) (piece, rest []T) { return from[:0:n], from[n:n] }

// batchKey returns the item that stands for the batch that an event may open or
// join, nil if it travels alone.
func (o *Output) batchKey(e *event) *item {
	if e.result.Status != Mapped || e.alone || len(e.items) == 0 || e.items[0].request.Single {
		return nil
	}
	for _, it := range e.items[1:] {
		if !together(e.items[0], it) {
			return nil
		}
	}
	if e.items[0].request.Merges() {
		r, steps := o.batch.runner, o.pool.allow(e)
		r.start(e.node, steps)
		defer func() { o.pool.take(steps - r.frame.Steps) }()
		for _, it := range e.items {
			err := guarded(func() error {
				_, err := r.identity(it)
				return err
			})
			if err != nil {
				return nil
			}
		}
	}
	return e.items[0]
}

// take counts the items of an event into what one request would carry, unless
// there is no room for all of them.
func (el *Element) take(e *event) bool {
	for _, it := range e.items {
		if it.request.Merges() && it.same != "" {
			if el.seen[it.same] {
				continue
			}
			if el.seen == nil {
				el.seen = map[string]bool{}
			}
			el.seen[it.same] = true
		}
		if !el.load.take(el.key.target, it) {
			return false
		}
	}
	return true
}

// home finds the first open batch that an event may join and takes it in, -1 if
// there is none. The first one leaves the user's later events the widest choice.
func (o *Output) home(e *event, key *item, last map[string]int) int {
	if key == nil {
		return -1
	}
	earliest := 0
	if k, ok := last[e.user]; ok && e.user != "" {
		earliest = k
	}
	open := o.open[addressOf(key)]
	for len(open) > 0 && o.elements[open[0]].full { // never looked at again
		open = open[1:]
	}
	o.open[addressOf(key)] = open
	for _, k := range open {
		el := &o.elements[k]
		if k < earliest || el.full || !together(el.key, key) {
			continue
		}
		if el.take(e) {
			return k
		}
		el.full = true
	}
	return -1
}

// address is what batches are found by: those of other addresses are not looked
// at.
type address struct {
	request  *plan.Request
	endpoint string
}

func addressOf(it *item) address { return address{it.request, it.target.endpoint.Text()} }

// finish builds the requests of an element. Where that fails for a batch, each
// of its events goes alone, so that one does not harm its neighbours.
func (o *Output) finish(el *Element) {
	b := o.batch
	el.Requests = nil
	if el.Status == Mapped {
		first, steps := &b.events[el.events[0]], b.connection.program.limits.Steps
		if len(el.events) == 1 {
			steps = o.pool.allow(first)
		}
		b.runner.start(first.node, steps)
		requests, err := b.runner.requests(el.items)
		o.pool.take(steps - b.runner.frame.Steps)
		if err != nil && len(el.events) > 1 {
			for i, k := range el.events {
				e := &b.events[k]
				o.finish(&Element{Result: e.result, Indexes: el.Indexes[i : i+1], MessageIDs: el.MessageIDs[i : i+1], events: el.events[i : i+1], items: e.items})
			}
			return
		}
		if err != nil {
			el.reject(b.runner.explainSteps(o.pool.explain(first, steps, err), steps, func() error {
				b.runner.start(first.node, steps)
				_, err := b.runner.requests(el.items)
				return err
			}))
		} else {
			el.Requests = requests
		}
	}
	o.elements = append(o.elements, *el)
}

// AppendJSON appends the element as one line of `celmap map --batch`.
func (el *Element) AppendJSON(dst []byte) []byte { return el.append(dst, value.AppendJSON) }

// AppendRedacted is AppendJSON with secrets replaced.
func (el *Element) AppendRedacted(dst []byte) []byte { return el.append(dst, value.AppendRedacted) }

func (el *Element) append(dst []byte, encode func([]byte, *value.Node) []byte) []byte {
	if el.Status != Mapped && len(el.events) == 1 {
		return el.Result.append(dst, encode)
	}
	dst = append(dst, `{"indexes":[`...)
	for i, n := range el.Indexes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(n), 10)
	}
	dst = append(dst, `],"messageIds":[`...)
	for i, id := range el.MessageIDs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = value.AppendString(dst, id)
	}
	return el.appendOutcome(append(dst, ']'), encode)
}
