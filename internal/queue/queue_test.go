package queue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/queue"
)

// open opens a queue, which is closed after the spec.
func open(o queue.Options) *queue.Queue {
	GinkgoHelper()
	o.Log = slog.New(slog.NewTextHandler(GinkgoWriter, nil))
	q, err := queue.Open(context.Background(), o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(q.Close)
	return q
}

func intake(q *queue.Queue, s queue.Source) *queue.Intake {
	GinkgoHelper()
	in, err := q.Intake(context.Background(), s)
	Expect(err).NotTo(HaveOccurred())
	return in
}

func work(q *queue.Queue) *queue.Worker {
	GinkgoHelper()
	w, err := q.Work(context.Background())
	Expect(err).NotTo(HaveOccurred())
	return w
}

func store(q *queue.Queue, events ...queue.Event) {
	GinkgoHelper()
	in := intake(q, queue.Source{})
	Expect(in.Put(context.Background(), events...)).To(Succeed())
	Expect(in.Flush(context.Background())).To(Succeed())
}

func event(text string, keys ...string) queue.Event {
	return queue.Event{JSON: []byte(text), Keys: keys, Origin: "here:" + text}
}

// next takes items until there are so many.
func next(w *queue.Worker, n int) []queue.Item {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var all []queue.Item
	for len(all) < n {
		items, err := w.Next(ctx, n-len(all))
		Expect(err).NotTo(HaveOccurred(), "%d of %d items", len(all), n)
		all = append(all, items...)
	}
	return all
}

// none expects that nothing is handed out for a while.
func none(w *queue.Worker) {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
	defer cancel()
	items, err := w.Next(ctx, 1)
	Expect(err).To(MatchError(context.DeadlineExceeded), "%v", texts(items))
}

func finish(w *queue.Worker, items ...queue.Item) {
	GinkgoHelper()
	Expect(w.Finish(context.Background(), ids(items), nil)).To(Succeed())
}

func ids(items []queue.Item) []queue.ID {
	var all []queue.ID
	for _, i := range items {
		all = append(all, i.ID)
	}
	return all
}

func texts(items []queue.Item) []string {
	all := []string{}
	for _, i := range items {
		all = append(all, string(i.JSON))
	}
	return all
}

func depth(q *queue.Queue) queue.Depth {
	GinkgoHelper()
	d, err := q.Depth(context.Background())
	Expect(err).NotTo(HaveOccurred())
	return d
}

func letters(q *queue.Queue) []queue.DeadLetter {
	GinkgoHelper()
	var all []queue.DeadLetter
	for l, err := range q.DeadLetters(context.Background()) {
		Expect(err).NotTo(HaveOccurred())
		all = append(all, l)
	}
	return all
}

var _ = Describe("A queue in a folder", func() {
	var dir string
	BeforeEach(func() { dir = GinkgoT().TempDir() })

	It("hands out what was stored, in order, until it is finished", func() {
		q := open(queue.Options{Dir: dir})
		var events []queue.Event
		var want []string
		for i := range 2000 {
			events = append(events, event(fmt.Sprint(i), "a"))
			want = append(want, fmt.Sprint(i))
		}
		store(q, events...)
		w := work(q)
		items := next(w, 2000)
		Expect(texts(items)).To(Equal(want))
		Expect(items[3].Origin).To(Equal("here:3"))
		Expect(items[3].Stored).To(BeTemporally("~", time.Now(), 10*time.Second))
		Expect(w.Owned(items[3])).To(BeTrue())
		Expect(w.Share()).To(Equal(1.0))
		none(w)
		finish(w, items[:1990]...)
		Expect(depth(q).Events).To(BeEquivalentTo(10))
		Expect(q.Close()).To(Succeed())

		again := open(queue.Options{Dir: dir})
		w = work(again)
		Expect(texts(next(w, 10))).To(Equal(want[1990:]))
		none(w)
	})

	It("keeps dead letters, and puts them back", func() {
		q := open(queue.Options{Dir: dir})
		store(q, queue.Event{JSON: []byte("1"), Keys: []string{"u"}, Asks: []queue.Memory{{Lookup: "identity", Key: "u"}}}, event("2"))
		w := work(q)
		items := next(w, 2)
		Expect(items[0].Known).To(Equal([]queue.Memory{{Lookup: "identity", Key: "u"}}))
		Expect(w.Finish(context.Background(), ids(items[1:]), []queue.Dead{{ID: items[0].ID, Note: json.RawMessage(`{"why":"bad"}`)}})).To(Succeed())
		Expect(depth(q)).To(Equal(queue.Depth{Dead: 1}))

		guest := open(queue.Options{Dir: dir})
		Expect(guest.Guest()).To(BeTrue())
		_, err := guest.Work(context.Background())
		Expect(err).To(MatchError(queue.ErrGuest))
		all := letters(guest)
		Expect(all).To(HaveLen(1))
		Expect(string(all[0].Note)).To(Equal(`{"why":"bad"}`))
		Expect(string(all[0].JSON)).To(Equal("1"))
		Expect(all[0].ID).To(Equal(items[0].ID))
		one, found, err := guest.DeadLetter(context.Background(), items[0].ID)
		Expect(err).NotTo(HaveOccurred())
		Expect(found).To(BeTrue())
		Expect(one).To(Equal(all[0]))

		store(q, queue.Event{JSON: []byte("3"), Keys: []string{"u"}, Teaches: []queue.Memory{{Lookup: "identity", Key: "u", Value: "e"}}})
		finish(w, next(w, 1)...)
		guest = open(queue.Options{Dir: dir})
		Expect(guest.Replay(context.Background(), all...)).To(Succeed())
		Expect(letters(guest)).To(BeEmpty())
		back := next(w, 1)
		Expect(string(back[0].JSON)).To(Equal("1"))
		Expect(back[0].Lane).To(Equal(items[0].Lane))
		Expect(back[0].Known).To(Equal([]queue.Memory{{Lookup: "identity", Key: "u", Value: "e"}}))
		Expect(depth(guest)).To(HaveField("Events", BeEquivalentTo(1)))
	})
})
