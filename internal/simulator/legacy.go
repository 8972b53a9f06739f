package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
)

// Legacy says how the old APIs behave.
type Legacy struct {
	AppliedAfter Duration `json:"appliedAfter"` // how long until a batch of contacts v1 is applied; default 5s
	Track        string   `json:"track"`        // events to track.hubspot.com: "ignore" (default, as since August 2025) or "record"
}

// complete fills in defaults.
func (l *Legacy) complete() error {
	if !l.AppliedAfter.Given {
		l.AppliedAfter = Duration{5 * time.Second, true}
	}
	return settle("/legacy/", []setting{{"track", &l.Track, []string{"ignore", "record"}}})
}

const writeContacts, readContacts = "crm.objects.contacts.write", "crm.objects.contacts.read"

// legacyRoutes are those of old APIs that still answer.
var legacyRoutes = []route{
	{tracking, http.MethodGet, "", "", free, (*Simulator).track},
	{contactsV1, http.MethodPost, "/{$}", writeContacts, burst, (*Simulator).createContactV1},
	{contactsV1, http.MethodPost, "", writeContacts, burst, (*Simulator).createContactV1},
	{contactsV1, http.MethodPost, "/createOrUpdate/email/{email}/{$}", writeContacts, burst, (*Simulator).createOrUpdateV1},
	{contactsV1, http.MethodPost, "/createOrUpdate/email/{email}", writeContacts, burst, (*Simulator).createOrUpdateV1},
	{contactsV1, http.MethodPost, "/batch/{$}", writeContacts, burst, (*Simulator).batchV1},
	{contactsV1, http.MethodPost, "/batch", writeContacts, burst, (*Simulator).batchV1},
	{contactsV1, http.MethodGet, "/email/{email}/profile", readContacts, burst, (*Simulator).profileV1},
	{contactsV1, http.MethodGet, "/vid/{vid}/profile", readContacts, burst, (*Simulator).profileV1},
}

// mostInputsV1 is how many contacts a batch of v1 has at most.
const mostInputsV1 = 20_000

// inputV1 is a contact as v1 is sent it.
type inputV1 struct {
	VID        scalar `json:"vid"`
	Email      scalar `json:"email"`
	Properties []struct {
		Property string `json:"property"`
		Value    scalar `json:"value"`
	} `json:"properties"`
}

