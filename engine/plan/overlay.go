package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/syntax"
	"github.com/celmap/celmap/engine/value"
)

// maxBases bounds overlays of overlays.
const maxBases = 4

// applyOverlay returns the base destination of an overlay with its changes made
// and the overlay's own fragments and mappings added. Where there is no such base,
// these are all that is known.
func (c *compiler) applyOverlay(top *folder) *folder {
	c.bases++
	defer func() { c.bases-- }()
	root := top.overlay.root
	name := root.Get("base")
	if top.destination != nil {
		c.error(top.destination.root.Span, "two-destinations", "an overlay changes the destination named under base; remove one of the two files", "the folder holds an overlay and a destination").Relate(root.Get("celmap").Span, "the overlay")
		c.open = true
		return top
	}
	var base *folder
	switch {
	case name == nil || c.holes[name]:
	case c.bases > maxBases:
		c.error(name.Span, "too-many-bases", "base it on the destination itself", "overlays are based on overlays more than %d deep", maxBases)
	case c.options.Base == nil:
		c.error(name.Span, "unknown-base", "this host offers no base destinations", "there is no destination %q to base the overlay on", name.Text)
	default:
		fsys, display, ok := c.options.Base(name.Text)
		if !ok {
			c.error(name.Span, "unknown-base", c.baseHelp(name.Text), "there is no destination %q to base the overlay on", name.Text)
			break
		}
		if base = c.readFolder(fsys, display); base != nil && base.overlay != nil {
			base = c.applyOverlay(base)
		}
	}
	if base == nil {
		c.open = true // its rules are not known
		top.destination = c.unknownFile(syntax.DestinationKind, "", root.Span)
		return top
	}
	for _, f := range base.order {
		c.borrowed[f.root.Span.File] = true
	}
	c.adopt(base.fragments, top.fragments, "fragment")
	c.adopt(base.mappings, top.mappings, "mapping")
	base.order = append(base.order, top.order...)
	var quiet idleChanges
	for _, change := range items(root.Get("changes")) {
		before := len(c.found)
		if !c.holes[change] && !c.holes[change.Get("rule")] {
			c.change(base, change, &quiet)
		}
		if len(c.found) > before || c.holes[change] || c.holes[change.Get("rule")] {
			c.open = true // what it would have added or moved is not there
		}
	}
	for _, f := range base.order { // what was put in has to fit, too
		if f.kind != syntax.OverlayKind {
			c.found.Add(c.holes.Repair(f.root, syntax.FileShape(f.kind), syntax.FileShape(f.kind).Name)...)
		}
	}
	c.found.Add(quiet.found...)
	base.as = top.overlay.name
	return base
}

func (c *compiler) adopt(base, own map[string]*ruleFile, what string) {
	for _, name := range sortedNames(own) {
		if old := base[name]; old != nil {
			c.error(own[name].root.Get("name").Span, "duplicate-name", "change single rules of it under changes, or choose another name", "the base has a %s %q already", what, name).Relate(old.root.Get("name").Span, "it is defined here")
			continue
		}
		base[name] = own[name]
	}
}

// spot is where a rule stands: an entry of a mapping or an item of a list.
type spot struct {
	parent *source.Node
	index  int // -1: it is not there
}

func (s spot) node() *source.Node {
	if s.parent.Kind == source.Mapping {
		return s.parent.Entries[s.index].Value
	}
	return s.parent.Items[s.index]
}

