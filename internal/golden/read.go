package golden

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// ReadFile reads a fixture. The case is nil if the findings hold an error; its
// error is one of reading the file at all.
func ReadFile(file string) (*Case, source.Diagnostics, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	c, found := Read(file, data)
	return c, found, nil
}

// Read reads a fixture from the content of a file, whose name tells where the
// configs are that it may use.
func Read(file string, data []byte) (*Case, source.Diagnostics) {
	root, found := source.Parse(file, data)
	if root == nil {
		return nil, found
	}
	r := &reader{file: file, found: found}
	c := r.read(root)
	r.found.Sort()
	if r.found.HasErrors() {
		return nil, r.found
	}
	return c, r.found
}

// reader checks a fixture while it reads it, and goes on after a mistake so
// that one look finds all of them.
type reader struct {
	file  string
	arena value.Arena
	found source.Diagnostics
}

var fixtureKeys = append([]string{
	"celmap", "destination", "doc", "config", "portal", "lookups", "now", "event", "events", "answer",
}, expectationKeys...)

func (r *reader) read(root *source.Node) *Case {
	c := &Case{File: r.file, Now: DefaultNow, root: root}
	if !r.mapping(root, "a fixture", fixtureKeys...) {
		return nil
	}
	r.header(root)
	c.Destination = r.text(r.need(root, "destination", "a fixture"), "destination")
	c.Doc = r.text(root.Get("doc"), "doc")
	c.Config = []byte("{}")
	if n := root.Get("config"); n != nil {
		if c.config = r.config(n); c.config != nil {
			c.Config = value.AppendJSON(nil, c.config.Value(&r.arena))
		}
	}
	c.Portal = r.named(root.Get("portal"), "portal", func(*source.Node) {})
	c.Lookups = r.named(root.Get("lookups"), "lookups", r.lookup)
	if now := root.Get("now"); now != nil {
		t, err := time.Parse(time.RFC3339, now.Text)
		if err != nil {
			r.found.Errorf("fixture-time", now.Span, "%s is no time", shown(now)).Help = "write it as 2024-03-05T10:00:00Z"
		}
		c.Now = t
	}
	r.events(c)
	if n := root.Get("answer"); n != nil {
		c.Answer = r.answer(n)
	}
	r.expectations(c)
	if !r.found.HasErrors() {
		r.schema(root)
	}
	return c
}

func (r *reader) header(root *source.Node) {
	n := r.need(root, "celmap", "a fixture")
	if n != nil && n.Text != Header {
		r.found.Errorf("fixture-header", n.Span, "%s is not read here", shown(n)).Help = "a fixture begins with `celmap: " + Header + "`"
	}
}

func (r *reader) events(c *Case) {
	one, many := c.root.Entry("event"), c.root.Entry("events")
	switch {
	case one == nil && many == nil:
		r.found.Errorf("fixture-missing-key", start(c.root), "the fixture has no event").Help = "add `event: {…}`, or `events:` with a list"
	case one != nil && many != nil:
		r.found.Errorf("fixture-conflict", many.Key.Span, "`event` and `events` cannot stand together").Help = "put all events into the list `events`"
	case one != nil:
		c.single = true
		c.Events = [][]byte{r.event(one.Value)}
	default:
		if !r.list(many.Value, "events") {
			return
		}
		for _, n := range many.Value.Items {
			c.Events = append(c.Events, r.event(n))
		}
		if len(c.Events) == 0 {
			r.found.Errorf("fixture-missing-key", many.Value.Span, "there is no event in the list").Help = "add an event"
		}
	}
}

// event returns the JSON text of an event. A text is taken as it is written,
// which keeps every digit and lets a fixture send broken JSON.
func (r *reader) event(n *source.Node) []byte {
	if n.IsNull() {
		r.found.Errorf("fixture-type", n.Span, "the event is empty").Help = "write it as a mapping, or as JSON after `event: |`"
		return nil
	}
	if n.Kind == source.Scalar {
		return []byte(n.Text)
	}
	return value.AppendJSON(nil, n.Value(&r.arena))
}

// named reads a mapping of names to data.
func (r *reader) named(n *source.Node, key string, check func(*source.Node)) map[string][]byte {
	if n == nil || !r.mapping(n, "`"+key+"`") {
		return nil
	}
	data := make(map[string][]byte, len(n.Entries))
	for _, e := range n.Entries {
		check(e.Value)
		data[e.Key.Text] = value.AppendJSON(nil, e.Value.Value(&r.arena))
	}
	return data
}

