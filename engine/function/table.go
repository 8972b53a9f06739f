// Package function is the table of functions that rules may call.
//
// One table feeds the evaluator, the checker and the manual, so none of them
// can drift from the others. Every function is pure: its result depends on its
// arguments only, it never panics, and it reads JSON values of any kind.
//
// Three rules hold throughout, and the text of a function tells where it
// departs from them: null or absent in the first argument gives null; an
// optional argument that is null or absent takes its default; a value of a
// kind that a function does not take is an *Error that shows it.
package function

import (
	"cmp"
	"slices"

	"github.com/celmap/celmap/engine/value"
)

// Param is a parameter of a function. Type is one of text, number, boolean,
// list, object, any, or several of them joined by " or ".
type Param struct {
	Name, Type, Doc string
	Optional        bool
}

// Example is a call with arguments written as JSON, and what it gives: JSON, or
// "error: " and a part of the message.
type Example struct{ Expr, Result string }

// Eval computes a function. A nil result is null. Arguments that were left out
// at the end need not be passed. Results may share nodes with arguments.
type Eval func(a *value.Arena, args []*value.Node) (*value.Node, error)

// Function is one entry of the table.
type Function struct {
	Name     string
	Params   []Param
	Variadic bool // the last parameter may be repeated
	Result   string
	Doc      string
	Examples []Example
	Eval     Eval

	// Prepare, where it is not nil, is given the arguments of a call that are
	// known at load (nil for the others). It compiles what can be compiled
	// once, such as a regular expression, or refuses it. The Eval that it
	// returns is called with all arguments; the texts of the constants must
	// live as long as it does.
	Prepare func(constants []*value.Node) (Eval, error)

	run     body
	prepare func(constants []*value.Node) (body, *Error)
}

// body is an Eval that does not know its own name.
type body func(a *value.Arena, args []*value.Node) (*value.Node, *Error)

// Error tells which argument a function did not take, and what it takes.
type Error struct {
	Function string
	Arg      int // index of the argument
	Message  string
}

func (e *Error) Error() string { return e.Function + ": " + e.Message }

var table = build(textFunctions, numberFunctions, timeFunctions, objectFunctions, listFunctions, digestFunctions, addressFunctions)

// Table returns all functions, sorted by name. It must not be changed.
func Table() []*Function { return table }

// Lookup returns the function of that name, nil if there is none.
func Lookup(name string) *Function {
	i, ok := slices.BinarySearchFunc(table, name, func(f *Function, name string) int { return cmp.Compare(f.Name, name) })
	if !ok {
		return nil
	}
	return table[i]
}

func build(themes ...[]*Function) []*Function {
	all := slices.Concat(themes...)
	for _, f := range all {
		f.Eval = named(f.Name, f.run)
		if f.prepare != nil {
			f.Prepare = func(constants []*value.Node) (Eval, error) {
				run, err := f.prepare(constants)
				if err != nil {
					err.Function = f.Name
					return nil, err
				}
				return named(f.Name, run), nil
			}
		}
	}
	slices.SortFunc(all, func(f, g *Function) int { return cmp.Compare(f.Name, g.Name) })
	return all
}

func named(name string, run body) Eval {
	return func(a *value.Arena, args []*value.Node) (*value.Node, error) {
		n, err := run(a, args)
		if err != nil {
			err.Function = name
			return nil, err
		}
		return n, nil
	}
}
