package plan

import (
	"slices"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/source"
)

// scope is the names that one place of one file may use.
type scope struct {
	parent    *scope
	compiler  *compiler
	slots     map[string]int
	functions map[string]*userFunction
	open      bool // there may be more names, in something that could not be read
	calls     bool // there may be more functions
}

// userFunction is a function written in rules, compiled when it is first called.
type userFunction struct {
	key      *source.Node
	node     *source.Node
	in       *scope
	compiled *expression.Function
	busy     bool
	used     bool
}

func (s *scope) child() *scope { return &scope{parent: s, compiler: s.compiler} }

// with returns a scope that also has variables, which the engine sets.
func (s *scope) with(names ...string) *scope {
	c := s.child()
	c.slots = make(map[string]int, len(names))
	for _, n := range names {
		c.slots[n] = c.compiler.variable(n)
	}
	return c
}

// orOpen returns the scope, open if something that declares names for it, or says
// which of them there are, is a hole.
func (s *scope) orOpen(declares ...*source.Node) *scope {
	for _, n := range declares {
		if s.compiler.broken(n) {
			s = s.child()
			s.open = true
			break
		}
	}
	return s
}

// isOpen reports whether there may be more names, or functions, than are known.
func (s *scope) isOpen() (names, functions bool) {
	if s == nil { // types are checked of whole expressions only
		return false, false
	}
	names, functions = s.compiler.open, s.compiler.open
	for ; s != nil; s = s.parent {
		names, functions = names || s.open, functions || s.calls
	}
	return names, functions
}

// Slot implements expression.Scope.
func (s *scope) Slot(name string) (int, bool) {
	for ; s != nil; s = s.parent {
		if i, ok := s.slots[name]; ok {
			return i, true
		}
	}
	return 0, false
}

// Names implements expression.Scope.
func (s *scope) Names() []string {
	var out []string
	for ; s != nil; s = s.parent {
		for n := range s.slots {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// OfEvent implements expression.Outside.
func (s *scope) OfEvent(name string) bool {
	if _, ok := s.Slot("input"); ok || s.compiler.base == nil {
		return false
	}
	_, ok := s.compiler.base.Slot(name)
	return ok
}

// Function implements expression.Scope.
func (s *scope) Function(name string) *expression.Function {
	for ; s != nil; s = s.parent {
		if f := s.functions[name]; f != nil {
			f.used = true
			return s.compiler.compileFunction(name, f)
		}
	}
	return nil
}

// Functions implements expression.Scope.
func (s *scope) Functions() []string {
	var out []string
	for ; s != nil; s = s.parent {
		for n := range s.functions {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// Builtin implements expression.Scope.
func (s *scope) Builtin(name string) *function.Function {
	for _, f := range s.compiler.options.Functions {
		if f.Name == name {
			return f
		}
	}
	return function.Lookup(name)
}

// Builtins implements expression.Scope.
func (s *scope) Builtins() []string {
	var out []string
	for _, f := range function.Table() {
		out = append(out, f.Name)
	}
	for _, f := range s.compiler.options.Functions {
		out = append(out, f.Name)
	}
	return out
}

// argumentScope is what the body of a function sees: its arguments, which the
// expression compiler knows itself, and functions.
type argumentScope struct{ *scope }

// Slot implements expression.Scope: a function sees no names of its file.
func (argumentScope) Slot(string) (int, bool) { return 0, false }

// Names implements expression.Scope.
func (argumentScope) Names() []string { return nil }

// Where implements expression.Fields.
func (argumentScope) Where(string) []string { return nil }
