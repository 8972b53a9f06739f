//go:build linux

package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/hubspotstub"
	"github.com/celmap/celmap/internal/rudderserver"
)

// answered is what celmap answers to jobs: the statuses of all, and the requests to
// be made.
func (p *process) answered(jobs []rudderserver.Job) (statuses map[int64]int, requests []string) {
	GinkgoHelper()
	answer, err := p.transform(transformOf(jobs))
	Expect(err).NotTo(HaveOccurred())
	for _, e := range answer.Elements {
		for _, r := range e.Requests {
			requests = append(requests, string(r.Raw))
		}
	}
	return answer.Statuses(), requests
}

// hubspotRules are those that are built in, with another time for what is known of an account.
func hubspotRules(ttl string) string {
	GinkgoHelper()
	folder := filepath.Join(GinkgoT().TempDir(), "hubspot")
	Expect(os.CopyFS(folder, os.DirFS("../../mappings/hubspot"))).To(Succeed())
	file := filepath.Join(folder, "destination.yaml")
	text, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	const now = "ttl: 1h"
	Expect(string(text)).To(ContainSubstring(now))
	Expect(os.WriteFile(file, []byte(strings.ReplaceAll(string(text), now, "ttl: "+ttl)), 0o600)).To(Succeed())
	return folder
}

var _ = Describe("What is known of an account", func() {
	var hub *hubspot
	BeforeEach(func() {
		hub = newHubSpot()
		DeferCleanup(hub.Close)
	})

	It("is asked for at once with a token that was set right, and the failures of the old one are forgotten", func() {
		celmap := start(GinkgoTB(), hub.connectTo()...)
		a := hub.open()
		wrong, right := destination("hs", newAPI("made-up-wrong", "customer_code")), destination("hs", newAPI(a.token, "customer_code"))
		for range 3 {
			statuses, requests := celmap.answered(people(20, wrong))
			Expect(statuses).To(HaveEach(401))
			Expect(requests).To(BeEmpty())
		}
		statuses, requests := celmap.answered(people(20, right))
		Expect(statuses).To(HaveEach(200))
		Expect(requests).NotTo(BeEmpty())
		Expect(requests).To(HaveEach(And(ContainSubstring("Bearer "+a.token), Not(ContainSubstring("made-up-wrong")))))

		By("while jobs that were stored before still have the old one")
		statuses, _ = celmap.answered(people(20, wrong))
		Expect(statuses).To(HaveEach(401))

		By("and where HubSpot takes a token back that was good")
		next := hub.open()
		hub.accounts.Delete(a.token)
		statuses, _ = celmap.answered(people(20, right))
		Expect(statuses).To(HaveEach(401), "contacts are searched for")
		statuses, requests = celmap.answered(people(20, destination("hs", newAPI(next.token, "customer_code"))))
		Expect(statuses).To(HaveEach(200))
		Expect(requests).To(HaveEach(ContainSubstring("Bearer " + next.token)))

		By("and where the same token is good again")
		hub.accounts.Store(a.token, a)
		Eventually(func() map[int64]int {
			statuses, _ := celmap.answered(people(20, right))
			return statuses
		}).WithTimeout(starting).WithPolling(50 * time.Millisecond).Should(HaveEach(200))
		Expect(celmap.stderr()).NotTo(Or(ContainSubstring("made-up-token"), ContainSubstring("made-up-wrong")))
	})

	It("is used while HubSpot fails, and fetched again when that is over", func() {
		celmap := start(GinkgoTB(), append(hub.connectTo(), "--mapping", hubspotRules("1s"))...)
		a := hub.open()
		to := destination("hs", newAPI(a.token, "email"))
		statuses, before := celmap.answered(people(5, to))
		Expect(statuses).To(HaveEach(200))
		Expect(before).To(ConsistOf(ContainSubstring(`"plan":"gold"`)))

		a.Break(hubspotstub.Fault{Path: "/properties/", Status: 500, Body: "oh"})
		stale := func() (float64, error) {
			statuses, requests := celmap.answered(people(5, to))
			Expect(statuses).To(HaveEach(200))
			Expect(requests).To(Equal(before))
			return celmap.metric("celmap_lookup_answers_total", `found="stale"`)
		}
		Eventually(stale).WithTimeout(starting).Should(BeNumerically(">=", 3))
		asked := a.Total("/properties/")
		a.Break()
		Eventually(func() (int, error) {
			_, err := stale()
			return a.Total("/properties/"), err
		}).WithTimeout(starting).Should(BeNumerically(">", asked))
	})

	It("is fetched again for a property that it lacks, and once for one that there is not", func() {
		if !full {
			Skip("it is not fetched again within a minute, which make faults takes")
		}
		celmap := start(GinkgoTB(), hub.connectTo()...)
		a := hub.open()
		to := destination("hs", newAPI(a.token, "email"))
		event := func(name string) []rudderserver.Job {
			return []rudderserver.Job{job(1, "ada", identify("ada", 1, map[string]any{"email": "ada@example.test", name: "blue"}), to)}
		}
		_, requests := celmap.answered(event("favourite_colour"))
		Expect(requests).To(ConsistOf(Not(ContainSubstring("blue"))))

		larger := portal
		larger.Properties = append(properties("favourite_colour:string"), portal.Properties...)
		richer := &account{Stub: hubspotstub.New(larger), token: a.token}
		hub.accounts.Store(a.token, richer)
		Eventually(func() []string {
			_, requests := celmap.answered(event("favourite_colour"))
			return requests
		}).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(ConsistOf(ContainSubstring(`"favourite_colour":"blue"`)))
		Expect(richer.Total("/properties/")).To(Equal(1))

		for begun := time.Now(); time.Since(begun) < 70*time.Second; time.Sleep(time.Second) {
			celmap.answered(event("no_such_property"))
		}
		Expect(richer.Total("/properties/")).To(Equal(2), "once for it, and never again")
	})
})
