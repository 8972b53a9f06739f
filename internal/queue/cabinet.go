package queue

import (
	"encoding/binary"
	"math/bits"
	"time"
)

// cabinet remembers texts by name, a bounded number of them, in little more memory than
// they have bytes: a Go map takes more than twice as much. Each name belongs to a drawer, which
// has its records one after the other, that used last at the end. Where the cabinet is full, the
// first record of a drawer is thrown away to make place for another.
type cabinet struct {
	drawers     [][]byte
	count, most int
	bytes       int // in all drawers
}

const (
	perDrawer = 32 // records in a drawer, where the cabinet is full
	// perRecord is how many bytes a record has at the most, on the average: one with a long text is
	// remembered in the place of several.
	perRecord = 64
	// A record is 8 bytes of its name, when it was written (seconds), and the text with its length
	// before it. With the drawer that is 80 bits of the name where two million are remembered: by
	// chance, two names are never taken for one.
	recordHead = 12
)

func newCabinet(most int) *cabinet {
	most = max(most, 1)
	return &cabinet{drawers: make([][]byte, 1<<bits.Len(uint(most/perDrawer))), most: most}
}

func (c *cabinet) drawer(n name) int {
	return int(binary.LittleEndian.Uint64(n[8:])) & (len(c.drawers) - 1)
}

// find returns where the record of a name is in a drawer, and its text; end is zero where there is none.
func find(drawer []byte, n name) (start, end int, text []byte) {
	id := n.own()
	for at := 0; at < len(drawer); {
		length, size := binary.Uvarint(drawer[at+recordHead:])
		next := at + recordHead + size + int(length)
		if binary.LittleEndian.Uint64(drawer[at:]) == id {
			return at, next, drawer[next-int(length) : next]
		}
		at = next
	}
	return 0, 0, nil
}

// get returns the text of a name and when it was put, in seconds. The text is good until the next call.
func (c *cabinet) get(n name) (text []byte, when uint32, ok bool) {
	drawer := c.drawers[c.drawer(n)]
	start, end, text := find(drawer, n)
	if end == 0 {
		return nil, 0, false
	}
	if end < len(drawer) { // it is used now
		var some [2 * perRecord]byte
		record := append(some[:0], drawer[start:end]...)
		copy(drawer[start:], drawer[end:])
		copy(drawer[len(drawer)-len(record):], record)
		text = drawer[len(drawer)-len(text):]
	}
	return text, binary.LittleEndian.Uint32(drawer[len(drawer)-(end-start)+8:]), true
}

// put remembers the text of a name, in the place of the one before.
func (c *cabinet) put(n name, text []byte, when time.Time) {
	at := c.drawer(n)
	if start, end, _ := find(c.drawers[at], n); end > 0 {
		c.remove(at, start, end)
	}
	var head [recordHead + binary.MaxVarintLen64]byte
	copy(head[:8], n[:8])
	binary.LittleEndian.PutUint32(head[8:], uint32(when.Unix()))
	record := binary.AppendUvarint(head[:recordHead], uint64(len(text)))
	need := len(record) + len(text)
	for from := at; c.count > 0 && (c.count >= c.most || c.bytes+need > c.most*perRecord); from = (from + 1) % len(c.drawers) {
		for len(c.drawers[from]) > 0 && (c.count >= c.most || c.bytes+need > c.most*perRecord) {
			length, size := binary.Uvarint(c.drawers[from][recordHead:])
			c.remove(from, 0, recordHead+size+int(length))
		}
	}
	drawer := c.drawers[at]
	if size := len(drawer) + need; size > cap(drawer) {
		const step = 64 // not twice as much, as append would take
		drawer = append(make([]byte, 0, (size+step-1)/step*step), drawer...)
	}
	c.drawers[at] = append(append(drawer, record...), text...)
	c.count++
	c.bytes += need
}

func (c *cabinet) remove(at, start, end int) {
	drawer := c.drawers[at]
	c.drawers[at] = append(drawer[:start], drawer[end:]...)
	c.count--
	c.bytes -= end - start
}
