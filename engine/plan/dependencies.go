package plan

import (
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/source"
)

// dependencies walks the names by what they are computed from.
type dependencies struct {
	*compiler
	state  []uint8 // 0 new, 1 being visited, 2 done
	static []bool
	level  []int // questions that have to be answered before, in depth
	trail  []int
}

// dependencies finds names that depend on themselves, the levels of questions,
// and what is static.
func (c *compiler) dependencies() {
	d := &dependencies{compiler: c, state: make([]uint8, len(c.program.Slots)), static: make([]bool, len(c.program.Slots)), level: make([]int, len(c.program.Slots))}
	for i := range c.program.Slots {
		d.visit(i)
	}
	for i := range c.program.Slots {
		c.program.Slots[i].Static = d.static[i]
	}
	for _, name := range sortedNames(c.program.Mappings) {
		m := c.program.Mappings[name]
		slices.SortStableFunc(m.Asks, func(a, b *Ask) int { return a.Level - b.Level })
		for _, j := range m.Reject {
			if j.When == nil || !d.asks(j.When) {
				m.Early = append(m.Early, j)
			}
		}
	}
	d.keyOnly()
	d.portalOrder()
	d.steady()
	for _, name := range sortedNames(c.program.Requests) {
		r := c.program.Requests[name]
		d.target(r)
		late := []*Expr{r.Same}
		for _, t := range []*Template{r.Envelope, r.Params} {
			t.walk(func(e *Expr) { late = append(late, e) })
		}
		r.Portals = d.portals(late...)
		if !r.Single {
			r.Envelope.walk(func(e *Expr) { d.shared(r, e) })
			r.Params.walk(func(e *Expr) { d.shared(r, e) })
		}
	}
	for _, name := range sortedNames(c.program.Mappings) {
		for _, s := range c.program.Mappings[name].Sends {
			s.fix()
		}
	}
}

// fix marks entries whose items all go to the same place.
func (s *Send) fix() {
	for _, x := range s.Choose {
		x.fix()
	}
	if s.Request != nil {
		s.Fixed = s.Request.fixed && !slices.ContainsFunc(s.Request.targetArgs, func(i int) bool {
			given := s.With[i] // nil where it is missing, which is found elsewhere
			return given == nil || given.Constant == nil
		})
	}
}

// shared notes the arguments in a part of a request that many events share, and
// reports what else differs between events there: it would be that of the first one.
func (d *dependencies) shared(r *Request, e *Expr) {
	for _, s := range e.Slots() {
		if i := slices.Index(r.ArgSlots, s); i >= 0 && !slices.Contains(r.SharedArgs, i) {
			r.SharedArgs = append(r.SharedArgs, i)
		}
		if slot := d.program.Slots[s]; slot.Kind == TableSlot && !slot.Static {
			d.error(e.Span(0, len(e.Text)), "not-shared", "put it into the item, or hand it over under with", "the row of the table %s differs between events, and the body of the request %s is shared by many", slot.Name, r.Name).Relate(slot.Table.By.Span(0, len(slot.Table.By.Text)), "by chooses the row")
		}
	}
}

// target finds out what the target of a request follows from.
func (d *dependencies) target(r *Request) {
	r.fixed = true
	check := func(e *Expr) {
		if e == nil {
			return
		}
		for _, s := range e.Slots() {
			if i := slices.Index(r.ArgSlots, s); i >= 0 {
				r.targetArgs = append(r.targetArgs, i)
			} else {
				r.fixed = r.fixed && d.program.Slots[s].Static
			}
		}
	}
	fields := func(list []Field) {
		for _, f := range list {
			f.Value.walk(check)
		}
	}
	r.URL.walk(check)
	r.Headers.walk(check)
	fields(d.program.Headers)
	if r.Host != nil {
		r.Host.URL.walk(check)
	}
	check(r.Max)
	for _, a := range r.Arrays {
		check(a.Max)
	}
	check(r.TraceWhen)
	for _, a := range r.Auth {
		check(a.When)
		for _, n := range a.Needs {
			check(n.Path)
		}
		fields(a.Headers)
		fields(a.Params)
		a.User.walk(check)
		a.Password.walk(check)
	}
}

func (d *dependencies) visit(i int) {
	switch d.state[i] {
	case 2:
		return
	case 1:
		d.cycle(i)
		return
	}
	d.state[i] = 1
	d.trail = append(d.trail, i)
	slot := &d.program.Slots[i]
	uses, at := d.uses(slot)
	static, level := slices.Contains([]SlotKind{ConfigSlot, PortalSlot, LetSlot, TableSlot}, slot.Kind), 0
	for _, u := range uses {
		d.visit(u)
		static = static && d.static[u]
		level = max(level, d.level[u])
	}
	if slot.Kind == AskSlot {
		level++
		slot.Ask.Level = level
		if level > 2 {
			d.error(at, "ask-too-deep", "ask for it with what is known earlier", "the question %s depends on an answer that depends on another answer (%s)", slot.Name, d.path(d.trail))
		}
	}
	d.static[i], d.level[i] = static, level
	d.trail = d.trail[:len(d.trail)-1]
	d.state[i] = 2
}

