package engine

import (
	"errors"
	"slices"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// Review is what the settings of a connection mean for events, as far as it can
// be told without one.
type Review struct {
	Obstacles []Obstacle
	Outdated  []Outdated
}

// Obstacle rejects events whatever they hold.
type Obstacle struct {
	Error    *EventError // what each of them gets
	Settings []string    // keys of the config that it comes from, such as accessToken
	Mappings []string    // whose events it is, or some of them
	Every    bool        // it is all events

	hits map[string]int // requests of each mapping that it keeps from being made
}

// Outdated is something deprecated that the settings choose.
type Outdated struct {
	What     string   // such as "the auth entry api-key"
	Because  string   // why it should not be used any more
	Settings []string // keys of the config that choose it, those that decide first
	Rule     *Rule
}

// Review tells what the settings alone decide: which events are rejected
// whatever they hold, and what is used that is deprecated. Where the config does
// not fit its schema, nothing is told.
func (c *Connection) Review() Review {
	if c.refused != nil {
		return Review{}
	}
	v := &reviewer{runner: newRunner(c), reached: map[*plan.Mapping][]string{}}
	v.runner.arena = value.NewArena()
	v.runner.frame.Arena = v.runner.arena
	v.runner.frame.Loader = v
	v.routes()
	v.mappings()
	v.tables()
	return v.found
}

// reviewer evaluates what it can of the rules without an event.
type reviewer struct {
	*runner
	reached map[*plan.Mapping][]string // mappings that events may reach, and what of the config leads there
	found   Review
}

var errNoEvent = errors.New("depends on the event")

// Load is the runner's, but fails for all of an event besides its type: whatever
// comes out all the same is so for every event.
func (v *reviewer) Load(slot int) (*value.Node, error) {
	switch s := &v.program.Slots[slot]; {
	case s.Kind == plan.InputSlot, s.Kind == plan.AskSlot, s.Kind == plan.FieldSlot && s.Name != "type":
		return nil, errNoEvent
	}
	return v.runner.Load(slot)
}

// routes finds the mappings that events of some type may reach.
func (v *reviewer) routes() {
	types := sortedKeys(v.program.Events)
	if len(types) == 0 {
		types = []string{""}
	}
	for _, name := range types {
		event := v.arena.Object()
		if name != "" {
			v.arena.Add(event, "type", v.arena.String(name))
		}
		v.start(event, v.connection.program.limits.Steps)
		var decided []string
		for _, route := range v.program.Routes {
			decided = append(decided, v.settings(route.When)...)
			applies, err := v.condition(route.When)
			if route.To != nil && (applies || err != nil) {
				v.reached[route.To] = merged(v.reached[route.To], decided)
			}
			if applies && err == nil {
				break
			}
		}
	}
}

// settings returns the keys of the config that an expression reads.
func (v *reviewer) settings(list ...*plan.Expr) []string {
	var keys []string
	for _, e := range list {
		if e == nil {
			continue
		}
		e.Reads(func(slot int, steps expression.Path) {
			if v.program.Slots[slot].Kind == plan.ConfigSlot && len(steps) > 0 && !steps[0].IsIndex {
				keys = merged(keys, []string{steps[0].Name})
			}
		})
	}
	return keys
}

// choices returns the keys of the config that choose the rows which an expression reads.
func (v *reviewer) choices(e *plan.Expr) []string {
	var keys []string
	for _, i := range e.Slots() {
		if t := v.program.Slots[i].Table; t != nil {
			keys = merged(keys, v.settings(t.By))
		}
	}
	return keys
}

func merged(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// mappings finds what keeps the events of each mapping from being sent.
func (v *reviewer) mappings() {
	for _, name := range sortedKeys(v.program.Mappings) {
		m := v.program.Mappings[name]
		decided, ok := v.reached[m]
		if !ok {
			continue
		}
		if m.Deprecated != "" {
			v.outdated(Outdated{"the mapping " + m.Name, m.Deprecated, decided, m.Rule})
		}
		v.needsOf(m.Needs, name, len(requestsOf(m.Sends, nil)))
		for _, q := range requestsOf(m.Sends, nil) {
			v.request(q, name)
		}
	}
	for i := range v.found.Obstacles {
		o := &v.found.Obstacles[i]
		o.Every = len(v.reached) > 0
		for m := range v.reached {
			o.Every = o.Every && o.hits[m.Name] >= len(requestsOf(m.Sends, nil))
		}
	}
}

func requestsOf(sends []*plan.Send, list []*plan.Request) []*plan.Request {
	for _, s := range sends {
		if s.Request != nil && !slices.Contains(list, s.Request) {
			list = append(list, s.Request)
		}
		list = requestsOf(s.Choose, list)
	}
	return list
}

// needsOf finds settings that are needed and missing.
func (v *reviewer) needsOf(needs []plan.Need, mapping string, requests int) {
	for _, n := range needs {
		if len(v.settings(n.Path)) == 0 {
			continue
		}
		if err := v.needs([]plan.Need{n}); err != nil {
			v.obstacle(err, v.settings(n.Path), mapping, requests)
		}
	}
}

// request finds what keeps a request from being made: nobody who proves to send
// it, an address that is not allowed.
func (v *reviewer) request(q *plan.Request, mapping string) {
	var decided []string
	proven := len(q.Auth) == 0
	for _, a := range q.Auth {
		decided = merged(decided, v.settings(a.When))
		applies, err := v.condition(a.When)
		if err != nil {
			return
		}
		if !applies {
			continue
		}
		proven = true
		v.needsOf(a.Needs, mapping, 1)
		if a.Deprecated != "" {
			for _, n := range a.Needs {
				decided = merged(decided, v.settings(n.Path))
			}
			v.outdated(Outdated{"the auth entry " + a.Name, a.Deprecated, decided, a.Rule})
		}
		break
	}
	if !proven {
		v.obstacle(v.authenticate(&target{headers: v.arena.Object(), params: v.arena.Object()}, q.Auth, q.Rule), decided, mapping, 1)
	}
	if q.URL != nil {
		q.URL.Expressions(func(e *plan.Expr) { // a row that is not there
			var wrong *EventError
			if _, err := v.expr(e); errors.As(err, &wrong) && wrong.Code == "unknown_row" {
				v.obstacle(err, v.choices(e), mapping, 1)
			}
		})
	}
	if q.Host == nil || q.Host.URL == nil {
		return
	}
	var settings []string
	q.Host.URL.Expressions(func(e *plan.Expr) { settings = merged(settings, v.settings(e)) })
	if _, err := v.endpoint(q.Host, nil, q.Rule); err != nil {
		v.obstacle(err, settings, mapping, 1)
	}
}

// tables finds rows that the settings choose and that are not there, or deprecated.
func (v *reviewer) tables() {
	for i := range v.program.Slots {
		s := &v.program.Slots[i]
		if s.Kind != plan.TableSlot || !s.Static || s.Table.By == nil {
			continue
		}
		settings := v.settings(s.Table.By)
		if _, err := v.row(s.Table); err != nil {
			v.obstacle(err, settings, "", 0)
			continue
		}
		by, err := v.expr(s.Table.By)
		if err != nil || by.IsEmpty() {
			continue
		}
		if name, err := v.text(by); err == nil && s.Table.Deprecated[name] != "" {
			v.outdated(Outdated{"the row " + name + " of the table " + s.Name, s.Table.Deprecated[name], settings, s.Table.Rule})
		}
	}
}

// obstacle notes what keeps requests of a mapping from being made; a mapping ""
// stands for all that need it.
func (v *reviewer) obstacle(err error, settings []string, mapping string, requests int) {
	var e *EventError
	if !errors.As(err, &e) || errors.Is(err, errNoEvent) {
		return
	}
	i := slices.IndexFunc(v.found.Obstacles, func(o Obstacle) bool { return o.Error.Code == e.Code && o.Error.Message == e.Message })
	if i < 0 {
		i = len(v.found.Obstacles)
		v.found.Obstacles = append(v.found.Obstacles, Obstacle{Error: e, Settings: settings, hits: map[string]int{}})
	}
	if mapping != "" {
		o := &v.found.Obstacles[i]
		o.Mappings = merged(o.Mappings, []string{mapping})
		o.hits[mapping] += requests
	}
}

func (v *reviewer) outdated(o Outdated) {
	if !slices.ContainsFunc(v.found.Outdated, func(x Outdated) bool { return x.What == o.What || x.Because == o.Because }) {
		v.found.Outdated = append(v.found.Outdated, o)
	}
}
