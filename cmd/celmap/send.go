package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/input"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/outbound"
	"github.com/celmap/celmap/internal/queue"
	"github.com/celmap/celmap/internal/report"
	"github.com/celmap/celmap/internal/send"
)

type sendCommand struct {
	Mapping      string   `default:"hubspot" placeholder:"DIR" help:"Folder of rules, or the name of a built-in mapping (${default})."`
	Config       string   `placeholder:"FILE" help:"Config of the destination, JSON or YAML; $${env:NAME} in it stands for an environment variable."`
	Lookup       []string `placeholder:"NAME=FILE" sep:"none" help:"Portal data, or the answers of a lookup, as JSON or YAML, in place of what the API says. Repeatable."`
	State        string   `placeholder:"DIR" help:"Folder in which the queue keeps events until they are delivered. It is made where it does not exist."`
	NATS         string   `name:"nats" placeholder:"URL" help:"Keep the queue in a NATS cluster with JetStream instead, where several celmap send share the work."`
	Sync         string   `enum:"interval,always" default:"interval" help:"When stored means that the disk has it: interval (within seconds; survives that celmap is killed), or always (survives that the machine loses power; slower)."`
	Listen       string   `placeholder:"ADDR" help:"Take events over HTTP, too, until SIGTERM; port 0 picks a free one."`
	WriteKey     string   `placeholder:"KEY" help:"What producers have to give as the user of basic authentication. Default: nothing."`
	ConnectTo    []detour `sep:"none" placeholder:"HOST=URL" help:"Send the traffic for a host elsewhere, for tests and proxies. Repeatable."`
	Tier         string   `placeholder:"TIER" help:"What the account has bought of the API, which decides its limits until its answers tell them; none: there are none until then. Default: the smallest, which ends with an answer that tells of no limit, too."`
	Workers      int      `default:"16" placeholder:"N" help:"Most requests under way at a time (${default})."`
	Metrics      string   `placeholder:"ADDR" help:"Address for Prometheus: /metrics. Default: none."`
	Pprof        string   `placeholder:"ADDR" help:"Address for Go's profiles under /debug/pprof/. Default: none."`
	Again        bool     `help:"Send files again that were sent before."`
	DryRun       bool     `help:"Map the events, with lookups, and say what would be sent; nothing is stored or delivered."`
	Report       string   `placeholder:"FILE" help:"Write the figures as JSON at the end."`
	FailOnReject bool     `help:"End with exit code 4 if an event became a dead letter."`
	LogLevel     level    `default:"info" placeholder:"LEVEL" help:"debug, info, warn or error (${default})."`
	Quiet        bool     `short:"q" help:"Print neither progress nor the table at the end."`
	Files        []string `arg:"" optional:"" name:"file" help:"Events: one a line, a JSON array or {\"batch\": […]}, also compressed with gzip. -: stdin, which is also the default where it is no terminal and there is no --listen."`
}

func (sendCommand) Help() string {
	return `Delivers events to the API, each of them until it is delivered, filtered or a dead letter (see celmap dead --help).
It ends when its files are delivered; with --listen it goes on until SIGTERM or Ctrl-C. What is not delivered by then
stays in the queue: the same command goes on with it, and leaves out what it has read of files before.

With --listen it answers to POST /v1/batch, /v1/identify and so on as SDKs send them, and on any other path to one
event, a list or {"batch": […]}; with 200 only when the events are stored. GET /health says that it is up.

docs/delivery.md tells what is guaranteed, and how to size it.

Example: celmap send --config hubspot.yaml --state state events.ndjson`
}

func (c *sendCommand) Run(s *streams) (err error) {
	if err := c.wellFormed(); err != nil {
		return err
	}
	d, err := c.deliverer()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	if c.DryRun {
		return c.rehearse(ctx, s, d)
	}
	q, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	return c.deliver(ctx, s, d, q)
}

// wellFormed finds flags that cannot be used.
func (c *sendCommand) wellFormed() error {
	switch {
	case c.State == "" && c.NATS == "" && !c.DryRun:
		return usage("--state DIR is needed: a folder in which events are kept until they are delivered (or --nats URL)")
	case c.State != "" && c.NATS != "":
		return usage("--state and --nats are two places for one queue: keep one")
	case c.Config == "":
		return usage("--config FILE is needed: the settings of the destination, such as the token that the API asks for")
	case c.Workers < 1:
		return usage("--workers %d: at least one request has to be under way", c.Workers)
	case c.WriteKey != "" && c.Listen == "":
		return usage("--write-key is for producers that send to --listen ADDR: name an address, too")
	}
	for _, name := range c.Files {
		if name == "-" {
			continue
		}
		if _, err := input.File(name); err != nil {
			return usage("%w", err)
		}
	}
	return nil
}

