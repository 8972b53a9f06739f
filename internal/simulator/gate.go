package simulator

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // portals have their time zones wherever they are simulated

	"github.com/go-json-experiment/json"
)

// Token is an access token that a portal knows.
type Token struct {
	Token  string   `json:"token"`
	Scopes []string `json:"scopes"` // default: all
	// App is the app that the token is of: tokens of one app share its ten-second
	// limit. Default: an app of its own.
	App string `json:"app"`
	// OAuth says that the app is installed from the marketplace: it has its own
	// ten-second limit and no daily one.
	OAuth     bool      `json:"oauth"`
	Expires   time.Time `json:"expires"`   // when; default: never
	ExpiresIn Duration  `json:"expiresIn"` // how long after the simulator's start, instead
	// EditAssociations is false for a user-level OAuth token without this permission,
	// which 2026-09 asks for. Default: true.
	EditAssociations *bool `json:"editAssociations"`
}

// Limits are how many calls a portal allows. The zero value allows all.
type Limits struct {
	Tier              string `json:"tier"`              // "free", "pro", "enterprise" or "addon"; default: no limit but those that follow
	Burst             *int   `json:"burst"`             // calls in any ten seconds, for each app
	Daily             *int   `json:"daily"`             // calls until midnight in the portal's time zone, for all apps
	Search            *int   `json:"search"`            // searches in any second, for all apps
	Events            *int   `json:"events"`            // calls that send events in any second, for all apps
	AssociationsBurst *int   `json:"associationsBurst"` // calls of association batches in any ten seconds, for each app
	AssociationsDaily *int   `json:"associationsDaily"` // and until midnight
	RetryAfter        bool   `json:"retryAfter"`        // whether 429 says when to come again
}

// tiers are the limits of HubSpot's subscriptions for private apps, in the order
// of Limits' fields. "addon" is a Professional account with one API limit increase.
var tiers = map[string][6]int{
	"free":       {100, 250_000, 5, 1250, 100, 500_000},
	"pro":        {190, 625_000, 5, 1250, 150, 500_000},
	"enterprise": {190, 1_000_000, 5, 1250, 150, 500_000},
	"addon":      {250, 1_625_000, 5, 1250, 200, 1_000_000},
}

// Tiers lists what Limits.Tier may be.
var Tiers = []string{"free", "pro", "enterprise", "addon"}

// marketplaceBurst is the ten-second limit of an app from the marketplace.
const marketplaceBurst = 110

// numbers returns the limits in the order of the fields; a negative one is none.
func (l *Limits) numbers() [6]int {
	numbers, known := tiers[l.Tier]
	if !known {
		numbers = [6]int{-1, -1, -1, -1, -1, -1}
	}
	for i, given := range []*int{l.Burst, l.Daily, l.Search, l.Events, l.AssociationsBurst, l.AssociationsDaily} {
		if given != nil {
			numbers[i] = *given
		}
	}
	return numbers
}

const burstSpan = 10 * time.Second

// gate lets calls in: those with a token, the scope and an allowance left.
type gate struct {
	portal     int64
	tokens     map[[sha256.Size]byte]*holder // nil: any token is good
	zone       *time.Location
	limits     [6]int
	retryAfter bool

	mu               sync.Mutex
	anyone           map[[sha256.Size]byte]*holder // tokens that came where any is good
	apps             map[string]*app
	daily, tiesDaily *policy
	search, events   *policy
}

// holder is what a token stands for.
type holder struct {
	scopes  []string // nil: all
	expires time.Time
	app     *app
	// unassociating holders lack the permission Edit Associations.
	unassociating bool
}

// app is what limits are counted for.
type app struct {
	name        string
	number      int // in HubSpot's texts
	oauth       bool
	burst, ties *policy
}

// policy is a limit, and what became of it. Nil is no limit.
type policy struct {
	name    string // in statistics
	rolling *window
	day     *day
	// When calls were let in, and how many; how many were refused.
	from, to       time.Time
	taken, refused uint64
}

