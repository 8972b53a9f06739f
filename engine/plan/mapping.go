package plan

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/source"
)

// declareFragment makes the names of a fragment known, before any is compiled.
func (c *compiler) declareFragment(f *ruleFile, base *Types) {
	fr := &fragment{file: f, scope: c.base.child(), types: base, slots: map[string]int{}}
	fr.scope.slots, fr.scope.functions = map[string]int{}, map[string]*userFunction{}
	fr.scope.open = c.holes[f.root] || c.anyHole(f.root, "let", "objects")
	fr.scope.calls = c.holes[f.root] || c.anyHole(f.root, "functions")
	c.fragments[f.name] = fr
	c.declareObjects(fr.scope, f.root.Get("objects"), fr.slots)
}

func (c *compiler) compileFragment(f *fragment) {
	root := f.file.root
	lets := c.declareLets(f.scope, root.Get("let"))
	c.defineFunctions(f.scope, root)
	c.compileLets(f.scope, f.file.name, root.Get("let"), lets)
	if t := root.Get("types"); t != nil {
		f.types = c.compileTypes(f.scope, f.file.name, t)
	}
	c.compileObjects(f.scope, f.file.name, root.Get("objects"), f.types)
}

func (c *compiler) declareObjects(s *scope, n *source.Node, slots map[string]int) {
	for _, e := range entries(n) {
		if c.broken(e.Value) && !validName(e.Key.Text) {
			continue // no object, but something else at a wrong place
		}
		if i, ok := c.define(s, e.Key, Slot{Kind: ObjectSlot, Object: &Object{Name: e.Key.Text}}); ok {
			slots[e.Key.Text] = i
			c.objects[e.Value] = i
		}
	}
}

func (c *compiler) compileObjects(s *scope, file string, n *source.Node, types *Types) {
	for _, e := range entries(n) {
		if i, ok := c.objects[e.Value]; ok {
			c.compileObject(c.program.Slots[i].Object, s, file+"/objects/"+e.Key.Text, e.Value, types)
		}
	}
}

func (c *compiler) compileMapping(f *ruleFile, base *Types) {
	root := f.root
	m := c.program.Mappings[f.name]
	m.Rule, m.Doc = c.rule(f.name, root), text(root, "doc")
	s := c.base.child()
	c.scopes[f.name] = s
	s.slots, s.functions = map[string]int{}, map[string]*userFunction{}
	s.open = c.holes[root] || c.anyHole(root, "use", "let", "objects", "ask")
	s.calls = c.holes[root] || c.anyHole(root, "functions")
	for _, u := range items(root.Get("use")) {
		fr := c.fragments[u.Text]
		if fr == nil {
			c.unknown(u, "fragment", c.files(c.folder.fragments))
			if fr = c.fragments[source.Suggest(u.Text, sortedNames(c.fragments))]; fr == nil {
				s.open = true
				continue
			}
		}
		s.open = s.open || c.holes[fr.file.root] || c.anyHole(fr.file.root, "objects")
		for _, name := range sortedNames(fr.slots) {
			slot := fr.slots[name]
			if old, taken := s.slots[name]; taken && old != slot {
				c.error(u.Span, "shadowed-name", "rename one of the objects", "two of the fragments have an object %q", name).Relate(c.places[old], "one of them").Relate(c.places[slot], "the other one")
			}
			s.slots[name] = slot
		}
	}
	lets := c.declareLets(s, root.Get("let"))
	c.declareObjects(s, root.Get("objects"), map[string]int{})
	asks := c.declareAsks(s, root.Get("ask"))
	c.defineFunctions(s, root)
	c.compileLets(s, f.name, root.Get("let"), lets)
	types := base
	if t := root.Get("types"); t != nil {
		types = c.compileTypes(s, f.name, t)
	}
	c.compileObjects(s, f.name, root.Get("objects"), types)
	c.compileAsks(m, s, f.name, root.Get("ask"), asks)
	m.Needs = c.needs(s, f.name, root.Get("needs"))
	m.Reject = c.compileRejects(s, f.name, root.Get("reject"))
	c.checkNames(root.Get("filter"), "a filter")
	for _, e := range entries(root.Get("filter")) {
		m.Filter = append(m.Filter, &Filter{Rule: c.rule(f.name+"/filter/"+e.Key.Text, e.Value), When: c.condition(s, e.Value), Reason: c.sentence(s, e.Value.Get("reason"))})
	}
	taken := map[string]*source.Node{}
	for _, n := range items(root.Get("send")) {
		send := c.compileSend(s, f.name, n, taken)
		if send.When != nil {
			c.constantCondition(entry{n, send.When}, "entry")
		}
		m.Sends = append(m.Sends, send)
	}
	c.checkOrder(m, root)
}

