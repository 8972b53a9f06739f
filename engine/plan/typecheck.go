package plan

import (
	"fmt"
	"time"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/syntax"
)

func variable(name string, s shape.Shape) shape.Member { return shape.Member{Name: name, Shape: s} }

// Variables whose kinds are fixed.
var (
	textVariable  = shape.Of(shape.Text)
	wholeVariable = shape.Of(shape.Whole)
	maybeText     = shape.Of(shape.Text | shape.Absent)
	apiAnswer     = shape.Anything.From("the answer of the API")
	apiHeaders    = shape.LowerMapOf(shape.Of(shape.Text).From("the answer of the API"))
	anyField      = shape.Anything.From("the object")
)

// checkDestination types the expressions of the destination that have no name.
func (t *typing) checkDestination() {
	p := t.program
	base := &viewTypes{t, t.base, nil}
	for _, name := range sortedNames(p.Hosts) {
		t.template(p.Hosts[name].URL, base)
	}
	t.fields(p.Headers, base)
	for _, a := range p.Auth {
		t.expr(a.When, base)
		t.needTypes(a.Needs, base)
		t.fields(a.Headers, base)
		t.fields(a.Params, base)
		t.template(a.User, base)
		t.template(a.Password, base)
	}
	for _, x := range p.Portals {
		answer := base.with(variable("body", apiAnswer))
		for _, a := range x.Answer {
			t.expr(a.When, answer)
			t.expr(a.Value, answer)
		}
		t.http(x.Request, base)
		reply := base.with(variable("status", wholeVariable), variable("body", apiAnswer), variable("headers", apiHeaders))
		t.expr(x.Outdated, reply)
		t.failures(x.Failure, reply)
	}
	for _, name := range sortedNames(p.Requests) {
		t.checkRequest(p.Requests[name], base)
	}
	for _, name := range sortedNames(p.Lookups) {
		t.checkLookup(p.Lookups[name])
	}
	t.checkDelivery(base)
	for _, r := range p.Routes {
		t.expr(r.When, base)
		if r.Reject != nil {
			t.template(r.Reject.Message, base)
		}
		t.template(r.Filter, base)
	}
}

func (t *typing) http(h *HTTP, types *viewTypes) {
	if h == nil {
		return
	}
	t.template(h.URL, types)
	t.fields(h.Headers, types)
	t.fields(h.Params, types)
	t.template(h.Body, types)
}

func (t *typing) checkRequest(r *Request, base *viewTypes) {
	args := base
	for _, a := range r.Args {
		args = args.with(variable(a, shape.Anything.From("what mappings send")))
	}
	item := t.itemShape(r)
	items := shape.ListOf(item.Without(shape.Missing))
	if len(r.Arrays) > 0 {
		items = shape.Anything
	}
	one := args.with(variable("item", item))
	in := one
	if !r.Single {
		in = args.with(variable("items", items))
	}
	t.template(r.URL, one)
	t.template(r.Headers, one)
	if r.Headers != nil && r.Headers.Expr != nil {
		t.want(r.Headers.Expr, t.expr(r.Headers.Expr, one), shape.Object, "headers are an object")
	}
	t.template(r.Params, in)
	t.template(r.Envelope, in)
	t.maximum(r.Max, base)
	for _, a := range r.Arrays {
		t.maximum(a.Max, base)
	}
	t.expr(r.Same, one)
	t.expr(r.TraceWhen, base)
	answer := base.with(
		variable("status", wholeVariable), variable("headers", apiHeaders), variable("body", apiAnswer),
		variable("items", wholeVariable), variable("trace", maybeText), variable("index", wholeVariable),
	)
	for _, a := range r.Answers {
		answer := answer.with(variable("item", t.answered(a)))
		t.expr(a.When, answer)
		t.after(a.AfterOf, answer)
		t.template(a.Because, answer)
	}
}

