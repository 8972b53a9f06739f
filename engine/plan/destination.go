package plan

import (
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/celmap/celmap/engine/expression"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/syntax"
	"github.com/celmap/celmap/engine/value"
)

func (c *compiler) compileTables(root *source.Node) {
	for _, e := range entries(root.Get("tables")) {
		n := e.Value
		t := &Table{Rule: c.rule(c.dest+"/tables/"+e.Key.Text, n), Name: e.Key.Text, Absent: text(n, "absent")}
		c.doubtConstants(n.Get("rows"))
		before := len(c.found)
		c.constantRows(n.Get("rows"))
		t.Rows = n.Get("rows").Value(c.arena).Freeze()
		t.By = c.optional(c.base, n, "by", expression.Anything)
		c.vague[t] = c.holes[n] || c.holes[n.Get("rows")] || len(c.found) > before
		c.raggedTable(t, n.Get("rows"))
		c.mixedRows(n.Get("rows"))
		if a := n.Get("absent"); a != nil && t.Rows.Get(a.Text) == nil {
			c.unknown(a, "row", c.keys(n, "rows"))
		}
		c.define(c.base, e.Key, Slot{Kind: TableSlot, Table: t})
	}
}

// mixedRows reports a field of a table that is true or false in one row, and
// something else in another: `yes`, most often, which is a text.
func (c *compiler) mixedRows(rows *source.Node) {
	yesOrNo := map[string]*source.Node{}
	for _, row := range entries(rows) {
		for _, f := range entries(row.Value) {
			if isBoolean(f.Value) && yesOrNo[f.Key.Text] == nil {
				yesOrNo[f.Key.Text] = f.Value
			}
		}
	}
	for _, row := range entries(rows) {
		for _, f := range entries(row.Value) {
			if other := yesOrNo[f.Key.Text]; other != nil && !isBoolean(f.Value) && !f.Value.IsNull() {
				what := f.Value.Kind.String()
				if f.Value.Kind == source.Scalar {
					what = strconv.Quote(f.Value.Text)
				}
				c.error(f.Value.Span, "wrong-kind", "write true or false", "%s is true or false in another row, this is %s", f.Key.Text, what).Relate(other.Span, "the other row")
			}
		}
	}
}

func isBoolean(n *source.Node) bool {
	return n.Kind == source.Scalar && n.Style == source.Plain && (n.Text == "true" || n.Text == "false")
}

func (c *compiler) compilePortals(root *source.Node) {
	for _, e := range entries(root.Get("portal")) {
		n := e.Value
		p := &Portal{Rule: c.rule(c.dest+"/portal/"+e.Key.Text, n), Name: e.Key.Text, Doc: text(n, "doc"), TTL: c.duration(n, "ttl"), RefreshOnMiss: text(n, "refreshOnMiss") == "true"}
		p.Slot, _ = c.define(c.base, e.Key, Slot{Kind: PortalSlot, Portal: len(c.program.Portals)})
		c.program.Portals = append(c.program.Portals, p)
	}
	for i, e := range entries(root.Get("portal")) {
		n, p, before := e.Value, c.program.Portals[i], len(c.found)
		s := c.configScope().with("body")
		switch answer := n.Get("answer"); {
		case answer == nil:
			p.Answer = []PortalAnswer{{}}
		case answer.Kind == source.Scalar:
			p.Answer = []PortalAnswer{{Value: c.expr(s, answer, expression.Anything)}}
		default:
			for _, a := range answer.Items {
				p.Answer = append(p.Answer, PortalAnswer{When: c.condition(s, a), Value: c.optional(s, a, "value", expression.Anything), Extend: text(a, "extend") == "true"})
			}
		}
		p.Request = c.http(c.configScope(), n.Get("request"))
		answer := c.configScope().with("status", "body", "headers")
		p.Outdated = c.optional(answer, n, "outdated", expression.Condition)
		p.Failure = c.failures(answer, n)
		p.Limits = c.limits(n.Get("limits"))
		if item := n.Get("item"); item != nil {
			p.Item = c.schemaFile(item)
		}
		if b := n.Get("builtin"); b != nil {
			if data, ok := c.readNamed(b); ok {
				c.checkJSON(b, data)
				p.Builtin = data
			}
		}
		c.vague[p] = len(c.found) > before || c.broken(n)
	}
}

