package main

import (
	"path/filepath"
	"slices"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/settings"
)

// account is what --lookup gives: portal data, which rules are checked against,
// and answers of lookups.
type account []accountFile

type accountFile struct {
	name, file string
	data       []byte       // JSON
	root       *source.Node // nil if the file cannot be read as JSON or YAML
	found      source.Diagnostics
}

// readAccount reads the files of --lookup NAME=FILE.
func readAccount(flags []string) (account, error) {
	var a account
	for _, flag := range flags {
		name, file, err := lookupFlag(flag)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(a, func(f accountFile) bool { return f.name == name }) {
			return nil, usage("--lookup %s is given twice: keep one", name)
		}
		data, err := readFile(file)
		if err != nil {
			return nil, err
		}
		f := accountFile{name: name, file: filepath.ToSlash(filepath.Clean(file)), data: data}
		if f.root, f.found = settings.Parse(f.file, data); f.root != nil && !settings.IsJSON(file, data) {
			f.data = settings.JSON(f.root)
		}
		a = append(a, f)
	}
	return a, nil
}

// options are those of a load that is checked against the account.
func (a account) options() []engine.Option {
	var out []engine.Option
	for _, f := range a {
		if f.root != nil {
			out = append(out, engine.WithPortal(f.name, f.file, f.data))
		}
	}
	return out
}

// lookup checks a file of --lookup for the mappings that have portal data or a
// lookup of its name.
func (k *checker) lookup(f accountFile) {
	k.lookups.add(f.name)
	k.task(func() (source.Diagnostics, error) {
		found := f.found
		used := f.root == nil
		var last *engine.Program
		for _, l := range k.loaded {
			program, err := l.load()
			switch {
			case err != nil: // what is wrong with the rules is said of them
				used = true
			case f.root == nil:
			case slices.Contains(program.Portals(), f.name):
				used = true
				found.Add(settings.CheckPortal(program, f.name, f.root)...)
			case slices.Contains(program.Lookups(), f.name):
				used = true
				found.Add(settings.CheckAnswers(program, f.name, f.root)...)
			default:
				last = program
			}
		}
		if !used {
			return nil, unknownLookup(last, f.name)
		}
		return found, nil
	})
}
