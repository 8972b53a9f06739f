package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sendSettings are the flags of `celmap send` that say how events are delivered. They
// are kept beside the queue, so that `celmap dead replay` delivers in the same way. No
// secret is among them: the config is kept as the name of its file.
type sendSettings struct {
	Mapping   string   `json:"mapping,omitempty"`   // a folder, as an absolute path, or the name of a built-in mapping
	Config    string   `json:"config,omitempty"`    // absolute path
	Lookup    []string `json:"lookup,omitempty"`    // NAME=FILE, the file with its absolute path
	ConnectTo []detour `json:"connectTo,omitempty"` // HOST=URL
	Tier      string   `json:"tier,omitempty"`
	Workers   int      `json:"workers,omitempty"`
}

// sendSettingsFile is the name of the file in the folder of the queue.
const sendSettingsFile = "send.json"

// remember writes the settings into the folder of a queue.
func (s sendSettings) remember(dir string) error {
	if _, builtIn := builtin(s.Mapping); !builtIn || isFolder(s.Mapping) {
		s.Mapping = absolute(s.Mapping)
	}
	s.Config = absolute(s.Config)
	s.Lookup = slices.Clone(s.Lookup)
	for i, flag := range s.Lookup {
		if name, file, ok := strings.Cut(flag, "="); ok {
			s.Lookup[i] = name + "=" + absolute(file)
		}
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(dir, sendSettingsFile)
	if err := os.WriteFile(name+".new", append(text, '\n'), 0o600); err != nil {
		return usage("%w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return usage("%w", err)
	}
	return nil
}

// recallSettings reads what remember wrote; false where nothing was sent yet.
func recallSettings(dir string) (s sendSettings, found bool, err error) {
	name := filepath.Join(dir, sendSettingsFile)
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, false, nil
	case err != nil:
		return s, false, usage("%w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, false, usage("%s cannot be read: %w: remove it, and give the flags of celmap send again", name, err)
	}
	return s, true, nil
}

// MarshalText returns what UnmarshalText reads.
func (d detour) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%s=%s", d.host, d.to), nil }

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// absolute returns a path that is good in every working directory, "" for "".
func absolute(name string) string {
	if name == "" {
		return ""
	}
	if full, err := filepath.Abs(name); err == nil {
		return full
	}
	return name
}
