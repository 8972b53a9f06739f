package engine

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// encode writes a body in the format of a descriptor.
func (r *runner) encode(q *plan.Request, body *value.Node) (format string, content *value.Node, err error) {
	switch q.Encode {
	case "form":
		if body.Kind() != value.Object {
			return "", nil, r.notEncodable(q, body, "a form is made of an object")
		}
		form := r.arena.Object()
		for m := body.First(); m != nil; m = m.Next() {
			if m.IsNull() {
				continue
			}
			if err := r.addText(form, m.Key(), m, q.Rule, false); err != nil {
				return "", nil, err
			}
		}
		return "FORM", form, nil
	case "xml":
		if body.Kind() != value.Object || body.Len() != 1 {
			return "", nil, r.notEncodable(q, body, "XML is made of an object with one member, the root element")
		}
		var b strings.Builder
		if err := appendXML(&b, body.First().Key(), body.First()); err != nil {
			why := err.Error()
			if body.HoldsSecret() {
				why = "it has a name that is none of an XML element"
			}
			return "", nil, r.notEncodable(q, body, why)
		}
		return "XML", r.payload("payload", b.String(), body), nil
	case "text":
		s, err := r.text(body)
		if err != nil {
			return "", nil, err
		}
		return "XML", r.payload("payload", s, body), nil // the descriptor's format for text that is sent as it is
	}
	switch body.Kind() {
	case value.Object:
		return "JSON", body, nil
	case value.List:
		return "JSON_ARRAY", r.payload("batch", string(value.AppendJSON(nil, body)), body), nil
	}
	return "", nil, r.notEncodable(q, body, "JSON bodies are objects or lists")
}

func (r *runner) payload(name, text string, of *value.Node) *value.Node {
	n := r.arena.String(text)
	if of.HoldsSecret() {
		n = r.arena.MarkSecret(n)
	}
	object := r.arena.Object()
	r.arena.Add(object, name, n)
	return object
}

func (r *runner) notEncodable(q *plan.Request, body *value.Node, why string) error {
	return &EventError{Code: "invalid_body", Status: 400, Rule: q.Rule, Message: fmt.Sprintf("the body of the request %s is %s; %s", q.Name, value.Preview(body), why)}
}

// appendXML writes a value as an element: members are elements inside it, a
// list repeats the element.
func appendXML(b *strings.Builder, name string, v *value.Node) error {
	if !xmlName(name) {
		return fmt.Errorf("%q is no name of an XML element", name)
	}
	if v.Kind() == value.List {
		for m := v.First(); m != nil; m = m.Next() {
			if err := appendXML(b, name, m); err != nil {
				return err
			}
		}
		return nil
	}
	b.WriteString("<" + name + ">")
	switch v.Kind() {
	case value.Object:
		for m := v.First(); m != nil; m = m.Next() {
			if err := appendXML(b, m.Key(), m); err != nil {
				return err
			}
		}
	case value.Null:
	default:
		if err := xml.EscapeText(b, []byte(scalarText(v))); err != nil {
			return err
		}
	}
	b.WriteString("</" + name + ">")
	return nil
}

func xmlName(s string) bool {
	for i, c := range s {
		if c != '_' && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && (i == 0 || c != '-' && c != '.' && !(c >= '0' && c <= '9')) {
			return false
		}
	}
	return s != ""
}
