package schema

import (
	"slices"
	"strconv"

	"github.com/celmap/celmap/engine/value"
)

// Presence is what a schema says of a path.
type Presence uint8

const (
	Unknown Presence = iota // no valid value has it
	Open                    // nothing is said, it may be there
	Known                   // declared
)

// Properties returns the names of the properties declared below a path, at the
// top without one, in the order of the schema.
func (s *Schema) Properties(path ...string) []string {
	var names []string
	_, r := s.at(path)
	r.alternatives(func(x *rule) {
		if x.object == nil {
			return
		}
		for _, d := range x.object.declared {
			if !slices.Contains(names, d.name) {
				names = append(names, d.name)
			}
		}
	})
	return names
}

// Property tells whether a value at the path is declared, possible or
// impossible in a valid value. The step into a list is the number of an element.
func (s *Schema) Property(path ...string) Presence {
	p, _ := s.at(path)
	return p
}

// at returns what the schema says of a path, and the rule for what stands there.
func (s *Schema) at(path []string) (Presence, *rule) {
	p, r := Known, s.root
	for _, name := range path {
		if p, r = r.step(name); p == Unknown {
			break
		}
	}
	return p, r
}

var (
	anything = &rule{fixed: yes}
	nothing  = &rule{fixed: no}
)

// step returns what r says of a member or element, and the rule for it, which
// is made up where several bear on it.
func (r *rule) step(name string) (Presence, *rule) {
	for r.ref != nil {
		r = r.ref
	}
	if r.fixed == no {
		return Unknown, nothing
	}
	presence, own := r.ownStep(name)
	all := []*rule{own}
	must := func(p Presence, x *rule) {
		if presence = max(presence, p); p == Unknown || all == nil {
			presence, all = Unknown, nil
			return
		}
		all = append(all, x)
	}
	if presence == Unknown {
		return Unknown, nothing
	}
	for _, x := range r.all {
		must(x.step(name))
	}
	if r.any != nil {
		must(stepAny(r.any, name))
	}
	if r.one != nil {
		must(stepAny(r.one, name))
	}
	for _, x := range [...]*rule{r.then, r.or} { // conditional: they declare, but close nothing
		if x != nil {
			must(stepAny([]*rule{x, anything}, name))
		}
	}
	if presence == Unknown {
		return Unknown, nothing
	}
	return presence, join(all, func(r *rule, all []*rule) { r.all = all })
}

func stepAny(alternatives []*rule, name string) (Presence, *rule) {
	presence, possible := Unknown, []*rule(nil)
	for _, x := range alternatives {
		if p, below := x.step(name); p != Unknown {
			presence = max(presence, p)
			possible = append(possible, below)
		}
	}
	if possible == nil {
		return Unknown, nothing
	}
	return presence, join(possible, func(r *rule, all []*rule) { r.any = all })
}

func join(rules []*rule, as func(*rule, []*rule)) *rule {
	if len(rules) == 1 {
		return rules[0]
	}
	r := &rule{}
	as(r, rules)
	return r
}

func (r *rule) ownStep(name string) (Presence, *rule) {
	i, err := strconv.Atoi(name)
	isIndex := err == nil && i >= 0
	inList := isIndex && (r.types == 0 || r.types.has(value.List))
	inObject := r.types == 0 || r.types.has(value.Object)
	presence, below := Open, anything
	switch l, o := r.list, r.object; {
	case !inList && !inObject:
		return Unknown, nothing
	case inList && l != nil && l.each != nil:
		presence, below = Known, l.each
	case inList && l != nil && i < len(l.tuple):
		presence, below = Known, l.tuple[i]
	case inList && l != nil && l.isTuple && l.more != nil:
		below = l.more
	case inObject && o != nil:
		presence, below = o.step(name)
	}
	for x := below; ; x = x.ref {
		if x.fixed == no {
			return Unknown, nothing
		}
		if x.ref == nil {
			return presence, below
		}
	}
}

func (o *objectRule) step(name string) (Presence, *rule) {
	if o.members != nil {
		if e := o.members.get(name); e != nil && e.rule != nil {
			return Known, e.rule
		}
	}
	for _, p := range o.patterns {
		if p.pattern.MatchString(name) {
			return Known, p.rule
		}
	}
	if o.rest != nil {
		return Open, o.rest
	}
	return Open, anything
}

// alternatives calls visit for r and all rules that may bear on the same value:
// not for what stands under not and if, which describe other values.
func (r *rule) alternatives(visit func(*rule)) {
	for r.ref != nil {
		r = r.ref
	}
	visit(r)
	for _, group := range [...][]*rule{r.all, r.any, r.one, {r.then, r.or}} {
		for _, x := range group {
			if x != nil {
				x.alternatives(visit)
			}
		}
	}
}
