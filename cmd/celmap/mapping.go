package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

// mapping is a folder of rules, on disk or built into the binary.
type mapping struct {
	files fs.FS
	name  string // how messages begin the names of its files
	dir   string // on disk, "" if built in
}

// findMapping returns the mapping that a folder or the name of a built-in one stands for.
func findMapping(name string) (mapping, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return mapping{folderFS(name), filepath.ToSlash(filepath.Clean(name)), name}, nil
	case err == nil:
		return mapping{}, usage("the mapping %s is a file: name the folder that holds it", name)
	}
	if m, ok := builtin(name); ok {
		return m, nil
	}
	hint := "name a folder, or one of the built-in " + strings.Join(builtinNames(), ", ")
	if near := source.Suggest(name, builtinNames()); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	return mapping{}, usage("there is no mapping %q: %s", name, hint)
}

// folderFS is a folder on disk that no link leads out of, not even one that is
// put there while its files are read.
func folderFS(name string) fs.FS {
	root, err := os.OpenRoot(name)
	if err != nil {
		return os.DirFS(name) // which tells what is wrong
	}
	return root.FS()
}

func builtin(name string) (mapping, bool) {
	for _, known := range builtinNames() {
		if name == known {
			return mapping{sub(mappings.FS, name), "mappings/" + name, ""}, true
		}
	}
	return mapping{}, false
}

func builtinNames() []string {
	entries, err := mappings.FS.ReadDir(".")
	if err != nil {
		panic(err) // an embedded folder can be read
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// load compiles the rules. An error of the rules is source.Diagnostics.
func (m mapping) load() (*engine.Program, error) { return m.loadWith() }

func (m mapping) loadWith(with ...engine.Option) (*engine.Program, error) {
	return engine.Load(m.files, append([]engine.Option{
		engine.WithName(m.name),
		engine.WithEvents("rudderstack", sub(schemas.FS, "events")),
		engine.WithBase(m.base, builtinNames()...),
	}, with...)...)
}

// base finds what an overlay stands on: a folder beside or below its own, or a
// built-in mapping.
func (m mapping) base(name string) (fs.FS, string, bool) {
	if m.dir != "" {
		dir := filepath.Join(m.dir, filepath.FromSlash(name))
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return folderFS(dir), filepath.ToSlash(dir), true
		}
	}
	b, ok := builtin(name)
	return b.files, b.name, ok
}

func sub(files fs.FS, folder string) fs.FS {
	below, err := fs.Sub(files, folder)
	if err != nil {
		panic(err) // only a malformed name fails
	}
	return below
}
