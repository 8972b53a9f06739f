package expression

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// eval is a node of the native form. It never changes after compilation, so
// programs are safe for concurrent use.
type eval interface {
	eval(f *Frame) (*value.Node, error)
}

type constant struct{ v *value.Node }

func (e constant) eval(*Frame) (*value.Node, error) { return e.v, nil }

// pathEval is a name and the steps below it.
type pathEval struct {
	slot  int
	steps Path
	work  int // of reaching far elements
}

func (e *pathEval) eval(f *Frame) (*value.Node, error) {
	n, err := f.Loader.Load(e.slot)
	if err != nil || n == nil || len(e.steps) == 0 {
		return n, err
	}
	f.Steps -= e.work
	return e.steps.Walk(n), nil
}

// localEval is an argument of a function or the variable of a first.
type localEval struct {
	index int
	steps Path
	work  int
}

func (e *localEval) eval(f *Frame) (*value.Node, error) {
	f.Steps -= e.work
	return e.steps.Walk(f.local(e.index)), nil
}

// work is what walking to the elements of lists costs beyond a step.
func (p Path) work() int {
	n := 0
	for _, s := range p {
		n += s.Index >> 6
	}
	return n
}

// both evaluates two operands, the left one first.
func both(f *Frame, left, right eval) (l, r *value.Node, err error) {
	if l, err = left.eval(f); err == nil {
		r, err = right.eval(f)
	}
	return l, r, err
}

// getEval is a selection whose operand or key is computed.
type getEval struct {
	*site
	operand, key eval
}

func (e *getEval) eval(f *Frame) (*value.Node, error) {
	n, k, err := both(f, e.operand, e.key)
	if err != nil {
		return nil, err
	}
	v, err := f.member(n, k)
	if err != nil {
		return nil, e.fail(f, err, n, k)
	}
	return v, nil
}

// member is the null-safe selection of rules: what is not there is nil. What a
// secret chooses is a secret.
func (f *Frame) member(n, key *value.Node) (v *value.Node, err error) {
	switch key.Kind() {
	case value.String:
		v = n.Get(key.Text())
	case value.Number:
		if i, ok := key.Int(); ok && i >= 0 && i < int64(n.Len()) && n.Kind() == value.List {
			err = f.spend(int(i >> 6))
			v = n.At(int(i))
		}
	}
	if err != nil || v == nil || !key.Secret() {
		return v, err
	}
	if err := f.weigh(v); err != nil {
		return nil, err
	}
	return f.Arena.MarkSecret(v), nil
}

// hasEval is has(path): null is there, absent is not.
type hasEval struct{ path eval }

func (e *hasEval) eval(f *Frame) (*value.Node, error) {
	v, err := e.path.eval(f)
	if err != nil {
		return nil, err
	}
	return value.BoolNode(v != nil), nil
}

type notEval struct {
	*site
	x eval
}

func (e *notEval) eval(f *Frame) (*value.Node, error) {
	v, err := e.x.eval(f)
	if err != nil {
		return nil, err
	}
	if v.Kind() != value.Bool {
		return nil, e.misfit(f, v)
	}
	return value.BoolNode(!v.Bool()), nil
}

// logicEval is && and ||. As CEL has it, an operand that fails does not matter
// where the other one decides.
type logicEval struct {
	*site
	left, right eval
	or          bool
}

func (e *logicEval) eval(f *Frame) (*value.Node, error) {
	l, errL := e.operand(f, 0, e.left)
	if errL == nil && l == e.or {
		return value.BoolNode(e.or), nil
	}
	r, errR := e.operand(f, 1, e.right)
	if errR == nil && r == e.or {
		return value.BoolNode(e.or), nil
	}
	if errL != nil {
		return nil, errL
	}
	if errR != nil {
		return nil, errR
	}
	return value.BoolNode(!e.or), nil
}

func (e *logicEval) operand(f *Frame, i int, x eval) (bool, error) {
	v, err := x.eval(f)
	if err != nil {
		return false, err
	}
	if v.Kind() != value.Bool {
		err := e.misfit(f, v).(*failure)
		if i == 1 { // what the first one was does not matter
			err.values = []given{{unknown: true}, {v: v}}
		}
		return false, err
	}
	return v.Bool(), nil
}

type equalEval struct {
	*site
	left, right eval
	not         bool
}

func (e *equalEval) eval(f *Frame) (*value.Node, error) {
	l, r, err := both(f, e.left, e.right)
	if err != nil {
		return nil, err
	}
	same, err := f.equal(l, r)
	if err != nil {
		return nil, e.fail(f, err, l, r)
	}
	return value.BoolNode(same != e.not), nil
}

