package expression_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/value"
)

// generator writes random expressions. vars are the variables in scope.
type generator struct{ t *rapid.T }

func (g generator) pick(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(g.t, label)
}

func (g generator) with(vars []string) string {
	for i := 0; ; i++ {
		if name := fmt.Sprintf("v%d", i); !strings.Contains(strings.Join(vars, " ")+" ", name+" ") {
			return name
		}
	}
}

func (g generator) path(vars []string) string {
	path := g.pick("root", append([]string{"traits", "tags", "items", "n", "none", "big", "context", "config", "computed"}, vars...)...)
	for range rapid.IntRange(0, 2).Draw(g.t, "steps") {
		path += g.pick("step", ".a", ".b", ".token", `["a b"]`, "[0]", "[1]", ".a.b", ".type", "[-1]", "[1.0]")
	}
	return path
}

func (g generator) any(depth int, vars []string) string {
	if depth == 0 {
		switch rapid.IntRange(0, 2).Draw(g.t, "leaf") {
		case 0:
			return g.pick("literal", `1`, `2`, `0`, `1.5`, `"a"`, `"b"`, `""`, `"ü"`, `true`, `false`, `null`, `[]`, `{}`, `9007199254740993`, `-1`)
		default:
			return g.path(vars)
		}
	}
	d := depth - 1
	x := func() string { return g.any(d, vars) }
	name := g.with(vars)
	inner := append(append([]string{}, vars...), name)
	in := func() string { return g.any(d, inner) }
	switch rapid.IntRange(0, 29).Draw(g.t, "form") {
	case 0, 1, 2:
		return g.condition(depth, vars)
	case 3:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d, vars), x(), x())
	case 4:
		return fmt.Sprintf("[%s, %s]", x(), x())
	case 5:
		return fmt.Sprintf(`{"b": %s, "a": %s}`, x(), x())
	case 6:
		return fmt.Sprintf(`{"b": %s, text(%s): %s}`, x(), x(), x())
	case 7, 8:
		return fmt.Sprintf("first(%s, %s, %s)", x(), name, g.condition(d, inner))
	case 9:
		return fmt.Sprintf("(%s).map(%s, %s)", x(), name, in())
	case 10:
		return fmt.Sprintf("(%s).filter(%s, %s)", x(), name, g.condition(d, inner))
	case 11:
		return fmt.Sprintf("(%s).transformMap(%s, %sv, [%s, %sv])", x(), name, name, in(), name)
	case 12:
		return fmt.Sprintf("(%s).transformList(%s, %sv, %s)", x(), name, name, in())
	case 13:
		return fmt.Sprintf("(%s)[%s]", x(), x())
	case 14:
		return fmt.Sprintf("(%s).a", x())
	case 15:
		return fmt.Sprintf("((%s) %s (%s))", x(), g.pick("op", "+", "-", "*", "/", "%"), x())
	case 16:
		return fmt.Sprintf("size(%s)", x())
	case 17:
		return fmt.Sprintf("%s(%s)", g.pick("fn", "text", "lower", "kind", "keys", "decimal", "twice", "json"), x())
	case 18:
		return fmt.Sprintf("%s(%s, %s)", g.pick("fn2", "plus", "orElse", "get", "joinText", "merge", "pick1", "ids"), x(), x())
	case 19:
		return fmt.Sprintf("(%s).transformMapEntry(%s, %sv, {text(%sv): %s})", x(), name, name, name, in())
	case 20:
		return fmt.Sprintf("(%s).?a.orValue(%s)", x(), x())
	case 21:
		return fmt.Sprintf("[?(%s).?b, %s]", x(), x())
	case 22:
		return fmt.Sprintf("(%s).%s", x(), g.pick("list", "distinct()", "flatten()", "sort()", `join(",")`, "reverse()", "trim()", `replace("a", "b")`, `indexOf("b")`))
	case 23:
		return fmt.Sprintf("(%s).sortBy(%s, %s)", x(), name, in())
	case 24:
		return fmt.Sprintf("string(%s)", x())
	}
	return g.path(vars)
}

func (g generator) condition(depth int, vars []string) string {
	if depth == 0 {
		return g.pick("bool", "true", "false", "traits.a == 1", "n == null", `"a" in tags`)
	}
	d := depth - 1
	x := func() string { return g.any(d, vars) }
	b := func() string { return g.condition(d, vars) }
	name := g.with(vars)
	inner := append(append([]string{}, vars...), name)
	switch rapid.IntRange(0, 9).Draw(g.t, "condition") {
	case 0, 1:
		return fmt.Sprintf("(%s %s %s)", x(), g.pick("equal", "==", "!="), x())
	case 2:
		return fmt.Sprintf("(%s %s %s)", x(), g.pick("order", "<", "<=", ">", ">="), x())
	case 3:
		return fmt.Sprintf("(%s %s %s)", b(), g.pick("logic", "&&", "||"), b())
	case 4:
		return "!" + b()
	case 5:
		return fmt.Sprintf("(%s in %s)", x(), x())
	case 6:
		return fmt.Sprintf("has(%s.a)", g.path(vars))
	case 7:
		return fmt.Sprintf("(%s).%s(%s, %s)", x(), g.pick("macro", "all", "exists", "exists_one"), name, g.condition(d, inner))
	case 8:
		return fmt.Sprintf("(%s).%s(%s)", x(), g.pick("test", "startsWith", "contains", "matches"), x())
	}
	return g.any(d, vars)
}

