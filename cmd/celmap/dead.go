package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/celmap/celmap/internal/queue"
	"github.com/celmap/celmap/internal/report"
	"github.com/celmap/celmap/internal/send"
)

type deadCommand struct {
	List   deadListCommand   `cmd:"" help:"List the events that could not be delivered, and why."`
	Show   deadShowCommand   `cmd:"" help:"Show all that is known of one: the event, the rule, the API's answer."`
	Replay deadReplayCommand `cmd:"" help:"Deliver them again, once rules or data are mended."`
	Export deadExportCommand `cmd:"" help:"Print the events themselves, one a line."`
	Drop   deadDropCommand   `cmd:"" help:"Throw them away."`
}

func (deadCommand) Help() string {
	return `An event that the rules reject or that the API refuses for good becomes a dead letter: it is kept
beside the queue, with the reason, until it is replayed or dropped. All of this works while celmap send runs.

Example: celmap dead list --state state`
}

// deadQueue are the flags that say where dead letters are.
type deadQueue struct {
	State string `placeholder:"DIR" help:"Folder of the queue, as celmap send was given it."`
	NATS  string `name:"nats" placeholder:"URL" help:"The NATS cluster that has the queue instead."`
}

// open opens the queue, which has to be there already.
func (d *deadQueue) open(ctx context.Context) (*queue.Queue, error) {
	switch {
	case d.State == "" && d.NATS == "":
		return nil, usage("name the queue: --state DIR, as celmap send was given it")
	case d.State != "" && d.NATS != "":
		return nil, usage("--state and --nats are two places for one queue: keep the one that celmap send was given")
	case d.NATS == "" && !queue.Exists(d.State):
		return nil, usage("there is no queue in %s: name the folder that celmap send --state was given", d.State)
	}
	return openQueue(ctx, queue.Options{Dir: d.State, URL: d.NATS})
}

// with opens the queue for some work.
func (d *deadQueue) with(do func(context.Context, *queue.Queue) error) error {
	ctx, stop := untilSignal()
	defer stop()
	q, err := d.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, q), q.Close())
}

// deadFilter says which dead letters are meant; all without anything.
type deadFilter struct {
	Code   []string   `sep:"none" placeholder:"CODE" help:"Only those with this code. Repeatable."`
	Reason deadReason `placeholder:"REASON" help:"Only those rejected (by the rules), refused (by the API) or gave-up (after many attempts)."`
	Type   string     `placeholder:"TYPE" help:"Only events of this type, such as identify."`
	ID     []string   `arg:"" optional:"" help:"Only those with these ids (as celmap dead list prints them) or messageIds."`
}

// deadReason is one of the reasons of dead letters, or none.
type deadReason string

// UnmarshalText reads what --reason is given.
func (r *deadReason) UnmarshalText(text []byte) error {
	switch reason := send.Reason(text); reason {
	case send.Rejected, send.Refused, send.GaveUp:
		*r = deadReason(reason)
		return nil
	}
	return fmt.Errorf("%q is none: write %s, %s or %s", text, send.Rejected, send.Refused, send.GaveUp)
}

func (f *deadFilter) matches(l *letter) bool {
	return (len(f.ID) == 0 || slices.Contains(f.ID, l.ID) || slices.Contains(f.ID, l.MessageID)) &&
		(len(f.Code) == 0 || slices.Contains(f.Code, l.Code)) &&
		(f.Reason == "" || f.Reason == deadReason(l.Reason)) &&
		(f.Type == "" || f.Type == l.Type)
}

func (f *deadFilter) isEmpty() bool {
	return len(f.ID) == 0 && len(f.Code) == 0 && f.Reason == "" && f.Type == ""
}

// each hands over the letters that are meant, oldest first, and counts those and all
// that there are. A name that no letter has is an error, once the others were handed over.
func (f *deadFilter) each(ctx context.Context, q *queue.Queue, do func(*letter) error) (meant, all letterCounts, err error) {
	known := make(map[string]bool)
	for dead, err := range q.DeadLetters(ctx) {
		if err != nil {
			return meant, all, fmt.Errorf("the dead letters cannot be read: %w", err)
		}
		l := read(dead)
		all.count(l)
		known[l.ID], known[l.MessageID] = true, true
		if !f.matches(l) {
			continue
		}
		meant.count(l)
		if err := do(l); err != nil {
			return meant, all, err
		}
	}
	for _, name := range f.ID {
		if !known[name] {
			return meant, all, usage("no dead letter has the id or messageId %q: celmap dead list shows those that there are", name)
		}
	}
	return meant, all, nil
}

// deadSelection are dead letters for verbs that change something.
type deadSelection struct {
	deadFilter
	All bool `help:"All of them."`
}

