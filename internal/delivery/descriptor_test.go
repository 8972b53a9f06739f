package delivery_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/delivery"
	"github.com/celmap/celmap/internal/outbound"
)

// seen is what a server got, as the recordings have it.
type seen struct {
	Body          any
	ContentLength int64
	Headers       http.Header
	Method        string
	Proto         string
	RequestURI    string
}

// recorded reads what a server got from a real rudder-server.
func recorded(name string) seen {
	GinkgoHelper()
	text, err := os.ReadFile(filepath.Join("testdata/deliver-shapes", name))
	Expect(err).NotTo(HaveOccurred())
	var recording struct{ Request seen }
	Expect(json.Unmarshal(text, &recording)).To(Succeed())
	return recording.Request
}

// deliver sends a descriptor to a server and returns what that got, with the
// bytes of the body.
func deliver(ctx context.Context, descriptor string) (got seen, body []byte) {
	GinkgoHelper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		got = seen{ContentLength: r.ContentLength, Headers: r.Header.Clone(), Method: r.Method, Proto: r.Proto, RequestURI: r.RequestURI}
	}))
	defer server.Close()
	d, err := delivery.Read([]byte(descriptor))
	Expect(err).NotTo(HaveOccurred())
	d.Endpoint = server.URL + d.Endpoint
	r, send, err := d.Request()
	Expect(err).NotTo(HaveOccurred())
	Expect(send).To(BeTrue())
	_, err = outbound.New(outbound.Options{}).Do(ctx, r)
	Expect(err).NotTo(HaveOccurred())
	return got, body
}

var _ = DescribeTable("What rudder-server was recorded to send is sent alike", func(ctx context.Context, recording, descriptor string) {
	want := recorded(recording)
	got, body := deliver(ctx, descriptor)
	want.Headers.Del("Content-Length") // of which Go's server keeps the number
	got.Headers.Del("Content-Length")
	if got.Headers.Get("Content-Encoding") == "gzip" {
		packed, err := gzip.NewReader(bytes.NewReader(body))
		Expect(err).NotTo(HaveOccurred())
		body, err = io.ReadAll(packed)
		Expect(err).NotTo(HaveOccurred())
	}
	if len(body) > 0 && json.Unmarshal(body, &got.Body) != nil {
		got.Body = string(body)
	}
	Expect(got).To(Equal(want))
},
	Entry("JSON, with parameters of every kind and a User-Agent of its own", "001-sink-POST_json.json",
		`{"type":"REST","method":"POST","endpoint":"/json?a=1","headers":{"Content-Type":"application/json","X-A":"b","User-Agent":"custom"},
		"params":{"s":"x y","n":1000000,"m":12345678,"f":1.5,"b":true,"z":null,"o":{"k":[1,2]},"arr":["p","q"]},
		"body":{"JSON":{"z":1,"a":null,"f":42.00,"mill":1000000,"big":12345678901234567,"e21":1e21,"lt":"<&>\u2028é"},"FORM":{}},"files":{}}`),
	Entry("a list, byte for byte", "002-sink-POST_jsonarray.json",
		`{"type":"REST","method":"POST","endpoint":"/jsonarray","headers":{"Content-Type":"application/json"},
		"body":{"JSON_ARRAY":{"batch":"[{\"lt\": \"<&>\", \"big\": 12345678901234567}]"},"JSON":{}}}`),
	Entry("a form", "003-sink-POST_form.json",
		`{"type":"REST","method":"POST","endpoint":"/form","body":{"FORM":{"a":"x y","arr":[1,2],"b":false,"n":1000000,"o":{"k":1}}}}`),
	Entry("XML", "004-sink-POST_xml.json",
		`{"type":"REST","method":"POST","endpoint":"/xml","headers":{"Content-Type":"application/xml"},"body":{"XML":{"payload":"<a>1</a>"}}}`),
	Entry("what is packed", "005-sink-POST_gzip.json",
		`{"type":"REST","method":"POST","endpoint":"/gzip","headers":{"Content-Type":"application/json"},"body":{"GZIP":{"payload":"{\"a\":1}"}}}`),
	Entry("a GET", "006-sink-GET_get.json", `{"type":"REST","method":"GET","endpoint":"/get","params":{"q":"1"},"body":{"JSON":{}}}`),
	Entry("no method", "007-sink-GET_nomethod.json", `{"type":"REST","endpoint":"/nomethod"}`),
	Entry("nothing in the body", "008-sink-PATCH_emptyjson.json", `{"type":"REST","method":"PATCH","endpoint":"/emptyjson","body":{"JSON":{}}}`),
	Entry("a batch", "009-sink-POST_upsert.json",
		`{"type":"REST","endpoint":"/crm/v3/objects/contacts/batch/upsert","method":"POST","userId":"","files":{},"headers":{"Authorization":"Bearer made-up-token","Content-Type":"application/json"},"params":{"archived":"false"},
		"body":{"FORM":{},"JSON":{},"XML":{},"JSON_ARRAY":{"batch":"[{\"id\":\"made-up-user-1\",\"properties\":{\"messageid\":\"mu-msg-0001\"}},{\"id\":\"made-up-user-1\",\"properties\":{\"messageid\":\"mu-msg-0002\"}}]"}}}`),
)