func (d *dependencies) cycle(i int) {
	from := slices.Index(d.trail, i)
	loop := append(slices.Clone(d.trail[from:]), i)
	_, at := d.uses(&d.program.Slots[i])
	found := d.error(at, "cycle", "break the circle: one of them has to do without the next", "%s depends on itself: %s", d.program.Slots[i].Name, d.path(loop))
	for _, s := range loop[1 : len(loop)-1] {
		found.Relate(d.places[s], "%s is one of them", d.program.Slots[s].Name)
	}
}

func (d *dependencies) path(slots []int) string {
	names := make([]string, len(slots))
	for i, s := range slots {
		names[i] = d.program.Slots[s].Name
	}
	return strings.Join(names, " → ")
}

// uses returns the slots that a slot's value is computed from, and its place.
func (d *dependencies) uses(slot *Slot) (uses []int, at source.Span) {
	add := func(e *Expr) {
		if e != nil {
			uses = append(uses, e.Slots()...)
		}
	}
	switch slot.Kind {
	case LetSlot:
		for _, e := range slot.Let.Value {
			add(e)
		}
		at = slot.Let.Span
	case ObjectSlot:
		slot.Object.expressions(add)
		at = slot.Object.Span
	case TableSlot:
		add(slot.Table.By)
		at = slot.Table.Span
	case AskSlot:
		for _, e := range slot.Ask.Key {
			add(e)
		}
		add(slot.Ask.When)
		for _, f := range slot.Ask.With {
			f.Value.walk(add)
		}
		at = slot.Ask.Span
	}
	return uses, at
}

// keyOnly marks the types and rests that depend on target and key alone.
func (d *dependencies) keyOnly() {
	vars := []int{d.variable("key"), d.variable("target")}
	follows := func(list ...*Expr) bool {
		for _, e := range list {
			if e == nil {
				continue
			}
			for _, s := range e.Slots() {
				if !d.program.Slots[s].Static && !slices.Contains(vars, s) {
					return false
				}
			}
		}
		return true
	}
	for i := range d.program.Slots {
		if o := d.program.Slots[i].Object; o != nil {
			o.eachObject(func(o *Object) {
				o.TypeFixed = follows(o.Type...)
				if o.Rest != nil {
					o.Rest.KeyOnly = o.TypeFixed && follows(o.Rest.As, o.Rest.Keep)
					for _, i := range d.portals(o.Rest.Keep) {
						if p := d.program.Portals[i]; p.RefreshOnMiss {
							o.Rest.Refreshed = append(o.Rest.Refreshed, p)
						}
					}
				}
			})
		}
	}
}

// portals returns the portal data that expressions read, directly or through
// other names.
func (d *dependencies) portals(list ...*Expr) (out []int) {
	d.reach(func(s *Slot) {
		if s.Kind == PortalSlot {
			out = append(out, s.Portal)
		}
	}, list...)
	return out
}

// reach visits the names that expressions read, directly or through others, once each.
func (d *dependencies) reach(visit func(*Slot), list ...*Expr) {
	seen := map[int]bool{}
	var look func(slots []int)
	look = func(slots []int) {
		for _, s := range slots {
			if seen[s] {
				continue
			}
			seen[s] = true
			slot := &d.program.Slots[s]
			visit(slot)
			uses, _ := d.uses(slot)
			look(uses)
		}
	}
	for _, e := range list {
		if e != nil {
			look(e.Slots())
		}
	}
}

// eachObject visits an object and those nested in it.
func (o *Object) eachObject(visit func(*Object)) {
	visit(o)
	for _, l := range o.Set {
		if l.Nested != nil {
			l.Nested.eachObject(visit)
		}
	}
}

// asks reports whether an expression reads, directly or through others, the
// answer to a question.
func (d *dependencies) asks(e *Expr) bool {
	return slices.ContainsFunc(e.Slots(), func(s int) bool { return d.level[s] > 0 })
}

// portalOrder reports portal data that is made from data further below: it is
// made in the order of the file, so that would be nothing yet.
func (d *dependencies) portalOrder() {
	for _, e := range entries(d.folder.destination.root.Get("portal")) {
		i := slices.IndexFunc(d.program.Portals, func(p *Portal) bool { return p.Name == e.Key.Text })
		p := d.program.Portals[i]
		look := func(x *Expr) {
			if x == nil {
				return
			}
			for _, s := range x.Slots() {
				slot := d.program.Slots[s]
				later := slot.Portal
				if slot.Kind != PortalSlot {
					continue
				}
				if later == i {
					d.error(x.Span(0, len(x.Text)), "portal-order", "use what the answer itself says: body", "%s is made from itself here", p.Name)
				} else if later > i {
					q := d.program.Portals[later]
					d.error(x.Span(0, len(x.Text)), "portal-order", "move "+q.Name+" above "+p.Name, "%s is made before %s, so there is nothing of it here", p.Name, q.Name).Relate(d.places[q.Slot], "%s", q.Name)
				}
			}
		}
		for _, a := range p.Answer {
			look(a.When)
			look(a.Value)
		}
		if h := p.Request; h != nil {
			h.URL.walk(look)
			h.Body.walk(look)
			for _, f := range slices.Concat(h.Headers, h.Params) {
				f.Value.walk(look)
			}
		}
	}
}
