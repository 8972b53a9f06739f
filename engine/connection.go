package engine

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Settings is what one configured destination gives to the rules.
type Settings struct {
	// Config is the destination's config, a JSON object. What the rules need and
	// it lacks rejects events; it does not fail Bind.
	Config []byte
	// Delivers says that who binds delivers the requests itself, and reads the
	// answers: what the rules say under delivery.config holds for the settings that
	// Config does not have.
	Delivers bool
	// Portal is data about the account by name, as JSON: what the API answers, or
	// a form that the rules accept besides. Without it built-in data is used.
	Portal map[string][]byte
	// Unfetched names data about the account that the host fetches and does not
	// have: the failure says why it could not, nil that it has not tried. An event
	// whose rules read such data is rejected with lookup_failed, see Batch.Wants.
	// What Portal gives counts all the same.
	Unfetched map[string]*LookupFailure
	// Now is the time that rules see; zero means there is none.
	Now time.Time
}

// SettingsError is a setting that cannot be used.
type SettingsError struct {
	Setting string // such as "config" or "portal.contactProperties"
	Message string
	Help    string
	Cause   error
}

// Error returns the setting, what is wrong, and what to do.
func (e *SettingsError) Error() string {
	s := e.Setting + ": " + e.Message
	if e.Help != "" {
		s += "; " + e.Help
	}
	return s
}

// Unwrap returns the cause.
func (e *SettingsError) Unwrap() error { return e.Cause }

// Connection is a program bound to the settings of one destination, immutable
// and safe for concurrent use.
type Connection struct {
	program *Program
	config  *value.Node
	portals []*value.Node
	unread  []error // by portal: why there is no data that rules could read; nil where that is no failure
	now     *value.Node
	refused *EventError // config that its schema refuses: rejects every event
	observe Observer
	runners *sync.Pool
	sights  *sights
}

// Observer learns what rules do, for explanations and tests. Its methods are
// called from the goroutine that maps.
type Observer interface {
	// Wrote tells which rule made a value of a result.
	Wrote(n *value.Node, by *Rule)
	// Decided tells that a rule with a condition was reached, and whether it applied.
	Decided(by *Rule, applied bool)
}

// Bind prepares the program for one destination. The error is a *SettingsError.
func (p *Program) Bind(s Settings) (*Connection, error) {
	arena := value.NewArena()
	c := &Connection{program: p, sights: &sights{}}
	config, err := value.Parse(arena, orEmptyObject(s.Config), p.limits.Event)
	if err != nil {
		return nil, &SettingsError{Setting: "config", Message: err.Error(), Help: "give the destination's config as a JSON object", Cause: err}
	}
	if config.Kind() != value.Object {
		return nil, &SettingsError{Setting: "config", Message: "it is " + value.Preview(config), Help: "give the destination's config as a JSON object"}
	}
	if s.Delivers {
		config = withDefaults(arena, config, p.plan.Delivery.Config)
	}
	if sch := p.plan.Config; sch != nil {
		for _, v := range sch.Validate(config) {
			c.refused = &EventError{Code: "invalid_config", Status: 400, Message: "the destination's config is not valid: config." + v.Path + " " + v.Message, Path: "config." + v.Path}
			break
		}
		config = sch.MarkSecrets(arena, config)
	}
	c.config = config.Freeze()
	c.now = instant(s.Now)
	for _, name := range append(sortedKeys(s.Portal), sortedKeys(s.Unfetched)...) {
		if !slices.Contains(p.Portals(), name) {
			return nil, &SettingsError{Setting: "portal." + name, Message: "the destination has no such data", Help: nearest(name, p.Portals())}
		}
	}
	if err := c.loadPortals(s, arena); err != nil {
		return nil, err
	}
	c.runners = &sync.Pool{New: func() any { return newRunner(c) }}
	return c, nil
}

// withDefaults adds to a config the settings that it does not have.
func withDefaults(arena *value.Arena, config, defaults *value.Node) *value.Node {
	all := arena.Fork(config)
	for m := defaults.First(); m != nil; m = m.Next() {
		if config.Get(m.Key()) == nil {
			arena.Add(all, m.Key(), m)
		}
	}
	return all
}

// At returns the same connection with another time for the rules, zero for
// none. It shares all that was computed for the one it comes from, data about the
// account too. It is cheap.
func (c *Connection) At(now time.Time) *Connection {
	d := *c
	d.now = instant(now)
	return &d
}

func instant(t time.Time) *value.Node {
	if t.IsZero() {
		return nil
	}
	return value.TextNode(t.UTC().Format(time.RFC3339Nano))
}