// given returns the properties of an input, the last of each name.
func (in *inputV1) given() given {
	list := make(map[string]string, len(in.Properties)+1)
	if in.Email != "" {
		list["email"] = string(in.Email)
	}
	for _, p := range in.Properties {
		list[p.Property] = string(p.Value)
	}
	g := make(given, 0, len(list))
	for name, text := range list {
		g = append(g, pair{name, text})
	}
	slices.SortFunc(g, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return g
}

// resultV1 is what v1 tells of a value that it refuses.
type resultV1 struct {
	IsValid bool   `json:"isValid"`
	Message string `json:"message"`
	Error   string `json:"error"`
	Name    string `json:"name"`
}

// problemV1 is the body of a refusal of v1.
type problemV1 struct {
	Results  []resultV1       `json:"validationResults,omitempty"`
	Status   string           `json:"status"`
	Message  string           `json:"message"`
	ID       string           `json:"correlationId"`
	Identity map[string]any   `json:"identityProfile,omitempty"`
	Invalid  []string         `json:"invalidEmails,omitempty"`
	Failures []map[string]any `json:"failureMessages,omitempty"`
	Errors   []detail         `json:"errors,omitempty"`
	Error    string           `json:"error,omitempty"`
	Category string           `json:"category,omitempty"`
	Request  string           `json:"requestId,omitempty"`
}

func (c *call) problemV1(status int, p problemV1) *answer {
	p.Status, p.ID = "error", c.id
	return jsonAnswer(status, p)
}

// refusalV1 says in v1's words why a contact cannot be written.
func (c *call) refusalV1(t *table, r *refusal) *answer {
	switch {
	case r.violations != nil:
		p := problemV1{Message: "Property values were not valid", Request: c.id}
		for _, v := range r.violations {
			p.Results = append(p.Results, resultV1{false, v.message, v.code, v.name})
		}
		return c.problemV1(http.StatusBadRequest, p)
	case r.status == http.StatusConflict:
		p := problemV1{Message: "Contact already exists", Error: "CONTACT_EXISTS", Request: c.id}
		if owner := t.live(r.existing); owner != nil {
			p.Identity = identityV1(owner)
		}
		return c.problemV1(http.StatusConflict, p)
	}
	return c.problemV1(r.status, problemV1{Message: r.problem.Message, Request: c.id})
}

// identityV1 says how a contact is known.
func identityV1(r *record) map[string]any {
	return map[string]any{"vid": r.id, "identity": []map[string]any{{"value": r.now.fields.get("email"), "type": "EMAIL", "timestamp": r.created.UnixMilli(), "isPrimary": true}}}
}

// createContactV1 makes a contact.
func (s *Simulator) createContactV1(c *call) *answer {
	var in inputV1
	if a := c.read(&in); a != nil {
		return a
	}
	t := s.types.find("contacts")
	t.mu.Lock()
	defer t.mu.Unlock()
	p := s.plan(c, t, nil, in.given(), nil)
	if p.refused != nil {
		return c.refusalV1(t, p.refused)
	}
	s.apply(c, t, &p)
	return jsonAnswer(http.StatusOK, s.shownV1(p.record))
}

// createOrUpdateV1 makes a contact with an e-mail, or changes it.
func (s *Simulator) createOrUpdateV1(c *call) *answer {
	var in inputV1
	if a := c.read(&in); a != nil {
		return a
	}
	in.Email = scalar(c.PathValue("email"))
	t := s.types.find("contacts")
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.by("email", string(in.Email))
	if r != nil {
		in.Email = "" // it may be one of several
	}
	p := s.plan(c, t, r, in.given(), nil)
	if p.refused != nil {
		return c.refusalV1(t, p.refused)
	}
	s.apply(c, t, &p)
	return jsonAnswer(http.StatusOK, map[string]any{"vid": p.record.id, "isNew": r == nil})
}

// shownV1 is a contact as v1 shows it.
func (s *Simulator) shownV1(r *record) map[string]any {
	properties := map[string]any{}
	for _, f := range r.now.fields {
		text := f.text
		if f.property.kind == asDate || f.property.kind == asDatetime {
			text = milliseconds(text)
		}
		properties[f.property.Name] = map[string]string{"value": text}
	}
	return map[string]any{
		"vid": r.id, "canonical-vid": r.id, "merged-vids": []int64{}, "portal-id": s.portal.PortalID, "is-contact": true,
		"properties": properties, "identity-profiles": []map[string]any{identityV1(r)},
	}
}

// milliseconds writes a stored time as v1 does.
func milliseconds(text string) string {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return strconv.FormatInt(at.UnixMilli(), 10)
		}
	}
	return text
}

// profileV1 shows a contact.
func (s *Simulator) profileV1(c *call) *answer {
	t := s.types.find("contacts")
	t.mu.Lock()
	defer t.mu.Unlock()
	var r *record
	named := "e:" + c.PathValue("email")
	if vid := c.PathValue("vid"); vid != "" {
		r, named = t.live(vid), "v:"+vid
	} else {
		r = t.by("email", c.PathValue("email"))
	}
	if r == nil {
		a := c.problemV1(http.StatusNotFound, problemV1{
			Message: "contact does not exist", Category: "OBJECT_NOT_FOUND",
			Errors: []detail{{Message: "The contact " + named + " does not exist."}},
		})
		a.header = http.Header{"X-HubSpot-NotFound": {"true"}}
		return a
	}
	return jsonAnswer(http.StatusOK, s.shownV1(r))
}

