package serve

import (
	"encoding/json"
	"net/http"
	"runtime"
	"time"
)

// health answers GET /health: the process is alive.
func (s *Server) health(w *answer, _ *http.Request) {
	s.reply(w, http.StatusOK, []byte(`{"service":"UP"}`))
}

// version answers GET /version.
func (s *Server) version(w *answer, _ *http.Request) {
	s.page(w, http.StatusOK, struct {
		Service string `json:"service"`
		Version string `json:"version"`
		Go      string `json:"go"`
	}{"celmap", s.options.Version, runtime.Version()})
}

// exposition answers GET /metrics.
func (s *Server) exposition(w *answer, r *http.Request) { s.metrics.pages.ServeHTTP(w, r) }

// readiness is the page /ready.
type readiness struct {
	Ready    bool       `json:"ready"`
	Because  string     `json:"because,omitempty"` // why not
	Types    []string   `json:"types"`             // of destinations that are served
	Since    *time.Time `json:"since,omitempty"`   // when their rules were loaded
	Fixtures int        `json:"fixtures"`          // that they have passed
	Reload   *failure   `json:"failed,omitempty"`
}

// failure is the last attempt to load rules, if it failed.
type failure struct {
	At       time.Time `json:"at"`
	Count    int       `json:"count"`
	Problems []Problem `json:"problems"` // the first of them
}

// ready answers GET /ready: requests may be sent here.
func (s *Server) ready(w *answer, _ *http.Request) {
	page := readiness{Types: []string{}}
	g, last := s.rules.current.Load(), s.rules.last.Load()
	switch {
	case s.draining.Load():
		page.Because = "celmap is ending"
	case g == nil && last == nil:
		page.Because = "rules are being loaded"
	case g == nil:
		page.Because = "rules could not be loaded"
	default:
		page.Ready = true
	}
	if g != nil {
		page.Types = g.types()
	}
	if last != nil {
		page.Fixtures = last.trusted
		if !last.served.IsZero() {
			page.Since = &last.served
		}
		if n := len(last.problems); n > 0 {
			page.Reload = &failure{last.at, n, last.problems[:min(n, mostTold)]}
		}
	}
	status := http.StatusOK
	if !page.Ready {
		status = http.StatusServiceUnavailable
	}
	s.page(w, status, page)
}

func (s *Server) page(w *answer, status int, content any) {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err) // pages can be marshalled
	}
	s.reply(w, status, append(text, '\n'))
}
