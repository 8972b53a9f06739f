package golden

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/settings"
)

// Inspector checks fixtures against the rules that they are about, without
// running them. Its methods may be called at the same time.
type Inspector struct {
	Library *Library
	// Nearby returns rules near a fixture that may be those of its destination,
	// which are looked at if the library has none.
	Nearby func(file, destination string) (Mapping, bool)

	mutex sync.Mutex
	cases []*Case // those that could be read
}

// File checks one fixture. The error is one of reading the file at all.
func (i *Inspector) File(file string) (source.Diagnostics, error) {
	c, found, err := ReadFile(file)
	if c == nil {
		return found, err
	}
	program, err := i.program(c)
	switch {
	case err == nil:
		return append(found, c.inspect(program)...), nil
	case errors.Is(err, errUnknownDestination):
		return append(found, i.unknown(c)...), nil
	}
	return found, nil // what is wrong with the rules is said of them
}

// program returns the rules that a case is about.
func (i *Inspector) program(c *Case) (*engine.Program, error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.cases = append(i.cases, c)
	program, err := i.Library.find(c.Destination)
	if errors.Is(err, errUnknownDestination) && i.Nearby != nil {
		if m, ok := i.Nearby(c.File, c.Destination); ok && i.Library.add(m) {
			return i.Library.find(c.Destination)
		}
	}
	return program, err
}

// unknown says that there are no rules for a case, unless those that do not
// compile may be them.
func (i *Inspector) unknown(c *Case) source.Diagnostics {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	known := i.Library.names()
	n := c.root.Get("destination")
	near := source.Suggest(c.Destination, known)
	if near == "" && i.Library.broken() {
		return nil
	}
	var found source.Diagnostics
	d := found.Errorf("fixture-destination", n.Span, "there is no destination %s", shown(n))
	d.Help = "the known ones are " + enumerate(known) + "; name the folder of its rules, too"
	if near != "" {
		d.Help = "did you mean `" + near + "`?"
	}
	return found
}

// Twins returns what is wrong with the fixtures beside each other, once all
// have been checked: the same case twice.
func (i *Inspector) Twins() source.Diagnostics {
	slices.SortFunc(i.cases, func(a, b *Case) int { return compareFiles(a.File, b.File) })
	var found source.Diagnostics
	names, contents := map[string]*Case{}, map[string]*Case{}
	for _, c := range i.cases {
		name := path.Join(path.Dir(c.File), Sentence(c.File))
		content := c.content()
		switch {
		case names[name] != nil:
			found.Warnf("fixture-twin", start(c.root), "the fixture %s is called the same", names[name].File).Help = "give one of them another name"
		case contents[content] != nil:
			found.Warnf("fixture-twin", start(c.root), "the fixture %s says the same", contents[content].File).Help = "keep one of them"
		}
		names[name], contents[content] = c, c
	}
	return found
}

// content identifies all that a case says besides its doc.
func (c *Case) content() string {
	var b strings.Builder
	for _, e := range c.root.Entries {
		if key := e.Key.Text; key != "doc" && key != "config" {
			b.WriteString(key + " " + string(value.AppendJSON(nil, e.Value.Value(value.NewArena()))) + "\n")
		}
	}
	b.Write(c.Config)
	return b.String()
}

// inspect checks what a case says of the rules.
func (c *Case) inspect(program *engine.Program) source.Diagnostics {
	found := c.unknown(program)
	config := c.config
	if config == nil {
		config = &source.Node{Kind: source.Mapping, Span: start(c.root)}
	}
	codes := c.codes()
	if !slices.ContainsFunc(codes, func(n *source.Node) bool { return n.Text == "invalid_config" }) {
		found.Add(settings.CheckConfig(program, config)...)
	}
	for _, e := range entries(c.root.Get("portal")) {
		if slices.Contains(program.Portals(), e.Key.Text) {
			found.Add(settings.CheckPortal(program, e.Key.Text, e.Value)...)
		}
	}
	for _, e := range entries(c.root.Get("lookups")) {
		found.Add(settings.CheckAnswers(program, e.Key.Text, e.Value)...)
	}
	known := program.Codes()
	for _, n := range codes {
		if n.Kind != source.Scalar || slices.Contains(known, n.Text) {
			continue
		}
		d := found.Warnf("fixture-code", n.Span, "neither the rules nor the engine reject with the code %s", shown(n))
		if d.Help = "the codes of the rules are " + enumerate(program.Plan().Codes()); len(program.Plan().Codes()) == 0 {
			d.Help = "the rules reject with no code of their own"
		}
		if near := source.Suggest(n.Text, known); near != "" {
			d.Help = "did you mean `" + near + "`?"
		}
	}
	found.Add(c.unreadable()...)
	return found
}

// codes returns the codes with which events are expected to be rejected.
func (c *Case) codes() []*source.Node {
	var codes []*source.Node
	add := func(state *source.Node) {
		if n := state.Get(keyRejected).Get("code"); n != nil {
			codes = append(codes, n)
		}
	}
	add(c.root)
	for _, key := range []string{keyResults, keyBatches} {
		if list := c.root.Get(key); list != nil {
			for _, n := range list.Items {
				add(n)
			}
		}
	}
	return codes
}

// unreadable reports events that the reader refuses and that are not expected
// to be rejected for it.
func (c *Case) unreadable() (found source.Diagnostics) {
	nodes := []*source.Node{c.root.Get("event")}
	if !c.single {
		nodes = c.root.Get("events").Items
	}
	results := c.root.Get(keyResults)
	for i, event := range c.Events {
		_, err := value.Parse(value.NewArena(), event, value.DefaultLimits())
		var wrong *value.ParseError
		if !errors.As(err, &wrong) {
			continue
		}
		state := c.root
		if !c.single {
			if results == nil || i >= len(results.Items) {
				continue
			}
			state = results.Items[i]
		}
		rejected := state.Get(keyRejected)
		code := rejected.Get("code")
		expected := !rejected.IsNull() && (code == nil || code.Text == wrong.Code)
		if expected || !slices.ContainsFunc(stateKeys, func(key string) bool { return !state.Get(key).IsNull() }) {
			continue
		}
		at := nodes[i].Span
		if nodes[i].Kind == source.Scalar {
			at = nodes[i].At(wrong.Offset, wrong.Offset+1)
		}
		subject := "the event"
		if !c.single {
			subject = "event " + strconv.Itoa(i+1)
		}
		found.Errorf("fixture-event", at, "%s cannot be read: %s", subject, wrong.Message).Help =
			"correct it, or expect `rejected: {code: " + wrong.Code + "}`"
	}
	return found
}
