package value

import "hash/maphash"

// index finds the members of a large object by key: a hash table with open
// addressing and linear probing, whose slots are the arena's memory. The hash is
// seeded at random, so no event can be written to make its keys collide.
type index struct {
	slots []slot // a power of two, at most half full
	used  int
}

type slot struct {
	hash uint64
	node *Node
}

// indexSlots is the size of an index at first: enough for an object that grows
// to twice indexAt.
const indexSlots = 128

var seed = maphash.MakeSeed()

func (x *index) get(key string) *Node {
	hash := maphash.String(seed, key)
	mask := uint64(len(x.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &x.slots[i]
		if s.node == nil || s.hash == hash && s.node.key == key {
			return s.node
		}
	}
}

// addToIndex enters n, unless a node has its key already: that one is returned.
func (a *Arena) addToIndex(x *index, n *Node) (old *Node) {
	hash := maphash.String(seed, n.key)
	mask := uint64(len(x.slots) - 1)
	i := hash & mask
	for ; x.slots[i].node != nil; i = (i + 1) & mask {
		if s := &x.slots[i]; s.hash == hash && s.node.key == n.key {
			return s.node
		}
	}
	x.slots[i] = slot{hash, n}
	x.used++
	if 2*x.used > len(x.slots) {
		a.growIndex(x)
	}
	return nil
}

func (a *Arena) growIndex(x *index) {
	old := x.slots
	x.slots = a.newSlots(2 * len(old))
	mask := uint64(len(x.slots) - 1)
	for _, s := range old {
		if s.node == nil {
			continue
		}
		i := s.hash & mask
		for x.slots[i].node != nil {
			i = (i + 1) & mask
		}
		x.slots[i] = s
	}
}

// buildIndex returns an index of the members of an object, whose keys differ.
func (a *Arena) buildIndex(object *Node) *index {
	size := indexSlots
	for size < 2*int(object.count)+2 {
		size *= 2
	}
	x := a.indexes.one()
	*x = index{slots: a.newSlots(size)}
	for m := object.first; m != nil; m = m.next {
		a.addToIndex(x, m)
	}
	return x
}

func (a *Arena) newSlots(n int) []slot {
	slots := a.slots.take(n)
	clear(slots)
	return slots
}
