package expression

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// method is a function of CEL's libraries that is computed here: conditions use
// it often, or what cel-go does grows faster than the event.
type method struct {
	least, most int // arguments, with the one before the point
	form        string
	run         func(f *Frame, args []*value.Node) (*value.Node, error)
}

func (m *method) call(f *Frame, args []*value.Node) (*value.Node, error) {
	return tainted(f, args, m.run)
}

const maxText = 1 << 20 // bytes of a text that is put together

var methods = map[string]*method{
	"startsWith":      {2, 2, `text.startsWith("prefix")`, textTest("startsWith", strings.HasPrefix)},
	"endsWith":        {2, 2, `text.endsWith("suffix")`, textTest("endsWith", strings.HasSuffix)},
	"contains":        {2, 2, `text.contains("part")`, textTest("contains", strings.Contains)},
	"matches":         {2, 2, `text.matches("^pattern$")`, matches},
	"indexOf":         {2, 3, `text.indexOf("part", from)`, indexOf},
	"lastIndexOf":     {2, 3, `text.lastIndexOf("part", from)`, lastIndexOf},
	"replace":         {3, 4, `text.replace("old", "new", times)`, replace},
	"join":            {1, 2, `list.join(", ")`, join},
	"distinct":        {1, 1, `list.distinct()`, distinct},
	"sort":            {1, 1, `list.sort()`, sorted},
	"flatten":         {1, 2, `list.flatten(depth)`, flatten},
	"lists.range":     {1, 1, `lists.range(length)`, count},
	"sets.contains":   {2, 2, `sets.contains(list, list)`, setTest("sets.contains", false)},
	"sets.equivalent": {2, 2, `sets.equivalent(list, list)`, setTest("sets.equivalent", true)},
	"sets.intersects": {2, 2, `sets.intersects(list, list)`, intersects},
}

// texts checks arguments that have to be text.
func texts(name string, args ...*value.Node) error {
	for i, x := range args {
		if x.Kind() != value.String {
			remedy := "write text(%s)"
			if x.Kind() == value.List && name == "contains" {
				remedy = "write x in %s to look for an element"
			}
			return &refused{arg: i, v: x, takes: name + " works on text", remedy: remedy}
		}
	}
	return nil
}

// lists checks arguments that have to be lists; null counts as an empty one.
func lists(name string, args ...*value.Node) error {
	for i, x := range args {
		if x.Kind() != value.List && !x.IsNull() {
			return &refused{arg: i, v: x, takes: name + " works on lists", remedy: "write [%s] for a list of it alone"}
		}
	}
	return nil
}

// whole returns an argument that is a whole number, absent if it is left out.
func whole(name string, args []*value.Node, i, absent int) (int, error) {
	if i >= len(args) {
		return absent, nil
	}
	n, ok := args[i].Int()
	if !ok || n < -1<<31 || n > 1<<31 {
		return 0, &refused{arg: i, v: args[i], takes: name + " needs a whole number here", remedy: "write int(%s)"}
	}
	return int(n), nil
}

func textTest(name string, test func(s, part string) bool) func(*Frame, []*value.Node) (*value.Node, error) {
	return func(_ *Frame, args []*value.Node) (*value.Node, error) {
		if args[0].IsNull() { // what is missing begins, ends and holds nothing
			return value.BoolNode(false), nil
		}
		if err := texts(name, args...); err != nil {
			return nil, err
		}
		return value.BoolNode(test(args[0].Text(), args[1].Text())), nil
	}
}

func matches(f *Frame, args []*value.Node) (*value.Node, error) {
	if args[0].IsNull() {
		return value.BoolNode(false), nil
	}
	if err := texts("matches", args...); err != nil {
		return nil, err
	}
	f.Arena.Meter(&f.Steps)
	p, err := function.CompilePattern(f.Arena, args[1].Text())
	if paid := f.spend(0); paid != nil {
		return nil, paid
	}
	if err != nil {
		return nil, phrase("matches: the pattern " + err.Error())
	}
	return matchesPattern(p)(f, args)
}

