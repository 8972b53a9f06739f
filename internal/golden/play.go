package golden

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// play runs the events of a case. The findings are mistakes of the fixture that
// show only beside the rules.
func (c *Case) play(program *engine.Program) (*tree, *actual, source.Diagnostics) {
	if found := c.unknown(program); len(found) > 0 {
		return nil, nil, found
	}
	connection, err := program.Bind(engine.Settings{Config: c.Config, Portal: c.Portal, Now: c.Now})
	if err != nil {
		return nil, nil, c.wrong("fixture-config", "config", err)
	}
	answers, err := engine.NewStaticAnswers(program, c.Lookups)
	if err != nil {
		return nil, nil, c.wrong("fixture-lookup", "lookups", err)
	}
	t := newTree()
	connection = connection.Observe(provenance{t})
	inputs := make([]engine.Input, len(c.Events))
	for i, event := range c.Events {
		inputs[i] = engine.Input{JSON: event, Index: i}
	}
	batch := connection.Plan(inputs)
	answers.Resolve(batch)
	out := batch.Map()
	defer out.Release()

	a := &actual{}
	results, elements := out.Results(), out.Elements()
	ids := names(results)
	for i := range results {
		a.results = append(a.results, t.state(&results[i]))
	}
	for i := range elements {
		a.batches = append(a.batches, t.element(&elements[i], results, ids))
	}
	if c.Answer != nil {
		if a.outcomes, err = t.judge(c, out, elements, ids); err != nil {
			return nil, nil, c.wrong("fixture-answer", "answer", err)
		}
	}
	return t, a, nil
}

// provenance notes which rule wrote a value.
type provenance struct{ tree *tree }

func (p provenance) Wrote(n *value.Node, by *engine.Rule) { p.tree.rules[n] = by }
func (p provenance) Decided(*engine.Rule, bool)           {}

// unknown reports portal data and lookups that the rules do not have.
func (c *Case) unknown(program *engine.Program) (found source.Diagnostics) {
	for _, kind := range []struct {
		key, noun string
		known     []string
	}{
		{"portal", "portal data", program.Portals()},
		{"lookups", "lookup", slices.Sorted(slices.Values(program.Lookups()))},
	} {
		for _, e := range entries(c.root.Get(kind.key)) {
			if slices.Contains(kind.known, e.Key.Text) {
				continue
			}
			d := found.Errorf("fixture-unknown-key", e.Key.Span, "the destination %s has no %s %s", c.Destination, kind.noun, shown(e.Key))
			d.Help = "remove it"
			if len(kind.known) > 0 {
				d.Help = "it has " + enumerate(kind.known)
			}
			if s := source.Suggest(e.Key.Text, kind.known); s != "" {
				d.Help = "did you mean `" + s + "`?"
			}
		}
	}
	return found
}

func entries(n *source.Node) []source.Entry {
	if n == nil {
		return nil
	}
	return n.Entries
}

// wrong returns a finding about one of the fixture's keys.
func (c *Case) wrong(code, key string, err error) source.Diagnostics {
	d := source.Diagnostic{Code: code, Summary: err.Error()}
	var setting *engine.SettingsError
	if errors.As(err, &setting) {
		d.Summary, d.Help = setting.Setting+": "+setting.Message, setting.Help
		if name, ok := strings.CutPrefix(setting.Setting, "portal."); ok {
			d.Code, key = "fixture-portal", "portal"
			d.Span = c.root.Get("portal").Get(name).Span
		}
	}
	if n := c.root.Get(key); d.Span.IsZero() && n != nil {
		d.Span = n.Span
	}
	return source.Diagnostics{d}
}

// state says what became of an event.
func (t *tree) state(r *engine.Result) *value.Node {
	state := t.arena.Object()
	t.became(state, r)
	t.warn(state, r.Warnings)
	return state
}

func (t *tree) became(state *value.Node, r *engine.Result) {
	switch r.Status {
	case engine.Mapped:
		list := t.arena.Add(state, keyRequests, t.arena.List())
		for _, request := range r.Requests {
			t.descriptor(list, request.Descriptor, request.Rule)
		}
	case engine.Rejected:
		t.rejected(state, r.Error)
	case engine.Filtered:
		t.arena.Add(state, keyFiltered, t.text(r.Reason))
	}
}

// element says what became of the events that share requests, with the
// warnings of each.
func (t *tree) element(e *engine.Element, results []engine.Result, names []string) *value.Node {
	state := t.arena.Object()
	ids := t.arena.Add(state, "events", t.arena.List())
	for _, i := range e.Indexes {
		t.arena.Append(ids, t.text(names[i]))
	}
	t.became(state, &e.Result)
	for _, i := range e.Indexes {
		t.warn(state, results[i].Warnings)
	}
	return state
}

// names returns the messageIds of events, made distinct by the event's position
// where there is none or several have the same.
func names(results []engine.Result) []string {
	count := map[string]int{}
	for i := range results {
		count[results[i].MessageID]++
	}
	all := make([]string, len(results))
	for i := range results {
		id := results[i].MessageID
		if all[i] = id; id == "" || count[id] > 1 {
			all[i] = id + "#" + strconv.Itoa(i)
		}
	}
	return all
}

// judge says what comes of the answer to one of the requests.
func (t *tree) judge(c *Case, out *engine.Output, elements []engine.Element, names []string) (*value.Node, error) {
	before := 0
	for i := range elements {
		e := &elements[i]
		if c.Answer.Request >= before+len(e.Requests) {
			before += len(e.Requests)
			continue
		}
		judged, err := out.Judge(&e.Requests[c.Answer.Request-before], engine.Answer{
			Status: c.Answer.Status, Headers: c.Answer.Headers, Body: c.Answer.Body,
		})
		if err != nil {
			return nil, err
		}
		outcomes := t.arena.Object()
		for _, o := range judged {
			outcome := t.arena.Object()
			t.arena.Add(outcome, "do", t.text(o.Do))
			if o.After > 0 {
				t.arena.Add(outcome, "after", t.text(o.After.String()))
			}
			if o.Because != "" {
				t.arena.Add(outcome, "because", t.text(o.Because))
			}
			t.set(outcomes, names[o.Index], outcome, o.Rule)
		}
		return outcomes, nil
	}
	return nil, fmt.Errorf("the answer is to request %d, counted from 0, and there are %d requests", c.Answer.Request, before)
}
