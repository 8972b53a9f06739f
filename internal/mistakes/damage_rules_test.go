package mistakes_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

// ruleFile is a shipped rule file, taken apart into what can be damaged.
type ruleFile struct {
	folder, name string
	file         *source.File
	root         *source.Node
	keys         []*source.Node  // keys of the language
	scalars      []*scalar       // values, and keys that are names
	lists        []*source.Node  // lists and mappings
	entries      []source.Entry  // all of them
	dashes       []int           // of block lists
	code         []*code         // every expression
	closed       map[string]bool // names whose fields the rules themselves declare
}

// scalar is a value and what the grammar says of its place.
type scalar struct {
	*source.Node
	holds string   // as in the JSON Schema: expression, template, path, name, text, constant …; word for one of a few
	path  []string // of keys from the root
}

// code is one expression in a file.
type code struct {
	in       *scalar
	from, to int // in the text of the scalar
	tokens   []token
}

// span is where a token stands in the file.
func (c *code) span(t token) (from, to int) {
	at := c.in.At(c.from+t.from, c.from+t.to)
	return at.Start.Offset, at.End.Offset
}

func shippedRules() []*ruleFile {
	var out []*ruleFile
	err := fs.WalkDir(mappings.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".yaml") {
			return err
		}
		data, err := fs.ReadFile(mappings.FS, name)
		if err != nil {
			return err
		}
		folder, file, _ := strings.Cut(name, "/")
		out = append(out, readRules(folder, file, data))
		return nil
	})
	if err != nil {
		panic(err)
	}
	return out
}

func readRules(folder, name string, data []byte) *ruleFile {
	root, found := source.Parse("mappings/"+folder+"/"+name, data)
	if root == nil {
		panic(found)
	}
	r := &ruleFile{folder: folder, name: name, file: root.Span.File, root: root, closed: map[string]bool{"config": true}}
	walk(root, grammar.file(root), nil, place{
		key:    func(n *source.Node) { r.keys = append(r.keys, n) },
		scalar: func(s *scalar) { r.scalars = append(r.scalars, s); r.code = append(r.code, expressions(s)...) },
		list:   func(n *source.Node) { r.list(n) },
	})
	for _, e := range entriesOf(root.Get("tables")) {
		r.closed[e.Key.Text] = true
	}
	for _, e := range entriesOf(root.Get("objects")) {
		if e.Value.Get("rest") == nil && e.Value.Get("each") == nil {
			r.closed[e.Key.Text] = true
		}
	}
	return r
}

func (r *ruleFile) list(n *source.Node) {
	r.lists = append(r.lists, n)
	r.entries = append(r.entries, n.Entries...)
	if n.Kind != source.Sequence || r.file.Data[n.Span.Start.Offset] == '[' {
		return
	}
	for _, x := range n.Items {
		before := bytes.TrimRight(r.file.Data[:x.Span.Start.Offset], " ")
		if bytes.HasSuffix(before, []byte("-")) {
			r.dashes = append(r.dashes, len(before)-1)
		}
	}
}

func entriesOf(n *source.Node) []source.Entry {
	if n == nil {
		return nil
	}
	return n.Entries
}

// place is what walk meets.
type place struct {
	key    func(*source.Node)
	scalar func(*scalar)
	list   func(*source.Node)
}

// walk visits a file with what the grammar, as published for editors, says of each place.
func walk(n *source.Node, s object, path []string, visit place) {
	s = grammar.resolve(s, n)
	switch n.Kind {
	case source.Scalar:
		holds, _ := s["x-holds"].(string)
		if _, words := s["enum"]; words {
			holds = "word"
		}
		visit.scalar(&scalar{n, holds, path})
	case source.Sequence:
		visit.list(n)
		items, _ := s["items"].(object)
		if s["x-holds"] != nil {
			items = s
		}
		for _, x := range n.Items {
			walk(x, items, append(slices.Clip(path), "-"), visit)
		}
	default:
		visit.list(n)
		known, _ := s["properties"].(object)
		for _, e := range n.Entries {
			below := append(slices.Clip(path), e.Key.Text)
			next, isKey := known[e.Key.Text].(object)
			if isKey {
				visit.key(e.Key)
			} else {
				visit.scalar(&scalar{e.Key, "defined", path})
				next, _ = s["additionalProperties"].(object)
				if s["x-holds"] != nil {
					next = s
				}
			}
			walk(e.Value, next, below, visit)
		}
	}
}

