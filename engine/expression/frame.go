package expression

import (
	"errors"
	"fmt"

	"github.com/celmap/celmap/engine/value"
)

// Frame is the state of a run: where names get their values, whose memory
// results use, and how much work is left. One goroutine uses it at a time.
type Frame struct {
	Arena  *value.Arena
	Loader Loader
	Steps  int // work left; set anew for each event

	Profile *Profile // counts what takes how much; nil for nothing

	locals []*value.Node // variables of `first` and arguments of functions
	stack  []*value.Node // arguments of calls that are being made
	base   int           // where the locals of the running function start
	depth  int
}

// ErrSteps ends an expression that would run for too long.
var ErrSteps = errors.New("the rules need too many steps for this event; simplify nested lists and functions")

// ErrExpression is ErrSteps of an expression that has taken as many as one may.
var ErrExpression = fmt.Errorf("this expression alone takes more steps than one expression may: %w", ErrSteps)

// maxCalls bounds calls of functions written in rules within each other.
const maxCalls = 32

func (f *Frame) spend(n int) error {
	if f.Steps -= n; f.Steps < 0 {
		return ErrSteps
	}
	return nil
}

func (f *Frame) local(i int) *value.Node { return f.locals[f.base+i] }

// Call runs fn with arguments, in a frame of its own locals.
func (f *Frame) Call(fn *Function, args ...*value.Node) (*value.Node, error) {
	if f.depth++; f.depth > maxCalls {
		f.depth--
		return nil, ErrSteps
	}
	defer func() { f.depth-- }()
	if err := f.spend(fn.work); err != nil {
		return nil, err
	}
	base, top := f.base, len(f.locals)
	f.locals = append(f.locals, args...)
	f.base = top
	v, err := fn.body.eval(f)
	f.locals, f.base = f.locals[:top], base
	if err != nil {
		return nil, &called{fn: fn, err: err}
	}
	return v, nil
}

func (f *Function) call(frame *Frame, args []*value.Node) (*value.Node, error) {
	return frame.Call(f, args...)
}
