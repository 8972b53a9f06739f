package golden

import (
	"slices"
	"strings"
	"time"

	"github.com/celmap/celmap/engine/source"
)

// What may become of a job, as answers rules say it.
var outcomeWords = []string{"done", "done-with-warning", "retry", "retry-alone", "give-up", "pause-destination", "refresh-credentials"}

// formatKeys are the parts of a descriptor's body as the engine prints it. A
// fixture writes the same without them.
var formatKeys = map[string]string{
	"JSON":       "write what is inside: `body: {…}`",
	"JSON_ARRAY": "write the list itself: `body: [{…}]`",
	"FORM":       "write `form: {…}` beside `method`",
	"XML":        "write `xml: …` beside `method`",
}

// bodyKeys are the keys of a request of which at most one holds what is sent.
var bodyKeys = []string{"body", "form", "xml", "text"}

// expectations checks the expectations and keeps those that are not empty: an
// empty one is to be filled by an update.
func (r *reader) expectations(c *Case) {
	c.expected = r.arena.Object()
	for _, e := range c.root.Entries {
		if !slices.Contains(expectationKeys, e.Key.Text) {
			continue
		}
		r.belongs(c, e)
		if e.Value.IsNull() {
			continue
		}
		r.expectation(e.Key.Text, e.Value)
		if e.Key.Text == keyResults && len(c.Events) > 0 && len(e.Value.Items) != len(c.Events) {
			r.found.Errorf("fixture-value", e.Key.Span, "there are %d results for %d events", len(e.Value.Items), len(c.Events)).Help =
				"write one result for each event, in the order of the events"
		}
		r.arena.Add(c.expected, e.Key.Text, e.Value.Value(&r.arena))
	}
	r.oneState(c.root)
}

// belongs refuses an expectation that says nothing about this kind of case.
func (r *reader) belongs(c *Case, e source.Entry) {
	switch key := e.Key.Text; {
	case key == keyOutcomes:
		if c.Answer == nil && c.root.Get("answer") == nil {
			r.found.Errorf("fixture-conflict", e.Key.Span, "`outcomes` are what comes of an `answer`, and there is none").Help = "add `answer: {status: 200}`"
		}
	case key == keyBatches || len(c.Events) == 0: // what is wrong there has been said
	case key == keyResults && c.single:
		r.found.Errorf("fixture-conflict", e.Key.Span, "`results` belongs to a list of `events`, and this fixture has one `event`").Help =
			"write `requests`, `rejected` or `filtered` instead"
	case key != keyResults && !c.single:
		r.found.Errorf("fixture-conflict", e.Key.Span, "`%s` does not say of which of the `events` it speaks", key).Help =
			"write it under `results`, one element for each event, or under `batches`"
	}
}

func (r *reader) expectation(key string, n *source.Node) {
	switch key {
	case keyRequests:
		r.requests(n)
	case keyRejected:
		r.rejected(n)
	case keyFiltered:
		if n.Kind != source.Scalar || n.Style == source.Plain && n.Text == "false" {
			r.found.Errorf("fixture-type", n.Span, "`filtered` is the reason, or true, and this is %s", described(n)).Help =
				"write `filtered: true`, or a part of the reason"
		}
	case keyWarnings:
		r.warnings(n)
	case keyResults:
		r.states(n, keyResults, "a result", expectationKeys[:4])
	case keyBatches:
		r.states(n, keyBatches, "a batch", append([]string{"events"}, expectationKeys[:4]...))
	case keyOutcomes:
		r.outcomes(n)
	}
}

// states checks a list of what became of events or batches.
func (r *reader) states(n *source.Node, key, what string, allowed []string) {
	if !r.list(n, key) {
		return
	}
	for _, item := range n.Items {
		if !r.mapping(item, what, allowed...) {
			continue
		}
		if !r.oneState(item) {
			r.found.Errorf("fixture-missing-key", start(item), "%s says what became of it", what).Help = "add one of " + enumerate(stateKeys)
		}
		for _, e := range item.Entries {
			r.expectation(e.Key.Text, e.Value)
		}
		if key != keyBatches {
			continue
		}
		if events := r.need(item, "events", what); events != nil && r.list(events, "events") {
			for _, id := range events.Items {
				r.text(id, "events")
			}
		}
	}
}

