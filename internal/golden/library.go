package golden

import (
	"errors"
	"fmt"
	"slices"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
)

// Mapping is a folder of rules that fixtures may be about.
type Mapping struct {
	Name  string // of the folder
	Load  func() (*engine.Program, error)
	Named bool // by the user: that it does not load matters even if no fixture is about it
}

// Library finds the rules of a destination. It loads each mapping once, and
// only when it is asked for something that may be in it.
type Library struct {
	shelves []shelf
}

type shelf struct {
	Mapping
	asked   bool
	program *engine.Program
	err     error
}

// NewLibrary returns a library of mappings, those that take precedence first.
func NewLibrary(mappings ...Mapping) *Library {
	l := &Library{}
	for _, m := range mappings {
		l.shelves = append(l.shelves, shelf{Mapping: m})
	}
	return l
}

// add adds a mapping behind the others, unless there is one of its name.
func (l *Library) add(m Mapping) bool {
	if slices.ContainsFunc(l.shelves, func(s shelf) bool { return s.Name == m.Name }) {
		return false
	}
	l.shelves = append(l.shelves, shelf{Mapping: m})
	return true
}

// errUnknownDestination says that no mapping has the name of a fixture's destination.
var errUnknownDestination = errors.New("unknown destination")

// find returns the program of a destination: of the mapping that says it is
// called so, or whose folder is. A mapping of the right folder that does not
// load is an error of its own.
func (l *Library) find(destination string) (*engine.Program, error) {
	for i := range l.shelves {
		s := &l.shelves[i]
		program, err := s.load()
		switch {
		case err != nil && s.Name == destination:
			s.Named = true
			return nil, err
		case err == nil && (s.Name == destination || program.Name() == destination || slices.Contains(program.Aliases(), destination)):
			return program, nil
		}
	}
	return nil, errUnknownDestination
}

func (s *shelf) load() (*engine.Program, error) {
	if !s.asked {
		s.asked = true
		s.program, s.err = s.Load()
	}
	return s.program, s.err
}

// Problems returns why mappings do not load that a user or a fixture names:
// findings about their rules, and the first error of another kind.
func (l *Library) Problems() (found source.Diagnostics, err error) {
	for _, s := range l.shelves {
		var rules source.Diagnostics
		switch {
		case s.err == nil || !s.Named:
		case errors.As(s.err, &rules):
			found.Add(rules...)
		case err == nil:
			err = fmt.Errorf("%s: %w", s.Name, s.err)
		}
	}
	return found, err
}

// names returns the names under which destinations can be found.
func (l *Library) names() []string {
	var all []string
	for i := range l.shelves {
		s := &l.shelves[i]
		all = append(all, s.Name)
		if program, err := s.load(); err == nil {
			all = append(append(all, program.Name()), program.Aliases()...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// broken reports whether rules that were asked for do not load.
func (l *Library) broken() bool {
	return slices.ContainsFunc(l.shelves, func(s shelf) bool { return s.asked && s.err != nil })
}
