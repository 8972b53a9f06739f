package engine

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// target is where the items of a request go: all of it that is not made of items.
type target struct {
	endpoint *value.Node
	headers  *value.Node // object of texts
	params   *value.Node // object of texts, from auth
	max      int         // items in one request; 0 for no bound
	arrays   []int       // the same for each array of the request
	trace    bool
}

// fixedTarget is the target of an entry under send whose items all go to the
// same place, or why there is none.
type fixedTarget struct {
	target *target
	err    error
	cost   *cost
}

// target computes address, headers and authentication of an item's request.
func (r *runner) target(it *item) (*target, error) {
	if !it.send.Fixed {
		return r.makeTarget(it)
	}
	if known := r.targets[it.send]; known != nil {
		r.pay(known.cost)
		return known.target, known.err
	}
	known := &fixedTarget{}
	known.cost = r.lasting(func() { known.target, known.err = r.makeTarget(it) })
	if t := known.target; known.err == nil {
		t.endpoint.Freeze()
		t.headers.Freeze()
		t.params.Freeze()
	}
	r.targets[it.send] = known
	return known.target, known.err
}

func (r *runner) makeTarget(it *item) (*target, error) {
	q := it.request
	r.arguments(it)
	defer r.set(r.lines.item, r.set(r.lines.item, it.node))
	t := &target{headers: r.arena.Object(), params: r.arena.Object(), trace: q.TraceField != ""}
	var err error
	if err := r.addTexts(t.headers, r.program.Headers, q.Rule, true); err != nil {
		return nil, err
	}
	own, err := r.template(q.Headers)
	if err != nil {
		return nil, err
	}
	if err := r.addMembers(t.headers, own, q.Rule, true); err != nil {
		return nil, err
	}
	// After the headers, so that none overrides it; before the address, which may
	// be made of what it needs.
	if err := r.authenticate(t, q.Auth, q.Rule); err != nil {
		return nil, err
	}
	if t.endpoint, err = r.endpoint(q.Host, q.URL, q.Rule); err != nil {
		return nil, err
	}
	if q.TraceWhen != nil {
		if t.trace, err = r.condition(q.TraceWhen); err != nil {
			return nil, err
		}
	}
	if t.max, err = r.maximum(q.Max, q.Rule); err != nil {
		return nil, err
	}
	for _, a := range q.Arrays {
		n, err := r.maximum(a.Max, q.Rule)
		if err != nil {
			return nil, err
		}
		t.arrays = append(t.arrays, n)
	}
	return t, nil
}

// maximum evaluates a bound of items; 0 is none.
func (r *runner) maximum(e *plan.Expr, rule *Rule) (int, error) {
	if e == nil {
		return 0, nil
	}
	v, err := r.expr(e)
	if err != nil {
		return 0, err
	}
	n, ok := v.Int()
	if !ok || n < 1 || n > 1_000_000 {
		return 0, (&EventError{Code: "invalid_maximum", Status: 400, Message: "the maximum of items in a request has to be a whole number from 1 on, this is " + value.Preview(v)}).at(e, 0, len(e.Text)).with(r, e, v)
	}
	return int(n), nil
}

// authenticate applies the first way of authentication whose condition holds.
func (r *runner) authenticate(t *target, ways []*plan.Auth, rule *Rule) error {
	for _, a := range ways {
		ok, err := r.decide(a.Rule, a.When)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := r.needs(a.Needs); err != nil {
			return err
		}
		if err := r.addTexts(t.headers, a.Headers, a.Rule, true); err != nil {
			return err
		}
		if err := r.addTexts(t.params, a.Params, a.Rule, false); err != nil {
			return err
		}
		r.hide(t.headers, a.Headers)
		r.hide(t.params, a.Params)
		if a.User != nil {
			return r.basic(t, a)
		}
		return nil
	}
	if len(ways) > 0 {
		return &EventError{Code: "missing_config", Status: 400, Rule: rule, Path: "config", Message: "no way of authentication fits the destination's settings"}
	}
	return nil
}

// hide marks what an auth entry computes as secret, also where no schema of the
// config says so: it is what proves who sends.
func (r *runner) hide(object *value.Node, fields []plan.Field) {
	for _, f := range fields {
		if v := object.Get(f.Name); v != nil && f.Value.Constant == nil {
			r.arena.Set(object, f.Name, r.arena.MarkSecret(v))
		}
	}
}

func (r *runner) basic(t *target, a *plan.Auth) error {
	user, err := r.template(a.User)
	if err != nil {
		return err
	}
	password, err := r.template(a.Password)
	if err != nil {
		return err
	}
	u, err := r.text(user)
	if err != nil {
		return err
	}
	p, err := r.text(password)
	if err != nil {
		return err
	}
	v := r.arena.String("Basic " + base64.StdEncoding.EncodeToString([]byte(u+":"+p)))
	r.wrote(r.arena.Set(t.headers, "Authorization", r.arena.MarkSecret(v)), a.Rule)
	return nil
}

// addTexts adds members to an object of texts. Null ones are left out.
func (r *runner) addTexts(object *value.Node, fields []plan.Field, rule *Rule, header bool) error {
	for _, f := range fields {
		v, err := r.template(f.Value)
		if err != nil {
			return err
		}
		if v.IsNull() {
			continue
		}
		if err := r.addText(object, f.Name, v, rule, header); err != nil {
			return err
		}
	}
	return nil
}

