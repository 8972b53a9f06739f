package serve

import (
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
