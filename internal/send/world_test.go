package send

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/outbound"
	"github.com/celmap/celmap/internal/queue"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

// crm is the built-in rules, loaded once.
var crm = sync.OnceValue(func() *engine.Program {
	folder, err := fs.Sub(mappings.FS, "hubspot")
	if err != nil {
		panic(err)
	}
	events, err := fs.Sub(schemas.FS, "events")
	if err != nil {
		panic(err)
	}
	p, err := engine.Load(folder, engine.WithEvents("rudderstack", events))
	if err != nil {
		panic(err)
	}
	return p
})

// backlog is a queue in memory.
type backlog struct {
	mu       sync.Mutex
	waiting  []queue.Item
	more     chan struct{}
	left     map[queue.ID]bool // that are handed out and not finished
	finished []queue.ID
	dead     map[queue.ID]Note
	lost     map[int]bool // partitions
	wrong    []string
	empty    chan struct{} // closed when all is finished
	end      sync.Once
	total    int
}

func newBacklog(items ...queue.Item) *backlog {
	return &backlog{waiting: items, total: len(items), more: make(chan struct{}, 1), left: map[queue.ID]bool{}, dead: map[queue.ID]Note{}, lost: map[int]bool{}, empty: make(chan struct{})}
}

func (b *backlog) Next(ctx context.Context, most int) ([]queue.Item, error) {
	for {
		b.mu.Lock()
		if n := min(most, len(b.waiting)); n > 0 {
			items := b.waiting[:n]
			b.waiting = b.waiting[n:]
			for _, it := range items {
				b.left[it.ID] = true
			}
			b.mu.Unlock()
			return items, nil
		}
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-b.more:
		}
	}
}

func (b *backlog) add(items ...queue.Item) {
	b.mu.Lock()
	if len(b.finished) == b.total {
		b.end, b.empty = sync.Once{}, make(chan struct{})
	}
	b.waiting = append(b.waiting, items...)
	b.total += len(items)
	b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
}

func (b *backlog) Finish(_ context.Context, done []queue.ID, dead []queue.Dead) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := false
	end := func(id queue.ID) bool {
		if b.lost[id.Partition] {
			gone = true
			return false
		}
		if !b.left[id] {
			b.wrong = append(b.wrong, fmt.Sprintf("%s was finished, and is not out", id))
		}
		delete(b.left, id)
		b.finished = append(b.finished, id)
		return true
	}
	for _, id := range done {
		end(id)
	}
	for _, d := range dead {
		if end(d.ID) {
			var n Note
			if err := json.Unmarshal(d.Note, &n); err != nil {
				b.wrong = append(b.wrong, err.Error())
			}
			b.dead[d.ID] = n
		}
	}
	if len(b.finished) == b.total {
		b.end.Do(func() { close(b.empty) })
	}
	if gone {
		return queue.ErrLost
	}
	return nil
}

func (b *backlog) Owned(item queue.Item) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.lost[item.ID.Partition]
}

func (b *backlog) Share() float64 { return 1 }

// deadLetters returns the notes by the sequence of their items.
func (b *backlog) deadLetters() map[uint64]Note {
	b.mu.Lock()
	defer b.mu.Unlock()
	notes := map[uint64]Note{}
	for id, n := range b.dead {
		notes[id.Sequence] = n
	}
	return notes
}

// write is one record of a request.
type write struct {
	ID         string         `json:"id"`
	IDProperty string         `json:"idProperty"`
	Properties map[string]any `json:"properties"`
	Trace      string         `json:"objectWriteTraceId"`
}

// api is what the rules send to: it writes records down, refuses those that are called
// poison, and makes trouble.
type api struct {
	*httptest.Server
	traced        bool // failures name records
	refuseLookups bool
	hold          func() // called before an answer; nil for none

	mu       sync.Mutex
	fault    func(r *http.Request, writes []write) string // "": none; else status, or "before" or "after"
	values   map[string][]any                             // of jobtitle, by e-mail, in the order in which they were written
	open     map[string]int                               // requests under way, by e-mail
	wrong    []string
	requests []string // path and number of records
	events   []map[string]any
	times    []time.Time
}