// deliverer is what events are mapped with.
type deliverer struct {
	program    *engine.Program
	config     []byte
	portal     map[string][]byte
	answers    *engine.StaticAnswers
	connection *engine.Connection
	client     *outbound.Client
}

func (c *sendCommand) deliverer() (*deliverer, error) {
	m, err := findMapping(c.Mapping)
	if err != nil {
		return nil, err
	}
	d := &deliverer{}
	if d.program, err = m.load(); err != nil {
		return nil, err
	}
	if d.config, err = readConfig(c.Config); err != nil {
		return nil, err
	}
	if d.portal, d.answers, err = readLookups(d.program, c.Lookup); err != nil {
		return nil, err
	}
	if tiers := d.program.Tiers(); c.Tier != "" && c.Tier != send.NoTier && !slices.Contains(tiers, c.Tier) {
		return nil, usage("--tier %s: the mapping %s knows %s", c.Tier, d.program.Name(), strings.Join(append(slices.Clone(tiers), send.NoTier), ", "))
	}
	if d.connection, err = d.program.Bind(engine.Settings{Config: d.config, Portal: d.portal, Delivers: true}); err != nil {
		return nil, usage("%w", err)
	}
	for _, o := range d.connection.Review().Obstacles {
		if o.Every {
			return nil, usage("%s: nothing could be delivered with it: %s", c.Config, o.Error.Message)
		}
	}
	connectTo := make(map[string]*url.URL)
	for _, d := range c.ConnectTo {
		connectTo[d.host] = d.to
	}
	d.client = outbound.New(outbound.Options{ConnectTo: connectTo})
	return d, nil
}

// open opens the queue.
func (c *sendCommand) open(ctx context.Context) (*queue.Queue, error) {
	q, err := openQueue(ctx, queue.Options{Dir: c.State, URL: c.NATS, SyncAlways: c.Sync == "always"})
	if err != nil {
		return nil, err
	}
	if q.Guest() {
		return nil, errors.Join(usage("another celmap send works on the queue in %s: wait until it has ended, or give it the events with --listen", c.State), q.Close())
	}
	if c.State == "" {
		return q, nil
	}
	settings := sendSettings{Mapping: c.Mapping, Config: c.Config, Lookup: c.Lookup, ConnectTo: c.ConnectTo, Tier: c.Tier, Workers: c.Workers}
	if err := settings.remember(c.State); err != nil {
		return nil, errors.Join(err, q.Close())
	}
	return q, nil
}

// What is kept of events is little or much, the rest soon garbage. So the collector starts late
// (sendGarbage, in percent of what is kept: it takes a fourth of the processor's time else), but
// from sendHeap on it saves memory: a million events in the queue have to leave a process
// below 300 MB.
const (
	sendHeap    = 200 << 20
	sendGarbage = 400
)

// deliver runs until the files are delivered, or until ctx ends.
func (c *sendCommand) deliver(ctx context.Context, s *streams, d *deliverer, q *queue.Queue) error {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(sendHeap))
	defer debug.SetGCPercent(debug.SetGCPercent(sendGarbage))
	tally := send.NewTally()
	view := newSendView(s, tally, c.Quiet)
	log := view.log(slog.Level(c.LogLevel))
	remarksTo(outbound.Remarks(log))
	for _, o := range d.connection.Review().Outdated {
		log.Warn("these settings choose something deprecated", "what", o.What, "because", o.Because)
	}
	worker, err := q.Work(ctx)
	if err != nil {
		return err
	}
	var sender *send.Sender
	host := lookup.New(lookup.Options{Client: d.client, Log: log, Admit: func(call *engine.Call) func(engine.Answer) { return sender.Admit(call) }})
	sender = send.New(send.Options{
		Worker: worker, Host: host, Client: d.client, Program: d.program, Config: d.config, Portal: d.portal, Answers: d.answers,
		Tier: c.Tier, Workers: c.Workers, Tally: tally, Log: log,
		Refresh: func() ([]byte, error) { return readConfig(c.Config) },
	})
	servers, err := c.servers(s, d, q, tally, log)
	if err != nil {
		return errors.Join(err, worker.Close())
	}

	work, end := context.WithCancel(ctx)
	defer end()
	var sending, showing sync.WaitGroup
	var failed error
	sending.Go(func() {
		failed = sender.Run(work)
		end()
	})
	var more atomic.Bool
	more.Store(true)
	showing.Go(func() {
		view.run(work, func() (int64, bool) {
			depth, err := q.Depth(work)
			if err != nil {
				return 0, more.Load()
			}
			return depth.Events, more.Load()
		})
	})
	intake := &send.Intake{Queue: q, Connection: d.connection, Tally: tally}
	err = c.feed(work, s, intake)
	more.Store(c.Listen != "")
	switch {
	case err != nil && work.Err() == nil:
		err = usage("%w", err)
	case c.Listen != "":
		err = nil
		<-work.Done()
	case work.Err() == nil:
		err = c.untilEmpty(work, q)
	}
	if work.Err() != nil && (errors.Is(err, context.Canceled) || ctx.Err() != nil) {
		err = nil
	}
	servers.close()
	end()
	sending.Wait()
	showing.Wait()
	// The queue tells what is left as long as it is open.
	depth, depthErr := q.Depth(context.WithoutCancel(ctx))
	if depthErr != nil {
		log.Warn("what is left in the queue is not known", "error", depthErr)
	}
	err = errors.Join(err, failed, worker.Close())
	return c.conclude(ctx, s, tally.Figures(depth.Events), err)
}

