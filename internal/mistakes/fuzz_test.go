package mistakes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode"
	"unicode/utf8"

	codes "github.com/celmap/celmap/docs/errors"
	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/report"
	"github.com/celmap/celmap/schemas"
)

// patience is how long one load may take in the end: far more than any takes on a busy machine.
const patience = 30 * time.Second

// ground is a folder without mistakes, of which one file is replaced.
type ground struct {
	name  string
	files fstest.MapFS
	rules []string // names of its YAML files, sorted
}

func grounds() []ground {
	var out []ground
	add := func(name string, files fstest.MapFS) {
		g := ground{name: name, files: files}
		for n := range files {
			if strings.HasSuffix(n, ".yaml") {
				g.rules = append(g.rules, n)
			}
		}
		slices.Sort(g.rules)
		out = append(out, g)
	}
	base := fstest.MapFS{}
	err := filepath.WalkDir("testdata/base", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		in, _ := filepath.Rel("testdata/base", name)
		base[filepath.ToSlash(in)] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		panic(err)
	}
	add("base", base)
	for _, name := range []string{"hubspot", "slack", "webhook"} {
		add(name, folders[name])
	}
	return out
}

// FuzzLoad replaces a file of a folder by any text, and holds what Load and the
// reports guarantee for all rules: they return, and every finding has words and
// a place in its file, is told once, in the same order on every run, and is
// shown without anything that a terminal obeys.
func FuzzLoad(f *testing.F) {
	all := grounds()
	for i, g := range all {
		for j, name := range g.rules {
			f.Add(byte(i), byte(j), g.files[name].Data)
		}
	}
	for i, text := range slips {
		f.Add(byte(0), byte(i), []byte(text))
	}
	f.Fuzz(func(t *testing.T, folder, file byte, data []byte) {
		g := all[int(folder)%len(all)]
		checkLoad(t, g, g.rules[int(file)%len(g.rules)], data)
	})
}

// FuzzEdits is FuzzLoad with files that are changed in a few places: they stay
// near enough to rules to get far.
func FuzzEdits(f *testing.F) {
	all := grounds()
	for i, g := range all {
		for j := range g.rules {
			for k := i + j; k < len(snippets); k += 7 + 5*i {
				f.Add(byte(i), byte(j), []byte{byte(41 * k), byte(7 * k), byte(k % 5), byte(k)})
			}
		}
	}
	f.Fuzz(func(t *testing.T, folder, file byte, edits []byte) {
		g := all[int(folder)%len(all)]
		name := g.rules[int(file)%len(g.rules)]
		data := g.files[name].Data
		for ; len(edits) >= 4; edits = edits[4:] {
			at := (int(edits[0])<<8 | int(edits[1])) % (len(data) + 1)
			cut := min(int(edits[2]), len(data)-at)
			data = slices.Concat(data[:at], []byte(snippets[int(edits[3])%len(snippets)]), data[at+cut:])
		}
		checkLoad(t, g, name, data)
	})
}

// snippets are what edits put in.
var snippets = []string{
	"", " ", "\n", "\n  ", "\n- ", "\t", ": ", ":", "- ", "\"", "'", "{", "}", "[", "]", "(", ")", ", ", "#", " # ", "=", "==", "!", "!=", "&", "&&", "|", "||", ">-\n", "|\n", "*", "%", "@", "`", "?", " ? ", " : ",
	"$", "${", "${x}", "$${", ".", "..", "[0]", "[-1]", "[1.5]", "0", "1", "1e999", "99999999999999999999", "-", "/", "\\", "\\x", "\\u0000", "\r", "\r\n", "\u2028", "\u202e", "\u00e9", "\u6771", "\U0001F600", "\uFEFF", "\x00", "\x7f", "\xff",
	"null", "true", "yes", "value", "key", "item", "items", "input", "config", "now", "traits", "event", "body", "status", "when: ", "set: ", "rest: {as: key}", "each: items", "under: [traits]", "send:", "choose:", "let:", "name: ", "type: ", "from: ",
	"first(", "has(", "size(", "text(", ".map(", ".exists(e, ", ".filter(", "lower(", "regexReplace(", "\"(\"", "matches(\"", "in ", "and ", "not ", "if ", "function ", "x", "a.b", "celmap: mapping/v1\n", "---\n",
}

