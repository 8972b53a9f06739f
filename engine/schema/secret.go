package schema

import (
	"slices"

	"github.com/celmap/celmap/engine/value"
)

// AnyStep stands in the paths of Secrets for every element or every other member.
const AnyStep = "*"

// Secrets returns the paths of what is marked "secret": true, as far as they can
// be told without a value: a schema that refers to itself is followed once.
func (s *Schema) Secrets() [][]string {
	var found [][]string
	if !s.secretive {
		return nil
	}
	var open []*rule
	var visit func(r *rule, path []string)
	visit = func(r *rule, path []string) {
		if slices.Contains(open, r) {
			return
		}
		open = append(open, r)
		r.marked(func(x *rule) {
			if x.secret && !slices.ContainsFunc(found, func(p []string) bool { return slices.Equal(p, path) }) {
				found = append(found, slices.Clone(path))
			}
			x.members(func(name string, below *rule) { visit(below, append(slices.Clip(path), name)) })
		})
		open = open[:len(open)-1]
	}
	visit(s.root, nil)
	return found
}

// MarkSecrets returns n with the values that are marked secret, and all that is
// inside them, marked so; n itself stays as it is.
func (s *Schema) MarkSecrets(a *value.Arena, n *value.Node) *value.Node {
	if !s.secretive || n == nil {
		return n
	}
	return mark(a, []*rule{s.root}, n, 0)
}

func mark(a *value.Arena, rules []*rule, n *value.Node, depth int) *value.Node {
	secret := depth > maxDepth // what is too deep to look into might be one
	for _, r := range rules {
		r.marked(func(x *rule) { secret = secret || x.secret })
	}
	if secret {
		return a.MarkSecret(n)
	}
	switch n.Kind() {
	case value.Object:
		out := a.Object()
		for m := n.First(); m != nil; m = m.Next() {
			var below []*rule
			for _, r := range rules {
				r.marked(func(x *rule) { x.member(m.Key(), &below) })
			}
			a.Add(out, m.Key(), mark(a, below, m, depth+1))
		}
		return out
	case value.List:
		out := a.List()
		i := 0
		for m := n.First(); m != nil; m = m.Next() {
			var below []*rule
			for _, r := range rules {
				r.marked(func(x *rule) { x.element(i, &below) })
			}
			a.Append(out, mark(a, below, m, depth+1))
			i++
		}
		return out
	}
	return a.Copy(n)
}

// marked calls visit for r and every rule on the same value, those on the way
// through references included, whose marks count too.
func (r *rule) marked(visit func(*rule)) {
	visit(r)
	r.inPlace(func(x *rule) { x.marked(visit) })
}

// member adds the rules of r for a member of an object.
func (r *rule) member(name string, to *[]*rule) {
	o := r.object
	if o == nil {
		return
	}
	described := false
	if o.members != nil {
		if e := o.members.get(name); e != nil && e.rule != nil {
			described = true
			*to = append(*to, e.rule)
		}
	}
	for _, p := range o.patterns {
		if p.pattern.MatchString(name) {
			described = true
			*to = append(*to, p.rule)
		}
	}
	if !described && o.rest != nil {
		*to = append(*to, o.rest)
	}
}

// element adds the rules of r for an element of a list.
func (r *rule) element(i int, to *[]*rule) {
	l := r.list
	switch {
	case l == nil:
		return
	case l.each != nil:
		*to = append(*to, l.each)
	case i < len(l.tuple):
		*to = append(*to, l.tuple[i])
	case l.isTuple && l.more != nil:
		*to = append(*to, l.more)
	}
	if l.contains != nil {
		*to = append(*to, l.contains)
	}
}

// members calls visit for every rule of r on a member or an element.
func (r *rule) members(visit func(name string, below *rule)) {
	if o := r.object; o != nil {
		for _, d := range o.declared {
			visit(d.name, d.rule)
		}
		for _, p := range o.patterns {
			visit(AnyStep, p.rule)
		}
		if o.rest != nil {
			visit(AnyStep, o.rest)
		}
	}
	if l := r.list; l != nil {
		for i, x := range l.tuple {
			visit(decimalText(i), x)
		}
		for _, x := range [...]*rule{l.each, l.more, l.contains} {
			if x != nil {
				visit(AnyStep, x)
			}
		}
	}
}
