package simulator_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

var _ = Describe("Contacts v1", func() {
	var w *world
	BeforeEach(func() {
		w = simulate(`{"objects": {"contacts": {"properties": [{"name": "born", "type": "date", "fieldType": "date"}],
			"records": [{"hs_object_id": "51", "email": "ann@example.com", "firstname": "Ann"}]}}}`, simulator.Options{})
	})
	const batches = "/contacts/v1/contact/batch/"

	It("creates or updates by e-mail", func() {
		const bob = "/contacts/v1/contact/createOrUpdate/email/Bob@Example.com/"
		made := w.post(bob, `{"properties": [{"property": "firstname", "value": "B"}]}`)
		Expect(made.status).To(Equal(200), made.text)
		Expect(made.body).To(And(HaveKeyWithValue("isNew", true), HaveKey("vid")))
		changed := w.post(bob, `{"properties": [{"property": "firstname", "value": "Bob"}, {"property": "born", "value": 86400000}]}`)
		Expect(changed.body).To(And(HaveKeyWithValue("isNew", false), HaveKeyWithValue("vid", made.body["vid"])))
		shown := w.ask("t", "GET", "/contacts/v1/contact/email/bob@example.com/profile", "")
		Expect(shown.status).To(Equal(200))
		Expect(shown.body["properties"]).To(And(HaveKeyWithValue("firstname", HaveKeyWithValue("value", "Bob")), HaveKeyWithValue("born", HaveKeyWithValue("value", "86400000"))))
	})

	It("refuses wrong values in its own words, and days that are no milliseconds", func() {
		refused := w.post("/contacts/v1/contact/createOrUpdate/email/000/", `{"properties": [{"property": "born", "value": "2020-01-01"}]}`)
		Expect(refused.status).To(Equal(400))
		Expect(refused.body).To(And(HaveKeyWithValue("message", "Property values were not valid"), HaveKeyWithValue("correlationId", refused.header.Get("X-HubSpot-Correlation-Id")), HaveKey("requestId")))
		Expect(refused.body["validationResults"]).To(ConsistOf(
			And(HaveKeyWithValue("error", "INVALID_EMAIL"), HaveKeyWithValue("name", "email"), HaveKeyWithValue("isValid", false), HaveKeyWithValue("message", "Email address 000 is invalid")),
			And(HaveKeyWithValue("error", "INVALID_LONG"), HaveKeyWithValue("name", "born"))))
	})

	It("refuses an e-mail that is taken, and says whose it is", func() {
		refused := w.post("/contacts/v1/contact/", `{"properties": [{"property": "email", "value": "ANN@example.com"}]}`)
		Expect(refused.status).To(Equal(409))
		Expect(refused.body).To(And(HaveKeyWithValue("error", "CONTACT_EXISTS"), HaveKeyWithValue("identityProfile", HaveKeyWithValue("vid", BeEquivalentTo(51)))))
		Expect(w.post("/contacts/v1/contact/", `{"properties": [{"property": "email", "value": "cid@example.com"}]}`).body["vid"]).To(BeNumerically(">", 51))
	})

	It("knows not everybody", func() {
		refused := w.ask("t", "GET", "/contacts/v1/contact/email/x@example.com/profile", "")
		Expect(refused.status).To(Equal(404))
		Expect(refused.header.Get("X-HubSpot-NotFound")).To(Equal("true"))
		Expect(refused.body).To(And(HaveKeyWithValue("category", "OBJECT_NOT_FOUND"), HaveKeyWithValue("errors", ConsistOf(HaveKeyWithValue("message", "The contact e:x@example.com does not exist.")))))
	})

	It("applies batches later", func() {
		taken := w.post(batches, `[{"vid": 51, "properties": [{"property": "lastname", "value": "Lee"}]}, {"email": "new@example.com", "properties": []}, {"email": "ann@example.com", "properties": [{"property": "firstname", "value": "Anne"}]}]`)
		Expect(taken.status).To(Equal(202), taken.text)
		Expect(taken.text).To(BeEmpty())
		w.advance(5*time.Second - 1)
		Expect(w.list("objects/contacts")).To(HaveLen(1))
		w.advance(1)
		Expect(w.list("objects/contacts")).To(HaveLen(2))
		Expect(w.list("objects/contacts")[0]["properties"]).To(And(HaveKeyWithValue("lastname", "Lee"), HaveKeyWithValue("firstname", "Anne")))
		Expect(w.list("writes")).To(HaveLen(4), "with the seed")
		Expect(w.list("writes")[1]).To(And(HaveKeyWithValue("time", "2026-11-23T21:30:05.000000Z"), HaveKeyWithValue("request", BeEquivalentTo(1)), HaveKeyWithValue("id", "51"),
			HaveKeyWithValue("properties", Equal(map[string]any{"lastname": "Lee"}))))
	})

	It("refuses batches as a whole", func() {
		refused := w.post(batches, `[{"email": "new@example.com", "properties": []}, {"email": "x@test.con", "properties": [{"property": "nothing", "value": "x"}]}]`)
		Expect(refused.status).To(Equal(400))
		Expect(refused.body).To(And(HaveKeyWithValue("message", "Errors found processing batch update"), HaveKeyWithValue("invalidEmails", ConsistOf("x@test.con"))))
		Expect(refused.body["failureMessages"]).To(ConsistOf(
			And(HaveKeyWithValue("index", BeEquivalentTo(1)), HaveKeyWithValue("error", HaveKeyWithValue("message", "Email address x@test.con is invalid"))),
			And(HaveKeyWithValue("index", BeEquivalentTo(1)), HaveKeyWithValue("propertyValidationResult", HaveKeyWithValue("error", "PROPERTY_DOESNT_EXIST")))))
		w.advance(time.Minute)
		Expect(w.list("objects/contacts")).To(HaveLen(1))
	})
})

var _ = Describe("Events to track.hubspot.com", func() {
	const path = "/v1/event?_a=7&_n=Bought&_m=12&email=ann%40example.com&firstname=Ann"
	It("are answered 200 whatever they are, and ignored", func() {
		w := simulate(`{"tokens": [{"token": "a"}], "limits": {"burst": 0}}`, simulator.Options{})
		answer := w.ask("", "GET", path, "")
		Expect(answer.status).To(Equal(200))
		Expect(answer.header.Get("Content-Type")).To(Equal("image/gif"))
		Expect(answer.text).To(BeEmpty())
		Expect(w.list("events")).To(BeEmpty())
		Expect(w.list("requests")).To(HaveLen(1))
	})

	It("are recorded on demand", func() {
		w := simulate(`{"legacy": {"track": "record"}}`, simulator.Options{})
		w.ask("", "GET", path, "")
		Expect(w.list("events")).To(ConsistOf(And(HaveKeyWithValue("eventName", "Bought"), HaveKeyWithValue("email", "ann@example.com"),
			HaveKeyWithValue("properties", Equal(map[string]any{"_m": "12", "firstname": "Ann"})))))
	})
})
