//go:build linux

package soak

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// config is how the account is reached that the events are sent to.
const config = `
authorizationType: newPrivateAppApi
accessToken: made-up-token-for-the-soak
hubID: "4571203"
apiVersion: newApi
lookupField: email
hubspotEvents:
  - rsEventName: Order Completed
    hubspotEventName: pe4571203_order_completed
    eventProperties:
      - {from: order, to: order_number}
      - {from: note, to: note}
`

// portal is the account. One contact is there before, with a number that no
// other can have.
const portal = `
portalId: 4571203
objects:
  contacts:
    properties:
      - {name: customer_number, label: Customer number, type: string, fieldType: text, hasUniqueValue: true}
    records:
      - {email: first@example.com, customer_number: "` + taken + `"}
`

// taken is the number of that contact.
const taken = "N1"

// crowd says which events to make. The same crowd gives the same events.
type crowd struct {
	events, contacts int
	poisoned         float64 // the share of events that nothing can deliver
	tracks           float64 // the share of the others that are no identify
	seed             uint64
	after            int // contacts and lines that other crowds have; these come after them
}

// What an event's messageId starts with; the number of its line follows.
const message = "message-"

// lines gives the lines of a file of events. Each identify counts up for its
// contact, in followerCount, so that the order of what arrives can be seen; an
// event that nothing can deliver names a city that must never arrive.
func (c crowd) lines() [][]byte {
	r := rand.New(rand.NewPCG(c.seed, 1))
	counters := make([]int, c.contacts)
	lines := make([][]byte, 0, c.events)
	for i := range c.events {
		// A tenth of the events is about the busiest twentieth of the contacts.
		who := r.IntN(c.contacts)
		if r.IntN(10) == 0 {
			who = r.IntN(max(1, c.contacts/20))
		}
		e := event{r: r, who: c.after + who, first: c.after, line: c.after + i + 1}
		switch {
		case counters[who] == 0: // somebody is identified before anything else is said of them
			counters[who]++
			lines = append(lines, e.identify(counters[who], nil))
		case r.Float64() < c.poisoned:
			lines = append(lines, e.poison())
		case r.Float64() < c.tracks:
			lines = append(lines, e.track(""))
		default:
			counters[who]++
			lines = append(lines, e.identify(counters[who], nil))
		}
	}
	return lines
}

// event makes one event.
type event struct {
	r     *rand.Rand
	who   int
	first int // of the contacts of its crowd
	line  int
}

func userID(who int) string      { return fmt.Sprintf("user-%d", who) }
func anonymousID(who int) string { return fmt.Sprintf("anonymous-%d", who) }

// address is a contact's e-mail in some spelling; HubSpot knows no case.
func (e event) address() string {
	address := fmt.Sprintf("contact%d@example.com", e.who)
	if e.r.IntN(8) == 0 {
		address = strings.ToUpper(address[:1]) + address[1:]
	}
	return address
}

func (e event) text(kind string, fields map[string]any) []byte {
	fields["type"] = kind
	fields["messageId"] = fmt.Sprint(message, e.line)
	fields["timestamp"] = fmt.Sprintf("2026-11-%02dT10:%02d:%02d.000Z", 1+e.line/3600%28, e.line/60%60, e.line%60)
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return text
}

// identify is a contact's next state, with some further traits.
func (e event) identify(counter int, more map[string]any) []byte {
	traits := map[string]any{"email": e.address(), "followerCount": counter}
	for _, one := range []struct {
		share int // of ten
		key   string
		value any
	}{
		{5, "city", e.pick("Lisboa", "Kraków", "Ghent", "")},
		{4, "firstName", fmt.Sprintf("Name%d", e.r.IntN(1000))},
		{3, "company", map[string]any{"name": e.pick("Olivar", "Söhne & Co", "Ёлка"), "id": e.line}},
		{3, "jobTitle", e.pick("Captain", "Cook", nil)},
		{3, "Hs Buying Role", []string{"CHAMPION", "BUDGET_HOLDER"}[:1+e.r.IntN(2)]},
		{2, "hs_data_privacy_ads_consent", e.r.IntN(2) == 0},
		{2, "kloutScoreGeneral", float64(e.r.IntN(9999)) / 100},
		{2, "website", fmt.Sprintf("https://example.com/%d?a=b&c=%%20", e.line)},
		{1, "not a property", true},
	} {
		if e.r.IntN(10) < one.share {
			traits[one.key] = one.value
		}
	}
	for key, value := range more {
		traits[key] = value
	}
	fields := map[string]any{"userId": userID(e.who), "anonymousId": anonymousID(e.who)}
	switch e.r.IntN(6) {
	case 0:
		delete(fields, "userId")
	case 1:
		delete(fields, "anonymousId")
	case 2:
		if e.r.IntN(6) == 0 { // somebody else's device: from now on it speaks of this contact
			fields["anonymousId"] = anonymousID(e.first + e.r.IntN(e.who-e.first+1))
		}
	}
	if e.r.IntN(3) == 0 {
		fields["context"] = map[string]any{"traits": traits}
	} else {
		fields["traits"] = traits
	}
	return e.text("identify", fields)
}

func (e event) pick(values ...any) any { return values[e.r.IntN(len(values))] }

// track is something that a contact did; who it was, the e-mail says, or an
// earlier identify of the user or the device.
func (e event) track(note string) []byte {
	fields := map[string]any{"event": e.pick("Order Completed", "order completed"), "properties": map[string]any{"order": fmt.Sprint(e.line), "note": note}}
	switch e.r.IntN(3) {
	case 0:
		fields["context"] = map[string]any{"traits": map[string]any{"email": e.address()}}
	case 1:
		fields["userId"] = userID(e.who)
	case 2:
		fields["anonymousId"] = anonymousID(e.who)
	}
	return e.text("track", fields)
}

// poison is an event that ends as a dead letter: some the rules refuse, some
// HubSpot refuses.
func (e event) poison() []byte {
	stranger := fmt.Sprintf("stranger-%d", e.line)
	switch e.r.IntN(10) {
	case 0: // HubSpot knows that it is another's
		return e.identify(-e.line, map[string]any{"Customer Number": taken, "city": never})
	case 1:
		return e.identify(-e.line, map[string]any{"followerCount": "a few", "city": never})
	case 2: // HubSpot knows what ends addresses
		return e.text("identify", map[string]any{"userId": stranger, "traits": map[string]any{"email": stranger + "@example.con", "city": never}})
	case 3:
		return e.text("identify", map[string]any{"userId": stranger, "traits": map[string]any{"email": "not an address", "city": never}})
	case 4:
		return e.text("identify", map[string]any{"userId": userID(e.who), "traits": map[string]any{"city": never}})
	case 5: // longer than a property of an event may be
		return e.track(strings.Repeat(never, 60))
	case 6:
		return e.text("track", map[string]any{"event": "Order Completed", "userId": stranger, "properties": map[string]any{"order": fmt.Sprint(e.line)}})
	case 7:
		return e.text("track", map[string]any{"event": "Never Configured", "userId": userID(e.who)})
	case 8:
		return e.text(e.pick("page", "group", "").(string), map[string]any{"userId": userID(e.who), "name": "Home"})
	}
	return []byte(e.pick(`{}`, `{"type":`, `"identify"`, `{"type":"identify",}`).(string))
}

// never is a city where nobody lives: it comes in events that are not delivered.
const never = "Nowhere"
