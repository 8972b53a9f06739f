// Package lookup is the host's side of lookups: it binds destinations to their
// rules, calls their API for what the rules ask, and remembers the answers.
package lookup

import (
	"context"
	"log/slog"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/outbound"
)

// Destination is one configured destination, and the rules for its type.
type Destination struct {
	Program *engine.Program
	ID      string
	Config  []byte // a JSON object; unchanged from now on
}

// Options is what a host works with.
type Options struct {
	Client *outbound.Client
	Meter  Meter            // nil: nobody counts
	Log    *slog.Logger     // nil: nobody reads
	Now    func() time.Time // nil: the clock
}

// Meter counts. Its methods are called concurrently, and should return at once.
type Meter interface {
	// Call tells of one HTTP call: the type of its destination, the portal data or
	// the lookup that it was for, its status (0 where there was no answer) and how
	// long it took.
	Call(destination, name string, status int, took time.Duration)
	// Cache tells how something that rules ask was found.
	Cache(destination, name string, found Found)
}

// Found is how something that rules ask was found.
type Found uint8

// The ways to find something.
const (
	Fresh  Found = iota // in memory
	Stale               // in memory, out of date, while the API fails
	Absent              // not in memory: the API is called
)

// String returns the word for it: fresh, stale or absent.
func (f Found) String() string { return [...]string{"fresh", "stale", "absent"}[f] }

// Host maps events, and learns for that what their rules ask. It is safe for
// concurrent use.
type Host struct{ options Options }

// New returns a host that knows nothing yet.
func New(o Options) *Host { return &Host{options: o} }

// Map maps events of one destination: it fetches what their rules ask, as far as
// it is not known, and gives the output, to be released. What cannot be
// fetched rejects the events that need it. The error is a *engine.SettingsError:
// the destination's config cannot be used.
//
// Where ctx ends before all is known, the events that need the rest are rejected
// with a status that lets them be sent again.
func (h *Host) Map(ctx context.Context, d Destination, inputs []engine.Input) (*engine.Output, error) {
	c, err := h.Connection(d)
	if err != nil {
		return nil, err
	}
	return c.Plan(inputs).Map(), nil
}

// Connection returns a destination's connection with what is known of its
// account. Nothing is fetched. The error is a *engine.SettingsError.
func (h *Host) Connection(d Destination) (*engine.Connection, error) {
	return d.Program.Bind(engine.Settings{Config: d.Config, Now: time.Now()})
}

// Outdated makes the host fetch portal data of a destination again, when events
// need it next. It does so once a minute at most.
func (h *Host) Outdated(d Destination, names []string) {}
