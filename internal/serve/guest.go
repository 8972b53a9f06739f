package serve

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// guests are the connections of a server.
type guests struct {
	mu  sync.Mutex
	all map[*guest]struct{}
}

// turn implements http.Server.ConnState.
func (g *guests) turn(c net.Conn, state http.ConnState) {
	who := c.(*guest) // door.Accept
	who.turn(state)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch state {
	case http.StateNew:
		if g.all == nil {
			g.all = map[*guest]struct{}{}
		}
		g.all[who] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(g.all, who)
	}
}

// leave returns when nobody is connected any more, or the context ends. It closes
// connections over which nobody asks.
func (g *guests) leave(ctx context.Context) {
	for g.ask() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(10 * time.Millisecond): // answers and callers come in between
		}
	}
}

// ask has those leave who have nothing to ask, and returns how many there were.
func (g *guests) ask() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for who := range g.all {
		who.leave()
	}
	return len(g.all)
}

// guest is a connection that can be closed without dropping a request.
// http.Server.Shutdown takes it for idle until the head of a request has been read
// to its end, and resets it where that has come in part, or waits to be read.
type guest struct {
	net.Conn

	mu      sync.Mutex
	served  bool      // a request has been read, and is not yet answered to its end
	spoke   time.Time // when it came, or last said what is not answered yet; else zero
	leaving bool      // unless it says something
}

// slowest is how long is waited for the next piece of a request's head, at the end.
const slowest = 5 * time.Second

// Read implements net.Conn.
func (g *guest) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) && g.isLeaving() {
		// A deadline that is over hides what has come before: look behind it.
		_ = g.SetReadDeadline(time.Now().Add(time.Millisecond))
		n, err = g.Conn.Read(p)
	}
	if n > 0 {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.spoke = time.Now()
		if g.leaving {
			g.leaving = false
			_ = g.SetReadDeadline(time.Time{}) // of the rest; the end of the server is one, too
		}
	}
	return n, err
}

func (g *guest) isLeaving() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.leaving
}

// Write implements net.Conn.
func (g *guest) Write(p []byte) (int, error) {
	g.mu.Lock()
	g.spoke = time.Time{}
	g.mu.Unlock()
	return g.Conn.Write(p)
}

// CloseWrite ends an answer that the caller can read while it still sends.
func (g *guest) CloseWrite() error {
	if c, can := g.Conn.(interface{ CloseWrite() error }); can {
		return c.CloseWrite()
	}
	return nil
}

func (g *guest) turn(state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.served = state == http.StateActive
	if state == http.StateNew {
		g.spoke = time.Now()
	}
}

// leave has reading end, unless there is a request.
func (g *guest) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.served && time.Since(g.spoke) > slowest {
		g.leaving = true
		_ = g.SetReadDeadline(time.Unix(1, 0)) // one that is closed has left
	}
}
