package schema

import "github.com/celmap/celmap/engine/value"

// Native returns the answer of the native rules alone: "yes", "no" or "unsure".
func (s *Schema) Native(n *value.Node) string {
	c := checker{steps: nativeSteps}
	return map[verdict]string{unsure: "unsure", no: "no", yes: "yes"}[c.check(s.root, n, 0)]
}

// Authority returns whether gojsonschema finds nothing wrong, less our bounds on
// the value.
func (s *Schema) Authority(n *value.Node) (bool, error) {
	findings, err := s.ask(n)
	return len(findings) == 0, err
}
