package source_test

import (
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

func parsed(text string) *source.Node {
	GinkgoHelper()
	n, found := source.Parse("f", []byte(text))
	Expect(found).To(BeEmpty())
	return n
}

// place shows a span as "line:column-line:column text".
func place(s source.Span) string {
	show := func(p source.Position) string { return strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) }
	return show(s.Start) + "-" + show(s.End) + " " + s.Text()
}

var _ = DescribeTable("Span", func(text, want string) {
	Expect(place(parsed(text).Get("k").Span)).To(Equal(want))
},
	Entry("plain", "k: a b  # c\n", "1:4-1:7 a b"),
	Entry("plain over lines", "k: a\n  b\n\n  c\nl: 1\n", "1:4-4:4 a\n  b\n\n  c"),
	Entry("single", "k: 'it''s' \n", "1:4-1:11 'it''s'"),
	Entry("double", "k: \"a\\\"b\"\n", "1:4-1:10 \"a\\\"b\""),
	Entry("double over lines", "k: \"a \\\n   b\n\n  c\"\n", "1:4-4:5 \"a \\\n   b\n\n  c\""),
	Entry("literal", "k: |\n  a\n   b\n\nl: 1\n", "1:4-3:5 |\n  a\n   b"),
	Entry("folded", "k: >-\n  a\n  b\n", "1:4-3:4 >-\n  a\n  b"),
	Entry("empty", "k:\nl: 1\n", "1:3-1:3 "),
	Entry("list", "k:\n- a\n- b\nl: 1\n", "2:1-3:4 - a\n- b"),
	Entry("mapping", "k:\n  a: 1\n  b:\nl: 1\n", "2:3-3:5 a: 1\n  b:"),
	Entry("brackets", "k: [a, [b], ] # c\n", "1:4-1:14 [a, [b], ]"),
	Entry("braces over lines", "k: {\n  a: 1, # x }\n  b: {}\n}\n", "1:4-4:2 {\n  a: 1, # x }\n  b: {}\n}"),
	Entry("wide characters", "k: 'ä€😀' # x\n", "1:4-1:9 'ä€😀'"),
	Entry("after wide characters", "{ä: €, k: 😀}\n", "1:11-1:12 😀"),
	Entry("CRLF", "j: 1\r\nk: a\r\n  b\r\n", "2:4-3:4 a\r\n  b"),
	Entry("a byte order mark", "\uFEFFk: a\n", "1:4-1:5 a"),
)

