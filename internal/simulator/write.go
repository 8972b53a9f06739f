package simulator

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// plan is a write that was checked, and not yet applied.
type plan struct {
	record   *record // nil: one is made
	base     *state  // of the record when the plan was made
	set      fields  // what is stored, sorted by name; empty texts clear
	ties     []tie
	warnings []warning
	refused  *refusal
}

// refusal is why a write cannot be applied.
type refusal struct {
	status     int
	violations []violation // those of values; then the problem is made of them
	problem    problem
	existing   string // id of the record that has the e-mail already; empty: none, or it is no record yet
}

// refusal makes a refusal the problem of a single write.
func (s *Simulator) refusal(c *call, r *refusal) *answer {
	return c.problem(r.status, s.told(r))
}

func (s *Simulator) told(r *refusal) problem {
	if r.violations != nil {
		return s.portal.invalidValues(r.violations)
	}
	return r.problem
}

// plan checks the write of properties to a record, or to a new one. claims are
// the unique values of earlier plans of the same request. It is called with the
// table's lock held.
func (s *Simulator) plan(c *call, t *table, r *record, g given, claims map[string]bool) plan {
	p := plan{record: r}
	var old fields
	if r != nil {
		p.base = r.now
		old = r.now.fields
	}
	v := values{portal: &s.portal, table: t, lenientDates: c.version == september2026, oldDates: c.version == v1}
	p.set = make(fields, 0, len(g)+8)
	for _, pair := range g {
		if property, stored, ok := v.read(pair.name, pair.text, old.get(pair.name)); ok {
			p.set = append(p.set, field{property, stored})
		}
	}
	p.warnings = v.warnings
	conflict := s.unique(t, r, &p, &v, claims)
	switch {
	case len(v.violations) > 0:
		status := http.StatusBadRequest
		if v.violations[0].code == conflictCode && s.portal.Unknown.UniqueConflict == "409" {
			status = http.StatusConflict
		}
		p.refused = &refusal{status: status, violations: v.violations}
	case conflict != nil:
		p.refused = conflict
	default:
		p.refused = t.missing(c, r == nil, old, p.set)
	}
	if p.refused == nil {
		for _, f := range p.set {
			if f.property.key && f.text != "" && claims != nil {
				for key := range strings.SplitSeq(f.text, ";") {
					claims[f.property.Name+" "+strings.ToLower(key)] = true
				}
			}
		}
	}
	return p
}

// conflictCode is that of a value which another record has. Its body was never
// recorded.
const conflictCode = "CONFLICTING_UNIQUE_VALUE"

// unique finds records that have unique values of the plan already. E-mails have
// their own problem.
func (s *Simulator) unique(t *table, r *record, p *plan, v *values, claims map[string]bool) *refusal {
	var conflict *refusal
	for _, f := range p.set {
		if !f.property.key || f.text == "" {
			continue
		}
		index, taken := f.property.Name, false
		list := []string{f.text}
		if f.property.kind == asEmails {
			index, list = "email", strings.Split(f.text, ";")
		}
		for _, value := range list {
			owner := t.by(index, value)
			if owner != nil && owner != r {
				taken = true
			} else if owner == nil && (claims[index+" "+strings.ToLower(value)] || index == "email" && claims["hs_additional_emails "+value]) {
				taken = true
			}
			if !taken {
				continue
			}
			if index == "email" && t.hasEmails {
				conflict = exists(owner)
			} else {
				v.refuse(f.property.Name, value, conflictCode, "Another %s has the value %s of the unique property %q", t.kind, value, f.property.Name)
			}
			break
		}
	}
	return conflict
}

// exists is the refusal of an e-mail that a contact has. Where it is a whole
// answer, the id is in the text only.
func exists(owner *record) *refusal {
	r := &refusal{status: http.StatusConflict, problem: problem{Message: "Contact already exists", Category: "CONFLICT"}}
	if owner != nil {
		r.existing = strconv.FormatInt(owner.id, 10)
		r.problem.Message += ". Existing ID: " + r.existing
	}
	return r
}

