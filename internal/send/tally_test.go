package send

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/queue"
)

var _ = Describe("A tally", func() {
	It("counts dead letters by reason, code and rule, and keeps the first as an example", func() {
		t := NewTally()
		t.Dead("1", "m-1", "a:1", Note{Reason: Refused, Code: "b", Message: "one"})
		t.Dead("2", "m-2", "a:2", Note{Reason: Rejected, Code: "a", Rule: "r:1"})
		t.Dead("3", "m-3", "a:3", Note{Reason: Refused, Code: "b", Message: "two"})
		f := t.Figures(7)
		Expect(f.Events.Dead).To(BeEquivalentTo(3))
		Expect(f.Events.Left).To(BeEquivalentTo(7))
		Expect(f.Dead).To(Equal([]DeadFigure{
			{Reason: Refused, Code: "b", Count: 2, Example: Example{ID: "1", MessageID: "m-1", Origin: "a:1", Message: "one"}},
			{Reason: Rejected, Code: "a", Count: 1, Rule: "r:1", Example: Example{ID: "2", MessageID: "m-2", Origin: "a:2"}},
		}))
	})

	It("takes a bounded room, whatever reasons and codes are made of", func() {
		t := NewTally()
		for i := range 1000 {
			t.Dead("1", "", "", Note{Reason: Rejected, Code: fmt.Sprint("code", i), Rule: "r:1"})
			t.Filtered(fmt.Sprint("reason", i))
		}
		f := t.Figures(0)
		Expect(len(f.Dead)).To(BeNumerically("<=", mostKinds+1))
		Expect(f.Dead[0]).To(HaveField("Code", "other"))
		Expect(len(f.Filtered)).To(BeNumerically("<=", mostKinds+1))
		Expect(f.Events.Finished()).To(BeEquivalentTo(2000))
	})

	It("keeps pauses apart, also the one that lasts", func() {
		t := NewTally()
		Expect(t.Paused()).To(BeEmpty())
		t.Pause("one")
		t.Pause("one, still")
		t.Resume()
		t.Resume()
		t.Pause("two")
		Expect(t.Paused()).To(Equal("two"))
		Expect(t.Figures(0).Pauses).To(HaveExactElements(HaveField("Reason", "one, still"), HaveField("Reason", "two")))
		Expect(t.Figures(0).Pauses).To(HaveLen(2))
	})

	It("says how fast it goes lately", func() {
		t := NewTally()
		t.recent = []sample{{at: time.Now().Add(-10 * time.Second)}}
		t.Delivered(1000, 0)
		Expect(t.Rate()).To(BeNumerically("~", 100, 1))
		for range 2 * lately {
			t.Rate()
		}
		Expect(t.Rate()).To(BeZero())
	})

	It("gives figures that later events do not change", func() {
		t := NewTally()
		t.Filtered("a")
		f := t.Figures(0)
		t.Filtered("a")
		t.Requested(200, 1, false, time.Second)
		Expect(f.Filtered).To(Equal(map[string]int64{"a": 1}))
		Expect(f.Requests.ByStatus).To(BeEmpty())
	})
})