var _ = DescribeTable("At", func(text, part, want string) {
	n := parsed(text).Get("k")
	from := strings.Index(n.Text, part)
	Expect(from).To(BeNumerically(">=", 0), "no %q in %q", part, n.Text)
	Expect(place(n.At(from, from+len(part)))).To(Equal(want))
},
	Entry("plain", "k: abc def\n", "def", "1:8-1:11 def"),
	Entry("plain, next line", "k: abc\n  def\n", "def", "2:3-2:6 def"),
	Entry("plain, after an empty line", "k: abc\n\n  def\n", "def", "3:3-3:6 def"),
	Entry("plain, over the break", "k: abc  \n  def\n", "c d", "1:6-2:4 c  \n  d"),
	Entry("single", "k: 'it''s x'\n", "x", "1:11-1:12 x"),
	Entry("single, the quote itself", "k: 'it''s x'\n", "'", "1:7-1:9 ''"),
	Entry("single, next line", "k: 'a\n  b c'\n", "b c", "2:3-2:6 b c"),
	Entry("double, after an escape", `k: "\u00e9\"\n x"`, "x", "1:16-1:17 x"),
	Entry("double, the escape itself", `k: "a\u00e9b"`, "é", `1:6-1:12 \u00e9`),
	Entry("double, a big escape", `k: "a\U0001F600b"`, "😀b", `1:6-1:17 \U0001F600b`),
	Entry("double, a break that is escaped", "k: \"a\\\n   b\"\n", "b", "2:4-2:5 b"),
	Entry("double, over a break that is escaped", "k: \"a\\\n   b\"\n", "ab", "1:5-2:5 a\\\n   b"),
	Entry("double, a break", "k: \"a\n\n\n   b\"\n", "b", "4:4-4:5 b"),
	Entry("double, wide characters", "k: \"ä€😀x\"\n", "x", "1:8-1:9 x"),
	Entry("literal, first line", "k: |\n  abc\n  def\n", "bc", "2:4-2:6 bc"),
	Entry("literal, second line", "k: |\n  abc\n  def\n", "def", "3:3-3:6 def"),
	Entry("literal, more indented", "k: |\n  abc\n    def\n", "def", "3:5-3:8 def"),
	Entry("literal, after empty lines", "k: |\n\n  abc\n \n\n  def\n", "def", "6:3-6:6 def"),
	Entry("literal, its break", "k: |\n  abc\n  def\n", "c\nd", "2:5-3:4 c\n  d"),
	Entry("literal, indentation given", "k: |1\n   abc\n  def\n", "def", "3:3-3:6 def"),
	Entry("literal, comment in the header", "k: |- # x\n  abc\n", "abc", "2:3-2:6 abc"),
	Entry("folded, next line", "k: >\n  abc\n  def\n", "def", "3:3-3:6 def"),
	Entry("folded, over the break", "k: >\n  abc\n  def\n", "c d", "2:5-3:4 c\n  d"),
	Entry("folded, next paragraph", "k: >\n  abc\n\n\n  def\n", "def", "5:3-5:6 def"),
	Entry("folded, more indented", "k: >\n  abc\n   def\n  ghi\n", "ghi", "4:3-4:6 ghi"),
	Entry("folded, kept", "k: >+\n  abc\n\n\nl: 1\n", "abc", "2:3-2:6 abc"),
	Entry("CRLF, literal", "k: |\r\n  abc\r\n  def\r\n", "def", "3:3-3:6 def"),
	Entry("CRLF, folded", "k: >\r\n  abc\r\n  def\r\n", "def", "3:3-3:6 def"),
	Entry("CRLF, double", "k: \"abc\r\n  def\"\r\n", "def", "2:3-2:6 def"),
	Entry("wide characters, literal", "k: |\n  ä€😀x\n", "x", "2:6-2:7 x"),
	Entry("wide characters, folded, next line", "k: >-\n  ä€\n  😀x\n", "x", "3:4-3:5 x"),
	Entry("wide characters, plain over lines", "k: ä€\n  😀x\n", "x", "2:4-2:5 x"),
	Entry("a tab inside, plain", "k: a\tb c\n", "c", "1:8-1:9 c"),
	Entry("a tab inside, literal", "k: |\n  a\tb c\n", "c", "2:7-2:8 c"),
	Entry("a tab inside, single", "k: 'a\tb c'\n", "c", "1:9-1:10 c"),
	Entry("a tab at the break, folded", "k: >\n  a\n  \tb c\n", "c", "3:6-3:7 c"),
	Entry("tabs before a line of a plain text", "k: a\n  \tb c\n", "c", "2:6-2:7 c"),
	Entry("a tab escaped, double", "k: \"a\\tb c\"\n", "c", "1:10-1:11 c"),
	Entry("literal, stripped and indented", "k: |2-\n    abc\n  def\n\n", "def", "3:3-3:6 def"),
	Entry("literal, kept", "k: |+\n  abc\n\n  def\n\n", "def", "4:3-4:6 def"),
	Entry("folded, indentation given", "k: >1-\n   abc\n  def\n", "def", "3:3-3:6 def"),
	Entry("folded, stripped", "k: >-\n  abc\n  def\n\n\nl: 1\n", "def", "3:3-3:6 def"),
	Entry("folded, comment in the header", "k: >- # x > y\n  abc\n  def\n", "def", "3:3-3:6 def"),
	Entry("folded, after a more indented line and an empty one", "k: >\n  abc\n\n    def\n\n  ghi\n", "ghi", "6:3-6:6 ghi"),
	Entry("single over lines, after an empty one", "k: 'abc\n\n  de''f g'\n", "g", "3:9-3:10 g"),
	Entry("double over lines, wide characters", "k: \"ä \\\n  😀x\"\n", "x", "2:4-2:5 x"),
	Entry("CRLF, plain", "k: abc\r\n  def\r\n", "def", "2:3-2:6 def"),
	Entry("CRLF, single", "k: 'abc\r\n\r\n  def'\r\n", "def", "3:3-3:6 def"),
	Entry("CRLF, folded paragraphs", "k: >-\r\n  abc\r\n\r\n  def\r\n", "def", "4:3-4:6 def"),
	Entry("in a list in brackets", "k: a # [\n", "a", "1:4-1:5 a"),
	Entry("after a byte order mark", "\uFEFFk: 'a b'\n", "b", "1:7-1:8 b"),
)

