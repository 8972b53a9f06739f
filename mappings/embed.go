// Package mappings holds the destinations that are built into the binary, a
// folder each: its rules, config schema and built-in portal data. To add one,
// add a folder.
package mappings

import "embed"

// FS holds the folders by the names of their destinations.
//
//go:embed */*
var FS embed.FS
