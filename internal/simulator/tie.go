package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	mostTies     = 2000 // inputs of a batch that creates or archives associations
	mostTieReads = 1000
	mostTiePage  = 500
)

// end is one of the records that are tied.
type end struct {
	ID scalar `json:"id"`
}

// pairing is an input of the batches of associations.
type pairing struct {
	From  end    `json:"from"`
	To    end    `json:"to"`
	Type  scalar `json:"type"`  // v3
	Types []link `json:"types"` // v4 and later
}

// both returns the types of records that the path names.
func (s *Simulator) both(c *call) (sides, *answer) {
	from, refused := s.named(c, c.PathValue("from"))
	if refused != nil {
		return sides{}, refused
	}
	to, refused := s.named(c, c.PathValue("to"))
	return sides{from, to}, refused
}

// pairings reads a batch that ties records.
func (s *Simulator) pairings(c *call) (sides, []pairing, *answer) {
	p, refused := s.both(c)
	if refused != nil {
		return p, nil, refused
	}
	inputs, refused := inputsOf[pairing](c, mostTies, "associations")
	if refused == nil && c.version == september2026 && c.unassociating {
		refused = c.problem(http.StatusBadRequest, forbidden)
	}
	return p, inputs, refused
}

// checked returns the ids of two records that may be tied, or why they may not.
func (p sides) checked(from, to scalar) (id, other int64, wrong *problem) {
	for _, e := range []struct {
		t  *table
		id scalar
	}{{p.from, from}, {p.to, to}} {
		if !e.t.has(string(e.id)) {
			return 0, 0, &problem{
				Status: "error", Category: "VALIDATION_ERROR", SubCategory: "crm.associations.INVALID_IDENTIFIER",
				Message: fmt.Sprintf("%s is not a valid ID", e.id), Context: map[string][]string{"ids": {string(e.id)}}, Links: map[string]string{},
			}
		}
	}
	id, other = parseID(string(from)), parseID(string(to))
	if p.from == p.to && id == other {
		return 0, 0, &problem{
			Status: "error", Category: "VALIDATION_ERROR", Links: map[string]string{},
			Message: fmt.Sprintf("Object %d cannot be associated to itself (%d)", id, id),
		}
	}
	return id, other, nil
}

// tieBatch ties records by kinds that the inputs name.
func (s *Simulator) tieBatch(c *call) *answer {
	p, inputs, refused := s.pairings(c)
	if refused != nil {
		return refused
	}
	for _, in := range inputs { // a kind that there is not refuses all
		links, a := s.linksOf(c, p, in)
		if a != nil {
			return a
		}
		if len(links) == 0 {
			return c.lacks(map[bool]string{true: "type", false: "types"}[c.version == v3])
		}
	}
	var results [][]byte
	var errors []problem
	for _, in := range inputs {
		id, other, wrong := p.checked(in.From.ID, in.To.ID)
		if wrong != nil {
			errors = append(errors, *wrong)
			continue
		}
		links, _ := s.linksOf(c, p, in)
		s.associations.tie(p.from, id, p.to, other, links)
		if c.version == v3 {
			results = append(results, jsonAnswer(0, struct {
				From end    `json:"from"`
				To   end    `json:"to"`
				Type scalar `json:"type"`
			}{in.From, in.To, in.Type}).body)
		} else {
			results = append(results, jsonAnswer(0, s.labelled(p, id, other, links)).body)
		}
	}
	return s.batchAnswer(c, http.StatusCreated, results, errors)
}

// linksOf returns the kinds of associations that an input names.
func (s *Simulator) linksOf(c *call, p sides, in pairing) ([]link, *answer) {
	if c.version != v3 {
		return in.Types, s.known(c, p, in.Types)
	}
	if in.Type == "" {
		return nil, nil
	}
	s.associations.mu.RLock()
	defer s.associations.mu.RUnlock()
	for _, k := range s.associations.kinds[p] {
		if strconv.Itoa(k.ID) == string(in.Type) || k.name != "" && strings.EqualFold(k.name, string(in.Type)) {
			return []link{k.link}, nil
		}
	}
	return nil, c.invalid(fmt.Sprintf("%s is not a valid association type between %s and %s", in.Type, p.from.full, p.to.full))
}

