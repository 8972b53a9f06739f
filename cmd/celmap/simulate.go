package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/report"
	"github.com/celmap/celmap/internal/settings"
	"github.com/celmap/celmap/internal/simulator"
	"github.com/celmap/celmap/schemas"
)

type simulateCommand struct {
	Listen  string  `default:"127.0.0.1:7654" placeholder:"ADDR" help:"Address to listen on (${default}); port 0 picks a free one."`
	Portal  string  `placeholder:"FILE" help:"YAML or JSON file that describes the account: properties, tokens, limits, records, events, and what to assume where HubSpot's behaviour is not known. Default: HubSpot's standard properties, any token, no limits."`
	Tier    string  `placeholder:"TIER" help:"Limits of an account: free, pro, enterprise or addon. Default: those of the portal file, else none."`
	Faults  float64 `placeholder:"RATE" help:"Share of the requests that meet trouble, such as 0.05: broken connections, cut answers, 5xx and others. Default: 0."`
	Seed    uint64  `placeholder:"N" help:"Number from which all that is random is drawn, so that a run can be repeated (${default})." default:"1"`
	Journal string  `placeholder:"FILE" help:"Write a line of JSON for each request, write and event to a file, which is made anew."`
	Show    bool    `help:"Print what arrived when it ends."`

	Command []string `arg:"" optional:"" help:"End with this command, which it runs, and with its exit code; {url} in it stands for the simulator's address. Write it after --."`
}

func (simulateCommand) Help() string {
	return `Answers like the API of a HubSpot account, as strictly as the real one, for tests and demonstrations. Nothing is
kept on disk. docs/simulator.md tells what it does, and where it guesses.

What arrived is at GET /_sim/objects/contacts (or another type), /_sim/events, /_sim/requests, /_sim/writes and
/_sim/stats; POST /_sim/clock?advance=24h sets the clock forward.

Example: celmap simulate --portal portal.yaml --faults 0.05 --seed 7
         celmap send --connect-to api.hubapi.com=http://127.0.0.1:7654 …
         celmap simulate --show -- celmap send --connect-to api.hubapi.com={url} …`
}

func (c *simulateCommand) Run(s *streams) error {
	floor := make([]byte, heapFloor)
	defer runtime.KeepAlive(floor)
	if c.Faults < 0 || c.Faults > 1 || c.Faults != c.Faults {
		return usage("--faults %v: it is a share of the requests, from 0 to 1: write 0.05 for five of a hundred", c.Faults)
	}
	portal, file, err := readPortal(c.Portal)
	if err != nil {
		return err
	}
	if c.Tier != "" {
		portal.Limits.Tier = c.Tier
	}
	options := simulator.Options{Faults: c.Faults, Seed: c.Seed}
	if c.Journal != "" {
		file, err := os.Create(c.Journal)
		if err != nil {
			return usage("--journal %s: %w: give a file in a folder that is there and can be written to", c.Journal, cause(err))
		}
		defer func() { _ = file.Close() }() // every line is with the system already
		options.Journal = journalFile{file, s.err}
	}
	sim, err := simulator.New(portal, options)
	if wrong := (*simulator.PortalError)(nil); errors.As(err, &wrong) && wrong.Pointer == "/limits/tier" {
		return usage("--tier: %s", wrong.Reason)
	}
	if err != nil {
		return portalMistake(file, err)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second one ends the process
	listener, err := listen("--listen", c.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(s.err, "", 0)}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	url := "http://" + listener.Addr().String()
	var ended error
	if len(c.Command) > 0 {
		ended = during(ctx, s, c.Command, url)
	} else {
		fmt.Fprintf(s.err, "listening on %s\n", url)
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
		}
	}
	if c.Show {
		held, err := whatArrived(url)
		if err != nil {
			return err
		}
		if len(c.Command) > 0 {
			fmt.Fprintln(s.out) // below what the command has said
		}
		held.print(s.out, report.PaletteFor(s.out))
	}
	within, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if server.Shutdown(within) != nil { // some are slow on purpose
		_ = server.Close()
	}
	if err := sim.JournalError(); err != nil {
		return fmt.Errorf("--journal %s: the file is not complete: %w", c.Journal, cause(err))
	}
	return ended
}