// document writes a random event.
func (g generator) document() string {
	var any func(depth int) string
	any = func(depth int) string {
		form := rapid.IntRange(0, 6).Draw(g.t, "json")
		if depth == 0 {
			form = min(form, 4)
		}
		switch form {
		case 5:
			return fmt.Sprintf(`{"b": %s, "a": %s, "type": %s, "a b": %s}`, any(depth-1), any(depth-1), any(0), any(0))
		case 6:
			return fmt.Sprintf(`[%s, %s, %s]`, any(depth-1), any(depth-1), any(0))
		}
		return g.pick("scalar", `1`, `2`, `1.50`, `1e2`, `18446744073709551617`, `18446744073709551616`, `9007199254740993`, `-0`, `"a"`, `"b"`, `""`, `"ü"`, `true`, `false`, `null`)
	}
	return fmt.Sprintf(`{"traits": %s, "tags": %s, "items": %s, "n": null, "big": [18446744073709551617, %s], "context": %s}`, any(2), any(1), any(2), any(0), any(2))
}

// TestDifferential compares the native form with CEL's evaluation of the same
// rewritten expression: the same value with the same order of keys and the same
// digits, or an error both ways.
func TestDifferential(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := generator{t}
		text := g.any(rapid.IntRange(1, 3).Draw(t, "depth"), nil)
		doc := parse(g.document())
		if len(text) > 4096 {
			return
		}
		var results [2]string
		var redacted [2]bool
		for i, options := range []expression.Options{{}, {CEL: true}} {
			p, found := expression.Compile(text, newScope(options), expression.Anything, options)
			if len(found) > 0 {
				results[i] = "problem"
				continue
			}
			v, err := p.Eval(newFrame(doc, options))
			if err != nil {
				results[i] = "error"
				continue
			}
			if v == nil {
				v = value.NullNode()
			}
			results[i], redacted[i] = string(value.AppendJSON(nil, v)), v.HoldsSecret() && v.Kind() != value.Bool
		}
		if results[0] != results[1] && results[0] != "problem" && results[1] != "problem" {
			t.Fatalf("%s\nnative %s\nCEL    %s", text, results[0], results[1])
		}
		// whether a condition holds is no secret. What a condition read does not
		// mark what it chooses natively, in CEL it does
		if redacted[0] && !redacted[1] {
			t.Fatalf("%s\nsecret natively, but not in CEL: %s", text, results[0])
		}
	})
}

// TestPlainPaths compares paths with what cel-go itself makes of them. Where
// cel-go fails because something is missing, ours is null.
func TestPlainPaths(t *testing.T) {
	env, err := cel.NewEnv(cel.Variable("traits", cel.DynType), cel.Variable("tags", cel.DynType), cel.Variable("items", cel.DynType), cel.Variable("context", cel.DynType))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		g := generator{t}
		text := g.pick("root", "traits", "tags", "items", "context")
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			text += g.pick("step", ".a", ".b", `["a b"]`, "[0]", "[1]", "[2]", ".type")
		}
		doc := parse(g.document())
		p, found := expression.Compile(text, newScope(expression.Options{}), expression.Anything, expression.Options{})
		if len(found) > 0 {
			t.Fatal(found)
		}
		if _, _, ok := p.Path(); !ok {
			t.Fatalf("%s is no path", text)
		}
		ours, err := p.Eval(newFrame(doc, expression.Options{}))
		if err != nil {
			t.Fatal(err)
		}
		ast, issues := env.Compile(text)
		if issues.Err() != nil {
			t.Fatal(issues.Err())
		}
		program, err := env.Program(ast)
		if err != nil {
			t.Fatal(err)
		}
		vars := map[string]any{}
		for m := doc.First(); m != nil; m = m.Next() {
			vars[m.Key()] = plainGo(m)
		}
		theirs, _, err := program.Eval(vars)
		if err != nil {
			if !ours.IsNull() {
				t.Fatalf("%s is %s, cel-go says %v", text, value.AppendJSON(nil, ours), err)
			}
			return
		}
		if want := fmt.Sprint(plainGo(ours)); want != fmt.Sprint(goOf(theirs.Value())) {
			t.Fatalf("%s is %s, of cel-go %v", text, want, theirs.Value())
		}
	})
}

// plainGo is a value as Go programs give it to cel-go.
func plainGo(n *value.Node) any {
	switch n.Kind() {
	case value.Bool:
		return n.Bool()
	case value.Number:
		return n.Float()
	case value.String:
		return n.Text()
	case value.List:
		out := []any{}
		for m := n.First(); m != nil; m = m.Next() {
			out = append(out, plainGo(m))
		}
		return out
	case value.Object:
		out := map[string]any{}
		for m := n.First(); m != nil; m = m.Next() {
			out[m.Key()] = plainGo(m)
		}
		return out
	}
	return nil
}

// goOf undoes cel-go's own spelling of null.
func goOf(v any) any {
	if fmt.Sprintf("%T", v) == "structpb.NullValue" {
		return nil
	}
	return v
}
