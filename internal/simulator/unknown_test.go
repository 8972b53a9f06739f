package simulator_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

var _ = Describe("What is not known of HubSpot", func() {
	const contacts = "/crm/v3/objects/contacts"
	// switched is a portal with a switch in a position, and a contact.
	switched := func(name, position string) *portal {
		GinkgoHelper()
		p := start(fmt.Sprintf(`{"searchLag": "0s", "unknown": {%q: %q}, "objects": {"contacts": {
			"properties": [{"name": "code", "label": "Code", "type": "string", "fieldType": "text", "hasUniqueValue": true}],
			"records": [{"hs_object_id": "7", "email": "a@acme.com", "code": "x"}]}}}`, name, position))
		return p
	}

	DescribeTable("is switched", func(name string, usual, other string, ask func(*portal) answer, usualStatus, otherStatus int) {
		Expect(ask(switched(name, usual)).status).To(Equal(usualStatus))
		Expect(ask(switched(name, "")).status).To(Equal(usualStatus), "the default")
		Expect(ask(switched(name, other)).status).To(Equal(otherStatus))
	},
		Entry("upserts by e-mail without it", "partialUpsertByEmail", "merge", "refuse", func(p *portal) answer {
			return p.batch(upserts, byEmail("a@acme.com", "", object{"firstname": "Ann"}))
		}, 200, 400),
		Entry("updates by e-mail", "updateByEmail", "apply", "refuse", func(p *portal) answer {
			return p.batch(contacts+"/batch/update", byEmail("a@acme.com", "", object{"firstname": "Ann"}))
		}, 200, 400),
		Entry("additional e-mails", "additionalEmails", "apply", "readOnly", func(p *portal) answer {
			return p.do("PATCH", contacts+"/7", object{"properties": object{"hs_additional_emails": "b@acme.com"}})
		}, 200, 400),
		Entry("a value that another has", "uniqueConflict", "400", "409", func(p *portal) answer {
			return p.post(contacts, object{"properties": object{"email": "b@acme.com", "code": "x"}})
		}, 400, 409),
		Entry("top-level domains", "topLevelDomains", "check", "any", func(p *portal) answer {
			return p.post(contacts, object{"properties": object{"email": "x@test.con"}})
		}, 400, 201),
	)

	It("is refused to those who write an e-mail, too, only where it lacks", func() {
		a := switched("partialUpsertByEmail", "refuse").batch(upserts, byEmail("a@acme.com", "", object{"email": "a@acme.com"}), byEmail("b@acme.com", "", object{}))
		Expect(a.status).To(Equal(200), a.text)
	})
})

var _ = Describe("A call that cannot be", func() {
	It("has a path that is too long", func() {
		Expect(start(`{}`).get(details + "?x=" + strings.Repeat("x", 17_000)).status).To(Equal(414))
	})

	DescribeTable("is told which type was expected", func(body, wanted string) {
		a := start(`{}`).post(upserts, body)
		Expect(a.status).To(Equal(400))
		Expect(a.body).To(HaveKeyWithValue("message", ContainSubstring("Cannot deserialize value of type `"+wanted+"`")))
	},
		Entry(nil, `{"inputs": {"id": 1}}`, "java.util.ArrayList"),
		Entry(nil, `[]`, "java.util.LinkedHashMap"),
	)
})

