package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// link is a kind of association, seen from one side. Direction matters.
type link struct {
	Category string `json:"associationCategory"`
	ID       int    `json:"associationTypeId"`
}

const (
	hubspotDefined = "HUBSPOT_DEFINED"
	userDefined    = "USER_DEFINED"
)

// association is what is known of a kind of association.
type association struct {
	link
	name    string // as v3 names it; empty: v3 does not know it
	label   string // empty: none
	inverse int    // its id seen from the other side
}

// sides are the types of records that an association leads from and to.
type sides struct{ from, to *table }

func (p sides) turned() sides { return sides{p.to, p.from} }

// associations says which records are tied to which. Its lock is taken last:
// whoever holds it takes no table's.
type associations struct {
	mu     sync.RWMutex // guards what follows
	kinds  map[sides][]association
	ties   map[sides]map[int64]map[int64][]link
	lastID int
}

// builtin are HubSpot's own: the types of both sides, and per kind its ids seen
// from both, its v3 names and its label. The first is the default.
var builtin = []struct {
	from, to string
	kinds    []association
	back     []association
}{
	{
		"contacts", "companies",
		[]association{{link: link{hubspotDefined, 279}, inverse: 280}, {link: link{hubspotDefined, 1}, name: "contact_to_company", label: "Primary", inverse: 2}},
		[]association{{link: link{hubspotDefined, 280}, inverse: 279}, {link: link{hubspotDefined, 2}, name: "company_to_contact", label: "Primary", inverse: 1}},
	},
	{
		"contacts", "deals",
		[]association{{link: link{hubspotDefined, 4}, name: "contact_to_deal", inverse: 3}},
		[]association{{link: link{hubspotDefined, 3}, name: "deal_to_contact", inverse: 4}},
	},
	{
		"contacts", "tickets",
		[]association{{link: link{hubspotDefined, 15}, name: "contact_to_ticket", inverse: 16}},
		[]association{{link: link{hubspotDefined, 16}, name: "ticket_to_contact", inverse: 15}},
	},
	{
		"deals", "companies",
		[]association{{link: link{hubspotDefined, 341}, inverse: 342}, {link: link{hubspotDefined, 5}, name: "deal_to_company", label: "Primary", inverse: 6}},
		[]association{{link: link{hubspotDefined, 342}, inverse: 341}, {link: link{hubspotDefined, 6}, name: "company_to_deal", label: "Primary", inverse: 5}},
	},
	{
		"companies", "tickets",
		[]association{{link: link{hubspotDefined, 340}, inverse: 339}, {link: link{hubspotDefined, 25}, name: "company_to_ticket", label: "Primary", inverse: 26}},
		[]association{{link: link{hubspotDefined, 339}, inverse: 340}, {link: link{hubspotDefined, 26}, name: "ticket_to_company", label: "Primary", inverse: 25}},
	},
	{
		"deals", "tickets",
		[]association{{link: link{hubspotDefined, 27}, name: "deal_to_ticket", inverse: 28}},
		[]association{{link: link{hubspotDefined, 28}, name: "ticket_to_deal", inverse: 27}},
	},
	{"contacts", "contacts", []association{{link: link{hubspotDefined, 449}, name: "contact_to_contact", inverse: 449}}, nil},
	{
		"notes", "contacts",
		[]association{{link: link{hubspotDefined, 202}, name: "note_to_contact", inverse: 201}},
		[]association{{link: link{hubspotDefined, 201}, name: "contact_to_note", inverse: 202}},
	},
	{
		"meetings", "contacts",
		[]association{{link: link{hubspotDefined, 200}, name: "meeting_event_to_contact", inverse: 199}},
		[]association{{link: link{hubspotDefined, 199}, name: "contact_to_meeting_event", inverse: 200}},
	},
}

func newAssociations() *associations {
	return &associations{kinds: map[sides][]association{}, ties: map[sides]map[int64]map[int64][]link{}, lastID: 1000}
}

// furnishAssociations makes HubSpot's kinds of associations, and the portal's.
func (s *Simulator) furnishAssociations() error {
	a := s.associations
	for _, b := range builtin {
		p := sides{s.types.find(b.from), s.types.find(b.to)}
		a.kinds[p] = b.kinds
		if b.back != nil {
			a.kinds[p.turned()] = b.back
		}
	}
	for i, k := range s.portal.Associations {
		p := sides{s.types.find(k.From), s.types.find(k.To)}
		if p.from == nil || p.to == nil {
			return at(fmt.Sprintf("associations/%d", i), fmt.Errorf("there is no type of records %q or %q", k.From, k.To))
		}
		a.define(p, k)
	}
	return nil
}

