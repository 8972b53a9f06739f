package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	codes "github.com/celmap/celmap/docs/errors"
	"github.com/celmap/celmap/internal/docstest"
)

// The examples of the pages of codes are run as docs/errors/README.md says.

const (
	pagesFolder = "../../docs/errors"
	baseFolder  = "../../internal/mistakes/testdata/base"
)

var updatePages = os.Getenv("UPDATE_DOCS") != ""

// example is a part of a page: files, and commands that are run where these lie.
type example struct {
	text     string
	files    []exampleFile
	commands []docstest.Command
}

type exampleFile struct {
	path  string
	lines []string
}

var (
	pathComment = regexp.MustCompile(`^# ([A-Za-z0-9_./ -]+\.[a-z]+)$`)
	standsFor   = regexp.MustCompile(`<!-- (\S+) is (".*") × ([0-9]+) -->`)
	labelled    = regexp.MustCompile(`(?:error|warning)[\[ ]([RE][0-9]{3} [a-z][a-z0-9_-]+)`)
)

// parts returns what a page says before and below its headings.
func parts(page string) map[string]string {
	found := map[string]string{}
	heading := ""
	for line := range strings.Lines(page) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			heading = strings.TrimSpace(title)
			continue
		}
		found[heading] += line
	}
	return found
}

func exampleOf(text string) (example, error) {
	x := example{text: text}
	blocks, err := docstest.Blocks(text)
	if err != nil {
		return x, err
	}
	for i := range blocks {
		b := &blocks[i]
		if b.Lang == "console" {
			commands, err := b.Commands()
			if err != nil {
				return x, err
			}
			x.commands = append(x.commands, commands...)
			continue
		}
		f := exampleFile{path: b.Path, lines: b.Lines}
		if len(b.Lines) > 0 && f.path == "" {
			if m := pathComment.FindStringSubmatch(b.Lines[0]); m != nil {
				f.path, f.lines = m[1], b.Lines[1:]
			}
		}
		switch {
		case f.path == "" && b.Lang == "json":
			f.path = "event.json"
		case f.path == "" && b.Lang == "yaml":
			return x, fmt.Errorf("line %d: the first line of the block names its file: # crm/person.yaml", b.Line)
		case f.path == "":
			continue
		}
		for i, line := range f.lines {
			for _, m := range standsFor.FindAllStringSubmatch(text, -1) {
				what, err := strconv.Unquote(m[2])
				if err != nil {
					return x, err
				}
				times, err := strconv.Atoi(m[3])
				if err != nil {
					return x, err
				}
				var b strings.Builder
				for n := range times {
					b.WriteString(strings.ReplaceAll(what, "%d", strconv.Itoa(n)))
				}
				line = strings.ReplaceAll(line, m[1], b.String())
			}
			f.lines[i] = line
		}
		x.files = append(x.files, f)
	}
	return x, nil
}

