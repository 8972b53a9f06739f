package lookup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/outbound"
	"github.com/celmap/celmap/schemas"
)

// token proves who calls. It must not be seen anywhere else.
const token = "pat-na1-0123456789"

// rules are a destination that asks in every way: for data about the account, for
// what changes, and for what may be remembered.
var rules = fstest.MapFS{
	"destination.yaml": {Data: []byte(`celmap: destination/v1
name: crm
config: config.schema.json
hosts: {api: https://api.crm.example}
events: rudderstack
auth: [{name: token, headers: {Authorization: "Bearer ${config.token}"}, needs: [config.token]}]
portal:
  fields:
    request: {method: GET, host: api, url: /fields}
    answer: [{when: kind(body.fields) == "list", value: 'indexBy(body.fields, "name")'}]
    ttl: 1h
    refreshOnMiss: true
lookups:
  people:
    args: [field]
    keys: {max: 100, fold: lower}
    request: {method: POST, host: api, url: /search, body: {field: =field, values: =keys, after: =page}}
    pages: body.next
    answer: body.people
    matches: lower(item[field]) == key
    gives: item.id
  kinds:
    keys: {max: 1}
    request: {method: GET, host: api, url: "/kinds/${keys[0]}"}
    value: body.label
    ttl: 10m
  identity: {host: true}
routes:
  - {when: input.type == "track", to: event}
  - {to: person}
requests:
  people: {method: POST, host: api, url: /people, envelope: =item}
  events: {method: POST, host: api, url: /events, envelope: =item}
`)},
	"config.schema.json": {Data: []byte(`{"type": "object", "properties": {"token": {"secret": true}}}`)},
	"person.yaml": {Data: []byte(`celmap: mapping/v1
name: person
objects:
  person:
    under: [traits]
    rest: {as: key, keep: "fields[target] != null"}
ask:
  found: {lookup: people, with: {field: email}, key: traits.email, when: traits.search == true}
  kind: {lookup: kinds, key: traits.kind}
  known: {lookup: identity, key: input.userId}
send: [{request: people, item: {id: "=found[0]", kind: =kind, person: =person}}]
`)},
	"event.yaml": {Data: []byte(`celmap: mapping/v1
name: event
send: [{request: events, item: {event: =input.event}}]
`)},
}

// load compiles the rules. change, if given, is what is replaced in them by what.
func load(change ...string) *engine.Program {
	GinkgoHelper()
	folder := fstest.MapFS{}
	for name, f := range rules {
		folder[name] = &fstest.MapFile{Data: []byte(strings.NewReplacer(change...).Replace(string(f.Data)))}
	}
	events, err := fs.Sub(schemas.FS, "events")
	Expect(err).NotTo(HaveOccurred())
	p, err := engine.Load(folder, engine.WithEvents("rudderstack", events))
	Expect(err).NotTo(HaveOccurred())
	return p
}

// crm is the API of an account.
type crm struct {
	mu      sync.Mutex
	fields  []string
	people  map[string][]string // ids by e-mail
	calls   []string            // "GET /fields"
	trouble func(w http.ResponseWriter, r *http.Request, body []byte) bool
	page    int // people in a page of an answer; 0 for all
}

