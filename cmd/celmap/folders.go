package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/celmap/celmap/internal/golden"
)

var (
	header = regexp.MustCompile(`(?m)^\x{FEFF}?["']?celmap["']?[ \t]*:[ \t]*["']?([a-z]+)/`)
	// likeHeader is what a header looks like whose key is misspelt.
	likeHeader = regexp.MustCompile(`(?m)^\x{FEFF}?(["']?([A-Za-z_]+)["']?)[ \t]*:[ \t]*["']?(?:destination|fragment|mapping|overlay|fixture)/v[0-9]`)
)

// kindOf returns what a YAML file says it is: "destination", "fixture" and so
// on, "" if it says nothing.
func kindOf(data []byte) string {
	if m := header.FindSubmatch(data); m != nil {
		return string(m[1])
	}
	return ""
}

// survey is what there is to check in a folder and below, by the order of names.
type survey struct {
	folders    []string // the topmost folders that hold rules: what lies deeper belongs to the same mapping
	schemas    []string // seen from the folder
	fixtures   []string
	misspelt   []string // files outside of these whose header has a misspelt key
	unreadable []unread
}

type unread struct {
	name string
	err  error
}

// surveyOf walks a folder once. Hidden folders and testdata, in which tests of
// programs keep what they break, are left out, and so are links, but for those
// of rules that stay in their folder.
func surveyOf(root string) (*survey, error) {
	s := &survey{}
	ruled := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && name == root:
			return err
		case err != nil:
			s.unreadable = append(s.unreadable, unread{name, err})
			return nil
		case entry.IsDir():
			if name != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
				return fs.SkipDir
			}
			return nil
		case entry.Type()&fs.ModeSymlink != 0 && isYAML(name):
			if data, err := fs.ReadFile(folderFS(filepath.Dir(name)), filepath.Base(name)); err == nil {
				if kind := kindOf(data); kind != "" && kind != "fixture" {
					ruled[filepath.Dir(name)] = true
				}
			}
			return nil
		case !entry.Type().IsRegular():
			return nil
		case strings.HasSuffix(name, schemaSuffix):
			s.schemas = append(s.schemas, name)
			return nil
		case !isYAML(name):
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			s.unreadable = append(s.unreadable, unread{name, err})
			return nil
		}
		folder := filepath.Dir(name)
		switch kind := kindOf(data); {
		case kind == "fixture" || kind == "" && golden.IsFixture(data):
			if !slices.Contains(strings.Split(folder, string(filepath.Separator)), golden.ConfigFolder) {
				s.fixtures = append(s.fixtures, name)
			}
		case kind != "":
			ruled[folder] = true
		case likeHeader.Match(data):
			s.misspelt = append(s.misspelt, name)
		}
		return nil
	})
	for folder := range ruled {
		if !slices.ContainsFunc(above(folder, root), func(up string) bool { return ruled[up] }) {
			s.folders = append(s.folders, folder)
		}
	}
	s.misspelt = slices.DeleteFunc(s.misspelt, func(name string) bool { // among rules the loader says so
		folder := filepath.Dir(name)
		return ruled[folder] || slices.ContainsFunc(above(folder, root), func(up string) bool { return ruled[up] })
	})
	slices.Sort(s.folders)
	golden.Sort(s.fixtures)
	return s, err
}

func isYAML(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

// above returns the folders around a folder, up to a root.
func above(folder, root string) []string {
	var all []string
	for folder != root {
		up := filepath.Dir(folder)
		if up == folder {
			break
		}
		folder = up
		all = append(all, folder)
	}
	return all
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
