package serve

import (
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/rudder"
)

var _ = Describe("The pages", func() {
	It("tell the version", func() {
		answer := start().get("/version")
		Expect(answer.body).To(ContainSubstring(`{"service":"celmap","version":"1.2.3","go":"go1.`))
	})

	It("show what operators are told of, and nothing else", func() {
		r := start()
		Expect(r.do("POST", "/routerTransform", jobs("notes", "hello")).status).To(Equal(200))
		Expect(r.do("POST", "/routerTransform", "").status).To(Equal(400))
		r.metrics.Call("notes", "people", 0, 0)
		r.metrics.Cache("notes", "people", 0)
		r.metrics.delivered("notes")(200, "")
		r.metrics.upstream.WithLabelValues("none").Inc()
		guide, err := os.ReadFile("../../docs/operators.md")
		Expect(err).NotTo(HaveOccurred())
		told := map[string]bool{}
		for line := range strings.Lines(string(guide)) {
			if name, ok := strings.CutPrefix(line, "| `celmap_"); ok {
				name, _, _ = strings.Cut(name, "`")
				told["celmap_"+name] = true
			}
		}
		families, err := r.metrics.registry.Gather()
		Expect(err).NotTo(HaveOccurred())
		shown := map[string]bool{}
		for _, f := range families {
			if strings.HasPrefix(f.GetName(), "celmap_") {
				shown[f.GetName()] = true
			}
		}
		Expect(shown).To(Equal(told))
	})

	It("count jobs by what became of them, bodies and breaches", func() {
		r := start()
		Expect(r.do("POST", "/routerTransform", jobs("N", "a", "b")).status).To(Equal(200))
		Expect(r.metric("celmap_jobs_total")).To(ConsistOf(`celmap_jobs_total{code="",destination="notes",status="200"} 2`))
		Expect(r.metric("celmap_http_requests_total")).To(ContainElement(`celmap_http_requests_total{route="routerTransform",status="200"} 1`))
		Expect(r.metric("celmap_http_request_body_bytes_count")).To(ConsistOf("celmap_http_request_body_bytes_count 1"))
		Expect(r.metric("celmap_invariant_breaches_total")).To(ConsistOf(`celmap_invariant_breaches_total{destination="notes"} 0`))
		r.metrics.count("notes")(500, rudder.Unsound, 3)
		Expect(r.metric("celmap_invariant_breaches_total")).To(ConsistOf(`celmap_invariant_breaches_total{destination="notes"} 3`))
	})
})
