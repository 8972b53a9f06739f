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

// BenchmarkUpserts measures batches of 100 contacts, of whom most are there already.
func BenchmarkUpserts(b *testing.B) {
	s, err := simulator.New(simulator.Portal{}, simulator.Options{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	const people = 20_000
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		var inputs []string
		for i := range 100 {
			person := (n*100 + i) * 7919 % people
			inputs = append(inputs, fmt.Sprintf(`{"id":"person%d@example.com","idProperty":"email","objectWriteTraceId":"%d","properties":{"email":"person%[1]d@example.com","firstname":"Person","lastname":"Number %[1]d","city":"City %[3]d","jobtitle":"Job %[4]d","phone":"+49 30 %[1]d"}}`, person, i, n%5, n%7))
		}
		r := httptest.NewRequest("POST", "/crm/v3/objects/contacts/batch/upsert", strings.NewReader(`{"inputs":[`+strings.Join(inputs, ",")+`]}`))
		r.Header.Set("Authorization", "Bearer t")
		w := httptest.NewRecorder()
		b.StartTimer()
		if s.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/record")
}

// BenchmarkSearches measures searches that have to look at each of 100,000 contacts.
func BenchmarkSearches(b *testing.B) {
	s, err := simulator.New(simulator.Portal{SearchLag: simulator.Duration{Given: true}}, simulator.Options{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	ask := func(path, body string) {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer t")
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code >= 300 {
			b.Fatal(w.Body)
		}
	}
	for n := range 1000 {
		var inputs []string
		for i := range 100 {
			inputs = append(inputs, fmt.Sprintf(`{"properties":{"email":"person%d@example.com","firstname":"Person","lastname":"Number %[1]d","city":"City %[2]d"}}`, n*100+i, i))
		}
		ask("/crm/v3/objects/contacts/batch/create", `{"inputs":[`+strings.Join(inputs, ",")+`]}`)
	}
	for name, body := range map[string]string{
		"words":  `{"query": "number 77"}`,
		"token":  `{"filterGroups": [{"filters": [{"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": "person77"}]}]}`,
		"since":  `{"filterGroups": [{"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": "2027-01-01T00:00:00Z"}]}]}`,
		"sorted": `{"filterGroups": [{"filters": [{"propertyName": "city", "operator": "EQ", "value": "City 7"}]}], "sorts": ["createdate"]}`,
		"all":    `{"sorts": ["-createdate"]}`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ask("/crm/v3/objects/contacts/search", body)
			}
		})
	}
}
