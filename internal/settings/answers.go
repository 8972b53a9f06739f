package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// CheckAnswers checks the answers of a lookup that are given by hand: whether
// an event could ever ask for them, and whether they have the form of answers.
func CheckAnswers(p *engine.Program, name string, root *source.Node) source.Diagnostics {
	a := &answers{lookup: p.Plan().Lookups[name], keys: map[string]*source.Node{}}
	if a.lookup == nil {
		return nil
	}
	switch root.Kind {
	case source.Mapping:
		for _, e := range root.Entries {
			a.key(e.Key, "")
			a.answer(e.Value)
		}
	case source.Sequence:
		for _, n := range root.Items {
			a.entry(n)
		}
	default:
		a.wrong(root, fmt.Sprintf("the answers of %s are an object or a list", name), `write them as KEY: ANSWER, or as a list of {with: {…}, key: KEY, answer: ANSWER}`)
	}
	return a.found
}

type answers struct {
	lookup *plan.Lookup
	keys   map[string]*source.Node // with their arguments
	found  source.Diagnostics
}

func (a *answers) wrong(n *source.Node, summary, help string) {
	a.found.Add(source.Diagnostic{Code: "invalid-answer", Span: opening(n), Summary: summary, Help: help})
}

func (a *answers) doubt(n *source.Node, summary, help string) {
	a.found.Add(source.Diagnostic{Code: "unused-answer", Severity: source.Warning, Span: opening(n), Summary: summary, Help: help})
}

func (a *answers) entry(n *source.Node) {
	key, answer, failure := n.Get("key"), n.Get("answer"), n.Get("failure")
	if n.Kind != source.Mapping || key == nil || key.Kind != source.Scalar || answer == nil && failure == nil {
		a.wrong(n, "this is no answer", "write {key: KEY, answer: ANSWER} or {key: KEY, failure: {status: 429}}, with the arguments under with")
		return
	}
	with := n.Get("with")
	text := ""
	if with != nil {
		text = string(JSON(with))
	}
	a.key(key, text)
	if failure != nil {
		a.failure(failure)
	} else {
		a.answer(answer)
	}
	if with == nil {
		return
	}
	for _, e := range with.Entries {
		if slices.Contains(a.lookup.Args, e.Key.Text) {
			continue
		}
		help := "it has none"
		if len(a.lookup.Args) > 0 {
			help = "its arguments are " + strings.Join(a.lookup.Args, ", ")
		}
		if near := source.Suggest(e.Key.Text, a.lookup.Args); near != "" {
			help = "did you mean " + near + "?"
		}
		a.wrong(e.Key, fmt.Sprintf("the lookup %s has no argument %s, so nobody asks with it", a.lookup.Name, e.Key.Text), help)
	}
	for _, name := range a.lookup.Args {
		if with.Get(name) == nil {
			a.wrong(with, fmt.Sprintf("every ask of %s gives the argument %s, and this answer is for one without", a.lookup.Name, name), "add "+name+", or leave out with: then the answer is for all")
		}
	}
}

// key notes a key, and doubts one that no event can ask for.
func (a *answers) key(n *source.Node, with string) {
	if n.Text == "" {
		a.doubt(n, "an empty key is never asked for", "remove it")
		return
	}
	id := a.lookup.FoldKey(n.Text) + "\x00" + with
	if before := a.keys[id]; before != nil {
		at := opening(before)
		a.doubt(n, fmt.Sprintf("%s is asked for as %s, which has an answer already", n.Text, a.lookup.FoldKey(n.Text)), fmt.Sprintf("keep one of them; the one in line %d counts", at.Start.Line))
		return
	}
	a.keys[id] = n
}

// answer checks what an event would get, where that is a list.
func (a *answers) answer(n *source.Node) {
	if !a.lookup.Lists() || n.IsNull() {
		return
	}
	if n.Kind != source.Sequence {
		written := "a list"
		if n.Kind == source.Scalar {
			written = "[" + strings.TrimSpace(At(n).Text()) + "]"
			if n.Style == source.Plain && givesText(a.lookup.Gives) && !isText(n) {
				written = `["` + n.Text + `"]`
			}
		}
		a.wrong(n, fmt.Sprintf("an answer of %s is a list of what each item gives, and this is a %s", a.lookup.Name, kind(n)), "write "+written+", or [] where nothing is found")
		return
	}
	if !givesText(a.lookup.Gives) {
		return
	}
	for _, x := range n.Items {
		if x.Kind == source.Scalar && x.Style != source.Plain || x.Kind == source.Scalar && isText(x) {
			continue
		}
		help := "write texts"
		if x.Kind == source.Scalar {
			help = `write "` + x.Text + `"`
		}
		a.wrong(x, fmt.Sprintf("each item gives a text (%s), and this is none", a.lookup.Gives.Text), help)
	}
}

// failure checks what the API would refuse with.
func (a *answers) failure(n *source.Node) {
	status := n.Get("status")
	if n.Kind != source.Mapping {
		help := "write {status: 503}"
		if n.Kind == source.Scalar && isStatus(n) {
			help = "write {status: " + n.Text + "}"
		}
		a.wrong(n, fmt.Sprintf("a failure is an object with the status that the API answers, and this is a %s", kind(n)), help)
		return
	}
	if status != nil && (status.Kind != source.Scalar || !isStatus(status)) {
		a.wrong(status, "the status of a failure is that of an HTTP answer, or 0 where there is none", "write a whole number, such as 503")
	}
}

// isStatus reports whether a scalar is a whole number that HTTP has as status.
func isStatus(n *source.Node) bool {
	status, err := strconv.Atoi(n.Text)
	return err == nil && n.Style == source.Plain && (status == 0 || status >= 100 && status <= 599)
}

// givesText reports whether an expression is one call of text(…).
func givesText(e *plan.Expr) bool {
	if e == nil {
		return false
	}
	inside, ok := strings.CutPrefix(e.Text, "text(")
	return ok && strings.IndexByte(inside, ')') == len(inside)-1
}

// kind names what a node reads as.
func kind(n *source.Node) string {
	if n.Kind == source.Scalar && n.Style == source.Plain {
		return n.Value(value.NewArena()).Kind().String()
	}
	return n.Kind.String()
}

// isText reports whether a plain scalar reads as text.
func isText(n *source.Node) bool { return strings.HasPrefix(string(JSON(n)), `"`) }
