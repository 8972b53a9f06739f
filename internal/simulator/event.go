package simulator

import (
	"fmt"
	"hash/maphash"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// Events says which custom events a portal takes. Its zero value takes any.
type Events struct {
	Definitions []EventDefinition `json:"definitions"`
	// What HubSpot does is not established for what follows.
	Undefined       string `json:"undefined"`       // events without a definition: "refuse" (default where there are definitions) or "accept" (default where there are none)
	UnknownProperty string `json:"unknownProperty"` // properties that a definition lacks: "refuse" (default), "keep" or "drop"
	UnknownRecord   string `json:"unknownRecord"`   // events of records that do not exist: "keep" (default), "drop", "refuse" or "create" (a contact with the e-mail)
	RepeatedUUID    string `json:"repeatedUuid"`    // events of an earlier uuid: "ignore" (default), "refuse" or "keep"
	BatchFailure    string `json:"batchFailure"`    // batches with a wrong event: "refuse" (default) them whole, or "skip" the event
}

// completeEvents fills in defaults, and finds definitions that cannot be.
func (p *Portal) completeEvents() error {
	e := &p.Events
	undefined := []string{"accept", "refuse"}
	if len(e.Definitions) > 0 {
		slices.Reverse(undefined)
	}
	e.Definitions = slices.Clone(e.Definitions)
	seen := map[string]bool{}
	for i := range e.Definitions {
		d := &e.Definitions[i]
		d.complete(p.PortalID)
		wrong := d.wrong()
		if seen[d.FullName] {
			wrong = fmt.Sprintf("Event with fully qualified name %s already exists.", d.FullName)
		}
		if wrong != "" {
			return &PortalError{fmt.Sprintf("/customEvents/definitions/%d", i), wrong}
		}
		seen[d.FullName] = true
	}
	return settle("/customEvents/", []setting{
		{"undefined", &e.Undefined, undefined},
		{"unknownProperty", &e.UnknownProperty, []string{"refuse", "keep", "drop"}},
		{"unknownRecord", &e.UnknownRecord, []string{"keep", "drop", "refuse", "create"}},
		{"repeatedUuid", &e.RepeatedUUID, []string{"ignore", "refuse", "keep"}},
		{"batchFailure", &e.BatchFailure, []string{"refuse", "skip"}},
	})
}

// The limits of what is sent.
const (
	mostEvents          = 500 // of a batch
	mostEventProperties = 50
	mostEventValue      = 256 // characters
	mostEventAddress    = 1024
	uuidsLast           = 365 * 24 * time.Hour
)

// mostUUIDs bounds how many uuids are remembered; the oldest are forgotten first.
const mostUUIDs = 2_000_000

// events has the custom events of a portal.
type events struct {
	settings Events

	mu          sync.Mutex // guards what follows
	definitions map[string]*EventDefinition
	buried      map[string]bool // names that were used once
	uuids       *memory
}

func newEvents(p *Portal, now time.Time) *events {
	e := &events{settings: p.Events, definitions: map[string]*EventDefinition{}, buried: map[string]bool{}, uuids: newMemory(mostUUIDs)}
	for i := range p.Events.Definitions {
		d := p.Events.Definitions[i] // definitions change; the portal does not
		d.CreatedAt = now
		e.definitions[d.FullName] = &d
	}
	return e
}

// memory knows texts that it has seen, the last ones where they are too many. It
// tells texts apart by a hash of 64 bits.
type memory struct {
	seed maphash.Seed
	seen map[uint64]time.Time
	ring []uint64 // of the keys, the oldest at next once it is full
	next int
	most int
}

func newMemory(most int) *memory {
	return &memory{seed: maphash.MakeSeed(), seen: map[uint64]time.Time{}, most: most}
}

func (m *memory) key(kind, id string) uint64 { return maphash.String(m.seed, kind+"\x00"+id) }

// has tells whether a key was noted within a time.
func (m *memory) has(key uint64, now time.Time, within time.Duration) bool {
	at, known := m.seen[key]
	return known && now.Sub(at) < within
}

func (m *memory) note(key uint64, now time.Time) {
	if _, known := m.seen[key]; !known {
		if len(m.ring) < m.most {
			m.ring = append(m.ring, key)
		} else {
			delete(m.seen, m.ring[m.next])
			m.ring[m.next] = key
			m.next = (m.next + 1) % m.most
		}
	}
	m.seen[key] = now
}

// occurrence is an event as it is sent.
type occurrence struct {
	EventName  scalar            `json:"eventName"`
	Properties map[string]scalar `json:"properties"`
	Email      scalar            `json:"email"`
	UTK        scalar            `json:"utk"`
	ObjectID   scalar            `json:"objectId"`
	OccurredAt scalar            `json:"occurredAt"`
	UUID       scalar            `json:"uuid"`
}

// happened is an event as it is stored, and as GET /_sim/events shows it.
type happened struct {
	Time       time.Time         `json:"time"` // when it came
	Request    uint64            `json:"request"`
	EventName  string            `json:"eventName"`
	ObjectType string            `json:"objectType,omitempty"` // of the record that it is of
	RecordID   string            `json:"recordId,omitempty"`   // none: HubSpot knows nobody of that name
	Email      string            `json:"email,omitempty"`
	UTK        string            `json:"utk,omitempty"`
	ObjectID   string            `json:"objectId,omitempty"`
	OccurredAt string            `json:"occurredAt"`
	UUID       string            `json:"uuid,omitempty"`
	Properties map[string]string `json:"properties"`

	create bool   // a contact with the e-mail is to be made
	key    uint64 // of the uuid
}

// sendEvent takes one event.
func (s *Simulator) sendEvent(c *call) *answer {
	var sent occurrence
	if a := c.read(&sent); a != nil {
		return a
	}
	return s.takeEvents(c, []occurrence{sent})
}

// sendEvents takes a batch of events.
func (s *Simulator) sendEvents(c *call) *answer {
	sent, refused := inputsOf[occurrence](c, mostEvents, "event completions")
	if refused != nil {
		return refused
	}
	return s.takeEvents(c, sent)
}

// The scopes of events.
const (
	sendScope       = "analytics.behavioral_events.send"
	definitionScope = "behavioral_events.event_definitions.read_write"
)

// eventRoutes are about custom events.
var eventRoutes = []route{
	{sending, http.MethodPost, "", sendScope, sends, (*Simulator).sendEvent},
	{sending, http.MethodPost, "/batch", sendScope, sends, (*Simulator).sendEvents},
	{definitions, http.MethodGet, "", definitionScope, burst, (*Simulator).listDefinitions},
	{definitions, http.MethodPost, "", definitionScope, burst, (*Simulator).createDefinition},
	{definitions, http.MethodGet, "/{eventName}", definitionScope, burst, (*Simulator).readDefinition},
	{definitions, http.MethodPatch, "/{eventName}", definitionScope, burst, (*Simulator).updateDefinition},
	{definitions, http.MethodDelete, "/{eventName}", definitionScope, burst, (*Simulator).deleteDefinition},
	{definitions, http.MethodPost, "/{eventName}/property", definitionScope, burst, (*Simulator).createEventProperty},
	{definitions, http.MethodPatch, "/{eventName}/property/{property}", definitionScope, burst, (*Simulator).updateEventProperty},
	{definitions, http.MethodDelete, "/{eventName}/property/{property}", definitionScope, burst, (*Simulator).deleteEventProperty},
}

// takeEvents stores events, all of them or, as the portal's settings are, those
// that are right. What becomes of each is not told.
func (s *Simulator) takeEvents(c *call, sent []occurrence) *answer {
	c.inputs = len(sent)
	e := s.events
	e.mu.Lock()
	defer e.mu.Unlock()
	var taken []*happened
	within := map[uint64]bool{} // the uuids of this call
	for i := range sent {
		h, refusal := s.checkEvent(c, &sent[i])
		if refusal == nil && h != nil && h.UUID != "" && e.settings.RepeatedUUID != "keep" {
			h.key = e.uuids.key(h.EventName, h.UUID)
			if within[h.key] || e.uuids.has(h.key, c.now, uuidsLast) {
				if e.settings.RepeatedUUID == "ignore" {
					continue
				}
				refusal = c.eventProblem("uuid", fmt.Sprintf("An event %s with the uuid %s exists already", h.EventName, h.UUID))
			}
			within[h.key] = true
		}
		switch {
		case refusal != nil && (e.settings.BatchFailure == "refuse" || len(sent) == 1):
			return refusal
		case refusal == nil && h != nil:
			taken = append(taken, h)
		}
	}
	for _, h := range taken {
		if h.UUID != "" && e.settings.RepeatedUUID != "keep" {
			e.uuids.note(h.key, c.now)
		}
		if h.create {
			h.RecordID = s.contactOf(c, h.Email)
		}
		line, err := json.Marshal(h, json.Deterministic(true))
		if err != nil {
			panic(err) // it is made of texts
		}
		s.journal.event(append(line, '\n'))
	}
	return &answer{status: http.StatusNoContent}
}

// contactOf makes a contact of an event, and returns its id: none where it cannot be made.
func (s *Simulator) contactOf(c *call, email string) string {
	t := s.types.find("contacts")
	t.mu.Lock()
	defer t.mu.Unlock()
	p := s.plan(c, t, t.by("email", email), given{{"email", email}}, nil) // another event of the batch may have made it
	if p.refused != nil {
		return ""
	}
	if p.record == nil {
		s.apply(c, t, &p)
	}
	return strconv.FormatInt(p.record.id, 10)
}

// eventProblem refuses an event for one of its parts.
func (c *call) eventProblem(part, message string) *answer {
	return c.problem(http.StatusBadRequest, problem{Category: "VALIDATION_ERROR", Message: message, Context: map[string][]string{part: {message}}})
}

var eventName = regexp.MustCompile(`^pe\d+_[a-z][a-z0-9_]*$`)

// checkEvent returns what is stored of an event: nil without a refusal where
// nothing is.
func (s *Simulator) checkEvent(c *call, sent *occurrence) (*happened, *answer) {
	e := s.events
	if sent.EventName == "" {
		return nil, c.eventProblem("eventName", "Some required fields were not set: [eventName]")
	}
	if sent.Properties == nil {
		return nil, c.eventProblem("properties", "Some required fields were not set: [properties]")
	}
	name := strings.ToLower(string(sent.EventName))
	definition := e.definitions[name]
	if definition == nil && (e.settings.Undefined == "refuse" || !eventName.MatchString(name) || e.buried[name]) {
		return nil, c.eventProblem("eventName", unknownEvent(c, name))
	}
	h := &happened{
		Time: c.now, Request: c.number, EventName: name, Email: string(sent.Email), UTK: string(sent.UTK), ObjectID: string(sent.ObjectID),
		UUID: string(sent.UUID), Properties: make(map[string]string, len(sent.Properties)),
	}
	var wrong string
	if h.OccurredAt, wrong = occurred(string(sent.OccurredAt), c.now); wrong != "" {
		return nil, c.eventProblem("occurredAt", wrong)
	}
	if wrong := e.checkProperties(definition, sent.Properties, h.Properties); wrong != nil {
		return nil, c.problem(http.StatusBadRequest, problem{Category: "VALIDATION_ERROR", Message: wrong[0].Message, Errors: wrong})
	}
	found, refusal := s.identify(c, definition, h)
	if refusal != nil || found || h.ObjectID == "" && h.Email == "" && h.UTK != "" {
		return h, refusal // who a cookie belongs to is known later
	}
	switch e.settings.UnknownRecord {
	case "drop":
		return nil, nil
	case "refuse":
		return nil, c.eventProblem("identity", "The record that the event is of does not exist")
	case "create":
		h.create = h.Email != "" && (definition == nil || definition.isOfContacts())
	}
	return h, nil
}

// identify finds the record that an event is of: by the property of the
// definition's rule, then by objectId, then by e-mail.
func (s *Simulator) identify(c *call, definition *EventDefinition, h *happened) (found bool, refusal *answer) {
	if h.Email != "" && !(&values{portal: &s.portal}).isEmail(strings.ToLower(h.Email)) {
		return false, c.eventProblem("email", fmt.Sprintf("Email address %s is invalid", h.Email))
	}
	records := s.types.find("contacts")
	contacts := true
	if definition != nil && !definition.isOfContacts() {
		contacts = false
		if records = s.types.find(definition.PrimaryObject); records == nil {
			return false, c.eventProblem("eventName", "Unable to infer object type from: "+definition.PrimaryObject)
		}
	}
	var matching string // the value of the rule's property
	if rule := definition.rule(); rule != nil {
		matching = h.Properties[strings.ToLower(rule.EventProperty)]
	}
	switch {
	case matching == "" && h.ObjectID == "" && !contacts:
		return false, c.eventProblem("identity", "objectId is required: the event is not of contacts")
	case matching == "" && h.ObjectID == "" && h.Email == "" && h.UTK == "":
		return false, c.eventProblem("identity", "email, utk, or objectId is required")
	}
	h.ObjectType = records.name
	records.mu.Lock()
	defer records.mu.Unlock()
	var r *record
	switch {
	case matching != "":
		r = records.by(definition.rule().TargetProperty, matching)
	case h.ObjectID != "":
		r = records.records[parseID(h.ObjectID)]
	case h.Email != "":
		r = records.by("email", h.Email)
	}
	if r == nil || !r.now.archived.IsZero() {
		return false, nil
	}
	h.RecordID = strconv.FormatInt(r.id, 10)
	return true, nil
}

// occurred returns a point in time in ISO 8601, or what is wrong with it.
func occurred(text string, now time.Time) (iso, wrong string) {
	const form = "2006-01-02T15:04:05.000Z"
	if text == "" {
		return now.UTC().Format(form), ""
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC().Format(form), ""
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return "", fmt.Sprintf("Invalid input JSON: Cannot deserialize value of type `java.time.OffsetDateTime` from String %q", text)
	}
	return at.UTC().Format(form), ""
}

// checkProperties stores the properties of an event, by their names in lower
// case, and returns what is wrong with them.
func (e *events) checkProperties(definition *EventDefinition, sent map[string]scalar, stored map[string]string) []detail {
	var wrong []detail
	refuse := func(name, code, format string, args ...any) {
		wrong = append(wrong, detail{Message: fmt.Sprintf(format, args...), Code: code, Context: map[string][]string{"propertyName": {name}}})
	}
	if len(sent) > mostEventProperties {
		return []detail{{Message: fmt.Sprintf("An event has %d properties; the maximum is %d", len(sent), mostEventProperties), Code: "TOO_MANY_PROPERTIES"}}
	}
	names := make([]string, 0, len(sent))
	for name := range sent {
		names = append(names, name)
	}
	slices.Sort(names) // of names that are alike in lower case the last counts
	for _, given := range names {
		name, text := strings.ToLower(given), string(sent[given])
		most := mostEventValue
		if strings.Contains(name, "url") || strings.Contains(name, "referrer") || strings.Contains(name, "link") {
			most = mostEventAddress
		}
		if n := utf8.RuneCountInString(text); n > most {
			refuse(given, "VALUE_TOO_LONG", "The value of property %q has %d characters; the maximum is %d", given, n, most)
			continue
		}
		var defined *EventProperty
		if definition != nil {
			if defined = definition.property(name); defined == nil {
				switch e.settings.UnknownProperty {
				case "refuse":
					refuse(given, "PROPERTY_DOESNT_EXIST", "Property %q does not exist", given)
					continue
				case "drop":
					continue
				}
			}
		} else if defined = defaultEventProperties[name]; defined == nil && !propertyName.MatchString(name) {
			refuse(given, "PROPERTY_DOESNT_EXIST", "Property %q does not exist", given)
			continue
		}
		if defined != nil && text != "" {
			if code, message := defined.check(text); code != "" {
				refuse(given, code, "%s", message)
				continue
			}
		}
		stored[name] = text
	}
	return wrong
}

// check returns what is wrong with a value, empty if it is right.
func (p *EventProperty) check(text string) (code, message string) {
	switch p.Type {
	case "number":
		if !isNumber(text) {
			return "INVALID_INTEGER", text + " was not a valid number."
		}
	case "bool":
		if text != "true" && text != "false" {
			return "INVALID_OPTION", text + " was not one of the allowed options: [true, false]"
		}
	case "date":
		if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
			if at := time.UnixMilli(ms).UTC(); !at.Equal(at.Truncate(24 * time.Hour)) {
				return "INVALID_DATE", text + " is at " + at.Format("15:04:05.000") + " UTC, not midnight!"
			}
		} else if _, err := time.Parse(time.DateOnly, text); err != nil {
			return "INVALID_LONG", text + " was not a valid long."
		}
	case "datetime":
		if _, wrong := occurred(text, time.Time{}); wrong != "" {
			return "INVALID_LONG", text + " was not a valid long."
		}
	case "enumeration":
		if len(p.Options) == 0 {
			return "", ""
		}
		var values []string
		for _, o := range p.Options {
			values = append(values, o.Value)
		}
		for part := range strings.SplitSeq(text, ";") {
			if !slices.Contains(values, part) {
				return "INVALID_OPTION", text + " was not one of the allowed options: " + quoted(values)
			}
		}
	}
	return "", ""
}