// known refuses kinds of associations that two types do not have.
func (s *Simulator) known(c *call, p sides, links []link) *answer {
	for _, l := range links {
		if k, found := s.associations.kind(p, l.ID); !found || l.Category != k.Category {
			return c.invalid(fmt.Sprintf("No association type with category %s and id %d exists between object types %s and %s", l.Category, l.ID, p.from.id, p.to.id))
		}
	}
	return nil
}

// labelledTie is how v4 and later show that records were tied.
type labelledTie struct {
	FromType string   `json:"fromObjectTypeId"`
	From     int64    `json:"fromObjectId"`
	ToType   string   `json:"toObjectTypeId"`
	To       int64    `json:"toObjectId"`
	Labels   []string `json:"labels"`
}

func (s *Simulator) labelled(p sides, id, other int64, links []link) labelledTie {
	labels := []string{}
	for _, l := range links {
		if k, found := s.associations.kind(p, l.ID); found && k.label != "" {
			labels = append(labels, k.label)
		}
	}
	return labelledTie{p.from.id, id, p.to.id, other, labels}
}

// usualTie is how v4 and later show that records were tied by the default.
type usualTie struct {
	From end  `json:"from"`
	To   end  `json:"to"`
	Spec link `json:"associationSpec"`
}

// tieUsualBatch ties records by the default association.
func (s *Simulator) tieUsualBatch(c *call) *answer {
	p, inputs, refused := s.pairings(c)
	if refused != nil {
		return refused
	}
	return s.tieUsual(c, p, inputs)
}

// tieUsualOne ties two records by the default association.
func (s *Simulator) tieUsualOne(c *call) *answer {
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	if c.version == september2026 && c.unassociating {
		return c.problem(http.StatusBadRequest, forbidden)
	}
	in := pairing{From: end{scalar(c.PathValue("id"))}, To: end{scalar(c.PathValue("other"))}}
	if _, _, wrong := p.checked(in.From.ID, in.To.ID); wrong != nil {
		return c.problem(http.StatusBadRequest, *wrong)
	}
	return s.tieUsual(c, p, []pairing{in})
}

func (s *Simulator) tieUsual(c *call, p sides, inputs []pairing) *answer {
	k, found := s.associations.usual(p)
	if !found {
		return c.invalid(fmt.Sprintf("There is no default association between %s and %s", p.from.full, p.to.full))
	}
	back, _ := s.associations.kind(p.turned(), k.inverse)
	var results [][]byte
	var errors []problem
	for _, in := range inputs {
		id, other, wrong := p.checked(in.From.ID, in.To.ID)
		if wrong != nil {
			errors = append(errors, *wrong)
			continue
		}
		s.associations.tie(p.from, id, p.to, other, nil)
		results = append(results, jsonAnswer(0, usualTie{in.From, in.To, k.link}).body, jsonAnswer(0, usualTie{in.To, in.From, back.link}).body)
	}
	return s.batchAnswer(c, http.StatusOK, results, errors)
}

// tieOne ties two records by labels, which replace those that they have.
func (s *Simulator) tieOne(c *call) *answer {
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	var links []link
	if a := c.read(&links); a != nil {
		return a
	}
	if len(links) == 0 {
		return c.lacks("associationTypeId")
	}
	if c.version == september2026 && c.unassociating {
		return c.problem(http.StatusBadRequest, forbidden)
	}
	if a := s.known(c, p, links); a != nil {
		return a
	}
	id, other, wrong := p.checked(scalar(c.PathValue("id")), scalar(c.PathValue("other")))
	if wrong != nil {
		return c.problem(http.StatusBadRequest, *wrong)
	}
	s.associations.untie(p, id, other, nil)
	s.associations.tie(p.from, id, p.to, other, links)
	return jsonAnswer(http.StatusCreated, s.labelled(p, id, other, links))
}

// untieOne takes away all associations of two records.
func (s *Simulator) untieOne(c *call) *answer {
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	s.associations.untie(p, parseID(c.PathValue("id")), parseID(c.PathValue("other")), nil)
	return &answer{status: http.StatusNoContent}
}

