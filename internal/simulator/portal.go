package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Portal is what is known of an account before the first request: what a portal
// file says. Its zero value is an account with HubSpot's standard properties and
// nothing in it.
type Portal struct {
	PortalID            int64             `json:"portalId"`            // default 12345678
	TimeZone            string            `json:"timeZone"`            // an IANA name; default UTC
	AccountType         string            `json:"accountType"`         // default STANDARD
	DataHostingLocation string            `json:"dataHostingLocation"` // default na1
	CompanyCurrency     string            `json:"companyCurrency"`     // default USD
	Objects             map[string]Object `json:"objects"`             // by the type's name
	Associations        []AssociationType `json:"associations"`        // labels beside HubSpot's own
	SearchLag           Duration          `json:"searchLag"`           // how long searches do not see a write; default 5s
	Unknown             Unknown           `json:"unknown"`
	Tokens              []Token           `json:"tokens"` // default: any token is good
	Limits              Limits            `json:"limits"`
	Events              Events            `json:"customEvents"`
	Legacy              Legacy            `json:"legacy"`
	Faults              Faults            `json:"faults"`
}

// Object is what a type of records has beside HubSpot's own, or a type of the
// portal's own.
type Object struct {
	ObjectTypeID           string              `json:"objectTypeId"` // "2-123": of a custom object; given if left out
	Labels                 Labels              `json:"labels"`
	PrimaryDisplayProperty string              `json:"primaryDisplayProperty"`
	RequiredProperties     []string            `json:"requiredProperties"`   // of a custom object: needed to create one, in any version
	SearchableProperties   []string            `json:"searchableProperties"` // looked at by a search's query
	Properties             []Property          `json:"properties"`           // in the form of the properties API; one of HubSpot's own names replaces it
	Without                []string            `json:"without"`              // standard properties that this portal does not have
	Form                   []string            `json:"form"`                 // properties that the record creator form requires: 2026-09 enforces it
	Conditions             []Condition         `json:"conditions"`           // enforced by 2026-09
	Records                []map[string]string `json:"records"`              // properties of records that are there already; hs_object_id gives the id
}

// Labels are what people call a custom object.
type Labels struct {
	Singular string `json:"singular"`
	Plural   string `json:"plural"`
}

// Condition requires properties where another has one of some values.
type Condition struct {
	When    string   `json:"when"` // a property
	Is      []string `json:"is"`   // its values
	Require []string `json:"require"`
}

// AssociationType is a label that records are tied with, from one side.
type AssociationType struct {
	From         string `json:"from"`
	To           string `json:"to"`
	ID           int    `json:"typeId"`
	InverseID    int    `json:"inverseTypeId"` // seen from the other side; default: the same
	Name         string `json:"name"`
	Label        string `json:"label"`
	InverseLabel string `json:"inverseLabel"`
}

// Unknown switches what is not established about HubSpot. The zero value is the
// default.
type Unknown struct {
	PartialTraceIDs      string `json:"partialTraceIds"`       // trace ids on some inputs only, or repeated ones: "atomic" (default) or "207"
	SameRecordTwice      string `json:"sameRecordTwice"`       // two inputs that reach one record by different e-mails: "refuse" (default) or "apply"
	PartialUpsertByEmail string `json:"partialUpsertByEmail"`  // "merge" (default), or "refuse" where the record exists and the input has no e-mail among its properties
	UpdateByEmail        string `json:"updateByEmail"`         // contacts in batch/update with idProperty email: "apply" (default) or "refuse"
	UpdateByBareEmail    string `json:"updateByBareEmail"`     // an e-mail as id in batch/update without idProperty: "ignore" (default) or "notFound"
	EmailHasUniqueValue  string `json:"emailHasUniqueValue"`   // what the properties API says of email: "true" (default) or "false"
	AdditionalEmails     string `json:"additionalEmails"`      // writes of hs_additional_emails: "apply" (default) or "readOnly"
	PartialFailure202609 string `json:"partialFailure2026-09"` // status of a batch that failed in part: "207" (default) or "200"
	UniqueConflict       string `json:"uniqueConflict"`        // status of a second record with a unique value: "400" (default) or "409"
	TopLevelDomains      string `json:"topLevelDomains"`       // of e-mails: "check" (default) or "any"
}

