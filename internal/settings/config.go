package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/schema"
	"github.com/celmap/celmap/engine/shape"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Unwrap returns the config in a file: the `Config` of a destination as
// RudderStack writes it, else all of it.
func Unwrap(root *source.Node) *source.Node {
	if inner := root.Get("Config"); inner != nil && inner.Kind == source.Mapping {
		return inner
	}
	return root
}

// JSON returns a node as JSON text.
func JSON(n *source.Node) []byte {
	return value.AppendJSON(nil, n.Value(value.NewArena()))
}

// CheckConfigFile checks a config as `celmap map` would read it, environment
// variables included. What the findings show of the file has no secrets.
func CheckConfigFile(p *engine.Program, root *source.Node) source.Diagnostics {
	n := Unwrap(root)
	var found source.Diagnostics
	if n.Kind != source.Mapping {
		found.Errorf("invalid-config", opening(n), "a config is an object, and this is a %s", n.Kind).Help = "write its keys, such as `accessToken: ${env:TOKEN}`"
		return Conceal(found, root, nil)
	}
	filled, variables := Environment(n)
	unset := map[*source.Node]bool{}
	for _, v := range variables {
		unset[v.Node] = true
		d := source.Diagnostic{Code: "missing-variable", Span: At(v.Node), Summary: v.Message, Help: v.Help}
		if v.Unset { // where the settings are checked may be another place than where they are used
			d.Severity = source.Warning
		}
		found.Add(d)
	}
	c := &configCheck{program: p, schema: p.ConfigSchema(), root: filled, unset: unset}
	c.shape()
	if !c.found.HasErrors() {
		found.Add(c.review()...)
	}
	rejecting := map[int]bool{} // lines of settings that are refused by what they say
	for _, d := range found {
		rejecting[d.Span.Start.Line] = rejecting[d.Span.Start.Line] || d.Code == "rejecting-setting"
	}
	found.Add(slices.DeleteFunc(c.found, func(d source.Diagnostic) bool {
		return d.Code == "unlikely-setting" && rejecting[d.Span.Start.Line]
	})...)
	found.Sort()
	return Conceal(found, root, p.ConfigSchema())
}

// CheckConfig checks a config against its schema: what does not fit, and keys
// that are probably misspelt.
func CheckConfig(p *engine.Program, n *source.Node) source.Diagnostics {
	c := &configCheck{program: p, schema: p.ConfigSchema(), root: n}
	c.shape()
	return c.found
}

type configCheck struct {
	program *engine.Program
	schema  *schema.Schema
	root    *source.Node
	unset   map[*source.Node]bool // texts that an environment variable is missing in
	found   source.Diagnostics
	meant   map[string]*source.Node // keys at the top by what they were probably meant to be
	old     map[string]bool         // keys at the top that are deprecated themselves
}

func (c *configCheck) shape() {
	if c.schema == nil {
		return
	}
	c.meant, c.old = map[string]*source.Node{}, map[string]bool{}
	c.misspelt(c.root, nil)
	for _, v := range c.schema.Validate(c.root.Value(value.NewArena())) {
		n := nodeAt(c.root, v.Pointer)
		if c.unset[n] {
			continue
		}
		name := lastStep(v.Pointer)
		at := At(n)
		switch v.Keyword {
		case "additionalProperties", "propertyNames":
			if e := above(c.root, v.Pointer).Entry(name); e != nil {
				at = At(e.Key)
			}
		case "required", "dependencies":
			if key := c.meant[name]; key != nil {
				continue // said at the key itself
			}
			at = opening(n)
		}
		if n.Kind != source.Scalar {
			at = opening(n)
		}
		summary, help := split(v.Message)
		if v.Path != "" {
			summary = "config." + v.Path + ": " + summary
		}
		c.found.Add(source.Diagnostic{Code: "invalid-config", Span: at, Summary: summary, Help: help, Detail: "events would be rejected as invalid_config"})
	}
}

// split parts the message of a violation into what is wrong and what to do.
func split(message string) (wrong, help string) {
	if i := strings.LastIndex(message, "; did you mean "); i >= 0 {
		return message[:i], message[i+2:]
	}
	if i := strings.LastIndex(message, ": "); i >= 0 && !strings.ContainsAny(message[i:], `"'`) {
		return message[:i], message[i+2:]
	}
	return message, ""
}

// misspelt warns of keys that the schema does not declare and that are near one
// that it does, and that is not there. A schema that forbids other keys says so itself.
func (c *configCheck) misspelt(n *source.Node, path []string) {
	for i, x := range n.Items {
		c.misspelt(x, append(slices.Clip(path), strconv.Itoa(i)))
	}
	if len(n.Entries) == 0 {
		return
	}
	declared := c.schema.Properties(path...)
	free := slices.DeleteFunc(slices.Clone(declared), func(name string) bool { return n.Get(name) != nil })
	for _, e := range n.Entries {
		below := append(slices.Clip(path), e.Key.Text)
		if presence(c.schema, below) == shape.Open && !slices.Contains(declared, e.Key.Text) {
			if near := source.Suggest(e.Key.Text, free); near != "" {
				if len(path) == 0 {
					c.meant[near] = e.Key
				}
				c.found.Warnf("unknown-setting", At(e.Key), "the rules know no setting %s", e.Key.Text).Help = "did you mean " + near + "?"
				continue
			}
		}
		if because, marked := c.schema.Deprecated(below...); marked && c.deprecations() && !e.Value.Value(value.NewArena()).IsEmpty() {
			c.old[e.Key.Text] = c.old[e.Key.Text] || len(path) == 0
			c.found.Add(source.Diagnostic{Code: "deprecated", Severity: source.Warning, Span: At(e.Key), Summary: "the setting " + e.Key.Text + " is deprecated", Detail: because})
		}
		if c.deprecations() {
			c.unlikely(e.Value, below)
		}
		c.misspelt(e.Value, below)
	}
}

