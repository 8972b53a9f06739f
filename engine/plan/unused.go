package plan

import "github.com/celmap/celmap/engine/source"

// unused doubts what the rules define and nothing uses: it is left over, or
// whatever should use it names something else. An overlay need not use all that
// its base defines.
func (c *compiler) unused(f *folder) {
	if c.found.HasErrors() { // what is broken would have used it
		return
	}
	root := f.destination.root
	fragments := map[string]bool{}
	for _, m := range f.mappings {
		for _, u := range items(m.root.Get("use")) {
			fragments[u.Text] = true
		}
	}
	c.leftOvers("fragment", c.files(f.fragments), fragments)
	for name, f := range f.fragments { // what is in it needs no mention
		if !fragments[name] {
			c.borrowed[f.root.Span.File] = true
		}
	}
	for i := range c.program.Slots {
		slot := c.program.Slots[i]
		what := map[SlotKind]string{LetSlot: "value", ObjectSlot: "object", TableSlot: "table", PortalSlot: "portal data", AskSlot: "answer"}[slot.Kind]
		if what != "" && !c.used[i] {
			c.leftOver(c.places[i], what, slot.Name)
		}
	}
	c.unusedFunctions(c.base)
	for _, name := range sortedNames(c.fragments) {
		c.unusedFunctions(c.fragments[name].scope)
	}
	requests, lookups := map[string]bool{}, map[string]bool{}
	for _, name := range sortedNames(c.program.Mappings) {
		m := c.program.Mappings[name]
		for _, s := range m.Sends {
			s.eachRequest(func(r *Request) { requests[r.Name] = true })
		}
		for _, a := range m.Asks {
			lookups[a.Lookup.Name] = true
		}
		c.unusedFunctions(c.scopes[name])
	}
	hosts, answers, auth := map[string]bool{}, map[string]bool{}, map[string]bool{}
	http := func(h *HTTP) {
		if h != nil {
			hosts[h.Host.Name] = true
		}
	}
	for _, name := range sortedNames(c.program.Requests) {
		r := c.program.Requests[name]
		hosts[r.Host.Name] = true
		for _, a := range r.Auth {
			auth[a.Name] = true
		}
		n := root.Get("requests").Get(name).Get("answers")
		for _, x := range append(items(n), n) {
			if x != nil {
				answers[x.Text] = true
			}
		}
	}
	for _, l := range c.program.Lookups {
		http(l.Request)
	}
	for _, p := range c.program.Portals {
		http(p.Request)
	}
	for _, section := range []string{"requests", "lookups"} { // what should not be used is kept for those who do
		for _, e := range entries(root.Get(section)) {
			if e.Value.Get("deprecated") != nil {
				requests[e.Key.Text], lookups[e.Key.Text] = true, true
			}
		}
	}
	c.leftOvers("request", c.keys(root, "requests"), requests)
	c.leftOvers("lookup", c.keys(root, "lookups"), lookups)
	c.leftOvers("host", c.keys(root, "hosts"), hosts)
	c.leftOvers("list of answer rules", c.keys(root, "answers"), answers)
	c.leftOvers("limit", c.keys(root.Get("delivery"), "limits"), c.limited)
	c.leftOvers("auth entry", c.entryNames(root, "auth"), auth)
}

func (c *compiler) leftOvers(what string, names declared, used map[string]bool) {
	for _, name := range names.names {
		if !used[name] {
			c.leftOver(names.places[name], what, name)
		}
	}
}

func (c *compiler) leftOver(at source.Span, what, name string) {
	if !c.borrowed[at.File] {
		c.warn(at, "unused", "use it, or remove it", "nothing uses the %s %s", what, name)
	}
}

func (c *compiler) unusedFunctions(s *scope) {
	for _, name := range sortedNames(s.functions) {
		if f := s.functions[name]; !f.used {
			c.leftOver(f.key.Span, "function", name)
		}
	}
}

// eachRequest visits the requests that an entry may send.
func (s *Send) eachRequest(visit func(*Request)) {
	if s.Request != nil {
		visit(s.Request)
	}
	for _, x := range s.Choose {
		x.eachRequest(visit)
	}
}
