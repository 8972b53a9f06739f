package settings

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Variable is a reference to an environment variable that gives nothing.
type Variable struct {
	Node    *source.Node // the text that it stands in
	Path    string       // where in the config
	Message string
	Help    string
	Unset   bool // rather than written wrongly
}

// Environment puts environment variables into the texts of a config: ${env:NAME}
// stands for one, and $${env:NAME} for itself. It returns a copy, in which a
// text that cannot be filled in stays as it is, and what is wrong.
func Environment(n *source.Node) (filled *source.Node, wrong []Variable) {
	return fill(n, "", &wrong), wrong
}

func fill(n *source.Node, path string, wrong *[]Variable) *source.Node {
	out := *n
	switch n.Kind {
	case source.Mapping:
		out.Entries = nil
		for _, e := range n.Entries {
			below := string(value.AppendKey([]byte(path), e.Key.Text))
			out.Entries = append(out.Entries, source.Entry{Key: e.Key, Value: fill(e.Value, below, wrong)})
		}
	case source.Sequence:
		out.Items = nil
		for i, x := range n.Items {
			out.Items = append(out.Items, fill(x, string(value.AppendIndex([]byte(path), i)), wrong))
		}
	default:
		if !strings.Contains(n.Text, "${env:") {
			return n
		}
		before := len(*wrong)
		text := expand(n, path, wrong)
		if len(*wrong) > before {
			return n
		}
		out.Text, out.Style = text, source.Double
	}
	return &out
}

var reference = regexp.MustCompile(`\$?\$\{env:([^}]*)\}?`)

func expand(n *source.Node, path string, wrong *[]Variable) string {
	return reference.ReplaceAllStringFunc(n.Text, func(match string) string {
		if strings.HasPrefix(match, "$$") {
			return match[1:]
		}
		name, closed := strings.CutSuffix(strings.TrimPrefix(match, "${env:"), "}")
		v, set := os.LookupEnv(name)
		switch {
		case !closed || name == "":
			*wrong = append(*wrong, Variable{n, path, fmt.Sprintf("%s begins a reference to an environment variable and does not end it", path), "write ${env:NAME}", false})
		case !set:
			*wrong = append(*wrong, Variable{n, path, fmt.Sprintf("%s: the environment variable %s is not set", path, name), "export it, or write the value itself", true})
		}
		return v
	})
}
