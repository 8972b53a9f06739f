package expression_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/expression"
)

// mark returns the text with the place of a problem in ‹›.
func mark(text string, p expression.Problem) string {
	return text[:p.From] + "‹" + text[p.From:p.To] + "›" + text[p.To:]
}

var _ = Describe("problems", func() {
	DescribeTable("have a code, a place and a remedy", func(marked, code, part string) {
		text := strings.NewReplacer("‹", "", "›", "").Replace(marked)
		found := problems(text, expression.Anything)
		Expect(found).To(HaveLen(1), "%v", found)
		Expect(mark(text, found[0])).To(Equal(marked))
		Expect(found[0].Code).To(Equal(code))
		Expect(found[0].Message + "; " + found[0].Help).To(ContainSubstring(part))
	},
		Entry(nil, `‹trait›.email`, "unknown-name", "did you mean traits?"),
		Entry(nil, `traits.x == ‹trait›.email`, "unknown-name", "did you mean traits?"),
		Entry(nil, `"äöü" + traits["ä"] + ‹tagz›[0]`, "unknown-name", "did you mean tags?"),
		Entry(nil, "traits.ok &&\n  \"ü\" == ‹zzzzzz› // why", "unknown-name", "nothing here is called zzzzzz"),
		Entry(nil, `tags.map(t, ‹u›)`, "unknown-name", "nothing here is called u"),
		Entry(nil, `tags.map(t, t + ‹tt›)`, "unknown-name", ""),
		Entry(nil, `first(tags, t, ‹tagz› == t)`, "unknown-name", "did you mean tags?"),
		Entry(nil, `first(tags, t, true) == ‹t›`, "unknown-name", ""),
		Entry(nil, `tags.map(t, first(tags, u, u == ‹uu›))`, "unknown-name", ""),

		Entry(nil, `‹lowr›(traits.email)`, "unknown-function", "did you mean lower(…)?"),
		Entry(nil, `1 + ‹lowr›( traits.email ) + 2`, "unknown-function", "lower"),
		Entry(nil, `tags.map(t, ‹lowr›(t))`, "unknown-function", "lower"),
		Entry(nil, `traits.email.‹startWith›("a")`, "unknown-function", `write traits.email.startsWith("a")`),
		Entry(nil, `traits.email.‹lower›()`, "unknown-function", "lower(traits.email)"),
		Entry(nil, `‹type›(traits)`, "unknown-function", "kind(traits)"),
		Entry(nil, `"%s".‹format›([1])`, "unknown-function", "round"),
		Entry(nil, `sets.‹nothing›(tags)`, "unknown-function", ""),

		Entry(nil, `[1, ‹lower()›]`, "wrong-arguments", "lower(x)"),
		Entry(nil, `[1, ‹lower("a", "b")›]`, "wrong-arguments", "lower is called with 2 arguments"),
		Entry(nil, `tags.map(t, ‹lower(t, t)›)`, "wrong-arguments", "lower("),
		Entry(nil, `‹plus(1)›`, "wrong-arguments", "plus(x, y)"),
		Entry(nil, `tags.map(t, ‹plus(t)›)`, "wrong-arguments", "plus(x, y)"),
		Entry(nil, `‹traits.email.contains()›`, "wrong-arguments", "contains"),
		Entry(nil, `‹first(tags, 1, true)›`, "wrong-arguments", "first(list, name, condition)"),
		Entry(nil, `tags.map(t, ‹first(tags, u)›)`, "wrong-arguments", "first(list, name, condition)"),
		Entry(nil, `‹has(1)›`, "bad-has", "has(traits.email)"),
		Entry(nil, `tags.map(t, ‹has(t)›)`, "bad-has", "has(traits.email)"),
		Entry(nil, `‹has(lower(traits.email))›`, "bad-has", ""),

		Entry(nil, `tags.map(‹tags›, 1)`, "shadowed-name", "tags"),
		Entry(nil, `tags.all(i, ‹traits›, true)`, "shadowed-name", "traits"),
		Entry(nil, `tags.transformList(‹n›, v, v)`, "shadowed-name", ""),
		Entry(nil, `tags.map(t, tags.map(‹t›, t))`, "shadowed-name", ""),
		Entry(nil, `first(tags, ‹traits›, true)`, "shadowed-name", ""),
		Entry(nil, `first(tags, t, first(tags, ‹t›, true) == t)`, "shadowed-name", ""),
		Entry(nil, `first(tags, t, tags.exists(‹t›, true))`, "shadowed-name", ""),
		Entry(nil, `tags.map(t, first(tags, ‹t›, true) == t)`, "shadowed-name", ""),
		Entry(nil, `traits.?a.optMap(‹tags›, 1)`, "shadowed-name", ""),
		Entry(nil, `tags.sortBy(‹tags›, 1)`, "shadowed-name", ""),

		Entry(nil, `regexReplace(traits.email, ‹"(["›, "")`, "bad-argument", "regexReplace"),
		Entry(nil, `tags.map(t, regexReplace(t, ‹"(["›, ""))`, "bad-argument", "regexReplace"),
		Entry(nil, `traits.email.matches(‹"(["›)`, "bad-argument", "no regular expression"),
		Entry(nil, `tags.map(t, t.matches(‹"a{1001}"›))`, "bad-argument", "no regular expression"),
		Entry(nil, `traits.email.matches(‹"`+strings.Repeat("a", 1001)+`"›)`, "bad-argument", "1001 bytes"),
		Entry(nil, `‹int("x")›`, "bad-expression", ""),
		Entry(nil, `‹timestamp("2024-01-02")›`, "bad-expression", "2024-01-02"),
		Entry(nil, `{‹1›: 2}`, "bad-key", "put the key in quotes"),
		Entry(nil, `tags.map(t, {‹1›: t})`, "bad-key", "put the key in quotes"),
		Entry(nil, `‹ ›`, "empty-expression", ""),
		Entry(nil, "‹"+strings.Repeat(" ", 4096)+"1›", "expression-too-long", "4097"),
		Entry(nil, `‹"Order " + 5›`, "bad-argument", `write "Order " + text(5)`),
		Entry(nil, `traits.a ‹===› 1`, "wrong-operator", "write traits.a == 1"),
		Entry(nil, `1 ‹+› )`, "missing-operand", "nothing follows +"),
	)

	It("reports several mistakes at once", func() {
		Expect(problems(`trait.a == tagz[0] && lowr(nope)`, expression.Anything)).To(HaveLen(3))
	})

	It("knows syntax errors by their place, in any line", func() {
		for _, text := range []string{`"abc`, `a b`, "traits.x\n ==== 1", `traits.`, `(1`, `[1,`, `{"a" 1}`, `"ä" ö "ü"`, `#`, `traits.email = "x"`, `x and y`, "\"é\n\"", `'\q'`, "a\x00b", "\xff\xfe", `@frame`, `@native(0)`, `99999999999999999999`, `tags.map(1, 2)`, `tags.map(t)`, `tags.transformMap(k, k, v)`} {
			problems(text, expression.Anything)
		}
	})

	DescribeTable("conditions have to be true or false", func(text, part string) {
		found := problems(text, expression.Condition)
		Expect(found[0].Code).To(Equal("not-a-condition"))
		Expect(found[0].Message).To(ContainSubstring(part))
	},
		Entry(nil, `"text"`, `always text "text"`),
		Entry(nil, `null`, `always null`),
		Entry(nil, `[tags]`, `a list`),
		Entry(nil, `{"a": tags}`, `an object`),
		Entry(nil, `size(tags)`, `a number`),
		Entry(nil, `tags.map(t, t)`, `list`),
		Entry(nil, `"a" + traits.name`, `text`),
		Entry(nil, `timestamp(traits.name)`, `instant`),
	)

	DescribeTable("conditions", func(text string) {
		_, found := expression.Compile(text, newScope(expression.Options{}), expression.Condition, expression.Options{})
		Expect(found).To(BeEmpty())
	},
		Entry(nil, `true`), Entry(nil, `traits.ok`), Entry(nil, `plus(1, 2)`), Entry(nil, `tags.exists(t, true)`), Entry(nil, `has(n)`),
		Entry(nil, `traits.ok ? true : traits.no`), Entry(nil, `traits.name.startsWith("a")`),
	)
})

