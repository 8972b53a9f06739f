package engine_test

import (
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
		Entry("as a part of a schema", "config: own.json", "linked.json", "../secret.json", "link"),
	)
})