var propertyName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// defaultEventProperties are those that every event has unless its definition
// goes without.
var defaultEventProperties = func() map[string]*EventProperty {
	all := map[string]*EventProperty{}
	for name := range strings.FieldsSeq(`hs_asset_description hs_asset_type hs_browser hs_campaign_id hs_city hs_country hs_device_name
		hs_element_class hs_element_id hs_element_text hs_link_href hs_language hs_operating_system hs_operating_version hs_page_id hs_page_title
		hs_page_url hs_parent_module_id hs_referrer hs_region hs_tracking_name hs_user_agent hs_utm_campaign hs_utm_content hs_utm_medium
		hs_utm_source hs_utm_term`) {
		all[name] = &EventProperty{Name: name, Type: "string"}
	}
	for _, name := range []string{"hs_screen_height", "hs_screen_width"} {
		all[name] = &EventProperty{Name: name, Type: "number"}
	}
	for name, values := range map[string]string{
		"hs_device_type":       "Game Console,PDA,Personal Computer,Desktop,Smartphone,Smart TV,Tablet,Wearable Computer,Unknown",
		"hs_page_content_type": "BLOG_POST,KNOWLEDGE_ARTICLE,LANDING_PAGE,LISTING_PAGE,STANDARD_PAGE,WEB_INTERACTIVE",
		"hs_touchpoint_source": "CONVERSATION,DIRECT_TRAFFIC,EMAIL_MARKETING,HUBSPOT_CRM,INTEGRATION,MARKETING_EVENT,OFFLINE,ORGANIC_SEARCH,OTHER_CAMPAIGNS,PAID_SEARCH,PAID_SOCIAL,REFERRALS,SALES,SOCIAL_MEDIA",
	} {
		p := &EventProperty{Name: name, Type: "enumeration"}
		for v := range strings.SplitSeq(values, ",") {
			p.Options = append(p.Options, Option{Label: v, Value: v})
		}
		all[name] = p
	}
	return all
}()