type object = map[string]any

type jsonSchema struct{ definitions object }

var grammar = func() jsonSchema {
	data, err := fs.ReadFile(schemas.FS, "mapping.schema.json")
	if err != nil {
		panic(err)
	}
	var root object
	if err := json.Unmarshal(data, &root); err != nil {
		panic(err)
	}
	return jsonSchema{root["definitions"].(object)}
}()

func (g jsonSchema) file(root *source.Node) object {
	kind, _, _ := strings.Cut(root.Get("celmap").Text, "/")
	return g.definitions[kind].(object)
}

// resolve follows references and picks the alternative for the kind of a node.
func (g jsonSchema) resolve(s object, n *source.Node) object {
	if ref, ok := s["$ref"].(string); ok {
		return g.resolve(g.definitions[strings.TrimPrefix(ref, "#/definitions/")].(object), n)
	}
	if all, ok := s["allOf"].([]any); ok && s["properties"] == nil {
		return g.resolve(all[0].(object), n)
	}
	if alternatives, ok := s["anyOf"].([]any); ok {
		kind := [...]string{"string", "object", "array"}[n.Kind]
		for _, x := range alternatives {
			x := g.resolve(x.(object), n)
			switch t := x["type"].(type) {
			case nil:
				return x
			case string:
				if t == kind || n.Kind == source.Scalar && t != "object" && t != "array" {
					return x
				}
			default:
				if n.Kind == source.Scalar {
					return x
				}
			}
		}
	}
	return s
}

// proseKeys hold texts for people: what they say is not checked, but for the expressions in them.
var proseKeys = []string{"doc", "message", "reason", "because", "warn", "filter"}

func (s *scalar) key() string {
	for i := len(s.path) - 1; i >= 0; i-- {
		if s.path[i] != "-" {
			return s.path[i]
		}
	}
	return ""
}

func (s *scalar) prose() bool {
	return slices.Contains(proseKeys, s.key()) && s.holds != "expression" || s.holds == "text" && s.key() == "reject"
}

// expressions finds the expressions in a scalar.
func expressions(s *scalar) []*code {
	whole := func(from int) []*code {
		return []*code{{s, from, len(s.Text), lex(s.Text[from:])}}
	}
	switch s.holds {
	case "expression":
		if s.key() == "after" && !strings.ContainsAny(s.Text, "( ") || isNumber(s.Text) {
			return nil
		}
		return whole(0)
	case "computed", "path", "template":
		if strings.HasPrefix(s.Text, "==") {
			return nil
		}
		if strings.HasPrefix(s.Text, "=") {
			return whole(1)
		}
		if s.holds == "path" {
			return whole(0)
		}
		var out []*code
		for at := 0; ; {
			i := strings.Index(s.Text[at:], "${")
			if i < 0 {
				return out
			}
			from := at + i + 2
			end := strings.IndexByte(s.Text[from:], '}')
			if end < 0 {
				return out
			}
			at = from + end + 1
			out = append(out, &code{s, from, from + end, lex(s.Text[from : from+end])})
		}
	}
	return nil
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789.") == "" }

// token is a word, number, text or sign of an expression.
type token struct {
	kind     byte // w, n, t for a text in quotes, else s
	text     string
	from, to int
}

func lex(s string) []token {
	var out []token
	for i := 0; i < len(s); {
		start, kind := i, byte('s')
		switch c := s[i]; {
		case c == ' ' || c == '\n' || c == '\t':
			i++
			continue
		case isLetter(c):
			for kind = 'w'; i < len(s) && (isLetter(s[i]) || isDigit(s[i])); i++ {
			}
		case isDigit(c):
			for kind = 'n'; i < len(s) && (isDigit(s[i]) || s[i] == '.'); i++ {
			}
		case c == '"' || c == '\'':
			for i, kind = i+1, 't'; i < len(s) && s[i] != c; i++ {
				if s[i] == '\\' {
					i++
				}
			}
			i = min(i+1, len(s))
		default:
			i++
			if i < len(s) && slices.Contains([]string{"==", "!=", "<=", ">=", "&&", "||"}, s[start:i+1]) {
				i++
			}
		}
		out = append(out, token{kind, s[start:i], start, i})
	}
	return out
}

func isLetter(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
