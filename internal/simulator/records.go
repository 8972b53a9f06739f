package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// target returns the type of records that the path names.
func (s *Simulator) target(c *call) (*table, *answer) { return s.named(c, c.PathValue("type")) }

// named returns the type of records with a name.
func (s *Simulator) named(c *call, name string) (*table, *answer) {
	if t := s.types.find(name); t != nil {
		return t, nil
	}
	return nil, c.invalid("Unable to infer object type from: " + name)
}

// locate returns the record that the path names; the table's lock is held.
func (t *table) locate(c *call) (*record, *answer) {
	id, property := c.PathValue("id"), c.URL.Query().Get("idProperty")
	if r := t.resolve(id, property); r != nil {
		return r, nil
	}
	if c.Method == http.MethodGet && c.URL.Query().Get("archived") == "true" {
		if r := t.records[parseID(id)]; r != nil {
			return r, nil
		}
	}
	if property == "" && parseID(id) == 0 {
		return nil, c.problem(http.StatusNotFound, problem{
			Message: "Object not found.  objectId are usually numeric.",
			Context: map[string][]string{"id": {id}}, Category: "OBJECT_NOT_FOUND",
		})
	}
	return nil, c.problem(http.StatusNotFound, problem{Message: "resource not found"})
}

// addressed refuses to name a record by a property that is not unique.
func (t *table) addressed(c *call, doing string) *answer {
	if p := c.URL.Query().Get("idProperty"); !t.identifies(p) {
		return c.invalid(fmt.Sprintf("Unable to perform %s by non-unique %s property %s", doing, t.id, p))
	}
	return nil
}

// list splits the values of a query parameter, given once with commas or more
// than once.
func list(c *call, name string) []string {
	var all []string
	for _, v := range c.URL.Query()[name] {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// createOne makes a record.
func (s *Simulator) createOne(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	var in input
	if a := c.read(&in); a != nil {
		return a
	}
	if in.Properties == nil {
		return c.lacks("properties")
	}
	ties, wrong := s.tiesOf(c, t, in.Associations)
	if wrong != nil {
		return s.refusal(c, wrong)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p := s.plan(c, t, nil, in.Properties, nil)
	if p.refused != nil {
		return s.refusal(c, p.refused)
	}
	p.ties = ties
	s.apply(c, t, &p)
	return &answer{
		status: http.StatusCreated,
		header: http.Header{"Location": {c.URL.Path + "/" + strconv.FormatInt(p.record.id, 10)}},
		body:   appendRecord(nil, t, p.record, p.record.now, shape{all: true, trace: string(in.Trace), warnings: p.warnings}),
	}
}

// readOne shows a record.
func (s *Simulator) readOne(c *call) *answer {
	t, refused := s.target(c)
	if refused == nil {
		refused = t.addressed(c, "read")
	}
	if refused != nil {
		return refused
	}
	t.mu.Lock()
	r, refused := t.locate(c)
	var body []byte
	if refused == nil {
		body = appendRecord(nil, t, r, r.now, t.asked(list(c, "properties"), list(c, "propertiesWithHistory")))
	}
	t.mu.Unlock()
	if refused != nil {
		return refused
	}
	if to := list(c, "associations"); len(to) > 0 {
		shown := s.tiesShown(t, r.id, to)
		body = append(body[:len(body)-1], `,"associations":`...)
		body = append(append(body, jsonAnswer(0, shown).body...), '}')
	}
	return &answer{status: http.StatusOK, body: body}
}

// updateOne changes a record.
func (s *Simulator) updateOne(c *call) *answer {
	t, refused := s.target(c)
	if refused == nil {
		refused = t.addressed(c, "update/upsert")
	}
	if refused != nil {
		return refused
	}
	var in input
	if a := c.read(&in); a != nil {
		return a
	}
	if in.Properties == nil {
		return c.lacks("properties")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, refused := t.locate(c)
	if refused != nil {
		return refused
	}
	p := s.plan(c, t, r, in.Properties, nil)
	if p.refused != nil {
		return s.refusal(c, p.refused)
	}
	s.apply(c, t, &p)
	return &answer{status: http.StatusOK, body: appendRecord(nil, t, r, r.now, shape{also: p.set, usual: t.usual(), trace: string(in.Trace), warnings: p.warnings})}
}

// archiveOne archives a record.
func (s *Simulator) archiveOne(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.live(c.PathValue("id")); r != nil { // an archived one is archived again
		s.archive(c, t, r)
	} else if parseID(c.PathValue("id")) == 0 {
		_, a := t.locate(c)
		return a
	}
	return &answer{status: http.StatusNoContent}
}

// archive hides a record; its unique values are free again.
func (s *Simulator) archive(c *call, t *table, r *record) {
	now := c.now.Truncate(time.Millisecond)
	s.put(t, r, &state{fields: r.now.fields, updated: now, archived: now, request: c.number}, "archive", nil)
	s.associations.forget(t, r.id)
}

// listAll shows all records, in pages.
func (s *Simulator) listAll(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	h := t.asked(list(c, "properties"), list(c, "propertiesWithHistory"))
	most := mostInputs
	if h.history != nil {
		most = mostHistory
	}
	limit, after, a := page(c, most, 10)
	if a != nil {
		return a
	}
	archived := c.URL.Query().Get("archived") == "true"
	t.mu.Lock()
	defer t.mu.Unlock()
	start, _ := t.place(after + 1)
	b := []byte(`{"results":[`)
	n, last := 0, int64(0)
	for _, r := range t.order[start:] {
		if r.now.archived.IsZero() == archived {
			continue
		}
		if n == limit {
			b = append(b, fmt.Sprintf(`],"paging":{"next":{"after":"%d","link":"https://%s%s?after=%d"}}}`, last, "api.hubapi.com", c.URL.Path, last)...)
			return &answer{status: http.StatusOK, body: b}
		}
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = appendRecord(b, t, r, r.now, h)
		last = r.id
	}
	return &answer{status: http.StatusOK, body: append(b, "]}"...)}
}

// page reads limit and after of the query.
func page(c *call, most, usual int) (limit int, after int64, refused *answer) {
	limit = usual
	if text := c.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			return 0, 0, c.invalid(fmt.Sprintf("limit must be between 1 and %d", most))
		}
		limit = n
	}
	if text := c.URL.Query().Get("after"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return 0, 0, c.invalid("after is not one that a page gave: " + text)
		}
		after = n
	}
	return limit, after, nil
}
