package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// account is data about an account that rules are checked against: portal data by
// its name, as --lookup gives it.
type account struct {
	files map[string]string
	data  map[string][]byte
	known []string // names that the rules have which were checked
	all   bool     // all of the rules could be read
}

// readAccount reads the files of --lookup NAME=FILE.
func readAccount(flags []string) (*account, error) {
	a := &account{files: map[string]string{}, data: map[string][]byte{}, all: true}
	for _, flag := range flags {
		name, file, ok := strings.Cut(flag, "=")
		if !ok || name == "" || file == "" {
			return nil, usage("--lookup %s: write it as NAME=FILE", flag)
		}
		if a.data[name] != nil {
			return nil, usage("--lookup %s is given twice: keep one", name)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, usage("%w", err)
		}
		if !json.Valid(data) {
			var arena value.Arena
			n, err := readDocument(&arena, file)
			if err != nil {
				return nil, err
			}
			data = value.AppendJSON(nil, n)
		}
		a.files[name], a.data[name] = file, data
	}
	return a, nil
}

// options are those of a load that is checked against the account.
func (a *account) options() []engine.Option {
	var out []engine.Option
	for name, data := range a.data {
		out = append(out, engine.WithPortal(name, a.files[name], data))
	}
	return out
}

// note remembers what the rules have portal data for; nil is rules with mistakes.
func (a *account) note(program *engine.Program) {
	if program == nil {
		a.all = false
		return
	}
	a.known = append(a.known, program.Portals()...)
}

// unused returns an error for data that none of the rules reads.
func (a *account) unused() error {
	for _, name := range slices.Sorted(maps.Keys(a.data)) {
		if !a.all || slices.Contains(a.known, name) {
			continue
		}
		hint := "there is none"
		if near := source.Suggest(name, a.known); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		} else if len(a.known) > 0 {
			slices.Sort(a.known)
			hint = "there is " + strings.Join(slices.Compact(a.known), ", ")
		}
		return usage("--lookup %s: the rules have no such portal data: %s", name, hint)
	}
	return nil
}
