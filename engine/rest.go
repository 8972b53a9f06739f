package engine

import (
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// What a runner remembers of keys is bounded, because events choose them.
const (
	maxDecisions    = 10_000
	maxDecisionText = 256 // bytes of a key and its target
)

// decision is what a rest does with a key: computed once for each distinct key
// where it follows from the key alone.
type decision struct {
	target string
	node   *value.Node // the target as a value
	key    *value.Node
	keep   bool
	row    *plan.TypeRow
	steps  int // that it took

	skip  bool // rest has nothing to do with the key
	read  bool // a set line reads the key
	named bool // a set line has the target
}

type restKey struct{ target, key string }

// fillRest does what rest says of each key of the object that it walks.
func (b *builder) fillRest() error {
	rest := b.o.Rest
	if rest.When != nil {
		if ok, err := b.decide(rest.Rule, rest.When); err != nil || !ok {
			return err
		}
	}
	of, name, err := b.restOf()
	if err != nil || of == nil {
		return err
	}
	if b.frame.Steps -= of.Len() >> 2; b.frame.Steps < 0 {
		return b.spent(rest.Rule)
	}
	for m := of.First(); m != nil; m = m.Next() {
		if err := b.restKey(of, m, name); err != nil {
			return err
		}
	}
	return nil
}

// exact reports whether a key is spelt like a target and becomes it: it wins
// over others, whose values then do not count.
func (b *builder) exact(of *value.Node, target string) (bool, error) {
	m := of.Get(target)
	if m == nil {
		return false, nil
	}
	d, err := b.decision(m)
	return err == nil && !d.skip && d.target == target && d.keep, err
}

// restOf returns the object whose keys are walked, and how the rules call it.
func (b *builder) restOf() (*value.Node, string, error) {
	for _, e := range b.o.Rest.Of {
		v, err := b.expr(e)
		if err != nil {
			return nil, "", err
		}
		if v.Kind() == value.Object && v.Len() > 0 {
			return v, b.calls(e), nil
		}
	}
	if b.o.Rest.Of == nil {
		for i, root := range b.roots {
			if root.Kind() == value.Object && root.Len() > 0 {
				name := ""
				if i < len(b.o.Under) {
					name = b.calls(b.o.Under[i])
				}
				return root, name, nil
			}
		}
	}
	return nil, "", nil
}

// restKey does what rest says of one member of the object that it walks; name
// is what the rules call that object.
func (b *builder) restKey(of, m *value.Node, name string) error {
	r, rest, key := b.runner, b.o.Rest, m.Key()
	d, err := b.decision(m)
	if err != nil {
		return err
	}
	if d.skip || d.target == "" {
		return nil
	}
	if d.named {
		// A line of set owns this target. What it has filled stays; what it has
		// not, a single value may still fill.
		if filled := b.object.Get(d.target); filled != nil && b.restIndex(d.target) < 0 || !m.IsScalar() && !m.IsNull() {
			if !d.read && rest.Warn != "" {
				b.warn("same_target", key+" stands for "+d.target+" too, which a line of the rules fills", name, key, d.target, rest.Rule)
			}
			return nil
		}
	}
	if !d.keep {
		if !d.read {
			r.miss(rest, d.target)
		}
		if !d.read && rest.Warn != "" {
			b.warn("not_sent", rest.Warn, name, key, d.target, rest.Left)
		}
		return nil
	}
	if key != d.target {
		switch exact, err := b.exact(of, d.target); {
		case err != nil:
			return err
		case exact:
			b.warn("same_target", fmt.Sprintf("%s stands for %s too, which is spelt exactly so by another key", key, d.target), name, key, d.target, rest.Rule)
			return nil
		}
		if i := b.restIndex(d.target); i >= 0 {
			b.warn("same_target", fmt.Sprintf("%s stands for %s too, which %s has given already", key, d.target, b.rest[i].key), name, key, d.target, rest.Rule)
			return nil
		}
	}
	b.rest = append(b.rest, restKey{d.target, key})
	if m.IsNull() || m.Kind() == value.String && m.Text() == "" {
		if b.o.Nulls.Value != nil || b.o.Nulls.Keep {
			defer r.set(r.lines.target, r.set(r.lines.target, d.node))
			return b.putNull(rest.Rule, d.node, m, &b.o.Nulls)
		}
		if m.IsNull() {
			return nil
		}
	}
	return b.put(rest.Rule, d.node, m, d.row, d.key, func() string { return strings.Clone(b.member(name, key)) })
}

// fewKeys is up to how many a list is searched faster than a map.
const fewKeys = 32

// restIndex returns which key rest has filled a target from, -1 for none.
func (b *builder) restIndex(target string) int {
	if len(b.rest) > fewKeys {
		if b.restAt == nil {
			b.restAt = map[string]int{}
		}
		for i := len(b.restAt); i < len(b.rest); i++ {
			b.restAt[b.rest[i].target] = i
		}
		if i, ok := b.restAt[target]; ok {
			return i
		}
		return -1
	}
	for i := range b.rest {
		if b.rest[i].target == target {
			return i
		}
	}
	return -1
}

// member writes the path of a key below the object that rules call of.
func (r *runner) member(of, key string) string {
	path := append(r.arena.Text(len(of)+len(key)+4), of...)
	return r.arena.Intern(value.AppendKey(path, key))
}

func (b *builder) warn(code, message, of, key, target string, rule *Rule) {
	b.warnings = append(b.warnings, Warning{Code: code, Message: message, Path: b.member(of, key), Target: target, Rule: rule})
}

// decision computes, or remembers, what rest does with a key. A decision that
// is remembered costs the steps that it took: else what becomes of an event
// would depend on those before it.
func (b *builder) decision(m *value.Node) (*decision, error) {
	r, rest, key := b.runner, b.o.Rest, m.Key()
	known := r.keys[b.o][key]
	if known != nil && known.steps <= r.frame.Steps && r.profile == nil {
		r.frame.Steps -= known.steps
		return known, nil
	}
	steps := r.frame.Steps
	d, err := b.decideKey(m)
	if err != nil || known != nil || !rest.KeyOnly {
		return d, err
	}
	if len(r.keys[b.o]) < maxDecisions && len(key)+len(d.target) <= maxDecisionText {
		if r.keys[b.o] == nil {
			r.keys[b.o] = map[string]*decision{}
		}
		d = &decision{target: strings.Clone(d.target), keep: d.keep, row: d.row, steps: steps - r.frame.Steps, skip: d.skip, read: d.read, named: d.named}
		key = strings.Clone(key) // the event's memory is not ours to keep
		d.key, d.node = r.static.String(key).Freeze(), r.static.String(d.target).Freeze()
		r.keys[b.o][key] = d
	}
	return d, nil
}

// decideKey computes what rest does with a key.
func (b *builder) decideKey(m *value.Node) (*decision, error) {
	r, rest := b.runner, b.o.Rest
	d := &decision{key: r.arena.String(m.Key()).Freeze(), read: b.o.Read[m.Key()]}
	if d.skip = rest.Except[m.Key()] || d.read && !rest.Again; d.skip {
		d.node = d.key
		return d, nil
	}
	oldKey, oldValue, oldTarget := r.set(r.lines.key, d.key), r.set(r.lines.value, m), r.set(r.lines.target, nil)
	defer func() {
		r.set(r.lines.key, oldKey)
		r.set(r.lines.value, oldValue)
		r.set(r.lines.target, oldTarget)
	}()
	d.node = d.key
	if rest.As != nil {
		as, err := r.expr(rest.As)
		if err != nil {
			return nil, err
		}
		text, err := r.name(rest.As, as)
		if err != nil {
			return nil, err
		}
		d.node = r.arena.String(text).Freeze()
	}
	d.target = d.node.Text()
	_, d.named = b.o.Targets[d.target]
	r.set(r.lines.target, d.node)
	var err error
	if d.keep, err = r.condition(rest.Keep); err != nil {
		return nil, err
	}
	if len(b.o.Type) > 0 {
		t, err := r.first(b.o.Type)
		if err != nil {
			return nil, err
		}
		d.row = b.o.Types.Row(t.Text())
	}
	return d, nil
}
