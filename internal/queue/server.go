package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Files in the folder of a queue of our own.
const (
	lockFile  = "lock"        // held by the process that has the folder
	doorFile  = "server.json" // how another process reaches it
	storeName = "store"       // what the server keeps
)

// embedded is the server of a queue of our own.
type embedded struct {
	server *server.Server
	lock   *flock.Flock
	dir    string
	door   door
}

// door is how another process on this machine reaches the server: by loopback, with a token that
// only the owner of the folder can read.
type door struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// embed starts a server on a folder. It returns nil where another process has the folder.
func embed(o Options) (*embedded, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the queue's folder: %w", err)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("the queue's folder: %w", err)
	}
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o600))
	switch got, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("the queue's folder cannot be locked: %w", err)
	case !got:
		return nil, nil
	}
	e := &embedded{lock: lock, dir: dir, door: door{Token: rand.Text()}}
	if err := e.start(o); err != nil {
		e.stop()
		return nil, err
	}
	return e, nil
}

func (e *embedded) start(o Options) error {
	srv, err := server.NewServer(&server.Options{
		ServerName:             "celmap",
		Host:                   "127.0.0.1",
		Port:                   server.RANDOM_PORT,
		Authorization:          e.door.Token,
		NoSigs:                 true,
		JetStream:              true,
		StoreDir:               filepath.Join(e.dir, storeName),
		JetStreamMaxMemory:     64 << 20, // nothing of ours is kept in memory
		JetStreamMaxStore:      -1,       // by the disk
		SyncAlways:             o.SyncAlways,
		MaxPayload:             int32(max(1<<20, o.MaxEvent+chunkBytes)),
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return fmt.Errorf("the queue's server: %w", err)
	}
	voice := &voice{log: o.Log}
	srv.SetLoggerV2(voice, false, false, false)
	e.server = srv
	srv.Start()
	// What it takes is to read what is stored: a queue of many GB may need a while.
	if !srv.ReadyForConnections(5*time.Minute) || !srv.JetStreamEnabled() {
		return fmt.Errorf("the queue's server does not start on %s%s", e.dir, voice.last())
	}
	address, ok := srv.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("the queue's server listens on %v", srv.Addr())
	}
	e.door.URL = "nats://" + address.String()
	text, err := json.Marshal(e.door)
	if err != nil {
		return err
	}
	// Written beside and renamed: a guest reads all of it or nothing.
	name := filepath.Join(e.dir, doorFile)
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return fmt.Errorf("the queue's folder: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("the queue's folder: %w", err)
	}
	return nil
}

// connect is our own way in: no socket.
func (e *embedded) connect(options ...nats.Option) (*nats.Conn, error) {
	return nats.Connect("", append(options, nats.InProcessServer(e.server), nats.Token(e.door.Token))...)
}

func (e *embedded) stop() {
	if e.server != nil {
		_ = os.Remove(filepath.Join(e.dir, doorFile))
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	_ = e.lock.Unlock()
}

// visit connects to the process that has the folder. That may be about to start, or to end.
func visit(ctx context.Context, dir string, options ...nats.Option) (*nats.Conn, error) {
	for deadline := time.Now().Add(5 * time.Second); ; {
		conn, err := knock(dir, options...)
		if err == nil {
			return conn, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("another process has the queue in %s, and cannot be reached: %w", dir, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func knock(dir string, options ...nats.Option) (*nats.Conn, error) {
	text, err := os.ReadFile(filepath.Join(dir, doorFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("it is not ready")
	} else if err != nil {
		return nil, err
	}
	var d door
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%s: %w", doorFile, err)
	}
	return nats.Connect(d.URL, append(options, nats.Token(d.Token))...)
}

// voice passes on what the server has to complain about.
type voice struct {
	log  *slog.Logger
	mu   sync.Mutex
	said string
}

func (v *voice) warn(format string, args []any) {
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	v.mu.Lock()
	v.said = ": " + text
	v.mu.Unlock()
	v.log.Warn("the queue's server: " + text)
}

// last is the end of a message: what was said last, where something was.
func (v *voice) last() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.said
}

// Noticef, Debugf and Tracef are of no interest; the others are warnings, as the
// server goes on.
func (v *voice) Noticef(string, ...any)            {}
func (v *voice) Debugf(string, ...any)             {}
func (v *voice) Tracef(string, ...any)             {}
func (v *voice) Warnf(format string, args ...any)  { v.warn(format, args) }
func (v *voice) Errorf(format string, args ...any) { v.warn(format, args) }
func (v *voice) Fatalf(format string, args ...any) { v.warn(format, args) }

// Exists tells whether a folder holds a queue. Open would make one.
func Exists(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, storeName))
	return err == nil && info.IsDir()
}
