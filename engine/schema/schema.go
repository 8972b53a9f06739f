// Package schema checks values against JSON Schema draft-07.
//
// A schema is compiled twice: into rules that walk a value.Node without
// allocating, and for gojsonschema, which is the authority. The native rules
// answer yes, no or "not sure"; a value for which they do not answer yes goes to
// the authority, whose answer stands and whose findings become the messages.
// So the native rules make valid values cheap and can never make one invalid.
//
// Compile is strict: an unknown keyword, an unknown format, a reference out of
// the folder or a schema that contradicts draft-07 is an error with its place.
// Nothing is ever fetched from a network.
package schema

import (
	"io/fs"
	"slices"

	"github.com/xeipuuv/gojsonschema"

	"github.com/celmap/celmap/engine/value"
)

// Schema is a compiled schema. It is safe for concurrent use.
type Schema struct {
	name      string
	root      *rule
	authority *gojsonschema.Schema
	secretive bool // some rule is marked secret
}

// Option changes what Compile may do.
type Option func(*compiler)

// WithFiles lets references name other files of fsys, relative to the folder
// of the file in which they stand. Without it a schema can only refer to itself.
func WithFiles(fsys fs.FS) Option {
	return func(c *compiler) { c.files = fsys }
}

// Compile reads a draft-07 schema. The name is that of its file, for messages
// and for the references of WithFiles. An error is Errors.
func Compile(name string, data []byte, options ...Option) (*Schema, error) {
	c := newCompiler()
	for _, option := range options {
		option(c)
	}
	root := c.compile(name, data)
	if len(c.errors) > 0 {
		return nil, c.errors.sorted()
	}
	authority, err := c.authority(root)
	if err != nil {
		c.report(place{file: name}, "the schema cannot be used: "+err.Error())
		return nil, c.errors.sorted()
	}
	return &Schema{
		name:      name,
		root:      root,
		authority: authority,
		secretive: slices.ContainsFunc(c.rules, func(r *rule) bool { return r.secret }),
	}, nil
}

// Name returns the name under which the schema was compiled.
func (s *Schema) Name() string { return s.name }

// Accepts reports whether the native rules are certain that n is valid. False
// says nothing: ask Validate.
func (s *Schema) Accepts(n *value.Node) bool {
	c := checker{steps: nativeSteps}
	return c.check(s.root, n, 0) == yes
}

// Validate returns what is wrong with n, in the order of the paths, and nothing
// for a valid value. An absent value is checked as null.
func (s *Schema) Validate(n *value.Node) []Violation {
	if s.Accepts(n) {
		return nil
	}
	return s.explain(n)
}
