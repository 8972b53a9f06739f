package simulator_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const searches = "/crm/v3/objects/contacts/search"

// filtered is a search by filters.
func filtered(filters ...object) object {
	return object{"filterGroups": []object{{"filters": filters}}}
}

func filter(property, operator string, value any) object {
	f := object{"propertyName": property, "operator": operator}
	if list, is := value.([]string); is {
		f["values"] = list
	} else if value != nil {
		f["value"] = value
	}
	return f
}

var _ = Describe("A search", func() {
	It("does not see what was written lately, while records are found by e-mail at once", func() {
		p := start(`{}`)
		id := p.made("contacts", object{"email": "a@acme.com", "firstname": "Ann"})
		ann := filtered(filter("firstname", "EQ", "ann"))
		Expect(p.post(searches, ann).body).To(And(HaveKeyWithValue("total", 0.0), HaveKeyWithValue("results", BeEmpty())))
		Expect(p.get("/crm/v3/objects/contacts/a@acme.com?idProperty=email").status).To(Equal(200))
		p.clock.Pass(5 * time.Second)
		Expect(p.post(searches, ann).body).To(HaveKeyWithValue("total", 1.0))

		Expect(p.do("PATCH", "/crm/v3/objects/contacts/"+id, object{"properties": object{"firstname": "Bea"}}).status).To(Equal(200))
		Expect(p.post(searches, ann).body).To(HaveKeyWithValue("total", 1.0))
		p.clock.Pass(5 * time.Second)
		Expect(p.post(searches, ann).body).To(HaveKeyWithValue("total", 0.0))

		Expect(p.do("DELETE", "/crm/v3/objects/contacts/"+id, nil).status).To(Equal(204))
		bea := filtered(filter("firstname", "EQ", "Bea"))
		Expect(p.post(searches, bea).body).To(HaveKeyWithValue("total", 1.0))
		p.clock.Pass(5 * time.Second)
		Expect(p.post(searches, bea).body).To(HaveKeyWithValue("total", 0.0))
	})

	Describe("of what has been there for long", Ordered, func() {
		var p *portal
		BeforeAll(func() {
			p = start(`{"searchLag": "0s", "objects": {"contacts": {
				"properties": [{"name": "born", "label": "Born", "type": "date", "fieldType": "date"}],
				"records": [
				{"email": "Ann@acme.com", "hs_additional_emails": "annie@home.org", "firstname": "Ann Marie", "followercount": "9", "lifecyclestage": "lead", "born": "1990-01-01"},
				{"email": "bob@acme.com", "firstname": "Bob", "followercount": "10", "lifecyclestage": "customer", "born": "2000-06-30"},
				{"email": "cy@other.net", "lastname": "Lee"}]}}}`)
		})

		DescribeTable("finds by filters", func(f object, emails ...string) {
			a := p.post(searches, filtered(f))
			Expect(a.status).To(Equal(200), a.text)
			found := []string{}
			for _, r := range a.body["results"].([]any) {
				found = append(found, r.(object)["properties"].(object)["email"].(string)[:1])
			}
			Expect(found).To(ConsistOf(emails))
			Expect(a.body["total"]).To(BeEquivalentTo(len(emails)))
		},
			Entry(nil, filter("email", "EQ", "ANN@acme.com"), "a"),
			Entry(nil, filter("email", "IN", []string{"ann@acme.com", "bob@acme.com"}), "a", "b"),
			Entry(nil, filter("firstname", "IN", []string{"bob"}), "b"),
			Entry("texts in lists are lower case", filter("email", "IN", []string{"ANN@acme.com"})),
			Entry(nil, filter("hs_additional_emails", "IN", []string{"annie@home.org"}), "a"),
			Entry(nil, filter("email", "NOT_IN", []string{"ann@acme.com"}), "b", "c"),
			Entry("enumerations heed letter case", filter("lifecyclestage", "EQ", "Customer")),
			Entry(nil, filter("lifecyclestage", "IN", []string{"customer"}), "b"),
			Entry("numbers are no texts", filter("followercount", "GT", 9), "b"),
			Entry(nil, filter("followercount", "LTE", "9.0"), "a"),
			Entry(nil, object{"propertyName": "followercount", "operator": "BETWEEN", "value": "1", "highValue": "9"}, "a"),
			Entry(nil, filter("born", "LT", "2000-06-30"), "a"),
			Entry("milliseconds", filter("born", "GTE", "962323200000"), "b"),
			Entry(nil, filter("lastname", "HAS_PROPERTY", nil), "c"),
			Entry(nil, filter("lastname", "NOT_HAS_PROPERTY", nil), "a", "b"),
			Entry(nil, filter("email", "CONTAINS_TOKEN", "acme.com"), "a", "b"),
			Entry(nil, filter("email", "CONTAINS_TOKEN", "*@other.net"), "c"),
			Entry(nil, filter("firstname", "CONTAINS_TOKEN", "marie"), "a"),
			Entry(nil, filter("firstname", "NOT_CONTAINS_TOKEN", "marie"), "b", "c"),
			Entry(nil, filter("firstname", "NEQ", "Bob"), "a", "c"),
		)

		It("takes any group, and all filters of a group", func() {
			a := p.post(searches, object{"filterGroups": []object{
				{"filters": []object{filter("email", "CONTAINS_TOKEN", "acme"), filter("followercount", "GT", "9")}},
				{"filters": []object{filter("lastname", "EQ", "lee")}},
			}, "properties": []string{"lastname"}})
			Expect(a.results("lastname")).To(And(HaveLen(2), HaveKey("<nil>"), HaveKey("Lee")))
		})

		It("finds words by their beginning, and sorts", func() {
			a := p.post(searches, object{"query": "acm", "sorts": []any{"-followercount"}})
			Expect(a.body["results"]).To(HaveExactElements(
				HaveKeyWithValue("properties", HaveKeyWithValue("firstname", "Bob")),
				HaveKeyWithValue("properties", HaveKeyWithValue("firstname", "Ann Marie"))))
			a = p.post(searches, object{"sorts": []object{{"propertyName": "followercount", "direction": "ASCENDING"}}})
			Expect(a.body["results"].([]any)[1]).To(HaveKeyWithValue("properties", HaveKeyWithValue("firstname", "Ann Marie")))
		})

		It("gives pages", func() {
			a := p.post(searches, object{"limit": 2})
			Expect(a.body).To(And(HaveKeyWithValue("total", 3.0), HaveKeyWithValue("results", HaveLen(2))))
			Expect(a.body["paging"].(object)["next"]).To(HaveKeyWithValue("after", "2"))
			a = p.post(searches, object{"limit": 2, "after": "2"})
			Expect(a.body).To(And(HaveKeyWithValue("results", HaveLen(1)), Not(HaveKey("paging"))))
		})

		DescribeTable("refuses what it may not be asked", func(body any) {
			a := p.post(searches, body)
			Expect(a.status).To(Equal(400))
			Expect(a.body).To(HaveKeyWithValue("category", "VALIDATION_ERROR"))
		},
			Entry("six groups", object{"filterGroups": make([]object, 6)}),
			Entry("seven filters", filtered(make([]object, 7)...)),
			Entry("nineteen filters", object{"filterGroups": []object{{"filters": make([]object, 6)}, {"filters": make([]object, 6)}, {"filters": make([]object, 6)}, {"filters": make([]object, 1)}}}),
			Entry("a page too large", object{"limit": 201}),
			Entry("past 10,000", object{"limit": 1, "after": "10000"}),
			Entry("two sorts", object{"sorts": []string{"email", "lastname"}}),
			Entry("a long query", object{"query": fmt.Sprintf("%03001d", 0)}),
			Entry("an unknown operator", filtered(filter("email", "LIKE", "x"))),
			Entry("an unknown property", filtered(filter("nosuch", "EQ", "x"))),
			Entry("no values", filtered(filter("email", "IN", nil))),
		)
	})
})
