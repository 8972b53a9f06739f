package plan

import (
	"fmt"
	"slices"

	"github.com/celmap/celmap/engine/source"
)

// checkLookups finds lookups and portal data whose parts do not fit together:
// what nobody could answer, what has no effect, and what looks at the wrong thing.
func (c *compiler) checkLookups(root *source.Node) {
	for _, e := range entries(root.Get("lookups")) {
		if l := c.program.Lookups[e.Key.Text]; l != nil && !c.vague[l] {
			c.checkLookup(l, e.Key, e.Value)
		}
	}
	for i, e := range entries(root.Get("portal")) {
		if !c.vague[c.program.Portals[i]] {
			c.checkPortal(c.program.Portals[i], e.Key, e.Value)
		}
	}
}

func (c *compiler) checkLookup(l *Lookup, key, n *source.Node) {
	c.checkBounds(n.Get("keys"), "max", "no key would ever be looked up")
	c.checkBounds(n.Get("rate"), "perSecond", "nothing would ever be asked")
	c.checkTTL(n)
	c.checkFailures(n.Get("failure"))
	c.checkLearn(l, n)
	switch {
	case l.Host:
		for _, k := range []string{"request", "pages", "answer", "matches", "gives", "value"} {
			if e := n.Entry(k); e != nil {
				c.useless(e.Key, "the host answers this lookup by its own means (host: true), so "+k+" has no effect", "remove it, or remove host")
			}
		}
		c.checkArguments(l, n)
		return
	case l.Request == nil:
		if n.Get("request") == nil {
			c.error(key.Span, "unanswered-lookup", "add request:, or host: true where the host answers by its own means", "nobody answers the lookup %s: it has no request", l.Name)
		}
		return
	}
	c.checkBody(n.Get("request"))
	sent := c.slotsOf(l.Request)
	asksForPages := slices.Contains(sent, c.variable("page"))
	c.oneOf(n, "the lookup "+l.Name, "value", "answer")
	c.oneOf(n, "the lookup "+l.Name, "value", "matches")
	c.oneOf(n, "the lookup "+l.Name, "value", "gives")
	c.oneOf(n, "the lookup "+l.Name, "value", "pages")
	whole := n.Get("value") != nil
	if !whole && n.Get("answer") == nil {
		c.error(key.Span, "missing-key", "add answer: with the list in the body, such as body.results; body where it is the list itself", "the lookup %s does not say where the items of an answer are", l.Name)
	}
	if whole && l.MaxKeys != 1 {
		c.error(n.Entry("value").Key.Span, "unmatched-answer", "add keys: {max: 1}, or write answer, matches and gives in its place", "value is the answer to one key, and a request of the lookup %s may ask for many", l.Name)
	}
	if !whole && n.Get("matches") == nil && l.MaxKeys != 1 {
		c.error(key.Span, "unmatched-answer", "add matches: with a condition on item and key, such as item.email == key, or keys: {max: 1}", "the lookup %s does not say which item of an answer belongs to which key", l.Name)
	}
	if max := n.Get("keys").Entry("max"); max != nil && !l.Keyed && !whole {
		c.useless(max.Key, "the request does not use keys, so max has no effect", "use keys in the request, or remove max")
	}
	if n.Get("matches") == nil && l.MaxKeys == 1 && !l.Keyed && (l.Value == nil || !slices.Contains(l.Value.Slots(), c.variable("key"))) {
		c.error(n.Get("request").Span, "ignored-input", "use keys in it", "the request does not use keys, so every key would get the same answer")
	}
	c.looksAt(n, "matches", l.Matches, "key", "an item that it takes would answer every key")
	c.looksAt(n, "matches", l.Matches, "item", "each key would get all items or none")
	c.looksAt(n, "gives", l.Gives, "item", "every item gives the same")
	c.looksAt(n, "answer", l.Answer, "body", "it is the same whatever the API says")
	c.looksAt(n, "value", l.Value, "body", "it is the same whatever the API says")
	switch pages := n.Entry("pages"); {
	case pages != nil && !asksForPages:
		c.error(pages.Key.Span, "unasked-page", "use page in the request, where the API expects it; such as params: {after: =page}", "the request does not use page, so the first page would be asked for again and again")
	case pages == nil && asksForPages:
		help := "add pages: with what the answer says of its next page, such as body.paging.next.after"
		if whole {
			help = "remove it: value is made of a single answer"
		}
		c.error(n.Get("request").Span, "unasked-page", help, "the request uses page, which is null for every request, since nothing says where the answer names its next page")
	}
	if l.Pages != nil && !slices.Contains(l.Pages.Slots(), c.variable("headers")) {
		c.looksAt(n, "pages", l.Pages, "body", "the same page would be asked for again and again")
	}
	c.checkArguments(l, n)
}