// after checks an expression that says how long to wait. What gives no time span
// would wait no time, without a word.
func (t *typing) after(e *Expr, types *viewTypes) {
	s := t.expr(e, types)
	t.want(e, s, shape.Text, "how long to wait is a text such as 10s")
	for _, text := range s.Texts() {
		if _, err := time.ParseDuration(text); err == nil || text == "" {
			continue
		}
		help := "write a number and its unit, such as 10s, 5m or 1h"
		if meant := syntax.MeantDuration(text); meant != "" {
			help = fmt.Sprintf("write %q", meant)
		}
		t.found.Add(source.Diagnostic{Code: "wrong-kind", Span: e.Span(0, len(e.Text)), Summary: fmt.Sprintf("how long to wait is a time span such as 10s, and this can give %q", text), Help: help})
	}
	if e == nil {
		return
	}
	if slot, steps, ok := e.Path(); ok && len(steps) == 1 && t.program.Slots[slot].Name == "headers" {
		t.found.Add(source.Diagnostic{Code: "wrong-kind", Severity: source.Warning, Span: e.Span(0, len(e.Text)), Summary: "how long to wait is a time span such as 10s, and headers give numbers without a unit", Help: "where they are seconds, write " + e.Text + ` + "s"`})
	}
}

func (t *typing) maximum(e *Expr, types *viewTypes) {
	t.want(e, t.expr(e, types), shape.Whole, "the maximum of items in a request is a whole number")
}

func (t *typing) lookupTypes(l *Lookup) *viewTypes {
	types := &viewTypes{t, t.base, nil}
	for _, a := range l.Args {
		types = types.with(variable(a, shape.Anything.From("what mappings send")))
	}
	return types
}

func (t *typing) checkLookup(l *Lookup) {
	args := t.lookupTypes(l)
	t.http(l.Request, args.with(variable("keys", shape.ListOf(shape.Of(shape.Text))), variable("page", apiAnswer)))
	body := args.with(variable("body", apiAnswer), variable("status", wholeVariable), variable("headers", apiHeaders))
	t.expr(l.Pages, body)
	t.want(l.Answer, t.expr(l.Answer, body), shape.List, "the items of an answer are a list")
	item := args.with(variable("item", apiAnswer), variable("key", shape.Anything))
	t.expr(l.Matches, item)
	t.expr(l.Gives, item)
	t.expr(l.Value, body.with(variable("key", shape.Anything)))
	t.failures(l.Failure, body)
}

func (t *typing) failures(rules []Failure, body *viewTypes) {
	for _, f := range rules {
		t.expr(f.When, body)
		t.after(f.AfterOf, body)
		t.template(f.Because, body)
	}
}

// checkSlot types the expressions of a name, and with them the name.
func (t *typing) checkSlot(i int) {
	slot := &t.program.Slots[i]
	switch slot.Kind {
	case LetSlot:
		t.slot(i)
	case TableSlot:
		t.expr(slot.Table.By, t.of(i))
	case ObjectSlot:
		t.slot(i)
	}
}

func (t *typing) checkFunctions(s *scope) {
	for _, name := range sortedNames(s.functions) {
		f := s.functions[name]
		if f.compiled == nil {
			continue
		}
		result, found := f.compiled.Type(noTypes{})
		t.problems(nil, f.node.Get("value"), 0, found)
		value := f.node.Get("value")
		t.explain(value.Span, value.Text, result, f.compiled.Explain(noTypes{}))
	}
}

func (t *typing) needTypes(list []Need, types *viewTypes) {
	for _, n := range list {
		t.expr(n.Path, types)
	}
}

func (t *typing) rejects(list []*Reject, types *viewTypes) {
	for _, r := range list {
		t.expr(r.When, types)
		t.template(r.Message, types)
	}
}

