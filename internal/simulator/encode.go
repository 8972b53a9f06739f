package simulator

import (
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// shape says how a record is shown.
type shape struct {
	all      bool     // every property that it has
	names    []string // these properties, sorted; null where it has none
	history  []string // these properties, with all values that they had; sorted
	also     fields   // properties that were written; shown where they have a value, with the usual ones
	usual    []string
	upserted bool // whether it is new is shown
	fresh    bool
	trace    string // its objectWriteTraceId
	warnings []warning
}

// appendText appends a JSON string.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			b, _ = jsontext.AppendQuote(b, s) // what is not UTF-8 is replaced
			return b
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendRecord appends a record in one of its states.
func appendRecord(b []byte, t *table, r *record, st *state, h shape) []byte {
	b = append(b, `{"id":"`...)
	b = strconv.AppendInt(b, r.id, 10)
	b = append(b, `","properties":{`...)
	first := true
	member := func(name, text string) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendText(b, name)
		b = append(b, ':')
		if text == "" {
			b = append(b, "null"...)
		} else {
			b = appendText(b, text)
		}
	}
	switch {
	case h.names != nil:
		for _, name := range h.names {
			if t.properties[name] != nil {
				member(name, st.fields.get(name))
			}
		}
	default:
		for _, f := range st.fields {
			if !h.all && !slices.Contains(h.usual, f.property.Name) {
				if _, written := h.also.find(f.property.Name); !written {
					continue
				}
			}
			member(f.property.Name, f.text)
		}
	}
	b = append(b, '}')
	if h.history != nil {
		b = r.appendHistory(b, t, h.history)
	}
	b = append(b, `,"createdAt":"`...)
	b = appendStamp(b, r.created)
	b = append(b, `","updatedAt":"`...)
	b = appendStamp(b, st.updated)
	b = append(b, `","archived":`...)
	b = strconv.AppendBool(b, !st.archived.IsZero())
	if !st.archived.IsZero() {
		b = append(b, `,"archivedAt":"`...)
		b = appendStamp(b, st.archived)
		b = append(b, '"')
	}
	if h.upserted {
		b = append(b, `,"new":`...)
		b = strconv.AppendBool(b, h.fresh)
	}
	if h.trace != "" {
		b = append(b, `,"objectWriteTraceId":`...)
		b = appendText(b, h.trace)
	}
	if len(h.warnings) > 0 {
		b = append(b, `,"warnings":[`...)
		for i, w := range h.warnings {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"category":"PROPERTY_VALUE_NORMALIZED","context":{"normalizedValue":`...)
			b = appendText(b, w.stored)
			b = append(b, `,"propertyName":`...)
			b = appendText(b, w.name)
			b = append(b, `,"rawValue":`...)
			b = appendText(b, w.raw)
			b = append(b, `},"message":`...)
			b = appendText(b, w.name+" was normalized")
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// asked is a record with the properties that a caller asks for, alone or with
// their history, or the usual ones if it asks for none. Some come always.
func (t *table) asked(names, history []string) shape {
	if len(names)+len(history) == 0 {
		return shape{names: t.usual()}
	}
	created := "hs_createdate"
	if t.properties["createdate"] != nil {
		created = "createdate"
	}
	h := shape{names: sorted(names, history, []string{created, "hs_object_id", t.modified()})}
	if len(history) > 0 {
		h.history = sorted(history)
	}
	return h
}

// sorted returns texts in order, each once.
func sorted(lists ...[]string) []string {
	list := slices.Concat(lists...)
	slices.Sort(list)
	return slices.Compact(list)
}
