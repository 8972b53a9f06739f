package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/xeipuuv/gojsonschema"

	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/value"
)

// Violation is one thing that is wrong with a value.
type Violation struct {
	Path    string // traits.emails[0]; "" for the value itself
	Pointer string // the same as a JSON pointer
	Keyword string // of the schema; "depth", "number" and "effort" for our own bounds
	Message string // what was found, what was expected, what to do
}

// Error returns the path and the message.
func (v Violation) Error() string {
	if v.Path == "" {
		return v.Message
	}
	return v.Path + ": " + v.Message
}

// maxViolations is how many are told of one value.
const maxViolations = 50

// explain asks the authority.
func (s *Schema) explain(n *value.Node) []Violation {
	if s.secretive {
		n = s.MarkSecrets(value.NewArena(), n)
	}
	if beyond := bounds(n); beyond != nil {
		return beyond
	}
	if budget := authoritySteps; !s.root.cost(n, &budget) {
		return []Violation{{Keyword: "effort", Message: fmt.Sprintf(
			"%s cannot be checked in reasonable time: make it smaller, or the schema %s simpler", value.Preview(n), s.name)}}
	}
	findings, err := s.ask(n)
	if err != nil {
		return []Violation{{Keyword: "effort", Message: fmt.Sprintf("%s could not be checked by the schema %s: %v", value.Preview(n), s.name, err)}}
	}
	var all []Violation
	for _, f := range findings {
		all = append(all, s.violation(f, n))
	}
	return tidy(all)
}

// bounds reports what may not be given to the authority.
func bounds(n *value.Node) (found []Violation) {
	var visit func(n *value.Node, at spot)
	visit = func(n *value.Node, at spot) {
		switch {
		case len(found) == maxViolations:
		case n.Kind() == value.Number && !bounded(n.Text()):
			found = append(found, at.violation("number", fmt.Sprintf(
				"found %s, which no computer double can hold: send it as text", value.Preview(n))))
		case at.depth > maxDepth:
			found = append(found, at.violation("depth", fmt.Sprintf(
				"found %s at depth %d, at most %d lists and objects may be inside each other: flatten it", value.Preview(n), at.depth, maxDepth)))
		case n.Kind() == value.Object:
			for m := n.First(); m != nil; m = m.Next() {
				visit(m, at.key(m.Key()))
			}
		case n.Kind() == value.List:
			i := 0
			for m := n.First(); m != nil; m = m.Next() {
				visit(m, at.index(i))
				i++
			}
		}
	}
	visit(n, spot{})
	return found
}

// spot is a place in a value.
type spot struct {
	path, pointer string
	depth         int
}

func (s spot) key(name string) spot {
	return spot{string(value.AppendKey([]byte(s.path), name)), s.pointer + "/" + escapePointer(name), s.depth + 1}
}

func (s spot) index(i int) spot {
	return spot{string(value.AppendIndex([]byte(s.path), i)), s.pointer + "/" + strconv.Itoa(i), s.depth + 1}
}

func (s spot) violation(keyword, message string) Violation {
	return Violation{Path: s.path, Pointer: s.pointer, Keyword: keyword, Message: message}
}

// separator keeps the names in a context of the authority apart.
const separator = "\x00"

// locate finds the value of which the authority speaks.
func locate(f gojsonschema.ResultError, n *value.Node) (spot, *value.Node) {
	var at spot
	for _, name := range strings.Split(f.Context().String(separator), separator)[1:] {
		if n.Kind() == value.List {
			i, _ := strconv.Atoi(name)
			at, n = at.index(i), n.At(i)
		} else {
			at, n = at.key(name), n.Get(name)
		}
	}
	return at, n
}

