package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/growth"
	"github.com/celmap/celmap/internal/report"
)

// at returns a finding about the first occurrence of a text in a file.
func at(file, text string) source.Diagnostic {
	f := source.NewFile("rules/a.yaml", []byte(file))
	i := strings.Index(file, text)
	return source.Diagnostic{Code: "some-code", Span: f.Span(i, i+len(text)), Summary: "wrong"}
}

func text(d ...source.Diagnostic) string {
	GinkgoHelper()
	var b bytes.Buffer
	Expect(report.Text(&b, d, report.Palette{})).To(Succeed())
	return b.String()
}

var _ = Describe("Text", func() {
	It("shows the place, the line, a caret, the detail and the help", func() {
		d := at("a: 1\nwhen: emial != null\n", "emial")
		d.Summary, d.Detail, d.Help = "nothing here is called emial", "known: email\nand name", "did you mean email?\nSee the guide."
		Expect(text(d)).To(Equal(`rules/a.yaml:2:7: error[some-code]: nothing here is called emial
  2 | when: emial != null
    |       ^^^^^
    = known: email
    = and name
  help: did you mean email?
        See the guide.
`))
	})

	It("shows the number of a code, and where it is explained", func() {
		one, two := source.Diagnostic{Code: "unknown-name", Summary: "s"}, source.Diagnostic{Code: "unknown-key", Summary: "s"}
		Expect(text(one)).To(Equal("error[R301 unknown-name]: s\n"))
		Expect(report.Hint(source.Diagnostics{one, one}, report.Palette{})).To(Equal("celmap help R301 explains it\n"))
		Expect(report.Hint(source.Diagnostics{{Code: "c"}, two, one}, report.Palette{})).To(Equal("celmap help CODE explains each, such as celmap help R206\n"))
		Expect(report.Hint(source.Diagnostics{{Code: "c"}}, report.Palette{})).To(BeEmpty())
	})

	It("shows other places that it is about", func() {
		d := at("a: 1\nwhen: emial\n", "emial")
		d.Relate(at("email: 1", "email").Span, "email is defined here").Relate(source.Span{}, "nowhere")
		Expect(text(d)).To(Equal(`rules/a.yaml:2:7: error[some-code]: wrong
  2 | when: emial
    |       ^^^^^
  see rules/a.yaml:1:1: email is defined here
`))
	})

	It("shows a warning, and one without a place or a code", func() {
		d := at("a: 1", "1")
		d.Severity = source.Warning
		Expect(text(d, source.Diagnostic{Summary: "no destination file", Help: "add one"})).To(Equal(`rules/a.yaml:1:4: warning[some-code]: wrong
  1 | a: 1
    |    ^
error: no destination file
  help: add one
`))
		file := source.Diagnostic{Code: "c", Summary: "s", Span: source.Span{File: source.NewFile("x.json", nil)}}
		Expect(text(file)).To(Equal("x.json: error[c]: s\n"))
	})

	DescribeTable("puts the caret below what it means",
		func(file, mark, line, carets string) {
			lines := strings.Split(text(at(file, mark)), "\n")
			Expect(lines[1]).To(Equal(strings.TrimRight("  1 | "+line, " ")))
			Expect(lines[2]).To(Equal("    | " + carets))
		},
		Entry("behind wide characters", "a: 東京 x", "x", "a: 東京 x", "        ^"),
		Entry("below wide characters", "a: 東京 x", "東京", "a: 東京 x", "   ^^^^"),
		Entry("behind an emoji", "a: 🎉 x", "x", "a: 🎉 x", "      ^"),
		Entry("behind a combining accent", "a: e\u0301 x", "x", "a: e\u0301 x", "     ^"),
		Entry("behind a tab", "a:\tx", "x", "a:    x", "      ^"),
		Entry("behind a byte order mark", "\ufeffa: x", "x", "a: x", "   ^"),
		Entry("on one line only", "a: [x,\n  y]", "[x,\n  y]", "a: [x,", "   ^^^"),
		Entry("at the end of the line", "a:\nb", "\nb", "a:", "  ^"),
		Entry("below what is hidden from the terminal", "a: \x1b[31m x", "x", "a: �[31m x", "         ^"),
		Entry("below what is not seen", "a: x\ufeffy", "\ufeff", "a: x�y", "    ^"),
		Entry("below a line break of some programs", "a: x\u2028y", "\u2028", "a: x�y", "    ^"),
		Entry("below what turns the direction of writing", "a: \u202e x", "x", "a: � x", "     ^"),
	)

	It("shows a part of a long line", func() {
		lines := strings.Split(text(at("a: "+strings.Repeat("-", 1000)+"x"+strings.Repeat("+", 1000), "x")), "\n")
		Expect(lines[1]).To(Equal("  1 | …" + strings.Repeat("-", 40) + "x" + strings.Repeat("+", 79) + "…"))
		Expect(lines[2]).To(Equal("    |  " + strings.Repeat(" ", 40) + "^"))
	})

	It("takes no more time for a hostile line than its length is worth", func() {
		ratio := growth.Of(func(n int) { text(at("a: "+strings.Repeat("\u0301", n)+"x", "x")) }, 50_000, 400_000)
		Expect(ratio).To(BeNumerically("<", 32), "eight times the line takes about eight times as long")
	})

	It("lets no message do anything to the terminal", func() {
		Expect(text(source.Diagnostic{Summary: "a\x1b[2Jb\nc", Detail: "d\x07", Help: "e\u202ef"})).To(Equal("error: a�[2Jb c\n  = d�\n  help: e�f\n"))
	})

	It("paints on a terminal only", func() {
		file, err := os.Open(os.DevNull)
		Expect(err).NotTo(HaveOccurred())
		defer file.Close()
		for _, stream := range []any{file, &bytes.Buffer{}, nil} {
			Expect(report.IsTerminal(stream)).To(BeFalse())
		}
		Expect(report.PaletteFor(&bytes.Buffer{}).Red("x")).To(Equal("x"))
	})
})

