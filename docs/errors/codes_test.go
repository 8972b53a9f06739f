package codes_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	codes "github.com/celmap/celmap/docs/errors"
)

func TestCodes(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "docs/errors")
}

var _ = Describe("The codes", func() {
	var found *sources

	BeforeEach(func() {
		if found == nil {
			var err error
			found, err = readSources("engine", "internal/settings", "internal/golden", "internal/input", "cmd/celmap")
			Expect(err).NotTo(HaveOccurred())
		}
	})

	It("have a page each", func() {
		for code, place := range found.codes {
			Expect(codes.Number(code)).NotTo(BeEmpty(), "%s gives the code %s, which has no page: docs/errors/README.md says how to write one", place, code)
		}
	})

	It("are in the sources, if they have a page", func() {
		for _, p := range codes.All() {
			Expect(found.codes).To(HaveKey(p.Name), "nothing gives the code that %s explains", p.File())
		}
	})

	It("can be read in the sources", func() {
		Expect(found.unclear).To(BeEmpty(), "a code is written as a text, or is a parameter or variable called code, so that this test knows all codes")
		Expect(len(found.codes)).To(BeNumerically(">", 100))
	})

	It("are told apart by number and by name", func() {
		seen := map[string]bool{}
		for _, p := range codes.All() {
			Expect(seen).NotTo(HaveKey(p.Number), "two pages have the number %s: each code has a number of its own", p.Number)
			Expect(seen).NotTo(HaveKey(p.Name), "two pages explain %s", p.Name)
			seen[p.Number], seen[p.Name] = true, true
		}
	})

	It("are found by number and name, in any case", func() {
		for _, code := range []string{"R301", "r301", "unknown-name", "Unknown-Name", "R301 unknown-name", "R301-unknown-name", " r301 "} {
			p, ok := codes.Find(code)
			Expect(ok).To(BeTrue(), code)
			Expect(p.Name).To(Equal("unknown-name"))
		}
		for _, code := range []string{"", "R", "R3", "R999", "unknown_name", "name"} {
			_, ok := codes.Find(code)
			Expect(ok).To(BeFalse(), code)
		}
		Expect(codes.Label("unknown-name")).To(Equal("R301 unknown-name"))
		Expect(codes.Label("of_the_rules")).To(Equal("of_the_rules"))
	})
})

// unshown are the few codes that no example can show, each with the reason.
var unshown = map[string]string{
	"unreadable-folder":         "needs a folder that cannot be read, or 501 files",
	"unreadable":                "needs a file that cannot be read",
	"yaml-syntax":               "is for what celmap does not know",
	"internal_error":            "is a mistake in celmap",
	"expression_too_many_steps": "comes of a limit that celmap does not set",
}

var shape = regexp.MustCompile(`^[ER][0-9]{3}-[a-z][a-z0-9_-]*\.md$`)

// Whether the examples are true is tested where celmap runs: in cmd/celmap.
var _ = Describe("A page", func() {
	It("is called NUMBER-name.md", func() {
		names, err := filepath.Glob("*.md")
		Expect(err).NotTo(HaveOccurred())
		for _, name := range names {
			if name != "README.md" {
				Expect(name).To(MatchRegexp(shape.String()))
			}
		}
	})

	for _, p := range codes.All() {
		It("says what it is about, what is wrong, and what is right: "+p.File(), func() {
			Expect(p.Title).NotTo(BeEmpty(), "the first line is `# %s %s: what has happened`", p.Number, p.Name)
			Expect(p.Text).To(HavePrefix("# %s %s: %s\n\n", p.Number, p.Name, p.Title))
			Expect(p.Title).NotTo(HaveSuffix("."))
			var headings []string
			for line := range strings.Lines(p.Text) {
				if strings.HasPrefix(line, "## ") {
					headings = append(headings, strings.TrimSpace(line[3:]))
				}
			}
			if unshown[p.Name] != "" {
				Expect(headings).To(Equal([]string{"What to do"}))
			} else {
				Expect(len(headings)).To(BeNumerically(">=", 2))
				Expect(headings[:2]).To(Equal([]string{"Wrong", "Right"}))
			}
			about, _, _ := strings.Cut(p.Text, "\n## ")
			Expect(len(strings.Fields(about))).To(BeNumerically(">", 20), "say in a sentence or two what it means, and why it is refused")
		})
	}
})

const table = "<!-- made from the pages by `make docs` -->\n"

// tableText lists the pages.
func tableText() string {
	var b strings.Builder
	for _, kind := range []struct{ first, about string }{
		{"R", "Rules, and what belongs to them"},
		{"E", "Events"},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| code | name | |\n| --- | --- | --- |\n", kind.about)
		for _, p := range codes.All() {
			if strings.HasPrefix(p.Number, kind.first) {
				fmt.Fprintf(&b, "| [%s](%s) | `%s` | %s |\n", p.Number, p.File(), p.Name, strings.ReplaceAll(p.Title, "|", `\|`))
			}
		}
	}
	return b.String()
}

var _ = Describe("The page of all codes", func() {
	It("lists them", func() {
		data, err := os.ReadFile("README.md")
		Expect(err).NotTo(HaveOccurred())
		head, _, ok := strings.Cut(string(data), table)
		Expect(ok).To(BeTrue())
		want := head + table + tableText()
		if os.Getenv("UPDATE_DOCS") != "" {
			Expect(os.WriteFile("README.md", []byte(want), 0o644)).To(Succeed())
			return
		}
		Expect(string(data)).To(Equal(want), "run `make docs`")
	})
})