func matchesPattern(p *function.Pattern) func(*Frame, []*value.Node) (*value.Node, error) {
	return func(f *Frame, args []*value.Node) (*value.Node, error) {
		if args[0].IsNull() {
			return value.BoolNode(false), nil
		}
		if err := texts("matches", args...); err != nil {
			return nil, err
		}
		if err := f.spend(p.Steps(len(args[0].Text()))); err != nil {
			return nil, err
		}
		return value.BoolNode(p.MatchString(args[0].Text())), nil
	}
}

// byteOffset returns where the character i of s starts; false if s is shorter.
func byteOffset(s string, i int) (int, bool) {
	for at := range s {
		if i == 0 {
			return at, true
		}
		i--
	}
	return len(s), i == 0
}

func position(f *Frame, s string, at int) *value.Node {
	if at < 0 {
		return f.Arena.Int(-1)
	}
	return f.Arena.Int(int64(utf8.RuneCountInString(s[:at])))
}

func indexOf(f *Frame, args []*value.Node) (*value.Node, error) {
	if err := texts("indexOf", args[:2]...); err != nil {
		return nil, err
	}
	from, err := whole("indexOf", args, 2, 0)
	if err != nil {
		return nil, err
	}
	if from < 0 {
		return nil, &refused{arg: 2, v: args[2], takes: "indexOf counts characters from 0 on", remedy: "write math.greatest(%s, 0)"}
	}
	s, part := args[0].Text(), args[1].Text()
	start, ok := byteOffset(s, from)
	if !ok && part != "" {
		return f.Arena.Int(-1), nil
	}
	at := strings.Index(s[start:], part)
	if at >= 0 {
		at += start
	}
	return position(f, s, at), nil
}

func lastIndexOf(f *Frame, args []*value.Node) (*value.Node, error) {
	if err := texts("lastIndexOf", args[:2]...); err != nil {
		return nil, err
	}
	s, part := args[0].Text(), args[1].Text()
	if len(args) == 3 { // the last one that starts at that character or before
		from, err := whole("lastIndexOf", args, 2, 0)
		if err != nil {
			return nil, err
		}
		if from < 0 {
			return nil, &refused{arg: 2, v: args[2], takes: "lastIndexOf counts characters from 0 on", remedy: "write math.greatest(%s, 0)"}
		}
		start, _ := byteOffset(s, from)
		s = s[:min(len(s), start+len(part))]
	}
	return position(f, s, strings.LastIndex(s, part)), nil
}

func replace(f *Frame, args []*value.Node) (*value.Node, error) {
	if args[0].IsNull() {
		return nil, nil
	}
	if err := texts("replace", args[:3]...); err != nil {
		return nil, err
	}
	times, err := whole("replace", args, 3, -1)
	if err != nil {
		return nil, err
	}
	s, old, with := args[0].Text(), args[1].Text(), args[2].Text()
	n := strings.Count(s, old)
	if times >= 0 {
		n = min(n, times)
	}
	if size := len(s) + n*(len(with)-len(old)); size > maxText {
		return nil, errTooLong
	} else if err := f.spend(size >> 6); err != nil {
		return nil, err
	}
	return f.Arena.String(strings.Replace(s, old, with, n)), nil
}

var errTooLong = phrasef("the text that comes out would be longer than %d bytes: shorten what it is made of", maxText)

func join(f *Frame, args []*value.Node) (*value.Node, error) {
	if err := lists("join", args[0]); err != nil {
		return nil, err
	}
	separator := ""
	if len(args) == 2 {
		if args[1].Kind() != value.String {
			return nil, &refused{arg: 1, v: args[1], takes: "join puts a text between the elements", remedy: `write a text such as ", "`}
		}
		separator = args[1].Text()
	}
	size := 0
	for m := args[0].First(); m != nil; m = m.Next() {
		if m.Kind() != value.String {
			remedy := "joinText(%s, separator) takes numbers too"
			if m.Kind() == value.Object {
				remedy = "take a text of each, such as %s.map(e, e.name)"
			}
			return nil, &refused{v: m, takes: "join puts texts together", remedy: remedy, within: true}
		}
		if size += len(separator) + len(m.Text()); size > maxText {
			return nil, errTooLong
		}
	}
	if err := f.spend(size>>7 + args[0].Len()>>2); err != nil {
		return nil, err
	}
	b := f.Arena.Text(size)
	for m := args[0].First(); m != nil; m = m.Next() {
		if m != args[0].First() {
			b = append(b, separator...)
		}
		b = append(b, m.Text()...)
	}
	return f.Arena.String(f.Arena.Intern(b)), nil
}