// batchV1 takes a batch, which is applied later. One wrong contact refuses all.
func (s *Simulator) batchV1(c *call) *answer {
	var inputs []inputV1
	if a := c.read(&inputs); a != nil {
		return a
	}
	if c.inputs = len(inputs); c.inputs > mostInputsV1 {
		return c.problemV1(http.StatusBadRequest, problemV1{Message: fmt.Sprintf("A batch has at most %d contacts", mostInputsV1)})
	}
	p := problemV1{Message: "Errors found processing batch update"}
	fail := func(i int, what string, why any) {
		p.Failures = append(p.Failures, map[string]any{"index": i, what: why})
	}
	t := s.types.find("contacts")
	t.mu.Lock()
	for i := range inputs {
		in := &inputs[i]
		if in.Email == "" && in.VID == "" {
			fail(i, "error", map[string]string{"status": "error", "message": "Contact has neither vid nor email"})
			continue
		}
		v := values{portal: &s.portal, table: t, oldDates: true}
		for _, pair := range in.given() {
			v.read(pair.name, pair.text, "")
		}
		for _, wrong := range v.violations {
			if wrong.name == "email" {
				p.Invalid = append(p.Invalid, wrong.value)
				fail(i, "error", map[string]string{"status": "error", "message": wrong.message})
			} else {
				fail(i, "propertyValidationResult", resultV1{false, wrong.message, wrong.code, wrong.name})
			}
		}
	}
	t.mu.Unlock()
	if p.Failures != nil {
		return c.problemV1(http.StatusBadRequest, p)
	}
	s.later.add(delayed{call: c, inputs: inputs, at: c.now.Add(s.portal.Legacy.AppliedAfter.Duration)})
	return &answer{status: http.StatusAccepted}
}

// delayed is a batch that waits until it is applied.
type delayed struct {
	call   *call
	inputs []inputV1
	at     time.Time
}

// waiting has what waits to be applied, the first at first.
type waiting struct {
	some atomic.Bool
	mu   sync.Mutex // guards what follows, and holds the order in which it is applied
	list []delayed
}

func (w *waiting) add(d delayed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, d)
	w.some.Store(true)
}

// catchUp applies what has waited long enough. Nobody sees that it did not happen
// before: it is called before anything is looked at.
func (s *Simulator) catchUp() {
	if !s.later.some.Load() {
		return
	}
	s.later.mu.Lock()
	defer s.later.mu.Unlock()
	now := s.now()
	for len(s.later.list) > 0 && !s.later.list[0].at.After(now) {
		s.applyV1(s.later.list[0])
		s.later.list = s.later.list[1:]
	}
	s.later.some.Store(len(s.later.list) > 0)
}

// applyV1 writes a batch. What cannot be written by now is lost without a word.
func (s *Simulator) applyV1(d delayed) {
	c := *d.call
	c.now = d.at
	t := s.types.find("contacts")
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range d.inputs {
		in := &d.inputs[i]
		var r *record
		if in.VID != "" {
			if r = t.live(string(in.VID)); r == nil {
				continue
			}
		} else if r = t.by("email", string(in.Email)); r != nil {
			in.Email = ""
		}
		if p := s.plan(&c, t, r, in.given(), nil); p.refused == nil {
			s.apply(&c, t, &p)
		}
	}
}

// track answers as track.hubspot.com does: failures cannot be seen.
func (s *Simulator) track(c *call) *answer {
	query := c.URL.Query()
	if s.portal.Legacy.Track == "record" && query.Get("_n") != "" {
		h := happened{Time: c.now, Request: c.number, EventName: query.Get("_n"), Email: query.Get("email"), ObjectID: query.Get("id"), Properties: parameters(query)}
		h.OccurredAt, _ = occurred("", c.now)
		line, err := json.Marshal(&h, json.Deterministic(true))
		if err == nil { // it may be no UTF-8
			s.journal.event(append(line, '\n'))
		}
	}
	return &answer{status: http.StatusOK, header: http.Header{"Content-Type": {"image/gif"}}}
}

// parameters returns the first value of each parameter that does not say which
// event and whose it is.
func parameters(query url.Values) map[string]string {
	list := map[string]string{}
	for name, values := range query {
		if name != "_a" && name != "_n" && name != "id" && name != "email" {
			list[name] = cmp.Or(values...)
		}
	}
	return list
}
