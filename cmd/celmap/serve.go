package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/serve"
)

type serveCommand struct {
	Listen      string        `default:":9090" placeholder:"ADDR" help:"Address to listen on (${default}); port 0 picks a free one."`
	Mapping     []string      `default:"hubspot" sep:"none" placeholder:"DIR" help:"Folder of rules, or the name of a built-in mapping (${default}). Repeatable."`
	Fixtures    []string      `sep:"none" placeholder:"PATH" help:"Folder or file of fixtures that rules have to pass before they are served. Default: those in the folders of rules, and in folders called fixtures beside them. Repeatable."`
	Upstream    *url.URL      `placeholder:"URL" help:"The ordinary transformer, which gets all that is not for the destinations served here, untouched."`
	ConnectTo   []detour      `sep:"none" placeholder:"HOST=URL" help:"Send the traffic for a host elsewhere, for tests and proxies. Repeatable."`
	Watch       bool          `default:"true" negatable:"" help:"Load rules again when their files change (on by default). SIGHUP does it in any case."`
	MaxBody     size          `default:"200MB" placeholder:"SIZE" help:"Most bytes of one request's body (${default})."`
	MaxBodies   size          `default:"1GB" placeholder:"SIZE" help:"Most bytes of the bodies of all requests in memory (${default})."`
	MaxInFlight int64         `default:"2000" placeholder:"N" help:"Most requests that are worked on together (${default}); those beyond are answered with 503."`
	Timeout     time.Duration `default:"2m" placeholder:"DURATION" help:"Most time to read a request and to work on it (${default})."`
	Drain       time.Duration `default:"5s" placeholder:"DURATION" help:"How long requests are still taken after SIGTERM, until callers know (${default})."`
	LogLevel    level         `default:"info" placeholder:"LEVEL" help:"debug (with a line for each request), info, warn or error (${default})."`
	Pprof       string        `placeholder:"ADDR" help:"Address for Go's profiles under /debug/pprof/, apart from the others. Default: none."`
}

func (serveCommand) Help() string {
	return `Stands where rudder-server expects its transformer (DEST_TRANSFORM_URL), and answers for the destinations
whose rules it has. docs/operators.md tells how to set it up.

Pages: /health (alive), /ready (with what is wrong with rules that are not served), /metrics (Prometheus), /version.
Logs are JSON, one object a line, on standard error.

Example: celmap serve --mapping rules --upstream http://transformer:9090`
}

// size is a number of bytes on the command line.
type size int64

func (b *size) UnmarshalText(text []byte) error {
	digits := strings.TrimRight(strings.ToUpper(string(text)), "KMGB")
	factor, known := map[string]int64{"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}[strings.ToUpper(string(text[len(digits):]))]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n < 1 || n > (1<<62)/factor {
		return fmt.Errorf("%q is no size: write it as 200MB; KB, MB and GB are powers of 1024", text)
	}
	*b = size(n * factor)
	return nil
}

// level is how much is logged, on the command line.
type level slog.Level

func (l *level) UnmarshalText(text []byte) error {
	if (*slog.Level)(l).UnmarshalText(text) != nil {
		return fmt.Errorf("%q is no level: write debug, info, warn or error", text)
	}
	return nil
}

// detour is HOST=URL.
type detour struct {
	host string
	to   *url.URL
}

func (d *detour) UnmarshalText(text []byte) error {
	host, to, _ := strings.Cut(string(text), "=")
	u, err := url.Parse(to)
	if err != nil || host == "" || strings.Contains(host, "/") || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is none: write it as api.example.com=http://localhost:8080", text)
	}
	if u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q says more than where a host is: path, query and credentials stay those of the request; write it as %s=%s://%s", host+"="+u.Redacted(), host, u.Scheme, u.Host)
	}
	*d = detour{strings.ToLower(host), u}
	return nil
}

// heapFloor is added to the heap from which the garbage collector computes when
// to start, as memory that is never touched and so takes none. What serve keeps is
// small (some 20 MB), the rest soon garbage: without the floor the collector starts
// again after every 20 MB of it, and takes a fourth of the processor's time.
const heapFloor = 64 << 20