var _ = DescribeTable("A finding", func(text, path string) {
	n, _ := source.Parse("f", []byte(strings.NewReplacer("‹", "", "›", "").Replace(text)))
	from := strings.Index(text, "‹")
	to := strings.Index(text, "›") - len("‹")
	found := source.Diagnostics{{Span: n.Span.File.Span(from, to)}}
	found.Locate()
	Expect(found[0].Path).To(Equal(path))
},
	Entry("has the path of its value", "a:\n  - b: ‹c›\n", "$.a[0].b"),
	Entry("has that of a part of it", "a:\n  - b: c ‹d› e\n", "$.a[0].b"),
	Entry("has that of a key", "a:\n  ‹b›: c\n", "$.a.b"),
	Entry("has that of a key and its value", "a:\n  ‹b: c›\n  d: e\n", "$.a.b"),
	Entry("has that of a mapping", "a:\n  ‹b: c\n  d: e›\n", "$.a"),
	Entry("has that of an element", "a: [b, ‹{c: d}›]\n", "$.a[1]"),
	Entry("has that of a name that is none", "a: {b-c: {'d \"e': ‹1›}}\n", `$.a["b-c"]["d \"e"]`),
	Entry("has that of an empty value", "a:\n  b:‹›\n  c: 1\n", "$.a.b"),
	Entry("has that of an empty key", "'': ‹a›\n", `$[""]`),
	Entry("has that of the file", "‹a: 1\nb: 2›\n", "$"),
	Entry("has that of a comment's surroundings", "a: 1\n‹# x›\nb: 2\n", "$"),
)

var _ = Describe("Findings", func() {
	It("are sorted, and say a thing once", func() {
		a, b := source.NewFile("a", []byte("k: v\n")), source.NewFile("b", []byte("k: v\n"))
		one := source.Diagnostic{Code: "c", Span: a.Span(3, 4), Summary: "s"}
		again, other, code, wider := one, one, one, one
		again.Span.File = source.NewFile("a", a.Data) // read twice
		other.Summary, code.Code, wider.Span = "t", "d", a.Span(3, 5)
		found := source.Diagnostics{{Code: "c", Span: b.Span(0, 1), Summary: "s"}, one, other, again, code, wider}
		found.Tidy()
		var said []string
		for _, d := range found {
			said = append(said, d.Span.String()+" "+d.Code+" "+d.Summary+" "+d.Path)
		}
		Expect(said).To(Equal([]string{"a:1:4 c s $.k", "a:1:4 c t $.k", "a:1:4 c s $", "a:1:4 d s $.k", "b:1:1 c s $.k"}))
	})
})

var _ = Describe("Node", func() {
	It("gives places at the ends of a text, and survives offsets outside", func() {
		n := parsed("k: 'ab'\n").Get("k")
		Expect(place(n.At(0, 0))).To(Equal("1:5-1:5 "))
		Expect(place(n.At(2, 2))).To(Equal("1:7-1:7 "))
		Expect(place(n.At(-5, 99))).To(Equal("1:5-1:7 ab"))
		Expect(place(n.At(2, 1))).To(Equal("1:7-1:7 "))
		Expect((*source.Node)(nil).At(0, 1).IsZero()).To(BeTrue())
		Expect((*source.Node)(nil).Get("x")).To(BeNil())
		Expect(place(parsed("k: ''\n").Get("k").At(0, 0))).To(Equal("1:5-1:5 "))
	})

	It("may be read by many at once", func() {
		n := parsed("k: \"a\\tb\"\n").Get("k")
		done := make(chan string)
		for range 8 {
			go func() { done <- place(n.At(2, 3)) }()
		}
		for range 8 {
			Expect(<-done).To(Equal("1:8-1:9 b"))
		}
	})

	DescribeTable("Value follows JSON for plain scalars", func(text, want string) {
		n := parsed("k: " + text + "\n").Get("k")
		Expect(string(value.AppendJSON(nil, n.Value(value.NewArena())))).To(Equal(want))
	},
		Entry(nil, "", `null`), Entry(nil, "null", `null`), Entry(nil, "~", `null`), Entry(nil, "Null", `"Null"`),
		Entry(nil, "true", `true`), Entry(nil, "false", `false`), Entry(nil, "True", `"True"`), Entry(nil, "yes", `"yes"`),
		Entry(nil, "0", `0`), Entry(nil, "-0", `-0`), Entry(nil, "12", `12`), Entry(nil, "01234", `"01234"`), Entry(nil, "+1", `"+1"`),
		Entry(nil, "1.50", `1.50`), Entry(nil, "1.", `"1."`), Entry(nil, ".5", `".5"`), Entry(nil, "1e3", `1e3`), Entry(nil, "1E+3", `1E+3`),
		Entry(nil, "1e", `"1e"`), Entry(nil, "1e999", `"1e999"`), Entry(nil, "1e-99999", `"1e-99999"`), Entry(nil, "0x10", `"0x10"`),
		Entry(nil, ".inf", `".inf"`), Entry(nil, "NaN", `"NaN"`), Entry(nil, "-x", `"-x"`), Entry(nil, "1_000", `"1_000"`),
		Entry(nil, "9007199254740993", `9007199254740993`), Entry(nil, "2026-01-01", `"2026-01-01"`),
		Entry(nil, "'12'", `"12"`), Entry(nil, `"true"`, `"true"`), Entry(nil, "''", `""`), Entry(nil, "|\n  1", `"1\n"`),
		Entry(nil, `{"a": [1, "\u00e9", {}], b: , "c":null}`, `{"a":[1,"é",{}],"b":null,"c":null}`),
		Entry(nil, "\n  x: 1\n  y:\n  - z", `{"x":1,"y":["z"]}`),
	)
})

