package expression_test

import (
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/growth"
)

// hostile is an event of about a megabyte: a long list, a long text, a list of lists.
var hostile = func() *value.Node {
	long := strings.Repeat("a", 300_000)
	return parse(`{"tags": [` + strings.Repeat("1,", 50_000) + `2], "traits": {"text": "` + long + `", "half": "` + long[:150_000] + `b"},
		"items": [` + strings.TrimSuffix(strings.Repeat(`["`+long[:1000]+`", {"a": [1]}],`, 200), ",") + `], "n": [` + strings.TrimSuffix(strings.Repeat("[[[[[[[[1]]]]]]]],", 4000), ",") + `]}`)
}()

// Under the race detector everything takes ten times as long: make race leaves out what is labelled time.
var _ = Describe("limits", Label("time"), func() {
	DescribeTable("keep messages short, whatever the event holds", func(text string) {
		for _, options := range []expression.Options{{}, {CEL: true}} {
			p := compile(text, options)
			_, err := p.Eval(newFrame(hostile, options))
			Expect(err).To(HaveOccurred())
			Expect(len(err.Error())).To(BeNumerically("<", 1500))
		}
	},
		Entry("of CEL's conversions", `timestamp(traits.text)`),
		Entry("of CEL's conversions to numbers", `int(traits.text)`),
		Entry("of functions of the table", `decimal(traits.text)`),
		Entry("of comparisons", `traits.text < 5`),
	)
	// A step is worth about the same time everywhere: no expression may take far
	// longer to spend its budget than plain loops do.
	DescribeTable("stop an expression soon", func(text string) {
		loops := func() {
			_, err := compile(`first(tags, a, first(tags, b, b == 3) == 3)`, expression.Options{}).Eval(newFrame(hostile, expression.Options{}))
			Expect(err).To(HaveOccurred())
		}
		for _, options := range []expression.Options{{}, {CEL: true}} {
			p := compile(text, options)
			var err error
			ratio := growth.Ratio(func() { _, err = p.Eval(newFrame(hostile, options)) }, loops)
			GinkgoWriter.Printf("%.0f times as long as loops (CEL: %v)\n", ratio, options.CEL)
			Expect(ratio).To(BeNumerically("<", 1000), "%s (CEL: %v) %v", text, options.CEL, err)
			Expect(err).To(HaveOccurred(), "%s (CEL: %v)", text, options.CEL)
		}
	},
		Entry("nested comprehensions", `tags.map(a, tags.map(b, tags.map(c, a)))`),
		Entry("nested comprehensions over two variables", `tags.all(i, a, tags.all(j, b, i < 0 || j < 0 || i >= 0))`),
		Entry("comprehensions that fail inside ||", `tags.exists(a, tags.map(b, b).map(b, b).size() == 0 || false)`),
		Entry("nested first", `first(tags, a, first(tags, b, b == 3) == 3)`),
		Entry("first in comprehensions", `tags.map(a, first(tags, b, b == 3 && a == 1))`),
		Entry("in", `tags.all(a, !("x" in tags))`),
		Entry("in of a native first", `first(tags, a, "x" in tags)`),
		Entry("in of lists", `first(tags, a, [a] in n)`),
		Entry("equality", `first(tags, a, tags != tags)`),
		Entry("equality in CEL", `tags.exists(a, tags.map(x, x) != tags)`),
		Entry("far elements", `first(tags, a, tags[49999] == 5)`),
		Entry("far elements by a computed index", `first(tags, a, tags[size(tags) - 2] == 5)`),
		Entry("distinct", `n.distinct() == tags.transformList(i, t, i).distinct()`),
		Entry("sets", `sets.equivalent(tags.transformList(i, t, i), tags.transformList(i, t, -i))`),
		Entry("replace", `traits.text.replace("a", traits.text)`),
		Entry("replace again", `first(tags, t, traits.text.replace("a", "aa") == "")`),
		Entry("join", `items.map(i, traits.text).join("")`),
		Entry("texts that double", `plus(plus(traits.text, traits.text), plus(traits.text, traits.text))`),
		Entry("lists that double", `["a"]`+strings.Repeat(`.map(x, [x, x])`, 60)+` == tags.map(x, x)`),
		Entry("lists that double by +", `[[1]]`+strings.Repeat(`.map(x, x + x)`, 60)),
		Entry("patterns", `first(tags, t, traits.text.matches("(a|aa|aaa)*c"))`),
		Entry("patterns from the event", `"a".matches(traits.text)`),
		Entry("many patterns from the event", `first(tags, t, "a".matches("(a{50}){20}" + text(t)))`),
		Entry("CEL's functions of texts", `tags.map(t, traits.text.upperAscii())`),
		Entry("CEL's functions of lists", `tags.all(t, tags.reverse() != null)`),
		Entry("functions of the table", `first(tags, t, upper(traits.text) == "")`),
		Entry("functions of the table in CEL", `tags.map(t, upper(traits.text))`),
		Entry("starts and ends", `first(tags, t, traits.text.contains(traits.half))`),
		Entry("texts in order", `first(tags, t, traits.text < traits.text)`),
		Entry("sizes of texts", `first(tags, t, size(traits.text) == 1)`),
		Entry("sorting", `tags.all(t, tags.sort() == null || true) ? 1 / (1 - 1) : 1`),
		Entry("leaves in leaves", `tags.map(t, tags.map(u, u)[0])`),
		Entry("leaves in first", `first(tags, t, tags.exists(u, u + t == 0))`),
	)

	DescribeTable("refuse at load what can never be worked out, at its loop", func(text, loop, message string) {
		found := problems(text, expression.Anything)
		Expect(found).To(HaveLen(1))
		Expect(text[found[0].From:found[0].To]).To(Equal(loop))
		Expect(found[0].Message).To(HavePrefix(message))
	},
		Entry("long ranges", `lists.range(1000000000)`, `lists.range(1000000000)`, "this takes at least 250,000,000 steps for each event, and an event may take 100,000"),
		Entry("ranges within each other", `size(lists.range(1000).map(x, lists.range(1000).map(y, x * y))) > 1`, `lists.range(1000).map(x, lists.range(1000).map(y, x * y))`, "this takes at least 3,"),
		Entry("lists that are written out", `[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, [1,2,3,4,5,6,7,8,9,10].map(d, [1,2,3,4,5,6,7,8,9,10].map(e, a)))))`, `[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, [1,2,3,4,5,6,7,8,9,10].map(d, [1,2,3,4,5,6,7,8,9,10].map(e, a)))))`, "this takes at least"),
		Entry("loops over data within each other", `n == 1 || tags.map(a, items.map(b, tags.map(c, items.filter(d, d == c)))) == n`, `tags.map(a, items.map(b, tags.map(c, items.filter(d, d == c))))`, "with 20 elements in each list this takes about 543,"),
		Entry("first in loops", `first(tags, a, first(tags, b, first(tags, c, first(tags, d, d == a && c == b) == b) == a) == n)`, `first(tags, a, first(tags, b, first(tags, c, first(tags, d, d == a && c == b) == b) == a) == n)`, "with 20 elements"),
		Entry("functions that loop, in loops", `tags.map(a, tags.map(b, tags.map(c, ids(items, c))))`, `tags.map(a, tags.map(b, tags.map(c, ids(items, c))))`, "with 20 elements"),
	)
	DescribeTable("do not refuse at load what data may stop early or make short", func(text string) {
		compile(text, expression.Options{})
	},
		Entry(nil, `tags.map(a, items.map(b, tags.map(c, a)))`), Entry(nil, `lists.range(10000).exists(x, x == n)`),
		Entry(nil, `n == 1 ? lists.range(5000).map(x, x) : []`), Entry(nil, `tags.filter(a, a == 1).map(b, lists.range(500).map(c, c + b))`),
	)

	It("share one budget among all expressions of an event", func() {
		p := compile(`first(tags, t, t == 2)`, expression.Options{})
		f := newFrame(hostile, expression.Options{})
		f.Steps = 75_000
		_, err := p.Eval(f)
		Expect(err).NotTo(HaveOccurred())
		_, err = p.Eval(f)
		Expect(err).To(MatchError(ContainSubstring("too many steps")))
		f.Steps = 75_000
		_, err = p.Eval(f)
		Expect(err).NotTo(HaveOccurred())
	})

	It("bound one evaluation by CEL, and leave the rest of the budget", func() {
		options := expression.Options{Cost: 20}
		f := newFrame(parsed, options)
		_, err := compile(`tags.map(t, tags.map(u, tags.map(v, v)))`, options).Eval(f)
		Expect(err).To(MatchError(ContainSubstring("too many steps")))
		f = newFrame(parsed, options)
		for range 100 {
			_, err := compile(`tags.map(t, t + "!")`, options).Eval(f)
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(f.Steps).To(BeNumerically("~", expression.DefaultSteps-1200, 300))
	})

	It("bound functions within functions", func() {
		s := newScope(expression.Options{})
		for i, name := range deepNames {
			body := "x"
			if i > 0 {
				body = deepNames[i-1] + "(x)"
			}
			f, found := expression.CompileFunction(name, []string{"x"}, body, arguments{s}, expression.Options{})
			Expect(found).To(BeEmpty())
			s.functions[name] = f
		}
		for depth, ok := range map[int]bool{31: true, 32: false} {
			p, found := expression.Compile(deepNames[depth]+"(1)", s, expression.Anything, expression.Options{})
			Expect(found).To(BeEmpty())
			f := newFrame(parsed, expression.Options{})
			_, err := p.Eval(f)
			if ok {
				Expect(err).NotTo(HaveOccurred())
			} else {
				Expect(err).To(MatchError(ContainSubstring("too many steps")))
			}
			Expect(compile(`plus(1, 2)`, expression.Options{}).Eval(f)).NotTo(BeNil()) // the frame is as before
		}
	})

	It("bound the text of an expression and how deep it goes", func() {
		for _, text := range []string{
			strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200),
			strings.Repeat("[", 200) + "1" + strings.Repeat("]", 200),
			strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200),
			strings.Repeat("!", 4000) + "true",
			strings.Repeat("lower(", 200) + "tags" + strings.Repeat(")", 200),
			strings.Repeat("tags.map(t, ", 200) + "1" + strings.Repeat(")", 200),
		} {
			_, found := expression.Compile(text, newScope(expression.Options{}), expression.Anything, expression.Options{})
			for _, p := range found {
				Expect(p.To).To(BeNumerically("<=", len(text)))
			}
		}
	})

	// As long as a plain expression of the same length, give or take what the parser does.
	DescribeTable("keep compiling fast", func(text string) {
		compiling := func(text string, options expression.Options) func() {
			return func() {
				expression.Compile(text[:min(len(text), 4096)], newScope(options), expression.Anything, options)
			}
		}
		plain := compiling("n == 1"+strings.Repeat(" && n == 1", 400), expression.Options{})
		for _, options := range []expression.Options{{}, {CEL: true}} {
			ratio := growth.Ratio(compiling(text, options), plain)
			GinkgoWriter.Printf("%.1f times as long as a plain one (CEL: %v)\n", ratio, options.CEL)
			Expect(ratio).To(BeNumerically("<", 100))
		}
	},
		Entry("a long sum", "1"+strings.Repeat("+n", 2000)),
		Entry("a long sum of ü", `"ü"`+strings.Repeat(`+"ü"`, 800)),
		Entry("a long disjunction", "n"+strings.Repeat("||n", 1300)),
		Entry("a long list", "["+strings.Repeat("n,", 2000)+"n]"),
		Entry("a long path", "n"+strings.Repeat(".n", 2000)),
		Entry("objects with computed keys within each other", strings.Repeat(`{"a":1,"b"+"c":`, 30)+"1"+strings.Repeat("}", 30)),
		Entry("comparisons within each other", strings.Repeat("(", 30)+`timestamp("2024-01-01T00:00:00Z") `+strings.Repeat("< n) ", 30)),
		Entry("conditionals within each other", strings.Repeat("n?1:", 900)+"1"),
		Entry("comprehensions within each other", strings.Repeat("n.map(a, ", 20)+"1"+strings.Repeat(")", 20)),
		Entry("unknown names", strings.Repeat("x1+", 1000)+"x"),
	)
})

