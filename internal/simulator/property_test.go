package simulator_test

import (
	"encoding/json"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("The properties API", func() {
	const contacts = "/crm/v3/properties/contacts"
	var p *portal
	BeforeEach(func() { p = start(`{"searchLag": "0s", "objects": {"contacts": {"without": ["fax"]}}}`) })
	definition := func(more object) object {
		d := object{"name": "shoe_size", "label": "Shoe size", "type": "number", "fieldType": "number", "groupName": "contactinformation"}
		for k, v := range more {
			d[k] = v
		}
		return d
	}

	DescribeTable("lists what a type has", func(path string) {
		a := p.get(path)
		Expect(a.status).To(Equal(200))
		Expect(a.results("name")).To(And(
			HaveKeyWithValue("email", And(HaveKeyWithValue("hasUniqueValue", true), HaveKeyWithValue("type", "string"), HaveKeyWithValue("hubspotDefined", true))),
			HaveKeyWithValue("hs_object_id", HaveKeyWithValue("modificationMetadata", HaveKeyWithValue("readOnlyValue", true))),
			HaveKeyWithValue("lifecyclestage", HaveKeyWithValue("options", HaveLen(8))),
			HaveKeyWithValue("hubspot_owner_id", And(HaveKeyWithValue("externalOptions", true), HaveKeyWithValue("options", BeEmpty()))),
			Not(HaveKey("fax"))))
	}, Entry(nil, contacts), Entry(nil, "/crm/properties/2026-03/0-1"), Entry(nil, "/crm/properties/2026-09/contact"))

	It("lists contacts' properties as the old API did", func() {
		a := p.get("/properties/v1/contacts/properties")
		var list []object
		Expect(json.Unmarshal([]byte(a.text), &list)).To(Succeed())
		Expect(list).To(ContainElement(And(HaveKeyWithValue("name", "hs_object_id"), HaveKeyWithValue("readOnlyValue", true))))
	})

	It("says of email what the portal says", func() {
		Expect(start(`{"unknown": {"emailHasUniqueValue": "false"}}`).get(contacts + "/email").body).To(HaveKeyWithValue("hasUniqueValue", false))
	})

	It("makes properties, changes and archives them", func() {
		a := p.post(contacts, definition(nil))
		Expect(a.status).To(Equal(201), a.text)
		id := p.made("contacts", object{"email": "a@acme.com", "shoe_size": 43})
		a = p.post(contacts, definition(nil))
		Expect(a.status).To(Equal(409))
		Expect(a.body).To(And(HaveKeyWithValue("category", "OBJECT_ALREADY_EXISTS"), HaveKeyWithValue("subCategory", "Properties.PROPERTY_WITH_NAME_EXISTS"),
			HaveKeyWithValue("message", "A property named 'shoe_size' already exists.")))
		a = p.do("PATCH", contacts+"/shoe_size", object{"label": "Size", "hasUniqueValue": true})
		Expect(a.status).To(Equal(200))
		Expect(a.body).To(And(HaveKeyWithValue("label", "Size"), HaveKeyWithValue("hasUniqueValue", false), HaveKeyWithValue("type", "number")))

		Expect(p.do("DELETE", contacts+"/shoe_size", nil).status).To(Equal(204))
		Expect(p.get(contacts + "/shoe_size").body).To(HaveKeyWithValue("category", "OBJECT_NOT_FOUND"))
		Expect(p.do("PATCH", "/crm/v3/objects/contacts/"+id, object{"properties": object{"shoe_size": 44}}).codes()).To(HaveKeyWithValue("shoe_size", "PROPERTY_DOESNT_EXIST"))
		Expect(p.get(contacts + "?archived=true").results("name")).To(HaveLen(1))
		Expect(p.post(contacts, definition(nil)).status).To(Equal(201), "it comes back")
	})

	It("replaces options as a whole", func() {
		d := definition(object{"name": "colour", "type": "enumeration", "fieldType": "select", "options": []object{{"label": "Red", "value": "red"}}})
		Expect(p.post(contacts, d).status).To(Equal(201))
		p.do("PATCH", contacts+"/colour", object{"options": []object{{"label": "Blue", "value": "blue"}}})
		a := p.batch(upserts, byEmail("a@acme.com", "", object{"colour": "red"}))
		Expect(a.codes()).To(HaveKeyWithValue("colour", "INVALID_OPTION"))
		Expect(p.batch(upserts, byEmail("a@acme.com", "", object{"colour": "blue"})).status).To(Equal(200))
	})

	It("makes unique properties that records are found by", func() {
		Expect(p.post(contacts, definition(object{"hasUniqueValue": true, "type": "string", "fieldType": "text"})).status).To(Equal(201))
		a := p.batch(upserts, object{"id": "x1", "idProperty": "shoe_size", "properties": object{"firstname": "Ann"}})
		Expect(a.status).To(Equal(200), a.text)
		for i := range 9 {
			Expect(p.post(contacts, definition(object{"name": fmt.Sprintf("key%d", i), "hasUniqueValue": true})).status).To(Equal(201))
		}
		Expect(p.post(contacts, definition(object{"name": "key10", "hasUniqueValue": true})).status).To(Equal(400))
	})

	DescribeTable("refuses definitions", func(more object, message string) {
		a := p.post(contacts, definition(more))
		Expect(a.status).To(Equal(400))
		Expect(a.body["message"]).To(ContainSubstring(message))
	},
		Entry(nil, object{"name": "Shoe"}, "not valid"),
		Entry(nil, object{"type": "shoe"}, "shoe is not one of the types"),
		Entry(nil, object{"label": ""}, "[label]"),
		Entry(nil, object{"type": "bool", "options": []object{{"label": "Yes", "value": "true"}}}, "exactly the options true and false"),
	)
})