// journalFile tells at once when it takes no more; nothing is written to it then.
type journalFile struct {
	*os.File
	log io.Writer
}

func (f journalFile) Write(lines []byte) (int, error) {
	n, err := f.File.Write(lines)
	if err != nil {
		fmt.Fprintf(f.log, "--journal %s: %v: its lines end here; make room and start again, if you need them\n", f.Name(), cause(err))
	}
	return n, err
}

// readPortal reads a portal file, whose text is returned for the places of mistakes;
// without a name it is the default portal.
func readPortal(name string) (simulator.Portal, *source.Node, error) {
	if name == "" {
		return simulator.Portal{}, nil, nil
	}
	data, err := readFile(name)
	if errors.Is(err, syscall.EISDIR) {
		return simulator.Portal{}, nil, usage("--portal %s: it is a folder: name the file that describes the account", name)
	}
	if err != nil {
		return simulator.Portal{}, nil, err
	}
	name = filepath.ToSlash(name)
	root, found := settings.Parse(name, data)
	if root == nil {
		return simulator.Portal{}, nil, unreadable(settings.ConcealText(found))
	}
	if root.Kind != source.Mapping {
		return simulator.Portal{}, nil, usage("%s: a portal file is an object such as {portalId: 123, tokens: [{token: made-up}]}", name)
	}
	var findings []string
	for _, v := range portalSchema().Validate(root.Value(value.NewArena())) {
		findings = append(findings, placeOf(root, v.Pointer).String()+": "+v.Path+": "+portalFinding(v))
	}
	if findings != nil {
		return simulator.Portal{}, nil, usage("%s\n%s", strings.Join(findings, "\n"), portalHelp)
	}
	portal, err := simulator.ReadPortal(settings.JSON(root))
	return portal, root, portalMistake(root, err)
}

// tokensPlace matches where a token may stand in place of the object that has it.
var tokensPlace = regexp.MustCompile(`^/tokens(/\d+)?$`)

// portalFinding says what is wrong with a value of a portal file: without the value
// where it may be a token, and with examples where the schema has some.
func portalFinding(v schema.Violation) string {
	if v.Keyword == "type" && tokensPlace.MatchString(v.Pointer) {
		return "tokens are a list of objects: write it as [{token: made-up}]"
	}
	examples := portalSchema().Examples(strings.Split(v.Pointer, "/")[1:]...)
	if found, _, cut := strings.Cut(v.Message, ", expected text"); cut && examples != nil {
		return found + ", expected text such as " + strings.Join(examples, ", ") + ": correct the value"
	}
	return v.Message
}

// portalMistake says where in a portal file a mistake is.
func portalMistake(file *source.Node, err error) error {
	wrong := (*simulator.PortalError)(nil)
	if !errors.As(err, &wrong) || file == nil {
		return err
	}
	return usage("%s: %s: %s\n%s", placeOf(file, wrong.Pointer), strings.ReplaceAll(strings.TrimPrefix(wrong.Pointer, "/"), "/", "."), wrong.Reason, portalHelp)
}

const (
	portalFile = "portal.schema.json"
	portalHelp = "docs/simulator.md tells what a portal file can say, and schemas/" + portalFile + " in which form"
)

// portalSchema is the schema that editors use, too.
var portalSchema = sync.OnceValue(func() *schema.Schema {
	data, err := schemas.FS.ReadFile(portalFile)
	if err != nil {
		panic(err) // it is part of the program
	}
	s, err := schema.Compile("schemas/"+portalFile, data)
	if err != nil {
		panic(fmt.Sprintf("schemas/%s does not compile: %v", portalFile, err))
	}
	return s
})

// placeOf returns the place of a JSON pointer in a file: of the key that it names,
// or of the nearest that there is.
func placeOf(n *source.Node, pointer string) source.Span {
	place := settings.At(n)
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		entry, i := n.Entry(name), -1
		if k, err := strconv.Atoi(name); err == nil && n.Kind == source.Sequence {
			i = k
		}
		switch {
		case entry != nil:
			place, n = settings.At(entry.Key), entry.Value
		case i >= 0 && i < len(n.Items):
			n = n.Items[i]
			place = settings.At(n)
		default:
			return place
		}
	}
	return place
}
