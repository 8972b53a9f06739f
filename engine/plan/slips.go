package plan

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// raggedTable doubts rows that lack what others have: reading it there gives null.
func (c *compiler) raggedTable(t *Table, rows *source.Node) {
	first := map[string]*source.Node{} // where a field stands first
	var fields []string
	for _, row := range rows.Entries {
		for _, m := range row.Value.Entries {
			if first[m.Key.Text] == nil {
				first[m.Key.Text] = m.Key
				fields = append(fields, m.Key.Text)
			}
		}
	}
	for _, row := range rows.Entries {
		if row.Value.Kind != source.Mapping {
			continue
		}
		for _, name := range fields {
			if row.Value.Get(name) == nil {
				c.warn(row.Key.Span, "ragged-table", "write it there, too; "+name+": null if there is nothing to write", "the row %q of the table %s lacks %s, so reading it gives null", row.Key.Text, t.Name, name).Relate(first[name].Span, "another row has it")
			}
		}
	}
}

// goodNames are names that messages, overlays and tests can point at.
var goodNames = regexp.MustCompile(`^[\pL\pN_][\pL\pN_.:-]*$`)

// checkName refuses names that nothing can point at.
func (c *compiler) checkName(n *source.Node, what string) {
	if n != nil && !c.holes[n] && !goodNames.MatchString(n.Text) {
		c.error(n.Span, "bad-name", "use letters, digits, - and _", "%q cannot be the name of %s", n.Text, what)
	}
}

func (c *compiler) checkNames(section *source.Node, what string) {
	for _, e := range entries(section) {
		c.checkName(e.Key, what)
	}
}

// checkAt checks the path of the event that a rejection is about.
func (c *compiler) checkAt(s *scope, n *source.Node) {
	if n == nil || c.holes[n] {
		return
	}
	path, problem := expression.ParsePath(n.Text)
	if problem != nil {
		c.problems(s, n, 0, []expression.Problem{*problem})
		return
	}
	if names, _ := s.isOpen(); names || c.program.Events == nil || len(path) == 0 || path[0].IsIndex || path[0].Name == "input" {
		return
	}
	schemas, what := c.program.Events, "no event has a field"
	var steps []string
	if path[0].Name == "config" {
		if path, what = path[1:], "the config has no field"; c.program.Config == nil {
			return
		}
		schemas = map[string]*schema.Schema{"config": c.program.Config}
	}
	for _, p := range path {
		if p.IsIndex {
			steps = append(steps, strconv.Itoa(p.Index))
		} else {
			steps = append(steps, p.Name)
		}
	}
	for known := range steps {
		fields, possible := []string{}, false
		for _, kind := range sortedNames(schemas) {
			s := schemas[kind]
			fields = append(fields, s.Properties(steps[:known]...)...)
			presence := presenceIn(s.Shape(""), steps[:known+1])
			open := known > 0 || s == c.program.Config && source.Suggest(steps[known], s.Properties()) == ""
			possible = possible || presence == shape.Known || presence == shape.Open && open
		}
		if possible {
			continue
		}
		if known > 0 {
			what += " below " + strings.Join(steps[:known], ".")
		}
		from := max(strings.LastIndex(n.Text, steps[known]), 0)
		slices.Sort(fields)
		near := source.Suggest(steps[known], slices.Compact(fields))
		help := "write the path of the field that the message is about, such as traits.email"
		if near != "" {
			help = "did you mean " + near + "?"
		}
		c.error(n.At(from, from+len(steps[known])), "unknown-field", help, "%s called %s", what, steps[known])
		return
	}
}

// presenceIn tells whether a value of some shape has something at a path.
func presenceIn(s shape.Shape, steps []string) (p shape.Presence) {
	for _, name := range steps {
		if i, err := strconv.Atoi(name); err == nil && s.Can(shape.List) {
			s, p = s.Element(i), shape.Open
		} else if s, p = s.Member(name); p == shape.Unknown {
			break
		}
	}
	return p
}

// checkStart checks that a URL starts with a / once it is filled in.
func (c *compiler) checkStart(n *source.Node, t *Template) {
	if t == nil || len(t.Text) == 0 || t.Text[0].Expr == nil {
		return
	}
	first := t.Text[0].Expr
	if !t.Text[0].Rules {
		c.error(first.Span(0, len(first.Text)), "bad-url", "write the / and what is fixed in front of it, or take the whole path from a table", "what is computed is escaped in a URL, so %s cannot be its beginning", first.Text)
		return
	}
	slot, steps, _ := first.Path()
	table := c.program.Slots[slot].Table
	for row := table.Rows.First(); row != nil; row = row.Next() {
		v := row
		for _, s := range steps {
			if v != nil {
				v = v.Get(s.Name)
			}
		}
		if v != nil && v.Kind() == value.String && !strings.HasPrefix(v.Text(), "/") && !c.vague[table] {
			c.error(first.Span(0, len(first.Text)), "bad-url", "start it with / in the table", "in the row %q of the table %s this is %q, with which no URL can start", row.Key(), table.Name, v.Text()).Relate(c.places[slot], "the table")
			return
		}
	}
}

