package expression_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/expression"
)

// jargon are words of parsers, which no rule author knows.
const jargon = `(?i)\b(dyn|overload|token|mismatched|extraneous|viable|eof|antlr|undeclared)\b|IDENTIFIER|%!`

var _ = Describe("words of other languages", func() {
	It("have remedies that compile", func() {
		for name := range expression.Synonyms {
			text := name + `(traits.email, traits.a, traits.b)`
			_, found := expression.Compile(text, newScope(expression.Options{}), expression.Anything, expression.Options{})
			if len(found) == 0 { // it is a function here too
				continue
			}
			remedy, ok := strings.CutPrefix(found[0].Help, "write ")
			if !ok || strings.Contains(remedy, "…") || found[0].Code != "unknown-function" {
				continue
			}
			remedy, _, _ = strings.Cut(remedy, "; ") // what has no place there
			_, left := expression.Compile(remedy, newScope(expression.Options{}), expression.Anything, expression.Options{})
			for _, p := range left {
				Expect(p.Code).NotTo(BeElementOf("unknown-function", "bad-expression", "missing-operator", "wrong-bracket", "wrong-arguments"), "%s: %s", text, remedy)
			}
		}
	})

	It("lose no argument", func() {
		for name := range expression.Synonyms {
			for n := 1; n <= 4; n++ {
				args := []string{"traits.one", "traits.two", "traits.three", "traits.four"}[:n]
				_, found := expression.Compile(name+"("+strings.Join(args, ", ")+")", newScope(expression.Options{}), expression.Anything, expression.Options{})
				if len(found) == 0 || found[0].Code != "unknown-function" || strings.Contains(found[0].Help, "…") || strings.HasPrefix(found[0].Help, "its form is") || strings.HasPrefix(found[0].Help, "did you") {
					continue
				}
				if !strings.Contains(found[0].Help, "traits.one") { // a long remedy is shown by its form
					Expect(found[0].Help).NotTo(ContainSubstring("traits."), name)
					continue
				}
				for _, arg := range args {
					Expect(found[0].Help).To(ContainSubstring(arg), name)
				}
			}
		}
	})

	It("never confuse, whatever is written", func() {
		pieces := []string{"traits", ".", "email", "first-name", "and", "or", "not", "is", "null", "in", "contains", "if", "then", "else", "=", "==", "===", "=>", "<>", "&", "&&", "|", "||", "!", "?", ":", "??", "?.",
			"(", ")", "[", "]", "{", "}", ",", ";", "1", "007", "1_000", "2024-01-01", "10%", ".5", "0", "\"a\"", "'b'", "\"", "'", "`", "“", "$", "${", "#", "@", "\\", "lower", "len", "tags", "map", "+", "-", "--", "*", "**", "/", "//", "..", "ö", "（", "\u00a0", "\n", "like", "between", "new", "for", "true", "True"}
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			list := rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 12).Draw(t, "pieces")
			text := strings.Join(list, rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
			_, found := expression.Compile(text, newScope(expression.Options{}), expression.Anything, expression.Options{})
			for _, p := range found {
				if p.From < 0 || p.To < p.From || p.To > len(text) {
					t.Fatalf("%q: the place %d to %d lies outside", text, p.From, p.To)
				}
				if p.Message == "" || p.Code == "" {
					t.Fatalf("%q: nothing is said", text)
				}
				if ok, _ := MatchRegexp(jargon).Match(strings.ReplaceAll(p.Message+p.Help, text, "")); ok {
					t.Fatalf("%q: %s; %s", text, p.Message, p.Help)
				}
			}
		})
	})
})