func (c *compiler) change(f *folder, n *source.Node, quiet *idleChanges) {
	rule := n.Get("rule")
	ops := slices.DeleteFunc([]string{"add", "replace", "remove", "move"}, func(k string) bool { return n.Get(k) == nil })
	if rule == nil || len(ops) != 1 {
		c.error(n.Span, "one-change", "write one of add, replace, remove and move for each rule", "a change does exactly one thing, this one does %d", len(ops))
		return
	}
	op := ops[0]
	at, ok := c.find(f, rule, op == "add")
	if !ok {
		return
	}
	if op == "add" && at.index >= 0 {
		c.error(rule.Span, "exists", addHelp(rule.Text, at.node(), n.Get("add")), "the base has the rule %s already", rule.Text).Relate(at.node().Span, "the rule of the base")
		return
	}
	if op != "add" && at.index < 0 {
		c.unknown(rule, "rule", siblings(rule.Text, at.parent))
		return
	}
	if op == "replace" || op == "remove" {
		if !c.digestFits(n, rule, at.node()) {
			return
		}
	}
	quiet.note(op, rule)
	last := rule.Text[strings.LastIndexByte(rule.Text, '/')+1:]
	if add := n.Get("add"); op == "add" && isLines(rule.Text[:len(rule.Text)-len(last)-1]) && len(add.Entries) == 1 && add.Entries[0].Key.Text == last {
		help := "write what stands below " + last + " right under add"
		if v := add.Entries[0].Value; v.Kind == source.Scalar {
			help = "write add: " + v.Span.Text()
		}
		c.error(add.Entries[0].Key.Span, "wrong-name", help, "the name %s stands at the end of the rule already", last)
		return
	}
	switch op {
	case "replace":
		quiet.replaced(rule, at.node(), n.Get("replace"))
		if at.parent.Kind == source.Mapping {
			at.parent.Entries[at.index].Value = n.Get("replace")
		} else {
			at.parent.Items[at.index] = n.Get("replace")
		}
	case "remove":
		if at.parent.Kind == source.Mapping {
			at.parent.Entries = slices.Delete(at.parent.Entries, at.index, at.index+1)
		} else {
			at.parent.Items = slices.Delete(at.parent.Items, at.index, at.index+1)
		}
	case "add":
		c.insert(at.parent, n, source.Entry{Key: c.key(rule, last), Value: n.Get("add")}, last)
	case "move":
		if n.Get("before") == nil && n.Get("after") == nil {
			c.error(n.Span, "missing-key", "add before or after, with the name of another entry", "a move needs a place to go to")
			return
		}
		if at.parent.Kind != source.Sequence {
			c.error(rule.Span, "no-order", "only entries of lists, such as routes, have an order", "%s has no order that a move could change", rule.Text)
			return
		}
		moved := at.node()
		at.parent.Items = slices.Delete(at.parent.Items, at.index, at.index+1)
		c.insert(at.parent, n, source.Entry{Value: moved}, last)
		if at.index < len(at.parent.Items) && at.parent.Items[at.index] == moved {
			quiet.add(rule, "the overlay moves "+rule.Text+" to where it stands already", "remove the change, or move it elsewhere")
		}
	}
}

// key is a node for the name of a rule that an overlay adds.
func (c *compiler) key(rule *source.Node, name string) *source.Node {
	k := *rule
	k.Text = name
	k.Span = rule.At(len(rule.Text)-len(name), len(rule.Text))
	return &k
}

// insert puts an entry where `before` or `after` say, else at the end.
func (c *compiler) insert(parent, n *source.Node, e source.Entry, name string) {
	at := -1
	for _, k := range []string{"before", "after"} {
		ref := n.Get(k)
		if ref == nil {
			continue
		}
		if at = indexOf(parent, ref.Text); at < 0 {
			c.unknown(ref, "entry", siblings("", parent))
			return
		}
		if k == "after" {
			at++
		}
	}
	if parent.Kind == source.Mapping {
		if at < 0 {
			at = len(parent.Entries)
		}
		parent.Entries = slices.Insert(parent.Entries, at, e)
		return
	}
	if got := entryName(e.Value); got != name {
		c.error(e.Value.Span, "wrong-name", "write name: "+name, "the entry that is added as %q calls itself %q", name, got)
		return
	}
	if at < 0 {
		at = len(parent.Items)
	}
	parent.Items = slices.Insert(parent.Items, at, e.Value)
}

