package rudderserver

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const hub = `{"ID":"d1","Config":{"accessToken":"made-up"}}`

// job is an event of a user. Its metadata has blanks and an escape, which must come back.
func job(id int64, user string) Job {
	return Job{
		Message:     json.RawMessage(`{"type":"identify"}`),
		Metadata:    json.RawMessage(fmt.Sprintf(`{ "userId":"\u003c%s", "jobId":%d,"destinationId":"d1","sourceId":"s1"}`, user, id)),
		Destination: json.RawMessage(hub),
	}
}

// Two jobs of one user and one of another, and a right answer: the first two in
// one element.
func threeJobs() *Transform {
	t, err := NewTransform("hs", []Job{job(1, "ada"), job(2, "ada"), job(3, "bob")}, false)
	Expect(err).NotTo(HaveOccurred())
	return t
}

const (
	m1 = `{ "userId":"\u003cada", "jobId":1,"destinationId":"d1","sourceId":"s1"}`
	m2 = `{ "userId":"\u003cada", "jobId":2,"destinationId":"d1","sourceId":"s1"}`
	m3 = `{ "userId":"\u003cbob", "jobId":3,"destinationId":"d1","sourceId":"s1"}`

	request = `{"version":"1","type":"REST","method":"POST","endpoint":"https://api.example.test/batch","endpointPath":"/batch","headers":{"a":"b"},` +
		`"params":{"p":"q"},"body":{"JSON":{"inputs":[]},"JSON_ARRAY":{},"XML":{},"FORM":{}},"files":{},"userId":""}`
	delivered = `{"batchedRequest":` + request + `,"metadata":[` + m1 + `,` + m2 + `],"destination":` + hub + `,"batched":true,"statusCode":200}`
	rejected  = `{"metadata":[` + m3 + `],"destination":` + hub + `,"batched":false,"statusCode":400,"error":"no e-mail","statTags":{"destType":"HS"},"authErrorCategory":""}`
	right     = `{"output":[` + delivered + `,` + rejected + `]}`
)

func response(status int, body string) *Response {
	return &Response{Status: status, Header: http.Header{"Apiversion": {"2"}}, Body: []byte(body)}
}

// instead makes an answer wrong in one place.
func instead(answer, old, new string) string {
	if !strings.Contains(answer, old) {
		panic(fmt.Sprintf("%s is not in %s", old, answer))
	}
	return strings.Replace(answer, old, new, 1)
}

// wrong is an answer that breaks one rule.
type wrong struct {
	rule  rule
	job   int64
	value string // part of the message
	check func() error
}

func transformed(body string) func() error {
	return func() error {
		_, err := threeJobs().Check(response(200, body))
		return err
	}
}

// described replaces something in the descriptor.
func described(old, new string) func() error {
	return func() error { return transformed(instead(right, old, new))() }
}

func featured(status int, old, new string) func() error {
	return func() error {
		body := `{"routerTransform":{"HS":true},"regulations":[],"supportSourceTransformV1":true,"supportTransformerProxyV1":true}`
		return CheckFeatures(response(status, instead(body, old, new)), "HS")
	}
}

const (
	p1         = `{"jobId":1,"attemptNum":0,"userId":"","destinationId":"d1","dontBatch":false}`
	p2         = `{"jobId":2,"attemptNum":0,"userId":"","destinationId":"d1","dontBatch":false}`
	proxyBody  = `{"type":"REST","metadata":[` + p1 + `,` + p2 + `]}`
	proxyRight = `{"output":{"status":200,"message":"done","response":[{"statusCode":200,"metadata":` + p1 + `,"error":"ok"},{"statusCode":400,"metadata":` + p2 + `,"error":"bad"}]}}`
)

func proxied(status int, answer string) func() error {
	return func() error {
		p, err := ReadProxy(1, "hs", []byte(proxyBody))
		Expect(err).NotTo(HaveOccurred())
		_, err = p.Check(response(status, answer))
		return err
	}
}

func proxied0(status int, answer string) func() error {
	return func() error {
		p, err := ReadProxy(0, "hs", []byte(`{"metadata":`+p1+`}`))
		Expect(err).NotTo(HaveOccurred())
		_, err = p.Check(response(status, answer))
		return err
	}
}

