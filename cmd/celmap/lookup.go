package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
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
		var a value.Arena
		n, err := readDocument(&a, file)
		if err != nil {
			return nil, nil, err
		}
		data := value.AppendJSON(nil, n)
		if isPortal {
			portal[name] = data
		} else {
			answers[name] = data
		}
	}
	known, err := engine.NewStaticAnswers(program, answers)
	if err != nil {
		return nil, nil, usage("%w", err)
	}
	return portal, known, nil
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
