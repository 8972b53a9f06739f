package value_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/value"
)

func TestValue(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "JSON values")
}

// parse reads JSON that the test knows to be good.
func parse(a *value.Arena, text string) *value.Node {
	GinkgoHelper()
	n, err := value.Parse(a, []byte(text), value.Limits{})
	Expect(err).NotTo(HaveOccurred())
	return n
}

// refusal parses what must be refused.
func refusal(text string, limits value.Limits) *value.ParseError {
	GinkgoHelper()
	n, err := value.Parse(value.NewArena(), []byte(text), limits)
	Expect(n).To(BeNil())
	var refused *value.ParseError
	Expect(err).To(BeAssignableToTypeOf(refused))
	return err.(*value.ParseError)
}

func encoded(n *value.Node) string { return string(value.AppendJSON(nil, n)) }
