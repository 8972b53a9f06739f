package outbound

import (
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// Remarks is where Go's packages write what they have to say of connections: each
// remark becomes a line of the log. They show in quotes what came over one, such as
// the rest of an answer that is longer than it said. That may be anybody's data, and
// is left out.
func Remarks(log *slog.Logger) io.Writer { return remarks{log} }

type remarks struct{ log *slog.Logger }

var quoted = regexp.MustCompile(`(?s)"(?:[^"\\]|\\.)*(?:"|$)`)

// Write implements io.Writer.
func (r remarks) Write(remark []byte) (int, error) {
	r.log.Warn("trouble with a connection", "error", quoted.ReplaceAllString(strings.TrimSpace(string(remark)), "(not shown)"))
	return len(remark), nil
}