var _ = Describe("Callers at the same time", func() {
	It("make each contact once, and each gets all of its answer", func() {
		p := start(`{"searchLag": "0s"}`)
		var all sync.WaitGroup
		for caller := range 8 {
			all.Go(func() {
				defer GinkgoRecover()
				for round := range 10 {
					var inputs []object
					for i := range 30 {
						email := fmt.Sprintf("user%d@acme.com", (caller*7+round*3+i)%60)
						inputs = append(inputs, byEmail(email, email, object{"lastname": fmt.Sprint(caller), "firstname": fmt.Sprint(round)}))
					}
					a := p.batch(upserts, inputs...)
					Expect(a.status).To(Equal(200), a.text)
					Expect(a.results("objectWriteTraceId")).To(HaveLen(30))
					Expect(p.post(searches, filtered(filter("email", "CONTAINS_TOKEN", "acme"))).status).To(Equal(200))
				}
			})
		}
		all.Wait()
		Expect(p.post(searches, object{"limit": 100}).body).To(HaveKeyWithValue("total", 60.0))
	})

	It("may be two hundred who do all that there is to do", func() {
		var journal bytes.Buffer
		w := simulate(`{"searchLag": "1ms", "limits": {"tier": "pro", "burst": 100000, "search": 100000, "events": 100000, "associationsBurst": 100000}, "legacy": {"appliedAfter": "1ms"},
			"faults": {"slow": "1ms"}, "objects": {"companies": {"records": [{"hs_object_id": "71", "name": "Acme"}]}}}`, simulator.Options{Seed: 1, Faults: 0.05, Journal: &journal})
		const callers, rounds, people = 200, 12, 40
		var asked, troubled atomic.Int64
		var all sync.WaitGroup
		for caller := range callers {
			all.Go(func() {
				defer GinkgoRecover()
				for round := range rounds {
					person := (caller + round) % people
					email := fmt.Sprintf("user%d@acme.com", person)
					calls := []struct{ method, path, body string }{
						{"POST", upserts, fmt.Sprintf(`{"inputs": [{"id": %q, "idProperty": "email", "properties": {"firstname": "n%d"}, "objectWriteTraceId": "1"}, {"id": "other%d@acme.com", "idProperty": "email", "properties": {"nosuch": "x"}, "objectWriteTraceId": "2"}]}`, email, round, person)},
						{"POST", searches, `{"filterGroups": [{"filters": [{"propertyName": "email", "operator": "EQ", "value": "` + email + `"}]}], "sorts": ["createdate"]}`},
						{"POST", "/crm/objects/2026-03/contacts/search", `{"query": "acme", "limit": 100}`},
						{"POST", "/crm/v3/objects/contacts/batch/read", `{"idProperty": "email", "inputs": [{"id": "` + email + `"}], "propertiesWithHistory": ["firstname"]}`},
						{"PATCH", "/crm/objects/2026-09/contacts/" + email + "?idProperty=email", fmt.Sprintf(`{"properties": {"hs_additional_emails": "also%d@acme.com"}}`, person)},
						{"POST", "/crm/v3/properties/contacts", fmt.Sprintf(`{"name": "p%d", "label": "P", "type": "string", "fieldType": "text", "groupName": "contactinformation", "hasUniqueValue": %t}`, caller%12, caller%6 == 0)},
						{"POST", "/crm-object-schemas/v3/schemas", fmt.Sprintf(`{"name": "car%d", "labels": {"singular": "Car%[1]d", "plural": "Cars%[1]d"}, "requiredProperties": [], "properties": [{"name": "vin", "label": "VIN", "type": "string", "fieldType": "text"}]}`, caller%5)},
						{"POST", "/crm/v3/objects/contacts", `{"properties": {"email": "` + email + `"}, "associations": [{"to": {"id": "71"}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]}]}`},
						{"GET", "/crm/v3/objects/contacts/" + email + "?idProperty=email&associations=companies", ""},
						{"POST", "/crm/v4/associations/companies/contacts/batch/read", `{"inputs": [{"id": "71"}]}`},
						{"POST", "/crm/v4/associations/contacts/companies/labels", fmt.Sprintf(`{"label": "L%d", "name": "l%[1]d"}`, caller%7)},
						{"POST", "/events/v3/send", fmt.Sprintf(`{"eventName": "pe12345678_x", "email": %q, "uuid": "%d-%d", "properties": {"a": "b"}}`, email, person, round)},
						{"POST", "/contacts/v1/contact/batch/", `[{"email": "` + email + `", "properties": [{"property": "lastname", "value": "v1"}]}]`},
						{"POST", "/crm/v3/objects/contacts/gdpr-delete", fmt.Sprintf(`{"objectId": "gone%d@acme.com", "idProperty": "email"}`, person)},
						{"GET", "/_sim/objects/contacts", ""}, {"GET", "/_sim/requests", ""}, {"GET", "/_sim/stats", ""}, {"POST", "/_sim/clock?advance=1ms", ""},
					}
					for i := range 3 { // not all of them every time: each comes often enough
						c := calls[(caller+round*5+i*7)%len(calls)]
						answer := w.ask("t"+fmt.Sprint(caller%3), c.method, c.path, c.body)
						if !strings.HasPrefix(c.path, "/_sim/") {
							asked.Add(1)
						}
						if answer.err != nil || answer.status >= 500 {
							troubled.Add(1)
						} else {
							Expect(answer.status).To(BeElementOf(200, 201, 202, 204, 207, 400, 404, 409, 423, 477), "%s %s: %s", c.method, c.path, answer.text)
						}
					}
				}
			})
		}
		all.Wait()
		requests := w.list("requests") // those that Go's client has tried again after a reset are there twice
		Expect(len(requests)).To(BeNumerically(">=", int(asked.Load())))
		numbers := map[any]bool{}
		for _, r := range requests {
			numbers[r["request"]] = true
		}
		Expect(numbers).To(HaveLen(len(requests)))
		Expect(w.list("stats")[0]).To(HaveKeyWithValue("requests", BeEquivalentTo(len(requests))))
		Expect(strings.Count("\n"+journal.String(), "\n{\"request\":")).To(Equal(len(requests)))
		Expect(troubled.Load()).To(BeNumerically(">", 0))
		emails := map[any]bool{}
		for _, r := range w.list("objects/contacts") {
			email := r["properties"].(object)["email"]
			Expect(emails).NotTo(HaveKey(email))
			emails[email] = true
		}
		Expect(emails).To(HaveLen(people))
	})
})
