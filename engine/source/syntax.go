package source

import (
	"strings"
)

// explain turns an error of the YAML parser into a finding at the best place.
func (r *reader) explain(err error) Diagnostic {
	problem := strings.TrimPrefix(err.Error(), "yaml: ")
	return Diagnostic{Code: "yaml-syntax", Span: r.file.Span(0, 0), Summary: "the file is not valid YAML: " + problem}
}
