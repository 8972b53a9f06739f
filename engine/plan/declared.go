package plan

import (
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/source"
)

// declared is the names that a reference may mean, and where each is defined.
type declared struct {
	names  []string
	places map[string]source.Span
	lost   bool // not all of them are known
}

// declares returns a part that declares names, and room for these.
func (c *compiler) declares(owner *source.Node, key string) (*source.Node, declared) {
	n := owner.Get(key)
	return n, declared{places: map[string]source.Span{}, lost: c.holes[n] || n == nil && c.holes[owner]}
}

// keys returns the names that a section of a file defines as its keys.
func (c *compiler) keys(file *source.Node, section string) declared {
	n, d := c.declares(file, section)
	for _, e := range entries(n) {
		d.add(e.Key.Text, e.Key.Span)
	}
	slices.Sort(d.names)
	return d
}

// entryNames returns the names that the entries of a list give themselves.
func (c *compiler) entryNames(file *source.Node, section string) declared {
	n, d := c.declares(file, section)
	for _, x := range items(n) {
		if name := x.Get("name"); name != nil {
			d.add(name.Text, name.Span)
			d.lost = d.lost || c.holes[name]
		}
	}
	slices.Sort(d.names)
	return d
}

// list returns the names that stand in a list, such as args.
func (c *compiler) list(owner *source.Node, key string) declared {
	n, d := c.declares(owner, key)
	for _, x := range items(n) {
		d.add(x.Text, x.Span)
		d.lost = d.lost || c.holes[x]
	}
	return d
}

func (c *compiler) files(files map[string]*ruleFile) declared {
	d := declared{places: map[string]source.Span{}}
	for _, name := range sortedNames(files) {
		n := files[name].root.Get("name")
		d.add(name, n.Span)
		d.lost = d.lost || c.holes[n] || files[name].unread
	}
	return d
}

// namesAlone are names that no file defines.
func namesAlone(names []string) declared { return declared{names: names} }

func (d *declared) add(name string, at source.Span) {
	d.names = append(d.names, name)
	d.places[name] = at
}

// unknown reports a name that nothing has, with the nearest that something has,
// unless a place that defines such names could not be read.
func (c *compiler) unknown(n *source.Node, what string, known declared) {
	if c.open || known.lost || c.holes[n] {
		return
	}
	near := source.Suggest(n.Text, known.names)
	c.error(n.Span, "unknown-"+strings.ReplaceAll(what, " ", "-"), source.Choices(n.Text, known.names), "there is no %s %q", what, n.Text).Relate(known.places[near], "%s is defined here", near)
}

// broken reports whether a node is a hole, or has one right below it.
func (c *compiler) broken(n *source.Node) bool {
	return n != nil && (c.holes[n] ||
		slices.ContainsFunc(n.Entries, func(e source.Entry) bool { return c.holes[e.Value] }) ||
		slices.ContainsFunc(n.Items, func(x *source.Node) bool { return c.holes[x] }))
}

// mergeUnknown makes one finding of all that say of the same name that nothing is
// called so: it is most likely missing or misspelt in one place only.
func (c *compiler) mergeUnknown() {
	first := map[string]int{}
	kept := c.found[:0]
	for _, d := range c.found {
		if strings.HasPrefix(d.Code, "unknown-") && d.Code != "unknown-key" && d.Code != "unknown-value" {
			this := d.Code + " " + d.Summary
			if i, ok := first[this]; ok {
				kept[i].Relate(d.Span, "here as well")
				continue
			}
			first[this] = len(kept)
		}
		kept = append(kept, d)
	}
	c.found = kept
}

// anyHole reports whether one of the keys of a file holds a hole.
func (c *compiler) anyHole(n *source.Node, keys ...string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { v := n.Get(k); return v != nil && c.holes[v] })
}