func checkLoad(t *testing.T, g ground, name string, data []byte) {
	t.Helper()
	hung := time.AfterFunc(patience, func() { panic("Load does not return") })
	defer hung.Stop()
	found := loadOrdered(t, g, name, data, false)
	checkFindings(t, found)
	if g.name != "base" && len(data)%8 != 0 {
		return // once more takes its time
	}
	if again := loadOrdered(t, g, name, data, true); shown(again) != shown(found) {
		t.Fatalf("one load says\n%s\nand one that meets the files in another order\n%s", shown(found), shown(again))
	}
}

// slips begin the search where mistakes are near.
var slips = []string{
	"", "celmap: mapping/v1", "celmap: fragment/v1\nname: x\nobjects: {person: {set: {a: [b, =c.d]}}}\n", "celmap: fixture/v1\n", "\uFEFFcelmap: mapping/v1\r\nname: \"\\u0000\\n\u202e\"\r\n",
	"celmap: mapping/v1\nname: track\nneeds: [a[0].b, 1+1]\nlet: {a: b, b: a, c: [d, \"e f\"]}\nuse: [person, person]\nsend: [{request: events.send, item: '${a}$${b}${c'}]\n",
	"celmap: mapping/v1\nname: track\nask: {known: {lookup: people, key: email, with: {x: =y}}}\nsend:\n  - choose: [{request: people.upsert, item: =known[0]}, {request: x}]\n    when: >-\n      known\n       .exists(x, x == \"é\")\n\n",
	"celmap: mapping/v1\nname: tra\x00\x80\xff", "celmap: mapping/v1\nname: track\nlet: {\"a\\tb\": x, \"a\\tb\": y}\nobjects: {\"a\\tb\": {set: {a: b}}}\n",
	"celmap: overlay/v1\nname: o\nbase: crm\nchanges: [{rule: track/send/recorded, remove: true, digest: x}, {rule: a/b/c, add: {x: =y}}]\n",
	"celmap: destination/v1\nname: d\nevents: ../events\nconfig: /etc/passwd\nhosts: {api: {url: =config.x, within: any}}\nroutes: [{to: a}, {to: b}]\nrequests: {r: {method: GET, host: api, url: '/${x}', args: [x, x], arrays: {a: {max: y}}}}\ntables: {t: {by: t.x, rows: {}}}\n",
	"celmap: mapping/v1\nname: track\ntypes: {a: value, else: {value: x, when: '\"\\t\" == y', warn: {when: a, message: b}}}\nfunctions: {f: {args: [x], value: g(x)}, g: {args: [x, x], value: f(x)}}\n",
}

func loadOrdered(t *testing.T, g ground, name string, data []byte, backwards bool) source.Diagnostics {
	t.Helper()
	files := fstest.MapFS{}
	for n, f := range g.files {
		files[n] = f
	}
	files[name] = &fstest.MapFile{Data: data}
	events, err := fs.Sub(schemas.FS, "events")
	if err != nil {
		t.Fatal(err)
	}
	var fsys fs.FS = files
	asked := 0
	if backwards {
		fsys = reversed{files, &asked}
	}
	p, err := engine.Load(fsys, engine.WithName(g.name), engine.WithEvents("rudderstack", events))
	if backwards && asked == 0 {
		t.Fatal("nobody has listed the files")
	}
	if err == nil {
		return p.Warnings()
	}
	var found source.Diagnostics
	if !errors.As(err, &found) || !found.HasErrors() {
		t.Fatalf("the error is no list of findings with an error: %v", err)
	}
	return found
}

// reversed lists folders backwards, and counts how often it is asked to.
type reversed struct {
	fstest.MapFS
	asked *int
}

func (r reversed) Open(name string) (fs.File, error) {
	f, err := r.MapFS.Open(name)
	if list, ok := f.(fs.ReadDirFile); ok {
		return backwards{list, r.asked}, nil
	}
	return f, err
}

type backwards struct {
	fs.ReadDirFile
	asked *int
}

func (b backwards) ReadDir(n int) ([]fs.DirEntry, error) {
	*b.asked++
	list, err := b.ReadDirFile.ReadDir(n)
	slices.Reverse(list)
	return list, err
}

