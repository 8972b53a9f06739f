package lookup_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/hubspotstub"
	"github.com/celmap/celmap/internal/lookup"
)

// Reverse ETL asks about the properties of a kind of record, and what that says
// decides whether records are searched for.
var _ = Describe("HubSpot's records", func() {
	var (
		b    *bench
		stub *hubspotstub.Stub
	)
	start := func(p hubspotstub.Portal) {
		b, stub = newBench(nil), hubspotstub.New(p)
		server := httptest.NewServer(stub)
		DeferCleanup(server.Close)
		b.host = lookup.New(options(b, server.URL, func(o *lookup.Options) { o.Patience = 5 * time.Second }))
		b.before.Program = hubspot()
		b.lookupField("email")
	}
	companies := func(n int) []hubspotstub.Object {
		var all []hubspotstub.Object
		for i := range n {
			all = append(all, hubspotstub.Object{ID: 1000 + i, Properties: map[string]any{"domain": fmt.Sprintf("C%d.example", i)}})
		}
		return all
	}
	rows := func(objectType, property string, n int) (events []string) {
		for i := range n {
			events = append(events, fmt.Sprintf(`{"type":"identify","messageId":"m-%d","traits":{"since":"2024-03-05"},"context":{"mappedToDestination":true,`+
				`"externalId":[{"type":"HS-%s","identifierType":"%s","id":"c%d.example"}]}}`, i, objectType, property, i))
		}
		return events
	}

	It("are searched once for a hundred events, in all pages, after one question for their properties", func(ctx context.Context) {
		start(hubspotstub.Portal{
			PropertiesOf: map[string][]map[string]any{"companies": {{"name": "domain", "type": "string"}, {"name": "since", "type": "date"}}},
			Objects:      map[string][]hubspotstub.Object{"companies": companies(90)},
			PageSize:     40,
		})
		for batch := range 2 {
			got := b.results(ctx, rows("companies", "domain", 100)...)
			Expect(sent(got[7])).To(Equal(`{"inputs":[{"id":"1007","properties":{"since":1709596800000}}]}`))
			Expect(sent(got[89])).To(Equal(`{"inputs":[{"id":"1089","properties":{"since":1709596800000}}]}`))
			Expect(sent(got[99])).To(Equal(`{"inputs":[{"properties":{"since":1709596800000,"domain":"c99.example"}}]}`))
			Expect(stub.Calls()).To(Equal(map[string]int{"/crm/v3/properties/companies": 1, "/crm/v3/objects/companies/search": 3 * (batch + 1)}))
		}
	})

	It("are not searched for by what is unique", func(ctx context.Context) {
		start(hubspotstub.Portal{Unique: map[string]map[string]bool{"companies": {"domain": true}, "deals": {"key": true}}})
		events := append(rows("companies", "domain", 50), rows("deals", "key", 50)...)
		for _, got := range b.results(ctx, events...) {
			Expect(got).To(ContainSubstring("/batch/upsert"))
		}
		Expect(stub.Calls()).To(Equal(map[string]int{"/crm/v3/properties/companies": 1, "/crm/v3/properties/deals": 1}))
	})

	It("that are contacts share the properties that all contacts have", func(ctx context.Context) {
		start(hubspotstub.Portal{Properties: []map[string]any{{"name": "email", "type": "string"}, {"name": "since", "type": "date"}}})
		events := append(rows("contacts", "ref", 3), `{"type":"identify","traits":{"email":"ann@x.com"}}`)
		Expect(sent(b.results(ctx, events...)[0])).To(Equal(`{"inputs":[{"properties":{"since":1709596800000,"ref":"c0.example"}}]}`))
		Expect(stub.Calls()).To(Equal(map[string]int{"/crm/v3/properties/contacts": 1, "/crm/v3/objects/contacts/search": 1}))
	})

	It("fail alone where their kind cannot be asked about", func(ctx context.Context) {
		start(hubspotstub.Portal{Unique: map[string]map[string]bool{"deals": {"key": true}}})
		stub.Break(hubspotstub.Fault{Path: "/properties/companies", Status: 403, Body: `{"message":"no scope"}`})
		got := b.results(ctx, append(rows("companies", "domain", 1), rows("deals", "key", 1)...)...)
		Expect(got[0]).To(And(ContainSubstring(`"status":403`), ContainSubstring("no scope")))
		Expect(got[1]).To(ContainSubstring("/deals/batch/upsert"))
		stub.Break(hubspotstub.Fault{Path: "/properties/tickets", Status: 200, Body: `{"data": []}`})
		Expect(b.results(ctx, rows("tickets", "no", 1)...)[0]).To(ContainSubstring(`"status":500`), "what cannot be read is tried again")
	})
})
