// Package plan compiles the rule files of a destination into a program: a data
// structure in which every rule and every alternative keeps its name and its
// place, and which the engine evaluates.
package plan

import "github.com/celmap/celmap/engine/source"

// Rule identifies one named rule of a destination: what overlays, coverage,
// explanations and messages point at.
type Rule struct {
	ID    string      // path of names, such as "identify/reject/invalid-email"
	Span  source.Span // where it is written
	Place string      // Span as file:line:col
}
