package rudder_test

import (
	"encoding/json"
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/rudder"
	"github.com/celmap/celmap/internal/rudderserver"
)

var _ = Describe("Features", func() {
	It("are our own where there is no other transformer", func() {
		answer, err := rudder.Features(nil, []string{"shop", "st_ore"})
		Expect(err).NotTo(HaveOccurred())
		Expect(answer).To(MatchJSON(`{"routerTransform":{"SHOP":true,"ST_ORE":true},"regulations":[],"supportSourceTransformV1":true,
			"upgradedToSourceTransformV2":true,"supportTransformerProxyV1":true,"supportDestTransformCompactedPayloadV1":true}`))
		Expect(rudderserver.CheckFeatures(response(answer), "SHOP", "ST_ORE")).To(Succeed())
	})
	It("are the other's with our types, and nothing else is changed", func() {
		answer, err := rudder.Features([]byte(`{"new":{"b":[1.0,"é"],"a":null},"routerTransform":{"MARKETO":true,"HS":false},"supportTransformerProxyV1":false,"upgradedToSourceTransformV2":true}`), []string{"hs", "hubspot"})
		Expect(err).NotTo(HaveOccurred())
		Expect(string(answer)).To(Equal(`{"new":{"b":[1.0,"é"],"a":null},"routerTransform":{"MARKETO":true,"HS":true,"HUBSPOT":true},"supportTransformerProxyV1":false,"upgradedToSourceTransformV2":true}`))
	})
	It("are added where the other lists none", func() {
		for _, upstream := range []string{`{"regulations":["X"]}`, `{"regulations":["X"],"routerTransform":null}`} {
			answer, err := rudder.Features([]byte(upstream), []string{"hs"})
			Expect(err).NotTo(HaveOccurred())
			Expect(answer).To(MatchJSON(`{"regulations":["X"],"routerTransform":{"HS":true}}`))
		}
	})
	It("are those that were recorded", func() {
		var recorded struct {
			Response struct{ Body json.RawMessage }
		}
		text, err := os.ReadFile("testdata/captures/features.json")
		Expect(err).NotTo(HaveOccurred())
		Expect(json.Unmarshal(text, &recorded)).To(Succeed())
		answer, err := rudder.Features(recorded.Response.Body, []string{"hs"})
		Expect(err).NotTo(HaveOccurred())
		Expect(answer).To(MatchJSON(recorded.Response.Body))
	})
	It("cannot be told from what is no object", func() {
		for _, upstream := range []string{`[]`, `<html>`, ``} {
			_, err := rudder.Features([]byte(upstream), nil)
			Expect(err).To(HaveOccurred(), upstream)
		}
	})
})
