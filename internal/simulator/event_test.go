package simulator_test

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

const shop = `{"portalId": 7, "customEvents": {%s "definitions": [
	{"name": "bought", "propertyDefinitions": [
		{"name": "amount", "type": "number"}, {"name": "gift", "type": "bool"}, {"name": "day", "type": "date"}, {"name": "at", "type": "datetime"},
		{"name": "size", "type": "enumeration", "options": [{"label": "S", "value": "s"}, {"label": "L", "value": "l"}]}, {"name": "note"}]},
	{"name": "bare", "includeDefaultProperties": false},
	{"name": "closed", "primaryObject": "DEAL"},
	{"name": "matched", "customMatchingId": {"primaryObjectRule": {"targetObjectPropertyName": "email", "eventPropertyName": "who"}}, "propertyDefinitions": [{"name": "who"}]}
]}, "objects": {"contacts": {"records": [{"email": "ann@example.com", "hs_object_id": "51"}, {"email": "bob@example.com", "hs_object_id": "52"}]}, "deals": {"records": [{"dealname": "d", "hs_object_id": "61"}]}}}`

var _ = Describe("Custom events", func() {
	var w *world
	simulateShop := func(switches string) { w = simulate(fmt.Sprintf(shop, switches), simulator.Options{}) }
	BeforeEach(func() { simulateShop("") })

	send := func(more string) got {
		GinkgoHelper()
		return w.post("/events/v3/send", `{"eventName": "pe7_bought", "properties": {}`+more+`}`)
	}

	It("are taken by each version, and belong to a record", func() {
		for _, path := range []string{"/events/v3/send", "/events/2026-03/send", "/events/custom/2025-09/send", "/events/custom/2026-09/send"} {
			answer := w.post(path, `{"eventName": "pe7_bought", "email": "Ann@Example.com", "occurredAt": "2026-01-02T03:04:05+01:00", "properties": {"Amount": 12.5, "note": null}}`)
			Expect(answer.status).To(Equal(204), answer.text)
			Expect(answer.text).To(BeEmpty())
		}
		Expect(w.list("events")).To(HaveLen(4))
		Expect(w.list("events")[0]).To(And(HaveKeyWithValue("eventName", "pe7_bought"), HaveKeyWithValue("recordId", "51"), HaveKeyWithValue("occurredAt", "2026-01-02T02:04:05.000Z"),
			HaveKeyWithValue("properties", And(HaveKeyWithValue("amount", "12.5"), HaveKeyWithValue("note", "")))))
		Expect(w.post("/events/custom/2026-03/send", `{}`).status).To(Equal(404))
	})

	It("find their record by the definition's rule, objectId, e-mail, utk, in this order", func() {
		Expect(w.post("/events/v3/send", `{"eventName": "pe7_matched", "objectId": "52", "email": "bob@example.com", "properties": {"who": "ann@example.com"}}`).status).To(Equal(204))
		Expect(send(`, "objectId": 51, "email": "bob@example.com"`).status).To(Equal(204))
		Expect(send(`, "utk": "cookie"`).status).To(Equal(204))
		events := w.list("events")
		Expect(events[0]).To(HaveKeyWithValue("recordId", "51"))
		Expect(events[1]).To(HaveKeyWithValue("recordId", "51"))
		Expect(events[2]).NotTo(HaveKey("recordId"))
	})

	DescribeTable("are refused", func(body, message string) {
		answer := w.post("/events/v3/send", body)
		Expect(answer.status).To(Equal(400))
		Expect(answer.text).To(ContainSubstring(message))
		Expect(w.list("events")).To(BeEmpty())
	},
		Entry("without a name", `{"email": "ann@example.com", "properties": {}}`, `eventName`),
		Entry("without properties", `{"eventName": "pe7_bought", "email": "ann@example.com"}`, `properties`),
		Entry("without anybody", `{"eventName": "pe7_bought", "properties": {}}`, `email, utk, or objectId is required`),
		Entry("with a wrong address even beside a cookie", `{"eventName": "pe7_bought", "properties": {}, "utk": "u", "email": "nonsense"}`, `Email address nonsense is invalid`),
		Entry("without a definition", `{"eventName": "pe7_sold", "properties": {}, "email": "ann@example.com"}`, `Event with fully qualified name pe7_sold does not exist.`),
		Entry("without the account in the name", `{"eventName": "bought", "properties": {}, "email": "ann@example.com"}`, `does not exist`),
		Entry("by e-mail where they are of deals", `{"eventName": "pe7_closed", "properties": {}, "email": "ann@example.com"}`, `objectId is required`),
		Entry("with a property that there is not", `{"eventName": "pe7_bought", "properties": {"colour": "red"}, "email": "ann@example.com"}`, `Property \"colour\" does not exist`),
		Entry("with a default property where there are none", `{"eventName": "pe7_bare", "properties": {"hs_city": "Rome"}, "email": "ann@example.com"}`, `Property \"hs_city\" does not exist`),
		Entry("with a wrong number", `{"eventName": "pe7_bought", "properties": {"amount": "1e5"}, "email": "ann@example.com"}`, `1e5 was not a valid number.`),
		Entry("with a wrong boolean", `{"eventName": "pe7_bought", "properties": {"gift": "yes"}, "email": "ann@example.com"}`, `INVALID_OPTION`),
		Entry("with a time for a day", `{"eventName": "pe7_bought", "properties": {"day": "1635535865"}, "email": "ann@example.com"}`, `not midnight`),
		Entry("with a wrong time", `{"eventName": "pe7_bought", "properties": {"at": "noon"}, "email": "ann@example.com"}`, `INVALID_LONG`),
		Entry("with a wrong option", `{"eventName": "pe7_bought", "properties": {"size": "s;xl"}, "email": "ann@example.com"}`, `INVALID_OPTION`),
		Entry("with a wrong default property", `{"eventName": "pe7_bought", "properties": {"hs_device_type": "Toaster"}, "email": "ann@example.com"}`, `INVALID_OPTION`),
		Entry("with a long value", `{"eventName": "pe7_bought", "properties": {"note": "`+strings.Repeat("x", 257)+`"}, "email": "ann@example.com"}`, `257 characters`),
		Entry("with an object as value", `{"eventName": "pe7_bought", "properties": {"note": {}}, "email": "ann@example.com"}`, `Cannot deserialize`),
		Entry("with a wrong occurredAt", `{"eventName": "pe7_bought", "properties": {}, "email": "ann@example.com", "occurredAt": "today"}`, `today`),
		Entry("with broken JSON", `{"eventName": `, `Invalid input JSON`),
	)

	It("may have long addresses of pages, and 50 properties", func() {
		simulateShop(`"unknownProperty": "keep",`)
		properties := []string{`"hs_page_url": "` + strings.Repeat("x", 1024) + `"`}
		for i := range 49 {
			properties = append(properties, fmt.Sprintf(`"p%d": "x"`, i))
		}
		body := `{"eventName": "pe7_bought", "email": "ann@example.com", "properties": {` + strings.Join(properties, ",")
		Expect(w.post("/events/v3/send", body+"}}").status).To(Equal(204))
		Expect(w.post("/events/v3/send", body+`, "one_more": ""}}`).status).To(Equal(400))
	})

	It("count once for a uuid in a year, each kind of its own", func() {
		const ann = `, "email": "ann@example.com", "uuid": "u-1"`
		Expect(send(ann).status).To(Equal(204))
		Expect(send(ann).status).To(Equal(204))
		Expect(w.post("/events/v3/send", `{"eventName": "pe7_bare", "properties": {}`+ann+`}`).status).To(Equal(204))
		Expect(w.list("events")).To(HaveLen(2))
		w.advance(366 * 24 * time.Hour)
		Expect(send(ann).status).To(Equal(204))
		Expect(w.list("events")).To(HaveLen(3))
		simulateShop(`"repeatedUuid": "refuse",`)
		Expect(send(ann).status).To(Equal(204))
		Expect(send(ann).text).To(ContainSubstring("uuid u-1 exists already"))
		simulateShop(`"repeatedUuid": "keep",`)
		Expect(send(ann).status).To(Equal(204))
		Expect(send(ann).status).To(Equal(204))
		Expect(w.list("events")).To(HaveLen(2))
	})

	batch := func(n int, more ...string) string {
		list := more
		for i := range n {
			list = append(list, fmt.Sprintf(`{"eventName": "pe7_bought", "email": "ann@example.com", "uuid": "%d", "properties": {}}`, i))
		}
		return `{"inputs": [` + strings.Join(list, ",") + `]}`
	}

	It("come in batches of at most 500, of which nothing is told", func() {
		Expect(w.post("/events/v3/send/batch", batch(501)).status).To(Equal(400))
		answer := w.post("/events/v3/send/batch", batch(500))
		Expect(answer.status).To(Equal(204))
		Expect(answer.text).To(BeEmpty())
		Expect(w.list("events")).To(HaveLen(500))
		Expect(w.list("requests")[1]).To(HaveKeyWithValue("inputs", BeEquivalentTo(500)))
	})

	It("are refused with their batch, or left out of it", func() {
		wrong := batch(2, `{"eventName": "pe7_bought", "properties": {}}`)
		Expect(w.post("/events/v3/send/batch", wrong).status).To(Equal(400))
		Expect(w.list("events")).To(BeEmpty())
		Expect(w.post("/events/v3/send/batch", batch(2)).status).To(Equal(204), "what was refused is not remembered")
		Expect(w.list("events")).To(HaveLen(2))
		simulateShop(`"batchFailure": "skip",`)
		Expect(w.post("/events/v3/send/batch", wrong).status).To(Equal(204))
		Expect(w.list("events")).To(HaveLen(2))
	})

	DescribeTable("of nobody that the portal knows", func(position string, status, stored, contacts int) {
		simulateShop(`"unknownRecord": "` + position + `",`)
		Expect(send(`, "email": "cid@example.com"`).status).To(Equal(status))
		Expect(w.list("events")).To(HaveLen(stored))
		Expect(w.list("objects/contacts")).To(HaveLen(contacts))
	},
		Entry(nil, "keep", 204, 1, 2),
		Entry(nil, "drop", 204, 0, 2),
		Entry(nil, "refuse", 400, 0, 2),
		Entry(nil, "create", 204, 1, 3),
	)

	It("may drop properties that they have not", func() {
		simulateShop(`"unknownProperty": "drop",`)
		Expect(w.post("/events/v3/send", `{"eventName": "pe7_bought", "properties": {"colour": "red", "note": "x"}, "email": "ann@example.com"}`).status).To(Equal(204))
		Expect(w.list("events")[0]["properties"]).To(Equal(map[string]any{"note": "x"}))
	})

	It("need no definition where the portal file has none", func() {
		w = simulate(`{}`, simulator.Options{})
		Expect(w.post("/events/v3/send", `{"eventName": "pe99_any", "properties": {"any": "x"}, "email": "ann@example.com"}`).status).To(Equal(204))
	})

	It("are defined", func() {
		const all = "/events/v3/event-definitions"
		Expect(w.ask("t", "GET", all+"/pe7_bought", "").body).To(HaveKeyWithValue("createdAt", "2026-11-23T21:30:00Z"))
		made := w.post(all, `{"label": "Signed Up!", "propertyDefinitions": [{"name": "plan", "type": "string"}]}`)
		Expect(made.status).To(Equal(201), made.text)
		Expect(made.body).To(And(HaveKeyWithValue("fullyQualifiedName", "pe7_signed_up"), HaveKeyWithValue("primaryObjectId", "0-1")))
		Expect(w.post(all, `{"label": "Signed Up"}`).status).To(Equal(409))
		Expect(w.post(all, `{"name": "1st"}`).status).To(Equal(400))
		Expect(w.post(all+"/pe7_signed_up/property", `{"name": "seats", "type": "number"}`).status).To(Equal(201))
		Expect(w.post(all+"/pe7_signed_up/property", `{"name": "seats"}`).status).To(Equal(409))
		Expect(w.post("/events/v3/send", `{"eventName": "pe7_signed_up", "properties": {"seats": "many"}, "email": "ann@example.com"}`).status).To(Equal(400))
		Expect(w.post("/events/v3/send", `{"eventName": "pe7_signed_up", "properties": {"seats": "2", "plan": "x"}, "email": "ann@example.com"}`).status).To(Equal(204))
		Expect(w.ask("t", "PATCH", all+"/pe7_signed_up/property/seats", `{"label": "Seats"}`).text).To(ContainSubstring(`"Seats"`))
		Expect(w.ask("t", "DELETE", all+"/pe7_signed_up/property/seats", "").status).To(Equal(204))
		Expect(w.ask("t", "PATCH", all+"/pe7_signed_up", `{"label": "New"}`).status).To(Equal(201))
		Expect(w.ask("t", "GET", all+"/pe7_signed_up", "").text).To(And(ContainSubstring(`"New"`), Not(ContainSubstring("seats"))))
		Expect(w.ask("t", "GET", all, "").body["total"]).To(BeEquivalentTo(5))
		Expect(w.ask("t", "DELETE", all+"/pe7_signed_up", "").status).To(Equal(204))
		gone := w.ask("t", "GET", all+"/pe7_signed_up", "")
		Expect(gone.status).To(Equal(400))
		Expect(gone.body["message"]).To(And(HavePrefix("StandardError{status=error"), ContainSubstring("message=Event with fully qualified name pe7_signed_up does not exist.")))
		Expect(w.post(all, `{"name": "signed_up"}`).status).To(Equal(409), "names are not used twice")
	})
})