// slotsOf returns what the parts of a request read.
func (c *compiler) slotsOf(h *HTTP) []int {
	var slots []int
	add := func(e *Expr) {
		if e != nil {
			slots = append(slots, e.Slots()...)
		}
	}
	h.URL.walk(add)
	h.Body.walk(add)
	for _, f := range slices.Concat(h.Headers, h.Params) {
		f.Value.walk(add)
	}
	return slots
}

// looksAt warns of an expression that does not read the name which it is about.
func (c *compiler) looksAt(n *source.Node, key string, e *Expr, name, so string) {
	at := n.Get(key)
	if at == nil || e == nil || slices.Contains(e.Slots(), c.variable(name)) {
		return
	}
	c.warn(at.Span, "ignored-input", "use "+name+" in it", "%s does not look at %s: %s", key, name, so)
}

// checkArguments warns of arguments that every ask has to give and nothing reads.
func (c *compiler) checkArguments(l *Lookup, n *source.Node) {
	if l.Host { // the host gets them, whatever it does with them
		return
	}
	used := c.slotsOf(l.Request)
	for _, e := range []*Expr{l.Pages, l.Answer, l.Matches, l.Gives, l.Value} {
		if e != nil {
			used = append(used, e.Slots()...)
		}
	}
	for _, a := range items(n.Get("args")) {
		if !slices.Contains(used, c.variable(a.Text)) {
			c.warn(a.Span, "unused-argument", "remove it, or use it in the request", "nothing of the lookup %s uses the argument %s, which every ask has to give", l.Name, a.Text)
		}
	}
}

func (c *compiler) checkPortal(p *Portal, key, n *source.Node) {
	request, builtin := n.Get("request"), n.Get("builtin")
	c.checkTTL(n)
	c.checkBody(request)
	c.checkFailures(n.Get("failure"))
	if request == nil {
		if builtin == nil {
			c.warn(key.Span, "unanswered-lookup", "add request: so that a host can fetch the data, or builtin: with a file", "the portal data %s has neither request nor builtin: it is there only where --lookup or a program gives it", key.Text)
		}
		for _, k := range []string{"ttl", "refreshOnMiss", "outdated", "failure"} {
			if e := n.Entry(k); e != nil {
				c.useless(e.Key, "the data is not fetched, since there is no request, so "+k+" has no effect", "remove it, or add request")
			}
		}
	}
	if p.Outdated != nil && !slices.ContainsFunc([]string{"status", "body", "headers"}, func(name string) bool { return slices.Contains(p.Outdated.Slots(), c.variable(name)) }) {
		c.warn(n.Get("outdated").Span, "ignored-input", "use body, status or headers in it", "outdated does not look at the answer: it is the same whatever the API says")
	}
	answers := items(n.Get("answer"))
	for i, a := range answers {
		if a.Get("when") == nil && i < len(answers)-1 {
			c.error(answers[i+1].Span, "unreachable", "move the answer without when to the end", "this answer is never reached: the one before it takes everything")
			break
		}
	}
}

func (c *compiler) useless(key *source.Node, why, help string) {
	c.found.Add(source.Diagnostic{Code: "useless-key", Severity: source.Warning, Span: key.Span, Summary: why, Help: help})
}

func (c *compiler) checkBounds(n *source.Node, key, so string) {
	if v := n.Get(key); v != nil && v.Text == "0" {
		c.error(v.Span, "zero-limit", "write a number from 1 on, or remove the key for no bound", "%s is 0, so %s", key, so)
	}
}

func (c *compiler) checkTTL(n *source.Node) {
	if v := n.Entry("ttl"); v != nil && v.Value.Kind == source.Scalar && !v.Value.IsNull() && c.duration(n, "ttl") == 0 {
		c.useless(v.Key, fmt.Sprintf("%s keeps nothing, which is what happens without ttl, too", v.Value.Text), "remove it, or write how long an answer may be kept, such as 10m")
	}
}

func (c *compiler) checkBody(request *source.Node) {
	if e := request.Entry("body"); e != nil && text(request, "method") == "GET" {
		c.useless(e.Key, "a GET carries no body", "write it under params, or method: POST")
	}
}

// checkFailures finds failure rules that are never reached, and reasons that
// nobody would ever read.
func (c *compiler) checkFailures(n *source.Node) {
	rules := items(n)
	for i, r := range rules {
		if r.Get("when") == nil && i < len(rules)-1 {
			c.error(rules[i+1].Span, "unreachable", "move the rule without when to the end", "this rule is never reached: the one before it takes every failure")
			return
		}
		if c.holes[r.Get("do")] {
			continue
		}
		if e := r.Entry("because"); e != nil && text(r, "do") == "empty" {
			c.useless(e.Key, "do: empty goes on as if nothing were found, so because is never shown", "remove it, or write do: reject")
		}
		if e := r.Entry("after"); e != nil && text(r, "do") != "retry" {
			c.useless(e.Key, "nothing is tried again with do: "+text(r, "do")+", so after has no effect", "remove it, or write do: retry")
		}
	}
}
