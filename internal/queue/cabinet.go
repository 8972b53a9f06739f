package queue

import (
	"encoding/binary"
	"math/bits"
	"time"
)

// cabinet remembers texts by name, a bounded number of them, in little more memory than
// they have bytes: a Go map takes more than twice as much. Each name belongs to a drawer, which
// has its records one after the other, that used last at the end. Where the cabinet is full, the
// first record of a drawer is thrown away to make place for another. Drawers are small, since all of
// one is read to find a record.
//
// Drawers take their bytes from blocks that they share. So nothing becomes garbage, and the collector
// has nothing to follow: with a slice for each drawer it could not keep a process that stored
// a million people below its limit on a busy machine.
type cabinet struct {
	drawers     []drawer
	shelves     [][]block // perShelf blocks in each; the first of all is nobody's, as zero is no block
	free        uint32    // the first of the blocks that are free
	open        []byte    // what was read last of a drawer
	count, most int
	bytes       int // of all records
	tick        time.Duration
}

// drawer is where records are.
type drawer struct {
	first uint32 // of a chain of blocks
	bytes uint32
}

// block is a part of a drawer.
type block struct {
	next uint32 // zero: none
	text [60]byte
}

const (
	perDrawer = 32    // records in a drawer, where the cabinet is full
	perShelf  = 16384 // blocks, 1 MB
	// perRecord is how many bytes a record has at the most, on the average: one with a long text is
	// remembered in the place of several.
	perRecord = 64
	// A record is nameBytes of its name, when it was written (2 bytes), and the text with its length before
	// it. With the drawer that is 64 bits of the name where two million are remembered: that two of
	// them are taken for one has a chance of one in eight million.
	nameBytes  = 6
	recordHead = nameBytes + 2
	// ticks is how many parts the time for which texts are remembered has. What is 63 times as
	// old, and was not used, is taken for new again: with 90 days that is fifteen years of one process.
	ticks = 1024
)

// newCabinet returns a cabinet for so many texts, each of which is remembered for some time.
func newCabinet(most int, remember time.Duration) *cabinet {
	most = max(most, 1)
	return &cabinet{drawers: make([]drawer, 1<<bits.Len(uint(most/perDrawer))), most: most, tick: max(remember/ticks, 1)}
}

func (c *cabinet) drawer(n name) int {
	return int(binary.LittleEndian.Uint64(n[8:])) & (len(c.drawers) - 1)
}

// clock is the time in ticks; it goes round.
func (c *cabinet) clock(t time.Time) uint16 { return uint16(t.UnixNano() / int64(c.tick)) }

func (c *cabinet) block(number uint32) *block {
	return &c.shelves[number/perShelf][number%perShelf]
}

// take returns a block that is free.
func (c *cabinet) take() uint32 {
	if c.free == 0 {
		begin := uint32(len(c.shelves) * perShelf)
		c.shelves = append(c.shelves, make([]block, perShelf))
		for number := begin + perShelf - 1; number >= max(begin, 1); number-- {
			c.block(number).next, c.free = c.free, number
		}
	}
	number := c.free
	b := c.block(number)
	c.free, b.next = b.next, 0
	return number
}

// read returns the records of a drawer; they are good until the next call.
func (c *cabinet) read(at int) []byte {
	c.open = c.open[:0]
	left := int(c.drawers[at].bytes)
	for number := c.drawers[at].first; left > 0; {
		b := c.block(number)
		n := min(left, len(b.text))
		c.open = append(c.open, b.text[:n]...)
		number, left = b.next, left-n
	}
	return c.open
}

// write gives a drawer other records.
func (c *cabinet) write(at int, records []byte) {
	c.drawers[at].bytes = uint32(len(records))
	link := &c.drawers[at].first
	for len(records) > 0 {
		if *link == 0 {
			*link = c.take()
		}
		b := c.block(*link)
		records = records[copy(b.text[:], records):]
		link = &b.next
	}
	for number := *link; number != 0; {
		b := c.block(number)
		b.next, c.free, number = c.free, number, b.next
	}
	*link = 0
}

// first reads the first of some records.
func first(records []byte) (text []byte, size int) {
	length, n := binary.Uvarint(records[recordHead:])
	size = recordHead + n + int(length)
	return records[recordHead+n : size], size
}

// find returns where the record of a name is; end is zero where there is none.
func find(records []byte, n name) (start, end int) {
	id := string(n[:nameBytes])
	for at := 0; at < len(records); {
		_, size := first(records[at:])
		if string(records[at:at+nameBytes]) == id {
			return at, at + size
		}
		at += size
	}
	return 0, 0
}

// get returns the text of a name and how long ago it was put. The text is good until the next call.
func (c *cabinet) get(n name, now time.Time) (text []byte, age time.Duration, ok bool) {
	at := c.drawer(n)
	records := c.read(at)
	start, end := find(records, n)
	if end == 0 {
		return nil, 0, false
	}
	if end < len(records) { // it is used now
		var some [2 * perRecord]byte
		used := append(some[:0], records[start:end]...)
		copy(records[start:], records[end:])
		copy(records[len(records)-len(used):], used)
		c.write(at, records)
		start = len(records) - len(used)
	}
	text, _ = first(records[start:])
	passed := c.clock(now) - binary.LittleEndian.Uint16(records[start+nameBytes:])
	if -passed <= ticks {
		passed = 0 // the clock was set back
	}
	return text, time.Duration(passed) * c.tick, true
}

// put remembers the text of a name, in the place of the one before.
func (c *cabinet) put(n name, text []byte, when time.Time) {
	at := c.drawer(n)
	records := c.read(at)
	if start, end := find(records, n); end > 0 {
		c.count--
		c.bytes -= end - start
		c.write(at, append(records[:start], records[end:]...))
	}
	var some [recordHead + binary.MaxVarintLen64]byte
	head := binary.LittleEndian.AppendUint16(append(some[:0], n[:nameBytes]...), c.clock(when))
	head = binary.AppendUvarint(head, uint64(len(text)))
	need := len(head) + len(text)
	full := func() bool { return c.count > 0 && (c.count >= c.most || c.bytes+need > c.most*perRecord) }
	for from := at; full(); from = (from + 1) % len(c.drawers) {
		records := c.read(from)
		for len(records) > 0 && full() {
			_, size := first(records)
			records = records[size:]
			c.count--
			c.bytes -= size
		}
		c.write(from, records)
	}
	c.write(at, append(append(c.read(at), head...), text...))
	c.count++
	c.bytes += need
}
