package expression

import (
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// eval is a node of the native form. It never changes after compilation, so
// programs are safe for concurrent use.
type eval interface {
	eval(f *Frame) (*value.Node, error)
}

// span is the place of an expression that can fail, for its error.
type span struct{ from, to int }

func (s span) fail(format string, args ...any) error {
	return &Error{From: s.from, To: s.to, Message: fmt.Sprintf(format, args...)}
}

func (s span) wrap(err error) error {
	if _, ok := err.(*Error); ok {
		return err
	}
	return &Error{From: s.from, To: s.to, Message: err.Error(), Cause: err}
}

type constant struct{ v *value.Node }

func (e constant) eval(*Frame) (*value.Node, error) { return e.v, nil }

type pathEval struct {
	span
	slot  int
	steps Path
}

func (e *pathEval) eval(f *Frame) (*value.Node, error) {
	n, err := f.Loader.Load(e.slot)
	if err != nil || n == nil || len(e.steps) == 0 {
		return n, err
	}
	return e.steps.Walk(n), nil
}

type localEval struct {
	index int
	steps Path
}

func (e *localEval) eval(f *Frame) (*value.Node, error) {
	return e.steps.Walk(f.local(e.index)), nil
}

// getEval is a selection whose operand or key is computed.
type getEval struct{ operand, key eval }

func (e *getEval) eval(f *Frame) (*value.Node, error) {
	n, err := e.operand.eval(f)
	if err != nil || n == nil {
		return nil, err
	}
	k, err := e.key.eval(f)
	if err != nil {
		return nil, err
	}
	return member(n, k), nil
}

// member is the null-safe selection of rules: what is not there is nil.
func member(n, key *value.Node) *value.Node {
	switch key.Kind() {
	case value.String:
		return n.Get(key.Text())
	case value.Number:
		if i, ok := key.Int(); ok && i >= 0 && i < int64(n.Len()) {
			return n.At(int(i))
		}
	}
	return nil
}

type hasEval struct{ operand, key eval }

func (e *hasEval) eval(f *Frame) (*value.Node, error) {
	v, err := (&getEval{e.operand, e.key}).eval(f)
	return value.BoolNode(v != nil), err
}

type notEval struct {
	span
	x eval
}

func (e *notEval) eval(f *Frame) (*value.Node, error) {
	v, err := e.x.eval(f)
	if err != nil {
		return nil, err
	}
	if v.Kind() != value.Bool {
		return nil, e.fail("! needs true or false, this is %s", value.Preview(v))
	}
	return value.BoolNode(!v.Bool()), nil
}

// logicEval is && and ||. As CEL has it, an operand that fails does not matter
// where the other one decides.
type logicEval struct {
	span
	left, right eval
	or          bool
}

func (e *logicEval) eval(f *Frame) (*value.Node, error) {
	l, errL := e.operand(f, e.left)
	if errL == nil && l == e.or {
		return value.BoolNode(e.or), nil
	}
	r, errR := e.operand(f, e.right)
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

func (e *logicEval) operand(f *Frame, x eval) (bool, error) {
	v, err := x.eval(f)
	if err != nil {
		return false, err
	}
	if v.Kind() != value.Bool {
		op := "&&"
		if e.or {
			op = "||"
		}
		return false, e.fail("%s needs true or false on both sides, one is %s", op, value.Preview(v))
	}
	return v.Bool(), nil
}

type equalEval struct {
	left, right eval
	not         bool
}

func (e *equalEval) eval(f *Frame) (*value.Node, error) {
	l, err := e.left.eval(f)
	if err != nil {
		return nil, err
	}
	r, err := e.right.eval(f)
	if err != nil {
		return nil, err
	}
	return value.BoolNode(value.Equal(l, r) != e.not), nil
}

type orderEval struct {
	span
	left, right eval
	op          string
}

func (e *orderEval) eval(f *Frame) (*value.Node, error) {
	l, err := e.left.eval(f)
	if err != nil {
		return nil, err
	}
	r, err := e.right.eval(f)
	if err != nil {
		return nil, err
	}
	var c int
	switch {
	case l.Kind() == value.Number && r.Kind() == value.Number:
		c = value.CompareNumbers(l, r)
	case l.Kind() == value.String && r.Kind() == value.String:
		c = strings.Compare(l.Text(), r.Text())
	default:
		return nil, e.fail("%s compares two numbers or two texts, here are %s and %s", e.op, value.Preview(l), value.Preview(r))
	}
	switch e.op {
	case "<":
		return value.BoolNode(c < 0), nil
	case "<=":
		return value.BoolNode(c <= 0), nil
	case ">":
		return value.BoolNode(c > 0), nil
	}
	return value.BoolNode(c >= 0), nil
}

type inEval struct {
	span
	x, in eval
}

func (e *inEval) eval(f *Frame) (*value.Node, error) {
	x, err := e.x.eval(f)
	if err != nil {
		return nil, err
	}
	in, err := e.in.eval(f)
	if err != nil {
		return nil, err
	}
	found, err := contains(in, x)
	if err != nil {
		return nil, e.wrap(err)
	}
	return value.BoolNode(found), nil
}

// contains is the `in` of rules: an element of a list, a key of an object;
// nothing is in null.
func contains(in, x *value.Node) (bool, error) {
	switch in.Kind() {
	case value.Null:
		return false, nil
	case value.List:
		for m := in.First(); m != nil; m = m.Next() {
			if value.Equal(m, x) {
				return true, nil
			}
		}
		return false, nil
	case value.Object:
		return x.Kind() == value.String && in.Get(x.Text()) != nil, nil
	}
	return false, fmt.Errorf("in needs a list or an object on its right, this is %s", value.Preview(in))
}

type sizeEval struct {
	span
	x eval
}

func (e *sizeEval) eval(f *Frame) (*value.Node, error) {
	v, err := e.x.eval(f)
	if err != nil {
		return nil, err
	}
	n, err := size(v)
	if err != nil {
		return nil, e.wrap(err)
	}
	return f.Arena.Int(int64(n)), nil
}

func size(v *value.Node) (int, error) {
	switch v.Kind() {
	case value.Null:
		return 0, nil
	case value.List, value.Object:
		return v.Len(), nil
	case value.String:
		return len([]rune(v.Text())), nil
	}
	return 0, fmt.Errorf("size counts the elements of a list, the keys of an object or the characters of a text, this is %s", value.Preview(v))
}

type conditionalEval struct {
	span
	when, then, otherwise eval
}

func (e *conditionalEval) eval(f *Frame) (*value.Node, error) {
	c, err := e.when.eval(f)
	if err != nil {
		return nil, err
	}
	if c.Kind() != value.Bool {
		return nil, e.fail("what stands before ? has to be true or false, this is %s", value.Preview(c))
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
	span
	list, when eval
	local      int
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
	defer func() { f.locals = f.locals[:top] }()
	for m := list.First(); m != nil; m = m.Next() {
		if err := f.spend(1); err != nil {
			return nil, e.wrap(err)
		}
		f.locals[f.base+e.local] = m
		v, err := e.when.eval(f)
		if err != nil {
			return nil, err
		}
		if v.Kind() != value.Bool {
			return nil, e.fail("the condition of first has to be true or false, this is %s", value.Preview(v))
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

// callEval calls a function of the table.
type callEval struct {
	span
	fn   function.Eval
	args []eval
}

func (e *callEval) eval(f *Frame) (*value.Node, error) {
	args, top, err := arguments(f, e.args)
	if err != nil {
		return nil, err
	}
	v, err := invoke(f, e.fn, args)
	f.stack = f.stack[:top]
	if err != nil {
		return nil, e.wrap(err)
	}
	return v, nil
}

// invoke runs a function of the table; what it makes from a secret is secret.
func invoke(f *Frame, fn function.Eval, args []*value.Node) (*value.Node, error) {
	secret, work := false, 1
	for _, v := range args {
		secret = secret || v.HoldsSecret()
		work += len(v.Text())>>10 + v.Len()>>5
	}
	if err := f.spend(work); err != nil {
		return nil, err
	}
	v, err := fn(f.Arena, args)
	if err != nil {
		return nil, err
	}
	if secret && v.Kind() != value.Bool {
		v = f.Arena.MarkSecret(v)
	}
	return v, nil
}

// userEval calls a function written in rules.
type userEval struct {
	span
	fn   *Function
	args []eval
}

func (e *userEval) eval(f *Frame) (*value.Node, error) {
	args, top, err := arguments(f, e.args)
	if err != nil {
		return nil, err
	}
	v, err := f.Call(e.fn, args...)
	f.stack = f.stack[:top]
	if err != nil {
		return nil, e.wrap(err)
	}
	return v, nil
}
