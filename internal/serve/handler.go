package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/celmap/celmap/internal/rudder"
)

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	a := &answer{ResponseWriter: w, last: &s.draining}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Time{}) // that of the request before, on the same connection
	route, handle := s.route(r)
	s.metrics.inFlight.Inc()
	defer func() {
		s.metrics.inFlight.Dec()
		p := recover()
		if p == http.ErrAbortHandler { // upstream broke off in the middle: so do we
			s.observe(route, r, a, start)
			panic(p)
		}
		if p != nil {
			s.metrics.panics.Inc()
			s.log.Error("panic", "route", route, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if a.status == 0 {
				s.refuse(a, r, refusal{http.StatusInternalServerError, "panic", "internal error: see the log"})
			}
		}
		s.observe(route, r, a, start)
	}()
	handle(a, r)
}

func (s *Server) observe(route string, r *http.Request, a *answer, start time.Time) {
	took := time.Since(start)
	s.metrics.requests.WithLabelValues(route, strconv.Itoa(a.status)).Inc()
	s.metrics.duration.WithLabelValues(route).Observe(took.Seconds())
	s.log.Debug("request", "route", route, "method", r.Method, "path", r.URL.Path, "status", a.status, "bytes", a.bytes, "ms", float64(took.Microseconds())/1000)
}

// answer notes what a request is answered with.
type answer struct {
	http.ResponseWriter
	last   *atomic.Bool // over its connection
	status int          // 0: nothing yet
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		a.status = status
	}
	if status >= 200 && a.last.Load() {
		a.Header().Set("Connection", "close") // the next request finds a server that stays
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(data []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	n, err := a.ResponseWriter.Write(data)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets an http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

type handler func(w *answer, r *http.Request)

// route returns what answers a request, and what metrics call it.
func (s *Server) route(r *http.Request) (name string, h handler) {
	path := r.URL.Path
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		switch path {
		case "/health":
			return "health", s.health
		case "/ready":
			return "ready", s.ready
		case "/version":
			return "version", s.version
		case "/metrics":
			return "metrics", s.exposition
		case "/features":
			return "features", s.features
		}
	}
	if r.Method == http.MethodPost {
		switch path {
		case "/routerTransform":
			return "routerTransform", s.byBody((*rudder.Transformer).Router)
		case "/batch":
			return "batch", s.byBody((*rudder.Transformer).Batch)
		}
		if version, destType, proxy, ok := destinationPath(path); ok {
			switch {
			case proxy:
				return "proxy", s.proxy(version, destType)
			case version == 0:
				return "processor", s.processor(destType)
			}
		}
	}
	return "other", s.other
}

// destinationPath reads /vN/destinations/TYPE and /vN/destinations/TYPE/proxy.
func destinationPath(path string) (version int, destType string, proxy, ok bool) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	proxy = len(parts) == 4 && parts[3] == "proxy"
	version = slices.Index([]string{"v0", "v1"}, parts[0])
	if len(parts) != 3 && !proxy || version < 0 || parts[1] != "destinations" {
		return 0, "", false, false
	}
	return version, parts[2], proxy, true
}

// transform is a call of the protocol that transforms jobs.
type transform func(t *rudder.Transformer, ctx context.Context, dst, body []byte, compact bool) ([]byte, error)

// byBody answers a call that names its destination type in the body.
func (s *Server) byBody(call transform) handler {
	return s.withBody(func(ctx context.Context, w *answer, r *http.Request, v *visit) {
		destType := rudder.DestinationType(v.bytes)
		if s.front != nil && v.rules.find(destType) == nil {
			v.leave()
			s.front.send(w, r, v.lend())
			return
		}
		s.transform(ctx, w, r, v, destType, call)
	})
}

// processor answers POST /v0/destinations/TYPE.
func (s *Server) processor(destType string) handler {
	if s.passes(destType) {
		return s.other
	}
	return s.withBody(func(ctx context.Context, w *answer, r *http.Request, v *visit) {
		s.transform(ctx, w, r, v, destType, (*rudder.Transformer).Processor)
	})
}

