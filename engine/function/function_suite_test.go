package function_test

import (
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

func TestFunction(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "function")
}

// parse reads JSON of a test.
func parse(a *value.Arena, text string) *value.Node {
	GinkgoHelper()
	n, err := value.Parse(a, []byte(text), value.DefaultLimits())
	Expect(err).NotTo(HaveOccurred(), text)
	return n
}

// call evaluates `name(arguments as JSON)` and returns JSON, or "error: " and
// the message. With prepared, all arguments are taken for known at load.
func call(expr string, prepared bool) string {
	GinkgoHelper()
	name, rest, ok := strings.Cut(expr, "(")
	Expect(ok && strings.HasSuffix(rest, ")")).To(BeTrue(), expr)
	f := function.Lookup(name)
	Expect(f).NotTo(BeNil(), "no function "+name)
	a := value.NewArena()
	var args []*value.Node
	for n := parse(a, "["+strings.TrimSuffix(rest, ")")+"]").First(); n != nil; n = n.Next() {
		args = append(args, n)
	}
	eval, err := f.Eval, error(nil)
	if prepared && f.Prepare != nil {
		if eval, err = f.Prepare(args); err != nil {
			return "error: " + err.Error()
		}
	}
	n, err := eval(a, args)
	if err != nil {
		Expect(n).To(BeNil())
		return "error: " + err.Error()
	}
	return string(value.AppendJSON(nil, n))
}

// expectCall compares the result of a call with what an example states.
func expectCall(expr, result string) {
	GinkgoHelper()
	for _, prepared := range []bool{false, true} {
		got := call(expr, prepared)
		if message, failed := strings.CutPrefix(result, "error: "); failed {
			Expect(got).To(HavePrefix("error: "), expr)
			Expect(got).To(ContainSubstring(message), expr)
			continue
		}
		Expect(got).To(Equal(result), expr)
	}
}

var _ = Describe("the table", func() {
	It("is sorted, without doubles, and found by name", func() {
		last := ""
		for _, f := range function.Table() {
			Expect(f.Name > last).To(BeTrue(), f.Name)
			Expect(function.Lookup(f.Name)).To(BeIdenticalTo(f))
			last = f.Name
		}
		Expect(function.Lookup("none")).To(BeNil())
		Expect(function.Lookup("")).To(BeNil())
	})

	It("documents every function", func() {
		kinds := []string{"text", "number", "boolean", "list", "object", "any"}
		for _, f := range function.Table() {
			Expect(f.Doc).To(HaveSuffix("."), f.Name)
			Expect(f.Eval).NotTo(BeNil(), f.Name)
			Expect(len(f.Examples)).To(BeNumerically(">=", 1), f.Name)
			Expect(len(f.Examples)).To(BeNumerically("<=", 4), f.Name)
			types := []string{f.Result}
			optional := false
			for _, p := range f.Params {
				Expect(p.Doc).NotTo(BeEmpty(), f.Name+" "+p.Name)
				Expect(optional && !p.Optional).To(BeFalse(), f.Name+": an argument that must be given after one that need not")
				optional = p.Optional
				types = append(types, p.Type)
			}
			for _, t := range types {
				for _, k := range strings.Split(t, " or ") {
					Expect(kinds).To(ContainElement(k), f.Name)
				}
			}
		}
	})

	It("has examples that hold", func() {
		for _, f := range function.Table() {
			for _, e := range f.Examples {
				Expect(e.Expr).To(HavePrefix(f.Name + "("))
				expectCall(e.Expr, e.Result)
			}
		}
	})

	It("names function, value and remedy in errors, but no secret", func() {
		a := value.NewArena()
		_, err := function.Lookup("midnightUTC").Eval(a, []*value.Node{a.String("30 Feb 2024")})
		Expect(err).To(MatchError(HavePrefix(`midnightUTC: text "30 Feb 2024" is no date: there is no such day`)))
		_, err = function.Lookup("midnightUTC").Eval(a, []*value.Node{a.MarkSecret(a.String("pssst"))})
		Expect(err).To(MatchError(HavePrefix(`midnightUTC: [secret] is no date`)))
		Expect(err.Error()).NotTo(ContainSubstring("pssst"))
		_, err = function.Lookup("pick").Eval(a, []*value.Node{a.Object(), a.Object()})
		Expect(err).To(HaveField("Arg", 1))
	})
})
