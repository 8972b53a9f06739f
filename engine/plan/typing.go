package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/source"
)

// typing works out what every name and every expression of a program can be,
// from the schemas and from the rules themselves, and reports what can never
// work. Names are worked out when something asks for them.
type typing struct {
	*compiler
	kinds    []string // the types of events that have a schema, then otherType
	base     *view
	owner    map[int]*view // of lets and objects, by slot
	slots    map[int]shape.Shape
	open     map[int]bool // slots that are being worked out
	results  map[*Expr]shape.Shape
	values   map[*SetLine]shape.Shape // before they are converted
	items    map[*Request]shape.Shape
	views    map[string]*view // of mappings
	declared map[string]bool
	narrow   map[string]*view // of some types of events, inside a condition
}

// types checks the types of everything that is compiled. It works with what
// there is where other mistakes have left holes.
func (c *compiler) types() {
	t := &typing{compiler: c, owner: map[int]*view{}, slots: map[int]shape.Shape{}, open: map[int]bool{}, results: map[*Expr]shape.Shape{}, values: map[*SetLine]shape.Shape{}, items: map[*Request]shape.Shape{}, narrow: map[string]*view{}}
	for _, kind := range sortedNames(c.program.Events) {
		if s := c.program.Events[kind].Shape(""); !s.IsAnything() || len(s.Names()) > 0 { // else it only holds definitions for others
			t.kinds = append(t.kinds, kind)
		}
	}
	t.kinds = append(t.kinds, otherType)
	t.base = t.view(t.kinds)
	views := map[string]*view{}
	for name, types := range t.routed() {
		views[name] = t.view(types)
	}
	for _, name := range sortedNames(c.program.Mappings) {
		if views[name] == nil { // no route leads to it, which is reported
			views[name] = t.base
		}
	}
	for _, name := range sortedNames(c.fragments) {
		f := c.fragments[name]
		v := t.fragmentView(name, views)
		for _, i := range f.scope.slots {
			t.owner[i] = v
		}
	}
	for _, name := range sortedNames(c.scopes) {
		for _, i := range c.scopes[name].slots {
			if t.owner[i] == nil {
				t.owner[i] = views[name]
			}
		}
	}
	t.views = views
	t.checkDestination()
	for i := range c.program.Slots {
		t.checkSlot(i)
	}
	for _, name := range sortedNames(c.program.Mappings) {
		t.checkMapping(c.program.Mappings[name], &viewTypes{t, views[name], nil})
	}
	t.checkFunctions(c.base)
	for _, name := range sortedNames(c.fragments) {
		t.checkFunctions(c.fragments[name].scope)
	}
	for _, name := range sortedNames(c.scopes) {
		t.checkFunctions(c.scopes[name])
	}
	t.checkTargets()
	for _, e := range c.exprs {
		e.Forget()
	}
	slices.SortStableFunc(c.program.Typed, func(a, b Typed) int {
		return cmp.Or(cmp.Compare(a.Span.File.Name, b.Span.File.Name), cmp.Compare(a.Span.Start.Offset, b.Span.Start.Offset))
	})
}

// fragmentView is the view of a fragment: of all events that get to the
// mappings that use it.
func (t *typing) fragmentView(name string, views map[string]*view) *view {
	var types []string
	for _, m := range sortedNames(t.folder.mappings) {
		if v := views[m]; v != nil && slices.Contains(texts(t.folder.mappings[m].root.Get("use")), name) {
			if v.other {
				types = append(types, otherType)
			}
			types = append(types, v.types...)
		}
	}
	if types == nil {
		return t.base
	}
	slices.Sort(types)
	types = slices.Compact(types)
	for _, v := range views {
		if v.other == slices.Contains(types, otherType) && slices.Equal(v.types, slices.DeleteFunc(slices.Clone(types), func(s string) bool { return s == otherType })) {
			return v
		}
	}
	return t.view(types)
}

// of returns the types of the file that a slot belongs to.
func (t *typing) of(slot int) *viewTypes {
	v := t.owner[slot]
	if v == nil {
		v = t.base
	}
	return &viewTypes{t, v, nil}
}

// expr works out what an expression gives, and reports what is wrong in it, once.
func (t *typing) expr(e *Expr, types *viewTypes) shape.Shape {
	if e == nil {
		return shape.Anything
	}
	if s, ok := t.results[e]; ok {
		return s
	}
	s, found := e.Type(types)
	t.results[e] = s
	t.problems(nil, e.node, e.offset, found)
	if t.options.Explain {
		t.explain(e.Span(0, len(e.Text)), e.Text, s, e.Explain(types))
	}
	return s
}

// explain keeps what people are told of an expression.
func (t *typing) explain(at source.Span, text string, s shape.Shape, why string) {
	if t.options.Explain {
		t.program.Typed = append(t.program.Typed, Typed{Span: at, Text: text, Type: s.String(), Why: why})
	}
}

// slot works out what a name that is the same for the whole file can be.
func (t *typing) slot(i int) shape.Shape {
	if s, ok := t.slots[i]; ok {
		return s
	}
	if t.open[i] { // it depends on itself, which is reported
		return shape.Anything
	}
	t.open[i] = true
	s := t.computed(i)
	delete(t.open, i)
	t.slots[i] = s
	return s
}

