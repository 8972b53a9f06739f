package expression

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/celmap/celmap/engine/value"
)

// wrap gives CEL a view of a JSON value. Lists and objects are read lazily and
// in document order; numbers are ints where they fit, else doubles.
func (f *celFrame) wrap(n *value.Node) ref.Val {
	if n.Secret() {
		f.secret = true
	}
	switch n.Kind() {
	case value.Bool:
		return types.Bool(n.Bool())
	case value.Number:
		if i, ok := n.Int(); ok && n.Text() != "-0" {
			return types.Int(i)
		}
		if d := n.Float(); n.Text() == strconv.FormatFloat(d, 'f', -1, 64) {
			return types.Double(d)
		}
		return &celNumber{types.Double(n.Float()), n}
	case value.String:
		return types.String(n.Text())
	case value.List:
		return &celList{n: n, f: f}
	case value.Object:
		return &celObjectVal{n: n, f: f}
	}
	return types.NullValue
}

// result turns a value of CEL into JSON. Once a secret was read on the way, it
// may be computed from that.
func (f *celFrame) result(v ref.Val) (*value.Node, error) {
	n, err := f.convert(v)
	if err != nil {
		return nil, err
	}
	return f.frame.taint(n, f.secret)
}

func (f *celFrame) convert(v ref.Val) (*value.Node, error) {
	a := f.frame.Arena
	switch x := v.(type) {
	case *celNumber:
		return x.n, nil
	case *celList:
		return x.n, nil
	case *celObjectVal:
		return x.n, nil
	case types.Bool:
		return value.BoolNode(bool(x)), nil
	case types.Int:
		return a.Int(int64(x)), nil
	case types.Uint:
		return a.Number(fmt.Sprint(uint64(x))), nil
	case types.Double:
		if d := float64(x); math.IsNaN(d) || math.IsInf(d, 0) {
			return nil, phrasef("the result %v is no number that JSON has: ask for the divisor != 0 before", d)
		}
		return a.Float(float64(x)), nil
	case types.String:
		return a.String(string(x)), nil
	case types.Null:
		return value.NullNode(), nil
	case types.Timestamp:
		return a.String(x.UTC().Format(time.RFC3339Nano)), nil
	case types.Duration:
		return a.String(x.Duration.String()), nil
	case *types.Optional:
		if !x.HasValue() {
			return nil, nil
		}
		return f.convert(x.GetValue())
	case *types.Err:
		return nil, x
	case traits.Lister:
		list := a.List()
		for it := x.Iterator(); it.HasNext() == types.True; {
			if err := f.frame.spend(1); err != nil {
				return nil, err
			}
			n, err := f.convert(it.Next())
			if err != nil {
				return nil, err
			}
			a.Append(list, n)
		}
		return list, nil
	case traits.Mapper:
		return f.fromMap(x)
	}
	return nil, phrasef("a result of type %s is no JSON value: write text(x), or base64.encode(x) for bytes", typeWord(v.Type().TypeName()))
}

// fromMap converts one of cel-go's own maps. Their order changes from run to
// run, so the keys are sorted; objects written in rules never come here.
func (f *celFrame) fromMap(m traits.Mapper) (*value.Node, error) {
	var keys []string
	for it := m.Iterator(); it.HasNext() == types.True; {
		k, ok := it.Next().(types.String)
		if !ok {
			return nil, phrase("the keys of an object have to be texts")
		}
		keys = append(keys, string(k))
	}
	slices.Sort(keys)
	object := f.frame.Arena.Object()
	for _, k := range keys {
		n, err := f.convert(m.Get(types.String(k)))
		if err != nil {
			return nil, err
		}
		f.frame.Arena.Add(object, k, n)
	}
	return object, nil
}

func newObject(f *celFrame, args []ref.Val) ref.Val {
	object := f.frame.Arena.Object()
	for it := args[0].(traits.Lister).Iterator(); it.HasNext() == types.True; {
		key, v := it.Next(), it.Next()
		if o, ok := v.(*types.Optional); ok && !o.HasValue() {
			continue // {?"key": x.?y}
		}
		if out := f.set(object, key, v); out != nil {
			return out
		}
	}
	return &celObjectVal{n: object, f: f}
}

