package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/golden"
	"github.com/celmap/celmap/schemas"
)

// checker looks at mappings, schemas, fixtures and settings, each once. What it
// is given is first put into a list of tasks, which then run at the same time.
type checker struct {
	mappings, schemas, fixtures, configs, lookups names

	tasks     []*task
	loaded    []loaded
	inspector golden.Inspector
	findings  source.Diagnostics
	told      names // findings

	explain bool // types are wanted, too
	types   []engine.Typed
	account account // what rules are checked against
}

// task checks one thing.
type task struct {
	run   func() (source.Diagnostics, error)
	found source.Diagnostics
	err   error
}

// loaded is a mapping that is checked, compiled when it is first needed.
type loaded struct {
	mapping
	load func() (*engine.Program, error)
}

// names is what has been looked at.
type names map[string]bool

// add reports whether the name is new.
func (n *names) add(name string) bool {
	if *n == nil {
		*n = make(names)
	}
	known := (*n)[name]
	(*n)[name] = true
	return !known
}

func (n names) list() []string { return append([]string{}, slices.Sorted(maps.Keys(n))...) }

func (k *checker) task(run func() (source.Diagnostics, error)) {
	k.tasks = append(k.tasks, &task{run: run})
}

// finding is a task that is done already.
func (k *checker) finding(d source.Diagnostic) {
	k.task(func() (source.Diagnostics, error) { return source.Diagnostics{d}, nil })
}

// run does the tasks and gathers what they find, in their order.
func (k *checker) run() error {
	k.inspector.Library, k.inspector.Nearby = k.library(), nearby
	var wait sync.WaitGroup
	next := make(chan *task)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for t := range next {
				t.found, t.err = t.run()
			}
		})
	}
	for _, t := range k.tasks {
		next <- t
	}
	close(next)
	wait.Wait()
	for _, t := range k.tasks {
		if t.err != nil {
			return t.err
		}
		k.add(t.found...)
	}
	for _, l := range k.loaded {
		if program, err := l.load(); err == nil {
			k.types = append(k.types, program.Types()...)
		}
	}
	k.add(k.inspector.Twins()...)
	return nil
}

// add adds findings, each once: what several fixtures share is found with each.
func (k *checker) add(found ...source.Diagnostic) {
	for _, d := range found {
		if k.told.add(d.Code + " " + d.Error()) {
			k.findings.Add(d)
		}
	}
}

// library holds the mappings that fixtures may be about: those that are checked
// first, then those that are built in.
func (k *checker) library() *golden.Library {
	var all []golden.Mapping
	for _, l := range k.loaded {
		all = append(all, golden.Mapping{Name: path.Base(l.name), Load: l.load})
	}
	for _, name := range builtinNames() {
		m, _ := builtin(name)
		all = append(all, golden.Mapping{Name: name, Load: m.load})
	}
	return golden.NewLibrary(all...)
}

