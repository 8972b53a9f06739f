package serve

import (
	"bytes"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// front passes on what is not ours to the transformer behind us, untouched.
type front struct {
	proxy     httputil.ReverseProxy
	transport *http.Transport
	features  *features
	failed    func(w http.ResponseWriter, r *http.Request, err error)
}

// upstreamIdle is shorter than the time after which servers commonly close idle
// connections (Node's 5 s), so that requests are not sent into a closing one.
const upstreamIdle = 4 * time.Second

// newFront returns a front to upstream. failed answers where that cannot be asked.
func newFront(upstream *url.URL, m *metrics, logger *slog.Logger, remarks io.Writer, failed func(http.ResponseWriter, *http.Request, error)) *front {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     upstreamIdle,
		MaxIdleConnsPerHost: 256,
		DisableCompression:  true, // it would ask for gzip where the client did not
	}
	fresh := transport.Clone()
	fresh.DisableKeepAlives = true
	return &front{
		transport: transport,
		features:  newFeatures(upstream, transport, logger),
		failed: func(w http.ResponseWriter, r *http.Request, err error) {
			m.upstream.WithLabelValues("none").Inc()
			failed(w, r, err)
		},
		proxy: httputil.ReverseProxy{
			Transport: twice{transport, fresh},
			Rewrite: func(p *httputil.ProxyRequest) {
				p.SetURL(upstream)
				p.Out.URL.RawQuery = p.In.URL.RawQuery // also where it cannot be parsed
				for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
					if values, given := p.In.Header[name]; given {
						p.Out.Header[name] = values
					}
				}
			},
			ModifyResponse: func(r *http.Response) error {
				m.upstream.WithLabelValues(strconv.Itoa(r.StatusCode)).Inc()
				return nil
			},
			ErrorLog:      log.New(remarks, "", 0),
			FlushInterval: -1,
			BufferPool:    &copyBuffers{},
		},
	}
}

// stream passes a request on while it comes in, and the answer while that comes back.
func (f *front) stream(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).EnableFullDuplex() // where HTTP/1 makes a difference
	f.pass(w, r, r)
}

// send passes on a request whose body has been read.
func (f *front) send(w http.ResponseWriter, r *http.Request, body []byte) {
	read := r.WithContext(r.Context())
	read.ContentLength, read.TransferEncoding = int64(len(body)), nil
	read.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	read.Body, _ = read.GetBody()
	f.pass(w, read, r)
}

// pass passes on one form of a request that came in.
func (f *front) pass(w http.ResponseWriter, r, in *http.Request) {
	if f.features.looped.Load() {
		f.failed(w, in, errLoop)
		return
	}
	proxy := f.proxy
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) { f.failed(w, in, err) }
	proxy.ServeHTTP(w, r)
}

// twice sends requests whose body is known once more where the connection broke,
// as one does that upstream closes at that moment, and over a new one. They
// transform jobs, which does no harm.
type twice struct{ first, fresh http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t twice) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.first.RoundTrip(r)
	if err == nil || r.GetBody == nil || r.Context().Err() != nil {
		return answer, err
	}
	again := r.Clone(r.Context())
	if again.Body, err = r.GetBody(); err != nil {
		return nil, err
	}
	return t.fresh.RoundTrip(again)
}

type copyBuffers struct{ pool sync.Pool }

func (b *copyBuffers) Get() []byte {
	if buffer, ok := b.pool.Get().(*[]byte); ok {
		return *buffer
	}
	return make([]byte, 32<<10)
}

func (b *copyBuffers) Put(buffer []byte) { b.pool.Put(&buffer) }
