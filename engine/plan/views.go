package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/shape"
)

// view is what a file knows of the events that get to it.
type view struct {
	types []string // of the events
	other bool     // events of types without a schema get here, too
	event shape.Shape
}

// otherType stands for all types of events that have no schema. No event has it.
const otherType = "\x00"

// eventType is the field of an event by which its schema is chosen.
const eventType = "type"

// view returns the view of events of some types.
func (t *typing) view(types []string) *view {
	v := &view{}
	for _, kind := range types {
		if kind == otherType {
			v.other = true
		} else {
			v.types = append(v.types, kind)
		}
	}
	if len(v.types) == 0 || t.program.Events == nil {
		v.event, v.other = shape.Of(shape.Object), true
		return v
	}
	var all []shape.Shape
	for _, kind := range v.types {
		all = append(all, t.program.Events[kind].Shape(t.program.Events[kind].Name()).Only(shape.Object))
	}
	event := shape.Union(all...)
	v.event = shape.With(shape.Object, events{event, t.eventTypes(v)}).Full(shape.Object).From(event.Source())
	if v.other {
		v.event = shape.With(shape.Object, events{optional{event}, t.eventTypes(v)}).From(event.Source())
	}
	return v
}

// eventTypes is what the field type can be. Another type of the destination is
// not excluded, although no route leads here: overlays change routes.
func (t *typing) eventTypes(v *view) shape.Shape {
	known := t.known()
	if v.other {
		return shape.Anything.Likelier(known).From(strings.Join(t.schemas(known), ", "))
	}
	return shape.Of(shape.Text).OneOf(known...).Full(shape.Text).From("the routes and the schemas of the events")
}

func (t *typing) schemas(kinds []string) []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = t.program.Events[k].Name()
	}
	return names
}

// events is the parts of an event whose type is known from more than its schema.
type events struct {
	shape.Parts
	kind shape.Shape
}

func (e events) Member(name string) (shape.Shape, shape.Presence) {
	s, p := e.Parts.Member(name)
	if name == eventType {
		return e.kind, shape.Known
	}
	return s, p
}

// optional is the parts of an event that may be of a type without a schema: each
// of them may be missing, and there may be others.
type optional struct{ shape.Shape }

func (o optional) Member(name string) (shape.Shape, shape.Presence) {
	s, p := o.Shape.Member(name)
	if p == shape.Unknown {
		return shape.Anything, shape.Open
	}
	return s.Or(shape.Missing), p
}

// routed finds the types of events that the routes let through to each mapping.
func (t *typing) routed() map[string][]string {
	if t.routesLost {
		return nil
	}
	left := slices.Clone(t.kinds)
	out := map[string][]string{}
	for _, r := range t.program.Routes {
		taken := left
		if r.When != nil {
			all := routeTypes{&viewTypes{t, t.base, nil}, shape.Of(shape.Text).OneOf(left...)}
			taken = textsOf(r.When.Where(all, eventType, true), left)
			left = textsOf(r.When.Where(all, eventType, false), left)
		} else {
			left = nil
		}
		if r.To != nil {
			for _, kind := range taken {
				if !slices.Contains(out[r.To.Name], kind) {
					out[r.To.Name] = append(out[r.To.Name], kind)
				}
			}
		}
	}
	for _, types := range out {
		slices.Sort(types)
	}
	return out
}

func textsOf(s shape.Shape, all []string) []string {
	switch {
	case !s.Can(shape.Text):
		return nil
	case s.Texts() == nil:
		return all
	}
	texts := slices.Clone(s.Texts())
	for i, kind := range texts {
		if !slices.Contains(all, kind) { // a type without a schema
			texts[i] = otherType
		}
	}
	return texts
}

// routeTypes is the types of a scope in which the type of the event is one of some.
type routeTypes struct {
	*viewTypes
	kind shape.Shape
}

func (r routeTypes) Slot(slot int) shape.Shape {
	if s := r.program.Slots[slot]; s.Kind == FieldSlot && s.Name == eventType {
		return r.kind
	}
	return r.viewTypes.Slot(slot)
}

