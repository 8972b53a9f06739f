package golden

import (
	"cmp"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Difference is one place where a case comes out otherwise than its fixture says.
type Difference struct {
	Path     string             // in the fixture, such as requests[0].body.inputs[0].properties.email
	Expected *value.Node        // nil: nothing
	Got      *value.Node        // nil: nothing
	State    bool               // the event ended in another state; Got is {STATE: …}
	Rule     *engine.Rule       // behind what was got, or the one that should have written it; may be nil
	Error    *engine.EventError // why the event was rejected, where that is what was got
	At       source.Span        // the expected value in the fixture, or what is nearest to it
}

// differ compares what a fixture says with its projection.
type differ struct {
	tree    *tree
	targets map[string][]*engine.Rule // rules of `set` by what they write
	leaves  bool                      // tell lists and objects that come or go by their members
	found   []Difference
}

// side is one value on the way down: where it is in the fixture, and what rule
// stands behind it.
type side struct {
	path string
	node *source.Node       // nearest
	rule *engine.Rule       // nearest
	err  *engine.EventError // nearest
}

func (d *differ) compare(c *Case, want *value.Node) {
	at := side{node: c.root}
	d.states(at, c.expected, want)
	for _, key := range []string{keyResults, keyBatches} {
		d.lists(d.down(at, key, want.Get(key)), c.expected.Get(key), want.Get(key), d.states)
	}
	d.values(d.down(at, keyOutcomes, want.Get(keyOutcomes)), c.expected.Get(keyOutcomes), want.Get(keyOutcomes))
}

// states compares what became of an event or batch. Another state is one
// difference, not one for each side.
func (d *differ) states(at side, expected, got *value.Node) {
	e, g := state(expected), state(got)
	if e != nil && g != nil && e.Key() != g.Key() {
		step := d.down(at, e.Key(), nil)
		if rule := d.tree.rules[g]; rule != nil {
			step.rule = rule
		}
		other := d.tree.arena.Object()
		d.tree.put(other, g.Key(), g)
		d.found = append(d.found, Difference{Path: step.path, Expected: e, Got: other, State: true, Rule: step.rule, Error: d.tree.errors[g], At: step.node.Span})
		e, g = nil, nil
	}
	for _, pair := range [][2]*value.Node{
		{expected.Get("events"), got.Get("events")},
		{e, g},
		{expected.Get(keyWarnings), got.Get(keyWarnings)},
	} {
		key := cmp.Or(pair[0].Key(), pair[1].Key())
		switch { // each request and each warning has a rule of its own
		case pair[0] == nil && pair[1].Len() > 0:
			pair[0] = d.tree.empty(pair[1])
		case pair[1] == nil && pair[0].Len() > 0:
			pair[1] = d.tree.empty(pair[0])
		}
		d.values(d.down(at, key, pair[1]), pair[0], pair[1])
	}
}

func state(n *value.Node) *value.Node {
	for _, key := range stateKeys {
		if s := n.Get(key); s != nil {
			return s
		}
	}
	return nil
}

// values compares two values, either of which may be absent.
func (d *differ) values(at side, expected, got *value.Node) {
	switch {
	case same(expected, got):
	case d.leaves && expected == nil && got.Len() > 0:
		d.values(at, d.tree.empty(got), got)
	case d.leaves && got == nil && expected.Len() > 0:
		d.values(at, expected, d.tree.empty(expected))
	case expected.Kind() == value.Object && got.Kind() == value.Object:
		for e := expected.First(); e != nil; e = e.Next() {
			g := got.Get(e.Key())
			step := d.down(at, e.Key(), g)
			if g == nil {
				step.rule = d.target(e.Key(), step.rule)
			}
			d.values(step, e, g)
		}
		for g := got.First(); g != nil; g = g.Next() {
			if expected.Get(g.Key()) == nil {
				d.values(d.down(at, g.Key(), g), nil, g)
			}
		}
	case expected.Kind() == value.List && got.Kind() == value.List:
		d.lists(at, expected, got, d.values)
	default:
		d.found = append(d.found, Difference{Path: at.path, Expected: expected, Got: got, Rule: at.rule, Error: at.err, At: at.node.Span})
	}
}

// lists compares elements: those that are alike at both ends are paired, those
// between them by position, and the rest is missing or too much.
func (d *differ) lists(at side, expected, got *value.Node, compare func(side, *value.Node, *value.Node)) {
	if expected.Kind() != value.List || got.Kind() != value.List {
		d.values(at, expected, got)
		return
	}
	e, g, first := unlike(elements(expected), elements(got))
	for i := range max(len(e), len(g)) {
		switch {
		case i >= len(g):
			d.values(d.element(at, first+i, nil), e[i], nil)
		case i >= len(e):
			d.values(d.element(at, first+i, g[i]), nil, g[i])
		default:
			compare(d.element(at, first+i, g[i]), e[i], g[i])
		}
	}
}

func elements(list *value.Node) []*value.Node {
	all := make([]*value.Node, 0, list.Len())
	for n := list.First(); n != nil; n = n.Next() {
		all = append(all, n)
	}
	return all
}

// unlike cuts off what two lists have in common at their beginnings and ends,
// and returns how much that is at the beginning.
func unlike(a, b []*value.Node) (restA, restB []*value.Node, first int) {
	for len(a) > 0 && len(b) > 0 && same(a[0], b[0]) {
		a, b, first = a[1:], b[1:], first+1
	}
	for len(a) > 0 && len(b) > 0 && same(a[len(a)-1], b[len(b)-1]) {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b, first
}

func (d *differ) down(at side, key string, got *value.Node) side {
	at.path = string(value.AppendKey([]byte(at.path), key))
	if n := at.node.Get(key); n != nil {
		at.node = n
	}
	return d.ruled(at, got)
}

func (d *differ) element(at side, i int, got *value.Node) side {
	at.path = string(value.AppendIndex([]byte(at.path), i))
	if i < len(at.node.Items) {
		at.node = at.node.Items[i]
	}
	return d.ruled(at, got)
}

func (d *differ) ruled(at side, got *value.Node) side {
	if rule := d.tree.rules[got]; got != nil && rule != nil {
		at.rule = rule
	}
	if err := d.tree.errors[got]; got != nil && err != nil {
		at.err = err
	}
	return at
}

// target returns the rule that should have written a missing member: a line of
// `set` of that name, the one that is the nearest kin of the rule around it.
func (d *differ) target(key string, around *engine.Rule) *engine.Rule {
	best, kinship := around, -1
	for _, rule := range d.targets[key] {
		k := 0
		if around != nil {
			k = kin(rule.ID, around.ID)
		}
		if k > kinship {
			best, kinship = rule, k
		}
	}
	return best
}

// kin counts the names that two rules' identities have in common at the front.
func kin(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return n
}

// targets orders the rules of `set` by what they write.
func targets(rules []*engine.Rule) map[string][]*engine.Rule {
	byName := map[string][]*engine.Rule{}
	for _, rule := range rules {
		if _, name, ok := strings.Cut(rule.ID, "/set/"); ok {
			byName[name] = append(byName[name], rule)
		}
	}
	return byName
}
