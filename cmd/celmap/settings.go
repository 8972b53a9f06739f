package main

import (
	"path/filepath"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/settings"
)

// settings checks configs for a mapping, the one that is named, else the only one
// that is checked, else the one that `celmap map` would take; and the account for
// all mappings that are checked.
func (k *checker) settings(mapping string, configs []string) error {
	if mapping == "" && len(configs)+len(k.account) == 0 {
		return nil
	}
	if len(configs) > 0 || mapping != "" || len(k.loaded) == 0 {
		load, err := k.settingsMapping(mapping)
		if err != nil {
			return err
		}
		for _, name := range configs {
			if err := k.config(name, load); err != nil {
				return err
			}
		}
	}
	for _, f := range k.account {
		k.lookup(f)
	}
	return nil
}

// defaultMapping is that of `celmap map`, too.
const defaultMapping = "hubspot"

func (k *checker) settingsMapping(name string) (func() (*engine.Program, error), error) {
	switch {
	case name != "":
	case len(k.loaded) == 1:
		return k.loaded[0].load, nil
	case len(k.loaded) > 1:
		return nil, usage("--config is for one of the mappings %s: say which with --mapping", strings.Join(k.mappings.list(), ", "))
	default:
		name = defaultMapping
	}
	m, err := findMapping(name)
	if err != nil {
		return nil, err
	}
	return k.mapping(m), nil
}

func (k *checker) config(name string, load func() (*engine.Program, error)) error {
	data, err := readFile(name)
	if err != nil {
		return err
	}
	root, found := settings.Parse(filepath.ToSlash(filepath.Clean(name)), data)
	if root == nil { // shows nothing of its values
		found = settings.ConcealText(found)
	}
	if !k.configs.add(filepath.ToSlash(filepath.Clean(name))) {
		return nil
	}
	k.task(func() (source.Diagnostics, error) {
		program, err := load()
		if root == nil || err != nil { // what is wrong with the rules is said of them
			return found, nil
		}
		return settings.CheckConfigFile(program, root), nil
	})
	return nil
}