// unlikely warns of a text that is near one of the schema's examples and none
// of them: rules most often take any other text for the lack of one.
func (c *configCheck) unlikely(n *source.Node, path []string) {
	examples := c.schema.Examples(path...)
	if n.Kind != source.Scalar || n.Text == "" || slices.Contains(examples, n.Text) {
		return
	}
	if near := source.Suggest(n.Text, examples); near != "" {
		c.found.Warnf("unlikely-setting", At(n), "%s is nearly %q, and not quite", strings.Join(path, "."), near).Help = "did you mean " + near + "?"
	}
}

// deprecations reports whether use of what is deprecated is to be told: of
// settings that are used, not of those that a fixture tries.
func (c *configCheck) deprecations() bool { return c.unset != nil }

// review tells what the settings mean for events, once the keys that are
// misspelt are put right.
func (c *configCheck) review() source.Diagnostics {
	written, ok := c.reviewOf(c.root)
	if !ok {
		return nil // built-in data that cannot be read; the rules' own check tells
	}
	review := written
	if len(c.meant) > 0 {
		c.root = c.corrected()
		if review, ok = c.reviewOf(c.root); !ok {
			return nil
		}
		c.blame(written, review)
	}
	var found source.Diagnostics
	for _, o := range review.Obstacles {
		at, missing := c.place(o.Settings)
		d := source.Diagnostic{Code: "rejecting-setting", Severity: source.Warning, Span: at, Summary: o.Error.Message, Help: "correct the setting"}
		if missing || o.Error.Code == "missing_config" {
			d.Code, d.Help = "missing-setting", "add "+strings.Join(o.Settings, " or ")
		}
		switch {
		case o.Every:
			d.Severity, d.Detail = source.Error, "every event is rejected with "+o.Error.Code
		case len(o.Mappings) == 0:
			d.Detail = "what needs it is rejected with " + o.Error.Code
		default:
			d.Detail = fmt.Sprintf("events are rejected with %s that go to %s", o.Error.Code, strings.Join(o.Mappings, ", "))
		}
		if r := o.Error.Rule; r != nil {
			d.Detail += ", by the rule at " + r.Place
		}
		found.Add(d)
	}
	for _, o := range review.Outdated {
		at, _ := c.place(o.Settings)
		if slices.ContainsFunc(c.found, func(d source.Diagnostic) bool {
			return d.Code == "deprecated" && slices.Contains(o.Settings, d.Span.Text())
		}) {
			continue // said of the setting itself
		}
		found.Add(source.Diagnostic{Code: "deprecated", Severity: source.Warning, Span: at, Summary: "these settings choose " + o.What + ", which is deprecated", Detail: o.Because})
	}
	return found
}

func (c *configCheck) reviewOf(config *source.Node) (engine.Review, bool) {
	connection, err := c.program.Bind(engine.Settings{Config: JSON(config)})
	if err != nil {
		return engine.Review{}, false
	}
	return connection.Review(), true
}

// corrected returns the config with its misspelt keys put right.
func (c *configCheck) corrected() *source.Node {
	out := *c.root
	out.Entries = slices.Clone(c.root.Entries)
	for i, e := range out.Entries {
		for name, key := range c.meant {
			if e.Key == key {
				right := *key
				right.Text = name
				out.Entries[i].Key = &right
			}
		}
	}
	return &out
}

// blame makes errors of the misspelt keys if because of them no event gets
// anywhere.
func (c *configCheck) blame(written, corrected engine.Review) {
	i := slices.IndexFunc(written.Obstacles, func(o engine.Obstacle) bool {
		return o.Every && !slices.ContainsFunc(corrected.Obstacles, func(x engine.Obstacle) bool { return x.Error.Message == o.Error.Message })
	})
	if i < 0 {
		return
	}
	for k := range c.found {
		if d := &c.found[k]; d.Code == "unknown-setting" {
			d.Severity, d.Detail = source.Error, "as it stands, every event is rejected with "+written.Obstacles[i].Error.Code
		}
	}
}

// place returns where the first of the settings stands that is there, else
// where the config begins.
func (c *configCheck) place(names []string) (at source.Span, missing bool) {
	for _, name := range names {
		if e := c.root.Entry(name); e != nil {
			return At(e.Key), e.Value.IsNull()
		}
	}
	return opening(c.root), true
}

// presence tells whether a schema declares a path, allows it, or forbids it.
func presence(s *schema.Schema, path []string) shape.Presence {
	at, p := s.Shape(""), shape.Known
	for _, step := range path {
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && at.Can(shape.List) {
			at = at.Element(i)
		} else {
			at, p = at.Member(step)
		}
	}
	return p
}

// nodeAt returns the node of a JSON pointer, or the nearest above it.
func nodeAt(n *source.Node, pointer string) *source.Node {
	for _, step := range steps(pointer) {
		below := n.Get(step)
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Items) {
			below = n.Items[i]
		}
		if below == nil {
			return n
		}
		n = below
	}
	return n
}

// above returns the node that holds what a pointer names.
func above(n *source.Node, pointer string) *source.Node {
	return nodeAt(n, pointer[:max(strings.LastIndexByte(pointer, '/'), 0)])
}

func steps(pointer string) []string {
	if pointer == "" {
		return nil
	}
	all := strings.Split(pointer[1:], "/")
	for i, s := range all {
		all[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
	}
	return all
}

func lastStep(pointer string) string {
	if all := steps(pointer); len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}
