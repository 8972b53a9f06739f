package queue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
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

	It("has an event wait for all lanes that its keys were in", func() {
		q := open(queue.Options{Dir: dir})
		store(q, event("1", "a"), event("2", "b"), event("3", "c"))
		w := work(q)
		first := next(w, 3)
		store(q, event("4", "c", "a", "b"), event("5", "a"), event("6", "b"), event("7", "d"))
		// 4 is in the lane of c, and comes: the sender knows that lane. What it waits for is a and b.
		other := next(w, 1)
		Expect(texts(other)).To(Equal([]string{"7"}))
		none(w)
		finish(w, first[0])
		none(w)
		Expect(q.Close()).To(Succeed())

		q = open(queue.Options{Dir: dir})
		w = work(q)
		Expect(texts(next(w, 3))).To(Equal([]string{"2", "3", "7"}))
		none(w)
		finish(w, first[1])
		items := next(w, 3)
		Expect(texts(items)).To(Equal([]string{"4", "5", "6"}))
		Expect(items).To(HaveEach(HaveField("Lane", first[2].Lane)))
		store(q, event("8", "b"))
		Expect(next(w, 1)).To(HaveExactElements(HaveField("Lane", first[2].Lane)))
	})

	It("knows keys and memories after a restart, for as long as it has to remember", func() {
		identity := func(value string) []queue.Memory {
			return []queue.Memory{{Lookup: "identity", Key: "u", Value: value}}
		}
		q := open(queue.Options{Dir: dir})
		store(q, queue.Event{JSON: []byte("1"), Keys: []string{"e", "u"}, Teaches: identity("e")})
		w := work(q)
		first := next(w, 1)
		finish(w, first...)
		Expect(q.Close()).To(Succeed())

		q = open(queue.Options{Dir: dir})
		store(q, queue.Event{JSON: []byte("2"), Keys: []string{"u"}, Asks: identity("")})
		w = work(q)
		second := next(w, 1)
		Expect(second[0].Lane).To(Equal(first[0].Lane))
		Expect(second[0].Known).To(Equal(identity("e")))
		Expect(q.Close()).To(Succeed())

		q = open(queue.Options{Dir: dir, Remember: time.Second})
		time.Sleep(2 * time.Second)
		store(q, queue.Event{JSON: []byte("3"), Keys: []string{"u"}, Asks: identity("")})
		third := next(work(q), 2)[1:]
		Expect(third[0].Lane).NotTo(Equal(first[0].Lane))
		Expect(third[0].Known).To(Equal(identity("")))
	})

	It("waits while it is full", func() {
		q := open(queue.Options{Dir: dir, MaxBytes: 3 << 20})
		in := intake(q, queue.Source{})
		full := make(chan error, 1)
		large := strings.Repeat("x", 100<<10)
		go func() {
			for i := range 60 {
				if err := in.Put(context.Background(), queue.Event{JSON: fmt.Append(nil, i, large)}); err != nil {
					full <- err
					return
				}
			}
			full <- in.Flush(context.Background())
		}()
		Consistently(full, "500ms").ShouldNot(Receive())
		Expect(depth(q).Bytes).To(BeNumerically("~", 3<<20, 600<<10))
		w := work(q)
		for range 60 {
			finish(w, next(w, 1)...)
		}
		Eventually(full, "5s").Should(Receive(BeNil()))
		Eventually(func() queue.Depth { return depth(q) }).Should(Equal(queue.Depth{}))

		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		Expect(in.Put(ctx, event(strings.Repeat("x", 2<<20)))).To(MatchError(queue.ErrTooLarge))
	})

	It("hands out no more than a worker may hold, and goes on behind what is stuck", func() {
		q := open(queue.Options{Dir: dir, Hold: 1000})
		var events []queue.Event
		for i := range 5000 {
			events = append(events, event(fmt.Sprint(i), fmt.Sprint(i%500)))
		}
		store(q, events...)
		w := work(q)
		var all []queue.Item
		for len(all) < 1000 {
			all = append(all, next(w, 1)...)
		}
		for n := 0; n < 600; n++ { // the chunk that was begun may be taken whole
			ctx, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
			more, err := w.Next(ctx, 1)
			cancel()
			if err != nil {
				break
			}
			all = append(all, more...)
		}
		Expect(len(all)).To(BeNumerically("<", 1600))
		stuck := all[0]
		finish(w, all[1:]...)
		for n := len(all); n < 5000; {
			items, err := w.Next(context.Background(), 5000)
			Expect(err).NotTo(HaveOccurred())
			finish(w, items...)
			n += len(items)
		}
		Expect(depth(q).Events).To(BeEquivalentTo(1))
		Expect(q.Close()).To(Succeed())
		w = work(open(queue.Options{Dir: dir}))
		Expect(next(w, 1)).To(HaveExactElements(HaveField("ID", stuck.ID)))
		none(w)
	})

	Describe("that takes in a file", func() {
		ctx := context.Background()
		put := func(in *queue.Intake, from, to int) {
			GinkgoHelper()
			for i := from; i < to; i++ {
				Expect(in.Put(ctx, event(fmt.Sprint(i), "a"))).To(Succeed())
			}
		}

		It("goes on where it was, and leaves out what it stored beyond that", func() {
			q := open(queue.Options{Dir: dir})
			in := intake(q, queue.Source{Name: "f"})
			Expect(in.Cursor()).To(BeZero())
			put(in, 0, 10)
			in.Mark(queue.Cursor{Offset: 100, Sum: "s"})
			put(in, 10, 15)
			Expect(in.Flush(ctx)).To(Succeed())
			// What is finished is known nonetheless.
			w := work(q)
			finish(w, next(w, 15)...)
			Expect(q.Close()).To(Succeed())

			q = open(queue.Options{Dir: dir})
			in = intake(q, queue.Source{Name: "f"})
			Expect(in.Cursor()).To(Equal(queue.Cursor{Events: 10, Offset: 100, Sum: "s"}))
			w = work(q)
			put(in, 10, 14)
			Expect(in.Put(ctx, event("another 14", "a"))).To(Succeed())
			put(in, 15, 17)
			in.Mark(queue.Cursor{Offset: 170, Sum: "t"})
			Expect(in.Flush(ctx)).To(Succeed())
			Expect(in.Skipped()).To(BeEquivalentTo(4))
			Expect(texts(next(w, 3))).To(Equal([]string{"another 14", "15", "16"}))
			Expect(intake(q, queue.Source{Name: "f"}).Cursor()).To(Equal(queue.Cursor{Events: 17, Offset: 170, Sum: "t"}))
			Expect(intake(q, queue.Source{Name: "g"}).Cursor()).To(BeZero())
		})

		It("still knows what it stored when it ends a second time while it reads that again", func() {
			q := open(queue.Options{Dir: dir})
			in := intake(q, queue.Source{Name: "f"})
			put(in, 0, 15)
			Expect(in.Flush(ctx)).To(Succeed())
			Expect(q.Close()).To(Succeed())

			q = open(queue.Options{Dir: dir})
			in = intake(q, queue.Source{Name: "f"})
			put(in, 0, 5)
			in.Mark(queue.Cursor{Offset: 50})
			Expect(in.Flush(ctx)).To(Succeed())
			Expect(q.Close()).To(Succeed())

			q = open(queue.Options{Dir: dir})
			in = intake(q, queue.Source{Name: "f"})
			Expect(in.Cursor().Events).To(BeEquivalentTo(5))
			put(in, 5, 15)
			Expect(in.Flush(ctx)).To(Succeed())
			Expect(in.Skipped()).To(BeEquivalentTo(10))
			Expect(depth(q).Events).To(BeEquivalentTo(15))
		})

		It("starts again when it is told to", func() {
			q := open(queue.Options{Dir: dir})
			for _, start := range []func() *queue.Intake{
				func() *queue.Intake { return intake(q, queue.Source{Name: "f"}) },
				func() *queue.Intake { return intake(q, queue.Source{Name: "f", Again: true}) },
				func() *queue.Intake {
					in := intake(q, queue.Source{Name: "f"})
					Expect(in.Restart(ctx)).To(Succeed())
					return in
				},
			} {
				in := start()
				Expect(in.Cursor()).To(BeZero())
				put(in, 0, 3)
				in.Mark(queue.Cursor{Offset: 30})
				Expect(in.Flush(ctx)).To(Succeed())
				Expect(in.Skipped()).To(BeZero())
			}
			Expect(depth(q).Events).To(BeEquivalentTo(9))
		})
	})
})
