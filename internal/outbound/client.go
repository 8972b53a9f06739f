// Package outbound is the HTTP client for the requests that rules declare: calls
// of lookups, and deliveries.
package outbound

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/celmap/celmap/engine"
)

// Options says how requests go out. Zero fields mean the default.
type Options struct {
	// ConnectTo names hosts, in lower case and with their port where they have one,
	// whose requests go to another server instead. Path, query and the header Host
	// stay as they are.
	ConnectTo map[string]*url.URL
	Timeout   time.Duration // of a request that has none of its own, to the last byte of its answer; default 30 s
	MostBytes int64         // of an answer's body, unpacked; default 32 MiB
}

// Client sends requests. It keeps connections open, and is safe for concurrent use.
type Client struct {
	http      http.Client
	timeout   time.Duration
	mostBytes int64
}

// New returns a client. Like others it heeds HTTPS_PROXY and its kin.
func New(o Options) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 100 // nearly all goes to one host
	return &Client{
		http:      http.Client{Transport: &detour{transport, o.ConnectTo}, CheckRedirect: redirect},
		timeout:   cmp.Or(o.Timeout, 30*time.Second),
		mostBytes: cmp.Or(o.MostBytes, 32<<20),
	}
}

// Close closes the connections that nothing is sent over. The client may be used
// again.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is what to send.
type Request struct {
	Method  string
	URL     string // with its parameters, escaped
	Headers map[string]string
	Body    []byte        // nil for none
	Timeout time.Duration // 0: that of the client
	// Redirects tells whether a redirect to a URL is followed; nil follows none.
	// Up to ten are, those to another host without the request's headers. One that
	// is not followed is the answer.
	Redirects func(url string) bool
}

// redirects is the key of Request.Redirects in the context of a request.
type redirects struct{}

// Do sends a request and reads the answer; a status that tells of trouble is an
// answer, too. The error is an *Error; the answer's status is 0 then.
func (c *Client) Do(ctx context.Context, r Request) (engine.Answer, error) {
	timeout := cmp.Or(r.Timeout, c.timeout)
	within, cancel := context.WithTimeout(context.WithValue(ctx, redirects{}, r.Redirects), timeout)
	defer cancel()
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	request, err := http.NewRequestWithContext(within, r.Method, r.URL, body)
	if err != nil {
		return engine.Answer{}, &Error{Reason: "the request's method or URL cannot be sent"}
	}
	request.Header.Set("User-Agent", "celmap")
	for name, v := range r.Headers {
		request.Header.Set(name, v)
	}
	answer, err := c.read(c.http.Do(request))
	if err != nil {
		return engine.Answer{}, &Error{Host: request.URL.Host, Reason: reason(ctx, err, timeout)}
	}
	return answer, nil
}

// buffers are what bodies are read into before it is known how long they are.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const mostPooled = 1 << 20 // bytes of a buffer that is kept

func (c *Client) read(response *http.Response, err error) (engine.Answer, error) {
	if err != nil {
		return engine.Answer{}, err
	}
	defer response.Body.Close()
	buffer := buffers.Get().(*bytes.Buffer)
	defer func() {
		if buffer.Cap() <= mostPooled {
			buffer.Reset()
			buffers.Put(buffer)
		}
	}()
	if _, err := buffer.ReadFrom(io.LimitReader(response.Body, c.mostBytes+1)); err != nil {
		return engine.Answer{}, err
	}
	if int64(buffer.Len()) > c.mostBytes {
		return engine.Answer{}, tooLarge(c.mostBytes)
	}
	body := bytes.Clone(buffer.Bytes())
	headers := make(map[string]string, len(response.Header))
	for name, v := range response.Header {
		headers[strings.ToLower(name)] = strings.Join(v, ", ")
	}
	return engine.Answer{Status: response.StatusCode, Headers: headers, Body: body}, nil
}

// redirect lets a request go where an answer sends it. What may prove who sends
// it stays with the server that it was meant for.
func redirect(to *http.Request, before []*http.Request) error {
	follow, _ := to.Context().Value(redirects{}).(func(string) bool)
	if follow == nil || len(before) >= 10 || !follow(to.URL.String()) {
		return http.ErrUseLastResponse
	}
	if first := before[0].URL; to.URL.Host != first.Host || to.URL.Scheme != first.Scheme {
		for name := range to.Header {
			if name != "Content-Type" && name != "User-Agent" {
				to.Header.Del(name)
			}
		}
	}
	return nil
}

// detour takes the traffic of some hosts elsewhere.
type detour struct {
	*http.Transport
	to map[string]*url.URL
}

// RoundTrip sends a request to the server that stands for its host.
func (d *detour) RoundTrip(r *http.Request) (*http.Response, error) {
	to := d.to[strings.ToLower(r.URL.Host)]
	if to == nil {
		to = d.to[strings.ToLower(r.URL.Hostname())]
	}
	if to != nil {
		host := cmp.Or(r.Host, r.URL.Host)
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.Host = to.Scheme, to.Host, host
	}
	return d.Transport.RoundTrip(r)
}