// Duration is a duration as Go writes it, like 5s; 0s for none.
type Duration struct {
	time.Duration
	Given bool
}

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	read, err := time.ParseDuration(string(text))
	if err == nil && read < 0 {
		err = fmt.Errorf("%s is before now", text)
	}
	*d = Duration{read, true}
	return err
}

// ReadPortal reads a portal file that was made JSON. The error names the place
// with a JSON pointer.
func ReadPortal(text []byte) (Portal, error) {
	var p Portal
	err := json.Unmarshal(text, &p, json.RejectUnknownMembers(true))
	if semantic := new(json.SemanticError); errors.As(err, &semantic) {
		reason := "a " + semantic.JSONKind.String() + " does not belong here"
		if semantic.Err != nil {
			reason = semantic.Err.Error()
		}
		return Portal{}, &PortalError{string(semantic.JSONPointer), reason}
	}
	if err != nil {
		return Portal{}, &PortalError{"", err.Error()}
	}
	return p, p.complete()
}

// PortalError is a mistake in a portal.
type PortalError struct {
	Pointer string // where: a JSON pointer
	Reason  string
}

func (e *PortalError) Error() string {
	if e.Pointer == "" {
		return "portal: " + e.Reason
	}
	return "portal: " + strings.ReplaceAll(strings.TrimPrefix(e.Pointer, "/"), "/", ".") + ": " + e.Reason
}

// complete fills in defaults, and finds what is wrong.
func (p *Portal) complete() error {
	p.PortalID = cmp.Or(p.PortalID, 12345678)
	p.TimeZone = cmp.Or(p.TimeZone, "UTC")
	p.AccountType = cmp.Or(p.AccountType, "STANDARD")
	p.DataHostingLocation = cmp.Or(p.DataHostingLocation, "na1")
	p.CompanyCurrency = cmp.Or(p.CompanyCurrency, "USD")
	if !p.SearchLag.Given {
		p.SearchLag = Duration{5 * time.Second, true}
	}
	if _, err := time.LoadLocation(p.TimeZone); err != nil {
		return &PortalError{"/timeZone", fmt.Sprintf("there is no time zone %q; give an IANA name, like Europe/Berlin", p.TimeZone)}
	}
	if err := p.Unknown.complete(); err != nil {
		return err
	}
	for _, part := range []func() error{p.checkTokens, p.Limits.check, p.completeEvents, p.Legacy.complete, p.Faults.complete} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// complete fills in defaults; every switch has a few positions.
func (u *Unknown) complete() error {
	return settle("/unknown/", []setting{
		{"partialTraceIds", &u.PartialTraceIDs, []string{"atomic", "207"}},
		{"sameRecordTwice", &u.SameRecordTwice, []string{"refuse", "apply"}},
		{"partialUpsertByEmail", &u.PartialUpsertByEmail, []string{"merge", "refuse"}},
		{"updateByEmail", &u.UpdateByEmail, []string{"apply", "refuse"}},
		{"updateByBareEmail", &u.UpdateByBareEmail, []string{"ignore", "notFound"}},
		{"emailHasUniqueValue", &u.EmailHasUniqueValue, []string{"true", "false"}},
		{"additionalEmails", &u.AdditionalEmails, []string{"apply", "readOnly"}},
		{"partialFailure2026-09", &u.PartialFailure202609, []string{"207", "200"}},
		{"uniqueConflict", &u.UniqueConflict, []string{"400", "409"}},
		{"topLevelDomains", &u.TopLevelDomains, []string{"check", "any"}},
	})
}

// setting is a switch with a few positions, the default first.
type setting struct {
	name      string
	value     *string
	positions []string
}

// settle fills in defaults of switches, and finds positions that there are not.
func settle(pointer string, all []setting) error {
	for _, s := range all {
		if *s.value == "" {
			*s.value = s.positions[0]
		}
		if !slices.Contains(s.positions, *s.value) {
			return &PortalError{pointer + s.name, fmt.Sprintf("%q is none of %s", *s.value, strings.Join(s.positions, ", "))}
		}
	}
	return nil
}
