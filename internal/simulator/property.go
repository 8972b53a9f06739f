package simulator

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Property is the definition of a property, in the form of the properties API.
type Property struct {
	Name                 string       `json:"name"`
	Label                string       `json:"label"`
	Type                 string       `json:"type"`
	FieldType            string       `json:"fieldType"`
	Description          string       `json:"description"`
	GroupName            string       `json:"groupName"`
	Options              []Option     `json:"options"`
	DisplayOrder         int          `json:"displayOrder"`
	Calculated           bool         `json:"calculated"`
	CalculationFormula   string       `json:"calculationFormula,omitempty"`
	ExternalOptions      bool         `json:"externalOptions"`
	ReferencedObjectType string       `json:"referencedObjectType,omitempty"`
	HasUniqueValue       bool         `json:"hasUniqueValue"`
	Hidden               bool         `json:"hidden"`
	HubspotDefined       bool         `json:"hubspotDefined"`
	FormField            bool         `json:"formField"`
	Archived             bool         `json:"archived"`
	DataSensitivity      string       `json:"dataSensitivity,omitempty"` // default non_sensitive
	CreatedAt            string       `json:"createdAt,omitempty"`
	UpdatedAt            string       `json:"updatedAt,omitempty"`
	ArchivedAt           string       `json:"archivedAt,omitempty"`
	ModificationMetadata Modification `json:"modificationMetadata"`
}

// Option is a value that an enumeration has.
type Option struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	Description  string `json:"description,omitempty"`
	DisplayOrder int    `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
}

// Modification says what of a property can be changed.
type Modification struct {
	Archivable         bool `json:"archivable"`
	ReadOnlyDefinition bool `json:"readOnlyDefinition"`
	ReadOnlyOptions    bool `json:"readOnlyOptions,omitempty"`
	ReadOnlyValue      bool `json:"readOnlyValue"`
}

// property is a definition with what its values are checked with. It is never
// changed; a changed definition is a new one.
type property struct {
	Property
	kind     kind
	readOnly bool
	key      bool           // records are found by its values
	options  map[string]int // the values that are allowed, with their places; nil: any
}

// kind is how the values of a property are checked.
type kind uint8

const (
	asText kind = iota
	asNumber
	asBoolean
	asDate
	asDatetime
	asChoice
	asChoices
	asEmail
	asEmails
)

//go:embed properties/*.json
var embedded embed.FS

// standardProperties reads HubSpot's own properties of a type.
func standardProperties(name string) ([]Property, error) {
	data, err := embedded.ReadFile("properties/" + name + ".json")
	if err != nil {
		return nil, err
	}
	var file struct {
		Results []Property `json:"results"`
	}
	if err := json.Unmarshal(data, &file, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range file.Results {
		file.Results[i].HubspotDefined = true
	}
	return file.Results, nil
}

// types are the types that a property can have.
var types = []string{"bool", "date", "datetime", "enumeration", "json", "number", "object_coordinates", "phone_number", "string"}

// newProperty prepares a definition.
func newProperty(p Property, contacts bool) (*property, error) {
	if p.Name == "" {
		return nil, fmt.Errorf("a property needs a name")
	}
	if !slices.Contains(types, p.Type) {
		return nil, fmt.Errorf("property %q has the type %q; there are %s", p.Name, p.Type, strings.Join(types, ", "))
	}
	made := &property{Property: p, readOnly: p.Calculated || p.ModificationMetadata.ReadOnlyValue}
	if p.Options == nil {
		made.Options = []Option{}
	}
	if p.DataSensitivity == "" {
		made.DataSensitivity = "non_sensitive"
	}
	made.key = p.HasUniqueValue || contacts && (p.Name == "email" || p.Name == "hs_additional_emails")
	switch {
	case contacts && p.Name == "email":
		made.kind = asEmail
	case contacts && p.Name == "hs_additional_emails":
		made.kind = asEmails
	case p.Type == "number":
		made.kind = asNumber
	case p.Type == "bool":
		made.kind = asBoolean
	case p.Type == "date":
		made.kind = asDate
	case p.Type == "datetime":
		made.kind = asDatetime
	case p.Type == "enumeration" && p.FieldType == "checkbox":
		made.kind = asChoices
	case p.Type == "enumeration":
		made.kind = asChoice
	}
	if p.Type == "bool" && len(p.Options) == 0 {
		made.Options = []Option{{Label: "Yes", Value: "true"}, {Label: "No", Value: "false", DisplayOrder: 1}}
	}
	if len(made.Options) > 0 && !p.ExternalOptions {
		made.options = make(map[string]int, len(made.Options))
		for i, o := range made.Options {
			made.options[o.Value] = i
		}
	}
	return made, nil
}
