package queue

import (
	"fmt"
	"time"
)

// Event is what a producer puts into the queue.
type Event struct {
	JSON []byte // unchanged until it is stored; at most Options.MaxEvent bytes

	// Keys say whose event it is, most telling first. They are opaque: two events that
	// have a key in common are applied in the order in which they were put. Without
	// a key an event has no order.
	Keys []string

	// Asks are memories that the event wants to have, Value empty. It gets what was
	// taught before it, and by itself.
	Asks []Memory

	// Teaches are memories for this event and those after it. An empty Value teaches nothing.
	Teaches []Memory

	Origin string // where it came from, for people: "events.ndjson:17"
}

// Memory is something that events teach and other events ask: that in the lookup Lookup
// the key Key has the value Value.
type Memory struct{ Lookup, Key, Value string }

// ID names an item for as long as the queue exists.
type ID struct {
	Partition int
	Sequence  uint64 // of the chunk, in the stream of events
	Index     int    // in the chunk
}

// String returns what ParseID reads: "3-1207-15".
func (id ID) String() string {
	return fmt.Sprintf("%d-%d-%d", id.Partition, id.Sequence, id.Index)
}

// ParseID reads what String wrote.
func ParseID(text string) (ID, error) {
	var id ID
	var rest string
	n, _ := fmt.Sscanf(text, "%d-%d-%d%s", &id.Partition, &id.Sequence, &id.Index, &rest)
	if n != 3 || id.Partition < 0 || id.Partition >= Partitions || id.Index < 0 {
		return ID{}, fmt.Errorf("%q does not name an event: expected three numbers as in 3-1207-15", text)
	}
	return id, nil
}

// Item is an event in the queue.
type Item struct {
	ID     ID
	Lane   uint64   // items of one lane are applied one after the other
	JSON   []byte   // not to be changed
	Known  []Memory // what the event asks, as it was known when it was stored; Value is empty where nothing was
	Origin string
	Stored time.Time

	claim uint32 // under which a worker has it
}
