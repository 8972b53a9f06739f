package plan

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// PortalData is data about an account, from a file.
type PortalData struct {
	File string // as messages name it
	Data []byte
}

// targets checks the lines of objects against what is known of their targets: the
// portal data that the rules index by `target`, and the row of types that converts
// a target's values. Nothing here knows what the data says; the rules do.
type targets struct {
	*typing
	arena *value.Arena
	steps int
	data  map[int]*value.Node // portal data that is known, by slot
	vars  map[int]*value.Node // variables that have a value now
	line  struct{ value, target, key int }
}

// targetSteps bounds the work of all expressions that are evaluated at load.
const targetSteps = 20_000_000

// checkTargets checks the lines of all objects. It runs when everything is typed.
func (t *typing) checkTargets() {
	k := &targets{typing: t, arena: value.NewArena(), steps: targetSteps, vars: map[int]*value.Node{}}
	k.line.value, k.line.target, k.line.key = t.variable("value"), t.variable("target"), t.variable("key")
	for i := range t.program.Slots {
		if o := t.program.Slots[i].Object; o != nil && o.Rule != nil && !t.vague[o] {
			o.eachObject(func(o *Object) { k.object(o) })
		}
	}
	k.constantReads()
	k.objectReads()
}

// portal returns the data of a portal slot, nil if nothing is known of it.
func (k *targets) portal(slot int) *value.Node {
	if k.data == nil {
		k.data = map[int]*value.Node{}
	}
	if v, ok := k.data[slot]; ok {
		return v
	}
	k.data[slot] = nil // while it is made
	p := k.program.Portals[k.program.Slots[slot].Portal]
	var built *value.Node
	if p.Builtin != nil {
		built, _, _ = k.answer(p, p.Builtin)
	}
	v := built
	if given, ok := k.options.Portal[p.Name]; ok {
		own, extend, err := k.answer(p, given.Data)
		if err != nil {
			k.error(k.places[slot], "bad-portal-data", "give what the API answers, or a form that the rules accept", "%s cannot be read as %s: %v", given.File, p.Name, err)
		}
		if v = own; extend && built != nil && own != nil {
			v = k.arena.Fork(built)
			for m := own.First(); m != nil; m = m.Next() {
				k.arena.Set(v, m.Key(), m)
			}
		}
	}
	k.data[slot] = v.Freeze()
	return v
}

// answer makes the data of what an API answers.
func (k *targets) answer(p *Portal, data []byte) (v *value.Node, extend bool, err error) {
	body, err := value.Parse(k.arena, data, value.Limits{Bytes: 32 << 20, Nodes: 2_000_000})
	if err != nil {
		return nil, false, err
	}
	slot := k.variable("body")
	k.vars[slot] = body
	defer delete(k.vars, slot)
	for _, a := range p.Answer {
		if a.When != nil {
			if ok, err := k.eval(a.When); err != nil || !ok.Bool() {
				if err != nil {
					return nil, false, err
				}
				continue
			}
		}
		if a.Value == nil {
			return body, a.Extend, nil
		}
		v, err := k.eval(a.Value)
		return v, a.Extend, err
	}
	return nil, false, errors.New("it is none of the forms that the data may have")
}

var errUnknown = errors.New("this is known only when events are mapped")

// Load implements expression.Loader.
func (k *targets) Load(slot int) (*value.Node, error) {
	if v, ok := k.vars[slot]; ok {
		return v, nil
	}
	if k.program.Slots[slot].Kind == PortalSlot {
		if v := k.portal(slot); v != nil {
			return v, nil
		}
	}
	return nil, errUnknown
}

