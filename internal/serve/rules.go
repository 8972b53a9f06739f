package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	codes "github.com/celmap/celmap/docs/errors"
	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/golden"
)

// Mapping is a folder of rules that is served.
type Mapping struct {
	Name   string // as messages call it
	Folder string // on disk; "" if it is built in
	// Load reads and compiles the rules. It also returns the folders on disk that
	// it read besides Folder: what the rules stand on.
	Load func() (program *engine.Program, besides []string, err error)
}

// generation is the rules of all mappings as they were at one time. It never changes.
type generation struct {
	destinations []*destination
	byType       map[string]*destination // by what requests may call it, in lower case
	unserved     *engine.EventError      // what becomes of jobs for others, where no upstream takes them
}

// find returns the destination of a type as requests call it, nil if none is served.
func (g *generation) find(destType string) *destination {
	if d := g.byType[destType]; d != nil {
		return d
	}
	return g.byType[strings.ToLower(destType)]
}

// types returns what requests may call the destinations, sorted.
func (g *generation) types() []string { return slices.Sorted(maps.Keys(g.byType)) }

// Problem is one reason why rules are not served.
type Problem struct {
	Place   string `json:"place,omitempty"` // file:line:column
	Code    string `json:"code,omitempty"`  // such as "R301 unknown-name"
	Message string `json:"message"`
	Help    string `json:"help,omitempty"`
}

// attributes returns what the log says of a problem, as far as it is known.
func (p Problem) attributes() []slog.Attr {
	all := []slog.Attr{slog.String("place", p.Place), slog.String("code", p.Code), slog.String("message", p.Message), slog.String("help", p.Help)}
	return slices.DeleteFunc(all, func(a slog.Attr) bool { return a.Value.String() == "" })
}

// attempt is how loading rules ended.
type attempt struct {
	at       time.Time
	problems []Problem // empty: they are served
	passed   int       // fixtures, of this attempt
	trusted  int       // fixtures that the rules which are served then have passed
	served   time.Time // when the rules were loaded that are served then; zero: there are none
}

// rulebook holds the rules that are served, and replaces them by others only if
// these compile and pass their fixtures.
type rulebook struct {
	mappings []Mapping
	fixtures []string            // folders or files; nil: those of the mappings' folders
	detours  map[string]*url.URL // see outbound.Options
	prepare  func(*engine.Program) *destination
	log      *slog.Logger
	metrics  *metrics

	loading sync.Mutex // held while rules are loaded
	current atomic.Pointer[generation]
	last    atomic.Pointer[attempt]
	besides atomic.Pointer[[]string] // folders that the last attempt read besides those of mappings
}

// sources returns the files and folders whose change may change the rules.
func (b *rulebook) sources() []string {
	all := b.fixturePaths()
	for _, m := range b.mappings {
		if m.Folder != "" {
			all = append(all, m.Folder)
		}
	}
	if besides := b.besides.Load(); besides != nil {
		all = append(all, *besides...)
	}
	return all
}

