package source_test

import (
	"errors"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine/source"
)

// refused parses what must be refused for one reason and returns it.
func refused(text string) source.Diagnostic {
	GinkgoHelper()
	n, found := source.Parse("dir/file.yaml", []byte(text))
	Expect(n).To(BeNil())
	Expect(found).NotTo(BeEmpty())
	Expect(found.HasErrors()).To(BeTrue())
	return found[0]
}

var _ = Describe("Parse", func() {
	It("takes scalars from the source text", func() {
		n, found := source.Parse("f", []byte("on: 01234\nNO: yes\nday: 2026-01-01\noct: 0o7\ntime: 12:30:45\nnull: ~\nempty:\nbig: 1_000\n"))
		Expect(found).To(BeEmpty())
		var got []string
		for _, e := range n.Entries {
			got = append(got, e.Key.Text+"="+e.Value.Text)
		}
		Expect(got).To(Equal([]string{"on=01234", "NO=yes", "day=2026-01-01", "oct=0o7", "time=12:30:45", "null=~", "empty=", "big=1_000"}))
		Expect(n.Get("empty")).To(HaveField("Kind", source.Scalar))
		Expect(n.Get("nothing")).To(BeNil())
	})

	It("reads nested mappings, lists and brackets", func() {
		n, found := source.Parse("f", []byte("a:\n  - x: 1\n    y: [2, {z: three}]\n  - - four\nb: {}\nc: []\n"))
		Expect(found).To(BeEmpty())
		a := n.Get("a")
		Expect(a.Kind).To(Equal(source.Sequence))
		Expect(a.Items[0].Get("y").Items[1].Get("z").Text).To(Equal("three"))
		Expect(a.Items[1].Items[0].Text).To(Equal("four"))
		Expect(n.Get("b")).To(And(HaveField("Kind", source.Mapping), HaveField("Entries", BeEmpty())))
		Expect(n.Get("c")).To(And(HaveField("Kind", source.Sequence), HaveField("Items", BeEmpty())))
	})

	DescribeTable("accepts", func(text string) {
		_, found := source.Parse("f", []byte(text))
		Expect(found).To(BeEmpty())
	},
		Entry("an apostrophe before a comment", "a: don't stop # here\n"),
		Entry("quotes that are closed before a comment", "a: x == \"y\" # here\n"),
		Entry("a balanced call between brackets", "a: {id: =text(key), b: 1}\n"),
		Entry("JSON with tabs", "{\n\t\"a\": [1, 2.5e3, true, null],\n\t\"b\":\"\\u00e9\"\n}\n"),
		Entry("a byte order mark", "\uFEFFa: 1\n"),
		Entry("CRLF", "a: 1\r\nb:\r\n  - c\r\n"),
		Entry("document markers around one document", "---\na: 1\n...\n"),
		Entry("an empty value between brackets", "a: {b: , c: 1}\n"),
		Entry("a hash inside a word", "a: b#c\n"),
		Entry("exclamation marks inside a text", "a: b != c && !d\n"),
		Entry("an alias character inside a text", "a: 2 * 3 & 4\n"),
		Entry("tabs inside a block", "a: |\n  x\n  \ty\n"),
		Entry("64 levels", strings.Repeat("[", 64)+strings.Repeat("]", 64)),
	)

	DescribeTable("refuses", func(text, code, place, at, says string) {
		d := refused(text)
		Expect(d.Code).To(Equal(code))
		Expect(d.Span.String()).To(Equal("dir/file.yaml:" + place))
		Expect(d.Span.Text()).To(Equal(at))
		Expect(d.Summary + "\n" + d.Detail + "\n" + d.Help).To(ContainSubstring(says))
		Expect(d.Severity).To(Equal(source.Error))

		windows := strings.ReplaceAll(text, "\n", "\r\n")
		if !strings.HasPrefix(code, "yaml-line") {
			Expect(refused(windows).Error()).To(Equal(d.Error()), "with CRLF")
		}
	},
		Entry("a tag", "a: !!str x", "yaml-tag", "1:4", "!!str", "put quotes"),
		Entry("a negation that is a tag", "a: 1\nwhen: !isTrue(x)\n", "yaml-tag", "2:7", "!isTrue(x)", "put quotes"),
		Entry("a negation with more behind it", "when: !a && b\n", "yaml-tag", "1:7", "!a", "YAML tag"),
		Entry("a negation in brackets", "x: [!a]\n", "yaml-tag", "1:5", "!a]", "YAML tag"),
		Entry("an anchor", "a: &x 1\n", "yaml-anchor", "1:4", "&x", "let"),
		Entry("an anchor of a mapping", "a: &x\n  b: 1\n", "yaml-anchor", "1:4", "&x", "anchor"),
		Entry("an alias", "a: 1\nb: *x\n", "yaml-alias", "2:4", "*x", "alias"),
		Entry("a glob that is an alias", "within: *.example.com\n", "yaml-alias", "1:9", "*.example.com", "put quotes"),
		Entry("a merge key", "a:\n  <<: {b: 1}\n", "yaml-merge", "2:3", "<<", "fragment"),
		Entry("a duplicate key", "a: 1\nb: 2\n'a': 3\n", "yaml-duplicate-key", "3:1", "'a'", "first written in line 1"),
		Entry("a duplicate key in brackets", "x: {ä: 1, ä: 2}\n", "yaml-duplicate-key", "1:11", "ä", "`ä` is here twice"),
		Entry("two documents", "a: 1\n---\nb: 2\n", "yaml-documents", "2:1", "---", "file of its own"),
		Entry("text behind the end of the document", "a: 1\n...\nb: 2\n", "yaml-documents", "2:1", "...", "second document"),
		Entry("a directive", "# x\n%YAML 1.1\n---\na: 1\n", "yaml-directive", "2:1", "%YAML 1.1", "remove"),
		Entry("nothing", "", "yaml-empty", "1:1", "", "empty"),
		Entry("comments only", "# x\n", "yaml-empty", "1:1", "", "empty"),
		Entry("a tab under a key", "a:\n\tb: 1\n", "yaml-tab", "2:1", "\t", "spaces"),
		Entry("a tab before a key", "a:\n  b: 1\n  \tc: 2\n", "yaml-tab", "3:3", "\t", "spaces"),
		Entry("a tab in an empty line", "a: 1\n\t\nb: 2\n", "yaml-tab", "2:1", "\t", "empty line"),
		Entry("a tab behind a dash", "a:\n  -\tb: 1\n", "yaml-tab", "2:4", "\t", "spaces"),
		Entry("a tab in a block", "a: |\n\tx\n", "yaml-tab", "2:1", "\t", "spaces"),
		Entry("invalid UTF-8", "a: \xff\n", "yaml-encoding", "1:4", "\xff", "0xFF"),
		Entry("a control character", "a: x\x00\n", "yaml-character", "1:5", "\x00", "U+0000"),
		Entry("a byte order mark inside", "a: x\uFEFF\n", "yaml-character", "1:5", "\uFEFF", "U+FEFF"),
		Entry("a line separator", "a: ä\u2028\n", "yaml-line-break", "1:5", "\u2028", `"\u2028"`),
		Entry("a lone carriage return", "a: 1\rb: 2\n", "yaml-line-break", "1:5", "\r", "CRLF"),
		Entry("65 levels", strings.Repeat("[", 65)+strings.Repeat("]", 65), "yaml-too-deep", "1:65", "", "64"),
		Entry("ten thousand levels", strings.Repeat("[", 10001), "yaml-too-deep", "1:1", "", "64"),
		Entry("a comment that cuts a text", "a: name == \"Order #5\"\n", "yaml-cut-comment", "1:19", "#5\"", "single quotes"),
		Entry("a comment that cuts a text in single quotes", "a: name == 'Order #5'\n", "yaml-cut-comment", "1:19", "#5'", "double quotes"),
		Entry("a comment that cuts a call", "a: f(x #5)\n", "yaml-cut-comment", "1:8", "#5)", "`)`"),
		Entry("a comma that cuts a call", "a: {when: has(a, b)}\n", "yaml-flow-expression", "1:11", "has(a", "single quotes"),
		Entry("a comma that cuts a call in a list", "a: [f(\"x\", 'y'), z]\n", "yaml-flow-expression", "1:5", "f(\"x\"", "`)`"),
		Entry("a key without a value in brackets", "a: {b, c: 1}\n", "yaml-flow-key", "1:5", "b", "no value"),
		Entry("a pair in a list in brackets", "a: [b: c]\n", "yaml-flow-pair", "1:5", "", "quotes"),
		Entry("a question mark in brackets", "a: {x: a ? b : c}\n", "yaml-flow-expression", "1:10", "?", "quotes"),
		Entry("a key with a question mark", "? a\n: b\n", "yaml-complex-key", "1:1", "? a", "quotes"),
		Entry("a list as a key", "[a]: 1\n", "yaml-complex-key", "1:1", "", "cannot be a key"),
		Entry("no key", "a: 1\n: x\n", "yaml-empty-key", "2:1", ":", "no key"),
		Entry("no key in brackets", "a: {: x}\n", "yaml-empty-key", "1:5", ":", "no key"),

		Entry("a colon in a value", "a: 1\nb: x ? y : z\n", "yaml-colon", "2:10", ":", "single quotes"),
		Entry("a colon in a value with quotes", "b: x == 'y: z'\n", "yaml-colon", "1:11", ":", "double quotes"),
		Entry("a colon in a value with both quotes", "b: x == 'y: z' || \"\"\n", "yaml-colon", "1:11", ":", "under a `|`"),
		Entry("a colon in a list entry", "- a: b: c\n", "yaml-colon", "1:7", ":", "single quotes"),
		Entry("a colon in brackets", "a: {b: f(x: 1)}\n", "yaml-colon", "1:11", ":", "quotes"),
		Entry("a quote never closed", "a: 1\nb: \"x\nc: 3\n", "yaml-quote", "2:4", "\"", "never closed"),
		Entry("a quote never closed in the first line", "b: 'x\nc: 3\n", "yaml-quote", "1:4", "'", "never closed"),
		Entry("a quote closed lines later", "a: \"x\nb: \"y\"\n", "yaml-quote", "1:4", "\"", "only in line 2"),
		Entry("text behind a double quote", "a: 1\nb: \"x\" == y\n", "yaml-quote", "2:8", "== y", "single quotes"),
		Entry("an apostrophe in single quotes", "b: 'don't'\n", "yaml-quote", "1:9", "t'", "''"),
		Entry("a quote up to a document marker", "a: 'x\n---\nb: 1\n", "yaml-quote", "1:4", "'", "never closed"),
		Entry("an unknown escape", "b: \"\\d+\"\n", "yaml-escape", "1:5", "\\d", "backslash"),
		Entry("a short escape", "b: \"\\xZZ\"\n", "yaml-escape", "1:5", "\\xZZ", "no escape"),
		Entry("an escape of JSON only", "{\"a\": \"b\\/c\"}\n", "yaml-escape", "1:9", "\\/", "without the backslash"),
		Entry("half a character", "b: \"\\ud83d\\ude00\"\n", "yaml-escape", "1:5", "\\ud83d", "character itself"),
		Entry("a bracket not closed", "a: 1\nb: [x, y\nc: 3\n", "yaml-bracket", "2:4", "[", "not closed"),
		Entry("a brace not closed", "a: {b: [x], c: {d: 1}\n", "yaml-bracket", "1:4", "{", "not closed"),
		Entry("brackets that do not fit", "a: [x}\n", "yaml-bracket", "1:6", "}", "line 1"),
		Entry("an index in brackets", "a: [x[0]]\n", "yaml-bracket", "1:6", "[", "quotes"),
		Entry("an index in brackets, below a text in quotes", "a:\n- {b: c == \"d\"}\n- {b: c in [\"d\"]}\n", "yaml-bracket", "3:12", "[", "quotes"),
		Entry("a placeholder in brackets", "a: {b: x${y}}\n", "yaml-bracket", "1:10", "{", "quotes"),
		Entry("text behind a bracket", "a: [x] + y\n", "yaml-bracket", "1:8", "+ y", "quotes"),
		Entry("two commas", "a: [b, , c]\n", "yaml-comma", "1:8", ",", "no value"),
		Entry("no comma", "a: [\"b\" \"c\"]\n", "yaml-comma", "1:9", "\"c\"]", "no comma"),
		Entry("a reserved character", "a: @b\n", "yaml-reserved", "1:4", "@", "quotes"),
		Entry("a backtick", "a: `b`\n", "yaml-reserved", "1:4", "`", "quotes"),
		Entry("a closing bracket", "a: ]\n", "yaml-reserved", "1:4", "]", "quotes"),
		Entry("a pipe that begins no block", "a: || b\n", "yaml-block", "1:4", "|| b", "quotes"),
		Entry("a comparison that begins no block", "a: > 5\n", "yaml-block", "1:4", "> 5", "quotes"),
		Entry("no colon", "a: 1\nfoo\nb: 2\n", "yaml-key", "2:1", "foo", "write `foo:`"),
		Entry("no blank after the colon", "a: 1\nb:2\nc: 3\n", "yaml-key", "2:1", "b:2", "blank after the colon"),
		Entry("no colon in the first line", "foo\nb: 2\n", "yaml-key", "1:1", "foo", "no key"),
		Entry("text behind a comment", "a: x # c\n  y\n", "yaml-key", "2:3", "y", "no key"),
		Entry("too much indentation", "a: 1\n  b: 2\n", "yaml-indent", "2:3", "b: 2", "line 1"),
		Entry("indentation between two levels", "a:\n    b: 1\n  c: 2\n", "yaml-indent", "3:3", "c: 2", "column 1"),
		Entry("less indentation inside a text", "a: >\n  x\n y: 1\n", "yaml-indent", "3:2", "y: 1", "first line of its text"),
		Entry("a key behind a whole value", "{a: b}\nc: d\n", "yaml-key", "2:1", "c: d", "whole file"),
		Entry("a key in quotes with a colon in its value", "\"a b\": x: y\n", "yaml-colon", "1:9", ":", "quotes"),
		Entry("a quote in a list that is never closed", "- 'it''s: 1\n", "yaml-quote", "1:3", "'", "never closed"),
		Entry("UTF-16", "\xff\xfea\x00", "yaml-encoding", "1:1", "\xff", "UTF-16"),
		Entry("a list in brackets that is not indented", "a: 1\nb:\n[x,\n]: 2\n", "yaml-key", "3:1", "[x,", "indent it further"),
		Entry("less indentation than the first line", "  a: 1\nb: 2\n", "yaml-indent", "2:1", "b: 2", "same indentation"),
		Entry("a list in the line of its key", "a: - b\n", "yaml-list", "1:4", "- b", "next line"),
		Entry("a list entry among keys", "a: 1\n- b\n", "yaml-list", "2:1", "- b", "list entry"),
		Entry("no colon behind the first key", "a:\n  b c\n  d: e\n", "yaml-key", "2:3", "b c", "write it as `b: c`"),
		Entry("no colon behind a key with values below", "a:\n  b\n    d: e\n", "yaml-key", "2:3", "b", "no key and colon"),
		Entry("no blank behind the colon of a first key", "a:\n  b:c # d\n  d: e\n", "yaml-key", "2:3", "b:c # d", "blank after the colon"),
		Entry("no colon behind the first key of a list entry", "a:\n  - b c\n    d: e\n", "yaml-key", "2:5", "b c", "write it as `b: c`"),
		Entry("a first line that is indented too little", "a:\n b: c\n  d: e\n  f: g\n", "yaml-indent", "2:2", "b: c", "line 3"),
		Entry("a first list entry that is indented too little", "a:\n - b: c\n    d: e\n  - b: f\n", "yaml-indent", "2:4", "b: c", "same indentation"),
		Entry("a first group that is indented too little", "a:\n b:\n    d: e\n  f: g\n", "yaml-indent", "2:2", "b:", "line 4"),
		Entry("no dash before the first entry", "a:\n    b: c\n    d: e\n  - b: f\n", "yaml-list", "2:5", "b: c", "begin it with `- `"),
		Entry("no dash before the first text", "a:\n    b\n  - 'c: d'\n", "yaml-list", "2:5", "b", "begin it with `- `"),
		Entry("no dash before the first text, of a list that is one text to YAML", "a:\n    b\n  - c\n", "yaml-list", "2:5", "b", "begin it with `- `"),
		Entry("a list behind a value", "a: b\n  - c\n", "yaml-list", "2:3", "- c", "line 1"),
		Entry("no blank behind a dash", "a:\n  - b: c\n  -b: d\n  - b: e\n", "yaml-list", "3:3", "-", "blank behind"),
		Entry("a quote closed lines later in brackets", "a: {b: \"x}\nc: \"y\"\n", "yaml-quote", "1:8", "\"", "only in line 2"),
		Entry("a key with half of its quotes", "b\": x\n", "yaml-quote", "1:1", "b\"", "not opened"),
		Entry("a key among list entries", "a:\n  - b\n  c: 1\n", "yaml-list", "3:3", "c: 1", "`- `"),
	)

	It("refuses a file over 1 MiB", func() {
		d := refused(strings.Repeat("# filler\n", 1<<17))
		Expect(d.Code).To(Equal("yaml-too-big"))
		Expect(d.Summary).To(ContainSubstring("1179648"))
	})

	It("reports every refusal, in the file's order", func() {
		_, found := source.Parse("f", []byte("a: !x\nb: {c: f(1, 2)}\na: &y 1\n"))
		Expect(strings.Split(found.Error(), "\n")).To(HaveExactElements(
			HavePrefix("f:1:4: "), HavePrefix("f:2:8: "), HavePrefix("f:3:1: "), HavePrefix("f:3:4: ")))
	})

	It("reports a comma that cuts an expression once, and nothing of what follows it", func() {
		_, found := source.Parse("f", []byte("a: {b: slice(c, 0, 0, 5), d: 1}\n"))
		Expect(found).To(HaveLen(1))
		Expect(found[0].Code).To(Equal("yaml-flow-expression"))
	})
	It("bounds the number of refusals", func() {
		_, found := source.Parse("f", []byte(strings.Repeat("- !x\n", 1000)))
		Expect(len(found)).To(BeNumerically("<=", 50))
	})

	It("falls back to the parser's words near the place it got to", func() {
		d := refused("a: |2\n   x\n  y\n z: 1\n")
		Expect(d.Code).To(Equal("yaml-syntax"))
		Expect(d.Summary).To(ContainSubstring("expected key"))
		Expect(d.Span.Start.Line).To(BeNumerically(">=", 3))
	})
})

