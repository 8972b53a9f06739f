package main

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

// binder gives the connection that maps an event.
type binder struct {
	program  *engine.Program
	settings engine.Settings
	answers  *engine.StaticAnswers
	fixed    bool               // one config, given on the command line
	standard *engine.Connection // of the fixed config, else of an empty one
	byConfig map[string]*engine.Connection
	arena    value.Arena
}

// mostConnections bounds the memory for events whose configs differ.
const mostConnections = 256

func (r *rules) bind() (*binder, error) {
	m, err := findMapping(r.Mapping)
	if err != nil {
		return nil, err
	}
	program, err := m.load()
	if err != nil {
		return nil, err
	}
	b := &binder{program: program, byConfig: make(map[string]*engine.Connection), fixed: r.Config != ""}
	b.settings.Config = []byte("{}")
	if b.fixed {
		if b.settings.Config, err = readConfig(r.Config); err != nil {
			return nil, err
		}
	}
	if b.settings.Now = r.Now.Time; b.settings.Now.IsZero() {
		b.settings.Now = time.Now().Truncate(time.Millisecond)
	}
	if b.settings.Portal, b.answers, err = readLookups(program, r.Lookup); err != nil {
		return nil, err
	}
	if b.standard, err = program.Bind(b.settings); err != nil {
		return nil, usage("%w", err)
	}
	return b, nil
}

// warn says what of the settings on the command line is deprecated.
func (b *binder) warn(w io.Writer) {
	if !b.fixed {
		return
	}
	for _, o := range b.standard.Review().Outdated {
		fmt.Fprintf(w, "celmap: warning: these settings choose %s, which is deprecated: %s\n", o.What, o.Because)
	}
}

// connection returns the connection for an event: that of the config which
// RudderStack put beside it, unless one was given on the command line.
func (b *binder) connection(event []byte) (*engine.Connection, error) {
	if b.fixed {
		return b.standard, nil
	}
	config := b.configOf(event)
	if config == nil {
		return b.standard, nil
	}
	if c, known := b.byConfig[string(config)]; known {
		return c, nil
	}
	settings := b.settings
	settings.Config = config
	c, err := b.program.Bind(settings)
	if err != nil {
		return nil, err
	}
	if len(b.byConfig) == mostConnections {
		clear(b.byConfig)
	}
	b.byConfig[string(config)] = c
	return c, nil
}

// configOf returns the config of {"message": …, "destination": {"Config": {…}}},
// nil for any other event.
func (b *binder) configOf(event []byte) []byte {
	if !bytes.Contains(event, []byte(`"destination"`)) {
		return nil
	}
	defer b.arena.Reset()
	n, err := value.Parse(&b.arena, event, value.DefaultLimits())
	if err != nil || n.Get("message").Kind() != value.Object { // what is no JSON is rejected when it is mapped
		return nil
	}
	config := n.Get("destination").Get("Config")
	if config.Kind() != value.Object {
		return nil
	}
	return value.AppendJSON(nil, config)
}
