package simulator_test

import (
	"fmt"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

const details = "/account-info/v3/details"

var _ = Describe("Who may call", func() {
	It("is whoever has a token, where the portal file lists none", func() {
		w := simulate(`{}`, simulator.Options{})
		Expect(w.ask("whatever", "GET", details, "").status).To(Equal(200))
		none := w.ask("", "GET", details, "")
		Expect(none.status).To(Equal(401))
		Expect(none.body).To(HaveKeyWithValue("category", "INVALID_AUTHENTICATION"))
		Expect(none.body["correlationId"]).To(Equal(none.header.Get("X-HubSpot-Correlation-Id")))
		Expect(none.body["message"]).To(HavePrefix("Authentication credentials not found. This API supports OAuth 2.0"))
	})

	It("is who has a token of the portal file, until it expires", func() {
		w := simulate(`{"tokens": [{"token": "a"}, {"token": "b", "expiresIn": "30m"}, {"token": "c", "expires": "2026-11-23T21:29:58.5Z"}]}`, simulator.Options{})
		Expect(w.ask("a", "GET", details, "").status).To(Equal(200))
		Expect(w.ask("b", "GET", details, "").status).To(Equal(200))
		Expect(w.ask("x", "GET", details, "").body).To(HaveKeyWithValue("category", "INVALID_AUTHENTICATION"))
		expired := w.ask("c", "GET", details, "")
		Expect(expired.status).To(Equal(401))
		Expect(expired.body).To(HaveKeyWithValue("category", "EXPIRED_AUTHENTICATION"))
		Expect(expired.body).To(HaveKeyWithValue("message", "The OAuth token used to make this call expired 1 second(s) ago."))
		Expect(expired.body).To(HaveKeyWithValue("context", HaveKeyWithValue("expire time", ConsistOf("2026-11-23T21:29:58.500Z"))))
		w.advance(30 * time.Minute)
		Expect(w.ask("b", "GET", details, "").status).To(Equal(401))
	})

	It("is nobody with an API key", func() {
		w := simulate(`{}`, simulator.Options{})
		refused := w.ask("", "GET", details+"?hapikey=made-up", "")
		Expect(refused.status).To(Equal(401))
		Expect(refused.body["message"]).To(HavePrefix("The API key provided is invalid."))
		Expect(w.ask("", "GET", "/_sim/requests", "").text).NotTo(ContainSubstring("made-up"))
	})

	It("needs the permission for associations, where 2026-09 asks for it", func() {
		w := simulate(`{"tokens": [{"token": "t", "editAssociations": false}], "objects": {"companies": {"records": [{"hs_object_id": "71", "name": "Acme"}]}}}`, simulator.Options{})
		const tied = `{"properties": {"email": "%s@example.com"}, "associations": [{"to": {"id": "71"}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]}]}`
		Expect(w.ask("t", "POST", "/crm/v3/objects/contacts", fmt.Sprintf(tied, "ann")).status).To(Equal(201))
		refused := w.ask("t", "POST", "/crm/objects/2026-09/contacts", fmt.Sprintf(tied, "bob"))
		Expect(refused.status).To(Equal(400))
		Expect(refused.body).To(HaveKeyWithValue("message", "Missing 'Edit Associations' permission."))
	})

	It("needs the scope", func() {
		w := simulate(`{"tokens": [{"token": "none", "scopes": []}, {"token": "events", "scopes": ["analytics.behavioral_events.send"]}]}`, simulator.Options{})
		event := `{"eventName": "pe1_x", "email": "a@b.com", "properties": {}}`
		refused := w.ask("none", "POST", "/events/v3/send", event)
		Expect(refused.status).To(Equal(403))
		Expect(refused.body).To(HaveKeyWithValue("category", "MISSING_SCOPES"))
		Expect(refused.body).To(HaveKeyWithValue("errors", ConsistOf(HaveKeyWithValue("context", HaveKeyWithValue("requiredGranularScopes", ConsistOf("analytics.behavioral_events.send"))))))
		Expect(w.ask("events", "POST", "/events/v3/send", event).status).To(Equal(204))
	})
})

var _ = DescribeTable("A scope is enough", func(scope, method, path string, enough bool) {
	w := simulate(`{"tokens": [{"token": "t", "scopes": ["`+scope+`"]}], "objects": {"car": {"objectTypeId": "2-7"}}}`, simulator.Options{})
	answer := w.ask("t", method, path, `{"inputs": []}`)
	Expect(answer.status == 403).To(Equal(!enough), answer.text)
},
	Entry(nil, "crm.objects.contacts.write", "POST", "/crm/v3/objects/contacts/batch/upsert", true),
	Entry(nil, "crm.objects.contacts.write", "POST", "/crm/objects/2026-09/0-1/batch/upsert", true),
	Entry(nil, "crm.objects.contacts.read", "POST", "/crm/v3/objects/contacts/batch/upsert", false),
	Entry(nil, "crm.objects.contacts.write", "POST", "/crm/v3/objects/companies/batch/upsert", false),
	Entry(nil, "crm.objects.contacts.read", "POST", "/crm/v3/objects/contacts/search", true),
	Entry(nil, "crm.objects.contacts.read", "GET", "/crm/v3/properties/contacts", true),
	Entry(nil, "crm.schemas.contacts.read", "GET", "/crm/v3/properties/contacts", true),
	Entry(nil, "crm.schemas.contacts.read", "POST", "/crm/v3/properties/contacts", false),
	Entry(nil, "crm.objects.contacts.write", "POST", "/crm/v4/associations/contacts/companies/batch/create", true),
	Entry(nil, "crm.objects.contacts.write", "POST", "/crm/v3/associations/companies/contacts/batch/create", false),
	Entry(nil, "crm.objects.custom.write", "POST", "/crm/v3/objects/2-7/batch/upsert", true),
	Entry(nil, "crm.objects.custom.write", "POST", "/crm/v3/objects/p12345678_car/batch/upsert", true),
	Entry(nil, "crm.objects.contacts.write", "POST", "/contacts/v1/contact/batch/", true),
	Entry(nil, "none", "GET", "/account-info/v3/details", true),
)

var _ = Describe("Limits", func() {
	It("are none by default", func() {
		w := simulate(`{}`, simulator.Options{})
		for range 300 {
			answer := w.ask("t", "GET", details, "")
			Expect(answer.status).To(Equal(200))
			Expect(answer.header).NotTo(HaveKey(HavePrefix("X-Hubspot-Ratelimit")))
		}
	})

	It("roll over ten seconds for each token", func() {
		w := simulate(`{"limits": {"burst": 3}}`, simulator.Options{})
		for left := 2; left >= 0; left-- {
			answer := w.ask("t", "GET", details, "")
			Expect(answer.status).To(Equal(200))
			Expect(answer.header.Get("X-HubSpot-RateLimit-Max")).To(Equal("3"))
			Expect(answer.header.Get("X-HubSpot-RateLimit-Interval-Milliseconds")).To(Equal("10000"))
			Expect(answer.header.Get("X-HubSpot-RateLimit-Remaining")).To(Equal(strconv.Itoa(left)))
			w.advance(time.Second)
		}
		refused := w.ask("t", "GET", details, "")
		Expect(refused.status).To(Equal(429))
		Expect(refused.body).To(And(
			HaveKeyWithValue("message", "You have reached your ten_secondly_rolling limit."), HaveKeyWithValue("errorType", "RATE_LIMIT"),
			HaveKeyWithValue("policyName", "TEN_SECONDLY_ROLLING"), HaveKeyWithValue("groupName", HavePrefix("publicapi:private_app-api-calls-ten-secondly:")), Not(HaveKey("category"))))
		Expect(refused.header).NotTo(HaveKey("Retry-After"))
		Expect(w.ask("other", "GET", details, "").status).To(Equal(200), "another app has its own")
		w.advance(7*time.Second - 1)
		Expect(w.ask("t", "GET", details, "").status).To(Equal(429))
		w.advance(1)
		Expect(w.ask("t", "GET", details, "").status).To(Equal(200), "the first call is ten seconds old")
		Expect(w.ask("t", "GET", details, "").status).To(Equal(429))
	})

	It("are shared by the tokens of an app, and lower for one of the marketplace", func() {
		w := simulate(`{"limits": {"tier": "pro", "burst": 2}, "tokens": [{"token": "old", "app": "crm"}, {"token": "new", "app": "crm"}, {"token": "market", "oauth": true}]}`, simulator.Options{})
		Expect(w.ask("old", "GET", details, "").status).To(Equal(200))
		Expect(w.ask("new", "GET", details, "").status).To(Equal(200))
		Expect(w.ask("new", "GET", details, "").status).To(Equal(429))
		market := w.ask("market", "GET", details, "")
		Expect(market.header.Get("X-HubSpot-RateLimit-Max")).To(Equal("110"))
		Expect(market.header).NotTo(HaveKey("X-Hubspot-Ratelimit-Daily"))
	})

	It("end at midnight in the portal's time zone for the day", func() {
		w := simulate(`{"timeZone": "Europe/Berlin", "limits": {"daily": 2, "retryAfter": true}}`, simulator.Options{})
		Expect(w.ask("a", "GET", details, "").header.Get("X-HubSpot-RateLimit-Daily-Remaining")).To(Equal("1"))
		Expect(w.ask("b", "GET", details, "").header.Get("X-HubSpot-RateLimit-Daily-Remaining")).To(Equal("0"))
		refused := w.ask("a", "GET", details, "")
		Expect(refused.status).To(Equal(429))
		Expect(refused.body).To(And(HaveKeyWithValue("policyName", "DAILY"), HaveKeyWithValue("message", "You have reached your daily limit."), HaveKey("requestId")))
		Expect(refused.header.Get("Retry-After")).To(Equal("5400"))
		w.advance(90 * time.Minute)
		Expect(w.ask("a", "GET", details, "").status).To(Equal(200))
	})

	It("are their own for events, and those of associations", func() {
		w := simulate(`{"limits": {"tier": "free", "events": 1, "associationsBurst": 1}}`, simulator.Options{})
		const event = `{"eventName": "pe1_x", "email": "a@b.com", "properties": {}}`
		Expect(w.post("/events/v3/send", event).status).To(Equal(204))
		refused := w.post("/events/v3/send", event)
		Expect(refused.status).To(Equal(429))
		Expect(refused.body).To(And(HaveKeyWithValue("policyName", "SECONDLY"), HaveKeyWithValue("errorType", "RATE_LIMIT")))
		const ties = "/crm/v4/associations/contacts/companies/batch/read"
		Expect(w.post(ties, `{"inputs": [{"id": "1"}]}`).header.Get("X-HubSpot-RateLimit-Daily-Remaining")).To(Equal("499999"))
		Expect(w.post(ties, `{"inputs": [{"id": "1"}]}`).body).To(HaveKeyWithValue("policyName", "TEN_SECONDLY_ROLLING"))
		Expect(w.post("/crm/v3/objects/contacts/batch/create", `{"inputs": []}`).header.Get("X-HubSpot-RateLimit-Remaining")).To(Equal("99"), "only this one counts")
		w.advance(time.Second)
		Expect(w.post("/events/v3/send", event).status).To(Equal(204))
	})

	It("are their own for searches", func() {
		w := simulate(`{"limits": {"tier": "free", "search": 1}}`, simulator.Options{})
		const path, search = "/crm/v3/objects/contacts/search", `{"filterGroups": []}`
		found := w.post(path, search)
		Expect(found.status).To(Equal(200), found.text)
		Expect(found.header).NotTo(HaveKey("X-Hubspot-Ratelimit-Max"))
		Expect(found.header).To(HaveKey("X-Hubspot-Ratelimit-Daily"))
		refused := w.post(path, search)
		Expect(refused.status).To(Equal(429))
		Expect(refused.body).To(And(HaveKeyWithValue("message", "You have reached your secondly limit."), HaveKeyWithValue("category", "RATE_LIMITS"), Not(HaveKey("errorType"))))
		w.advance(time.Second)
		Expect(w.post(path, search).status).To(Equal(200))
	})

	It("say how much of them was used", func() {
		w := simulate(`{"limits": {"burst": 10}}`, simulator.Options{})
		for range 41 { // 40 s: 4 of 10 calls in each ten
			w.ask("t", "GET", details, "")
			w.advance(time.Second)
		}
		for range 20 {
			w.ask("t", "GET", details, "")
		}
		Expect(w.list("stats")[0]["limits"]).To(ConsistOf(And(
			HaveKeyWithValue("name", "burst app 1"), HaveKeyWithValue("taken", BeEquivalentTo(42)), HaveKeyWithValue("refused", BeEquivalentTo(19)), HaveKeyWithValue("share", BeNumerically("~", 1, 0.1)))))
	})
})
