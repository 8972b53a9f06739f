package conformance_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/conformance"
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
		mapper := conformance.Mapper{Program: hubspot()}

		var run, agree, jobs, sameStatus int
		var unexplained strings.Builder
		for i := range cases {
			c := &cases[i]
			if outOfScope(c) {
				continue
			}
			theirs, err := c.Recorded()
			Expect(err).NotTo(HaveOccurred(), c.ID)
			ours, err := mapper.Outcomes(c)
			Expect(err).NotTo(HaveOccurred(), c.ID)
			different, n, same := conformance.Compare(theirs, ours)
			run, jobs, sameStatus = run+1, jobs+n, sameStatus+same
			if len(different) == 0 {
				agree++
			} else if d := (&conformance.Disagreement{Case: c, Jobs: different}); len(differences.Explain(d)) == 0 {
				report(&unexplained, d)
			}
		}
		total := fmt.Sprintf("%d of %d cases agree outright (%.1f %%), the others are explained; %d of %d jobs in status (%.1f %%); %d cases left out",
			agree, run, percent(agree, run), sameStatus, jobs, percent(sameStatus, jobs), len(cases)-run)
		AddReportEntry(total, ReportEntryVisibilityAlways)

		Expect(unexplained.String()).To(BeEmpty(), "correct the rules, or explain the difference in fixtures/conformance/differences.yaml")
		Expect(differences.Stale()).To(BeEmpty(), "these explanations no longer apply: remove them from fixtures/conformance/differences.yaml")
		Expect(percent(agree, run)).To(BeNumerically(">=", 66), "%s", total)
		Expect(percent(sameStatus, jobs)).To(BeNumerically(">=", 92.9), "%s", total)
	})
})

// outOfScope tells the cases that the offline run cannot do: reverse ETL is not
// mapped yet, and no lookup of the engine fetches the account's properties, so
// none can fail.
func outOfScope(c *conformance.Case) bool {
	return strings.HasPrefix(c.Group, "retl-") || c.Portal.HidesProperties()
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
