package serve

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// other is a body for a destination type that is not served, in an unusual
// spelling, which has to arrive as it is.
const other = "{ \"input\" : [ {\"message\":{\"a\":1.0e0},\"metadata\":{\"jobId\":1},\"destination\":{\"ID\":\"d\",\"Config\":{}}} ],\r\n\t\"destType\" : \"oth\\u0065r\"}\n"

// jobs is a body with jobs for the made-up destination.
func jobs(destType string, texts ...string) string {
	var inputs []string
	for i, text := range texts {
		job, err := json.Marshal(map[string]any{
			"message":     map[string]any{"type": "track", "properties": map[string]any{"text": text}},
			"metadata":    map[string]any{"jobId": i + 1, "userId": "u"},
			"destination": map[string]any{"ID": "d-1", "Config": map[string]any{}},
		})
		Expect(err).NotTo(HaveOccurred())
		inputs = append(inputs, string(job))
	}
	return `{"input":[` + strings.Join(inputs, ",") + `],"destType":"` + destType + `"}`
}

var _ = Describe("With a transformer behind it", func() {
	var (
		upstream *httptest.Server
		handle   http.HandlerFunc
		asked    atomic.Int64
		r        *running
	)
	var features string
	at := func(u string) func(*Options) {
		return func(o *Options) {
			var err error
			o.Upstream, err = url.Parse(u)
			Expect(err).NotTo(HaveOccurred())
		}
	}
	BeforeEach(func() {
		asked.Store(0)
		features = `{"routerTransform":{"MARKETO":true},"regulations":["AM"],"supportSourceTransformV1":true,"new":{"x":[1]}}`
		upstream = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/features" {
				_, _ = io.WriteString(w, features)
				return
			}
			asked.Add(1)
			handle(w, r)
		}))
		DeferCleanup(func() { upstream.Close() })
		r = start(at(upstream.URL))
	})

	It("passes on what is not its own, untouched both ways", func() {
		var got *http.Request
		var body []byte
		handle = func(w http.ResponseWriter, r *http.Request) {
			got = r
			body, _ = io.ReadAll(r.Body)
			h := w.Header()
			h["X-Many"] = []string{"1", "2"}
			h.Set("apiVersion", "2")
			h.Set("X-Rudder-Should-Retry", "false")
			h.Set("Content-Encoding", "zstd")
			h.Set("Content-Type", "application/odd")
			w.WriteHeader(207)
			_, _ = w.Write([]byte("\x00\x01 not JSON"))
		}
		request, err := http.NewRequest("PUT", r.url+"/v2/sources/a%2Fb?x=1;y=%zz&&z", strings.NewReader("\xff\x00body"))
		Expect(err).NotTo(HaveOccurred())
		request.Header = http.Header{
			"X-Feature-Gzip-Support": {"?1"}, "X-Content-Format": {"json+compactedv1"}, "Content-Encoding": {"gzip"}, "User-Agent": {""},
			"X-Forwarded-For": {"10.0.0.1"}, "Forwarded": {"for=10.0.0.1"}, "Oauth-Secret": {"{}"}, "X-Twice": {"a", "b"}, "Accept-Encoding": {"identity"},
		}
		answer := send(request)
		Expect(got.Method).To(Equal("PUT"))
		Expect(got.RequestURI).To(Equal("/v2/sources/a%2Fb?x=1;y=%zz&&z"))
		Expect(string(body)).To(Equal("\xff\x00body"))
		want := request.Header.Clone()
		want.Del("User-Agent")
		want.Set("Content-Length", "6")
		Expect(got.Header).To(Equal(want))
		Expect(answer.status).To(Equal(207))
		Expect(answer.body).To(Equal("\x00\x01 not JSON"))
		answer.header.Del("Date")
		Expect(answer.header).To(Equal(http.Header{
			"X-Many": {"1", "2"}, "Apiversion": {"2"}, "X-Rudder-Should-Retry": {"false"}, "Content-Encoding": {"zstd"}, "Content-Type": {"application/odd"}, "Content-Length": {"11"},
		}))
	})

	It("neither asks for compression nor unpacks it", func() {
		handle = func(w http.ResponseWriter, r *http.Request) {
			Expect(r.Header).NotTo(HaveKey("Accept-Encoding"))
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "packed")
			_ = z.Close()
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		Expect(err).NotTo(HaveOccurred())
		defer conn.Close()
		_, err = io.WriteString(conn, "POST /customTransform HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
		Expect(err).NotTo(HaveOccurred())
		all, err := io.ReadAll(conn)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(all)).To(And(HavePrefix("HTTP/1.1 200 "), ContainSubstring("Content-Encoding: gzip"), ContainSubstring("\x1f\x8b")))
	})

	It("streams both ways", func() {
		handle = func(w http.ResponseWriter, r *http.Request) {
			Expect(http.NewResponseController(w).EnableFullDuplex()).To(Succeed())
			part := make([]byte, 4)
			for {
				if _, err := io.ReadFull(r.Body, part); err != nil {
					return
				}
				_, _ = w.Write(bytes.ToUpper(part))
				_ = http.NewResponseController(w).Flush()
			}
		}
		body, sending := io.Pipe()
		request, err := http.NewRequest("POST", r.url+"/customTransform", body)
		Expect(err).NotTo(HaveOccurred())
		go func() { _, _ = io.WriteString(sending, "ping") }()
		answer, err := http.DefaultClient.Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer answer.Body.Close()
		part := make([]byte, 4)
		for _, word := range []string{"PING", "PONG", "DONE"} { // each is sent when the one before has come back
			_, err = io.ReadFull(answer.Body, part)
			Expect(err).NotTo(HaveOccurred())
			Expect(string(part)).To(Equal(word))
			switch word {
			case "PING":
				_, _ = io.WriteString(sending, "pong")
			case "PONG":
				_, _ = io.WriteString(sending, "done")
				_ = sending.Close()
			}
		}
		Expect(io.ReadAll(answer.Body)).To(BeEmpty())
	})

	DescribeTable("passes on jobs for others byte for byte",
		func(path string) {
			var body []byte
			var length int64
			handle = func(w http.ResponseWriter, r *http.Request) {
				Expect(r.URL.Path).To(Equal(path))
				body, _ = io.ReadAll(r.Body)
				length = r.ContentLength
				w.Header().Set("apiVersion", "2")
				w.WriteHeader(404)
				_, _ = io.WriteString(w, "theirs")
			}
			answer := r.do("POST", path, other)
			Expect(string(body)).To(Equal(other))
			Expect(length).To(Equal(int64(len(other))))
			Expect(answer.status).To(Equal(404))
			Expect(answer.body).To(Equal("theirs"))
			Expect(answer.header.Values("apiVersion")).To(Equal([]string{"2"}))
		},
		Entry(nil, "/routerTransform"),
		Entry(nil, "/batch"),
		Entry(nil, "/v0/destinations/other"),
		Entry(nil, "/v0/destinations/other/proxy"),
		Entry(nil, "/v1/destinations/other/proxy"),
		Entry(nil, "/v0/destinations/notes/else"),
		Entry(nil, "/deleteUsers"),
	)

	It("passes on what is no JSON", func() {
		handle = func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(400) }
		Expect(r.do("POST", "/routerTransform", "nonsense").status).To(Equal(400))
		Expect(asked.Load()).To(Equal(int64(1)))
	})

	DescribeTable("answers for its own destinations, by any of their names",
		func(destType string) {
			answer := r.do("POST", "/routerTransform", jobs(destType, "hello"))
			Expect(answer.status).To(Equal(200))
			Expect(answer.header.Get("apiVersion")).To(Equal("2"))
			Expect(answer.body).To(ContainSubstring(`"notes":[{"text":"hello"}]`))
			Expect(asked.Load()).To(BeZero())
		},
		Entry(nil, "notes"), Entry(nil, "NOTES"), Entry(nil, "n"), Entry(nil, "N"),
	)

	It("tells of one's own features and upstream's, and keeps the last copy of these", func() {
		all := `{"routerTransform":{"MARKETO":true,"N":true,"NOTES":true},"regulations":["AM"],"supportSourceTransformV1":true,"new":{"x":[1]}}`
		Expect(r.get("/features").body).To(MatchJSON(all))
		features = strings.Replace(features, "AM", "XY", 1)
		Expect(r.get("/features").body).To(MatchJSON(strings.Replace(all, "AM", "XY", 1)))
		upstream.Close()
		Expect(r.get("/features").body).To(MatchJSON(strings.Replace(all, "AM", "XY", 1)))
		Expect(r.do("POST", "/routerTransform", jobs("notes", "hello")).status).To(Equal(200))
	})

	It("keeps the last copy also where upstream answers nonsense", func() {
		before := r.get("/features").body
		for _, nonsense := range []string{"[]", "", "<html>"} {
			features = nonsense
			Expect(r.get("/features").body).To(MatchJSON(before))
		}
	})

	DescribeTable("answers 503 where upstream is down, and has read all that was sent",
		func(method, path string) {
			upstream.Close()
			large := strings.Repeat("x", 4<<20)
			answer := r.do(method, path, large)
			Expect(answer.status).To(Equal(503))
			Expect(answer.header.Get("X-Rudder-Should-Retry")).To(Equal("true"))
			Expect(answer.header.Get("apiVersion")).To(Equal("2"))
			Expect(answer.body).To(MatchJSON(`{"error":"the transformer behind celmap does not answer"}`))
			Expect(r.metric("celmap_upstream_answers_total")).To(ConsistOf(`celmap_upstream_answers_total{status="none"} 1`))
		},
		Entry(nil, "POST", "/routerTransform"),
		Entry(nil, "POST", "/customTransform"),
		Entry(nil, "POST", "/v0/destinations/other"),
		Entry(nil, "GET", "/v2/anything"),
	)

	It("says that it does not know yet where upstream was never there", func() {
		upstream.Close()
		late := start(at("http://127.0.0.1:1"))
		late.front.features.wait = 10 * time.Millisecond
		answer := late.get("/features")
		Expect(answer.status).To(Equal(503))
		Expect(answer.header.Get("X-Rudder-Should-Retry")).To(Equal("true"))
	})

	It("says so where upstream leads back to it, once it has noticed that", func() {
		var behind atomic.Pointer[url.URL]
		relay := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(behind.Load()) }})
		DeferCleanup(relay.Close)
		lead := func(to string) {
			u, err := url.Parse(to)
			Expect(err).NotTo(HaveOccurred())
			behind.Store(u)
		}
		lead(r.url)
		one := start(at(relay.URL))
		two := start(at(one.url))
		lead(two.url) // each stands behind the other
		Expect(one.get("/features").status).To(Equal(503))
		Eventually(one.front.features.looped.Load).Should(BeTrue())
		Eventually(two.front.features.looped.Load).Should(BeTrue())
		for _, r := range []*running{one, two} {
			for _, answer := range []reply{r.get("/features"), r.do("POST", "/customTransform", "[]"), r.do("POST", "/routerTransform", other)} {
				Expect(answer.status).To(Equal(503))
				Expect(answer.header.Get("X-Rudder-Error-Reason")).To(Equal("upstream_loop"))
				Expect(answer.body).To(ContainSubstring(`leads back to this celmap`))
			}
			Expect(r.do("POST", "/routerTransform", jobs("notes", "hello")).status).To(Equal(200))
		}
		By("and takes up its work when that is mended")
		lead(upstream.URL)
		handle = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "passed") }
		Eventually(func() string { return two.get("/features").body }).Should(ContainSubstring("MARKETO"))
		Expect(two.do("POST", "/customTransform", "[]").body).To(Equal("passed"))
	})

	It("waits for an upstream that comes late", func() {
		reserved, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		address := reserved.Addr().String()
		Expect(reserved.Close()).To(Succeed())
		late := start(at("http://" + address))
		answer := make(chan reply)
		go func() {
			defer GinkgoRecover()
			answer <- late.get("/features")
		}()
		Eventually(late.log).Should(say("the features of upstream cannot be read"))
		listener, err := net.Listen("tcp", address)
		Expect(err).NotTo(HaveOccurred())
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, features) })}
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
		Eventually(answer).Should(Receive(WithTransform(func(a reply) int { return a.status }, Equal(200))))
	})

	It("sends jobs again over another connection where upstream has closed the one that was open", func() {
		handle = func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
		for range 20 {
			Expect(r.do("POST", "/routerTransform", other).status).To(Equal(200))
			upstream.CloseClientConnections()
		}
	})
})