// conclude prints what was done, and finds the exit code.
func (c *sendCommand) conclude(ctx context.Context, s *streams, f send.Figures, err error) error {
	if !c.Quiet {
		printFigures(s.err, f, report.PaletteFor(s.err))
	}
	if c.Report != "" {
		err = errors.Join(err, writeReport(c.Report, f))
	}
	if ctx.Err() != nil && f.Events.Left > 0 {
		fmt.Fprintf(s.err, "celmap: stopped; %s left in the queue: the same command goes on with them\n", amount(int(f.Events.Left), "event"))
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil && c.Listen == "":
		return &exit{code: exitInternal}
	case c.FailOnReject && f.Events.Dead > 0:
		return &exit{exitFailed, fmt.Errorf("%s could not be delivered (--fail-on-reject): celmap dead list tells why", amount(int(f.Events.Dead), "event"))}
	}
	return nil
}

// feed stores the events of the files, or of stdin.
func (c *sendCommand) feed(ctx context.Context, s *streams, in *send.Intake) error {
	files := c.Files
	if len(files) == 0 && c.Listen == "" && !report.IsTerminal(s.in) {
		files = []string{"-"}
	}
	for _, name := range files {
		if name == "-" || !isFile(name) {
			if err := c.stream(ctx, s, in, name); err != nil {
				return err
			}
			continue
		}
		nothingNew, err := in.File(ctx, name, c.Again)
		if err != nil {
			return err
		}
		if nothingNew && !c.Quiet {
			fmt.Fprintf(s.err, "celmap: %s has nothing new: an earlier run has read all of it (--again sends it again)\n", name)
		}
	}
	return nil
}

// isFile reports whether a name is of what can be read twice: no pipe.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// stream stores the events of a pipe, or of stdin (-). Nothing ends a read of it but its
// end, so where ctx ends it is left alone.
func (c *sendCommand) stream(ctx context.Context, s *streams, in *send.Intake, name string) error {
	done := make(chan error, 1)
	go func() {
		if name == "-" {
			done <- in.Stream(ctx, "stdin", s.in)
			return
		}
		pipe, err := os.Open(name)
		if err == nil {
			err = in.Stream(ctx, name, pipe)
			_ = pipe.Close() // it was read
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// untilEmpty waits until nothing is in the queue.
func (c *sendCommand) untilEmpty(ctx context.Context, q *queue.Queue) error {
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for {
		depth, err := q.Depth(ctx)
		if err != nil || depth.Events == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-every.C:
		}
	}
}

// servers are what listens beside the delivery.
type servers []*http.Server

func (c *sendCommand) servers(s *streams, d *deliverer, q *queue.Queue, tally *send.Tally, log *slog.Logger) (all servers, err error) {
	start := func(flag, address string, h http.Handler) (net.Addr, error) {
		listener, err := listen(flag, address)
		if err != nil {
			return nil, err
		}
		server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
		all = append(all, server)
		go func() { _ = server.Serve(listener) }() // until it is shut down
		return listener.Addr(), nil
	}
	defer func() {
		if err != nil {
			all.close()
		}
	}()
	if c.Pprof != "" {
		side, err := profiles(c.Pprof)
		if err != nil {
			return nil, err
		}
		all = append(all, side)
	}
	if c.Metrics != "" {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", send.Metrics(tally, versionName(), q.Depth))
		at, err := start("--metrics", c.Metrics, mux)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(s.err, "metrics on http://%s/metrics\n", at)
	}
	if c.Listen != "" {
		in := &send.Intake{Queue: q, Connection: d.connection, Tally: tally}
		at, err := start("--listen", c.Listen, send.NewDoor(in, c.WriteKey, log))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(s.err, "listening on http://%s\n", at)
	}
	return all, nil
}

// close lets requests come to their end, and takes no new ones.
func (all servers) close() {
	within, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, server := range all {
		if server.Shutdown(within) != nil {
			_ = server.Close()
		}
	}
}
