package simulator_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

const upserts = "/crm/v3/objects/contacts/batch/upsert"

// byEmail is an input of an upsert.
func byEmail(email, trace string, properties object) object {
	in := object{"id": email, "idProperty": "email", "properties": properties}
	if trace != "" {
		in["objectWriteTraceId"] = trace
	}
	return in
}

var _ = Describe("A batch", func() {
	var p *portal
	BeforeEach(func() { p = start(`{}`) })

	It("creates and updates by e-mail in one go, and answers in any order, e-mails in lower case", func() {
		p.made("contacts", object{"email": "b@acme.com"})
		a := p.batch(upserts, byEmail("A@Acme.com", "1", object{"firstname": "Ann"}), byEmail("B@acme.com", "2", object{"firstname": "Bob"}))
		Expect(a.status).To(Equal(200), a.text)
		Expect(a.results("objectWriteTraceId")).To(And(
			HaveKeyWithValue("1", And(HaveKeyWithValue("new", true), HaveKeyWithValue("properties", HaveKeyWithValue("email", "a@acme.com")))),
			HaveKeyWithValue("2", And(HaveKeyWithValue("new", false), HaveKeyWithValue("properties", HaveKeyWithValue("firstname", "Bob")))),
		))
		Expect(a.body).To(And(HaveKeyWithValue("status", "COMPLETE"), HaveKey("startedAt"), Not(HaveKey("errors"))))
	})

	It("shuffles its results", func() {
		var inputs []object
		for i := range 50 {
			inputs = append(inputs, byEmail(fmt.Sprintf("a%d@acme.com", i), "", object{}))
		}
		a := p.batch(upserts, inputs...)
		inOrder := 0
		for i, r := range a.body["results"].([]any) {
			if r.(object)["properties"].(object)["email"] == fmt.Sprintf("a%d@acme.com", i) {
				inOrder++
			}
		}
		Expect(inOrder).To(BeNumerically("<", 20))
		Expect(a.results("email")).To(HaveLen(50))
	})

	It("writes nothing if one input is invalid, and lists all that is", func() {
		a := p.batch(upserts,
			byEmail("a@acme.com", "", object{"firstname": "Ann"}),
			byEmail("b@acme.com", "", object{"nickname": "Bob", "followercount": "many"}),
			byEmail("c@acme.com", "", object{"hs_object_id": "7"}),
		)
		Expect(a.status).To(Equal(400))
		Expect(a.body).To(And(HaveKeyWithValue("category", "VALIDATION_ERROR"), HaveKeyWithValue("correlationId", a.header.Get("X-HubSpot-Correlation-Id"))))
		Expect(a.codes()).To(Equal(map[string]string{"nickname": "PROPERTY_DOESNT_EXIST", "followercount": "INVALID_INTEGER", "hs_object_id": "READ_ONLY_VALUE"}))
		Expect(p.get("/crm/v3/objects/contacts/a@acme.com?idProperty=email").status).To(Equal(404))
	})

	It("writes what is valid if every input has its trace id", func() {
		a := p.batch(upserts, byEmail("a@acme.com", "1", object{}), byEmail("b@acme.com", "2", object{"nickname": "Bob"}))
		Expect(a.status).To(Equal(207))
		Expect(a.results("objectWriteTraceId")).To(And(HaveLen(1), HaveKey("1")))
		Expect(a.body).To(HaveKeyWithValue("numErrors", 1.0))
		Expect(a.errors()).To(HaveLen(1))
		Expect(a.errors()[0]).To(And(
			HaveKeyWithValue("context", Equal(object{"objectWriteTraceId": []any{"2"}})),
			HaveKeyWithValue("message", ContainSubstring(`"error":"PROPERTY_DOESNT_EXIST"`)),
			HaveKeyWithValue("category", "VALIDATION_ERROR"), HaveKeyWithValue("status", "error")))
	})

	DescribeTable("is atomic if trace ids are missing or repeated", func(first, second string) {
		inputs := []object{byEmail("a@acme.com", first, object{}), byEmail("b@acme.com", second, object{"nickname": "Bob"})}
		Expect(p.batch(upserts, inputs...).status).To(Equal(400))
		Expect(start(`{"unknown": {"partialTraceIds": "207"}}`).batch(upserts, inputs...).status).To(Equal(207))
	},
		Entry(nil, "1", ""), Entry(nil, "1", "1"))

	It("refuses ids that it names twice before it looks at anything else", func() {
		a := p.batch(upserts, byEmail("a@acme.com", "1", object{"nickname": ""}), byEmail("A@acme.com", "2", object{}))
		Expect(a.status).To(Equal(400))
		Expect(a.body).To(And(
			HaveKeyWithValue("message", "Duplicate IDs found in batch input: [A@acme.com]. IDs must be unique"),
			HaveKeyWithValue("context", Equal(object{"ids": []any{"A@acme.com"}}))))
	})

	It("refuses to find records by a property that is not unique", func() {
		a := p.batch("/crm/v3/objects/0-3/batch/upsert", object{"id": "x", "idProperty": "dealname", "properties": object{}})
		Expect(a.status).To(Equal(400))
		Expect(a.body).To(HaveKeyWithValue("message", "Unable to perform update/upsert by non-unique 0-3 property dealname"))
		Expect(p.batch("/crm/v3/objects/companies/batch/upsert", object{"id": "x.com", "idProperty": "domain", "properties": object{}}).body).To(
			HaveKeyWithValue("message", ContainSubstring("non-unique 0-2 property domain")))
	})

	DescribeTable("has inputs with all that they need, if they only say it with {}", func(path, input string, status int) {
		p := start(`{"objects": {"contacts": {"records": [{"hs_object_id": "7", "email": "a@acme.com"}]}}}`)
		a := p.post("/crm/v3/objects/contacts/batch/"+path, `{"inputs": [`+input+`]}`)
		Expect(a.status).To(Equal(status), a.text)
		if status == 400 {
			Expect(a.body).To(HaveKeyWithValue("message", MatchRegexp(`^Invalid input JSON on line 1, column \d+: Some required fields were not set: \[(id|properties)\]$`)))
		}
	},
		Entry(nil, "upsert", `{"id": "a@acme.com", "idProperty": "email", "properties": {}}`, 200),
		Entry(nil, "upsert", `{"id": "a@acme.com", "idProperty": "email"}`, 400),
		Entry(nil, "upsert", `{"idProperty": "email", "properties": {}}`, 400),
		Entry(nil, "update", `{"id": "7", "properties": {}}`, 200),
		Entry(nil, "update", `{"id": "7", "properties": null}`, 400),
		Entry(nil, "create", `{}`, 400),
	)

	It("has 100 inputs at most", func() {
		inputs := make([]object, 101)
		for i := range inputs {
			inputs[i] = byEmail(fmt.Sprintf("a%d@acme.com", i), "", object{})
		}
		Expect(p.batch(upserts, inputs...).status).To(Equal(400))
		Expect(p.batch(upserts, inputs[:100]...).status).To(Equal(200))
	})

	Describe("that updates", func() {
		const updates = "/crm/v3/objects/contacts/batch/update"

		It("names ids that there are not, and writes the others", func() {
			id := p.made("contacts", object{"email": "a@acme.com"})
			a := p.batch(updates, object{"id": id, "properties": object{"firstname": "Ann"}}, object{"id": "17", "properties": object{}})
			Expect(a.status).To(Equal(207))
			Expect(a.errors()).To(ConsistOf(And(
				HaveKeyWithValue("category", "OBJECT_NOT_FOUND"),
				HaveKeyWithValue("message", "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."),
				HaveKeyWithValue("context", Equal(object{"ids": []any{"17"}})))))
			Expect(p.properties("contacts", id)).To(HaveKeyWithValue("firstname", "Ann"))
		})

		It("does nothing with an e-mail for an id", func() {
			p.made("contacts", object{"email": "a@acme.com"})
			in := object{"id": "a@acme.com", "properties": object{"firstname": "Ann"}}
			a := p.batch(updates, in)
			Expect(a.status).To(Equal(200))
			Expect(a.body).To(And(HaveKeyWithValue("results", BeEmpty()), Not(HaveKey("errors"))))
			Expect(start(`{"unknown": {"updateByBareEmail": "notFound"}}`).batch(updates, in).status).To(Equal(207))
		})
	})

	Describe("that creates", func() {
		const creates = "/crm/v3/objects/contacts/batch/create"

		It("tells with trace ids which contact exists", func() {
			id := p.made("contacts", object{"email": "a@acme.com"})
			a := p.batch(creates,
				object{"properties": object{"email": "a@acme.com"}, "objectWriteTraceId": "0"},
				object{"properties": object{"email": "b@acme.com"}, "objectWriteTraceId": "1"})
			Expect(a.status).To(Equal(207))
			Expect(a.errors()).To(ConsistOf(And(
				HaveKeyWithValue("category", "CONFLICT"), HaveKeyWithValue("message", "Contact already exists. Existing ID: "+id),
				HaveKeyWithValue("context", Equal(object{"objectWriteTraceId": []any{"0"}, "existingId": []any{id}})))))
			Expect(a.results("email")).To(HaveKey("b@acme.com"))
		})

		It("refuses all without them", func() {
			id := p.made("contacts", object{"email": "a@acme.com"})
			a := p.batch(creates, object{"properties": object{"email": "b@acme.com"}}, object{"properties": object{"email": "a@acme.com"}})
			Expect(a.status).To(Equal(409))
			Expect(a.body).To(And(HaveKeyWithValue("category", "CONFLICT"), HaveKeyWithValue("message", "Contact already exists. Existing ID: "+id)))
			Expect(p.get("/crm/v3/objects/contacts/b@acme.com?idProperty=email").status).To(Equal(404))
		})

		It("refuses an e-mail that two inputs have", func() {
			in := object{"properties": object{"email": "a@acme.com"}}
			a := p.batch(creates, in, in)
			Expect(a.status).To(Equal(409))
			Expect(a.body).To(HaveKeyWithValue("message", "Contact already exists"))
		})
	})

	It("reads records by a unique property, additional e-mails too, and names those that there are not", func() {
		p.made("contacts", object{"email": "a@acme.com", "hs_additional_emails": "b@acme.com"})
		a := p.post("/crm/v3/objects/contacts/batch/read", object{
			"idProperty": "email", "properties": []string{"lastname", "email", "nosuch"},
			"inputs": []object{{"id": "B@acme.com"}, {"id": "c@acme.com"}},
		})
		Expect(a.status).To(Equal(207))
		Expect(a.results("email")).To(HaveKeyWithValue("a@acme.com", HaveKeyWithValue("properties", And(HaveKeyWithValue("lastname", BeNil()), Not(HaveKey("nosuch"))))))
		Expect(a.errors()[0]).To(HaveKeyWithValue("context", Equal(object{"ids": []any{"c@acme.com"}})))
	})

	It("reads 50 records at most with their history", func() {
		a := p.post("/crm/v3/objects/contacts/batch/read", object{"propertiesWithHistory": []string{"email"}, "inputs": make([]object, 51)})
		Expect(a.body).To(HaveKeyWithValue("message", "The maximum number of inputs supported in a batch request for property histories is 50. Please reduce the number of items and try again"))
	})

	It("archives, and frees the e-mail", func() {
		id := p.made("contacts", object{"email": "a@acme.com"})
		Expect(p.batch("/crm/v3/objects/contacts/batch/archive", object{"id": id}).status).To(Equal(204))
		Expect(p.get("/crm/v3/objects/contacts/" + id).status).To(Equal(404))
		Expect(p.get("/crm/v3/objects/contacts/" + id + "?archived=true").body).To(And(HaveKeyWithValue("archived", true), HaveKey("archivedAt")))
		Expect(p.made("contacts", object{"email": "a@acme.com"})).NotTo(Equal(id))
	})

	Describe("with two e-mails of one contact", func() {
		inputs := []object{byEmail("a@acme.com", "1", object{"firstname": "Ann"}), byEmail("b@acme.com", "2", object{"lastname": "Lee"})}

		It("is refused", func() {
			p.made("contacts", object{"email": "a@acme.com", "hs_additional_emails": "b@acme.com"})
			Expect(p.batch(upserts, inputs...).status).To(Equal(400))
		})

		It("is applied, if the portal says so", func() {
			p := start(`{"unknown": {"sameRecordTwice": "apply"}}`)
			id := p.made("contacts", object{"email": "a@acme.com", "hs_additional_emails": "b@acme.com"})
			Expect(p.batch(upserts,
				byEmail("a@acme.com", "1", object{"firstname": "Ann", "hs_buying_role": ";CHAMPION"}),
				byEmail("b@acme.com", "2", object{"lastname": "Lee", "hs_buying_role": ";BUDGET_HOLDER"})).status).To(Equal(200))
			Expect(p.properties("contacts", id, "firstname", "lastname", "email", "hs_buying_role")).To(And(
				HaveKeyWithValue("firstname", "Ann"), HaveKeyWithValue("lastname", "Lee"), HaveKeyWithValue("email", "a@acme.com"),
				HaveKeyWithValue("hs_buying_role", "CHAMPION;BUDGET_HOLDER")))
		})
	})

	It("answers 200 when it failed in part, in 2026-09 and if the portal says so", func() {
		const path = "/crm/objects/2026-09/contacts/batch/upsert"
		inputs := []object{byEmail("a@acme.com", "1", object{}), byEmail("b@acme.com", "2", object{"nickname": "Bob"})}
		Expect(p.batch(path, inputs...).status).To(Equal(207))
		a := start(`{"unknown": {"partialFailure2026-09": "200"}}`).batch(path, inputs...)
		Expect(a.status).To(Equal(200))
		Expect(a.errors()).To(HaveLen(1))
	})
})

// BenchmarkUpsert measures batches of 100 contacts, through the handler.
func BenchmarkUpsert(b *testing.B) {
	s, err := simulator.New(simulator.Portal{}, simulator.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var bodies [][]byte
	for i := range 50 {
		var body bytes.Buffer
		body.WriteString(`{"inputs":[`)
		for j := range 100 {
			if j > 0 {
				body.WriteByte(',')
			}
			n := i*100 + j
			fmt.Fprintf(&body, `{"id":"user%d@example.com","idProperty":"email","objectWriteTraceId":"%d","properties":{"email":"user%d@example.com","firstname":"Ann","lastname":"Lee %d",`+
				`"phone":"+49 30 1234567","city":"Berlin","country":"Germany","company":"Acme","followercount":"%d","lifecyclestage":"customer","closedate":"2026-11-23T12:00:00Z"}}`, n, n, n, n, n)
		}
		body.WriteString(`]}`)
		bodies = append(bodies, body.Bytes())
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", upserts, bytes.NewReader(bodies[i%50]))
		r.Header.Set("Authorization", "Bearer pat-na1-test")
		s.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Code, w.Body.String()[:200])
		}
	}
}
