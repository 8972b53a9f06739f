package plan

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/syntax"
)

// maxFiles bounds a mapping folder.
const maxFiles = 500

// ruleFile is one rule file of a folder.
type ruleFile struct {
	kind string
	name string // what the file calls itself
	root *source.Node

	unread bool // nothing of it is known, and its name is a guess
}

// folder is the rule files of a destination, by kind and name.
type folder struct {
	destination *ruleFile
	overlay     *ruleFile
	fragments   map[string]*ruleFile
	mappings    map[string]*ruleFile
	order       []*ruleFile // by path
	as          string      // name of the overlay that made it, "" for none
}

// readFolder reads every rule file below fsys. Each says what it is in its header,
// whatever its name; fixtures among them are left to the golden runner.
func (c *compiler) readFolder(fsys fs.FS, display string) *folder {
	f := &folder{fragments: map[string]*ruleFile{}, mappings: map[string]*ruleFile{}}
	count := 0
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := path.Base(name); name != "." && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
			return nil
		}
		link := d.Type()&fs.ModeSymlink != 0
		if !link && !d.Type().IsRegular() {
			return nil
		}
		if count++; count > maxFiles {
			return errors.New("more than 500 YAML files")
		}
		data, err := readRules(fsys, name)
		if err != nil && link {
			c.error(source.Span{}, "unreadable-file", "put a copy there, or take the link out of the folder", "%s cannot be read: %v", path.Join(display, name), err)
			return nil
		}
		if err != nil {
			return err
		}
		c.readFile(f, fsys, path.Join(display, name), data)
		return nil
	})
	if err != nil {
		c.error(source.Span{}, "unreadable-folder", "check the path and its permissions", "the mapping folder %s cannot be read: %v", display, err)
		return nil
	}
	if f.destination == nil && f.overlay == nil {
		if !c.open {
			c.error(source.Span{}, "no-destination", "a mapping folder needs one file that starts with `celmap: destination/v1`, or `celmap: overlay/v1`", "%s holds no destination", display)
		}
		c.open = true
		f.destination = c.unknownFile(syntax.DestinationKind, "", source.Span{})
	}
	return f
}

// maxFile bounds what is read of a folder, in bytes; rules may have less.
const maxFile = 8 << 20

func readRules(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxFile) {
		err = errors.New("it is no regular file of at most 8 MiB")
	}
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(fsys, name)
}

func (c *compiler) readFile(f *folder, fsys fs.FS, name string, data []byte) {
	root, found := source.Parse(name, data)
	c.found.Add(found...)
	if root == nil {
		c.unread(f, found[0].Span, data)
		return
	}
	c.folders[root.Span.File] = fsys
	kind := root.Get("celmap")
	if root.Kind != source.Mapping || kind == nil {
		c.error(root.At(0, 0), "no-header", "start the file with `celmap: mapping/v1`, or another of "+strings.Join(syntax.Kinds, ", "), "the file does not say what it is: the key celmap is missing")
		c.open = true
		return
	}
	if kind.Text == syntax.FixtureKind {
		return
	}
	shape := syntax.FileShape(kind.Text)
	if shape == nil {
		near := source.Suggest(kind.Text, syntax.Kinds)
		help := "the kinds are " + strings.Join(syntax.Kinds, ", ")
		if near != "" {
			help = "did you mean " + near + "?"
		}
		c.error(kind.Span, "unknown-kind", help, "there is no kind of file %q", kind.Text)
		if shape = syntax.FileShape(near); shape == nil {
			c.open = true
			return
		}
		kind.Text = near
	}
	c.found.Add(c.holes.Repair(root, shape, shape.Name)...)
	r := &ruleFile{kind: kind.Text, name: text(root, "name"), root: root}
	f.order = append(f.order, r)
	c.place(f, r)
}

var (
	kindLine = regexp.MustCompile(`(?m)^celmap:[ \t]*["']?([^\s"'#]+)`)
	nameLine = regexp.MustCompile(`(?m)^name:[ \t]*["']?([\pL\pN_.:-]+)`)
)

// unread puts a file that cannot be read into its place among the others, as far
// as its first lines tell, so that they are checked all the same.
func (c *compiler) unread(f *folder, at source.Span, data []byte) {
	kind, name := kindLine.FindSubmatch(data), nameLine.FindSubmatch(data)
	switch {
	case kind != nil && string(kind[1]) == syntax.FixtureKind:
	case kind != nil && name != nil && syntax.FileShape(string(kind[1])) != nil:
		c.place(f, c.unknownFile(string(kind[1]), string(name[1]), at))
	default:
		c.open = true
	}
}

// unknownFile stands in for a file of which nothing else is known.
func (c *compiler) unknownFile(kind, name string, at source.Span) *ruleFile {
	if kind == syntax.DestinationKind || kind == syntax.OverlayKind {
		c.open = true
	}
	root := &source.Node{Kind: source.Mapping, Span: at}
	for _, e := range [][2]string{{"celmap", kind}, {"name", name}} {
		root.Entries = append(root.Entries, source.Entry{Key: &source.Node{Text: e[0], Span: at}, Value: &source.Node{Text: e[1], Span: at}})
	}
	c.holes[root] = true
	return &ruleFile{kind: kind, name: name, root: root, unread: true}
}

func (c *compiler) place(f *folder, r *ruleFile) {
	again := func(old *ruleFile, what string) {
		if name := r.root.Get("name"); !c.holes[name] {
			c.error(name.Span, "duplicate-name", "rename one of them", "there is %s %q already", what, r.name).Relate(old.root.Get("name").Span, "it is defined here")
		}
	}
	second := func(old *ruleFile, what string) {
		c.error(r.root.Get("celmap").Span, "two-destinations", "put each into a folder of its own", "a folder holds one %s, and %s is one already", what, old.root.Span.File.Name).Relate(old.root.Get("celmap").Span, "the first one")
		c.open = true // the rules may be about either
	}
	switch r.kind {
	case syntax.DestinationKind:
		if f.destination != nil {
			second(f.destination, "destination")
			return
		}
		f.destination = r
	case syntax.OverlayKind:
		if f.overlay != nil {
			second(f.overlay, "overlay")
			return
		}
		f.overlay = r
	case syntax.FragmentKind:
		if old := f.fragments[r.name]; old != nil {
			again(old, "a fragment")
			return
		}
		f.fragments[r.name] = r
	case syntax.MappingKind:
		if old := f.mappings[r.name]; old != nil {
			again(old, "a mapping")
			return
		}
		f.mappings[r.name] = r
	}
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
