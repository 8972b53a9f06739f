package simulator_test

import (
	"encoding/json"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// kinds is a portal with a property of every type.
const kinds = `{"searchLag": "0s", "objects": {"contacts": {"properties": [
	{"name": "amount", "label": "Amount", "type": "number", "fieldType": "number"},
	{"name": "yes", "label": "Yes", "type": "bool", "fieldType": "booleancheckbox"},
	{"name": "old_yes", "label": "Yes", "type": "enumeration", "fieldType": "booleancheckbox", "options": [{"label": "Yes", "value": "true"}, {"label": "No", "value": "false"}]},
	{"name": "day", "label": "Day", "type": "date", "fieldType": "date"},
	{"name": "moment", "label": "Moment", "type": "datetime", "fieldType": "date"},
	{"name": "colour", "label": "Colour", "type": "enumeration", "fieldType": "select", "options": [{"label": "Red", "value": "red"}, {"label": "Blue", "value": "blue"}]},
	{"name": "colours", "label": "Colours", "type": "enumeration", "fieldType": "checkbox", "options": [{"label": "Red", "value": "red"}, {"label": "Blue", "value": "blue"}, {"label": "Green", "value": "green"}]},
	{"name": "mobile", "label": "Mobile", "type": "phone_number", "fieldType": "phonenumber"},
	{"name": "customer_number", "label": "Customer number", "type": "string", "fieldType": "text", "hasUniqueValue": true},
	{"name": "sum", "label": "Sum", "type": "number", "fieldType": "calculation_equation", "calculated": true},
	{"name": "owner", "label": "Owner", "type": "enumeration", "fieldType": "select", "externalOptions": true}
]}}}`

var _ = Describe("A value", func() {
	// write gives a contact a value, in a version's way.
	write := func(p *portal, path, property string, value any) answer {
		GinkgoHelper()
		return p.post(path+"/contacts", object{"properties": object{"firstname": "Ann", property: value}})
	}

	DescribeTable("is stored", func(property string, value any, stored string) {
		p := start(kinds)
		a := write(p, "/crm/v3/objects", property, value)
		Expect(a.status).To(Equal(201), a.text)
		Expect(a.body["properties"]).To(HaveKeyWithValue(property, stored))
		Expect(p.properties("contacts", a.body["id"].(string), property)).To(HaveKeyWithValue(property, stored))
	},
		Entry(nil, "amount", "-12.50", "-12.50"),
		Entry(nil, "amount", "+7", "+7"),
		Entry("numbers keep their digits", "amount", json.Number("12345678901234567890.10"), "12345678901234567890.10"),
		Entry(nil, "firstname", 17, "17"),
		Entry(nil, "firstname", true, "true"),
		Entry(nil, "yes", true, "true"),
		Entry(nil, "yes", "false", "false"),
		Entry(nil, "old_yes", "false", "false"),
		Entry(nil, "day", "2024-02-29", "2024-02-29"),
		Entry("milliseconds at midnight", "day", "1709164800000", "2024-02-29"),
		Entry("a day before 1970", "day", -86400000, "1969-12-31"),
		Entry(nil, "moment", "2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00Z"),
		Entry(nil, "moment", 1709200800500, "2024-02-29T10:00:00.500Z"),
		Entry(nil, "colour", "red", "red"),
		Entry(nil, "colours", "red;green", "red;green"),
		Entry("what comes twice counts once", "colours", ";red;red", "red"),
		Entry(nil, "mobile", "+49 30 12", "+49 30 12"),
		Entry("options that are not listed", "owner", "anybody", "anybody"),
		Entry(nil, "email", "Ann@Acme.COM", "ann@acme.com"),
		Entry(nil, "email", "ann+x@büro.de", "ann+x@büro.de"),
		Entry("a top-level domain that is no ASCII", "email", "иван@пример.рф", "иван@пример.рф"),
		Entry("65,536 characters", "lastname", strings.Repeat("ä", 65536), strings.Repeat("ä", 65536)),
	)

	DescribeTable("is refused", func(property string, value any, code, message string) {
		p := start(kinds)
		a := write(p, "/crm/v3/objects", property, value)
		Expect(a.status).To(Equal(400), a.text)
		Expect(a.codes()).To(Equal(map[string]string{property: code}))
		Expect(a.errors()[0]["message"]).To(ContainSubstring(message))
		Expect(a.errors()[0]).To(HaveKeyWithValue("context", Equal(object{"propertyName": []any{property}})))
	},
		Entry(nil, "amount", "1.42e-14", "INVALID_INTEGER", "1.42e-14 was not a valid number."),
		Entry(nil, "amount", "1,5", "INVALID_INTEGER", "1,5 was not a valid number."),
		Entry(nil, "amount", "1.5.", "INVALID_INTEGER", ""),
		Entry(nil, "amount", "-", "INVALID_INTEGER", ""),
		Entry(nil, "amount", "ten", "INVALID_INTEGER", ""),
		Entry(nil, "yes", "1", "INVALID_OPTION", "1 was not one of the allowed options: [label: \"Yes\"\nvalue: \"true\"\ndisplay_order: 0\nhidden: false\nread_only: false\n, label: \"No\""),
		Entry(nil, "yes", "True", "INVALID_OPTION", ""),
		Entry(nil, "old_yes", "Yes", "INVALID_OPTION", ""),
		Entry("seconds", "day", "1635535865", "INVALID_DATE", "1635535865 is at 22:18:55.865 UTC, not midnight!"),
		Entry("a time", "day", "2024-02-29T10:00:00Z", "INVALID_DATE", "10:00:00.000 UTC, not midnight!"),
		Entry(nil, "day", "2023-02-29", "INVALID_LONG", "2023-02-29 was not a valid long."),
		Entry(nil, "moment", "tomorrow", "INVALID_LONG", "tomorrow was not a valid long."),
		Entry(nil, "moment", "2024-02-29", "INVALID_LONG", ""),
		Entry(nil, "moment", "2024-02-29T10:00:00", "INVALID_LONG", ""),
		Entry("letter case counts", "colour", "Red", "INVALID_OPTION", "Red was not one of the allowed options"),
		Entry(nil, "colours", "red;pink", "INVALID_OPTION", "pink was not one"),
		Entry(nil, "email", "ann", "INVALID_EMAIL", "Email address ann is invalid"),
		Entry(nil, "email", "x@test.con", "INVALID_EMAIL", "Email address x@test.con is invalid"),
		Entry(nil, "email", "a@b@acme.com", "INVALID_EMAIL", ""),
		Entry(nil, "email", "a@acme", "INVALID_EMAIL", ""),
		Entry(nil, "hs_additional_emails", "b@acme.com;c", "INVALID_EMAIL", "Email address c is invalid"),
		Entry(nil, "nosuch", "x", "PROPERTY_DOESNT_EXIST", `Property "nosuch" does not exist`),
		Entry(nil, "sum", "1", "READ_ONLY_VALUE", `"sum" is a calculated property; its value cannot be set.`),
		Entry(nil, "hs_object_id", "1", "READ_ONLY_VALUE", ""),
		Entry("65,537 characters", "lastname", strings.Repeat("a", 65537), "PROPERTY_VALUE_TOO_LONG", ""),
	)

	It("is cleared by an empty text and by null", func() {
		p := start(kinds)
		id := p.made("contacts", object{"email": "a@acme.com", "amount": 7, "day": "2024-01-01"})
		Expect(p.do("PATCH", "/crm/v3/objects/contacts/"+id, object{"properties": object{"amount": "", "day": nil}}).status).To(Equal(200))
		Expect(p.properties("contacts", id, "amount", "day")).To(And(HaveKeyWithValue("amount", BeNil()), HaveKeyWithValue("day", BeNil())))
	})

	It("is added to others with a semicolon in front", func() {
		p := start(kinds)
		id := p.made("contacts", object{"email": "a@acme.com", "colours": "red"})
		p.batch(upserts, byEmail("a@acme.com", "", object{"colours": ";blue;red"}))
		Expect(p.properties("contacts", id, "colours")).To(HaveKeyWithValue("colours", "red;blue"))
		p.batch(upserts, byEmail("a@acme.com", "", object{"colours": "green"}))
		Expect(p.properties("contacts", id, "colours")).To(HaveKeyWithValue("colours", "green"))
	})

	It("of lifecyclestage moves forward only, and nothing is said", func() {
		p := start(kinds)
		id := p.made("contacts", object{"email": "a@acme.com", "lifecyclestage": "customer"})
		patch := func(stage string) {
			GinkgoHelper()
			a := p.do("PATCH", "/crm/v3/objects/contacts/"+id, object{"properties": object{"lifecyclestage": stage}})
			Expect(a.status).To(Equal(200), a.text)
		}
		patch("lead")
		Expect(p.properties("contacts", id, "lifecyclestage")).To(HaveKeyWithValue("lifecyclestage", "customer"))
		patch("")
		patch("lead")
		Expect(p.properties("contacts", id, "lifecyclestage")).To(HaveKeyWithValue("lifecyclestage", "lead"))
	})

	It("is not JSON", func() {
		p := start(kinds)
		a := p.post("/crm/v3/objects/contacts", "{\n \"properties\": {\n  \"email\": {\"x\": 1}}}")
		Expect(a.status).To(Equal(400))
		Expect(a.body).To(And(HaveKeyWithValue("message", MatchRegexp(`^Invalid input JSON on line 3, column \d+: Cannot deserialize value of type `)), Not(HaveKey("category"))))
		a = p.post("/crm/v3/objects/contacts", `{"properties": {"email": `)
		Expect(a.body).To(HaveKeyWithValue("message", HavePrefix("Invalid input JSON on line 1, column ")))
		Expect(p.post(upserts, `{"inputs": "x"}`).status).To(Equal(400))
		Expect(p.post(upserts, `{}`).status).To(Equal(400))
	})

	It("of any kind never stops the server", func() {
		p := start(kinds)
		id := p.made("contacts", object{"email": "a@acme.com"})
		paths := []string{"POST /crm/v3/objects/contacts", "PATCH /crm/v3/objects/contacts/" + id, "POST /crm/v3/objects/contacts/search", "POST /crm/v3/objects/contacts/merge",
			"POST /crm/v3/objects/contacts/gdpr-delete", "POST /crm/v3/associations/contacts/companies/batch/create", "POST /crm/v4/associations/contacts/companies/batch/create",
			"POST /crm/v4/associations/contacts/companies/batch/archive", "POST /crm/v4/associations/contacts/companies/labels", "PUT /crm/v4/objects/contacts/" + id + "/associations/companies/1",
			"POST /crm/v3/properties/contacts", "PATCH /crm/v3/properties/contacts/email", "POST /crm-object-schemas/v3/schemas"}
		for _, verb := range []string{"create", "update", "upsert", "read", "archive"} {
			paths = append(paths, "POST /crm/v3/objects/contacts/batch/"+verb)
		}
		for _, path := range paths {
			for _, body := range []string{
				"", "null", "[]", "7", `"x"`, "{}", `{"inputs":[null]}`, `{"inputs":[7]}`, `{"inputs":[{"id":null,"properties":null}]}`, `{"inputs":[{"id":{},"properties":[]}]}`,
				`{"properties":null}`, `{"properties":{"email":"a@"}}`, `{"properties":{"email":"@."}}`, `{"properties":{"email":"a@."}}`, `{"properties":{"x":[1]}}`, `{"properties":{"hs_additional_emails":";;"}}`,
				`{"filterGroups":[null]}`, `{"filterGroups":[{"filters":[null]}]}`, `{"after":-1}`, `{"after":"x"}`, `{"limit":0}`, `{"limit":"x"}`, `{"sorts":[null]}`, `{"query":"  "}`,
				`{"inputs":[{"from":null,"to":null,"types":null,"type":{}}]}`, `[{"associationTypeId":"x"}]`, `[null]`, `{"options":7}`, "{\"properties\":{\"email\":\"\xff\"}}", strings.Repeat("[", 20000),
			} {
				method, to, _ := strings.Cut(path, " ")
				Expect(p.do(method, to, body).status).To(BeNumerically("<", 500), path+" "+body)
			}
		}
	})

	It("that comes twice counts as the last one says", func() {
		a := start(kinds).post("/crm/v3/objects/contacts", `{"properties": {"firstname": "A", "lastname": "L", "firstname": "B"}}`)
		Expect(a.body["properties"]).To(HaveKeyWithValue("firstname", "B"))
	})

	Describe("in 2026-09", func() {
		const path = "/crm/objects/2026-09"

		DescribeTable("is made a day, with a warning", func(value any, raw, normalised, stored string) {
			p := start(kinds)
			a := write(p, path, "day", value)
			Expect(a.status).To(Equal(201), a.text)
			Expect(a.body["properties"]).To(HaveKeyWithValue("day", stored))
			Expect(a.body["warnings"]).To(ConsistOf(Equal(object{
				"category": "PROPERTY_VALUE_NORMALIZED", "message": "day was normalized",
				"context": object{"normalizedValue": normalised, "propertyName": "day", "rawValue": raw},
			})))
			Expect(write(p, "/crm/objects/2026-03", "day", value).status).To(Equal(400))
		},
			Entry(nil, "1990-01-01T00:00:00Z", "1990-01-01T00:00:00Z", "631152000000", "1990-01-01"),
			Entry("a time", "2024-02-29T23:30:00-01:00", "2024-02-29T23:30:00-01:00", "1709251200000", "2024-03-01"),
			Entry("seconds", 1635535865, "1635535865", "1635465600000", "2021-10-29"),
			Entry("milliseconds", 1709200800500, "1709200800500", "1709164800000", "2024-02-29"),
		)

		It("that is a day has no warning", func() {
			a := write(start(kinds), path, "day", "2024-02-29")
			Expect(a.status).To(Equal(201))
			Expect(a.body).NotTo(HaveKey("warnings"))
		})

		It("must be there if the portal's rules say so", func() {
			p := start(`{"objects": {"contacts": {"form": ["firstname"], "conditions": [{"when": "country", "is": ["US"], "require": ["state"]}]}}}`)
			a := p.post(path+"/contacts", object{"properties": object{"email": "a@acme.com"}})
			Expect(a.status).To(Equal(400))
			Expect(a.body).To(And(HaveKeyWithValue("message", "The property values provided are invalid"), HaveKeyWithValue("errors", ConsistOf(Equal(object{
				"code": "MISSING_REQUIRED_PROPERTY", "message": "A value for firstname must be provided", "context": object{"propertyName": []any{"firstname"}},
			})))))
			in := object{"properties": object{"email": "a@acme.com", "firstname": "Ann", "country": "US"}}
			a = p.post(path+"/contacts", in)
			Expect(a.errors()).To(ConsistOf(Equal(object{
				"code":    "MISSING_CONDITIONAL_REQUIRED_PROPERTY",
				"message": "state is required because of a conditional property rule based on [country]", "context": object{"propertyName": []any{"state"}},
			})))
			a = p.batch(path+"/contacts/batch/upsert",
				byEmail("b@acme.com", "1", object{"firstname": "Bob"}), byEmail("c@acme.com", "2", object{"country": "US", "firstname": "Cy"}))
			Expect(a.status).To(Equal(207))
			Expect(a.errors()).To(ConsistOf(HaveKeyWithValue("context", Equal(object{"objectWriteTraceId": []any{"2"}}))))
			Expect(p.post("/crm/v3/objects/contacts", in).status).To(Equal(201))
			Expect(p.do("PATCH", path+"/contacts/c@acme.com?idProperty=email", object{"properties": object{}}).status).To(Equal(404))
		})
	})
})
