package simulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/celmap/celmap/internal/simulator"
)

// BenchmarkGate measures what a call costs beside what it asks for: token, limits,
// trouble, notes.
func BenchmarkGate(b *testing.B) {
	most := 1 << 30
	s, err := simulator.New(simulator.Portal{
		Tokens: []simulator.Token{{Token: "t", Scopes: []string{"a", "b"}}}, Limits: simulator.Limits{Burst: &most, Daily: &most},
	}, simulator.Options{Seed: 1, Faults: 1e-9})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/account-info/v3/details", nil)
	r.Header.Set("Authorization", "Bearer t")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

// BenchmarkEvents measures a batch of 100 custom events.
func BenchmarkEvents(b *testing.B) {
	s, err := simulator.New(simulator.Portal{}, simulator.Options{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		var inputs []string
		for i := range 100 {
			inputs = append(inputs, fmt.Sprintf(`{"eventName":"pe7_bought","email":"person%d@example.com","uuid":"%d-%d","occurredAt":"2026-01-02T03:04:05Z","properties":{"amount":"12.5","currency":"EUR","item":"Raincoat"}}`, i, n, i))
		}
		r := httptest.NewRequest("POST", "/events/v3/send/batch", strings.NewReader(`{"inputs":[`+strings.Join(inputs, ",")+`]}`))
		r.Header.Set("Authorization", "Bearer t")
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != http.StatusNoContent {
			b.Fatal(w.Body)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/event")
}