func (c *crm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	c.calls = append(c.calls, r.Method+" "+r.URL.Path)
	trouble := c.trouble
	c.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+token {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"message":"%s is not valid"}`, r.Header.Get("Authorization"))
		return
	}
	if trouble != nil && trouble(w, r, body) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.URL.Path == "/fields":
		list := []map[string]string{}
		for _, name := range c.fields {
			list = append(list, map[string]string{"name": name})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"fields": list})
	case r.URL.Path == "/search":
		var asked struct {
			Values []string
			After  int
		}
		_ = json.Unmarshal(body, &asked)
		found := []map[string]string{}
		for _, v := range asked.Values {
			for _, id := range c.people[v] {
				found = append(found, map[string]string{"id": id, "email": v})
			}
		}
		answer := map[string]any{}
		found = found[min(asked.After, len(found)):]
		if c.page > 0 && len(found) > c.page {
			found, answer["next"] = found[:c.page], asked.After+c.page
		}
		answer["people"] = found
		_ = json.NewEncoder(w).Encode(answer)
	case strings.HasPrefix(r.URL.Path, "/kinds/"):
		fmt.Fprintf(w, `{"label":"the kind %s"}`, strings.TrimPrefix(r.URL.Path, "/kinds/"))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// total counts the calls so far.
func (c *crm) total(call string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, x := range c.calls {
		if strings.HasPrefix(x, call) {
			n++
		}
	}
	return n
}

func (c *crm) break_(trouble func(w http.ResponseWriter, r *http.Request, body []byte) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble = trouble
}

// answering is trouble of one path: a status and a body.
func answering(path string, status int, body string, headers ...string) func(http.ResponseWriter, *http.Request, []byte) bool {
	return func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if !strings.HasPrefix(r.URL.Path, path) {
			return false
		}
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
		return true
	}
}

func (c *crm) setFields(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fields = names
}

// clock is a time that stands still.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// notes is a log that may be read while it is written.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// bench is a host before an API, and what is needed to look at both.
type bench struct {
	api    *crm
	clock  *clock
	notes  *notes
	meter  *meter
	host   *lookup.Host
	before lookup.Destination
}

// meter counts.
type meter struct {
	mu     sync.Mutex
	counts map[string]int // "call fields 200", "cache fields fresh"
}

func (m *meter) Call(destination, name string, status int, took time.Duration) {
	m.count(fmt.Sprintf("call %s %d", name, status))
}

func (m *meter) Cache(destination, name string, found lookup.Found) {
	m.count(fmt.Sprintf("cache %s %s", name, found))
}

func (m *meter) count(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[what]++
}

func (m *meter) total(what string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[what]
}

// newBench starts an account with two fields, and a host that is quick to despair.
func newBench(change func(*lookup.Options)) *bench {
	b := &bench{
		api:   &crm{fields: []string{"email", "name"}, people: map[string][]string{}},
		clock: &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)},
		notes: &notes{},
		meter: &meter{counts: map[string]int{}},
	}
	server := httptest.NewServer(b.api)
	DeferCleanup(server.Close)
	b.host = lookup.New(options(b, server.URL, change))
	b.before = lookup.Destination{Program: load(), ID: "d-1", Config: []byte(`{"token":"` + token + `"}`)}
	return b
}

func options(b *bench, server string, change func(*lookup.Options)) lookup.Options {
	to, err := url.Parse(server)
	Expect(err).NotTo(HaveOccurred())
	o := lookup.Options{
		Client:   outbound.New(outbound.Options{ConnectTo: map[string]*url.URL{"api.crm.example": to, "api.hubapi.com": to}}),
		Log:      slog.New(slog.NewJSONHandler(b.notes, nil)),
		Now:      b.clock.Now,
		Meter:    b.meter,
		Timeout:  2 * time.Second,
		Patience: 300 * time.Millisecond,
		Pause:    20 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	return o
}

// results maps events and returns their results as `celmap map` prints them.
func (b *bench) results(ctx context.Context, events ...string) []string {
	GinkgoHelper()
	return results(ctx, b.host, b.before, events...)
}

func results(ctx context.Context, h *lookup.Host, d lookup.Destination, events ...string) []string {
	GinkgoHelper()
	inputs := make([]engine.Input, len(events))
	for i, e := range events {
		inputs[i] = engine.Input{JSON: []byte(e), Index: i}
	}
	output, err := h.Map(ctx, d, inputs)
	Expect(err).NotTo(HaveOccurred())
	defer output.Release()
	out := []string{}
	for _, r := range output.Results() {
		out = append(out, string(r.AppendJSON(nil)))
	}
	return out
}

// person is an identify event with traits, written as JSON without braces.
func person(traits string) string { return `{"type":"identify","traits":{` + traits + `}}` }

// sent is what a mapped event sends; else its error.
func sent(result string) string {
	var r struct {
		Requests []struct {
			Body struct{ JSON json.RawMessage }
		}
		Error struct {
			Code, Message string
			Status        int
		}
	}
	Expect(json.Unmarshal([]byte(result), &r)).To(Succeed())
	if len(r.Requests) == 1 {
		return string(r.Requests[0].Body.JSON)
	}
	return fmt.Sprintf("%s %d %s", r.Error.Code, r.Error.Status, r.Error.Message)
}

// sentAll is sent for every result.
func sentAll(results []string) []string {
	results = slices.Clone(results)
	for i, r := range results {
		results[i] = sent(r)
	}
	return results
}

// together runs something n times at once.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			defer GinkgoRecover()
			do(i)
		})
	}
	all.Wait()
}
