package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// EventDefinition is a custom event that a portal knows, in the form in which the
// API makes it.
type EventDefinition struct {
	Name                     string          `json:"name"` // with or without pe{portal}_; default: made from the label
	Label                    string          `json:"label"`
	Description              string          `json:"description"`
	PrimaryObject            string          `json:"primaryObject"`            // CONTACT (default), COMPANY, DEAL, TICKET or a custom object
	IncludeDefaultProperties *bool           `json:"includeDefaultProperties"` // HubSpot's hs_* properties; default true
	Properties               []EventProperty `json:"propertyDefinitions"`
	CustomMatchingID         *struct {
		Rule MatchingRule `json:"primaryObjectRule"`
	} `json:"customMatchingId"`

	FullName  string    `json:"-"`
	CreatedAt time.Time `json:"-"`
}

// MatchingRule finds the record of an event by a property of the event.
type MatchingRule struct {
	TargetProperty string `json:"targetObjectPropertyName"` // of the record; a unique one
	EventProperty  string `json:"eventPropertyName"`
}

// EventProperty is a property that an event can have.
type EventProperty struct {
	Name        string   `json:"name"`
	Label       string   `json:"label"`
	Description string   `json:"description,omitzero"`
	Type        string   `json:"type"` // bool, date, datetime, enumeration, number or string (default)
	Options     []Option `json:"options,omitempty"`
}

// The limits of definitions.
const (
	mostDefinitions  = 500
	mostEventName    = 50 // characters
	mostEventLabel   = 100
	mostPropertyName = 50
)

var notName = regexp.MustCompile(`[^a-z0-9_]+`)

// complete fills in defaults.
func (d *EventDefinition) complete(portal int64) {
	prefix := fmt.Sprintf("pe%d_", portal)
	d.Name = strings.TrimPrefix(d.Name, prefix)
	if d.Name == "" {
		d.Name = strings.Trim(notName.ReplaceAllString(strings.ToLower(d.Label), "_"), "_")
	}
	d.FullName = prefix + d.Name
	d.Label = cmp.Or(d.Label, d.Name)
	d.PrimaryObject = cmp.Or(d.PrimaryObject, "CONTACT")
	for i := range d.Properties {
		d.Properties[i].complete()
	}
}

func (p *EventProperty) complete() {
	p.Type = cmp.Or(p.Type, "string")
	p.Label = cmp.Or(p.Label, p.Name)
	if p.Name == "" {
		p.Name = strings.Trim(notName.ReplaceAllString(strings.ToLower(p.Label), "_"), "_")
	}
}

var eventTypes = []string{"bool", "date", "datetime", "enumeration", "number", "string"}

// wrong returns what is wrong with a definition that is complete.
func (d *EventDefinition) wrong() string {
	switch {
	case !propertyName.MatchString(d.Name):
		return fmt.Sprintf("Event name %q must start with a letter and contain only lower-case letters, digits and underscores", d.Name)
	case len(d.Name) > mostEventName:
		return fmt.Sprintf("Event name %q is longer than %d characters", d.Name, mostEventName)
	case len([]rune(d.Label)) > mostEventLabel:
		return fmt.Sprintf("Event label %q is longer than %d characters", d.Label, mostEventLabel)
	case len(d.Properties) > mostEventProperties:
		return fmt.Sprintf("An event definition has at most %d custom properties", mostEventProperties)
	}
	seen := map[string]bool{}
	for i := range d.Properties {
		p := &d.Properties[i]
		if wrong := p.wrong(); wrong != "" {
			return wrong
		}
		if seen[p.Name] {
			return fmt.Sprintf("A property named '%s' already exists.", p.Name)
		}
		seen[p.Name] = true
	}
	return ""
}

// wrongRecords returns what is wrong with the records that a definition names.
func (s *Simulator) wrongRecords(d *EventDefinition) string {
	t := s.types.find(d.PrimaryObject)
	if t == nil {
		return "Unable to infer object type from: " + d.PrimaryObject
	}
	if rule := d.rule(); rule != nil && (rule.TargetProperty == "" || !t.identifies(rule.TargetProperty)) {
		return fmt.Sprintf("customMatchingId: %q is not a unique property of %s", rule.TargetProperty, t.name)
	}
	return ""
}

