package engine_test

import (
	"io/fs"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

var _ = Describe("a mapping folder", func() {
	DescribeTable("holds all that its rules can read, also where a link leads out of it", func(rule, link, to, message string) {
		outside := GinkgoT().TempDir()
		inside := filepath.Join(outside, "rules")
		write := func(name, data string) {
			name = filepath.Join(outside, name)
			Expect(os.MkdirAll(filepath.Dir(name), 0o755)).To(Succeed())
			Expect(os.WriteFile(name, []byte(data), 0o644)).To(Succeed())
		}
		write("secret.json", `{"description": "s3cret"}`)
		write("events/track.schema.json", `{"properties": {"event": {}}}`)
		write("rules/own.json", `{"$ref": "linked.json"}`)
		write("rules/d.yaml", "celmap: destination/v1\nname: d\nroutes: [{to: m}]\n"+rule+"\n"+smallRequest)
		write("rules/m.yaml", "celmap: mapping/v1\nname: m\nsend: [{request: q, item: {}}]\n")
		Expect(os.Symlink(to, filepath.Join(inside, link))).To(Succeed())
		_, err := engine.Load(os.DirFS(inside))
		Expect(err).To(MatchError(ContainSubstring(message)))
	},
		Entry("as the schema of the config", "config: linked.json", "linked.json", "../secret.json", "link"),
		Entry("as built-in data", "portal: {p: {builtin: linked.json}}", "linked.json", "../secret.json", "link"),
		Entry("as a folder on the way", "portal: {p: {builtin: sub/secret.json}}", "sub", "..", "link"),
		Entry("as a folder of event schemas", "events: events", "events", "../events", "events"),
		Entry("as a rule file", "", "z.yaml", "../secret.json", "z.yaml cannot be read: open z.yaml: it is a link that leads out of the folder"),
		Entry("by an absolute path", "config: linked.json", "linked.json", "/etc/hostname", "link"),
		Entry("by the way of a system with other separators", "config: linked.json", "linked.json", `..\secret.json`, "link"),
		Entry("through another link", "config: linked.json", "linked.json", "sub/../../secret.json", "link"),
		Entry("to itself", "config: linked.json", "linked.json", "linked.json", "links follow each other"),
		Entry("as a part of a schema", "config: own.json", "linked.json", "../secret.json", "link"),
	)
	It("may hold links that stay in it, as Kubernetes mounts a ConfigMap", func() {
		mount := GinkgoT().TempDir()
		write := func(name, data string) {
			Expect(os.MkdirAll(filepath.Dir(filepath.Join(mount, name)), 0o755)).To(Succeed())
			Expect(os.WriteFile(filepath.Join(mount, name), []byte(data), 0o644)).To(Succeed())
		}
		write("..2024_11_23/d.yaml", "celmap: destination/v1\nname: d\nconfig: c.json\nroutes: [{to: m}]\n"+smallRequest)
		write("..2024_11_23/m.yaml", "celmap: mapping/v1\nname: m\nsend: [{request: q, item: {t: =config.t}}]\n")
		write("..2024_11_23/c.json", `{"properties": {"t": {"type": "string"}}}`)
		Expect(os.Symlink("..2024_11_23", filepath.Join(mount, "..data"))).To(Succeed())
		for _, name := range []string{"d.yaml", "m.yaml", "c.json"} {
			Expect(os.Symlink("..data/"+name, filepath.Join(mount, name))).To(Succeed())
		}
		root, err := os.OpenRoot(mount)
		Expect(err).NotTo(HaveOccurred())
		defer root.Close()
		for _, files := range []fs.FS{os.DirFS(mount), root.FS()} {
			p, err := engine.Load(files)
			Expect(err).NotTo(HaveOccurred())
			Expect(p.Warnings()).To(BeEmpty())
			Expect(dig(lines(bind(p, `{"t":"x"}`), `{}`)[0], "requests", 0, "body", "JSON", "t")).To(Equal("x"))
		}
	})
})
