package value_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/celmap/celmap/engine/value"
)

// draw makes a value of up to depth levels.
func draw(t *rapid.T, a *value.Arena, depth int) *value.Node {
	kinds := []value.Kind{value.Null, value.Bool, value.Number, value.String, value.List, value.Object}
	if depth == 0 {
		kinds = kinds[:4]
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case value.Bool:
		return value.BoolNode(rapid.Bool().Draw(t, "bool"))
	case value.Number:
		return a.Number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,9})?([eE][-+]?[0-9]{1,2})?`).Draw(t, "number"))
	case value.String:
		return a.String(rapid.String().Draw(t, "text"))
	case value.List:
		list := a.List()
		for range rapid.IntRange(0, 5).Draw(t, "elements") {
			a.Append(list, draw(t, a, depth-1))
		}
		return list
	case value.Object:
		object := a.Object()
		for range rapid.SampledFrom([]int{0, 1, 3, 23, 24, 25, 70}).Draw(t, "members") {
			a.Set(object, rapid.String().Draw(t, "key"), draw(t, a, min(depth-1, 1)))
		}
		return object
	}
	return value.NullNode()
}

func TestParseReadsWhatAppendJSONWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := value.NewArena()
		want := draw(t, a, 3)
		text := value.AppendJSON(nil, want)
		got, err := value.Parse(a, text, value.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !value.Equal(got, want) || !value.Equal(want, got) {
			t.Fatalf("read back as %s, written as %s", value.AppendJSON(nil, got), text)
		}
		if again := value.AppendJSON(nil, got); string(again) != string(text) {
			t.Fatalf("written again as %s, at first as %s", again, text)
		}
	})
}

func TestParseNamesAPlaceInsideOfCutInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := value.NewArena()
		list := a.List()
		a.Append(list, draw(t, a, 3))
		text := value.AppendJSON(nil, list)
		cut := rapid.IntRange(0, len(text)-1).Draw(t, "cut")
		_, err := value.Parse(a, text[:cut], value.Limits{})
		refused, ok := err.(*value.ParseError)
		if !ok {
			t.Fatalf("%s cut at %d is accepted", text, cut)
		}
		if refused.Offset < 0 || refused.Offset > cut {
			t.Fatalf("%s cut at %d: the error is at %d", text, cut, refused.Offset)
		}
	})
}
