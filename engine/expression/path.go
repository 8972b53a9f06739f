package expression

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/value"
)

// Step is one step of a path: a member's name, or an index where Name is empty
// and IsIndex set.
type Step struct {
	Name    string
	Index   int
	IsIndex bool
}

// Path is a chain of steps below some value.
type Path []Step

// Walk follows the path; what is missing on the way gives nil.
func (p Path) Walk(n *value.Node) *value.Node {
	for i := range p {
		if n == nil {
			return nil
		}
		if s := &p[i]; s.IsIndex {
			n = n.At(s.Index)
		} else {
			n = n.Get(s.Name)
		}
	}
	return n
}

// String writes the path as rules do: a.b[0]["c d"].
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.IsIndex:
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.Index))
			b.WriteByte(']')
		case !isName(s.Name):
			b.WriteByte('[')
			b.WriteString(strconv.Quote(s.Name))
			b.WriteByte(']')
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Name)
		}
	}
	return b.String()
}

func isName(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

// ParsePath reads a path such as company.name, tags[0] or ["Sign up"].at.
func ParsePath(text string) (Path, *Problem) {
	p, problem := readPath(text)
	if problem == notAPath {
		problem = noPath(text)
	}
	return p, problem
}

// notAPath stands for a problem that noPath explains.
var notAPath = &Problem{}

func readPath(text string) (Path, *Problem) {
	var p Path
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '[' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\''):
			quote := text[i+1]
			end := i + 2
			for end < len(text) && text[end] != quote {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			if end+1 >= len(text) || text[end+1] != ']' {
				return nil, pathProblem(i, len(text), "the key in brackets is not closed", `write it as ["Key With Spaces"]`)
			}
			name, ok := unescape(text[i+2:end], quote)
			if !ok {
				return nil, pathProblem(i, end+2, "the key in brackets has a \\ that means nothing: "+text[i:end+2], `write \\ for \\, and \" for "`)
			}
			p = append(p, Step{Name: name})
			i = end + 2
		case c == '[':
			end := strings.IndexByte(text[i:], ']')
			if end < 0 {
				return nil, pathProblem(i, len(text), "the bracket is not closed", "write an index as [0] and a key as [\"Key\"]")
			}
			if inner := text[i+1 : i+end]; inner == "" || inner == "*" {
				return nil, pathProblem(i, i+end+1, text[i:i+end+1]+" does not stand for every element", "write =list.map(e, …) for a value of each, with the list named in full, or an index such as [0]")
			}
			n, err := strconv.Atoi(text[i+1 : i+end])
			if err != nil || n < 0 || n > 1<<20 {
				return nil, pathProblem(i, i+end+1, "what stands in brackets is neither an index nor a quoted key: "+text[i:i+end+1], "write an index as [0] and a key as [\"Key\"]")
			}
			p = append(p, Step{Index: n, IsIndex: true})
			i += end + 1
		default:
			start := i
			if c == '.' {
				if len(p) == 0 {
					return nil, pathProblem(i, i+1, "a path does not start with a point", "remove it")
				}
				start++
			} else if len(p) > 0 {
				return nil, notAPath
			}
			end := start
			for end < len(text) {
				r, size := utf8.DecodeRuneInString(text[end:])
				if r != '_' && !unicode.IsLetter(r) && (end == start || !unicode.IsDigit(r)) {
					break
				}
				end += size
			}
			if end == start {
				return nil, notAPath
			}
			p = append(p, Step{Name: text[start:end]})
			i = end
		}
	}
	if len(p) == 0 {
		return nil, pathProblem(0, len(text), "the path is empty", "name the field that the value comes from, such as company.name")
	}
	return p, nil
}

// unescape reads what stands between quotes.
func unescape(s string, quote byte) (string, bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, true
	}
	var b []byte
	for s != "" {
		r, multibyte, rest, err := strconv.UnquoteChar(s, quote)
		if err != nil {
			return "", false
		}
		if multibyte {
			b = utf8.AppendRune(b, r)
		} else {
			b = append(b, byte(r))
		}
		s = rest
	}
	return string(b), true
}

func pathProblem(from, to int, message, help string) *Problem {
	return &Problem{From: from, To: to, Code: "bad-path", Message: message, Help: help}
}
