package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	mostInputs  = 100 // of a batch of records, and a page of a list
	mostHistory = 50  // of those that show histories
)

// verb is what a batch does to records.
type verb string

const (
	create verb = "create"
	update verb = "update"
	upsert verb = "upsert"
)

// input is one of a batch of writes.
type input struct {
	ID           scalar      `json:"id"`
	IDProperty   string      `json:"idProperty"`
	Properties   given       `json:"properties"`
	Associations []recordTie `json:"associations"`
	Trace        scalar      `json:"objectWriteTraceId"`
}

// key is what tells inputs apart.
func (in *input) key() string {
	if in.IDProperty == "email" {
		return "email " + strings.ToLower(string(in.ID))
	}
	return in.IDProperty + " " + string(in.ID)
}

func (s *Simulator) batchCreate(c *call) *answer { return s.batchWrite(c, create) }
func (s *Simulator) batchUpdate(c *call) *answer { return s.batchWrite(c, update) }
func (s *Simulator) batchUpsert(c *call) *answer { return s.batchWrite(c, upsert) }

// batchWrite creates or changes up to 100 records. Where every input has a trace
// id of its own, those that can be written are; otherwise all or none.
func (s *Simulator) batchWrite(c *call, do verb) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	inputs, refused := inputsOf[input](c, mostInputs, "object "+string(do)+"s")
	if refused != nil {
		return refused
	}
	if slices.ContainsFunc(inputs, func(in input) bool { return in.Properties == nil }) {
		return c.lacks("properties")
	}
	if do != create {
		if a := s.identified(c, t, do, inputs); a != nil {
			return a
		}
	}
	b := &batch{s: s, call: c, table: t, do: do, inputs: inputs, traced: s.traced(inputs)}
	return b.run()
}

// tooMany refuses a batch with too many inputs. The wording is known of
// histories only.
func (c *call) tooMany(most int, of string) *answer {
	return c.invalid(fmt.Sprintf("The maximum number of inputs supported in a batch request for %s is %d. Please reduce the number of items and try again", of, most))
}

// identified refuses a batch whose inputs do not each name a record of their own.
func (s *Simulator) identified(c *call, t *table, do verb, inputs []input) *answer {
	seen := make(map[string]bool, len(inputs))
	var twice []string
	for i := range inputs {
		in := &inputs[i]
		if in.ID == "" {
			return c.lacks("id")
		}
		if k := in.key(); seen[k] && !slices.Contains(twice, string(in.ID)) {
			twice = append(twice, string(in.ID))
		} else {
			seen[k] = true
		}
	}
	if twice != nil {
		return c.twice(twice)
	}
	for i := range inputs {
		p := inputs[i].IDProperty
		if do == update && p == "email" && t.hasEmails && s.portal.Unknown.UpdateByEmail == "refuse" || !t.identifies(p) {
			return c.invalid(fmt.Sprintf("Unable to perform update/upsert by non-unique %s property %s", t.id, p))
		}
	}
	return nil
}

// twice refuses a batch that names records more than once.
func (c *call) twice(ids []string) *answer {
	return c.problem(http.StatusBadRequest, problem{
		Message: fmt.Sprintf("Duplicate IDs found in batch input: %s. IDs must be unique", quoted(ids)),
		Context: map[string][]string{"ids": ids}, Category: "VALIDATION_ERROR",
	})
}

