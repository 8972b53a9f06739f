package golden

import (
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

func parsed(text string) *source.Node {
	GinkgoHelper()
	n, found := source.Parse("x.yaml", []byte(text))
	Expect(found).To(BeEmpty(), text)
	return n
}

func valueOf(text string) *value.Node {
	GinkgoHelper()
	return parsed(text).Value(value.NewArena())
}

var _ = Describe("Rewriting a file in place", func() {
	DescribeTable("touches nothing but what differs",
		func(before, want, after string) {
			data, err := rewrite(parsed(before), valueOf(want))
			Expect(err).NotTo(HaveOccurred())
			Expect(string(data)).To(Equal(after))
		},
		Entry("nothing to do",
			"# top\na:   1   # one\n\nb: {c:  'x'}\n", "{b: {c: x}, a: 1}", "# top\na:   1   # one\n\nb: {c:  'x'}\n"),
		Entry("a scalar",
			"a: 1   # one\nb: 2\n", "{a: 12, b: 2}", "a: 12   # one\nb: 2\n"),
		Entry("a quoted text stays quoted",
			"a: \"x\"\nb: 'y'\n", "{a: z, b: w}", "a: \"z\"\nb: w\n"),
		Entry("a number that becomes a text of digits",
			"a: 1\n", `{a: "1"}`, "a: \"1\"\n"),
		Entry("a scalar between brackets",
			"a: {b: [1, 2], \"c\": \"d\"}  # why\n", `{a: {b: [1, 3], c: e}}`, "a: {b: [1, 3], \"c\": \"e\"}  # why\n"),
		Entry("a key between brackets",
			"a: {b: 1}  # why\n", `{a: {b: 1, c: 2}}`, "a: {b: 1, c: 2}  # why\n"),
		Entry("an added key stands behind the one before it",
			"a: 1 # one\n# about c\nc: 3\n", "{a: 1, b: 2, c: 3}", "a: 1 # one\nb: 2\n# about c\nc: 3\n"),
		Entry("an added key at the beginning",
			"x:\n  - b: 2 # two\n", "{x: [{a: 1, b: 2, c: [{d: 1}]}]}", "x:\n  - a: 1\n    b: 2 # two\n    c:\n      - {d: 1}\n"),
		Entry("a removed key goes with its comment",
			"a: 1\nb: # gone\n  - 1\n  - 2 # gone\n# stays\nc: 3\n", "{a: 1, c: 3}", "a: 1\n# stays\nc: 3\n"),
		Entry("a removed key behind a dash",
			"x:\n- a: 1\n  b: 2\n  c: 3\n  d: 4\n", "{x: [{c: 3}]}", "x:\n- c: 3\n"),
		Entry("an added key in the place of a removed one behind a dash",
			"x:\n- a: 1\n  b: 2\n  c: 3\n", "{x: [{z: 0, c: 3}]}", "x:\n- z: 0\n  c: 3\n"),
		Entry("elements of lists",
			"a:\n- 1 # one\n- 2 # two\n- 3 # three\n", "{a: [1, 3, 4]}", "a:\n- 1 # one\n- 3 # two\n- 4 # three\n"),
		Entry("an element less",
			"a:\n  - x: 1\n    y: 2\n  - x: 3 # stays\n", "{a: [{x: 3}]}", "a:\n  - x: 3 # stays\n"),
		Entry("elements more",
			"a:\n  - 1 # one\nb: 2\n", "{a: [1, {c: {d: 1}}, 3], b: 2}", "a:\n  - 1 # one\n  - c: {d: 1}\n  - 3\nb: 2\n"),
		Entry("elements at the beginning",
			"a:\n  - 1 # one\n", "{a: [0, 5, 1]}", "a:\n  - 0\n  - 5\n  - 1 # one\n"),
		Entry("a list that becomes empty",
			"a: # why\n  - 1\nb: 2\n", "{a: [], b: 2}", "a: []\nb: 2\n"),
		Entry("a block in the place of a scalar keeps the comment",
			"a: 1 # why\nb: 2\n", "{a: [{c: [{d: 1}]}], b: 2}", "a: # why\n  - c:\n      - {d: 1}\nb: 2\n"),
		Entry("a block in the place of a block keeps the comment",
			"a: # why\n  - 1\nb: 2\n", "{a: {c: [{d: 1}]}, b: 2}", "a: # why\n  c:\n    - {d: 1}\nb: 2\n"),
		Entry("an empty key is filled",
			"a:\nb: # to come\n", "{a: {x: {z: 1}}, b: [[1], [2]]}", "a:\n  x: {z: 1}\nb: # to come\n  - [1]\n  - [2]\n"),
		Entry("a text of several lines",
			"a: x # why\nb: |\n  one\n  two\n\nc: 1\n", `{a: "x\ny\n", b: short, c: 1}`, "a: | # why\n  x\n  y\nb: short\n\nc: 1\n"),
		Entry("without a line break at the end",
			"a: 1", "{a: 1, b: 2}", "a: 1\nb: 2"),
		Entry("CRLF stays CRLF",
			"a: 1 # one\r\nc: 3\r\n", "{a: 1, b: {x: {z: 1}}, c: 4}", "a: 1 # one\r\nb:\r\n  x: {z: 1}\r\nc: 4\r\n"),
	)

	It("does not rewrite a fixture between brackets", func() {
		_, err := rewrite(parsed("{a: 1}"), valueOf("{a: 2}"))
		Expect(err).To(MatchError(ContainSubstring("between { }")))
	})

	It("says what is wanted whatever stood there", func() {
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			arena := value.NewArena()
			have := drawObject(t, arena, 3, "have")
			w := &scribe{t: t}
			w.mapping(have, 0)
			text := w.String()
			root, found := source.Parse("x.yaml", []byte(text))
			if found.HasErrors() {
				t.Fatalf("the test writes YAML that is not read: %v\n%s", found, text)
			}
			if !same(root.Value(arena), have) {
				t.Fatalf("the test writes another value than it drew\n%s", text)
			}
			want := vary(t, arena, have, 3)
			arena.Set(want, "celmap", arena.String("x")) // so that one key stays
			data, err := rewrite(root, want)
			if err != nil {
				t.Fatalf("%v\nbefore:\n%s\nafter:\n%s", err, text, data)
			}
			if same(have, want) && string(data) != text {
				t.Fatalf("changed without need:\n%s\nto:\n%s", text, data)
			}
		})
	})
})

