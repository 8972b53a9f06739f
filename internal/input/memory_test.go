package input_test

import (
	"io"
	"runtime"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/input"
)

// endless gives its head, n times its event and its tail, and holds them once only.
type endless struct {
	head, event, tail string
	n                 int
	left              string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == "" {
		switch {
		case e.head != "":
			e.left, e.head = e.head, ""
		case e.n > 0:
			e.left = e.event
			e.n--
		case e.tail != "":
			e.left, e.tail = e.tail, ""
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}

var _ = Describe("Memory", func() {
	const size, total = 2000, 200 << 20
	event := `{"type":"track","text":"` + strings.Repeat("x", size-26) + `"}`

	DescribeTable("stays flat over 200 MB",
		func(stream *endless) {
			reader := input.NewReader(0, input.Stream("endless", stream))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			count := 0
			for {
				item, err := reader.Next()
				if err == io.EOF {
					break
				}
				if err != nil || item.Problem != nil || string(item.JSON) != event {
					Fail("item " + string(item.JSON))
				}
				count++
			}
			runtime.ReadMemStats(&after)
			Expect(count).To(Equal(total / size))
			// All that was ever allocated, so no run of the collector can hide anything.
			Expect(after.TotalAlloc - before.TotalAlloc).To(BeNumerically("<", 1<<20))
		},
		Entry("of lines", &endless{event: event + "\n", n: total / size}),
		Entry("of one array", &endless{head: "[", event: event + ",", n: total/size - 1, tail: event + "]"}),
		Entry("of one batch", &endless{head: `{"sentAt":"now","batch":[`, event: event + ",", n: total/size - 1, tail: event + "]}"}),
	)

	It("stays flat over one event of 200 MB", func() {
		reader := input.NewReader(100<<10, input.Stream("endless", &endless{head: `{"a":"`, event: event, n: total / size}))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		item, err := reader.Next()
		runtime.ReadMemStats(&after)
		Expect(err).NotTo(HaveOccurred())
		Expect(item.Problem).NotTo(BeNil())
		Expect(item.Problem.TooLarge).To(BeTrue())
		Expect(after.TotalAlloc - before.TotalAlloc).To(BeNumerically("<", 2<<20))
	})
})