// identifies tells whether records can be named by a property; none is their id.
func (t *table) identifies(property string) bool {
	if property == "" || property == "hs_object_id" {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unique[property] != nil
}

// resolve returns the record that an id names, or nil. It is called with the
// table's lock held.
func (t *table) resolve(id, property string) *record {
	if property == "" || property == "hs_object_id" {
		return t.live(id)
	}
	return t.by(property, id)
}

// traced tells whether each input has its own outcome.
func (s *Simulator) traced(inputs []input) bool {
	seen := make(map[scalar]bool, len(inputs))
	some, proper := false, true
	for i := range inputs {
		trace := inputs[i].Trace
		some = some || trace != ""
		proper = proper && trace != "" && !seen[trace]
		seen[trace] = true
	}
	return some && (proper || s.portal.Unknown.PartialTraceIDs == "207")
}

// batch is a batch of writes that is carried out.
type batch struct {
	s      *Simulator
	call   *call
	table  *table
	do     verb
	inputs []input
	traced bool

	plans   []plan
	fresh   []bool
	results []byte // of the writes, one after another
	ends    []int  // where each ends
	missing []string
	errors  []problem
}

func (b *batch) run() *answer {
	b.plans, b.fresh = make([]plan, len(b.inputs)), make([]bool, len(b.inputs))
	for i := range b.inputs { // asks other tables, so no lock may be held
		b.plans[i].ties, b.plans[i].refused = b.s.tiesOf(b.call, b.table, b.inputs[i].Associations)
	}
	if a := b.write(); a != nil {
		return a
	}
	if b.missing != nil {
		b.errors = append(b.errors, problem{
			Status: "error", Category: "OBJECT_NOT_FOUND",
			Message: fmt.Sprintf("Could not get some %s objects, they may be deleted or not exist. Check that ids are valid.", b.table.kind),
			Context: map[string][]string{"ids": b.missing},
		})
	}
	status := http.StatusOK
	if b.do == create {
		status = http.StatusCreated
	}
	return b.s.batchAnswer(b.call, status, pieces(b.results, b.ends), b.errors)
}

// write plans all that is to be written, and applies what can be.
func (b *batch) write() *answer {
	t := b.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := b.prepare(); a != nil {
		return a
	}
	if !b.traced {
		if r := b.whole(); r != nil {
			return b.s.refusal(b.call, r)
		}
	}
	b.results = make([]byte, 0, 512*len(b.inputs))
	for i := range b.plans {
		p, in := &b.plans[i], &b.inputs[i]
		if p.refused != nil {
			told := b.s.told(p.refused)
			told.Status, told.Links = "error", map[string]string{}
			context := map[string][]string{"objectWriteTraceId": {string(in.Trace)}}
			if p.refused.existing != "" {
				context["existingId"] = []string{p.refused.existing}
			}
			for name, list := range told.Context {
				context[name] = list
			}
			told.Context = context
			b.errors = append(b.errors, told)
			continue
		}
		if p.set == nil {
			continue // there is no such record
		}
		if p.record != nil && p.record.now != p.base { // an earlier input wrote to it
			ties := p.ties
			*p = b.s.plan(b.call, t, p.record, in.Properties, nil)
			p.ties = ties
		}
		b.s.apply(b.call, t, p)
		h := shape{all: b.fresh[i], also: p.set, usual: t.usual(), upserted: b.do == upsert, fresh: b.fresh[i], trace: string(in.Trace), warnings: p.warnings}
		b.results = appendRecord(b.results, t, p.record, p.record.now, h)
		b.ends = append(b.ends, len(b.results))
	}
	return nil
}

// prepare finds the records, and checks what is to be written to them.
func (b *batch) prepare() *answer {
	t, unknown := b.table, &b.s.portal.Unknown
	claims, seen := map[string]bool{}, make(map[*record]bool, len(b.inputs))
	for i := range b.inputs {
		in, p := &b.inputs[i], &b.plans[i]
		if p.refused != nil {
			continue
		}
		var r *record
		properties := in.Properties
		if b.do != create {
			r = t.resolve(string(in.ID), in.IDProperty)
			byID := in.IDProperty == "" || in.IDProperty == "hs_object_id"
			switch {
			case r == nil && b.do == update && byID && parseID(string(in.ID)) == 0 && unknown.UpdateByBareEmail == "ignore":
				continue // nothing happens, and nothing is said
			case r == nil && (b.do == update || byID):
				b.missing = append(b.missing, string(in.ID))
				continue
			case r == nil:
				if _, has := properties.find(in.IDProperty); !has {
					properties = properties.with(in.IDProperty, string(in.ID))
				}
			case seen[r] && unknown.SameRecordTwice == "refuse":
				return b.call.twice([]string{string(in.ID)})
			default:
				if _, has := properties.find("email"); in.IDProperty == "email" && b.do == upsert && !has && unknown.PartialUpsertByEmail == "refuse" {
					p.refused = &refusal{status: http.StatusBadRequest, problem: problem{
						Message: "Partial upserts are not supported when using email as the idProperty", Category: "VALIDATION_ERROR",
					}}
					continue
				}
			}
			seen[r] = r != nil
		}
		ties := p.ties
		b.fresh[i] = r == nil
		*p = b.s.plan(b.call, t, r, properties, claims)
		p.ties = ties
	}
	return nil
}

// with returns properties with one more, in its place.
func (g given) with(name, text string) given {
	i, _ := slices.BinarySearchFunc(g, name, func(p pair, name string) int { return strings.Compare(p.name, name) })
	return slices.Insert(slices.Clone(g), i, pair{name, text})
}

// whole is why none of a batch is written: all invalid values of all inputs, or
// else the first other trouble.
func (b *batch) whole() *refusal {
	var all *refusal
	for i := range b.plans {
		r := b.plans[i].refused
		switch {
		case r == nil:
		case all == nil:
			all = &refusal{r.status, slices.Clone(r.violations), r.problem, r.existing}
		case r.violations != nil && all.violations != nil:
			all.violations = append(all.violations, r.violations...)
			all.status = min(all.status, r.status)
		case r.violations != nil:
			all = &refusal{r.status, slices.Clone(r.violations), r.problem, r.existing}
		}
	}
	return all
}

// pieces cuts text at places.
func pieces(text []byte, ends []int) [][]byte {
	list, start := make([][]byte, len(ends)), 0
	for i, end := range ends {
		list[i], start = text[start:end], end
	}
	return list
}

// batchAnswer answers a batch, its results in any order.
func (s *Simulator) batchAnswer(c *call, status int, results [][]byte, errors []problem) *answer {
	s.shuffle(results)
	size := 512
	for _, r := range results {
		size += len(r) + 1
	}
	b := append(make([]byte, 0, size), `{"status":"COMPLETE","results":[`...)
	for i, r := range results {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r...)
	}
	b = append(b, ']')
	if len(errors) > 0 {
		if c.version != september2026 || s.portal.Unknown.PartialFailure202609 == "207" {
			status = http.StatusMultiStatus
		}
		b = append(b, `,"numErrors":`...)
		b = strconv.AppendInt(b, int64(len(errors)), 10)
		b = append(b, `,"errors":`...)
		b = append(b, jsonAnswer(0, errors).body...)
	}
	for _, name := range []string{"requestedAt", "startedAt", "completedAt"} {
		b = append(b, `,"`...)
		b = append(b, name...)
		b = append(b, `":"`...)
		b = appendStamp(b, c.now)
		b = append(b, '"')
	}
	return &answer{status: status, body: append(b, '}')}
}

