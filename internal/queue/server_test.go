package queue_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/queue"
)

// alone is a NATS server of somebody else, with a user who may do what docs/delivery.md
// asks for, and no more.
func alone(maxPayload int32) (url string) {
	GinkgoHelper()
	s, err := server.NewServer(&server.Options{
		ServerName: "alone", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: GinkgoT().TempDir(), MaxPayload: maxPayload,
		Users: []*server.User{{Username: "celmap", Password: "made-up", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{"celmap.>", "$KV.>", "$JS.API.>"}},
			Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
		}}},
	})
	Expect(err).NotTo(HaveOccurred())
	s.Start()
	DeferCleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	Expect(s.ReadyForConnections(10 * time.Second)).To(BeTrue())
	return fmt.Sprintf("nats://celmap:made-up@%s", s.Addr())
}

var _ = Describe("A queue on a NATS server", func() {
	It("needs no more rights than the guide says", func(ctx context.Context) {
		url := alone(1 << 20)
		q := open(queue.Options{URL: url, Lease: time.Second})
		store(q, event("a", "k"), event("b", "k"), event("c"))
		w := work(q)
		items := next(w, 3)
		finish(w, items[0])
		Expect(w.Finish(ctx, nil, []queue.Dead{{ID: items[1].ID, Note: []byte(`"refused"`)}})).To(Succeed())
		Expect(w.Finish(ctx, []queue.ID{items[2].ID}, nil)).To(Succeed())
		for letter, err := range q.DeadLetters(ctx) {
			Expect(err).NotTo(HaveOccurred())
			Expect(q.Replay(ctx, letter)).To(Succeed())
		}
		finish(w, next(w, 1)...)
		Eventually(func() (int64, error) {
			depth, err := q.Depth(ctx)
			return depth.Events, err
		}, "10s").Should(BeZero())
		Expect(q.Close()).To(Succeed())

		q = open(queue.Options{URL: url, Lease: time.Second})
		depth, err := q.Depth(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(depth.Events).To(BeZero())
	})

	It("takes events that fit into the server's messages, with what goes with them", func(ctx context.Context) {
		q := open(queue.Options{URL: alone(1 << 20)})
		in := intake(q, queue.Source{})
		long := strings.Repeat("x", 1<<20-128<<10)
		Expect(in.Put(ctx, queue.Event{JSON: []byte(long + "x")})).To(MatchError(queue.ErrTooLarge))
		Expect(in.Put(ctx, queue.Event{JSON: []byte(long), Keys: []string{"k"}, Origin: strings.Repeat("name", 1000)})).To(Succeed())
		Expect(in.Flush(ctx)).To(Succeed())
	})

	DescribeTable("shows no password of a URL that is wrong", func(ctx context.Context, url string) {
		_, err := queue.Open(ctx, queue.Options{URL: url})
		Expect(err).To(MatchError(SatisfyAll(ContainSubstring("NATS"), Not(ContainSubstring("made-up")))))
	},
		Entry("a blank", "nats://celmap:made-up@a host:4222"),
		Entry("a percent sign", "nats://celmap:made-up%zz@localhost:4222"),
		Entry("a port that is none", "nats://celmap:made-up@localhost:port"),
		Entry("no password's end", "nats://celmap:made-up"),
		Entry("a slash in the password", "nats://celmap:made-up/x@localhost:4222"),
		Entry("nobody there", "nats://celmap:made-up@127.0.0.1:1"),
		Entry("another scheme", "http://celmap:made-up@127.0.0.1:1"),
	)

	It("says what the server's messages have to hold", func(ctx context.Context) {
		_, err := queue.Open(ctx, queue.Options{URL: alone(256 << 10)})
		Expect(err).To(MatchError(SatisfyAll(ContainSubstring("262144 bytes"), ContainSubstring("max_payload"), Not(ContainSubstring("made-up")))))
	})
})