var _ = Describe("A descriptor", func() {
	It("has its JSON written as Go does", func(ctx context.Context) {
		_, body := deliver(ctx, `{"type":"REST","method":"POST","endpoint":"/","body":{"JSON":{"z":"<é>\u2028","a":12345678901234567,"m":{"b":42.00,"a":1e21}}}}`)
		Expect(string(body)).To(Equal(`{"a":12345678901234568,"m":{"a":1e+21,"b":42},"z":"\u003cé\u003e\u2028"}`))
	})
	It("has its list sent as it is", func(ctx context.Context) {
		_, body := deliver(ctx, `{"type":"REST","method":"POST","endpoint":"/","body":{"JSON_ARRAY":{"batch":" [ <12345678901234567>"}}}`)
		Expect(string(body)).To(Equal(" [ <12345678901234567>"))
	})
	It("adds to parameters that the endpoint has, and writes all of them anew", func(ctx context.Context) {
		got, _ := deliver(ctx, `{"type":"REST","method":"GET","endpoint":"/p%2Fq?b=2&a=x%20y&b=1","params":{"b":"3","c":"a/b"}}`)
		Expect(got.RequestURI).To(Equal("/p%2Fq?a=x+y&b=2&b=1&b=3&c=a%2Fb"))
	})
	DescribeTable("is not sent, and counts as delivered", func(descriptor string) {
		d, err := delivery.Read([]byte(descriptor))
		Expect(err).NotTo(HaveOccurred())
		_, send, err := d.Request()
		Expect(err).NotTo(HaveOccurred())
		Expect(send).To(BeFalse())
	},
		Entry("where it is of another type", `{"type":"rest","method":"POST","endpoint":"https://api.example.com"}`),
		Entry("where it has no type", `{"method":"POST","endpoint":"https://api.example.com"}`),
		Entry("where it has files", `{"type":"REST","method":"POST","endpoint":"https://api.example.com","files":{"a":"b"}}`),
	)
	DescribeTable("is refused", func(status int, descriptor, says string) {
		d, err := delivery.Read([]byte(descriptor))
		if err == nil {
			_, _, err = d.Request()
		}
		var refused *delivery.Refusal
		Expect(errors.As(err, &refused)).To(BeTrue())
		Expect(refused.Status).To(Equal(status))
		Expect(refused).To(MatchError(ContainSubstring(says)))
	},
		Entry("with a header that is a number", 599, `{"type":"REST","headers":{"X":1}}`, "have to be texts"),
		Entry("with a header of two lines", 400, `{"type":"REST","endpoint":"https://a.example.com","headers":{"X":"a\nb"}}`, "header X"),
		Entry("with a header whose name is none", 400, `{"type":"REST","endpoint":"https://a.example.com","headers":{"X Y":"a"}}`, `"X Y"`),
		Entry("that is none", 599, `[]`, "cannot be read"),
		Entry("that is no JSON", 599, `{`, "cannot be read"),
		Entry("with a body that is a text", 599, `{"type":"REST","endpoint":"https://a.example.com","body":"x"}`, "no object of formats"),
		Entry("with a format that is no object", 500, `{"type":"REST","endpoint":"https://a.example.com","body":{"FORM":[]}}`, `"FORM"`),
		Entry("with a format that is null", 500, `{"type":"REST","endpoint":"https://a.example.com","body":{"JSON":{"a":1},"FORM":null}}`, `"FORM"`),
		Entry("with an unknown format", 500, `{"type":"REST","endpoint":"https://a.example.com","body":{"YAML":{"a":1}}}`, `"YAML"`),
		Entry("with a list that is no text", 400, `{"type":"REST","endpoint":"https://a.example.com","body":{"JSON_ARRAY":{"batch":[]}}}`, "JSON_ARRAY.batch"),
		Entry("with XML that is no text", 400, `{"type":"REST","endpoint":"https://a.example.com","body":{"XML":{"payload":{}}}}`, "XML.payload"),
		Entry("with nothing to pack", 400, `{"type":"REST","endpoint":"https://a.example.com","body":{"GZIP":{"a":"b"}}}`, "GZIP.payload"),
		Entry("without an endpoint", 400, `{"type":"REST"}`, "endpoint"),
		Entry("with an endpoint of another scheme", 400, `{"type":"REST","endpoint":"ftp://a.example.com"}`, "endpoint"),
	)
})
