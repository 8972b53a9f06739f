package schemas_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/syntax"
	"github.com/celmap/celmap/engine/value"
)

const mappingSchema = "mapping.schema.json"

// folders hold the YAML files that are shipped.
var folders = []string{"../mappings", "../fixtures"}

var modeline = regexp.MustCompile(`\A# yaml-language-server: \$schema=(\S+)\n`)

// shipped returns the YAML files below the folders.
func shipped() []string {
	var files []string
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err == nil && path.Ext(name) == ".yaml" {
				files = append(files, filepath.ToSlash(name))
			}
			return err
		})
		Expect(err).NotTo(HaveOccurred())
	}
	Expect(files).NotTo(BeEmpty())
	return files
}

func read(name string) []byte {
	GinkgoHelper()
	data, err := os.ReadFile(name)
	Expect(err).NotTo(HaveOccurred())
	return data
}

// check validates a YAML file, read as JSON, against the schema of rule files.
func check(s *schema.Schema, name string, data []byte) []string {
	GinkgoHelper()
	root, found := source.Parse(name, data)
	Expect(found).To(BeEmpty())
	var messages []string
	for _, v := range s.Validate(root.Value(value.NewArena())) {
		messages = append(messages, v.Path+": "+v.Message)
	}
	return messages
}

var _ = Describe("The schema of rule files", func() {
	var compiled *schema.Schema

	BeforeEach(func() {
		if os.Getenv("UPDATE_DOCS") != "" {
			Expect(os.WriteFile(mappingSchema, syntax.JSONSchema(), 0o644)).To(Succeed())
		}
		var err error
		compiled, err = schema.Compile(mappingSchema, read(mappingSchema))
		Expect(err).NotTo(HaveOccurred())
	})

	It("is the grammar that the loader has", func() {
		Expect(string(read(mappingSchema))).To(Equal(string(syntax.JSONSchema())), "run `make docs`, and read what changes")
	})

	It("takes every rule file that is shipped", func() {
		count := 0
		for _, name := range shipped() {
			data := read(name)
			if strings.HasPrefix(name, "../mappings/") && strings.Contains(string(data), "celmap: ") {
				count++
				Expect(check(compiled, name, data)).To(BeEmpty(), name)
			}
		}
		Expect(count).To(BeNumerically(">", 10))
	})

	DescribeTable("refuses what the loader refuses", func(yaml, message string) {
		root, _ := source.Parse("rules.yaml", []byte(yaml))
		kind := root.Get("celmap").Text
		if shape := syntax.FileShape(kind); shape != nil {
			Expect(syntax.Holes{}.Repair(root, shape, kind)).NotTo(BeEmpty())
		}
		Expect(check(compiled, "rules.yaml", []byte(yaml))).To(ContainElement(ContainSubstring(message)))
	},
		Entry("an unknown key", "celmap: mapping/v1\nname: m\nsend: [{request: r, if: x}]\n", "if"),
		Entry("an unknown kind of file", "celmap: mapping/v2\nname: m\n", "celmap"),
		Entry("a key that is missing", "celmap: fragment/v1\n", "name"),
		Entry("nothing that a mapping does", "celmap: mapping/v1\nname: m\n", "send"),
		Entry("a word that is none of the known", "celmap: destination/v1\nname: d\nhosts: {a: https://example.com}\nroutes: [{to: m}]\nrequests: {r: {method: FETCH, host: a, url: /}}\n", "method"),
		Entry("headers that are one text", "celmap: destination/v1\nname: d\nhosts: {a: https://example.com}\nroutes: [{to: m}]\nrequests: {r: {method: GET, host: a, url: /, headers: none}}\n", "headers"),
	)

	It("is where the first line of a file says, for editors", func() {
		for _, name := range shipped() {
			data := read(name)
			m := modeline.FindSubmatch(data)
			if m == nil {
				Expect(string(data)).NotTo(ContainSubstring("yaml-language-server"), "%s: this has to be the first line", name)
				continue
			}
			want := mappingSchema
			if strings.Contains(string(data), "celmap: fixture/v1") {
				want = "fixture.schema.json"
			}
			Expect(path.Join(path.Dir(name), string(m[1]))).To(Equal("../schemas/"+want), name)
		}
	})
})
