package expression

import (
	"regexp"
	"strings"

	"github.com/google/cel-go/cel"
)

// unreadable explains a text that is no expression. What the parser says of it
// speaks of the parser, so the text is read again for the slip; where none is
// found, at least the place is right.
func (c *compiler) unreadable(issues *cel.Issues) {
	if p := misread(c.text, c.scope); p != nil {
		c.problems = append(c.problems, *p)
		return
	}
	e := issues.Errors()[0] // the others follow from it
	from, to := c.placeOf(e)
	p := plainSyntax(c.text, e.Message, from, to)
	c.problems = append(c.problems, p)
}

// issues turns what cel-go's checker reports into problems.
func (c *compiler) issues(issues *cel.Issues) {
	for _, e := range issues.Errors() {
		from, to := c.placeOf(e)
		message, help := plainWords(e.Message)
		c.problem(from, to, "bad-expression", message, help)
	}
}

func (c *compiler) placeOf(e *cel.Error) (from, to int) {
	line := lineStart(c.text, e.Location.Line())
	from = line + runeOffset(c.text[line:], e.Location.Column())
	return from, tokenEnd(c.text, from)
}

// plainSyntax puts the parser's complaints in words of rule authors.
func plainSyntax(text, message string, from, to int) Problem {
	p := Problem{From: from, To: to, Code: "bad-expression", Message: "the expression cannot be read from here on", Help: "look for a missing operator, quote or bracket here and before"}
	at := text[from:to]
	switch {
	case strings.Contains(message, "recursion") || strings.Contains(message, "limit"):
		return Problem{From: 0, To: len(text), Code: "expression-too-long", Message: "the expression is nested too deeply to be read", Help: "give parts of it names under let"}
	case strings.Contains(message, "int literal"):
		p.Code, p.Message, p.Help = "bad-number", "the number is too big for whole numbers", `write it as text, "`+at+`", or with a point, `+at+".0"
	case strings.Contains(message, "double literal"):
		p.Code, p.Message, p.Help = "bad-number", "the number is too big", "write a number below 1e308"
	case strings.Contains(message, "reserved identifier"):
		p.Code, p.Message, p.Help = "reserved-word", at+" is a reserved word and cannot be a name", `read a field of this name as input["`+at+`"]`
	case strings.Contains(message, "identifier") || strings.Contains(message, "simple name") || strings.Contains(message, "variable name"):
		p.Code, p.Message, p.Help = "wrong-arguments", "the first argument has to be a name of your choice for the element", "for example list.map(e, lower(e)), list.exists(e, e == 1)"
	}
	return p
}

// plainWords replaces the words of checker and libraries by those of rule authors.
func plainWords(message string) (text, help string) {
	switch {
	case strings.Contains(message, "found no matching overload for"):
		return "these types do not go together: " + mismatch(message), "convert one side, for example with text(x) or decimal(x)"
	case strings.Contains(message, "cannot be range"):
		return "only lists and objects have elements to go through, this is " + quotedType(message), "name a list, such as properties.items"
	case strings.Contains(message, "does not support field selection"):
		return "only objects have fields, this is " + quotedType(message), "name an object before the point"
	case strings.Contains(message, "expected type"):
		return "a value of another type is needed here: " + quotedTypes(message), "convert it, for example with text(x) or decimal(x)"
	}
	return "this cannot be computed", "write it in another way; docs/language.md lists the forms"
}

var quotedName = regexp.MustCompile(`'([^']*)'`)

func quotedType(message string) string {
	if m := quotedName.FindStringSubmatch(message); m != nil {
		return typeWord(strings.SplitN(m[1], "(", 2)[0])
	}
	return "something else"
}

func quotedTypes(message string) string {
	var words []string
	for _, m := range quotedName.FindAllStringSubmatch(message, 2) {
		words = append(words, typeWord(strings.SplitN(m[1], "(", 2)[0]))
	}
	if len(words) != 2 {
		return "look at what it works on"
	}
	return words[0] + " and not " + words[1]
}

// constantFailure puts in words why a part of an expression that is known when
// the rules load cannot be computed, where that is one of the likely reasons.
func constantFailure(err error) (message, help string) {
	text := err.Error()
	value := ""
	if m := regexp.MustCompile(`"([^"]*)"`).FindStringSubmatch(text); m != nil {
		value = `"` + m[1] + `"`
	}
	switch {
	case strings.Contains(text, "divi") && strings.Contains(text, "zero"), strings.Contains(text, "modulus by zero"):
		return "this divides by zero", ""
	case strings.Contains(text, "overflow"), strings.Contains(text, "out of range"):
		return "the result is out of the range of whole numbers", "write one of the numbers with a point, such as 1.0"
	case strings.Contains(text, "parsing time"):
		return value + " is no time that timestamp reads", `write it as "2024-01-31T10:00:00Z", or use instant(x), which reads dates too`
	case strings.Contains(text, "duration"):
		return value + " is no time span", "write it as 500ms, 10s, 5m or 1h"
	case strings.Contains(text, "parsing") || strings.Contains(text, "type conversion"):
		return value + " is no number", "decimal(x) reads numbers, and gives null for what is none"
	case strings.Contains(text, "no such overload"):
		return "a function here does not take the value that it is given", "look at its argument, and convert it with text(x) or decimal(x)"
	}
	return "", ""
}

// lineStart returns the byte where a line starts, counted from 1.
func lineStart(text string, line int) int {
	at := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	return at
}

func runeOffset(text string, runes int) int {
	for i := range text {
		if runes == 0 {
			return i
		}
		runes--
	}
	return len(text)
}

// tokenEnd returns the end of the word or sign that starts at from.
func tokenEnd(text string, from int) int {
	to := from
	for to < len(text) && (text[to] == '_' || text[to] >= '0' && text[to] <= '9' || text[to]|0x20 >= 'a' && text[to]|0x20 <= 'z' || text[to] >= 0x80) {
		to++
	}
	if to == from && to < len(text) {
		to++
	}
	return to
}

// mismatch tells which types do not go together, from cel-go's
// "found no matching overload for '@add' applied to '(dyn, string, int)'".
func mismatch(message string) string {
	parts := strings.Split(message, "'")
	if len(parts) < 4 {
		return message
	}
	name := parts[1]
	listed := parts[3]
	method := strings.Contains(listed, ".")
	types := strings.FieldsFunc(listed, func(r rune) bool { return strings.ContainsRune("()., ", r) })
	if sign := signs[name]; sign != "" {
		name, types = sign, types[1:] // without the frame
	}
	for i, t := range types {
		types[i] = typeWord(t)
	}
	if name = strings.Trim(name, "_"); method && len(types) > 0 {
		name = "." + name
	}
	return name + " does not go with " + strings.Join(types, " and ")
}

// typeWord is the name that rules have for a type of CEL.
func typeWord(t string) string {
	switch t = strings.TrimPrefix(strings.TrimPrefix(t, "google.protobuf."), "protobuf."); t {
	case "string":
		return "text"
	case "int", "uint", "double":
		return "number"
	case "bool":
		return "boolean"
	case "map":
		return "object"
	case "dyn":
		return "any value"
	case "Timestamp", "timestamp":
		return "instant"
	case "Duration", "duration":
		return "span of time"
	}
	return t
}
