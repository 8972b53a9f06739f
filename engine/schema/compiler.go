package schema

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// What a schema may be at most.
const (
	maxFileBytes = 1 << 20
	maxFileDepth = 64 // lists and objects inside each other
	maxFiles     = 64
	maxRules     = 20_000
	maxErrors    = 50
	maxCount     = 1 << 30 // of minLength and its like
)

// compiler turns files into rules.
type compiler struct {
	files     fs.FS // nil where other files must not be read
	arena     *value.Arena
	documents map[string][]byte
	rules     []*rule
	byPlace   map[place]*rule
	refs      []reference
	errors    Errors
}

// reference is a $ref that waits until the rules of all files are known.
type reference struct {
	rule *rule
	at   place // of the $ref
	text string
}

func newCompiler() *compiler {
	return &compiler{
		arena:     value.NewArena(),
		documents: map[string][]byte{},
		byPlace:   map[place]*rule{},
	}
}

// report adds a mistake in the value at a place.
func (c *compiler) report(at place, message string) { c.add(at, message, false) }

// reportKey adds a mistake in the name of the member at a place.
func (c *compiler) reportKey(at place, message string) { c.add(at, message, true) }

func (c *compiler) add(at place, message string, ofKey bool) {
	if len(c.errors) >= maxErrors {
		return
	}
	e := &Error{File: at.file, Pointer: at.pointer, Message: message}
	if data, ok := c.documents[at.file]; ok {
		e.Line, e.Column = position(data, at.pointer, ofKey)
	}
	c.errors = append(c.errors, e)
}

// compile returns the rule of a file with everything that it refers to linked.
func (c *compiler) compile(name string, data []byte) *rule {
	c.load(name, data)
	for i := 0; i < len(c.refs); i++ { // files that are loaded on the way add references
		c.resolve(c.refs[i])
	}
	if len(c.errors) == 0 {
		c.refuseCycles()
	}
	if len(c.errors) > 0 {
		return nil
	}
	for range 3 { // a rule follows its parent; references may lead either way
		for _, r := range slices.Backward(c.rules) {
			r.settle()
		}
	}
	return c.byPlace[place{file: name}]
}

// load reads a file: its syntax, the draft-07 meta-schema, then its rules.
func (c *compiler) load(name string, data []byte) {
	c.documents[name] = data
	at := place{file: name}
	n, err := value.Parse(c.arena, data, value.Limits{Bytes: maxFileBytes, Depth: maxFileDepth})
	if err != nil {
		e := &Error{File: name, Message: err.Error()}
		var syntax *value.ParseError
		if errors.As(err, &syntax) {
			e.Message = syntax.Message
			e.Line, e.Column = lineColumn(data, syntax.Offset)
		}
		c.errors = append(c.errors, e)
		return
	}
	if declared := n.Get("$schema"); declared != nil && !isDraft07(declared.Text()) {
		c.report(at.key("$schema"), fmt.Sprintf("%s: only draft-07 is understood: write \"http://json-schema.org/draft-07/schema#\"", value.Preview(declared)))
		return
	}
	if violations := metaSchema().explain(n); len(violations) > 0 {
		for _, v := range violations {
			c.report(place{name, v.Pointer}, v.Message)
		}
		return
	}
	c.rule(at, n)
}

func isDraft07(uri string) bool {
	uri = strings.TrimSuffix(uri, "#")
	return uri == metaSchemaURI || uri == strings.Replace(metaSchemaURI, "http:", "https:", 1)
}

// rule compiles the schema n, which the meta-schema has accepted.
func (c *compiler) rule(at place, n *value.Node) *rule {
	r := &rule{place: at, source: n}
	if len(c.rules) == maxRules {
		c.report(at, fmt.Sprintf("more than %d schemas in one: split it", maxRules))
	}
	if len(c.rules) >= maxRules {
		return r
	}
	c.rules = append(c.rules, r)
	c.byPlace[at] = r
	if n.Kind() == value.Bool {
		r.fixed = of(n.Bool())
		return r
	}
	for m := n.First(); m != nil; m = m.Next() {
		c.keyword(r, at, n, m)
	}
	if r.object != nil {
		r.object.finish()
	}
	return r
}

