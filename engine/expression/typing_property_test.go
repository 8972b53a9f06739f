package expression_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/fitting"
)

// valueTypes knows of names what is known of their values, or less.
type valueTypes struct {
	doc    *value.Node
	coarse bool // kinds alone
}

func (v valueTypes) Slot(slot int) shape.Shape {
	switch names[slot] {
	case "config", "computed", "broken":
		return shape.Anything
	}
	s := shape.Literal(v.doc.Get(names[slot]))
	if v.coarse {
		return shape.Of(s.Kinds())
	}
	return s
}
func (v valueTypes) Given(int, shape.Shape) expression.Types { return v }
func (valueTypes) Missing(int) (why, help string)            { return "", "" }
func (valueTypes) Declares(string) bool                      { return false }

// TestTypes compares what is said of expressions at load with what they give.
func TestTypes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := generator{t}
		text := g.any(rapid.IntRange(1, 3).Draw(t, "depth"), nil)
		if rapid.Bool().Draw(t, "condition") {
			text = g.condition(rapid.IntRange(1, 3).Draw(t, "depth of condition"), nil)
		}
		if len(text) > 4096 {
			return
		}
		doc := parse(g.document())
		p, found := expression.Compile(text, newScope(expression.Options{}), expression.Anything, expression.Options{})
		if len(found) > 0 {
			return
		}
		v, err := p.Eval(newFrame(doc, expression.Options{}))
		if err != nil {
			return
		}
		for _, coarse := range []bool{false, true} {
			s, problems := p.Type(valueTypes{doc, coarse})
			if wrong := fitting.Misfit(v, s); wrong != "" {
				t.Fatalf("%s\n%s\ngives %s, and is said to be %s:\n%s", value.AppendJSON(nil, doc), text, value.AppendJSON(nil, v), s, wrong)
			}
			for _, x := range problems {
				if x.From < 0 || x.To > len(text) || x.From >= x.To {
					t.Fatalf("%s\nplace %d to %d: %s", text, x.From, x.To, x.Message)
				}
			}
		}
	})
}
