package queue_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/queue"
)

// cluster is three servers in this process.
type cluster struct {
	dir            string
	clients, peers []int // ports
	servers        []*server.Server
}

func freePorts(n int) (ports []int) {
	GinkgoHelper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func startCluster() *cluster {
	GinkgoHelper()
	c := &cluster{dir: GinkgoT().TempDir(), clients: freePorts(3), peers: freePorts(3), servers: make([]*server.Server, 3)}
	for i := range c.servers {
		c.start(i)
	}
	DeferCleanup(func() {
		for i := range c.servers {
			c.stop(i)
		}
	})
	Eventually(func() bool {
		for _, s := range c.servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == 3 {
				return true
			}
		}
		return false
	}, "20s").Should(BeTrue())
	return c
}

func (c *cluster) start(i int) {
	GinkgoHelper()
	var routes []*url.URL
	for _, p := range c.peers {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", p)})
	}
	s, err := server.NewServer(&server.Options{
		ServerName: fmt.Sprint("server-", i), Host: "127.0.0.1", Port: c.clients[i], NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: filepath.Join(c.dir, fmt.Sprint(i)), JetStreamMaxStore: 32 << 30, JetStreamMaxMemory: 1 << 30,
		Cluster: server.ClusterOpts{Name: "three", Host: "127.0.0.1", Port: c.peers[i]}, Routes: routes,
	})
	Expect(err).NotTo(HaveOccurred())
	s.Start()
	Expect(s.ReadyForConnections(10 * time.Second)).To(BeTrue())
	c.servers[i] = s
}

func (c *cluster) stop(i int) {
	if c.servers[i] != nil {
		c.servers[i].Shutdown()
		c.servers[i].WaitForShutdown()
		c.servers[i] = nil
	}
}

func (c *cluster) url() string {
	var all []string
	for _, p := range c.clients {
		all = append(all, fmt.Sprint("nats://127.0.0.1:", p))
	}
	return strings.Join(all, ",")
}

// road leads to a server, and can be blocked.
type road struct {
	listener net.Listener
	gate     sync.RWMutex
}

func roadTo(port int) *road {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	r := &road{listener: l}
	DeferCleanup(l.Close)
	carry := func(to, from net.Conn) {
		defer to.Close()
		some := make([]byte, 64<<10)
		for {
			n, err := from.Read(some)
			if err != nil {
				return
			}
			r.gate.RLock()
			_, err = to.Write(some[:n])
			r.gate.RUnlock()
			if err != nil {
				return
			}
		}
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
			if err != nil {
				near.Close()
				continue
			}
			go carry(near, far)
			go carry(far, near)
		}
	}()
	return r
}

func (r *road) url() string { return "nats://" + r.listener.Addr().String() }

// consumer takes all that it can get, and finishes it.
type consumer struct {
	mu       sync.Mutex
	handed   map[string]int
	finished map[string]bool
	order    map[uint64][]string // of the items of a lane, as they were handed out first
}

func newConsumer() *consumer {
	return &consumer{handed: map[string]int{}, finished: map[string]bool{}, order: map[uint64][]string{}}
}

func (c *consumer) run(ctx context.Context, w *queue.Worker) {
	defer GinkgoRecover()
	for {
		items, err := w.Next(ctx, 100)
		if err != nil {
			return
		}
		c.mu.Lock()
		for _, i := range items {
			Expect(c.finished[string(i.JSON)]).To(BeFalse(), "%s was finished", i.JSON)
			if c.handed[string(i.JSON)]++; c.handed[string(i.JSON)] == 1 {
				c.order[i.Lane] = append(c.order[i.Lane], string(i.JSON))
			}
		}
		c.mu.Unlock()
		err = w.Finish(ctx, ids(items), nil)
		switch {
		case err == nil:
			c.mu.Lock()
			for _, i := range items {
				c.finished[string(i.JSON)] = true
			}
			c.mu.Unlock()
		case ctx.Err() == nil:
			Expect(errors.Is(err, queue.ErrLost) || errors.Is(err, queue.ErrClosed)).To(BeTrue(), "%v", err)
		}
	}
}

