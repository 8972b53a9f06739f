package plan

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// checkJSON reports data that is no JSON at the place where it breaks. n names the file.
func (c *compiler) checkJSON(n *source.Node, data []byte) {
	if json.Valid(data) {
		return
	}
	at, message := n.Span, "it cannot be read"
	var broken *value.ParseError
	if _, err := value.Parse(value.NewArena(), data, value.DefaultLimits()); errors.As(err, &broken) {
		at = source.NewFile(path.Join(c.options.Display, path.Clean(n.Text)), data).Span(broken.Offset, broken.Offset)
		message = strings.Replace(broken.Message, "the event may be cut off; send all of it", "the file may be cut off", 1)
	}
	c.error(at, "bad-json", "", "%q is no valid JSON: %s", n.Text, message).Relate(n.Span, "it is named here")
}

// badSchema reports the mistakes of a schema at their places, as far as its
// files are known to lie in a folder. n names the schema.
func (c *compiler) badSchema(n *source.Node, fsys fs.FS, folder, name string, err error) {
	var mistakes schema.Errors
	if !errors.As(err, &mistakes) || folder == "" {
		c.error(n.Span, "bad-schema", "", "%s: %v", name, err)
		return
	}
	for _, e := range mistakes {
		data, err := fs.ReadFile(fsys, e.File)
		if err != nil || e.Line == 0 {
			c.error(n.Span, "bad-schema", "", "%v", e)
			continue
		}
		f := source.NewFile(path.Join(folder, e.File), data)
		offset := offsetOf(string(data), e.Line, e.Column)
		at := f.Span(offset, offset)
		known := func(d source.Diagnostic) bool {
			return d.Code == "bad-schema" && d.Span.File != nil && d.Span.File.Name == f.Name && d.Span.Start == at.Start
		}
		if !slices.ContainsFunc(c.found, known) { // several schemas may refer to one file
			c.error(at, "bad-schema", "", "%s", e.Message).Relate(n.Span, "the schema is named here")
		}
	}
}

// offsetOf returns the byte at a line and a column, both counted from 1.
func offsetOf(text string, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	for i := range text[at:] {
		if column--; column == 0 {
			return at + i
		}
	}
	return len(text)
}
