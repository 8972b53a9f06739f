package golden

import (
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

// actual is what came out of a case, in the words of fixtures.
type actual struct {
	results  []*value.Node // what became of each event
	batches  []*value.Node // what became of the events together
	outcomes *value.Node   // what comes of the answer, by messageId
}

// descriptor turns a request as the engine prints it into one as a fixture
// says it: the body's format is named by the key that holds it.
func (t *tree) descriptor(list, d *value.Node, rule *engine.Rule) {
	request := t.arena.Object()
	for _, key := range []string{"method", "endpoint", "params", "headers"} {
		if n := d.Get(key); !n.IsEmpty() {
			t.put(request, key, n)
		}
	}
	for n := d.Get("body").First(); n != nil; n = n.Next() {
		switch n.Key() {
		case "JSON":
			t.put(request, "body", n)
		case "JSON_ARRAY":
			t.batch(request, n)
		case "FORM":
			t.put(request, "form", n)
		case "XML":
			t.put(request, "xml", n.Get("payload"))
		default:
			t.put(request, "text", n.Get("payload"))
		}
	}
	request = t.arena.Append(list, request)
	if rule != nil {
		t.rules[request] = rule
	}
}

// batch puts a list that is sent as text, so that a fixture can say it as a list.
func (t *tree) batch(request, n *value.Node) {
	text := n.Get("batch")
	list, err := value.Parse(&t.arena, []byte(text.Text()), value.DefaultLimits())
	if err != nil || text.Secret() || n.Secret() {
		t.put(request, "body", text)
		return
	}
	t.set(request, "body", list, t.rules[text])
}

// rejected says why an event was rejected.
func (t *tree) rejected(state *value.Node, e *engine.EventError) {
	why := t.arena.Object()
	t.arena.Add(why, "code", t.text(e.Code))
	t.arena.Add(why, "status", t.arena.Int(int64(e.Status)))
	t.arena.Add(why, "message", t.text(e.Message))
	if e.Path != "" {
		t.arena.Add(why, "path", t.text(e.Path))
	}
	t.set(state, keyRejected, why, e.Rule)
}

// warn adds warnings to a state, each under what it is about. Several about the
// same make a list.
func (t *tree) warn(state *value.Node, warnings []engine.Warning) {
	for _, w := range warnings {
		all := state.Get(keyWarnings)
		if all == nil {
			all = t.arena.Add(state, keyWarnings, t.arena.Object())
		}
		about := w.Path
		if about == "" {
			about = w.Code
		}
		switch old := all.Get(about); old.Kind() {
		case value.List:
			t.arena.Append(old, t.text(w.Message))
		case value.String:
			list := t.arena.List()
			t.push(list, old)
			t.arena.Append(list, t.text(w.Message))
			t.arena.Set(all, about, list)
		default:
			t.set(all, strings.Clone(about), t.text(w.Message), w.Rule)
		}
	}
}