// letters returns what is selected, in the order in which it was stored: events of
// one contact are replayed in theirs. Where that is none, it is said.
func (s *deadSelection) letters(ctx context.Context, q *queue.Queue, out io.Writer, verb string) (found []*letter, err error) {
	switch {
	case s.isEmpty() && !s.All:
		return nil, usage("say which: ids as celmap dead list prints them, --code CODE, --reason REASON, --type TYPE, or --all to %s all", verb)
	case s.All && !s.isEmpty():
		return nil, usage("--all is more than the others that are named: leave it out, or them")
	}
	_, all, err := s.each(ctx, q, func(l *letter) error {
		found = append(found, l)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		fmt.Fprintf(out, "nothing to %s: %s", verb, all.none())
	}
	slices.SortStableFunc(found, func(a, b *letter) int {
		return cmp.Or(a.dead.Stored.Compare(b.dead.Stored), cmp.Compare(a.dead.ID.Sequence, b.dead.ID.Sequence), cmp.Compare(a.dead.ID.Index, b.dead.ID.Index))
	})
	return found, nil
}

type deadListCommand struct {
	deadQueue
	deadFilter
	Limit  int    `placeholder:"N" help:"Only the first N, oldest first."`
	Format string `enum:"text,json" default:"text" help:"text: for people; json: one object a line."`
}

func (deadListCommand) Help() string {
	return `With --format json each line has: id, messageId, type, reason, code, status, message, path, rule (file:line:column), line, request,
attempts, origin, stored, time. What is empty is left out, but for the ids, reason, code, message, rule and attempts.

Example: celmap dead list --state state --format json | jq -r .code | sort | uniq -c`
}

func (c *deadListCommand) Run(s *streams) error {
	if c.Limit < 0 {
		return usage("--limit %d: at least one", c.Limit)
	}
	return c.with(func(ctx context.Context, q *queue.Queue) error {
		p := letterPrinter{report.PaletteFor(s.out)}
		printed := 0
		meant, all, err := c.each(ctx, q, func(l *letter) error {
			if printed == c.Limit && c.Limit > 0 {
				return nil // the sum is that of all
			}
			printed++
			line := p.summary(l)
			if c.Format == "json" {
				line = l.json()
			}
			if _, err := s.out.Write(line); err != nil {
				return fmt.Errorf("the list cannot be written: %w", err)
			}
			return nil
		})
		if err != nil || c.Format == "json" {
			return err
		}
		if meant.all == 0 {
			fmt.Fprint(s.out, all.none())
			return nil
		}
		fmt.Fprint(s.out, meant.text(printed))
		return nil
	})
}

type deadShowCommand struct {
	deadQueue
	Format string `enum:"text,json" default:"text" help:"text: for people; json: one object."`
	ID     string `arg:"" help:"Its id, as celmap dead list prints it, or its messageId."`
}

func (c *deadShowCommand) Run(s *streams) error {
	return c.with(func(ctx context.Context, q *queue.Queue) error {
		p := letterPrinter{report.PaletteFor(s.out)}
		shown := 0
		_, _, err := (&deadFilter{ID: []string{c.ID}}).each(ctx, q, func(l *letter) error {
			text := l.whole()
			if c.Format == "text" {
				if shown > 0 {
					fmt.Fprintln(s.out)
				}
				text = p.whole(l)
			}
			shown++
			if _, err := s.out.Write(text); err != nil {
				return fmt.Errorf("the dead letter cannot be written: %w", err)
			}
			return nil
		})
		return err
	})
}

type deadExportCommand struct {
	deadQueue
	deadFilter
	WithReason bool `help:"Print {\"message\": event, \"dead\": {…}}, which celmap map and send read, too."`
}

func (deadExportCommand) Help() string {
	return `The events are those that came in, unchanged: also secrets that RudderStack wrote beside them. They stay
dead letters.

Example: celmap dead export --state state --code invalid_email | celmap map --mapping rules --format text`
}

func (c *deadExportCommand) Run(s *streams) error {
	return c.with(func(ctx context.Context, q *queue.Queue) error {
		meant, all, err := c.each(ctx, q, func(l *letter) error {
			if _, err := s.out.Write(l.export(c.WithReason)); err != nil {
				return fmt.Errorf("the events cannot be written: %w", err)
			}
			return nil
		})
		if err == nil && meant.all == 0 {
			fmt.Fprintf(s.err, "nothing to export: %s", all.none())
		}
		return err
	})
}

type deadDropCommand struct {
	deadQueue
	deadSelection
}

func (deadDropCommand) Help() string {
	return `What is dropped is gone, and printed for the last time. celmap dead export keeps it before.

Example: celmap dead drop --state state --code invalid_email`
}

func (c *deadDropCommand) Run(s *streams) error {
	return c.with(func(ctx context.Context, q *queue.Queue) error {
		letters, err := c.letters(ctx, q, s.err, "drop")
		if err != nil || len(letters) == 0 {
			return err
		}
		p := letterPrinter{report.PaletteFor(s.out)}
		for part := range slices.Chunk(letters, mostAtOnce) {
			ids := make([]queue.ID, len(part))
			for i, l := range part {
				ids[i] = l.dead.ID
			}
			if err := q.Remove(ctx, ids...); err != nil {
				return fmt.Errorf("dead letters cannot be removed: %w", err)
			}
			for _, l := range part {
				if _, err := s.out.Write(p.summary(l)); err != nil {
					return err
				}
			}
		}
		fmt.Fprintf(s.out, "%s dropped\n", amount(len(letters), "dead letter"))
		return nil
	})
}

// mostAtOnce is how many dead letters are removed or put back together.
const mostAtOnce = 1000

// untilSignal returns a context that ends with SIGINT or SIGTERM; a second one ends
// the process.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
