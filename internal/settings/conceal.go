package settings

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/source"
)

// Conceal returns findings about a settings file whose excerpts show no secret:
// of its values only those are left that the schema declares and does not mark
// as secret, and references to environment variables.
func Conceal(found source.Diagnostics, root *source.Node, s *schema.Schema) source.Diagnostics {
	if len(found) == 0 || root == nil || root.Span.File == nil {
		return found
	}
	original := root.Span.File
	data := []byte(string(original.Data))
	var secrets [][]string
	if s != nil {
		secrets = s.Secrets()
	}
	inside := make([]bool, len(data)) // of a key or a value, where # begins no comment
	mark := func(n *source.Node) {
		for i := n.Span.Start.Offset; i < n.Span.End.Offset && n.Span.File == original; i++ {
			inside[i] = true
		}
	}
	var visit func(n *source.Node, path []string)
	visit = func(n *source.Node, path []string) {
		for _, e := range n.Entries {
			mark(e.Key)
			visit(e.Value, append(path[:len(path):len(path)], e.Key.Text))
		}
		for i, x := range n.Items {
			visit(x, append(path[:len(path):len(path)], strconv.Itoa(i)))
		}
		if n.Kind == source.Scalar {
			mark(n)
		}
		if n.Kind != source.Scalar || n.Span.File != original || isReference(n.Text) {
			return
		}
		if s == nil || presence(s, path) != shape.Known || isSecret(path, secrets) {
			cover(data[n.Span.Start.Offset:n.Span.End.Offset])
		}
	}
	config := Unwrap(root)
	visit(config, nil)
	if config != root { // what stands around the config is not of its schema
		s = nil
		for _, e := range root.Entries {
			if e.Value != config {
				visit(e.Value, nil)
			}
		}
	}
	for i, c := range original.Data { // comments hold what has been tried
		if c == '#' && !inside[i] {
			cover(data[i : i+lineLength(data[i:])])
		}
	}
	return moved(found, original, source.NewFile(original.Name, data))
}

// ConcealText returns findings about a settings file that cannot be read, which
// show its keys and marks only, also in their words.
func ConcealText(found source.Diagnostics) source.Diagnostics {
	found = append(source.Diagnostics{}, found...)
	for i := range found {
		d := &found[i]
		if d.Span.File == nil {
			continue
		}
		data := []byte(string(d.Span.File.Data))
		var hidden []string
		for rest := data; len(rest) > 0; {
			line := rest[:lineLength(rest)]
			values := line[max(bytes.IndexByte(line, ':'), 0):]
			for _, word := range strings.FieldsFunc(string(values), func(r rune) bool { return strings.ContainsRune(" \t\r\"'`,:{}[]", r) }) {
				if len(word) > 2 {
					hidden = append(hidden, word, "…")
				}
			}
			cover(values)
			rest = rest[min(len(line)+1, len(rest)):]
		}
		words := strings.NewReplacer(hidden...)
		d.Summary, d.Detail, d.Help = words.Replace(d.Summary), words.Replace(d.Detail), words.Replace(d.Help)
		d.Span.File = source.NewFile(d.Span.File.Name, data)
	}
	return found
}

// lineLength returns the length of the first line, without its break.
func lineLength(data []byte) int {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i
	}
	return len(data)
}

// moved returns the findings about a file as findings about its other text.
func moved(found source.Diagnostics, from, to *source.File) source.Diagnostics {
	out := append(source.Diagnostics{}, found...)
	for i := range out {
		if out[i].Span.File == from {
			out[i].Span.File = to
		}
	}
	return out
}

func isReference(text string) bool {
	return strings.HasPrefix(text, "${env:") && strings.IndexByte(text, '}') == len(text)-1
}

func isSecret(path []string, secrets [][]string) bool {
	for _, s := range secrets {
		if len(s) > len(path) {
			continue
		}
		fits := true
		for i := range s {
			fits = fits && (s[i] == schema.AnyStep || s[i] == path[i])
		}
		if fits {
			return true
		}
	}
	return false
}

// covers are characters of one to four bytes, so that what is covered keeps its
// places, in bytes and in characters.
var covers = [...]string{"", "*", "·", "•", "𝆺"}

// cover hides letters and digits; marks, by which a mistake is seen, stay.
func cover(text []byte) {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if !strings.ContainsRune(" \t\r\n\"'{}[],:|>#&*=", r) {
			copy(text[i:i+size], covers[size])
		}
		i += size
	}
}
