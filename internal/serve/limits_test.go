package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
)

// conversation is a connection over which a test speaks HTTP by the byte.
type conversation struct {
	net.Conn
	answers *bufio.Reader
}

func (r *running) dial() *conversation {
	GinkgoHelper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { _ = conn.Close() }) // a test may have done so
	return &conversation{conn, bufio.NewReader(conn)}
}

func (c *conversation) say(format string, args ...any) {
	GinkgoHelper()
	_, err := fmt.Fprintf(c, format, args...)
	Expect(err).NotTo(HaveOccurred())
}

func (c *conversation) hear() reply {
	GinkgoHelper()
	answer, err := http.ReadResponse(c.answers, nil)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	if answer.Close { // which is taken out of the header
		answer.Header.Set("Connection", "close")
	}
	return reply{answer.StatusCode, answer.Header, string(data)}
}

const head = "POST /routerTransform HTTP/1.1\r\nHost: x\r\n"

var _ = Describe("A server with limits", func() {
	overloadedAnswer := And(
		HaveField("Status()", 503),
		HaveField("Retry()", "true"),
	)

	It("refuses bodies that are too large, and reads them to the end before", func() {
		r := start(func(o *Options) { o.MaxBody = 1 << 20 })
		large := strings.Repeat("x", 8<<20)
		for _, body := range []io.Reader{strings.NewReader(large), io.MultiReader(strings.NewReader(large))} { // announced, and in chunks
			request, err := http.NewRequest("POST", r.url+"/routerTransform", body)
			Expect(err).NotTo(HaveOccurred())
			answer := send(request)
			Expect(answer.status).To(Equal(413))
			Expect(answer.header.Get("apiVersion")).To(Equal("2"))
			Expect(answer.body).To(ContainSubstring("more than the 1048576 bytes that --max-body allows"))
		}
		c := r.dial() // one that looks for an answer only when it has sent all
		c.say(head+"Content-Length: %d\r\n\r\n%s", len(large), large)
		Expect(c.hear().status).To(Equal(413))
		Expect(r.metric("celmap_http_requests_refused_total")).To(ConsistOf(`celmap_http_requests_refused_total{reason="body_too_large"} 3`))
		Expect(r.do("POST", "/routerTransform", jobs("notes", strings.Repeat("x", 1<<19))).status).To(Equal(200))
	})

	It("takes a body of just the size that is allowed, in either form", func() {
		body := jobs("notes", strings.Repeat("x", 1<<20))
		r := start(func(o *Options) { o.MaxBody = int64(len(body)) })
		Expect(r.do("POST", "/routerTransform", body).status).To(Equal(200))
		request, err := http.NewRequest("POST", r.url+"/routerTransform", io.MultiReader(strings.NewReader(body)))
		Expect(err).NotTo(HaveOccurred())
		Expect(send(request).status).To(Equal(200))
	})

	It("refuses bodies that find no room in memory, until others have left it", func() {
		r := start(func(o *Options) { o.MaxBody, o.MaxBodies = 2<<20, 2<<20 })
		first := r.dial()
		first.say(head+"Content-Length: %d\r\n\r\n%s", 2<<20, strings.Repeat(" ", 1<<20))
		Eventually(r.bodies.used.Load).Should(BeNumerically(">=", 1<<20))
		answer := r.do("POST", "/routerTransform", jobs("notes", strings.Repeat("x", 3<<19)))
		Expect(answer).To(overloadedAnswer)
		Expect(answer.body).To(ContainSubstring("more than the 2097152 bytes that --max-bodies allows"))
		first.say("%s", strings.Repeat(" ", 1<<20))
		Expect(first.hear().status).To(Equal(400))
		Eventually(r.bodies.used.Load).Should(BeZero())
		Expect(r.do("POST", "/routerTransform", jobs("notes", strings.Repeat("x", 3<<19))).status).To(Equal(200))
	})

	It("takes no memory for what is announced and not sent", func() {
		r := start()
		for range 20 {
			r.dial().say(head+"Content-Length: %d\r\n\r\n{", 8<<20)
		}
		Eventually(r.bodies.used.Load).Should(Equal(int64(20 * firstRead)))
	})

	It("refuses requests beyond those it works on", func() {
		working, finish := make(chan struct{}), make(chan struct{})
		r := start(func(o *Options) { o.MaxInFlight = 1 })
		r.withMapper(func() { close(working); <-finish })
		body := jobs("notes", "hello")
		first := r.dial()
		first.say(head+"Content-Length: %d\r\n\r\n%s", len(body), body)
		Eventually(working).Should(BeClosed())
		answer := r.do("POST", "/routerTransform", strings.Repeat(" ", 4<<20))
		Expect(answer).To(overloadedAnswer)
		Expect(answer.body).To(ContainSubstring("more requests than the 1 that --max-in-flight allows"))
		Expect(r.get("/health").status).To(Equal(200))
		close(finish)
		Expect(first.hear().status).To(Equal(200))
		Expect(r.metric("celmap_http_requests_refused_total")).To(ConsistOf(`celmap_http_requests_refused_total{reason="overloaded"} 1`))
	})

	It("ends work that takes too long with an answer that is tried again", func() {
		r := start(func(o *Options) { o.Timeout = 20 * time.Millisecond })
		r.withMapper(nil)
		answer := r.do("POST", "/routerTransform", jobs("notes", "hello"))
		Expect(answer.status).To(Equal(200))
		Expect(answer.body).To(ContainSubstring(`"statusCode":503`))
	})

	It("does not wait for ever for a body", func() {
		r := start(func(o *Options) { o.Timeout = 50 * time.Millisecond })
		c := r.dial()
		c.say(head + "Content-Length: 10\r\n\r\n{")
		Expect(c.hear().status).To(Equal(408))
		Eventually(r.bodies.used.Load).Should(BeZero())
	})

	It("forgets clients that go away in the middle of a body", func() {
		r := start()
		c := r.dial()
		c.say(head + "Content-Length: 1000000\r\n\r\n{")
		Eventually(r.bodies.used.Load).ShouldNot(BeZero())
		Expect(c.Close()).To(Succeed())
		Eventually(r.bodies.used.Load).Should(BeZero())
	})

	It("answers several requests over one connection", func() {
		r := start()
		c := r.dial()
		body := jobs("notes", "hello")
		for range 3 {
			c.say(head+"Content-Length: %d\r\n\r\n%s", len(body), body)
			Expect(c.hear().status).To(Equal(200))
		}
	})

	It("answers 500 where it has a defect", func() {
		r := start()
		r.rules.current.Store(&generation{byType: map[string]*destination{"notes": {}}}) // one without anything behind it
		answer := r.do("POST", "/routerTransform", jobs("notes", "hello"))
		Expect(answer.status).To(Equal(500))
		Expect(answer.header.Get("apiVersion")).To(Equal("2"))
		Expect(r.metric("celmap_panics_total")).To(ConsistOf("celmap_panics_total 1"))
		Expect(r.log).To(say(`"msg":"panic"`))
		Expect(r.inFlight.Load()).To(BeZero())
		Expect(r.bodies.used.Load()).To(BeZero())
	})

	It("answers all of 10,000 connections", func() {
		connections := 10_000
		var files syscall.Rlimit
		Expect(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)).To(Succeed())
		if most := int(files.Cur/2) - 200; most < connections { // both ends of each are in this process
			AddReportEntry("the system allows fewer open files", files.Cur)
			connections = most
		}
		r := start(func(o *Options) { o.MaxInFlight = 1000 })
		body := jobs("notes", "hello", "world")
		conns := make([]net.Conn, connections)
		var wait sync.WaitGroup
		free := make(chan struct{}, 200)
		var served, refused, lost atomic.Int64
		for i := range conns {
			free <- struct{}{}
			wait.Go(func() {
				defer func() { <-free }()
				conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
				if err != nil {
					lost.Add(1)
					return
				}
				conns[i] = conn
				_, _ = fmt.Fprintf(conn, head+"Content-Length: %d\r\n\r\n%s", len(body), body[:len(body)-1])
			})
		}
		wait.Wait()
		for _, conn := range conns { // all are open now, and most are worked on
			if conn == nil {
				continue
			}
			wait.Go(func() {
				defer conn.Close()
				_, _ = io.WriteString(conn, body[len(body)-1:])
				answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					lost.Add(1)
					return
				}
				defer answer.Body.Close()
				switch _, err := io.ReadAll(answer.Body); {
				case err != nil:
					lost.Add(1)
				case answer.StatusCode == 200:
					served.Add(1)
				case answer.StatusCode == 503 && answer.Header.Get("X-Rudder-Should-Retry") == "true":
					refused.Add(1)
				}
			})
		}
		wait.Wait()
		AddReportEntry("answers", fmt.Sprintf("%d connections: %d served, %d refused", connections, served.Load(), refused.Load()))
		Expect(lost.Load()).To(BeZero())
		Expect(served.Load() + refused.Load()).To(Equal(int64(connections)))
		Expect(served.Load()).To(BeNumerically(">=", 1000))
		Expect(r.do("POST", "/routerTransform", body).status).To(Equal(200))
	})
})

