package simulator_test

import (
	"fmt"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
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
})
