// Package value is celmap's JSON value model: an arena of linked nodes that a
// strict parser fills, rules read, and the encoder writes out again.
//
// Numbers keep their digits: a number is its JSON literal, and becomes an int
// or a double only where a rule computes with it. Objects keep the order of
// their keys. Nothing here knows rules or destinations.
package value

// Kind is the JSON type of a node.
type Kind uint8

// The JSON types. The zero Kind is Null, so an absent (nil) node reads as null.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Object
)

// String names the kind as error messages do: "null", "boolean", "number",
// "text", "list", "object".
func (k Kind) String() string {
	return [...]string{"null", "boolean", "number", "text", "list", "object"}[k]
}

const (
	flagTrue     uint8 = 1 << iota // the value of a Bool
	flagSecret                     // computed from a secret; see Node.Secret
	flagAttached                   // already a member of a list or object
	flagHolds                      // a list or object with a secret somewhere below
)

// indexAt is the size from which an object's members are found by hash.
const indexAt = 24

// Node is one JSON value. A nil *Node is an absent value and reads as null.
//
// A node that has been read by others is never changed. While a list or object
// is being built (Arena.Append, Arena.Set) only its builder may hold it.
// Reading is safe for concurrent use once building has ended.
type Node struct {
	key   string // name, where the node is a member of an object
	text  string // content of a String, literal of a Number
	first *Node  // first element or member
	last  *Node
	next  *Node // next element or member of the same parent
	index *index
	count int32
	kind  Kind
	flags uint8
}

// Kind returns the JSON type; absent is Null.
func (n *Node) Kind() Kind {
	if n == nil {
		return Null
	}
	return n.kind
}

// IsNull reports whether the value is null or absent.
func (n *Node) IsNull() bool { return n == nil || n.kind == Null }

// IsEmpty reports whether the value is absent, null, "", [] or {}: what a
// fallback chain skips. 0 and false are values.
func (n *Node) IsEmpty() bool {
	if n == nil {
		return true
	}
	switch n.kind {
	case Null:
		return true
	case String:
		return n.text == ""
	case List, Object:
		return n.count == 0
	}
	return false
}

// IsScalar reports whether the value is text, a number or a boolean.
func (n *Node) IsScalar() bool {
	return n != nil && (n.kind == String || n.kind == Number || n.kind == Bool)
}

// Bool returns the value of a boolean, false for every other kind.
func (n *Node) Bool() bool { return n != nil && n.kind == Bool && n.flags&flagTrue != 0 }

// Text returns the content of text or the literal of a number, "" for every
// other kind.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	return n.text
}

// Key returns the member name under which the node stands in its object, "" for others.
func (n *Node) Key() string {
	if n == nil {
		return ""
	}
	return n.key
}

// Len returns the number of elements or members; 0 for every other kind.
func (n *Node) Len() int {
	if n == nil {
		return 0
	}
	return int(n.count)
}

// First returns the first element or member, nil if there is none. Together
// with Next it walks a list or an object in document order.
func (n *Node) First() *Node {
	if n == nil {
		return nil
	}
	return n.first
}

// Next returns the element or member that follows n in its parent.
func (n *Node) Next() *Node {
	if n == nil {
		return nil
	}
	return n.next
}

// Get returns the member of an object with that name, nil if n is no object or has none.
func (n *Node) Get(key string) *Node {
	if n == nil || n.kind != Object {
		return nil
	}
	if n.index != nil {
		return n.index.get(key)
	}
	if key == "" {
		for m := n.first; m != nil; m = m.next {
			if m.key == "" {
				return m
			}
		}
		return nil
	}
	first := key[0] // most keys differ there, which spares comparing them
	for m := n.first; m != nil; m = m.next {
		if len(m.key) == len(key) && m.key[0] == first && m.key == key {
			return m
		}
	}
	return nil
}

// At returns the element of a list, nil if n is no list or i is out of range.
func (n *Node) At(i int) *Node {
	if n == nil || n.kind != List || i < 0 || i >= int(n.count) {
		return nil
	}
	m := n.first
	for ; i > 0; i-- {
		m = m.next
	}
	return m
}

// Secret reports whether the value was computed from a secret. Reports,
// errors and goldens show Redacted in its place; only requests carry it.
func (n *Node) Secret() bool { return n != nil && n.flags&flagSecret != 0 }

// HoldsSecret reports whether the value is a secret or has one somewhere below.
func (n *Node) HoldsSecret() bool { return n != nil && n.flags&(flagSecret|flagHolds) != 0 }

// Freeze marks a value that several holders share, such as a constant of a
// program: making it a member of something copies its head. A value that is
// frozen or a member already is only read, so it may be shared. It returns n.
func (n *Node) Freeze() *Node {
	if n != nil && n.flags&flagAttached == 0 {
		n.flags |= flagAttached
	}
	return n
}

// Redacted stands wherever a secret would have been shown.
const Redacted = "[secret]"

// Equal reports whether two values are equal as JSON: numbers by value, objects
// without regard to order, null equal to absent.
func Equal(a, b *Node) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull()
	}
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case Bool:
		return a.Bool() == b.Bool()
	case Number:
		return CompareNumbers(a, b) == 0
	case String:
		return a.text == b.text
	case List:
		if a.count != b.count {
			return false
		}
		for x, y := a.first, b.first; x != nil; x, y = x.next, y.next {
			if !Equal(x, y) {
				return false
			}
		}
		return true
	}
	if a.count != b.count {
		return false
	}
	for x := a.first; x != nil; x = x.next {
		y := b.Get(x.key)
		if y == nil || !Equal(x, y) {
			return false
		}
	}
	return true
}
