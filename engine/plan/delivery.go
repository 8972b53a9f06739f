package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Delivery is what a host has to know that delivers requests itself.
type Delivery struct {
	Order  []*Key
	Config *value.Node // settings that hold unless the config says otherwise, an object; nil for none
	Limits []*Limit    // in the order of the file, as are Tiers
	Tiers  []string    // names of what the API sells; empty where no limit depends on it
}

// Key is one way to say whom an event is about: all values that are not empty
// count, under the name of the key.
type Key struct {
	*Rule
	Name   string
	Values []*Expr
}

// Limit is how many requests the API takes in a time.
type Limit struct {
	*Rule
	Name string
	Doc  string
	Per  time.Duration

	most map[string]int // by tier; "" where the tier does not matter

	// What an answer says of the limit, from status, headers and body. nil: nothing.
	SaysMax, SaysLeft, SaysReset, SaysReached *Expr
}

// Max returns how many requests the API takes in the time Per. The tier is one of
// Delivery.Tiers; it does not matter where there are none.
func (l *Limit) Max(tier string) int {
	if n, ok := l.most[tier]; ok {
		return n
	}
	return l.most[""]
}

// Learn says what a host remembers of an event, for a lookup that it answers
// by its own means.
type Learn struct {
	*Rule
	When  *Expr
	Keys  []*Expr
	Value Value
}

// compileLimits compiles the limits of delivery, which requests name.
func (c *compiler) compileLimits(delivery *source.Node) {
	d := &c.program.Delivery
	s := c.configScope().with("status", "headers", "body")
	for _, e := range entries(delivery.Get("limits")) {
		n := e.Value
		l := &Limit{Rule: c.rule(c.dest+"/delivery/limits/"+e.Key.Text, n), Name: e.Key.Text, Doc: text(n, "doc"), Per: c.duration(n, "per"), most: map[string]int{}}
		if v := n.Get("per"); l.Per == 0 && v != nil && !c.holes[v] {
			c.error(v.Span, "zero-limit", "write the time, such as 10s or 24h", "per is %s, and in no time nothing could be sent", v.Text)
		}
		switch max := n.Get("max"); {
		case max == nil || c.holes[max]:
		case max.Kind == source.Mapping:
			for _, t := range max.Entries {
				l.most[t.Key.Text] = c.integer(max, t.Key.Text, 0)
				c.checkBounds(max, t.Key.Text, "nothing would ever be sent")
				if !slices.Contains(d.Tiers, t.Key.Text) {
					d.Tiers = append(d.Tiers, t.Key.Text)
				}
			}
		default:
			l.most[""] = c.integer(n, "max", 0)
			c.checkBounds(n, "max", "nothing would ever be sent")
		}
		says := n.Get("says")
		l.SaysMax = c.optional(s, says, "max", expression.Anything)
		l.SaysLeft = c.optional(s, says, "left", expression.Anything)
		l.SaysReset = c.optional(s, says, "reset", expression.Anything)
		l.SaysReached = c.optional(s, says, "reached", expression.Condition)
		d.Limits = append(d.Limits, l)
	}
	c.tiers(delivery.Get("limits"))
}

// tiers reports limits whose tiers are not those of the first that has any: what
// holds for the others would be anyone's guess.
func (c *compiler) tiers(limits *source.Node) {
	var first *source.Node
	for _, e := range entries(limits) {
		max := e.Value.Get("max")
		if max == nil || max.Kind != source.Mapping || c.broken(max) {
			continue
		}
		if first == nil {
			first = max
			continue
		}
		meant := map[string]bool{} // by a name that is misspelt
		for _, t := range max.Entries {
			if first.Get(t.Key.Text) == nil {
				near := source.Suggest(t.Key.Text, namesOf(first))
				meant[near] = true
				c.error(t.Key.Span, "unknown-tier", source.Choices(t.Key.Text, namesOf(first)), "there is no tier %q in the limits above", t.Key.Text).Relate(first.Span, "the tiers of another limit")
			}
		}
		for _, t := range first.Entries {
			if max.Get(t.Key.Text) == nil && !meant[t.Key.Text] {
				c.error(max.Span, "missing-tier", "add "+t.Key.Text+": with the number that the API allows, or write one number for all tiers", "the limit %s says nothing of the tier %q", e.Key.Text, t.Key.Text).Relate(t.Key.Span, "another limit has it")
			}
		}
	}
}

