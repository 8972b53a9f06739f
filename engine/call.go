package engine

import "errors"

// Call is a request that a host makes to learn what rules ask about: data about
// the account (portal data), or the answers to questions of a lookup. It holds
// secrets in the clear, as the API needs them.
type Call struct {
	Name      string // of the portal data or the lookup
	Method    string
	URL       string // with its parameters, escaped
	Headers   map[string]string
	Body      []byte      // JSON; nil for none
	PerSecond int         // calls of this lookup that the API allows in a second; 0 where the rules do not say
	Questions []*Question // that it answers, at most as many as the rules allow; nil for portal data
}

var errNotBuilt = errors.New("not built yet")

// PortalCall returns the request that fetches portal data. It follows from the
// destination's config alone. The error is an *EventError: what the config lacks,
// or why nothing can be fetched.
func (c *Connection) PortalCall(name string) (*Call, error) { return nil, errNotBuilt }

// Calls groups questions into requests: those of one lookup with equal
// arguments, up to its maximum of keys. A question that cannot be asked (its URL
// cannot be built, say) is in none of them, and has a failure as its answer.
// Questions of lookups that the host answers by its own means (Lookup.Host) are
// left out.
func (c *Connection) Calls(questions []*Question) []*Call { return nil }

// Read takes the API's answer to a call of a lookup, or to one of its pages,
// whose status is 2xx. It returns the call for the next page, nil if this was the
// last. The error says why the answer cannot be read; it is not "nothing found".
func (c *Call) Read(a Answer) (next *Call, err error) { return nil, errNotBuilt }

// Replies returns what the pages that were read give each of Questions, in
// their order.
func (c *Call) Replies() []Reply { return nil }
