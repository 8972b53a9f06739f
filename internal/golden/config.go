package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/celmap/celmap/engine/source"
)

// config returns the destination's config: the object written in the fixture, or
// that of a file of a configs folder, with single keys replaced and those
// removed that are null. It is nil if it cannot be read.
func (r *reader) config(n *source.Node) *source.Node {
	name := n
	if n.Kind == source.Mapping {
		name = n.Get("use")
		if name == nil {
			return n
		}
	}
	if name.Kind != source.Scalar || name.IsNull() || strings.ContainsAny(name.Text, `/\`) {
		r.found.Errorf("fixture-config", name.Span, "%s is no config", shown(name)).Help =
			"write the name of a file of the folder `" + ConfigFolder + "`, without folder and extension, or the config itself as a mapping"
		return nil
	}
	base := r.namedConfig(name)
	if base == nil {
		return nil
	}
	if base.Kind != source.Mapping {
		r.found.Errorf("fixture-config", base.Span, "a config is a mapping, and this is a %s", base.Kind)
		return nil
	}
	if n.Kind != source.Mapping {
		return base
	}
	merged := &source.Node{Kind: source.Mapping, Span: n.Span}
	for _, e := range base.Entries {
		if n.Get(e.Key.Text) == nil {
			merged.Entries = append(merged.Entries, e)
		}
	}
	for _, e := range n.Entries {
		if e.Key.Text != "use" && !e.Value.IsNull() {
			merged.Entries = append(merged.Entries, e)
		}
	}
	return merged
}

var configExtensions = []string{".yaml", ".yml", ".json"}

// namedConfig reads a config of the nearest configs folder that has it, going
// from the fixture's folder upwards to the working directory.
func (r *reader) namedConfig(name *source.Node) *source.Node {
	var names []string
	for dir := filepath.Dir(r.file); ; dir = filepath.Join(dir, "..") {
		folder := filepath.Join(dir, ConfigFolder)
		for _, ext := range configExtensions {
			file := filepath.Join(folder, name.Text+ext)
			info, err := os.Lstat(file)
			if err != nil {
				continue
			}
			if !info.Mode().IsRegular() { // a link could lead anywhere
				r.found.Errorf("fixture-config", name.Span, "%s is no regular file", clean(file)).Help = "put the config itself there"
				return nil
			}
			data, err := os.ReadFile(file)
			if err != nil {
				r.found.Errorf("fixture-config", name.Span, "%s cannot be read: %v", clean(file), err).Help = "check its permissions"
				return nil
			}
			node, found := source.Parse(clean(file), data)
			r.found.Add(found...)
			return node
		}
		entries, _ := os.ReadDir(folder) // a folder that is not there has no names
		for _, entry := range entries {
			names = append(names, strings.TrimSuffix(entry.Name(), filepath.Ext(entry.Name())))
		}
		if dir == "." || isRoot(dir) {
			break
		}
	}
	d := r.found.Errorf("fixture-config", name.Span, "there is no config %s", shown(name))
	d.Detail = fmt.Sprintf("the folders `%s` of the fixture's folder and of those above it were looked through", ConfigFolder)
	if s := source.Suggest(name.Text, names); s != "" {
		d.Help = fmt.Sprintf("did you mean `%s`?", s)
	} else {
		d.Help = fmt.Sprintf("make the file %s, or write the config itself as a mapping", clean(filepath.Join(filepath.Dir(r.file), ConfigFolder, name.Text+".yaml")))
	}
	return nil
}

func isRoot(dir string) bool {
	absolute, err := filepath.Abs(dir)
	return err != nil || absolute == filepath.Dir(absolute)
}