// custom makes the default associations of a custom object, to everything.
func (a *associations) custom(own *table, all *catalogue) {
	all.each(func(t *table) {
		p := sides{own, t}
		a.mu.Lock()
		defer a.mu.Unlock()
		there, back := a.lastID+1, a.lastID+2
		a.lastID += 2
		if t == own {
			back = there
		}
		a.kinds[p] = append(a.kinds[p], association{link: link{userDefined, there}, name: strings.ToLower(own.name + "_to_" + t.singular()), inverse: back})
		if t != own {
			a.kinds[p.turned()] = append(a.kinds[p.turned()], association{link: link{userDefined, back}, name: strings.ToLower(t.singular() + "_to_" + own.name), inverse: there})
		}
	})
}

// define makes a label of the portal's own.
func (a *associations) define(p sides, k AssociationType) association {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k.ID == 0 {
		a.lastID++
		k.ID = a.lastID
	}
	if k.InverseID == 0 {
		k.InverseID = k.ID
		if k.InverseLabel != "" && k.InverseLabel != k.Label {
			a.lastID++
			k.InverseID = a.lastID
		}
	}
	made := association{link: link{userDefined, k.ID}, name: k.Name, label: k.Label, inverse: k.InverseID}
	a.kinds[p] = append(slices.Clone(a.kinds[p]), made)
	if p.from != p.to || k.InverseID != k.ID {
		label := k.InverseLabel
		if label == "" {
			label = k.Label
		}
		a.kinds[p.turned()] = append(slices.Clone(a.kinds[p.turned()]), association{link: link{userDefined, k.InverseID}, name: k.Name, label: label, inverse: k.ID})
	}
	return made
}

// own returns a label of the portal's own, nil if there is none. The lock is held.
func (a *associations) own(p sides, id int) *association {
	i := slices.IndexFunc(a.kinds[p], func(k association) bool { return k.ID == id && k.Category == userDefined && k.label != "" })
	if i < 0 {
		return nil
	}
	return &a.kinds[p][i]
}

// rename gives a label of the portal's own other words, and tells whether there is
// one. Without words for the other side it keeps its own, unless it has the same.
func (a *associations) rename(p sides, id int, label, inverseLabel string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.own(p, id)
	if k == nil {
		return false
	}
	k.label = label
	if k.inverse == k.ID {
		inverseLabel = cmp.Or(inverseLabel, label)
	}
	if back := a.own(p.turned(), k.inverse); back != nil && inverseLabel != "" {
		back.label = inverseLabel
	}
	return true
}

// drop takes a label of the portal's own away, and from the records that are tied
// by it. It tells whether there was one.
func (a *associations) drop(p sides, id int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.own(p, id)
	if k == nil {
		return false
	}
	for _, gone := range []struct {
		from sides
		link
	}{{p, k.link}, {p.turned(), link{k.Category, k.inverse}}} {
		a.kinds[gone.from] = slices.DeleteFunc(slices.Clone(a.kinds[gone.from]), func(k association) bool { return k.link == gone.link })
		for _, tied := range a.ties[gone.from] {
			for other, links := range tied {
				tied[other] = slices.DeleteFunc(links, func(l link) bool { return l == gone.link })
			}
		}
	}
	return true
}

// singular names one record of the type.
func (t *table) singular() string { return strings.ToLower(t.kind) }

// kind returns the association of two types with an id.
func (a *associations) kind(p sides, id int) (association, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	i := slices.IndexFunc(a.kinds[p], func(k association) bool { return k.ID == id })
	if i < 0 {
		return association{}, false
	}
	return a.kinds[p][i], true
}

// usual returns the default association of two types.
func (a *associations) usual(p sides) (association, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if kinds := a.kinds[p]; len(kinds) > 0 {
		return kinds[0], true
	}
	return association{}, false
}

// tie ties two records by some kinds, and by the default one. Labels that they
// have already stay.
func (a *associations) tie(from *table, id int64, to *table, other int64, links []link) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := sides{from, to}
	if kinds := a.kinds[p]; len(kinds) > 0 {
		links = append([]link{kinds[0].link}, links...)
	}
	for _, l := range links {
		a.add(p, id, other, l)
		i := slices.IndexFunc(a.kinds[p], func(k association) bool { return k.link == l })
		if i < 0 {
			continue
		}
		back := a.kinds[p][i].inverse
		if j := slices.IndexFunc(a.kinds[p.turned()], func(k association) bool { return k.ID == back }); j >= 0 {
			a.add(p.turned(), other, id, a.kinds[p.turned()][j].link)
		}
	}
}

func (a *associations) add(p sides, id, other int64, l link) {
	if a.ties[p] == nil {
		a.ties[p] = map[int64]map[int64][]link{}
	}
	if a.ties[p][id] == nil {
		a.ties[p][id] = map[int64][]link{}
	}
	if list := a.ties[p][id][other]; !slices.Contains(list, l) {
		a.ties[p][id][other] = append(list, l)
	}
}

