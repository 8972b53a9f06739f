package plan

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/syntax"
	"github.com/celmap/celmap/engine/value"
)

// Options is what a host adds to a mapping folder.
type Options struct {
	Display    string                                                  // prefix of file names in messages
	Events     map[string]fs.FS                                        // named sets of event schemas
	Base       func(name string) (fsys fs.FS, display string, ok bool) // bases of overlays
	Bases      []string                                                // names of bases that messages may propose
	Functions  []*function.Function
	Portal     map[string]PortalData // of an account, which the rules are checked against
	Expression expression.Options
	Explain    bool // Program.Typed tells what every expression gives
}

// Compile reads and compiles a mapping folder. The program is nil if the
// diagnostics have errors; warnings may come with a program.
//
// A mistake does not hide others: what is broken is reported, and a hole stands
// in for it, so that the rest is checked as if it were whole. What is wrong only
// because of a hole is not reported.
func Compile(fsys fs.FS, options Options) (*Program, source.Diagnostics) {
	c := &compiler{
		options: options, folders: map[*source.File]fs.FS{}, holes: syntax.Holes{}, variables: map[string]int{}, arena: value.NewArena(),
		objects: map[*source.Node]int{}, places: map[int]source.Span{}, vague: map[any]bool{}, scopes: map[string]*scope{},
		used: map[int]bool{}, limited: map[string]bool{}, borrowed: map[*source.File]bool{},
	}
	f := c.readFolder(fsys, options.Display)
	if f != nil && f.overlay != nil {
		f = c.applyOverlay(f)
	}
	if f != nil {
		c.compile(f)
	}
	c.found.Tidy()
	c.mergeUnknown()
	if c.found.HasErrors() {
		return nil, c.found
	}
	return c.program, c.found
}

type compiler struct {
	options    Options
	found      source.Diagnostics
	folders    map[*source.File]fs.FS // the folder of each file
	holes      syntax.Holes
	open       bool   // something could not be read: there may be more of everything
	bases      int    // overlays that are being applied
	dest       string // what the destination's own file calls itself
	program    *Program
	folder     *folder
	arena      *value.Arena // constants of the program
	variables  map[string]int
	objects    map[*source.Node]int  // slots of objects by their rule
	places     map[int]source.Span   // where the name of a slot is defined
	vague      map[any]bool          // tables, objects and types of which not everything is known
	routesLost bool                  // it is not known which events get where
	used       map[int]bool          // slots that an expression reads
	limited    map[string]bool       // limits that a request, lookup or portal data names
	borrowed   map[*source.File]bool // files of the base of an overlay
	prose      bool                  // what is compiled is read by people
	base       *scope
	exprs      []*Expr
	scopes     map[string]*scope // of the mappings
	fragments  map[string]*fragment
}

// fragment is a fragment with the slots of its objects.
type fragment struct {
	file  *ruleFile
	scope *scope
	types *Types
	slots map[string]int // of its objects
}

// error adds a finding. The pointer is good until the next one is added.
func (c *compiler) error(at source.Span, code, help, format string, args ...any) *source.Diagnostic {
	d := c.found.Errorf(code, at, format, args...)
	d.Help = help
	return d
}

func (c *compiler) warn(at source.Span, code, help, format string, args ...any) *source.Diagnostic {
	d := c.found.Warnf(code, at, format, args...)
	d.Help = help
	return d
}

func (c *compiler) rule(id string, n *source.Node) *Rule {
	r := &Rule{ID: id, Span: n.Span, Place: n.Span.String()}
	c.program.Rules = append(c.program.Rules, r)
	return r
}