var deepNames = func() (out []string) {
	for i := range 40 {
		out = append(out, "deep"+strings.Repeat("r", i))
	}
	return out
}()

// allocations counts the allocations of an expression that has run before.
func allocations(text string) float64 {
	p := compile(text, expression.Options{})
	f := newFrame(parsed, expression.Options{})
	return testing.AllocsPerRun(200, func() {
		f.Arena.Reset()
		f.Steps = expression.DefaultSteps
		if _, err := p.Eval(f); err != nil {
			panic(err)
		}
	})
}

var _ = DescribeTable("the native form does not allocate", func(text string) {
	Expect(allocations(text)).To(BeZero())
},
	Entry(nil, `traits.email`), Entry(nil, `tags[1]`), Entry(nil, `traits[tags[0]]`), Entry(nil, `traits.name == "x" && traits.b != null`),
	Entry(nil, `traits.age > 18 || traits.a < 2`), Entry(nil, `has(traits.none)`), Entry(nil, `"b" in tags`), Entry(nil, `traits.ok ? tags : none`),
	Entry(nil, `first(context.ids, i, i.type == "hs").id`), Entry(nil, `size(traits.name) == 3`), Entry(nil, `size(tags)`),
	Entry(nil, `text(traits.email)`), Entry(nil, `lower("abc")`), Entry(nil, `empty(traits.none)`), Entry(nil, `pick1(context.ids, "hs").id`),
	Entry(nil, `orElse(none, orElse(none, "x"))`), Entry(nil, `{"a": tags, "b": [1, n]}`), Entry(nil, `computed`),
	Entry(nil, `traits.email.startsWith("Ada") && traits.email.contains("@") && traits.email.matches("@example")`), Entry(nil, `sets.contains(tags, ["a"])`),
)

