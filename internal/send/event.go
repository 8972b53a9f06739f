package send

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/queue"
)

// envelope reads events as producers hand them over. It is not safe for concurrent
// use.
type envelope struct {
	connection *engine.Connection
	arena      *value.Arena
}

func newEnvelope(c *engine.Connection) *envelope {
	return &envelope{connection: c, arena: value.NewArena()}
}

// open reads {"message": event, "metadata": {…}} or an event, and returns the event; nil
// for what is no object. It is good until the next call.
func (v *envelope) open(text []byte) (event *value.Node, wrapped bool) {
	v.arena.Reset()
	n, err := value.Parse(v.arena, text, value.DefaultLimits())
	if err != nil {
		return nil, false
	}
	return unwrap(n)
}

func unwrap(n *value.Node) (event *value.Node, wrapped bool) {
	if m := n.Get("message"); m.Kind() == value.Object && n.Get("type") == nil {
		return m, true
	}
	if n.Kind() != value.Object {
		return nil, false
	}
	return n, false
}

// identified returns what is stored of a text: the event with a messageId, which id
// gives where it has none. From it follow ids by which the API knows an event
// again that it has seen. What is no event stays as it is: the rules reject it.
func (v *envelope) identified(text []byte, id func() string) []byte {
	event, wrapped := v.open(text)
	switch {
	case event == nil:
		return append([]byte(nil), text...)
	case present(event.Get("messageId")) && !wrapped:
		return append(make([]byte, 0, len(text)), text...)
	case !present(event.Get("messageId")):
		event = v.arena.Fork(event)
		v.arena.Set(event, "messageId", v.arena.String(id()))
	}
	return value.AppendJSON(make([]byte, 0, len(text)+48), event)
}

// present reports whether a field says something.
func present(n *value.Node) bool { return n.IsScalar() && !n.IsEmpty() }

// times are what a gateway and a processor of events add to one that came at a time.
var times = [...]string{"receivedAt", "originalTimestamp", "sentAt"}

// received returns what is stored of an event that a producer sent just now: it gets
// a messageId, and the times that it lacks. Its own time is when it came, less the
// time that it spent with the producer.
func (v *envelope) received(event *value.Node, kind string, now time.Time) []byte {
	event = v.arena.Fork(event)
	if !present(event.Get("messageId")) {
		v.arena.Set(event, "messageId", v.arena.String(randomID()))
	}
	if kind != "" {
		v.arena.Set(event, "type", v.arena.String(kind))
	}
	at := map[string]time.Time{}
	for _, name := range times {
		t, ok := instant(event.Get(name))
		if !ok {
			if t = now; name != "receivedAt" {
				t = at["receivedAt"]
			}
			v.arena.Set(event, name, v.arena.String(stamp(t)))
		}
		at[name] = t
	}
	if _, ok := instant(event.Get("timestamp")); !ok {
		t := at["receivedAt"].Add(at["originalTimestamp"].Sub(at["sentAt"]))
		v.arena.Set(event, "timestamp", v.arena.String(stamp(t)))
	}
	return value.AppendJSON(nil, event)
}

func instant(n *value.Node) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, n.Text())
	return t, err == nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// entry returns what the queue is told of an event.
func (v *envelope) entry(event []byte, origin string) queue.Event {
	e := queue.Event{JSON: event, Origin: origin}
	w, _ := v.connection.Whose(engine.Input{JSON: event}) // what it cannot tell has no keys; mapping says what is wrong
	e.Keys = w.Keys
	e.Asks, e.Teaches = memories(w.Asks), memories(w.Teaches)
	return e
}

func memories(of []engine.Memory) []queue.Memory {
	if len(of) == 0 {
		return nil
	}
	all := make([]queue.Memory, len(of))
	for i, m := range of {
		all[i] = queue.Memory(m)
	}
	return all
}

func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return uuid(b, 4)
}

// idOf is the messageId of an event that has none, in a file: the same whenever the
// file is read.
func idOf(place string, text []byte) string {
	h := sha256.New()
	h.Write([]byte(place))
	h.Write([]byte{0})
	h.Write(text)
	return uuid([16]byte(h.Sum(nil)), 8)
}

// uuid is written as in RFC 9562.
func uuid(b [16]byte, version byte) string {
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
