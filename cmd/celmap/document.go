package main

import (
	"bytes"
	"errors"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/settings"
)

// readDocument reads a JSON or YAML file. Which it is tells its extension, else
// how it begins.
func readDocument(a *value.Arena, path string) (*value.Node, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if settings.IsJSON(path, data) {
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
		n, err := value.Parse(a, data, settings.Limits)
		var wrong *value.ParseError
		if errors.As(err, &wrong) {
			at := source.NewFile(path, data).Position(wrong.Offset)
			return nil, usage("%s:%d:%d: %s", path, at.Line, at.Column, wrong.Message)
		}
		return n, err
	}
	root, found := settings.Parse(path, data)
	if root == nil {
		return nil, unreadable(found)
	}
	return root.Value(a), nil
}