func (p *policy) left(now time.Time) int {
	switch {
	case p == nil:
		return math.MaxInt
	case p.day != nil:
		return p.day.left(now)
	}
	return p.rolling.left(now)
}

func (p *policy) take(now time.Time) {
	if p == nil {
		return
	}
	if p.taken == 0 {
		p.from = now
	}
	p.to = now
	p.taken++
	if p.day != nil {
		p.day.take()
	} else {
		p.rolling.take(now)
	}
}

// wait returns how long it takes until the policy lets a call in again.
func (p *policy) wait(now time.Time) time.Duration {
	if p.day != nil {
		return p.day.end.Sub(now)
	}
	return p.rolling.wait(now)
}

func rolling(name string, per time.Duration, most int) *policy {
	if most < 0 {
		return nil
	}
	return &policy{name: name, rolling: newWindow(per, most)}
}

func daily(name string, zone *time.Location, most int) *policy {
	if most < 0 {
		return nil
	}
	return &policy{name: name, day: &day{zone: zone, most: most}}
}

func newGate(p *Portal, now time.Time) *gate {
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		panic(err) // the portal is checked
	}
	limits := p.Limits.numbers()
	g := &gate{
		portal: p.PortalID, zone: zone, limits: limits, retryAfter: p.Limits.RetryAfter,
		anyone:    map[[sha256.Size]byte]*holder{},
		apps:      map[string]*app{},
		daily:     daily("daily", zone, limits[1]),
		search:    rolling("search", time.Second, limits[2]),
		events:    rolling("events", time.Second, limits[3]),
		tiesDaily: daily("associations-daily", zone, limits[5]),
	}
	if len(p.Tokens) == 0 {
		return g
	}
	g.tokens = map[[sha256.Size]byte]*holder{}
	for i, t := range p.Tokens {
		expires := t.Expires
		if t.ExpiresIn.Given {
			expires = now.Add(t.ExpiresIn.Duration)
		}
		name := cmp.Or(t.App, "app "+strconv.Itoa(i+1))
		g.tokens[sha256.Sum256([]byte(t.Token))] = &holder{t.Scopes, expires, g.app(name, t.OAuth), t.EditAssociations != nil && !*t.EditAssociations}
	}
	return g
}

// app returns the app of a name.
func (g *gate) app(name string, oauth bool) *app {
	a := g.apps[name]
	if a == nil {
		most := g.limits[0]
		if oauth && most >= 0 {
			most = marketplaceBurst
		}
		a = &app{name: name, number: 1_000_000 + len(g.apps), oauth: oauth,
			burst: rolling("burst "+name, burstSpan, most), ties: rolling("associations-burst "+name, burstSpan, g.limits[4])}
		g.apps[name] = a
	}
	return a
}

// mostApps bounds how many unknown tokens are told apart; those beyond count for one app.
const mostApps = 1000

// holder returns who has a token, nil if nobody does.
func (g *gate) holder(token string) *holder {
	sum := sha256.Sum256([]byte(token))
	if g.tokens != nil {
		return g.tokens[sum]
	}
	h := g.anyone[sum]
	if h == nil {
		h = &holder{app: g.app("app "+strconv.Itoa(min(len(g.anyone), mostApps)+1), false)}
		if len(g.anyone) < mostApps {
			g.anyone[sum] = h
		}
	}
	return h
}