var _ = Describe("A queue in a cluster", Ordered, func() {
	var servers *cluster
	BeforeAll(func() { servers = startCluster() })
	const lease = 2 * time.Second
	join := func(name string) *queue.Queue {
		GinkgoHelper()
		return open(queue.Options{URL: servers.url(), Name: name, Lease: lease})
	}
	share := func(w *queue.Worker) func() float64 { return w.Share }

	It("is shared by all workers, fairly, and taken over from one that leaves", func() {
		a, b := join("fair"), join("fair")
		one := work(a)
		Eventually(share(one), "10s").Should(Equal(1.0))
		two := work(b)
		Eventually(share(two), "10s").Should(Equal(0.5))
		Eventually(share(one), "10s").Should(Equal(0.5))
		Expect(b.Close()).To(Succeed())
		Eventually(share(one), "10s").Should(Equal(1.0))
	})

	It("lets nobody note progress whose partition went to another", func() {
		b, road := join("fence"), roadTo(servers.clients[0])
		a := open(queue.Options{URL: road.url(), Name: "fence", Lease: lease})
		var events []queue.Event
		for i := range 200 {
			events = append(events, event(fmt.Sprint(i), fmt.Sprint(i%50)))
		}
		store(a, events...)
		one := work(a)
		Eventually(share(one), "10s").Should(Equal(1.0))
		items := next(one, 200)
		finish(one, items[:20]...)
		road.gate.Lock() // it lives, and is not heard of
		two := work(b)
		Eventually(share(two), "20s").Should(Equal(1.0))
		again := next(two, 180)
		Expect(texts(again)).To(ConsistOf(texts(items[20:])))
		Expect(one.Owned(items[20])).To(BeFalse())
		road.gate.Unlock()
		Expect(one.Finish(context.Background(), ids(items[20:]), nil)).To(MatchError(queue.ErrLost))
		finish(two, again...)
		none(two)
		Eventually(func() int64 { return depth(b).Events }, "5s").Should(BeZero())
	})

	It("has an event wait for what is in another partition", func() {
		a := join("barrier")
		// Two keys whose lanes are in different partitions, and a worker for each.
		store(a, event("1", "ann"), event("2", "bob"))
		w := work(a)
		first := next(w, 2)
		Expect(first[0].ID.Partition).NotTo(Equal(first[1].ID.Partition))
		if string(first[0].JSON) != "1" {
			first[0], first[1] = first[1], first[0]
		}
		store(a, event("3", "ann", "bob"))
		finish(w, first[0])
		none(w)
		finish(w, first[1])
		Expect(next(w, 1)).To(HaveExactElements(HaveField("Lane", first[0].Lane)))
	})

	It("survives the loss of a server, and of a worker", func() {
		a, b := join("loss"), join("loss")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		seen := newConsumer()
		one, two := work(a), work(b)
		var working sync.WaitGroup
		defer working.Wait()
		defer cancel()
		working.Go(func() { seen.run(ctx, one) })
		working.Go(func() { seen.run(ctx, two) })
		in := intake(a, queue.Source{Name: "file"})
		put := func(from, to int) {
			GinkgoHelper()
			for i := from; i < to; i++ {
				Expect(in.Put(ctx, event(fmt.Sprintf("%05d", i), fmt.Sprint(i%100)))).To(Succeed())
				if i%200 == 0 {
					time.Sleep(10 * time.Millisecond)
				}
			}
			in.Mark(queue.Cursor{Offset: int64(to)})
			Expect(in.Flush(ctx)).To(Succeed())
		}
		put(0, 2000)
		servers.stop(0)
		put(2000, 4000)
		Expect(b.Close()).To(Succeed())
		put(4000, 5000)
		servers.start(0)
		put(5000, 6000)
		// Not all that is finished was answered: a worker that was closed may have noted more.
		Eventually(func() int64 { return depth(a).Events }, "60s", "100ms").Should(BeZero())
		cancel()
		working.Wait()
		for lane, order := range seen.order {
			for i := 1; i < len(order); i++ {
				Expect(order[i] > order[i-1]).To(BeTrue(), "lane %d: %s after %s", lane, order[i], order[i-1])
			}
		}
		Expect(seen.handed).To(HaveLen(6000))
	})
})
