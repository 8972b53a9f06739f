package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// runner evaluates rules for one event after the other. It belongs to one
// connection and one goroutine at a time; what follows from the connection
// alone stays in it from batch to batch.
type runner struct {
	connection *Connection
	program    *plan.Program
	observe    Observer
	arena      *value.Arena // of the batch
	frame      expression.Frame

	profile *profile // nil but while an error is explained

	event    *value.Node
	answers  []answered // of the event's asks
	warnings []Warning
	unread   error // a message would have shown data that is not fetched
	missed   []miss

	values []*value.Node // by slot
	stamp  []uint64      // values[i] belongs to the event with this epoch
	epoch  uint64

	static  *value.Arena // what follows from the connection alone
	known   []bool       // by slot: values[i] is static and computed, or failed[i]
	failed  []error      // by slot
	cost    []*cost      // by slot, of what is known
	within  *cost        // of what is computed for longer than the event, nil otherwise
	keys    map[*plan.Object]map[string]*decision
	rows    map[*plan.SetLine]*lineRow
	targets map[*plan.Send]*fixedTarget
	spare   []*builder // builders that are not in use
	vars    map[string]int
	lines   struct{ value, key, target, index, item, items int } // slots of variables
}

// cost is what something took that is computed once for all events.
type cost struct {
	steps int
	of    []*cost // of the same kind that it is made of
	paid  uint64  // epoch of the event that has paid last
	noted *cost   // that has it under of already
}

// answered is the answer to a question that the current event has put.
type answered struct {
	ask     *plan.Ask
	with    *value.Node
	answer  *value.Node
	failure *LookupFailure
}

func newRunner(c *Connection) *runner {
	p := c.program.plan
	r := &runner{
		connection: c, program: p, observe: c.observe, static: value.NewArena(),
		values: make([]*value.Node, len(p.Slots)+1), stamp: make([]uint64, len(p.Slots)), known: make([]bool, len(p.Slots)), failed: make([]error, len(p.Slots)), cost: make([]*cost, len(p.Slots)),
		keys: map[*plan.Object]map[string]*decision{}, rows: map[*plan.SetLine]*lineRow{}, targets: map[*plan.Send]*fixedTarget{},
		vars: map[string]int{}, epoch: 1, // stamp is zeros: nothing is computed
	}
	for i, s := range p.Slots {
		if s.Kind == plan.VariableSlot {
			r.vars[s.Name] = i
		}
	}
	l := &r.lines
	l.value, l.key, l.target, l.index, l.item, l.items = r.variable("value"), r.variable("key"), r.variable("target"), r.variable("index"), r.variable("item"), r.variable("items")
	r.frame.Loader = r
	return r
}

// variable returns the slot of a variable. One that no expression reads has the
// slot behind the last.
func (r *runner) variable(name string) int {
	if i, ok := r.vars[name]; ok {
		return i
	}
	return len(r.program.Slots)
}

// start makes r ready for an event that may take so many steps.
func (r *runner) start(event *value.Node, steps int) {
	r.event, r.answers, r.warnings, r.unread = event, nil, nil, nil
	r.missed = r.missed[:0]
	r.frame.Steps = steps
	r.within = nil // a panic may have left it
	r.epoch++
}

// Load implements expression.Loader.
func (r *runner) Load(slot int) (*value.Node, error) {
	s := &r.program.Slots[slot]
	switch s.Kind {
	case plan.InputSlot:
		return r.event, nil
	case plan.ConfigSlot:
		return r.connection.config, nil
	case plan.NowSlot:
		return r.connection.now, nil
	case plan.PortalSlot:
		return r.connection.portals[s.Portal], r.connection.unread[s.Portal]
	case plan.VariableSlot:
		return r.values[slot], nil
	}
	if r.known[slot] {
		r.pay(r.cost[slot])
		return r.values[slot], r.failed[slot]
	}
	if r.stamp[slot] == r.epoch {
		return r.values[slot], r.failed[slot]
	}
	if s.Static {
		return r.loadStatic(slot, s)
	}
	v, err := r.compute(s)
	r.values[slot], r.failed[slot], r.stamp[slot] = v, err, r.epoch // what failed once is not tried again
	return v, err
}

// loadStatic computes a value that outlives the batch.
func (r *runner) loadStatic(slot int, s *plan.Slot) (*value.Node, error) {
	var v *value.Node
	var err error
	r.cost[slot] = r.lasting(func() { v, err = r.compute(s) })
	r.values[slot], r.failed[slot], r.known[slot] = v.Freeze(), err, true
	return v, err
}

