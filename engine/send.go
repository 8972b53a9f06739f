package engine

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
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

// send makes the items of an event.
func (b *Batch) send(i int, e *event) error {
	e.items = e.items[:0]
	for _, s := range e.mapping.Sends {
		if err := b.sendEntry(i, e, s); err != nil {
			return err
		}
	}
	return nil
}

func (b *Batch) sendEntry(i int, e *event, s *plan.Send) error {
	r := b.runner
	if ok, err := r.decide(s.Rule, s.When); err != nil || !ok {
		return err
	}
	if s.Choose != nil {
		for _, alternative := range s.Choose {
			ok, err := r.condition(alternative.When)
			if err != nil {
				return err
			}
			if ok {
				return b.sendEntry(i, e, alternative)
			}
			if r.observe != nil {
				r.observe.Decided(alternative.Rule, false)
			}
		}
		return nil
	}
	if err := r.needs(s.Needs); err != nil {
		return err
	}
	if s.Each == nil {
		return b.item(i, e, s)
	}
	return r.each(s.Each, func(*value.Node) error { return b.item(i, e, s) })
}

func (b *Batch) item(i int, e *event, s *plan.Send) error {
	r := b.runner
	limits := r.connection.program.limits
	if len(e.items) >= limits.Items {
		return &EventError{Code: "too_many_items", Status: 400, Rule: s.Rule, Message: fmt.Sprintf("the event makes more than %d items", limits.Items)}
	}
	it := b.newItem(i, s)
	for _, w := range s.With {
		v, err := r.template(w)
		if err != nil {
			return err
		}
		it.args = append(it.args, v)
	}
	node, err := r.template(s.Item)
	if err != nil {
		return err
	}
	it.node = r.wrote(node, s.Rule)
	if it.target, err = r.target(it); err != nil {
		return err
	}
	if it.target.trace && node.Kind() == value.Object {
		if s.Item.Expr != nil || s.Item.Constant != nil {
			node = r.arena.Fork(node)
		}
		it.trace = e.job
		if it.trace == "" {
			it.trace = fmt.Sprint(e.result.Index)
		}
		if f := s.Request.TraceField; f != "index" {
			r.wrote(r.arena.Set(node, f, r.arena.String(it.trace)), s.Request.Rule)
		}
		it.node = r.wrote(node, s.Rule)
	}
	e.items = append(e.items, it)
	return nil
}

// identity is what makes two items of a request the same; null, alone or
// within a list, is like nothing else.
func (r *runner) identity(it *item) (string, error) {
	r.arguments(it)
	defer r.set(r.lines.item, r.set(r.lines.item, it.node))
	v, err := r.expr(it.request.Same)
	if err != nil || v.IsNull() {
		return "", err
	}
	for m := v.First(); m != nil && v.Kind() == value.List; m = m.Next() {
		if m.IsNull() {
			return "", nil
		}
	}
	return string(value.AppendJSON(nil, v)), nil
}

// arguments sets the variables that a request's `args` name.
func (r *runner) arguments(it *item) {
	for i, slot := range it.request.ArgSlots {
		r.values[slot] = it.args[i]
	}
}

// target computes address, headers and authentication of an item's request.
func (r *runner) target(it *item) (*target, error) {
	q := it.request
	if !q.Fixed {
		return r.makeTarget(it)
	}
	if t := r.targets[q]; t != nil {
		return t, nil
	}
	arena := r.arena
	r.arena, r.frame.Arena = r.static, r.static
	t, err := r.makeTarget(it)
	r.arena, r.frame.Arena = arena, arena
	if err != nil {
		return nil, err
	}
	t.endpoint.Freeze()
	t.headers.Freeze()
	t.params.Freeze()
	r.targets[q] = t
	return t, nil
}

