// Package schemas holds the JSON Schemas of celmap: of its own files, for
// editors and for the loader, and of the events that it maps.
package schemas

import "embed"

// FS holds the schemas by their paths in this folder.
//
//go:embed *.schema.json events/*.schema.json
var FS embed.FS
