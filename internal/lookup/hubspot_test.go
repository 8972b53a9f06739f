package lookup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/hubspotstub"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

// hubspot loads the built-in rules.
func hubspot() *engine.Program {
	GinkgoHelper()
	folder, err := fs.Sub(mappings.FS, "hubspot")
	Expect(err).NotTo(HaveOccurred())
	events, err := fs.Sub(schemas.FS, "events")
	Expect(err).NotTo(HaveOccurred())
	p, err := engine.Load(folder, engine.WithEvents("rudderstack", events))
	Expect(err).NotTo(HaveOccurred())
	return p
}

// customers is an account with a thousand contacts that are known by a number
// which is not unique for HubSpot.
func customers() *hubspotstub.Stub {
	p := hubspotstub.Portal{
		Properties: []map[string]any{{"name": "email", "type": "string"}, {"name": "customer_no", "type": "string"}, {"name": "firstname", "type": "string"}},
		Objects:    map[string][]hubspotstub.Object{},
	}
	for i := range 1000 {
		p.Objects["contacts"] = append(p.Objects["contacts"], hubspotstub.Object{ID: 10_000 + i, Properties: map[string]any{"customer_no": fmt.Sprintf("C-%d", i)}})
	}
	return hubspotstub.New(p)
}

// The bound that requests to HubSpot have to keep.
var _ = Describe("HubSpot", func() {
	var (
		b    *bench
		stub *hubspotstub.Stub
	)
	BeforeEach(func() {
		b, stub = newBench(nil), customers()
		server := httptest.NewServer(stub)
		DeferCleanup(server.Close)
		b.host = lookup.New(options(b, server.URL, func(o *lookup.Options) { o.Patience = 5 * time.Second }))
		b.before.Program = hubspot()
		b.lookupField("customer_no")
	})

	// identifies are events about customers, with the ids of their contacts.
	identifies := func(from, n int) (events, want []string) {
		for i := from; i < from+n; i++ {
			events = append(events, fmt.Sprintf(`{"type":"identify","messageId":"m-%d","traits":{"customer_no":"C-%d","firstName":"Ann"}}`, i, i))
			want = append(want, fmt.Sprintf(`{"inputs":[{"id":"%d","properties":{"firstname":"Ann","customer_no":"C-%d"}}]}`, 10_000+i, i))
		}
		return events, want
	}
	requests := func() int { return stub.Total("") }

	It("is searched ten times for a thousand events in ten batches", func(ctx context.Context) {
		for i := range 10 {
			events, want := identifies(100*i, 100)
			Expect(sentAll(b.results(ctx, events...))).To(Equal(want))
		}
		Expect(stub.Total("/search")).To(Equal(10))
		Expect(requests()).To(Equal(11))
	})

	It("is searched ten times for a thousand events in ten batches at the same time", func(ctx context.Context) {
		together(10, func(i int) {
			events, want := identifies(100*i, 100)
			Expect(sentAll(b.results(ctx, events...))).To(Equal(want))
		})
		Expect(stub.Total("/search")).To(Equal(10))
		Expect(requests()).To(Equal(11))
	})

	It("is hardly searched more when a thousand events come in batches of twenty", func(ctx context.Context) {
		together(50, func(i int) {
			events, want := identifies(20*i, 20)
			Expect(sentAll(b.results(ctx, events...))).To(Equal(want))
		})
		Expect(stub.Total("/search")).To(BeNumerically("<=", 13))
	})

	It("is asked once before 250 upserts", func(ctx context.Context) {
		b.lookupField("email")
		var events []string
		for i := range 250 {
			events = append(events, fmt.Sprintf(`{"type":"identify","traits":{"email":"p%d@x.com","firstName":"Ann"}}`, i))
		}
		for _, got := range b.results(ctx, events...) {
			Expect(got).To(ContainSubstring("/contacts/batch/upsert"))
		}
		Expect(requests()).To(Equal(1))
	})

	DescribeTable("fails where it answers success and names no properties: none of them would be sent", func(ctx context.Context, answer string) {
		server := httptest.NewServer(hubspotstub.New(hubspotstub.Portal{Overrides: []hubspotstub.Override{{Path: "/crm/v3/properties/contacts", Status: 200, Data: json.RawMessage(answer)}}}))
		DeferCleanup(server.Close)
		b.host = lookup.New(options(b, server.URL, func(o *lookup.Options) { o.Patience = 5 * time.Second }))
		b.lookupField("email")
		Expect(b.results(ctx, `{"type":"identify","traits":{"email":"p@x.com","Plan":"gold"}}`)).To(ConsistOf(ContainSubstring(`"code":"lookup_failed","status":500`)))
	},
		Entry("nothing", `{}`),
		Entry("an error of something on the way", `{"status":"error","message":"try again"}`),
		Entry("other words", `{"results":"none"}`),
	)

	It("is not asked for events that need nothing of it", func(ctx context.Context) {
		Expect(sent(b.results(ctx, `{"type":"track","event":"seen","traits":{"email":"a@x.com"}}`)[0])).To(HavePrefix(`{"eventName":"pe1_seen"`))
		Expect(requests()).To(BeZero())
	})
})

// lookupField makes the destination one of HubSpot's new API.
func (b *bench) lookupField(name string) {
	config, err := json.Marshal(map[string]any{"authorizationType": "newPrivateAppApi", "accessToken": token, "hubID": "1", "apiVersion": "newApi", "lookupField": name,
		"hubspotEvents": []map[string]string{{"rsEventName": "seen", "hubspotEventName": "pe1_seen"}}})
	Expect(err).NotTo(HaveOccurred())
	b.before.Config = config
}
