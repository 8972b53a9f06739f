package expression

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"

	"github.com/celmap/celmap/engine/value"
)

// A leaf runs without looking at where it is. Once it has failed, and the
// failure counts, it runs a second time, as a program that watches: expressions
// are pure, so it fails again in the same way.

// retry is what it takes to run a leaf again.
type retry struct {
	leaf   *celEval
	locals []*value.Node
	steps  int
}

// watchedSite is a part of a leaf, and the nodes of its operands.
type watchedSite struct {
	*site
	operands []int64
}

// run returns the failure of the smallest part that failed, or else what is
// known of the leaf.
func (t *retry) run(f *Frame, known *failure) *failure {
	base, top, steps := f.base, len(f.locals), f.Steps
	f.locals, f.base, f.Steps = append(f.locals, t.locals...), top, t.steps
	defer func() { f.locals, f.base, f.Steps = f.locals[:top], base, steps }()
	frame := &celFrame{frame: f, leaf: t.leaf, gather: gatherSteps}
	program := t.leaf.watching()
	if program == nil {
		return known.worded()
	}
	out, _, err := program.Eval(frame)
	if err == nil {
		_, err = frame.result(out)
	}
	switch failed := rootOf(err).(type) {
	case *failure:
		return failed
	case nil:
		return known.worded()
	default:
		known.cause = failed
		return known.worded()
	}
}

// worded drops words that are not ours.
func (f *failure) worded() *failure {
	if f.cause = rootOf(f.cause); !ours(f.cause) {
		f.cause = errMisfit
	}
	return f
}

// watching returns the program that watches, nil if there is none.
func (e *celEval) watching() cel.Program {
	e.once.Do(func() {
		w := &watcher{sites: e.sites, nodes: map[int64]interpreter.InterpretableV2{}}
		e.watched, _ = environment().Program(e.checked, cel.CustomDecoratorV2(w.decorate))
	})
	return e.watched
}

// watcher plans a program that watches.
type watcher struct {
	sites map[int64]watchedSite
	nodes map[int64]interpreter.InterpretableV2
}

func (w *watcher) decorate(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if at, ok := w.sites[i.ID()]; ok {
		i = &watchedNode{i, w, at}
	}
	w.nodes[i.ID()] = i
	return i, nil
}

type watchedNode struct {
	interpreter.InterpretableV2
	watcher *watcher
	at      watchedSite
}

// Exec implements cel-go's node of a program.
func (n *watchedNode) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := n.InterpretableV2.Exec(frame)
	err, failed := v.(*types.Err)
	if !failed {
		return v
	}
	found, _ := frame.ResolveName(frameName)
	f, ok := found.(*celFrame)
	if !ok || f.gathering {
		return v
	}
	cause := rootOf(err)
	switch cause.(type) {
	case *failure, loading:
		return v // its place is known
	}
	claim := (&failure{at: n.at.site, cause: cause}).worded()
	f.collect(claim, n, frame)
	return types.WrapErr(claim)
}

// Eval implements cel-go's node of a program.
func (n *watchedNode) Eval(vars interpreter.Activation) ref.Val {
	if frame, ok := vars.(*interpreter.ExecutionFrame); ok {
		return n.Exec(frame)
	}
	return n.InterpretableV2.Eval(vars)
}

// gatherSteps is the work that one explanation may spend on operands.
const gatherSteps = 20_000

// collect finds out what the operands of a site are, and its variables.
func (f *celFrame) collect(claim *failure, n *watchedNode, frame *interpreter.ExecutionFrame) {
	if f.gather <= 0 {
		return
	}
	steps := f.frame.Steps
	f.gathering, f.frame.Steps = true, f.gather
	defer func() {
		if p := recover(); p != nil { // the work was too much
			if _, ok := p.(interpreter.EvalCancelledError); !ok {
				panic(p)
			}
			f.frame.Steps = 0
		}
		f.gathering, f.gather, f.frame.Steps = false, f.frame.Steps, steps
	}()
	for _, l := range n.at.locals {
		g := f.frame.given(l)
		if v, ok := frame.ResolveName(l.name); l.index < 0 && ok {
			if v, ok := v.(ref.Val); ok {
				g = f.given(v)
			}
		}
		claim.locals = append(claim.locals, g)
	}
	for _, id := range n.at.operands {
		g := given{unknown: true}
		if node := n.watcher.nodes[id]; node != nil {
			g = f.given(node.Exec(frame))
		}
		claim.values = append(claim.values, g)
	}
}
