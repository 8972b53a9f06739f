package schema

import (
	"strconv"

	"github.com/celmap/celmap/engine/value"
)

// Deprecated returns why the value at the path should not be used any more, the
// text of its x-deprecated, and whether it is marked so. x-deprecated: true
// marks it without a reason.
func (s *Schema) Deprecated(path ...string) (because string, marked bool) {
	s.annotations(path, "x-deprecated", func(mark *value.Node) {
		if !marked && (mark.Bool() || mark.Text() != "") {
			because, marked = mark.Text(), true
		}
	})
	return because, marked
}

// Examples returns the texts among the examples of the value at the path, which
// for a setting are most often the values that mean something.
func (s *Schema) Examples(path ...string) (texts []string) {
	s.annotations(path, "examples", func(list *value.Node) {
		for e := list.First(); e != nil; e = e.Next() {
			if e.Kind() == value.String {
				texts = append(texts, e.Text())
			}
		}
	})
	return texts
}

// annotations visits what the rules for the value at a path say under a keyword
// that validates nothing.
func (s *Schema) annotations(path []string, keyword string, visit func(*value.Node)) {
	rules := []*rule{s.root}
	for _, step := range path {
		var below []*rule
		for _, r := range rules {
			r.marked(func(x *rule) {
				x.member(step, &below)
				if i, err := strconv.Atoi(step); err == nil && i >= 0 {
					x.element(i, &below)
				}
			})
		}
		rules = below
	}
	for _, r := range rules {
		r.marked(func(x *rule) { visit(x.source.Get(keyword)) })
	}
}
