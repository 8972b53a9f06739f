package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/rudder"
)

// metrics is what Prometheus is told. Labels take few values: types of
// destinations that are served, codes and lookups of their rules, statuses.
type metrics struct {
	registry *prometheus.Registry
	pages    http.Handler

	requests    *prometheus.CounterVec   // route, status
	duration    *prometheus.HistogramVec // route
	size        prometheus.Histogram
	inFlight    prometheus.Gauge
	refused     *prometheus.CounterVec // reason
	upstream    *prometheus.CounterVec // status
	panics      prometheus.Counter
	jobs        *prometheus.CounterVec // destination, status, code
	warnings    *prometheus.CounterVec // destination, code
	deliveries  *prometheus.CounterVec // destination, status, outcome
	breaches    *prometheus.CounterVec // destination
	calls       *prometheus.CounterVec // destination, lookup, status
	callTime    *prometheus.HistogramVec
	cache       *prometheus.CounterVec // destination, lookup, found
	reloads     *prometheus.CounterVec // result
	failed      prometheus.Gauge
	lastSuccess prometheus.Gauge
	fixtures    prometheus.Gauge
}

func newMetrics(version string, bodies *budget) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "celmap", Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "celmap", Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "celmap", Name: name, Help: help})
		m.registry.MustRegister(g)
		return g
	}
	times := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	m.requests = counter("http_requests_total", "Requests that were answered.", "route", "status")
	m.duration = histogram("http_request_duration_seconds", "Time from the head of a request to the end of its answer.", times, "route")
	m.size = prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "celmap", Name: "http_request_body_bytes", Help: "Sizes of request bodies that were read.", Buckets: prometheus.ExponentialBuckets(1<<10, 4, 10)})
	m.inFlight = gauge("http_requests_in_flight", "Requests that are being answered.")
	m.refused = counter("http_requests_refused_total", "Requests that were answered with an error of celmap's own.", "reason")
	m.upstream = counter("upstream_answers_total", `Answers of upstream by status; "none": it could not be reached.`, "status")
	m.jobs = counter("jobs_total", "Jobs by the status that they were answered with, and the code behind it.", "destination", "status", "code")
	m.warnings = counter("warnings_total", "Warnings of rules: what they left out of events that were mapped, or doubt.", "destination", "code")
	m.deliveries = counter("deliveries_total", `Jobs that were to be delivered, by the status that they were answered with, and what the rules say of the API's answer; "none": no rules apply.`, "destination", "status", "outcome")
	m.breaches = counter("invariant_breaches_total", "Jobs that would have been lost or answered twice, and were answered with a retryable error instead. A defect of celmap.", "destination")
	m.calls = counter("lookup_calls_total", `Calls of APIs for lookups and portal data by status; "none": no answer.`, "destination", "lookup", "status")
	m.callTime = histogram("lookup_call_duration_seconds", "Time of calls of APIs for lookups and portal data.", times, "destination", "lookup")
	m.cache = counter("lookup_answers_total", "Answers that rules asked for: fresh or stale ones from memory, absent ones from the API.", "destination", "lookup", "found")
	m.reloads = counter("rules_loads_total", "Attempts to load rules.", "result")
	m.failed = gauge("rules_reload_failed", "1 while the files hold rules that are not served, since something is wrong with them.")
	m.lastSuccess = gauge("rules_last_success_timestamp_seconds", "When the rules were loaded that are served.")
	m.fixtures = gauge("rules_fixtures_passed", "Fixtures that the rules which are served have passed.")
	m.panics = prometheus.NewCounter(prometheus.CounterOpts{Namespace: "celmap", Name: "panics_total", Help: "Requests that a defect of celmap ended; they were answered with 500."})
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "celmap", Name: "build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.registry.MustRegister(m.size, m.panics, info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "celmap", Name: "http_body_bytes", Help: "Bytes of request bodies in memory."}, func() float64 { return float64(bodies.used.Load()) }))
	m.pages = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

// loaded notes how loading rules ended.
func (m *metrics) loaded(a *attempt) {
	result, failed := "success", 0.0
	if len(a.problems) > 0 {
		result, failed = "failure", 1
	}
	m.reloads.WithLabelValues(result).Inc()
	m.failed.Set(failed)
	m.fixtures.Set(float64(a.trusted))
	if !a.served.IsZero() {
		m.lastSuccess.Set(float64(a.served.UnixMilli()) / 1000)
	}
}

// count returns what counts the jobs of a destination.
func (m *metrics) count(destination string) func(status int, code string, jobs int) {
	m.breaches.WithLabelValues(destination) // none is something to watch, too
	return func(status int, code string, jobs int) {
		m.jobs.WithLabelValues(destination, strconv.Itoa(status), code).Add(float64(jobs))
		if code == rudder.Unsound {
			m.breaches.WithLabelValues(destination).Add(float64(jobs))
		}
	}
}

// warned returns what counts the warnings of a destination's rules.
func (m *metrics) warned(destination string) func(code string, times int) {
	return func(code string, times int) { m.warnings.WithLabelValues(destination, code).Add(float64(times)) }
}

// delivered returns what counts the deliveries of a destination.
func (m *metrics) delivered(destination string) func(status int, outcome string) {
	return func(status int, outcome string) {
		if outcome == "" {
			outcome = "none"
		}
		m.deliveries.WithLabelValues(destination, strconv.Itoa(status), outcome).Inc()
	}
}

// Call implements lookup.Meter.
func (m *metrics) Call(destination, name string, status int, took time.Duration) {
	text := "none"
	if status > 0 {
		text = strconv.Itoa(status)
	}
	m.calls.WithLabelValues(destination, name, text).Inc()
	m.callTime.WithLabelValues(destination, name).Observe(took.Seconds())
}

// Cache implements lookup.Meter.
func (m *metrics) Cache(destination, name string, found lookup.Found) {
	m.cache.WithLabelValues(destination, name, found.String()).Inc()
}
