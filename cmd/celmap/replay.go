package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/celmap/celmap/internal/queue"
)

type deadReplayCommand struct {
	deadQueue
	deadSelection
}

func (deadReplayCommand) Help() string {
	return `They go back to the end of the queue, and are mapped anew, with the rules of today. They stop being dead letters
only once they are stored there.

Example: celmap dead replay --state state --code invalid_email`
}

func (c *deadReplayCommand) Run(s *streams) error {
	return c.with(func(ctx context.Context, q *queue.Queue) error {
		letters, err := c.letters(ctx, q, "replay")
		if err != nil {
			return err
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
		fmt.Fprintf(s.err, "%s put back\n", amount(len(letters), "dead letter"))
		return nil
	})
}