func (c *compiler) compileHosts(root *source.Node) {
	for _, e := range entries(root.Get("hosts")) {
		h := &Host{Rule: c.rule(c.dest+"/hosts/"+e.Key.Text, e.Value), Name: e.Key.Text}
		c.program.Hosts[h.Name] = h
		if e.Value.Kind == source.Mapping {
			h.URL, h.Within = c.template(c.configScope(), e.Value.Get("url")), text(e.Value, "within")
			c.fragmentOf(e.Value.Get("url"), h.URL)
			if w := e.Value.Get("within"); w != nil && !c.holes[w] && !validWithin(w.Text) {
				c.error(w.Span, "bad-within", "write a host such as api.example.com, *.example.com for those below it, or any", "%q names no hosts", w.Text)
			}
			continue
		}
		if c.holes[e.Value] {
			continue
		}
		u, err := url.Parse(e.Value.Text)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
			c.error(e.Value.Span, "bad-host", hostHelp(e.Value.Text), "%q is no address of a host", e.Value.Text)
		case u.Scheme == "http" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1":
			c.error(e.Value.Span, "insecure-host", "write https://"+strings.TrimPrefix(e.Value.Text, "http://"), "%q would send data and secrets in the clear", e.Value.Text)
		}
		h.Base = strings.TrimSuffix(e.Value.Text, "/")
	}
}

// validWithin reports whether a bound of hosts can hold for any.
func validWithin(s string) bool {
	if s == "any" || s == "localhost" {
		return true
	}
	host := strings.TrimPrefix(s, "*.")
	labels := strings.Split(host, ".")
	return len(labels) > 1 && !slices.Contains(labels, "") && !strings.ContainsAny(host, "*/:@ ")
}

func (c *compiler) host(n *source.Node) *Host {
	if n == nil {
		return nil
	}
	h := c.program.Hosts[n.Text]
	if h == nil {
		c.unknown(n, "host", c.keys(c.folder.destination.root, "hosts"))
	}
	return h
}

func (c *compiler) http(s *scope, n *source.Node) *HTTP {
	if n == nil {
		return nil
	}
	return &HTTP{
		Method: text(n, "method"), Host: c.host(n.Get("host")), URL: c.url(s, n.Get("url")),
		Headers: c.fields(s, n.Get("headers")), Params: c.fields(s, n.Get("params")), Body: c.template(s, n.Get("body")),
	}
}

// url compiles a URL template. Its computed parts are escaped when it is filled
// in, so it is text or a constant, never one expression.
func (c *compiler) url(s *scope, n *source.Node) *Template {
	if n == nil {
		return nil
	}
	if n.IsNull() && !c.holes[n] {
		c.error(n.Span, "empty", "write the path, or \"\" where the address of the host is complete", "the URL is empty")
		return nil
	}
	if strings.HasPrefix(n.Text, "=") {
		c.error(n.Span, "computed-url", "write it as text with ${expression} in it, so that the parts can be escaped", "a URL cannot be one expression")
		return nil
	}
	head, tail, _ := strings.Cut(n.Text, "/")
	if c.isPath(s, head) && tail != "" {
		c.error(n.At(0, len(head)), "missing-mark", "write ${"+head+"}/"+tail, "%s stands in the URL as this text, although it names a value", head)
		return nil
	}
	for _, part := range strings.Split(tail, "/") {
		if name, ok := strings.CutPrefix(part, ":"); ok && c.names(s, name) {
			at := strings.Index(n.Text, "/"+part) + 1
			c.error(n.At(at, at+len(part)), "missing-mark", "write "+n.Text[:at]+"${"+name+"}"+n.Text[at+len(part):], "%s stands in the URL as this text, although %s is a name", part, name)
			return nil
		}
	}
	t := c.template(s, n)
	c.checkStart(n, t)
	if first := n.Text; first != "" && first[0] != '/' && !strings.HasPrefix(first, "${") && !strings.HasPrefix(first, "?") {
		c.error(n.Span, "bad-url", c.urlHelp(n.Text), "the URL %q does not start with /", n.Text)
	}
	c.fragmentOf(n, t)
	return t
}

// fragmentOf refuses a # in a URL: what follows it is never sent. Most often it
// begins a comment, with the blank before it forgotten.
func (c *compiler) fragmentOf(n *source.Node, t *Template) {
	literal := strings.Contains(n.Text, "#") && len(t.Text) == 0
	for _, p := range t.Text {
		literal = literal || strings.Contains(p.Literal, "#")
	}
	if literal {
		at := strings.LastIndex(n.Text, "#")
		c.error(n.At(at, len(n.Text)), "bad-url", "put a blank before the # if it begins a comment; a # that is part of the path is written %23", "what stands behind the # of a URL is never sent")
	}
}

