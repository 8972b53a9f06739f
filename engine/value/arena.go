package value

import (
	"strconv"
	"unsafe"
)

// Arena owns the nodes and texts of a batch of events. Reset takes them all
// back for the next batch, so mapping reuses memory instead of allocating.
//
// An Arena is not safe for concurrent use. Nodes of one arena may be made
// members of values in another, as long as the first is not Reset meanwhile.
type Arena struct {
	nodes   slab[Node]
	indexes slab[index]
	slots   slab[slot]
	texts   slab[byte]
	text    []byte  // the piece of texts in use; appended to
	open    []frame // the parser's stack
	steps   *int    // see Meter
}

// NewArena returns an empty arena.
func NewArena() *Arena { return &Arena{} }

// Reset takes back every node of the arena. All nodes handed out become
// invalid. The memory of one odd batch far above the others is given up.
func (a *Arena) Reset() {
	a.nodes.reset()
	a.indexes.reset()
	a.slots.reset()
	a.texts.reset()
	a.text = nil
}

// Meter names the budget that Pay takes from; nil is none.
func (a *Arena) Meter(steps *int) { a.steps = steps }

// Pay takes steps from the budget of what runs in the arena, and tells whether
// anything is left. A function whose work is more than its arguments show pays
// for it as it goes, and may stop with any result once nothing is left: its
// caller then fails.
func (a *Arena) Pay(steps int) bool {
	if a.steps == nil {
		return true
	}
	*a.steps -= steps
	return *a.steps >= 0
}

// PayFor pays for reading all of a value.
func (a *Arena) PayFor(n *Node) bool {
	if n == nil || n.kind < String {
		return true
	}
	steps := len(n.text) >> 6
	if n.kind != String {
		steps = 1 + n.Len()>>2
	}
	if !a.Pay(steps) {
		return false
	}
	for m := n.first; m != nil; m = m.next {
		if !a.Pay(len(m.key)>>7) || !a.PayFor(m) {
			return false
		}
	}
	return true
}

// Nodes counts the nodes that were taken since the last Reset.
func (a *Arena) Nodes() int { return a.nodes.taken() }

func (a *Arena) new(k Kind) *Node {
	n := a.nodes.one()
	*n = Node{kind: k}
	return n
}

// Shared values of two kinds that never need an arena.
var (
	nullNode  = &Node{kind: Null, flags: flagAttached}
	trueNode  = &Node{kind: Bool, flags: flagTrue | flagAttached}
	falseNode = &Node{kind: Bool, flags: flagAttached}
	emptyText = &Node{kind: String, flags: flagAttached}
)

// NullNode returns JSON null (which, unlike an absent value, is kept by lists).
func NullNode() *Node { return nullNode }

// BoolNode returns a boolean.
func BoolNode(b bool) *Node {
	if b {
		return trueNode
	}
	return falseNode
}

// TextNode returns a text that is shared, and so belongs to no arena.
func TextNode(s string) *Node { return &Node{kind: String, text: s, flags: flagAttached} }

// String returns a text. s must stay unchanged for the life of the arena.
func (a *Arena) String(s string) *Node {
	if s == "" {
		return emptyText
	}
	n := a.new(String)
	n.text = s
	return n
}

// Number returns a number from a JSON literal, which is kept as it is.
func (a *Arena) Number(literal string) *Node {
	n := a.new(Number)
	n.text = literal
	return n
}

// Int returns an integer.
func (a *Arena) Int(i int64) *Node {
	start := a.reserve(20)
	a.text = strconv.AppendInt(a.text, i, 10)
	return a.Number(a.since(start))
}

// Float returns a number from a finite double: the shortest digits that stand
// for it, without an exponent.
func (a *Arena) Float(f float64) *Node {
	return a.Number(a.Intern(strconv.AppendFloat(a.Text(24), f, 'f', -1, 64)))
}

// List returns an empty list, to be filled with Append.
func (a *Arena) List() *Node { return a.new(List) }

// Object returns an empty object, to be filled with Set.
func (a *Arena) Object() *Node { return a.new(Object) }

// Append adds an element to a list that is being built and returns the node
// that stands in the list. A nil element is added as null.
func (a *Arena) Append(list, element *Node) *Node {
	element = a.attach(element)
	a.link(list, element)
	return element
}

