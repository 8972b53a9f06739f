package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/celmap/celmap/internal/queue"
)

// openQueue opens the queue that --state or --nats names.
func openQueue(ctx context.Context, o queue.Options) (*queue.Queue, error) {
	if info, err := os.Stat(o.Dir); o.Dir != "" && err == nil && !info.IsDir() {
		return nil, usage("--state %s is a file: name a folder; it is made where it does not exist", o.Dir)
	}
	q, err := queue.Open(ctx, o)
	var at *fs.PathError
	switch {
	case err == nil:
		return q, nil
	case ctx.Err() != nil:
		return nil, &exit{code: exitInternal} // it was ended by who started it
	case o.Dir == "":
		return nil, usage("--nats: %w", err)
	case errors.As(err, &at) && errors.Is(err, fs.ErrPermission):
		return nil, usage("--state %s: %s may not be written: give the user that runs celmap the right to, or name another folder", o.Dir, at.Path)
	case errors.As(err, &at):
		return nil, usage("--state %s: the folder cannot be used: %w: name another one", o.Dir, at)
	}
	return nil, usage("--state %s: the queue cannot be opened: %w", o.Dir, err)
}
