package syntax

import (
	"bytes"
	"encoding/json"
)

type object = map[string]any

type schemaBuilder struct{ definitions object }

// JSONSchema returns the draft-07 schema of rule files, for editors and
// `celmap check`. Each key is marked, under x-holds, as text, name, path,
// expression, template or constant.
func JSONSchema() []byte {
	b := &schemaBuilder{definitions: object{}}
	var kinds []any
	for _, kind := range []string{DestinationKind, FragmentKind, MappingKind, OverlayKind} {
		s := FileShape(kind).schema(b)
		kinds = append(kinds, object{
			"if":   object{"properties": object{"celmap": object{"const": kind}}, "required": []string{"celmap"}},
			"then": s,
		})
	}
	root := object{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"title":       "celmap rule file",
		"description": "A destination, fragment, mapping or overlay of the celmap mapping language.",
		"type":        "object",
		"required":    []string{"celmap"},
		"properties":  object{"celmap": object{"enum": []string{DestinationKind, FragmentKind, MappingKind, OverlayKind}, "description": "Kind and version of this file."}},
		"allOf":       kinds,
		"definitions": b.definitions,
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		panic(err) // maps of texts always encode
	}
	return out.Bytes()
}

func (s *Shape) schema(b *schemaBuilder) object {
	ref := object{"$ref": "#/definitions/" + s.Name}
	if _, done := b.definitions[s.Name]; done {
		return ref
	}
	def := object{"type": "object", "additionalProperties": false}
	b.definitions[s.Name] = def // before the keys, since shapes nest in themselves
	if s.Doc != "" {
		def["description"] = s.Doc
	}
	properties := object{}
	var required []string
	for _, k := range s.Keys {
		p := k.Type.schema(b)
		if _, isRef := p["$ref"]; isRef {
			p = object{"allOf": []any{p}}
		}
		p["description"] = k.Doc
		properties[k.Name] = p
		if k.Required {
			required = append(required, k.Name)
		}
	}
	def["properties"] = properties
	if len(required) > 0 {
		def["required"] = required
	}
	var all []any
	for _, group := range s.Any {
		var any []any
		for _, k := range group {
			any = append(any, object{"required": []string{k}})
		}
		all = append(all, object{"anyOf": any})
	}
	if len(all) > 0 {
		def["allOf"] = all
	}
	return ref
}

func (m mapOf) schema(b *schemaBuilder) object {
	return object{"type": "object", "additionalProperties": m.of.schema(b)}
}

func (l listOf) schema(b *schemaBuilder) object {
	return object{"type": "array", "minItems": 1, "items": l.of.schema(b)}
}

func (e either) schema(b *schemaBuilder) object {
	var any []any
	for _, t := range []Type{e.scalar, e.list, e.mapping} {
		if t != nil {
			any = append(any, t.schema(b))
		}
	}
	return object{"anyOf": any}
}

func (o oneOf) schema(*schemaBuilder) object { return object{"enum": o.names} }

func (l literal) schema(*schemaBuilder) object {
	s := object{"x-holds": l.kind, "description": l.doc}
	switch l.kind {
	case "template", "constant":
		return s
	case "computed":
		s["type"], s["pattern"] = "string", "^=([^=]|$)"
	case "boolean":
		s["type"] = "boolean"
	case "integer":
		s["type"], s["minimum"] = "integer", 0
	default:
		s["type"] = []string{"string", "number", "boolean"} // plain scalars such as 1 or true are texts to the loader
	}
	return s
}
