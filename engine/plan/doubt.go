package plan

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/source"
)

// sentence compiles a template that people read: names may stand in it as words.
func (c *compiler) sentence(s *scope, n *source.Node) *Template {
	c.prose = true
	t := c.template(s, n)
	c.prose = false
	return t
}

// doubtText reports a text of a template in which a value is taken in the way
// of another tool, or not marked at all, and constants that others read otherwise.
func (c *compiler) doubtText(s *scope, n *source.Node) {
	if !c.otherMark(s, n) && !c.prose && len(strings.Fields(n.Text)) <= 3 {
		c.pathAmongWords(s, n)
	}
	c.doubtWord(n)
}

// isPath reports whether a text is a path of two steps or more below a known name.
func (c *compiler) isPath(s *scope, text string) bool {
	p, problem := expression.ParsePath(text)
	return problem == nil && len(p) > 1 && p[0].Name != "index" && c.names(s, p[0].Name)
}

// otherMarks are ways in which other tools write a value inside of a text, besides valueMarks.
var otherMarks = regexp.MustCompile(`#\{([A-Za-z_][\w.]*)\}|%([A-Za-z_][\w.]*)%|<%=?\s*([A-Za-z_][\w.]*)\s*%>`)

// otherMark reports #{type}, %type% and the like, where type is known.
func (c *compiler) otherMark(s *scope, n *source.Node) bool {
	for _, m := range otherMarks.FindAllStringSubmatchIndex(n.Text, -1) {
		from, to := m[0], m[1]
		name := ""
		for k := 2; k < len(m); k += 2 {
			if m[k] >= 0 {
				name = n.Text[m[k]:m[k+1]]
			}
		}
		first, _, _ := strings.Cut(name, ".")
		if !c.names(s, first) || inExpression(n.Text, from) {
			continue
		}
		help := "write ${" + name + "}"
		if n.Text == n.Text[from:to] {
			help = "write =" + name
		}
		c.error(n.At(from, to), "missing-mark", help+fmt.Sprintf("; for the text itself write =%q", n.Text), "%s is sent as this text, and not as the value of %s", n.Text[from:to], name)
		return true
	}
	return false
}

// inExpression reports whether a place of a text is inside of ${ }, or is its sign.
func inExpression(text string, at int) bool {
	for i := 0; ; {
		k := strings.Index(text[i:], "${")
		if k < 0 || i+k > at {
			return false
		}
		start := i + k + len("${")
		end := closing(text, start)
		if end < 0 || at <= end {
			return true
		}
		i = end
	}
}

// pathAmongWords reports `Bearer config.token`.
func (c *compiler) pathAmongWords(s *scope, n *source.Node) {
	at := 0
	for _, word := range strings.Fields(n.Text) {
		from := at + strings.Index(n.Text[at:], word)
		at = from + len(word)
		if word == n.Text || !c.isPath(s, word) || inExpression(n.Text, from) || strings.HasSuffix(word, ".") {
			continue
		}
		c.error(n.At(from, at), "missing-mark", "write "+n.Text[:from]+"${"+word+"}"+n.Text[at:]+"; where this text is meant, write "+n.Text[:from]+asText(n, word)+n.Text[at:], "%s is sent as this text, although it names a value", word)
		return
	}
}

// otherKinds are texts that other readers of YAML, or of other languages, take
// for a value of another kind.
var otherKinds = map[string]string{
	"yes": "true", "no": "false", "on": "true", "off": "false", "True": "true", "False": "false", "TRUE": "true", "FALSE": "false",
	"Null": "null", "NULL": "null", "None": "null", "nil": "null", "undefined": "null",
}

var otherNumbers = regexp.MustCompile(`^[+-]?([0-9]{1,3}(_[0-9]{3})+|0x[0-9a-fA-F]+|0o[0-7]+|\.[0-9]+)$`)

// doubtWord doubts a constant that is a text here and something else to many.
func (c *compiler) doubtWord(n *source.Node) {
	if n == nil || n.Kind != source.Scalar || n.Style != source.Plain {
		return
	}
	switch means := otherKinds[n.Text]; {
	case means != "":
		c.warn(n.Span, "text-like-value", fmt.Sprintf("write %s if that is meant, or put the text in quotes: %q", means, n.Text), "%s is sent as the text %q", n.Text, n.Text)
	case otherNumbers.MatchString(n.Text):
		c.warn(n.Span, "text-like-value", fmt.Sprintf("write the number with digits alone, or put the text in quotes: %q", n.Text), "%s is sent as the text %q, and not as a number", n.Text, n.Text)
	}
}

