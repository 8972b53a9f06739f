package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/celmap/celmap/internal/queue"
	"github.com/celmap/celmap/internal/report"
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
	case d.NATS == "" && !queue.Exists(d.State):
		return nil, usage("there is no queue in %s: name the folder that celmap send --state was given", d.State)
	}
	options := queue.Options{Dir: d.State}
	if d.NATS != "" {
		options = queue.Options{URL: d.NATS}
	}
	q, err := queue.Open(ctx, options)
	if err != nil {
		return nil, usage("%w", err)
	}
	return q, nil
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

// deadFilter are the flags that say which dead letters are meant.
type deadFilter struct {
	Code   []string `sep:"none" placeholder:"CODE" help:"Only those with this code. Repeatable."`
	Reason string   `enum:",rejected,refused,gave-up" default:"" placeholder:"REASON" help:"Only those rejected (by the rules), refused (by the API) or gave-up (after many attempts)."`
	Type   string   `placeholder:"TYPE" help:"Only events of this type, such as identify."`
}

func (f *deadFilter) matches(l *letter) bool {
	return (len(f.Code) == 0 || slices.Contains(f.Code, l.Code)) &&
		(f.Reason == "" || f.Reason == string(l.Reason)) &&
		(f.Type == "" || f.Type == l.Type)
}

func (f *deadFilter) isEmpty() bool { return len(f.Code) == 0 && f.Reason == "" && f.Type == "" }

// deadSelection are dead letters by name or by filter, for verbs that change something.
type deadSelection struct {
	deadFilter
	All bool     `help:"All of them."`
	ID  []string `arg:"" optional:"" help:"Those with these ids (as celmap dead list prints them) or messageIds."`
}

// letters returns what is selected, in the order in which it was stored: events of
// one contact are replayed in theirs.
func (s *deadSelection) letters(ctx context.Context, q *queue.Queue, verb string) ([]*letter, error) {
	switch {
	case len(s.ID) == 0 && s.isEmpty() && !s.All:
		return nil, usage("say which: ids as celmap dead list prints them, --code CODE, --reason REASON, --type TYPE, or --all to %s all", verb)
	case s.All && len(s.ID)+len(s.Code) > 0, s.All && !s.isEmpty():
		return nil, usage("--all is more than the others that are named: leave it out, or them")
	}
	found, missing, err := find(ctx, q, s.ID)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, unknownLetter(missing[0])
	}
	found = slices.DeleteFunc(found, func(l *letter) bool { return !s.matches(l) })
	slices.SortStableFunc(found, func(a, b *letter) int {
		return cmp.Or(a.dead.Stored.Compare(b.dead.Stored), cmp.Compare(a.dead.ID.Sequence, b.dead.ID.Sequence), cmp.Compare(a.dead.ID.Index, b.dead.ID.Index))
	})
	return found, nil
}

func unknownLetter(name string) error {
	return usage("no dead letter has the id or messageId %q: celmap dead list shows those that there are", name)
}

// find returns the dead letters with these ids or messageIds, all without any, and
// the names that none has.
func find(ctx context.Context, q *queue.Queue, names []string) (found []*letter, missing []string, err error) {
	wanted := make(map[string]bool, len(names)) // and whether it was found
	for _, name := range names {
		wanted[name] = false
	}
	for dead, err := range q.DeadLetters(ctx) {
		if err != nil {
			return nil, nil, fmt.Errorf("the dead letters cannot be read: %w", err)
		}
		l := read(dead)
		_, byID := wanted[l.ID]
		_, byMessage := wanted[l.MessageID]
		if byID {
			wanted[l.ID] = true
		}
		if byMessage {
			wanted[l.MessageID] = true
		}
		if byID || byMessage || len(names) == 0 {
			found = append(found, l)
		}
	}
	for _, name := range names {
		if !wanted[name] {
			missing = append(missing, name)
		}
	}
	return found, missing, nil
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
		var total letterCounts
		for dead, err := range q.DeadLetters(ctx) {
			if err != nil {
				return fmt.Errorf("the dead letters cannot be read: %w", err)
			}
			l := read(dead)
			if !c.matches(l) {
				continue
			}
			if total.count(l); c.Limit > 0 && total.all > c.Limit {
				continue // the sum is that of all
			}
			line := p.summary(l)
			if c.Format == "json" {
				line = l.json()
			}
			if _, err := s.out.Write(line); err != nil {
				return fmt.Errorf("the list cannot be written: %w", err)
			}
		}
		if c.Format == "text" {
			fmt.Fprint(s.out, total.text(c.Limit))
		}
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
		found, missing, err := find(ctx, q, []string{c.ID})
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return unknownLetter(c.ID)
		}
		p := letterPrinter{report.PaletteFor(s.out)}
		for i, l := range found {
			text := l.whole()
			if c.Format == "text" {
				if i > 0 {
					fmt.Fprintln(s.out)
				}
				text = p.whole(l)
			}
			if _, err := s.out.Write(text); err != nil {
				return err
			}
		}
		return nil
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
		for dead, err := range q.DeadLetters(ctx) {
			if err != nil {
				return fmt.Errorf("the dead letters cannot be read: %w", err)
			}
			l := read(dead)
			if !c.matches(l) {
				continue
			}
			if _, err := s.out.Write(l.export(c.WithReason)); err != nil {
				return fmt.Errorf("the events cannot be written: %w", err)
			}
		}
		return nil
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
		letters, err := c.letters(ctx, q, "drop")
		if err != nil {
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