// write writes the files, or the parts of files, into the folder where they belong.
func (x example) write(only func(path string) bool) error {
	for _, f := range x.files {
		if !only(f.path) {
			continue
		}
		text := strings.Join(f.lines, "\n") + "\n"
		if old, err := os.ReadFile(f.path); err == nil && bytes.HasPrefix(old, []byte("celmap:")) && !strings.HasPrefix(text, "celmap:") {
			text = replaceParts(string(old), text)
		}
		if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(f.path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

var topKey = regexp.MustCompile(`^["']?([A-Za-z]+)`)

// replaceParts puts the keys of a part of a file in the place of those of the file.
func replaceParts(file, part string) string {
	type section struct{ key, text string }
	split := func(text string) (out []section) {
		for line := range strings.Lines(text) {
			m := topKey.FindStringSubmatch(line)
			if m != nil || len(out) == 0 {
				out = append(out, section{})
				if m != nil {
					out[len(out)-1].key = m[1]
				}
			}
			out[len(out)-1].text += line
		}
		return out
	}
	sections := split(file)
	for _, replacement := range split(part) {
		replacement.text += "\n"
		known := false
		for i := range sections {
			if sections[i].key == replacement.key {
				sections[i], known = replacement, true
			}
		}
		if !known {
			sections = append(sections, replacement)
		}
	}
	var b strings.Builder
	for _, s := range sections {
		b.WriteString(s.text)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// freshBase makes the folder in which an example is run the current one: it holds the
// destination crm, which has no mistakes, and settings for it.
func freshBase() {
	dir := GinkgoT().TempDir()
	Expect(os.CopyFS(filepath.Join(dir, "crm"), os.DirFS(filepath.Join(sourceFolder, baseFolder)))).To(Succeed())
	Expect(os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("{token: made-up, sendEvents: true}\n"), 0o644)).To(Succeed())
	GinkgoT().Chdir(dir)
}

var sourceFolder = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir
}()

// printed runs a command of a page and returns what it prints, and how it ends.
func printed(command string) ([]string, int) {
	args := strings.Fields(command)
	Expect(args[0]).To(Equal("celmap"), "the commands of these pages are those of celmap, without quotes and pipes")
	var out bytes.Buffer
	code := run(args[1:], &streams{in: strings.NewReader(""), out: &out, err: &out})
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines, code
}

// shortened leaves out what comes below the findings.
func shortened(lines []string) []string {
	for i, line := range lines {
		if strings.HasPrefix(line, "celmap help ") {
			return append(lines[:i:i], "…")
		}
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return append(lines[:len(lines):len(lines)], "…")
}

// spare is the code of what nothing uses: a short example may show a part that
// belongs to more.
const spare = "R806 unused"

var _ = Describe("The page of the code", func() {
	for _, p := range codes.All() {
		It(p.Number+" "+p.Name+" shows what celmap says", func() {
			told := parts(p.Text)
			if told["What to do"] != "" { // docs/errors says which pages may have no example
				return
			}
			common, err := exampleOf(told[""])
			Expect(err).NotTo(HaveOccurred())
			wrong, err := exampleOf(told["Wrong"])
			Expect(err).NotTo(HaveOccurred())
			right, err := exampleOf(told["Right"])
			Expect(err).NotTo(HaveOccurred())
			Expect(wrong.files).NotTo(BeEmpty(), "the wrong example has no file")
			Expect(wrong.commands).NotTo(BeEmpty(), "below the wrong example stands what celmap says: $ celmap check crm")
			Expect(right.files).NotTo(BeEmpty(), "the right example has no file")
			all := func(string) bool { return true }

			freshBase()
			Expect(common.write(all)).To(Succeed())
			Expect(wrong.write(all)).To(Succeed())
			page := p.Text
			seen := map[string]bool{}
			for _, c := range wrong.commands {
				got, _ := printed(c.Text)
				for _, m := range labelled.FindAllStringSubmatch(strings.Join(got, "\n"), -1) {
					seen[m[1]] = true
				}
				page = compared(page, c, got)
			}
			if p.Number+" "+p.Name != spare {
				delete(seen, spare)
			}
			Expect(seen).To(HaveLen(1), "the wrong example shows one code, its own")
			Expect(seen).To(HaveKey(p.Number + " " + p.Name))

			freshBase()
			Expect(common.write(all)).To(Succeed())
			Expect(wrong.write(func(path string) bool { return !strings.HasPrefix(path, "crm/") })).To(Succeed())
			Expect(right.write(all)).To(Succeed())
			commands := right.commands
			if len(commands) == 0 {
				commands = wrong.commands
			}
			for _, c := range commands {
				got, ended := printed(c.Text)
				Expect(ended).To(Equal(exitDone), "%s", strings.Join(got, "\n"))
				said := strings.Join(slices.DeleteFunc(slices.Clone(got), func(line string) bool {
					return strings.Contains(line, "warning["+spare+"]") && p.Number+" "+p.Name != spare
				}), "\n")
				Expect(said).NotTo(MatchRegexp(labelled.String()+"|: rejected"), "nothing is wrong with the right example")
				if len(right.commands) > 0 {
					page = compared(page, c, got)
				}
			}
			if page != p.Text {
				Expect(os.WriteFile(filepath.Join(sourceFolder, pagesFolder, p.File()), []byte(page), 0o644)).To(Succeed())
			}
		})
	}
})

// compared returns the page with what a command prints, which has to be what it shows.
func compared(page string, c docstest.Command, got []string) string {
	if docstest.Fits(c.Want, got) {
		return page
	}
	Expect(updatePages).To(BeTrue(), "$ %s\nprints\n%s\nand not\n%s\n`make docs` rewrites what pages show", c.Text, strings.Join(got, "\n"), strings.Join(c.Want, "\n"))
	now := docstest.Update(c.Want, got)
	if n := len(c.Want); n == 0 || c.Want[n-1] == "…" && now[len(now)-1] != "…" {
		now = shortened(got)
	}
	block := func(lines []string) string {
		return "$ " + c.Text + "\n" + strings.Join(append(lines[:len(lines):len(lines)], ""), "\n")
	}
	return strings.Replace(page, block(c.Want), block(now), 1)
}