// equal is value.Equal, paid for.
func (f *Frame) equal(x, y *value.Node) (bool, error) {
	if x.Kind() != y.Kind() || x.Len() != y.Len() {
		return false, nil
	}
	if err := f.weigh(x); err != nil {
		return false, err
	}
	if x.Kind() == value.Number {
		if err := f.spend(digits(x, y)); err != nil {
			return false, err
		}
	}
	return value.Equal(x, y), nil
}

// digits is what it costs to compare two numbers: long ones take long.
func digits(x, y *value.Node) int {
	n := len(x.Text()) + len(y.Text())
	if n > 40 {
		return n >> 1
	}
	return n >> 3
}

// weigh pays for reading all of a value.
func (f *Frame) weigh(x *value.Node) error {
	if err := f.spend(len(x.Text())>>10 + x.Len()); err != nil {
		return err
	}
	for m := x.First(); m != nil; m = m.Next() {
		if err := f.weigh(m); err != nil {
			return err
		}
	}
	return nil
}

type orderEval struct {
	*site
	left, right eval
	op          string
}

func (e *orderEval) eval(f *Frame) (*value.Node, error) {
	l, r, err := both(f, e.left, e.right)
	if err != nil {
		return nil, err
	}
	c, err := f.order(l, r)
	if err != nil {
		return nil, e.fail(f, err, l, r)
	}
	return value.BoolNode(ordered(e.op, c)), nil
}

// order compares two numbers or two texts; others do not fit.
func (f *Frame) order(l, r *value.Node) (int, error) {
	switch {
	case l.Kind() == value.Number && r.Kind() == value.Number:
		return value.CompareNumbers(l, r), f.spend(digits(l, r))
	case l.Kind() == value.String && r.Kind() == value.String:
		return strings.Compare(l.Text(), r.Text()), f.spend(min(len(l.Text()), len(r.Text())) >> 10)
	}
	return 0, errMisfit
}

