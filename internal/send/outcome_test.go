package send

import (
	"fmt"
	"net/http"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/queue"
)

// people are identify events of as many contacts; those named are poison.
func people(n uint64, poison ...uint64) (items []queue.Item) {
	for i := range n {
		items = append(items, identify(i, int(i)+1, slices.Contains(poison, i)))
	}
	return items
}

var _ = Describe("An answer", func() {
	var a *api
	BeforeEach(func() {
		a = newAPI()
		DeferCleanup(a.Close)
	})
	isPoison := func(w write) bool { return w.Properties["city"] == "poison" }

	It("that a request is too large has it divided, down to the record that is", func() {
		a.fault = func(_ *http.Request, writes []write) string {
			if len(writes) > 30 || slices.ContainsFunc(writes, isPoison) {
				return "413 <html>too large</html>"
			}
			return ""
		}
		b := newBacklog(people(100, 42)...)
		_, stop := start(b, a, nil)
		Eventually(b.empty).Should(BeClosed())
		Expect(stop()).To(Succeed())
		Expect(b.deadLetters()).To(HaveLen(1))
		note := b.deadLetters()[42]
		Expect(note).To(HaveField("Reason", Refused))
		Expect(note.Code).To(Equal("too_large"))
		Expect(note.Message).To(ContainSubstring("send less data"))
		Expect(a.written()).To(HaveLen(99))
		Expect(len(a.requests)).To(BeNumerically("<", 25))
	})

	DescribeTable("that refuses a batch for the sake of one record makes no dead letter of others", func(status int) {
		a.fault = func(_ *http.Request, writes []write) string {
			if slices.ContainsFunc(writes, isPoison) {
				return fmt.Sprintf(`%d {"message":"no"}`, status)
			}
			return ""
		}
		b := newBacklog(people(20, 7)...)
		_, stop := start(b, a, nil)
		Eventually(b.empty).Should(BeClosed())
		Expect(stop()).To(Succeed())
		Expect(b.deadLetters()).To(HaveLen(1))
		Expect(b.deadLetters()[7]).To(And(HaveField("Reason", Refused), HaveField("Status", status), HaveField("Attempts", 1)))
		Expect(a.written()).To(HaveLen(19))
	}, Entry(nil, 400), Entry(nil, 409), Entry(nil, 413), Entry(nil, 415), Entry(nil, 418), Entry(nil, 422), Entry(nil, 431))

	It("that an address does not exist costs one request, not one for each record", func() {
		a.fault = func(*http.Request, []write) string { return `404 {"message":"nothing here"}` }
		b := newBacklog(people(100)...)
		_, stop := start(b, a, nil)
		Eventually(b.empty).Should(BeClosed())
		Expect(stop()).To(Succeed())
		Expect(b.deadLetters()).To(HaveLen(100))
		Expect(a.requests).To(HaveLen(1))
	})
})
