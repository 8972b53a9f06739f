package main

import (
	"encoding/json"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/queue"
	"github.com/celmap/celmap/internal/send"
)

// deadLetter returns a dead letter as the queue has it.
func deadLetter(event string, n send.Note) *letter {
	GinkgoHelper()
	note, err := json.Marshal(n)
	Expect(err).NotTo(HaveOccurred())
	at := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	return read(queue.DeadLetter{Item: queue.Item{ID: queue.ID{Partition: 3, Sequence: 17}, JSON: []byte(event), Origin: "events.ndjson:7", Stored: at}, Note: note, Died: at.Add(time.Minute)})
}

var _ = Describe("A dead letter", func() {
	refused := send.Note{Reason: send.Refused, Code: "bad_record", Status: 400, Message: "no such option", Rule: "rules/a.yaml:3:5", Line: "- name: bad-record",
		Request: "contacts", Answer: json.RawMessage(`{"status":"error"}`), Attempts: 2}
	wrapped := `{"message":{"type":"track","messageId":"m-2"},"destination":{"Config":{"accessToken":"s3cret"}}}`

	It("is listed in few lines, with the rule", func() {
		l := deadLetter(`{"type":"identify","messageId":"m-1"}`, refused)
		Expect(string(letterPrinter{}.summary(l))).To(Equal(l.ID + `  identify  m-1  events.ndjson:7
  refused bad_record (400): no such option
    after 2 attempts
    rule rules/a.yaml:3:5  - name: bad-record
`))
	})

	It("is one JSON object in a list for programs", func() {
		l := deadLetter(`{"type":"identify","messageId":"m-1"}`, send.Note{Reason: send.Rejected, Code: "a", Message: "b<c"})
		Expect(string(l.json())).To(Equal(`{"id":"` + l.ID + `","messageId":"m-1","type":"identify","reason":"rejected","code":"a","message":"b<c","rule":"","attempts":0,` +
			`"origin":"events.ndjson:7","stored":"2026-03-05T10:00:00Z","time":"2026-03-05T10:01:00Z"}` + "\n"))
	})

	It("shows the event and the answer, and nothing of the destination's settings", func() {
		l := deadLetter(wrapped, refused)
		for _, text := range []string{string(letterPrinter{}.whole(l)), string(l.whole())} {
			Expect(text).To(ContainSubstring("m-2"))
			Expect(text).To(ContainSubstring("error"))
			Expect(text).To(ContainSubstring("contacts"))
			Expect(text).NotTo(ContainSubstring("s3cret"))
		}
		Expect(json.Valid(l.whole())).To(BeTrue())
	})

	It("is exported as it came, in one line", func() {
		Expect(string(deadLetter("{\"a\":\n 1.0}", refused).export(false))).To(Equal("{\"a\":1.0}\n"))
		Expect(string(deadLetter(wrapped, refused).export(false))).To(Equal(wrapped + "\n"))
		Expect(string(deadLetter("{\"a\":\n oops", refused).export(false))).To(Equal("{\"a\":  oops\n"))
	})

	DescribeTable("is exported with the reason, in a wrapping that can be sent again", func(event, message string) {
		var wrapping struct {
			Message     json.RawMessage
			Dead        map[string]any
			Destination json.RawMessage
		}
		Expect(json.Unmarshal(deadLetter(event, refused).export(true), &wrapping)).To(Succeed())
		Expect(string(wrapping.Message)).To(MatchJSON(message))
		Expect(wrapping.Dead).To(HaveKeyWithValue("code", "bad_record"))
		Expect(len(wrapping.Destination) > 0).To(Equal(event == wrapped))
	},
		Entry("of an event", `{"type":"identify"}`, `{"type":"identify"}`),
		Entry("of an event with a message of its own", `{"type":"track","message":{}}`, `{"type":"track","message":{}}`),
		Entry("of a wrapped event", wrapped, `{"type":"track","messageId":"m-2"}`),
		Entry("of what is no event", `{"a`, `"{\"a"`),
	)

	It("has no name where the event has none", func() {
		for _, event := range []string{`{"type":5,"messageId":[]}`, `[]`, `nope`, `{"message":"x"}`} {
			kind, id := nameOf([]byte(event))
			Expect(kind + id).To(BeEmpty())
		}
	})
})
