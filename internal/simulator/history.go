package simulator

import (
	"slices"
	"strings"
	"time"
)

// past is a value that a property of a record had until it was changed; an empty
// text is none.
type past struct {
	name, text string
	until      time.Time
}

// mostPast is how many values of a property are shown. One more is kept, which
// tells since when the oldest of them was there.
const mostPast = 20

// remember keeps what a write to the record changes, without the time of its last
// change. The table's lock is held.
func (r *record) remember(t *table, next *state) {
	changed := func(name, text string) {
		if name == t.modified() {
			return
		}
		known, oldest := 0, -1
		for i := len(r.past) - 1; i >= 0; i-- {
			if r.past[i].name == name {
				known, oldest = known+1, i
			}
		}
		if known > mostPast {
			r.past = slices.Delete(r.past, oldest, oldest+1)
		}
		r.past = append(r.past, past{name, text, next.updated})
	}
	old, now := r.now.fields, next.fields
	for len(old) > 0 || len(now) > 0 {
		order := 1
		switch {
		case len(now) == 0:
			order = -1
		case len(old) > 0:
			order = strings.Compare(old[0].property.Name, now[0].property.Name)
		}
		switch {
		case order < 0:
			changed(old[0].property.Name, old[0].text)
			old = old[1:]
		case order > 0:
			changed(now[0].property.Name, "")
			now = now[1:]
		default:
			if old[0].text != now[0].text {
				changed(old[0].property.Name, old[0].text)
			}
			old, now = old[1:], now[1:]
		}
	}
}

// since is a value, and when a property got it.
type since struct {
	text string
	time time.Time
}

// history returns the values of a property, the one that it has now at first; an
// empty text is one that was cleared. The table's lock is held.
func (r *record) history(name string) []since {
	var all []since
	from := r.created
	for _, p := range r.past {
		if p.name == name {
			all, from = append(all, since{p.text, from}), p.until
		}
	}
	all = append(all, since{r.now.fields.get(name), from})
	if all[0].text == "" { // it had no value at first
		all = all[1:]
	}
	if len(all) > mostPast {
		all = all[len(all)-mostPast:]
	}
	slices.Reverse(all)
	return all
}

// appendHistory appends what properties were, by their names.
func (r *record) appendHistory(b []byte, t *table, names []string) []byte {
	b = append(b, `,"propertiesWithHistory":{`...)
	first := true
	for _, name := range names {
		if t.properties[name] == nil {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendText(b, name), ":["...)
		for i, v := range r.history(name) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"value":`...)
			b = append(appendText(b, v.text), `,"timestamp":"`...)
			b = append(appendStamp(b, v.time), `","sourceType":"INTEGRATION","sourceId":"1"}`...)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}