// checkOrder finds what is never reached because a rejection or a filter before it
// takes every event.
func (c *compiler) checkOrder(m *Mapping, root *source.Node) {
	var filters []entry
	for i, e := range entries(root.Get("filter")) {
		filters = append(filters, entry{e.Value, m.Filter[i].When})
	}
	rejects := entries(root.Get("reject"))
	if n := len(rejects); n > 0 && c.always(entry{rejects[n-1].Value, m.Reject[n-1].When}) {
		c.notReached(root, rejects[n-1].Key, "filter", "send")
	} else if c.firstOf(filters, "filter", "drops every event") {
		c.notReached(root, root.Get("filter").Entries[len(filters)-1].Key, "send")
	}
}

func (c *compiler) notReached(root, by *source.Node, sections ...string) {
	for _, s := range sections {
		if e := root.Entry(s); e != nil {
			c.error(e.Key.Span, "unreachable", "give "+by.Text+" a when", "%s is never reached: %s takes every event", s, by.Text).Relate(by.Span, "it has no condition that could be false")
			return
		}
	}
}

func (c *compiler) compileRejects(s *scope, file string, n *source.Node) []*Reject {
	var out []*Reject
	var list []entry
	c.checkNames(n, "a rejection")
	for _, e := range entries(n) {
		c.checkAt(s, e.Value.Get("at"))
		code := text(e.Value, "code")
		if code == "" {
			code = strings.ReplaceAll(e.Key.Text, "-", "_")
		}
		out = append(out, &Reject{
			Rule: c.rule(file+"/reject/"+e.Key.Text, e.Value), When: c.condition(s, e.Value), Code: code,
			Status: c.integer(e.Value, "status", 400), Message: c.sentence(s, e.Value.Get("message")), At: text(e.Value, "at"),
		})
		list = append(list, entry{e.Value, out[len(out)-1].When})
	}
	c.firstOf(list, "rejection", "takes all")
	return out
}

func (c *compiler) declareAsks(s *scope, n *source.Node) []*Ask {
	var out []*Ask
	for _, e := range entries(n) {
		a := &Ask{Name: e.Key.Text}
		if !c.broken(e.Value) || validName(e.Key.Text) {
			a.Slot, _ = c.define(s, e.Key, Slot{Kind: AskSlot, Ask: a})
		}
		out = append(out, a)
	}
	return out
}

func (c *compiler) compileAsks(m *Mapping, s *scope, file string, n *source.Node, asks []*Ask) {
	for i, e := range entries(n) {
		a := asks[i]
		a.Rule, a.When, a.Key = c.rule(file+"/ask/"+a.Name, e.Value), c.condition(s, e.Value), c.alternatives(s, e.Value.Get("key"))
		l := e.Value.Get("lookup")
		if a.Lookup = c.program.Lookups[l.Text]; a.Lookup == nil {
			c.unknown(l, "lookup", c.keys(c.folder.destination.root, "lookups"))
			continue
		}
		args := c.list(c.folder.destination.root.Get("lookups").Get(a.Lookup.Name), "args")
		for i, t := range c.with(s, e.Value, args, "the lookup "+a.Lookup.Name) {
			a.With = append(a.With, Field{Name: a.Lookup.Args[i], Value: t})
		}
	}
	m.Asks = asks
}

