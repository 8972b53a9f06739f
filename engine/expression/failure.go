package expression

import (
	"errors"
	"fmt"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// failure is a part of an expression that failed, and what it takes to tell so
// in words. Most failures are never told, because && and || pass over them: so
// words are found only once one counts, by Frame.explain.
type failure struct {
	at     *site
	cause  error // errMisfit: the operands say it all
	values []given
	locals []given
	again  *retry // of a leaf: how to find out more
}

// given is a value that something failed with. One that JSON does not have, such
// as an instant, is described.
type given struct {
	v       *value.Node
	as      string
	either  bool // null or missing, which is the same to CEL
	unknown bool
}

func (f *failure) Error() string { return f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

// errMisfit is the cause of a failure whose operands say it all.
var errMisfit = errors.New("this fails with the values that it is given")

// phrase is a message in our own words: it may be shown as it is.
type phrase string

func (p phrase) Error() string { return string(p) }

func phrasef(format string, args ...any) error { return phrase(fmt.Sprintf(format, args...)) }

// refused is an argument of a call that cannot be taken.
type refused struct {
	arg    int
	v      *value.Node
	takes  string // what can
	remedy string // with %s for the argument
	within bool   // v is an element of the argument
}

func (r *refused) Error() string { return r.takes + "; this is " + value.Preview(r.v) }

// called is a function of the rules that failed.
type called struct {
	fn    *Function
	err   error
	known error // what it is explained as
}

func (c *called) Error() string { return c.fn.Name + ": " + c.err.Error() }
func (c *called) Unwrap() error { return c.err }

// explained is what f makes of the error, once: functions may call each other
// many levels deep.
func (c *called) explained(f *Frame) error {
	if c.known == nil {
		c.known = f.explain(c.err)
	}
	return c.known
}

// loading is an error of the Loader inside a leaf.
type loading struct{ error }

// fail is the error of a site; values are those of its operands.
func (s *site) fail(f *Frame, cause error, values ...*value.Node) error {
	failed := &failure{at: s, cause: cause}
	for _, v := range values {
		failed.values = append(failed.values, given{v: v})
	}
	for _, l := range s.locals {
		failed.locals = append(failed.locals, f.given(l))
	}
	return failed
}

// misfit is fail with nothing to say but the values.
func (s *site) misfit(f *Frame, values ...*value.Node) error { return s.fail(f, errMisfit, values...) }

func (f *Frame) given(l local) given {
	if l.index < 0 || f.base+l.index >= len(f.locals) {
		return given{unknown: true}
	}
	return given{v: f.local(l.index)}
}

// explain turns what a program failed with into an *Error. What the Loader
// returned stays as it is.
func (f *Frame) explain(err error) error {
	failed, ok := err.(*failure)
	if !ok {
		return err
	}
	if failed.again != nil {
		failed = failed.again.run(f, failed)
	}
	e := &Error{From: failed.at.from, To: failed.at.to, Cause: f.causeOf(failed.cause), Blamed: -1}
	e.Operands = failed.operands()
	if call, ok := failed.cause.(*called); ok {
		if inner, ok := e.Cause.(*Error); ok {
			if e.Inner = inner.Inner; e.Inner == nil {
				e.Inner = &Inner{call.fn, inner.From, inner.To}
			}
		}
	}
	text, blamed := f.message(failed)
	e.Message = text
	for i, o := range e.Operands {
		if blamed >= 0 && o.index == blamed {
			e.Blamed = i
		}
	}
	return e
}

// causeOf returns of a cause what may outlive the values that it is about.
func (f *Frame) causeOf(cause error) error {
	switch x := cause.(type) {
	case *function.Error:
		return x
	case *called:
		if inner, ok := x.explained(f).(*Error); ok {
			inner.Operands = nil
			return inner
		}
		return x.err
	}
	if errors.Is(cause, ErrSteps) {
		return cause
	}
	return nil
}

// message says what failed, and which operand is to blame, -1 if that is not clear.
func (f *Frame) message(failed *failure) (text string, blamed int) {
	switch cause := failed.cause.(type) {
	case *refused:
		return failed.refusal(cause), cause.arg
	case *function.Error:
		return cause.Error(), cause.Arg
	case *called:
		if inner, ok := cause.explained(f).(*Error); ok {
			return cause.fn.Name + ": " + inner.Message, -1
		}
		return cause.Error(), -1
	}
	if failed.cause == errMisfit {
		return failed.sentence()
	}
	if failed.at.name == "keys" {
		blamed = 0
		for blamed < len(failed.values) && failed.value(blamed).Kind() == value.String {
			blamed++
		}
		return failed.cause.Error(), blamed
	}
	return failed.cause.Error(), -1
}

// most operands and variables are shown.
const most = 6

// operands lists what a site worked on: its operands, then the variables that
// they read.
func (f *failure) operands() []Operand {
	var out []Operand
	add := func(o Operand) {
		for _, known := range out {
			if known.Text == o.Text {
				return
			}
		}
		if len(out) < most {
			out = append(out, o)
		}
	}
	variable := func(name string) *value.Node {
		for i, l := range f.at.locals {
			if l.name == name && i < len(f.locals) {
				return f.locals[i].v
			}
		}
		return nil
	}
	for i, o := range f.at.operands {
		if i >= len(f.values) || f.values[i].unknown || o.literal {
			continue
		}
		g := f.values[i]
		add(Operand{From: o.from, To: o.to, Text: f.at.source(o.span), Value: g.v, Shown: g.glance(),
			Slot: o.slot, Root: variable(o.local), Steps: o.steps, Exact: o.exact, index: i})
	}
	for i, l := range f.at.locals {
		if i < len(f.locals) && !f.locals[i].unknown {
			add(Operand{From: f.at.from, To: f.at.to, Text: l.name, Value: f.locals[i].v, Shown: f.locals[i].glance(), Slot: -1, Root: f.locals[i].v, Exact: true, index: -1})
		}
	}
	return out
}

// String describes a value.
func (g given) String() string {
	if g.as != "" {
		return g.as
	}
	if g.v == nil {
		return "missing"
	}
	if g.either {
		return "null or missing"
	}
	return value.Preview(g.v)
}

// What a glance shows of a list or an object: so many characters of its JSON,
// unless that is larger than so many bytes.
const (
	maxGlance  = 81
	maxGlimpse = 8 << 10
)

// glance is String with a part of what is inside of lists and objects.
func (g given) glance() string {
	k := g.v.Kind()
	if g.as != "" || g.v.Secret() || k != value.List && k != value.Object || g.v.Len() == 0 || value.Larger(g.v, maxGlimpse) {
		return g.String()
	}
	return k.String() + " " + value.Shorten(string(value.AppendRedacted(nil, g.v)), maxGlance)
}

// rootOf returns what a value of CEL that is an error wraps.
func rootOf(err error) error {
	for {
		failed, ok := err.(*types.Err)
		if !ok {
			return err
		}
		inner, ok := failed.Value().(error)
		if !ok {
			return err
		}
		err = inner
	}
}

// ours reports whether an error has words that can be shown as they are.
func ours(err error) bool {
	switch err.(type) {
	case *failure, *refused, *called, *function.Error, phrase, loading:
		return true
	}
	return err == errMisfit || err == errSecret || errors.Is(err, ErrSteps) || err == errTooLong
}

// given converts a value of CEL for a message.
func (f *celFrame) given(v ref.Val) given {
	switch x := v.(type) {
	case nil, *types.Err, *types.Unknown:
		return given{unknown: true}
	case types.Timestamp, types.Duration:
		n, err := f.result(x)
		if err != nil {
			return given{unknown: true}
		}
		if n.Secret() {
			return given{v: n}
		}
		return given{v: n, as: typeWord(x.Type().TypeName()) + " " + n.Text()}
	case types.Bytes:
		return given{as: "bytes"}
	case *types.Optional:
		if !x.HasValue() {
			return given{as: "an optional value that is absent"}
		}
		n, err := f.result(x.GetValue())
		if err != nil {
			return given{unknown: true}
		}
		return given{v: n, as: "an optional value, " + value.Preview(n)}
	}
	n, err := f.result(v)
	if err != nil {
		return given{as: typeWord(v.Type().TypeName())}
	}
	return given{v: n, either: n.IsNull()}
}