// admit refuses a call, or returns nil. One of the needed scopes
// is enough. It sets the headers that tell how many calls are left.
func (g *gate) admit(c *call, needed []string, header http.Header) *answer {
	if c.route.allowance == free {
		return nil
	}
	if strings.Contains(c.URL.RawQuery, "hapikey=") {
		return c.problem(http.StatusUnauthorized, problem{Category: "INVALID_AUTHENTICATION",
			Message: "The API key provided is invalid. View or manage your API key here: https://app.hubspot.com/l/api-key/"})
	}
	scheme, token, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	g.mu.Lock()
	defer g.mu.Unlock()
	var who *holder
	if token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") && token != "" {
		who = g.holder(token)
	}
	if who == nil {
		return c.problem(http.StatusUnauthorized, problem{Category: "INVALID_AUTHENTICATION",
			Message: "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"})
	}
	if !who.expires.IsZero() && !c.now.Before(who.expires) {
		return c.problem(http.StatusUnauthorized, problem{Category: "EXPIRED_AUTHENTICATION",
			Message: fmt.Sprintf("The OAuth token used to make this call expired %d second(s) ago.", int(c.now.Sub(who.expires).Seconds())),
			Context: map[string][]string{"expire time": {who.expires.UTC().Format("2006-01-02T15:04:05.000Z")}}})
	}
	if refusal := g.count(c, header, who.app); refusal != nil {
		return refusal
	}
	c.unassociating = who.unassociating
	if who.scopes != nil && len(needed) > 0 && !slices.ContainsFunc(needed, func(s string) bool { return slices.Contains(who.scopes, s) }) {
		const scopes = "https://developers.hubspot.com/scopes"
		return c.problem(http.StatusForbidden, problem{Category: "MISSING_SCOPES", Links: map[string]string{"scopes": scopes},
			Message: "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: " + scopes + ".",
			Errors:  []detail{{Message: "One or more of the following scopes are required.", Context: map[string][]string{"requiredGranularScopes": needed}}}})
	}
	return nil
}

// count takes a call from what its policies allow, or refuses it. A refused call
// is not counted.
func (g *gate) count(c *call, header http.Header, by *app) *answer {
	var policies [2]*policy
	switch c.route.allowance {
	case burst:
		policies = [2]*policy{by.burst, g.daily}
	case searches:
		policies = [2]*policy{g.search, g.daily}
	case ties:
		policies = [2]*policy{by.ties, g.tiesDaily}
	case sends:
		policies = [2]*policy{g.events, nil}
	}
	if by.oauth && policies[1] == g.daily {
		policies[1] = nil
	}
	var full *policy
	for _, p := range policies {
		if p.left(c.now) < 1 {
			full = p // the day's is the last: who has none left today need not come in ten seconds
		}
	}
	if full == nil {
		for _, p := range policies {
			p.take(c.now)
		}
	}
	tell := func(name string, n int) { header["X-HubSpot-RateLimit-"+name] = []string{strconv.Itoa(n)} } // in HubSpot's letters, for who heeds them
	if p := policies[0]; p != nil && p != g.search && p != g.events {
		tell("Interval-Milliseconds", int(burstSpan/time.Millisecond))
		tell("Max", p.rolling.most)
		tell("Remaining", p.left(c.now))
		tell("Secondly", p.rolling.most/10)
		tell("Secondly-Remaining", p.left(c.now)/10)
	}
	if p := policies[1]; p != nil {
		tell("Daily", p.day.most)
		tell("Daily-Remaining", p.left(c.now))
	}
	if full == nil {
		return nil
	}
	full.refused++
	if g.retryAfter {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(full.wait(c.now).Seconds()))))
	}
	return g.tooMany(c, full, by)
}

// tooMany is the body of a 429, which is not that of other refusals.
func (g *gate) tooMany(c *call, full *policy, by *app) *answer {
	body := struct {
		Status        string `json:"status"`
		Message       string `json:"message"`
		ErrorType     string `json:"errorType,omitempty"`
		CorrelationID string `json:"correlationId"`
		PolicyName    string `json:"policyName,omitempty"`
		GroupName     string `json:"groupName,omitempty"`
		RequestID     string `json:"requestId,omitempty"`
		Category      string `json:"category,omitempty"`
	}{Status: "error", ErrorType: "RATE_LIMIT", CorrelationID: c.id}
	switch {
	case full.day != nil:
		body.Message, body.PolicyName, body.RequestID = "You have reached your daily limit.", "DAILY", c.id
	case full == g.search:
		body.Message, body.ErrorType, body.Category = "You have reached your secondly limit.", "", "RATE_LIMITS"
	case full == g.events:
		body.Message, body.PolicyName = "You have reached your secondly limit.", "SECONDLY"
	default:
		body.Message, body.PolicyName = "You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING"
		body.GroupName = fmt.Sprintf("publicapi:private_app-api-calls-ten-secondly:%d:%d", by.number, g.portal)
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // it is made of texts
	}
	return &answer{status: http.StatusTooManyRequests, body: text}
}