// runner takes a runner from the pool. What is remembered in it follows from
// all of a connection but its time.
func (c *Connection) runner() *runner {
	r := c.runners.Get().(*runner)
	r.connection = c
	return r
}

func orEmptyObject(b []byte) []byte {
	if len(b) == 0 {
		return []byte("{}")
	}
	return b
}

func nearest(name string, known []string) string {
	if near := source.Suggest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	if len(known) == 0 {
		return "it knows none"
	}
	return "it knows " + strings.Join(known, ", ")
}

// loadPortals computes the account's data: what was given, else what is built
// in, or both where the given form extends it.
func (c *Connection) loadPortals(s Settings, arena *value.Arena) error {
	c.portals, c.unread = make([]*value.Node, len(c.program.plan.Portals)), make([]error, len(c.program.plan.Portals))
	limits := c.program.limits.Event
	limits.Bytes, limits.Nodes = 32<<20, 2_000_000
	for i, p := range c.program.plan.Portals {
		v, err := c.data(p, s, arena, limits)
		if wantedBy(err) != "" {
			c.unread[i] = err
			continue
		}
		if err != nil {
			return err
		}
		c.portals[i] = v.Freeze()
	}
	return nil
}

// data computes what settings say of one portal, else what is built in.
func (c *Connection) data(p *plan.Portal, s Settings, arena *value.Arena, limits value.Limits) (*value.Node, error) {
	given, ok := s.Portal[p.Name]
	if !ok {
		if failure, unfetched := s.Unfetched[p.Name]; unfetched {
			return nil, c.unfetched(p, failure, arena)
		}
		return c.builtin(p, arena, limits)
	}
	v, extend, err := c.portal(p, given, arena, limits)
	if err != nil {
		return nil, unreadable(p, err, "", "give what the API answers, or a form that the rules accept ("+p.Place+")")
	}
	if !extend {
		return v, nil
	}
	builtin, err := c.builtin(p, arena, limits)
	if err != nil || builtin == nil {
		return v, err
	}
	sum := arena.Fork(builtin)
	for m := v.First(); m != nil; m = m.Next() {
		arena.Set(sum, m.Key(), m)
	}
	return sum, nil
}

// unreadable says that data cannot be read. What is made of data that is not
// fetched is as little known as that.
func unreadable(p *plan.Portal, err error, message, help string) error {
	if wantedBy(err) != "" {
		return err
	}
	return &SettingsError{Setting: "portal." + p.Name, Message: message + err.Error(), Help: help, Cause: err}
}

func (c *Connection) builtin(p *plan.Portal, arena *value.Arena, limits value.Limits) (*value.Node, error) {
	if p.Builtin == nil {
		return nil, nil
	}
	v, _, err := c.portal(p, p.Builtin, arena, limits)
	if err != nil {
		return nil, unreadable(p, err, "the built-in data cannot be read: ", "correct the file named under builtin")
	}
	return v, nil
}

func (c *Connection) portal(p *plan.Portal, data []byte, arena *value.Arena, limits value.Limits) (v *value.Node, extend bool, err error) {
	body, err := value.Parse(arena, data, limits)
	if err != nil {
		return nil, false, err
	}
	r := c.lastingRunner(arena)
	r.set(r.variable("body"), body)
	for _, a := range p.Answer {
		if a.When != nil {
			if ok, err := r.condition(a.When); err != nil {
				return nil, false, err
			} else if !ok {
				continue
			}
		}
		if a.Value == nil {
			return body, a.Extend, nil
		}
		v, err := r.expr(a.Value)
		return v, a.Extend, err
	}
	return nil, false, fmt.Errorf("this is none of the forms that the data may have: %s", value.Preview(body))
}

// lastingRunner returns a runner for what lives as long as the connection.
func (c *Connection) lastingRunner(arena *value.Arena) *runner {
	r := newRunner(c)
	r.arena, r.frame.Arena = arena, arena
	r.frame.Steps = c.program.limits.BatchSteps
	return r
}

// Observe returns a connection that reports to o. It is slower; the connection
// it comes from is not.
func (c *Connection) Observe(o Observer) *Connection {
	d := *c
	d.observe = o
	d.runners = &sync.Pool{New: func() any { return newRunner(&d) }}
	return &d
}

// Program returns the program that the connection is bound to.
func (c *Connection) Program() *Program { return c.program }

// PortalData returns what is known of the account under a name, nil if nothing is.
func (c *Connection) PortalData(name string) *value.Node {
	for i, p := range c.program.plan.Portals {
		if p.Name == name {
			return c.portals[i]
		}
	}
	return nil
}
