package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// documentLimits bounds the files of portal data and lookups, which may be far
// longer than an event.
var documentLimits = value.Limits{Bytes: 256 << 20, Nodes: 50_000_000}

// readDocument reads a JSON or YAML file. Which it is tells its extension, else
// how it begins.
func readDocument(a *value.Arena, path string) (*value.Node, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("there is no file %s: check its name", path)
	case err != nil:
		return nil, usage("%w", err)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if isJSON(path, data) {
		n, err := value.Parse(a, data, documentLimits)
		var wrong *value.ParseError
		if errors.As(err, &wrong) {
			at := source.NewFile(path, data).Position(wrong.Offset)
			return nil, usage("%s:%d:%d: %s", path, at.Line, at.Column, wrong.Message)
		}
		return n, err
	}
	root, findings := source.Parse(path, data)
	for _, d := range findings {
		if d.Severity == source.Error { // its line is not shown: it may hold a secret
			return nil, usage("%w\n%s", d, d.Help)
		}
	}
	return root.Value(a), nil
}

func isJSON(path string, data []byte) bool {
	switch filepath.Ext(path) {
	case ".json":
		return true
	case ".yaml", ".yml":
		return false
	}
	data = bytes.TrimSpace(data)
	return len(data) > 0 && (data[0] == '{' || data[0] == '[')
}
