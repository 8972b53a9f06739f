package schema

import (
	"regexp"
	"slices"

	"github.com/celmap/celmap/engine/value"
)

// rule is one compiled schema. Every check that it holds must pass.
type rule struct {
	place  place
	source *value.Node // the schema as written, for the authority
	fixed  verdict     // yes or no where the answer is the same for every value
	types  kinds
	equal  [][]*value.Node // enum and const: the value equals one of each
	text   *textRule
	number *numberRule
	list   *listRule
	object *objectRule
	format *format

	ref            *rule // stands instead of all the checks
	all, any, one  []*rule
	not            *rule
	when, then, or *rule // if, then, else

	secret bool
	target int // its number among the definitions of the authority's document, from 1
}

type textRule struct {
	min, max int // code points; -1 for none
	pattern  *regexp.Regexp
}

type numberRule struct {
	multiple, min, max, above, below *value.Node
}

type listRule struct {
	each     *rule   // items, a schema
	tuple    []*rule // items, a list
	isTuple  bool
	more     *rule // additionalItems
	contains *rule
	min, max int
	unique   bool
}

type objectRule struct {
	members  *members
	declared []member // properties, as written
	required []string
	patterns []patternRule
	rest     *rule // additionalProperties; nil lets everything pass
	names    *rule
	needs    []dependency
	min, max int
}

type patternRule struct {
	pattern *regexp.Regexp
	rule    *rule
}

// dependency says what a member makes necessary: others, or a whole schema.
type dependency struct {
	key    string
	others []string
	rule   *rule
}

// inPlace calls visit for every rule directly below r that checks the same value as r.
func (r *rule) inPlace(visit func(*rule)) {
	if r.ref != nil {
		visit(r.ref)
		return
	}
	for _, group := range [...][]*rule{r.all, r.any, r.one, {r.not, r.when, r.then, r.or}} {
		for _, x := range group {
			if x != nil {
				visit(x)
			}
		}
	}
	if r.object != nil {
		for _, d := range r.object.needs {
			if d.rule != nil {
				visit(d.rule)
			}
		}
	}
}

// settle fixes the answer of a rule that lets every value pass: one that only
// describes, as those of events do, costs nothing. What it refers to and holds
// should be settled before; where that is open, so is the rule.
func (r *rule) settle() {
	switch {
	case r.fixed != unsure:
	case r.ref != nil:
		r.fixed = r.ref.fixed
	case r.types == 0 && r.equal == nil && r.text == nil && r.number == nil && r.format == nil &&
		r.all == nil && r.any == nil && r.one == nil && r.not == nil && r.when == nil &&
		(r.list == nil || r.list.letsPass()) && (r.object == nil || r.object.letsPass()):
		r.fixed = yes
	}
}

func passes(r *rule) bool { return r == nil || r.fixed == yes }

func (l *listRule) letsPass() bool {
	return l.min == 0 && l.max < 0 && !l.unique && l.contains == nil && passes(l.each) && passes(l.more) &&
		!slices.ContainsFunc(l.tuple, func(x *rule) bool { return !passes(x) })
}

func (o *objectRule) letsPass() bool {
	return o.min == 0 && o.max < 0 && o.required == nil && o.needs == nil && passes(o.rest) && passes(o.names) &&
		!slices.ContainsFunc(o.declared, func(m member) bool { return !passes(m.rule) }) &&
		!slices.ContainsFunc(o.patterns, func(p patternRule) bool { return !passes(p.rule) })
}

// kinds is a set of JSON types.
type kinds uint8

// whole stands for numbers without a fraction, beside the bit of each value.Kind.
const whole kinds = 1 << 7

func kindSet(all ...value.Kind) (s kinds) {
	for _, k := range all {
		s |= 1 << k
	}
	return s
}

func (s kinds) has(k value.Kind) bool { return s&(1<<k) != 0 }

var kindsByName = map[string]kinds{
	"null":    kindSet(value.Null),
	"boolean": kindSet(value.Bool),
	"number":  kindSet(value.Number),
	"string":  kindSet(value.String),
	"array":   kindSet(value.List),
	"object":  kindSet(value.Object),
	"integer": whole,
}