// eval evaluates an expression. The error is errUnknown where it depends on more
// than the portal data and the variables that are set.
func (k *targets) eval(e *Expr) (*value.Node, error) {
	if e == nil || k.steps <= 0 {
		return nil, errUnknown
	}
	for _, s := range e.Slots() {
		if _, err := k.Load(s); err != nil {
			return nil, errUnknown
		}
	}
	f := &expression.Frame{Arena: k.arena, Loader: k, Steps: k.steps}
	v, err := e.Eval(f)
	k.steps = f.Steps
	if errors.Is(err, expression.ErrSteps) || errors.Is(err, expression.ErrBroken) {
		return nil, errUnknown
	}
	return v, err
}

// known is what portal data says of a target.
type known struct {
	slot     int // of the portal data
	property *value.Node
}

// object checks the lines of one object.
func (k *targets) object(o *Object) {
	slot := k.indexed(o)
	for _, l := range o.Set {
		if l.Nested != nil {
			continue
		}
		k.vars[k.line.target] = l.Target
		about := known{slot: slot}
		if slot >= 0 {
			about.property = k.portal(slot).Get(l.Target.Text())
			if about.property == nil {
				k.unknownTarget(o, l, slot)
				continue
			}
			k.unwritable(o, l, about)
		}
		row, ok := k.row(o, l)
		if ok && row != nil {
			before := len(k.found)
			k.constants(l, row, about)
			if len(k.found) == before { // else it is said already
				k.source(l, row, about)
			}
		}
	}
	delete(k.vars, k.line.target)
}

// indexed returns the slot of the portal data that an object reads by its target,
// -1 if there is none, or none is known.
func (k *targets) indexed(o *Object) int {
	list := slices.Clone(o.Type)
	if o.Rest != nil {
		list = append(list, o.Rest.Keep)
	}
	for _, e := range list {
		if e == nil {
			continue
		}
		for _, s := range e.Slots() {
			slot := k.program.Slots[s]
			if slot.Kind == PortalSlot && regexp.MustCompile(`\b`+regexp.QuoteMeta(slot.Name)+`\s*\[\s*target\s*\]`).MatchString(e.Text) && k.portal(s) != nil && k.portal(s).Kind() == value.Object {
				return s
			}
		}
	}
	return -1
}

// row returns the conversion of a line, and whether it is known.
func (k *targets) row(o *Object, l *SetLine) (*TypeRow, bool) {
	list := o.Type
	if l.Type != nil {
		list = Value{l.Type}
	}
	for _, e := range list {
		v, err := k.eval(e)
		if err != nil {
			return nil, false
		}
		if v != nil && v.Kind() == value.String && v.Text() != "" {
			return o.Types.Row(v.Text()), true
		}
	}
	return nil, len(list) > 0
}

// unknownTarget reports a target that the portal data does not have. What is built
// in is not the whole of any account, so there it has to look like a slip.
func (k *targets) unknownTarget(o *Object, l *SetLine, slot int) {
	name := k.program.Slots[slot].Name
	near := source.Suggest(l.Target.Text(), slices.DeleteFunc(memberNames(k.portal(slot)), func(s string) bool { return o.Targets[s] != nil }))
	at := l.key.Span
	given, fromAccount := k.options.Portal[name]
	switch {
	case fromAccount:
		help := "create it in the account, or write the name of one that is there"
		if near != "" {
			help = "did you mean " + near + "?"
		}
		k.error(at, "unknown-target", help, "%s has no %s", given.File, l.Target.Text()).Relate(k.defined(slot, near), "%s", near)
	case near != "":
		k.warn(at, "unknown-target", "did you mean "+near+"? Otherwise check against the account: celmap check --lookup "+name+"=FILE", "the built-in %s have no %s", name, l.Target.Text()).Relate(k.defined(slot, near), "%s", near)
	}
}

// unwritable doubts a line for a target that rest would leave out.
func (k *targets) unwritable(o *Object, l *SetLine, about known) {
	if o.Rest == nil || o.Rest.Keep == nil {
		return
	}
	if v, err := k.eval(o.Rest.Keep); err == nil && v != nil && v.Kind() == value.Bool && !v.Bool() {
		k.warn(l.key.Span, "unwritable-target", "remove the line, or change keep", "%s cannot be written: keep, which decides it for all other targets, leaves it out", l.Target.Text()).
			Relate(o.Rest.Keep.Span(0, len(o.Rest.Keep.Text)), "keep").Relate(k.defined(about.slot, l.Target.Text()), "what is known of %s", l.Target.Text())
	}
}

