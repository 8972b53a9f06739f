package simulator

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	mostCustom = 1000 // properties of a type that are not HubSpot's own
	mostUnique = 10   // unique ones among them
)

// shownProperty is a definition as answers show it.
func (s *Simulator) shownProperty(p *property) Property {
	shown := p.Property
	if p.kind == asEmail {
		shown.HasUniqueValue = s.portal.Unknown.EmailHasUniqueValue == "true"
	}
	return shown
}

// listProperties shows the definitions of a type, without pages.
func (s *Simulator) listProperties(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	query := c.URL.Query()
	sensitivity := query.Get("dataSensitivity")
	if sensitivity == "" {
		sensitivity = "non_sensitive"
	}
	list := []Property{}
	t.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(t.properties)) {
		p := t.properties[name]
		if p.Archived == (query.Get("archived") == "true") && p.DataSensitivity == sensitivity {
			list = append(list, s.shownProperty(p))
		}
	}
	t.mu.Unlock()
	return jsonAnswer(http.StatusOK, map[string]any{"results": list})
}

// listPropertiesV1 shows the definitions of contacts as the old API does.
func (s *Simulator) listPropertiesV1(c *call) *answer {
	type old struct {
		Property
		ReadOnlyValue bool `json:"readOnlyValue"`
	}
	t := s.types.find("contacts")
	list := []old{}
	t.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(t.properties)) {
		if p := t.properties[name]; !p.Archived {
			list = append(list, old{s.shownProperty(p), p.readOnly})
		}
	}
	t.mu.Unlock()
	return jsonAnswer(http.StatusOK, list)
}

// unknownProperty says that there is no such definition.
func (c *call) unknownProperty(name string) *answer {
	return c.problem(http.StatusNotFound, problem{
		Message: fmt.Sprintf("Property %q does not exist", name), Category: "OBJECT_NOT_FOUND",
		Context: map[string][]string{"propertyName": {name}},
	})
}

// readProperty shows one definition.
func (s *Simulator) readProperty(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.properties[c.PathValue("name")]
	if p == nil || p.Archived != (c.URL.Query().Get("archived") == "true") {
		return c.unknownProperty(c.PathValue("name"))
	}
	return jsonAnswer(http.StatusOK, s.shownProperty(p))
}

// createProperty makes a property. An archived one of the same name comes back.
func (s *Simulator) createProperty(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	var p Property
	if a := c.read(&p); a != nil {
		return a
	}
	if a := c.complete(&p); a != nil {
		return a
	}
	now := stamp(c.now)
	p.CreatedAt, p.UpdatedAt, p.ArchivedAt = now, now, ""
	p.HubspotDefined, p.Archived, p.Calculated = false, false, p.Calculated || p.CalculationFormula != ""
	p.ModificationMetadata = Modification{Archivable: true}
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.roomFor(c, &p); a != nil {
		return a
	}
	if err := t.add(p); err != nil {
		return c.invalid(err.Error())
	}
	return jsonAnswer(http.StatusCreated, s.shownProperty(t.properties[p.Name]))
}

// complete refuses a definition that lacks something.
func (c *call) complete(p *Property) *answer {
	var lacks []string
	for _, f := range []struct{ name, value string }{
		{"fieldType", p.FieldType}, {"groupName", p.GroupName}, {"label", p.Label}, {"name", p.Name}, {"type", p.Type},
	} {
		if f.value == "" {
			lacks = append(lacks, f.name)
		}
	}
	writable := []string{"bool", "date", "datetime", "enumeration", "number", "phone_number", "string"}
	switch {
	case lacks != nil:
		return c.lacks(lacks...)
	case !propertyName.MatchString(p.Name):
		return c.invalid(fmt.Sprintf("The name %q is not valid: it starts with a letter and has lower-case letters, digits and underscores only", p.Name))
	case !slices.Contains(writable, p.Type):
		return c.invalid(fmt.Sprintf("%s is not one of the types that a property can be made with: %s", p.Type, quoted(writable)))
	}
	return c.booleanOptions(p)
}

// booleanOptions refuses a bool without its two options.
func (c *call) booleanOptions(p *Property) *answer {
	if p.Type != "bool" {
		return nil
	}
	var values []string
	for _, o := range p.Options {
		values = append(values, o.Value)
	}
	if slices.Sort(values); slices.Equal(values, []string{"false", "true"}) {
		return nil
	}
	message := "A property of type bool needs exactly the options true and false"
	return c.problem(http.StatusBadRequest, problem{
		Message: message, Category: "VALIDATION_ERROR",
		Errors: []detail{{Message: message, Code: "INVALID_BOOLEAN_OPTION"}},
	})
}