// doubtConstants is doubtWord for all constants below a node.
func (c *compiler) doubtConstants(n *source.Node) {
	if n == nil {
		return
	}
	c.doubtWord(n)
	for _, e := range n.Entries {
		c.doubtConstants(e.Value)
	}
	for _, x := range n.Items {
		c.doubtConstants(x)
	}
}

// asExpression are constants that begin like an expression; "=" alone is none.
var asExpression = regexp.MustCompile(`^=\s*[\pL_0-9"'(\[{!-]`)

// onlyConstants reports expressions where constants stand: they would be sent as
// they are written. say returns the message and the help for one.
func (c *compiler) onlyConstants(n *source.Node, say func(expr string) (message, help string)) {
	if n == nil || c.holes[n] {
		return
	}
	for _, e := range n.Entries {
		c.onlyConstants(e.Value, say)
	}
	for _, x := range n.Items {
		c.onlyConstants(x, say)
	}
	if n.Kind != source.Scalar {
		return
	}
	expr, ok := expression.Joined(n.Text)
	if asExpression.MatchString(n.Text) {
		expr, ok = strings.TrimSpace(n.Text[1:]), true
	}
	if ok {
		message, help := say(expr)
		c.error(n.Span, "wrong-kind", help, "%s", message)
	}
}

// constantDefault reports a default that is an expression.
func (c *compiler) constantDefault(line *source.Node) {
	c.onlyConstants(line.Get("default"), func(expr string) (message, help string) {
		message = "default takes a constant, and this is an expression"
		if line.Get("default").Kind != source.Scalar || line.Get("value") != nil {
			return message, "write a constant, or give the value by the expression under value"
		}
		from := line.Get("from")
		list := []*source.Node{}
		if from != nil {
			list = []*source.Node{from}
			if from.Kind == source.Sequence {
				list = from.Items
			}
		}
		sources := ""
		for _, x := range list {
			sources += inList(x.Text) + ", "
		}
		return message, "put it last in from: [" + sources + inList("="+expr) + "]"
	})
}

// inList writes a plain value so that it can stand between square brackets.
func inList(text string) string {
	if strings.ContainsAny(text, ",[]{}#") || strings.Contains(text, ": ") {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return text
}

// constantRows reports rows of a table that hold expressions.
func (c *compiler) constantRows(rows *source.Node) {
	c.onlyConstants(rows, func(expr string) (message, help string) {
		return "rows of tables hold constants only, and this is an expression", "write a constant here, and compute where the table is read: " + shortened("="+expr)
	})
}

// Where implements expression.Fields: the paths of the event at which a field
// of that name is declared, else of one spelt much like it.
func (s *scope) Where(name string) []string {
	var exact, near []string
	events := s.compiler.program.Events
	for _, kind := range sortedNames(events) {
		for _, root := range [][]string{{"traits"}, {"properties"}, {"context", "traits"}, {"context"}} {
			if _, ok := s.Slot(root[0]); !ok {
				continue
			}
			names := events[kind].Properties(root...)
			for _, field := range names {
				if field == name {
					exact = append(exact, strings.Join(append(root, field), "."))
				}
			}
			if field := source.Suggest(name, names); field != "" && len(name) > 2 {
				near = append(near, strings.Join(append(root, field), "."))
			}
		}
	}
	return append(exact, near...)
}

// unclosedHelp helps with ${ and no } behind it.
func unclosedHelp(text string) string {
	help := "close it with }; a literal ${ is written $${"
	if word, _, _ := strings.Cut(text, " "); !strings.ContainsAny(word, "(\"'\n") {
		help = "write " + word + "}; a literal ${ is written $${"
	}
	return help
}

// nameHelp helps with a name that expressions could not use.
func nameHelp(name string) string {
	help := "use letters, digits and _, and start with a letter"
	if other := noLetter.ReplaceAllString(strings.TrimSpace(name), "_"); validName(other) && strings.Trim(other, "_") != "" {
		help = "write " + other + ": letters, digits and _, with a letter first"
	}
	return help
}

var noLetter = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// hostHelp helps with the address of a host that is none.
func hostHelp(address string) string {
	host, path, _ := strings.Cut(address, "/")
	if path == "" && validWithin(host) && host != "any" {
		return "write https://" + host
	}
	return "write an address such as https://api.example.com"
}

// urlHelp helps with a URL that does not start below its host.
func (c *compiler) urlHelp(text string) string {
	for _, name := range sortedNames(c.program.Hosts) {
		if rest, ok := strings.CutPrefix(text, c.program.Hosts[name].Base); ok && strings.HasPrefix(rest, "/") && c.program.Hosts[name].Base != "" {
			return "write " + rest + ", and host: " + name
		}
	}
	if !strings.Contains(text, ":") {
		return "write /" + text + "; the host is named by the key host"
	}
	return "start it with /; the host is named by the key host"
}
