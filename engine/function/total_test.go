package function_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// texts are such as functions give a meaning to.
var texts = []string{
	"", " ", "a", "a.b", "a.b[0].c", `["a.b"]`, "[", "]", "..", "a.", ".a", "[0]", "[-1]", "[99999999999]", `["`, "0",
	"key", "value", ";", "*", "?", "a*b*c", "(", "(a)(b)", "(?P<n>a)", "^a+$", "$1", "${n}", "$", "$$", "${", "$9",
	"{{", "}}", "{{a}}", "{{ a.b || x }}", "{{}}", "%Y", "%", "%é", "é", "😀", "\x00", "\u202f",
	"true", "FALSE", "12", "-1.50", "+.5", "5.", "1e5", "--1", "-", "+", ".", "2024-03-05", "20240305", "1709633472345", "Mar 5, 2024",
	"a@b.c", "@", "a@", "a@.", "@b.c", "?a=%zz&b=%f0&a", "https://example.com/?a=1#b",
}

var numbers = []string{
	"0", "-0", "-0.0", "0e5", "0.00e-3", "1", "-1", "2", "3", "20", "21", "1.5", "-2.50", "1e3", "1E+2", "12.345e1", "12.345e-1", "5e-324", "1e308",
	"1e-99999999", "1e-99999999999999999999", "9007199254740993", "99999999999999999999", "1709633472345", "-86400001.5",
}

func anyValue(t *rapid.T, a *value.Arena, depth int) *value.Node {
	kinds := 7
	if depth == 0 {
		kinds = 5
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return value.NullNode()
	case 2:
		return value.BoolNode(rapid.Bool().Draw(t, "boolean"))
	case 3:
		return a.Number(rapid.SampledFrom(numbers).Draw(t, "number"))
	case 4:
		return a.String(rapid.OneOf(rapid.SampledFrom(texts), rapid.String()).Draw(t, "text"))
	case 5:
		l := a.List()
		for range rapid.IntRange(0, 4).Draw(t, "elements") {
			a.Append(l, anyValue(t, a, depth-1))
		}
		return l
	}
	o := a.Object()
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		a.Set(o, rapid.SampledFrom(texts).Draw(t, "key"), anyValue(t, a, depth-1))
	}
	return o
}

// result is what a call gives, as text. Its value is in a, if it has one.
func result(eval function.Eval, a *value.Arena, args []*value.Node) string {
	n, err := eval(a, args)
	if err != nil {
		if n != nil {
			return "a value and an error"
		}
		return "error: " + err.Error()
	}
	return string(value.AppendJSON(nil, n))
}

var _ = Describe("any function", func() {
	for _, f := range function.Table() {
		It("is total, pure and deterministic: "+f.Name, func() {
			rapid.Check(GinkgoTB(), func(t *rapid.T) {
				a := value.NewArena()
				count := rapid.IntRange(0, len(f.Params)+2).Draw(t, "count")
				args := make([]*value.Node, count)
				for i := range args {
					args[i] = anyValue(t, a, 3)
				}
				before := string(value.AppendJSON(nil, listOf(args)))
				first := result(f.Eval, a, args)
				if first == "a value and an error" {
					t.Fatal(first)
				}
				if message, failed := strings.CutPrefix(first, "error: "); failed && (!strings.HasPrefix(message, f.Name+": ") || len(message) < len(f.Name)+20) {
					t.Fatalf("an error without function or reason: %s", message)
				} else if !failed && !valid(first) {
					t.Fatalf("no JSON: %s", first)
				}
				if again := result(f.Eval, value.NewArena(), args); again != first {
					t.Fatalf("%s, then %s", first, again)
				}
				if after := string(value.AppendJSON(nil, listOf(args))); after != before {
					t.Fatalf("arguments changed from %s to %s", before, after)
				}
				if f.Prepare == nil {
					return
				}
				constants := make([]*value.Node, count)
				for i := range args {
					if rapid.Bool().Draw(t, "constant") {
						constants[i] = args[i]
					}
				}
				eval, err := f.Prepare(constants)
				if err != nil { // what is refused at load fails, or is not read, at run
					if first != "null" && first != "error: "+err.Error() && !strings.HasPrefix(first, "error: ") {
						t.Fatalf("refused at load: %v, but gives %s", err, first)
					}
					return
				}
				if prepared := result(eval, a, args); prepared != first {
					t.Fatalf("%s, prepared %s", first, prepared)
				}
			})
		})
	}

	It("gives null for null, but for those that say otherwise", func() {
		otherwise := map[string]string{
			"empty": "true", "glob": "error: glob: absent", "isEmail": "false", "kind": `"null"`, "merge": "{}",
		}
		for _, f := range function.Table() {
			want, ok := otherwise[f.Name]
			if !ok {
				want = "null"
			}
			for _, args := range [][]*value.Node{nil, {nil}, {value.NullNode()}} {
				Expect(result(f.Eval, value.NewArena(), args)).To(HavePrefix(want), f.Name)
			}
		}
	})
})

func listOf(args []*value.Node) *value.Node {
	a := value.NewArena()
	l := a.List()
	for _, n := range args {
		if n == nil {
			n = value.NullNode()
		}
		a.Append(l, a.Copy(n))
	}
	return l
}

func valid(text string) bool {
	_, err := value.Parse(value.NewArena(), []byte(text), value.Limits{Number: 2000, Depth: 100})
	return err == nil
}