// violation puts a finding into our words.
func (s *Schema) violation(f gojsonschema.ResultError, root *value.Node) Violation {
	at, n := locate(f, root)
	found := "found " + value.Preview(n)
	detail := func(name string) string { return fmt.Sprint(f.Details()[name]) }
	switch f.Type() {
	case "false":
		return at.violation("false", found+", no value is allowed here: remove it")
	case "required":
		at = at.key(detail("property"))
		return at.violation("required", fmt.Sprintf("found nothing, expected %s: add it", s.expected(at)))
	case "invalid_type":
		return at.violation("type", fmt.Sprintf("%s, expected %s: correct the value", found, typeWords(detail("expected"))))
	case "number_any_of":
		return at.violation("anyOf", found+", which fits none of the allowed forms: correct the value")
	case "number_one_of":
		return at.violation("oneOf", found+", which must fit exactly one of several forms and fits none or more than one: correct the value")
	case "number_all_of":
		return at.violation("allOf", found+", which does not fit all of the forms it must have: correct the value")
	case "number_not":
		return at.violation("not", found+", a value of the one form that is not allowed here: change it")
	case "condition_then", "condition_else":
		return at.violation("if", found+", which does not fit the form that its other fields call for: correct it")
	case "missing_dependency":
		at = at.key(detail("dependency"))
		return at.violation("dependencies", fmt.Sprintf("found nothing, but the fields beside it call for %s: add it", s.expected(at)))
	case "const":
		return at.violation("const", fmt.Sprintf("%s, expected exactly %s: correct the value", found, detail("allowed")))
	case "enum":
		return at.violation("enum", fmt.Sprintf("%s, expected one of %s%s", found, value.Shorten(detail("allowed"), 200), didYouMean(n, detail("allowed"))))
	case "array_no_additional_items":
		return at.violation("additionalItems", found+", more elements than are allowed: remove the last")
	case "array_min_items":
		return at.violation("minItems", fmt.Sprintf("%s, expected at least %s elements: add the missing", found, detail("min")))
	case "array_max_items":
		return at.violation("maxItems", fmt.Sprintf("%s, expected at most %s elements: remove some", found, detail("max")))
	case "unique":
		return at.violation("uniqueItems", fmt.Sprintf("%s, whose elements %s and %s are equal: remove one", found, detail("i"), detail("j")))
	case "contains":
		return at.violation("contains", found+", none of whose elements has the form that one must have: add one")
	case "array_min_properties":
		return at.violation("minProperties", fmt.Sprintf("%s, expected at least %s keys: add the missing", found, detail("min")))
	case "array_max_properties":
		return at.violation("maxProperties", fmt.Sprintf("%s, expected at most %s keys: remove some", found, detail("max")))
	case "additional_property_not_allowed":
		name := detail("property")
		message := fmt.Sprintf("there is no field %q here", name)
		if near := nearest(name, s.namesAt(at.pointer)); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		} else {
			message += ": remove it"
		}
		return at.key(name).violation("additionalProperties", message)
	case "invalid_property_name":
		return at.key(detail("property")).violation("propertyNames", fmt.Sprintf("%q is not allowed as a name here: rename the field", detail("property")))
	case "string_gte":
		return at.violation("minLength", fmt.Sprintf("%s, expected at least %s: make it longer", found, characters(detail("min"))))
	case "string_lte":
		return at.violation("maxLength", fmt.Sprintf("%s, expected at most %s: shorten it", found, characters(detail("max"))))
	case "pattern":
		return at.violation("pattern", fmt.Sprintf("%s, expected text that matches %s: correct the value", found, detail("pattern")))
	case "format":
		return at.violation("format", fmt.Sprintf("%s, expected %s: correct the value", found, formatWords(detail("format"))))
	case "multiple_of":
		return at.violation("multipleOf", fmt.Sprintf("%s, expected a multiple of %s: round it", found, detail("multiple")))
	case "number_gte":
		return at.violation("minimum", fmt.Sprintf("%s, expected %s or more: correct the value", found, detail("min")))
	case "number_gt":
		return at.violation("exclusiveMinimum", fmt.Sprintf("%s, expected more than %s: correct the value", found, detail("min")))
	case "number_lte":
		return at.violation("maximum", fmt.Sprintf("%s, expected %s or less: correct the value", found, detail("max")))
	case "number_lt":
		return at.violation("exclusiveMaximum", fmt.Sprintf("%s, expected less than %s: correct the value", found, detail("max")))
	}
	return at.violation(f.Type(), found+", which the schema does not allow: correct the value")
}