func processed(body string) func() error {
	return func() error {
		p, err := NewProcess("hs", []Job{job(1, "ada"), job(2, "ada")}, false)
		Expect(err).NotTo(HaveOccurred())
		_, err = p.Check(response(200, body))
		return err
	}
}

var processRight = `[{"output":` + request + `,"metadata":` + m1 + `,"statusCode":200},{"metadata":` + m2 + `,"statusCode":400,"error":"no"}]`

var wrongs = []wrong{
	{answered, 0, "EOF", func() error {
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
		defer s.Close()
		_, err := threeJobs().Send(context.Background(), Client, s.URL)
		return err
	}},
	{neverMissing, 0, "404", func() error { _, err := threeJobs().Check(response(404, "")); return err }},
	{apiVersion, 0, `""`, func() error {
		_, err := threeJobs().Check(&Response{Status: 200, Body: []byte(right)})
		return err
	}},
	{apiVersion, 0, `"1"`, func() error {
		_, err := threeJobs().Check(&Response{Status: 200, Header: http.Header{"Apiversion": {"1"}}, Body: []byte(right)})
		return err
	}},
	{readable, 0, `{"output"`, transformed(right[:len(right)-1])},
	{readable, 0, "null", transformed(`{"output":null}`)},
	{readable, 0, "[]", transformed(`[]`)},
	{readable, 0, "no UTF-8", transformed(instead(right, "e-mail", "\xff"))},

	{noneMissing, 3, "in no element", transformed(`{"output":[` + delivered + `]}`)},
	{noneMissing, 3, "in no element", transformed(`{"output":[` + delivered + `,` + delivered + `]}`)},
	{exactlyOnce, 1, "output[1]", transformed(`{"output":[` + instead(delivered, `,`+m2, "") + `,` + instead(delivered, `,`+m2, "") + `]}`)}, // passes rudder-server's count
	{noneUnknown, 4, `"jobId":4`, transformed(instead(right, m3, instead(m3, `"jobId":3`, `"jobId":4`)))},
	{numericJob, 0, `"3"`, transformed(instead(right, m3, instead(m3, `"jobId":3`, `"jobId":"3"`)))},
	{someMetadata, 0, "[]", transformed(instead(right, `[`+m3+`]`, `[]`))},
	{someMetadata, 0, "absent", transformed(instead(right, `"metadata":[`+m3+`],`, ``))},
	{metadataEcho, 3, `{"jobId":3}`, transformed(instead(right, m3, `{"jobId":3}`))},
	{metadataEcho, 3, `"<bob"`, transformed(instead(right, `\u003cbob`, `<bob`))},
	{destination, 1, "absent", transformed(instead(right, `"destination":`+hub+`,`, ``))},
	{destination, 1, `"ID": "d1"`, transformed(instead(right, `"ID":"d1"`, `"ID": "d1"`))},
	{connection, 1, `{}`, transformed(instead(right, `"batched":true`, `"connection":{}`))},
	{batchedFlag, 1, `"yes"`, transformed(instead(right, `"batched":true`, `"batched":"yes"`))},
	{integerStatus, 1, `"200"`, transformed(instead(right, `"statusCode":200`, `"statusCode":"200"`))},
	{integerStatus, 1, `200.0`, transformed(instead(right, `"statusCode":200`, `"statusCode":200.0`))},
	{allowedStatus, 3, `302`, transformed(instead(right, `"statusCode":400`, `"statusCode":302`))},
	{allowedStatus, 3, `599`, transformed(instead(right, `"statusCode":400`, `"statusCode":599`))},
	{allowedStatus, 3, `204`, transformed(instead(right, `"statusCode":400`, `"statusCode":204`))},
	{textError, 3, `{"message":"no e-mail"}`, transformed(instead(right, `"no e-mail"`, `{"message":"no e-mail"}`))},
	{reason, 3, "empty", transformed(instead(right, `"error":"no e-mail",`, ``))},
	{tags, 3, `destType is 7`, transformed(instead(right, `"destType":"HS"`, `"destType":7`))},
	{authCategory, 3, `"X"`, transformed(instead(right, `"authErrorCategory":""`, `"authErrorCategory":"X"`))},
	{requestPresent, 1, "absent", transformed(instead(right, `"batchedRequest":`+request+`,`, ``))},
	{requestPresent, 1, "[]", transformed(instead(right, `"batchedRequest":`+request, `"batchedRequest":[]`))},
	{requestPresent, 1, "batchedRequest[1] is 1", transformed(instead(right, `"batchedRequest":`+request, `"batchedRequest":[`+request+`,1]`))},
	{order, 2, "taken (400) after job 3", func() error {
		t, err := NewTransform("hs", []Job{job(1, "ada"), job(2, "bob"), job(3, "bob")}, true)
		Expect(err).NotTo(HaveOccurred())
		_, err = t.Check(response(200, `{"output":[`+instead(instead(delivered, m1, m1), m2, m3)+`,`+instead(rejected, m3, instead(m3, `"jobId":3`, `"jobId":2`))+`]}`))
		return err
	}},
	{order, 2, "sent while job 1", func() error {
		t := threeJobs()
		q := queue(t, 9)
		a, err := t.Check(response(200, `{"output":[`+one(1, 200)+`,`+one(2, 200)+`,`+one(3, 200)+`]}`))
		Expect(err).NotTo(HaveOccurred())
		a.Elements[0], a.Elements[1] = a.Elements[1], a.Elements[0]
		return q.Deliver(a, all(200))
	}},
	{progress, 3, "at status 500 after 1 tries", func() error {
		t := threeJobs()
		a, err := t.Check(response(200, `{"output":[`+one(1, 200)+`,`+one(2, 200)+`,`+one(3, 500)+`]}`))
		Expect(err).NotTo(HaveOccurred())
		return queue(t, 1).Deliver(a, all(200))
	}},

	{alone, 2, "with those of 1 other", func() error {
		second := job(2, "ada")
		second.Metadata = json.RawMessage(instead(m2, `"jobId":2`, `"jobId":2,"dontBatch":true`))
		t, err := NewTransform("hs", []Job{job(1, "ada"), second}, true)
		Expect(err).NotTo(HaveOccurred())
		_, err = t.Check(response(200, `{"output":[`+instead(delivered, m2, string(second.Metadata))+`]}`))
		return err
	}},

	{typeREST, 1, `"rest"`, described(`"REST"`, `"rest"`)},
	{noFiles, 1, `{"a":"b"}`, described(`"files":{}`, `"files":{"a":"b"}`)},
	{methodText, 1, `"post"`, described(`"POST"`, `"post"`)},
	{absoluteURL, 1, `"/batch"`, described(`"https://api.example.test/batch"`, `"/batch"`)},
	{textField, 1, `userId is 7`, described(`"userId":""`, `"userId":7`)},
	{textHeaders, 1, `headers.a is 1`, described(`{"a":"b"}`, `{"a":1}`)},
	{textParams, 1, `params.p is 1000000`, described(`{"p":"q"}`, `{"p":1000000}`)},
	{bodyObjects, 1, `body.XML is null`, described(`"XML":{}`, `"XML":null`)},
	{oneFormat, 1, `body.JSON is`, described(`"FORM":{}`, `"FORM":{"a":"b"}`)},
	{knownFormat, 1, `body.YAML`, described(`"FORM":{}`, `"YAML":{}`)},
	{arrayBatch, 1, `JSON_ARRAY.batch is []`, described(`"JSON":{"inputs":[]},"JSON_ARRAY":{}`, `"JSON_ARRAY":{"batch":[]}`)},
	{arrayBatch, 1, `"[}"`, described(`"JSON":{"inputs":[]},"JSON_ARRAY":{}`, `"JSON_ARRAY":{"batch":"[}"}`)},
	{textPayload, 1, `XML.payload is 1`, described(`"JSON":{"inputs":[]},"JSON_ARRAY":{},"XML":{}`, `"XML":{"payload":1}`)},
	{textForm, 1, `FORM.a is 1`, described(`"JSON":{"inputs":[]},"JSON_ARRAY":{},"XML":{},"FORM":{}`, `"FORM":{"a":1}`)},
	{nothingTwice, 1, `headers.a is there twice`, described(`{"a":"b"}`, `{"a":"b","a":"c"}`)},

	{featuresStatus, 0, "404", featured(404, `"HS"`, `"HS"`)},
	{readable, 0, "{,", featured(200, `{"routerTransform"`, `{,"routerTransform"`)},
	{upperTypes, 0, "routerTransform.hs", featured(200, `"HS":true`, `"HS":true,"hs":true`)},
	{ownType, 0, "routerTransform.HS is absent", featured(200, `"HS":true`, `"AM":true`)},
	{regulations, 0, "absent", featured(200, `"regulations":[],`, ``)},
	{booleanFeature, 0, `"yes"`, featured(200, `"supportTransformerProxyV1":true`, `"supportTransformerProxyV1":"yes"`)},
	{sourceVersion, 0, "not true", featured(200, `"supportSourceTransformV1":true`, `"upgradedToSourceTransformV2":false`)},

	{neverMissing, 0, "404", proxied(404, proxyRight)},
	{readable, 0, "oh", proxied(200, "oh")},
	{proxyOutput, 0, "null", proxied(200, `{"output":null}`)},
	{proxyOutput, 0, "output.status is absent", proxied(200, instead(proxyRight, `"status":200,`, ``))},
	{proxyOutput, 0, "output.message is {}", proxied(200, instead(proxyRight, `"done"`, `{}`))},
	{proxyResponse, 0, "{}", proxied(200, `{"output":{"status":200,"message":"","response":{}}}`)},
	{noneMissing, 2, "without it", proxied(200, instead(proxyRight, `,{"statusCode":400,"metadata":`+p2+`,"error":"bad"}`, ``))},
	{exactlyOnce, 2, "second", proxied(200, instead(proxyRight, `"response":[`, `"response":[{"statusCode":400,"metadata":`+p2+`,"error":"bad"},`))},
	{noneUnknown, 9, `"jobId":9`, proxied(200, instead(proxyRight, p2, instead(p2, `"jobId":2`, `"jobId":9`)))},
	{resultMetadata, 2, `destinationId is "d2"`, proxied(200, instead(proxyRight, p2, instead(p2, `"d1"`, `"d2"`)))},
	{proxyAlone, 2, "true beside 400", proxied(200, instead(proxyRight, p2, instead(p2, `"dontBatch":false`, `"dontBatch":true`)))},
	{textError, 2, "1", proxied(200, instead(proxyRight, `"bad"`, `1`))},
	{allowedStatus, 2, "0", proxied(200, instead(proxyRight, `400`, `0`))},
	{tags, 0, "1", proxied(200, instead(proxyRight, `"status":200`, `"statTags":{"a":1},"status":200`))},

	{neverMissing, 0, "404", proxied0(404, `{"output":{"status":404,"message":"","destinationResponse":""}}`)},
	{proxyStatus, 0, "200", proxied0(500, `{"output":{"status":200,"message":"","destinationResponse":""}}`)},
	{destResponse, 0, "absent", proxied0(200, `{"output":{"status":200,"message":""}}`)},

	{processorList, 0, "{}", processed(`{}`)},
	{metadataEcho, 0, `{"jobId":2}`, processed(instead(processRight, m2, `{"jobId":2}`))},
	{processorEvent, 0, "event 1", processed(instead(processRight, `,{"metadata":`+m2+`,"statusCode":400,"error":"no"}`, ``))},
	{processorOut, 1, "absent", processed(instead(processRight, `"output":`+request+`,`, ``))},
	{processorOut, 1, "[]", processed(instead(processRight, request, `[]`))},
	{reason, 2, "empty", processed(instead(processRight, `,"error":"no"`, ``))},
	{allowedStatus, 2, "302", processed(instead(processRight, `400`, `302`))},
	{typeREST, 1, `"SOAP"`, processed(instead(processRight, `REST`, `SOAP`))},
}