// roomFor refuses a property that there is, or that is one too many. The lock is
// held.
func (t *table) roomFor(c *call, p *Property) *answer {
	if old := t.properties[p.Name]; old != nil && !old.Archived {
		return c.problem(http.StatusConflict, problem{
			Message: fmt.Sprintf("A property named '%s' already exists.", p.Name), Category: "OBJECT_ALREADY_EXISTS",
			SubCategory: "Properties.PROPERTY_WITH_NAME_EXISTS",
		})
	}
	custom, unique := 0, 0
	for _, o := range t.properties {
		if !o.HubspotDefined && !o.Archived {
			custom++
			if o.HasUniqueValue {
				unique++
			}
		}
	}
	if custom >= mostCustom {
		return c.invalid(fmt.Sprintf("There are %d custom properties already, the maximum", custom))
	}
	if p.HasUniqueValue && unique >= mostUnique {
		return c.invalid(fmt.Sprintf("There are %d unique properties already, the maximum", unique))
	}
	return nil
}

// updateProperty changes a definition. What it says of uniqueness, name and
// origin stays, without a word.
func (s *Simulator) updateProperty(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.properties[c.PathValue("name")]
	if old == nil || old.Archived {
		return c.unknownProperty(c.PathValue("name"))
	}
	var given struct {
		Label        *string        `json:"label"`
		Description  *string        `json:"description"`
		GroupName    *string        `json:"groupName"`
		Type         *string        `json:"type"`
		FieldType    *string        `json:"fieldType"`
		Options      jsontext.Value `json:"options"`
		DisplayOrder *int           `json:"displayOrder"`
		Hidden       *bool          `json:"hidden"`
		FormField    *bool          `json:"formField"`
	}
	if a := c.read(&given); a != nil {
		return a
	}
	p := old.Property
	if p.ModificationMetadata.ReadOnlyDefinition {
		return c.invalid(fmt.Sprintf("The definition of property %q cannot be changed", p.Name))
	}
	take(&p.Label, given.Label)
	take(&p.Description, given.Description)
	take(&p.GroupName, given.GroupName)
	take(&p.Type, given.Type)
	take(&p.FieldType, given.FieldType)
	take(&p.DisplayOrder, given.DisplayOrder)
	take(&p.Hidden, given.Hidden)
	take(&p.FormField, given.FormField)
	if given.Options != nil { // the list is replaced as a whole
		var body struct {
			Options []Option `json:"options"`
		}
		if a := c.read(&body); a != nil {
			return a
		}
		p.Options = body.Options
	}
	if a := c.booleanOptions(&p); a != nil {
		return a
	}
	p.UpdatedAt = stamp(c.now)
	if err := t.add(p); err != nil {
		return c.invalid(err.Error())
	}
	return jsonAnswer(http.StatusOK, s.shownProperty(t.properties[p.Name]))
}

// take takes what was given.
func take[T any](into *T, given *T) {
	if given != nil {
		*into = *given
	}
}

// archiveProperty hides a property; records keep its values.
func (s *Simulator) archiveProperty(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.properties[c.PathValue("name")]
	switch {
	case old == nil || old.Archived:
		return c.unknownProperty(c.PathValue("name"))
	case old.HubspotDefined:
		return c.invalid(fmt.Sprintf("Property %q is HubSpot's own and cannot be archived", old.Name))
	}
	archived := *old
	archived.Archived, archived.ArchivedAt = true, stamp(c.now)
	t.redefine(&archived)
	return &answer{status: http.StatusNoContent}
}

// schema is a custom object as the API of schemas shows it.
type schema struct {
	ID                     string              `json:"id"`
	ObjectTypeID           string              `json:"objectTypeId"`
	FullyQualifiedName     string              `json:"fullyQualifiedName"`
	Name                   string              `json:"name"`
	Labels                 Labels              `json:"labels"`
	PrimaryDisplayProperty string              `json:"primaryDisplayProperty,omitempty"`
	RequiredProperties     []string            `json:"requiredProperties"`
	SearchableProperties   []string            `json:"searchableProperties"`
	Properties             []Property          `json:"properties"`
	Associations           []schemaAssociation `json:"associations"`
	Archived               bool                `json:"archived"`
}

// schemaAssociation is what a custom object can be tied to.
type schemaAssociation struct {
	ID   string `json:"id"`
	From string `json:"fromObjectTypeId"`
	To   string `json:"toObjectTypeId"`
	Name string `json:"name,omitempty"`
}

// isCustom tells custom objects from HubSpot's own types.
func (t *table) isCustom() bool { return strings.HasPrefix(t.id, "2-") }

