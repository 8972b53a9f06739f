package engine

import (
	"maps"
	"slices"

	"github.com/celmap/celmap/engine/value"
)

// StaticAnswers answers questions from data that is known beforehand: what
// --lookup files and fixtures give.
type StaticAnswers map[string][]StaticAnswer

// StaticAnswer is one known answer of a lookup.
type StaticAnswer struct {
	With   *value.Node // arguments it is for; nil for any
	Key    string
	Answer []byte // JSON
	Failed *LookupFailure
}

// ParseAnswers reads the answers of one lookup:
//
//	{"key": answer, …}
//	[{"with": {…}, "key": "…", "answer": answer}, {"key": "…", "failure": {"status": 429, "message": "…"}}]
func ParseAnswers(lookup string, data []byte) ([]StaticAnswer, error) {
	arena := value.NewArena()
	n, err := value.Parse(arena, data, value.Limits{Bytes: 64 << 20, Nodes: 5_000_000})
	if err != nil {
		return nil, &SettingsError{Setting: "lookup " + lookup, Message: err.Error(), Cause: err}
	}
	wrong := func(m *value.Node) error {
		return &SettingsError{Setting: "lookup " + lookup, Message: "this is no answer: " + value.Preview(m), Help: `give {"key": answer}, or a list of {"with": {…}, "key": …, "answer": …}`}
	}
	var out []StaticAnswer
	switch n.Kind() {
	case value.Object:
		for m := n.First(); m != nil; m = m.Next() {
			out = append(out, StaticAnswer{Key: m.Key(), Answer: value.AppendJSON(nil, m)})
		}
	case value.List:
		for m := n.First(); m != nil; m = m.Next() {
			key := m.Get("key")
			if m.Kind() != value.Object || !key.IsScalar() || m.Get("answer") == nil && m.Get("failure") == nil {
				return nil, wrong(m)
			}
			a := StaticAnswer{With: m.Get("with"), Key: scalarText(key)}
			if f := m.Get("failure"); f != nil {
				status, _ := f.Get("status").Int()
				a.Failed = &LookupFailure{Status: int(status), Message: f.Get("message").Text()}
				if body := f.Get("body"); body != nil {
					a.Failed.Body = value.AppendJSON(nil, body)
				}
			} else {
				a.Answer = value.AppendJSON(nil, m.Get("answer"))
			}
			out = append(out, a)
		}
	default:
		return nil, wrong(n)
	}
	return out, nil
}

// Check reports names that the program has no lookup for.
func (s StaticAnswers) Check(p *Program) error {
	for name := range s {
		if p.plan.Lookups[name] == nil {
			return &SettingsError{Setting: "lookup " + name, Message: "the destination has no such lookup", Help: nearest(name, append(p.Lookups(), p.Portals()...))}
		}
	}
	return nil
}

// Resolve answers the questions of a batch until there are none. What it does
// not know is nothing found.
func (s StaticAnswers) Resolve(b *Batch) {
	for range 2 {
		questions := b.Questions()
		if len(questions) == 0 {
			return
		}
		for _, q := range questions {
			b.Answer(q, s.reply(q))
		}
	}
	b.Questions()
}

func (s StaticAnswers) reply(q *Question) Reply {
	for _, a := range s[q.Lookup.Name] {
		if q.Lookup.FoldKey(a.Key) == q.Key && (a.With == nil || value.Equal(a.With, q.With)) {
			return Reply{Answer: a.Answer, Failure: a.Failed}
		}
	}
	return Reply{}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