// constants converts the constants that a line may give.
func (k *targets) constants(l *SetLine, row *TypeRow, about known) {
	if l.Default != nil && l.fallback != nil {
		k.constant(l, row, about, l.Default, l.fallback.Span)
	}
	outcomes := func(e *Expr) {
		if e == nil {
			return
		}
		for _, c := range e.Outcomes() {
			k.constant(l, row, about, c.Value, e.Span(c.From, c.To))
		}
	}
	if outcomes(l.Value); l.Value != nil {
		return // what comes out of it is converted, not the sources
	}
	for _, s := range l.Sources {
		outcomes(s.Expr)
	}
}

// convert runs the row for one value. doubt says that the row could not be run.
func (k *targets) convert(row *TypeRow, v *value.Node) (why string, refused, doubt bool) {
	k.vars[k.line.value] = v
	k.vars[k.line.key] = value.NullNode()
	defer delete(k.vars, k.line.value)
	defer delete(k.vars, k.line.key)
	out, err := k.eval(row.Value)
	switch {
	case errors.Is(err, errUnknown):
		return "", false, true
	case err != nil:
		var failed *function.Error
		if errors.As(err, &failed) {
			return failed.Message, true, false
		}
		return err.Error(), true, false
	case row.Overlong(out) != "":
		return row.Overlong(out), true, false
	case row.When == nil:
		return "", false, false
	}
	ok, err := k.eval(row.When)
	switch {
	case errors.Is(err, errUnknown):
		return "", false, true
	case err != nil:
		return err.Error(), true, false
	case ok == nil || ok.Kind() != value.Bool || !ok.Bool():
		return "", true, false
	}
	return "", false, false
}

// constant reports a constant that its target does not take.
func (k *targets) constant(l *SetLine, row *TypeRow, about known, v *value.Node, at source.Span) {
	if v.IsNull() || v.Kind() == value.String && v.Text() == "" {
		return
	}
	why, refused, doubt := k.convert(row, v)
	if doubt || !refused {
		return
	}
	options := k.optionsOf(row, about)
	near := ""
	if v.Kind() == value.String {
		near = source.Suggest(v.Text(), options)
	}
	text := fmt.Sprintf("%s does not fit %s, which is of type %s", value.Preview(v), l.Target.Text(), row.Name)
	if why == "" {
		why = row.Reject
	}
	if why != "" {
		text += ": " + why
	}
	help := "write a value that fits"
	switch {
	case near != "":
		help = "did you mean " + near + "?"
	case len(options) > 0:
		help = "it takes " + ListOptions(options)
	}
	report := k.error
	if about.slot >= 0 && k.options.Portal[k.program.Slots[about.slot].Name].Data == nil && len(options) > 0 && near == "" {
		report = k.warn // an account may have more options than are built in
	}
	report(at, "unfit-constant", help, "%s", text).Relate(k.defined(about.slot, l.Target.Text()), "what is known of %s", l.Target.Text()).Relate(row.Span, "the row %s of types", row.Name)
}

// optionsOf returns the texts that the data has of a target and the row takes.
func (k *targets) optionsOf(row *TypeRow, about known) []string {
	if row.When == nil || about.property == nil {
		return nil
	}
	return slices.DeleteFunc(Texts(about.property), func(text string) bool {
		_, refused, doubt := k.convert(row, k.arena.String(text))
		return refused || doubt
	})
}

