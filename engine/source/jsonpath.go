package source

import (
	"fmt"
	"strconv"
)

// Locate sets the Path of each finding from what its file says. The files are
// read once more, so that only those who have mistakes pay for it, and the path
// is that of the file, whatever an overlay has made of its rules.
func (ds Diagnostics) Locate() {
	trees := map[*File]*Node{}
	for i := range ds {
		f := ds[i].Span.File
		if f == nil || len(f.Data) == 0 || f.Position(ds[i].Span.Start.Offset) != ds[i].Span.Start {
			continue // only a line is known, or nothing
		}
		tree, read := trees[f]
		if !read {
			tree, _ = Parse(f.Name, f.Data)
			trees[f] = tree
		}
		ds[i].Path = tree.path(ds[i].Span)
	}
}

// path returns the JSON path of the deepest node that holds a span, which a
// key's does as well as its value's.
func (n *Node) path(at Span) string {
	if n == nil {
		return ""
	}
	path := "$"
next:
	for {
		for _, e := range n.Entries {
			switch {
			case e.Value.Span.holds(at):
				path, n = path+step(e.Key.Text), e.Value
				continue next
			case e.Key.Span.holds(at), !at.holds(n.Span) && e.Key.Span.Start.Offset <= at.Start.Offset && at.End.Offset <= e.Value.Span.End.Offset:
				return path + step(e.Key.Text)
			}
		}
		for i, item := range n.Items {
			if item.Span.holds(at) {
				path, n = path+"["+strconv.Itoa(i)+"]", item
				continue next
			}
		}
		return path
	}
}

// holds compares offsets only: the two may come from different readings.
func (s Span) holds(other Span) bool {
	return s.Start.Offset <= other.Start.Offset && other.End.Offset <= s.End.Offset
}

// step is a member in a JSON path. (RFC 9535, 2.5.1)
func step(name string) string {
	for i := range len(name) {
		if c := name[i]; c != '_' && !(c|0x20 >= 'a' && c|0x20 <= 'z') && (i == 0 || c < '0' || c > '9') {
			return fmt.Sprintf("[%q]", name)
		}
	}
	if name == "" {
		return `[""]`
	}
	return "." + name
}
