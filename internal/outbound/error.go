package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Error says why there is no answer. Its text names the host and what went
// wrong, and nothing of the request's path, parameters, headers or body.
type Error struct {
	Host   string // "" where the request could not be built
	Reason string
}

// Error returns the reason with the host.
func (e *Error) Error() string {
	if e.Host == "" {
		return e.Reason
	}
	return e.Host + ": " + e.Reason
}

// tooLarge is the bound that an answer exceeds.
type tooLarge int64

func (e tooLarge) Error() string {
	return fmt.Sprintf("the answer is larger than %d bytes", int64(e))
}

// reason tells in plain words what went wrong. The texts of the errors
// themselves cite the URL, or what the server sent.
func reason(ctx context.Context, err error, timeout time.Duration) string {
	var (
		large       tooLarge
		name        *net.DNSError
		network     net.Error
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		dial        *net.OpError
	)
	switch {
	case ctx.Err() != nil:
		return "the request was given up before there was an answer"
	case errors.As(err, &large):
		return large.Error()
	case errors.As(err, &name):
		return "there is no address for the host's name"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("there was no answer within %s", timeout)
	case errors.As(err, &certificate):
		return "the server's certificate is not trusted"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke before the answer was complete"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "there is no way to the server"
	}
	return "the answer is no HTTP, or the connection failed"
}
