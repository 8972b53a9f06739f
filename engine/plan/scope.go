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
}

// userFunction is a function written in rules, compiled when it is first called.
type userFunction struct {
	node     *source.Node
	in       *scope
	compiled *expression.Function
	busy     bool
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

// Function implements expression.Scope.
func (s *scope) Function(name string) *expression.Function {
	for ; s != nil; s = s.parent {
		if f := s.functions[name]; f != nil {
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
