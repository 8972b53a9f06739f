package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What a search may ask.
const (
	mostGroups     = 5
	mostFilters    = 6 // in a group
	mostFiltersAll = 18
	mostQuery      = 3000 // characters
	mostPage       = 200
	mostFound      = 10_000 // results that can be paged through
)

// filter is a condition of a search.
type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Value    *scalar  `json:"value"`
	Values   []scalar `json:"values"`
	High     *scalar  `json:"highValue"`
}

// operators are those of filters, and what they need.
var operators = map[string]string{
	"EQ": "value", "NEQ": "value", "LT": "value", "LTE": "value", "GT": "value", "GTE": "value",
	"BETWEEN": "highValue", "IN": "values", "NOT_IN": "values", "HAS_PROPERTY": "", "NOT_HAS_PROPERTY": "",
	"CONTAINS_TOKEN": "value", "NOT_CONTAINS_TOKEN": "value",
}

// order says what a search's results are sorted by. It may be written as a name,
// with a minus in front for the largest first.
type order struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

// UnmarshalJSONFrom reads both forms.
func (o *order) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '{' {
		type plain order
		return json.UnmarshalDecode(d, (*plain)(o))
	}
	var name scalar
	if err := name.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	o.Property = string(name)
	if down, found := strings.CutPrefix(o.Property, "-"); found {
		o.Property, o.Direction = down, "DESCENDING"
	}
	return nil
}

// inquiry is the body of a search.
type inquiry struct {
	Groups []struct {
		Filters []filter `json:"filters"`
	} `json:"filterGroups"`
	Sorts      []order  `json:"sorts"`
	Query      string   `json:"query"`
	Properties []string `json:"properties"`
	Limit      *int     `json:"limit"`
	After      scalar   `json:"after"`
}

// test tells whether a record in a state meets a condition.
type test func(fields) bool