// Texts returns the texts in the data of a target, each once: among them are the
// options that it has.
func Texts(property *value.Node) []string {
	var out []string
	known := map[string]bool{"": true}
	var walk func(v *value.Node, depth int)
	walk = func(v *value.Node, depth int) {
		if len(out) > 2000 || depth > 4 {
			return
		}
		switch v.Kind() {
		case value.String:
			if text := v.Text(); !known[text] {
				known[text] = true
				out = append(out, text)
			}
		case value.List, value.Object:
			for m := v.First(); m != nil; m = m.Next() {
				walk(m, depth+1)
			}
		}
	}
	walk(property, 0)
	return out
}

// MostOptions bounds the options that a message lists.
const MostOptions = 12

// ListOptions writes options as messages list them.
func ListOptions(options []string) string {
	list := strings.Join(options[:min(len(options), MostOptions)], ", ")
	if len(options) > MostOptions {
		list += " …"
	}
	return list
}

// samples are values of each kind: where a row takes none of them, it takes no
// value of the kind. Of free texts nothing can be told.
var samples = []struct {
	kind   shape.Kinds
	values []string
}{
	{shape.Boolean, []string{"true", "false"}},
	{shape.Whole, []string{"0", "1", "-1", "100", "1700000000", "1700000000000"}},
	{shape.Fraction, []string{"0.5", "-1.5", "100.25"}},
	{shape.List, []string{`[]`, `["a"]`, `[1]`, `[{"a":1}]`}},
	{shape.Object, []string{`{}`, `{"a":"b"}`}},
}

// source reports a source whose values can never be converted, as far as its
// schema tells what they are.
func (k *targets) source(l *SetLine, row *TypeRow, about known) {
	s, ok := k.values[l]
	kinds := s.Value()
	if !ok || kinds == shape.Nothing || row.Value == nil {
		return
	}
	why, at := "", l.valuePlace()
	refuses := func(v *value.Node) bool {
		w, refused, doubt := k.convert(row, v)
		if why == "" {
			if why = w; why == "" {
				why = row.Reject
			}
		}
		return refused && !doubt
	}
	if s.Can(shape.Text) {
		if s.Texts() == nil {
			return
		}
		var bad []string
		for _, text := range s.Texts() {
			if text != "" && refuses(k.arena.String(text)) {
				bad = append(bad, text)
			}
		}
		if len(bad) < len(s.Texts()) || len(bad) == 0 {
			return
		}
	}
	for _, sample := range samples {
		if kinds&sample.kind == 0 {
			continue
		}
		for _, text := range sample.values {
			v, err := value.Parse(k.arena, []byte(text), value.Limits{})
			if err != nil || !refuses(v) {
				return
			}
		}
	}
	text := fmt.Sprintf("%s is %s, which does not fit %s, a target of type %s", l.valueText(), shape.Words(kinds), l.Target.Text(), row.Name)
	if why != "" {
		text += ": " + why
	}
	d := k.error(at, "unfit-source", "map another field, or convert it here: value: …", "%s", text).Relate(k.defined(about.slot, l.Target.Text()), "what is known of %s", l.Target.Text()).Relate(row.Span, "the row %s of types", row.Name)
	if s.Source() != "" {
		d.Detail = "this is known from " + s.Source()
	}
}

// valuePlace is where a line says where its value comes from.
func (l *SetLine) valuePlace() source.Span {
	switch {
	case l.Value != nil:
		return l.Value.Span(0, len(l.Value.Text))
	case len(l.Sources) == 1 && l.Sources[0].Expr != nil:
		return l.Sources[0].Expr.Span(0, len(l.Sources[0].Expr.Text))
	case len(l.Sources) == 1 && l.Sources[0].node != nil:
		return l.Sources[0].node.Span
	}
	return l.Span
}

func (l *SetLine) valueText() string {
	if len(l.Sources) == 1 && l.Value == nil {
		return l.valuePlace().Text()
	}
	return "the value"
}

