package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/settings"
)

// readLookups reads the files of --lookup NAME=FILE: portal data and the
// answers of lookups, by their names.
func readLookups(program *engine.Program, flags []string) (map[string][]byte, *engine.StaticAnswers, error) {
	portal, answers := make(map[string][]byte), make(map[string][]byte)
	for _, flag := range flags {
		name, file, err := lookupFlag(flag)
		if err != nil {
			return nil, nil, err
		}
		isPortal := slices.Contains(program.Portals(), name)
		switch {
		case !isPortal && !slices.Contains(program.Lookups(), name):
			return nil, nil, unknownLookup(program, name)
		case portal[name] != nil || answers[name] != nil:
			return nil, nil, usage("--lookup %s is given twice: keep one", name)
		}
		if !isPortal {
			if answers[name], err = readAnswers(program, name, file); err != nil {
				return nil, nil, err
			}
			continue
		}
		var a value.Arena
		n, err := readDocument(&a, file)
		if err != nil {
			return nil, nil, err
		}
		portal[name] = value.AppendJSON(nil, n)
	}
	known, err := engine.NewStaticAnswers(program, answers)
	if err != nil {
		return nil, nil, usage("%w", err)
	}
	return portal, known, nil
}

// readAnswers reads the answers of a lookup, and refuses those that check would.
func readAnswers(program *engine.Program, name, file string) ([]byte, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	root, found := settings.Parse(filepath.ToSlash(filepath.Clean(file)), data)
	if root != nil {
		found = settings.CheckAnswers(program, name, root)
	}
	if found.HasErrors() {
		return nil, &exit{exitUsage, found}
	}
	return settings.JSON(root), nil
}

func lookupFlag(flag string) (name, file string, err error) {
	name, file, ok := strings.Cut(flag, "=")
	if !ok || name == "" || file == "" {
		return "", "", usage("--lookup %s: write it as NAME=FILE", flag)
	}
	return name, file, nil
}

func unknownLookup(program *engine.Program, name string) error {
	names := slices.Concat(program.Portals(), program.Lookups())
	hint := fmt.Sprintf("the mapping %s has none", program.Name())
	if near := source.Suggest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	} else if len(names) > 0 {
		hint = fmt.Sprintf("the mapping %s knows %s", program.Name(), strings.Join(names, ", "))
	}
	return usage("--lookup %s: there is no such portal data or lookup: %s", name, hint)
}