func (p *EventProperty) wrong() string {
	switch {
	case !propertyName.MatchString(p.Name):
		return fmt.Sprintf("Property name %q must match ^[a-z][a-z0-9_]*$", p.Name)
	case len(p.Name) > mostPropertyName || len([]rune(p.Label)) > mostPropertyName:
		return fmt.Sprintf("Name and label of the property %q have at most %d characters", p.Name, mostPropertyName)
	case !slices.Contains(eventTypes, p.Type):
		return fmt.Sprintf("Property %q has the type %q; there are %s", p.Name, p.Type, strings.Join(eventTypes, ", "))
	}
	return ""
}

func (d *EventDefinition) isOfContacts() bool {
	return strings.EqualFold(d.PrimaryObject, "CONTACT") || d.PrimaryObject == "0-1"
}

// rule returns how the record of an event is found by its properties; nil without
// a rule, or a definition.
func (d *EventDefinition) rule() *MatchingRule {
	if d == nil || d.CustomMatchingID == nil {
		return nil
	}
	return &d.CustomMatchingID.Rule
}

// property returns a property that events of the definition can have, nil if there
// is none of the name.
func (d *EventDefinition) property(name string) *EventProperty {
	for i := range d.Properties {
		if d.Properties[i].Name == name {
			return &d.Properties[i]
		}
	}
	if d.IncludeDefaultProperties == nil || *d.IncludeDefaultProperties {
		return defaultEventProperties[name]
	}
	return nil
}

// shown is a definition as the API answers it.
func (d *EventDefinition) shown(s *Simulator, properties bool) map[string]any {
	object := "0-1"
	if t := s.types.find(d.PrimaryObject); t != nil {
		object = t.id
	}
	m := map[string]any{
		"id": d.FullName, "name": d.Name, "fullyQualifiedName": d.FullName, "labels": map[string]string{"singular": d.Label},
		"description": d.Description, "archived": false, "primaryObjectId": object, "trackingType": "MANUAL",
		"createdAt": stamp(d.CreatedAt), "properties": []EventProperty{},
	}
	if properties {
		m["properties"] = slices.Concat([]EventProperty{}, d.Properties)
	}
	if d.CustomMatchingID != nil {
		m["customMatchingId"] = d.CustomMatchingID
	}
	return m
}

func unknownEvent(c *call, name string) string {
	return fmt.Sprintf("StandardError{status=error, id=%s, category=VALIDATION_ERROR, subCategory=null, message=Event with fully qualified name %s does not exist., context={}, links={}, errors=[]}", c.id, name)
}

// definition returns the definition that a path names, or the refusal.
func (s *Simulator) definition(c *call) (*EventDefinition, *answer) {
	name := strings.ToLower(c.PathValue("eventName"))
	if d := s.events.definitions[name]; d != nil {
		return d, nil
	}
	return nil, c.invalid(unknownEvent(c, name))
}

func (s *Simulator) listDefinitions(c *call) *answer {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	list := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.events.definitions)) {
		list = append(list, s.events.definitions[name].shown(s, c.URL.Query().Get("includeProperties") == "true"))
	}
	return jsonAnswer(http.StatusOK, map[string]any{"total": len(list), "results": list})
}

func (s *Simulator) readDefinition(c *call) *answer {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	d, refusal := s.definition(c)
	if refusal != nil {
		return refusal
	}
	return jsonAnswer(http.StatusOK, d.shown(s, true))
}