func (c *compiler) compile(f *folder) {
	root := f.destination.root
	c.folder = f
	c.program = &Program{
		Name: f.destination.name, Doc: text(root, "doc"),
		Hosts: map[string]*Host{}, Lookups: map[string]*Lookup{}, Requests: map[string]*Request{}, Mappings: map[string]*Mapping{},
	}
	c.fragments = map[string]*fragment{}
	c.dest = f.destination.name
	c.program.Aliases = texts(root.Get("aliases"))
	if f.as != "" { // an overlay also answers to the names of its base
		c.program.Name, c.program.Aliases = f.as, append([]string{c.dest}, c.program.Aliases...)
	}
	c.schemas(root)
	c.base = c.baseScope(root)
	c.defineFunctions(c.base, root)
	lets := c.declareLets(c.base, root.Get("let"))
	c.compileTables(root)
	c.compileLimits(root.Get("delivery"))
	c.compileHosts(root)
	c.compilePortals(root)
	c.compileLets(c.base, c.dest, root.Get("let"), lets)
	c.program.Headers = c.fields(c.configScope(), root.Get("headers"))
	c.compileDelivery(root.Get("delivery"))
	auth := c.compileAuth(root)
	answers := c.compileAnswers(root)
	c.compileRequests(root, auth, answers)
	c.compileLookups(root)
	baseTypes := c.compileTypes(c.base, c.dest, root.Get("types"))
	for _, name := range sortedNames(f.fragments) {
		c.declareFragment(f.fragments[name], baseTypes)
	}
	for _, name := range sortedNames(f.fragments) {
		c.compileFragment(c.fragments[name])
	}
	for _, name := range sortedNames(f.mappings) {
		c.program.Mappings[name] = &Mapping{Name: name}
	}
	for _, name := range sortedNames(f.mappings) {
		c.compileMapping(f.mappings[name], baseTypes)
	}
	c.compileRoutes(root)
	c.checkLookups(root)
	c.deprecations(f)
	c.types()
	c.dependencies()
	c.unused(f)
}

func text(n *source.Node, key string) string {
	if v := n.Get(key); v != nil {
		return v.Text
	}
	return ""
}

func texts(n *source.Node) []string {
	if n == nil {
		return nil
	}
	out := make([]string, len(n.Items))
	for i, x := range n.Items {
		out[i] = x.Text
	}
	return out
}

func entries(n *source.Node) []source.Entry {
	if n == nil {
		return nil
	}
	return n.Entries
}

func items(n *source.Node) []*source.Node {
	if n == nil {
		return nil
	}
	return n.Items
}

// schemas compiles the schema of the config and those of the events.
func (c *compiler) schemas(root *source.Node) {
	if n := root.Get("config"); n != nil {
		c.program.Config = c.schemaFile(n)
	}
	n := root.Get("events")
	if n == nil || c.holes[n] {
		return
	}
	folder := "" // as messages name it; not known of the sets that come with a host
	fsys, ok := c.options.Events[n.Text]
	if !ok {
		sub, err := fs.Sub(c.folderOf(n), path.Clean(n.Text))
		if err == nil {
			if _, err = fs.Stat(sub, "."); err == nil {
				fsys, ok, folder = sub, true, path.Join(c.options.Display, path.Clean(n.Text))
			}
		}
	}
	if !ok {
		known := sortedNames(c.options.Events)
		if list, err := fs.ReadDir(c.folderOf(n), "."); err == nil {
			for _, d := range list {
				if d.IsDir() {
					known = append(known, d.Name())
				}
			}
		}
		c.unknown(n, "set of event schemas", namesAlone(known))
		c.holes[n] = true
		return
	}
	c.program.Events = map[string]*schema.Schema{}
	files, err := fs.Glob(fsys, "*.schema.json")
	if err != nil || len(files) == 0 {
		c.error(n.Span, "no-event-schemas", "put files such as identify.schema.json there", "%q holds no event schemas", n.Text)
		c.holes[n] = true
		return
	}
	for _, name := range files {
		data, err := fs.ReadFile(fsys, name)
		if err == nil {
			var s *schema.Schema
			if s, err = schema.Compile(name, data, schema.WithFiles(fsys)); err == nil {
				c.program.Events[strings.TrimSuffix(name, ".schema.json")] = s
			}
		}
		if err != nil {
			c.badSchema(n, fsys, folder, name, err)
			c.holes[n] = true
		}
	}
}