// find follows the path of a rule: FILE/SECTION/NAME. An index of -1 means that
// all but the last name was found.
func (c *compiler) find(f *folder, rule *source.Node, adds bool) (spot, bool) {
	names := strings.Split(rule.Text, "/")
	files := map[string]*ruleFile{f.destination.name: f.destination}
	maps.Copy(files, f.fragments)
	maps.Copy(files, f.mappings)
	file := files[names[0]]
	if file == nil && c.open && len(names) > 1 {
		return spot{}, false
	}
	if file == nil || len(names) < 2 {
		known := sortedNames(files)
		help := "a rule is written FILE/SECTION/NAME; the files are " + strings.Join(known, ", ")
		if near := source.Suggest(names[0], known); near != "" {
			help = "did you mean " + near + "?"
		}
		if meant := meantRules(files, rule.Text, adds); len(meant) > 0 {
			help = "write " + strings.Join(meant, ", or ")
		}
		c.error(rule.Span, "unknown-rule", help, "%q names no rule", rule.Text)
		return spot{}, false
	}
	at := spot{file.root, indexOf(file.root, names[1])}
	if at.index < 0 && !slices.ContainsFunc(syntax.FileShape(file.kind).Keys, func(k syntax.Key) bool { return k.Name == names[1] }) {
		if meant := meantRules(files, rule.Text, adds); len(meant) > 0 {
			c.error(rule.Span, "unknown-rule", "write "+strings.Join(meant, ", or "), "%q names no rule: %s has no section %s", rule.Text, names[0], names[1])
			return spot{}, false
		}
	}
	for i, name := range names[2:] {
		if at.index < 0 {
			if i == 0 && len(names) == 3 { // a section that the file does not have yet
				section := &source.Node{Kind: source.Mapping, Span: rule.Span}
				file.root.Entries = append(file.root.Entries, source.Entry{Key: c.key(rule, names[1]), Value: section})
				at = spot{file.root, len(file.root.Entries) - 1}
			} else {
				c.unknown(rule, "rule", siblings(rule.Text, at.parent))
				return spot{}, false
			}
		}
		parent := at.node()
		at = spot{parent, indexOf(parent, name)}
		if at.index < 0 && parent.Kind == source.Sequence {
			for _, x := range parent.Items { // alternatives have names of their own
				if choose := x.Get("choose"); choose != nil && indexOf(choose, name) >= 0 {
					at = spot{choose, indexOf(choose, name)}
				}
			}
		}
		if parent.Kind == source.Scalar {
			c.unknown(rule, "rule", declared{})
			return spot{}, false
		}
	}
	return at, true
}

// baseHelp helps with the name of a base that is not there.
func (c *compiler) baseHelp(name string) string {
	known := c.options.Bases
	switch last := path.Base(name); {
	case len(known) == 0:
		return "name a destination that is built in"
	case slices.Contains(known, last):
		return "did you mean " + last + "?"
	default:
		return source.Choices(last, known)
	}
}

// isLines reports whether a path leads to lines with names of the author's choice.
func isLines(rule string) bool { return strings.HasSuffix(rule, "/set") }

// addHelp helps with a rule to add that the base has already: where it is a section,
// or the lines of an object, what was meant is one entry of it.
func addHelp(rule string, old, add *source.Node) string {
	const replace = "write replace instead of add"
	if strings.Count(rule, "/") > 1 && !isLines(rule) || old.Kind == source.Scalar || add.Kind == source.Scalar {
		return replace
	}
	if old.Kind == source.Sequence {
		first := add
		if add.Kind == source.Sequence && len(add.Items) > 0 {
			first = add.Items[0]
		}
		name := entryName(first)
		if name == "" {
			return replace
		}
		return "to add an entry write rule: " + rule + "/" + name + ", with the entry itself under add; to put another list in the place of the whole one, write replace"
	}
	for _, e := range add.Entries {
		what := "to add a line write rule: "
		if indexOf(old, e.Key.Text) >= 0 {
			if len(add.Entries) > 1 {
				continue
			}
			what = "to change a line write replace, with rule: "
		}
		value := "and add what stands below " + e.Key.Text
		switch {
		case strings.HasPrefix(what, "to change"):
			value = "and what is to stand there"
		case e.Value.Kind == source.Scalar:
			value = "and add: " + e.Value.Span.Text()
		}
		return what + rule + "/" + e.Key.Text + ", " + value
	}
	return replace
}

