package simulator_test

import (
	"net/http/httptest"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

var _ = Describe("The account", func() {
	It("says which portal it is, and what time it is there", func() {
		s, err := simulator.New(simulator.Portal{TimeZone: "Asia/Kolkata"}, simulator.Options{})
		Expect(err).NotTo(HaveOccurred())
		for _, path := range []string{"/account-info/v3/details", "/account-info/2026-03/details", "/account-info/2026-09/details"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Authorization", "Bearer made-up")
			s.ServeHTTP(w, r)
			Expect(w.Code).To(Equal(200))
			Expect(w.Body.String()).To(ContainSubstring(`"portalId":12345678`))
			Expect(w.Body.String()).To(ContainSubstring(`"utcOffset":"+05:30"`))
			Expect(w.Header()).To(HaveKeyWithValue("X-HubSpot-Correlation-Id", HaveExactElements(HaveLen(36))), "in these letters")
			Expect(w.Header()).To(And(HaveKey("X-Trace"), HaveKey("X-Request-Id")))
		}
	})
})
