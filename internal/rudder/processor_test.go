package rudder_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/rudder"
)

var _ = Describe("Processor", func() {
	process := func(t *rudder.Transformer, body string, compact bool) []element {
		GinkgoHelper()
		answer, err := t.Processor(context.Background(), nil, []byte(body), compact)
		Expect(err).NotTo(HaveOccurred())
		var read []element
		Expect(json.Unmarshal(answer, &read)).To(Succeed(), string(answer))
		return read
	}
	events := func(messages ...string) string {
		var all []string
		for i, m := range messages {
			all = append(all, fmt.Sprintf(`{"message":%s,"metadata":{"messageId":"m%d","workspaceId":"w"},"destination":%s}`, m, i, destination))
		}
		return "[" + strings.Join(all, ",") + "]"
	}

	It("answers each event by itself, in order", func() {
		other := strings.ReplaceAll(events(`{"type":"order","messageId":"c"}`), "d1", "d2")
		body := strings.TrimSuffix(events(`{"type":"order","messageId":"a"}`, `{"type":"both","messageId":"b","what":"w"}`, `{"type":"refuse","what":"x"}`, `{"type":"drop","what":"It"}`, `null`), "]") +
			"," + strings.TrimPrefix(other, "[")
		body = strings.TrimSuffix(body, "]") + `,{"message":{"statusCode":200,"endpoint":"e"},"metadata":{},"destination":{}},{"message":{},"metadata":{"a":1}}]`
		var got []string
		for _, e := range process(transformer(), body, false) {
			what := e.Error
			if e.Output != nil {
				var d struct{ Endpoint string }
				Expect(json.Unmarshal(e.Output, &d)).To(Succeed())
				what = d.Endpoint
			}
			what, _, _ = strings.Cut(what, ": ")
			got = append(got, fmt.Sprintf("%s %d %s", e.Metadata, e.Status, strings.TrimPrefix(what, "https://api.shop.example/base")))
		}
		Expect(got).To(Equal([]string{
			`{"messageId":"m0","workspaceId":"w"} 200 /orders/batch`,
			`{"messageId":"m1","workspaceId":"w"} 200 /orders/batch`,
			`{"messageId":"m1","workspaceId":"w"} 200 /notes`,
			`{"messageId":"m2","workspaceId":"w"} 422 refused`,
			`{"messageId":"m3","workspaceId":"w"} 298 It is of no use`,
			`{"messageId":"m4","workspaceId":"w"} 400 no_message`,
			`{"messageId":"m0","workspaceId":"w"} 200 /orders/batch`,
			`{} 200 e`,
			`{"a":1} 500 no_destination`,
		}))
	})

	It("reads compact bodies", func() {
		e := process(transformer(), `{"input":[{"message":{"type":"note"},"metadata":{"destinationId":"d1"}}],"destinations":{"d1":`+destination+`}}`, true)
		Expect(e).To(HaveLen(1))
		Expect(e[0].Status).To(Equal(200))
	})

	It("counts failures as the processor's", func() {
		e := process(transformer(), events(`{"type":"busy"}`), false)
		Expect(e[0].StatTags).To(HaveKeyWithValue("feature", "processor"))
		Expect(e[0].StatTags).To(HaveKeyWithValue("errorType", "retryable"))
	})

	It("refuses events that are not the engine's answer for them", func() {
		t := &rudder.Transformer{Type: "shop", Program: shop, Mapper: direct{func(in []engine.Input) []engine.Input { in[0].Index, in[1].Index = 1, 0; return in }}}
		for _, e := range process(t, events(`{"type":"note"}`, `{"type":"note"}`), false) {
			Expect(e.Error).To(HavePrefix("unsound_answer: "))
		}
		By("nor where there is none")
		t.Mapper = direct{func(in []engine.Input) []engine.Input { return in[:1] }}
		e := process(t, events(`{"type":"note"}`, `{"type":"note"}`), false)
		Expect([]int{e[0].Status, e[1].Status}).To(Equal([]int{200, 500}))
	})

	It("refuses what is no list", func() {
		_, err := transformer().Processor(context.Background(), nil, []byte(`{"input":[]}`), false)
		Expect(err).To(MatchError(ContainSubstring("no list of jobs")))
		_, err = transformer().Processor(context.Background(), nil, []byte(`[{"message":{}}]`), false)
		Expect(err).To(MatchError(ContainSubstring("a job has no metadata")))
	})
})
