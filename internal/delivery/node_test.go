package delivery_test

import (
	"bytes"
	"encoding/json"
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/delivery"
)

// parsed is a descriptor as the engine has it.
func parsed(text string) *value.Node {
	GinkgoHelper()
	n, err := value.Parse(value.NewArena(), []byte(text), value.DefaultLimits())
	Expect(err).NotTo(HaveOccurred())
	return n
}

var _ = Describe("A descriptor of the engine", func() {
	It("is sent with the bytes that celmap map prints", func() {
		body := `{"z":"<é>\u2028","a":12345678901234567890,"m":{"b":42.00,"a":[1e21,null]}}`
		d := parsed(`{"method":"POST","endpoint":"https://api.example.com/x","headers":{"content-type":"application/json"},"body":{"JSON":` + body + `}}`)
		r, err := delivery.Of(d)
		Expect(err).NotTo(HaveOccurred())
		var printed struct {
			Body struct{ JSON json.RawMessage }
		}
		Expect(json.Unmarshal(value.AppendJSON(nil, d), &printed)).To(Succeed())
		Expect(bytes.Equal(r.Body, printed.Body.JSON)).To(BeTrue(), "%s", r.Body)
		Expect(string(r.Body)).To(ContainSubstring(`"a":12345678901234567890,"m":{"b":42.00,"a":[1e21,null]}`))
		Expect(r.Method).To(Equal("POST"))
		Expect(r.Headers).To(Equal(map[string]string{"Content-Type": "application/json"}))
	})

	DescribeTable("is sent in its format", func(body, want string) {
		r, err := delivery.Of(parsed(`{"method":"POST","endpoint":"https://api.example.com/x","body":` + body + `}`))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(r.Body)).To(Equal(want))
	},
		Entry("a list", `{"JSON_ARRAY":{"batch":"[{\"a\": <1>}]"}}`, `[{"a": <1>}]`),
		Entry("XML", `{"XML":{"payload":"<a>1</a>"}}`, "<a>1</a>"),
		Entry("a form", `{"FORM":{"b":"x y","a":"1"}}`, "a=1&b=x+y"),
		Entry("nothing", `{}`, ""),
	)

	DescribeTable("adds its parameters to the address", func(endpoint, params, want string) {
		r, err := delivery.Of(parsed(`{"endpoint":"` + endpoint + `","params":` + params + `}`))
		Expect(err).NotTo(HaveOccurred())
		Expect(r.URL).To(Equal(want))
		Expect(r.Method).To(Equal("GET"))
	},
		Entry("that has none", "https://a.example.com/p%2Fq", `{"b":"x y","a":"é"}`, "https://a.example.com/p%2Fq?a=%C3%A9&b=x+y"),
		Entry("that has some", "https://a.example.com/p?c=1", `{"b":"2"}`, "https://a.example.com/p?c=1&b=2"),
		Entry("none", "https://a.example.com/p?c=x%20y", `{}`, "https://a.example.com/p?c=x%20y"),
	)

	DescribeTable("is refused", func(descriptor, says string) {
		_, err := delivery.Of(parsed(descriptor))
		var refused *delivery.Refusal
		Expect(errors.As(err, &refused)).To(BeTrue())
		Expect(refused).To(MatchError(ContainSubstring(says)))
	},
		Entry("without an address", `{"method":"POST"}`, "endpoint"),
		Entry("with another scheme", `{"endpoint":"ftp://a.example.com"}`, "endpoint"),
		Entry("with a format that there is not", `{"endpoint":"https://a.example.com","body":{"YAML":{"a":1}}}`, `"YAML"`),
	)
})
