package expression

import (
	"strings"

	"github.com/google/cel-go/common/ast"
)

// work returns the steps that one evaluation of e takes, without those of its
// loops and of the functions that it calls, which pay for themselves. It is
// taken where e is evaluated again and again: else an expression of 4,096 bytes
// would cost as much as one of 10.
func work(e ast.Expr) int { return 1 + nodes(e)>>2 }

// nodes counts what an expression is made of. The bodies of loops count for
// nothing: they are paid for with each element.
func nodes(e ast.Expr) int {
	n := 1
	if e.Kind() == ast.ComprehensionKind {
		x := e.AsComprehension()
		return n + nodes(x.IterRange()) + nodes(x.AccuInit()) + nodes(x.Result())
	}
	switch e.Kind() {
	case ast.CallKind:
		n += callWeight(e)
	case ast.MapKind:
		n += 2 * e.AsMap().Size() // a key is looked for before it is added
	}
	for _, part := range parts(e) {
		n += nodes(part)
	}
	return n
}

// readsAll are the functions of CEL's libraries that read a whole text and are no
// methods of it, and how often it is paid for.
var readsAll = map[string]int{
	"base64.encode": 1, "base64.decode": 1, "bytes": 1, "strings.quote": 4, "timestamp": 1, "duration": 1, "bool": 1,
}

// heavy are calls that take as long as so many others.
var heavy = map[string]int{
	"timestamp": 8, "duration": 8, "epoch": 8, "midnightUTC": 8, "instant": 8, "formatTime": 12, "double": 4, "int": 4, "round": 8, "string": 12,
	"sha1": 8, "sha256": 12, "md5": 8, "uuidFrom": 12, "base64.encode": 4, "base64.decode": 4,
}

// inZone are methods of instants that look up a time zone when they are given one.
const inZone = 500

func callWeight(e ast.Expr) int {
	call := e.AsCall()
	if call.IsMemberFunction() && len(call.Args()) == 1 && strings.HasPrefix(call.FunctionName(), "get") {
		return inZone
	}
	return heavy[call.FunctionName()]
}