// insert adds a member to an object that a transformMap is building. The object
// is its accumulator, which nothing else can see, so it grows in place.
func insert(f *celFrame, args []ref.Val) ref.Val {
	object, ok := f.accumulator(args[0])
	if !ok {
		return types.WrapErr(phrase("only objects can get members"))
	}
	if err := f.set(object.n, args[1], args[2]); err != nil {
		return err
	}
	return object
}

// insertAll is insert for each member of an entry of transformMapEntry.
func insertAll(f *celFrame, args []ref.Val) ref.Val {
	object, ok := f.accumulator(args[0])
	entry, err := f.result(args[1])
	if !ok || err != nil || entry.Kind() != value.Object {
		return types.WrapErr(phrase("transformMapEntry needs an object for each element: write {key: value}"))
	}
	for m := entry.First(); m != nil; m = m.Next() {
		f.frame.Arena.Set(object.n, m.Key(), m)
	}
	return object
}

// accumulator returns the object that a transformMap is building. cel-go starts
// each comprehension with an empty map of its own, whose order is not ours.
func (f *celFrame) accumulator(v ref.Val) (*celObjectVal, bool) {
	if object, ok := v.(*celObjectVal); ok {
		return object, true
	}
	if m, ok := v.(traits.Mapper); !ok || m.Size() != types.IntZero {
		return nil, false
	}
	return &celObjectVal{n: f.frame.Arena.Object(), f: f}, true
}

func (f *celFrame) set(object *value.Node, key, v ref.Val) ref.Val {
	k, ok := key.(types.String)
	if !ok {
		return types.WrapErr(phrasef("the keys of an object have to be texts, this one is %s: write text(x), and ask whether it is there", f.given(key)))
	}
	n, err := f.result(v)
	if err != nil {
		return types.WrapErr(err)
	}
	f.frame.Arena.Set(object, string(k), n)
	return nil
}

// celList is a JSON list as CEL sees it.
type celList struct {
	n        *value.Node
	f        *celFrame
	loop     *loop // that walks it, nil for none
	elements []*value.Node
}

// celObjectVal is a JSON object as CEL sees it, in document order.
type celObjectVal struct {
	n    *value.Node
	f    *celFrame
	loop *loop // that walks it, nil for none
}

var (
	_ traits.Lister   = (*celList)(nil)
	_ traits.Mapper   = (*celObjectVal)(nil)
	_ traits.Foldable = (*celList)(nil)
	_ traits.Foldable = (*celObjectVal)(nil)
	_ ref.Val         = (*celFrame)(nil)
)

func (l *celList) Type() ref.Type { return types.ListType }
func (l *celList) Value() any     { return l.n }
func (l *celList) Size() ref.Val  { return types.Int(l.n.Len()) }
func (l *celList) Iterator() traits.Iterator {
	return &iterator{celFrame: l.f, next: l.n.First(), loop: l.loop}
}
func (l *celList) ConvertToType(t ref.Type) ref.Val          { return convertType(l, t) }
func (l *celList) ConvertToNative(reflect.Type) (any, error) { return nil, errNative }

func (l *celList) Equal(other ref.Val) ref.Val { return l.f.equal(l.n, other) }

// equal is for values inside values of CEL's own; == of rules is celCompare.
func (f *celFrame) equal(n *value.Node, other ref.Val) ref.Val {
	o, err := f.result(other)
	if err != nil {
		return types.False
	}
	same, err := f.frame.equal(n, o)
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Bool(same)
}

func (l *celList) Contains(v ref.Val) ref.Val {
	x, err := l.f.result(v)
	if err != nil {
		return types.False
	}
	found, err := l.f.frame.contains(l.n, x)
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Bool(found)
}

// Get returns an element, null if there is none. cel-go's functions walk lists
// by index, so the elements are laid out for that once.
func (l *celList) Get(index ref.Val) ref.Val {
	i, ok := index.(types.Int)
	if !ok || i < 0 || int(i) >= l.n.Len() {
		return types.NullValue
	}
	if l.elements == nil {
		l.elements = make([]*value.Node, 0, l.n.Len())
		for m := l.n.First(); m != nil; m = m.Next() {
			l.elements = append(l.elements, m)
		}
	}
	return l.f.wrap(l.elements[i])
}

