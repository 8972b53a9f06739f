package source_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/source"
)

var _ = Describe("Suggest", func() {
	DescribeTable("finds what was meant", func(word, meant string, others ...string) {
		Expect(source.Suggest(word, append(others, meant))).To(Equal(meant))
	},
		Entry(nil, "trait", "traits", "context"),
		Entry(nil, "emial", "email", "mail"),
		Entry(nil, "first_name", "firstName", "first_names"),
		Entry(nil, "First Name", "firstName", "name"),
		Entry(nil, "firstname", "first_name", "lastname"),
		Entry(nil, "mail", "email"),
		Entry(nil, "e_mail", "email"),
		Entry(nil, "zip", "postalCode", "city"),
		Entry(nil, "postcode", "zip"),
		Entry(nil, "telephone", "phoneNumber"),
		Entry(nil, "surname", "lastName", "firstName"),
		Entry(nil, "url", "website"),
		Entry(nil, "organization", "company"),
		Entry(nil, "condition", "when", "to"),
		Entry(nil, "if", "when", "doc"),
		Entry(nil, "town", "city"),
		Entry(nil, "peopel", "people"),
	)

	DescribeTable("finds nothing that is only alike by chance", func(word string, others ...string) {
		Expect(source.Suggest(word, others)).To(BeEmpty())
	},
		Entry(nil, "many", "config", "fields", "now"),
		Entry(nil, "id", "to", "at"),
		Entry(nil, "email", "email"),
		Entry(nil, "revenue", "address"),
	)
})

var _ = Describe("Choices", func() {
	It("names what was meant, all of a few, and some of many", func() {
		Expect(source.Choices("emial", []string{"email", "name"})).To(Equal("did you mean email?"))
		Expect(source.Choices("x", nil)).To(Equal("there is none"))
		Expect(source.Choices("gold", []string{"free", "pro"})).To(Equal("there are free, pro"))
		var many []string
		for i := range 214 {
			many = append(many, fmt.Sprintf("field%03d", i))
		}
		many = append(many, "lead_status")
		Expect(source.Choices("lead", many)).To(MatchRegexp(`^there are 215, such as lead_status, field000, (field\d+, ){3}field\d+$`))
	})
})