// lasting runs what gives something that outlives the batch, with a budget of
// its own. Every event that uses it pays the same, whether it was the first or
// not: else its result would depend on those before it.
func (r *runner) lasting(do func()) *cost {
	arena, steps, around := r.arena, r.frame.Steps, r.within
	all := r.connection.program.limits.Steps
	c := &cost{}
	r.arena, r.frame.Arena, r.frame.Steps, r.within = r.static, r.static, all, c
	defer func() {
		r.arena, r.frame.Arena, r.frame.Steps, r.within = arena, arena, steps, around
		r.pay(c)
	}()
	do()
	c.steps = all - r.frame.Steps
	return c
}

// pay takes from the event what something took that it uses, once.
func (r *runner) pay(c *cost) {
	if r.within != nil {
		if c.noted != r.within {
			c.noted = r.within
			r.within.of = append(r.within.of, c)
		}
		return
	}
	if c.paid == r.epoch {
		return
	}
	c.paid = r.epoch
	r.frame.Steps -= c.steps
	for _, part := range c.of {
		r.pay(part)
	}
}

func (r *runner) compute(s *plan.Slot) (*value.Node, error) {
	switch s.Kind {
	case plan.FieldSlot:
		return r.event.Get(s.Name), nil
	case plan.LetSlot:
		return r.first(s.Let.Value)
	case plan.ObjectSlot:
		return r.object(s.Object, nil)
	case plan.TableSlot:
		return r.row(s.Table)
	case plan.AskSlot:
		for i := range r.answers {
			if a := &r.answers[i]; a.ask == s.Ask {
				return a.answer, nil
			}
		}
	}
	return nil, nil
}

// row chooses the row of a table. Only an absent key means the default row.
func (r *runner) row(t *plan.Table) (*value.Node, error) {
	by, err := r.expr(t.By)
	if err != nil {
		return nil, err
	}
	if by.IsEmpty() {
		return t.Rows.Get(t.Absent), nil
	}
	name, err := r.text(by)
	if err != nil {
		return nil, placed(err, t.By)
	}
	row := t.Rows.Get(name)
	if row == nil {
		var rows []string
		for m := t.Rows.First(); m != nil; m = m.Next() {
			rows = append(rows, m.Key())
		}
		known := "it knows " + strings.Join(rows, ", ")
		if near := source.Suggest(name, rows); near != "" && !by.HoldsSecret() {
			known = "did you mean " + near + "?"
		}
		return nil, (&EventError{Code: "unknown_row", Status: 400, Rule: t.Rule,
			Message: fmt.Sprintf("%s is %s, which the table %s does not know; %s", t.By.Text, value.Preview(by), t.Name, known)}).with(r, t.By, by)
	}
	return row, nil
}

// set gives a variable a value, and returns the one it had.
func (r *runner) set(slot int, v *value.Node) (old *value.Node) {
	old, r.values[slot] = r.values[slot], v
	return old
}

// element sets the variables of an element of a list or object that is walked.
func (r *runner) element(m *value.Node, key, index *value.Node) {
	r.set(r.lines.value, m)
	r.set(r.lines.key, key)
	r.set(r.lines.index, index)
}

// expr evaluates an expression. The error is an *EventError with the place.
func (r *runner) expr(e *plan.Expr) (*value.Node, error) {
	var v *value.Node
	var err error
	if r.profile == nil {
		v, err = e.Eval(&r.frame)
	} else {
		v, err = r.profile.eval(r, e)
	}
	if err != nil {
		return nil, r.located(e, err)
	}
	return v, nil
}

// spent is the error of a rule that finds no steps left.
func (r *runner) spent(by *Rule) error {
	return &EventError{Code: "too_many_steps", Status: 400, Message: expression.ErrSteps.Error(), Rule: by, Cause: expression.ErrSteps}
}

// placeOf names a part of an expression as the rule behind an error.
func placeOf(e *plan.Expr, from, to int) *Rule {
	span := e.Span(from, to)
	return &Rule{ID: "expression", Span: span, Place: span.String()}
}

// condition evaluates an expression that decides: none applies always, one that
// gives null does not.
func (r *runner) condition(e *plan.Expr) (bool, error) {
	if e == nil {
		return true, nil
	}
	v, err := r.expr(e)
	if err != nil {
		return false, err
	}
	if v.IsNull() { // what is missing does not hold
		return false, nil
	}
	if v.Kind() != value.Bool {
		return false, (&EventError{Code: "expression_failed", Status: 400,
			Message: fmt.Sprintf("a condition has to be true or false; %s is %s: compare it with something, such as == true or != null", short(e.Text), value.Preview(v))}).at(e, 0, len(e.Text)).with(r, e, v)
	}
	return v.Bool(), nil
}

