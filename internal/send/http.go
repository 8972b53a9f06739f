package send

import (
	"compress/gzip"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/queue"
)

// Door takes events over HTTP, as SDKs and RudderStack send them to a gateway
// (/v1/batch, /v1/identify and so on), and as RudderStack's webhook destination
// does (one event, a list or {"batch": […]} to any other path). It answers with 200
// once all events of a request are stored, else none of them is taken; a producer
// may send them again then. It is an http.Handler.
type Door struct {
	Intake   *Intake
	WriteKey string // that producers have to give as the user of basic authentication; "" asks for none
	Log      *slog.Logger

	busy chan struct{}
}

const (
	mostBody    = 4000 << 10       // bytes of a request, unpacked, as for a RudderStack gateway
	mostCallers = 256              // requests that are worked on at a time
	storeWithin = 15 * time.Second // else the caller is asked to try again
)

// NewDoor returns a door.
func NewDoor(in *Intake, writeKey string, log *slog.Logger) *Door {
	return &Door{Intake: in, WriteKey: writeKey, Log: log, busy: make(chan struct{}, mostCallers)}
}

// refusal is an answer other than 200.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// ServeHTTP takes the events of a request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.URL.Path == "/health" && r.Method == http.MethodGet {
		fmt.Fprintln(w, "ok")
		return
	}
	err := d.take(w, r)
	if err == nil {
		fmt.Fprintln(w, "ok")
		return
	}
	refused := &refusal{http.StatusServiceUnavailable, "the events cannot be stored now: send them again"}
	if !errors.As(err, &refused) && d.Log != nil {
		d.Log.Warn("events of a request could not be stored, and the caller was asked to send them again", "error", err)
	}
	switch refused.status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="celmap"`)
	}
	w.WriteHeader(refused.status)
	fmt.Fprintln(w, refused.message)
}

func (d *Door) take(w http.ResponseWriter, r *http.Request) error {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	default:
		w.Header().Set("Allow", "POST, PUT, PATCH")
		return refuse(http.StatusMethodNotAllowed, "events are sent with POST")
	}
	if user, _, _ := r.BasicAuth(); d.WriteKey != "" && subtle.ConstantTimeCompare([]byte(user), []byte(d.WriteKey)) != 1 {
		return refuse(http.StatusUnauthorized, "give the write key as the user of basic authentication, with an empty password")
	}
	select {
	case d.busy <- struct{}{}:
		defer func() { <-d.busy }()
	default:
		return refuse(http.StatusServiceUnavailable, "too many requests at a time: send this one again")
	}
	body, err := read(w, r)
	if err != nil {
		return err
	}
	events, err := d.events(r, body)
	if err != nil || len(events) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeWithin)
	defer cancel()
	into, err := d.Intake.Queue.Intake(ctx, queue.Source{})
	if err != nil {
		return err
	}
	if err := into.Put(ctx, events...); errors.Is(err, queue.ErrTooLarge) {
		return refuse(http.StatusRequestEntityTooLarge, "an event is larger than %d bytes: send less data in it", MostEvent)
	} else if err != nil {
		return err
	}
	if err := into.Flush(ctx); err != nil {
		return err
	}
	d.Intake.Tally.Read(len(events), 0)
	return nil
}

// read reads the body of a request.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body := io.Reader(http.MaxBytesReader(w, r.Body, mostBody))
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "the body is not compressed with gzip, as Content-Encoding says")
		}
		body = unpacked
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, "the body is compressed as %.40q: send it plain or as gzip", encoding)
	}
	text, err := io.ReadAll(io.LimitReader(body, mostBody+1))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large) || len(text) > mostBody:
		return nil, refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes: send fewer events at a time", mostBody)
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the body cannot be read")
	}
	return text, nil
}

// kinds are the paths of a gateway for one event each.
var kinds = map[string]string{
	"/v1/identify": "identify", "/v1/track": "track", "/v1/page": "page", "/v1/screen": "screen", "/v1/group": "group", "/v1/alias": "alias",
}

// events reads the events of a request.
func (d *Door) events(r *http.Request, body []byte) ([]queue.Event, error) {
	v := newEnvelope(d.Intake.Connection)
	n, err := value.Parse(v.arena, body, value.Limits{Bytes: mostBody, Nodes: 1_000_000})
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the body is no JSON: %v", err)
	}
	kind, gateway := kinds[r.URL.Path], strings.HasPrefix(r.URL.Path, "/v1/")
	if gateway && kind == "" && r.URL.Path != "/v1/batch" {
		return nil, refuse(http.StatusNotFound, "there is no %.60q: events are sent to /v1/batch, or to /v1/ with their type", r.URL.Path)
	}
	list := n
	switch {
	case kind != "":
		list = nil
	case n.Kind() == value.Object && n.Get("batch").Kind() == value.List:
		list = n.Get("batch")
	case r.URL.Path == "/v1/batch":
		return nil, refuse(http.StatusBadRequest, `the body is no {"batch": [events]}`)
	case n.Kind() != value.List:
		list = nil
	}
	all := []*value.Node{n}
	if list != nil {
		all = all[:0]
		for m := list.First(); m != nil; m = m.Next() {
			all = append(all, m)
		}
	}
	now := time.Now()
	events := make([]queue.Event, len(all))
	for i, m := range all {
		event, _ := unwrap(m)
		if event == nil {
			return nil, refuse(http.StatusBadRequest, "event %d is no JSON object; nothing was stored", i)
		}
		if gateway && !present(event.Get("userId")) && !present(event.Get("anonymousId")) {
			return nil, refuse(http.StatusBadRequest, "event %d has neither userId nor anonymousId; nothing was stored", i)
		}
		text := v.received(event, kind, now)
		if len(text) > MostEvent {
			return nil, refuse(http.StatusRequestEntityTooLarge, "event %d has more than %d bytes: send less data in it; nothing was stored", i, MostEvent)
		}
		events[i] = v.entry(text, "http")
	}
	return events, nil
}
