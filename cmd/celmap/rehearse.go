package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/input"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/report"
	"github.com/celmap/celmap/internal/send"
)

// rehearse maps the events as send would, and tells what would be sent.
func (c *sendCommand) rehearse(ctx context.Context, s *streams, d *deliverer) error {
	sources, err := (&mapCommand{Files: c.Files}).sources(s)
	if err != nil {
		return err
	}
	events := input.NewReader(send.MostEvent, sources...)
	defer events.Close()
	host := lookup.New(lookup.Options{Client: d.client})
	var total counts
	requests, remembered := 0, map[engine.Memory]string{}
	for done := false; !done && ctx.Err() == nil; {
		var inputs []engine.Input
		for len(inputs) < 100 {
			item, err := events.Next()
			if err == io.EOF {
				done = true
				break
			} else if err != nil {
				return usage("%w", err)
			}
			text := bytes.Clone(item.JSON)
			if item.Problem != nil {
				text = value.AppendString(nil, item.Problem.Message)
			}
			whose, _ := d.connection.Whose(engine.Input{JSON: text}) // what it cannot tell is for the mapping to say
			for _, m := range whose.Teaches {
				remembered[engine.Memory{Lookup: m.Lookup, Key: m.Key}] = m.Value
			}
			inputs = append(inputs, engine.Input{JSON: text, Index: item.Index})
		}
		if len(inputs) == 0 {
			break
		}
		output, err := host.Map(ctx, lookup.Destination{Program: d.program, Config: d.config, Portal: d.portal, Delivers: true,
			Answers: func(q *engine.Question) (engine.Reply, bool) {
				if v, ok := remembered[engine.Memory{Lookup: q.Lookup.Name, Key: q.Key}]; ok {
					return engine.Reply{Answer: value.AppendString(nil, v)}, true
				}
				return d.answers.Answer(q)
			}}, inputs)
		if err != nil {
			return usage("%w", err)
		}
		elements := output.Elements()
		for i := range elements {
			requests += len(elements[i].Requests)
			total.count(outcome{Result: &elements[i].Result, element: &elements[i], events: len(elements[i].Indexes)})
		}
		output.Release()
	}
	if !c.Quiet {
		total.print(s.err)
		fmt.Fprintf(s.err, "%s would be sent; nothing was (--dry-run)\n", report.PaletteFor(s.err).Bold(amount(requests, "request")))
	}
	if c.FailOnReject && total.Rejected > 0 {
		return &exit{exitFailed, fmt.Errorf("%s rejected (--fail-on-reject)", amount(total.Rejected, "event"))}
	}
	return nil
}