// nearby finds the rules of a destination in a folder of its name, beside the
// folders of a fixture or in a folder mappings there.
func nearby(fixture, destination string) (golden.Mapping, bool) {
	if strings.ContainsAny(destination, `/\`) || destination == ".." {
		return golden.Mapping{}, false
	}
	for _, up := range append(above(filepath.Dir(fixture), "."), ".") {
		for _, folder := range []string{filepath.Join(up, destination), filepath.Join(up, "mappings", destination)} {
			if rules, err := holdsDestination(folder); err != nil || !rules {
				continue
			}
			if m, err := findMapping(folder); err == nil {
				return golden.Mapping{Name: destination, Load: m.load}, true
			}
		}
	}
	return golden.Mapping{}, false
}

func (k *checker) builtin() {
	for _, name := range builtinNames() {
		m, _ := builtin(name)
		k.mapping(m)
	}
	err := fs.WalkDir(schemas.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(name, schemaSuffix) {
			k.schema(schemas.FS, "schemas", name)
		}
		return err
	})
	if err != nil {
		panic(err) // an embedded folder can be read
	}
}

// path checks what a folder or file holds, or the built-in mapping of that name.
func (k *checker) path(name string) error {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		m, ok := builtin(name)
		if !ok {
			return usage("there is no file, folder or built-in mapping %q: %s", name, nearestFile(name, builtinNames(), "name a folder or a file, or one of the built-in "+strings.Join(builtinNames(), ", ")))
		}
		k.mapping(m)
		return nil
	case err != nil:
		return usage("%w", err)
	case !info.IsDir():
		return k.file(name)
	}
	name = filepath.Clean(name)
	s, err := surveyOf(name)
	if err != nil {
		return usage("%w", err)
	}
	for _, u := range s.unreadable {
		k.finding(source.Diagnostic{Code: "unreadable", Span: source.Span{File: source.NewFile(filepath.ToSlash(u.name), nil)}, Summary: fmt.Sprintf("it cannot be read: %v", u.err), Help: "check its permissions"})
	}
	for _, file := range s.misspelt {
		k.misspelt(file)
	}
	for _, folder := range s.folders {
		if err := k.folder(folder); err != nil {
			return err
		}
	}
	for _, file := range s.schemas {
		below, err := filepath.Rel(name, file)
		if err != nil {
			return usage("%w", err)
		}
		k.schema(os.DirFS(name), filepath.ToSlash(name), filepath.ToSlash(below))
	}
	for _, file := range s.fixtures {
		k.fixture(file)
	}
	if len(s.folders)+len(s.schemas)+len(s.fixtures)+len(s.misspelt)+len(s.unreadable) == 0 {
		return usage("%s holds neither rules (YAML files that begin with `celmap: KIND/v1`) nor schemas (*.schema.json): name another folder", name)
	}
	return nil
}

// misspelt reports a file that was meant to be one of rules.
func (k *checker) misspelt(name string) {
	k.task(func() (source.Diagnostics, error) {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, usage("%w", err)
		}
		file := source.NewFile(filepath.ToSlash(name), data)
		m := likeHeader.FindSubmatchIndex(data)
		return source.Diagnostics{{
			Code: "no-header", Span: file.Span(m[2], m[3]),
			Summary: fmt.Sprintf("the file does not say what it is: it has the key %s where celmap belongs", data[m[4]:m[5]]), Help: "did you mean celmap?",
		}}, nil
	})
}

// file checks a file. Rules are checked with those of their folder, without
// which they mean nothing.
func (k *checker) file(name string) error {
	if strings.HasSuffix(name, schemaSuffix) {
		k.schema(os.DirFS(filepath.Dir(name)), filepath.ToSlash(filepath.Dir(name)), filepath.Base(name))
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return usage("%w", err)
	}
	switch kind := kindOf(data); {
	case kind == "" && isYAML(name) && likeHeader.Match(data):
		k.misspelt(name)
		return nil
	case kind == "":
		return usage("%s is neither rules (a YAML file that begins with `celmap: KIND/v1`) nor a schema (*.schema.json); settings are checked with --config", name)
	case kind == "fixture":
		k.fixture(name)
		return nil
	}
	dir := filepath.Dir(name)
	for up := dir; ; up = filepath.Join(up, "..") {
		if hasRoot, err := holdsDestination(up); err != nil {
			return usage("%w", err)
		} else if hasRoot {
			return k.folder(up)
		}
		if absolute, err := filepath.Abs(up); err != nil || absolute == filepath.Dir(absolute) {
			return k.folder(dir)
		}
	}
}

func (k *checker) folder(name string) error {
	m, err := findMapping(name)
	if err == nil {
		k.mapping(m)
	}
	return err
}

// mapping checks a mapping, and returns it compiled when it is asked for.
func (k *checker) mapping(m mapping) (load func() (*engine.Program, error)) {
	if !k.mappings.add(m.name) {
		i := slices.IndexFunc(k.loaded, func(l loaded) bool { return l.name == m.name })
		return k.loaded[i].load
	}
	with := k.account.options()
	if k.explain {
		with = append(with, engine.WithTypes())
	}
	load = sync.OnceValues(func() (*engine.Program, error) { return m.loadWith(with...) })
	k.loaded = append(k.loaded, loaded{m, load})
	k.task(func() (source.Diagnostics, error) {
		program, err := load()
		var found source.Diagnostics
		switch {
		case err == nil:
			found = program.Warnings()
		case !errors.As(err, &found):
			found.Errorf("unreadable", source.Span{}, "%v", err)
		}
		return found, nil
	})
	return load
}

func (k *checker) fixture(name string) {
	name = filepath.ToSlash(filepath.Clean(name))
	if !k.fixtures.add(name) {
		return
	}
	k.task(func() (source.Diagnostics, error) {
		found, err := k.inspector.File(name)
		if err != nil {
			return nil, usage("%w", err)
		}
		return found, nil
	})
}

const schemaSuffix = ".schema.json"

// schema checks a schema of a folder, whose name begins its own.
func (k *checker) schema(files fs.FS, folder, name string) {
	shown := path.Join(folder, name)
	if !k.schemas.add(shown) {
		return
	}
	k.task(func() (found source.Diagnostics, _ error) {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			found.Errorf("unreadable", source.Span{}, "%s cannot be read: %v", shown, err)
			return found, nil
		}
		_, err = schema.Compile(name, data, schema.WithFiles(files))
		var wrong schema.Errors
		switch {
		case errors.As(err, &wrong):
			for _, e := range wrong {
				found.Errorf("schema", spanOf(files, folder, e), "%s", e.Message)
			}
		case err != nil:
			found.Errorf("schema", source.Span{}, "%s: %v", shown, err)
		}
		return found, nil
	})
}

// spanOf returns the place of a mistake in a schema, which may be in another
// file than the one that was compiled.
func spanOf(files fs.FS, folder string, e *schema.Error) source.Span {
	data, err := fs.ReadFile(files, e.File)
	if err != nil { // the message still names the file, without the line
		return source.Span{File: source.NewFile(path.Join(folder, e.File), nil)}
	}
	at := source.Position{Line: e.Line, Column: e.Column}
	return source.Span{File: source.NewFile(path.Join(folder, e.File), data), Start: at, End: at}
}

// nearestFile helps with a file that is not there: a name like it beside it, or
// among others.
func nearestFile(name string, others []string, otherwise string) string {
	folder := filepath.Dir(name)
	entries, _ := os.ReadDir(folder) // a folder that is not there has no names
	for _, entry := range entries {
		others = append(others, filepath.Join(folder, entry.Name()))
	}
	if near := source.Suggest(filepath.Clean(name), others); near != "" {
		return "did you mean " + near + "?"
	}
	return otherwise
}