var _ = Describe("Without a transformer behind it", func() {
	It("tells what it can do itself", func() {
		Expect(start().get("/features").body).To(MatchJSON(`{"routerTransform":{"N":true,"NOTES":true},"regulations":[],
			"supportSourceTransformV1":true,"upgradedToSourceTransformV2":true,"supportTransformerProxyV1":true,"supportDestTransformCompactedPayloadV1":true}`))
	})

	It("answers each job for another destination with an error that is tried again", func() {
		r := start()
		answer := r.do("POST", "/routerTransform", jobs("other", "a", "b"))
		Expect(answer.status).To(Equal(200))
		Expect(answer.header.Get("apiVersion")).To(Equal("2"))
		var read struct {
			Output []struct {
				Metadata   []struct{ JobID int }
				StatusCode int
				Error      string
			}
		}
		Expect(json.Unmarshal([]byte(answer.body), &read)).To(Succeed())
		count := 0
		for _, element := range read.Output {
			count += len(element.Metadata)
			Expect(element.StatusCode).To(Equal(500))
			Expect(element.Error).To(ContainSubstring("start it with --upstream URL"))
		}
		Expect(count).To(Equal(2))
		Expect(r.metric("celmap_jobs_total")).To(ConsistOf(`celmap_jobs_total{code="unserved_destination",destination="other",status="500"} 2`))
		answer = r.do("POST", "/v0/destinations/other", `[{"message":{},"metadata":{"messageId":"m"},"destination":{"ID":"d","Config":{}}}]`)
		Expect(answer.status).To(Equal(200))
		Expect(answer.body).To(ContainSubstring(`"statusCode":500`))
	})

	DescribeTable("answers 404 only to those who look for a page",
		func(method, path string, status int) {
			answer := start().do(method, path, "{}")
			Expect(answer.status).To(Equal(status))
			Expect(answer.header.Get("X-Rudder-Should-Retry") == "true").To(Equal(status == 503))
		},
		Entry(nil, "GET", "/", 404),
		Entry(nil, "GET", "/routerTransform", 404),
		Entry(nil, "POST", "/customTransform", 503),
		Entry(nil, "POST", "/v2/sources/webhook", 503),
		Entry(nil, "POST", "/", 503),
		Entry(nil, "POST", "/v7/destinations/notes", 503),
		Entry(nil, "POST", "/health", 503),
	)

	It("answers a body that is no JSON with 400, upon which all jobs are tried again", func() {
		answer := start().do("POST", "/routerTransform", `{"input":`)
		Expect(answer.status).To(Equal(400))
		Expect(answer.header.Get("apiVersion")).To(Equal("2"))
		Expect(answer.body).To(HavePrefix(`{"error":"`))
	})
})
