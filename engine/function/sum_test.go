package function_test

import (
	"fmt"
	"math/big"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	"pgregory.net/rapid"
)

var _ = Describe("sum", func() {
	DescribeTable("adds exactly", expectCall,
		Entry(nil, `sum([1, -1])`, `0`),
		Entry(nil, `sum([-0.5, 0.25])`, `-0.25`),
		Entry(nil, `sum([0.05, -0.1])`, `-0.05`),
		Entry(nil, `sum([1e3, "2.50", 0.5])`, `1003`),
		Entry(nil, `sum([18446744073709551615, 1])`, `18446744073709551616`),
		Entry(nil, `sum([100, 200])`, `300`),
		Entry(nil, `sum([null])`, `0`),
		Entry(nil, `sum(null)`, `null`),
		Entry(nil, `sum([true])`, `error: is no plain decimal number`),
		Entry(nil, `sum({"a": 1})`, `error: `),
		Entry(nil, `sum(["`+strings.Repeat("1", 200)+`.`+strings.Repeat("1", 1000)+`"])`, `error: too many digits`),
	)

	It("is what rational numbers give, in any order", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			var texts []string
			want := new(big.Rat)
			for range rapid.IntRange(0, 8).Draw(t, "numbers") {
				n := fmt.Sprintf("%d.%0*d", rapid.IntRange(-9999, 9999).Draw(t, "whole"), rapid.IntRange(1, 6).Draw(t, "places"), rapid.IntRange(0, 9).Draw(t, "fraction"))
				texts = append(texts, n)
				r, _ := new(big.Rat).SetString(n)
				want.Add(want, r)
			}
			got, ok := new(big.Rat).SetString(call("sum(["+strings.Join(texts, ",")+"])", false))
			if !ok || got.Cmp(want) != 0 {
				t.Fatalf("sum(%v) = %v, not %v", texts, got, want)
			}
		})
	})
})