var _ = Describe("programs", func() {
	DescribeTable("that are paths say so", func(text string, name string, path string) {
		p := compile(text, expression.Options{})
		slot, steps, ok := p.Path()
		Expect(ok).To(BeTrue())
		Expect(names[slot]).To(Equal(name))
		Expect(steps.String()).To(Equal(path))
		Expect(p.Slots()).To(Equal([]int{slot}))
	},
		Entry(nil, `traits`, "traits", ""),
		Entry(nil, `traits.a.b`, "traits", "a.b"),
		Entry(nil, `traits["a b"][0].c`, "traits", `["a b"][0].c`),
		Entry(nil, `(traits["a"]).b`, "traits", `a.b`),
	)

	It("that are no paths or constants say so", func() {
		for _, text := range []string{`traits[tags[0]]`, `1`, `tags[0 - 1]`, `traits.a == 1`, `tags[1.5]`} {
			_, _, ok := compile(text, expression.Options{}).Path()
			Expect(ok).To(BeFalse(), text)
		}
		for text, constant := range map[string]bool{`1`: true, `[1, {"a": null}]`: true, `lower("A")`: true, `traits`: false, `[tags]`: false} {
			_, ok := compile(text, expression.Options{}).Constant()
			Expect(ok).To(Equal(constant), text)
		}
	})

	It("list the names they read once, in functions of any form", func() {
		slots := compile(`tags.map(t, first(context.ids, i, i.id == t && has(traits.a))) == [n, tags]`, expression.Options{}).Slots()
		var read []string
		for _, s := range slots {
			read = append(read, names[s])
		}
		Expect(read).To(ConsistOf("tags", "context", "traits", "n"))
	})
})