// fixturePaths returns where fixtures are: where it was said, else in the folders
// of mappings, in a folder fixtures beside each, and in one beside the folder
// mappings that it lies in.
func (b *rulebook) fixturePaths() []string {
	if len(b.fixtures) > 0 {
		return slices.Clone(b.fixtures)
	}
	var all []string
	for _, m := range b.mappings {
		if m.Folder == "" {
			continue
		}
		up := filepath.Dir(filepath.Clean(m.Folder))
		all = append(all, m.Folder, filepath.Join(up, "fixtures"))
		if filepath.Base(up) == "mappings" {
			all = append(all, filepath.Join(filepath.Dir(up), "fixtures"))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// findFixtures returns the fixtures to run. Those that were named have to be there.
func (b *rulebook) findFixtures() ([]string, error) {
	paths := b.fixturePaths()
	if len(b.fixtures) == 0 {
		paths = slices.DeleteFunc(paths, func(path string) bool {
			info, err := os.Stat(path)
			return err != nil || !info.IsDir()
		})
	}
	if len(paths) == 0 {
		return nil, nil
	}
	files, err := golden.Find(paths)
	if len(b.fixtures) == 0 && errors.Is(err, golden.ErrNoFixture) {
		return nil, nil
	}
	return files, err
}

// load loads the rules, and serves them if nothing is wrong with them.
func (b *rulebook) load() {
	b.loading.Lock()
	defer b.loading.Unlock()
	start := time.Now()
	next, passed, problems := b.read()
	last := &attempt{at: start, problems: problems, passed: passed}
	if before := b.last.Load(); before != nil {
		last.served, last.trusted = before.served, before.trusted
	}
	if len(problems) == 0 {
		if b.current.Swap(next) == nil {
			b.checkDetours(next)
		}
		last.served, last.trusted = time.Now(), passed
	}
	b.last.Store(last)
	b.metrics.loaded(last)
	b.tell(last, next, time.Since(start))
}

// checkDetours warns of hosts whose traffic is to go elsewhere, and to which no
// rules send any: a slip would be found only where requests go to the true host.
func (b *rulebook) checkDetours(g *generation) {
	known := map[string]bool{}
	for _, d := range g.destinations {
		fixed, open := d.rudder.Program.Hosts()
		if open {
			return // it may be one that a config names
		}
		for _, address := range fixed {
			if u, err := url.Parse(address); err == nil {
				known[u.Host], known[u.Hostname()] = true, true
			}
		}
	}
	for _, host := range slices.Sorted(maps.Keys(b.detours)) {
		if !known[host] {
			b.log.Warn("no rules send to a host of --connect-to", "host", host, "help", "they send to "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
}

// mostTold bounds the problems that are told one by one: the others follow from
// them, or are told when these are solved.
const mostTold = 20

func (b *rulebook) tell(l *attempt, next *generation, took time.Duration) {
	if len(l.problems) == 0 {
		b.log.Info("rules loaded", "types", next.types(), "fixtures", l.passed, "ms", took.Milliseconds())
		return
	}
	instead := "no rules are served: requests are answered with 503 until the files are corrected"
	if !l.served.IsZero() {
		instead = "the rules of before are served on"
	}
	b.log.Error("rules not loaded", "problems", len(l.problems), "instead", instead)
	for _, p := range l.problems[:min(len(l.problems), mostTold)] {
		b.log.LogAttrs(context.Background(), slog.LevelError, "problem in rules", p.attributes()...)
	}
}

// read reads all mappings and runs their fixtures.
func (b *rulebook) read() (g *generation, passed int, problems []Problem) {
	defer func() {
		if p := recover(); p != nil { // a defect must not take down those whose rules are good
			b.log.Error("panic while rules were loaded", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			problems = append(problems, Problem{Message: fmt.Sprintf("internal error: %v; please report it with the lines of the log", p)})
		}
	}()
	g = &generation{byType: map[string]*destination{}}
	var besides []string
	defer func() { b.besides.Store(&besides) }()
	var shelves []golden.Mapping
	for _, m := range b.mappings {
		program, bases, err := m.Load()
		besides = append(besides, bases...)
		if err != nil {
			problems = append(problems, problemsOf(m.Name, err)...)
			continue
		}
		d := b.prepare(program)
		for _, name := range d.types {
			if other := g.byType[name]; other != nil {
				problems = append(problems, Problem{
					Place: m.Name, Message: fmt.Sprintf("it calls itself %s, as another mapping does that is served", name), Help: "serve one of them only, or change its name or aliases",
				})
				continue
			}
			g.byType[name] = d
		}
		g.destinations = append(g.destinations, d)
		shelves = append(shelves, golden.Mapping{Name: program.Name(), Load: func() (*engine.Program, error) { return program, nil }})
	}
	if len(problems) > 0 {
		return nil, 0, problems
	}
	g.unserved = &engine.EventError{
		Code: "unserved_destination", Status: http.StatusInternalServerError, // to be tried again: an operator may have forgotten something
		Message: "celmap serves " + strings.Join(g.types(), ", ") + " here, and nothing else: start it with --upstream URL of the ordinary transformer, which serves the others",
	}
	files, err := b.findFixtures()
	if err != nil {
		return nil, 0, []Problem{{Message: err.Error()}}
	}
	if passed, problems = play(golden.NewLibrary(shelves...), g, files); len(problems) > 0 {
		return nil, 0, problems
	}
	return g, passed, nil
}

// play runs the fixtures that are about what is served.
func play(library *golden.Library, g *generation, files []string) (passed int, problems []Problem) {
	var ours []string
	for _, file := range files {
		c, _, err := golden.ReadFile(file)
		if err != nil {
			return 0, []Problem{{Place: file, Message: err.Error()}}
		}
		if c == nil || g.find(c.Destination) != nil { // what cannot be read may be about it
			ours = append(ours, file)
		}
	}
	runner := golden.Runner{Library: library}
	summary, err := runner.Run(ours)
	if err != nil {
		return 0, []Problem{{Message: err.Error()}}
	}
	for _, v := range summary.Verdicts {
		problems = append(problems, findings(v.Problems)...)
		for _, d := range v.Differences {
			problems = append(problems, difference(v, d))
		}
	}
	return summary.Count(golden.Passed), problems
}

func difference(v *golden.Verdict, d golden.Difference) Problem {
	p := Problem{
		Place:   d.At.String(),
		Message: fmt.Sprintf("the fixture %q fails: %s is %s, and %s is expected", v.Name(), d.Path, value.Preview(d.Got), value.Preview(d.Expected)),
		Help:    "correct the rule, or the fixture if it was changed on purpose",
	}
	if d.Rule != nil {
		p.Help = "the rule behind it is " + d.Rule.Place + "; " + p.Help
	}
	return p
}

func problemsOf(mapping string, err error) []Problem {
	var found source.Diagnostics
	if errors.As(err, &found) {
		return findings(found)
	}
	return []Problem{{Place: mapping, Message: err.Error()}}
}

func findings(found source.Diagnostics) []Problem {
	var all []Problem
	for _, d := range found {
		if d.Severity == source.Error {
			all = append(all, Problem{Place: d.Span.String(), Code: codes.Label(d.Code), Message: d.Summary, Help: d.Help})
		}
	}
	return all
}