func benchmark(b *testing.B, text string) {
	p, found := expression.Compile(text, newScope(expression.Options{}), expression.Anything, expression.Options{})
	if len(found) > 0 {
		b.Fatal(found)
	}
	f := newFrame(parsed, expression.Options{})
	b.ReportAllocs()
	for b.Loop() {
		f.Arena.Reset()
		f.Steps = expression.DefaultSteps
		if _, err := p.Eval(f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPath(b *testing.B)      { benchmark(b, `context.deep.er.est`) }
func BenchmarkCondition(b *testing.B) { benchmark(b, `traits.name == "Äda" && traits.email != null`) }
func BenchmarkCall(b *testing.B)      { benchmark(b, `text(traits.email)`) }
func BenchmarkFunction(b *testing.B)  { benchmark(b, `orElse(traits.none, traits.email)`) }
func BenchmarkFirst(b *testing.B)     { benchmark(b, `first(context.ids, i, i.type == "hs").id`) }
func BenchmarkMethod(b *testing.B)    { benchmark(b, `traits.email.matches("^[^@]+@")`) }
func BenchmarkLeaf(b *testing.B)      { benchmark(b, `traits.a + 1`) }
func BenchmarkLeafMap(b *testing.B)   { benchmark(b, `tags.map(t, t + "!")`) }

func BenchmarkCompile(b *testing.B) {
	s := newScope(expression.Options{})
	for _, c := range []struct{ name, text string }{{"native", `traits.name == "Äda" && traits.email != null`}, {"leaf", `tags.map(t, t + "!")`}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				expression.Compile(c.text, s, expression.Anything, expression.Options{})
			}
		})
	}
}
