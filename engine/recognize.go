package engine

// Sent is a request that rules of this program made earlier, read back from its
// descriptor: by a deliverer that has nothing but that.
type Sent struct {
	Name   string   // of the request in the rules
	Traces []string // of its items, in their order; "" for an item without one
}

// Recognize finds out which request of the rules a descriptor came from, by its
// method and address, and what items its body holds. body is the descriptor's
// body, JSON: {"JSON": {…}, "JSON_ARRAY": {}, …}. It is nil where no request of
// the rules could have made the descriptor, or its body has another form. A *Sent
// is immutable and safe for concurrent use.
func (c *Connection) Recognize(method, endpoint string, body []byte) *Sent { return nil }

// Judge applies the answer rules of the request, as Output.Judge does, and
// returns one outcome for each item, in order: Index is the item's position,
// MessageID its trace.
func (s *Sent) Judge(answer Answer) ([]Outcome, error) { return nil, errNotBuilt }

// Outdated returns the names of portal data that an answer of the API shows to
// be out of date, as the rules say under `outdated`.
func (c *Connection) Outdated(answer Answer) []string { return nil }