func (t *typing) checkMapping(m *Mapping, types *viewTypes) {
	t.needTypes(m.Needs, types)
	t.rejects(m.Reject, types)
	for _, f := range m.Filter {
		t.expr(f.When, types)
		t.template(f.Reason, types)
	}
	for _, a := range m.Asks {
		t.expr(a.When, types)
		t.alternatives(a.Key, types)
		t.fields(a.With, types)
	}
	for _, s := range m.Sends {
		t.checkSend(s, types)
	}
}

func (t *typing) checkSend(s *Send, types *viewTypes) {
	t.expr(s.When, types)
	t.needTypes(s.Needs, types)
	for _, x := range s.Choose {
		t.checkSend(x, types)
	}
	in := t.each(s.Each, types)
	for _, w := range s.With {
		t.template(w, in)
	}
	t.template(s.Item, in)
}

// each returns the types of what is made of each element of a list or object.
func (t *typing) each(e *Expr, types *viewTypes) *viewTypes {
	if e == nil {
		return types
	}
	s := t.expr(e, types)
	t.want(e, s, shape.List|shape.Object, "each walks a list or an object")
	var elements []shape.Shape
	key := shape.Of(shape.Absent)
	if s.Can(shape.List) {
		elements = append(elements, s.Elements())
	}
	if s.Can(shape.Object) {
		elements = append(elements, s.Others().Without(shape.Absent))
		key = key.Or(shape.Text)
	}
	return types.with(variable("value", shape.Union(elements...)), variable("key", key), variable("index", wholeVariable))
}

// object types the expressions of an object, and returns what it can be.
func (t *typing) object(o *Object, types *viewTypes) shape.Shape {
	in := t.each(o.Each, types)
	t.expr(o.When, in)
	t.rejects(o.Reject, in)
	roots := make([]shape.Shape, 0, len(o.Under))
	for _, u := range o.Under {
		s := t.expr(u, in)
		t.want(u, s, shape.List|shape.Object, "sources are looked for in an object")
		roots = append(roots, s)
	}
	if o.Each != nil && len(roots) == 0 {
		roots = append(roots, in.vars["value"])
	}
	s := t.body(o, in, roots)
	switch {
	case o.As != nil:
		t.expr(o.As, in)
		if o.Value != nil {
			t.expr(o.Value, in)
		}
		return shape.MapOf(shape.Anything)
	case o.Each != nil:
		return shape.ListOf(s)
	case o.When != nil:
		return s.Or(shape.Absent)
	}
	return s
}

// body types the lines of an object whose sources lie below some roots.
func (t *typing) body(o *Object, in *viewTypes, roots []shape.Shape) shape.Shape {
	line := in.with(variable("target", textVariable))
	if o.Each == nil {
		line = line.with(variable("key", maybeText))
	}
	t.alternatives(o.Type, line)
	t.template(o.Nulls.Value, line)
	var members []shape.Member
	for _, l := range o.Set {
		members = append(members, shape.Member{Name: l.Target.Text(), Shape: t.line(o, l, in, line, roots)})
	}
	var rest *shape.Shape
	if r := o.Rest; r != nil {
		t.expr(r.When, line)
		for _, e := range r.Of {
			t.want(e, t.expr(e, in), shape.Object, "the keys of an object are walked")
		}
		key := in.with(variable("key", textVariable), variable("value", anyField.Without(shape.Absent)))
		t.expr(r.As, key)
		t.expr(r.Keep, key.with(variable("target", textVariable)))
		any := shape.Anything
		rest = &any
	}
	t.rows(o.Types, in)
	return shape.ObjectOf(members, rest)
}

// rows types the conversions of an object.
func (t *typing) rows(types *Types, in *viewTypes) {
	if types == nil {
		return
	}
	line := in.with(variable("value", anyField), variable("target", textVariable), variable("key", maybeText))
	one := func(r *TypeRow) {
		if r != nil {
			t.expr(r.Value, line)
			t.expr(r.When, line)
			t.expr(r.WarnWhen, line)
		}
	}
	for _, name := range sortedNames(types.Rows) {
		one(types.Rows[name])
	}
	one(types.Else)
}

