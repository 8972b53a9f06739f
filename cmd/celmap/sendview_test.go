package main

import (
	"bytes"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/report"
	"github.com/celmap/celmap/internal/send"
)

var _ = Describe("The line of progress", func() {
	began := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	DescribeTable("tells", func(before, now send.Figures, rate float64, more bool, want string) {
		Expect(progressLine(before, now, rate, more)).To(Equal(want))
	},
		Entry("what became of events, and how long it takes", send.Figures{},
			send.Figures{Events: send.EventFigures{Delivered: 1234, Filtered: 12, Dead: 3, Left: 45678}}, 4120.4, false,
			"1,234 delivered, 12 filtered, 3 dead · 45,678 waiting · 4,120/s · about 12 s left"),
		Entry("no time while more may come", send.Figures{},
			send.Figures{Events: send.EventFigures{Delivered: 1, Left: 2}}, 1., true, "1 delivered · 2 waiting · 1/s"),
		Entry("which limit it waits for", send.Figures{Seconds: 1, Waited: map[string]float64{"burst": 1}},
			send.Figures{Seconds: 1.25, Waited: map[string]float64{"burst": 1.2, send.UnderWay: 5}}, 0., false, "0 delivered · held up by: burst"),
		Entry("not those that hold up little", send.Figures{Seconds: 1, Waited: map[string]float64{"burst": 1}},
			send.Figures{Seconds: 1.25, Waited: map[string]float64{"burst": 1.01}}, 0., false, "0 delivered"),
		Entry("why nothing is sent", send.Figures{},
			send.Figures{Events: send.EventFigures{Left: 2}, Pauses: []send.Pause{{Began: began, Seconds: 1, Reason: "the token is refused"}}}, 7., false, "0 delivered · 2 waiting · paused: the token is refused"),
		Entry("nothing of a pause that is over", send.Figures{Pauses: []send.Pause{{Began: began, Seconds: 1, Reason: "the token is refused"}}},
			send.Figures{Pauses: []send.Pause{{Began: began, Seconds: 1, Reason: "the token is refused"}}}, 7., false, "0 delivered · 7/s"),
	)

	DescribeTable("says times roughly", func(d time.Duration, want string) { Expect(inWords(d)).To(Equal(want)) },
		Entry(nil, 1200*time.Millisecond, "2 s"), Entry(nil, 100*time.Second, "2 min"), Entry(nil, 135*time.Minute, "2 h 20 min"), Entry(nil, 80*time.Hour, "3 days"))

	DescribeTable("groups digits", func(n int, want string) { Expect(grouped(int64(n))).To(Equal(want)) },
		Entry(nil, 0, "0"), Entry(nil, 999, "999"), Entry(nil, 1000, "1,000"), Entry(nil, 1234567, "1,234,567"), Entry(nil, -123456, "-123,456"))
})

var _ = Describe("The table at the end", func() {
	It("tells what became of all events, and why", func() {
		t := send.NewTally()
		t.Read(8, 2)
		t.Delivered(5, 1)
		t.Filtered("pages are not sent")
		for range 2 {
			t.Dead("3-17-0", "m-7", "events.ndjson:7", send.Note{Reason: send.Rejected, Code: "invalid_email", Message: "\"x\" is no address", Rule: "a.yaml:3:5", Line: "email:"})
		}
		t.Dead("3-18-0", "", "", send.Note{Reason: send.Refused, Code: "bad_record", Message: "no such option"})
		t.Requested(200, 5, false, time.Second)
		t.Requested(0, 1, true, time.Second)
		f := t.Figures(1200)
		f.Seconds, f.Rate = 1.234, 7
		var b bytes.Buffer
		printFigures(&b, f, report.Palette{})
		Expect(b.String()).To(Equal(`9 events in 1.23 s, 7 a second
  delivered      5  with 1 warning
  filtered       1  pages are not sent
  dead           3
  skipped        2  read and stored by an earlier run already
  left       1,200  in the queue: celmap send goes on with them

  2 × rejected invalid_email: "x" is no address
      rule a.yaml:3:5  email:
      such as 3-17-0  m-7  events.ndjson:7
  1 × refused bad_record: no such option
      it is 3-18-0

2 requests: 1 × 200, 1 × no answer; 3.0 events each, 1 sent again
`))
	})
})