// one is an element of one of threeJobs.
func one(job, status int) string {
	element := instead(rejected, m3, []string{m1, m2, m3}[job-1])
	if status == 200 {
		element = instead(instead(delivered, m1+`,`, ""), m2, []string{m1, m2, m3}[job-1])
	}
	return strings.Replace(element, `"statusCode":400`, `"statusCode":`+strconv.Itoa(status), 1)
}

func queue(t *Transform, tries int) *Queue {
	var jobs []Job
	for _, j := range t.jobs {
		jobs = append(jobs, j.Job)
	}
	q, err := NewQueue(jobs, tries)
	Expect(err).NotTo(HaveOccurred())
	return q
}

// all answers every request alike.
func all(status int) func(*Element, *Descriptor) map[int64]int {
	return func(*Element, *Descriptor) map[int64]int { return map[int64]int{0: status} }
}

var _ = Describe("A wrong answer", func() {
	for i, w := range wrongs {
		It(fmt.Sprintf("%d is found: %s", i, w.rule), func() {
			err := w.check()
			Expect(err).To(HaveOccurred())
			if w.rule == answered {
				Expect(err).To(MatchError(And(HavePrefix(string(answered)), ContainSubstring(w.value))))
				return
			}
			Expect(Violations(err)).To(ContainElement(And(
				HaveField("Rule", string(w.rule)), HaveField("Job", w.job),
				HaveField("Error()", ContainSubstring(w.value)),
			)), "%v", err)
		})
	}

	It("is there for every rule", func() {
		parsed, err := parser.ParseFile(token.NewFileSet(), "violation.go", nil, 0)
		Expect(err).NotTo(HaveOccurred())
		tried := map[string]bool{}
		for _, w := range wrongs {
			tried[string(w.rule)] = true
		}
		rules := 0
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || fmt.Sprint(spec.Type) != "rule" {
				return true
			}
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			Expect(err).NotTo(HaveOccurred())
			Expect(tried).To(HaveKey(text), "no wrong answer breaks %s", spec.Names[0])
			rules++
			return true
		})
		Expect(rules).To(BeNumerically(">", 40))
	})
})