// folderOf returns the mapping folder that a rule stands in.
func (c *compiler) folderOf(n *source.Node) fs.FS { return c.folders[n.Span.File] }

// readNamed reads a file that a rule names, inside its mapping folder.
func (c *compiler) readNamed(n *source.Node) ([]byte, bool) {
	if c.holes[n] {
		return nil, false
	}
	fsys, name := c.folderOf(n), path.Clean(n.Text)
	if !fs.ValidPath(name) {
		c.error(n.Span, "path-outside", "name a file of the mapping folder", "%q lies outside the mapping folder", n.Text)
		return nil, false
	}
	info, err := fs.Stat(fsys, name)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxFile) {
		err = errors.New("it is no regular file of at most 8 MiB")
	}
	var data []byte
	if err == nil {
		data, err = fs.ReadFile(fsys, name)
	}
	if err != nil {
		var near []string
		if all, e := fs.Glob(fsys, path.Join(path.Dir(name), "*.json")); e == nil {
			near = all
		}
		help := "name a file of the mapping folder"
		if s := source.Suggest(n.Text, near); s != "" {
			help = "did you mean " + s + "?"
		}
		if errors.Is(err, fs.ErrNotExist) {
			c.error(n.Span, "unreadable-file", help, "there is no file %q", n.Text)
		} else {
			c.error(n.Span, "unreadable-file", help, "%q cannot be read: %v", n.Text, err)
		}
		return nil, false
	}
	return data, true
}

func (c *compiler) schemaFile(n *source.Node) *schema.Schema {
	data, ok := c.readNamed(n)
	if !ok {
		return nil
	}
	s, err := schema.Compile(path.Clean(n.Text), data, schema.WithFiles(c.folderOf(n)))
	if err != nil {
		c.badSchema(n, c.folderOf(n), path.Join(c.options.Display, "."), path.Clean(n.Text), err)
	}
	return s
}

func (c *compiler) slot(s Slot) int {
	c.program.Slots = append(c.program.Slots, s)
	return len(c.program.Slots) - 1
}

// variable returns the slot of a variable. Variables of one name share a slot:
// the construct that sets it restores what was there before.
func (c *compiler) variable(name string) int {
	if i, ok := c.variables[name]; ok {
		return i
	}
	i := c.slot(Slot{Kind: VariableSlot, Name: name})
	c.variables[name] = i
	return i
}

// baseScope has the names that every mapping may use.
func (c *compiler) baseScope(root *source.Node) *scope {
	s := &scope{compiler: c, slots: map[string]int{}, functions: map[string]*userFunction{}}
	s.open = c.holes[root] || c.anyHole(root, "events", "let", "tables", "portal")
	s.calls = c.holes[root] || c.anyHole(root, "functions")
	s.slots["input"] = c.slot(Slot{Kind: InputSlot, Name: "input"})
	s.slots["config"] = c.slot(Slot{Kind: ConfigSlot, Name: "config"})
	s.slots["now"] = c.slot(Slot{Kind: NowSlot, Name: "now"})
	for _, kind := range sortedNames(c.program.Events) {
		for _, field := range c.program.Events[kind].Properties() {
			if _, ok := s.slots[field]; !ok {
				s.slots[field] = c.slot(Slot{Kind: FieldSlot, Name: field})
			}
		}
	}
	return s
}

// configScope has what does not come from an event: requests, hosts and
// lookups are made of it.
func (c *compiler) configScope() *scope {
	s := &scope{compiler: c, slots: map[string]int{}, functions: c.base.functions, open: c.base.open, calls: c.base.calls}
	for name, i := range c.base.slots {
		switch c.program.Slots[i].Kind {
		case ConfigSlot, NowSlot, TableSlot, PortalSlot:
			s.slots[name] = i
		}
	}
	return s
}