// resolve links a $ref to the rule that it names, loading the file if need be.
func (c *compiler) resolve(ref reference) {
	file, fragment, _ := strings.Cut(ref.text, "#")
	target := place{file: ref.at.file}
	if file != "" {
		name, problem := c.open(ref.at.file, file)
		if problem != "" {
			c.report(ref.at, fmt.Sprintf("$ref %q: %s", ref.text, problem))
			return
		}
		target.file = name
	}
	pointer, err := url.PathUnescape(fragment)
	if err != nil || pointer != "" && pointer[0] != '/' {
		c.report(ref.at, fmt.Sprintf("$ref %q: after # a JSON pointer is expected, such as #/definitions/address", ref.text))
		return
	}
	for i, step := range steps(pointer) { // one spelling for each place
		if i == 0 {
			target.pointer = ""
		}
		target = target.key(step)
	}
	if r := c.byPlace[target]; r != nil {
		ref.rule.ref = r
		return
	}
	if c.byPlace[place{file: target.file}] == nil {
		return // the file's own mistakes are reported
	}
	message := fmt.Sprintf("$ref %q: no schema stands there", ref.text)
	var known []string
	for p := range c.byPlace {
		if p.file == target.file {
			known = append(known, p.pointer)
		}
	}
	if near := nearest(target.pointer, known); near != "" {
		message += fmt.Sprintf("; did you mean %q?", strings.TrimSuffix(ref.text, fragment)+near)
	} else {
		message += ": add it, or correct the pointer"
	}
	c.report(ref.at, message)
}

// open returns the name of a file to which another refers, having loaded it, or
// what is wrong.
func (c *compiler) open(from, ref string) (name, problem string) {
	const allowed = "only files of the same folder can be referred to, by relative path; nothing is fetched"
	unescaped, err := url.PathUnescape(ref)
	if err != nil || strings.Contains(ref, ":") || strings.HasPrefix(ref, "/") || strings.Contains(unescaped, "\\") {
		return "", allowed
	}
	name = path.Join(path.Dir(from), unescaped)
	if _, ok := c.documents[name]; ok {
		return name, ""
	}
	switch {
	case !fs.ValidPath(name):
		return "", allowed
	case c.files == nil:
		return "", "this schema cannot refer to other files: put the definition into it"
	case len(c.documents) == maxFiles:
		return "", fmt.Sprintf("more than %d files in one schema", maxFiles)
	}
	data, problem := c.read(name)
	if problem != "" {
		return "", problem
	}
	c.load(name, data)
	return name, ""
}

func (c *compiler) read(name string) (data []byte, problem string) {
	info, err := fs.Stat(c.files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		message := "there is no file " + name
		if near := nearest(path.Base(name), c.siblings(path.Dir(name))); near != "" {
			return nil, message + "; did you mean " + near + "?"
		}
		return nil, message
	case err != nil:
		return nil, err.Error()
	case info.Size() > maxFileBytes:
		return nil, fmt.Sprintf("%s has %d bytes, at most %d are read", name, info.Size(), maxFileBytes)
	}
	if data, err = fs.ReadFile(c.files, name); err != nil {
		return nil, err.Error()
	}
	return data, ""
}

func (c *compiler) siblings(folder string) []string {
	entries, _ := fs.ReadDir(c.files, folder)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// refuseCycles reports rules that lead back to themselves without going into
// the value: they would be checked for ever.
func (c *compiler) refuseCycles() {
	const (
		open = iota + 1
		done
	)
	state := make(map[*rule]int, len(c.rules))
	var visit func(r *rule)
	visit = func(r *rule) {
		state[r] = open
		r.inPlace(func(x *rule) {
			switch state[x] {
			case 0:
				visit(x)
			case open:
				c.report(r.place, "this schema refers to itself for the same value, so no check would ever end: let it refer to itself only below properties or items")
			}
		})
		state[r] = done
	}
	for _, r := range c.rules {
		if state[r] == 0 {
			visit(r)
		}
	}
}
