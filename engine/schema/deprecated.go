package schema

import "strconv"

// Deprecated returns why the value at the path should not be used any more, the
// text of its x-deprecated, and whether it is marked so. x-deprecated: true
// marks it without a reason.
func (s *Schema) Deprecated(path ...string) (because string, marked bool) {
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
		r.marked(func(x *rule) {
			if mark := x.source.Get("x-deprecated"); !marked && (mark.Bool() || mark.Text() != "") {
				because, marked = mark.Text(), true
			}
		})
	}
	return because, marked
}
