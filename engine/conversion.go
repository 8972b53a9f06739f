package engine

import (
	"errors"
	"fmt"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// lineRow is the conversion of a set line that has the same one for all
// events, or why there is none.
type lineRow struct {
	row  *plan.TypeRow
	err  error
	cost *cost
}

// lineRow returns the conversion of a set line.
func (b *builder) lineRow(l *plan.SetLine) (*plan.TypeRow, error) {
	r := b.runner
	if l.Type != nil {
		defer r.set(r.lines.target, r.set(r.lines.target, l.Target))
		t, err := b.expr(l.Type)
		if err != nil {
			return nil, err
		}
		return b.o.Types.Row(t.Text()), nil
	}
	if known := r.rows[l]; known != nil {
		r.pay(known.cost)
		return known.row, known.err
	}
	if !b.o.TypeFixed {
		return r.typeRow(b.o, l.Target)
	}
	known := &lineRow{}
	known.cost = r.lasting(func() { known.row, known.err = r.typeRow(b.o, l.Target) })
	r.rows[l] = known
	return known.row, known.err
}

// typeRow returns the conversion of a target by the object's own rule.
func (r *runner) typeRow(o *plan.Object, target *value.Node) (*plan.TypeRow, error) {
	if len(o.Type) == 0 {
		return nil, nil
	}
	defer r.set(r.lines.target, r.set(r.lines.target, target))
	t, err := r.first(o.Type)
	if err != nil {
		return nil, err
	}
	return o.Types.Row(t.Text()), nil
}

// put converts a value and makes it a member. at names its source, for messages.
func (b *builder) put(rule *Rule, target, v *value.Node, row *plan.TypeRow, key *value.Node, at func() string) error {
	if row != nil && !(row.Text && v.Kind() == value.String && (row.MaxLength == 0 || len(v.Text()) <= row.MaxLength)) {
		converted, err := b.convert(row, target, key, v, at)
		if err != nil {
			return err
		}
		v = converted
	}
	if v == nil || v.IsNull() {
		return nil
	}
	b.wrote(b.arena.Set(b.object, target.Text(), v), rule)
	return nil
}

// putNull makes what stands for a source that is null or "" a member.
func (b *builder) putNull(rule *Rule, target, source *value.Node, nulls *plan.Nulls) error {
	if nulls.Keep {
		b.wrote(b.arena.Set(b.object, target.Text(), source), rule)
		return nil
	}
	v, err := b.template(nulls.Value)
	if err != nil || v.IsNull() {
		return err
	}
	b.wrote(b.arena.Set(b.object, target.Text(), v), rule)
	return nil
}

// convert runs a row of types. A value that it does not take rejects the event.
func (b *builder) convert(row *plan.TypeRow, target, key, v *value.Node, at func() string) (*value.Node, error) {
	r := b.runner
	oldValue, oldTarget, oldKey := r.set(r.lines.value, v), r.set(r.lines.target, target), r.set(r.lines.key, key)
	defer func() {
		r.set(r.lines.value, oldValue)
		r.set(r.lines.target, oldTarget)
		r.set(r.lines.key, oldKey)
	}()
	out, err := r.expr(row.Value)
	if err != nil {
		reason := err.Error()
		var failed *function.Error
		if errors.As(err, &failed) {
			reason = failed.Message
		} else {
			var known *EventError
			if errors.As(err, &known) {
				reason = known.Message
			}
		}
		return nil, r.unfit(row, target, v, at, reason, err)
	}
	if why := row.Overlong(out); why != "" {
		return nil, r.unfit(row, target, v, at, why, nil)
	}
	if row.When != nil {
		ok, err := r.decide(row.Rule, row.When)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, r.unfit(row, target, v, at, row.Reject+r.options(row, target, v), nil)
		}
	}
	if row.WarnWhen != nil {
		ok, err := r.condition(row.WarnWhen)
		if err != nil {
			return nil, err
		}
		if ok {
			r.warnings = append(r.warnings, Warning{Code: "doubtful_value", Message: row.Warn, Path: at(), Target: target.Text(), Rule: row.Doubt})
		}
	}
	return out, nil
}

func (r *runner) unfit(row *plan.TypeRow, target *value.Node, v *value.Node, at func() string, reason string, cause error) error {
	path := at()
	message := fmt.Sprintf("%s, %s, does not fit %s, which is of type %s", path, value.Preview(v), target.Text(), row.Name)
	if reason != "" {
		message += ": " + reason
	}
	out := &EventError{Code: "invalid_value", Status: 400, Message: message, Path: path, Rule: row.Rule, Cause: cause, Values: []Operand{{path, value.Preview(v)}}}
	var failed *EventError
	if errors.As(cause, &failed) {
		out.Expression = failed.Expression
	}
	return out
}
