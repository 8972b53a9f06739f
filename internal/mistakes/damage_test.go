package mistakes_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

// outcome is what the loader makes of a mutant.
type outcome struct {
	*mutant
	equal   bool // it means the same
	refused bool
	right   bool // the first error stands on the damaged line
	warned  bool // it is not refused, but a warning stands on the damaged line
	said    string
}

// folders are the shipped rules as they are, by folder.
var folders = func() map[string]fstest.MapFS {
	out := map[string]fstest.MapFS{}
	err := fs.WalkDir(mappings.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(mappings.FS, name)
		folder, file, _ := strings.Cut(name, "/")
		if out[folder] == nil {
			out[folder] = fstest.MapFS{}
		}
		out[folder][file] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		panic(err)
	}
	return out
}()

func load(folder, name string, data []byte) source.Diagnostics {
	files := fstest.MapFS{}
	for n, f := range folders[folder] {
		files[n] = f
	}
	files[name] = &fstest.MapFile{Data: data}
	events, err := fs.Sub(schemas.FS, "events")
	if err != nil {
		panic(err)
	}
	p, err := engine.Load(files, engine.WithName("mappings/"+folder), engine.WithEvents("rudderstack", events))
	if err == nil {
		return p.Warnings()
	}
	var found source.Diagnostics
	if !errors.As(err, &found) {
		panic(err)
	}
	return found
}

func (m *mutant) try() *outcome {
	data := m.data()
	o := &outcome{mutant: m}
	if root, _ := source.Parse(m.file.Name, data); root != nil && meaning(root) == meaning(m.root) {
		o.equal = true
		return o
	}
	found := load(m.folder, m.name, data)
	for _, d := range found {
		if d.Severity != source.Error {
			continue
		}
		o.refused, o.said = true, d.Error()
		o.right = d.Span.File != nil && d.Span.File.Name == m.file.Name && slices.Contains(m.lines, d.Span.Start.Line)
		return o
	}
	o.said = found.Error()
	o.warned = slices.ContainsFunc(found, func(d source.Diagnostic) bool {
		return d.Span.File != nil && d.Span.File.Name == m.file.Name && slices.Contains(m.lines, d.Span.Start.Line)
	})
	return o
}

// meaning writes down what a file says, without its places, comments, prose and ways of writing.
func meaning(root *source.Node) string {
	var b bytes.Buffer
	kind := root.Get("celmap")
	if kind == nil {
		return "no header"
	}
	name, _, _ := strings.Cut(kind.Text, "/")
	shape, ok := grammar.definitions[name].(object)
	if !ok {
		return "unknown kind"
	}
	walk(root, shape, nil, place{
		key:  func(n *source.Node) { fmt.Fprintf(&b, "key %q\n", n.Text) },
		list: func(n *source.Node) { fmt.Fprintf(&b, "%s of %d\n", n.Kind, len(n.Entries)+len(n.Items)) },
		scalar: func(s *scalar) {
			fmt.Fprintf(&b, "%s %t ", s.holds, s.IsNull())
			found := expressions(s)
			at := 0
			for _, c := range found {
				if !s.prose() {
					fmt.Fprintf(&b, "%q ", s.Text[at:c.from])
				}
				at = c.to
				for _, t := range c.tokens {
					fmt.Fprintf(&b, "%s ", t.text)
				}
			}
			switch {
			case s.prose() || at == len(s.Text):
			case at == 0 && (s.holds == "template" || s.holds == "constant"):
				fmt.Fprintf(&b, "%v %q", s.Style == source.Plain && (s.Text == "true" || s.Text == "false" || isNumber(s.Text)), s.Text)
			default:
				fmt.Fprintf(&b, "%q", s.Text[at:])
			}
			b.WriteByte('\n')
		},
	})
	return b.String()
}

