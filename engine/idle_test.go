package engine_test

import (
	"io/fs"
	"regexp"
	"testing/fstest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
)

var _ = Describe("A change of an overlay", func() {
	overlaid := func(changes string) (*engine.Program, source.Diagnostics) {
		GinkgoHelper()
		overlay := fstest.MapFS{"o.yaml": {Data: []byte("celmap: overlay/v1\nname: team\nbase: shop\nchanges:\n" + changes)}}
		base := folder("shop")
		return load(overlay, engine.WithBase(func(string) (fs.FS, string, bool) { return base, "shop", true }))
	}
	digest := func(rule string) string {
		GinkgoHelper()
		_, found := overlaid("  - {rule: " + rule + ", remove: true}\n")
		return regexp.MustCompile("digest: ([0-9a-f]+)").FindStringSubmatch(found[0].Help)[1]
	}

	DescribeTable("that changes nothing is doubted", func(rule, change, says string) {
		p, found := overlaid("  - {rule: " + rule + ", digest: " + digest(rule) + ", " + change + "\n")
		Expect(found).To(BeEmpty())
		Expect(p.Warnings()).To(HaveLen(1))
		w := p.Warnings()[0]
		Expect(w.Code).To(Equal("idle-change"))
		Expect(w.Span.Text()).To(Equal(rule))
		Expect(w.Summary).To(ContainSubstring(says))
	},
		Entry("a rule replaced by itself", "shop/hosts/api", "replace: https://api.shop.example}", "by what stands there already"),
		Entry("an entry moved to where it stands", "shop/auth/basic", "move: true, after: token}", "to where it stands already"),
		Entry("an entry moved twice", "shop/auth/basic", "move: true, before: token}\n  - {rule: shop/auth/basic, move: true, after: token}", "in this way already"),
	)

	It("that changes something is not", func() {
		p, found := overlaid("  - {rule: shop/auth/basic, move: true, before: token}\n  - {rule: shop/hosts/api, digest: " + digest("shop/hosts/api") + ", replace: https://other.shop.example}\n")
		Expect(found).To(BeEmpty())
		Expect(p.Warnings()).To(BeEmpty())
	})
})