// define makes a name known, unless it means something already.
func (c *compiler) define(s *scope, n *source.Node, slot Slot) (int, bool) {
	if !validName(n.Text) {
		c.error(n.Span, "bad-name", nameHelp(n.Text), "%q cannot be used in expressions", n.Text)
		return 0, false
	}
	if old, taken := s.Slot(n.Text); taken {
		what := [...]string{"the whole event", "a field of the event", "the config", "the time of the run", "a named value", "an object", "a table", "portal data", "an answer", "a variable"}[c.program.Slots[old].Kind]
		c.error(n.Span, "shadowed-name", "choose another name", "the name %q means %s already", n.Text, what).Relate(c.places[old], "%s is defined here", n.Text)
		return 0, false
	}
	slot.Name = n.Text
	i := c.slot(slot)
	s.slots[n.Text] = i
	c.places[i] = n.Span
	return i, true
}

func validName(s string) bool {
	for i, r := range s {
		if r != '_' && !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != "" && !slices.Contains([]string{"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}, s)
}

func (c *compiler) defineFunctions(s *scope, root *source.Node) {
	for _, e := range entries(root.Get("functions")) {
		name := e.Key.Text
		switch {
		case !validName(name):
			c.error(e.Key.Span, "bad-name", nameHelp(name), "%q cannot be used in expressions", name)
			continue
		case function.Lookup(name) != nil || name == "first" || name == "has" || name == "size":
			c.error(e.Key.Span, "shadowed-name", "choose another name", "there is a built-in function %q already", name)
			continue
		case s.parent.function(name) != nil:
			c.error(e.Key.Span, "shadowed-name", "choose another name", "the destination has a function %q already", name).Relate(s.parent.function(name).key.Span, "%s is defined here", name)
			continue
		}
		s.functions[name] = &userFunction{key: e.Key, node: e.Value, in: s}
		c.program.Functions = append(c.program.Functions, FunctionDoc{Name: name, Args: texts(e.Value.Get("args")), Doc: text(e.Value, "doc")})
	}
	for _, e := range entries(root.Get("functions")) {
		if f := s.functions[e.Key.Text]; f != nil {
			c.compileFunction(e.Key.Text, f)
		}
	}
}

func (s *scope) function(name string) *userFunction {
	for ; s != nil; s = s.parent {
		if f := s.functions[name]; f != nil {
			return f
		}
	}
	return nil
}

func (c *compiler) compileFunction(name string, f *userFunction) *expression.Function {
	if f.compiled != nil {
		return f.compiled
	}
	args := texts(f.node.Get("args"))
	if f.busy {
		c.error(f.key.Span, "recursive-function", "a function may not call itself, not even through another", "the function %s calls itself", name)
		f.compiled = expression.Broken(name, args)
		return f.compiled
	}
	f.busy = true
	var compiled *expression.Function
	if body := f.node.Get("value"); !c.holes[body] {
		var problems []expression.Problem
		compiled, problems = expression.CompileFunction(name, args, body.Text, argumentScope{f.in}, c.options.Expression)
		c.problems(f.in.orOpen(f.node, f.node.Get("args")), body, 0, problems)
	}
	if compiled == nil {
		compiled = expression.Broken(name, args)
	}
	compiled.Body = f.node.Get("value")
	if f.compiled == nil {
		f.compiled = compiled
	}
	return f.compiled
}

// problems reports what is wrong with an expression, except for what another
// problem inside it or a hole has caused.
func (c *compiler) problems(s *scope, n *source.Node, offset int, problems []expression.Problem) {
	for _, p := range problems {
		if slices.ContainsFunc(problems, func(inner expression.Problem) bool { return inside(inner, p) }) || c.causedByHole(s, n.Text[offset:], p) {
			continue
		}
		if p.Code == "unknown-name" && c.folder.destination.root.Get("events") == nil {
			p.Help += "\nFields of the event are names where the destination says which events there are: events: rudderstack"
		}
		d := source.Diagnostic{Code: p.Code, Span: n.At(offset+p.From, offset+p.To), Summary: p.Message, Detail: p.Detail, Help: p.Help}
		if p.Warning {
			d.Severity = source.Warning
		}
		c.relateName(s, &d, p)
		c.found.Add(d)
	}
}

func inside(inner, outer expression.Problem) bool {
	return inner.From >= outer.From && inner.To <= outer.To && inner.To-inner.From < outer.To-outer.From
}

// causedByHole reports whether something is unknown only because the place that
// defines it could not be read.
func (c *compiler) causedByHole(s *scope, text string, p expression.Problem) bool {
	switch p.Code {
	case "unknown-name":
		names, _ := s.isOpen()
		return names
	case "unknown-function":
		_, functions := s.isOpen()
		return functions
	case "wrong-arguments":
		name := nameAt(text, p.From)
		f := s.function(name)
		return f != nil && (c.holes[f.node] || c.holes[f.node.Get("args")])
	}
	return false
}

// relateName points at the definition of the name that is near to an unknown one,
// and at the function whose arguments are wrong.
func (c *compiler) relateName(s *scope, d *source.Diagnostic, p expression.Problem) {
	const asked = "did you mean "
	switch name := nameAt(strings.TrimPrefix(p.Help, asked), 0); {
	case (p.Code == "unknown-name" || p.Code == "unknown-function") && strings.HasPrefix(p.Help, asked):
		if slot, ok := s.Slot(name); ok {
			d.Relate(c.places[slot], "%s is defined here", name)
		} else if f := s.function(name); f != nil {
			d.Relate(f.key.Span, "%s is defined here", name)
		}
	case p.Code == "wrong-arguments":
		name := nameAt(strings.TrimPrefix(p.Help, "its form is "), 0)
		if f := s.function(name); f != nil {
			d.Relate(f.node.Get("args").Span, "the arguments of %s", name)
		}
	}
}

// nameAt returns the name that starts at a byte of a text.
func nameAt(text string, from int) string {
	from = min(from, len(text))
	to := from
	for to < len(text) && (text[to] == '_' || text[to] >= '0' && text[to] <= '9' || text[to]|0x20 >= 'a' && text[to]|0x20 <= 'z') {
		to++
	}
	return text[from:to]
}

// expr compiles an expression that stands alone in a scalar, nil for a hole and
// for one with mistakes.
func (c *compiler) expr(s *scope, n *source.Node, want expression.Want) *Expr {
	if c.holes[n] {
		return nil
	}
	if strings.HasPrefix(n.Text, "=") {
		c.error(n.At(0, 1), "needless-mark", "remove it: only an expression can stand here", "the = marks expressions among texts, and is not written here")
		return nil
	}
	return c.exprAt(s, n, 0, n.Text, want)
}

func (c *compiler) exprAt(s *scope, n *source.Node, offset int, text string, want expression.Want) *Expr {
	p, problems := expression.Compile(text, s, want, c.options.Expression)
	c.problems(s, n, offset, problems)
	if p == nil {
		return nil
	}
	for _, slot := range p.Slots() {
		c.used[slot] = true
	}
	e := &Expr{Program: p, node: n, offset: offset}
	c.exprs = append(c.exprs, e)
	return e
}

// optional compiles the expression under a key, nil if the key is not there.
func (c *compiler) optional(s *scope, n *source.Node, key string, want expression.Want) *Expr {
	if v := n.Get(key); v != nil {
		return c.expr(s, v, want)
	}
	return nil
}

func (c *compiler) condition(s *scope, n *source.Node) *Expr {
	return c.optional(s, n, "when", expression.Condition)
}

// alternatives compiles an expression or a list of them.
func (c *compiler) alternatives(s *scope, n *source.Node) Value {
	if n == nil {
		return nil
	}
	list := []*source.Node{n}
	if n.Kind == source.Sequence {
		list = n.Items
	}
	var out Value
	for _, x := range list {
		out = append(out, c.expr(s, x, expression.Anything))
	}
	return out
}

// template compiles any YAML value with =expr and ${expr} in it.
func (c *compiler) template(s *scope, n *source.Node) *Template {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case source.Mapping:
		return &Template{kind: objectTemplate, Fields: c.fields(s, n)}
	case source.Sequence:
		t := &Template{kind: listTemplate}
		for _, x := range n.Items {
			t.Items = append(t.Items, c.template(s, x))
		}
		return t
	}
	switch {
	case strings.HasPrefix(n.Text, "=="):
		return &Template{Constant: c.arena.String(n.Text[1:]).Freeze()}
	case strings.HasPrefix(n.Text, "="):
		return &Template{kind: exprTemplate, Expr: c.exprAt(s, n, 1, n.Text[1:], expression.Anything)}
	}
	c.doubtText(s, n)
	if strings.Contains(n.Text, "${") {
		return c.text(s, n)
	}
	c.foreignMarks(s, n, 0, n.Text)
	c.forgottenMark(s, n)
	return &Template{Constant: n.Value(c.arena).Freeze()}
}

// text compiles a scalar with ${expr} in it. $${ stands for ${ itself.
func (c *compiler) text(s *scope, n *source.Node) *Template {
	t := &Template{kind: textTemplate}
	literal, rest, from := "", n.Text, 0
	for rest != "" {
		i := strings.Index(rest, "${")
		if i < 0 {
			literal += rest
			break
		}
		if i > 0 && rest[i-1] == '$' {
			literal += rest[:i-1] + "${"
			rest = rest[i+2:]
			continue
		}
		literal += rest[:i]
		start := len(n.Text) - len(rest) + i + 2
		end := closing(n.Text, start)
		if end < 0 {
			c.error(n.At(start-2, len(n.Text)), "unclosed-expression", unclosedHelp(n.Text[start-2:]), "the expression that starts here is not closed")
			t.Text = append(t.Text, Part{})
			return t
		}
		if literal != "" {
			t.Text = append(t.Text, Part{Literal: literal})
			literal = ""
		}
		c.foreignMarks(s, n, from, n.Text[from:start-2])
		e := c.exprAt(s, n, start, n.Text[start:end], expression.Anything)
		t.Text = append(t.Text, Part{Expr: e, Rules: e != nil && c.fromTable(e)})
		from, rest = end+1, n.Text[end+1:]
	}
	c.foreignMarks(s, n, from, n.Text[from:])
	if literal != "" {
		t.Text = append(t.Text, Part{Literal: literal})
	}
	return t
}

// closing finds the } that ends an expression, past braces and texts inside it.
func closing(s string, from int) int {
	depth, quote := 0, byte(0)
	for i := from; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '{':
			depth++
		case c == '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

// fromTable reports whether an expression is a value of a table, which is part
// of the rules and not of the data.
func (c *compiler) fromTable(e *Expr) bool {
	slot, steps, ok := e.Path()
	return ok && len(steps) > 0 && c.program.Slots[slot].Kind == TableSlot
}

func (c *compiler) fields(s *scope, n *source.Node) []Field {
	var out []Field
	for _, e := range entries(n) {
		out = append(out, Field{Name: e.Key.Text, Value: c.template(s, e.Value)})
	}
	return out
}

func (c *compiler) duration(n *source.Node, key string) time.Duration {
	d, _ := time.ParseDuration(text(n, key)) // the grammar has checked it
	return d
}

func (c *compiler) integer(n *source.Node, key string, otherwise int) int {
	if v := n.Get(key); v != nil {
		if i, err := strconv.Atoi(v.Text); err == nil {
			return i
		}
	}
	return otherwise
}

// declareLets makes the names of lets known, so that they may be used in any
// order. It returns the slots, -1 for a name that cannot be used.
func (c *compiler) declareLets(s *scope, n *source.Node) []int {
	var slots []int
	for _, e := range entries(n) {
		i, ok := c.define(s, e.Key, Slot{Kind: LetSlot, Let: &Let{}})
		if !ok {
			i = -1
		}
		slots = append(slots, i)
	}
	return slots
}

func (c *compiler) compileLets(s *scope, file string, n *source.Node, slots []int) {
	for i, e := range entries(n) {
		if slots[i] < 0 {
			continue
		}
		let := c.program.Slots[slots[i]].Let
		let.Rule = c.rule(file+"/let/"+e.Key.Text, e.Value)
		let.Value = c.alternatives(s, e.Value)
	}
}

func (c *compiler) compileRoutes(root *source.Node) {
	taken := map[string]*source.Node{}
	list := items(root.Get("routes"))
	var ways []entry
	lost := c.open || c.holes[root.Get("routes")] // some routes are not known
	c.routesLost = lost
	for i, n := range list {
		r := &Route{When: c.condition(c.base, n)}
		c.oneOf(n, "a route", "to", "reject", "filter")
		name := text(n, "name")
		switch {
		case n.Get("to") != nil:
			to := n.Get("to")
			if name == "" {
				name = to.Text
			}
			if r.To = c.program.Mappings[to.Text]; r.To == nil {
				c.unknown(to, "mapping", c.files(c.folder.mappings))
				lost = true
			}
		case n.Get("reject") != nil:
			rej := n.Get("reject")
			if name == "" {
				name = text(rej, "code")
			}
			c.checkAt(c.base, rej.Get("at"))
			r.Reject = &Reject{Code: text(rej, "code"), Status: c.integer(rej, "status", 400), Message: c.sentence(c.base, rej.Get("message")), At: text(rej, "at")}
		default:
			if name == "" {
				name = "filter-" + strconv.Itoa(i+1)
			}
			r.Filter = c.sentence(c.base, n.Get("filter"))
		}
		lost = lost || c.holes[n]
		c.routesLost = c.routesLost || lost || r.When == nil && n.Get("when") != nil
		c.checkName(n.Get("name"), "a route")
		if r.To != nil {
			c.checkEventTypes(n, r.When)
		}
		if old := taken[name]; old != nil && !c.broken(n) && !c.broken(old) {
			c.error(n.Span, "duplicate-name", "give one of them a name", "there are two routes %q", name).Relate(old.Span, "the first one")
		}
		taken[name] = n
		r.Rule = c.rule(c.dest+"/routes/"+name, n)
		if r.Reject != nil {
			r.Reject.Rule = r.Rule
		}
		ways = append(ways, entry{n, r.When})
		c.program.Routes = append(c.program.Routes, r)
	}
	c.firstOf(ways, "route", "takes every event")
	for _, name := range sortedNames(c.program.Mappings) {
		if !lost && !slices.ContainsFunc(c.program.Routes, func(r *Route) bool { return r.To == c.program.Mappings[name] }) {
			c.warn(c.folder.mappings[name].root.Get("name").Span, "unused-mapping", "add a route with to: "+name+", or remove the file", "no route leads to the mapping %q", name)
		}
	}
}

// needs compiles a list of paths that have to be present.
func (c *compiler) needs(s *scope, id string, n *source.Node) []Need {
	var out []Need
	for _, x := range items(n) {
		e := c.expr(s, x, expression.Anything)
		out = append(out, Need{Rule: c.rule(id+"/needs/"+x.Text, x), Path: e})
		if e != nil {
			if _, _, ok := e.Path(); !ok {
				c.error(x.Span, "not-a-path", "name one field, such as config.accessToken; what has to be computed is asked under reject", "%q is no path", x.Text)
			}
		}
	}
	return out
}