// addMembers is addTexts for the members of an object that rules computed.
func (r *runner) addMembers(object, from *value.Node, rule *Rule, header bool) error {
	if from.IsNull() {
		return nil
	}
	if from.Kind() != value.Object {
		what := "params"
		if header {
			what = "headers"
		}
		return &EventError{Code: "invalid_request", Status: 400, Rule: rule, Message: fmt.Sprintf("the %s of a request are an object, this is %s", what, value.Preview(from))}
	}
	i := 0
	for m := from.First(); m != nil; m = m.Next() {
		if i++; m.IsNull() {
			continue
		}
		if err := r.addText(object, m.Key(), m, rule, header); err != nil {
			if known, ok := err.(*EventError); ok && from.Secret() { // its name may be chosen by one
				known.Message = strings.ReplaceAll(known.Message, strconv.Quote(m.Key()), fmt.Sprintf("the name of no. %d of those that are computed from a secret", i))
				known.Message = strings.ReplaceAll(known.Message, "the header "+m.Key(), fmt.Sprintf("the header no. %d of those that are computed from a secret", i))
			}
			return err
		}
	}
	return nil
}

// maxHeaders bounds the headers of one request, below what servers accept.
const maxHeaders = 100

func (r *runner) addText(object *value.Node, name string, v *value.Node, rule *Rule, header bool) error {
	n := v
	if v.Kind() != value.String {
		s, err := r.text(v)
		if err != nil {
			return err
		}
		n = r.arena.String(s)
		if v.HoldsSecret() {
			n = r.arena.MarkSecret(n)
		}
	}
	if header {
		if !headerName(name) {
			return &EventError{Code: "unsafe_header", Status: 400, Rule: rule, Message: fmt.Sprintf("%q is no name of a header: use letters, digits and -", name)}
		}
		if strings.ContainsAny(n.Text(), "\r\n\x00") {
			return &EventError{Code: "unsafe_header", Status: 400, Rule: rule, Message: "the value of the header " + name + " holds a line break: remove it, for example with regexReplace(x, \"[\\r\\n]\", \"\")"}
		}
		if object.Len() >= maxHeaders {
			return &EventError{Code: "unsafe_header", Status: 400, Rule: rule, Message: fmt.Sprintf("the request would have more than %d headers", maxHeaders)}
		}
		for m := object.First(); m != nil; m = m.Next() {
			if strings.EqualFold(m.Key(), name) { // names of headers differ by more than case
				name = m.Key()
			}
		}
	}
	r.wrote(r.arena.Set(object, name, n), rule)
	return nil
}

// headerName reports whether a text is a token as RFC 9110 has it.
func headerName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// endpoint fills in a URL. What is computed is escaped, except what comes from
// tables of the rules; the host is one that the destination declares.
func (r *runner) endpoint(h *plan.Host, t *plan.Template, rule *Rule) (*value.Node, error) {
	base, secret := h.Base, false
	if h.URL != nil {
		v, err := r.template(h.URL)
		if err != nil {
			return nil, err
		}
		if base, err = r.text(v); err != nil {
			return nil, err
		}
		secret = v.HoldsSecret()
		if err := within(base, r.shown(v, nil), h); err != nil {
			return nil, err
		}
	}
	var path *value.Node
	var err error
	switch {
	case t == nil:
	case t.Text != nil:
		path, err = r.parts(t.Text, func(s string) (string, error) { return escapeSegment(s, rule) })
	default:
		path = t.Constant
	}
	if err != nil {
		return nil, err
	}
	if path.Text() != "" { // an address that stands alone stays as the settings have it
		if first := path.Text()[0]; first != '/' && first != '?' { // it would go on with the name of the host
			return nil, &EventError{Code: "unsafe_url", Status: 400, Rule: rule, Message: "the path of the URL does not start with /, so it would change the host"}
		}
		if strings.Contains(base, "?") {
			return nil, &EventError{Code: "forbidden_host", Status: 400, Rule: h.Rule, Path: "config", Message: "the address of the host " + h.Name + " in the destination's settings holds a query, and a path follows it"}
		}
		base = strings.TrimSuffix(base, "/")
	}
	n := r.arena.String(base + path.Text())
	if secret || path.HoldsSecret() {
		n = r.arena.MarkSecret(n)
	}
	return n, nil
}

// within checks that an address from the config is where the destination
// allows it; shown is the address without secrets.
func within(base, shown string, h *plan.Host) error {
	fail := func(why string) error {
		return &EventError{Code: "forbidden_host", Status: 400, Rule: h.Rule, Path: "config", Message: fmt.Sprintf("the address of the host %s in the destination's settings, %q, cannot be used: %s", h.Name, shown, why)}
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || !hostName(u.Hostname()):
		return fail("it is no URL such as https://example.com")
	case u.User != nil || strings.Contains(base, "#"):
		return fail("it holds a user name or a fragment")
	case u.Scheme != "https" && h.Within != "any" && !local(u.Hostname()):
		return fail("it has to start with https://")
	case u.Scheme != "https" && u.Scheme != "http":
		return fail("it has to start with https:// or http://")
	}
	host, allowed := strings.ToLower(u.Hostname()), strings.ToLower(h.Within)
	switch {
	case allowed == "any" || host == allowed:
		return nil
	case strings.HasPrefix(allowed, "*.") && strings.HasSuffix(host, allowed[1:]) && len(host) > len(allowed)-1:
		return nil
	}
	return fail("its host is not within " + h.Within)
}

// hostName reports whether a text is a name of a host in ASCII or an address.
// Other signs are refused, because clients turn some of them into / and @.
func hostName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-._:", c) < 0 {
			return false
		}
	}
	return s != ""
}

func local(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// escapeSegment percent-encodes a part of a URL, so that it stays one part of
// one segment whatever it holds.
func escapeSegment(s string, rule *Rule) (string, error) {
	if s == "" || s == "." || s == ".." {
		return "", &EventError{Code: "unsafe_url", Status: 400, Rule: rule, Message: fmt.Sprintf("in the URL gives %q, which would change the path: ask for a value before, under needs or reject", s)}
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String(), nil
}