// shuffle gives results any order: callers must not count on theirs.
func (s *Simulator) shuffle(results [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.random.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
}

// batchRead shows up to 100 records.
func (s *Simulator) batchRead(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	var body struct {
		IDProperty string   `json:"idProperty"`
		Properties []string `json:"properties"`
		History    []string `json:"propertiesWithHistory"`
		Inputs     []struct {
			ID scalar `json:"id"`
		} `json:"inputs"`
	}
	if a := c.read(&body); a != nil {
		return a
	}
	c.inputs = len(body.Inputs)
	if body.Inputs == nil {
		return c.lacks("inputs")
	}
	if len(body.History) > 0 && c.inputs > mostHistory {
		return c.tooMany(mostHistory, "property histories")
	}
	if c.inputs > mostInputs {
		return c.tooMany(mostInputs, "object reads")
	}
	if !t.identifies(body.IDProperty) {
		return c.invalid(fmt.Sprintf("Unable to perform read by non-unique %s property %s", t.id, body.IDProperty))
	}
	h := t.asked(body.Properties, body.History)
	archived := c.URL.Query().Get("archived") == "true"
	var results [][]byte
	var missing []string
	seen := map[*record]bool{}
	t.mu.Lock()
	for _, in := range body.Inputs {
		r := t.resolve(string(in.ID), body.IDProperty)
		if archived {
			if r = t.records[parseID(string(in.ID))]; r != nil && r.now.archived.IsZero() {
				r = nil
			}
		}
		switch {
		case r == nil:
			missing = append(missing, string(in.ID))
		case !seen[r]:
			seen[r] = true
			results = append(results, appendRecord(nil, t, r, r.now, h))
		}
	}
	t.mu.Unlock()
	var errors []problem
	if missing != nil {
		errors = append(errors, problem{
			Status: "error", Category: "OBJECT_NOT_FOUND",
			Message: fmt.Sprintf("Could not get some %s objects, they may be deleted or not exist. Check that ids are valid.", t.kind),
			Context: map[string][]string{"ids": missing},
		})
	}
	return s.batchAnswer(c, http.StatusOK, results, errors)
}

// batchArchive archives up to 100 records. Those that are not there are passed
// over.
func (s *Simulator) batchArchive(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	inputs, refused := inputsOf[end](c, mostInputs, "object archives")
	if refused != nil {
		return refused
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, in := range inputs {
		if r := t.live(string(in.ID)); r != nil {
			s.archive(c, t, r)
		}
	}
	return &answer{status: http.StatusNoContent}
}
