package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// mostText is how many characters a text may have.
const mostText = 65_536

// violation is why a value was refused.
type violation struct {
	name, value   string
	code, message string
}

// warning tells that a value was stored in another form.
type warning struct{ name, raw, stored string }

// values checks what is to be written to records of a type.
type values struct {
	portal *Portal
	table  *table
	// lenient dates have a time that is cut off, and a warning (2026-09).
	lenientDates bool
	// oldDates are milliseconds only (v1).
	oldDates   bool
	violations []violation
	warnings   []warning
}

func (v *values) refuse(p string, value, code, format string, args ...any) (string, bool) {
	v.violations = append(v.violations, violation{p, value, code, fmt.Sprintf(format, args...)})
	return "", false
}

// read checks the text that a property is given, and returns what is stored. old
// is what is stored now.
func (v *values) read(name, given, old string) (p *property, stored string, ok bool) {
	p = v.table.properties[name]
	switch {
	case p == nil || p.Archived:
		_, ok = v.refuse(name, given, "PROPERTY_DOESNT_EXIST", "Property %q does not exist", name)
		return nil, "", ok
	case p.Calculated:
		_, ok = v.refuse(name, given, "READ_ONLY_VALUE", "%q is a calculated property; its value cannot be set.", name)
	case p.readOnly || p.kind == asEmails && v.portal.Unknown.AdditionalEmails == "readOnly":
		_, ok = v.refuse(name, given, "READ_ONLY_VALUE", "%q is a read only property; its value cannot be set.", name)
	case given == "":
		ok = true
	default:
		stored, ok = v.convert(p, given, old)
	}
	return p, stored, ok
}

func (v *values) convert(p *property, given, old string) (string, bool) {
	if v.oldDates && (p.kind == asDate || p.kind == asDatetime) {
		if _, err := strconv.ParseInt(given, 10, 64); err != nil {
			return v.refuse(p.Name, given, "INVALID_LONG", "%s was not a valid long.", given)
		}
	}
	switch p.kind {
	case asNumber:
		if !isNumber(given) {
			return v.refuse(p.Name, given, "INVALID_INTEGER", "%s was not a valid number.", given)
		}
	case asBoolean, asChoice:
		if _, known := p.options[given]; p.options != nil && !known {
			return v.refuse(p.Name, given, "INVALID_OPTION", "%s was not one of the allowed options: %s", given, shown(p.Options))
		}
		if p.Name == "lifecyclestage" && old != "" && p.options[given] < p.options[old] {
			return old, true // it moves forward only, and HubSpot says nothing
		}
	case asChoices:
		return v.several(p, given, old)
	case asDate:
		return v.date(p, given)
	case asDatetime:
		t, ok := instant(given)
		if !ok {
			return v.refuse(p.Name, given, "INVALID_LONG", "%s was not a valid long.", given)
		}
		return stamp(t), true
	case asEmail:
		address := strings.ToLower(given)
		if !v.isEmail(address) {
			return v.refuse(p.Name, given, "INVALID_EMAIL", "Email address %s is invalid", given)
		}
		return address, true
	case asEmails:
		return v.several(p, strings.ToLower(given), old)
	default:
		if len(given) > mostText && utf8.RuneCountInString(given) > mostText {
			return v.refuse(p.Name, given, "PROPERTY_VALUE_TOO_LONG", "The value of %q is too long: at most %d characters are allowed", p.Name, mostText)
		}
	}
	return given, true
}

// several checks the values of a property that has many, with a semicolon between
// them; one in front adds to those that are there.
func (v *values) several(p *property, given, old string) (string, bool) {
	var list []string
	if more, adds := strings.CutPrefix(given, ";"); adds {
		given = more
		if old != "" {
			list = strings.Split(old, ";")
		}
	}
	for part := range strings.SplitSeq(given, ";") {
		if part == "" {
			continue
		}
		if p.kind == asEmails {
			if !v.isEmail(part) {
				return v.refuse(p.Name, given, "INVALID_EMAIL", "Email address %s is invalid", part)
			}
		} else if _, known := p.options[part]; p.options != nil && !known {
			return v.refuse(p.Name, given, "INVALID_OPTION", "%s was not one of the allowed options: %s", part, shown(p.Options))
		}
		if !slices.Contains(list, part) {
			list = append(list, part)
		}
	}
	return strings.Join(list, ";"), true
}

// date checks a day: 2024-02-29, or milliseconds at midnight UTC.
func (v *values) date(p *property, given string) (string, bool) {
	if t, err := time.Parse(time.DateOnly, given); err == nil {
		return t.Format(time.DateOnly), true
	}
	t, ok := instant(given)
	if !ok {
		return v.refuse(p.Name, given, "INVALID_LONG", "%s was not a valid long.", given)
	}
	_, err := strconv.ParseInt(given, 10, 64)
	inMilliseconds := err == nil
	if v.lenientDates {
		if n, err := strconv.ParseInt(given, 10, 64); err == nil && max(n, -n) < 100_000_000_000 && n%86_400_000 != 0 {
			t = time.Unix(n, 0).UTC() // as milliseconds it would be a moment in the first years after 1970
		}
	}
	midnight := t.Truncate(24 * time.Hour)
	switch {
	case inMilliseconds && t.Equal(midnight):
	case v.lenientDates:
		v.warnings = append(v.warnings, warning{p.Name, given, strconv.FormatInt(midnight.UnixMilli(), 10)})
	case t.Equal(midnight):
		return v.refuse(p.Name, given, "INVALID_DATE", "%s was not a valid date.", given)
	default:
		return v.refuse(p.Name, given, "INVALID_DATE", "%s is at %s UTC, not midnight!", given, t.Format("15:04:05.000"))
	}
	return midnight.Format(time.DateOnly), true
}