// viewTypes tells what the names of a file can be.
type viewTypes struct {
	*typing
	view *view
	vars map[string]shape.Shape
}

var _ expression.Types = (*viewTypes)(nil)

// with returns the types of a place that has variables.
func (v *viewTypes) with(vars ...shape.Member) *viewTypes {
	all := make(map[string]shape.Shape, len(v.vars)+len(vars))
	for name, s := range v.vars {
		all[name] = s
	}
	for _, x := range vars {
		all[x.Name] = x.Shape
	}
	return &viewTypes{v.typing, v.view, all}
}

// Slot implements expression.Types.
func (v *viewTypes) Slot(i int) shape.Shape {
	slot := &v.program.Slots[i]
	switch slot.Kind {
	case InputSlot:
		return v.view.event
	case FieldSlot:
		s, _ := v.view.event.Member(slot.Name)
		return s
	case VariableSlot:
		if s, ok := v.vars[slot.Name]; ok {
			return s
		}
		return shape.Anything
	}
	return v.typing.slot(i)
}

// Given implements expression.Types: where the type of the event is known, so is
// its schema.
func (v *viewTypes) Given(i int, s shape.Shape) expression.Types {
	slot := &v.program.Slots[i]
	if slot.Kind != FieldSlot || slot.Name != eventType || s.Texts() == nil || s.Kinds() != shape.Text {
		return v
	}
	here := v.view.types
	if v.view.other {
		here = append(slices.Clone(here), otherType)
	}
	types := slices.DeleteFunc(textsOf(s, v.known()), func(kind string) bool { return !slices.Contains(here, kind) })
	slices.Sort(types)
	types = slices.Compact(types)
	if len(types) == 0 || len(types) == len(here) {
		return v
	}
	key := strings.Join(types, " ")
	if v.narrow[key] == nil {
		v.narrow[key] = v.typing.view(types)
	}
	return &viewTypes{v.typing, v.narrow[key], v.vars}
}

// Missing implements expression.Types.
func (v *viewTypes) Missing(i int) (why, help string) {
	slot := &v.program.Slots[i]
	if slot.Kind != FieldSlot {
		return "", ""
	}
	if _, p := v.view.event.Member(slot.Name); p != shape.Unknown {
		return "", ""
	}
	var has []string
	for _, kind := range v.known() {
		if _, p := v.program.Events[kind].Shape("").Member(slot.Name); p != shape.Unknown {
			has = append(has, v.program.Events[kind].Name())
		}
	}
	here := "the events that get here are of type " + strings.Join(v.view.types, ", ")
	return fmt.Sprintf("no event that gets here has a field %q", slot.Name), "it is a field of " + strings.Join(has, ", ") + "; " + here
}

// known returns the types of events that have a schema.
func (t *typing) known() []string { return t.kinds[:len(t.kinds)-1] }

// Declares implements expression.Types.
func (v *viewTypes) Declares(field string) bool {
	if v.declared == nil {
		v.declared = map[string]bool{}
		budget := 5000
		for _, kind := range v.known() {
			v.declare(v.program.Events[kind].Shape(""), 5, &budget)
		}
		for _, p := range v.program.Portals {
			if p.Item != nil {
				v.declare(p.Item.Shape(""), 3, &budget)
			}
		}
		if s := v.program.Config; s != nil {
			v.declare(s.Shape(""), 3, &budget)
		}
	}
	return v.declared[field]
}

// declare notes the names of all fields of a shape.
func (t *typing) declare(s shape.Shape, depth int, budget *int) {
	for _, name := range s.Names() {
		if *budget--; *budget < 0 {
			return
		}
		t.declared[name] = true
		if depth > 0 {
			m, _ := s.Member(name)
			t.declare(m, depth-1, budget)
		}
	}
	if e := s.Elements(); depth > 0 && len(e.Names()) > 0 {
		t.declare(e, depth-1, budget)
	}
}
