package engine_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
)

var _ = Describe("a value that is no option of its target", func() {
	DescribeTable("is refused with those that there are", func(level, options, want string) {
		p, err := engine.Load(crm(), engine.WithName("rules"))
		Expect(err).NotTo(HaveOccurred())
		c, err := p.Bind(engine.Settings{Config: []byte(`{"token":"t"}`), Portal: map[string][]byte{"fields": []byte(`{"fields":[{"name":"level","type":"choice","writable":true,"options":` + options + `}]}`)}})
		Expect(err).NotTo(HaveOccurred())
		o := c.Plan(inputs(`{"type":"identify","messageId":"m","userId":"u","traits":{"email":"ann@example.com","level":` + level + `}}`)).Map()
		defer o.Release()
		Expect(o.Results()[0].Error).NotTo(BeNil())
		_, said, _ := strings.Cut(o.Results()[0].Error.Message, "which is of type choice: ")
		Expect(said).To(Equal(want), o.Results()[0].Error.Message)
	},
		Entry("the nearest is named", `"Pro"`, `["free","pro"]`, "The CRM lists other options for this field; it takes free, pro; did you mean pro?"),
		Entry("a number is near to none", `7`, `["free","pro"]`, "The CRM lists other options for this field; it takes free, pro"),
		Entry("at most twelve", `"zzzz"`, `["a1","b2","c3","d4","e5","f6","g7","h8","i9","j10","k11","l12","m13"]`, "The CRM lists other options for this field; it takes a1, b2, c3, d4, e5, f6, g7, h8, i9, j10, k11, l12 …"),
		Entry("none", `"zzzz"`, `[]`, "The CRM lists other options for this field"),
		Entry("so many that trying all takes too long", `"zzzz"`, `["`+strings.Repeat(`x","`, 30000)+`y"]`, "The CRM lists other options for this field"),
	)
})