func (t *typing) computed(i int) shape.Shape {
	slot := &t.program.Slots[i]
	switch slot.Kind {
	case ConfigSlot:
		if s := t.program.Config; s != nil {
			return s.Shape("the config's schema " + s.Name()).Only(shape.Object).Strict()
		}
		return shape.Of(shape.Object)
	case NowSlot:
		return shape.Of(shape.Text | shape.Absent)
	case LetSlot:
		return t.alternatives(slot.Let.Value, t.of(i))
	case ObjectSlot:
		if slot.Object.Rule == nil {
			return shape.Anything
		}
		if s := t.object(slot.Object, t.of(i)); !t.vague[slot.Object] {
			return s.From("the object " + slot.Name)
		}
	case TableSlot:
		if t.vague[slot.Table] {
			break
		}
		var rows []shape.Shape
		if slot.Table.Rows != nil {
			for row := slot.Table.Rows.First(); row != nil; row = row.Next() {
				rows = append(rows, shape.Literal(row))
			}
		}
		s := shape.Union(rows...).From("the table " + slot.Name)
		if slot.Table.Absent == "" {
			s = s.Or(shape.Absent)
		}
		return s
	case PortalSlot:
		return t.portal(t.program.Portals[slot.Portal])
	case AskSlot:
		if l := slot.Ask.Lookup; l != nil {
			return t.lookup(l)
		}
	}
	return shape.Anything
}

// lookup is what a question gives: a list of what each item gives, or what value
// makes of the answer.
func (t *typing) lookup(l *Lookup) shape.Shape {
	from := "the lookup " + l.Name
	switch {
	case l.Host || t.vague[l]:
		return shape.Anything
	case l.Value != nil:
		whole := t.expr(l.Value, t.lookupTypes(l).with(variable("body", apiAnswer), variable("status", wholeVariable), variable("headers", apiHeaders), variable("key", shape.Anything)))
		if l.Item == nil {
			return whole.Or(shape.Absent).From(from)
		}
		elements := elementsOf(l.Item)
		if !whole.Can(shape.List) {
			elements = elements.Without(shape.List)
		}
		return elements.From(l.Item.Name())
	case l.Item != nil:
		return shape.ListOf(l.Item.Shape(l.Item.Name())).Or(shape.Absent).From(l.Item.Name())
	case l.Gives != nil:
		gives := t.expr(l.Gives, t.lookupTypes(l).with(variable("item", apiAnswer), variable("key", shape.Anything)))
		return shape.ListOf(gives).Or(shape.Absent).From(from)
	}
	return shape.Anything
}

// portal is data by name, or a list, of which each element fits the schema.
func (t *typing) portal(p *Portal) shape.Shape {
	if p.Item == nil {
		return shape.Anything
	}
	return elementsOf(p.Item).From(p.Item.Name())
}

// elementsOf is data by name, or a list, of which each element fits a schema.
func elementsOf(s *schema.Schema) shape.Shape {
	item := s.Shape(s.Name())
	return shape.Union(shape.MapOf(item), shape.ListOf(item), shape.Of(shape.Absent))
}

// alternatives works out the first of several that has a value, and reports
// those that can never be reached.
func (t *typing) alternatives(list Value, types *viewTypes) shape.Shape {
	if len(list) == 1 {
		return t.expr(list[0], types)
	}
	var all []shape.Shape
	sure := -1
	for i, e := range list {
		s := t.expr(e, types)
		if e == nil {
			s = shape.Anything
		}
		all = append(all, s.Without(shape.Missing).Full(shape.Text|shape.List|shape.Object))
		if sure < 0 && e != nil && s.HasValue() {
			sure = i
		}
	}
	if sure < 0 {
		return shape.Union(all...).Or(shape.Absent)
	}
	if sure < len(list)-1 && list[sure+1] != nil {
		t.unreachable(list[sure+1].Span(0, len(list[sure+1].Text)), "this alternative is never reached: "+list[sure].Text+" always has a value", list[sure])
	}
	return shape.Union(all[:sure+1]...)
}

// unreachable reports what stands behind an expression that always has a value.
// Where a schema says so it is a doubt: schemas change.
func (t *typing) unreachable(at source.Span, what string, sure *Expr) {
	d := source.Diagnostic{Code: "unreachable", Span: at, Summary: what, Help: "put it before, or remove it"}
	if s, _ := sure.Type(noTypes{}); !s.HasValue() {
		d.Severity, d.Detail = source.Warning, "this is known from "+t.results[sure].Source()
		if t.results[sure].Source() == "" {
			d.Detail = ""
		}
	}
	t.found.Add(d)
}

// noTypes knows nothing of any name.
type noTypes struct{}

func (noTypes) Given(int, shape.Shape) expression.Types { return noTypes{} }
func (noTypes) Slot(int) shape.Shape                    { return shape.Anything }
func (noTypes) Missing(int) (why, help string)          { return "", "" }
func (noTypes) Declares(string) bool                    { return true }

var _ expression.Types = noTypes{}

// want reports an expression that never gives what its place takes.
func (t *typing) want(e *Expr, s shape.Shape, k shape.Kinds, format string, args ...any) {
	if v := s.Value(); e != nil && v != shape.Nothing && v&k == 0 {
		d := source.Diagnostic{Code: "wrong-type", Span: e.Span(0, len(e.Text)), Summary: fmt.Sprintf(format, args...) + ", and this is " + shape.Words(v)}
		if s.Source() != "" {
			d.Detail = "this is known from " + s.Source()
		}
		t.found.Add(d)
	}
}

// template works out what the expressions in a template give.
func (t *typing) template(x *Template, types *viewTypes) {
	x.walk(func(e *Expr) { t.expr(e, types) })
}

func (t *typing) fields(list []Field, types *viewTypes) {
	for _, f := range list {
		t.template(f.Value, types)
	}
}