func newAPI() *api {
	a := &api{values: map[string][]any{}, open: map[string]int{}}
	a.Server = httptest.NewServer(a)
	return a
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/properties/") {
		if a.refuseLookups {
			w.WriteHeader(401)
			fmt.Fprint(w, `{"message":"who are you"}`)
			return
		}
		fmt.Fprint(w, `{"results":[{"name":"email","type":"string","hasUniqueValue":true},{"name":"city","type":"string"},{"name":"jobtitle","type":"string"}]}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	var batch struct{ Inputs []write }
	_ = json.Unmarshal(body, &batch)
	a.mu.Lock()
	a.requests = append(a.requests, fmt.Sprintf("%s %d", r.URL.Path, len(batch.Inputs)))
	a.times = append(a.times, time.Now())
	fault := ""
	if a.fault != nil {
		fault = a.fault(r, batch.Inputs)
	}
	for _, in := range batch.Inputs {
		if a.open[in.ID]++; a.open[in.ID] > 1 {
			a.wrong = append(a.wrong, in.ID+" is written by two requests at a time")
		}
	}
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, in := range batch.Inputs {
			a.open[in.ID]--
		}
	}()
	if a.hold != nil {
		a.hold()
	}
	switch fault {
	case "":
	case "before":
		panic(http.ErrAbortHandler)
	case "after":
		a.write(batch.Inputs, r.URL.Path, body)
		panic(http.ErrAbortHandler)
	default:
		status, text, _ := strings.Cut(fault, " ")
		code := 0
		fmt.Sscan(status, &code)
		w.WriteHeader(code)
		fmt.Fprint(w, text)
		return
	}
	status, answer := a.write(batch.Inputs, r.URL.Path, body)
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (a *api) write(inputs []write, path string, body []byte) (int, []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if strings.Contains(path, "/events/") {
		var e map[string]any
		_ = json.Unmarshal(body, &e)
		a.events = append(a.events, e)
		return 204, nil
	}
	bad := slices.IndexFunc(inputs, func(in write) bool { return in.Properties["city"] == "poison" })
	if bad >= 0 && !a.traced {
		return 400, []byte(`{"status":"error","message":"one of them is poison","category":"VALIDATION_ERROR"}`)
	}
	var results, failures []any
	for _, in := range inputs {
		if in.Properties["city"] == "poison" {
			failures = append(failures, map[string]any{"message": "it is poison", "context": map[string]any{"objectWriteTraceId": []string{in.Trace}}})
			continue
		}
		a.values[in.ID] = append(a.values[in.ID], in.Properties["jobtitle"])
		results = append(results, map[string]any{"id": "1", "objectWriteTraceId": in.Trace})
	}
	answer := map[string]any{"status": "COMPLETE", "results": results}
	status := 200
	if len(failures) > 0 {
		answer["errors"], status = failures, 207
	}
	text, _ := json.Marshal(answer)
	return status, text
}

// written returns the last value of every record.
func (a *api) written() map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := map[string]any{}
	for id, values := range maps.All(a.values) {
		last[id] = values[len(values)-1]
	}
	return last
}

const config = `{"authorizationType":"newPrivateAppApi","accessToken":"secret-token","apiVersion":"newApi","lookupField":"email",
	"hubspotEvents":[{"rsEventName":"Bought","hubspotEventName":"pe1_bought","eventProperties":[]}]}`

// identify is an event about a contact, whose job title is the number of the event.
func identify(n uint64, contact int, poison bool) queue.Item {
	city := ""
	if poison {
		city = `"city":"poison",`
	}
	return queue.Item{ID: queue.ID{Partition: contact % 4, Sequence: n}, Lane: uint64(contact), Origin: fmt.Sprintf("events:%d", n),
		JSON: fmt.Appendf(nil, `{"type":"identify","messageId":"m-%d","userId":"u%d","traits":{"email":"c%d@x.com",%s"jobTitle":"%06d"}}`, n, contact, contact, city, n)}
}

// deliver starts a sender against an API. stop ends it, and returns its error.
func start(b Worker, a *api, change func(*Options)) (s *Sender, stop func() error) {
	to, err := url.Parse(a.URL)
	if err != nil {
		panic(err)
	}
	client := outbound.New(outbound.Options{ConnectTo: map[string]*url.URL{"api.hubapi.com": to}})
	o := Options{Worker: b, Client: client, Host: lookup.New(lookup.Options{Client: client, Patience: 100 * time.Millisecond, Pause: 10 * time.Millisecond}),
		Program: crm(), Config: []byte(config), Base: 2 * time.Millisecond, Tier: "unlimited"} // a tier that there is not has no limits
	if change != nil {
		change(&o)
	}
	s = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return s, sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
}