// maxMeant bounds the rules that a message proposes.
const maxMeant = 3

// meantRules are the rules that a path most likely means that leads to none: it
// names a file with its ending, has points for slashes, or lacks its first names.
func meantRules(files map[string]*ruleFile, rule string, adds bool) []string {
	if !strings.Contains(rule, "/") {
		rule = strings.NewReplacer(".yaml.", "/", ".yml.", "/", ".", "/").Replace(rule)
	}
	rule = strings.NewReplacer(".yaml/", "/", ".yml/", "/").Replace(rule)
	names := strings.Split(rule, "/")
	if len(names) < 2 {
		return nil
	}
	tail, added := rule, ""
	if adds {
		tail, added = strings.Join(names[:len(names)-1], "/"), "/"+names[len(names)-1]
	}
	var meant []string
	var walk func(at string, n *source.Node)
	walk = func(at string, n *source.Node) {
		if strings.HasSuffix("/"+at, "/"+tail) && (added == "" || n.Kind != source.Scalar) {
			meant = append(meant, at+added)
		}
		if strings.Count(at, "/") > 5 {
			return
		}
		for _, e := range n.Entries {
			walk(at+"/"+e.Key.Text, e.Value)
		}
		for _, x := range n.Items {
			if name := entryName(x); name != "" {
				walk(at+"/"+name, x)
			}
		}
	}
	for _, name := range sortedNames(files) {
		walk(name, files[name].root)
	}
	meant = slices.DeleteFunc(meant, func(at string) bool { return strings.Count(at, "/") == 0 })
	slices.SortStableFunc(meant, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	return meant[:min(len(meant), maxMeant)]
}

// siblings are the rules that could be meant instead of one that is not there.
func siblings(rule string, parent *source.Node) declared {
	prefix := rule[:strings.LastIndexByte(rule, '/')+1]
	d := declared{places: map[string]source.Span{}}
	for _, e := range parent.Entries {
		d.add(prefix+e.Key.Text, e.Key.Span)
	}
	for _, x := range parent.Items {
		d.add(prefix+entryName(x), x.Span)
	}
	return d
}

func indexOf(n *source.Node, name string) int {
	return slices.Index(namesOf(n), name)
}

func namesOf(n *source.Node) []string {
	var out []string
	for _, e := range n.Entries {
		out = append(out, e.Key.Text)
	}
	for _, x := range n.Items {
		out = append(out, entryName(x))
	}
	return out
}

// entryName is the name of an entry of a list, as the compiler gives it.
func entryName(n *source.Node) string {
	if n.Kind == source.Scalar {
		return n.Text
	}
	for _, k := range []string{"name", "to", "request", "do"} {
		if v := n.Get(k); v != nil {
			return v.Text
		}
	}
	if r := n.Get("reject"); r != nil {
		return text(r, "code")
	}
	return ""
}

// digestFits checks that what an overlay replaces or removes is still what its
// author has seen.
func (c *compiler) digestFits(n, rule, old *source.Node) bool {
	want := digest(old)
	given := n.Get("digest")
	switch {
	case given == nil:
		c.error(n.Span, "missing-digest", "read the rule and add digest: "+want, "the change of %s does not say which version of it is meant", rule.Text).Relate(old.Span, "the rule of the base")
	case given.Text != want:
		c.error(given.Span, "changed-base", "read the rule again, adapt the change, and write digest: "+want, "%s has changed since this overlay was written", rule.Text).Relate(old.Span, "the rule of the base")
	default:
		return true
	}
	return false
}

// digest identifies the content of a rule, whatever its layout and comments.
func digest(n *source.Node) string {
	sum := sha256.Sum256(value.AppendJSON(nil, n.Value(value.NewArena())))
	return hex.EncodeToString(sum[:6])
}
