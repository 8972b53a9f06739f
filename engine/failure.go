package engine

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Operand is a value that a rule failed with.
type Operand struct {
	Text  string // as the rule has it: traits.age
	Value string // in a few words, without secrets: text "abc"
}

// EventError says why an input was rejected. It holds nothing of the batch, so
// it may be kept: for a log, or beside an event that is put aside.
type EventError struct {
	Code       string // stable, snake_case
	Status     int    // HTTP status that tells a sender whether a retry makes sense
	Message    string
	Path       string    // where in the event, in path notation; may be empty
	Rule       *Rule     // nil where no rule was involved (invalid JSON); its Span is the smallest part that failed
	Function   *Rule     // the part that failed of a function of the rules, where the rule calls one
	Expression string    // of a rule that failed: that part, in one line
	Values     []Operand // what it worked on; no secrets
	Costs      []Cost    // of too many steps: the expressions that took most
	Cause      error
}

// Error returns the message with its code.
func (e *EventError) Error() string { return e.Code + ": " + e.Message }

// Unwrap returns the error behind a failed expression, if there is one.
func (e *EventError) Unwrap() error { return e.Cause }

// Diagnostic returns the error in the form in which Load reports mistakes in
// rules, for who shows both in the same way.
func (e *EventError) Diagnostic() source.Diagnostic {
	d := source.Diagnostic{Code: e.Code, Summary: e.Message, Detail: strings.Join(e.details(), "\n")}
	if e.Rule != nil {
		d.Span = e.Rule.Span
	}
	return d
}

func (e *EventError) details() []string {
	var lines []string
	if e.Path != "" {
		lines = append(lines, "at "+e.Path+" of the event")
	}
	for _, v := range e.Details() {
		lines = append(lines, v.Text+" is "+v.Value)
	}
	return lines
}

// Details returns the values that the message does not tell.
func (e *EventError) Details() []Operand {
	var out []Operand
	for _, v := range e.Values {
		if !strings.Contains(e.Message, v.Text+" is "+v.Value) && !strings.Contains(e.Message, v.Text+", "+v.Value) {
			out = append(out, v)
		}
	}
	return out
}

