package lookup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/celmap/celmap/engine"
)

// account is a destination with one config, bound to its rules.
type account struct {
	host    *Host
	program *engine.Program
	kind    string // of destination: its name in the rules
	id      string
	config  []byte
	portal  map[string][]byte // known beforehand
	deliver bool
	key     [sha256.Size]byte // of all these but the rules
	rules   weak.Pointer[engine.Program]
	pace    *pace

	once sync.Once
	err  error              // it cannot be bound
	base *engine.Connection // without any portal data
	uses []*use             // of portal data that is fetched

	binding sync.Mutex // held while rules are bound that many wait for
	current atomic.Pointer[binding]

	desk  sync.Mutex // guards lines and all in them
	lines map[string]*line
}

// binding is a connection with the portal data of some time.
type binding struct {
	connection *engine.Connection
	versions   []uint64 // of the data, as in account.uses; 0 for what was not fetched
}

// lacks tells whether there is portal data that the rules would have to ask for.
func (b *binding) lacks() bool {
	for _, v := range b.versions {
		if v == 0 {
			return true
		}
	}
	return false
}

// account returns the account of a destination, bound to the destination's
// rules: one that is bound to others gives way.
func (h *Host) account(d Destination) (*account, error) {
	kind := d.Program.Name()
	config := sha256.Sum256(d.Config)
	parts := []string{kind, d.ID, string(config[:]), strconv.FormatBool(d.Delivers)}
	for _, name := range slices.Sorted(maps.Keys(d.Portal)) {
		parts = append(parts, name, string(d.Portal[name]))
	}
	key := newSum(parts...).sum()
	a, ok := h.accounts.get(key)
	if !ok || a.program != d.Program {
		h.mu.Lock()
		if a, ok = h.accounts.get(key); !ok || a.program != d.Program {
			a = &account{host: h, program: d.Program, kind: kind, id: d.ID, config: bytes.Clone(d.Config), portal: d.Portal, deliver: d.Delivers, key: key, rules: weak.Make(d.Program), lines: map[string]*line{}}
			quota := h.quotas.getOr(a.credentials(), 0, func() *quota { return &quota{} })
			a.pace = h.paces.getOr(key, 0, func() *pace { return &pace{quota: quota, pause: h.pause} })
			h.accounts.put(key, a, a.weight())
		}
		h.mu.Unlock()
	}
	a.once.Do(a.open)
	return a, a.err
}

// credentials is a hash of what proves to the API who calls. A config without any
// has the API to itself.
func (a *account) credentials() [sha256.Size]byte {
	secrets := a.program.Secrets(a.config)
	if len(secrets) == 0 {
		return a.key
	}
	return newSum(append([]string{a.kind}, secrets...)...).sum()
}

// weight is about how many bytes an account takes, as measured.
func (a *account) weight() int64 {
	n := 70_000 + 5*len(a.config)
	for _, u := range a.uses {
		if s := u.last(); s != nil {
			n += 4 * len(s.data)
		}
	}
	return int64(n)
}

// open binds the account without any portal data, and finds out how to fetch it.
func (a *account) open() {
	for _, name := range a.program.Portals() {
		if ttl, refreshOnMiss, fetched := a.program.Portal(name); fetched && a.portal[name] == nil {
			a.uses = append(a.uses, &use{name: name, ttl: ttl, refreshOnMiss: refreshOnMiss})
		}
	}
	b, err := a.bind(time.Time{}, nil, nil, nil)
	if err != nil {
		a.err = err
		return
	}
	a.base = b.connection
	for _, u := range a.uses {
		_, _ = a.resolve(u, a.base) // else when events want it, which is when it has to be told why not
	}
}

// connection returns a binding to the portal data that is known now. failures
// say of other data why it could not be fetched. The error is a *engine.SettingsError.
func (a *account) connection(now time.Time, failures map[string]*engine.LookupFailure) (*binding, error) {
	if len(failures) > 0 { // of this batch only
		return a.bind(now, failures, nil, nil)
	}
	if b := a.fitting(now); b != nil {
		return b, nil
	}
	a.binding.Lock()
	defer a.binding.Unlock()
	for {
		if b := a.fitting(now); b != nil {
			return b, nil
		}
		b, err := a.bind(now, nil, nil, nil)
		if err == nil {
			a.keep(b)
			return b, nil
		}
		if !a.forget(err) {
			return nil, err
		}
	}
}

// keep makes a binding the current one.
func (a *account) keep(b *binding) {
	a.current.Store(b)
	if known, ok := a.host.accounts.get(a.key); ok && known == a {
		a.host.accounts.put(a.key, a, a.weight())
	}
}

// fitting returns the current binding, if nothing was learnt since.
func (a *account) fitting(now time.Time) *binding {
	b := a.current.Load()
	if b == nil {
		return nil
	}
	for i, u := range a.uses {
		var version uint64
		if s := u.known(now); s != nil {
			version = s.version
		}
		if b.versions[i] != version {
			return nil
		}
	}
	return b
}

// bind binds the rules to what is known, or to s where that is said of a use.
func (a *account) bind(now time.Time, failures map[string]*engine.LookupFailure, of *use, s *state) (*binding, error) {
	settings := engine.Settings{Config: a.config, Delivers: a.deliver, Portal: map[string][]byte{}, Unfetched: map[string]*engine.LookupFailure{}}
	maps.Copy(settings.Portal, a.portal)
	b := &binding{versions: make([]uint64, len(a.uses))}
	for i, u := range a.uses {
		known := s
		if u != of {
			known = u.known(now)
		}
		if known == nil {
			settings.Unfetched[u.name] = failures[u.name]
			continue
		}
		settings.Portal[u.name], b.versions[i] = known.data, known.version
	}
	var err error
	b.connection, err = a.program.Bind(settings)
	return b, err
}

// forget drops portal data that these rules cannot read: it was fetched for
// others.
func (a *account) forget(err error) bool {
	var wrong *engine.SettingsError
	if !errors.As(err, &wrong) {
		return false
	}
	name, _ := strings.CutPrefix(wrong.Setting, "portal.")
	for _, u := range a.uses {
		if s := u.last(); s != nil && u.name == name {
			return u.source.Load().state.CompareAndSwap(s, nil)
		}
	}
	return false
}

// warn notes a failed call, without what it looks for.
func (a *account) warn(c *engine.Call, status, tries int, f *engine.LookupFailure) {
	a.host.log.LogAttrs(context.Background(), slog.LevelWarn, "lookup failed",
		slog.String("destination", a.kind), slog.String("destinationId", a.id), slog.String("lookup", c.Name),
		slog.Int("status", status), slog.Int("tries", tries), slog.String("message", impersonal(c, status, f.Message)))
}