// shownKind is how v4 and later show a kind of association.
type shownKind struct {
	Category string  `json:"category"`
	TypeID   int     `json:"typeId"`
	Label    *string `json:"label"`
}

func (k association) shown() shownKind {
	s := shownKind{Category: k.Category, TypeID: k.ID}
	if k.label != "" {
		s.Label = &k.label
	}
	return s
}

// shownTie is how v4 and later show what a record is tied to.
type shownTie struct {
	ID    int64       `json:"toObjectId"`
	Types []shownKind `json:"associationTypes"`
}

type next struct {
	Next struct {
		After string `json:"after"`
	} `json:"next"`
}

// ties shows a page of what a record is tied to, and says where the next begins.
func (s *Simulator) tiesPage(p sides, id, after int64, limit int) (list []shownTie, more *next) {
	list = []shownTie{}
	for _, o := range s.associations.of(p, id, after) {
		if len(list) == limit {
			more = &next{}
			more.Next.After = strconv.FormatInt(list[limit-1].ID, 10)
			break
		}
		shown := shownTie{ID: o.id, Types: []shownKind{}}
		for _, k := range o.kinds {
			shown.Types = append(shown.Types, k.shown())
		}
		list = append(list, shown)
	}
	return list, more
}

// tiesOne shows what one record is tied to.
func (s *Simulator) tiesOne(c *call) *answer {
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	limit, after, a := page(c, mostTiePage, mostTiePage)
	if a != nil {
		return a
	}
	if !p.from.has(c.PathValue("id")) {
		return c.problem(http.StatusNotFound, problem{Message: "resource not found"})
	}
	list, more := s.tiesPage(p, parseID(c.PathValue("id")), after, limit)
	return jsonAnswer(http.StatusOK, struct {
		Results []shownTie `json:"results"`
		Paging  *next      `json:"paging,omitempty"`
	}{list, more})
}

// readTies shows what records are tied to.
func (s *Simulator) readTies(c *call) *answer {
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	inputs, refused := inputsOf[struct {
		ID    scalar `json:"id"`
		After scalar `json:"after"`
	}](c, mostTieReads, "association reads")
	if refused != nil {
		return refused
	}
	var results [][]byte
	var errors []problem
	for _, in := range inputs {
		list, more := s.tiesPage(p, parseID(string(in.ID)), parseID(string(in.After)), mostTiePage)
		switch {
		case len(list) == 0:
			errors = append(errors, problem{
				Status: "error", Category: "OBJECT_NOT_FOUND", SubCategory: "crm.associations.NO_ASSOCIATIONS_FOUND",
				Message: fmt.Sprintf("No %s is associated with %s %s.", p.to.singular(), p.from.singular(), in.ID),
				Context: map[string][]string{"fromObjectId": {string(in.ID)}}, Links: map[string]string{},
			})
		case c.version == v3:
			if shown := s.oldTies(p, parseID(string(in.ID))); len(shown) > 0 {
				results = append(results, jsonAnswer(0, map[string]any{"from": end{in.ID}, "to": shown}).body)
			}
		default:
			results = append(results, jsonAnswer(0, struct {
				From   end        `json:"from"`
				To     []shownTie `json:"to"`
				Paging *next      `json:"paging,omitempty"`
			}{end{in.ID}, list, more}).body)
		}
	}
	return s.batchAnswer(c, http.StatusOK, results, errors)
}

// oldTies shows what a record is tied to as v3 does: it knows kinds with names
// only, so of a record's companies the primary one.
func (s *Simulator) oldTies(p sides, id int64) []map[string]string {
	var shown []map[string]string
	for _, o := range s.associations.of(p, id, -1) {
		for _, k := range o.kinds {
			if k.name != "" && k.Category == hubspotDefined || k.Category == userDefined {
				shown = append(shown, map[string]string{"id": strconv.FormatInt(o.id, 10), "type": cmp.Or(k.name, strconv.Itoa(k.ID))})
			}
		}
	}
	return shown
}