func (c *compiler) compileAuth(root *source.Node) map[string]*Auth {
	byName := map[string]*Auth{}
	for _, n := range items(root.Get("auth")) {
		s := c.configScope()
		a := &Auth{Rule: c.rule(c.dest+"/auth/"+text(n, "name"), n), Name: text(n, "name"), When: c.condition(s, n)}
		if old := byName[a.Name]; old != nil && !c.broken(n) {
			c.error(n.Get("name").Span, "duplicate-name", "rename one of them", "there are two auth entries %q", a.Name).Relate(old.Span, "the first one")
		}
		c.checkName(n.Get("name"), "an auth entry")
		if a.When != nil {
			c.constantCondition(entry{n, a.When}, "auth entry")
		}
		a.Needs = c.needs(s, a.ID, n.Get("needs"))
		a.Headers, a.Params = c.fields(s, n.Get("headers")), c.fields(s, n.Get("params"))
		if b := n.Get("basic"); b != nil {
			a.User, a.Password = c.template(s, b.Get("user")), c.template(s, b.Get("password"))
		}
		byName[a.Name] = a
		c.program.Auth = append(c.program.Auth, a)
	}
	return byName
}

func (c *compiler) compileAnswers(root *source.Node) map[string][]*Answer {
	lists := map[string][]*Answer{}
	s := c.configScope().with("status", "headers", "body", "items", "item", "trace", "index")
	for _, e := range entries(root.Get("answers")) {
		taken := map[string]*source.Node{}
		lists[e.Key.Text] = nil
		var rules []entry
		for _, n := range e.Value.Items {
			name := text(n, "name")
			a := &Answer{Rule: c.rule(c.dest+"/answers/"+e.Key.Text+"/"+name, n), When: c.condition(s, n), Do: text(n, "do"), Because: c.sentence(s, n.Get("because"))}
			if old := taken[name]; old != nil && !c.broken(n) && !c.broken(old) {
				c.error(n.Get("name").Span, "duplicate-name", "rename one of them", "there are two answer rules %q", name).Relate(old.Get("name").Span, "the first one")
			}
			taken[name] = n
			a.After, a.AfterOf = c.after(s, n)
			c.checkName(n.Get("name"), "an answer rule")
			rules = append(rules, entry{n, a.When})
			lists[e.Key.Text] = append(lists[e.Key.Text], a)
		}
		c.firstOf(rules, "answer rule", "takes every answer")
	}
	return lists
}

// after compiles how long to wait: a time span, or an expression.
func (c *compiler) after(s *scope, n *source.Node) (time.Duration, *Expr) {
	after := n.Get("after")
	if after == nil {
		return 0, nil
	}
	if d, err := time.ParseDuration(after.Text); err == nil {
		return d, nil
	}
	if meant := syntax.MeantDuration(after.Text); meant != "" {
		c.error(after.Span, "wrong-kind", "write "+meant, "after has to be a time span such as 10s or 5m, or an expression that gives one, this is %q", after.Text)
		return 0, nil
	}
	return 0, c.expr(s, after, expression.Anything)
}