// limits finds the limits that a request, lookup or portal data counts for.
func (c *compiler) limits(n *source.Node) (out []*Limit) {
	if n == nil {
		return nil
	}
	list := []*source.Node{n}
	if n.Kind == source.Sequence {
		list = n.Items
	}
	known := c.keys(c.folder.destination.root.Get("delivery"), "limits")
	known.lost = known.lost || c.anyHole(c.folder.destination.root, "delivery")
	for _, x := range list {
		i := slices.IndexFunc(c.program.Delivery.Limits, func(l *Limit) bool { return l.Name == x.Text })
		if i < 0 {
			c.unknown(x, "limit", known)
			continue
		}
		out = append(out, c.program.Delivery.Limits[i])
		c.limited[x.Text] = true
	}
	return out
}

// compileDelivery compiles whom events are about, and the settings of a host
// that delivers itself.
func (c *compiler) compileDelivery(n *source.Node) {
	d := &c.program.Delivery
	if order := n.Get("order"); order != nil && len(order.Entries) == 0 && !c.holes[order] {
		c.error(order.Span, "empty", "add a name with an expression, such as email: lower(traits.email); without order it is userId and anonymousId", "order is empty, so no event would be applied after another")
	}
	for _, e := range entries(n.Get("order")) {
		k := &Key{Rule: c.rule(c.dest+"/delivery/order/"+e.Key.Text, e.Value), Name: e.Key.Text}
		if strings.ContainsAny(k.Name, ": ") || k.Name == "" {
			c.error(e.Key.Span, "bad-name", "write a word, such as email", "%q cannot be the name of a key", k.Name)
		}
		k.Values = c.alternatives(c.base, e.Value)
		d.Order = append(d.Order, k)
	}
	config := n.Get("config")
	if config == nil || c.holes[config] {
		return
	}
	before := len(c.found)
	c.doubtConstants(config)
	c.onlyConstants(config, func(string) (message, help string) {
		return "the settings of delivery are constants, and this is an expression", "write the value itself"
	})
	if d.Config = config.Value(c.arena).Freeze(); len(c.found) == before {
		c.checkSettings(config)
	}
}

// checkSettings compares the settings of delivery with the schema of the config.
func (c *compiler) checkSettings(config *source.Node) {
	schema := c.program.Config
	if schema == nil {
		return
	}
	known := schema.Properties()
	for _, e := range config.Entries {
		if len(known) > 0 && !slices.Contains(known, e.Key.Text) {
			c.warn(e.Key.Span, "unknown-setting", source.Choices(e.Key.Text, known), "the schema of the config declares no setting %q", e.Key.Text)
			continue
		}
		if slices.ContainsFunc(schema.Secrets(), func(path []string) bool { return path[0] == e.Key.Text }) {
			c.error(e.Value.Span, "secret-setting", "leave it to the config of each destination", "%s is a secret, and these rules are read by everyone who has them", e.Key.Text)
			continue
		}
		for _, v := range schema.Validate(c.program.Delivery.Config) {
			if v.Path == e.Key.Text || strings.HasPrefix(v.Path, e.Key.Text+".") || strings.HasPrefix(v.Path, e.Key.Text+"[") {
				c.error(e.Value.Span, "invalid-config", "write a value that "+schema.Name()+" allows", "the setting %s does not fit the schema of the config: %s", e.Key.Text, strings.TrimSpace(v.Message))
				break
			}
		}
	}
}

// learn compiles what a host remembers for a lookup.
func (c *compiler) learn(l *Lookup, n *source.Node) *Learn {
	if n == nil || c.holes[n] {
		return nil
	}
	return &Learn{
		Rule: c.rule(c.dest+"/lookups/"+l.Name+"/learn", n), When: c.condition(c.base, n),
		Keys: c.alternatives(c.base, n.Get("keys")), Value: c.alternatives(c.base, n.Get("value")),
	}
}

