package function_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/function"
)

var _ = DescribeTable("lower case of all scripts",
	func(given, expected string) { Expect(function.Lower(given)).To(Equal(expected)) },
	Entry("letters without rules of their own", "ÄRGER Straße ЁЖ", "ärger straße ёж"),
	Entry("a dotted I keeps its dot", "İd", "i̇d"),
	Entry("a sigma at the end of a word", "ΣΑΣ", "σας"),
	Entry("a sigma within a word", "ΑΣΑ", "ασα"),
	Entry("a sigma by itself is no end", "Σ", "σ"),
	Entry("a sigma before a full stop ends the word", "ΑΣ. Α", "ας. α"),
	Entry("a sigma before an apostrophe does not", "ΑΣ'Α", "ασ'α"),
	Entry("a mark does not begin a word", "́ΣΑ", "́σα"),
	Entry("bytes that are no UTF-8 become U+FFFD, as in strings.ToLower", "Σ\xff", "σ\uFFFD"),
)