// decide is condition for a named rule, which observers learn of.
func (r *runner) decide(rule *Rule, e *plan.Expr) (bool, error) {
	ok, err := r.condition(e)
	if r.observe != nil && err == nil {
		r.observe.Decided(rule, ok)
	}
	return ok, err
}

func (r *runner) wrote(n *value.Node, by *Rule) *value.Node {
	if r.observe != nil && n != nil {
		r.observe.Wrote(n, by)
	}
	return n
}

// first evaluates alternatives: the first with a value wins.
func (r *runner) first(alternatives plan.Value) (*value.Node, error) {
	if len(alternatives) == 1 {
		return r.expr(alternatives[0])
	}
	for _, e := range alternatives {
		v, err := r.expr(e)
		if err != nil {
			return nil, err
		}
		if !v.IsEmpty() {
			return v, nil
		}
	}
	return nil, nil
}

// textOf is the text function of the table, by which templates and parameters
// turn values into text.
var textOf = function.Lookup("text").Eval

func (r *runner) text(v *value.Node) (string, error) {
	if v.Kind() == value.String {
		return v.Text(), nil
	}
	if v.IsNull() {
		return "", nil
	}
	t, err := textOf(r.arena, []*value.Node{v})
	if err != nil {
		return "", &EventError{Code: "invalid_value", Status: 400, Message: err.Error(), Cause: err}
	}
	return t.Text(), nil
}

// placed names an expression as the place of an error that has none.
func placed(err error, e *plan.Expr) error {
	if known, ok := err.(*EventError); ok && known.Rule == nil {
		known.at(e, 0, len(e.Text))
	}
	return err
}

// template builds a value from a template. Null and absent members vanish.
func (r *runner) template(t *plan.Template) (*value.Node, error) {
	switch {
	case t == nil:
		return nil, nil
	case t.Constant != nil:
		return t.Constant, nil
	case t.Expr != nil:
		return r.expr(t.Expr)
	case t.IsObject():
		r.frame.Steps -= len(t.Fields) >> 2
		object := r.arena.Object()
		for _, f := range t.Fields {
			v, err := r.template(f.Value)
			if err != nil {
				return nil, err
			}
			if !v.IsNull() {
				r.arena.Add(object, f.Name, v)
			}
		}
		return object, nil
	case t.IsList():
		r.frame.Steps -= len(t.Items) >> 2
		list := r.arena.List()
		for _, x := range t.Items {
			v, err := r.template(x)
			if err != nil {
				return nil, err
			}
			if !v.IsNull() {
				r.arena.Append(list, v)
			}
		}
		return list, nil
	}
	return r.parts(t.Text, nil)
}

// parts joins the parts of a text. escape changes what does not come from rules.
func (r *runner) parts(parts []plan.Part, escape func(string) (string, error)) (*value.Node, error) {
	var b strings.Builder
	secret := false
	for _, p := range parts {
		if p.Expr == nil {
			b.WriteString(p.Literal)
			continue
		}
		v, err := r.expr(p.Expr)
		if err != nil {
			return nil, err
		}
		s, err := r.text(v)
		if err != nil {
			return nil, placed(err, p.Expr)
		}
		if escape != nil && !p.Rules {
			if s, err = escape(s); err != nil {
				var known *EventError
				if errors.As(err, &known) {
					known.Message = "${" + short(p.Expr.Text) + "} " + known.Message
					known.at(p.Expr, 0, len(p.Expr.Text)).with(r, p.Expr, v)
				}
				return nil, err
			}
		}
		secret = secret || v.HoldsSecret()
		b.WriteString(s)
	}
	n := r.arena.String(b.String())
	if secret {
		n = r.arena.MarkSecret(n)
	}
	return n, nil
}

// message is template for what people read: secrets in it are redacted.
func (r *runner) message(t *plan.Template) string {
	if t == nil {
		return ""
	}
	if t.Text == nil {
		v, err := r.template(t)
		return r.shown(v, err)
	}
	var b strings.Builder
	for _, p := range t.Text {
		if p.Expr == nil {
			b.WriteString(p.Literal)
			continue
		}
		v, err := r.expr(p.Expr)
		b.WriteString(r.shown(v, err))
	}
	return b.String()
}

const shownRunes = 200

func (r *runner) shown(v *value.Node, err error) string {
	if err != nil {
		if wantedBy(err) != "" {
			r.unread = err
		}
		return "(" + err.Error() + ")"
	}
	if v.HoldsSecret() {
		return value.Redacted
	}
	s, err := r.text(v)
	if err != nil {
		return value.Preview(v)
	}
	return value.Shorten(s, shownRunes)
}