var _ = Describe("Findings", func() {
	It("gives the number of a code", func() {
		Expect(json.Marshal(report.Findings(source.Diagnostics{{Code: "unknown-name", Summary: "s"}}))).To(MatchJSON(
			`[{"severity":"error","code":"unknown-name","number":"R301","summary":"s"}]`))
	})

	It("gives all that is known as JSON", func() {
		d := at("a: 1\nwhen: x\n", "x")
		d.Detail, d.Help = "why", "what to do"
		Expect(json.Marshal(report.Findings(source.Diagnostics{d, {Severity: source.Warning, Code: "c", Summary: "s"}}))).To(MatchJSON(`[
			{"file":"rules/a.yaml","line":2,"column":7,"endLine":2,"endColumn":8,"severity":"error","code":"some-code","summary":"wrong","detail":"why","help":"what to do"},
			{"severity":"warning","code":"c","summary":"s"}]`))
		d.Relate(at("email: 1", "email").Span, "here").Path = "$.when"
		Expect(json.Marshal(report.Findings(source.Diagnostics{d})[0])).To(MatchJSON(`{"file":"rules/a.yaml","line":2,"column":7,"endLine":2,"endColumn":8,"severity":"error","code":"some-code","summary":"wrong","detail":"why","help":"what to do",
			"path":"$.when","related":[{"file":"rules/a.yaml","line":1,"column":1,"endLine":1,"endColumn":6,"message":"here"}]}`))
		Expect(json.Marshal(report.Findings(nil))).To(MatchJSON(`[]`))
	})
})

var _ = Describe("GitHub", func() {
	It("writes workflow commands whose text cannot break out", func() {
		d := at("a: 1\nwhen: x\n", "x")
		d.Summary, d.Help = "100% wrong\t\x1b[2J", "say y\n::stop::"
		d.Span.File.Name = "a,b:c.yaml"
		d.Relate(at("a: 1", "a").Span, "first")
		file := source.Diagnostic{Summary: "s", Severity: source.Warning, Span: source.Span{File: source.NewFile("x.json", nil)}}
		var b bytes.Buffer
		Expect(report.GitHub(&b, source.Diagnostics{d, file, {Summary: "none"}})).To(Succeed())
		Expect(b.String()).To(Equal("::error file=a%2Cb%3Ac.yaml,line=2,col=7,title=some-code::100%25 wrong �[2J%0Asay y%0A::stop::%0Arules/a.yaml:1:1: first\n" +
			"::warning file=x.json::s\n::error::none\n"))
	})
})
