package shape

import (
	"slices"
	"strconv"
	"strings"
)

// String describes the shape in the words of rules: "text or absent", `"free"
// or "pro"`, "list of numbers", "anything".
func (s Shape) String() string { return s.words(3) }

// maxTexts is how many texts are named.
const maxTexts = 6

func (s Shape) words(depth int) string {
	if s.IsAnything() {
		return "anything"
	}
	var out []string
	if s.kinds&Text != 0 {
		if s.texts == nil || len(s.texts) > maxTexts {
			out = append(out, "text")
		} else {
			for _, t := range slices.Sorted(slices.Values(s.texts)) {
				out = append(out, strconv.Quote(t))
			}
		}
	}
	switch s.kinds & Number {
	case Whole:
		out = append(out, "whole number")
	case Fraction, Number:
		out = append(out, "number")
	}
	switch {
	case s.kinds == Boolean:
		out = append(out, "true or false")
	case s.kinds&Boolean != 0:
		out = append(out, "boolean")
	}
	if s.kinds&List != 0 {
		of := "list"
		if s.parts != nil && depth > 0 {
			if e := s.Only(List).Elements(); e.kinds != Nothing && !e.IsAnything() {
				of += " of " + e.words(depth-1)
			}
		}
		out = append(out, of)
	}
	if s.kinds&Object != 0 {
		out = append(out, "object")
	}
	if s.kinds&Null != 0 {
		out = append(out, "null")
	}
	if s.kinds&Missing == Absent {
		out = append(out, "absent")
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, " or ")
}

// Words names the kinds of a value that is not missing, as in "a number".
func Words(k Kinds) string {
	var out []string
	for _, x := range []struct {
		kinds Kinds
		word  string
	}{{Text, "text"}, {Number, "a number"}, {Boolean, "true or false"}, {List, "a list"}, {Object, "an object"}} {
		if k&x.kinds != 0 {
			out = append(out, x.word)
		}
	}
	switch len(out) {
	case 0:
		return "null"
	case 1:
		return out[0]
	}
	return strings.Join(out[:len(out)-1], ", ") + " or " + out[len(out)-1]
}