func (r *runner) makeTarget(it *item) (*target, error) {
	q := it.request
	r.arguments(it)
	defer r.set(r.lines.item, r.set(r.lines.item, it.node))
	t := &target{headers: r.arena.Object(), params: r.arena.Object(), trace: q.TraceField != ""}
	var err error
	if t.endpoint, err = r.endpoint(q.Host, q.URL, q.Rule); err != nil {
		return nil, err
	}
	if err := r.addTexts(t.headers, r.program.Headers, q.Rule, true); err != nil {
		return nil, err
	}
	if err := r.authenticate(t, q); err != nil {
		return nil, err
	}
	own, err := r.template(q.Headers)
	if err != nil {
		return nil, err
	}
	if err := r.addMembers(t.headers, own, q.Rule, true); err != nil {
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
		return 0, &EventError{Code: "invalid_maximum", Status: 400, Path: e.Text, Rule: rule, Message: "the maximum of items in a request has to be a whole number from 1 on, this is " + value.Preview(v)}
	}
	return int(n), nil
}

// fit returns how many of the items, from the first on, one request may carry.
func fit(items []*item) int {
	t := items[0].target
	if items[0].request.Single {
		return 1
	}
	counts := make([]int, len(t.arrays))
	for i, it := range items {
		if t.max > 0 && i >= t.max {
			return i
		}
		if len(counts) > 0 {
			counts[it.array]++
			if most := t.arrays[it.array]; most > 0 && counts[it.array] > most {
				return i
			}
		}
	}
	return len(items)
}

// whole shortens the first n items so that no event is split, unless it alone
// has more.
func whole(items []*item, n int) int {
	if n >= len(items) {
		return len(items)
	}
	cut := n
	for cut > 0 && items[cut-1].events[0] == items[cut].events[0] {
		cut--
	}
	if cut > 0 {
		return cut
	}
	return max(n, 1)
}

