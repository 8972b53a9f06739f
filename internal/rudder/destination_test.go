package rudder_test

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/rudder"
)

// recording keeps what it was asked to map.
type recording struct {
	direct
	seen *[]string
}

func (r recording) Map(ctx context.Context, d lookup.Destination, events []engine.Input) (*engine.Output, error) {
	for _, e := range events {
		*r.seen = append(*r.seen, fmt.Sprintf("%s %s %s", d.ID, d.Config, e.JSON))
	}
	return r.direct.Map(ctx, d, events)
}

var _ = Describe("A config with templates", func() {
	mapped := func(config, more, event string) (seen []string, e []element) {
		t := &rudder.Transformer{Type: "shop", Program: shop, Mapper: recording{seen: &seen}}
		body := fmt.Sprintf(`{"input":[{"message":%s,"metadata":{"jobId":1},"destination":{"ID":"d", "Config" : %s %s}}]}`, event, config, more)
		return seen, route(t, body, false)
	}
	const event = `{"type":"note","what":"w","traits":{"a":{"b":"secret","c":1.50},"n":null,"list":[1]}}`

	DescribeTable("takes values from the event, which are not there any more", func(config, wantConfig, wantEvent string) {
		var seen []string
		t := &rudder.Transformer{Type: "shop", Program: shop, Mapper: recording{seen: &seen}}
		body := fmt.Sprintf(`{"input":[{"message":%s,"metadata":{"jobId":1},"destination":{"ID":"d", "Config" : %s ,"x":1}}]}`, event, config)
		e := route(t, body, false)
		Expect(seen).To(Equal([]string{"d " + wantConfig + " " + wantEvent}))
		By("and the answer tells the config with which the request was made, as delivery needs it")
		Expect(string(e[0].Destination)).To(Equal(`{"ID":"d", "Config" : ` + wantConfig + ` ,"x":1}`))
	},
		Entry("a text", `{"token":"{{ message.traits.a.b || \"t\" }}"}`, `{"token":"secret"}`, `{"type":"note","what":"w","traits":{"a":{"c":1.50},"n":null,"list":[1]}}`),
		Entry("under the event's other name, twice", `{"token":" {{event.traits.a.b||t}} ","l":[{"x":"{{ event.traits.a.b || t }}"}]}`,
			`{"token":"secret","l":[{"x":"secret"}]}`, `{"type":"note","what":"w","traits":{"a":{"c":1.50},"n":null,"list":[1]}}`),
		Entry("that are no texts", `{"n":"{{ message.traits.a.c || 1 }}","l":"{{ message.traits.list || 1 }}"}`, `{"n":1.50,"l":[1]}`, `{"type":"note","what":"w","traits":{"a":{"b":"secret"},"n":null}}`),
		Entry("that are missing or null", `{"a":"{{ message.traits.x || \"the default\" }}","b":"{{ event.traits.n || \"\" }}"}`, `{"a":"the default","b":""}`, event),
		Entry("of elsewhere", `{"a":"{{ traits.a.b || d }}","b":"{{ message || d }}"}`, `{"a":"d","b":"d"}`, event),
		Entry("not where a text is no template", `{"a":"{{ message.traits.a.b }}","b":"x {{ message.traits.a.b || t }}","c":"{{ message.traits[0] || t }}","d":"{{"}`,
			`{"a":"{{ message.traits.a.b }}","b":"x {{ message.traits.a.b || t }}","c":"{{ message.traits[0] || t }}","d":"{{"}`, event),
	)

	It("is left alone where the destination says that it has none", func() {
		_, e := mapped(`{"token":"{{ message.traits.a.b || t }}"}`, `,"hasDynamicConfig":false`, event)
		Expect(string(e[0].Requests)).To(ContainSubstring(`Bearer {{ message`))
	})
	It("is left alone where the event cannot be read", func() {
		_, e := mapped(`{"token":"{{ message.x || t }}"}`, ``, `{"a":1,"a":2}`)
		Expect(e[0].Error).To(HavePrefix("duplicate_key: "))
	})
	It("batches events of one config", func() {
		var jobs []string
		for i, token := range []string{"A", "B", "A", "B", "A"} {
			jobs = append(jobs, fmt.Sprintf(`{"message":{"type":"order","messageId":"m%d","token":"%s"},"metadata":{"jobId":%d,"userId":"%s"},"destination":{"ID":"d","Config":{"token":"{{ event.token || x }}"}}}`, i, token, i+1, token))
		}
		var got []string
		for _, e := range route(transformer(), `{"input":[`+strings.Join(jobs, ",")+`]}`, false) {
			got = append(got, fmt.Sprintf("%d %s", strings.Count(string(e.Metadata), "jobId"), e.Destination))
		}
		Expect(got).To(ConsistOf(`3 {"ID":"d","Config":{"token":"A"}}`, `2 {"ID":"d","Config":{"token":"B"}}`))
	})
})