func (s *Simulator) schema(t *table) schema {
	_, number, _ := strings.Cut(t.id, "-")
	t.mu.Lock()
	made := schema{
		ID: number, ObjectTypeID: t.id, FullyQualifiedName: t.full, Name: t.name, Labels: t.object.Labels,
		PrimaryDisplayProperty: t.object.PrimaryDisplayProperty, RequiredProperties: orEmpty(t.object.RequiredProperties),
		SearchableProperties: orEmpty(t.object.SearchableProperties), Properties: []Property{}, Associations: []schemaAssociation{},
	}
	for _, name := range slices.Sorted(maps.Keys(t.properties)) {
		if p := t.properties[name]; !p.Archived {
			made.Properties = append(made.Properties, p.Property)
		}
	}
	t.mu.Unlock()
	s.types.each(func(other *table) {
		for _, p := range slices.Compact([]sides{{t, other}, {other, t}}) {
			s.associations.mu.RLock()
			for _, k := range s.associations.kinds[p] {
				made.Associations = append(made.Associations, schemaAssociation{fmt.Sprint(k.ID), p.from.id, p.to.id, k.name})
			}
			s.associations.mu.RUnlock()
		}
	})
	return made
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// listSchemas shows the custom objects.
func (s *Simulator) listSchemas(*call) *answer {
	list := []schema{}
	s.types.each(func(t *table) {
		if t.isCustom() {
			list = append(list, s.schema(t))
		}
	})
	return jsonAnswer(http.StatusOK, map[string]any{"results": list})
}

// readSchema shows one.
func (s *Simulator) readSchema(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	return jsonAnswer(http.StatusOK, s.schema(t))
}

// createSchema makes a custom object.
func (s *Simulator) createSchema(c *call) *answer {
	var body struct {
		Name                   string     `json:"name"`
		Labels                 Labels     `json:"labels"`
		PrimaryDisplayProperty string     `json:"primaryDisplayProperty"`
		RequiredProperties     []string   `json:"requiredProperties"`
		SearchableProperties   []string   `json:"searchableProperties"`
		Properties             []Property `json:"properties"`
	}
	if a := c.read(&body); a != nil {
		return a
	}
	if body.Name == "" || body.Labels.Singular == "" {
		return c.lacks("labels", "name")
	}
	s.making.Lock()
	defer s.making.Unlock()
	if t := s.types.find(body.Name); t != nil {
		return c.problem(http.StatusConflict, problem{Message: fmt.Sprintf("Object type with name %s already exists.", body.Name), Category: "OBJECT_ALREADY_EXISTS"})
	}
	o := Object{
		Labels: body.Labels, PrimaryDisplayProperty: body.PrimaryDisplayProperty, RequiredProperties: body.RequiredProperties,
		SearchableProperties: body.SearchableProperties, Properties: body.Properties,
	}
	if err := s.custom(body.Name, o); err != nil {
		reason := err.Error()
		if wrong := (*PortalError)(nil); errors.As(err, &wrong) {
			reason = wrong.Reason
		}
		return c.invalid(reason)
	}
	return jsonAnswer(http.StatusCreated, s.schema(s.types.find(body.Name)))
}

// updateSchema changes what a custom object is called, and which of its properties
// are needed, looked at by searches and shown first.
func (s *Simulator) updateSchema(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	var given struct {
		Labels     *Labels   `json:"labels"`
		Primary    *string   `json:"primaryDisplayProperty"`
		Required   *[]string `json:"requiredProperties"`
		Searchable *[]string `json:"searchableProperties"`
	}
	if a := c.read(&given); a != nil {
		return a
	}
	if !t.isCustom() {
		return c.invalid(fmt.Sprintf("Object type %s cannot be changed: it is HubSpot's own", t.full))
	}
	t.mu.Lock()
	changed := t.object
	take(&changed.Labels, given.Labels)
	take(&changed.PrimaryDisplayProperty, given.Primary)
	take(&changed.RequiredProperties, given.Required)
	take(&changed.SearchableProperties, given.Searchable)
	wrong := t.checkNames(&changed)
	if wrong == nil {
		t.object = changed
	}
	t.mu.Unlock()
	if wrong != nil {
		return c.invalid(wrong.Reason)
	}
	return jsonAnswer(http.StatusOK, s.schema(t))
}

// archiveSchema takes a custom object away that has no records.
func (s *Simulator) archiveSchema(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	t.mu.Lock()
	used := slices.ContainsFunc(t.order, func(r *record) bool { return r.now.archived.IsZero() })
	t.mu.Unlock()
	if !t.isCustom() || used {
		return c.invalid(fmt.Sprintf("Object type %s cannot be deleted: it is HubSpot's own, or has records", t.full))
	}
	s.types.remove(t)
	return &answer{status: http.StatusNoContent}
}