func (c *serveCommand) Run(s *streams) error {
	floor := make([]byte, heapFloor)
	defer runtime.KeepAlive(floor)
	mappings, err := c.mappings()
	if err != nil {
		return err
	}
	if u := c.Upstream; u != nil && (u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "") {
		return usage("--upstream %q: write it as http://transformer:9090, without user, query and fragment", u.Redacted())
	}
	if err := c.limits(); err != nil {
		return err
	}
	for _, path := range c.Fixtures {
		if _, err := os.Stat(path); err != nil {
			return usage("--fixtures: %w", err)
		}
	}
	connectTo := make(map[string]*url.URL)
	for _, d := range c.ConnectTo {
		connectTo[d.host] = d.to
	}
	// Signals are waited for first: one that comes while the server starts counts, too.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second one ends the process
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	defer signal.Stop(again)

	listener, err := listen("--listen", c.Listen)
	if err != nil {
		return err
	}
	if c.Upstream != nil && isItself(c.Upstream, listener.Addr()) {
		return usage("--upstream %s is celmap itself: give --listen another port than the ordinary transformer has", c.Upstream)
	}
	if c.Pprof != "" {
		side, err := profiles(c.Pprof)
		if err != nil {
			return err
		}
		defer func() { _ = side.Close() }() // nothing waits for profiles
	}
	server := serve.New(serve.Options{
		Mappings: mappings, Fixtures: c.Fixtures, Watch: c.Watch, Upstream: c.Upstream, ConnectTo: connectTo,
		MaxBody: int64(c.MaxBody), MaxBodies: int64(c.MaxBodies), MaxInFlight: c.MaxInFlight, Timeout: c.Timeout, Drain: c.Drain,
		Version: versionName(), Log: slog.New(slog.NewJSONHandler(s.err, &slog.HandlerOptions{Level: slog.Level(c.LogLevel)})),
	})
	remarksTo(server.Remarks())
	go func() {
		for {
			select {
			case <-again:
				server.Reload()
			case <-ctx.Done():
				return
			}
		}
	}()
	return server.Run(ctx, listener, func() { fmt.Fprintf(s.err, "listening on http://%s\n", listener.Addr()) })
}

// remarksTo has what Go's packages say of connections written there; they would
// write it to standard error, in a form and with data that belong in no log.
func remarksTo(w io.Writer) {
	log.SetFlags(0)
	log.SetOutput(w)
}

// limits finds limits with which nothing could be answered.
func (c *serveCommand) limits() error {
	switch {
	case c.MaxBody > c.MaxBodies:
		return usage("--max-body is more than --max-bodies, which all bodies share: a body in between would be refused for ever; lower the one or raise the other")
	case c.MaxInFlight < 1:
		return usage("--max-in-flight %d: at least 1 is needed for requests to be answered", c.MaxInFlight)
	case c.Timeout <= 0:
		return usage("--timeout %s: requests need some time to be answered, such as 2m", c.Timeout)
	}
	return nil
}

// listen takes the address that a flag gives.
func listen(flag, address string) (net.Listener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // whose sockets cannot do what ends a server without harm
	listener, err := config.Listen(context.Background(), "tcp", address)
	var operation *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, usage("%s %s: something listens there already: end it, or give another port", flag, address)
	case errors.As(err, &operation):
		return nil, usage("%s %s: %w: write it as :9090, or as 127.0.0.1:9090 with an address of this machine", flag, address, operation.Err)
	case err != nil:
		return nil, usage("%s %s: %w", flag, address, err)
	}
	return listener, nil
}

// mappings returns what is served. The rules are read anew each time, also where
// another folder has taken the place of theirs.
func (c *serveCommand) mappings() ([]serve.Mapping, error) {
	var all []serve.Mapping
	for _, name := range c.Mapping {
		m, err := findMapping(name)
		if err != nil {
			return nil, err
		}
		all = append(all, serve.Mapping{Name: m.name, Folder: m.dir, Load: func() (program *engine.Program, bases []string, err error) {
			now := m
			if m.dir != "" {
				now.files = folderFS(m.dir)
			}
			program, err = now.loadWith(engine.WithBase(func(name string) (fs.FS, string, bool) {
				if m.dir != "" && !filepath.IsLocal(filepath.FromSlash(name)) { // what lies in the folder is watched with it
					bases = append(bases, filepath.Join(m.dir, filepath.FromSlash(name)))
				}
				return now.base(name)
			}, builtinNames()...))
			return program, bases, err
		}})
	}
	return all, nil
}

// isItself reports whether a URL leads to a port of this machine that is listened
// on: requests would go round until nothing is left.
func isItself(u *url.URL, listening net.Addr) bool {
	_, port, err := net.SplitHostPort(listening.String())
	ip := net.ParseIP(u.Hostname())
	return err == nil && u.Port() == port && (u.Hostname() == "localhost" || ip.IsLoopback() || ip.IsUnspecified())
}

// profiles serves Go's profiles.
func profiles(address string) (*http.Server, error) {
	listener, err := listen("--pprof", address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // until it is closed
	return server, nil
}