func (c *compiler) compileSend(s *scope, file string, n *source.Node, taken map[string]*source.Node) *Send {
	name := text(n, "name")
	choose := n.Get("choose")
	if name == "" && choose == nil {
		name = text(n, "request")
	}
	if old := taken[name]; name != "" && old != nil && !c.broken(n) && !c.broken(old) {
		c.error(n.Span, "duplicate-name", "give each entry a name of its own", "there are two send entries %q", name).Relate(old.Span, "the first one")
	}
	taken[name] = n
	send := &Send{When: c.condition(s, n)}
	c.checkName(n.Get("name"), "a send entry")
	if choose != nil {
		for _, key := range []string{"request", "array", "with", "each", "item", "needs"} {
			c.oneOf(n, "a send entry", key, "choose")
		}
		send.Rule = c.rule(file+"/send/"+nonEmpty(name, "choose"), n)
		var alternatives []entry
		for _, x := range choose.Items {
			alt := c.compileSend(s, file, x, taken)
			send.Choose = append(send.Choose, alt)
			alternatives = append(alternatives, entry{x, alt.When})
		}
		c.firstOf(alternatives, "alternative", "always applies")
		return send
	}
	send.Rule = c.rule(file+"/send/"+name, n)
	send.Needs = c.needs(s, send.ID, n.Get("needs"))
	root := c.folder.destination.root
	in := s.orOpen(n)
	r := n.Get("request")
	if r != nil {
		send.Request = c.program.Requests[r.Text]
	}
	if send.Request == nil {
		if r != nil {
			c.unknown(r, "request", c.keys(root, "requests"))
		}
		c.sendUnknown(in, n)
		return send
	}
	declares := root.Get("requests").Get(r.Text)
	c.array(send, n, c.keys(declares, "arrays"))
	if n.Get("each") != nil {
		send.Each = c.optional(s, n, "each", expression.Anything)
		in = in.with("value", "key", "index")
	}
	send.With = c.with(in, n, c.list(declares, "args"), "the request "+send.Request.Name)
	send.Item = c.template(in, c.keysInItem(in, n))
	if c.sentAlone(send.Request) {
		c.checkEncoding(send.Request, send.Item, n.Get("item"))
	}
	if send.Item == nil && send.Request.UsesItem && !c.holes[n] {
		c.error(n.Span, "missing-key", "add item: with what is sent", "the request %s is made of items, and this entry has none", send.Request.Name).Relate(declares.Get("envelope").At(0, math.MaxInt), "it travels in this")
	}
	return send
}

// keysInItem returns the item of an entry of send without the keys of the entry
// itself that stand in it, which it reports: they are indented too far.
func (c *compiler) keysInItem(s *scope, n *source.Node) *source.Node {
	item := n.Get("item")
	if item == nil || item.Kind != source.Mapping {
		return item
	}
	kept := *item
	kept.Entries = slices.DeleteFunc(slices.Clone(item.Entries), func(e source.Entry) bool {
		key := e.Key.Text
		if key != "when" && key != "each" && key != "needs" || n.Get(key) != nil {
			return false
		}
		parts := []*source.Node{e.Value}
		if e.Value.Kind == source.Sequence {
			parts = e.Value.Items
		}
		if len(parts) == 0 || slices.ContainsFunc(parts, func(x *source.Node) bool {
			return x.Kind != source.Scalar || x.Style != source.Plain || strings.HasPrefix(x.Text, "=") || !c.readable(s, x.Text)
		}) {
			return false
		}
		c.error(e.Key.Span, "missing-mark", "move it beside item; where it is meant to be sent, write = before its value", "%s stands inside item, so it would be sent", key)
		return true
	})
	return &kept
}

// sentAlone reports whether the item is the whole body of a request.
func (c *compiler) sentAlone(r *Request) bool {
	if !r.Single || r.Envelope == nil || r.Envelope.Expr == nil {
		return false
	}
	slot, steps, ok := r.Envelope.Expr.Path()
	return ok && len(steps) == 0 && slot == c.variable("item")
}

// sendUnknown checks the expressions of an entry whose request is not known.
func (c *compiler) sendUnknown(s *scope, n *source.Node) {
	if n.Get("each") != nil {
		c.optional(s, n, "each", expression.Anything)
		s = s.with("value", "key", "index")
	}
	c.fields(s, n.Get("with"))
	c.template(s, n.Get("item"))
}

// array finds the array of its request that a send entry fills.
func (c *compiler) array(send *Send, n *source.Node, known declared) {
	a := n.Get("array")
	switch {
	case a == nil && (len(known.names) == 0 || c.holes[n]):
	case a == nil:
		c.error(n.Span, "missing-key", "add array: with one of "+strings.Join(known.names, ", "), "the request %s has several arrays, and this entry names none", send.Request.Name).Relate(known.places[known.names[0]], "they are declared here")
	default:
		send.Array = slices.IndexFunc(send.Request.Arrays, func(x Array) bool { return x.Name == a.Text })
		if send.Array < 0 {
			c.unknown(a, "array", known)
		}
	}
}

