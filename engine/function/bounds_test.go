package function_test

import (
	"fmt"
	"math/big"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// run calls a function with texts.
func run(name string, texts ...string) string {
	a := value.NewArena()
	args := make([]*value.Node, len(texts))
	for i, s := range texts {
		args[i] = a.String(s)
	}
	return result(function.Lookup(name).Eval, a, args)
}

var _ = Describe("bounds", func() {
	long := strings.Repeat("x", 1000)
	huge := strings.Repeat("x", 1<<20)

	It("hold for texts that are put together", func() {
		const tooLong = "longer than 1048576 bytes"
		Expect(run("regexReplace", strings.Repeat("a", 2000), "a", long)).To(ContainSubstring(tooLong))
		Expect(run("regexReplace", huge, "$", "y")).To(ContainSubstring(tooLong))
		Expect(run("regexReplace", huge, "x", "$0")).To(ContainSubstring("more than 100000 matches"))
		Expect(run("regexReplace", huge, "^x", "y")).To(HavePrefix(`"yx`))
		Expect(run("split", huge+"x", ";")).To(ContainSubstring(tooLong))
		Expect(run("split", strings.Repeat(";", 100_000), ";")).To(ContainSubstring("more than 100000 parts"))
		Expect(run("split", strings.Repeat(";", 99_999), ";")).To(HavePrefix(`["",""`))

		a := value.NewArena()
		object, list, deep := a.Object(), a.List(), a.Object()
		a.Set(object, "a", a.String(huge))
		for range 2000 {
			a.Append(list, a.String(long))
		}
		at := deep
		for range 64 {
			at = a.Set(at, long, a.Object())
		}
		a.Set(at, "end", a.Int(1))
		render := function.Lookup("render").Eval
		Expect(result(render, a, []*value.Node{a.String("{{a}}{{a}}"), object})).To(ContainSubstring(tooLong))
		Expect(result(render, a, []*value.Node{a.String("{{a}}."), object})).To(ContainSubstring(tooLong))
		Expect(result(render, a, []*value.Node{a.String("{{a}}"), object})).To(HavePrefix(`"xx`))
		Expect(result(function.Lookup("joinText").Eval, a, []*value.Node{list, a.String(";")})).To(ContainSubstring(tooLong))
		Expect(result(function.Lookup("flatten").Eval, a, []*value.Node{deep})).To(ContainSubstring(tooLong))
	})

	It("hold for patterns", func() {
		Expect(run("regexReplace", "a", strings.Repeat("a", 1001), "")).To(ContainSubstring("at most 1000"))
		Expect(run("regexReplace", "a", strings.Repeat("a", 1000), "")).To(Equal(`"a"`))
		Expect(run("regexReplace", "a", "(a{1000}){1000}", "")).To(ContainSubstring("is no regular expression"))
		Expect(run("glob", "a", strings.Repeat("*", 1001))).To(ContainSubstring("at most 1000"))
		Expect(run("glob", strings.Repeat("a", 20_000), strings.Repeat("*a", 400)+"b")).To(Equal("false"))
	})
})

var _ = Describe("texts", func() {
	It("are matched by glob as by the regular expression that means the same", func() {
		rapid.Check(GinkgoTB(), func(t *rapid.T) {
			text := rapid.StringOfN(rapid.RuneFrom([]rune("abé")), 0, 8, -1).Draw(t, "text")
			pattern := rapid.StringOfN(rapid.RuneFrom([]rune("abé*?")), 0, 6, -1).Draw(t, "pattern")
			regex := "^" + strings.NewReplacer("*", ".*", "?", ".").Replace(pattern) + "$"
			want := fmt.Sprint(run("regexReplace", text, regex, "yes") == `"yes"`)
			if got := run("glob", text, pattern); got != want {
				t.Fatalf("glob(%q, %q) = %s", text, pattern, got)
			}
		})
	})

	It("take replacements by number and by name", func() {
		for _, c := range [][4]string{
			{"ab", "(?P<x>a)(b)?", "${x}1", `"a1"`},
			{"ab", "(?P<x>a)(b)?", "$21", `error`}, // two digits make a number
			{"ab", "(a)", "${1}1", `"a1b"`},
			{"a", "a", "$$1", `"$1"`},
			{"a", "a", "$", "error"},
			{"a", "a", "${", "error"},
			{"a", "a", "${}", "error"},
			{"a", "a", "${99999999999999999999}", "error"},
			{"ac", "(b)?c", "[$1]", `"a[]"`},
			{"", "^", "x", `"x"`},
		} {
			Expect(run("regexReplace", c[0], c[1], c[2])).To(HavePrefix(c[3]), c[2])
		}
	})

	It("are read at paths of data", func() {
		a := value.NewArena()
		from := parse(a, `{"a": {"b": [1, {"c": 2}]}, "x.y": {"]": 3}, "0": 4, "": 5}`)
		for path, want := range map[string]string{
			"a.b[1].c": "2", `["a"]["b"][1]["c"]`: "2", `['x.y']["]"]`: "3", "0": "4", "a.b.0": "1", `[""]`: "5",
			"a.b[2]": "null", "a.b[-1]": "null", "a..b": "null", "a.": "null", ".a": "null", "a[b]": "null", "[": "null", `["a`: "null",
			"a.b[0]c": "null", "a.b.01": `{"c":2}`,
		} {
			Expect(result(function.Lookup("get").Eval, a, []*value.Node{from, a.String(path)})).To(Equal(want), path)
		}
	})

	It("are rendered", func() {
		expectCall(`render("{{ a }}{{b||x}}{{c || }}{{}}.", {"a": {"k": [1]}, "b": ""})`, `"{\"k\":[1]}x."`)
		expectCall(`render("plain }}", null)`, `"plain }}"`)
		expectCall(`render("{{a}}", 5)`, `error: give an object`)
		expectCall(`render(5, {})`, `error: give text`)
	})

	It("that are addresses are told from others", func() {
		for text, want := range map[string]bool{
			"a@b.c": true, strings.Repeat("a", 64) + "@b.c": true, `"q"@b.co`: true, "δοκιμή@παράδειγμα.gr": true,
			strings.Repeat("a", 65) + "@b.c": false, strings.Repeat("é", 33) + "@b.c": false,
			"": false, "a": false, "@b.c": false, "a@b": false, "a@": false, "a@.": false, "a@.c": false, "a@b.": false, "a@b..c": false, "a@b@c.d": false,
			" a@b.c": false, "a@b.c ": false, "a b@c.d": false, "a@b.c\n": false, "a\u0085@b.c": false, "a\u00a0@b.c": false, "a\x00@b.c": false,
		} {
			Expect(run("isEmail", text)).To(Equal(fmt.Sprint(want)), text)
		}
	})

	It("are found in queries as browsers find them", func() {
		for url, want := range map[string]string{
			"https://h/?a=1": `"1"`, "?a": `""`, "?a=": `""`, "?=1&a=2": `"2"`, "?b=1&&a=x=y": `"x=y"`, "?%61=1": `"1"`, "?a=%C3%A9": `"é"`, "?a=%ff": `"` + "\ufffd" + `"`,
			"?a=%4": `"%4"`, "?a=%zz": `"%zz"`, "a=1": "null", "#?a=1": "null", "": "null", "?": "null",
		} {
			Expect(run("urlParam", url, "a")).To(Equal(want), url)
		}
	})
})

var _ = Describe("numbers", func() {
	It("are written plainly", func() {
		for literal, want := range map[string]string{
			"0": "0", "-0": "0", "-0.00": "0.00", "0e9": "0", "-0.0E-9": "0", "1.50": "1.50", "-1.50": "-1.50", "1e3": "1000", "1.5e3": "1500", "1.50e1": "15.0", "150e-2": "1.50",
			"12e-1": "1.2", "12e-2": "0.12", "12e-4": "0.0012", "0.012e1": "0.12", "0.012e2": "1.2", "0.012e3": "12", "0.012e4": "120", "1E+2": "100", "1e0": "1", "1e-0": "1",
		} {
			expectCall("text("+literal+")", `"`+want+`"`)
			expectCall("decimal("+literal+")", want)
		}
		expectCall("text(1e-1001)", "error: too many digits")
		expectCall("text(1e-99999999999999999999)", "error: too many digits")
	})

	It("are taken from text that is a plain decimal only", func() {
		for text, want := range map[string]string{
			"0": "0", "-0": "0", "-0.0": "0.0", "007.10": "7.10", ".5": "0.5", "-.5": "-0.5", "5.": "5", "+1": "1", "\t1 ": "1", "123456789012345678901234567890": "123456789012345678901234567890",
		} {
			Expect(run("decimal", text)).To(Equal(want), text)
		}
		for _, text := range []string{"", " ", ".", "-", "+", "-.", "1e3", "0x10", "1_000", "1,5", "1 2", "--1", "١", "NaN", "Infinity", "1.2.3", strings.Repeat("9", 310)} {
			Expect(run("decimal", text)).To(ContainSubstring("is no plain decimal number"), text)
			Expect(run("round", text)).To(ContainSubstring("is no plain decimal number"), text)
		}
	})

	It("are rounded as exact decimals", func() {
		expectCall("round(-0.4)", "0")
		expectCall("round(999.995, 2)", "1000")
		expectCall("round(1e21, 2)", "1000000000000000000000")
		expectCall("round(1.25, 1)", "1.3")
		expectCall("round(1, 21)", "error: from 0 to 20")
		expectCall("round(1, 1.5)", "error: whole number")
		expectCall("round(true)", "error: is no plain decimal")
		rapid.Check(GinkgoTB(), func(t *rapid.T) {
			digits := rapid.Int64().Draw(t, "digits")
			scale := rapid.IntRange(0, 12).Draw(t, "scale")
			places := rapid.IntRange(0, 12).Draw(t, "places")
			exact, _ := new(big.Rat).SetString(fmt.Sprintf("%de-%d", digits, scale))
			a := value.NewArena()
			got := result(function.Lookup("round").Eval, a, []*value.Node{a.Number(fmt.Sprintf("%de-%d", digits, scale)), a.Int(int64(places))})
			want := exact.FloatString(places) // halves away from zero
			if strings.Contains(want, ".") {
				want = strings.TrimRight(strings.TrimRight(want, "0"), ".")
			}
			if want == "-0" {
				want = "0"
			}
			if got != want {
				t.Fatalf("round(%de-%d, %d) = %s, want %s", digits, scale, places, got, want)
			}
		})
	})
})
