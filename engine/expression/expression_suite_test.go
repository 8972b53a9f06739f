package expression_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

func TestExpression(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "expression")
}

// names are the names in scope of tests. The last two are no fields of the
// event: "config" holds a secret, "computed" is an expression of its own.
var names = []string{"traits", "context", "tags", "items", "n", "big", "none", "config", "computed", "broken"}

// document is the event that tables of tests run on.
const document = `{
	"traits": {"email": "Ada@example.com", "name": "Äda", "age": 36, "score": 1.50, "nothing": null, "Sign up": "2024", "b": 2, "a": 1, "ok": true, "no": false},
	"context": {"ids": [{"type": "x", "id": 1}, {"type": "hs", "id": 2}, {"type": "hs", "id": 3}], "deep": {"er": {"est": "here"}}},
	"tags": ["a", "b", "a"],
	"items": [{"price": 5, "qty": 2, "sub": [1, 2]}, {"price": 5.5, "qty": 1, "sub": [3]}, {"price": 1, "sub": null}],
	"n": null,
	"big": [18446744073709551617, 9007199254740993, 1.50, 1e2, -9223372036854775809, 0.30000000000000000001]
}`

// scope knows the names above and functions written in rules.
type scope struct {
	functions map[string]*expression.Function
}

func (s *scope) Slot(name string) (int, bool) {
	i := slices.Index(names, name)
	return i, i >= 0
}
func (s *scope) Names() []string                           { return names }
func (s *scope) Function(name string) *expression.Function { return s.functions[name] }
func (s *scope) Builtin(name string) *function.Function    { return function.Lookup(name) }
func (s *scope) Functions() (out []string) {
	for n := range s.functions {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
func (s *scope) Builtins() (out []string) {
	for _, f := range function.Table() {
		out = append(out, f.Name)
	}
	return out
}

// arguments is the scope of the body of a function.
type arguments struct{ *scope }

func (arguments) Slot(string) (int, bool) { return 0, false }
func (arguments) Names() []string         { return nil }

// bodies are the functions of tests, each of which may call those before it.
var bodies = []struct {
	name string
	args []string
	body string
}{
	{"twice", []string{"x"}, "[x, x]"},
	{"plus", []string{"x", "y"}, "x + y"},
	{"pick1", []string{"list", "kind"}, `first(list, e, e.type == kind)`},
	{"ids", []string{"list", "kind"}, `list.filter(e, first([kind], k, k == e.type) != null).map(e, plus(e.id, 10))`},
	{"orElse", []string{"x", "y"}, `x == null ? y : x`},
	{"strict", []string{"x"}, `decimal(x)`},
	{"given", []string{"x"}, `has(x)`},
}

// scopes are the functions above, compiled for both ways.
var scopes = map[expression.Options]*scope{}

func newScope(options expression.Options) *scope {
	known := scopes[options]
	if known == nil {
		known = compileScope(options)
		scopes[options] = known
	}
	return &scope{functions: maps.Clone(known.functions)}
}

func compileScope(options expression.Options) *scope {
	s := &scope{functions: map[string]*expression.Function{}}
	for _, b := range bodies {
		f, problems := expression.CompileFunction(b.name, b.args, b.body, arguments{s}, options)
		if len(problems) > 0 {
			panic(b.name + ": " + problems[0].Message)
		}
		s.functions[b.name] = f
	}
	return s
}

var errBroken = errors.New("this name cannot be loaded")

// loader gives names the values of a document.
type loader struct {
	doc, config *value.Node
	frame       *expression.Frame
	computed    *expression.Program
}

func (l *loader) Load(slot int) (*value.Node, error) {
	switch names[slot] {
	case "config":
		return l.config, nil
	case "computed":
		return l.computed.Eval(l.frame)
	case "broken":
		return nil, errBroken
	}
	return l.doc.Get(names[slot]), nil
}

// newFrame makes a frame over a document.
func newFrame(doc *value.Node, options expression.Options) *expression.Frame {
	a := value.NewArena()
	config := a.Object()
	a.Set(config, "token", a.MarkSecret(a.String("pssst,hush")))
	a.Set(config, "n", a.MarkSecret(a.Int(7)))
	a.Set(config, "hub", a.Int(12))
	l := &loader{doc: doc, config: config, computed: computed(options)}
	l.frame = &expression.Frame{Arena: a, Loader: l, Steps: expression.DefaultSteps}
	return l.frame
}

// computed is a name that is an expression with variables of its own.
func computed(options expression.Options) *expression.Program {
	if p := loaded[options]; p != nil {
		return p
	}
	p, problems := expression.Compile(`first(tags, t, first(tags, u, u == t) == "b")`, newScope(options), expression.Anything, options)
	if len(problems) > 0 {
		panic(problems[0].Message)
	}
	loaded[options] = p
	return p
}

var loaded = map[expression.Options]*expression.Program{}

func parse(text string) *value.Node {
	n, err := value.Parse(value.NewArena(), []byte(text), value.DefaultLimits())
	if err != nil {
		panic(err)
	}
	return n
}

var parsed = parse(document)

// compile compiles an expression of a test.
func compile(text string, options expression.Options) *expression.Program {
	GinkgoHelper()
	p, problems := expression.Compile(text, newScope(options), expression.Anything, options)
	Expect(problems).To(BeEmpty(), text)
	return p
}

// evaluate returns the JSON of an expression's result, or "error: " and its message.
func evaluate(text string, doc *value.Node, options expression.Options) (string, *value.Node) {
	GinkgoHelper()
	v, err := compile(text, options).Eval(newFrame(doc, options))
	if err != nil {
		Expect(v).To(BeNil(), text)
		return "error: " + err.Error(), nil
	}
	return string(value.AppendJSON(nil, v)), v
}

// problems compiles an expression that has mistakes.
func problems(text string, want expression.Want) []expression.Problem {
	GinkgoHelper()
	p, found := expression.Compile(text, newScope(expression.Options{}), want, expression.Options{})
	Expect(p).To(BeNil(), text)
	Expect(found).NotTo(BeEmpty(), text)
	for _, x := range found {
		Expect(x.From).To(BeNumerically(">=", 0))
		Expect(x.From).To(BeNumerically("<=", x.To))
		Expect(x.To).To(BeNumerically("<=", len(text)))
		Expect(x.Code).NotTo(BeEmpty())
		Expect(x.Message).NotTo(BeEmpty())
	}
	return found
}