// AppendJSON appends the error as results have it:
//
//	{"code", "status", "message", "path", "rule", "function", "expression", "values": {TEXT: VALUE}}
//
// What is empty is left out, except for the first three.
func (e *EventError) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"code":`...)
	dst = value.AppendString(dst, e.Code)
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(dst, `,"message":`...)
	dst = value.AppendString(dst, e.Message)
	dst = appendPlace(dst, e.Path, e.Rule)
	if e.Function != nil {
		dst = append(dst, `,"function":`...)
		dst = value.AppendString(dst, e.Function.Place)
	}
	if e.Expression != "" {
		dst = append(dst, `,"expression":`...)
		dst = value.AppendString(dst, e.Expression)
	}
	for i, v := range e.Values {
		dst = append(dst, []string{`,`, `,"values":{`}[b2i(i == 0)]...)
		dst = append(value.AppendString(dst, v.Text), ':')
		dst = value.AppendString(dst, v.Value)
	}
	if len(e.Values) > 0 {
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// MarshalJSON is AppendJSON.
func (e *EventError) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

var _ json.Marshaler = (*EventError)(nil)

// located turns what an expression failed with into an *EventError with the place.
func (r *runner) located(e *plan.Expr, err error) error {
	var known *EventError
	if errors.As(err, &known) {
		return known
	}
	out := &EventError{Code: "expression_failed", Status: 400, Message: err.Error(), Cause: err}
	switch {
	case errors.Is(err, expression.ErrExpression):
		out.Code = "expression_too_many_steps"
	case errors.Is(err, expression.ErrSteps):
		out.Code = "too_many_steps"
	}
	from, to := 0, len(e.Text)
	var failed *expression.Error
	if errors.As(err, &failed) {
		from, to, out.Message = failed.From, failed.To, failed.Message
		if in := failed.Inner; in != nil && in.Function.Body != nil {
			span := in.Function.Body.At(in.From, in.To)
			out.Function = &Rule{ID: "functions/" + in.Function.Name, Span: span, Place: span.String()}
		}
		r.operands(out, failed)
	}
	out.at(e, from, to)
	return out
}

// at names a part of an expression as the place of the error.
func (e *EventError) at(x *plan.Expr, from, to int) *EventError {
	e.Rule = placeOf(x, from, to)
	e.Expression = short(strings.Join(strings.Fields(x.Text[from:to]), " "))
	return e
}

// with adds a value that an expression gave, and where in the event it is.
func (e *EventError) with(r *runner, x *plan.Expr, v *value.Node) *EventError {
	o := expression.Operand{Value: v, Slot: -1}
	if slot, steps, ok := x.Path(); ok {
		o.Slot, o.Steps, o.Exact = slot, steps, true
	}
	e.Values = append(e.Values, Operand{short(x.Text), shownValue(v)})
	if e.Path == "" {
		e.Path = r.pathOf(&o)
	}
	if e.Path == "" && o.Exact { // of the settings
		e.Path = x.Text
	}
	return e
}

func shownValue(v *value.Node) string {
	if v == nil {
		return "missing"
	}
	return value.Preview(v)
}

// calls is what the rules call a value, as a path of the event where it is one.
func (r *runner) calls(e *plan.Expr) string {
	if slot, steps, ok := e.Path(); ok && len(steps) > 0 && r.program.Slots[slot].Kind == plan.InputSlot {
		return strings.TrimPrefix(strings.TrimPrefix(e.Text, "input"), ".")
	}
	return e.Text
}

// short cuts a text of the rules for a message.
func short(s string) string {
	return value.Shorten(s, 200)
}

// operands tells what an expression failed with, and where in the event the
// value that does not fit is; else the first that is of the event.
func (r *runner) operands(out *EventError, failed *expression.Error) {
	for i := range failed.Operands {
		o := &failed.Operands[i]
		out.Values = append(out.Values, Operand{o.Text, o.Shown})
		if i == failed.Blamed {
			out.Path = r.pathOf(o)
		}
	}
	defer func() { failed.Operands = nil }() // they are of the batch
	for i := 0; i < len(failed.Operands) && out.Path == ""; i++ {
		out.Path = r.pathOf(&failed.Operands[i])
	}
}

// pathOf returns where in the event an operand is, "" if it is not of it, or was
// chosen by a secret.
func (r *runner) pathOf(o *expression.Operand) string {
	if o.Value.Secret() || o.Root.Secret() {
		return ""
	}
	if path, ok := r.find(o.Value); ok {
		return path
	}
	if o.Slot < 0 {
		path, ok := r.find(o.Root)
		if !ok {
			return ""
		}
		return below(path, o.Steps)
	}
	switch s := &r.program.Slots[o.Slot]; s.Kind {
	case plan.InputSlot:
		return o.Steps.String()
	case plan.FieldSlot:
		return below(s.Name, o.Steps)
	case plan.ConfigSlot, plan.NowSlot, plan.PortalSlot:
		return ""
	}
	if v := r.values[o.Slot]; !v.Secret() {
		if path, ok := r.find(v); ok {
			return below(path, o.Steps)
		}
	}
	return ""
}

func below(path string, steps expression.Path) string {
	if len(steps) == 0 {
		return path
	}
	return path + dotted(steps.String())
}

// find returns the path of a value of the event. Values know nothing of where
// they stand, so the event is searched: only failures need it.
func (r *runner) find(n *value.Node) (string, bool) {
	if n == nil || n == r.event {
		return "", false
	}
	path, ok := search(r.event, n, nil)
	return string(path), ok
}

func search(in, n *value.Node, path []byte) ([]byte, bool) {
	i := 0
	for m := in.First(); m != nil; m = m.Next() {
		var at []byte
		if in.Kind() == value.List {
			at = value.AppendIndex(path[:len(path):len(path)], i)
		} else {
			at = value.AppendKey(path[:len(path):len(path)], m.Key())
		}
		if m == n {
			return at, true
		}
		if m.Len() > 0 {
			if found, ok := search(m, n, at); ok {
				return found, true
			}
		}
		i++
	}
	return nil, false
}
