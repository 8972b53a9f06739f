package main

import (
	"fmt"
	"time"

	"github.com/celmap/celmap/internal/input"
	"github.com/celmap/celmap/internal/report"
)

// rules are the flags with which verbs choose what maps an event.
type rules struct {
	Mapping string   `default:"hubspot" placeholder:"DIR" help:"Folder of rules, or the name of a built-in mapping (${default})."`
	Config  string   `placeholder:"FILE" help:"Config of the destination, JSON or YAML; $${env:NAME} in it stands for an environment variable."`
	Lookup  []string `placeholder:"NAME=FILE" sep:"none" help:"Portal data, or the answers of a lookup, as JSON or YAML. Repeatable."`
	Now     instant  `placeholder:"RFC3339" help:"Time of the run, for the same output again (default: when it starts)."`
}

// instant is a time on the command line.
type instant struct{ time.Time }

func (i *instant) UnmarshalText(text []byte) (err error) {
	if i.Time, err = time.Parse(time.RFC3339, string(text)); err != nil {
		return fmt.Errorf("%q is no time: write it as 2024-03-05T10:00:00Z", text)
	}
	return nil
}

type mapCommand struct {
	rules
	Format       string   `enum:"json,text" default:"json" help:"json: one result a line; text: for people, without secrets."`
	Batch        bool     `help:"Print requests as they are sent, with the items of many events in one."`
	BatchSize    int      `default:"100" placeholder:"N" help:"Events that are planned together (${default})."`
	FailOnReject bool     `help:"End with exit code 4 if an event was rejected."`
	Quiet        bool     `short:"q" help:"Print neither summary nor progress."`
	Files        []string `arg:"" optional:"" name:"file" help:"Events: one a line, a JSON array or {\"batch\": […]}, also compressed with gzip. Default and -: stdin."`
}

func (mapCommand) Help() string {
	return `Every event gives one JSON object, in order:

  {"index":0,"messageId":"…","status":"mapped","requests":[…]}
  {"index":1,"messageId":"…","status":"rejected","error":{"code":"…","message":"…","rule":"…"}}
  {"index":2,"messageId":"…","status":"filtered","reason":"…"}

Without --config the config is that of the events themselves, where RudderStack wrote it as destination.Config, else empty.

Example: celmap map --config hubspot.yaml events.ndjson.gz > requests.ndjson`
}

func (c *mapCommand) Run(s *streams) error {
	if c.BatchSize < 1 {
		return usage("--batch-size %d: at least one event is planned at a time", c.BatchSize)
	}
	sources, err := c.sources(s)
	if err != nil {
		return err
	}
	binder, err := c.bind()
	if err != nil {
		return err
	}
	events := input.NewReader(input.DefaultLimit, sources...)
	defer events.Close()
	p := &pipeline{
		events:  events,
		binder:  binder,
		size:    c.BatchSize,
		batched: c.Batch,
		out:     s.out,
		printer: printer{text: c.Format == "text", Palette: report.PaletteFor(s.out)},
	}
	if !c.Quiet {
		binder.warn(s.err)
		p.progress = progressFor(s)
	}
	err = p.run()
	if !c.Quiet {
		p.total.print(s.err)
	}
	if err == nil && c.FailOnReject && p.total.Rejected > 0 {
		return &exit{exitFailed, fmt.Errorf("%s rejected (--fail-on-reject)", amount(p.total.Rejected, "event"))}
	}
	return err
}

func (c *mapCommand) sources(s *streams) ([]input.Source, error) {
	if len(c.Files) == 0 {
		c.Files = []string{"-"}
	}
	var sources []input.Source
	for _, name := range c.Files {
		if name == "-" {
			if report.IsTerminal(s.in) {
				fmt.Fprintln(s.err, "celmap: reading events from the terminal, one a line; Ctrl-D ends them")
			}
			sources = append(sources, input.Stream("stdin", s.in))
			continue
		}
		source, err := input.File(name)
		if err != nil {
			return nil, usage("%w", err)
		}
		sources = append(sources, source)
	}
	return sources, nil
}
