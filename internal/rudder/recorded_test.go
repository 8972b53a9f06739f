package rudder_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/rudder"
	"github.com/celmap/celmap/internal/rudderserver"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

// builtin loads rules that are shipped.
func builtin(name string) *engine.Program {
	folder, err := fs.Sub(mappings.FS, name)
	if err != nil {
		panic(err)
	}
	events, err := fs.Sub(schemas.FS, "events")
	if err != nil {
		panic(err)
	}
	p, err := engine.Load(folder, engine.WithName(name), engine.WithEvents("rudderstack", events))
	if err != nil {
		panic(err)
	}
	return p
}

// recorded reads a request that rudder-server made of a transformer.
func recorded(name string) (body []byte, compact bool) {
	GinkgoHelper()
	text, err := os.ReadFile("testdata/captures/" + name + ".json")
	Expect(err).NotTo(HaveOccurred())
	var r struct {
		Request struct {
			Body    json.RawMessage
			Headers map[string][]string
		}
	}
	Expect(json.Unmarshal(text, &r)).To(Succeed())
	return r.Request.Body, len(r.Request.Headers["X-Content-Format"]) > 0
}

var _ = Describe("What rudder-server was recorded to send", func() {
	var hubspot, webhook *engine.Program
	BeforeEach(func() {
		if hubspot == nil {
			hubspot, webhook = builtin("hubspot"), builtin("webhook")
		}
	})

	DescribeTable("to /routerTransform is answered by its rules", func(name string, compact bool, requests int) {
		body, isCompact := recorded(name)
		Expect(isCompact).To(Equal(compact))
		Expect(rudder.DestinationType(body)).To(Equal("hs"))
		call, err := rudderserver.ReadTransform(body, compact)
		Expect(err).NotTo(HaveOccurred())
		answer, err := (&rudder.Transformer{Type: "hs", Program: hubspot, Mapper: direct{}}).Router(context.Background(), nil, body, compact)
		Expect(err).NotTo(HaveOccurred())
		read, err := call.Check(response(answer))
		Expect(err).NotTo(HaveOccurred())
		Expect(read.Statuses()).To(HaveEach(200))
		Expect(read.Elements).To(HaveLen(requests))
		Expect(read.Elements[0].Requests[0].Endpoint).To(Equal("https://api.hubapi.com/crm/v3/objects/contacts/batch/upsert"))
		Expect(string(answer)).To(ContainSubstring(`"endpointPath":"/crm/v3/objects/contacts/batch/upsert"`))
	},
		Entry("plain", "routerTransform-plain", false, 2),
		Entry("compact", "routerTransform-compacted", true, 2),
		Entry("again after dontBatch", "routerTransform-retry-dontBatch", true, 1),
	)

	It("to the processor's form of a type is answered event by event", func() {
		body, compact := recorded("processor-hs-plain")
		Expect(compact).To(BeFalse())
		call, err := rudderserver.ReadProcess("hs", body, compact)
		Expect(err).NotTo(HaveOccurred())
		answer, err := (&rudder.Transformer{Type: "hs", Program: hubspot, Mapper: direct{}}).Processor(context.Background(), nil, body, compact)
		Expect(err).NotTo(HaveOccurred())
		Expect(call.Check(response(answer))).To(Equal([]int{200, 200}))
	})

	It("to the processor's form in a compact body, too", func() {
		body, compact := recorded("processor-webhook-compacted")
		Expect(compact).To(BeTrue())
		call, err := rudderserver.ReadProcess("webhook", body, compact)
		Expect(err).NotTo(HaveOccurred())
		answer, err := (&rudder.Transformer{Type: "webhook", Program: webhook, Mapper: direct{}}).Processor(context.Background(), nil, body, compact)
		Expect(err).NotTo(HaveOccurred())
		statuses, err := call.Check(response(answer))
		Expect(err).NotTo(HaveOccurred())
		Expect(statuses).To(HaveLen(2), string(answer))
	})
})
