package events_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/value"
)

func TestEvents(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "schemas/events")
}

func compile(eventType string) *schema.Schema {
	GinkgoHelper()
	name := eventType + ".schema.json"
	data, err := os.ReadFile(name)
	Expect(err).NotTo(HaveOccurred())
	s, err := schema.Compile(name, data, schema.WithFiles(os.DirFS(".")))
	Expect(err).NotTo(HaveOccurred())
	return s
}

func parse(data []byte) *value.Node {
	GinkgoHelper()
	n, err := value.Parse(value.NewArena(), data, value.Limits{})
	Expect(err).NotTo(HaveOccurred())
	return n
}

var _ = Describe("the event schemas", func() {
	It("accept real traffic on the fast path, however odd", func() {
		data, err := os.ReadFile(filepath.Join("testdata", "accepted.ndjson"))
		Expect(err).NotTo(HaveOccurred())
		schemas := map[string]*schema.Schema{}
		for line := range bytes.Lines(data) {
			n := parse(line)
			eventType := n.Get("type").Text()
			s := schemas[eventType]
			if s == nil {
				s = compile(eventType)
				schemas[eventType] = s
			}
			Expect(s.Validate(n)).To(BeEmpty(), string(line))
			Expect(s.Accepts(n)).To(BeTrue(), string(line))
		}
		Expect(schemas).To(SatisfyAll(HaveKey("identify"), HaveKey("track"), HaveKey("screen"), HaveKey("page")))
	})

	DescribeTable("refuse what cannot be meant", func(eventType, event, message string) {
		violations := compile(eventType).Validate(parse([]byte(event)))
		Expect(violations).To(HaveLen(1))
		Expect(violations[0].Error()).To(Equal(message))
	},
		Entry("another type", "identify", `{"type": "Identify"}`,
			`type: found text "Identify", expected exactly "identify": correct the value`),
		Entry("no type", "track", `{"event": "x"}`, `type: found nothing, expected text: add it`),
		Entry("no event", "page", `["page"]`, `found list […1 element], expected an object: correct the value`),
	)

	It("name the fields that rules may use", func() {
		for _, eventType := range []string{"identify", "track", "screen", "page"} {
			s := compile(eventType)
			Expect(s.Properties()).To(ContainElements("type", "messageId", "userId", "anonymousId", "traits", "properties", "context",
				"integrations", "event", "name", "category", "timestamp", "originalTimestamp"))
			Expect(s.Properties("context", "device")).To(ContainElement("name"))
			Expect(s.Properties("context", "externalId", "0")).To(ContainElement("id"))
			_, presence := s.Shape("").Member("tratis")
			Expect(presence).To(Equal(shape.Open))
		}
	})

	It("have a title and a description for every field", func() {
		files, err := fs.Glob(os.DirFS("."), "*.schema.json")
		Expect(err).NotTo(HaveOccurred())
		Expect(files).To(HaveLen(5))
		for _, name := range files {
			data, err := os.ReadFile(name)
			Expect(err).NotTo(HaveOccurred())
			expectDescribed(name, parse(data))
		}
	})
})

// expectDescribed looks at every schema that is a property.
func expectDescribed(at string, n *value.Node) {
	GinkgoHelper()
	for m := n.Get("properties").First(); m != nil; m = m.Next() {
		here := at + "/" + m.Key()
		Expect(m.Get("title").Text()).NotTo(BeEmpty(), here)
		Expect(m.Get("description").Text()).To(HaveSuffix("."), here)
		Expect(strings.TrimSpace(m.Get("description").Text())).To(Equal(m.Get("description").Text()), here)
		expectDescribed(here, m)
		expectDescribed(here+"/items", m.Get("items"))
	}
	for m := n.Get("definitions").First(); m != nil; m = m.Next() {
		expectDescribed(at+"/"+m.Key(), m)
	}
}
