// Package outbound is the HTTP client for the requests that rules declare: calls
// of lookups, and deliveries.
package outbound

import (
	"context"
	"net/url"
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
type Client struct{}

// New returns a client.
func New(o Options) *Client { return &Client{} }

// Request is what to send.
type Request struct {
	Method    string
	URL       string // with its parameters, escaped
	Headers   map[string]string
	Body      []byte        // nil for none
	Timeout   time.Duration // 0: that of the client
	Redirects bool          // whether redirects are followed, up to ten; to another host without the request's headers
}

// Error says why there is no answer. Its text names the host and what went
// wrong, and nothing of the request's path, parameters, headers or body.
type Error struct {
	Host   string
	Reason string
	cause  error
}

// Error returns the reason with the host.
func (e *Error) Error() string { return e.Host + ": " + e.Reason }

// Unwrap returns the cause, whose text may hold secrets of the request.
func (e *Error) Unwrap() error { return e.cause }

// Do sends a request and reads the answer; a status that tells of trouble is an
// answer, too. The error is an *Error; the answer's status is 0 then.
func (c *Client) Do(ctx context.Context, r Request) (engine.Answer, error) {
	return engine.Answer{}, &Error{Host: r.URL, Reason: "not built yet"}
}
