package main

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var header = regexp.MustCompile(`(?m)^\x{FEFF}?celmap:[ \t]*["']?([a-z]+)/`)

// kindOf returns what a YAML file says it is: "destination", "fixture" and so
// on, "" if it says nothing.
func kindOf(data []byte) string {
	if m := header.FindSubmatch(data); m != nil {
		return string(m[1])
	}
	return ""
}

// ruleFolders returns the topmost folders below a folder, itself included,
// that hold rules: what lies deeper belongs to the same mapping.
func ruleFolders(root string) ([]string, error) {
	var folders []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name != root && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		kinds, err := kindsIn(name)
		if err == nil && slices.ContainsFunc(kinds, func(kind string) bool { return kind != "fixture" }) {
			folders = append(folders, name)
			return fs.SkipDir
		}
		return err
	})
	return folders, err
}

func holdsDestination(folder string) (bool, error) {
	kinds, err := kindsIn(folder)
	return slices.Contains(kinds, "destination") || slices.Contains(kinds, "overlay"), err
}

// kindsIn returns the kinds of the files of a folder that say what they are.
func kindsIn(folder string) ([]string, error) {
	var kinds []string
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		root := folderFS(folder)
		files, err := fs.Glob(root, pattern)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			data, err := fs.ReadFile(root, file)
			if info, e := fs.Lstat(root, file); err != nil && e == nil && info.Mode()&fs.ModeSymlink != 0 {
				continue // what is wrong with the link is said when the rules are read
			}
			if err != nil {
				return nil, err
			}
			if kind := kindOf(data); kind != "" {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds, nil
}