var _ = Describe("Diagnostics", func() {
	It("are errors that list one finding a line and can be reached", func() {
		_, found := source.Parse("f.yaml", []byte("a: 1\na: 2\na: 3\n"))
		err := found.Err()
		Expect(err).To(MatchError("f.yaml:2:1: the key `a` is here twice\nf.yaml:3:1: the key `a` is here twice"))
		var list source.Diagnostics
		Expect(errors.As(err, &list)).To(BeTrue())
		Expect(list).To(HaveLen(2))
		var one source.Diagnostic
		Expect(errors.As(err, &one)).To(BeTrue())
		Expect(one.Span.Start.Line).To(Equal(2))
	})

	It("are no error when they only warn", func() {
		var list source.Diagnostics
		list.Warnf("x-y", source.Span{}, "look at %s", "this").Help = "do that"
		Expect(list.HasErrors()).To(BeFalse())
		Expect(list.Err()).To(Succeed())
		Expect(list[0]).To(Equal(source.Diagnostic{Code: "x-y", Severity: source.Warning, Summary: "look at this", Help: "do that"}))
		Expect(list[0].Error()).To(Equal("look at this"))
		list.Errorf("z", source.Span{File: &source.File{Name: "n"}}, "bad")
		Expect(list.Err()).To(MatchError("look at this\nn: bad"))
	})

	It("sort by file, place and code", func() {
		a, b := source.NewFile("a", []byte("xyz")), source.NewFile("b", []byte("xyz"))
		var list source.Diagnostics
		list.Errorf("k", b.Span(0, 1), "4")
		list.Errorf("k", a.Span(2, 3), "3")
		list.Errorf("k", a.Span(1, 3), "2")
		list.Errorf("j", a.Span(1, 2), "1")
		list.Sort()
		var got string
		for _, d := range list {
			got += d.Summary
		}
		Expect(got).To(Equal("1234"))
	})
})

var _ = DescribeTable("Suggest", func(word string, candidates []string, want string) {
	Expect(source.Suggest(word, candidates)).To(Equal(want))
},
	Entry("a letter too many", "whenn", []string{"with", "when"}, "when"),
	Entry("two letters swapped", "nmae", []string{"name", "needs"}, "name"),
	Entry("another case", "messageid", []string{"message", "messageId"}, "messageId"),
	Entry("a short word", "a", []string{"b", "as"}, ""),
	Entry("a short word in another case", "AS", []string{"as"}, "as"),
	Entry("nothing near", "request", []string{"when", "needs"}, ""),
	Entry("the nearest", "lokup", []string{"lookups", "lookup"}, "lookup"),
	Entry("the first of equals", "cat", []string{"bat", "hat"}, "bat"),
	Entry("no candidates", "x", nil, ""),
	Entry("other scripts", "größee", []string{"größe"}, "größe"),
)
