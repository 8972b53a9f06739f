package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/conformance"
	"github.com/celmap/celmap/internal/hubspotstub"
	"github.com/celmap/celmap/internal/serve"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

func TestConformance(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "conformance")
}

var _ = Describe("The HubSpot mapping", func() {
	It("maps as the JavaScript transformer does, except where it departs on purpose", func() {
		cases, err := conformance.ReadCases("testdata/cases.ndjson.gz")
		Expect(err).NotTo(HaveOccurred())
		differences, err := conformance.ReadDifferences("../../fixtures/conformance/differences.yaml")
		Expect(err).NotTo(HaveOccurred())

		var agree, jobs, sameStatus int
		var unexplained strings.Builder
		ours := answers(cases)
		for i := range cases {
			c := &cases[i]
			theirs, err := c.Recorded()
			Expect(err).NotTo(HaveOccurred(), c.ID)
			different, n, same := conformance.Compare(theirs, ours[i])
			jobs, sameStatus = jobs+n, sameStatus+same
			if len(different) == 0 {
				agree++
			} else if d := (&conformance.Disagreement{Case: c, Jobs: different}); len(differences.Explain(d)) == 0 {
				report(&unexplained, d)
			}
		}
		total := fmt.Sprintf("%d of %d cases agree outright (%.1f %%), the others are explained; %d of %d jobs in status (%.1f %%)",
			agree, len(cases), percent(agree, len(cases)), sameStatus, jobs, percent(sameStatus, jobs))
		AddReportEntry(total, ReportEntryVisibilityAlways)

		Expect(unexplained.String()).To(BeEmpty(), "correct the rules, or explain the difference in fixtures/conformance/differences.yaml")
		Expect(differences.Stale()).To(BeEmpty(), "these explanations no longer apply: remove them from fixtures/conformance/differences.yaml")
		Expect(percent(agree, len(cases))).To(BeNumerically(">=", 66), "%s", total)
		Expect(percent(sameStatus, jobs)).To(BeNumerically(">=", 93), "%s", total)
	})
})

// answers has the jobs of every case transformed, many cases at a time: lookups
// that fail are tried again for some seconds.
func answers(cases []conformance.Case) []conformance.Outcomes {
	GinkgoHelper()
	program := hubspot()
	rules := serve.Mapping{Name: "hubspot", Load: func() (*engine.Program, []string, error) { return program, nil, nil }}
	ours, failed := make([]conformance.Outcomes, len(cases)), make([]error, len(cases))
	var all sync.WaitGroup
	free := make(chan struct{}, 64)
	for i := range cases {
		free <- struct{}{}
		all.Go(func() {
			ours[i], failed[i] = transform(rules, &cases[i])
			<-free
		})
	}
	all.Wait()
	for i, err := range failed {
		Expect(err).NotTo(HaveOccurred(), cases[i].ID)
	}
	return ours
}

// transform has a server of its own answer a case, with the case's account behind it.
func transform(rules serve.Mapping, c *conformance.Case) (conformance.Outcomes, error) {
	account := httptest.NewServer(hubspotstub.New(c.Account()))
	defer account.Close()
	address, err := url.Parse(account.URL)
	if err != nil {
		return nil, err
	}
	server := serve.New(serve.Options{
		Mappings: []serve.Mapping{rules}, ConnectTo: map[string]*url.URL{"api.hubapi.com": address},
		MaxBody: 64 << 20, MaxBodies: 64 << 20, MaxInFlight: 10, Timeout: time.Minute, Log: slog.New(slog.DiscardHandler),
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error)
	go func() { done <- server.Run(ctx, listener, func() { close(ready) }) }()
	<-ready
	outcomes, err := c.Post("http://" + listener.Addr().String())
	stop()
	return outcomes, errors.Join(err, <-done)
}

func report(w *strings.Builder, d *conformance.Disagreement) {
	fmt.Fprintf(w, "\n%s: %s\n", d.Case.ID, d.Case.Note)
	for _, j := range d.Jobs {
		fmt.Fprintf(w, "  job %s\n    theirs %s\n    ours   %s\n", j.Metadata, shown(j.Theirs), shown(j.Ours))
	}
}

func shown(o conformance.Outcome) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", o.Status, o.Requests, o.Why))
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

func hubspot() *engine.Program {
	GinkgoHelper()
	rules, err := fs.Sub(mappings.FS, "hubspot")
	Expect(err).NotTo(HaveOccurred())
	events, err := fs.Sub(schemas.FS, "events")
	Expect(err).NotTo(HaveOccurred())
	program, err := engine.Load(rules, engine.WithName("mappings/hubspot"), engine.WithEvents("rudderstack", events))
	Expect(err).NotTo(HaveOccurred())
	return program
}