// sorted orders numbers or texts; equal ones stay as they stood.
func sorted(f *Frame, args []*value.Node) (*value.Node, error) {
	if err := lists("sort", args[0]); err != nil {
		return nil, err
	}
	var items []*value.Node
	for m := args[0].First(); m != nil; m = m.Next() {
		items = append(items, m)
	}
	if err := f.spend(len(items) * bits.Len(uint(len(items))) >> 2); err != nil {
		return nil, err
	}
	var failed error
	slices.SortStableFunc(items, func(a, b *value.Node) int {
		c, err := f.order(a, b)
		if failed == nil {
			failed = err
		}
		return c
	})
	if failed != nil {
		return nil, failed
	}
	out := f.Arena.List()
	for _, m := range items {
		f.Arena.Append(out, m)
	}
	return out, nil
}

func distinct(f *Frame, args []*value.Node) (*value.Node, error) {
	if err := lists("distinct", args[0]); err != nil {
		return nil, err
	}
	out := f.Arena.List()
	for m := args[0].First(); m != nil; m = m.Next() {
		found, err := f.contains(out, m)
		if err != nil {
			return nil, err
		}
		if !found {
			f.Arena.Append(out, m)
		}
	}
	return out, nil
}

func flatten(f *Frame, args []*value.Node) (*value.Node, error) {
	if err := lists("flatten", args[0]); err != nil {
		return nil, err
	}
	depth, err := whole("flatten", args, 1, 1)
	if err != nil {
		return nil, err
	}
	if depth < 0 || depth > 64 {
		return nil, &refused{arg: 1, v: args[1], takes: "flatten goes 0 to 64 levels deep"}
	}
	out := f.Arena.List()
	var walk func(list *value.Node, depth int) error
	walk = func(list *value.Node, depth int) error {
		for m := list.First(); m != nil; m = m.Next() {
			if err := f.spend(1); err != nil {
				return err
			}
			if depth == 0 || m.Kind() != value.List {
				f.Arena.Append(out, m)
			} else if err := walk(m, depth-1); err != nil {
				return err
			}
		}
		return nil
	}
	return out, walk(args[0], depth)
}

// maxRange bounds the lists that rules count up.
const maxRange = 10_000

func count(f *Frame, args []*value.Node) (*value.Node, error) {
	n, ok := args[0].Int()
	if !ok || n < 0 || n > maxRange {
		return nil, &refused{v: args[0], takes: fmt.Sprintf("lists.range counts up to a whole number from 0 to %d", maxRange)}
	}
	if err := f.spend(int(n) >> 2); err != nil {
		return nil, err
	}
	out := f.Arena.List()
	for i := range n {
		f.Arena.Append(out, f.Arena.Int(i))
	}
	return out, nil
}

// setTest tells whether all of the second list are in the first, and for
// equivalence the other way round too.
func setTest(name string, both bool) func(*Frame, []*value.Node) (*value.Node, error) {
	return func(f *Frame, args []*value.Node) (*value.Node, error) {
		if err := lists(name, args...); err != nil {
			return nil, err
		}
		ok, err := f.containsAll(args[0], args[1])
		if ok && err == nil && both {
			ok, err = f.containsAll(args[1], args[0])
		}
		return value.BoolNode(ok), err
	}
}

func (f *Frame) containsAll(in, of *value.Node) (bool, error) {
	for m := of.First(); m != nil; m = m.Next() {
		if found, err := f.contains(in, m); err != nil || !found {
			return false, err
		}
	}
	return true, nil
}

func intersects(f *Frame, args []*value.Node) (*value.Node, error) {
	if err := lists("sets.intersects", args...); err != nil {
		return nil, err
	}
	for m := args[0].First(); m != nil; m = m.Next() {
		if found, err := f.contains(args[1], m); err != nil || found {
			return value.BoolNode(found), err
		}
	}
	return value.BoolNode(false), nil
}
