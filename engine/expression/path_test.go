package expression_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/value"
)

var _ = Describe("paths", func() {
	DescribeTable("are read", func(text string, path expression.Path) {
		got, problem := expression.ParsePath(text)
		Expect(problem).To(BeNil())
		Expect(got).To(Equal(path))
	},
		Entry(nil, `a`, expression.Path{{Name: "a"}}),
		Entry(nil, `a.b_c.ä1`, expression.Path{{Name: "a"}, {Name: "b_c"}, {Name: "ä1"}}),
		Entry(nil, `a[0][12].b`, expression.Path{{Name: "a"}, {Index: 0, IsIndex: true}, {Index: 12, IsIndex: true}, {Name: "b"}}),
		Entry(nil, `["Sign up"].at`, expression.Path{{Name: "Sign up"}, {Name: "at"}}),
		Entry(nil, `a['it\'s "so"']`, expression.Path{{Name: "a"}, {Name: `it's "so"`}}),
		Entry(nil, `a["\"\\\u00e4\n"]`, expression.Path{{Name: "a"}, {Name: "\"\\ä\n"}}),
		Entry(nil, `a[""]`, expression.Path{{Name: "a"}, {Name: ""}}),
		Entry(nil, `true.in`, expression.Path{{Name: "true"}, {Name: "in"}}),
	)

	DescribeTable("that are none", func(text string) {
		_, problem := expression.ParsePath(text)
		Expect(problem).NotTo(BeNil())
		Expect(problem.Code).To(Equal("bad-path"))
		Expect(problem.From).To(BeNumerically("<=", problem.To))
		Expect(problem.To).To(BeNumerically("<=", len(text)))
		Expect(problem.Help).NotTo(BeEmpty())
	},
		Entry(nil, ``), Entry(nil, `.a`), Entry(nil, `a.`), Entry(nil, `a..b`), Entry(nil, `a b`), Entry(nil, `a-b`), Entry(nil, `1a`), Entry(nil, `a[`), Entry(nil, `a[b]`),
		Entry(nil, `a[-1]`), Entry(nil, `a["x]`), Entry(nil, `a["x"`), Entry(nil, `a["\`), Entry(nil, `a["\q"]`), Entry(nil, `a["x"]b`), Entry(nil, `a[99999999]`), Entry(nil, `lower(a)`), Entry(nil, ` a`),
	)

	It("find what is there, and nothing else", func() {
		doc := parse(`{"a": [{"b": null}, 1], "": 2}`)
		for text, want := range map[string]string{`a[0]`: `{"b":null}`, `a[0].b`: `null`, `[""]`: `2`, `a[1]`: `1`} {
			p, problem := expression.ParsePath(text)
			Expect(problem).To(BeNil())
			Expect(p.Walk(doc)).NotTo(BeNil(), text)
			Expect(string(value.AppendJSON(nil, p.Walk(doc)))).To(Equal(want), text)
		}
		for _, text := range []string{`a[2]`, `a.b`, `a[0].c.d`, `a[1].b`, `b`} {
			p, _ := expression.ParsePath(text)
			Expect(p.Walk(doc)).To(BeNil(), text)
		}
	})
})

// TestPathText: what a path is written as is read as the same path, by
// ParsePath.
func TestPathText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) expression.Step {
			if rapid.Bool().Draw(t, "index") {
				return expression.Step{Index: rapid.IntRange(0, 1000).Draw(t, "at"), IsIndex: true}
			}
			return expression.Step{Name: rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z_]{1,3}`)).Draw(t, "name")}
		}), 1, 5).Draw(t, "path")
		path := expression.Path(steps)
		again, problem := expression.ParsePath(path.String())
		if problem != nil {
			t.Fatalf("%s: %s", path, problem.Message)
		}
		if again.String() != path.String() || len(again) != len(path) {
			t.Fatalf("%s is read as %s", path, again)
		}
		for i := range path {
			if again[i] != path[i] {
				t.Fatalf("%s is read as %s", path, again)
			}
		}
	})
}

// FuzzPath reads any text as a path.
func FuzzPath(f *testing.F) {
	for _, s := range []string{`a.b[0]["c d"]`, `['\'']`, `a["`, `a[1`, `ä.ö`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, problem := expression.ParsePath(text)
		if problem != nil {
			if problem.From < 0 || problem.From > problem.To || problem.To > len(text) {
				t.Fatalf("a place outside the text: %+v", problem)
			}
			return
		}
		if again, problem := expression.ParsePath(p.String()); problem != nil || again.String() != p.String() {
			t.Fatalf("%q is written %q", text, p.String())
		}
	})
}