// line types a line of an object, and returns what its target can be.
func (t *typing) line(o *Object, l *SetLine, in, line *viewTypes, roots []shape.Shape) shape.Shape {
	t.expr(l.When, line)
	t.expr(l.Type, line)
	if l.Nulls != nil {
		t.template(l.Nulls.Value, line)
	}
	if l.Nested != nil {
		n := l.Nested
		if n.Each != nil || len(n.Under) > 0 && !sameRoots(n, o) {
			return t.object(n, in).Or(shape.Absent)
		}
		t.expr(n.When, in)
		return t.body(n, in, roots).Or(shape.Absent)
	}
	fits, sure := t.sources(l, in, roots)
	if l.Default != nil {
		if sure >= 0 && l.Sources[sure].Expr != nil {
			t.unreachable(l.Span, "the default is never used: "+l.Sources[sure].Expr.Text+" always has a value", l.Sources[sure].Expr)
		}
	}
	s := fits
	if l.Value != nil {
		if len(l.Sources) == 0 {
			fits = shape.Of(shape.Absent)
		}
		s = t.expr(l.Value, line.with(variable("value", fits)))
	}
	t.values[l] = s
	nulls := &o.Nulls
	if l.Nulls != nil {
		nulls = l.Nulls
	}
	if len(o.Type) > 0 || l.Type != nil || nulls.Value != nil || nulls.Keep {
		return shape.Anything // converted, or replaced
	}
	if l.Default != nil {
		s = shape.Union(s, shape.Literal(l.Default))
	}
	return s.Without(shape.Null).Or(shape.Absent)
}

func sameRoots(n, o *Object) bool {
	return len(n.Under) == len(o.Under) && len(n.Under) > 0 && n.Under[0] == o.Under[0]
}

// sources types the sources of a line. It returns what fits, and which source
// always has a value, -1 for none.
func (t *typing) sources(l *SetLine, in *viewTypes, roots []shape.Shape) (fits shape.Shape, sure int) {
	sure = -1
	var all []shape.Shape
	for i := range l.Sources {
		src := &l.Sources[i]
		takes := shape.Scalar
		if l.KeepAny || src.Any {
			takes = shape.All &^ shape.Missing
		}
		var s shape.Shape
		always := false
		switch {
		case src.Expr != nil:
			s = t.expr(src.Expr, in)
			t.want(src.Expr, s, takes, "a single value fits here (keep: any takes lists and objects)")
			always = s.HasValue() && s.Kinds()&^takes == 0
		case src.node != nil:
			under := roots
			if len(under) == 0 {
				under = []shape.Shape{shape.Anything}
			}
			var found []expression.Problem
			s, found = expression.TypePath(src.node.Text, src.Path, "the value that it is looked for in", under, in)
			t.problems(nil, src.node, 0, found)
			t.explain(src.node.Span, src.node.Text, s, openPath(src.node.Text, s))
			if v := s.Value(); len(found) == 0 && v != shape.Nothing && v&takes == 0 {
				t.error(src.node.Span, "wrong-type", "name one of its fields, or write keep: any", "a single value fits here, and %s is %s", src.node.Text, shape.Words(v))
			}
		default:
			s = shape.Anything
		}
		all = append(all, s.Only(takes).Full(shape.Text|shape.List|shape.Object))
		if always && sure < 0 {
			sure = i
			if i < len(l.Sources)-1 {
				next := &l.Sources[i+1]
				at := l.Span
				if next.Expr != nil {
					at = next.Expr.Span(0, len(next.Expr.Text))
				} else if next.node != nil {
					at = next.node.Span
				}
				t.unreachable(at, "this source is never reached: "+src.Expr.Text+" always has a value", src.Expr)
			}
		}
	}
	return shape.Union(all...), sure
}

// openPath tells why nothing is known of what a path leads to.
func openPath(path string, s shape.Shape) string {
	if !s.IsAnything() {
		return ""
	}
	return s.Leaves(path)
}