// oneState refuses several answers to the question what became of an event,
// and reports whether there is one.
func (r *reader) oneState(n *source.Node) bool {
	var first *source.Entry
	for i := range n.Entries {
		e := &n.Entries[i]
		switch {
		case !slices.Contains(stateKeys, e.Key.Text):
		case first == nil:
			first = e
		default:
			r.found.Errorf("fixture-conflict", e.Key.Span, "`%s` and `%s` cannot both be true", first.Key.Text, e.Key.Text).Help = "keep one of them"
		}
	}
	return first != nil
}

func (r *reader) requests(n *source.Node) {
	if !r.list(n, keyRequests) {
		return
	}
	for _, item := range n.Items {
		if r.mapping(item, "a request", append([]string{"method", "endpoint", "params", "headers"}, bodyKeys...)...) {
			r.request(item)
		}
	}
}

func (r *reader) request(n *source.Node) {
	r.text(r.need(n, "method", "a request"), "method")
	r.text(r.need(n, "endpoint", "a request"), "endpoint")
	for _, key := range []string{"params", "headers", "form"} {
		if v := n.Get(key); v != nil {
			r.mapping(v, "`"+key+"`")
		}
	}
	for _, key := range []string{"xml", "text"} {
		r.text(n.Get(key), key)
	}
	var first string
	for _, key := range bodyKeys {
		e := n.Entry(key)
		switch {
		case e == nil:
		case first == "":
			first = key
		default:
			r.found.Errorf("fixture-conflict", e.Key.Span, "a request is sent as `%s` or as `%s`", first, key).Help = "keep one of them"
		}
	}
	if body := n.Get("body"); body != nil && len(body.Entries) == 1 {
		if help, ok := formatKeys[body.Entries[0].Key.Text]; ok {
			r.found.Errorf("fixture-value", body.Entries[0].Key.Span, "a fixture leaves %s out", shown(body.Entries[0].Key)).Help = help
		}
	}
}

func (r *reader) rejected(n *source.Node) {
	if !r.mapping(n, "`rejected`", "code", "status", "message", "path") {
		return
	}
	if len(n.Entries) == 0 {
		r.found.Errorf("fixture-missing-key", n.Span, "`rejected` says nothing about the rejection").Help = "write its `code`, or a part of its `message`"
	}
	r.text(n.Get("code"), "code")
	r.text(n.Get("message"), "message")
	r.text(n.Get("path"), "path")
	r.number(n.Get("status"), "status")
}

func (r *reader) warnings(n *source.Node) {
	if !r.mapping(n, "`warnings`") {
		return
	}
	for _, e := range n.Entries {
		if e.Value.Kind == source.Sequence {
			for _, item := range e.Value.Items {
				r.text(item, e.Key.Text)
			}
			continue
		}
		r.text(e.Value, e.Key.Text)
	}
}

func (r *reader) outcomes(n *source.Node) {
	if !r.mapping(n, "`outcomes`") {
		return
	}
	for _, e := range n.Entries {
		do := e.Value
		if do.Kind == source.Mapping {
			if !r.mapping(do, "an outcome", "do", "after", "because") {
				continue
			}
			after := do.Get("after")
			if _, err := time.ParseDuration(r.text(after, "after")); after != nil && err != nil {
				r.found.Errorf("fixture-value", after.Span, "%s is no length of time", described(after)).Help = "write it as 2s, 500ms or 1m30s"
			}
			r.text(do.Get("because"), "because")
			if do = r.need(do, "do", "an outcome"); do == nil {
				continue
			}
		}
		if word := r.text(do, "do"); do.Kind == source.Scalar && !slices.Contains(outcomeWords, word) {
			d := r.found.Errorf("fixture-value", do.Span, "%s is no outcome", described(do))
			d.Help = "an outcome is one of " + strings.ReplaceAll(enumerate(outcomeWords), " and ", " or ")
			if s := source.Suggest(word, outcomeWords); s != "" {
				d.Help = "did you mean `" + s + "`?"
			}
		}
	}
}
