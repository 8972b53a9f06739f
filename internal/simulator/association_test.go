package simulator_test

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Associations", func() {
	var p *portal
	var ann, bob, acme, deal string
	BeforeEach(func() {
		p = start(`{"objects": {"car": {"objectTypeId": "2-123"}}, "associations": [{"from": "contacts", "to": "companies", "typeId": 41, "name": "billing", "label": "Billing", "inverseTypeId": 42, "inverseLabel": "Billed by"}]}`)
		ann, bob = p.made("contacts", object{"email": "a@acme.com"}), p.made("contacts", object{"email": "b@acme.com"})
		acme, deal = p.made("companies", object{"name": "Acme"}), p.made("deals", object{"dealname": "Big"})
	})
	pair := func(from, to string, more object) object {
		in := object{"from": object{"id": from}, "to": object{"id": to}}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	kinds := func(ids ...int) object {
		list := []object{}
		for _, id := range ids {
			category := "HUBSPOT_DEFINED"
			if id == 41 || id == 42 {
				category = "USER_DEFINED"
			}
			list = append(list, object{"associationCategory": category, "associationTypeId": id})
		}
		return object{"types": list}
	}
	// ties returns the ids of the kinds by which a record is tied to another.
	ties := func(from, id, to, other string) []any {
		GinkgoHelper()
		a := p.get("/crm/v4/objects/" + from + "/" + id + "/associations/" + to)
		Expect(a.status).To(Equal(200), a.text)
		ids := []any{}
		for _, r := range a.body["results"].([]any) {
			for _, k := range r.(object)["associationTypes"].([]any) {
				ids = append(ids, k.(object)["typeId"])
			}
		}
		return ids
	}

	It("are made by name or id in v3, which shows a contact's primary company only", func() {
		const v3 = "/crm/v3/associations/contacts/companies/batch/"
		a := p.batch(v3+"create", pair(ann, acme, object{"type": "contact_to_company"}), pair(bob, acme, object{"type": 1}))
		Expect(a.status).To(Equal(201), a.text)
		Expect(a.body["results"]).To(HaveLen(2))
		Expect(a.body["results"]).To(ContainElement(HaveKeyWithValue("type", "contact_to_company")))
		Expect(ties("companies", acme, "contacts", ann)).To(ConsistOf(280.0, 2.0, 280.0, 2.0))

		a = p.batch(v3+"read", object{"id": ann})
		Expect(a.body["results"]).To(ConsistOf(Equal(object{"from": object{"id": ann}, "to": []any{object{"id": acme, "type": "contact_to_company"}}})))
		Expect(p.batch(v3+"archive", pair(ann, acme, object{"type": "contact_to_company"})).status).To(Equal(204))
		Expect(ties("contacts", ann, "companies", acme)).To(ConsistOf(279.0))
		Expect(p.batch(v3+"create", pair(ann, acme, object{"type": "nosuch"})).status).To(Equal(400))
		Expect(p.get("/crm/v3/associations/contacts/deals/types").body["results"]).To(ConsistOf(Equal(object{"id": "4", "name": "contact_to_deal"})))
	})

	DescribeTable("are made in batches of later versions", func(prefix string, archived int) {
		a := p.batch(prefix+"contacts/companies/batch/create", pair(ann, acme, kinds(41)))
		Expect(a.status).To(Equal(201), a.text)
		Expect(a.body["results"]).To(ConsistOf(HaveKeyWithValue("labels", Equal([]any{"Billing"}))))
		a = p.batch(prefix+"companies/contacts/batch/read", object{"id": acme})
		Expect(a.body["results"]).To(ConsistOf(And(HaveKeyWithValue("from", Equal(object{"id": acme})), HaveKeyWithValue("to", ConsistOf(HaveKeyWithValue("associationTypes", ConsistOf(
			Equal(object{"category": "HUBSPOT_DEFINED", "typeId": 280.0, "label": nil}), Equal(object{"category": "USER_DEFINED", "typeId": 42.0, "label": "Billed by"}))))))))
		Expect(p.batch(prefix+"contacts/companies/batch/labels/archive", pair(ann, acme, kinds(41))).status).To(Equal(204))
		Expect(ties("companies", acme, "contacts", ann)).To(ConsistOf(280.0))
		Expect(p.batch(prefix+"contacts/companies/batch/archive", object{"from": object{"id": ann}, "to": []object{{"id": acme}}}).status).To(Equal(archived))
		Expect(ties("companies", acme, "contacts", ann)).To(BeEmpty())

		a = p.batch(prefix+"contacts/deals/batch/associate/default", pair(ann, deal, nil), pair(bob, deal, nil))
		Expect(a.status).To(Equal(200), a.text)
		Expect(ties("deals", deal, "contacts", ann)).To(ConsistOf(3.0, 3.0))
		a = p.batch(prefix+"contacts/deals/batch/read", object{"id": ann}, object{"id": "17"})
		Expect(a.status).To(Equal(207))
		Expect(a.body["results"]).To(HaveLen(1))
		Expect(p.batch(prefix+"contacts/companies/batch/create", pair(ann, acme, kinds(280))).status).To(Equal(400), "the wrong direction")
	}, Entry(nil, "/crm/v4/associations/", 204), Entry(nil, "/crm/associations/2026-03/", 204), Entry(nil, "/crm/associations/2026-09/", 200))

	DescribeTable("are made one by one", func(prefix string) {
		path := prefix + "contacts/" + ann + "/associations/"
		for range 2 {
			Expect(p.do("PUT", path+"default/companies/"+acme, nil).status).To(Equal(200))
		}
		Expect(ties("contacts", ann, "companies", acme)).To(ConsistOf(279.0))
		a := p.do("PUT", path+"companies/"+acme, kinds(1)["types"])
		Expect(a.status).To(Equal(201), a.text)
		Expect(a.body).To(And(HaveKeyWithValue("fromObjectTypeId", "0-1"), HaveKeyWithValue("toObjectTypeId", "0-2"), HaveKeyWithValue("labels", Equal([]any{"Primary"}))))
		Expect(p.do("PUT", path+"companies/"+acme, kinds(41)["types"]).status).To(Equal(201))
		Expect(ties("contacts", ann, "companies", acme)).To(ConsistOf(279.0, 41.0), "new labels replace old ones")
		Expect(p.do("DELETE", path+"companies/"+acme, nil).status).To(Equal(204))
		Expect(ties("contacts", ann, "companies", acme)).To(BeEmpty())
	}, Entry(nil, "/crm/v4/objects/"), Entry(nil, "/crm/objects/2026-03/"), Entry(nil, "/crm/objects/2026-09/"))

	It("name what cannot be tied, and tie the rest", func() {
		a := p.batch("/crm/v4/associations/contacts/contacts/batch/create", pair(ann, bob, kinds(449)), pair(ann, ann, kinds(449)), pair(ann, "x", kinds(449)))
		Expect(a.status).To(Equal(207))
		Expect(a.body["results"]).To(HaveLen(1))
		Expect(a.errors()).To(ConsistOf(
			HaveKeyWithValue("message", "Object "+ann+" cannot be associated to itself ("+ann+")"),
			And(HaveKeyWithValue("message", "x is not a valid ID"), HaveKeyWithValue("subCategory", "crm.associations.INVALID_IDENTIFIER"))))
	})

	It("come with new records", func() {
		tie := func(to string, id int) object {
			return object{"properties": object{"firstname": "Cy"}, "associations": []object{{"to": object{"id": to}, "types": kinds(id)["types"]}}}
		}
		a := p.post("/crm/v3/objects/contacts", tie(acme, 279))
		Expect(a.status).To(Equal(201), a.text)
		id := a.body["id"].(string)
		Expect(p.get("/crm/v3/objects/contacts/" + id + "?associations=companies").body["associations"]).To(HaveKeyWithValue("companies",
			HaveKeyWithValue("results", ConsistOf(Equal(object{"id": acme, "type": "contact_to_company_unlabeled"})))))
		a = p.post("/crm/v3/objects/contacts", tie(acme, 4+1))
		Expect(a.status).To(Equal(400))
		Expect(a.body).To(And(HaveKeyWithValue("message", "One or more associations are invalid"),
			HaveKeyWithValue("errors", ConsistOf(HaveKeyWithValue("message", "invalid from object type 0-1 for associations to be created. expected: 0-3")))))
		in := tie("17", 279)
		in["objectWriteTraceId"] = "1"
		Expect(p.batch("/crm/v3/objects/contacts/batch/create", in).status).To(Equal(207))
	})

	It("end with their records", func() {
		Expect(p.do("PUT", "/crm/v4/objects/contacts/"+ann+"/associations/default/companies/"+acme, nil).status).To(Equal(200))
		Expect(p.do("DELETE", "/crm/v3/objects/contacts/"+ann, nil).status).To(Equal(204))
		Expect(ties("companies", acme, "contacts", ann)).To(BeEmpty())
		Expect(p.batch("/crm/v4/associations/contacts/companies/batch/read", object{"id": ann}).body).To(HaveKeyWithValue("results", BeEmpty()))
	})

	It("have labels, and take new ones", func() {
		a := p.get("/crm/v4/associations/contacts/companies/labels")
		Expect(a.body["results"]).To(ConsistOf(
			Equal(object{"category": "HUBSPOT_DEFINED", "typeId": 279.0, "label": nil}), Equal(object{"category": "HUBSPOT_DEFINED", "typeId": 1.0, "label": "Primary"}),
			Equal(object{"category": "USER_DEFINED", "typeId": 41.0, "label": "Billing"})))
		a = p.post("/crm/associations/2026-09/contacts/deals/labels", object{"name": "buyer", "label": "Buyer", "inverseLabel": "Bought"})
		Expect(a.body["results"]).To(HaveExactElements(HaveKeyWithValue("label", "Buyer"), HaveKeyWithValue("label", "Bought")))
		Expect(p.get("/crm/v4/associations/car/contacts/labels").body["results"]).To(HaveLen(1))
	})

	DescribeTable("have labels that get other words, and go", func(prefix string) {
		path := prefix + "contacts/companies/labels"
		label := func(from, to string, id float64) any {
			for _, k := range p.get(prefix + from + "/" + to + "/labels").body["results"].([]any) {
				if k.(object)["typeId"] == id {
					return k.(object)["label"]
				}
			}
			return "none"
		}
		Expect(p.batch(prefix+"contacts/companies/batch/create", pair(ann, acme, kinds(41))).status).To(Equal(201))
		Expect(p.do("PUT", path, object{"associationTypeId": 41, "label": "Pays"}).status).To(Equal(204))
		Expect(label("contacts", "companies", 41)).To(Equal("Pays"))
		Expect(label("companies", "contacts", 42)).To(Equal("Billed by"))
		Expect(p.do("PUT", path, object{"associationTypeId": 41, "label": "Pays", "inverseLabel": "Paid by"}).status).To(Equal(204))
		Expect(label("companies", "contacts", 42)).To(Equal("Paid by"))
		both := p.post(prefix+"contacts/contacts/labels", object{"name": "friend", "label": "Friend"}).body["results"].([]any)[0].(object)["typeId"].(float64)
		Expect(p.do("PUT", prefix+"contacts/contacts/labels", object{"associationTypeId": both, "label": "Pal"}).status).To(Equal(204))
		Expect(label("contacts", "contacts", both)).To(Equal("Pal"))

		Expect(ties("companies", acme, "contacts", ann)).To(ConsistOf(280.0, 42.0))
		Expect(p.do("DELETE", path+"/41", nil).status).To(Equal(204))
		Expect(label("contacts", "companies", 41)).To(Equal("none"))
		Expect(label("companies", "contacts", 42)).To(Equal("none"))
		Expect(ties("contacts", ann, "companies", acme)).To(ConsistOf(279.0))
		Expect(ties("companies", acme, "contacts", ann)).To(ConsistOf(280.0))

		for _, id := range []int{41, 279, 1} { // gone, and HubSpot's own
			Expect(p.do("DELETE", path+fmt.Sprintf("/%d", id), nil).status).To(Equal(400))
			Expect(p.do("PUT", path, object{"associationTypeId": id, "label": "X"}).status).To(Equal(400))
		}
		Expect(p.do("PUT", path, object{"label": "X"}).body).To(HaveKeyWithValue("message", ContainSubstring("associationTypeId")))
	}, Entry(nil, "/crm/v4/associations/"), Entry(nil, "/crm/associations/2026-03/"), Entry(nil, "/crm/associations/2026-09/"))

	It("are limited", func() {
		Expect(p.batch("/crm/v4/associations/contacts/companies/batch/create", make([]object, 2001)...).status).To(Equal(400))
		Expect(p.batch("/crm/v4/associations/contacts/companies/batch/read", make([]object, 1001)...).status).To(Equal(400))
	})

	It("of custom objects are made as RudderStack's guide says", func() {
		car := p.made("car", object{})
		a := p.batch("/crm/v3/associations/p12345678_car/contact/batch/create", pair(car, ann, object{"type": "car_to_contact"}))
		Expect(a.status).To(Equal(201), a.text)
	})
})
