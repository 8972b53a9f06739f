package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/value"
)

// StaticAnswers answers questions from data that is known beforehand: what
// --lookup files and fixtures give. It is safe for concurrent use.
type StaticAnswers struct {
	byKey map[string]map[string][]staticAnswer // by lookup, then by folded key
}

type staticAnswer struct {
	with  *value.Node // arguments it is for; nil for any
	reply Reply
}

// NewStaticAnswers reads the answers of lookups, JSON by name:
//
//	{"key": answer, …}
//	[{"with": {…}, "key": "…", "answer": answer}, {"key": "…", "failure": {"status": 429, "message": "…"}}]
//
// An answer is the list of what each item that was found gives, or null; anything
// of a lookup with value, and of one that the host answers by its own means. The
// error is a *SettingsError.
func NewStaticAnswers(p *Program, data map[string][]byte) (*StaticAnswers, error) {
	s := &StaticAnswers{byKey: map[string]map[string][]staticAnswer{}}
	for _, name := range sortedKeys(data) {
		lookup := p.plan.Lookups[name]
		if lookup == nil {
			return nil, &SettingsError{Setting: "lookup " + name, Message: "the destination has no such lookup", Help: nearest(name, append(p.Lookups(), p.Portals()...))}
		}
		s.byKey[name] = map[string][]staticAnswer{}
		add := func(key string, a staticAnswer) {
			key = strings.Clone(lookup.FoldKey(key))
			s.byKey[name][key] = append(s.byKey[name][key], a)
		}
		if err := readAnswers(name, lookup.Lists(), data[name], add); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func readAnswers(lookup string, lists bool, data []byte, add func(key string, a staticAnswer)) error {
	n, err := value.Parse(value.NewArena(), data, value.Limits{Bytes: 256 << 20, Nodes: 20_000_000})
	if err != nil {
		return &SettingsError{Setting: "lookup " + lookup, Message: err.Error(), Cause: err}
	}
	wrong := func(m *value.Node) error {
		return &SettingsError{Setting: "lookup " + lookup, Message: "this is no answer: " + value.Preview(m), Help: `give {"key": answer}, or a list of {"with": {…}, "key": …, "answer": …}`}
	}
	unlike := func(key string, answer *value.Node) error {
		if !lists || answer.IsNull() || answer.Kind() == value.List {
			return nil
		}
		return &SettingsError{Setting: "lookup " + lookup, Message: fmt.Sprintf("the answer for %q is %s, where a list of what each item gives is expected", key, value.Preview(answer)), Help: `give a list, such as ["1"], or [] where nothing is found`}
	}
	switch n.Kind() {
	case value.Object:
		for m := n.First(); m != nil; m = m.Next() {
			if err := unlike(m.Key(), m); err != nil {
				return err
			}
			add(m.Key(), staticAnswer{reply: Reply{Answer: value.AppendJSON(nil, m)}})
		}
	case value.List:
		for m := n.First(); m != nil; m = m.Next() {
			key, answer, failure := m.Get("key"), m.Get("answer"), m.Get("failure")
			if !key.IsScalar() || answer == nil && failure == nil || failure != nil && failure.Kind() != value.Object {
				return wrong(m)
			}
			a := staticAnswer{with: m.Get("with")}
			if failure != nil {
				a.reply.Failure = readFailure(failure)
			} else if err := unlike(scalarText(key), answer); err != nil {
				return err
			} else {
				a.reply.Answer = value.AppendJSON(nil, answer)
			}
			add(scalarText(key), a)
		}
	default:
		return wrong(n)
	}
	return nil
}

func readFailure(n *value.Node) *LookupFailure {
	status, _ := n.Get("status").Int()
	f := &LookupFailure{Status: int(status), Message: n.Get("message").Text()}
	if body := n.Get("body"); body != nil {
		f.Body = value.AppendJSON(nil, body)
	}
	return f
}

// Resolve answers the questions of a batch until there are none. What is not
// known is nothing found. A nil *StaticAnswers knows nothing.
func (s *StaticAnswers) Resolve(b *Batch) {
	for range maxRounds {
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

// Answer answers a question of a lookup that the data is about; what is not known is
// nothing found. It is false for other lookups.
func (s *StaticAnswers) Answer(q *Question) (reply Reply, ok bool) {
	if s == nil || s.byKey[q.Lookup.Name] == nil {
		return Reply{}, false
	}
	return s.reply(q), true
}

func (s *StaticAnswers) reply(q *Question) Reply {
	if s == nil {
		return Reply{}
	}
	for _, a := range s.byKey[q.Lookup.Name][q.Key] {
		if a.with == nil || value.Equal(a.with, q.With) {
			return a.reply
		}
	}
	return Reply{}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