// drawObject draws an object that is not empty.
func drawObject(t *rapid.T, a *value.Arena, depth int, label string) *value.Node {
	object := a.Object()
	a.Set(object, "celmap", a.String("x"))
	for range rapid.IntRange(0, 4).Draw(t, label+" keys") {
		a.Set(object, drawText(t), drawValue(t, a, depth-1))
	}
	return object
}

func drawText(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"a", "b", "c", "d e", "12", "true", "no", "", "- x", "x: y", "# z", "a #b", "größe", "https://x.io/a?b=c&d", "don't", "line\nline", "line\n  more\n", "{x}", " x ", "\u00a0", "\t", "[secret]", "2024-01-01", "x:", "~", "null", "*a", "&a", "!a", "%", "@", "`", "'", "\"", "a, b", "\u2028", "<<"}),
		rapid.StringN(0, 12, -1),
	).Draw(t, "text")
}

func drawValue(t *rapid.T, a *value.Arena, depth int) *value.Node {
	most := 6
	if depth <= 0 {
		most = 3
	}
	switch rapid.IntRange(0, most).Draw(t, "kind") {
	case 0:
		return value.NullNode()
	case 1:
		return a.Number(rapid.SampledFrom([]string{"0", "1", "-1.50", "1e3", "12345678901234567890"}).Draw(t, "number"))
	case 2:
		return value.BoolNode(rapid.Bool().Draw(t, "boolean"))
	case 4, 5:
		list := a.List()
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			a.Append(list, drawValue(t, a, depth-1))
		}
		return list
	case 6:
		object := a.Object()
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			a.Set(object, drawText(t), drawValue(t, a, depth-1))
		}
		return object
	}
	return a.String(drawText(t))
}

