package conformance

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/function"
)

// Portal is a HubSpot account, as far as lookups see it.
type Portal struct {
	Properties []struct {
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"properties"`
	Unique    map[string]map[string]bool `json:"unique"`
	Objects   map[string][]Object        `json:"objects"`
	Overrides []Override                 `json:"overrides"`
}

// Object is a record of the account.
type Object struct {
	ID         any
	Properties map[string]any
}

// UnmarshalJSON keeps the digits of numbers.
func (o *Object) UnmarshalJSON(data []byte) error {
	v, err := decode(data)
	if err != nil {
		return err
	}
	fields, _ := v.(map[string]any)
	o.ID = fields["id"]
	o.Properties, _ = fields["properties"].(map[string]any)
	return nil
}

// Override is a fixed answer of the account in place of the true one.
type Override struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Status int             `json:"status"`
	Data   json.RawMessage `json:"data"`
}

const searchPath = "/crm/v3/objects/contacts/search"

// HidesProperties reports whether the account does not answer as usual when it
// is asked for its properties.
func (p *Portal) HidesProperties() bool {
	return slices.ContainsFunc(p.Overrides, func(o Override) bool { return o.Path != searchPath })
}

// ContactProperties returns the contact properties in HubSpot's v3 form.
func (p *Portal) ContactProperties() ([]byte, error) {
	type property struct {
		Name   string `json:"name"`
		Type   string `json:"type"`
		Unique bool   `json:"hasUniqueValue"`
	}
	list := []property{}
	for _, q := range p.Properties {
		list = append(list, property{q.Name, q.Type, p.Unique["contacts"][q.Name]})
	}
	return json.Marshal(map[string]any{"results": list})
}

func (p *Portal) ObjectProperties(objectType string) engine.Reply {
	list := []map[string]any{}
	for _, q := range p.Properties {
		list = append(list, map[string]any{"name": q.Name, "type": q.Type, "hasUniqueValue": p.Unique[objectType][q.Name]})
	}
	for n, u := range p.Unique[objectType] {
		list = append(list, map[string]any{"name": n, "type": "string", "hasUniqueValue": u})
	}
	answer, _ := json.Marshal(list)
	return engine.Reply{Answer: answer}
}

func (p *Portal) Search(objectType, property, key string) engine.Reply {
	contacts := p.Objects[objectType]
	for _, o := range p.Overrides {
		if o.Path != "/crm/v3/objects/"+objectType+"/search" {
			continue
		}
		if o.Status/100 != 2 {
			return engine.Reply{Failure: &engine.LookupFailure{Status: o.Status, Message: string(o.Data), Body: o.Data}}
		}
		var answer struct {
			Results []Object `json:"results"`
		}
		if err := json.Unmarshal(o.Data, &answer); err != nil || answer.Results == nil { // it cannot be read: never "nothing found"
			return engine.Reply{Failure: &engine.LookupFailure{Status: 500, Message: "the answer has no list of results"}}
		}
		contacts = answer.Results
	}
	ids := []any{}
	for _, c := range contacts {
		id := asText(c.ID)
		if id == "" {
			continue
		}
		if function.Lower(asText(c.Properties[property])) == key {
			ids = append(ids, map[string]any{"id": id, "secondary": false})
		} else if property == "email" && slices.Contains(strings.Split(function.Lower(asText(c.Properties["hs_additional_emails"])), ";"), key) {
			ids = append(ids, map[string]any{"id": id, "secondary": true})
		}
	}
	answer, err := json.Marshal(ids)
	if err != nil {
		panic(err) // a list of texts always has a JSON form
	}
	return engine.Reply{Answer: answer}
}

// asText returns a scalar as HubSpot reads it, and "" for anything else.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		r, ok := new(big.Rat).SetString(v.String())
		switch {
		case !ok:
			return v.String()
		case r.IsInt():
			return r.Num().String()
		}
		digits, _ := r.FloatPrec()
		return r.FloatString(digits)
	}
	return ""
}
