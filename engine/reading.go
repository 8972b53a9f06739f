package engine

import (
	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// bodyLimits bounds the bodies of descriptors that are read back: somewhat more
// than what requests may have, since others have written them anew.
var bodyLimits = value.Limits{Bytes: 2 * maxRequest, Depth: 1000, Nodes: 5_000_000, Key: 1 << 20, String: 2 * maxRequest, Number: 4 << 10}

// reading reads the items of a request back out of a body, by its envelope.
type reading struct {
	request *plan.Request
	vars    struct{ item, items int } // slots
	arena   *value.Arena
	items   []judged
	one     *value.Node // the item of a request that has one, as far as the body shows it
	whole   bool        // all of it
	said    int         // members of the envelope that the body has
}

// read reports whether the envelope could have made the body.
func (x *reading) read(formats *value.Node) bool {
	body, ok := x.body(formats)
	if !ok {
		return false
	}
	q := x.request
	if body == nil { // as good as any where the item is sent in another way, or not at all
		x.items = []judged{{}}
		return q.Single
	}
	if q.Encode == "xml" || q.Encode == "text" { // what it was made of cannot be told
		x.items = []judged{{}}
		return q.Single
	}
	if !x.match(q.Envelope, body) {
		return false
	}
	if q.Single {
		x.items = []judged{{node: x.one}}
	}
	for i := range x.items {
		if f := q.TraceField; f != "" && f != "index" && x.items[i].node.Get(f).IsScalar() {
			x.items[i].trace = scalarText(x.items[i].node.Get(f))
		}
	}
	return len(x.items) > 0
}

// body finds the content of a descriptor's body, nil for none. ok is false where
// the request would have written it in another format.
func (x *reading) body(formats *value.Node) (content *value.Node, ok bool) {
	var format *value.Node
	for f := formats.First(); f != nil; f = f.Next() {
		if f.IsEmpty() {
			continue
		}
		if format != nil || f.Kind() != value.Object {
			return nil, false
		}
		format = f
	}
	if format == nil {
		return nil, true
	}
	if x.request.Envelope == nil {
		return nil, false
	}
	switch is := format.Key(); x.request.Encode {
	case "form":
		return format, is == "FORM"
	case "xml", "text":
		return format, is == "XML"
	default:
		if is == "JSON_ARRAY" {
			list := x.parse(format.Get("batch"))
			return list, list.Kind() == value.List
		}
		return format, is == "JSON"
	}
}

// parse reads JSON that is written as a text, nil for what is none.
func (x *reading) parse(text *value.Node) *value.Node {
	if text.Kind() != value.String {
		return nil
	}
	n, err := value.Parse(x.arena, []byte(text.Text()), bodyLimits)
	if err != nil {
		return nil
	}
	return n
}

// match reports whether a template could have given a value, and takes the
// items out of it.
func (x *reading) match(t *plan.Template, n *value.Node) bool {
	switch {
	case t.Constant != nil:
		return value.Equal(t.Constant, n) || x.request.Encode == "form" && n.Kind() == value.String && scalarText(t.Constant) == n.Text()
	case t.Expr != nil:
		return x.take(t.Expr, n)
	case t.IsObject():
		if n.Kind() != value.Object {
			return false
		}
		known := 0
		for _, f := range t.Fields {
			m := n.Get(f.Name)
			if m != nil {
				known++
			}
			if !x.match(f.Value, m) {
				return false
			}
		}
		x.said += known
		return known == n.Len()
	case t.IsList():
		if n.Len() != len(t.Items) || n.Kind() != value.List { // elements that vanished cannot be told
			return false
		}
		m := n.First()
		for _, item := range t.Items {
			if !x.match(item, m) {
				return false
			}
			m = m.Next()
		}
		return true
	}
	return n.IsScalar() // a text with computed parts
}

// take takes the items out of a value that an expression gave. One that does not
// give items as they are could have given anything.
func (x *reading) take(e *plan.Expr, n *value.Node) bool {
	slot, steps, ok := e.Path()
	switch {
	case !ok:
		return true
	case slot == x.vars.items:
		return x.takeItems(steps, n)
	case slot == x.vars.item && len(steps) == 0:
		x.one, x.whole = n, true
	case slot == x.vars.item && n != nil && !x.whole:
		x.one = x.put(x.one, steps, n)
	}
	return true
}

func (x *reading) takeItems(steps expression.Path, n *value.Node) bool {
	if x.request.Encode == "form" {
		n = x.parse(n)
	}
	list := func(array int, l *value.Node) bool {
		for m := l.First(); m != nil; m = m.Next() {
			x.items = append(x.items, judged{node: m, array: array})
		}
		return l == nil || l.Kind() == value.List
	}
	if len(x.request.Arrays) == 0 {
		return len(steps) > 0 || n != nil && list(0, n)
	}
	ok := true
	for i, a := range x.request.Arrays {
		switch {
		case len(steps) == 0:
			ok = ok && n.Kind() == value.Object && list(i, n.Get(a.Name))
		case len(steps) == 1 && steps[0].Name == a.Name:
			ok = ok && list(i, n)
		}
	}
	return ok
}

// put makes a value a part of an object, below the members that a path names. A
// path through a list leads nowhere.
func (x *reading) put(object *value.Node, steps expression.Path, v *value.Node) *value.Node {
	if object == nil {
		object = x.arena.Object()
	}
	at := object
	for i, s := range steps {
		if s.IsIndex || at.Kind() != value.Object {
			break
		}
		if i == len(steps)-1 {
			x.arena.Set(at, s.Name, v)
		} else if next := at.Get(s.Name); next != nil {
			at = next
		} else {
			at = x.arena.Set(at, s.Name, x.arena.Object())
		}
	}
	return object
}

// score tells how much of the body the request explains.
func (x *reading) score() int {
	traces := 0
	for _, it := range x.items {
		if it.trace != "" {
			traces = 1
		}
	}
	return 2*x.said + traces
}

// sent returns what was read. Its items are shared by all who judge.
func (x *reading) sent(c *Connection) *Sent {
	s := &Sent{Name: x.request.Name, c: c, plan: x.request, items: x.items}
	for i := range x.items {
		x.items[i].node.Freeze()
		s.Traces = append(s.Traces, x.items[i].trace)
	}
	return s
}
