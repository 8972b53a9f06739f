package golden

import (
	"strings"
	"time"

	"github.com/celmap/celmap/engine/value"
)

// A fixture says only what it wants to pin: a code without its message, a part
// of a message, one header of several. Projection brings what came out into
// the form in which the fixture speaks, so that a case passes exactly if the
// projection says the same as the fixture, and an update writes the projection.

type projection struct{ *tree }

// expectations returns what the fixture would have to say.
func (t projection) expectations(c *Case, a *actual) *value.Node {
	want := t.arena.Object()
	wanted := func(keys ...string) bool {
		for _, key := range keys {
			if c.root.Get(key) != nil {
				return true
			}
		}
		return false
	}
	fresh := !wanted(expectationKeys...)
	if c.single && (wanted(expectationKeys[:4]...) || fresh && c.Answer == nil) {
		t.states(want, c.expected, a.results[0])
	}
	if wanted(keyResults) {
		t.set(want, keyResults, t.list(c.expected.Get(keyResults), a.results), nil)
	}
	if wanted(keyBatches) || fresh && !c.single && c.Answer == nil {
		t.set(want, keyBatches, t.list(c.expected.Get(keyBatches), a.batches), nil)
	}
	if wanted(keyOutcomes) || fresh && c.Answer != nil {
		t.set(want, keyOutcomes, t.outcomes(c.expected.Get(keyOutcomes), a.outcomes), nil)
	}
	return want
}

func (t projection) list(expected *value.Node, actual []*value.Node) *value.Node {
	list := t.arena.List()
	for i, n := range actual {
		item := t.arena.Object()
		t.states(item, expected.At(i), n)
		t.arena.Append(list, item)
	}
	return list
}

// states projects what became of an event or a batch into an object.
func (t projection) states(want, expected, actual *value.Node) {
	for n := actual.First(); n != nil; n = n.Next() {
		e, rule := expected.Get(n.Key()), t.rules[n]
		switch n.Key() {
		case "events":
			t.set(want, n.Key(), t.ids(e, n), rule)
		case keyRequests:
			list := t.arena.List()
			i := 0
			for r := n.First(); r != nil; r = r.Next() {
				t.inherit(t.arena.Append(list, t.request(e.At(i), r)), r)
				i++
			}
			t.set(want, n.Key(), list, rule)
		case keyRejected:
			t.set(want, n.Key(), t.part(e, n), rule)
			t.errors[want.Get(keyRejected)] = t.errors[n]
		case keyFiltered:
			t.set(want, n.Key(), t.filtered(e, n), rule)
		case keyWarnings:
			t.set(want, n.Key(), t.warnings(e, n), rule)
		}
	}
}

func (t projection) ids(expected, actual *value.Node) *value.Node {
	list := t.arena.List()
	i := 0
	for n := actual.First(); n != nil; n = n.Next() {
		id := n
		if e := expected.At(i); e.IsScalar() && e.Text() == n.Text() {
			id = e // 7 for "7"
		}
		t.push(list, id)
		i++
	}
	return list
}

// request leaves out the headers that the fixture does not name. One that it
// gives as null must not be sent.
func (t projection) request(expected, actual *value.Node) *value.Node {
	want := t.arena.Object()
	for n := actual.First(); n != nil; n = n.Next() {
		if n.Key() != "headers" {
			t.put(want, n.Key(), n)
		}
	}
	headers := expected.Get("headers")
	if headers == nil {
		return want
	}
	named := t.arena.Object()
	for e := headers.First(); e != nil; e = e.Next() {
		switch n := header(actual.Get("headers"), e.Key()); {
		case n != nil:
			t.put(named, e.Key(), n)
		case e.IsNull():
			t.put(named, e.Key(), e)
		}
	}
	t.set(want, "headers", named, t.rules[actual.Get("headers")])
	return want
}

// header finds a header; their names know no case. (RFC 9110, 5.1)
func header(headers *value.Node, name string) *value.Node {
	for n := headers.First(); n != nil; n = n.Next() {
		if strings.EqualFold(n.Key(), name) {
			return n
		}
	}
	return nil
}

// part keeps the members that the fixture names, all if it names none. In the
// texts for people a part of the text suffices.
func (t projection) part(expected, actual *value.Node) *value.Node {
	want := t.arena.Object()
	for n := actual.First(); n != nil; n = n.Next() {
		e := expected.Get(n.Key())
		switch {
		case expected != nil && e == nil:
		case (n.Key() == "message" || n.Key() == "because") && holds(n, e),
			n.Key() == "after" && sameDuration(n, e):
			t.put(want, n.Key(), e)
		default:
			t.put(want, n.Key(), n)
		}
	}
	return want
}

func (t projection) filtered(expected, actual *value.Node) *value.Node {
	if holds(actual, expected) || expected.Bool() {
		return t.copy(expected)
	}
	if actual.Text() == "" {
		return value.BoolNode(true)
	}
	return t.copy(actual)
}

// warnings are texts, or lists of texts, by what they are about: the field of
// the request or, where the fixture says so, the path in the event.
func (t projection) warnings(expected, actual *value.Node) *value.Node {
	want := t.arena.Object()
	for n := actual.First(); n != nil; n = n.Next() {
		key, message := n.Get("about").Text(), n.Get("message")
		if path := n.Get("path").Text(); expected.Get(path) != nil {
			key = path
		}
		e, old := expected.Get(key), want.Get(key)
		if e.Kind() == value.List {
			e = e.At(old.Len())
			if old == nil {
				old = t.arena.Add(want, key, t.arena.List())
			}
		}
		switch {
		case holds(message, e) && (old == nil || old.Kind() == value.List):
			message = t.arena.Copy(e)
			t.inherit(message, n.Get("message"))
		case old.Kind() == value.String: // a second one
			list := t.arena.List()
			t.push(list, old)
			old = t.arena.Set(want, key, list)
		}
		if old == nil {
			t.put(want, key, message)
		} else {
			t.push(old, message)
		}
	}
	return want
}

// outcomes are words, or objects where the fixture says more than the word.
func (t projection) outcomes(expected, actual *value.Node) *value.Node {
	want := t.arena.Object()
	for n := actual.First(); n != nil; n = n.Next() {
		e := expected.Get(n.Key())
		if e == nil && n.Len() == 1 || e != nil && e.Kind() != value.Object {
			t.set(want, n.Key(), t.copy(n.Get("do")), t.rules[n])
			continue
		}
		t.set(want, n.Key(), t.part(e, n), t.rules[n])
	}
	return want
}

// holds reports whether a text contains what the fixture expects in it.
func holds(actual, expected *value.Node) bool {
	return actual.Kind() == value.String && expected.Text() != "" && strings.Contains(actual.Text(), expected.Text())
}

func sameDuration(actual, expected *value.Node) bool {
	a, errA := time.ParseDuration(actual.Text())
	b, errB := time.ParseDuration(expected.Text())
	return errA == nil && errB == nil && a == b
}