// TestOrder holds that findings do not depend on the order in which files are
// met, nor on that of Go's maps, which changes from load to load.
func TestOrder(t *testing.T) {
	g := grounds()[0]
	files := fstest.MapFS{}
	for n, f := range g.files {
		files[n] = f
	}
	for _, name := range g.rules { // a slip of each kind in each file
		text := strings.NewReplacer("traits.email", "trait.email", "when: ", "wen: ", "=trim(event)", "trim(event)", "text(value)", "txt(value)", "people", "poeple").Replace(string(g.files[name].Data))
		files[name] = &fstest.MapFile{Data: []byte(text + "\nextra: 1\n")}
	}
	g.files = files
	first := loadOrdered(t, g, "track.yaml", files["track.yaml"].Data, false)
	if len(first) < 10 {
		t.Fatalf("the slips give only\n%s", first.Error())
	}
	for i := range 20 {
		if again := loadOrdered(t, g, "track.yaml", files["track.yaml"].Data, i%2 == 1); shown(again) != shown(first) {
			t.Fatalf("one load says\n%s\nand another\n%s", shown(first), shown(again))
		}
	}
}

func shown(found source.Diagnostics) string {
	var b strings.Builder
	if err := report.Text(&b, found, report.Palette{}); err != nil {
		panic(err)
	}
	return b.String()
}

// checkFindings holds what is true of the findings of every load.
func checkFindings(t *testing.T, found source.Diagnostics) {
	t.Helper()
	sorted := slices.Clone(found)
	sorted.Sort()
	seen := map[string]bool{}
	for i, d := range found {
		checkSpan(t, d.Span)
		for _, r := range d.Related {
			checkSpan(t, r.Span)
			if r.Message == "" {
				t.Fatalf("a place without words: %+v", d)
			}
		}
		if codes.Number(d.Code) == "" {
			t.Fatalf("no page explains %s", d.Code)
		}
		if d.Code == "" || d.Summary == "" {
			t.Fatalf("a finding without code or words: %+v", d)
		}
		if !utf8.ValidString(d.Error() + d.Detail + d.Help) {
			t.Fatalf("a finding that is no UTF-8: %q", d)
		}
		if d.Error() != sorted[i].Error() {
			t.Fatalf("not in the order of the files:\n%s", found.Error())
		}
		if key := d.Code + d.Error(); seen[key] {
			t.Fatalf("told twice: %s", d.Error())
		} else {
			seen[key] = true
		}
	}
	for name, render := range map[string]func(*bytes.Buffer) error{
		"text":   func(b *bytes.Buffer) error { return report.Text(b, found, report.Palette{}) },
		"github": func(b *bytes.Buffer) error { return report.GitHub(b, found) },
		"sarif":  func(b *bytes.Buffer) error { return report.SARIF(b, found, "test") },
		"json":   func(b *bytes.Buffer) error { return json.NewEncoder(b).Encode(report.Findings(found)) },
	} {
		var b bytes.Buffer
		if err := render(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if i := bytes.IndexFunc(b.Bytes(), obeyed); i >= 0 {
			t.Fatalf("%s shows %q, which terminals obey", name, b.Bytes()[max(i-20, 0):min(i+20, b.Len())])
		}
	}
}

func obeyed(r rune) bool { return r != '\n' && unicode.IsControl(r) }

// checkSpan holds that a place lies inside its file, and is counted right.
func checkSpan(t *testing.T, s source.Span) {
	t.Helper()
	if s.File == nil {
		return
	}
	if s.Start.Line == 0 && s.End.Line == 0 {
		return // the file as a whole
	}
	if s.Start.Offset < 0 || s.Start.Offset > s.End.Offset || s.End.Offset > len(s.File.Data) {
		t.Fatalf("the place %v to %v lies outside of %s, of %d bytes", s.Start, s.End, s.File.Name, len(s.File.Data))
	}
	for _, p := range []source.Position{s.Start, s.End} {
		if want := s.File.Position(p.Offset); p != want {
			t.Fatalf("the place %v of %s is %v", p, s.File.Name, want)
		}
	}
	if utf8.Valid(s.File.Data) && !utf8.ValidString(s.Text()) {
		t.Fatalf("the place %v cuts a character: %q", s, s.Text())
	}
}
