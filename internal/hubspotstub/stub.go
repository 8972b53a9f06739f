// Package hubspotstub answers the lookups of HubSpot rules in tests the way
// HubSpot does: properties of object types, and searches for records. It counts
// what it is asked, and makes trouble on demand. It stores nothing.
package hubspotstub

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Stub is a HubSpot with one account. It is an http.Handler, safe for
// concurrent use.
type Stub struct {
	portal Portal

	mu     sync.Mutex
	faults []Fault
	calls  map[string]int
}

// Fault is trouble in place of an answer, or before it.
type Fault struct {
	Path   string        // what the paths that it hits contain; empty for all
	Times  int           // how many requests it hits, then it is over; 0 for all
	Delay  time.Duration // comes before anything else
	Status int           // of the answer, which has Header and Body; 0 for the true answer
	Header map[string]string
	Body   string // what it answers, be it JSON or not
	Reset  bool   // the connection breaks without an answer
}

// New returns a stub of an account.
func New(p Portal) *Stub { return &Stub{portal: p, calls: map[string]int{}} }

// Break makes trouble from now on, the first fault that hits a request. Without
// faults the stub is well again.
func (s *Stub) Break(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.Clone(faults)
}

// Calls returns how often every path was asked for so far.
func (s *Stub) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Total returns how many requests there were so far whose path contains a text.
func (s *Stub) Total(path string) int {
	n := 0
	for p, count := range s.Calls() {
		if strings.Contains(p, path) {
			n += count
		}
	}
	return n
}

// arrive counts a request and returns the fault that hits it.
func (s *Stub) arrive(path string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[path]++
	i := slices.IndexFunc(s.faults, func(f Fault) bool { return strings.Contains(path, f.Path) })
	if i < 0 {
		return Fault{}
	}
	hit := s.faults[i]
	if s.faults[i].Times--; s.faults[i].Times == 0 {
		s.faults = slices.Delete(s.faults, i, i+1)
	}
	return hit
}

// The families of URLs: by number, and by date.
var (
	propertiesPath = regexp.MustCompile(`^/crm/(?:v3/properties|properties/20\d\d-\d\d)/([^/]+)$`)
	searchPath     = regexp.MustCompile(`^/crm/(?:v3/objects|objects/20\d\d-\d\d)/([^/]+)/search$`)
)

const oldPropertiesPath = "/properties/v1/contacts/properties"

// ServeHTTP answers.
func (s *Stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := s.arrive(r.URL.Path)
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case fault.Reset:
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		for name, value := range fault.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(fault.Status)
		_, _ = w.Write([]byte(fault.Body))
		return
	}
	for _, o := range s.portal.Overrides {
		if o.Path == r.URL.Path && (o.Method == "" || o.Method == r.Method) {
			o.answer(w)
			return
		}
	}
	properties, search := propertiesPath.FindStringSubmatch(r.URL.Path), searchPath.FindStringSubmatch(r.URL.Path)
	switch {
	case r.Method == http.MethodGet && r.URL.Path == oldPropertiesPath:
		answer(w, http.StatusOK, s.portal.properties("contacts"))
	case r.Method == http.MethodGet && properties != nil:
		answer(w, http.StatusOK, map[string]any{"results": s.portal.properties(properties[1])})
	case r.Method == http.MethodPost && search != nil:
		s.search(w, r, search[1])
	default:
		refuse(w, http.StatusNotFound, "the stub knows no "+r.Method+" "+r.URL.Path)
	}
}

// maxPage is how many results HubSpot gives at a time.
const maxPage = 200

func (s *Stub) search(w http.ResponseWriter, r *http.Request, objectType string) {
	var asked struct {
		Groups     []filters `json:"filterGroups"`
		Properties []string  `json:"properties"`
		Limit      int       `json:"limit"`
		After      any       `json:"after"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		refuse(w, http.StatusBadRequest, "Invalid input JSON: "+err.Error())
		return
	}
	for _, group := range asked.Groups {
		for _, f := range group.Filters {
			if f.Operator != "EQ" && f.Operator != "IN" {
				refuse(w, http.StatusBadRequest, "the stub knows no operator "+f.Operator)
				return
			}
		}
	}
	if len(asked.Groups) > 5 || asked.Limit > maxPage {
		refuse(w, http.StatusBadRequest, "there are more than 5 filter groups, or the limit is above 200")
		return
	}
	found := s.portal.find(objectType, asked.Groups)
	start := 0
	if after, ok := text(asked.After); ok {
		n, err := strconv.Atoi(after)
		if err != nil || n < 0 || n > len(found) {
			refuse(w, http.StatusBadRequest, "after is not the one of an earlier page")
			return
		}
		start = n
	}
	end := min(start+s.portal.pageLimit(asked.Limit), len(found))
	results := []any{}
	for _, o := range found[start:end] {
		results = append(results, o.shown(asked.Properties))
	}
	page := map[string]any{"total": len(found), "results": results}
	if end < len(found) {
		page["paging"] = map[string]any{"next": map[string]any{"after": strconv.Itoa(end)}}
	}
	answer(w, http.StatusOK, page)
}

// answer sends a fixed answer: JSON as it is, a text as its content.
func (o Override) answer(w http.ResponseWriter) {
	content := []byte(o.Data)
	if bytes.HasPrefix(content, []byte(`"`)) {
		var plain string
		if err := json.Unmarshal(content, &plain); err != nil {
			panic(err) // the override was read from JSON
		}
		content = []byte(plain)
	} else {
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
	}
	w.WriteHeader(o.Status)
	if o.Status != http.StatusNoContent {
		_, _ = w.Write(content)
	}
}

// refuse answers with HubSpot's form of an error.
func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"status": "error", "category": "VALIDATION_ERROR", "message": message})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone is no trouble of ours
}