// withMapper has the rules of the made-up destination map nothing, after doing
// something; nil waits until there is no time left.
func (r *running) withMapper(do func()) {
	p, _, err := r.options.Mappings[0].Load()
	Expect(err).NotTo(HaveOccurred())
	d := r.destination(p)
	d.rudder.Mapper = waiting{do}
	r.rules.current.Store(&generation{byType: map[string]*destination{"notes": d}})
}

type waiting struct{ do func() }

func (w waiting) Map(ctx context.Context, _ lookup.Destination, _ []engine.Input) (*engine.Output, error) {
	if w.do != nil {
		w.do()
		return nil, errors.New("nothing is mapped")
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// Status and Retry let matchers see an answer.
func (r reply) Status() int   { return r.status }
func (r reply) Retry() string { return r.header.Get("X-Rudder-Should-Retry") }

var _ = Describe("A server that is told to end", func() {
	It("takes requests for a while, and says that it will not stay", func() {
		r := start(func(o *Options) { o.Drain = 500 * time.Millisecond })
		c := r.dial()
		r.stop()
		Eventually(func() int { return r.get("/ready").status }).Should(Equal(503))
		_, page := r.readyPage()
		Expect(page.Because).To(Equal("celmap is ending"))
		body := jobs("notes", "hello")
		c.say(head+"Content-Length: %d\r\n\r\n%s", len(body), body)
		answer := c.hear()
		Expect(answer.status).To(Equal(200))
		Expect(answer.header.Get("Connection")).To(Equal("close"))
		Eventually(r.done).Should(Receive(BeNil()))
		r.done = nil
		_, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		Expect(err).To(HaveOccurred())
	})

	It("answers what was begun", func() {
		r := start()
		c := r.dial()
		body := jobs("notes", "hello")
		c.say(head+"Content-Length: %d\r\n\r\n%s", len(body), body[:10])
		Eventually(r.bodies.used.Load).ShouldNot(BeZero())
		r.stop()
		Eventually(r.log).Should(say(`"msg":"draining"`))
		Consistently(r.done, "50ms").ShouldNot(Receive())
		c.say("%s", body[10:])
		Expect(c.hear().status).To(Equal(200))
		Eventually(r.done).Should(Receive(BeNil()))
		r.done = nil
	})

	It("says so, too, in answers to what was begun before", func() {
		working, finish := make(chan struct{}), make(chan struct{})
		r := start()
		r.withMapper(func() { close(working); <-finish })
		c := r.dial()
		body := jobs("notes", "hello")
		c.say(head+"Content-Length: %d\r\n\r\n%s", len(body), body)
		Eventually(working).Should(BeClosed())
		r.stop()
		Eventually(r.log).Should(say(`"msg":"draining"`))
		close(finish)
		Expect(c.hear().header.Get("Connection")).To(Equal("close"))
		Eventually(r.done).Should(Receive(BeNil()))
		r.done = nil
	})

	It("takes leave of those who say nothing, and hears to their end those who have begun", func() {
		r := start(func(o *Options) { o.Drain = time.Millisecond })
		body := jobs("notes", "hello")
		silent, kept, begun := r.dial(), r.dial(), r.dial()
		for _, c := range []*conversation{kept, begun} {
			c.say(head+"Content-Length: %d\r\n\r\n%s", len(body), body)
			Expect(c.hear().header.Get("Connection")).To(BeEmpty())
		}
		begun.say("%s", head[:10])
		r.stop()
		_, err := kept.answers.ReadByte()
		Expect(err).To(MatchError(io.EOF))
		begun.say("%sContent-Length: %d\r\n\r\n%s", head[10:], len(body), body)
		answer := begun.hear()
		Expect(answer.status).To(Equal(200))
		Expect(answer.header.Get("Connection")).To(Equal("close"))
		_, err = silent.answers.ReadByte() // who might have been about to say something
		Expect(err).To(MatchError(io.EOF))
		Eventually(r.done).Should(Receive(BeNil()))
		r.done = nil
	})

	It("hears what has come when it takes leave", func() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		defer l.Close()
		caller, err := net.Dial("tcp", l.Addr().String())
		Expect(err).NotTo(HaveOccurred())
		defer caller.Close()
		c, err := l.Accept()
		Expect(err).NotTo(HaveOccurred())
		who := &guest{Conn: c}
		defer who.Close()
		text := make([]byte, 100)
		_, err = caller.Write([]byte("hello"))
		Expect(err).NotTo(HaveOccurred())
		Expect(who.Read(text[:1])).To(Equal(1)) // the rest is there, too
		_, err = who.Write([]byte("well"))
		Expect(err).NotTo(HaveOccurred())
		who.leave()
		Expect(who.Read(text)).To(Equal(4))

		_, err = who.Write([]byte("well"))
		Expect(err).NotTo(HaveOccurred())
		who.leave()
		_, err = who.Read(text)
		Expect(err).To(MatchError(os.ErrDeadlineExceeded))
	})

	It("loses no request under load", func() {
		r := start(func(o *Options) { o.Drain = 200 * time.Millisecond })
		body := jobs("notes", "hello")
		var served, broken atomic.Int64
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // as rudder-server
				for {
					answer, err := client.Post(r.url+"/routerTransform", "application/json", strings.NewReader(body))
					if err != nil {
						return // the port is closed: rudder-server finds another process behind it
					}
					data, err := io.ReadAll(answer.Body)
					_ = answer.Body.Close()
					if err != nil || answer.StatusCode != 200 || !strings.Contains(string(data), "hello") {
						broken.Add(1)
					}
					served.Add(1)
				}
			})
		}
		Eventually(served.Load).Should(BeNumerically(">", 100))
		r.stop()
		wait.Wait()
		Expect(broken.Load()).To(BeZero())
		Eventually(r.done).Should(Receive(BeNil()))
		r.done = nil
	})
})