// ordered tells what an operator says of two values that compare as c.
func ordered(op string, c int) bool {
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

type inEval struct {
	*site
	x, in eval
}

func (e *inEval) eval(f *Frame) (*value.Node, error) {
	x, in, err := both(f, e.x, e.in)
	if err != nil {
		return nil, err
	}
	found, err := f.contains(in, x)
	if err != nil {
		return nil, e.fail(f, err, x, in)
	}
	return value.BoolNode(found), nil
}

// contains is the `in` of rules: an element of a list, a key of an object;
// nothing is in null.
func (f *Frame) contains(in, x *value.Node) (bool, error) {
	switch in.Kind() {
	case value.Null:
		return false, nil
	case value.List:
		if err := f.spend(in.Len() >> 3); err != nil {
			return false, err
		}
		for m := in.First(); m != nil; m = m.Next() {
			if same, err := f.equal(m, x); same || err != nil {
				return same, err
			}
		}
		return false, nil
	case value.Object:
		return x.Kind() == value.String && in.Get(x.Text()) != nil, nil
	}
	return false, errMisfit
}

type sizeEval struct {
	*site
	x eval
}

func (e *sizeEval) eval(f *Frame) (*value.Node, error) {
	v, err := e.x.eval(f)
	if err != nil {
		return nil, err
	}
	n, err := f.size(v)
	if err != nil {
		return nil, e.fail(f, err, v)
	}
	size := f.Arena.Int(int64(n))
	if v.Secret() {
		size = f.Arena.MarkSecret(size)
	}
	return size, nil
}

func (f *Frame) size(v *value.Node) (int, error) {
	switch v.Kind() {
	case value.Null:
		return 0, nil
	case value.List, value.Object:
		return v.Len(), nil
	case value.String:
		return utf8.RuneCountInString(v.Text()), f.spend(len(v.Text()) >> 8)
	}
	return 0, errMisfit
}

type conditionalEval struct {
	*site
	when, then, otherwise eval
}

func (e *conditionalEval) eval(f *Frame) (*value.Node, error) {
	c, err := e.when.eval(f)
	if err != nil {
		return nil, err
	}
	if c.Kind() != value.Bool {
		return nil, e.misfit(f, c)
	}
	if c.Bool() {
		return e.then.eval(f)
	}
	return e.otherwise.eval(f)
}

type listEval struct{ elements []eval }

func (e *listEval) eval(f *Frame) (*value.Node, error) {
	list := f.Arena.List()
	for _, x := range e.elements {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		f.Arena.Append(list, v)
	}
	return list, nil
}

type objectEval struct {
	keys   []string
	values []eval
}

func (e *objectEval) eval(f *Frame) (*value.Node, error) {
	object := f.Arena.Object()
	for i, x := range e.values {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		f.Arena.Set(object, e.keys[i], v)
	}
	return object, nil
}

// firstEval is first(list, e, condition): the first element for which it is true.
type firstEval struct {
	*site
	list, when eval
	local      int
	condition  *site
	work       int // steps for each element
}

func (e *firstEval) eval(f *Frame) (*value.Node, error) {
	list, err := e.list.eval(f)
	if err != nil || list.IsNull() {
		return nil, err
	}
	if list.Kind() != value.List {
		return nil, nil // what is no list has no elements
	}
	top := len(f.locals)
	for len(f.locals) <= f.base+e.local {
		f.locals = append(f.locals, nil)
	}
	found, err := e.search(f, list)
	f.locals = f.locals[:top]
	return found, err
}

func (e *firstEval) search(f *Frame, list *value.Node) (*value.Node, error) {
	for m := list.First(); m != nil; m = m.Next() {
		if f.Profile != nil {
			f.Profile.add(e.text, e.span, e.work)
		}
		if err := f.spend(e.work); err != nil {
			return nil, e.fail(f, err, list)
		}
		f.locals[f.base+e.local] = m
		v, err := e.when.eval(f)
		if err != nil {
			return nil, err
		}
		if v.Kind() != value.Bool {
			return nil, e.condition.misfit(f, v)
		}
		if v.Bool() {
			return m, nil
		}
	}
	return nil, nil
}

// maxArgs bounds the arguments of one call.
const maxArgs = 16

// arguments evaluates args onto the frame's stack, so that calls allocate
// nothing. The caller pops them with f.stack = f.stack[:top].
func arguments(f *Frame, exprs []eval) (args []*value.Node, top int, err error) {
	top = len(f.stack)
	for _, x := range exprs {
		v, err := x.eval(f)
		if err != nil {
			f.stack = f.stack[:top]
			return nil, top, err
		}
		f.stack = append(f.stack, v)
	}
	return f.stack[top:], top, nil
}

// callee is what a call runs: a function of the table, one written in rules, or
// a method.
type callee interface {
	call(f *Frame, args []*value.Node) (*value.Node, error)
}

type callEval struct {
	*site
	fn   callee
	args []eval
}

func (e *callEval) eval(f *Frame) (*value.Node, error) {
	args, top, err := arguments(f, e.args)
	if err != nil {
		return nil, err
	}
	before := f.Steps
	v, err := e.fn.call(f, args)
	f.stack = f.stack[:top]
	if f.Profile != nil {
		f.Profile.add(e.text, e.span, before-f.Steps)
	}
	if err != nil {
		return nil, e.fail(f, err, args...) // they still stand above the stack's top
	}
	return v, nil
}

// builtin is a function of the table.
type builtin function.Eval

func (fn builtin) call(f *Frame, args []*value.Node) (*value.Node, error) {
	secret, work := false, 1
	for _, v := range args {
		secret = secret || v.HoldsSecret()
		work += len(v.Text())>>7 + v.Len()>>2
	}
	if err := f.spend(work); err != nil {
		return nil, err
	}
	made := f.Arena.Nodes()
	f.Arena.Meter(&f.Steps)
	v, err := fn(f.Arena, args)
	if paid := f.spend(len(v.Text())>>7 + (f.Arena.Nodes()-made)>>1); paid != nil {
		return nil, paid
	}
	if err != nil {
		return nil, unquoted(err, secret)
	}
	return f.taint(v, secret)
}

// tainted runs a method.
func tainted(f *Frame, args []*value.Node, run func(*Frame, []*value.Node) (*value.Node, error)) (*value.Node, error) {
	secret, work := false, 1
	for _, v := range args {
		secret = secret || v.HoldsSecret()
		work += len(v.Text()) >> 7
	}
	if err := f.spend(work); err != nil {
		return nil, err
	}
	v, err := run(f, args)
	if err != nil {
		return nil, unquoted(err, secret)
	}
	return f.taint(v, secret)
}

// unquoted is the error of a call, without its words where it had a secret: some
// quote a text, such as a regular expression, in part.
func unquoted(err error, secret bool) error {
	var refusal *refused
	if !secret || errors.Is(err, ErrSteps) || errors.As(err, &refusal) || err == errTooLong {
		return err // these show no more than a preview
	}
	var failed *function.Error
	if errors.As(err, &failed) {
		return &function.Error{Function: failed.Function, Arg: failed.Arg, Message: "the value of a secret is not taken here"}
	}
	return errSecret
}

var errSecret = phrase("this fails with the value of a secret")

// taint marks what was made from a secret, which copies it. Whether a condition
// holds is none.
func (f *Frame) taint(v *value.Node, secret bool) (*value.Node, error) {
	if !secret || v.Kind() == value.Bool || v.Secret() {
		return v, nil
	}
	if err := f.weigh(v); err != nil {
		return nil, err
	}
	return f.Arena.MarkSecret(v), nil
}
