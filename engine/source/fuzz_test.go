package source

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse holds what Parse guarantees for any bytes: it returns, every span
// lies inside the file with its places right, and every text is aligned with
// its source.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a: 1\nb: [x, {y: 'z'}]\n", "k: |\n  a\n\n   b\nl: >-\n  c\n  d\n\n  e\n", "\uFEFFa: \"\\u00e9\\\n  x\"\r\n",
		"a: !x\nb: &c d\ne: *f\n", "a:\n\tb: 1\n", "a: [b\nc: {d\n", "- - ? x\n  - : y\n", "%YAML 1.2\n---\n...\n---\n", "{\"a\":1,\"b\":[2]}", "k: >2\n     a\n\n    b\n   c\n", "k: |+\n\n \n  a\n\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		root, found := Parse("f", data)
		if (root == nil) != found.HasErrors() {
			t.Fatalf("node %v with findings %v", root, found)
		}
		check := func(s Span) {
			if s.File == nil {
				t.Fatal("no file")
			}
			for _, p := range []Position{s.Start, s.End} {
				if p.Offset < 0 || p.Offset > len(data) || p != s.File.Position(p.Offset) {
					t.Fatalf("place %v in %q, want %v", p, data, s.File.Position(p.Offset))
				}
			}
			if s.Start.Offset > s.End.Offset {
				t.Fatalf("span %v ends before it begins", s)
			}
		}
		for _, d := range found {
			check(d.Span)
			if d.Code == "" || d.Summary == "" || !utf8.ValidString(d.Error()+d.Detail+d.Help) || strings.Contains(d.Summary, "\n") {
				t.Fatalf("poor finding %+v", d)
			}
		}
		var walk func(*Node)
		walk = func(n *Node) {
			check(n.Span)
			switch n.Kind {
			case Mapping:
				for _, e := range n.Entries {
					walk(e.Key)
					walk(e.Value)
				}
			case Sequence:
				for _, item := range n.Items {
					walk(item)
				}
			default:
				if _, ok := align(data, n.Span.Start.Offset, n.Style, n.Text); !ok {
					t.Fatalf("text %q does not fit its source %q in %q", n.Text, n.Span.Text(), data)
				}
				check(n.At(len(n.Text)/3, 2*len(n.Text)/3))
				check(n.At(0, len(n.Text)))
			}
		}
		if root != nil {
			walk(root)
		}
	})
}