// checkLearn reports what a host could not remember, or would for nobody.
func (c *compiler) checkLearn(l *Lookup, n *source.Node) {
	e := n.Entry("learn")
	if e == nil {
		return
	}
	if !l.Host {
		c.useless(e.Key, "the API answers the lookup "+l.Name+", so learn has no effect", "add host: true to have the host remember and answer, or remove learn")
		return
	}
	if len(l.Args) > 0 {
		c.useless(n.Entry("args").Key, "what the lookup "+l.Name+" learns is found by its key alone, so its arguments have no effect", "remove args, or write them into the keys of learn and of the ask")
	}
	if l.Learn == nil || slices.Contains(l.Learn.Keys, nil) {
		return
	}
	for _, name := range sortedNames(c.program.Mappings) {
		for _, a := range c.program.Mappings[name].Asks {
			if a.Lookup != l {
				continue
			}
			for _, k := range a.Key {
				if k == nil || slices.ContainsFunc(l.Learn.Keys, func(key *Expr) bool { return bare(key.Text) == bare(k.Text) }) {
					continue
				}
				if _, _, path := k.Path(); path {
					c.warn(k.Span(0, len(k.Text)), "never-learnt", "ask with one of them, or add it to the keys of learn", "nothing is remembered under %s: the lookup %s learns under %s", k.Text, l.Name, keysText(l.Learn.Keys)).Relate(e.Value.Span, "what it learns")
				}
			}
		}
	}
}

// bare is an expression without a conversion to text, which keys get anyway.
func bare(e string) string {
	if inner, ok := strings.CutPrefix(e, "text("); ok && strings.HasSuffix(inner, ")") {
		return inner[:len(inner)-1]
	}
	return e
}

func keysText(keys []*Expr) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.Text
	}
	return strings.Join(texts, ", ")
}

// steady reports keys that would not be the same if they were computed another
// time: the order of events, and what is remembered, would depend on that.
func (d *dependencies) steady() {
	check := func(e *Expr) {
		if e == nil {
			return
		}
		what := ""
		d.reach(func(s *Slot) {
			switch s.Kind {
			case NowSlot:
				what = "the time of the run (now)"
			case PortalSlot:
				what = "data about the account (" + s.Name + ")"
			}
		}, e)
		if what != "" {
			d.error(e.Span(0, len(e.Text)), "unsteady-key", "use what the event and the config say only", "this depends on %s, so it may be another value whenever it is computed", what)
		}
	}
	for _, k := range d.program.Delivery.Order {
		for _, e := range k.Values {
			check(e)
		}
	}
	for _, l := range d.program.Learning {
		for _, e := range slices.Concat([]*Expr{l.Learn.When}, l.Learn.Keys, l.Learn.Value) {
			check(e)
		}
	}
}

// checkDelivery reports what delivery does not say as a whole, and limits that
// nothing names.

// checkDelivery types what delivery says, and what lookups learn.
func (t *typing) checkDelivery(base *viewTypes) {
	key := func(e *Expr) {
		t.want(e, t.expr(e, base), shape.Scalar|shape.List, "a key is a text, a number, or a list of them")
	}
	for _, k := range t.program.Delivery.Order {
		for _, e := range k.Values {
			key(e)
		}
	}
	for _, l := range t.program.Learning {
		t.expr(l.Learn.When, base)
		for _, e := range l.Learn.Keys {
			key(e)
		}
		for _, e := range l.Learn.Value {
			t.want(e, t.expr(e, base), shape.Scalar, "what is remembered is a single value")
		}
	}
	answer := base.with(variable("status", wholeVariable), variable("body", apiAnswer), variable("headers", apiHeaders))
	for _, l := range t.program.Delivery.Limits {
		for _, e := range []*Expr{l.SaysMax, l.SaysLeft} {
			t.want(e, t.expr(e, answer), shape.Number|shape.Text, "a number of requests is expected")
		}
		t.after(l.SaysReset, answer)
		t.expr(l.SaysReached, answer)
	}
}
