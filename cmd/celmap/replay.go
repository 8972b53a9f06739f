package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/celmap/celmap/internal/queue"
)

type deadReplayCommand struct {
	deadQueue
	deadSelection
	Mapping   string   `placeholder:"DIR" help:"Folder of rules, or the name of a built-in mapping. This and what follows is as for the last celmap send on this folder, unless given."`
	Config    string   `placeholder:"FILE" help:"Config of the destination."`
	Lookup    []string `placeholder:"NAME=FILE" sep:"none" help:"Portal data, or the answers of a lookup. Repeatable."`
	ConnectTo []detour `sep:"none" placeholder:"HOST=URL" help:"Send the traffic for a host elsewhere. Repeatable."`
	Tier      string   `placeholder:"TIER" help:"What the account has bought of the API."`
	Report    string   `placeholder:"FILE" help:"Write the figures as JSON at the end."`
	Quiet     bool     `short:"q" help:"Print neither progress nor the table at the end."`
}

func (deadReplayCommand) Help() string {
	return `They go back to the end of the queue, and are mapped anew, with the rules of today. They stop being dead letters
only once they are stored there. Then all that is in the queue is delivered: by the celmap send that runs, or
else by this command. With --nats it only puts them back, for the celmap send of the cluster.

Example: celmap dead replay --state state --code invalid_email`
}

func (c *deadReplayCommand) Run(s *streams) error {
	return c.with(func(ctx context.Context, q *queue.Queue) error {
		letters, err := c.letters(ctx, q, s.err, "replay")
		if err != nil || len(letters) == 0 {
			return err
		}
		var sender *sendCommand
		var with *deliverer
		if c.NATS == "" && !q.Guest() { // rules that do not load are found before anything is changed
			if sender, err = c.sender(); err != nil {
				return err
			}
			if with, err = sender.deliverer(); err != nil {
				return err
			}
		}
		for part := range slices.Chunk(letters, mostAtOnce) {
			back := make([]queue.DeadLetter, len(part))
			for i, l := range part {
				back[i] = l.dead
			}
			if err := q.Replay(ctx, back...); err != nil {
				return fmt.Errorf("dead letters cannot be put back: %w", err)
			}
		}
		done := amount(len(letters), "dead letter") + " put back into the queue"
		if sender == nil {
			fmt.Fprintf(s.err, "%s: the celmap send that works on it delivers what it can\n", done)
			return nil
		}
		if !c.Quiet {
			fmt.Fprintf(s.err, "%s\n", done)
		}
		nothing := &streams{in: strings.NewReader(""), out: s.out, err: s.err}
		return sender.deliver(ctx, nothing, with, q)
	})
}

// sender returns the command that delivers: the last one on this folder, with the
// flags that are given here instead.
func (c *deadReplayCommand) sender() (*sendCommand, error) {
	last, found, err := recallSettings(c.State)
	if err != nil {
		return nil, err
	}
	config := cmp.Or(c.Config, last.Config)
	if !found && config == "" {
		return nil, usage("nothing is known of how %s is delivered: give --config FILE and the other flags of celmap send", c.State)
	}
	sender := &sendCommand{
		State: c.State, Config: config, Mapping: cmp.Or(c.Mapping, last.Mapping, defaultMapping), Lookup: last.Lookup, ConnectTo: last.ConnectTo,
		Tier: cmp.Or(c.Tier, last.Tier), Workers: cmp.Or(last.Workers, 16), Report: c.Report, Quiet: c.Quiet,
	}
	if len(c.Lookup) > 0 {
		sender.Lookup = c.Lookup
	}
	if len(c.ConnectTo) > 0 {
		sender.ConnectTo = c.ConnectTo
	}
	return sender, nil
}
