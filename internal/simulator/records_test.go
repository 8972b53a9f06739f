package simulator_test

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

var _ = Describe("A record", func() {
	const contacts = "/crm/v3/objects/contacts"
	var p *portal
	BeforeEach(func() { p = start(kinds) })

	DescribeTable("is made, read, changed and archived in every version", func(prefix string) {
		a := p.post(prefix+"/contacts", object{"properties": object{"email": "Ann@acme.com", "firstname": "Ann"}})
		Expect(a.status).To(Equal(201), a.text)
		id := a.body["id"].(string)
		Expect(a.header.Get("Location")).To(Equal(prefix + "/contacts/" + id))
		Expect(a.body).To(And(HaveKeyWithValue("archived", false), HaveKeyWithValue("createdAt", "2026-11-23T12:00:00Z")))
		Expect(a.body["properties"]).To(And(
			HaveKeyWithValue("hs_object_id", id), HaveKeyWithValue("lifecyclestage", "lead"), HaveKeyWithValue("hs_email_domain", "acme.com"),
			HaveKeyWithValue("createdate", "2026-11-23T12:00:00Z"), HaveKeyWithValue("hs_object_source", "INTEGRATION")))

		a = p.get(prefix + "/contacts/" + id)
		Expect(a.body["properties"]).To(Equal(object{
			"createdate": "2026-11-23T12:00:00Z", "lastmodifieddate": "2026-11-23T12:00:00Z",
			"email": "ann@acme.com", "firstname": "Ann", "lastname": nil, "hs_object_id": id,
		}))
		p.clock.Pass(1500e6)
		a = p.do("PATCH", prefix+"/contacts/"+id, object{"properties": object{"phone": "1"}})
		Expect(a.body).To(And(HaveKeyWithValue("updatedAt", "2026-11-23T12:00:01.500Z"), HaveKeyWithValue("properties", And(
			HaveKeyWithValue("phone", "1"), HaveKeyWithValue("lastmodifieddate", "2026-11-23T12:00:01.500Z")))))
		Expect(p.do("DELETE", prefix+"/contacts/"+id, nil).status).To(Equal(204))
		Expect(p.get(prefix + "/contacts/" + id).status).To(Equal(404))
	}, Entry(nil, "/crm/v3/objects"), Entry(nil, "/crm/objects/2026-03"), Entry(nil, "/crm/objects/2026-09"))

	It("shows the properties that are asked for, sorted, and null for those without a value", func() {
		id := p.made("contacts", object{"email": "a@acme.com", "phone": "1"})
		a := p.get(contacts + "/" + id + "?properties=phone,nosuch&properties=city")
		Expect(a.text).To(MatchRegexp(`"properties":\{"city":null,"createdate":"[^"]+","hs_object_id":"\d+","lastmodifieddate":"[^"]+","phone":"1"\}`))
	})

	It("shows what properties were before", func() {
		id := p.made("contacts", object{"email": "a@acme.com", "firstname": "A"})
		other := p.made("contacts", object{"email": "b@acme.com"})
		change := func(properties object) {
			p.clock.Pass(time.Minute)
			Expect(p.do("PATCH", contacts+"/"+id, object{"properties": properties}).status).To(Equal(200))
		}
		change(object{"firstname": "Ann", "city": "Bonn"})
		change(object{"city": "", "lastname": "Lee"})
		change(object{"city": "Ulm", "firstname": "Ann"})
		value := func(text, minute string) object {
			return object{"value": text, "timestamp": "2026-11-23T12:0" + minute + ":00Z", "sourceType": "INTEGRATION", "sourceId": "1"}
		}
		city := []any{value("Ulm", "3"), value("", "2"), value("Bonn", "1")}
		a := p.get(contacts + "/" + id + "?propertiesWithHistory=firstname,city,nosuch&properties=lastname")
		Expect(a.body["properties"]).To(And(HaveKeyWithValue("firstname", "Ann"), HaveKeyWithValue("lastname", "Lee"), HaveKeyWithValue("city", "Ulm")))
		Expect(a.body["propertiesWithHistory"]).To(Equal(object{"city": city, "firstname": []any{value("Ann", "1"), value("A", "0")}}))
		a = p.post(contacts+"/batch/read", object{"propertiesWithHistory": []string{"city"}, "inputs": []object{{"id": id}, {"id": other}}})
		Expect(a.results("id")).To(And(
			HaveKeyWithValue(id, HaveKeyWithValue("propertiesWithHistory", Equal(object{"city": city}))),
			HaveKeyWithValue(other, HaveKeyWithValue("propertiesWithHistory", Equal(object{"city": []any{}})))))
		Expect(p.get(contacts + "?propertiesWithHistory=city&limit=50").results("id")).To(HaveKeyWithValue(id, HaveKeyWithValue("propertiesWithHistory", Equal(object{"city": city}))))
		Expect(p.get(contacts + "?propertiesWithHistory=city&limit=51").status).To(Equal(400))
		Expect(p.get(contacts + "/" + id).body).NotTo(HaveKey("propertiesWithHistory"))

		for i := range 30 {
			change(object{"city": fmt.Sprint(i)})
		}
		list := p.get(contacts + "/" + id + "?propertiesWithHistory=city").body["propertiesWithHistory"].(object)["city"].([]any)
		Expect(list).To(HaveLen(20))
		Expect(list[19]).To(And(HaveKeyWithValue("value", "10"), HaveKeyWithValue("timestamp", "2026-11-23T12:14:00Z")))
	})

	It("is found by its e-mails, and by unique properties", func() {
		id := p.made("contacts", object{"email": "a@acme.com", "hs_additional_emails": "B@acme.com;c@acme.com", "customer_number": "K-7"})
		for _, path := range []string{"/A@acme.com?idProperty=email", "/b@acme.com?idProperty=email", "/k-7?idProperty=customer_number"} {
			Expect(p.get(contacts + path).body).To(HaveKeyWithValue("id", id))
		}
		Expect(p.get(contacts + "/d@acme.com?idProperty=email").body).To(And(HaveKeyWithValue("message", "resource not found"), Not(HaveKey("category"))))
		Expect(p.get(contacts + "/x?idProperty=firstname").status).To(Equal(400))
		Expect(p.do("PATCH", contacts+"/c@acme.com?idProperty=email", object{"properties": object{"firstname": "Ann"}}).body).To(HaveKeyWithValue("id", id))
		a := p.batch(upserts, byEmail("b@acme.com", "", object{"lastname": "Lee"}))
		Expect(a.results("new")).To(HaveKeyWithValue("false", HaveKeyWithValue("id", id)))
		a = p.batch(upserts, object{"id": "K-7", "idProperty": "customer_number", "properties": object{"city": "Bonn"}}, object{"id": "K-8", "idProperty": "customer_number", "properties": object{"firstname": "Kay"}})
		Expect(a.results("new")).To(And(HaveKeyWithValue("false", HaveKeyWithValue("id", id)), HaveKeyWithValue("true", HaveKeyWithValue("properties", HaveKeyWithValue("customer_number", "K-8")))))
		Expect(p.properties("contacts", id, "firstname", "lastname", "city", "email")).To(And(
			HaveKeyWithValue("firstname", "Ann"), HaveKeyWithValue("lastname", "Lee"), HaveKeyWithValue("city", "Bonn"), HaveKeyWithValue("email", "a@acme.com")))
	})

	It("changes its e-mails' places when an additional one becomes the first", func() {
		id := p.made("contacts", object{"email": "a@acme.com", "hs_additional_emails": "b@acme.com"})
		p.batch(upserts, byEmail("b@acme.com", "", object{"email": "b@acme.com"}))
		Expect(p.properties("contacts", id, "email", "hs_additional_emails")).To(And(HaveKeyWithValue("email", "b@acme.com"), HaveKeyWithValue("hs_additional_emails", "a@acme.com")))
		Expect(p.get(contacts + "/a@acme.com?idProperty=email").body).To(HaveKeyWithValue("id", id))
	})

	It("cannot have an e-mail of another", func() {
		id := p.made("contacts", object{"email": "a@acme.com", "hs_additional_emails": "b@acme.com"})
		for _, properties := range []object{{"email": "A@acme.com"}, {"email": "b@acme.com"}, {"email": "z@acme.com", "hs_additional_emails": "a@acme.com"}} {
			a := p.post(contacts, object{"properties": properties})
			Expect(a.status).To(Equal(409))
			Expect(a.body).To(Equal(object{"status": "error", "category": "CONFLICT", "message": "Contact already exists. Existing ID: " + id,
				"correlationId": a.header.Get("X-HubSpot-Correlation-Id")}), "the id is in the text only")
		}
		other := p.made("contacts", object{"email": "c@acme.com"})
		Expect(p.do("PATCH", contacts+"/"+other, object{"properties": object{"email": "a@acme.com"}}).status).To(Equal(409))
		Expect(p.batch(upserts, byEmail("c@acme.com", "1", object{"email": "a@acme.com"})).errors()).To(ConsistOf(HaveKeyWithValue("category", "CONFLICT")))
		Expect(p.do("PATCH", contacts+"/"+other, object{"properties": object{"email": "d@acme.com"}}).status).To(Equal(200))
		Expect(p.made("contacts", object{"email": "c@acme.com"})).NotTo(BeEmpty())
	})

	It("cannot have a unique value of another", func() {
		p.made("contacts", object{"email": "a@acme.com", "customer_number": "7"})
		a := p.post(contacts, object{"properties": object{"email": "b@acme.com", "customer_number": "7"}})
		Expect(a.status).To(Equal(400))
		Expect(a.codes()).To(Equal(map[string]string{"customer_number": "CONFLICTING_UNIQUE_VALUE"}))
		in := []object{byEmail("c@acme.com", "1", object{"customer_number": "9"}), byEmail("d@acme.com", "2", object{"customer_number": "9"})}
		Expect(p.batch(upserts, in...).errors()).To(HaveLen(1))
	})

	It("needs something to be known by", func() {
		Expect(p.post(contacts, object{"properties": object{"phone": "1"}}).status).To(Equal(400))
		Expect(p.post("/crm/v3/objects/companies", object{"properties": object{"city": "Bonn"}}).status).To(Equal(400))
		Expect(p.post("/crm/v3/objects/companies", object{"properties": object{"domain": "acme.com"}}).status).To(Equal(201))
		Expect(p.post("/crm/v3/objects/companies", object{"properties": object{"domain": "acme.com"}}).status).To(Equal(201), "companies may be there twice")
	})

	It("is told from what there is not", func() {
		Expect(p.get(contacts + "/17").body).To(And(HaveKeyWithValue("message", "resource not found"), Not(HaveKey("category"))))
		a := p.get(contacts + "/abc")
		Expect(a.status).To(Equal(404))
		Expect(a.body).To(And(HaveKeyWithValue("message", "Object not found.  objectId are usually numeric."), HaveKeyWithValue("context", Equal(object{"id": []any{"abc"}}))))
		a = p.get("/crm/v3/objects/butterflies/1")
		Expect(a.status).To(Equal(400))
		Expect(a.body).To(HaveKeyWithValue("message", "Unable to infer object type from: butterflies"))
		Expect(p.do("DELETE", contacts+"/17", nil).status).To(Equal(204))
	})

	It("is merged with another", func() {
		first := p.made("contacts", object{"email": "a@acme.com", "firstname": "Ann"})
		second := p.made("contacts", object{"email": "b@acme.com", "firstname": "Bea", "city": "Bonn"})
		a := p.post(contacts+"/merge", object{"primaryObjectId": first, "objectIdToMerge": second})
		Expect(a.status).To(Equal(200), a.text)
		for _, path := range []string{"/" + second, "/b@acme.com?idProperty=email"} {
			Expect(p.get(contacts + path).body).To(HaveKeyWithValue("id", first))
		}
		Expect(p.properties("contacts", first, "firstname", "city", "hs_additional_emails")).To(And(
			HaveKeyWithValue("firstname", "Ann"), HaveKeyWithValue("city", "Bonn"), HaveKeyWithValue("hs_additional_emails", "b@acme.com")))
	})

	It("is deleted for good", func() {
		id := p.made("contacts", object{"email": "a@acme.com"})
		Expect(p.post(contacts+"/gdpr-delete", object{"objectId": "a@acme.com", "idProperty": "email"}).status).To(Equal(204))
		Expect(p.get(contacts + "/" + id + "?archived=true").status).To(Equal(404))
	})

	It("is listed in pages", func() {
		for _, email := range []string{"a@acme.com", "b@acme.com", "c@acme.com"} {
			p.made("contacts", object{"email": email})
		}
		a := p.get(contacts + "?limit=2")
		Expect(a.body["results"]).To(HaveLen(2))
		after := a.body["paging"].(object)["next"].(object)["after"].(string)
		a = p.get(contacts + "?limit=2&after=" + after)
		Expect(a.body).To(And(HaveKeyWithValue("results", ConsistOf(HaveKeyWithValue("properties", HaveKeyWithValue("email", "c@acme.com")))), Not(HaveKey("paging"))))
	})

	It("is there from the start if the portal says so", func() {
		p := start(`{"objects": {"contacts": {"records": [{"hs_object_id": "7", "email": "A@acme.com"}, {"email": "b@acme.com"}]}}}`)
		Expect(p.get(contacts + "/7").body["properties"]).To(HaveKeyWithValue("email", "a@acme.com"))
		Expect(p.post(searches, object{}).body).To(HaveKeyWithValue("total", 2.0))
	})

	DescribeTable("is not taken from a wrong portal", func(file, message string) {
		read, err := simulator.ReadPortal([]byte(file))
		if err == nil {
			_, err = simulator.New(read, simulator.Options{})
		}
		Expect(err).To(MatchError(ContainSubstring(message)))
	},
		Entry(nil, `{"objects": {"contacts": {"records": [{"email": "x"}]}}}`, "objects.contacts.records.0.email: Email address x is invalid"),
		Entry(nil, `{"objects": {"contacts": {"nosuch": 1}}}`, "objects.contacts.nosuch"),
		Entry(nil, `{"timeZone": "Mars"}`, "timeZone"),
		Entry(nil, `{"unknown": {"partialTraceIds": "maybe"}}`, `unknown.partialTraceIds: "maybe" is none of atomic, 207`),
		Entry(nil, `{"searchLag": "5"}`, "searchLag"),
		Entry(nil, `{"objects": {"car": {"properties": [{"name": "x", "type": "text"}]}}}`, "objects.car"),
	)
})