// vary returns a value that differs from n here and there.
func vary(t *rapid.T, a *value.Arena, n *value.Node, depth int) *value.Node {
	if rapid.IntRange(0, 9).Draw(t, "replace") == 0 && depth < 3 {
		return drawValue(t, a, depth)
	}
	add := func() bool { return rapid.IntRange(0, 4).Draw(t, "add") == 0 }
	drop := func() bool { return rapid.IntRange(0, 6).Draw(t, "drop") == 0 }
	switch n.Kind() {
	case value.List:
		list := a.List()
		for m := n.First(); m != nil; m = m.Next() {
			if add() {
				a.Append(list, drawValue(t, a, depth-1))
			}
			if !drop() {
				a.Append(list, vary(t, a, m, depth-1))
			}
		}
		if add() {
			a.Append(list, drawValue(t, a, depth-1))
		}
		return list
	case value.Object:
		object := a.Object()
		for m := n.First(); m != nil; m = m.Next() {
			if add() {
				a.Set(object, drawText(t), drawValue(t, a, depth-1))
			}
			if !drop() {
				a.Set(object, m.Key(), vary(t, a, m, depth-1))
			}
		}
		if add() {
			a.Set(object, drawText(t), drawValue(t, a, depth-1))
		}
		return object
	}
	return a.Copy(n)
}

// scribe writes a value as people may: in any mix of styles, with comments.
type scribe struct {
	strings.Builder
	t *rapid.T
}

func (w *scribe) maybe(label string) bool { return rapid.IntRange(0, 3).Draw(w.t, label) == 0 }

func (w *scribe) endLine() {
	if w.maybe("comment") {
		w.WriteString(" # a comment")
	}
	w.WriteString("\n")
	if w.maybe("blank") {
		w.WriteString("\n# a line\n")
	}
}

func (w *scribe) mapping(n *value.Node, column int) {
	for m := n.First(); m != nil; m = m.Next() {
		if m != n.First() {
			w.WriteString(strings.Repeat(" ", column))
		}
		w.WriteString(scalar(m.Key()) + ":")
		w.below(m, column)
	}
}

// below writes a value behind its key.
func (w *scribe) below(n *value.Node, column int) {
	deeper := column + rapid.IntRange(1, 4).Draw(w.t, "indent")
	switch {
	case n.Len() > 0 && !w.maybe("flow"):
		w.endLine()
		if n.Kind() == value.List {
			if w.maybe("flat list") {
				deeper = column
			}
			w.list(n, deeper)
			return
		}
		w.WriteString(strings.Repeat(" ", deeper))
		w.mapping(n, deeper)
	case n.IsNull() && w.maybe("empty"):
		w.endLine()
	default:
		w.WriteString(" ")
		w.scalar(n, deeper)
	}
}

func (w *scribe) list(n *value.Node, column int) {
	for m := n.First(); m != nil; m = m.Next() {
		w.WriteString(strings.Repeat(" ", column) + "- ")
		if m.Kind() == value.Object && m.Len() > 0 && !w.maybe("flow") {
			w.mapping(m, column+2)
			continue
		}
		w.scalar(m, column+2)
	}
}

func (w *scribe) scalar(n *value.Node, column int) {
	switch {
	case n.Kind() == value.String && isLiteral(n.Text()) && column > 0:
		w.WriteString(literal(n.Text(), column) + "\n")
	case n.Kind() == value.String && w.maybe("quotes"):
		w.WriteString(quote(n.Text()))
		w.endLine()
	case n.Len() > 0 && w.maybe("JSON"):
		fmt.Fprintf(w, "%s", quotedJSON(n))
		w.endLine()
	default:
		w.WriteString(flow(n))
		w.endLine()
	}
}

// quotedJSON writes JSON as YAML reads it, with escapes for what cannot be seen.
func quotedJSON(n *value.Node) string {
	var parts []string
	for m := n.First(); m != nil; m = m.Next() {
		text := quotedJSON(m)
		if n.Kind() == value.Object {
			text = quote(m.Key()) + ": " + text
		}
		parts = append(parts, text)
	}
	switch n.Kind() {
	case value.List:
		return "[" + strings.Join(parts, ",") + "]"
	case value.Object:
		return "{" + strings.Join(parts, ",") + "}"
	case value.String:
		return quote(n.Text())
	}
	return flow(n)
}