// search finds records. It does not see what was written lately.
func (s *Simulator) search(c *call) *answer {
	t, refused := s.target(c)
	if refused != nil {
		return refused
	}
	var q inquiry
	if a := c.read(&q); a != nil {
		return a
	}
	limit, after, a := q.check(c)
	if a != nil {
		return a
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	meets, a := t.tests(c, &q)
	if a != nil {
		return a
	}
	t.settle(c.now)
	var found []*record
	for _, r := range t.candidates(&q) {
		if r.found != nil && r.found.archived.IsZero() && meets(r.found.fields) {
			found = append(found, r)
		}
	}
	if len(q.Sorts) > 0 {
		p := t.properties[q.Sorts[0].Property]
		if p == nil {
			return c.invalid(fmt.Sprintf("Property %q does not exist", q.Sorts[0].Property))
		}
		down := strings.HasPrefix(strings.ToUpper(q.Sorts[0].Direction), "DESC")
		slices.SortStableFunc(found, func(a, b *record) int {
			order := p.compare(a.found.fields.get(p.Name), b.found.fields.get(p.Name))
			if down {
				return -order
			}
			return order
		})
	}
	h := t.asked(q.Properties, nil)
	b := append(make([]byte, 0, 4096), `{"total":`...)
	b = strconv.AppendInt(b, int64(len(found)), 10)
	b = append(b, `,"results":[`...)
	end := min(after+limit, len(found))
	for i := after; i < end; i++ {
		if i > after {
			b = append(b, ',')
		}
		b = appendRecord(b, t, found[i], found[i].found, h)
	}
	b = append(b, ']')
	if end < len(found) && end > after {
		b = append(b, fmt.Sprintf(`,"paging":{"next":{"after":"%d"}}`, end)...)
	}
	return &answer{status: http.StatusOK, body: append(b, '}')}
}

// check refuses a search that asks too much. The wordings were never recorded.
func (q *inquiry) check(c *call) (limit, after int, refused *answer) {
	limit = 10
	if q.Limit != nil {
		limit = *q.Limit
	}
	if q.After != "" {
		n, err := strconv.Atoi(string(q.After))
		if err != nil || n < 0 {
			return 0, 0, c.invalid(fmt.Sprintf("after %q is not one that a page gave", q.After))
		}
		after = n
	}
	all := 0
	for _, g := range q.Groups {
		all += len(g.Filters)
		if len(g.Filters) > mostFilters {
			return 0, 0, c.invalid(fmt.Sprintf("A filter group has %d filters, the maximum is %d", len(g.Filters), mostFilters))
		}
	}
	switch {
	case len(q.Groups) > mostGroups:
		refused = c.invalid(fmt.Sprintf("There are %d filter groups, the maximum is %d", len(q.Groups), mostGroups))
	case all > mostFiltersAll:
		refused = c.invalid(fmt.Sprintf("There are %d filters, the maximum is %d", all, mostFiltersAll))
	case len([]rune(q.Query)) > mostQuery:
		refused = c.invalid(fmt.Sprintf("The query has more than %d characters", mostQuery))
	case len(q.Sorts) > 1:
		refused = c.invalid("Only one sort is allowed")
	case limit < 0 || limit > mostPage:
		refused = c.invalid(fmt.Sprintf("The limit is %d, the maximum is %d", limit, mostPage))
	case after+limit > mostFound:
		refused = c.invalid(fmt.Sprintf("Only the first %d results of a search can be paged through", mostFound))
	}
	return limit, after, refused
}

// tests returns what tells the records that are searched for: all filters of any
// group, and the query.
func (t *table) tests(c *call, q *inquiry) (test, *answer) {
	groups := make([][]test, len(q.Groups))
	for i, g := range q.Groups {
		for _, f := range g.Filters {
			made, wrong := t.test(f)
			if wrong != "" {
				return nil, c.invalid(wrong)
			}
			groups[i] = append(groups[i], made)
		}
	}
	words, searchable := strings.Fields(strings.ToLower(q.Query)), t.searchable()
	return func(f fields) bool {
		any := len(groups) == 0
		for _, g := range groups {
			if !slices.ContainsFunc(g, func(meets test) bool { return !meets(f) }) {
				any = true
				break
			}
		}
		return any && says(f, searchable, words)
	}, nil
}

// says tells whether some properties of a record have all words, or begin with them.
func says(f fields, searchable, words []string) bool {
	for _, w := range words {
		if !slices.ContainsFunc(searchable, func(name string) bool {
			v := strings.ToLower(f.get(name))
			return strings.HasPrefix(v, w) || strings.Contains(v, w) && // most have not, and need not be split
				slices.ContainsFunc(tokens(v), func(token string) bool { return strings.HasPrefix(token, w) })
		}) {
			return false
		}
	}
	return true
}

// searchable are the properties that a query looks at.
func (t *table) searchable() []string {
	if t.object.SearchableProperties != nil {
		return t.object.SearchableProperties
	}
	switch t.name {
	case "contacts":
		return []string{"firstname", "lastname", "email", "phone", "hs_additional_emails", "company"}
	case "companies":
		return []string{"name", "domain", "website", "phone"}
	case "deals":
		return []string{"dealname", "description", "dealtype"}
	case "tickets":
		return []string{"subject", "content"}
	}
	return []string{"name"}
}

// tokens splits a text into words, in lower case.
func tokens(v string) []string {
	return strings.FieldsFunc(strings.ToLower(v), func(r rune) bool { return strings.ContainsRune(" \t\n@.,;:-_/()", r) })
}

// test makes a filter ready. wrong is what it lacks.
func (t *table) test(f filter) (made test, wrong string) {
	p := t.properties[f.Property]
	needs, known := operators[f.Operator]
	switch {
	case !known:
		return nil, fmt.Sprintf("%q is not an operator of filters", f.Operator)
	case p == nil || p.Archived:
		return nil, fmt.Sprintf("Property %q does not exist", f.Property)
	case needs == "value" && f.Value == nil || needs == "values" && f.Values == nil || needs == "highValue" && (f.High == nil || f.Value == nil):
		return nil, fmt.Sprintf("operator %s requires %s for property %s", f.Operator, needs, f.Property)
	}
	name := p.Name
	var value, high string
	if f.Value != nil {
		value = string(*f.Value)
	}
	if f.High != nil {
		high = string(*f.High)
	}
	// ordered tests values that there are.
	ordered := func(holds func(order int) bool) test {
		return func(f fields) bool {
			v := f.get(name)
			return v != "" && holds(p.compare(v, value))
		}
	}
	switch f.Operator {
	case "EQ":
		return func(f fields) bool { return p.equal(f.get(name), value) }, ""
	case "NEQ":
		return func(f fields) bool { return !p.equal(f.get(name), value) }, ""
	case "LT":
		return ordered(func(o int) bool { return o < 0 }), ""
	case "LTE":
		return ordered(func(o int) bool { return o <= 0 }), ""
	case "GT":
		return ordered(func(o int) bool { return o > 0 }), ""
	case "GTE":
		return ordered(func(o int) bool { return o >= 0 }), ""
	case "BETWEEN":
		return func(f fields) bool {
			v := f.get(name)
			return v != "" && p.compare(v, value) >= 0 && p.compare(v, high) <= 0
		}, ""
	case "IN", "NOT_IN":
		in := p.among(f.Values)
		wanted := f.Operator == "IN"
		return func(f fields) bool { return in(f.get(name)) == wanted }, ""
	case "HAS_PROPERTY", "NOT_HAS_PROPERTY":
		wanted := f.Operator == "HAS_PROPERTY"
		return func(f fields) bool { return (f.get(name) != "") == wanted }, ""
	default: // CONTAINS_TOKEN, NOT_CONTAINS_TOKEN
		wanted, has := f.Operator == "CONTAINS_TOKEN", containing(value)
		return func(f fields) bool { return has(f.get(name)) == wanted }, ""
	}
}

// equal compares a stored value with one that is asked for.
func (p *property) equal(stored, asked string) bool {
	switch {
	case stored == "":
		return false
	case p.several():
		return slices.Contains(strings.Split(stored, ";"), asked)
	case p.kind == asChoice || p.kind == asBoolean: // letter case counts
		return stored == asked
	}
	return p.compare(stored, asked) == 0
}

// among tells whether a stored value is one of those that are asked for. Texts
// are kept in lower case, and those that are asked for are taken as they are.
func (p *property) among(list []scalar) func(string) bool {
	asked := make(map[string]bool, len(list))
	for _, v := range list {
		asked[string(v)] = true
	}
	return func(stored string) bool {
		switch {
		case stored == "":
			return false
		case p.several():
			return slices.ContainsFunc(strings.Split(stored, ";"), func(part string) bool { return asked[part] })
		case p.kind == asChoice || p.kind == asBoolean:
			return asked[stored]
		case p.kind == asNumber || p.kind == asDate || p.kind == asDatetime:
			return slices.ContainsFunc(list, func(v scalar) bool { return p.compare(stored, string(v)) == 0 })
		}
		return asked[strings.ToLower(stored)]
	}
}

// several tells properties that have many values.
func (p *property) several() bool { return p.kind == asChoices || p.kind == asEmails }

// compare orders two values the way the property's type does; none comes first.
func (p *property) compare(a, b string) int {
	switch {
	case a == "" || b == "":
		return cmp.Compare(min(len(a), 1), min(len(b), 1))
	case p.kind == asNumber:
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
	case p.kind == asDate || p.kind == asDatetime:
		x, okX := moment(a)
		y, okY := moment(b)
		if okX && okY {
			return x.Compare(y)
		}
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// moment reads a day, or a time.
func moment(s string) (time.Time, bool) {
	if len(s) == len(time.DateOnly) {
		if t, err := time.Parse(time.DateOnly, s); err == nil {
			return t, true
		}
	}
	return instant(s)
}

// containing tells values that have the words of a text; a star stands for any
// letters.
func containing(asked string) func(string) bool {
	asked = strings.ToLower(asked)
	if strings.Contains(asked, "*") {
		return func(stored string) bool {
			return like(strings.ToLower(stored), asked) || slices.ContainsFunc(tokens(stored), func(token string) bool { return like(token, asked) })
		}
	}
	want := tokens(asked)
	if len(want) == 0 {
		return func(string) bool { return false }
	}
	return func(stored string) bool {
		if !strings.Contains(strings.ToLower(stored), want[0]) { // most have not, and need not be split
			return false
		}
		have := tokens(stored)
		return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
	}
}

// like matches a text with a pattern in which a star stands for any letters.
func like(s, pattern string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = after
	}
	return strings.HasSuffix(s, last)
}