var _ = Describe("A custom object", func() {
	const file = `{"searchLag": "0s", "objects": {"car": {"objectTypeId": "2-123", "labels": {"singular": "Car", "plural": "Cars"}, "primaryDisplayProperty": "vin",
		"requiredProperties": ["vin"], "properties": [{"name": "vin", "label": "VIN", "type": "string", "fieldType": "text", "hasUniqueValue": true}]}}}`

	DescribeTable("is addressed", func(name string) {
		p := start(file)
		a := p.batch("/crm/v3/objects/"+name+"/batch/upsert", object{"id": "V1", "idProperty": "vin", "properties": object{}})
		Expect(a.status).To(Equal(200), a.text)
		Expect(p.get("/crm/v3/objects/2-123/V1?idProperty=vin").status).To(Equal(200))
		Expect(p.get("/crm/v3/properties/" + name + "/vin").body).To(HaveKeyWithValue("hasUniqueValue", true))
	}, Entry(nil, "2-123"), Entry(nil, "p12345678_car"), Entry(nil, "car"), Entry(nil, "Car"))

	It("needs its required properties", func() {
		a := start(file).post("/crm/v3/objects/car", object{"properties": object{}})
		Expect(a.status).To(Equal(400))
		Expect(a.body).To(HaveKeyWithValue("context", Equal(object{"properties": []any{"vin"}})))
	})

	DescribeTable("has a schema that changes", func(schemas string) {
		p := start(file)
		a := p.do("PATCH", schemas+"/car", object{"labels": object{"singular": "Auto", "plural": "Autos"}, "requiredProperties": []string{}, "searchableProperties": []string{"vin"}})
		Expect(a.status).To(Equal(200), a.text)
		Expect(a.body).To(And(HaveKeyWithValue("labels", Equal(object{"singular": "Auto", "plural": "Autos"})), HaveKeyWithValue("name", "car"),
			HaveKeyWithValue("searchableProperties", Equal([]any{"vin"}))))
		Expect(p.get(schemas + "/2-123").body).To(Equal(a.body))
		Expect(p.made("car", object{})).NotTo(BeEmpty(), "nothing is required any more")
		a = p.do("PATCH", schemas+"/car", object{"requiredProperties": []string{"wheels"}})
		Expect(a.status).To(Equal(400))
		Expect(a.body).To(HaveKeyWithValue("message", `Property "wheels" does not exist`))
		Expect(p.get(schemas + "/car").body).To(HaveKeyWithValue("requiredProperties", BeEmpty()))
		Expect(p.do("PATCH", schemas+"/contacts", object{}).status).To(Equal(400))
		Expect(p.post(schemas, object{"name": "boat", "labels": object{"singular": "Boat"}, "primaryDisplayProperty": "hull"}).body).To(HaveKeyWithValue("message", `Property "hull" does not exist`))
	}, Entry(nil, "/crm-object-schemas/v3/schemas"), Entry(nil, "/crm-object-schemas/2026-03/schemas"), Entry(nil, "/crm-object-schemas/2026-09/schemas"), Entry(nil, "/crm/v3/schemas"))

	It("has a schema", func() {
		p := start(file)
		a := p.get("/crm-object-schemas/v3/schemas")
		Expect(a.body["results"]).To(ConsistOf(And(HaveKeyWithValue("objectTypeId", "2-123"), HaveKeyWithValue("fullyQualifiedName", "p12345678_car"),
			HaveKeyWithValue("labels", Equal(object{"singular": "Car", "plural": "Cars"})))))
		a = p.post("/crm-object-schemas/2026-09/schemas", object{"name": "boat", "labels": object{"singular": "Boat"}, "properties": []object{
			{"name": "hull", "label": "Hull", "type": "string", "fieldType": "text"}}})
		Expect(a.status).To(Equal(201), a.text)
		Expect(p.made("boat", object{"hull": "oak"})).NotTo(BeEmpty())
		Expect(p.post("/crm-object-schemas/v3/schemas", object{"name": "boat", "labels": object{"singular": "Boat"}}).status).To(Equal(409))
		Expect(p.do("DELETE", "/crm-object-schemas/v3/schemas/boat", nil).status).To(Equal(400), "it has records")
		Expect(p.do("DELETE", "/crm-object-schemas/v3/schemas/car", nil).status).To(Equal(204))
		Expect(p.get("/crm/v3/schemas/car").status).To(Equal(400))
	})
})
