// Package expression compiles the CEL expressions of rules and evaluates them
// on JSON values.
//
// An expression is parsed by cel-go, made null-safe, type-checked, and then
// compiled to the native form: paths, comparisons, logic, literals and calls of
// functions run directly on value.Node without allocating. What the native form
// does not know (arithmetic, comprehensions, most methods of CEL's libraries)
// becomes a CEL program at exactly that place of the tree. All of it pays for
// its work out of one budget. Both ways give the same answer; a differential
// test says so.
//
// It is the only package that imports cel-go.
package expression

import (
	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Scope says which names an expression may use. It is consulted at compile time only.
type Scope interface {
	// Slot resolves a name to the slot that a Frame's Loader is asked for.
	Slot(name string) (slot int, ok bool)
	// Names lists the names in scope, for suggestions.
	Names() []string
	// Function resolves the name of a function written in rules.
	Function(name string) *Function
	// Functions lists the names of the functions written in rules.
	Functions() []string
	// Builtin resolves the name of a function of the table.
	Builtin(name string) *function.Function
	// Builtins lists the names of the functions of the table.
	Builtins() []string
}

// Loader supplies the values of names while an expression runs. It may compute
// them on demand; an error fails the expression.
type Loader interface {
	Load(slot int) (*value.Node, error)
}

// Function is a function written in rules. It sees its arguments only.
type Function struct {
	Name  string
	Args  []string
	Body  *source.Node // where it is written, for messages; may be nil
	body  eval
	tree  *tree
	work  int    // steps of a call, without those of loops and calls in it
	takes bounds // steps of a call, as far as they are known at load
}

// Options sets the bounds of expressions. Zero fields mean the default.
type Options struct {
	Cost   uint64 // of one evaluation by CEL, in steps; default as many as a Frame has
	Steps  int    // that an event may take in all; default DefaultSteps
	Length int    // of an expression, in bytes; default 4,096
	CEL    bool   // run everything as CEL, for tests that compare the two ways
}

func (o Options) withDefaults() Options {
	if o.Cost == 0 {
		o.Cost = DefaultSteps
	}
	if o.Steps == 0 {
		o.Steps = DefaultSteps
	}
	if o.Length == 0 {
		o.Length = 4096
	}
	return o
}

// DefaultSteps is how many steps a Frame allows unless told otherwise. A step is
// an iteration, a call, or a piece of a text or list that is read as a whole.
const DefaultSteps = 100_000

// Want is the type that the place of an expression needs.
type Want uint8

// What an expression has to give.
const (
	Anything Want = iota
	Condition
)

// Problem is a mistake in an expression: bytes From to To of its text.
type Problem struct {
	From, To int
	Code     string // stable, kebab-case
	Message  string
	Detail   string // why, may be empty
	Help     string
	Warning  bool // it is surely useless, and does no harm
}

// Error is an expression that failed on an event: its smallest part that did,
// and what that worked on.
type Error struct {
	From, To int // bytes of the expression's text
	Message  string
	Operands []Operand
	Blamed   int // index in Operands of the value that does not fit, -1 if that is not clear
	Cause    error
	Inner    *Inner // of a call: what failed inside
}

// Inner is the part that failed of a function written in rules.
type Inner struct {
	Function *Function
	From, To int // bytes of its expression
}

// Operand is a value that the failed part of an expression worked on.
type Operand struct {
	From, To int         // bytes of the expression's text
	Text     string      // the operand as the rule has it, in one line
	Value    *value.Node // nil if it is absent; as long as the frame's arena
	Shown    string      // the value in a few words, without secrets

	// Where it was read from: Steps below the name with that Slot or, where Slot
	// is -1, below Root, the value of a variable. Exact tells that the operand is
	// that path, and not computed from it.
	Slot  int
	Root  *value.Node
	Steps Path
	Exact bool

	index int // among the site's operands
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause, such as a *function.Error.
func (e *Error) Unwrap() error { return e.Cause }
