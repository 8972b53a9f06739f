package simulator

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// index finds records by the values that searches see of a property, in lower case.
// A value may have many records, and a record many values.
type index map[string]map[*record]struct{}

// values returns what a record with some fields is found by in the index of the
// property.
func (p *property) values(f fields) []string {
	switch v := strings.ToLower(f.get(p.Name)); {
	case v == "":
		return nil
	case p.several():
		return strings.Split(v, ";")
	default:
		return []string{v}
	}
}

// isIndexed tells properties whose values are equal if their letters are. Values of
// enumerations have too many records to be worth it.
func (p *property) isIndexed() bool {
	return p.kind == asText || p.kind == asEmail || p.kind == asEmails
}

// see lets searches see a state of a record. The table's lock is held.
func (t *table) see(r *record, next *state) {
	var before fields
	if r.found != nil {
		before = r.found.fields
	}
	for p, ix := range t.indexes {
		old, now := p.values(before), p.values(next.fields)
		if slices.Equal(old, now) {
			continue
		}
		for _, v := range old {
			if delete(ix[v], r); len(ix[v]) == 0 {
				delete(ix, v)
			}
		}
		ix.add(r, now)
	}
	r.found = next
}

func (ix index) add(r *record, values []string) {
	for _, v := range values {
		if ix[v] == nil {
			ix[v] = map[*record]struct{}{}
		}
		ix[v][r] = struct{}{}
	}
}

// indexOf returns the index of a property, which is made when it is first searched
// by. The table's lock is held.
func (t *table) indexOf(p *property) index {
	ix := t.indexes[p]
	if ix == nil {
		ix = index{}
		for _, r := range t.order {
			if r.found != nil {
				ix.add(r, p.values(r.found.fields))
			}
		}
		t.indexes[p] = ix
	}
	return ix
}

// candidates returns the records that a search can find, by id: those with a value
// that each group asks for, or all. The table's lock is held.
func (t *table) candidates(q *inquiry) []*record {
	some := map[*record]struct{}{}
	for _, g := range q.Groups {
		i := slices.IndexFunc(g.Filters, func(f filter) bool {
			p := t.properties[f.Property]
			return (f.Operator == "EQ" || f.Operator == "IN") && p != nil && p.isIndexed()
		})
		if i < 0 {
			return t.order
		}
		f := g.Filters[i]
		ix := t.indexOf(t.properties[f.Property])
		asked := f.Values
		if f.Operator == "EQ" {
			asked = []scalar{*f.Value}
		}
		for _, v := range asked {
			maps.Copy(some, ix[strings.ToLower(string(v))])
		}
	}
	if len(q.Groups) == 0 {
		return t.order
	}
	list := slices.SortedFunc(maps.Keys(some), func(a, b *record) int { return cmp.Compare(a.id, b.id) })
	return slices.DeleteFunc(list, func(r *record) bool { // what was deleted for good
		i, _ := t.place(r.id)
		return i == len(t.order) || t.order[i] != r
	})
}