var _ = Describe("A right answer", func() {
	It("breaks no rule", func() {
		a, err := threeJobs().Check(response(200, right))
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Statuses()).To(Equal(map[int64]int{1: 200, 2: 200, 3: 400}))
		Expect(a.Elements[0].Requests[0]).To(And(HaveField("Method", "POST"), HaveField("Format", "JSON"), HaveField("Params", map[string]string{"p": "q"})))
		Expect(featured(200, "HS", "HS")()).To(Succeed())
		Expect(proxied(200, proxyRight)()).To(Succeed())
		Expect(proxied0(502, `{"output":{"status":502,"message":"","destinationResponse":{}}}`)()).To(Succeed())
		Expect(processed(processRight)()).To(Succeed())
	})

	It("may have several requests in an element, no status, and repeat metadata within it", func() {
		answer := instead(right, request, `[`+request+`,`+request+`]`)
		answer = instead(answer, `,"statusCode":200`, ``)
		answer = instead(answer, m1, m1+`,`+m1)
		a, err := threeJobs().Check(response(200, answer))
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Elements[0].Requests).To(HaveLen(2))
		Expect(a.Elements[0].Jobs).To(Equal([]int64{1, 2}))
	})

	It("may give up several events of a user at once", func() {
		t, err := NewTransform("hs", []Job{job(1, "ada"), job(2, "ada"), job(3, "ada")}, true)
		Expect(err).NotTo(HaveOccurred())
		_, err = t.Check(response(200, `{"output":[`+instead(rejected, m3, m1+`,`+instead(m3, "bob", "ada"))+`,`+one(2, 200)+`]}`))
		Expect(err).NotTo(HaveOccurred())
	})

	It("may overtake what is filtered, which is no event any more", func() {
		t, err := NewTransform("hs", []Job{job(1, "ada"), job(2, "bob"), job(3, "bob")}, true)
		Expect(err).NotTo(HaveOccurred())
		filtered := instead(instead(rejected, m3, instead(m3, `"jobId":3`, `"jobId":2`)), "400", "298")
		_, err = t.Check(response(200, `{"output":[`+instead(delivered, m2, m3)+`,`+filtered+`]}`))
		Expect(err).NotTo(HaveOccurred())
	})

	It("is refused as a whole with any status but 404, which is no violation: every job is retried", func() {
		for _, status := range []int{400, 413, 429, 500, 503} {
			a, err := threeJobs().Check(response(status, "later"))
			Expect(err).NotTo(HaveOccurred())
			Expect(a.Statuses()).To(Equal(map[int64]int{1: 500, 2: 500, 3: 500}))
		}
	})
})
