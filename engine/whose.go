package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// Whose tells whom an event is about, as far as one has to know who keeps events
// in order and remembers what earlier ones said.
type Whose struct {
	// Keys name whom the event is about, such as "email:ann@example.com". Events
	// that have one in common have to be applied one after the other. Each is there
	// once, in the order of the rules. Without any the event is in nobody's order.
	Keys []string
	// Teaches is what the event says that is to be remembered for later events.
	Teaches []Memory
	// Asks is what the rules may ask about this event, without values. Where it is
	// remembered, it answers the questions of these lookups with these keys.
	Asks []Memory
}

// Memory is something that a host remembers: the answer of a lookup to a key.
type Memory struct {
	Lookup string
	Key    string // as the lookup compares keys
	Value  string
}

const (
	longKey    = 256  // bytes of a key; a longer one is told by a sum
	longMemory = 4096 // bytes that are remembered, at most
)

// Whose finds out whom an event is about, without mapping it. It is meant for
// every event that comes in, before anything is known of it. What it tells
// depends on the event and the config alone, whenever it is called. A host that
// maps events with the lane that it keeps them in as metadata {"userId": lane}
// has the batches keep that order, too.
//
// The result is complete but for what the error says: an event that cannot be
// read has no keys, and an expression that fails gives none. The result holds
// nothing of the input.
func (c *Connection) Whose(in Input) (w Whose, err error) {
	c.borrow(func(r *runner) {
		var event *value.Node
		if event, _, err = r.unwrap(in); err != nil {
			return
		}
		r.start(event, c.program.limits.Steps)
		err = r.whose(&w)
	})
	return w, err
}

func (r *runner) whose(w *Whose) error {
	var failed []error
	guard := func(do func() error) {
		if err := guarded(do); err != nil {
			failed = append(failed, err)
		}
	}
	order := r.program.Delivery.Order
	if order == nil {
		for _, name := range [...]string{"userId", "anonymousId"} {
			w.key(name, r.event.Get(name))
		}
	}
	for _, k := range order {
		for _, e := range k.Values {
			guard(func() error {
				v, err := r.expr(e)
				if err == nil {
					eachText(v, func(text *value.Node) { w.key(k.Name, text) })
				}
				return err
			})
		}
	}
	for _, l := range r.program.Learning {
		guard(func() error { return r.learn(w, l) })
	}
	return errors.Join(failed...)
}

// eachText visits what counts as a key of a value: the value, or the elements of
// a list.
func eachText(v *value.Node, visit func(*value.Node)) {
	if v.Kind() != value.List {
		visit(v)
		return
	}
	for m := v.First(); m != nil; m = m.Next() {
		visit(m)
	}
}

// key adds a key, unless it is empty or there already.
func (w *Whose) key(name string, v *value.Node) {
	if !v.IsScalar() || v.IsEmpty() {
		return
	}
	text := scalarText(v)
	if len(text) > longKey {
		sum := sha256.Sum256([]byte(text))
		text = "sha256:" + hex.EncodeToString(sum[:])
	}
	for _, k := range w.Keys {
		if len(k) == len(name)+1+len(text) && k[:len(name)] == name && k[len(name)+1:] == text {
			return
		}
	}
	w.Keys = append(w.Keys, name+":"+text)
}

// learn finds what an event teaches a lookup, and what it may ask it.
func (r *runner) learn(w *Whose, l *plan.Lookup) error {
	first := len(w.Asks)
	for _, e := range l.Learn.Keys {
		v, err := r.expr(e)
		if err != nil {
			return err
		}
		eachText(v, func(m *value.Node) {
			if m.IsScalar() && !m.IsEmpty() {
				if text := scalarText(m); len(text) <= longMemory {
					w.Asks = append(w.Asks, Memory{Lookup: l.Name, Key: strings.Clone(l.FoldKey(text))})
				}
			}
		})
	}
	if len(w.Asks) == first {
		return nil
	}
	if ok, err := r.decide(l.Learn.Rule, l.Learn.When); err != nil || !ok {
		return err
	}
	v, err := r.first(l.Learn.Value)
	if err != nil || !v.IsScalar() || v.IsEmpty() || v.HoldsSecret() {
		return err
	}
	text := strings.Clone(scalarText(v))
	if len(text) > longMemory {
		return nil
	}
	for _, ask := range w.Asks[first:] {
		ask.Value = text
		w.Teaches = append(w.Teaches, ask)
	}
	return nil
}