func tryAll(all []*mutant) []*outcome {
	out := make([]*outcome, len(all))
	var wait sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range next {
				out[i] = all[i].try()
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	wait.Wait()
	return out
}

// What has to be reached, in percent of the mutants: these only ever rise.
const (
	leastRefused = 99.0
	leastRight   = 98.0
)

// One in so many mutants of each way is tried by `go test`, and all of them by
// `make damage`; with DAMAGE=N in the environment one in N, with DAMAGE=WORDS
// all of the ways whose name has these words in it.
const oneIn = 30

// sampleSlack is by how many points a sample of that size may fall short by
// chance: each change of the rules draws another one.
const sampleSlack = 4.0

// TestDamage damages the shipped rules, each line in each way that applies, and
// counts the mutants that the loader refuses, and those that it refuses with
// its first error on the damaged line.
func TestDamage(t *testing.T) {
	every, only := oneIn, os.Getenv("DAMAGE")
	if only != "" {
		every = 1
	}
	if n, err := strconv.Atoi(only); err == nil {
		every, only = max(n, 1), ""
	}
	if only == "all" {
		only = ""
	}
	byWay := map[string]int{}
	var sample []*mutant
	for _, r := range shippedRules() {
		for _, m := range r.mutants() {
			if byWay[m.way]%every == 0 && strings.Contains(m.way, only) {
				sample = append(sample, m)
			}
			byWay[m.way]++
		}
	}
	outcomes := tryAll(sample)
	text, total := table(outcomes)
	missed := exceptions(outcomes)
	t.Logf("one mutant in %d of each way:\n%s\n%s", every, text, strings.Join(missed, "\n"))
	if only != "" {
		return
	}
	if os.Getenv("UPDATE_DAMAGE") != "" {
		if every > 1 {
			t.Fatal("all mutants have to be tried for " + exceptionsFile)
		}
		write(t, text, missed)
	}
	known, err := os.ReadFile(exceptionsFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range missed {
		if key, _, _ := strings.Cut(m, saysMark); !strings.Contains(string(known), key+saysMark) {
			t.Errorf("not noticed, or elsewhere, and not in %s yet:\n%s\nMake the loader notice it. If it cannot, UPDATE_DAMAGE=1 make damage adds it, for you to judge.", exceptionsFile, m)
		}
	}
	slack := 0.0
	if every > 1 {
		slack = sampleSlack
	}
	if refused, right := total.percent(total.refused)+slack, total.percent(total.right)+slack; refused < leastRefused || right < leastRight {
		t.Errorf("%.1f %% of the mutants are refused, of at least %.1f, and for %.1f %% the first error stands on the damaged line, of at least %.1f: go test -v -run TestDamage ./internal/mistakes lists the others",
			refused-slack, leastRefused, right-slack, leastRight)
	}
}

// What is known not to be noticed, or not in its line, and the figures.
const (
	exceptionsFile = "testdata/damage/exceptions.txt"
	figuresFile    = "testdata/damage/README.md"
	saysMark       = "\n    says: "
)

// exceptions lists the mutants that are not refused, or with the first error in
// another line, but for names that only the sender or an API knows.
func exceptions(outcomes []*outcome) []string {
	var out []string
	for _, o := range outcomes {
		if o.equal || o.right || o.way == open {
			continue
		}
		what := "not refused"
		if o.refused {
			what = "refused elsewhere"
		}
		said := o.said
		if said == "" {
			said = "nothing"
		}
		out = append(out, fmt.Sprintf("%s: %s\n    line: %s%s%s: %s\n", o.file.Name, o.way, strings.TrimSpace(damagedLine(o)), saysMark, what, strings.ReplaceAll(said, "\n", "; ")))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func write(t *testing.T, figures string, missed []string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(figuresFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exceptionsFile, []byte(strings.Join(missed, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(figuresFile, []byte(fmt.Sprintf(figuresPage, figures, len(missed))), 0o644); err != nil {
		t.Fatal(err)
	}
}

const figuresPage = `# What the loader notices

` + "`make damage`" + ` damages each line of the shipped rules in each of these ways, wherever the way applies, and loads the folder with the one damaged file. Written by
` + "`UPDATE_DAMAGE=1 make damage`" + `.

- *mean the same*: the damaged file says what it said before (comments, prose, quotes that were not needed). These are no mutants and are not counted.
- *refused*: the load ends with an error; a warning does not count.
- *caret on the line*: the first error that is shown stands on the damaged line.
- *warned*: not refused, but a warning stands on the damaged line.

%s
Names below an open part of an event, of the settings or of an API's answer are chosen by others, so a slip in one cannot be told from a name that nobody has declared. They are counted by themselves.

%d kinds of damage are not refused, or shown in another line: [exceptions.txt](exceptions.txt) lists them. It must not grow.
`

func damagedLine(o *outcome) string {
	f := source.NewFile("", o.data())
	return f.Line(o.lines[0])
}

// count is how many mutants of a way fared how.
type count struct{ equal, mutants, refused, right, warned int }

func (c *count) add(o *outcome) {
	if o.equal {
		c.equal++
		return
	}
	c.mutants++
	if o.refused {
		c.refused++
	}
	if o.right {
		c.right++
	}
	if o.warned {
		c.warned++
	}
}

func (c *count) percent(n int) float64 { return 100 * float64(n) / float64(max(c.mutants, 1)) }

// table writes down how the mutants of each way fared. Slips in names that only
// the sender or an API knows are counted apart, below the sum.
func table(outcomes []*outcome) (string, *count) {
	byWay := map[string]*count{}
	total, whole := &count{}, &count{}
	for _, o := range outcomes {
		if byWay[o.way] == nil {
			byWay[o.way] = &count{}
		}
		byWay[o.way].add(o)
		whole.add(o)
		if o.way != open {
			total.add(o)
		}
	}
	var b strings.Builder
	b.WriteString("| way | mutants | mean the same | refused | caret on the line | warned |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
	line := func(name string, c *count) {
		fmt.Fprintf(&b, "| %s | %d | %d | %.1f %% | %.1f %% | %.1f %% |\n", strings.ReplaceAll(name, "|", "\\|"), c.mutants, c.equal, c.percent(c.refused), c.percent(c.right), c.percent(c.warned))
	}
	for _, way := range slices.Sorted(maps.Keys(byWay)) {
		if way != open {
			line(way, byWay[way])
		}
	}
	line("**all of these**", total)
	if c := byWay[open]; c != nil {
		line(open, c)
		line("all, with these", whole)
	}
	return b.String(), total
}