// authenticate applies the first way of authentication whose condition holds.
func (r *runner) authenticate(t *target, q *plan.Request) error {
	for _, a := range q.Auth {
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
		if a.User != nil {
			return r.basic(t, a)
		}
		return nil
	}
	if len(q.Auth) > 0 {
		return &EventError{Code: "missing_config", Status: 400, Rule: q.Rule, Path: "config", Message: "no way of authentication fits the destination's settings"}
	}
	return nil
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
	for m := from.First(); m != nil; m = m.Next() {
		if m.IsNull() {
			continue
		}
		if err := r.addText(object, m.Key(), m, rule, header); err != nil {
			return err
		}
	}
	return nil
}

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
			return &EventError{Code: "unsafe_header", Status: 400, Rule: rule, Message: fmt.Sprintf("%q is no name of a header", name)}
		}
		if strings.ContainsAny(n.Text(), "\r\n\x00") {
			return &EventError{Code: "unsafe_header", Status: 400, Rule: rule, Message: "the value of the header " + name + " holds a line break"}
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
		if err := within(base, h); err != nil {
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
// allows it.
func within(base string, h *plan.Host) error {
	fail := func(why string) error {
		return &EventError{Code: "forbidden_host", Status: 400, Rule: h.Rule, Path: "config", Message: "the address of the host " + h.Name + " in the destination's settings cannot be used: " + why}
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "":
		return fail("it is no URL such as https://example.com")
	case u.User != nil || u.Fragment != "":
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

func local(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// escapeSegment percent-encodes a part of a URL, so that it stays one part of
// one segment whatever it holds.
func escapeSegment(s string, rule *Rule) (string, error) {
	if s == "" || s == "." || s == ".." {
		return "", &EventError{Code: "unsafe_url", Status: 400, Rule: rule, Message: fmt.Sprintf("a part of the URL is %q, which would change the path", s)}
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

// together reports whether two items may travel in one request.
func together(a, b *item) bool {
	if a.request != b.request || a.request.Single {
		return false
	}
	if a.target == b.target {
		return true
	}
	return value.Equal(a.target.endpoint, b.target.endpoint) && value.Equal(a.target.headers, b.target.headers) &&
		value.Equal(a.target.params, b.target.params) && slices.EqualFunc(a.args, b.args, value.Equal)
}

// merge adds items that are the same into one, as the request says.
func (r *runner) merge(items []*item) ([]*item, error) {
	q := items[0].request
	if len(items) < 2 || q.Same == nil || q.Duplicates == "" || q.Duplicates == "keep" {
		return items, nil
	}
	var out []*item
	seen := map[string]int{}
	for _, it := range items {
		same, err := r.identity(it)
		if err != nil {
			return nil, err
		}
		if same != "" && len(q.Arrays) > 0 {
			same = q.Arrays[it.array].Name + same
		}
		k, again := seen[same]
		if same == "" || !again {
			if same != "" {
				seen[same] = len(out)
			}
			out = append(out, it)
			continue
		}
		old := *out[k]
		old.events = append(slices.Clone(old.events), it.events...)
		switch it.request.Duplicates {
		case "replace":
			old.node = r.retrace(it.node, old)
		case "union":
			old.node = r.join(old.node, it.node, true)
		default:
			old.node = r.retrace(r.join(old.node, it.node, false), old)
		}
		out[k] = &old
	}
	return out, nil
}

// retrace keeps the trace of the first of merged items.
func (r *runner) retrace(n *value.Node, first item) *value.Node {
	if f := first.request.TraceField; first.trace != "" && f != "index" && n.Get(f) != nil {
		n = r.arena.Fork(n)
		r.arena.Set(n, f, first.node.Get(f))
	}
	return n
}

// join merges two values: objects member by member, later ones over earlier
// ones; with union lists are joined.
func (r *runner) join(a, b *value.Node, union bool) *value.Node {
	switch {
	case a.Kind() == value.Object && b.Kind() == value.Object:
		sum := r.arena.Fork(a)
		for m := b.First(); m != nil; m = m.Next() {
			v := m
			if old := a.Get(m.Key()); old != nil {
				v = r.join(old, m, union)
			}
			r.arena.Set(sum, m.Key(), v)
		}
		return sum
	case union && a.Kind() == value.List && b.Kind() == value.List:
		sum := r.arena.Fork(a)
		for m := b.First(); m != nil; m = m.Next() {
			known := false
			for x := sum.First(); x != nil && !known; x = x.Next() {
				known = value.Equal(x, m)
			}
			if !known {
				r.arena.Append(sum, m)
			}
		}
		return sum
	}
	return b
}

// requests builds the requests of items, in their order: neighbours that may
// travel together do, up to the maximum.
func (r *runner) requests(items []*item) ([]Request, error) {
	var out []Request
	for len(items) > 0 {
		n := 1
		for n < len(items) && together(items[0], items[n]) {
			n++
		}
		group, err := r.merge(items[:n])
		if err != nil {
			return nil, err
		}
		items = items[n:]
		for len(group) > 0 {
			size := whole(group, fit(group))
			q, used, err := r.request(group[:size])
			if err != nil {
				return nil, err
			}
			if len(out) >= r.connection.program.limits.Requests {
				return nil, &EventError{Code: "too_many_requests", Status: 400, Rule: q.Rule, Message: fmt.Sprintf("the event makes more than %d requests", r.connection.program.limits.Requests)}
			}
			out = append(out, q)
			group = group[used:]
		}
	}
	return out, nil
}

// request builds one request; where its body would be too large it takes fewer
// items, and says how many.
func (r *runner) request(items []*item) (Request, int, error) {
	for {
		q, err := r.describe(items)
		if err != nil {
			return q, 0, err
		}
		most := items[0].request.MaxBytes
		if most == 0 {
			return q, len(items), nil
		}
		size := bodySize(q.Descriptor.Get("body").First())
		if size <= most {
			return q, len(items), nil
		}
		if len(items) == 1 {
			return q, 0, &EventError{Code: "item_too_large", Status: 400, Rule: items[0].rule, Message: fmt.Sprintf("the request would have %d bytes, at most %d are allowed", size, most)}
		}
		items = items[:whole(items, len(items)/2)]
	}
}

// bodySize is the size of a body as it will be sent; of a form, before escaping.
func bodySize(content *value.Node) int {
	switch content.Key() {
	case "JSON_ARRAY", "XML":
		return len(content.First().Text())
	}
	return len(value.AppendJSON(nil, content))
}

// describe writes a request in descriptor form.
func (r *runner) describe(items []*item) (Request, error) {
	it := items[0]
	q, t := it.request, it.target
	r.arguments(it)
	oldItem, oldItems := r.set(r.lines.item, it.node), r.set(r.lines.items, nil)
	defer func() {
		r.set(r.lines.item, oldItem)
		r.set(r.lines.items, oldItems)
	}()
	if !q.Single {
		r.set(r.lines.items, r.itemsOf(q, items))
	}
	out := Request{Name: q.Name, Rule: it.rule, items: items, plan: q}
	d := r.arena.Object()
	r.wrote(r.arena.Add(d, "method", r.arena.String(q.Method)), q.Rule)
	r.wrote(r.arena.Add(d, "endpoint", t.endpoint), q.Rule)
	if t.headers.Len() > 0 {
		r.wrote(r.arena.Add(d, "headers", t.headers), q.Rule)
	}
	params := t.params
	if q.Params != nil {
		own, err := r.template(q.Params)
		if err != nil {
			return out, err
		}
		params = r.arena.Object()
		if err := r.addMembers(params, own, it.rule, false); err != nil {
			return out, err
		}
		for m := t.params.First(); m != nil; m = m.Next() { // authentication is never overridden
			r.arena.Set(params, m.Key(), m)
		}
	}
	if params.Len() > 0 {
		r.wrote(r.arena.Add(d, "params", params), q.Rule)
	}
	body, err := r.template(q.Envelope)
	if err != nil {
		return out, err
	}
	if body != nil && q.Envelope != nil {
		format, content, err := r.encode(q, body)
		if err != nil {
			return out, err
		}
		formats := r.arena.Object()
		r.wrote(r.arena.Add(formats, format, content), q.Rule)
		r.wrote(r.arena.Add(d, "body", formats), q.Rule)
	}
	out.Descriptor = r.wrote(d, it.rule)
	return out, nil
}

// itemsOf is what an envelope calls items: a list, or an object of lists where
// the request has several arrays. An array without items is absent.
func (r *runner) itemsOf(q *plan.Request, items []*item) *value.Node {
	list := func(array int) *value.Node {
		l := r.arena.List()
		for _, x := range items {
			if x.array == array {
				r.wrote(r.arena.Append(l, x.node), x.rule)
			}
		}
		return l
	}
	if len(q.Arrays) == 0 {
		return list(0)
	}
	arrays := r.arena.Object()
	for i, a := range q.Arrays {
		if l := list(i); l.Len() > 0 {
			r.arena.Add(arrays, a.Name, l)
		}
	}
	return arrays
}

// Output is what became of a batch.
type Output struct {
	batch    *Batch
	results  []Result
	elements []Element
}

// Map maps the events. Questions that were not answered count as nothing found.
func (b *Batch) Map() *Output {
	for b.round < maxRounds && len(b.questions) > 0 {
		b.settle()
	}
	return &Output{batch: b}
}

// Results returns one result for each input, in order, each with requests of
// its own.
func (o *Output) Results() []Result {
	if o.results != nil {
		return o.results
	}
	b := o.batch
	o.results = make([]Result, len(b.events))
	for i := range b.events {
		e := &b.events[i]
		if e.result.Status == Mapped && e.done {
			b.runner.start(e.node)
			requests, err := b.runner.requests(e.items)
			if err != nil {
				b.reject(e, err)
			}
			e.result.Requests = requests
		}
		o.results[i] = e.result
	}
	return o.results
}

// Release gives the batch's memory back. Nothing of the output may be used
// afterwards, except texts of results that were copied.
func (o *Output) Release() {
	b := o.batch
	if b == nil {
		return
	}
	o.batch, o.results, o.elements = nil, nil, nil
	b.arena.Reset()
	batchArenas.Put(b.arena)
	b.runner.arena, b.runner.frame.Arena = nil, nil
	b.connection.runners.Put(b.runner)
	b.runner = nil
}
