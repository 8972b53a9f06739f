package expression

import (
	"fmt"
	"math"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// Names that exist only in rewritten expressions; no author can write an @.
const (
	frameName   = "@frame"
	celNative   = "@native" // (frame, i): the native part i of the leaf
	celCall     = "@call"   // (frame, i, args…): callee i of the leaf
	celGet      = "@get"
	celOptional = "@optional" // a.?b and a[?i]
	celHas      = "@has"
	celIn       = "@contains"
	celSize     = "@count"
	celText     = "@text"
	celCompare  = "@compare" // (frame, operator, x, y)
	celPlain    = "@plain"   // a number that CEL knows
	celPaid     = "@paid"    // what a function of CEL reads
	celRange    = "@range"
	celElements = "@elements" // what first walks
	celSort     = "@sort"     // (frame, list, keys)
	celObject   = "@object"
	celInsert   = "@insert"
	celAdd      = "@add"
	celSubtract = "@subtract"
	celMultiply = "@multiply"
	celDivide   = "@divide"
	celModulo   = "@modulo"
	mapInsert   = "cel.@mapInsert" // what cel-go's transformMap expands to
	sortByKeys  = "@sortByAssociatedKeys"
	firstResult = "@found"
)

// helpers declares the functions that rewritten expressions call.
func helpers() []cel.EnvOption {
	options := []cel.EnvOption{
		helper(celNative, 1, cel.DynType, func(f *celFrame, args []ref.Val) ref.Val { return f.native(args[0]) }),
		helper(celText, 1, cel.StringType, (*celFrame).text),
		helper(celCompare, 3, cel.BoolType, (*celFrame).compare),
		helper(celPlain, 1, cel.DynType, func(f *celFrame, args []ref.Val) ref.Val { return plain(f.paid(args[0])) }),
		helper(celPaid, 1, cel.DynType, func(f *celFrame, args []ref.Val) ref.Val { return f.paid(args[0]) }),
		helper(celRange, 2, cel.DynType, func(f *celFrame, args []ref.Val) ref.Val { return f.walked(args[0], args[1]) }),
		helper(celSort, 2, cel.DynType, (*celFrame).sort),
		helper(celObject, 1, cel.DynType, newObject),
		helper(celInsert, 2, cel.DynType, insertAll),
		helper(celInsert, 3, cel.DynType, insert),
		helper(celOptional, 2, cel.OptionalType(cel.DynType), (*celFrame).optional),
		onNodes(celGet, 2, cel.DynType, func(f *celFrame, args []*value.Node) (ref.Val, error) {
			v, err := f.frame.member(args[0], args[1])
			return f.wrap(v), err
		}),
		onNodes(celHas, 2, cel.BoolType, func(f *celFrame, args []*value.Node) (ref.Val, error) {
			v, err := f.frame.member(args[0], args[1])
			return types.Bool(v != nil), err
		}),
		onNodes(celIn, 2, cel.BoolType, func(f *celFrame, args []*value.Node) (ref.Val, error) {
			found, err := f.frame.contains(args[1], args[0])
			return types.Bool(found), err
		}),
		onNodes(celSize, 1, cel.IntType, func(f *celFrame, args []*value.Node) (ref.Val, error) {
			n, err := f.frame.size(args[0])
			return types.Int(n), err
		}),
		helper(celElements, 2, cel.DynType, func(f *celFrame, args []ref.Val) ref.Val {
			if _, ok := args[0].(traits.Lister); !ok {
				return emptyList
			}
			return f.walked(args[0], args[1])
		}),
	}
	for n := range maxArgs + 1 {
		options = append(options, helper(celCall, n+1, cel.DynType, func(f *celFrame, args []ref.Val) ref.Val {
			return f.call(args[0], args[1:])
		}))
	}
	return append(options, arithmetic()...)
}

var emptyList = types.NewRefValList(types.DefaultTypeAdapter, nil)

// helper declares a function of the frame and n other arguments.
func helper(name string, n int, result *cel.Type, run func(*celFrame, []ref.Val) ref.Val) cel.EnvOption {
	params := make([]*cel.Type, n+1)
	for i := range params {
		params[i] = cel.DynType
	}
	return cel.Function(name, cel.Overload(fmt.Sprintf("%s_%d", name, n), params, result, cel.FunctionBinding(onFrame(run))))
}

func onFrame(run func(*celFrame, []ref.Val) ref.Val) func(...ref.Val) ref.Val {
	return func(values ...ref.Val) ref.Val {
		return run(values[0].(*celFrame), values[1:])
	}
}

// onNodes is helper for a function of JSON values.
func onNodes(name string, n int, result *cel.Type, run func(*celFrame, []*value.Node) (ref.Val, error)) cel.EnvOption {
	return helper(name, n, result, func(f *celFrame, args []ref.Val) ref.Val {
		var nodes [2]*value.Node
		for i, x := range args {
			v, err := f.result(x)
			if err != nil {
				return types.WrapErr(err)
			}
			nodes[i] = v
		}
		out, err := run(f, nodes[:len(args)])
		if err != nil {
			return types.WrapErr(err)
		}
		return out
	})
}

// arithmetic declares + - * / % for the types of CEL, and for an int with a
// double: the same field of JSON may be 5 in one event and 5.5 in the next.
func arithmetic() []cel.EnvOption {
	type overload struct{ l, r, result *cel.Type }
	same := func(types ...*cel.Type) (out []overload) {
		for _, t := range types {
			out = append(out, overload{t, t, t})
		}
		return out
	}
	i, u, d, at, span := cel.IntType, cel.UintType, cel.DoubleType, cel.TimestampType, cel.DurationType
	mixed := []overload{{i, d, d}, {d, i, d}}
	numbers := append(same(i, u, d), mixed...)
	of := map[string][]overload{
		celAdd:      append(append(numbers, same(cel.StringType, cel.BytesType, cel.ListType(cel.DynType), span)...), overload{at, span, at}, overload{span, at, at}),
		celSubtract: append(append(numbers, same(span)...), overload{at, span, at}, overload{at, at, span}),
		celMultiply: numbers,
		celDivide:   numbers,
		celModulo:   same(i, u),
	}
	var options []cel.EnvOption
	for name, list := range of {
		var overloads []cel.FunctionOpt
		for n, o := range list {
			overloads = append(overloads, cel.Overload(fmt.Sprintf("%s_%d", name, n), []*cel.Type{cel.DynType, o.l, o.r}, o.result))
		}
		overloads = append(overloads, cel.SingletonFunctionBinding(onFrame(func(f *celFrame, args []ref.Val) ref.Val {
			return f.compute(name, args[0], args[1])
		})))
		options = append(options, cel.Function(name, overloads...))
	}
	return options
}

var signs = map[string]string{celAdd: "+", celSubtract: "-", celMultiply: "*", celDivide: "/", celModulo: "%"}

// misfits returns a value of CEL that says errMisfit. Nothing may label it: each is new.
func misfits() ref.Val { return types.WrapErr(errMisfit) }

func (f *celFrame) compute(op string, l, r ref.Val) ref.Val {
	if out := f.join(op, l, r); out != nil {
		return out
	}
	x, y := plain(l), plain(r)
	if i, ok := x.(types.Int); ok && y.Type() == types.DoubleType {
		x = types.Double(i)
	}
	if i, ok := y.(types.Int); ok && x.Type() == types.DoubleType {
		y = types.Double(i)
	}
	var out ref.Val
	switch op {
	case celAdd:
		if a, ok := x.(traits.Adder); ok {
			out = a.Add(y)
		}
	case celSubtract:
		if a, ok := x.(traits.Subtractor); ok {
			out = a.Subtract(y)
		}
	case celMultiply:
		if a, ok := x.(traits.Multiplier); ok {
			out = a.Multiply(y)
		}
	case celDivide:
		if a, ok := x.(traits.Divider); ok {
			out = a.Divide(y)
		}
	case celModulo:
		if a, ok := x.(traits.Modder); ok {
			out = a.Modulo(y)
		}
	}
	if out == nil || types.IsError(out) {
		return misfits()
	}
	if d, ok := out.(types.Double); ok && (math.IsInf(float64(d), 0) || math.IsNaN(float64(d))) {
		return misfits() // JSON has no such number
	}
	return out
}

// join is + of texts and of lists, which cost as much as they are long.
func (f *celFrame) join(op string, l, r ref.Val) ref.Val {
	if op != celAdd {
		return nil
	}
	if x, ok := l.(types.String); ok {
		y, ok := r.(types.String)
		if !ok {
			return nil
		}
		return f.joined(len(x)+len(y), func() ref.Val { return x + y })
	}
	if x, ok := l.(types.Bytes); ok {
		y, ok := r.(types.Bytes)
		if !ok {
			return nil
		}
		return f.joined(len(x)+len(y), func() ref.Val { return x.Add(y) })
	}
	_, okL := l.(traits.Lister)
	_, okR := r.(traits.Lister)
	if !okL || !okR {
		return nil
	}
	sum := f.frame.Arena.List()
	for _, x := range []ref.Val{l, r} {
		v, err := f.result(x)
		if err == nil {
			err = f.frame.spend(v.Len() >> 1)
		}
		if err != nil {
			return types.WrapErr(err)
		}
		for m := v.First(); m != nil; m = m.Next() {
			f.frame.Arena.Append(sum, m)
		}
	}
	return f.wrap(sum)
}

// joined is a sum of so many bytes, unless it is too long.
func (f *celFrame) joined(bytes int, sum func() ref.Val) ref.Val {
	if bytes > maxText {
		return types.WrapErr(errTooLong)
	}
	f.work(bytes >> 7)
	return sum()
}

// compare is == != < <= > >=, as the native form has them. Instants and spans
// of time are ordered as such.
func (f *celFrame) compare(args []ref.Val) ref.Val {
	op, l, r := string(args[0].(types.String)), args[1], args[2]
	if op == "==" || op == "!=" {
		x, err := f.result(l)
		if err != nil {
			return types.WrapErr(err)
		}
		y, err := f.result(r)
		if err != nil {
			return types.WrapErr(err)
		}
		same, err := f.frame.equal(x, y)
		if err != nil {
			return types.WrapErr(err)
		}
		return types.Bool(same == (op == "=="))
	}
	c, err := f.order(l, r)
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Bool(ordered(op, c))
}

func (f *celFrame) order(l, r ref.Val) (int, error) {
	if t := l.Type(); t == r.Type() && (t == types.TimestampType || t == types.DurationType) {
		return int(l.(traits.Comparer).Compare(r).(types.Int)), nil
	}
	x, err := f.result(l)
	if err != nil {
		return 0, err
	}
	y, err := f.result(r)
	if err != nil {
		return 0, err
	}
	return f.frame.order(x, y)
}

// sort orders a list by keys; equal ones stay as they stood.
func (f *celFrame) sort(args []ref.Val) ref.Val {
	list, ok := args[0].(traits.Lister)
	keys, ok2 := args[1].(traits.Lister)
	if !ok || !ok2 {
		return f.refuse(0, args[0], "only lists can be sorted", "write [%s] for a list of it alone")
	}
	type item struct{ v, key ref.Val }
	n := int(list.Size().(types.Int))
	f.work(n)
	items := make([]item, n)
	for i, at, by := 0, list.Iterator(), keys.Iterator(); i < n; i++ {
		items[i] = item{at.Next(), by.Next()}
	}
	var failed error
	slices.SortStableFunc(items, func(a, b item) int {
		if failed != nil {
			return 0
		}
		c, err := f.order(a.key, b.key)
		failed = err
		return c
	})
	if failed != nil {
		return types.WrapErr(failed)
	}
	out := make([]ref.Val, n)
	for i, x := range items {
		out[i] = x.v
	}
	return types.NewRefValList(types.DefaultTypeAdapter, out)
}

// refuse says that an argument cannot be taken.
func (f *celFrame) refuse(arg int, v ref.Val, takes, remedy string) ref.Val {
	n, err := f.result(v)
	if err != nil {
		return misfits()
	}
	return types.WrapErr(&refused{arg: arg, v: n, takes: takes, remedy: remedy})
}

// text is string(x). A number is written as plain digits, where CEL has an
// exponent.
func (f *celFrame) text(args []ref.Val) ref.Val {
	switch x := args[0].(type) {
	case types.Double, *celNumber:
		n, err := f.result(x)
		if err != nil {
			return types.WrapErr(err)
		}
		if n, err = function.Lookup("text").Eval(f.frame.Arena, []*value.Node{n}); err != nil {
			return types.WrapErr(err)
		}
		return types.String(n.Text())
	case *celList, *celObjectVal, types.Null:
		return misfits()
	}
	return args[0].ConvertToType(types.StringType)
}

// walked is what a comprehension walks, which pays for each element; null has
// none.
func (f *celFrame) walked(over, index ref.Val) ref.Val {
	loop := &f.leaf.loops[index.(types.Int)]
	switch x := over.(type) {
	case types.Null:
		return emptyList
	case *celList:
		return &celList{n: x.n, f: f, loop: loop}
	case *celObjectVal:
		return &celObjectVal{n: x.n, f: f, loop: loop}
	case traits.Lister:
		return &walkedList{x, f, loop}
	default:
		return misfits()
	}
}

// walkedList is a list of CEL's own, paid for as it is walked.
type walkedList struct {
	traits.Lister
	f    *celFrame
	loop *loop
}

func (l *walkedList) Iterator() traits.Iterator {
	return &paidIterator{l.Lister.Iterator(), l.f, l.loop}
}

// Fold gives two-variable comprehensions the index and the element.
func (l *walkedList) Fold(folder traits.Folder) {
	i := types.Int(0)
	for it := l.Iterator(); it.HasNext() == types.True; i++ {
		if !folder.FoldEntry(i, it.Next()) {
			return
		}
	}
}

type paidIterator struct {
	traits.Iterator
	f    *celFrame
	loop *loop
}

func (it *paidIterator) Next() ref.Val {
	it.f.walk(it.loop)
	return it.Iterator.Next()
}

// paid pays for a function that reads all of v.
func (f *celFrame) paid(v ref.Val) ref.Val {
	switch x := v.(type) {
	case types.String:
		f.work(len(x) >> 5)
	case types.Bytes:
		f.work(len(x) >> 5)
	case traits.Lister:
		if n, ok := x.Size().(types.Int); ok {
			f.work(int(n) >> 2)
		}
	}
	return v
}

// optional is x.?key and x[?key].
func (f *celFrame) optional(args []ref.Val) ref.Val {
	x := args[0]
	if o, ok := x.(*types.Optional); ok {
		if !o.HasValue() {
			return o
		}
		x = o.GetValue()
	}
	n, err := f.result(x)
	if err != nil {
		return types.WrapErr(err)
	}
	key, err := f.result(args[1])
	if err != nil {
		return types.WrapErr(err)
	}
	v, err := f.frame.member(n, key)
	if err != nil {
		return types.WrapErr(err)
	}
	if v == nil {
		return types.OptionalNone
	}
	return types.OptionalOf(f.wrap(v))
}