func (c *compiler) compileRequests(root *source.Node, auth map[string]*Auth, answers map[string][]*Answer) {
	for _, e := range entries(root.Get("requests")) {
		n := e.Value
		r := &Request{
			Rule: c.rule(c.dest+"/requests/"+e.Key.Text, n), Name: e.Key.Text, Doc: text(n, "doc"),
			Method: text(n, "method"), Host: c.host(n.Get("host")), Args: texts(n.Get("args")),
			Encode: text(n, "encode"), Duplicates: text(n, "duplicates"), MaxBytes: c.integer(n, "maxBytes", 0),
		}
		if r.Encode == "" {
			r.Encode = "json"
		}
		own := c.configScope().with(r.Args...).orOpen(n, n.Get("args"))
		for _, a := range r.Args {
			r.ArgSlots = append(r.ArgSlots, c.variable(a))
		}
		many, one := own.with("items"), own.with("item")
		r.URL = c.url(one, n.Get("url"))
		r.Headers = c.template(one, n.Get("headers"))
		body, params := n.Get("envelope"), n.Get("params")
		r.Single = !c.mentions(many, body, "items")
		s := one
		if !r.Single {
			s = many
		} else {
			c.forgottenItems(many, body)
		}
		r.Envelope, r.Params = c.template(s, body), c.template(s, params)
		r.UsesItem = !r.Single || c.mentions(one, body, "item") || c.mentions(one, params, "item")
		if r.Max = c.optional(c.configScope(), n, "max", expression.Anything); r.Max != nil && r.Single && !c.holes[n] && !c.holes[body] && !r.Envelope.failed() {
			c.warn(n.Get("max").Span, "useless-key", "remove max, or use items in the envelope", "each of these requests carries one item, so max has no effect").Relate(body.At(0, math.MaxInt), "the envelope")
		}
		for _, a := range entries(n.Get("arrays")) {
			r.Arrays = append(r.Arrays, Array{Name: a.Key.Text, Max: c.optional(c.configScope(), a.Value, "max", expression.Anything)})
		}
		c.checkArrays(r, n, many)
		c.checkBound(r, n)
		c.checkEncoding(r, r.Envelope, body)
		r.Same = c.optional(one, n, "same", expression.Anything)
		c.trace(r, n.Get("trace"))
		c.requestAuth(r, n.Get("auth"), auth)
		r.Limits = c.limits(n.Get("limits"))
		if a := n.Get("answers"); a != nil {
			list := []*source.Node{a}
			if a.Kind == source.Sequence {
				list = a.Items
			}
			for i, x := range list {
				rules, ok := answers[x.Text]
				if !ok {
					c.unknown(x, "list of answer rules", c.keys(root, "answers"))
				}
				if n := len(rules); i < len(list)-1 && n > 0 && c.always(entry{root.Get("answers").Get(x.Text).Items[n-1], rules[n-1].When}) {
					c.error(list[i+1].Span, "unreachable", "name "+x.Text+" last", "the rules of %s are never reached: %s ends with a rule that takes every answer", list[i+1].Text, x.Text).Relate(rules[n-1].Span, "this rule")
				}
				r.Answers = append(r.Answers, rules...)
			}
		}
		c.program.Requests[r.Name] = r
	}
}

// checkArrays reports arrays that the envelope leaves out, and ones that it uses
// but the request does not declare: their items would be lost.
func (c *compiler) checkArrays(r *Request, n *source.Node, s *scope) {
	if len(r.Arrays) == 0 || r.Envelope.failed() || c.holes[n] || c.anyHole(n, "arrays", "envelope") {
		return
	}
	slot, _ := s.Slot("items")
	whole, used := false, map[string]*Expr{}
	r.Envelope.walk(func(e *Expr) {
		e.Reads(func(i int, steps expression.Path) {
			switch {
			case i != slot:
			case len(steps) == 0 || steps[0].IsIndex:
				whole = true
			default:
				used[steps[0].Name] = e
			}
		})
	})
	var names []string
	for _, a := range r.Arrays {
		names = append(names, a.Name)
		if used[a.Name] == nil && !whole {
			c.error(n.Get("arrays").Entry(a.Name).Key.Span, "unused-array", "put =items."+a.Name+" into the envelope", "the envelope does not use the array %q, so its items would be lost", a.Name).Relate(n.Get("envelope").At(0, math.MaxInt), "the envelope")
		}
	}
	for _, name := range sortedNames(used) {
		c.checkField(used[name], "the request "+r.Name+" has no array", name, names)
	}
}

// mentions reports whether a template uses a name.
func (c *compiler) mentions(s *scope, n *source.Node, name string) bool {
	if n == nil {
		return false
	}
	slot, _ := s.Slot(name)
	found, problems := false, c.found
	t := c.template(s, n)
	c.found = problems // it is compiled once more, in its own scope, where mistakes count
	if t.failed() {
		return slices.Contains(words.FindAllString(n.Span.Text(), -1), name)
	}
	t.walk(func(e *Expr) { found = found || e != nil && slices.Contains(e.Slots(), slot) })
	return found
}

var words = regexp.MustCompile(`\w+`)

// failed reports whether an expression of a template has mistakes.
func (t *Template) failed() bool {
	return t != nil && (t.kind == exprTemplate && t.Expr == nil ||
		slices.ContainsFunc(t.Text, func(p Part) bool { return p.Expr == nil && p.Literal == "" }) ||
		slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Value.failed() }) ||
		slices.ContainsFunc(t.Items, (*Template).failed))
}

// Expressions visits the expressions of a template.
func (t *Template) Expressions(visit func(*Expr)) { t.walk(visit) }

