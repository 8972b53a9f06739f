// Package boundaries tests what no compiler checks: which package may know what.
package boundaries

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const (
	root   = "../.."
	module = "github.com/celmap/celmap/"
)

func TestBoundaries(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Boundaries")
}

// file is a Go file that is no test.
type file struct {
	path    string // in the project
	imports []string
	uses    []string // what it takes from packages: "time.Now"
}

// goFiles reads the Go files below a folder, tests and test data left out.
func goFiles(folder string) []file {
	var files []file
	Expect(filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f := file{path: within(path)}
		for _, i := range parsed.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, name)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok {
					f.uses = append(f.uses, x.Name+"."+s.Sel.Name)
				}
			}
			return true
		})
		files = append(files, f)
		return nil
	})).To(Succeed())
	Expect(files).NotTo(BeEmpty())
	return files
}

func within(path string) string {
	rel, err := filepath.Rel(root, path)
	Expect(err).NotTo(HaveOccurred())
	return filepath.ToSlash(rel)
}

var _ = Describe("The engine", func() {
	It("knows no destination", func() {
		destinations, err := os.ReadDir(filepath.Join(root, "mappings"))
		Expect(err).NotTo(HaveOccurred())
		names := []string{"hubapi"}
		for _, d := range destinations {
			// A webhook is a general word: the rules of a destination may be explained with it.
			if d.IsDir() && d.Name() != "webhook" {
				names = append(names, d.Name())
			}
		}
		Expect(names).To(ContainElement("hubspot"))
		known := regexp.MustCompile(`(?i)\b(` + strings.Join(names, "|") + `)`)
		for _, f := range goFiles("engine") {
			text, err := os.ReadFile(filepath.Join(root, f.path))
			Expect(err).NotTo(HaveOccurred())
			Expect(known.FindString(string(text))).To(BeEmpty(), f.path)
		}
	})

	It("imports nothing of the commands, the mappings or the schemas", func() {
		for _, f := range goFiles("engine") {
			for _, i := range f.imports {
				if below, ours := strings.CutPrefix(i, module); ours {
					Expect(below).To(HavePrefix("engine"), f.path)
				}
			}
		}
	})

	It("has no clock, no random numbers, no network, no environment and no voice", func() {
		packages := []string{"crypto/rand", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "plugin", "syscall"}
		names := []string{"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.Tick", "fmt.Print", "fmt.Printf", "fmt.Println"}
		for _, f := range goFiles("engine") {
			Expect(f.imports).NotTo(ContainElement(BeElementOf(packages)), f.path)
			Expect(f.uses).NotTo(ContainElement(BeElementOf(names)), f.path)
		}
	})

	It("has its packages import one way, from the facade down to values", func() {
		layers := []string{"engine", "plan", "syntax", "expression", "function", "schema", "source", "shape", "value"}
		layer := func(path string) int {
			parts := strings.Split(path, "/")
			return slices.Index(layers, parts[min(1, len(parts)-1)])
		}
		for _, f := range goFiles("engine") {
			own := layer(filepath.ToSlash(filepath.Dir(f.path)))
			Expect(own).NotTo(Equal(-1), "%s: give its package a place among %q", f.path, layers)
			for _, i := range f.imports {
				if below, ours := strings.CutPrefix(i, module); ours {
					Expect(layer(below)).To(BeNumerically(">", own), "%s imports %s", f.path, i)
				}
			}
		}
	})
})

var _ = Describe("What judges the server in tests", func() {
	It("knows nothing of what it judges, and is in no command", func() {
		const judge = module + "internal/rudderserver"
		for _, f := range goFiles(".") {
			Expect(f.imports).NotTo(ContainElement(judge), f.path)
		}
		for _, f := range goFiles("internal/rudderserver") {
			Expect(f.imports).NotTo(ContainElement(HavePrefix(module)), f.path)
		}
	})
})

var _ = Describe("The simulator", func() {
	It("knows nothing of celmap", func() {
		for _, f := range goFiles("internal/simulator") {
			Expect(f.imports).NotTo(ContainElement(HavePrefix(module)), f.path)
		}
	})
})

// What may be replaced one day, or is dangerous, is known in one place.
var _ = DescribeTable("A library is imported in the packages that need it", func(library string, only ...string) {
	found := false
	for _, f := range goFiles(".") {
		for _, i := range f.imports {
			if i == library || strings.HasPrefix(i, library+"/") {
				found = true
				Expect(filepath.ToSlash(filepath.Dir(f.path))).To(BeElementOf(only), "%s imports %s", f.path, i)
			}
		}
	}
	Expect(found).To(BeTrue())
},
	Entry(nil, "github.com/google/cel-go", "engine/expression"),
	Entry(nil, "gopkg.in/yaml.v3", "engine/source"),
	Entry(nil, "github.com/xeipuuv/gojsonschema", "engine/schema"),
	Entry(nil, "github.com/alecthomas/kong", "cmd/celmap"),
	Entry(nil, "github.com/hashicorp/golang-lru/v2", "internal/lookup"),
	Entry(nil, "golang.org/x/time", "internal/lookup"),
	Entry(nil, "github.com/go-json-experiment/json", "internal/simulator"),
	Entry(nil, "golang.org/x/net", "internal/simulator"),
	Entry(nil, "unsafe", "engine/value"),
	Entry(nil, "github.com/fsnotify/fsnotify", "internal/serve"),
	Entry(nil, "github.com/prometheus/client_golang", "internal/serve", "internal/send"),
	Entry(nil, "github.com/nats-io/nats-server/v2", "internal/queue"),
	Entry(nil, "github.com/nats-io/nats.go", "internal/queue"),
	Entry(nil, "github.com/gofrs/flock", "internal/queue"),
)