// constantReads reports constant names that expressions read of portal data, as
// in fields.email or fields["email"].
func (k *targets) constantReads() {
	for _, e := range k.exprs {
		e.Reads(func(s int, steps expression.Path) {
			if k.program.Slots[s].Kind != PortalSlot || len(steps) == 0 || steps[0].IsIndex {
				return
			}
			name, data := k.program.Slots[s].Name, k.portal(s)
			if data == nil || data.Kind() != value.Object || data.Get(steps[0].Name) != nil {
				return
			}
			near := source.Suggest(steps[0].Name, memberNames(data))
			switch given, ok := k.options.Portal[name]; {
			case ok && near != "":
				k.error(e.place(steps[0].Name), "unknown-target", "did you mean "+near+"?", "%s has no %s", given.File, steps[0].Name).Relate(k.defined(s, near), "%s", near)
			case !ok && near != "":
				k.warn(e.place(steps[0].Name), "unknown-target", "did you mean "+near+"?", "the built-in %s have no %s", name, steps[0].Name).Relate(k.defined(s, near), "%s", near)
			}
		})
	}
}

// objectReads doubts names that expressions read of an object of the rules, and
// that differ from one of its targets in case and separators alone, where rest
// cannot give them.
func (k *targets) objectReads() {
	for _, e := range k.exprs {
		e.Reads(func(s int, steps expression.Path) {
			o := k.program.Slots[s].Object
			if o == nil || o.Rule == nil || o.Rest == nil || k.vague[o] || len(steps) == 0 || steps[0].IsIndex {
				return
			}
			name := steps[0].Name
			if o.Targets[name] != nil || k.restGives(o, name) {
				return
			}
			for _, l := range o.Set {
				if target := l.Target.Text(); spelling.Replace(strings.ToLower(target)) == spelling.Replace(strings.ToLower(name)) {
					k.warn(e.place(name), "misspelt-field", "did you mean "+target+"?", "%s sets %q, and none of its lines sets %q", k.program.Slots[s].Name, target, name).Relate(l.key.Span, "%s", target)
					return
				}
			}
		})
	}
}

var spelling = strings.NewReplacer("_", "", "-", "", " ", "")

// restGives reports whether the rest of an object may give a target, as far as is known.
func (k *targets) restGives(o *Object, name string) bool {
	if o.Rest.As == nil {
		return o.Rest.Again || !o.Read[name] && !o.Rest.Except[name]
	}
	k.vars[k.line.key] = k.arena.String(name)
	defer delete(k.vars, k.line.key)
	v, err := k.eval(o.Rest.As)
	return err != nil || v != nil && v.Kind() == value.String && v.Text() == name
}

func memberNames(v *value.Node) []string {
	var out []string
	for m := v.First(); m != nil; m = m.Next() {
		out = append(out, m.Key())
	}
	return out
}

// defined finds the place in the file of portal data that a name is about: the
// member of that name, or the element that has the name among its members.
func (k *targets) defined(slot int, name string) source.Span {
	if slot < 0 || name == "" {
		return source.Span{}
	}
	p := k.program.Portals[k.program.Slots[slot].Portal]
	file, data := "", p.Builtin
	if n := k.folder.destination.root.Get("portal").Get(p.Name).Get("builtin"); n != nil {
		file = path.Join(path.Dir(n.Span.File.Name), n.Text)
	}
	if given, ok := k.options.Portal[p.Name]; ok {
		file, data = given.File, given.Data
	}
	root, _ := source.Parse(file, data)
	if root == nil {
		return source.Span{}
	}
	return placeOf(root, name)
}

func placeOf(n *source.Node, name string) source.Span {
	for _, e := range n.Entries {
		if e.Key.Text == name && e.Value.Kind == source.Mapping {
			return e.Key.Span
		}
		if e.Value.Kind == source.Scalar && e.Value.Text == name {
			return e.Value.Span
		}
		if at := placeOf(e.Value, name); !at.IsZero() {
			return at
		}
	}
	for _, x := range n.Items {
		if at := placeOf(x, name); !at.IsZero() {
			return at
		}
	}
	return source.Span{}
}
