package serve

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/hubspotstub"
	"github.com/celmap/celmap/mappings"
)

// scribble destroys what is in a slice.
func scribble(room []byte) {
	for i := range room {
		room[i] = "}\"0x"[i%4]
	}
}

// The suite scribbles over the memory of bodies that are not used any more: who
// still reads them answers nonsense, and is seen by the race detector.
var _ = Describe("The memory of bodies", func() {
	It("is used again, and nothing that outlives a request lies in it", func() {
		stub := httptest.NewServer(hubspotstub.New(hubspotstub.Portal{
			Properties: []map[string]any{{"name": "email", "type": "string"}, {"name": "code", "type": "string"}, {"name": "plan", "type": "string"}, {"name": "seats", "type": "number"}},
			Unique:     map[string]map[string]bool{"contacts": {"email": true}},
			Objects:    map[string][]hubspotstub.Object{"contacts": {{ID: "11", Properties: map[string]any{"code": "k1"}}, {ID: "12", Properties: map[string]any{"code": "k2"}}}},
		}))
		DeferCleanup(stub.Close)
		to, err := url.Parse(stub.URL)
		Expect(err).NotTo(HaveOccurred())
		s := start(func(o *Options) {
			o.ConnectTo = map[string]*url.URL{"api.hubapi.com": to}
			o.Mappings = []Mapping{{Name: "hubspot", Load: func() (*engine.Program, []string, error) {
				folder, err := fs.Sub(mappings.FS, "hubspot")
				if err != nil {
					return nil, nil, err
				}
				p, err := engine.Load(folder, engine.WithName("hubspot"), engine.WithEvents("rudderstack", eventSchemas))
				return p, nil, err
			}}}
		})

		// body is of a destination of its own, with events that look for contacts.
		body := func(destination, round int) string {
			field := []string{"code", "email", "code"}[destination]
			var jobs []string
			for i := range 12 {
				jobs = append(jobs, fmt.Sprintf(`{"message":{"type":"identify","messageId":"m-%[1]d-%[2]d","userId":"u%[2]d","traits":{"email":"p%[2]d@example.com","code":"k%[3]d","plan":"gold %[1]d","seats":%[2]d,"made up %[1]d":1}},"metadata":{"jobId":%[2]d,"userId":"u%[2]d","destinationId":"d%[1]d"}}`,
					destination, i+1, (i+round)%4))
			}
			return fmt.Sprintf(`{"input":[%s],"destType":"hubspot","destinations":{"d%[2]d":{"ID":"d%[2]d","Config":{"authorizationType":"newPrivateAppApi","accessToken":"made-up-%[2]d","hubID":"1","apiVersion":"newApi","lookupField":%[3]q},"padding":%[4]q}}}`,
				strings.Join(jobs, ","), destination, field, strings.Repeat("x", 5000*destination))
		}
		answer := func(destination, round int) string {
			GinkgoHelper()
			got := s.do(http.MethodPost, "/routerTransform", body(destination, round), "X-Content-Format", "json+compactedv1")
			Expect(got.status).To(Equal(http.StatusOK))
			return got.body
		}
		want := map[string]string{}
		for destination := range 3 {
			for round := range 4 {
				want[body(destination, round)] = answer(destination, round)
			}
		}
		Expect(want[body(0, 1)]).To(And(ContainSubstring(`"id":"11"`), ContainSubstring(`"plan":"gold 0"`), ContainSubstring(`Bearer made-up-0`)))
		Expect(want[body(1, 0)]).To(ContainSubstring(`"idProperty":"email"`))
		var wait sync.WaitGroup
		for worker := range 4 {
			wait.Go(func() {
				defer GinkgoRecover()
				for n := range 60 {
					destination, round := (worker+n)%3, n%4
					Expect(answer(destination, round)).To(Equal(want[body(destination, round)]))
				}
			})
		}
		wait.Wait()
	})
})