// namesAt returns the names declared at a JSON pointer.
func (s *Schema) namesAt(pointer string) []string { return s.Properties(steps(pointer)...) }

// expected puts the types of what the schema declares at a place into words.
func (s *Schema) expected(at spot) string {
	k := s.at(steps(at.pointer)).Value()
	if k == shape.All&^shape.Missing || k == shape.Nothing {
		return "a value"
	}
	var names []string
	for _, name := range []string{"string", "integer", "number", "boolean", "object", "array"} {
		t := kindsByName[name].shape()
		if k&t == t && !(name == "integer" && k&shape.Number == shape.Number) {
			names = append(names, typeNames[name])
		}
	}
	return joinOr(names)
}

func characters(n string) string {
	if n == "1" {
		return "1 character"
	}
	return n + " characters"
}

// typeWords puts the types of a schema, "string" or "[string,null]", into words.
func typeWords(types string) string {
	names := strings.Split(strings.Trim(types, "[]"), ",")
	for i, name := range names {
		if w := typeNames[name]; w != "" {
			names[i] = w
		}
	}
	return joinOr(names)
}

var typeNames = map[string]string{
	"string": "text", "array": "a list", "object": "an object", "integer": "a whole number",
	"number": "a number", "boolean": "true or false",
}

func joinOr(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

func formatWords(name string) string {
	if w := formatNames[name]; w != "" {
		return w
	}
	return "the format " + name
}

var formatNames = map[string]string{
	"date":      "a date such as 2024-03-05",
	"date-time": "a time such as 2024-03-05T10:11:12Z",
	"email":     "an e-mail address",
	"hostname":  "a host name such as api.example.com",
	"ipv4":      "an IPv4 address such as 192.0.2.1",
	"ipv6":      "an IPv6 address such as 2001:db8::1",
	"regex":     "a regular expression in RE2 syntax",
	"uri":       "an address such as https://example.com/path",
	"uuid":      "a UUID in lower case such as 6ba7b810-9dad-11d1-80b4-00c04fd430c8",
}

func didYouMean(n *value.Node, allowed string) string {
	if n.Kind() != value.String || n.Secret() {
		return ": correct the value"
	}
	var known []string
	for _, x := range strings.Split(allowed, ", ") {
		if s, err := strconv.Unquote(x); err == nil {
			known = append(known, s)
		}
	}
	if near := nearest(n.Text(), known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ": correct the value"
}

// composite are the findings that only say that others were made.
var composite = map[string]bool{"anyOf": true, "oneOf": true, "allOf": true, "if": true, "contains": false}

// tidy sorts violations, removes doubles, and those that only sum up others.
func tidy(all []Violation) []Violation {
	slices.SortFunc(all, func(a, b Violation) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Keyword, b.Keyword), strings.Compare(a.Message, b.Message))
	})
	all = slices.Compact(all)
	var out []Violation
	for i, v := range all {
		sumsUp := composite[v.Keyword] && slices.ContainsFunc(all, func(w Violation) bool {
			return !composite[w.Keyword] && (w.Pointer == v.Pointer || strings.HasPrefix(w.Pointer, v.Pointer+"/"))
		})
		deeper := composite[v.Keyword] && slices.ContainsFunc(all[i+1:], func(w Violation) bool {
			return composite[w.Keyword] && strings.HasPrefix(w.Pointer, v.Pointer+"/")
		})
		if !sumsUp && !deeper {
			out = append(out, v)
		}
	}
	return out[:min(len(out), maxViolations)]
}
