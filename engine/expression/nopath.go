package expression

import (
	"regexp"
	"strconv"
	"strings"
)

// noPath explains why a text is no path, with the path that was most likely meant.
func noPath(text string) *Problem {
	whole := func(message, help string) *Problem { return pathProblem(0, len(text), message, help) }
	bare := strings.TrimSpace(text)
	for _, mark := range [][2]string{{"${", "}"}, {"{{", "}}"}, {"#{", "}"}, {"{", "}"}, {"%", "%"}, {`"`, `"`}, {"'", "'"}, {"`", "`"}, {"“", "”"}} {
		if inner, ok := between(bare, mark[0], mark[1]); ok && !strings.ContainsAny(inner, mark[0]+mark[1]) {
			return whole("a path stands alone, without "+mark[0]+" "+mark[1], "write "+asPath(inner))
		}
	}
	if joined, ok := Joined(bare); ok {
		return whole("this is a text with a value in it, and not a path", "write ="+joined)
	}
	if at := strings.Index(text, " //"); at >= 0 && strings.TrimSpace(text[:at]) != "" {
		return pathProblem(at+1, len(text), "this belongs to the path: // begins no comment", "a comment begins with #: write "+asPath(text[:at])+" # "+strings.TrimSpace(text[at+3:]))
	}
	if _, err := strconv.ParseFloat(bare, 64); err == nil {
		return whole("this is a constant, and not a path", "a constant is written =\""+bare+"\" as a text, ="+bare+" as a number; where it stands for want of a value, add default: "+bare)
	}
	if strings.Contains(bare, "://") && !strings.ContainsAny(bare, " {}\"") {
		return whole("this is a constant, and not a path", "write ="+strconv.Quote(bare))
	}
	for _, separator := range []string{"||", "??", ",", " or ", "|", ";"} {
		if parts := strings.Split(bare, separator); len(parts) > 1 && allPaths(parts) {
			for i, p := range parts {
				parts[i] = asPath(p)
			}
			return whole("several sources are written as a list", "write ["+strings.Join(parts, ", ")+"]: the first that has a value wins")
		}
	}
	switch {
	case strings.HasPrefix(bare, "$.") || strings.HasPrefix(bare, "@."):
		return pathProblem(0, 2, "a path begins with a name, not with "+bare[:1], "write "+asPath(bare[2:]))
	case strings.HasPrefix(bare, "$") || strings.HasPrefix(bare, "@"):
		return pathProblem(0, 1, "a name is written without "+bare[:1], "write "+asPath(bare[1:]))
	case strings.ContainsAny(bare, "()=<>&+*!?") || strings.Contains(bare, " in "):
		return whole("this is an expression, and where a path can stand too it begins with =", "write ="+strings.TrimLeft(bare, "= ")+", with its fields named in full, such as traits.email")
	case strings.HasSuffix(bare, "."):
		return pathProblem(len(bare)-1, len(bare), "a name is missing behind the point", "write "+asPath(strings.TrimRight(bare, ".")))
	case strings.Contains(bare, ".."):
		at := strings.Index(text, "..")
		return pathProblem(at, at+2, "two points follow each other", "write "+asPath(strings.ReplaceAll(bare, "..", ".")))
	case strings.Contains(bare, "/") && !strings.Contains(bare, " ") && !noKey.MatchString(bare):
		return whole("the steps of a path are joined by points", "write "+asPath(strings.ReplaceAll(strings.Trim(bare, "/"), "/", ".")))
	}
	if fixed := asPath(bare); fixed != bare && !noKey.MatchString(bare) {
		return whole("this is not a path: "+strconv.Quote(text), "a key that is no plain name stands in brackets and quotes: write "+fixed)
	}
	return whole("this is not a path: "+strconv.Quote(text), `a path is names joined by points; write a key with other characters as ["Key With Spaces"], and a computed value as =expression`)
}

// noKey are texts that no key is likely to stand for: no path is proposed for them.
var noKey = regexp.MustCompile(`[{}$\\]|//|\.\s|[.:]$`)

// Joined writes a text with ${ } in it as one expression: "a ${b}" as "a " + b.
// It is false for a text without, or with one that is not closed.
func Joined(text string) (string, bool) {
	var parts []string
	add := func(literal string) {
		if literal != "" {
			parts = append(parts, strconv.Quote(literal))
		}
	}
	for rest := text; ; {
		from := strings.Index(rest, "${")
		if from < 0 {
			add(rest)
			return strings.Join(parts, " + "), len(rest) < len(text)
		}
		to, depth := from+2, 1
		for ; to < len(rest); to++ {
			if rest[to] == '{' {
				depth++
			} else if rest[to] == '}' {
				if depth--; depth == 0 {
					break
				}
			}
		}
		inner := ""
		if to < len(rest) {
			inner = strings.TrimSpace(rest[from+2 : to])
		}
		if inner == "" || from > 0 && rest[from-1] == '$' {
			return "", false
		}
		add(rest[:from])
		parts = append(parts, inner)
		rest = rest[to+1:]
	}
}

func between(text, from, to string) (string, bool) {
	inner, ok := strings.CutPrefix(text, from)
	if !ok || len(inner) <= len(to) {
		return "", false
	}
	inner, ok = strings.CutSuffix(inner, to)
	return strings.TrimSpace(inner), ok && inner != ""
}

func allPaths(parts []string) bool {
	for _, p := range parts {
		if _, problem := readPath(strings.TrimSpace(p)); problem != nil {
			return false
		}
	}
	return true
}

// asPath writes a text as a path: its steps that are no names go in brackets.
func asPath(text string) string {
	text = strings.TrimSpace(text)
	if _, problem := readPath(text); problem == nil || text == "" {
		return text
	}
	var b strings.Builder
	for i, step := range strings.Split(text, ".") {
		step = strings.Trim(strings.TrimSpace(step), `"'`)
		switch _, err := strconv.Atoi(step); {
		case err == nil:
			b.WriteString("[" + step + "]")
		case !isName(step):
			b.WriteString("[" + strconv.Quote(step) + "]")
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		}
	}
	return b.String()
}