func (r *reader) lookup(n *source.Node) {
	switch n.Kind {
	case source.Scalar:
		r.found.Errorf("fixture-type", n.Span, "%s says nothing about a lookup", shown(n)).Help =
			"write what it answers: `{KEY: ANSWER}`, or a list of `{with: {…}, key: KEY, answer: ANSWER}`"
	case source.Sequence:
		for _, item := range n.Items {
			if !r.mapping(item, "an answer of a lookup", "with", "key", "answer", "failure") {
				continue
			}
			if (item.Get("answer") == nil) == (item.Get("failure") == nil) {
				r.found.Errorf("fixture-lookup", start(item), "an answer of a lookup has either `answer` or `failure`").Help =
					"write `answer: …`, or `failure: {status: 429}`"
			}
			if failure := item.Get("failure"); failure != nil && r.mapping(failure, "`failure`", "status", "message", "body") {
				r.number(r.need(failure, "status", "`failure`"), "status")
			}
			r.text(r.need(item, "key", "an answer of a lookup"), "key")
			if with := item.Get("with"); with != nil {
				r.mapping(with, "`with`")
			}
		}
	}
}

func (r *reader) answer(n *source.Node) *Answer {
	if !r.mapping(n, "`answer`", "request", "status", "headers", "body") {
		return nil
	}
	a := &Answer{
		Request: r.number(n.Get("request"), "request"),
		Status:  r.number(r.need(n, "status", "`answer`"), "status"),
	}
	if headers := n.Get("headers"); headers != nil && r.mapping(headers, "`headers`") {
		a.Headers = map[string]string{}
		for _, e := range headers.Entries {
			a.Headers[strings.ToLower(e.Key.Text)] = r.text(e.Value, e.Key.Text)
		}
	}
	switch body := n.Get("body"); {
	case body == nil:
	case body.Kind == source.Scalar && !body.IsNull():
		a.Body = []byte(body.Text)
	default:
		a.Body = value.AppendJSON(nil, body.Value(&r.arena))
	}
	return a
}

// mapping reports whether n is one, and refuses the keys that do not belong
// there. Without allowed keys all are.
func (r *reader) mapping(n *source.Node, what string, allowed ...string) bool {
	if n.Kind != source.Mapping {
		d := r.found.Errorf("fixture-type", n.Span, "%s is a mapping, and this is %s", what, described(n))
		if len(allowed) > 0 {
			d.Help = "write it with the keys " + enumerate(allowed)
		}
		return false
	}
	for _, e := range n.Entries {
		if len(allowed) == 0 || slices.Contains(allowed, e.Key.Text) {
			continue
		}
		d := r.found.Errorf("fixture-unknown-key", e.Key.Span, "%s has no key %s", what, shown(e.Key))
		d.Help = "its keys are " + enumerate(allowed)
		if s := source.Suggest(e.Key.Text, allowed); s != "" {
			d.Help = "did you mean `" + s + "`?"
		}
	}
	return true
}

func (r *reader) list(n *source.Node, key string) bool {
	if n.Kind == source.Sequence {
		return true
	}
	r.found.Errorf("fixture-type", n.Span, "`%s` is a list, and this is %s", key, described(n)).Help = "begin each element with `- `"
	return false
}

// need returns a value that must be there, nil if it is not.
func (r *reader) need(n *source.Node, key, what string) *source.Node {
	v := n.Get(key)
	if v.IsNull() {
		at := start(n)
		if v != nil {
			at = n.Entry(key).Key.Span
		}
		r.found.Errorf("fixture-missing-key", at, "%s needs the key `%s`", what, key).Help = "add `" + key + ": …`"
		return nil
	}
	return v
}

// text returns a text; absent is "".
func (r *reader) text(n *source.Node, key string) string {
	if n == nil {
		return ""
	}
	if n.Kind != source.Scalar || n.IsNull() {
		r.found.Errorf("fixture-type", n.Span, "`%s` is a text, and this is %s", key, described(n)).Help = "write one text"
		return ""
	}
	return n.Text
}

// number returns a whole number; absent is 0.
func (r *reader) number(n *source.Node, key string) int {
	if n == nil {
		return 0
	}
	i, err := strconv.Atoi(n.Text)
	if n.Kind != source.Scalar || err != nil || i < 0 {
		r.found.Errorf("fixture-type", n.Span, "`%s` is a whole number, and this is %s", key, described(n)).Help = "write it with digits only"
	}
	return i
}

// start is the place of a mapping in messages about what it lacks: its first key.
func start(n *source.Node) source.Span {
	if len(n.Entries) > 0 {
		return n.Entries[0].Key.Span
	}
	return n.Span
}

// shown quotes a scalar for a message, shortened to one line.
func shown(n *source.Node) string {
	if n.Kind != source.Scalar {
		return "a " + n.Kind.String()
	}
	return "`" + value.Shorten(strings.Join(strings.Fields(n.Text), " "), 40) + "`"
}

func described(n *source.Node) string {
	switch {
	case n.IsNull():
		return "empty"
	case n.Kind == source.Scalar:
		return "the text " + shown(n)
	}
	return "a " + n.Kind.String()
}

func enumerate(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "`" + w + "`"
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return fmt.Sprintf("%s and %s", strings.Join(quoted[:len(quoted)-1], ", "), quoted[len(quoted)-1])
}