// proxy answers POST /v0/destinations/TYPE/proxy and /v1/destinations/TYPE/proxy. The
// request says how long the API may take.
func (s *Server) proxy(version int, destType string) handler {
	if s.passes(destType) {
		return s.other
	}
	return s.withBody(func(_ context.Context, w *answer, r *http.Request, v *visit) {
		var p *rudder.Proxy
		if d := v.rules.find(destType); d != nil {
			p = d.proxy
		} else {
			p = rudder.UnservedProxy(destType, v.rules.unserved)
			p.Count = s.metrics.delivered("other")
		}
		status, body := p.Deliver(r.Context(), version, r.Header, v.lend())
		s.reply(w, status, body)
	})
}

// passes reports whether requests for a destination type go to upstream.
func (s *Server) passes(destType string) bool {
	g := s.rules.current.Load()
	return s.front != nil && g != nil && g.find(destType) == nil
}

// transform answers a call for a destination type.
func (s *Server) transform(ctx context.Context, w *answer, r *http.Request, v *visit, destType string, call transform) {
	var t *rudder.Transformer
	if d := v.rules.find(destType); d != nil {
		t = d.rudder
	} else {
		t = rudder.Unserved(destType, v.rules.unserved)
		t.Count = s.metrics.count("other")
	}
	buffer := s.buffer()
	defer s.keep(buffer)
	var err error
	*buffer, err = call(t, ctx, (*buffer)[:0], v.bytes, r.Header.Get("X-Content-Format") == "json+compactedv1")
	var bad *rudder.BodyError
	switch {
	case errors.As(err, &bad):
		s.refuse(w, r, refusal{http.StatusBadRequest, "bad_body", bad.Message})
	case err != nil:
		s.log.Error("a call cannot be answered", "error", err.Error())
		s.refuse(w, r, refusal{http.StatusInternalServerError, "internal", err.Error()})
	default:
		s.reply(w, http.StatusOK, *buffer)
	}
}

// visit is a request whose body has been read, and the rules that it is answered by.
type visit struct {
	rules *generation
	*body
	leave func() // it is not our work any more; to leave twice does no harm
}

// withBody reads the bodies of requests for a handler, as far as there are rules
// and room.
func (s *Server) withBody(work func(context.Context, *answer, *http.Request, *visit)) handler {
	return func(w *answer, r *http.Request) {
		rules := s.rules.current.Load()
		if rules == nil {
			s.refuse(w, r, notReady)
			return
		}
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Now().Add(s.options.Timeout))
		b, err := readBody(r, s.options.MaxBody, s.bodies)
		if err != nil {
			s.refuse(w, r, s.unread(err))
			return
		}
		defer b.release()
		_ = control.SetReadDeadline(time.Time{})
		s.metrics.size.Observe(float64(len(b.bytes)))
		here := true
		leave := func() {
			if here {
				here = false
				s.inFlight.Add(-1)
			}
		}
		defer leave()
		if s.inFlight.Add(1) > s.options.MaxInFlight {
			s.refuse(w, r, overloaded(fmt.Sprintf("more requests than the %d that --max-in-flight allows are worked on", s.options.MaxInFlight)))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.options.Timeout)
		defer cancel()
		work(ctx, w, r, &visit{rules, b, leave})
	}
}

// unread tells why the body of a request could not be read.
func (s *Server) unread(err error) refusal {
	switch {
	case errors.Is(err, errTooLarge):
		return refusal{http.StatusRequestEntityTooLarge, "body_too_large",
			fmt.Sprintf("the body has more than the %d bytes that --max-body allows: let rudder-server send fewer jobs together, or raise --max-body", s.options.MaxBody)}
	case errors.Is(err, errNoMemory):
		return overloaded(fmt.Sprintf("the bodies of all requests would take more than the %d bytes that --max-bodies allows", s.options.MaxBodies))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refusal{http.StatusRequestTimeout, "slow_body", "the body did not come in within " + s.options.Timeout.String()}
	}
	return refusal{http.StatusBadRequest, "broken_body", err.Error()}
}

