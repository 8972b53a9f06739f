package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/settings"
)

// readConfig returns the config of a destination as JSON: an object, or the
// `Config` of a destination as RudderStack writes it. In its texts ${env:NAME}
// stands for an environment variable, and $${env:NAME} for itself.
func readConfig(path string) ([]byte, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	root, found := settings.Parse(path, data)
	if root == nil {
		return nil, unreadable(settings.ConcealText(found))
	}
	n := settings.Unwrap(root)
	if n.Kind != source.Mapping {
		return nil, usage(`%s holds a value of kind %s, and a config is an object such as {"accessToken": "${env:TOKEN}"}`, path, n.Value(value.NewArena()).Kind())
	}
	filled, wrong := settings.Environment(n)
	for _, v := range wrong {
		return nil, usage("%s: %s: %s", path, v.Message, v.Help)
	}
	return settings.JSON(filled), nil
}

// readFile reads a file that was named.
func readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("there is no file %s: %s", path, nearestFile(path, nil, "check its name"))
	case err != nil:
		return nil, usage("%w", err)
	}
	return data, nil
}

// unreadable returns the first error about a file as one of usage.
func unreadable(found source.Diagnostics) error {
	for _, d := range found {
		if d.Severity == source.Error {
			if d.Help == "" {
				return usage("%w", d)
			}
			return usage("%w\n%s", d, d.Help)
		}
	}
	return nil
}