var _ = Describe("File", func() {
	It("gives its lines and places", func() {
		f := source.NewFile("f", []byte("ab\r\nä\n"))
		Expect(f.Lines()).To(Equal(3))
		Expect([]string{f.Line(0), f.Line(1), f.Line(2), f.Line(3), f.Line(4)}).To(Equal([]string{"", "ab", "ä", "", ""}))
		Expect(f.Position(-1)).To(Equal(source.Position{Line: 1, Column: 1}))
		Expect(f.Position(6)).To(Equal(source.Position{Line: 2, Column: 2, Offset: 6}))
		Expect(f.Position(99)).To(Equal(source.Position{Line: 3, Column: 1, Offset: 7}))
		Expect(source.NewFile("f", []byte("\uFEFFab\nc")).Line(1)).To(Equal("ab"))
		Expect((&source.File{Data: []byte("a\nb")}).Position(2)).To(Equal(source.Position{Line: 2, Column: 1, Offset: 2}))
		Expect(source.Span{}.String()).To(BeEmpty())
		Expect(source.Span{}.Text()).To(BeEmpty())
	})
})

// written is a text, and one of the ways to write it into a file.
type written struct {
	text, source string
	pieces       []string // the source of each character
}

func drawScalar(t *rapid.T) written {
	runes := rapid.SliceOfN(rapid.RuneFrom([]rune("ab Z09_'\"\\#:-?,[]{}&*!|>%@`$=äé€😀\t\n\u00a0")), 0, 20).Draw(t, "text")
	w := written{}
	style := rapid.IntRange(0, 2).Draw(t, "style")
	if style == 0 { // plain: only what needs no care
		keep := runes[:0]
		for _, r := range runes {
			if strings.ContainsRune("abZ09_$=äé€😀", r) {
				keep = append(keep, r)
			}
		}
		runes = append([]rune{'x'}, keep...)
	}
	for _, r := range runes {
		piece := string(r)
		switch {
		case style == 1 && (r == '\n' || r == '\t'):
			continue
		case style == 1 && r == '\'':
			piece = "''"
		case style == 2 && (r == '"' || r == '\\'):
			piece = `\` + piece
		case style == 2 && r == '\n':
			piece = `\n`
		case style == 2 && r == '\t':
			piece = `\t`
		case style == 2 && rapid.Bool().Draw(t, "escape"):
			piece = `\U` + strings.ToUpper(strconv.FormatInt(1<<32+int64(r), 16)[1:])
		}
		w.text += string(r)
		w.pieces = append(w.pieces, piece)
	}
	quote := []string{"", "'", `"`}[style]
	w.source = quote + strings.Join(w.pieces, "") + quote
	return w
}

var _ = Describe("Scalars of one line", func() {
	It("are what stands at their span, byte for byte", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			var doc strings.Builder
			var want []written
			for i := range rapid.IntRange(1, 5).Draw(t, "count") {
				w := drawScalar(t)
				want = append(want, w)
				lead := rapid.SampledFrom([]string{"k", "ä€-", "  # c\nk"}).Draw(t, "lead")
				end := rapid.SampledFrom([]string{"\n", "\r\n", "  # don't \"\n"}).Draw(t, "end")
				doc.WriteString(lead + strconv.Itoa(i) + ": " + w.source + end)
			}
			n, found := source.Parse("f", []byte(doc.String()))
			if len(found) > 0 {
				t.Fatalf("%q: %v", doc.String(), found)
			}
			for i, w := range want {
				got := n.Entries[i].Value
				if got.Text != w.text || got.Span.Text() != w.source {
					t.Fatalf("%q at %q, want %q at %q", got.Text, got.Span.Text(), w.text, w.source)
				}
				k := 0
				for at, r := range w.text {
					if piece := got.At(at, at+len(string(r))).Text(); piece != w.pieces[k] {
						t.Fatalf("At(%d) in %q is %q, want %q", at, w.source, piece, w.pieces[k])
					}
					k++
				}
				if p := got.Span.File.Position(got.Span.Start.Offset); p != got.Span.Start {
					t.Fatalf("place %v, want %v", got.Span.Start, p)
				}
			}
		})
	})
})