// untieBatch takes associations away: in v3 those of a kind, in v4 and later all.
func (s *Simulator) untieBatch(c *call) *answer {
	if c.version == v3 {
		p, inputs, refused := s.pairings(c)
		if refused != nil {
			return refused
		}
		for _, in := range inputs {
			links, a := s.linksOf(c, p, in)
			if a != nil {
				return a
			}
			s.associations.untie(p, parseID(string(in.From.ID)), parseID(string(in.To.ID)), links)
		}
		return &answer{status: http.StatusNoContent}
	}
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	inputs, refused := inputsOf[struct {
		From end   `json:"from"`
		To   []end `json:"to"`
	}](c, mostTies, "associations")
	if refused != nil {
		return refused
	}
	for _, in := range inputs {
		for _, to := range in.To {
			s.associations.untie(p, parseID(string(in.From.ID)), parseID(string(to.ID)), nil)
		}
	}
	if c.version == september2026 {
		return s.batchAnswer(c, http.StatusOK, nil, nil)
	}
	return &answer{status: http.StatusNoContent}
}

// unlabelBatch takes labels away.
func (s *Simulator) unlabelBatch(c *call) *answer {
	p, inputs, refused := s.pairings(c)
	if refused != nil {
		return refused
	}
	for _, in := range inputs {
		if a := s.known(c, p, in.Types); a != nil {
			return a
		}
	}
	for _, in := range inputs {
		s.associations.untie(p, parseID(string(in.From.ID)), parseID(string(in.To.ID)), slices.Concat([]link{}, in.Types))
	}
	return &answer{status: http.StatusNoContent}
}

// labels shows the kinds of associations that two types have.
func (s *Simulator) labels(c *call) *answer {
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	s.associations.mu.RLock()
	defer s.associations.mu.RUnlock()
	list := []shownKind{}
	for _, k := range s.associations.kinds[p] {
		list = append(list, k.shown())
	}
	return jsonAnswer(http.StatusOK, map[string]any{"results": list})
}

// oldKinds shows them as v3 does.
func (s *Simulator) oldKinds(c *call) *answer {
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	s.associations.mu.RLock()
	defer s.associations.mu.RUnlock()
	list := []map[string]string{}
	for _, k := range s.associations.kinds[p] {
		list = append(list, map[string]string{"id": strconv.Itoa(k.ID), "name": k.shownName(p.from, p.to)})
	}
	return jsonAnswer(http.StatusOK, map[string]any{"results": list})
}

// makeLabel makes a label.
func (s *Simulator) makeLabel(c *call) *answer {
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	var body struct {
		Name         string `json:"name"`
		Label        string `json:"label"`
		InverseLabel string `json:"inverseLabel"`
	}
	if a := c.read(&body); a != nil {
		return a
	}
	if body.Name == "" || body.Label == "" {
		return c.lacks("label", "name")
	}
	made := s.associations.define(p, AssociationType{Name: body.Name, Label: body.Label, InverseLabel: body.InverseLabel})
	shown := []shownKind{made.shown()}
	if made.inverse != made.ID {
		back, _ := s.associations.kind(p.turned(), made.inverse)
		shown = append(shown, back.shown())
	}
	return jsonAnswer(http.StatusOK, map[string]any{"results": shown})
}

// unlabelled says that the portal has no label of its own with an id.
func (c *call) unlabelled(p sides, id int) *answer {
	return c.invalid(fmt.Sprintf("There is no label of the account's own with the association type id %d between %s and %s", id, p.from.full, p.to.full))
}

// renameLabel gives a label other words.
func (s *Simulator) renameLabel(c *call) *answer {
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	var body struct {
		ID           int    `json:"associationTypeId"`
		Label        string `json:"label"`
		InverseLabel string `json:"inverseLabel"`
	}
	if a := c.read(&body); a != nil {
		return a
	}
	if body.ID == 0 || body.Label == "" {
		return c.lacks("associationTypeId", "label")
	}
	if !s.associations.rename(p, body.ID, body.Label, body.InverseLabel) {
		return c.unlabelled(p, body.ID)
	}
	return &answer{status: http.StatusNoContent}
}

// dropLabel takes a label away.
func (s *Simulator) dropLabel(c *call) *answer {
	p, refused := s.both(c)
	if refused != nil {
		return refused
	}
	id := int(parseID(c.PathValue("kind")))
	if !s.associations.drop(p, id) {
		return c.unlabelled(p, id)
	}
	return &answer{status: http.StatusNoContent}
}
