package rudder_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/rudder"
	"github.com/celmap/celmap/internal/rudderserver"
)

func TestRudder(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Rudder")
}

// load compiles a folder of rules; the error is a mistake of the test.
func load(folder string) *engine.Program {
	p, err := engine.Load(os.DirFS(folder), engine.WithName(folder))
	if err != nil {
		panic(err)
	}
	return p
}

var shop = load("testdata/shop")

// direct maps without lookups. change, if set, spoils what is mapped.
type direct struct {
	change func([]engine.Input) []engine.Input
}

func (m direct) Map(_ context.Context, d lookup.Destination, events []engine.Input) (*engine.Output, error) {
	c, err := d.Program.Bind(engine.Settings{Config: d.Config})
	if err != nil {
		return nil, err
	}
	if m.change != nil {
		events = m.change(events)
	}
	return c.Plan(events).Map(), nil
}

func transformer() *rudder.Transformer {
	return &rudder.Transformer{Type: "shop", Program: shop, Mapper: direct{}}
}

// element is an element of an answer.
type element struct {
	Requests    json.RawMessage   `json:"batchedRequest"`
	Output      json.RawMessage   `json:"output"`
	Metadata    json.RawMessage   `json:"metadata"`
	Destination json.RawMessage   `json:"destination"`
	Batched     bool              `json:"batched"`
	Status      int               `json:"statusCode"`
	Error       string            `json:"error"`
	StatTags    map[string]string `json:"statTags"`
}

// route has the transformer answer a body, and returns the elements.
func route(t *rudder.Transformer, body string, compact bool) []element {
	GinkgoHelper()
	answer, err := t.Router(context.Background(), []byte("before"), []byte(body), compact)
	Expect(err).NotTo(HaveOccurred())
	var read struct{ Output []element }
	rest, ok := strings.CutPrefix(string(answer), "before")
	Expect(ok).To(BeTrue(), "what was in dst stays there")
	Expect(json.Unmarshal([]byte(rest), &read)).To(Succeed(), rest)
	return read.Output
}

// response is an answer as rudder-server sees it.
func response(answer []byte) *rudderserver.Response {
	return &rudderserver.Response{Status: 200, Header: map[string][]string{"Apiversion": {"2"}}, Body: answer}
}

const destination = `{"ID":"d1","Config":{"token":"t"},"hasDynamicConfig":false}`

// one is a body with one job.
func one(message string) string {
	return fmt.Sprintf(`{"input":[{"message":%s,"metadata":{"jobId":1,"workspaceId":"w","destinationId":"d1"},"destination":%s}],"destType":"shop"}`, message, destination)
}
