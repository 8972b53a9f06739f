//go:build linux

package soak

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// world is what there is once all events were dealt with.
type world struct {
	contacts map[string]map[string]string // by e-mail in lower case: properties with a value
	orders   map[int]order                // by the line of their event
	dead     map[int]bool                 // lines of events that cannot be delivered
}

// order is an occurrence of the one behavioural event.
type order struct{ email, name string }

// empty is the world before any event.
func empty() world {
	return world{contacts: map[string]map[string]string{"first@example.com": {"email": "first@example.com"}}, orders: map[int]order{}, dead: map[int]bool{}}
}

// expected reads events one after the other and says what comes of them. It
// shares nothing with celmap: it knows only what the events of a crowd may be. A line
// that is nil is an event that was never taken.
func expected(lines [][]byte) world {
	w := empty()
	emails := map[string]string{} // of users and devices, by their identifies so far
	for i, line := range lines {
		if line != nil && !w.apply(i+1, line, emails) {
			w.dead[i+1] = true
		}
	}
	return w
}

// concede takes for right that somebody is known from an identify which was not taken: what
// it teaches is stored right before itself, and the sender may have been killed between.
// Lost are such events, by their line.
func (w world) concede(got outcome, lines [][]byte, lost map[int][]byte) {
	other, emails := empty(), map[string]string{}
	for i, line := range lines {
		if line != nil {
			other.apply(i+1, line, emails)
		} else if line = lost[i+1]; line != nil {
			empty().apply(i+1, line, emails)
		}
	}
	for _, one := range got.orders {
		if order, is := other.orders[one.line]; is && w.dead[one.line] {
			delete(w.dead, one.line)
			w.orders[one.line] = order
		}
	}
}

// properties are the traits that arrive, and how HubSpot calls them.
var properties = map[string]string{
	"email": "email", "followerCount": "followercount", "city": "city", "firstName": "firstname", "company": "company", "jobTitle": "jobtitle",
	"Hs Buying Role": "hs_buying_role", "hs_data_privacy_ads_consent": "hs_data_privacy_ads_consent", "kloutScoreGeneral": "kloutscoregeneral", "website": "website",
}

func (w world) apply(number int, line []byte, emails map[string]string) bool {
	var e struct {
		Type, UserID, AnonymousID, Event string
		Traits                           map[string]any
		Context                          struct{ Traits map[string]any }
		Properties                       struct{ Order, Note string }
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return false
	}
	traits := e.Traits
	if traits == nil {
		traits = e.Context.Traits
	}
	email, _ := traits["email"].(string)
	email = strings.ToLower(email)
	name, ending, isAddress := strings.Cut(email, "@")
	switch e.Type {
	case "identify":
		if !isAddress {
			return false
		}
		for _, key := range []string{e.UserID, e.AnonymousID} {
			if key != "" {
				emails[key] = email
			}
		}
		if strings.HasSuffix(ending, ".con") || traits["Customer Number"] != nil {
			return false
		}
		if _, isNumber := traits["followerCount"].(float64); !isNumber {
			return false
		}
		if w.contacts[email] == nil {
			w.contacts[email] = map[string]string{}
		}
		for trait, property := range properties {
			if value, given := traits[trait]; given {
				if text := written(value); text != "" {
					w.contacts[email][property] = text
				} else {
					delete(w.contacts[email], property)
				}
			}
		}
		w.contacts[email]["email"] = name + "@" + ending
		return true
	case "track":
		if email == "" {
			email = emails[e.UserID]
		}
		if email == "" {
			email = emails[e.AnonymousID]
		}
		if !strings.EqualFold(e.Event, "Order Completed") || email == "" || len(e.Properties.Note) > 256 {
			return false
		}
		w.orders[number] = order{email: email, name: "pe4571203_order_completed"}
		return true
	}
	return false
}

// written is a trait's value as HubSpot keeps it.
func written(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case []any:
		var parts []string
		for _, part := range value {
			parts = append(parts, written(part))
		}
		return strings.Join(parts, ";")
	case map[string]any:
		return written(value["name"])
	}
	return fmt.Sprint(value)
}