func nonEmpty(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// lineVariables are the names that a line of an object may use besides those of
// its file.
var lineVariables = []string{"value", "key", "target", "index"}

func (c *compiler) compileObject(o *Object, s *scope, id string, n *source.Node, types *Types) {
	o.Rule, o.Types = c.rule(id, n), types
	o.Targets, o.Read = map[string]*SetLine{}, map[string]bool{}
	c.vague[o] = c.holes[n] || c.anyHole(n, "set", "rest", "each")
	in := c.objectHead(o, s, id, n)
	if c.rootless(n) {
		in = in.child()
		in.open = true // its paths are names only because it does not say where they lie
	}
	c.objectBody(o, in, id, n)
}

// rootless reports whether an object has a rest of nothing.
func (c *compiler) rootless(n *source.Node) bool {
	r := n.Get("rest")
	return r != nil && r.Get("of") == nil && n.Get("under") == nil && n.Get("each") == nil
}

// objectHead compiles what is walked and where, of objects and nested set lines,
// and returns the scope of what is inside.
func (c *compiler) objectHead(o *Object, s *scope, id string, n *source.Node) *scope {
	in := s.orOpen(n, n.Get("under"))
	if n.Get("each") != nil {
		o.Each = c.optional(s, n, "each", expression.Anything)
		in = in.with("value", "key", "index")
		o.As, o.Value = c.optional(in, n, "as", expression.Anything), c.optional(in, n, "value", expression.Anything)
		o.Reject = c.compileRejects(in, id, n.Get("reject"))
	}
	o.When = c.condition(in, n)
	for _, u := range items(n.Get("under")) {
		o.Under = append(o.Under, c.expr(in, u, expression.Anything))
	}
	return in
}

// objectBody compiles what objects and nested set lines share.
func (c *compiler) objectBody(o *Object, s *scope, id string, n *source.Node) {
	line := s.with(lineVariables...)
	if t := n.Get("type"); t != nil {
		o.Type = c.alternatives(line, t)
		for _, e := range o.Type {
			c.constantType(o, e)
		}
	}
	if nulls := n.Get("nulls"); nulls != nil {
		o.Nulls = *c.nulls(line, nulls)
	}
	element := n.Get("each") != nil
	for _, e := range entries(n.Get("set")) {
		o.Set = append(o.Set, c.setLine(o, s, line, id+"/set/"+e.Key.Text, e, element))
	}
	for _, l := range o.Set {
		o.Targets[l.Target.Text()] = l
		o.noteReads(l)
	}
	if r := n.Get("rest"); r != nil {
		o.Rest = &Rest{Rule: c.rule(id+"/rest", r), When: c.condition(line, r), Of: c.alternatives(s, r.Get("of")), Except: map[string]bool{}, Again: text(r, "again") == "true",
			As: c.optional(line, r, "as", expression.Anything), Keep: c.optional(line, r, "keep", expression.Condition), Warn: text(r, "warn")}
		o.Rest.Left = part(o.Rest.Rule, r, "keep", "warn")
		for _, x := range texts(r.Get("except")) {
			o.Rest.Except[x] = true
		}
		if o.Rest.Of == nil && o.Under == nil && !element && !c.anyHole(n, "under") {
			c.error(r.Span, "rest-of-what", "say under for the object, or of for the rest", "rest does not know whose keys to walk")
		}
	}
}

// part returns a rule with the place of the first of its keys that is there.
func part(rule *Rule, n *source.Node, keys ...string) *Rule {
	for _, key := range keys {
		if e := n.Entry(key); e != nil {
			span := source.Span{File: e.Key.Span.File, Start: e.Key.Span.Start, End: e.Value.Span.End}
			return &Rule{ID: rule.ID, Span: span, Place: span.String()}
		}
	}
	return rule
}

// noteReads notes which keys below the roots a set line reads: by its paths, or
// in its expressions.
func (o *Object) noteReads(l *SetLine) {
	expr := func(e *Expr) {
		if e == nil {
			return
		}
		for _, root := range o.Under {
			if root == nil {
				continue
			}
			slot, below, ok := root.Path()
			if !ok {
				continue
			}
			e.Reads(func(s int, steps expression.Path) {
				n := len(below)
				if s == slot && len(steps) > n && slices.Equal(steps[:n], below) && !steps[n].IsIndex {
					o.Read[steps[n].Name] = true
				}
			})
		}
	}
	expr(l.Value)
	for _, src := range l.Sources {
		expr(src.Expr)
		if len(src.Path) > 0 && !src.Path[0].IsIndex {
			o.Read[src.Path[0].Name] = true
		}
	}
	if l.Nested != nil && l.Nested.Each == nil {
		for key := range l.Nested.Read {
			o.Read[key] = true
		}
	}
}

func (c *compiler) nulls(s *scope, n *source.Node) *Nulls {
	switch {
	case n.Kind == source.Scalar && n.Text == "drop":
		return &Nulls{}
	case n.Kind == source.Scalar && n.Text == "keep":
		return &Nulls{Keep: true}
	}
	return &Nulls{Value: c.template(s, n)}
}

func (c *compiler) setLine(o *Object, s, line *scope, id string, e source.Entry, element bool) *SetLine {
	l := &SetLine{Rule: c.rule(id, e.Value), Target: c.arena.String(e.Key.Text).Freeze(), key: e.Key}
	l.Span = source.Span{File: e.Key.Span.File, Start: e.Key.Span.Start, End: e.Value.Span.End}
	l.Place = l.Span.String()
	n := e.Value
	if n.Kind != source.Mapping {
		l.Sources = c.sources(o, s, n, element)
		return l
	}
	if n.Get("set") != nil || n.Get("rest") != nil || n.Get("each") != nil {
		l.Nested = &Object{Rule: l.Rule, Name: e.Key.Text, Types: o.Types, Targets: map[string]*SetLine{}, Read: map[string]bool{}, Type: o.Type, Nulls: o.Nulls}
		in := c.objectHead(l.Nested, s, id, n)
		switch {
		case n.Get("each") != nil || n.Get("under") != nil:
		case element: // the element of the list around it
			l.Nested.Under = []*Expr{c.exprAt(in, n, 0, "value", expression.Anything)}
		default:
			l.Nested.Under = o.Under
		}
		c.objectBody(l.Nested, in, id, n)
		return l
	}
	l.When = c.condition(line, n)
	if from := n.Get("from"); from != nil {
		l.Sources = c.sources(o, s, from, element)
	}
	l.Value = c.optional(line, n, "value", expression.Anything)
	l.Type = c.optional(line, n, "type", expression.Anything)
	c.constantType(o, l.Type)
	l.KeepAny = text(n, "keep") == "any"
	if d := n.Get("default"); d != nil {
		c.doubtConstants(d)
		c.constantDefault(n)
		l.Default, l.fallback = d.Value(c.arena).Freeze(), d
	}
	if nulls := n.Get("nulls"); nulls != nil {
		l.Nulls = c.nulls(line, nulls)
	}
	return l
}

// sources compiles where a value comes from. Paths lie below the roots of the
// object, or below the element of each; without either they are expressions.
func (c *compiler) sources(o *Object, s *scope, n *source.Node, element bool) []Source {
	list := []*source.Node{n}
	if n.Kind == source.Sequence {
		list = n.Items
	}
	var out []Source
	for _, x := range list {
		switch {
		case c.holes[x]:
		case strings.HasPrefix(x.Text, "="):
			e := c.exprAt(s, x, 1, x.Text[1:], expression.Anything)
			out = append(out, Source{Expr: e, Any: c.isObject(e)})
		case len(o.Under) > 0 || element:
			p, problem := expression.ParsePath(x.Text)
			if problem != nil {
				c.problems(s, x, 0, []expression.Problem{*problem})
				continue
			}
			c.warnOfRoot(o, x, p)
			out = append(out, Source{Path: p, node: x})
		default:
			if _, problem := expression.ParsePath(x.Text); problem != nil {
				c.problems(s, x, 0, []expression.Problem{*problem})
				continue
			}
			e := c.expr(s, x, expression.Anything)
			out = append(out, Source{Expr: e, Any: c.isObject(e)})
		}
	}
	return out
}

// constantType reports a type written as a text that no row converts.
func (c *compiler) constantType(o *Object, e *Expr) {
	if e == nil || c.open || o.Types != nil && c.vague[o.Types] {
		return
	}
	if v, ok := e.Constant(); ok && (o.Types == nil || o.Types.Rows[v.Text()] == nil) {
		var rows []string
		if o.Types != nil {
			rows = sortedNames(o.Types.Rows)
		}
		help := "add the row under types; there are " + strings.Join(rows, ", ")
		near := source.Suggest(v.Text(), rows)
		if near != "" {
			help = "did you mean " + near + "?"
		}
		d := c.error(e.Span(0, len(e.Text)), "unknown-type", help, "types has no row %q", v.Text())
		if near != "" {
			d.Relate(o.Types.Rows[near].Span, "the row %s", near)
		}
	}
}

// isObject reports whether an expression is the name of an object of the rules,
// which is meant as a whole.
func (c *compiler) isObject(e *Expr) bool {
	if e == nil {
		return false
	}
	slot, steps, ok := e.Path()
	return ok && len(steps) == 0 && c.program.Slots[slot].Kind == ObjectSlot
}

// warnOfRoot doubts a path that repeats a root which it lies below anyway.
func (c *compiler) warnOfRoot(o *Object, n *source.Node, p expression.Path) {
	for _, u := range o.Under {
		if u != nil && len(p) > 1 && (n.Text == u.Text || strings.HasPrefix(n.Text, u.Text+".")) {
			c.warn(n.Span, "repeated-root", "write "+strings.TrimPrefix(n.Text, u.Text+"."), "%s is looked for below %s, so this reads %s.%s", n.Text, u.Text, u.Text, n.Text)
			return
		}
	}
	for _, u := range o.Under {
		if u == nil || !strings.Contains(u.Text, ".") {
			continue
		}
		if root, problem := expression.ParsePath(u.Text); problem == nil && len(p) > len(root) {
			if start := p[:len(root)].String(); source.Suggest(start, []string{u.Text}) != "" {
				rest := p[len(root):].String()
				c.warn(n.At(0, len(start)), "misspelt-field", "write "+rest+", which is looked for in "+u.Text, "%s is nearly %s, but none %q is declared, and sources are looked for below %s", start, u.Text, start, u.Text)
				return
			}
		}
	}
}

func (c *compiler) compileTypes(s *scope, file string, n *source.Node) *Types {
	if n == nil {
		return nil
	}
	t := &Types{Rows: map[string]*TypeRow{}}
	c.vague[t] = c.holes[n]
	line := s.with(lineVariables...)
	for _, e := range n.Entries {
		row := &TypeRow{Rule: c.rule(file+"/types/"+e.Key.Text, e.Value), Name: e.Key.Text}
		if e.Value.Kind == source.Mapping {
			row.Value, row.When = c.optional(line, e.Value, "value", expression.Anything), c.condition(line, e.Value)
			row.Reject, row.MaxLength = text(e.Value, "reject"), c.integer(e.Value, "maxLength", 0)
			if w := e.Value.Get("warn"); w != nil {
				row.WarnWhen, row.Warn = c.condition(line, w), text(w, "message")
				row.Doubt = part(row.Rule, w, "when")
			}
		} else {
			row.Value = c.expr(line, e.Value, expression.Anything)
		}
		row.Text = row.Value != nil && row.Value.Text == "text(value)" && row.When == nil && row.WarnWhen == nil
		if e.Key.Text == "else" {
			t.Else = row
		} else {
			t.Rows[e.Key.Text] = row
		}
	}
	return t
}

// expressions visits every expression of an object.
func (o *Object) expressions(visit func(*Expr)) {
	one := func(list ...*Expr) {
		for _, e := range list {
			if e != nil {
				visit(e)
			}
		}
	}
	one(o.Each, o.As, o.Value, o.When)
	one(o.Under...)
	one(o.Type...)
	o.Nulls.Value.walk(visit)
	for _, r := range o.Reject {
		one(r.When)
		r.Message.walk(visit)
	}
	for _, l := range o.Set {
		one(l.Value, l.When, l.Type)
		for _, s := range l.Sources {
			one(s.Expr)
		}
		if l.Nulls != nil {
			l.Nulls.Value.walk(visit)
		}
		if l.Nested != nil {
			l.Nested.expressions(visit)
		}
	}
	if r := o.Rest; r != nil {
		one(r.When, r.As, r.Keep)
		one(r.Of...)
	}
	if o.Types != nil {
		rows := maps.Clone(o.Types.Rows)
		if o.Types.Else != nil {
			rows["else"] = o.Types.Else
		}
		for _, name := range sortedNames(rows) {
			one(rows[name].Value, rows[name].When, rows[name].WarnWhen)
		}
	}
}