func (l *celList) Add(other ref.Val) ref.Val { return l.f.compute(celAdd, l, other) }

// Fold gives two-variable comprehensions the index and the element.
func (l *celList) Fold(folder traits.Folder) {
	i := 0
	for m := l.n.First(); m != nil; m = m.Next() {
		l.f.walk(l.loop)
		if !folder.FoldEntry(types.Int(i), l.f.wrap(m)) {
			return
		}
		i++
	}
}

func (o *celObjectVal) Type() ref.Type { return types.MapType }
func (o *celObjectVal) Value() any     { return o.n }
func (o *celObjectVal) Size() ref.Val  { return types.Int(o.n.Len()) }
func (o *celObjectVal) Iterator() traits.Iterator {
	return &iterator{celFrame: o.f, next: o.n.First(), loop: o.loop, keys: true}
}
func (o *celObjectVal) ConvertToType(t ref.Type) ref.Val          { return convertType(o, t) }
func (o *celObjectVal) ConvertToNative(reflect.Type) (any, error) { return nil, errNative }

func (o *celObjectVal) Equal(other ref.Val) ref.Val { return o.f.equal(o.n, other) }

func (o *celObjectVal) Contains(key ref.Val) ref.Val {
	_, found := o.Find(key)
	return types.Bool(found)
}

func (o *celObjectVal) Get(key ref.Val) ref.Val {
	v, found := o.Find(key)
	if !found {
		return types.NullValue
	}
	return v
}

func (o *celObjectVal) Find(key ref.Val) (ref.Val, bool) {
	k, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	n := o.n.Get(string(k))
	if n == nil {
		return nil, false
	}
	return o.f.wrap(n), true
}

// Fold gives two-variable comprehensions the key and the value, in order.
func (o *celObjectVal) Fold(folder traits.Folder) {
	for m := o.n.First(); m != nil; m = m.Next() {
		o.f.walk(o.loop)
		if !folder.FoldEntry(types.String(m.Key()), o.f.wrap(m)) {
			return
		}
	}
}

// iterator walks a list, or the keys of an object.
type iterator struct {
	*celFrame
	next *value.Node
	loop *loop
	keys bool
}

func (it *iterator) HasNext() ref.Val { return types.Bool(it.next != nil) }

func (it *iterator) Next() ref.Val {
	n := it.next
	if n == nil {
		return nil
	}
	it.walk(it.loop)
	it.next = n.Next()
	if it.keys {
		return types.String(n.Key())
	}
	return it.wrap(n)
}

// celNumber is a number of JSON that is no int of CEL and whose digits a double
// would not keep: 18446744073709551617, 1.50. Copied, it stays as it is; what
// computes with it gets the double, see plain.
type celNumber struct {
	types.Double
	n *value.Node
}

// Equal compares by value, exactly where both are whole.
func (x *celNumber) Equal(other ref.Val) ref.Val {
	if o, ok := other.(*celNumber); ok {
		return types.Bool(value.Equal(x.n, o.n))
	}
	return x.Double.Equal(other)
}

// plain gives CEL's functions the numbers that they know.
func plain(v ref.Val) ref.Val {
	switch x := v.(type) {
	case *celNumber:
		return x.Double
	case traits.Lister:
		var out []ref.Val
		for it := x.Iterator(); it.HasNext() == types.True; {
			out = append(out, plain(it.Next()))
		}
		return types.NewRefValList(types.DefaultTypeAdapter, out)
	}
	return v
}

var errNative = errors.New("JSON values are not converted to Go types")

func convertType(v ref.Val, t ref.Type) ref.Val {
	switch t {
	case v.Type():
		return v
	case types.TypeType:
		return v.Type().(ref.Val)
	}
	return misfits()
}

// Type and the methods below make a celFrame a value of CEL, so that helpers
// get it as their first argument. No expression can reach it.
func (*celFrame) Type() ref.Type                            { return types.DynType }
func (f *celFrame) Value() any                              { return f }
func (f *celFrame) Equal(other ref.Val) ref.Val             { return types.Bool(other == ref.Val(f)) }
func (f *celFrame) ConvertToType(ref.Type) ref.Val          { return f }
func (*celFrame) ConvertToNative(reflect.Type) (any, error) { return nil, errNative }
