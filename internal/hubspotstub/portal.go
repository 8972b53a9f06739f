package hubspotstub

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Portal is a HubSpot account, as far as lookups see it. A stub does not change it.
type Portal struct {
	// Properties are those of every object type, each an object as HubSpot's
	// list has it: name, type, and whatever else a test needs.
	Properties []map[string]any `json:"properties"`
	// PropertiesOf takes the place of Properties for some object types.
	PropertiesOf map[string][]map[string]any `json:"propertiesOf"`
	// Unique tells by object type which properties are unique; what is named
	// here exists.
	Unique map[string]map[string]bool `json:"unique"`
	// Objects are the records, by object type, in the order in which a search
	// finds them.
	Objects map[string][]Object `json:"objects"`
	// PageSize bounds the results of one page of a search, in addition to the
	// limit of the search itself. 0 is no bound.
	PageSize int `json:"pageSize"`
	// Overrides are fixed answers in place of the true ones.
	Overrides []Override `json:"overrides"`
}

// Object is a record of the account.
type Object struct {
	ID         any            `json:"id"`
	Properties map[string]any `json:"properties"`
}

// Override is the answer to all requests of a method (of any, if it is empty)
// to a path.
type Override struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Status int             `json:"status"`
	Data   json.RawMessage `json:"data"` // a JSON text is sent as its content
}

// properties lists the properties of an object type.
func (p *Portal) properties(objectType string) []map[string]any {
	given, own := p.PropertiesOf[objectType]
	if !own {
		given = p.Properties
	}
	unique := p.Unique[objectType]
	missing := maps.Clone(unique)
	list := []map[string]any{}
	for _, property := range given {
		property = maps.Clone(property)
		name, _ := property["name"].(string)
		if u, ok := unique[name]; ok {
			property["hasUniqueValue"] = u
			delete(missing, name)
		}
		list = append(list, property)
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		list = append(list, map[string]any{"name": name, "type": "string", "hasUniqueValue": unique[name]})
	}
	return list
}

// filter is one condition of a search, filters those that hold together.
type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Value    any      `json:"value"`
	Values   []string `json:"values"`
}

type filters struct {
	Filters []filter `json:"filters"`
}

// holds compares like HubSpot: the stored value in lower case, so that what is
// searched for has to be in lower case, too. Of a property that holds several
// values, such as a;b, each is compared.
func (f filter) holds(o Object) bool {
	stored, _ := text(o.Properties[f.Property])
	wanted := f.Values
	if f.Operator == "EQ" {
		value, _ := text(f.Value)
		wanted = []string{strings.ToLower(value)}
	}
	if slices.Contains(wanted, strings.ToLower(stored)) {
		return stored != ""
	}
	for part := range strings.SplitSeq(strings.ToLower(stored), ";") {
		if part != "" && slices.Contains(wanted, part) {
			return true
		}
	}
	return false
}

// find returns the records that any of the groups fits.
func (p *Portal) find(objectType string, groups []filters) []Object {
	return slices.DeleteFunc(slices.Clone(p.Objects[objectType]), func(o Object) bool {
		return !slices.ContainsFunc(groups, func(g filters) bool {
			return len(g.Filters) > 0 && !slices.ContainsFunc(g.Filters, func(f filter) bool { return !f.holds(o) })
		})
	})
}

// shown is a record as a search returns it: all values are texts, or null.
func (o Object) shown(properties []string) map[string]any {
	values := map[string]any{}
	for _, name := range properties {
		if v, ok := text(o.Properties[name]); ok {
			values[name] = v
		} else {
			values[name] = nil
		}
	}
	id, _ := text(o.ID)
	values["hs_object_id"] = id
	return map[string]any{"id": id, "properties": values, "archived": false}
}

// text returns a stored value the way HubSpot holds it, and whether there is one.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// pageLimit is how many results a page of a search holds.
func (p *Portal) pageLimit(asked int) int {
	limit := cmp.Or(asked, 10)
	if p.PageSize > 0 {
		limit = min(limit, p.PageSize)
	}
	return limit
}
