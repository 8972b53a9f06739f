package golden

import (
	"cmp"

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
	t.errors[state.Get(keyRejected)] = e
}

// warn adds warnings to a state, as a list of {about, path, message}: about is
// the field of the request, else the path in the event.
func (t *tree) warn(state *value.Node, warnings []engine.Warning) {
	for _, w := range warnings {
		all := state.Get(keyWarnings)
		if all == nil {
			all = t.arena.Add(state, keyWarnings, t.arena.List())
		}
		warning := t.arena.Append(all, t.arena.Object())
		t.arena.Add(warning, "about", t.text(cmp.Or(w.Target, w.Path, w.Code)))
		t.arena.Add(warning, "path", t.text(w.Path))
		t.set(warning, "message", t.text(w.Message), w.Rule)
	}
}
