package function

import (
	"fmt"
	"strconv"

	"github.com/celmap/celmap/engine/value"
)

// maxText bounds the texts that functions put together from several parts, so
// that no rule can turn a small event into a large one.
const maxText = 1 << 20

// maxJSON bounds the JSON text of a value. It is larger than any event, but
// values that rules build may share parts many times over.
const maxJSON = 8 << 20

// maxParts bounds what a text is taken apart into.
const maxParts = 100_000

// arg returns an argument, nil where it was left out.
func arg(args []*value.Node, i int) *value.Node {
	if i < len(args) {
		return args[i]
	}
	return nil
}

// refuse reports that an argument's value cannot be taken; the reason tells
// what can be.
func refuse(i int, n *value.Node, reason string) *Error {
	return &Error{Arg: i, Message: value.Preview(n) + " " + reason}
}

func tooLong(i int) *Error {
	return &Error{Arg: i, Message: "the result is longer than " + strconv.Itoa(maxText) + " bytes: shorten the text or the rule"}
}

func tooLarge(i int) *Error {
	return &Error{Arg: i, Message: "the value has more than " + strconv.Itoa(maxJSON) + " bytes of JSON: take a part of it"}
}

func tooManyParts(parts string) *Error {
	return &Error{Message: fmt.Sprintf("the text has more than %d %s: shorten it", maxParts, parts)}
}

// scalarText returns the text of an argument that is text, a number or a boolean.
func scalarText(a *value.Arena, args []*value.Node, i int) (string, *Error) {
	n := arg(args, i)
	if !n.IsScalar() {
		return "", refuse(i, n, "cannot be taken here: give text, a number or a boolean")
	}
	return textOf(a, n, i)
}

// optionalText returns an argument that is text, or what stands for it when it
// is left out.
func optionalText(args []*value.Node, i int, absent string) (string, *Error) {
	n := arg(args, i)
	switch n.Kind() {
	case value.Null:
		return absent, nil
	case value.String:
		return n.Text(), nil
	}
	return "", refuse(i, n, "cannot be taken here: give text")
}

// requiredText returns an argument that must be text.
func requiredText(args []*value.Node, i int) (string, *Error) {
	n := arg(args, i)
	if n.Kind() != value.String {
		return "", refuse(i, n, "cannot be taken here: give text")
	}
	return n.Text(), nil
}

// optionalInt returns an argument that is a whole number between bounds, or
// what stands for it when it is left out.
func optionalInt(args []*value.Node, i int, absent, low, high int64) (int64, *Error) {
	n := arg(args, i)
	if n.IsNull() {
		return absent, nil
	}
	k, ok := n.Int()
	if !ok || k < low || k > high {
		return 0, refuse(i, n, fmt.Sprintf("cannot be taken here: give a whole number from %d to %d", low, high))
	}
	return k, nil
}

// object returns an argument that must be an object, nil when it is null.
func object(args []*value.Node, i int) (*value.Node, *Error) {
	return ofKind(args, i, value.Object)
}

// list returns an argument that must be a list, nil when it is null.
func list(args []*value.Node, i int) (*value.Node, *Error) {
	return ofKind(args, i, value.List)
}

func ofKind(args []*value.Node, i int, k value.Kind) (*value.Node, *Error) {
	n := arg(args, i)
	if n.IsNull() {
		return nil, nil
	}
	if n.Kind() != k {
		article := "a "
		if k == value.Object {
			article = "an "
		}
		return nil, refuse(i, n, "cannot be taken here: give "+article+k.String())
	}
	return n, nil
}
