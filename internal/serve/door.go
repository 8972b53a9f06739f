package serve

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// door is a listener that can be shut without dropping those who stand before it.
// To close a port resets connections that the kernel has made for callers and the
// server has not taken yet. So the door lets nobody new come first, as far as the
// system can do that, and takes everybody who is there.
type door struct {
	net.Listener
	quiet    time.Duration // without a new connection, until nobody is taken to stand there
	shutting atomic.Bool
	until    time.Time // those who come later are reset, where the system has let them come
}

// Accept implements net.Listener. Its error is net.ErrClosed once the door is shut.
func (d *door) Accept() (net.Conn, error) {
	timed, _ := d.Listener.(timed)
	for {
		shutting := d.shutting.Load()
		if shutting {
			if timed == nil || time.Now().After(d.until) || timed.SetDeadline(time.Now().Add(d.quiet)) != nil {
				return nil, net.ErrClosed
			}
		}
		c, err := d.Listener.Accept()
		if err == nil {
			return &guest{Conn: c}, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
		// Where this process had to wait for the processor, it may have come too late to look.
		if shutting && !waits(d.Listener) {
			return nil, net.ErrClosed
		}
	}
}

// timed is a listener that does not wait for ever.
type timed interface{ SetDeadline(time.Time) error }

// shut has Accept end when nobody stands before the door any more.
func (d *door) shut() error {
	err := refuseNew(d.Listener)
	d.until = time.Now().Add(10 * d.quiet)
	d.shutting.Store(true)
	if timed, ok := d.Listener.(timed); ok {
		return errors.Join(err, timed.SetDeadline(time.Now()))
	}
	return errors.Join(err, d.Close())
}