// scopes returns the scopes of which a call needs one.
func (s *Simulator) scopes(c *call) []string {
	if c.route.scope == "" || s.gate.tokens == nil {
		return nil
	}
	kind := s.types.scope(cmp.Or(c.PathValue("type"), c.PathValue("from")))
	return strings.Split(strings.ReplaceAll(c.route.scope, "{type}", kind), "|")
}

// scope is what scopes call the type with a name.
func (c *catalogue) scope(name string) string {
	switch t := c.find(name); {
	case t == nil: // there are no scopes of it; what handles the call refuses it
		return name
	case strings.HasPrefix(t.id, "2-"):
		return "custom"
	default:
		return t.name
	}
}

// checkTokens finds tokens that could not be told apart, or never come.
func (p *Portal) checkTokens() error {
	seen := map[string]bool{}
	for i, t := range p.Tokens {
		at := fmt.Sprintf("/tokens/%d", i)
		switch {
		case t.Token == "" || strings.ContainsAny(t.Token, " \t\r\n"):
			return &PortalError{at + "/token", "a token is a text without blanks"}
		case seen[t.Token]:
			return &PortalError{at + "/token", "the token is listed twice"}
		case t.ExpiresIn.Given && !t.Expires.IsZero():
			return &PortalError{at + "/expiresIn", "give expires or expiresIn, not both"}
		}
		seen[t.Token] = true
	}
	return nil
}

// check finds limits that cannot be.
func (l *Limits) check() error {
	if _, known := tiers[l.Tier]; l.Tier != "" && !known {
		return &PortalError{"/limits/tier", fmt.Sprintf("%q is none of %s", l.Tier, strings.Join(Tiers, ", "))}
	}
	for name, n := range map[string]*int{"burst": l.Burst, "daily": l.Daily, "search": l.Search, "events": l.Events, "associationsBurst": l.AssociationsBurst, "associationsDaily": l.AssociationsDaily} {
		if n != nil && *n < 0 {
			return &PortalError{"/limits/" + name, fmt.Sprintf("%d is below 0; 0 refuses all calls, and without the key there is no limit unless the tier has one", *n)}
		}
	}
	return nil
}

// usage is what became of a policy, for statistics.
type usage struct {
	Name    string  `json:"name"`
	Most    int     `json:"most"`
	Seconds float64 `json:"seconds"`         // the time that Most is for
	Taken   uint64  `json:"taken"`           // calls that were let in
	Refused uint64  `json:"refused"`         // calls that were answered 429
	Share   float64 `json:"share,omitempty"` // of the calls that could have come between the first and the last
}

// usages lists what became of all policies, by name.
func (g *gate) usages() []usage {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := []*policy{g.daily, g.search, g.events, g.tiesDaily}
	for _, a := range g.apps {
		all = append(all, a.burst, a.ties)
	}
	list := []usage{}
	for _, p := range all {
		if p == nil || p.taken+p.refused == 0 {
			continue
		}
		u := usage{Name: p.name, Seconds: (24 * time.Hour).Seconds(), Taken: p.taken, Refused: p.refused}
		if p.day != nil {
			u.Most = p.day.most
		} else {
			u.Most, u.Seconds = p.rolling.most, p.rolling.per.Seconds()
		}
		if span := p.to.Sub(p.from).Seconds(); span > u.Seconds {
			u.Share = float64(p.taken) / (float64(u.Most) * span / u.Seconds)
		}
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b usage) int { return strings.Compare(a.Name, b.Name) })
	return list
}
