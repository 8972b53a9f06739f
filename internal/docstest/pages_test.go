package docstest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const root = "../.."

// update makes pages say what their commands print now.
var update = os.Getenv("UPDATE_DOCS") != ""

// copied is what a page's commands find in their folder: what a reader of the page has.
var copied = []string{"fixtures", "mappings", "schemas", "Makefile"}

var bin string // the folder that holds the built celmap

func TestDocs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Docs")
}

var _ = BeforeSuite(func() {
	bin = GinkgoT().TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(bin, "celmap"), "./cmd/celmap")
	build.Dir = root
	out, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s", out)
})

// pages are all Markdown files of the project, by their paths in it.
func pages() []string {
	found, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		panic(err)
	}
	for _, folder := range []string{"docs/*.md", "docs/*/*.md", "fixtures/*.md", "mappings/*/*.md"} {
		more, err := filepath.Glob(filepath.Join(root, folder))
		if err != nil {
			panic(err)
		}
		found = append(found, more...)
	}
	for i, page := range found {
		if found[i], err = filepath.Rel(root, page); err != nil {
			panic(err)
		}
	}
	return found
}

// ofError matches the pages of codes, whose examples change a destination of
// their own: cmd/celmap runs them.
var ofError = regexp.MustCompile(`^docs/errors/[ER][0-9]`)

var _ = Describe("A page of the project", func() {
	for _, page := range pages() {
		It("tells the truth: "+page, func() {
			if ofError.MatchString(filepath.ToSlash(page)) {
				return
			}
			data, err := os.ReadFile(filepath.Join(root, page))
			Expect(err).NotTo(HaveOccurred())
			told, wrong := follow(string(data), workplace())
			if update && told != string(data) {
				Expect(os.WriteFile(filepath.Join(root, page), []byte(told), 0o644)).To(Succeed())
				_, wrong = follow(told, workplace())
			}
			for _, w := range wrong {
				Expect(w).NotTo(HaveOccurred(), "%s does not tell the truth. If the page is what is wrong, `make docs` rewrites what it shows of outputs.", page)
			}
		})

		It("links to what there is: "+page, func() {
			data, err := os.ReadFile(filepath.Join(root, page))
			Expect(err).NotTo(HaveOccurred())
			for _, link := range links(string(data)) {
				Expect(filepath.Join(root, filepath.Dir(page), link)).To(BeAnExistingFile(), "%s links to %s", page, link)
			}
		})

		It("names targets that make has: "+page, func() {
			makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
			Expect(err).NotTo(HaveOccurred())
			data, err := os.ReadFile(filepath.Join(root, page))
			Expect(err).NotTo(HaveOccurred())
			for _, m := range target.FindAllStringSubmatch(string(data), -1) {
				Expect(string(makefile)).To(MatchRegexp(`(?m)^%s:`, regexp.QuoteMeta(m[1])), "%s says `make %s`", page, m[1])
			}
		})
	}
})

var (
	target = regexp.MustCompile("(?m)(?:^\\$ |^|`)make ([a-z-]+)")
	link   = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
)

func links(page string) []string {
	var local []string
	for _, m := range link.FindAllStringSubmatch(page, -1) {
		if !strings.Contains(m[1], "://") && !strings.HasPrefix(m[1], "mailto:") {
			local = append(local, m[1])
		}
	}
	return local
}

// workplace is a new folder with what a page's commands need.
func workplace() string {
	dir := GinkgoT().TempDir()
	for _, name := range copied {
		from, to := filepath.Join(root, name), filepath.Join(dir, name)
		info, err := os.Stat(from)
		Expect(err).NotTo(HaveOccurred())
		if info.IsDir() {
			Expect(os.CopyFS(to, os.DirFS(from))).To(Succeed())
			continue
		}
		data, err := os.ReadFile(from)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(to, data, 0o644)).To(Succeed())
	}
	return dir
}

// follow does in dir what a page says, block by block, and returns the page with the
// outputs that came, and where it says something else.
func follow(page, dir string) (told string, wrong []error) {
	blocks, err := Blocks(page)
	if err != nil {
		return page, []error{err}
	}
	lines := strings.Split(page, "\n")
	var out []string
	next := 0
	shell := shell{dir: dir}
	for i := range blocks {
		b := &blocks[i]
		if b.Mark != "" {
			if err := b.place(dir); err != nil {
				wrong = append(wrong, fmt.Errorf("line %d: %w", b.Line, err))
			}
			continue
		}
		if b.Lang != "console" {
			continue
		}
		commands, err := b.Commands()
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		for _, c := range commands {
			got := shell.run(c.Text)
			if Fits(c.Want, got) {
				continue
			}
			wrong = append(wrong, fmt.Errorf("line %d: $ %s\nprints\n%s\nand not\n%s", c.Line, c.Text, strings.Join(got, "\n"), strings.Join(c.Want, "\n")))
			out = append(out, lines[next:c.from]...)
			for _, line := range Update(c.Want, got) {
				out = append(out, strings.TrimRight(b.indent+line, " "))
			}
			next = c.to
		}
	}
	return strings.Join(append(out, lines[next:]...), "\n"), wrong
}

// place does what the mark of a block says about a file.
func (b *Block) place(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(b.Path))
	text := strings.Join(b.Lines, "\n") + "\n"
	if b.Mark == "file" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(text), 0o644)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		data, err = os.ReadFile(filepath.Join(root, filepath.FromSlash(b.Path)))
	}
	if err != nil {
		return err
	}
	if b.Mark == "excerpt" {
		return excerpt(string(data), b.Lines)
	}
	changed, err := Change(string(data), b.Lines)
	if err != nil {
		return fmt.Errorf("%s: %w", b.Path, err)
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}

// excerpt checks that a file holds the lines, those between two … without a gap.
func excerpt(text string, lines []string) error {
	shown := append(append([]string{leftOut}, lines...), leftOut)
	if !Fits(shown, strings.Split(strings.TrimSuffix(text, "\n"), "\n")) {
		return errors.New("the file does not hold these lines any more; a line … stands for lines left out")
	}
	return nil
}

// shell runs commands one after the other, each knowing how the last one ended ($?).
type shell struct {
	dir  string
	last int
}

// run returns what a command prints, output and errors as a terminal shows them.
func (s *shell) run(command string) []string {
	cmd := exec.Command("bash", "-c", fmt.Sprintf("(exit %d)\n%s", s.last, command))
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"CELMAP=celmap", // for make
		"NO_COLOR=1", "TERM=dumb", "MAKEFLAGS=", "MAKELEVEL=", "LC_ALL=C.UTF-8",
	)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	s.last = 0
	if err := cmd.Run(); err != nil {
		var failed *exec.ExitError
		if !errors.As(err, &failed) {
			return []string{err.Error()}
		}
		s.last = failed.ExitCode()
	}
	text := strings.TrimSuffix(out.String(), "\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}
