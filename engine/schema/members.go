package schema

// members finds what a schema says of a member of an object by its name. It is
// a hash table made for short names: their length and three of their bytes
// tell nearly all of them apart.
type members struct {
	entries []member
	slots   []int16 // first entry of each, -1 for none; a power of two
	must    int     // how many entries are required
}

type member struct {
	name     string
	rule     *rule // nil if the name is required but not declared
	required bool
	next     int16 // the next entry of the same slot, -1 for none
}

func newMembers(entries []member) *members {
	size := 4
	for size < 4*len(entries) {
		size *= 2
	}
	m := &members{entries: entries, slots: make([]int16, size)}
	for i := range m.slots {
		m.slots[i] = -1
	}
	for i := range entries {
		slot := &m.slots[m.slot(entries[i].name)]
		entries[i].next, *slot = *slot, int16(i)
		if entries[i].required {
			m.must++
		}
	}
	return m
}

func (m *members) slot(name string) int {
	h := uint32(len(name)) * 0x9e3779b1
	if n := len(name); n > 0 {
		h ^= (uint32(name[0]) | uint32(name[n/2])<<8 | uint32(name[n-1])<<16) * 0x85ebca6b
	}
	h ^= h >> 15
	return int(h) & (len(m.slots) - 1)
}

func (m *members) get(name string) *member {
	for i := m.slots[m.slot(name)]; i >= 0; i = m.entries[i].next {
		if e := &m.entries[i]; e.name == name {
			return e
		}
	}
	return nil
}
