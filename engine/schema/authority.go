package schema

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/xeipuuv/gojsonschema"

	"github.com/celmap/celmap/engine/value"
)

const metaSchemaURI = "http://json-schema.org/draft-07/schema"

// metaSchema is the draft-07 meta-schema, which gojsonschema brings along.
var metaSchema = sync.OnceValue(func() *Schema {
	loader := gojsonschema.NewSchemaLoader()
	loader.AutoDetect, loader.Draft = false, gojsonschema.Draft7
	s, err := loader.Compile(gojsonschema.NewReferenceLoader(metaSchemaURI))
	if err != nil {
		panic("schema: the draft-07 meta-schema does not compile: " + err.Error())
	}
	return &Schema{name: metaSchemaURI, root: &rule{}, authority: s}
})

// authority compiles the rules for gojsonschema, as one document without
// annotations, file names and identifiers, so that it has nothing to look for.
func (c *compiler) authority(root *rule) (s *gojsonschema.Schema, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gojsonschema: %v", r)
		}
	}()
	var targets []*rule
	for _, r := range c.rules {
		if t := r.ref; t != nil && t.target == 0 {
			targets = append(targets, t)
			t.target = len(targets)
		}
	}
	definitions := make(map[string]any, len(targets))
	for i, t := range targets {
		definitions[definitionName(i+1)] = c.written(t)
	}
	var document any = c.emit(root.place, root.source)
	if m, ok := document.(map[string]any); ok && len(definitions) > 0 {
		m["definitions"] = definitions
	}
	loader := gojsonschema.NewSchemaLoader()
	loader.AutoDetect, loader.Draft = false, gojsonschema.Draft7
	return loader.Compile(gojsonschema.NewRawLoader(document))
}

func definitionName(i int) string { return fmt.Sprintf("r%d", i) }

// emit returns what stands at a place for the authority: a schema as a reference
// if others refer to it, else as it is written.
func (c *compiler) emit(at place, n *value.Node) any {
	if r := c.byPlace[at]; r != nil {
		if r.target > 0 {
			return map[string]any{"$ref": "#/definitions/" + definitionName(r.target)}
		}
		return c.written(r)
	}
	switch n.Kind() {
	case value.List:
		list := make([]any, 0, n.Len())
		for m := n.First(); m != nil; m = m.Next() {
			list = append(list, c.emit(at.index(len(list)), m))
		}
		return list
	case value.Object:
		object := make(map[string]any, n.Len())
		for m := n.First(); m != nil; m = m.Next() {
			object[m.Key()] = c.emit(at.key(m.Key()), m)
		}
		return object
	}
	return plain(n)
}

// written returns the validating keywords of a schema. Two that gojsonschema
// reads otherwise than draft-07 are written so that it does as it should.
func (c *compiler) written(r *rule) any {
	switch {
	case r.source.Kind() == value.Bool:
		return r.source.Bool()
	case r.ref != nil:
		return map[string]any{"$ref": "#/definitions/" + definitionName(r.ref.target)}
	}
	out := make(map[string]any, r.source.Len())
	for m := r.source.First(); m != nil; m = m.Next() {
		if keywords[m.Key()] == nil || m.Key() == "definitions" || m.Key() == "secret" || m.Key() == "$id" {
			continue
		}
		out[m.Key()] = c.emit(r.place.key(m.Key()), m)
	}
	for name, size := range r.sizes() { // it does not read 2.0
		if _, ok := out[name]; ok {
			out[name] = json.Number(decimalText(size))
		}
	}
	if r.format != nil && r.types != kindSet(value.String) { // it refuses every number that has a format
		delete(out, "format")
		all, _ := out["allOf"].([]any)
		out["allOf"] = append(all, map[string]any{"anyOf": []any{
			map[string]any{"type": []any{"null", "boolean", "number", "array", "object"}},
			map[string]any{"format": r.format.name, "type": "string"},
		}})
	}
	return out
}

func (r *rule) sizes() map[string]int {
	sizes := map[string]int{}
	if r.text != nil {
		sizes["minLength"], sizes["maxLength"] = r.text.min, r.text.max
	}
	if r.list != nil {
		sizes["minItems"], sizes["maxItems"] = r.list.min, r.list.max
	}
	if r.object != nil {
		sizes["minProperties"], sizes["maxProperties"] = r.object.min, r.object.max
	}
	return sizes
}

// plain returns a value in the form in which the authority takes it, numbers as
// literals.
func plain(n *value.Node) any {
	switch n.Kind() {
	case value.Bool:
		return n.Bool()
	case value.Number:
		return json.Number(n.Text())
	case value.String:
		return n.Text()
	case value.List:
		list := make([]any, 0, n.Len())
		for m := n.First(); m != nil; m = m.Next() {
			list = append(list, plain(m))
		}
		return list
	case value.Object:
		object := make(map[string]any, n.Len())
		for m := n.First(); m != nil; m = m.Next() {
			object[m.Key()] = plain(m)
		}
		return object
	}
	return nil
}

// authoritySteps bounds the rules that the authority may apply to one value.
const authoritySteps = 1 << 18

// cost subtracts what the authority may do at most to check n by r from budget,
// and reports whether something is left. The authority never stops early.
func (r *rule) cost(n *value.Node, budget *int) bool {
	for r.ref != nil {
		r = r.ref
	}
	if *budget--; *budget < 0 {
		return false
	}
	ok := true
	r.inPlace(func(x *rule) { ok = ok && x.cost(n, budget) })
	if r.equal != nil || r.list != nil && r.list.unique {
		ok = ok && size(n, budget)
	}
	for m := n.First(); m != nil && ok; m = m.Next() {
		switch {
		case r.list != nil && n.Kind() == value.List:
			for _, x := range append([]*rule{r.list.each, r.list.more, r.list.contains}, r.list.tuple...) {
				ok = ok && (x == nil || x.cost(m, budget))
			}
		case r.object != nil && n.Kind() == value.Object:
			if r.object.members != nil {
				*budget -= len(r.object.declared) / 8
				if e := r.object.members.get(m.Key()); e != nil && e.rule != nil {
					ok = e.rule.cost(m, budget)
				}
			}
			for _, p := range r.object.patterns {
				*budget -= 20 // each is compiled again
				ok = ok && p.rule.cost(m, budget)
			}
			for _, x := range [...]*rule{r.object.rest, r.object.names} {
				ok = ok && (x == nil || x.cost(m, budget))
			}
		}
	}
	return ok && *budget >= 0
}

// size subtracts the number of values in n.
func size(n *value.Node, budget *int) bool {
	if *budget--; *budget < 0 {
		return false
	}
	for m := n.First(); m != nil; m = m.Next() {
		if !size(m, budget) {
			return false
		}
	}
	return true
}

// ask returns the findings of the authority on a value within the bounds.
func (s *Schema) ask(n *value.Node) (findings []gojsonschema.ResultError, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	result, err := s.authority.Validate(gojsonschema.NewRawLoader(plain(n)))
	if err != nil {
		return nil, err
	}
	return result.Errors(), nil
}