func (s *Simulator) createDefinition(c *call) *answer {
	d := &EventDefinition{CreatedAt: c.now}
	if a := c.read(d); a != nil {
		return a
	}
	d.complete(s.portal.PortalID)
	if wrong := d.wrong(); wrong != "" {
		return c.invalid(wrong)
	}
	if wrong := s.wrongRecords(d); wrong != "" {
		return c.invalid(wrong)
	}
	e := s.events
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.definitions[d.FullName] != nil, e.buried[d.FullName]:
		return c.problem(http.StatusConflict, problem{Category: "OBJECT_ALREADY_EXISTS", Message: fmt.Sprintf("Event with fully qualified name %s already exists.", d.FullName)})
	case len(e.definitions) >= mostDefinitions:
		return c.invalid(fmt.Sprintf("An account has at most %d event definitions", mostDefinitions))
	}
	e.definitions[d.FullName] = d
	return jsonAnswer(http.StatusCreated, d.shown(s, true))
}

func (s *Simulator) updateDefinition(c *call) *answer {
	var change struct {
		Label       *string `json:"label"`
		Description *string `json:"description"`
	}
	if a := c.read(&change); a != nil {
		return a
	}
	return s.changeDefinition(c, http.StatusCreated, func(d *EventDefinition) *answer {
		if change.Label != nil {
			d.Label = *change.Label
		}
		if change.Description != nil {
			d.Description = *change.Description
		}
		return nil
	})
}

func (s *Simulator) deleteDefinition(c *call) *answer {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	d, refusal := s.definition(c)
	if refusal != nil {
		return refusal
	}
	delete(s.events.definitions, d.FullName)
	s.events.buried[d.FullName] = true
	return &answer{status: http.StatusNoContent}
}

func (s *Simulator) createEventProperty(c *call) *answer {
	var p EventProperty
	if a := c.read(&p); a != nil {
		return a
	}
	p.complete()
	return s.changeDefinition(c, http.StatusCreated, func(d *EventDefinition) *answer {
		if d.property(p.Name) != nil {
			return c.problem(http.StatusConflict, problem{Category: "OBJECT_ALREADY_EXISTS", Message: fmt.Sprintf("A property named '%s' already exists.", p.Name)})
		}
		d.Properties = append(d.Properties, p)
		return nil
	})
}

func (s *Simulator) updateEventProperty(c *call) *answer {
	var change struct {
		Label       *string  `json:"label"`
		Description *string  `json:"description"`
		Options     []Option `json:"options"`
	}
	if a := c.read(&change); a != nil {
		return a
	}
	return s.changeEventProperty(c, http.StatusCreated, func(d *EventDefinition, i int) {
		if change.Label != nil {
			d.Properties[i].Label = *change.Label
		}
		if change.Description != nil {
			d.Properties[i].Description = *change.Description
		}
		if change.Options != nil {
			d.Properties[i].Options = change.Options
		}
	})
}

func (s *Simulator) deleteEventProperty(c *call) *answer {
	a := s.changeEventProperty(c, http.StatusNoContent, func(d *EventDefinition, i int) { d.Properties = slices.Delete(d.Properties, i, i+1) })
	if a.status == http.StatusNoContent {
		a.body = nil
	}
	return a
}

// changeEventProperty changes a property that a path names.
func (s *Simulator) changeEventProperty(c *call, status int, change func(*EventDefinition, int)) *answer {
	return s.changeDefinition(c, status, func(d *EventDefinition) *answer {
		name := c.PathValue("property")
		i := slices.IndexFunc(d.Properties, func(p EventProperty) bool { return p.Name == name })
		if i < 0 {
			return c.problem(http.StatusNotFound, problem{Category: "OBJECT_NOT_FOUND", Message: fmt.Sprintf("Property %q does not exist", name)})
		}
		change(d, i)
		return nil
	})
}

// changeDefinition changes the definition that a path names, unless it would be wrong then.
func (s *Simulator) changeDefinition(c *call, status int, change func(*EventDefinition) *answer) *answer {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	d, refusal := s.definition(c)
	if refusal != nil {
		return refusal
	}
	changed := *d
	changed.Properties = slices.Clone(d.Properties)
	if refusal := change(&changed); refusal != nil {
		return refusal
	}
	if wrong := changed.wrong(); wrong != "" {
		return c.invalid(wrong)
	}
	s.events.definitions[d.FullName] = &changed
	return jsonAnswer(status, changed.shown(s, true))
}
