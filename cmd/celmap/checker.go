package main

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/golden"
	"github.com/celmap/celmap/schemas"
)

// checker looks at mappings, schemas and fixtures, each once.
type checker struct {
	mappings, schemas, fixtures names
	findings                    source.Diagnostics

	explain bool // types are wanted, too
	types   []engine.Typed
	account *account // what rules are checked against
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

func (k *checker) builtin() {
	for _, name := range builtinNames() {
		m, _ := builtin(name)
		k.mapping(m)
	}
	k.schemasOf(schemas.FS, "schemas")
}

// path checks what a folder or file holds, or the built-in mapping of that name.
func (k *checker) path(name string) error {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		m, err := findMapping(name)
		if err != nil {
			return err
		}
		k.mapping(m)
		return nil
	case !info.IsDir():
		return k.file(name)
	}
	before := len(k.mappings) + len(k.schemas) + len(k.fixtures)
	folders, err := ruleFolders(name)
	if err != nil {
		return usage("%w", err)
	}
	for _, folder := range folders {
		if err := k.folder(folder); err != nil {
			return err
		}
	}
	k.schemasOf(os.DirFS(name), filepath.ToSlash(filepath.Clean(name)))
	files, err := golden.Find([]string{name})
	if err != nil && !errors.Is(err, golden.ErrNoFixture) {
		return usage("%w", err)
	}
	for _, file := range files {
		if err := k.fixture(file); err != nil {
			return err
		}
	}
	if len(k.mappings)+len(k.schemas)+len(k.fixtures) == before {
		return usage("%s holds neither rules (YAML files that begin with `celmap: KIND/v1`) nor schemas (*.schema.json): name another folder", name)
	}
	return nil
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
	switch kindOf(data) {
	case "":
		return usage("%s is neither rules (a YAML file that begins with `celmap: KIND/v1`) nor a schema (*.schema.json)", name)
	case "fixture":
		return k.fixture(name)
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

func (k *checker) mapping(m mapping) {
	if !k.mappings.add(m.name) {
		return
	}
	with := k.account.options()
	if k.explain {
		with = append(with, engine.WithTypes())
	}
	program, err := m.loadWith(with...)
	k.account.note(program)
	var found source.Diagnostics
	switch {
	case err == nil:
		found = program.Warnings()
		k.types = append(k.types, program.Types()...)
	case !errors.As(err, &found):
		found.Errorf("unreadable", source.Span{}, "%v", err)
	}
	k.findings.Add(found...)
}

func (k *checker) fixture(name string) error {
	if !k.fixtures.add(filepath.ToSlash(name)) {
		return nil
	}
	_, found, err := golden.ReadFile(name)
	if err != nil {
		return usage("%w", err)
	}
	k.findings.Add(found...)
	return nil
}

const schemaSuffix = ".schema.json"

// schemasOf checks the schemas of a folder, whose name begins theirs.
func (k *checker) schemasOf(files fs.FS, folder string) {
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, schemaSuffix):
			k.schema(files, folder, name)
		}
		return nil
	})
	if err != nil {
		k.findings.Errorf("unreadable", source.Span{}, "%s cannot be read: %v", folder, err)
	}
}

func (k *checker) schema(files fs.FS, folder, name string) {
	shown := path.Join(folder, name)
	if !k.schemas.add(shown) {
		return
	}
	data, err := fs.ReadFile(files, name)
	if err != nil {
		k.findings.Errorf("unreadable", source.Span{}, "%s cannot be read: %v", shown, err)
		return
	}
	_, err = schema.Compile(name, data, schema.WithFiles(files))
	var wrong schema.Errors
	switch {
	case errors.As(err, &wrong):
		for _, e := range wrong {
			k.findings.Errorf("schema", spanOf(files, folder, e), "%s", e.Message)
		}
	case err != nil:
		k.findings.Errorf("schema", source.Span{}, "%s: %v", shown, err)
	}
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