// checkBound doubts requests that grow without end.
func (c *compiler) checkBound(r *Request, n *source.Node) {
	if r.Single || r.Max != nil || r.MaxBytes > 0 || c.broken(n) || n.Get("max") != nil {
		return
	}
	for _, a := range entries(n.Get("arrays")) {
		if a.Value.Get("max") != nil {
			return
		}
	}
	c.warn(n.Get("envelope").At(0, len(n.Get("envelope").Text)), "no-bound", "add max: with the number of items that the API takes, or maxBytes", "the request %s carries as many items as there are: it has no max", r.Name)
}

// bodyKinds are the words for what a body can be known to be.
var bodyKinds = map[value.Kind]string{value.Null: "null", value.Bool: "a boolean", value.Number: "a number", value.String: "a text", value.List: "a list", value.Object: "an object"}

// kind returns the kind of value that a template gives, false if that depends on
// the event.
func (t *Template) bodyKind() (value.Kind, bool) {
	switch {
	case t == nil:
		return 0, false
	case t.kind == textTemplate:
		return value.String, true
	case t.kind == objectTemplate:
		return value.Object, true
	case t.kind == listTemplate:
		return value.List, true
	case t.kind == constantTemplate && t.Constant != nil:
		return t.Constant.Kind(), t.Constant.Kind() != value.Null
	case t.Expr != nil:
		if v, ok := t.Expr.Constant(); ok {
			return v.Kind(), v.Kind() != value.Null
		}
	}
	return 0, false
}

// checkEncoding checks that a body can be written the way its request says. n is where
// the body comes from.
func (c *compiler) checkEncoding(r *Request, body *Template, n *source.Node) {
	kind, known := body.bodyKind()
	if !known {
		return
	}
	wants := ""
	switch {
	case r.Encode == "json" && kind != value.Object && kind != value.List:
		wants = "JSON bodies are objects or lists"
	case r.Encode == "form" && kind != value.Object:
		wants = "a form is made of an object"
	case r.Encode == "xml" && (kind != value.Object || body.kind == objectTemplate && len(body.Fields) != 1):
		wants = "XML is made of an object with one member, the root element"
	}
	if wants == "" {
		return
	}
	is := bodyKinds[kind]
	if kind == value.Object {
		is = "an object with " + strconv.Itoa(len(body.Fields)) + " members"
	}
	c.error(n.At(0, len(n.Text)), "bad-body", wants+"; write one, or another encode", "the body of the request %s is %s, which cannot be written as %s", r.Name, is, r.Encode).Relate(c.folder.destination.root.Get("requests").Get(r.Name).Get("encode").At(0, len(r.Encode)), "encode")
}

// eventTypes finds comparisons of type, in the conditions of routes, with what is
// no type of event that has a schema.
var eventTypes = regexp.MustCompile(`\btype\s*==\s*("[^"\\]*"|'[^'\\]*')|("[^"\\]*"|'[^'\\]*')\s*==\s*type\b`)

// checkEventTypes doubts routes to mappings for types of event without a schema:
// such events are not checked.
func (c *compiler) checkEventTypes(n *source.Node, when *Expr) {
	events := c.folder.destination.root.Get("events")
	if when == nil || c.program.Events == nil || c.holes[events] || c.options.Events[events.Text] != nil {
		return // nobody can add to the sets of the host
	}
	known := sortedNames(c.program.Events)
	for _, m := range eventTypes.FindAllStringSubmatchIndex(when.Text, -1) {
		from, to := m[2], m[3]
		if from < 0 {
			from, to = m[4], m[5]
		}
		name := when.Text[from+1 : to-1]
		if slices.Contains(known, name) || from > 0 && strings.Contains(when.Text[:from], ".type") {
			continue
		}
		if source.Suggest(name, known) != "" {
			continue // it is misspelt, which the types of expressions tell
		}
		c.warn(when.Span(from, to), "no-event-schema", "add "+name+".schema.json to "+events.Text, "there is no schema for events of the type %q, so they are not checked", name)
	}
}
