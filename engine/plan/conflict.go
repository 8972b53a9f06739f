package plan

import "github.com/celmap/celmap/engine/source"

// oneOf reports an entry with more than one of some keys, of which only the
// first would count: most often the dash is missing before the others.
func (c *compiler) oneOf(n *source.Node, what string, keys ...string) {
	var first *source.Entry
	for i := range entries(n) {
		e := &n.Entries[i]
		for _, k := range keys {
			switch {
			case e.Key.Text != k || c.holes[e.Value]:
			case first == nil:
				first = e
			default:
				c.error(e.Key.Span, "conflicting-keys", "remove one of the two, or begin an entry of its own with `- `", "%s has both %s and %s, and can have one of them only", what, first.Key.Text, k).Relate(first.Key.Span, "%s is here", first.Key.Text)
				return
			}
		}
	}
}