// untie takes away the ties of two records: those of some kinds, or all.
func (a *associations) untie(p sides, id, other int64, links []link) {
	a.mu.Lock()
	defer a.mu.Unlock()
	remove := func(p sides, id, other int64, gone func(link) bool) {
		if left := slices.DeleteFunc(slices.Clone(a.ties[p][id][other]), gone); len(left) > 0 {
			a.ties[p][id][other] = left
		} else {
			delete(a.ties[p][id], other)
		}
	}
	if links == nil {
		all := func(link) bool { return true }
		remove(p, id, other, all)
		remove(p.turned(), other, id, all)
		return
	}
	for _, k := range a.kinds[p] {
		if slices.Contains(links, k.link) {
			remove(p, id, other, func(l link) bool { return l == k.link })
			remove(p.turned(), other, id, func(l link) bool { return l.ID == k.inverse })
		}
	}
}

// forget takes away all ties of a record.
func (a *associations) forget(t *table, id int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for p, from := range a.ties {
		if p.from == t {
			for other := range from[id] {
				delete(a.ties[p.turned()][other], id)
			}
			delete(from, id)
		}
	}
}

// tied is a record that another is tied to.
type tied struct {
	id    int64
	kinds []association
}

// of returns what a record is tied to, by id, after one.
func (a *associations) of(p sides, id, after int64) []tied {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var all []tied
	for _, other := range slices.Sorted(maps.Keys(a.ties[p][id])) {
		if other <= after {
			continue
		}
		t := tied{id: other}
		for _, l := range a.ties[p][id][other] {
			if i := slices.IndexFunc(a.kinds[p], func(k association) bool { return k.link == l }); i >= 0 {
				t.kinds = append(t.kinds, a.kinds[p][i])
			}
		}
		all = append(all, t)
	}
	return all
}

// recordTie is an association that a new record is to have.
type recordTie struct {
	To struct {
		ID scalar `json:"id"`
	} `json:"to"`
	Types []link `json:"types"`
}

// tie is one that was checked.
type tie struct {
	table *table
	id    int64
	kinds []link
}

// tiesOf checks the associations of a new record. It takes locks of tables.
func (s *Simulator) tiesOf(c *call, t *table, list []recordTie) ([]tie, *refusal) {
	if len(list) == 0 {
		return nil, nil
	}
	if c.version == september2026 && c.unassociating {
		return nil, &refusal{status: http.StatusBadRequest, problem: forbidden}
	}
	wrong := func(message string) ([]tie, *refusal) {
		return nil, &refusal{status: http.StatusBadRequest, problem: problem{
			Message: "One or more associations are invalid", Category: "VALIDATION_ERROR", Errors: []detail{{Message: message}},
		}}
	}
	ties := make([]tie, 0, len(list))
	for _, asked := range list {
		for _, l := range asked.Types {
			to := s.associations.reached(t, l.ID)
			if to == nil {
				from := s.associations.start(l.ID)
				if from == nil {
					return wrong(fmt.Sprintf("association type id %d doesn't exist", l.ID))
				}
				return wrong(fmt.Sprintf("invalid from object type %s for associations to be created. expected: %s", t.id, from.id))
			}
			if !to.has(string(asked.To.ID)) {
				return wrong(fmt.Sprintf("%s is not a valid ID", asked.To.ID))
			}
			ties = append(ties, tie{to, parseID(string(asked.To.ID)), []link{l}})
		}
	}
	return ties, nil
}

// forbidden is the problem of who may not tie records.
var forbidden = problem{Message: "Missing 'Edit Associations' permission.", Category: "VALIDATION_ERROR"}

// reached returns the type that an association id leads to from another, or nil.
func (a *associations) reached(from *table, id int) *table {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for p, kinds := range a.kinds {
		if p.from == from && slices.ContainsFunc(kinds, func(k association) bool { return k.ID == id }) {
			return p.to
		}
	}
	return nil
}

// start returns the type that an association id leads from, or nil.
func (a *associations) start(id int) *table {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for p, kinds := range a.kinds {
		if slices.ContainsFunc(kinds, func(k association) bool { return k.ID == id }) {
			return p.from
		}
	}
	return nil
}

// has tells whether there is a record with an id.
func (t *table) has(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live(id) != nil
}

// tiesShown returns what a record is tied to, as its answers show it.
func (s *Simulator) tiesShown(t *table, id int64, to []string) map[string]any {
	type one struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
	shown := map[string]any{}
	for _, name := range to {
		other := s.types.find(name)
		if other == nil {
			continue
		}
		var list []one
		for _, o := range s.associations.of(sides{t, other}, id, -1) {
			for _, k := range o.kinds {
				list = append(list, one{strconv.FormatInt(o.id, 10), k.shownName(t, other)})
			}
		}
		if list != nil {
			shown[other.full] = map[string]any{"results": list}
		}
	}
	return shown
}

// shownName names a kind of association in the answers of v3.
func (k association) shownName(from, to *table) string {
	if k.name != "" {
		return k.name
	}
	name := from.singular() + "_to_" + to.singular()
	if k.label == "" && k.Category == hubspotDefined {
		return name + "_unlabeled"
	}
	return name
}
