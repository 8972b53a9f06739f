package simulator_test

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"
)

var _ = Describe("A search by values", func() {
	It("finds what a look at every record finds", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			p := start(`{"objects": {"contacts": {"properties": [{"name": "code", "label": "Code", "type": "string", "fieldType": "text", "hasUniqueValue": true}]}}}`)
			const contacts = "/crm/v3/objects/contacts"
			var ids []string
			some := func() string { return rapid.SampledFrom(ids).Draw(t, "id") }
			email := func() string { return fmt.Sprintf("a%d@acme.com", rapid.IntRange(0, 5).Draw(t, "email")) }
			name := rapid.SampledFrom([]string{"Ann", "ann", "Bob", ""})
			for range rapid.IntRange(5, 30).Draw(t, "steps") {
				step := rapid.IntRange(0, 9).Draw(t, "step")
				if len(ids) == 0 {
					step = 0
				}
				switch step {
				case 0, 1:
					a := p.post(contacts, object{"properties": object{"email": email(), "firstname": name.Draw(t, "name"), "code": rapid.SampledFrom([]string{"", "X", "y"}).Draw(t, "code")}})
					if a.status == 201 {
						ids = append(ids, a.body["id"].(string))
					}
				case 2:
					p.do("PATCH", contacts+"/"+some(), object{"properties": object{"email": email(), "firstname": name.Draw(t, "name")}})
				case 3:
					p.do("PATCH", contacts+"/"+some(), object{"properties": object{"hs_additional_emails": ";" + email()}})
				case 4:
					p.do("DELETE", contacts+"/"+some(), nil)
				case 5:
					p.post(contacts+"/merge", object{"primaryObjectId": some(), "objectIdToMerge": some()})
				case 6:
					p.post(contacts+"/gdpr-delete", object{"objectId": some()})
				default:
					p.clock.Pass(time.Duration(rapid.IntRange(1, 4).Draw(t, "seconds")) * time.Second)
				}
				var f object
				switch rapid.IntRange(0, 4).Draw(t, "filter") {
				case 0:
					f = filter("email", "EQ", strings.ToUpper(email()))
				case 1:
					f = filter("email", "IN", []string{email(), email()})
				case 2:
					f = filter("hs_additional_emails", "EQ", email())
				case 3:
					f = filter("firstname", "EQ", "ANN")
				case 4:
					f = filter("code", "IN", []string{"x", "y", "Y"})
				}
				impossible := object{"filters": []object{filter("hs_object_id", "LT", "0")}} // which no index is for
				found := p.post(searches, filtered(f))
				scanned := p.post(searches, object{"filterGroups": []object{{"filters": []object{f}}, impossible}})
				if found.status != 200 || found.text != scanned.text {
					t.Fatalf("%v: found %s, not %s", f, found.text, scanned.text)
				}
			}
		})
	})

	It("follows definitions that change", func() {
		p := start(`{"searchLag": "0s"}`)
		const code = "/crm/v3/properties/contacts"
		definition := object{"name": "code", "label": "Code", "type": "string", "fieldType": "text", "groupName": "contactinformation"}
		Expect(p.post(code, definition).status).To(Equal(201))
		p.made("contacts", object{"email": "a@acme.com", "code": "7"})
		found := func(value string) any { return p.post(searches, filtered(filter("code", "EQ", value))).body["total"] }
		Expect(found("7")).To(BeEquivalentTo(1))
		Expect(found("7.0")).To(BeEquivalentTo(0))
		Expect(p.do("PATCH", code+"/code", object{"type": "number", "fieldType": "number"}).status).To(Equal(200))
		Expect(found("7.0")).To(BeEquivalentTo(1))
		Expect(p.do("DELETE", code+"/code", nil).status).To(Equal(204))
		Expect(p.post(searches, filtered(filter("code", "EQ", "7"))).status).To(Equal(400))
	})
})
