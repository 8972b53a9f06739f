package simulator

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// field is a property of a record, and its value as text; an empty one is none.
type field struct {
	property *property
	text     string
}

// fields are the properties of a record that have a value, sorted by name. They
// are never changed once they are in a version.
type fields []field

func (f fields) find(name string) (int, bool) {
	return slices.BinarySearchFunc(f, name, func(f field, name string) int { return strings.Compare(f.property.Name, name) })
}

// get returns the text of a property, empty if it has none.
func (f fields) get(name string) string {
	if i, found := f.find(name); found {
		return f[i].text
	}
	return ""
}

// with returns fields with others, sorted by name, in their places. Empty texts
// take fields away.
func (f fields) with(others fields) fields {
	merged := make(fields, 0, len(f)+len(others))
	for len(f) > 0 || len(others) > 0 {
		switch {
		case len(others) == 0 || len(f) > 0 && f[0].property.Name < others[0].property.Name:
			merged, f = append(merged, f[0]), f[1:]
			continue
		case len(f) > 0 && f[0].property.Name == others[0].property.Name:
			f = f[1:]
		}
		if others[0].text != "" {
			merged = append(merged, others[0])
		}
		others = others[1:]
	}
	return merged
}

// state is what a record is at one time. It is never changed.
type state struct {
	fields   fields
	updated  time.Time
	archived time.Time // zero: it is not
	request  uint64    // number of the request that made it; 0: none did
}

// record is one contact, company, … Its table's lock guards it.
type record struct {
	id      int64
	created time.Time
	now     *state
	found   *state // what searches see; nil: nothing yet
	past    []past // what now was before, the oldest first
}

// table has the records of one type, and what is known of the type.
type table struct {
	id        string // "0-1", "2-123"
	name      string // "contacts"; that of a custom object
	full      string // "p123_name" of a custom object; else the name
	kind      string // as messages name it: "CONTACT"
	hasEmails bool   // contacts, that are known by e-mails

	mu         sync.Mutex // guards what follows
	object     Object     // from the portal, or a schema that was made
	properties map[string]*property
	records    map[int64]*record
	order      []*record // by id
	// unique finds records by the values of unique properties, in lower case. Under
	// "email" are the additional e-mails of contacts, too.
	unique  map[string]map[string]*record
	unfound []late // writes that searches do not see yet, by time
	indexes map[*property]index
}

// late is a write that searches see from a time on.
type late struct {
	from   time.Time
	record *record
	state  *state
}

// parseID reads the id of a record; 0 is none.
func parseID(text string) int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// place returns where the record with an id is in the order, or would be.
func (t *table) place(id int64) (int, bool) {
	return slices.BinarySearchFunc(t.order, id, func(r *record, id int64) int { return cmp.Compare(r.id, id) })
}

// by returns the record with a unique value.
func (t *table) by(property, value string) *record {
	return t.unique[property][strings.ToLower(value)]
}

// put makes a state a record's own: it can be found by its unique values at once,
// and by searches later. set is what the write stored.
func (s *Simulator) put(t *table, r *record, next *state, how string, set fields) {
	var before fields
	if r.now != nil {
		before = r.now.fields
	} else {
		t.records[r.id] = r
		i, _ := t.place(r.id)
		t.order = slices.Insert(t.order, i, r)
	}
	if r.now == nil || !next.archived.IsZero() || slices.ContainsFunc(set, func(f field) bool { return f.property.key }) {
		t.index(r, before, next)
	}
	if r.now != nil && next.archived.IsZero() {
		r.remember(t, next)
	}
	r.now = next
	t.settle(next.updated)
	if lag := s.portal.SearchLag.Duration; lag > 0 {
		t.unfound = append(t.unfound, late{next.updated.Add(lag), r, next})
	} else {
		t.see(r, next)
	}
	s.changed(change{time: next.updated, kind: t, id: r.id, how: how, set: set, request: next.request})
}

// index has a record found by the unique values of its new state.
func (t *table) index(r *record, before fields, next *state) {
	for name, index := range t.unique {
		for _, key := range t.keys(name, before) {
			if index[key] == r {
				delete(index, key)
			}
		}
		if next.archived.IsZero() {
			for _, key := range t.keys(name, next.fields) {
				index[key] = r
			}
		}
	}
}

// settle lets searches see what is old enough.
func (t *table) settle(now time.Time) {
	n := 0
	for n < len(t.unfound) && !t.unfound[n].from.After(now) {
		t.see(t.unfound[n].record, t.unfound[n].state)
		n++
	}
	t.unfound = t.unfound[n:]
}

// keys returns what a record with some fields is found by in the index of a
// unique property.
func (t *table) keys(property string, f fields) []string {
	var keys []string
	if v := f.get(property); v != "" {
		keys = append(keys, strings.ToLower(v))
	}
	if t.hasEmails && property == "email" {
		if v := f.get("hs_additional_emails"); v != "" {
			keys = append(keys, strings.Split(v, ";")...)
		}
	}
	return keys
}

// catalogue has all types of records.
type catalogue struct {
	mu    sync.RWMutex // guards what follows
	names map[string]*table
	all   []*table
}

// standard are HubSpot's own types.
var standard = []struct{ id, name, kind string }{
	{"0-1", "contacts", "CONTACT"},
	{"0-2", "companies", "COMPANY"},
	{"0-3", "deals", "DEAL"},
	{"0-5", "tickets", "TICKET"},
	{"0-7", "products", "PRODUCT"},
	{"0-8", "line_items", "LINE_ITEM"},
	{"0-46", "notes", "NOTE"},
	{"0-47", "meetings", "MEETING_EVENT"},
}

// find returns the type with a name: its id, its plural or singular name, or for
// a custom object its full name; nil if there is none. Letter case says nothing.
func (c *catalogue) find(name string) *table {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if t := c.names[name]; t != nil {
		return t
	}
	return c.names[strings.ToLower(name)]
}

// each calls f with each type, HubSpot's first.
func (c *catalogue) each(f func(*table)) {
	c.mu.RLock()
	all := c.all
	c.mu.RUnlock()
	for _, t := range all {
		f(t)
	}
}

// add makes a type known by its names.
func (c *catalogue) add(t *table, names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, t)
	for _, n := range names {
		c.names[strings.ToLower(n)] = t
	}
}

// remove forgets a type.
func (c *catalogue) remove(t *table) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = slices.DeleteFunc(slices.Clone(c.all), func(o *table) bool { return o == t })
	for n, o := range c.names {
		if o == t {
			delete(c.names, n)
		}
	}
}
