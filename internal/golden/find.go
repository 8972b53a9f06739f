package golden

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// ConfigFolder is the name of the folders that hold configs shared by fixtures.
const ConfigFolder = "configs"

// ErrNoFixture says that there is nothing to run.
var ErrNoFixture = errors.New("no fixture found")

// Find returns the fixtures among files and folders, in the order of their
// names, each once, with slashes. A file is taken as it is; of a folder all
// YAML files with the header of fixtures are, and those without any header
// that hold an event, so that a forgotten header is reported and not a case
// that silently never runs.
func Find(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%s does not exist: give the folder or the file of fixtures", path)
		case err != nil:
			return nil, err
		case !info.IsDir():
			files = append(files, clean(path))
			continue
		}
		path = filepath.Clean(path) + string(filepath.Separator) // a link to a folder is one, too
		err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				if name != path && (entry.Name() == ConfigFolder || strings.HasPrefix(entry.Name(), ".")) {
					return fs.SkipDir
				}
				return nil
			}
			if !isYAML(name) {
				return nil
			}
			if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() { // links count as what they lead to, as Kubernetes mounts files
				return nil
			}
			data, err := os.ReadFile(name)
			if err == nil && IsFixture(data) {
				files = append(files, clean(name))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(files, compareFiles)
	files = slices.Compact(files)
	if len(files) == 0 {
		return nil, fmt.Errorf("%w in %s: a fixture is a YAML file that begins with `celmap: %s`",
			ErrNoFixture, strings.Join(paths, ", "), Header)
	}
	return files, nil
}

// Sort puts files into the order in which Find returns them.
func Sort(files []string) { slices.SortFunc(files, compareFiles) }

// compareFiles orders by folder first, so that the cases of a folder stand together.
func compareFiles(a, b string) int {
	if c := strings.Compare(filepath.Dir(a), filepath.Dir(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

func clean(name string) string { return filepath.ToSlash(filepath.Clean(name)) }

func isYAML(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

var (
	kindOfFile  = regexp.MustCompile(`(?m)^\x{FEFF}?["']?celmap["']?[ \t]*:[ \t]*["']?([^/\s"']*)`)
	holdsEvents = regexp.MustCompile(`(?m)^events?[ \t]*:`)
)

// IsFixture reports whether a YAML file says that it is a fixture, or says nothing
// and holds an event.
func IsFixture(data []byte) bool {
	if m := kindOfFile.FindSubmatch(data); m != nil {
		return string(m[1]) == strings.TrimSuffix(Header, "/v1")
	}
	return holdsEvents.Match(data)
}
