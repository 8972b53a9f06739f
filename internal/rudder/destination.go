package rudder

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// destination is a configured destination as a body has it.
type destination struct {
	raw       []byte // of the body
	id        string
	config    []byte // nil where it has none
	at        int    // where the config stands in raw; 0 where it has none
	templates bool   // texts of the config may take values from events
}

// destination reads the destination here; it is nil where there is no object.
func (c *cursor) destination() *destination {
	start := c.at
	if !c.enter('{') {
		c.pass()
		return nil
	}
	d := &destination{}
	fixed := false
	for first := true; ; first = false {
		key, ok := c.member(first)
		if !ok {
			break
		}
		at := c.at
		literal := c.pass()
		switch string(key) {
		case "ID":
			if d.id = ""; isText(literal) {
				d.id = string(unquoted(literal))
			}
		case "Config":
			d.config, d.at = literal, at-start
		case "hasDynamicConfig":
			fixed = string(literal) == "false"
		}
	}
	d.raw = c.body[start:c.at]
	d.templates = !fixed && bytes.Contains(d.config, []byte("{{"))
	return d
}

// with returns the destination with another config.
func (d *destination) with(config []byte) *destination {
	raw := make([]byte, 0, len(d.raw)+len(config))
	raw = append(append(raw, d.raw[:d.at]...), config...)
	raw = append(raw, d.raw[d.at+len(d.config):]...)
	return &destination{raw: raw, id: d.id, config: config}
}

// template is a text of a config that stands for a value of the event:
// {{ path || default }}. A path begins with event or message, which mean the same.
type template struct {
	path     []string
	fallback string
}

var templatePath = regexp.MustCompile(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$`)

func readTemplate(s string) (t template, ok bool) {
	s, ok = strings.CutPrefix(strings.TrimSpace(s), "{{")
	if !ok {
		return t, false
	}
	if s, ok = strings.CutSuffix(s, "}}"); !ok {
		return t, false
	}
	path, fallback, ok := strings.Cut(s, "||")
	path = strings.TrimSpace(path)
	if !ok || !templatePath.MatchString(path) {
		return t, false
	}
	root, below, _ := strings.Cut(path, ".")
	if below != "" && (root == "event" || root == "message") {
		t.path = strings.Split(below, ".")
	}
	t.fallback = strings.TrimSpace(strings.ReplaceAll(fallback, `"`, ""))
	return t, true
}

// fill puts the values of an event into the config's templates, and takes them
// out of the event: what configures the destination is no data for it. Where the
// config or the event cannot be read, both stay as they are, and mapping will
// say so.
func (d *destination) fill(event []byte) (config, rest []byte) {
	arena := value.NewArena()
	c, err := value.Parse(arena, d.config, value.Limits{})
	if err != nil {
		return d.config, event
	}
	e, err := value.Parse(arena, event, value.Limits{})
	if err != nil {
		return d.config, event
	}
	f := filler{arena: arena, event: e}
	c = f.fill(c)
	for _, path := range f.used {
		e = without(arena, e, path)
	}
	if len(f.used) > 0 {
		event = value.AppendJSON(nil, e)
	}
	return value.AppendJSON(nil, c), event
}

type filler struct {
	arena *value.Arena
	event *value.Node
	used  [][]string
}

func (f *filler) fill(n *value.Node) *value.Node {
	switch n.Kind() {
	case value.String:
		t, ok := readTemplate(n.Text())
		if !ok {
			return n
		}
		if v := at(f.event, t.path); !v.IsNull() {
			f.used = append(f.used, t.path)
			return v
		}
		return f.arena.String(t.fallback)
	case value.List:
		out := f.arena.List()
		for m := n.First(); m != nil; m = m.Next() {
			f.arena.Append(out, f.fill(m))
		}
		return out
	case value.Object:
		out := f.arena.Object()
		for m := n.First(); m != nil; m = m.Next() {
			f.arena.Add(out, m.Key(), f.fill(m))
		}
		return out
	}
	return n
}

// at returns the value at a path, nil where there is none.
func at(n *value.Node, path []string) *value.Node {
	if len(path) == 0 {
		return nil
	}
	for _, key := range path {
		n = n.Get(key)
	}
	return n
}

// without returns an object less what stands at a path.
func without(a *value.Arena, n *value.Node, path []string) *value.Node {
	if n.Get(path[0]) == nil {
		return n
	}
	out := a.Object()
	for m := n.First(); m != nil; m = m.Next() {
		switch {
		case m.Key() != path[0]:
			a.Add(out, m.Key(), m)
		case len(path) > 1:
			a.Add(out, m.Key(), without(a, m, path[1:]))
		}
	}
	return out
}
