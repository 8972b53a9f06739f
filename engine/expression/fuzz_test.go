package expression_test

import (
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/value"
)

var seeds = []string{
	`traits.email == "x" && n != null`, `tags.map(t, t + "!")`, `first(context.ids, i, i.type == "hs").id`, `{"a": 1, "b": [tags]}`,
	`items.transformMap(k, v, v.price * 100)`, `has(traits["Sign up"]) ? 1 : "ü"`, `traits.?a.orValue(1)`, `sets.contains(tags, ["a"])`,
	`regexReplace(traits.name, "[a-z]", "$1")`, `tags.sortBy(t, size(t))`, `"a".matches("(") || 1u < 2.0`, "a\n  .b //c\n[0]", `x.y(`, `'é' in trait`, `!-!1`,
	`tags.transformMapEntry(i, t, {t: i})`, `traits.?a.optMap(x, x)`, `timestamp("x") < duration(b"1s")`, `plus(twice(1), ids(2, 3))`, `{1: 2, ?"a": 3}`,
	`optional.of(tags).?a[?0]`, `math.greatest([1, 2.5])`, `lists.range(3).map(i, i)`, `@x`, `a.@b`, "`a b`.c", `a{b: 1}`, `.traits.a`, `google.protobuf.Timestamp{}`, `[].all(__result__, true)`, ` >>`, ` ?? a`, `in`, `a is`, `= = 1`,
}

// FuzzCompile compiles any text: no panic, and problems have places inside the text.
func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, options := range []expression.Options{{}, {CEL: true}} {
			p, problems := expression.Compile(text, newScope(options), expression.Condition, options)
			if (p == nil) != (len(problems) > 0) {
				t.Fatalf("a program %v with the problems %v", p, problems)
			}
			for _, x := range problems {
				if x.From < 0 || x.From > x.To || x.To > len(text) {
					t.Fatalf("a place outside the text: %+v", x)
				}
				if x.Code == "" || x.Message == "" {
					t.Fatalf("a problem without words: %+v", x)
				}
				if utf8.ValidString(text) && !utf8.ValidString(text[x.From:x.To]) {
					t.Fatalf("a place that cuts a character: %+v", x)
				}
			}
		}
	})
}

// FuzzEval evaluates any expression on any event, natively and as CEL.
func FuzzEval(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, document)
	}
	f.Fuzz(func(t *testing.T, text, event string) {
		doc, err := value.Parse(value.NewArena(), []byte(event), value.DefaultLimits())
		if err != nil {
			return
		}
		for _, options := range []expression.Options{{}, {CEL: true}} {
			p, problems := expression.Compile(text, newScope(options), expression.Anything, options)
			if len(problems) > 0 {
				return
			}
			frame := newFrame(doc, options)
			frame.Steps = 10_000
			v, err := p.Eval(frame)
			if err == nil {
				value.AppendJSON(nil, v)
				continue
			}
			var failed *expression.Error
			if errors.As(err, &failed) && (failed.From < 0 || failed.From > failed.To || failed.To > len(text)) {
				t.Fatalf("a place outside the text: %+v", failed)
			}
			if errors.Is(err, errBroken) {
				continue
			}
			if failed == nil || failed.Message == "" {
				t.Fatalf("an error without words: %v", err)
			}
		}
	})
}
