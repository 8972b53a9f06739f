// Package settings reads what a destination is run with, its config, portal
// data and answers of lookups, and checks it against the rules, with the place
// of each mistake in the file.
package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Limits bounds the files of portal data and lookups, which may be far longer
// than an event.
var Limits = value.Limits{Bytes: 256 << 20, Nodes: 50_000_000}

// IsJSON tells a JSON file from a YAML file by its extension, else by how it begins.
func IsJSON(name string, data []byte) bool {
	switch filepath.Ext(name) {
	case ".json":
		return true
	case ".yaml", ".yml":
		return false
	}
	data = bytes.TrimSpace(bytes.TrimPrefix(data, byteOrderMark))
	return len(data) > 0 && (data[0] == '{' || data[0] == '[')
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// Parse reads a JSON or YAML file into a tree that knows its places. Of nodes of
// JSON only the offsets are known; At completes them. The tree is nil if the
// findings hold an error.
func Parse(name string, data []byte) (*source.Node, source.Diagnostics) {
	if !IsJSON(name, data) {
		root, found := source.Parse(name, data)
		if found.HasErrors() {
			return nil, found
		}
		return root, found
	}
	mark := len(data) - len(bytes.TrimPrefix(data, byteOrderMark))
	file := source.NewFile(name, data)
	var found source.Diagnostics
	var wrong *value.ParseError
	if _, err := value.Parse(value.NewArena(), data[mark:], Limits); errors.As(err, &wrong) {
		found.Errorf("settings-json", file.Span(wrong.Offset+mark, wrong.Offset+mark), "%s", wrong.Message)
		return nil, found
	}
	r := &jsonReader{file: file, data: data, base: mark, decoder: json.NewDecoder(bytes.NewReader(data[mark:]))}
	r.decoder.UseNumber()
	return r.value(), nil
}

// jsonReader turns JSON that has been found to be sound into nodes.
type jsonReader struct {
	file    *source.File
	data    []byte
	base    int
	decoder *json.Decoder
}

// token reads the next token, and says where it stands.
func (r *jsonReader) token() (json.Token, source.Span) {
	from := r.base + int(r.decoder.InputOffset())
	for from < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[from]) >= 0 {
		from++
	}
	t, err := r.decoder.Token()
	if err != nil {
		return nil, source.Span{File: r.file}
	}
	return t, source.Span{File: r.file, Start: source.Position{Offset: from}, End: source.Position{Offset: r.base + int(r.decoder.InputOffset())}}
}

func (r *jsonReader) value() *source.Node {
	t, at := r.token()
	n := &source.Node{Span: at}
	switch t := t.(type) {
	case json.Delim:
		n.Kind = source.Sequence
		if t == '{' {
			n.Kind = source.Mapping
		}
		for r.decoder.More() {
			if n.Kind == source.Sequence {
				n.Items = append(n.Items, r.value())
				continue
			}
			key := r.value()
			n.Entries = append(n.Entries, source.Entry{Key: key, Value: r.value()})
		}
		_, end := r.token()
		n.Span.End = end.End
	case string:
		n.Style, n.Text = source.Double, t
	default: // a number, true, false or null
		n.Text = string(r.data[at.Start.Offset:at.End.Offset])
	}
	return n
}

// At returns the place of a node with line and column.
func At(n *source.Node) source.Span {
	if n == nil || n.Span.File == nil || n.Span.Start.Line > 0 {
		if n == nil {
			return source.Span{}
		}
		return n.Span
	}
	return n.Span.File.Span(n.Span.Start.Offset, n.Span.End.Offset)
}

// atLine returns the place of a node as far as its first line goes: of a list or an
// object the bracket or the first key.
func opening(n *source.Node) source.Span {
	if len(n.Entries) > 0 && n.Span.Start.Line > 0 {
		return n.Entries[0].Key.Span
	}
	at := At(n)
	if n.Kind != source.Scalar && at.File != nil {
		return at.File.Span(at.Start.Offset, at.Start.Offset+1)
	}
	return at
}
