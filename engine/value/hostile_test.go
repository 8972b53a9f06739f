package value_test

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/value"
)

// allocs returns the average number of allocations of one call.
func allocs(run func()) float64 { return testing.AllocsPerRun(10, run) }

// The offset of a refusal shows how much of the input was read, allocations
// show that memory does not follow its size.
var _ = Describe("hostile input", func() {
	refusalAllocs := func(src []byte, limits value.Limits) float64 {
		a := value.NewArena()
		return allocs(func() {
			a.Reset()
			if _, err := value.Parse(a, src, limits); err == nil {
				panic("accepted")
			}
		})
	}

	DescribeTable("is refused early, whatever its size",
		func(unit string, limits value.Limits, code string, offset int) {
			small, large := strings.Repeat(unit, 1_000), strings.Repeat(unit, 1_000_000)
			for _, text := range []string{small, large} {
				e := refusal(text, limits)
				Expect(e.Code).To(Equal(code))
				Expect(e.Offset).To(Equal(offset))
			}
			Expect(refusalAllocs([]byte(large), limits)).To(BeNumerically("<", 30)) // those of the error
		},
		Entry("brackets", `[`, value.Limits{}, value.CodeEventTooDeep, 64),
		Entry("objects in objects", `{"":`, value.Limits{}, value.CodeEventTooDeep, 64*4),
		Entry("closers", `]`, value.Limits{}, value.CodeInvalidJSON, 0),
		Entry("quotes", `"`, value.Limits{}, value.CodeInvalidJSON, 2),
		Entry("escapes", `"\u0000`, value.Limits{Bytes: 10 << 20}, value.CodeInvalidJSON, 8),
		Entry("zeros", `0`, value.Limits{}, value.CodeInvalidJSON, 0),
		Entry("a long number", `1`, value.Limits{}, value.CodeNumberTooLong, 0),
	)

	It("refuses a text of 10 MB by its size, or by the text's", func() {
		text := quoted(10 << 20)
		Expect(refusal(text, value.Limits{}).Code).To(Equal(value.CodeEventTooLarge))
		Expect(refusalAllocs([]byte(text), value.Limits{})).To(BeNumerically("<", 20))
		limits := value.Limits{Bytes: 20 << 20}
		Expect(refusal(text, limits).Code).To(Equal(value.CodeStringTooLong))
		Expect(refusalAllocs([]byte(text), limits)).To(BeNumerically("<", 20))
	})

	It("does not compute numbers of huge exponents", func() {
		for _, literal := range []string{"1e1000000", "1e999999999999999999", "-1E+400"} {
			Expect(refusal(literal, value.Limits{}).Code).To(Equal(value.CodeNumberOutOfRange))
			Expect(refusalAllocs([]byte(literal), value.Limits{})).To(BeNumerically("<", 20))
		}
		a := value.NewArena()
		Expect(parse(a, "1e-1000000").Float()).To(BeZero())
		Expect(parse(a, "0e1000000").Float()).To(BeZero())
	})

	It("stops at the limit of values, and does not slow down on keys chosen to look alike", func() {
		var b strings.Builder
		b.WriteByte('{')
		for i := range 200_000 {
			// One length, one first, middle and last character: alike for the
			// quick test of small objects.
			fmt.Fprintf(&b, `"k%06dm%06dz":0,`, i, i)
		}
		text := b.String()
		e := refusal(text+`"end":0}`, value.Limits{Bytes: 10 << 20, Keys: 500_000})
		Expect(e.Code).To(Equal(value.CodeEventTooMany))
		Expect(e.Path).To(Equal("k099999m099999z"))

		limits := value.Limits{Bytes: 10 << 20, Nodes: 300_000, Keys: 300_000}
		n, err := value.Parse(value.NewArena(), []byte(text+`"end":0}`), limits)
		Expect(err).NotTo(HaveOccurred())
		Expect(value.ProbesPerKey(n)).To(And(BeNumerically(">=", 1), BeNumerically("<", 3)))

		e = refusal(text+`"k100000m100000z":0}`, limits)
		Expect(e.Code).To(Equal(value.CodeDuplicateKey))
		Expect(e.Offset).To(Equal(len(text)))
	})

	It("leaves an arena usable that gave up memory after an odd batch", func() {
		a := value.NewArena()
		big := []byte(`[` + strings.Repeat(`{"a":"\n"},`, 120_000) + `1]`)
		for range 3 {
			a.Reset()
			_, err := value.Parse(a, big, value.Limits{Nodes: 1_000_000})
			Expect(err).NotTo(HaveOccurred())
		}
		a.Reset()
		Expect(encoded(parse(a, `{"a":["b"]}`))).To(Equal(`{"a":["b"]}`))
	})
})
