package schema

import (
	"sync"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/value"
)

// verdict is the answer of a native rule. It is unsure where the authority
// departs from the letter of draft-07, or where exactness would cost too much.
type verdict uint8

const (
	unsure verdict = iota
	no
	yes
)

func of(ok bool) verdict {
	if ok {
		return yes
	}
	return no
}

// and joins the verdicts on two checks that must both pass.
func (v verdict) and(w verdict) verdict {
	switch {
	case v == no || w == no:
		return no
	case v == unsure || w == unsure:
		return unsure
	}
	return yes
}

const (
	nativeSteps = 1 << 18 // rules applied to one value before the native rules give up
	maxDepth    = 200     // lists and objects inside each other
	maxUnique   = 64      // elements compared with each other
)

// checker applies rules to one value.
type checker struct {
	steps int
}

// check answers whether n passes r. Once it answers no, nothing more is checked.
func (c *checker) check(r *rule, n *value.Node, depth int) verdict {
	for r.ref != nil {
		r = r.ref
	}
	if r.fixed != unsure {
		return r.fixed
	}
	if c.steps--; c.steps < 0 || depth > maxDepth {
		return unsure
	}
	kind := n.Kind()
	result := yes
	if r.types != 0 && !r.types.has(kind) {
		if kind != value.Number || r.types&whole == 0 {
			return no
		}
		result = isWhole(n)
	}
	switch kind {
	case value.String:
		if r.text != nil {
			result = result.and(r.text.check(n.Text()))
		}
		if r.format != nil && result != no {
			result = result.and(r.format.check(n.Text()))
		}
	case value.Number:
		if r.number != nil {
			result = result.and(r.number.check(n))
		}
	case value.List:
		if r.list != nil {
			result = result.and(c.list(r.list, n, depth))
		}
	case value.Object:
		if r.object != nil {
			result = result.and(c.object(r.object, n, depth))
		}
	}
	for i := 0; i < len(r.equal) && result != no; i++ {
		result = result.and(oneOf(r.equal[i], n))
	}
	if result == no {
		return no
	}
	for _, x := range r.all {
		if result = result.and(c.check(x, n, depth)); result == no {
			return no
		}
	}
	if r.any != nil {
		result = result.and(c.any(r.any, n, depth))
	}
	if r.one != nil && result != no {
		result = result.and(c.one(r.one, n, depth))
	}
	if r.not != nil && result != no {
		switch c.check(r.not, n, depth) {
		case yes:
			return no
		case unsure:
			result = unsure
		}
	}
	if r.when != nil && result != no {
		result = result.and(c.condition(r, n, depth))
	}
	return result
}

func (c *checker) any(alternatives []*rule, n *value.Node, depth int) verdict {
	best := no
	for _, r := range alternatives {
		switch c.check(r, n, depth) {
		case yes:
			return yes
		case unsure:
			best = unsure
		}
	}
	return best
}

func (c *checker) one(alternatives []*rule, n *value.Node, depth int) verdict {
	passed, doubts := 0, 0
	for _, r := range alternatives {
		switch c.check(r, n, depth) {
		case yes:
			passed++
		case unsure:
			doubts++
		}
	}
	switch {
	case passed > 1 || passed+doubts == 0:
		return no
	case doubts > 0:
		return unsure
	}
	return yes
}

func (c *checker) condition(r *rule, n *value.Node, depth int) verdict {
	branch := func(b *rule) verdict {
		if b == nil {
			return yes
		}
		return c.check(b, n, depth)
	}
	switch c.check(r.when, n, depth) {
	case yes:
		return branch(r.then)
	case no:
		return branch(r.or)
	}
	if branch(r.then) == yes && branch(r.or) == yes {
		return yes
	}
	return unsure
}

func (c *checker) list(l *listRule, n *value.Node, depth int) verdict {
	if size := n.Len(); size < l.min || l.max >= 0 && size > l.max {
		return no
	}
	result := yes
	if l.each != nil || l.isTuple {
		i := 0
		for m := n.First(); m != nil; m = m.Next() {
			r := l.each
			if l.isTuple {
				if r = l.more; i < len(l.tuple) {
					r = l.tuple[i]
				}
			}
			i++
			if r == nil {
				break
			}
			if result = result.and(c.check(r, m, depth+1)); result == no {
				return no
			}
		}
	}
	if l.contains != nil {
		found := no
		for m := n.First(); m != nil && found != yes; m = m.Next() {
			if v := c.check(l.contains, m, depth+1); v != no {
				found = v
			}
		}
		result = result.and(found)
	}
	if l.unique && result != no {
		result = result.and(c.unique(n))
	}
	return result
}

func (c *checker) unique(n *value.Node) verdict {
	if n.Len() > maxUnique {
		return unsure
	}
	result := yes
	for x := n.First(); x != nil; x = x.Next() {
		for y := x.Next(); y != nil; y = y.Next() {
			if c.steps--; c.steps < 0 {
				return unsure
			}
			switch same(x, y) {
			case yes:
				return no
			case unsure:
				result = unsure
			}
		}
	}
	return result
}

func (c *checker) object(o *objectRule, n *value.Node, depth int) verdict {
	if size := n.Len(); size < o.min || o.max >= 0 && size > o.max {
		return no
	}
	result, must := yes, 0
	if o.members != nil {
		must = o.members.must
	}
	for m := n.First(); m != nil; m = m.Next() {
		described := false
		if o.members != nil {
			if e := o.members.get(m.Key()); e != nil {
				if e.required {
					must--
				}
				if e.rule != nil {
					described = true
					if e.rule.fixed != yes {
						result = result.and(c.check(e.rule, m, depth+1))
					}
				}
			}
		}
		for i := range o.patterns {
			if p := &o.patterns[i]; p.pattern.MatchString(m.Key()) {
				described = true
				result = result.and(c.check(p.rule, m, depth+1))
			}
		}
		if !described && o.rest != nil {
			result = result.and(c.check(o.rest, m, depth+1))
		}
		if o.names != nil && result != no {
			result = result.and(c.name(o.names, m.Key(), depth))
		}
		if result == no {
			return no
		}
	}
	if must > 0 {
		return no
	}
	for i := range o.needs {
		if result = result.and(c.dependency(&o.needs[i], n, depth)); result == no {
			return no
		}
	}
	return result
}

func (c *checker) dependency(d *dependency, n *value.Node, depth int) verdict {
	if n.Get(d.key) == nil {
		return yes
	}
	for _, other := range d.others {
		if n.Get(other) == nil {
			return no
		}
	}
	if d.rule == nil {
		return yes
	}
	return c.check(d.rule, n, depth)
}

// keyArenas lend the text nodes in which names of members are checked.
var keyArenas = sync.Pool{New: func() any { return value.NewArena() }}

func (c *checker) name(r *rule, key string, depth int) verdict {
	a := keyArenas.Get().(*value.Arena)
	v := c.check(r, a.String(key), depth+1)
	a.Reset()
	keyArenas.Put(a)
	return v
}

func (t *textRule) check(s string) verdict {
	// Between a byte and a quarter of a code point a byte: most texts need no count.
	if t.min > 0 && len(s) < 4*t.min && utf8.RuneCountInString(s) < t.min {
		return no
	}
	if t.max >= 0 && len(s) > t.max && utf8.RuneCountInString(s) > t.max {
		return no
	}
	return of(t.pattern == nil || t.pattern.MatchString(s))
}

func oneOf(set []*value.Node, n *value.Node) verdict {
	best := no
	for _, x := range set {
		switch same(x, n) {
		case yes:
			return yes
		case unsure:
			best = unsure
		}
	}
	return best
}