// Set makes v the member of an object that is being built and returns the node
// that stands in the object. A member of that name is replaced in its place.
// A nil value is set as null; leaving absent values out is the caller's choice.
func (a *Arena) Set(object *Node, key string, v *Node) *Node {
	if old := object.Get(key); old != nil {
		src := v
		if src == nil {
			src = nullNode
		}
		next := old.next
		*old = *src
		old.key, old.next = key, next
		old.flags |= flagAttached
		if old.flags&(flagSecret|flagHolds) != 0 {
			object.flags |= flagHolds
		}
		return old
	}
	return a.Add(object, key, v)
}

// Add is Set for a key that the object does not have yet.
func (a *Arena) Add(object *Node, key string, v *Node) *Node {
	v = a.attach(v)
	v.key = key
	a.link(object, v)
	if object.index != nil {
		a.addToIndex(object.index, v)
	} else if object.count == indexAt {
		object.index = a.buildIndex(object)
	}
	return v
}

// attach returns a node that may be linked into a parent: v itself when it is
// free, else a copy of its head that shares what is below.
func (a *Arena) attach(v *Node) *Node {
	if v == nil {
		v = nullNode
	}
	if v.flags&flagAttached != 0 {
		v = a.Copy(v)
	}
	v.flags |= flagAttached
	return v
}

func (a *Arena) link(parent, child *Node) {
	child.next = nil
	if parent.last == nil {
		parent.first = child
	} else {
		parent.last.next = child
	}
	parent.last = child
	parent.count++
	if child.flags&(flagSecret|flagHolds) != 0 {
		parent.flags |= flagHolds
	}
}

// Copy returns a free node equal to v. It shares the members of v, so neither
// may be built further, except by the holder of the copy through Fork.
func (a *Arena) Copy(v *Node) *Node {
	if v == nil {
		return nil
	}
	n := a.nodes.one()
	*n = *v
	n.key, n.next = "", nil
	n.flags &^= flagAttached
	return n
}

// Fork returns a new list or object with the same members as v, free to be
// built further; other kinds are copied.
func (a *Arena) Fork(v *Node) *Node {
	n := a.Copy(v)
	if n == nil || n.count == 0 {
		return n
	}
	n.first, n.last, n.count, n.index = nil, nil, 0, nil
	for m := v.first; m != nil; m = m.next {
		c := a.Copy(m)
		c.flags |= flagAttached
		c.key = m.key
		a.link(n, c)
	}
	if v.index != nil {
		n.index = a.buildIndex(n)
	}
	return n
}

// MarkSecret returns v, with all that is inside it, marked as computed from a
// secret: what is taken out of a secret object later is a secret too.
func (a *Arena) MarkSecret(v *Node) *Node {
	if v == nil || v.flags&flagSecret != 0 {
		return v
	}
	var n *Node
	switch v.Kind() {
	case Object:
		n = a.Object()
		for m := v.First(); m != nil; m = m.Next() {
			a.Add(n, m.Key(), a.MarkSecret(m))
		}
	case List:
		n = a.List()
		for m := v.First(); m != nil; m = m.Next() {
			a.Append(n, a.MarkSecret(m))
		}
	default:
		n = a.Copy(v)
	}
	n.flags |= flagSecret
	return n
}

// Text returns an empty buffer in the arena's memory for at least size bytes;
// pass what was appended to it to Intern. One buffer may be open at a time.
func (a *Arena) Text(size int) []byte {
	start := a.reserve(size)
	return a.text[start:start:cap(a.text)]
}

// Intern turns a buffer from Text into a string without copying where it still
// lies in the arena's memory.
func (a *Arena) Intern(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if start := len(a.text); start < cap(a.text) && unsafe.SliceData(b) == unsafe.SliceData(a.text[start:cap(a.text)]) {
		a.text = a.text[:start+len(b)]
		return a.since(start)
	}
	return string(b)
}

// reserve makes room for size more bytes in a.text and returns where they start.
func (a *Arena) reserve(size int) (start int) {
	if cap(a.text)-len(a.text) < size {
		a.text = a.texts.take(max(size, chunkBytes/2))[:0]
	}
	return len(a.text)
}

func (a *Arena) since(start int) string {
	b := a.text[start:]
	return unsafe.String(unsafe.SliceData(b), len(b))
}