var _ = Describe("Metrics", func() {
	page := func(t *Tally, depth queue.Depth, err error) string {
		GinkgoHelper()
		w := httptest.NewRecorder()
		Metrics(t, "1.0", func(context.Context) (queue.Depth, error) { return depth, err }).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		Expect(w.Code).To(Equal(200))
		return w.Body.String()
	}

	It("tell what was counted and what the queue holds", func() {
		t := NewTally()
		t.Delivered(5, 0)
		t.Dead("1", "", "", Note{Reason: Refused, Code: "b", Rule: "r:1"})
		t.Dead("2", "", "", Note{Reason: Refused, Code: "b", Rule: "r:2"})
		t.Requested(429, 5, false, time.Second)
		t.Requested(0, 5, true, time.Second)
		t.Waited("burst", 2*time.Second)
		t.Pause("no token")
		text := page(t, queue.Depth{Events: 9, Bytes: 900, Oldest: time.Now().Add(-time.Minute), Dead: 2}, nil)
		for _, line := range []string{
			`celmap_send_events_total{outcome="delivered"} 5`, `celmap_send_events_total{outcome="dead"} 2`,
			`celmap_send_dead_letters_total{code="b",reason="refused"} 2`,
			`celmap_send_requests_total{status="429"} 1`, `celmap_send_requests_total{status="none"} 1`,
			`celmap_send_wait_seconds_total{for="burst"} 2`, `celmap_send_paused 1`,
			`celmap_send_queue_events 9`, `celmap_send_queue_oldest_seconds 60.`, `celmap_send_queue_dead_letters 2`,
			`celmap_build_info{version="1.0"} 1`,
		} {
			Expect(text).To(ContainSubstring("\n" + line))
		}
	})

	It("leave out what the queue holds where it cannot be measured", func() {
		text := page(NewTally(), queue.Depth{}, errors.New("no server"))
		Expect(text).To(ContainSubstring("celmap_send_paused 0"))
		Expect(text).NotTo(ContainSubstring("celmap_send_queue"))
	})
})

var _ = Describe("A note", func() {
	conceal := strings.NewReplacer("s3cret", "[secret]")
	at := &engine.Rule{ID: "crm/answers/records/bad-record", Place: "rules/a.yaml:2:3", Span: source.Span{
		File: &source.File{Name: "rules/a.yaml", Data: []byte("a:\n  - name: bad-record\n")}, Start: source.Position{Line: 2, Column: 3, Offset: 5}}}

	It("names the rule that rejected an event", func() {
		n := Rejection(&engine.EventError{Code: "no_email", Status: 400, Message: "none", Path: "traits", Rule: at})
		Expect(n).To(Equal(Note{Reason: Rejected, Code: "no_email", Status: 400, Message: "none", Path: "traits", Rule: "rules/a.yaml:2:3", Line: "- name: bad-record"}))
	})

	It("names the rule that judged an answer, and hides secrets", func() {
		n := Refusal(Refused, "contacts", engine.Outcome{Because: "token s3cret", Rule: at}, engine.Answer{Status: 400, Body: []byte(`{ "token": "s3cret" }`)}, true, 2, conceal)
		Expect(n).To(Equal(Note{Reason: Refused, Code: "bad_record", Status: 400, Message: "token [secret]", Rule: "rules/a.yaml:2:3", Line: "- name: bad-record",
			Request: "contacts", Answer: json.RawMessage(`{"token":"[secret]"}`), Attempts: 2}))
	})

	It("keeps no answer that is about other events, too", func() {
		Expect(Refusal(Refused, "contacts", engine.Outcome{}, engine.Answer{Status: 400, Body: []byte(`{}`)}, false, 1, conceal).Answer).To(BeNil())
	})

	DescribeTable("says what is known where no rule applied", func(status int, code, message string) {
		n := Refusal(GaveUp, "contacts", engine.Outcome{}, engine.Answer{Status: status}, true, 1, conceal)
		Expect(n.Code).To(Equal(code))
		Expect(n.Message).To(Equal(message))
	},
		Entry(nil, 418, "http_418", "the API answered with status 418"),
		Entry(nil, 0, "no_answer", "the API did not answer"))

	It("keeps of an answer what is JSON, else a text, both bounded", func() {
		Expect(string(quote("<html>"))).To(Equal(`"\u003chtml\u003e"`))
		Expect(quote(" ")).To(BeNil())
		for _, long := range []string{`["` + strings.Repeat("é", mostAnswer) + `"]`, strings.Repeat("é\xff", mostAnswer)} {
			Expect(json.Valid(quote(long))).To(BeTrue())
			Expect(len(quote(long))).To(BeNumerically("<", mostAnswer+40))
		}
	})
})
