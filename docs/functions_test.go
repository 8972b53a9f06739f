package docs_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/function"
)

const functionsPage = "functions.md"

const functionsHead = `# Functions

<!-- Made from the table of functions in engine/function. Change it there and run ` + "`make docs`" + `. -->

What expressions may call, besides the forms and methods of CEL that [the language](language.md#expressions) lists.
Every function is total on JSON: it never fails for lack of a value.

- null or absent as the first argument gives null, unless the text says otherwise.
- An optional argument that is null or absent takes its default.
- A value of a kind that a function does not take rejects the event, with a message that shows the value.

Arguments in brackets may be left out; ` + "`…`" + ` stands for more of the same.

`

// form writes how a function is called: round(x, [digits]).
func form(f *function.Function) string {
	var params []string
	for _, p := range f.Params {
		name := p.Name
		if p.Optional {
			name = "[" + name + "]"
		}
		params = append(params, name)
	}
	s := strings.Join(params, ", ")
	if f.Variadic {
		s += ", …"
	}
	return f.Name + "(" + s + ")"
}

func functionsText() string {
	var b strings.Builder
	b.WriteString(functionsHead)
	b.WriteString("| function | gives | what it does |\n| --- | --- | --- |\n")
	for _, f := range function.Table() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", f.Name, strings.ToLower(f.Name), f.Result, cell(sentence(f.Doc)))
	}
	for _, f := range function.Table() {
		fmt.Fprintf(&b, "\n## %s\n\n`%s` gives %s\n\n%s\n\n", f.Name, form(f), f.Result, f.Doc)
		b.WriteString("| argument | type | |\n| --- | --- | --- |\n")
		for _, p := range f.Params {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", p.Name, p.Type, cell(p.Doc))
		}
		width := 0
		for _, x := range f.Examples {
			width = max(width, len([]rune(x.Expr)))
		}
		b.WriteString("\n```text\n")
		for _, x := range f.Examples {
			fmt.Fprintf(&b, "%s%s  gives  %s\n", x.Expr, strings.Repeat(" ", width-len([]rune(x.Expr))), x.Result)
		}
		b.WriteString("```\n")
	}
	return b.String()
}

var sentenceEnd = regexp.MustCompile(`[.:] `)

// sentence returns the first sentence of a text.
func sentence(text string) string {
	if at := sentenceEnd.FindStringIndex(text); at != nil {
		return text[:at[0]] + "."
	}
	return text
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

var _ = Describe("The page of functions", func() {
	It("is what the table of functions says", func() {
		if os.Getenv("UPDATE_DOCS") != "" {
			Expect(os.WriteFile(functionsPage, []byte(functionsText()), 0o644)).To(Succeed())
		}
		page, err := os.ReadFile(functionsPage)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(page)).To(Equal(functionsText()), "run `make docs`, and read what changes")
	})

	It("shows every function at work", func() {
		for _, f := range function.Table() {
			Expect(f.Examples).NotTo(BeEmpty(), f.Name)
		}
	})
})