// walk visits the expressions of a template.
func (t *Template) walk(visit func(*Expr)) {
	if t == nil {
		return
	}
	if t.Expr != nil {
		visit(t.Expr)
	}
	for _, p := range t.Text {
		if p.Expr != nil {
			visit(p.Expr)
		}
	}
	for _, f := range t.Fields {
		f.Value.walk(visit)
	}
	for _, x := range t.Items {
		x.walk(visit)
	}
}

func (c *compiler) trace(r *Request, n *source.Node) {
	switch {
	case n == nil:
	case n.Kind == source.Scalar:
		r.TraceField = n.Text
	default:
		r.TraceField = text(n, "field")
		r.TraceWhen = c.condition(c.configScope(), n)
	}
}

func (c *compiler) requestAuth(r *Request, n *source.Node, auth map[string]*Auth) {
	switch {
	case n == nil:
		r.Auth = c.program.Auth
	case n.Kind == source.Scalar: // none
	default:
		for _, x := range n.Items {
			a := auth[x.Text]
			if a == nil {
				c.unknown(x, "auth entry", c.entryNames(c.folder.destination.root, "auth"))
				continue
			}
			r.Auth = append(r.Auth, a)
		}
	}
}

func (c *compiler) compileLookups(root *source.Node) {
	for _, e := range entries(root.Get("lookups")) {
		n, before := e.Value, len(c.found)
		l := &Lookup{
			Rule: c.rule(c.dest+"/lookups/"+e.Key.Text, n), Name: e.Key.Text, Doc: text(n, "doc"), Args: texts(n.Get("args")),
			Host: text(n, "host") == "true", TTL: c.duration(n, "ttl"),
		}
		if k := n.Get("keys"); k != nil {
			l.MaxKeys, l.Fold = c.integer(k, "max", 0), text(k, "fold") == "lower"
		}
		if r := n.Get("rate"); r != nil {
			l.PerSecond = c.integer(r, "perSecond", 0)
		}
		args := c.configScope().with(l.Args...).orOpen(n, n.Get("args"))
		l.Request = c.http(args.with("keys", "page"), n.Get("request"))
		l.Keyed = l.Request != nil && slices.Contains(c.slotsOf(l.Request), c.variable("keys"))
		body := args.with("body", "status", "headers")
		l.Pages = c.optional(body, n, "pages", expression.Anything)
		l.Answer = c.optional(body, n, "answer", expression.Anything)
		l.Matches = c.optional(args.with("item", "key"), n, "matches", expression.Condition)
		l.Gives = c.optional(args.with("item", "key"), n, "gives", expression.Anything)
		l.Value = c.optional(body.with("key"), n, "value", expression.Anything)
		if l.Matches != nil {
			l.Compared = l.Matches.Compared(c.variable("key"))
		}
		if item := n.Get("item"); item != nil {
			l.Item = c.schemaFile(item)
		}
		l.Failure = c.failures(body, n)
		l.Learn = c.learn(l, n.Get("learn"))
		l.Limits = c.limits(n.Get("limits"))
		c.program.Lookups[l.Name] = l
		c.vague[l] = len(c.found) > before || c.broken(n)
	}
	for _, name := range sortedNames(c.program.Lookups) {
		if l := c.program.Lookups[name]; l.Learn != nil {
			c.program.Learning = append(c.program.Learning, l)
		}
	}
}

// failures compiles the rules on failed requests of a lookup or portal data.
func (c *compiler) failures(s *scope, n *source.Node) (out []Failure) {
	for _, x := range items(n.Get("failure")) {
		f := Failure{When: c.condition(s, x), Do: text(x, "do"), Because: c.sentence(s, x.Get("because"))}
		f.After, f.AfterOf = c.after(s, x)
		out = append(out, f)
	}
	return out
}

// with orders the arguments that a sender or an ask gives by the names
// that the request or lookup declares.
func (c *compiler) with(s *scope, at *source.Node, args declared, what string) []*Template {
	out, unknown := make([]*Template, len(args.names)), c.holes[at] || args.lost || c.anyHole(at, "with")
	for _, e := range entries(at.Get("with")) {
		t := c.template(s, e.Value)
		i := slices.Index(args.names, e.Key.Text)
		if i < 0 {
			c.unknown(e.Key, "argument", args)
			unknown = true
			continue
		}
		out[i] = t
	}
	for i, a := range args.names {
		if out[i] == nil && !unknown { // a misspelt one is reported already
			c.error(at.Span, "missing-argument", "give it under with", "%s needs the argument %q", what, a).Relate(args.places[a], "%s is declared here", a)
			out[i] = &Template{Constant: value.NullNode()}
		}
	}
	return out
}