// missing finds properties that a record needs and would not have.
func (t *table) missing(c *call, fresh bool, old, set fields) *refusal {
	after := func(name string) string {
		if i, found := set.find(name); found {
			return set[i].text
		}
		return old.get(name)
	}
	if fresh {
		required := t.object.RequiredProperties
		if any := identifying[t.name]; any != nil && !slices.ContainsFunc(any, func(p string) bool { return after(p) != "" }) {
			required = slices.Concat(required, any)
		}
		var without []string
		for _, p := range required {
			if after(p) == "" {
				without = append(without, p)
			}
		}
		if without != nil {
			return &refusal{status: http.StatusBadRequest, problem: problem{
				Message:  fmt.Sprintf("Error creating %s. Some required properties were not set.", t.kind),
				Context:  map[string][]string{"properties": without},
				Category: "VALIDATION_ERROR",
			}}
		}
	}
	if c.version != september2026 {
		return nil
	}
	var details []detail
	if fresh {
		for _, p := range t.object.Form {
			if after(p) == "" {
				details = append(details, detail{
					Message: "A value for " + p + " must be provided",
					Code:    "MISSING_REQUIRED_PROPERTY", Context: map[string][]string{"propertyName": {p}},
				})
			}
		}
	}
	for _, rule := range t.object.Conditions {
		if !slices.Contains(rule.Is, after(rule.When)) {
			continue
		}
		for _, p := range rule.Require {
			if after(p) == "" {
				details = append(details, detail{
					Message: fmt.Sprintf("%s is required because of a conditional property rule based on [%s]", p, rule.When),
					Code:    "MISSING_CONDITIONAL_REQUIRED_PROPERTY", Context: map[string][]string{"propertyName": {p}},
				})
			}
		}
	}
	if details == nil {
		return nil
	}
	return &refusal{status: http.StatusBadRequest, problem: problem{
		Message: "The property values provided are invalid", Errors: details, Category: "VALIDATION_ERROR",
	}}
}

// identifying are properties of which a new record needs one.
var identifying = map[string][]string{
	"contacts":  {"email", "firstname", "lastname"},
	"companies": {"name", "domain"},
}

// apply carries out a plan. It is called with the table's lock held.
func (s *Simulator) apply(c *call, t *table, p *plan) {
	if p.record == nil {
		s.insert(c, t, p, s.lastID.Add(1))
	} else {
		now := c.now.Truncate(time.Millisecond)
		old := p.record.now.fields
		set := t.derive(old, p.set, now)
		s.put(t, p.record, &state{fields: old.with(set), updated: now, request: c.number}, "update", p.set)
	}
	for _, tie := range p.ties {
		s.associations.tie(t, p.record.id, tie.table, tie.id, tie.kinds)
	}
}

// insert makes the record of a plan, with an id.
func (s *Simulator) insert(c *call, t *table, p *plan, id int64) {
	now := c.now.Truncate(time.Millisecond)
	how := "create"
	if c.number == 0 {
		how = "seed"
	}
	p.record = &record{id: id, created: now}
	set := t.derive(nil, t.born(p.record, p.set), now)
	s.put(t, p.record, &state{fields: fields(nil).with(set), updated: now, request: c.number}, how, p.set)
}

// born adds what HubSpot sets on a new record.
func (t *table) born(r *record, set fields) fields {
	id := strconv.FormatInt(r.id, 10)
	created := stamp(r.created)
	more := make(fields, 0, 16)
	for _, f := range []struct{ name, text string }{
		{"createdate", created},
		{"hs_all_contact_vids", id},
		{"hs_createdate", created},
		{"hs_is_contact", "true"},
		{"hs_is_unworked", "true"},
		{"hs_membership_has_accessed_private_content", "0"},
		{"hs_object_id", id},
		{"hs_object_source", "INTEGRATION"},
		{"hs_object_source_id", "1"},
		{"hs_object_source_label", "INTEGRATION"},
		{"hs_pipeline", "contacts-lifecycle-pipeline"},
		{"hs_registered_member", "0"},
		{"lifecyclestage", "lead"},
	} {
		if _, given := set.find(f.name); given {
			continue
		}
		if f.name == "hs_createdate" && t.properties["createdate"] != nil ||
			(f.name == "hs_pipeline" || f.name == "lifecyclestage") && !t.hasEmails {
			continue
		}
		if p := t.properties[f.name]; p != nil {
			more = append(more, field{p, f.text})
		}
	}
	return more.with(set)
}

// derive adds what HubSpot works out of a write.
func (t *table) derive(old, set fields, now time.Time) fields {
	more := make(fields, 0, 4)
	add := func(name, text string) {
		if p := t.properties[name]; p != nil {
			more = append(more, field{p, text})
		}
	}
	changed := func(name string) (string, bool) {
		i, found := set.find(name)
		if !found || set[i].text == old.get(name) {
			return "", false
		}
		return set[i].text, true
	}
	if t.hasEmails {
		if address, ok := changed("email"); ok {
			if others := old.get("hs_additional_emails"); others != "" && address != "" {
				list := strings.Split(others, ";")
				if i := slices.Index(list, address); i >= 0 {
					list[i] = old.get("email") // the two change places
					if list[i] == "" {
						list = slices.Delete(list, i, i+1)
					}
					add("hs_additional_emails", strings.Join(list, ";"))
				}
			}
			_, domain, _ := strings.Cut(address, "@")
			add("hs_email_domain", domain)
		}
	}
	if stage, ok := changed("lifecyclestage"); ok && stage != "" {
		add("hs_lifecyclestage_"+stage+"_date", stamp(now))
	}
	add(t.modified(), stamp(now))
	slices.SortFunc(more, func(a, b field) int { return strings.Compare(a.property.Name, b.property.Name) })
	return more.under(set)
}

