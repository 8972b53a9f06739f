package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/celmap/celmap/internal/rudder"
)

const (
	// featuresTimeout is short, since the last good copy serves as well.
	featuresTimeout = 2 * time.Second
	// firstFeatures is how long a caller waits where there is no copy yet: to learn
	// of no features misleads rudder-server about all other destinations.
	firstFeatures = 5 * time.Second
	// featuresPause is between attempts to get the first copy.
	featuresPause = time.Second
	mostFeatures  = 4 << 20 // bytes
)

// via is the header of celmap's own requests for features that names the processes
// which they have come through. What is passed on has none: it is left as it is.
const via = "X-Celmap-Via"

// errLoop says that upstream is this process, or another that has it behind it.
var errLoop = errors.New("it leads back to this celmap, not to the ordinary transformer")

// features keeps the last good copy of what upstream says it can do.
type features struct {
	self   string // what other processes know this one by
	looped atomic.Bool
	url    string
	client *http.Client
	wait   time.Duration // see firstFeatures
	log    *slog.Logger

	mu    sync.Mutex
	last  []byte        // nil: none yet
	first chan struct{} // closed when there is one
}

func newFeatures(upstream *url.URL, transport http.RoundTripper, log *slog.Logger) *features {
	return &features{
		self:   rand.Text(),
		url:    upstream.JoinPath("features").String(),
		client: &http.Client{Transport: transport, Timeout: featuresTimeout},
		wait:   firstFeatures,
		log:    log,
		first:  make(chan struct{}),
	}
}

// run gets the first copy, as soon as upstream is there.
func (f *features) run(ctx context.Context) {
	for {
		if _, err := f.fetch(ctx, nil); err == nil {
			return
		}
		select {
		case <-f.first:
			return
		case <-ctx.Done():
			return
		case <-time.After(featuresPause):
		}
	}
}

// current returns what upstream says now, or said when it was last asked with
// success. through are the processes that the question has come through; the error is
// errLoop where this is one of them.
func (f *features) current(ctx context.Context, through []string) ([]byte, error) {
	if slices.Contains(through, f.self) {
		return nil, errLoop
	}
	now, err := f.fetch(ctx, through)
	if err == nil || errors.Is(err, errLoop) {
		return now, err
	}
	f.log.Warn("the features of upstream cannot be read", "error", err.Error())
	select {
	case <-f.first:
	case <-ctx.Done():
		return nil, err
	case <-time.After(f.wait):
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last, nil
}

func (f *features) fetch(ctx context.Context, through []string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return nil, err
	}
	request.Header[via] = append(slices.Clone(through), f.self)
	answer, err := f.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, mostFeatures))
	switch {
	case err != nil:
		return nil, err
	case answer.Header.Get(errorReason) == upstreamLoop:
		f.looped.Store(true)
		return nil, errLoop
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d from %s", answer.StatusCode, f.url)
	}
	if _, err := rudder.Features(data, nil); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		close(f.first)
	}
	f.last = data
	f.looped.Store(false)
	return data, nil
}
