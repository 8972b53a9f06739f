package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
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

// features keeps the last good copy of what upstream says it can do.
type features struct {
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
		if _, err := f.fetch(ctx); err == nil {
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
// success.
func (f *features) current(ctx context.Context) ([]byte, error) {
	now, err := f.fetch(ctx)
	if err == nil {
		return now, nil
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

func (f *features) fetch(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := f.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, mostFeatures))
	switch {
	case err != nil:
		return nil, err
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
	return data, nil
}