// under returns fields and others, where the others win. Empty texts are kept.
func (f fields) under(others fields) fields {
	all := make(fields, 0, len(f)+len(others))
	all = append(all, others...)
	for _, own := range f {
		if i, found := all.find(own.property.Name); !found {
			all = slices.Insert(all, i, own)
		}
	}
	return all
}

// modified is the property that says when a record was changed.
func (t *table) modified() string {
	if t.hasEmails {
		return "lastmodifieddate"
	}
	return "hs_lastmodifieddate"
}

// usual are the properties that an answer has which was asked for none.
func (t *table) usual() []string {
	if list := usual[t.name]; list != nil {
		return list
	}
	return []string{"hs_createdate", "hs_lastmodifieddate", "hs_object_id"}
}

var usual = map[string][]string{
	"contacts":  {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"},
	"companies": {"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"},
	"deals":     {"amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id", "pipeline"},
	"tickets": {
		"content", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_pipeline", "hs_pipeline_stage",
		"hs_ticket_category", "hs_ticket_priority", "subject",
	},
}

// merge makes one contact of two. The second's e-mails become additional ones,
// its id leads to the first, and its values fill gaps.
func (s *Simulator) merge(c *call) *answer {
	var body struct {
		Primary scalar `json:"primaryObjectId"`
		Other   scalar `json:"objectIdToMerge"`
	}
	if a := c.read(&body); a != nil {
		return a
	}
	if body.Primary == "" || body.Other == "" {
		return c.lacks("objectIdToMerge", "primaryObjectId")
	}
	t := s.types.find("contacts")
	t.mu.Lock()
	defer t.mu.Unlock()
	first, second := t.live(string(body.Primary)), t.live(string(body.Other))
	if first == nil || second == nil {
		return c.problem(http.StatusNotFound, problem{Message: "resource not found"})
	}
	if first == second {
		return c.invalid("Cannot merge a contact with itself")
	}
	now := c.now.Truncate(time.Millisecond)
	var set fields
	for _, f := range second.now.fields {
		if !f.property.readOnly && !f.property.key && first.now.fields.get(f.property.Name) == "" {
			set = append(set, f)
		}
	}
	also := slices.Concat(t.keys("email", first.now.fields), t.keys("email", second.now.fields))
	more := map[string]string{
		"hs_merged_object_ids": strings.TrimPrefix(first.now.fields.get("hs_merged_object_ids")+";"+strconv.FormatInt(second.id, 10), ";"),
		"hs_all_contact_vids":  first.now.fields.get("hs_all_contact_vids") + ";" + second.now.fields.get("hs_all_contact_vids"),
		t.modified():           stamp(now),
	}
	if first.now.fields.get("email") == "" && len(also) > 0 {
		more["email"] = also[0]
	}
	if len(also) > 1 {
		more["hs_additional_emails"] = strings.Join(also[1:], ";")
	}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		if p := t.properties[name]; p != nil {
			set = fields{{p, more[name]}}.under(set)
		}
	}
	s.put(t, second, &state{fields: second.now.fields, updated: now, archived: now, request: c.number}, "merge", nil)
	s.put(t, first, &state{fields: first.now.fields.with(set), updated: now, request: c.number}, "merge", set)
	t.records[second.id] = first
	return &answer{status: http.StatusOK, body: appendRecord(nil, t, first, first.now, shape{all: true})}
}

// erase deletes a contact and what is known of it, for good.
func (s *Simulator) erase(c *call) *answer {
	var body struct {
		ID         scalar `json:"objectId"`
		IDProperty string `json:"idProperty"`
	}
	if a := c.read(&body); a != nil {
		return a
	}
	if body.ID == "" {
		return c.lacks("objectId")
	}
	t := s.types.find("contacts")
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.live(string(body.ID))
	if body.IDProperty == "email" {
		r = t.by("email", string(body.ID))
	}
	if r != nil {
		now := c.now.Truncate(time.Millisecond)
		s.put(t, r, &state{updated: now, archived: now, request: c.number}, "gdpr-delete", nil)
		delete(t.records, r.id)
		r.past = nil
		t.order = slices.DeleteFunc(t.order, func(o *record) bool { return o == r })
		s.associations.forget(t, r.id)
	}
	return &answer{status: http.StatusNoContent}
}

// live returns the record with an id that is not archived, or nil.
func (t *table) live(id string) *record {
	r := t.records[parseID(id)]
	if r == nil || !r.now.archived.IsZero() {
		return nil
	}
	return r
}
