package simulator

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// read reads the body of a call; the answer is its refusal.
func (c *call) read(into any) *answer {
	err := json.Unmarshal(c.body, into, jsontext.AllowDuplicateNames(true), json.MatchCaseInsensitiveNames(false))
	if err == nil {
		return nil
	}
	var offset int64
	reason := "Unexpected character"
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	var kind *misfit
	switch {
	case errors.As(err, &kind):
		reason = kind.Error()
		if errors.As(err, &semantic) {
			offset = semantic.ByteOffset
		}
	case errors.As(err, &semantic):
		offset = semantic.ByteOffset
		wanted := "java.util.LinkedHashMap"
		if semantic.GoType != nil {
			wanted = cmp.Or(javaTypes[semantic.GoType.Kind()], wanted)
		}
		reason = (&misfit{wanted, semantic.JSONKind}).Error()
	case errors.As(err, &syntactic):
		offset = syntactic.ByteOffset
		reason = strings.TrimPrefix(syntactic.Err.Error(), "jsontext: ")
	}
	return c.unreadable(int(offset), reason)
}

// javaTypes are what messages call types of JSON that are no objects.
var javaTypes = map[reflect.Kind]string{
	reflect.Slice: "java.util.ArrayList", reflect.String: "java.lang.String", reflect.Int: "int", reflect.Bool: "boolean",
}

// unreadable refuses a body at a place. Such problems have no category.
func (c *call) unreadable(offset int, reason string) *answer {
	before := c.body[:min(offset, len(c.body))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return c.problem(http.StatusBadRequest, problem{Message: fmt.Sprintf("Invalid input JSON on line %d, column %d: %s", line, column, reason)})
}

// lacks refuses a body without some fields.
func (c *call) lacks(fields ...string) *answer {
	return c.unreadable(len(c.body), "Some required fields were not set: "+quoted(fields))
}

// inputsOf reads the inputs of a batch, of which there may be most; what names them
// where there are more.
func inputsOf[T any](c *call, most int, what string) ([]T, *answer) {
	var body struct {
		Inputs []T `json:"inputs"`
	}
	if a := c.read(&body); a != nil {
		return nil, a
	}
	c.inputs = len(body.Inputs)
	switch {
	case body.Inputs == nil:
		return nil, c.lacks("inputs")
	case c.inputs > most:
		return nil, c.tooMany(most, what)
	}
	return body.Inputs, nil
}

// asked returns how many records, events or others a call is about, whether or not
// it was worked out: the inputs of a batch, else 1; 0 where it only looks at what
// there is by its path, or sends nothing that can be read.
func (c *call) asked() int {
	switch {
	case c.inputs > 0:
		return c.inputs
	case c.Method == http.MethodGet || c.Method == http.MethodPost && len(c.body) == 0:
		return 0
	case len(c.body) == 0:
		return 1
	}
	var body struct {
		Inputs jsontext.Value `json:"inputs"`
	}
	list := jsontext.Value(c.body)
	if list.Kind() == '{' {
		if json.Unmarshal(c.body, &body, jsontext.AllowDuplicateNames(true)) != nil {
			return 0
		}
		if list = body.Inputs; list == nil {
			return 1
		}
	}
	var inputs []jsontext.Value
	if json.Unmarshal(list, &inputs) != nil {
		return 0
	}
	return len(inputs)
}
