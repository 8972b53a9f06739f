package rudder_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/rudder"
)

var _ = Describe("Router", func() {
	It("echoes metadata and destination byte for byte", func() {
		metadata := ` { "z" : "é\u00e9\ud800\/" , "jobId" : 9223372036854775807 , "a" : [ 1.0 , 1e5 , { } ] , "a" : 2, "userId" : "u\u003c" } `
		destination := `{ "Config" : { "token" : "\u0074" , "n" : 1.50 } , "ID" : "d1" , "ID" : "d1", "x" : 12345678901234567890 }`
		body := fmt.Sprintf("\n{ \"destType\" : \"shop\" , \"input\" : [ { \"destination\" : %s , \"metadata\" :%s, \"message\" : { \"type\" : \"note\" , \"what\" : \"x\" } , \"new\" : [ { } ] } ] , \"later\" : null }\r\n", destination, metadata)
		e := route(transformer(), body, false)
		Expect(e).To(HaveLen(1))
		Expect(string(e[0].Metadata)).To(Equal("[" + strings.TrimSpace(metadata) + "]"))
		Expect(string(e[0].Destination)).To(Equal(destination))
	})

	It("writes a descriptor with all its parts", func() {
		e := route(transformer(), one(`{"type":"note","what":"<é>"}`), false)
		Expect(string(e[0].Requests)).To(Equal(`{"version":"1","type":"REST","method":"GET","endpoint":"https://api.shop.example/base/notes",` +
			`"headers":{"Authorization":"Bearer t"},"params":{"count":"1000000","text":"<é>"},` +
			`"body":{"JSON":{},"JSON_ARRAY":{},"XML":{},"FORM":{}},"files":{},"endpointPath":"/base/notes"}`))
		Expect(e[0].Status).To(Equal(200))
		Expect(e[0].Batched).To(BeFalse())
	})

	DescribeTable("fills the part of the body that a request has", func(message, part, path string, batched bool) {
		e := route(transformer(), one(message), false)
		Expect(string(e[0].Requests)).To(ContainSubstring(part))
		Expect(string(e[0].Requests)).To(ContainSubstring(`"endpointPath":"` + path + `"`))
		Expect(e[0].Batched).To(Equal(batched))
	},
		Entry("an object", `{"type":"order","messageId":"m","what":1}`, `"body":{"JSON":{"all":[{"id":"m","what":1}]},"JSON_ARRAY":{},`, "/base/orders/batch", true),
		Entry("a list", `{"type":"list","messageId":"m"}`, `"JSON_ARRAY":{"batch":"[{\"id\":\"m\"}]"},`, "/base/orders/list", true),
		Entry("a form", `{"type":"form","messageId":"m"}`, `"FORM":{"id":"m","count":"1000000"}}`, "/base/orders/form", false),
	)

	It("answers an event of two requests with a list of them, in order", func() {
		e := route(transformer(), one(`{"type":"both","messageId":"m","what":"w"}`), false)
		Expect(e).To(HaveLen(1))
		Expect(string(e[0].Requests)).To(MatchRegexp(`^\[\{.*/orders/batch".*\},\{.*/notes".*\}\]$`))
	})

	It("says why a job is not delivered, and where", func() {
		e := route(transformer(), one(`{"type":"refuse","what":"apples"}`), false)
		Expect(e[0].Status).To(Equal(422))
		Expect(e[0].Error).To(Equal("refused: We take no apples (at what, rule testdata/shop/destination.yaml:12:5)"))
		Expect(e[0].Requests).To(BeNil())
		Expect(e[0].StatTags).To(Equal(map[string]string{
			"errorCategory": "dataValidation", "errorType": "instrumentation", "destType": "SHOP", "module": "destination",
			"implementation": "celmap", "feature": "router", "destinationId": "d1", "workspaceId": "w",
		}))
	})

	It("keeps explanations short", func() {
		e := route(transformer(), one(`{"type":"refuse","what":"`+strings.Repeat("é", 5000)+`"}`), false)
		Expect(len(e[0].Error)).To(BeNumerically("<", 1500))
		Expect(e[0].Error).To(ContainSubstring("éé… (at what, "))
	})

	DescribeTable("gives each job the status that rudder-server reads rightly", func(message string, status int, text string) {
		e := route(transformer(), one(message), false)
		Expect(e).To(HaveLen(1))
		Expect(e[0].Status).To(Equal(status))
		Expect(e[0].Error).To(ContainSubstring(text))
		Expect(e[0].Requests).To(BeNil())
	},
		Entry("filtered", `{"type":"drop","what":"This"}`, 298, "This is of no use"),
		Entry("to be retried", `{"type":"busy"}`, 503, "busy: Come again"),
		Entry("throttled", `{"type":"slow"}`, 429, "slow: Come again later"),
		Entry("filtered, with a long reason", `{"type":"drop","what":"`+strings.Repeat("x", 5000)+`"}`, 298, "xxx…"),
		Entry("a success that rules reject with, which would lose the job without a word", `{"type":"odd"}`, 400, "odd: "),
		Entry("no message", `null`, 400, "no_message: "),
		Entry("a message that is no object", `[1]`, 400, "not_an_object: "),
		Entry("a message that is no UTF-8", "{\"type\":\"note\",\"what\":\"\xff\"}", 400, "invalid_utf8: "),
		Entry("a message that is too deep", `{"type":"note","what":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`, 400, "event_too_deep: "),
		Entry("a message with a key twice", `{"type":"note","type":"note"}`, 400, "duplicate_key: "),
	)

	It("passes on what is a descriptor already", func() {
		message := `{ "statusCode" : 200, "type":"REST","endpoint":"https://x.example","method":"POST","body":{} }`
		e := route(transformer(), one(message), false)
		Expect(string(e[0].Requests)).To(Equal(message))
		Expect(e[0].Status).To(Equal(200))
		By("but not an event that merely has a statusCode: nothing would be sent, as a success")
		Expect(route(transformer(), one(`{"statusCode":200,"type":"drop","what":"x"}`), false)[0].Status).To(Equal(298))
	})

	It("retries jobs whose destination is missing", func() {
		for body, compact := range map[string]bool{
			`{"input":[{"message":{},"metadata":{"jobId":1}}]}`:                                                                                   false,
			`{"input":[{"message":{},"metadata":{"jobId":1},"destination":null}]}`:                                                                false,
			`{"input":[{"message":{},"metadata":{"jobId":1,"destinationId":"gone"}}],"destinations":{"d1":{}}}`:                                   true,
			`{"input":[{"message":{},"metadata":{"jobId":1,"destinationId":"gone"},"destination":{"ID":"gone"}}],"destinations":{"gone":"gone"}}`: true,
		} {
			e := route(transformer(), body, compact)
			Expect(e).To(HaveLen(1), body)
			Expect(e[0].Status).To(Equal(500))
			Expect(e[0].Error).To(HavePrefix("no_destination: "))
			Expect(e[0].Destination).To(BeNil())
		}
	})

	It("finds destinations of compact bodies by their IDs, escaped or not, wherever they stand", func() {
		body := `{"destinations":{"\u0064é":{"ID":"a","Config":{"token":"A"}},"b":{"ID":"b","Config":{"token":"B"}}},"input":[` +
			`{"message":{"type":"note"},"metadata":{"jobId":1,"destinationId":"d\u00e9"}},{"message":{"type":"note"},"metadata":{"jobId":2,"destinationId":"b"}},` +
			`{"message":{"type":"note"},"metadata":{"jobId":3,"destinationId":"dé"}}]}`
		e := route(transformer(), body, true)
		Expect(e).To(HaveLen(3))
		var got []string
		for _, e := range e {
			Expect(e.Status).To(Equal(200))
			got = append(got, string(e.Metadata)+string(e.Destination))
		}
		Expect(got).To(ConsistOf(
			`[{"jobId":1,"destinationId":"d\u00e9"}]{"ID":"a","Config":{"token":"A"}}`,
			`[{"jobId":2,"destinationId":"b"}]{"ID":"b","Config":{"token":"B"}}`,
			`[{"jobId":3,"destinationId":"dé"}]{"ID":"a","Config":{"token":"A"}}`))
	})

	It("answers jobs of one ID in one element, to be tried again", func() {
		body := fmt.Sprintf(`{"input":[{"message":{"type":"note"},"metadata":{"jobId":2,"n":1},"destination":%[1]s},`+
			`{"message":{"type":"note"},"metadata":{"jobId":1},"destination":%[1]s},{"message":{"type":"note"},"metadata":{"jobId":2,"n":2},"destination":%[1]s}]}`, destination)
		e := route(transformer(), body, false)
		Expect(e).To(HaveLen(2))
		twins, other := e[0], e[1]
		if twins.Status == 200 {
			twins, other = other, twins
		}
		Expect(string(twins.Metadata)).To(Equal(`[{"jobId":2,"n":1},{"jobId":2,"n":2}]`))
		Expect(twins.Status).To(Equal(500))
		Expect(twins.Error).To(HavePrefix("same_job: "))
		Expect(string(twins.Destination)).To(Equal(destination))
		Expect(string(other.Metadata)).To(Equal(`[{"jobId":1}]`))
		Expect(other.Status).To(Equal(200))
	})

	It("answers jobs without an ID, which rudder-server never sends, each for itself", func() {
		for _, metadata := range []string{`{}`, `{"jobId":0}`, `{"jobId":"1"}`, `{"jobId":1e3}`, `{"jobId":9223372036854775808}`} {
			job := fmt.Sprintf(`{"message":{"type":"note"},"metadata":%s,"destination":%s}`, metadata, destination)
			e := route(transformer(), `{"input":[`+job+`,`+job+`]}`, false)
			Expect(e).To(HaveLen(2), metadata)
			for _, e := range e {
				Expect(e.Status).To(Equal(200), metadata)
				Expect(string(e.Metadata)).To(Equal(`[` + metadata + `]`))
			}
		}
	})

	It("takes numbers beyond those of doubles for texts, be they JSON or not: other jobs are not harmed", func() {
		job := `{"message":{"type":"note","what":%s},"metadata":{"jobId":%d,"n":"NaN"},"destination":%s}`
		body := `{"destType":"shop","input":[` + fmt.Sprintf(job, "NaN", 1, destination) + `,` + fmt.Sprintf(job, "[Infinity,-Infinity , {}]", 2, destination) + `,` +
			fmt.Sprintf(job, `"a \"Infinity\\"`, 3, destination) + `]}`
		e := route(transformer(), body, false)
		Expect(e).To(HaveLen(3))
		for i, e := range e {
			Expect(string(e.Metadata)).To(Equal(fmt.Sprintf(`[{"jobId":%d,"n":"NaN"}]`, i+1)))
			Expect(e.Status).To(Equal(200))
		}
		Expect(string(e[0].Requests)).To(ContainSubstring(`"text":"NaN"`))
		Expect(string(e[1].Requests)).To(ContainSubstring(`"text":"[\"Infinity\",\"-Infinity\",{}]"`))
		Expect(string(e[2].Requests)).To(ContainSubstring(`"text":"a \"Infinity\\"`))
		for number, want := range map[string]string{"1e400": "1e400", "-1.5E+0999": "-1.5E+0999", "1e308": "0000000000", "1e0000009": "1000000000"} {
			e := route(transformer(), `{"input":[`+fmt.Sprintf(job, number, 1, destination)+`]}`, false)
			Expect(e).To(HaveLen(1))
			Expect(e[0].Status).To(Equal(200), number)
			Expect(string(e[0].Requests)).To(ContainSubstring(want), number)
		}
		By("but other slips are refused as before")
		for _, slip := range []string{"Inf", "-", "nan", `"NaN`, `"a\`} {
			_, err := transformer().Router(context.Background(), nil, []byte(`{"input":[`+slip+`]}`), false)
			Expect(err).To(HaveOccurred(), slip)
		}
	})

	It("answers an empty list with an empty list", func() {
		Expect(route(transformer(), `{"input":[],"destType":"shop"}`, false)).To(BeEmpty())
	})

	It("answers with the list itself what was asked of /batch", func() {
		answer, err := transformer().Batch(context.Background(), nil, []byte(one(`{"type":"drop","what":"x"}`)), false)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(answer)).To(HavePrefix(`[{"metadata":[{"jobId":1,`))
		Expect(string(answer)).To(HaveSuffix(`}]`))
	})

	It("answers large batches", func() {
		var b strings.Builder
		b.WriteString(`{"input":[`)
		for i := range 1001 {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"message":{"type":"order","messageId":"m%d"},"metadata":{"jobId":%d},"destination":%s}`, i, i+1, destination)
		}
		b.WriteString(`],"destType":"shop"}`)
		e := route(transformer(), b.String(), false)
		Expect(e).To(HaveLen(251)) // four orders a request
		jobs := 0
		for _, e := range e {
			jobs += bytes.Count(e.Metadata, []byte("jobId"))
		}
		Expect(jobs).To(Equal(1001))
	})

	DescribeTable("refuses a body that cannot be answered job by job", func(body, message string) {
		answer, err := transformer().Router(context.Background(), []byte("x"), []byte(body), false)
		var refused *rudder.BodyError
		Expect(errors.As(err, &refused)).To(BeTrue())
		Expect(refused.Message).To(ContainSubstring(message))
		Expect(string(answer)).To(Equal("x"))
	},
		Entry("nothing", ``, "at byte 0 a value is expected, but it ends there"),
		Entry("no JSON", `{"input":[`+"\x00"+`]}`, `the body is no JSON: at byte 10 a value is expected, but there is '\x00'`),
		Entry("cut off", one(`{"type":"note"}`)[:80], "at byte 80 more of a text is expected, but it ends there"),
		Entry("more behind it", one(`{}`)+"{}", "nothing more is expected, but there is '{'"),
		Entry("a list", `[]`, "the body is no object"),
		Entry("no list of jobs", `{"input":{}}`, "no list of jobs under input"),
		Entry("a job that is none", `{"input":[1]}`, "a job is no object (at byte 10 of the body)"),
		Entry("no metadata", `{"input":[{"message":{}}]}`, "a job has no metadata"),
		Entry("null metadata", `{"input":[{"message":{},"metadata":null}]}`, "a job has no metadata, which is an object"),
		Entry("endless nesting", `{"input":[`+strings.Repeat("[", 20_000), "no deeper nesting is expected"),
	)

	Describe("keeps the order of a user's events", func() {
		// Changing settings within a request: A, B, A of one user must not become (A, A), B.
		body := func(users ...string) string {
			var jobs []string
			for i, u := range users {
				token := u[1:]
				jobs = append(jobs, fmt.Sprintf(`{"message":{"type":"order","messageId":"m%d"},"metadata":{"jobId":%d,"userId":"%s"},"destination":{"ID":"d1","Config":{"token":"%s"}}}`, i, i+1, u[:1], token))
			}
			return `{"input":[` + strings.Join(jobs, ",") + `]}`
		}
		groups := func(users ...string) (all []string) {
			for _, e := range route(transformer(), body(users...), false) {
				var ids []string
				for _, part := range strings.Split(string(e.Metadata), `"jobId":`)[1:] {
					ids = append(ids, part[:strings.IndexByte(part, ',')])
				}
				all = append(all, strings.Join(ids, " "))
			}
			return all
		}
		It("where a job would overtake", func() {
			Expect(groups("uA", "uB", "uA")).To(ConsistOf("1", "2", "3"))
			Expect(groups("vA", "uB", "vB", "uA", "vB")).To(ConsistOf("1", "2", "3 5", "4"))
		})
		It("also behind a job that came without its destination", func() {
			job := func(id int, user, more string) string {
				return fmt.Sprintf(`{"message":{"type":"order","messageId":"m%d"},"metadata":{"jobId":%d,"userId":"%s","destinationId":"d1"}%s}`, id, id, user, more)
			}
			with := `,"destination":` + destination
			all := route(transformer(), `{"input":[`+job(1, "v", with)+`,`+job(2, "u", "")+`,`+job(3, "u", with)+`]}`, false)
			Expect(all).To(HaveLen(3), "job 3 must not be sent with job 1, before job 2")
		})
		It("and batches where none does", func() {
			Expect(groups("uA", "vB", "uA", "vB", "wA")).To(ConsistOf("1 3 5", "2 4"))
		})
	})

	Describe("where the engine's answer is unsound", func() {
		orders := func(n int) string {
			var jobs []string
			for i := range n {
				jobs = append(jobs, fmt.Sprintf(`{"message":{"type":"order","messageId":"m%d"},"metadata":{"jobId":%d},"destination":%s}`, i, i+1, destination))
			}
			return `{"input":[` + strings.Join(jobs, ",") + `]}`
		}
		DescribeTable("tries the jobs again that it concerns, and says so", func(change func([]engine.Input) []engine.Input, sent, retried string) {
			var log bytes.Buffer
			counted := map[string]int{}
			t := &rudder.Transformer{Type: "shop", Program: shop, Mapper: direct{change}, Log: slog.New(slog.NewTextHandler(&log, nil)),
				Count: func(status int, code string, jobs int) { counted[fmt.Sprint(status, code)] += jobs }}
			var ok, again []string
			for _, e := range route(t, orders(6), false) {
				if e.Status == 200 {
					ok = append(ok, string(e.Metadata))
				} else {
					Expect(e.Status).To(Equal(500))
					Expect(e.Error).To(HavePrefix("unsound_answer: "))
					again = append(again, string(e.Metadata))
				}
			}
			Expect(strings.Join(ok, "")).To(Equal(sent))
			Expect(strings.Join(again, "")).To(Equal(retried))
			Expect(log.String()).To(ContainSubstring("level=ERROR"))
			Expect(counted).To(HaveKeyWithValue("500unsound_answer", strings.Count(retried, "jobId")))
		},
			Entry("a job is missing", func(in []engine.Input) []engine.Input { return in[:5] },
				`[{"jobId":1},{"jobId":2},{"jobId":3},{"jobId":4}][{"jobId":5}]`, `[{"jobId":6}]`),
			Entry("a job is there twice, and another is missing", func(in []engine.Input) []engine.Input { in[4].Index = 5; return in },
				`[{"jobId":1},{"jobId":2},{"jobId":3},{"jobId":4}]`, `[{"jobId":5},{"jobId":6}]`),
			Entry("a job is in two elements", func(in []engine.Input) []engine.Input { in[5].Index = 0; return in },
				``, `[{"jobId":1},{"jobId":2},{"jobId":3},{"jobId":4},{"jobId":5},{"jobId":6}]`),
			Entry("a job is none of the request's", func(in []engine.Input) []engine.Input { in[4].Index = 77; return in },
				`[{"jobId":1},{"jobId":2},{"jobId":3},{"jobId":4}]`, `[{"jobId":5},{"jobId":6}]`),
			Entry("there is no job at all", func([]engine.Input) []engine.Input { return nil },
				``, `[{"jobId":1},{"jobId":2},{"jobId":3},{"jobId":4},{"jobId":5},{"jobId":6}]`),
		)
	})

	DescribeTable("answers every job where nothing can be mapped", func(mapper failing, status int, text string) {
		t := &rudder.Transformer{Type: "shop", Program: shop, Mapper: mapper}
		e := route(t, one(`{"type":"note"}`), false)
		Expect(e).To(HaveLen(1))
		Expect(e[0].Status).To(Equal(status))
		Expect(e[0].Error).To(HavePrefix(text))
	},
		Entry("settings that cannot be used", failing{err: &engine.SettingsError{Setting: "config", Message: "it is null"}}, 400, "invalid_settings: config: it is null"),
		Entry("an error with a status", failing{err: fmt.Errorf("wrapped: %w", &engine.EventError{Code: "away", Status: 503, Message: "m"})}, 503, "away: m"),
		Entry("no time left", failing{err: fmt.Errorf("fetching: %w", context.DeadlineExceeded)}, 503, "timeout: "),
		Entry("a panic", failing{panics: "secret"}, 500, "internal_error: celmap failed on this job, which is tried again; please report it"),
	)

	It("answers every job where writing the answer fails", func() {
		t := &rudder.Transformer{Type: "shop", Program: shop, Mapper: spent{}}
		e := route(t, one(`{"type":"note"}`), false)
		Expect(e).To(HaveLen(1))
		Expect(e[0].Status).To(Equal(500))
		Expect(e[0].Error).To(HavePrefix("internal_error: "))
		answer, err := t.Processor(context.Background(), nil, []byte(`[{"message":{"type":"note"},"metadata":{},"destination":{}}]`), false)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(answer)).To(HavePrefix(`[{"metadata":{},"statusCode":500,"error":"internal_error: `))
	})

	It("answers jobs of a type that is not served", func() {
		t := rudder.Unserved("other", &engine.EventError{Code: "not_served", Status: 500, Message: "no rules"})
		e := route(t, one(`{"type":"note"}`), false)
		Expect(e[0].Status).To(Equal(500))
		Expect(e[0].StatTags).To(HaveKeyWithValue("destType", "OTHER"))
	})
})

type failing struct {
	err    error
	panics string
}

func (f failing) Map(context.Context, lookup.Destination, []engine.Input) (*engine.Output, error) {
	if f.err == nil {
		panic(f.panics)
	}
	return nil, f.err
}

// spent gives an output whose memory is gone.
type spent struct{ direct }

func (m spent) Map(ctx context.Context, d lookup.Destination, events []engine.Input) (*engine.Output, error) {
	out, err := m.direct.Map(ctx, d, events)
	out.Release()
	return out, err
}
