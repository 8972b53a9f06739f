// Package mistakes tests what people read who make a mistake in a rule: a
// corpus of mistakes, one a file, with the diagnostics beside it.
package mistakes

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/report"
)

func TestMistakes(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "internal/mistakes")
}

const (
	baseFolder = "testdata/base"
	caseFolder = "testdata/cases"
)

// jargon are words that mean nothing to people who write rules.
var jargon = regexp.MustCompile(`(?i)\b(dyn|overload|token|mismatched|extraneous|viable|eof|antlr|undeclared reference)\b|IDENTIFIER|<EOF>|%!|yaml: |cel\.|proto`)

// base is the destination without mistakes, as a folder in memory.
func base() fstest.MapFS {
	files := fstest.MapFS{}
	Expect(filepath.WalkDir(baseFolder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(strings.TrimPrefix(path, filepath.FromSlash(baseFolder+"/")))] = &fstest.MapFile{Data: data}
		return err
	})).To(Succeed())
	return files
}

// diagnose loads a folder and returns all that is found.
func diagnose(files fs.FS) source.Diagnostics {
	bases := engine.WithBase(func(name string) (fs.FS, string, bool) { return base(), "base", name == "crm" })
	program, err := engine.Load(files, bases)
	var found source.Diagnostics
	if err != nil {
		Expect(errors.As(err, &found)).To(BeTrue(), "%v", err)
		return found
	}
	return program.Warnings()
}

// shown is what the command line prints, without the numbers of codes.
func shown(found source.Diagnostics) string {
	var b bytes.Buffer
	Expect(report.Text(&b, found, report.Palette{})).To(Succeed())
	return number.ReplaceAllString(b.String(), "$1[")
}

var number = regexp.MustCompile(`(?m)(: (?:error|warning))\[R\d+ `)

var _ = Describe("the ground that mistakes are made on", func() {
	It("has none itself", func() {
		Expect(diagnose(base())).To(BeEmpty())
	})
})

var _ = Describe("a mistake is explained:", func() {
	names, err := filepath.Glob(caseFolder + "/*.txt")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		It(strings.TrimSuffix(filepath.Base(name), ".txt"), func() {
			data, err := os.ReadFile(name)
			Expect(err).NotTo(HaveOccurred())
			c, err := readCase(data)
			Expect(err).NotTo(HaveOccurred())
			files := base()
			lines, err := c.damage(files)
			Expect(err).NotTo(HaveOccurred())

			found := diagnose(files)
			Expect(found).NotTo(BeEmpty(), "nothing is found")
			text := shown(found)
			if os.Getenv("UPDATE_MISTAKES") != "" {
				Expect(os.WriteFile(name, []byte(c.input+text), 0o600)).To(Succeed())
			} else {
				Expect(text).To(Equal(c.expected), "UPDATE_MISTAKES=1 go test ./internal/mistakes writes what is shown now")
			}

			for _, d := range found {
				words := strings.Join([]string{d.Summary, d.Detail, d.Help}, "\n")
				for _, own := range []string{"config.token", "Bearer ${config.token}"} { // the settings of the destination have one
					words = strings.ReplaceAll(words, own, "")
				}
				if !c.allows(words) {
					Expect(words).NotTo(MatchRegexp(jargon.String()))
				}
				Expect(d.Summary).NotTo(BeEmpty())
				Expect(d.Code).NotTo(BeEmpty())
			}
			if c.elsewhere == "" {
				at := found[0].Span
				Expect(at.File).NotTo(BeNil(), "no place is named; if none can be, say so: place: why")
				Expect(at.File.Name).To(Equal(c.file))
				Expect(lines).To(ContainElement(at.Start.Line), "the first caret stands in another line than the damage; if it has to, say so: place: why")
			}
		})
	}
})

var _ = It("The corpus is not made smaller", func() {
	names, err := filepath.Glob(caseFolder + "/*.txt")
	Expect(err).NotTo(HaveOccurred())
	Expect(len(names)).To(BeNumerically(">=", 300))
})

// mistake is a case of the corpus, see README.md.
type mistake struct {
	input     string // up to the empty line before what is expected
	expected  string
	elsewhere string // why the first place is not the damage
	jargon    string // word of the rules themselves that looks like jargon
	file      string
	whole     bool     // the file is new, or replaced as a whole
	old, new  []string // lines
}

func readCase(data []byte) (*mistake, error) {
	m := &mistake{}
	text := string(data)
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		m.input += line + "\n"
		switch mark, of := line[:min(1, len(line))], line[min(1, len(line)):]; {
		case line == "" && m.file != "":
			m.expected = text
			return m, m.check()
		case line == "" || mark == "#":
		case strings.HasPrefix(line, "place: "):
			m.elsewhere = strings.TrimPrefix(line, "place: ")
		case strings.HasPrefix(line, "words: "):
			m.jargon = strings.TrimPrefix(line, "words: ")
		case mark == "-":
			m.old = append(m.old, of)
		case mark == "+":
			m.new = append(m.new, of+"\n")
		case mark == "\"":
			var s string
			if _, err := fmt.Sscanf(line, "%q", &s); err != nil {
				return nil, fmt.Errorf("%s is no text in quotes: %w", line, err)
			}
			m.new = append(m.new, s)
		case m.file == "":
			m.file, m.whole = strings.CutSuffix(line, " (whole)")
		default:
			return nil, fmt.Errorf("a line begins with -, +, \" or #, this does not: %q", line)
		}
	}
	return m, m.check()
}

func (m *mistake) check() error {
	switch {
	case m.file == "":
		return errors.New("the case names no file")
	case !m.whole && len(m.old) == 0:
		return errors.New("the case replaces no line: write it behind -")
	}
	return nil
}

func (m *mistake) allows(words string) bool {
	return m.jargon != "" && !jargon.MatchString(strings.ReplaceAll(words, m.jargon, ""))
}

// damage makes the mistake, and returns the lines in which it is.
func (m *mistake) damage(files fstest.MapFS) ([]int, error) {
	text, first := strings.Join(m.new, ""), 1
	if !m.whole {
		if files[m.file] == nil {
			return nil, fmt.Errorf("there is no file %s", m.file)
		}
		all, old := "\n"+string(files[m.file].Data), "\n"+strings.Join(m.old, "\n")+"\n"
		if n := strings.Count(all, old); n != 1 {
			return nil, fmt.Errorf("the lines that are replaced stand %d times in %s", n, m.file)
		}
		at := strings.Index(all, old)
		first = 1 + strings.Count(all[:at+1], "\n") - 1
		text = (all[:at+1] + text + all[at+len(old):])[1:]
	}
	files[m.file] = &fstest.MapFile{Data: []byte(text)}
	last := first
	if m.whole {
		last = first + strings.Count(text, "\n")
	} else {
		last = first + max(len(m.new), 1) - 1
	}
	var lines []int
	for n := first; n <= last; n++ {
		lines = append(lines, n)
	}
	return lines, nil
}
