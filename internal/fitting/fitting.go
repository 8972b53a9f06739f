// Package fitting compares values with the shapes that were worked out for them,
// for tests: a shape must never exclude a value that is there.
package fitting

import (
	"fmt"
	"slices"

	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/value"
)

// Misfit tells how a value does not fit a shape, "" if it does. nil is an absent value.
func Misfit(n *value.Node, s shape.Shape) string { return misfit("", n, s) }

func misfit(path string, n *value.Node, s shape.Shape) string {
	kind := shape.Literal(n).Kinds()
	if n.IsNull() {
		kind = shape.Missing // expressions turn one into the other
	}
	if !s.Can(kind) {
		return fmt.Sprintf("%s: %s is none of %s", path, value.Preview(n), s)
	}
	if s.HasValue() && n.IsEmpty() {
		return fmt.Sprintf("%s: %s is empty, and %s never is", path, value.Preview(n), s)
	}
	if n.Kind() == value.String && s.Texts() != nil && !slices.Contains(s.Texts(), n.Text()) {
		return fmt.Sprintf("%s: %q is none of %q", path, n.Text(), s.Texts())
	}
	i := 0
	for m := n.First(); m != nil; m = m.Next() {
		var below string
		if n.Kind() == value.List {
			at := fmt.Sprintf("%s[%d]", path, i)
			if below = misfit(at, m, s.Element(i)); below == "" {
				below = misfit(at+" as any element", m, s.Elements())
			}
			i++
		} else {
			at := path + "." + m.Key()
			member, presence := s.Member(m.Key())
			if presence == shape.Unknown {
				return at + ": is there, and is said to be impossible"
			}
			if below = misfit(at, m, member); below == "" {
				below = misfit(at+" as any member", m, s.Others())
			}
		}
		if below != "" {
			return below
		}
	}
	if n.Kind() == value.Object {
		for _, name := range s.Names() {
			if member, _ := s.Member(name); n.Get(name) == nil && !member.Can(shape.Absent) {
				return path + "." + name + ": is absent, and is said to be always there"
			}
		}
	}
	return ""
}
