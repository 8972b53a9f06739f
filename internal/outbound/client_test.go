package outbound_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/outbound"
)

const (
	secret = "pat-na1-secret"
	person = "ann@example.com"
)

// request is one that holds secrets and personal data wherever it can.
func request(base string) outbound.Request {
	return outbound.Request{
		Method:  "POST",
		URL:     base + "/contacts/" + person + "?hapikey=" + secret,
		Headers: map[string]string{"Authorization": "Bearer " + secret, "Content-Type": "application/json"},
		Body:    []byte(`{"email":"` + person + `"}`),
	}
}

// serve starts a server that ends with the test.
func serve(h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	DeferCleanup(s.Close)
	return s
}

func anywhere(string) bool { return true }

// raw starts a server that does as it likes with every connection.
func raw(do func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(l.Close)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go do(c)
		}
	}()
	return "http://" + l.Addr().String()
}

func address(s string) *url.URL {
	u, err := url.Parse(s)
	Expect(err).NotTo(HaveOccurred())
	return u
}

var _ = Describe("A request", func() {
	It("goes out as it is written, and its answer comes back with names of headers in lower case", func(ctx context.Context) {
		type seen struct{ method, uri, body, authorization, agent string }
		var got seen
		s := serve(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got = seen{r.Method, r.RequestURI, string(body), r.Header.Get("Authorization"), r.UserAgent()}
			w.Header().Set("Retry-After", "3")
			w.Header().Add("X-More", "a")
			w.Header().Add("X-More", "b")
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"status":"error"}`)
		})
		a, err := outbound.New(outbound.Options{}).Do(ctx, request(s.URL))
		Expect(err).NotTo(HaveOccurred())
		Expect(got).To(Equal(seen{"POST", "/contacts/" + person + "?hapikey=" + secret, `{"email":"` + person + `"}`, "Bearer " + secret, "celmap"}))
		Expect(a.Status).To(Equal(429))
		Expect(string(a.Body)).To(Equal(`{"status":"error"}`))
		Expect(a.Headers).To(HaveKeyWithValue("retry-after", "3"))
		Expect(a.Headers).To(HaveKeyWithValue("x-more", "a, b"))
	})

	It("of a host that is connected elsewhere keeps its path, its query and the header Host", func(ctx context.Context) {
		var host, uri string
		s := serve(func(w http.ResponseWriter, r *http.Request) { host, uri = r.Host, r.RequestURI })
		c := outbound.New(outbound.Options{ConnectTo: map[string]*url.URL{"api.example.com": address(s.URL), "b.example.com:8443": address(s.URL)}})
		for from, want := range map[string]string{"https://API.example.com": "API.example.com", "http://api.example.com:81": "api.example.com:81", "https://b.example.com:8443": "b.example.com:8443"} {
			a, err := c.Do(ctx, outbound.Request{Method: "GET", URL: from + "/a%2Fb?c=d%20e"})
			Expect(err).NotTo(HaveOccurred())
			Expect(a.Status).To(Equal(200))
			Expect([]string{host, uri}).To(Equal([]string{want, "/a%2Fb?c=d%20e"}))
		}
	})

	It("does not follow a redirect unless that is asked for", func(ctx context.Context) {
		var calls atomic.Int32
		s := serve(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
		})
		a, err := outbound.New(outbound.Options{}).Do(ctx, request(s.URL))
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(307))
		Expect(calls.Load()).To(BeEquivalentTo(1))
	})

	It("follows redirects on the same host with its headers, to another one without", func(ctx context.Context) {
		var foreign, own http.Header
		other := serve(func(w http.ResponseWriter, r *http.Request) { foreign = r.Header })
		s := serve(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/own":
				own = r.Header
				http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			default:
				http.Redirect(w, r, "/own", http.StatusTemporaryRedirect)
			}
		})
		r := request(s.URL)
		r.Redirects = anywhere
		r.Headers["X-Api-Key"] = secret
		a, err := outbound.New(outbound.Options{}).Do(ctx, r)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(200))
		Expect(own.Get("X-Api-Key")).To(Equal(secret))
		Expect(own.Get("Authorization")).To(Equal("Bearer " + secret))
		Expect(foreign.Get("Content-Type")).To(Equal("application/json"))
		Expect(fmt.Sprint(foreign)).NotTo(ContainSubstring(secret))
	})

	It("hands out the redirect to where it must not go", func(ctx context.Context) {
		var calls atomic.Int32
		other := serve(func(http.ResponseWriter, *http.Request) { calls.Add(1) })
		s := serve(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/there", http.StatusTemporaryRedirect)
		})
		r := request(s.URL)
		var asked []string
		r.Redirects = func(url string) bool { asked = append(asked, url); return false }
		a, err := outbound.New(outbound.Options{}).Do(ctx, r)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(307))
		Expect(asked).To(Equal([]string{other.URL + "/there"}))
		Expect(calls.Load()).To(BeZero())
	})

	It("hands out the redirect that it does not follow any more", func(ctx context.Context) {
		var calls atomic.Int32
		s := serve(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			http.Redirect(w, r, "/again", http.StatusFound)
		})
		a, err := outbound.New(outbound.Options{}).Do(ctx, outbound.Request{Method: "GET", URL: s.URL, Redirects: anywhere})
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(302))
		Expect(calls.Load()).To(BeEquivalentTo(10))
	})
})

var _ = Describe("A request without an answer", func() {
	// reason sends a request that fails, and makes sure that the error tells no secrets.
	reason := func(ctx context.Context, o outbound.Options, base string) string {
		a, err := outbound.New(o).Do(ctx, request(base))
		Expect(err).To(HaveOccurred())
		Expect(a.Status).To(BeZero())
		var failed *outbound.Error
		Expect(err).To(BeAssignableToTypeOf(failed))
		Expect(err.Error()).NotTo(Or(ContainSubstring(secret), ContainSubstring(person)))
		return strings.TrimPrefix(err.Error(), strings.TrimPrefix(base, "http://")+": ")
	}

	It("says that the connection was refused", func(ctx context.Context) {
		s := httptest.NewServer(nil)
		s.Close()
		Expect(reason(ctx, outbound.Options{}, s.URL)).To(Equal("the connection was refused"))
	})

	It("says that the connection broke", func(ctx context.Context) {
		reset := raw(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		})
		Expect(reason(ctx, outbound.Options{}, reset)).To(Equal("the connection broke before the answer was complete"))
		short := serve(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		})
		Expect(reason(ctx, outbound.Options{}, short.URL)).To(Equal("the connection broke before the answer was complete"))
	})

	It("says that the time was up, for the headers and for the body", func(ctx context.Context) {
		o := outbound.Options{Timeout: 50 * time.Millisecond}
		slow := serve(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body) // only then the server notices that the client is gone
			<-r.Context().Done()
		})
		Expect(reason(ctx, o, slow.URL)).To(Equal("there was no answer within 50ms"))
		trickle := serve(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			fmt.Fprint(w, "{")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		Expect(reason(ctx, o, trickle.URL)).To(Equal("there was no answer within 50ms"))
	})

	It("says that it was given up", func(ctx context.Context) {
		within, cancel := context.WithCancel(ctx)
		slow := serve(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			cancel()
			<-r.Context().Done()
		})
		Expect(reason(within, outbound.Options{}, slow.URL)).To(Equal("the request was given up before there was an answer"))
	})

	It("says that the answer is too large, packed or not", func(ctx context.Context) {
		packed := serve(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			fmt.Fprint(z, strings.Repeat("x", 1001))
			z.Close()
		})
		Expect(reason(ctx, outbound.Options{MostBytes: 1000}, packed.URL)).To(Equal("the answer is larger than 1000 bytes"))
		s := serve(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.Repeat("x", 1001)) })
		Expect(reason(ctx, outbound.Options{MostBytes: 1000}, s.URL)).To(Equal("the answer is larger than 1000 bytes"))
		a, err := outbound.New(outbound.Options{MostBytes: 1001}).Do(ctx, request(s.URL))
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Body).To(HaveLen(1001))
	})

	It("does not repeat what a server sends that speaks no HTTP", func(ctx context.Context) {
		garbage := raw(func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			fmt.Fprintf(c, "%s %s\r\n\r\n", secret, person)
			c.Close()
		})
		Expect(reason(ctx, outbound.Options{}, garbage)).To(Equal("the answer is no HTTP, or the connection failed"))
	})

	It("does not cite a URL or a header that cannot be sent", func(ctx context.Context) {
		Expect(reason(ctx, outbound.Options{}, "http://exa mple.com")).To(Equal("the request's method or URL cannot be sent"))
		_, err := outbound.New(outbound.Options{}).Do(ctx, outbound.Request{Method: "GET", URL: "http://localhost", Headers: map[string]string{"Authorization": secret + "\n"}})
		Expect(err).To(MatchError(Not(ContainSubstring(secret))))
	})

	It("says that a name has no address, and that a certificate is not trusted", func(ctx context.Context) {
		Expect(reason(ctx, outbound.Options{}, "http://nowhere.invalid")).To(Equal("there is no address for the host's name"))
		s := httptest.NewTLSServer(nil)
		DeferCleanup(s.Close)
		Expect(reason(ctx, outbound.Options{}, s.URL)).To(HaveSuffix("the server's certificate is not trusted"))
		plain := serve(func(http.ResponseWriter, *http.Request) {})
		Expect(reason(ctx, outbound.Options{}, strings.Replace(plain.URL, "http:", "https:", 1))).To(HaveSuffix("the server does not speak TLS"))
	})
})
