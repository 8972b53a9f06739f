package serve

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// storms keeps what happens to every request for a while from filling the log:
// each kind is told of once in ten seconds. Metrics count them all.
type storms struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const stormPause = 10 * time.Second

func (s *storms) tell(kind string, say func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if last, told := s.last[kind]; told && now.Sub(last) < stormPause {
		return
	}
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	s.last[kind] = now
	say()
}

// calm is a log in which storms are told of so: each text is a kind.
type calm struct {
	slog.Handler
	storms *storms
}

// Handle implements slog.Handler.
func (c calm) Handle(ctx context.Context, r slog.Record) (err error) {
	c.storms.tell("log "+r.Message, func() { err = c.Handler.Handle(ctx, r) })
	return err
}
