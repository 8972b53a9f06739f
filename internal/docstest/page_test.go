package docstest

import (
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

const page = `# Title

<!-- file: rules/a.yaml -->
` + "```yaml" + `
one: 1
two: 2
` + "```" + `

1. Then

   ` + "```console" + `
   $ cat \
     rules/a.yaml
   one: 1
   two: 2
   $ (exit 4)
   $ echo $?
   4
   ` + "```" + `

<!-- change: rules/a.yaml -->
` + "```diff" + `
 one: 1
-two: 2
+three: 3
` + "```" + `

` + "```console" + `
$ cat rules/a.yaml; echo oops >&2
one: 1
three: 3
oops
` + "```" + `
`

var _ = Describe("Following a page", func() {
	It("runs its commands in order and finds it true", func() {
		told, wrong := follow(page, GinkgoT().TempDir())
		Expect(wrong).To(BeEmpty())
		Expect(told).To(Equal(page))
	})

	It("finds an output that is not what comes, and tells what does, indented as the page is", func() {
		told, wrong := follow("1. a\n   ```console\n   $ echo a; echo b\n   a\n   $ echo c\n   c\n   ```\n", GinkgoT().TempDir())
		Expect(wrong).To(HaveLen(1))
		Expect(wrong[0]).To(MatchError(ContainSubstring("line 3: $ echo a; echo b\nprints\na\nb\nand not\na")))
		Expect(told).To(Equal("1. a\n   ```console\n   $ echo a; echo b\n   a\n   b\n   $ echo c\n   c\n   ```\n"))
	})

	DescribeTable("refuses", func(page, because string) {
		dir := GinkgoT().TempDir()
		Expect(os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("a: 1\nb: 2\nc: 3\na: 1\n"), 0o600)).To(Succeed())
		_, wrong := follow(page, dir)
		Expect(wrong).To(HaveLen(1))
		Expect(wrong[0]).To(MatchError(ContainSubstring(because)))
	},
		Entry("a block without an end", "```yaml\na: 1\n", "no end"),
		Entry("a mark without a block", "<!-- file: a -->\n\n```yaml\n```\n", "stands above no fenced block"),
		Entry("a mark that nobody knows", "<!-- fiel: a -->\n```yaml\n```\n", "cannot be marked as fiel"),
		Entry("a console block without a command", "```console\nhello\n```\n", "begins with a command"),
		Entry("a change of a file that is not there", "<!-- change: b.yaml -->\n```diff\n-a\n```\n", "no such file"),
		Entry("a change of lines that are not there", "<!-- change: a.yaml -->\n```diff\n-b: 3\n```\n", "0 times, not once"),
		Entry("a change of lines that stand there twice", "<!-- change: a.yaml -->\n```diff\n-a: 1\n```\n", "2 times, not once"),
		Entry("a change that is no diff", "<!-- change: a.yaml -->\n```diff\na: 1\n```\n", "begins with a blank"),
		Entry("an excerpt with a gap", "<!-- excerpt: a.yaml -->\n```yaml\na: 1\nc: 3\n```\n", "does not hold these lines"),
		Entry("an excerpt in another order", "<!-- excerpt: a.yaml -->\n```yaml\nc: 3\n# …\nb: 2\n```\n", "does not hold these lines"),
	)

	It("accepts an excerpt that says where lines are left out", func() {
		dir := GinkgoT().TempDir()
		Expect(os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("a: 1\nb: 2\nc: 3\n"), 0o600)).To(Succeed())
		_, wrong := follow("<!-- excerpt: a.yaml -->\n```yaml\na: 1\n# …\nc: 3\n```\n", dir)
		Expect(wrong).To(BeEmpty())
	})
})

var _ = DescribeTable("Lines fit what a page shows", func(shown, lines []string, want bool) {
	Expect(Fits(shown, lines)).To(Equal(want))
},
	Entry("if they are the same", []string{"a", "b"}, []string{"a", "b"}, true),
	Entry("not if one is missing", []string{"a", "b"}, []string{"a"}, false),
	Entry("not if one is too many", []string{"a"}, []string{"a", "b"}, false),
	Entry("where … stands for some", []string{"a", "…", "d"}, []string{"a", "b", "c", "d"}, true),
	Entry("where … stands for none", []string{"a", "…", "b"}, []string{"a", "b"}, true),
	Entry("not if what follows … does not come", []string{"…", "d"}, []string{"a", "b"}, false),
)

var _ = DescribeTable("An update keeps what a page leaves out", func(shown, lines, want []string) {
	Expect(Update(shown, lines)).To(Equal(want))
},
	Entry("where only numbers have changed", []string{"a:1", "…", "d 2"}, []string{"a:7", "b", "c", "d 9"}, []string{"a:7", "…", "d 9"}),
	Entry("but not where other words came", []string{"a", "…", "d"}, []string{"a", "b", "e"}, []string{"a", "b", "e"}),
	Entry("and has all lines where none are left out", []string{"a 1"}, []string{"a 2"}, []string{"a 2"}),
)