// other answers what celmap knows nothing of.
func (s *Server) other(w *answer, r *http.Request) {
	switch {
	case s.front != nil:
		s.front.stream(w, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.refuse(w, r, refusal{http.StatusNotFound, "not_found", "there is no such page"})
	default:
		s.refuse(w, r, refusal{http.StatusServiceUnavailable, "no_upstream", r.Method + " of this path is answered by the ordinary transformer: start celmap with --upstream URL of it"})
	}
}

// features answers GET /features.
func (s *Server) features(w *answer, r *http.Request) {
	g := s.rules.current.Load()
	if g == nil {
		s.refuse(w, r, notReady)
		return
	}
	var upstream []byte
	if s.front != nil {
		var err error
		upstream, err = s.front.features.current(r.Context(), r.Header[via])
		switch {
		case errors.Is(err, errLoop):
			s.upstreamDown(w, r, err)
			return
		case err != nil:
			s.refuse(w, r, refusal{http.StatusServiceUnavailable, "upstream_down", "upstream has not said yet what it can do"})
			return
		}
	}
	merged, err := rudder.Features(upstream, g.types())
	if err != nil {
		s.log.Error("the features of upstream cannot be merged", "error", err.Error())
		s.refuse(w, r, refusal{http.StatusServiceUnavailable, "upstream_features", err.Error()})
		return
	}
	s.reply(w, http.StatusOK, merged)
}

// upstreamDown answers a request that upstream cannot be asked.
func (s *Server) upstreamDown(w http.ResponseWriter, r *http.Request, err error) {
	why := refusal{http.StatusServiceUnavailable, "upstream_down", "the transformer behind celmap does not answer"}
	if errors.Is(err, errLoop) {
		why.reason, why.message = upstreamLoop, "--upstream "+s.options.Upstream.Redacted()+": "+err.Error()+"; give the address of that"
	}
	s.storms.tell("upstream", func() { s.log.Warn("upstream does not answer", "error", err.Error()) })
	s.refuse(w.(*answer), r, why)
}

// upstreamLoop is the reason of refusals where upstream is celmap itself.
const upstreamLoop = "upstream_loop"

// refusal is an answer that the caller is meant to ask again after.
type refusal struct {
	status  int
	reason  string // for metrics
	message string
}

var notReady = refusal{http.StatusServiceUnavailable, "not_ready", "no rules are loaded; /ready says why"}

func overloaded(message string) refusal {
	return refusal{http.StatusServiceUnavailable, "overloaded", message}
}

// errorReason is the header that says why an answer is an error.
const errorReason = "X-Rudder-Error-Reason"

// refuse answers a request with an error. What is left of its body is read
// before: to close a connection over which a client still sends drops it.
func (s *Server) refuse(w *answer, r *http.Request, because refusal) {
	s.metrics.refused.WithLabelValues(because.reason).Inc()
	if because.status >= http.StatusInternalServerError || because.status == http.StatusRequestEntityTooLarge {
		s.storms.tell(because.reason, func() {
			s.log.Warn("request refused", "status", because.status, "reason", because.reason, "message", because.message)
		})
	}
	if because.status == http.StatusRequestTimeout || !s.readRest(w, r) {
		w.Header().Set("Connection", "close")
	}
	if because.status == http.StatusServiceUnavailable {
		w.Header().Set("X-Rudder-Should-Retry", "true")
		w.Header().Set(errorReason, because.reason)
	}
	text, err := json.Marshal(map[string]string{"error": because.message})
	if err != nil {
		panic(err) // texts can be marshalled
	}
	s.reply(w, because.status, text)
}

// readRest reads what is left of a body, and reports whether its end came within
// time.
func (s *Server) readRest(w *answer, r *http.Request) bool {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.options.Timeout))
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return false
	}
	_ = control.SetReadDeadline(time.Time{})
	return true
}

// reply answers with JSON.
func (s *Server) reply(w *answer, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("apiVersion", "2") // rudder-server ends where an answer lacks it
	w.WriteHeader(status)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.options.Timeout))
	_, _ = w.Write(body) // a client that is gone needs no answer
}

func (s *Server) buffer() *[]byte {
	if b, ok := s.answers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

// mostKept is the largest buffer that is kept for another answer, in bytes.
const mostKept = 4 << 20

func (s *Server) keep(buffer *[]byte) {
	if cap(*buffer) <= mostKept {
		s.answers.Put(buffer)
	}
}
