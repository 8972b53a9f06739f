// Package serve is the server that stands where rudder-server expects its
// transformer. It answers for the destinations whose rules it has, and passes
// everything else on to the ordinary transformer.
//
// It never drops a connection and never answers 404 to a call of the protocol:
// rudder-server throws jobs away for the one, and restarts for the other. What
// cannot be answered now is answered with 503, and asked again.
package serve

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/outbound"
	"github.com/celmap/celmap/internal/rudder"
)

// Options is what a server works with.
type Options struct {
	Mappings  []Mapping
	Fixtures  []string            // files and folders that have to pass before rules are served; nil: those of the mappings' folders
	Watch     bool                // load rules again when their files change
	Upstream  *url.URL            // what answers everything else; nil: nothing does
	ConnectTo map[string]*url.URL // see outbound.Options

	MaxBody     int64         // bytes of one request's body
	MaxBodies   int64         // bytes of the bodies of all requests in memory
	MaxInFlight int64         // requests that are worked on, once they are read; what is passed on does not count
	Timeout     time.Duration // to read a request and work on it
	Drain       time.Duration // how long requests are still taken once the server is to end

	Version string
	Log     *slog.Logger
}

// Server answers rudder-server. See New.
type Server struct {
	options  Options
	log      *slog.Logger
	metrics  *metrics
	bodies   *budget
	inFlight atomic.Int64
	draining atomic.Bool
	rules    *rulebook
	front    *front // nil: there is nothing behind us
	client   *outbound.Client
	host     *lookup.Host
	answers  sync.Pool // *[]byte
	storms   storms
}

// New returns a server that has no rules yet: until Run has loaded them, it
// answers that it is not ready.
func New(o Options) *Server {
	s := &Server{options: o, log: o.Log, bodies: &budget{most: o.MaxBodies}}
	s.metrics = newMetrics(o.Version, s.bodies)
	s.client = outbound.New(outbound.Options{ConnectTo: o.ConnectTo})
	s.host = lookup.New(lookup.Options{Client: s.client, Meter: s.metrics, Log: o.Log})
	s.rules = &rulebook{mappings: o.Mappings, fixtures: o.Fixtures, detours: o.ConnectTo, prepare: s.destination, log: o.Log, metrics: s.metrics}
	if o.Upstream != nil {
		s.front = newFront(o.Upstream, s.metrics, o.Log, s.Remarks(), s.upstreamDown)
	}
	return s
}

// destination is one mapping that is served.
type destination struct {
	types  []string // what requests may call it, in lower case
	rudder *rudder.Transformer
	proxy  *rudder.Proxy
}

func (s *Server) destination(p *engine.Program) *destination {
	d := &destination{
		rudder: &rudder.Transformer{Type: p.Name(), Program: p, Mapper: s.host, Count: s.metrics.count(p.Name()), Warn: s.metrics.warned(p.Name()), Log: s.log},
		proxy:  &rudder.Proxy{Type: p.Name(), Program: p, Connections: s.host, Sender: s.client, Count: s.metrics.delivered(p.Name()), Log: s.calm()},
	}
	for _, name := range append([]string{p.Name()}, p.Aliases()...) {
		d.types = append(d.types, strings.ToLower(name))
	}
	return d
}

// Remarks is where Go's packages are to write what they say of connections; it is
// told in the server's log.
func (s *Server) Remarks() io.Writer { return outbound.Remarks(s.calm()) }

func (s *Server) calm() *slog.Logger { return slog.New(calm{s.log.Handler(), &s.storms}) }

// Reload loads the rules again. Those of before are served on if something is
// wrong with them.
func (s *Server) Reload() { s.rules.load() }

// Run answers requests that come in by a listener, until the context ends and
// what was begun then is answered. It loads the rules first, and calls ready when
// it has tried.
func (s *Server) Run(ctx context.Context, l net.Listener, ready func()) error {
	var connected guests
	server := &http.Server{
		Handler:           s,
		ConnState:         connected.turn,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          log.New(s.Remarks(), "", 0),
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wait sync.WaitGroup
	defer func() {
		stop()
		wait.Wait()
		s.client.Close()
		if s.front != nil {
			s.front.transport.CloseIdleConnections()
		}
	}()
	failed := make(chan error, 1)
	entrance := &door{Listener: l, quiet: min(max(s.options.Drain/10, 10*time.Millisecond), 500*time.Millisecond)}
	wait.Go(func() { failed <- server.Serve(entrance) }) // at once: an open port counts more than an answer
	if s.front != nil {
		wait.Go(func() { s.front.features.run(background) })
	}
	if s.options.Watch {
		w := &watcher{sources: s.rules.sources, changed: s.rules.load, log: s.log}
		w.start(background)
		wait.Go(func() { w.run(background) })
	} else {
		s.rules.load()
	}
	ready()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return s.drain(server, entrance, &connected, failed)
}

// drain takes requests for a while longer, since callers learn only bit by bit
// that the server ends, and then finishes what was begun.
func (s *Server) drain(server *http.Server, entrance *door, connected *guests, failed <-chan error) error {
	s.draining.Store(true)
	s.log.Info("draining", "for", s.options.Drain.String())
	select {
	case err := <-failed:
		return err
	case <-time.After(s.options.Drain):
	}
	if err := entrance.shut(); err != nil {
		s.log.Warn("connections that come now may be reset", "error", err.Error())
	}
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		return err
	}
	within, cancel := context.WithTimeout(context.Background(), s.options.Timeout)
	defer cancel()
	connected.leave(within)
	if err := server.Shutdown(within); err != nil {
		s.log.Warn("requests were cut off", "error", err.Error())
		_ = server.Close() // there is nothing left to do for them
	}
	s.log.Info("ended")
	return nil
}