// isNumber tells digits with at most one point, and a sign.
func isNumber(s string) bool {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	digits, points := 0, 0
	for i := range len(s) {
		switch {
		case s[i] >= '0' && s[i] <= '9':
			digits++
		case s[i] == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

// instant reads milliseconds since 1970, or a time of ISO 8601 with a zone.
func instant(s string) (time.Time, bool) {
	if !strings.Contains(s, "T") { // what is no number costs an error
		n, err := strconv.ParseInt(s, 10, 64)
		return time.UnixMilli(n).UTC(), err == nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// stamp writes a time as HubSpot does: in UTC, with milliseconds where there are
// any.
func stamp(t time.Time) string {
	var room [32]byte
	return string(appendStamp(room[:0], t))
}

func appendStamp(b []byte, t time.Time) []byte {
	if t = t.UTC(); t.Nanosecond() < int(time.Millisecond) {
		return t.AppendFormat(b, "2006-01-02T15:04:05Z")
	}
	return t.AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

// isEmail tells a valid address, in lower case. HubSpot knows the top-level
// domains.
func (v *values) isEmail(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	if !found || local == "" || len(local) > 64 || len(domain) > 253 || strings.ContainsAny(s, " \t\r\n,;:<>()[]\\\"") {
		return false
	}
	if strings.Contains(domain, "@") || !strings.Contains(domain, ".") || strings.Contains(domain, "..") ||
		domain[0] == '.' || domain[0] == '-' || domain[len(domain)-1] == '.' || domain[len(domain)-1] == '-' ||
		local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return false
	}
	if v.portal.Unknown.TopLevelDomains == "any" {
		return true
	}
	top, err := idna.ToASCII(domain[strings.LastIndexByte(domain, '.')+1:])
	if err != nil {
		return false
	}
	_, listed := publicsuffix.PublicSuffix(top)
	return listed
}

// shown lists options the way HubSpot's messages do.
func shown(options []Option) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, o := range options {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "label: %q\nvalue: %q\ndisplay_order: %d\nhidden: %t\nread_only: false\n", o.Label, o.Value, o.DisplayOrder, o.Hidden)
	}
	b.WriteByte(']')
	return b.String()
}

// invalidValues is the problem of values that were refused. They are told twice:
// as JSON in the message, and as details.
func (p *Portal) invalidValues(violations []violation) problem {
	type told struct {
		IsValid   bool   `json:"isValid"`
		Message   string `json:"message"`
		Error     string `json:"error"`
		Name      string `json:"name"`
		Localized string `json:"localizedErrorMessage"`
		Value     string `json:"propertyValue"`
		PortalID  int64  `json:"portalId"`
	}
	list, details := make([]told, len(violations)), make([]detail, len(violations))
	for i, v := range violations {
		list[i] = told{false, v.message, v.code, v.name, v.message, v.value, p.PortalID}
		details[i] = detail{Message: v.message, Code: v.code, Context: map[string][]string{"propertyName": {v.name}}}
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic("simulator: values are no JSON: " + err.Error()) // they were read from JSON
	}
	return problem{Message: "Property values were not valid: " + string(text), Errors: details, Category: "VALIDATION_ERROR"}
}

// given are the properties of a write, sorted by name.
type given []pair

// pair is a property and the text that it is given. Null clears, as "" does.
type pair struct{ name, text string }

// UnmarshalJSONFrom reads an object whose values are scalars.
func (g *given) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	opening, err := d.ReadToken()
	if err != nil {
		return err
	}
	if opening.Kind() == 'n' {
		return nil
	}
	if opening.Kind() != '{' {
		return &misfit{"java.util.LinkedHashMap<java.lang.String,java.lang.String>", opening.Kind()}
	}
	list := make(given, 0, 16)
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		p := pair{name: name.String()}
		var t scalar
		if err := t.UnmarshalJSONFrom(d); err != nil {
			return err
		}
		p.text = string(t)
		list = append(list, p)
	}
	slices.SortStableFunc(list, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	kept := list[:0]
	for i, p := range list {
		if i+1 < len(list) && list[i+1].name == p.name {
			continue // the last one counts
		}
		kept = append(kept, p)
	}
	*g = kept
	_, err = d.ReadToken()
	return err
}

// find returns the text of a property.
func (g given) find(name string) (string, bool) {
	i, found := slices.BinarySearchFunc(g, name, func(p pair, name string) int { return strings.Compare(p.name, name) })
	if !found {
		return "", false
	}
	return g[i].text, true
}

// scalar is a text. Numbers and booleans are taken as text, too; null is none.
type scalar string

// UnmarshalJSONFrom reads a scalar.
func (s *scalar) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch k := d.PeekKind(); k {
	case '{', '[':
		if err := d.SkipValue(); err != nil {
			return err
		}
		return &misfit{"java.lang.String", k}
	case '0': // its digits as they were sent
		n, err := d.ReadValue()
		*s = scalar(n)
		return err
	case 'n':
		_, err := d.ReadToken()
		*s = ""
		return err
	default:
		t, err := d.ReadToken()
		if err == nil {
			*s = scalar(t.String())
		}
		return err
	}
}

// misfit is JSON of another kind than expected.
type misfit struct {
	wanted string
	got    jsontext.Kind
}

func (m *misfit) Error() string {
	tokens := map[jsontext.Kind]string{'{': "Object value (token `JsonToken.START_OBJECT`)", '[': "Array value (token `JsonToken.START_ARRAY`)"}
	got := tokens[m.got]
	if got == "" {
		got = m.got.String() + " value"
	}
	return fmt.Sprintf("Cannot deserialize value of type `%s` from %s", m.wanted, got)
}
