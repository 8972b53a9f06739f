package send

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/celmap/celmap/internal/queue"
)

// Metrics returns the page that Prometheus reads. depth measures the queue. Labels
// take few values: statuses, limits of the rules, and codes, of which a tally tells
// 200 apart.
func Metrics(t *Tally, version string, depth func(context.Context) (queue.Depth, error)) http.Handler {
	registry := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "celmap", Name: "build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	registry.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &scrape{t, depth})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// scrape is a prometheus.Collector of what a tally has counted and a queue holds.
type scrape struct {
	tally *Tally
	depth func(context.Context) (queue.Depth, error)
}

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("celmap_send_"+name, help, labels, nil)
}

var (
	readTotal     = metric("events_read_total", "Events that were read from files, standard input and HTTP.")
	skippedTotal  = metric("events_skipped_total", "Events of them that had been stored by an earlier run.")
	eventsTotal   = metric("events_total", "Events that left the queue, by what became of them: delivered, filtered, dead.", "outcome")
	deadTotal     = metric("dead_letters_total", "Events that became dead letters: rejected by the rules, refused by the API, or gave-up after many attempts; by code.", "reason", "code")
	warningsTotal = metric("warnings_total", "Warnings about events that were delivered.")
	retriedTotal  = metric("events_retried_total", "Times that an event was put back to be sent again.")
	requestsTotal = metric("requests_total", `Requests to the API by status; "none": no answer.`, "status")
	itemsTotal    = metric("request_events_total", "Events that requests carried.")
	requestTime   = metric("request_seconds_total", "Time that requests took, together.")
	waitTime      = metric("wait_seconds_total", "Time that requests waited before they were sent, together, by what for: a limit of the API, trouble, or requests under way.", "for")
	paused        = metric("paused", "1 while nothing is sent, as the API refuses this sender.")

	queueEvents = metric("queue_events", "Events in the queue.")
	queueBytes  = metric("queue_bytes", "Bytes of their JSON, about.")
	queueOldest = metric("queue_oldest_seconds", "Age of the oldest event in the queue; 0 without one.")
	queueDead   = metric("queue_dead_letters", "Dead letters that are kept.")
)

// Describe sends nothing: what is collected takes its descriptions along.
func (s *scrape) Describe(chan<- *prometheus.Desc) {}

// Collect sends the metrics.
func (s *scrape) Collect(out chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	f := s.tally.Figures(0)
	counter(readTotal, float64(f.Events.Read))
	counter(skippedTotal, float64(f.Events.Skipped))
	counter(eventsTotal, float64(f.Events.Delivered), "delivered")
	counter(eventsTotal, float64(f.Events.Filtered), "filtered")
	counter(eventsTotal, float64(f.Events.Dead), "dead")
	byCode := map[[2]string]int64{} // several rules may give one code
	for _, d := range f.Dead {
		byCode[[2]string{string(d.Reason), d.Code}] += d.Count
	}
	for key, n := range byCode {
		counter(deadTotal, float64(n), key[0], key[1])
	}
	counter(warningsTotal, float64(f.Events.Warnings))
	counter(retriedTotal, float64(f.Events.Retried))
	for status, n := range f.Requests.ByStatus {
		counter(requestsTotal, float64(n), status)
	}
	counter(itemsTotal, float64(f.Requests.Items))
	counter(requestTime, f.Requests.Seconds)
	for name, seconds := range f.Waited {
		counter(waitTime, seconds, name)
	}
	on := 0.
	if s.tally.Paused() != "" {
		on = 1
	}
	gauge(paused, on)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	depth, err := s.depth(ctx)
	if err != nil { // a gap in these is better than a figure that is not so
		out <- prometheus.NewInvalidMetric(queueEvents, err)
		return
	}
	gauge(queueEvents, float64(depth.Events))
	gauge(queueBytes, float64(depth.Bytes))
	age := 0.
	if !depth.Oldest.IsZero() {
		age = max(0, time.Since(depth.Oldest).Seconds())
	}
	gauge(queueOldest, age)
	gauge(queueDead, float64(depth.Dead))
}
