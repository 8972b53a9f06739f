package settings

import (
	"errors"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// CheckPortal checks portal data: that it has one of the forms which the rules
// read, and that each of its elements fits the schema under `item`.
func CheckPortal(p *engine.Program, name string, root *source.Node) source.Diagnostics {
	var found source.Diagnostics
	connection, err := p.Bind(engine.Settings{Portal: map[string][]byte{name: JSON(root)}})
	var wrong *engine.SettingsError
	switch {
	case errors.As(err, &wrong):
		found.Add(source.Diagnostic{Code: "invalid-portal", Span: opening(root), Summary: wrong.Setting + ": " + wrong.Message, Help: wrong.Help})
		return found
	case err != nil:
		found.Errorf("invalid-portal", opening(root), "portal.%s: %v", name, err)
		return found
	}
	plan := p.Plan()
	for _, portal := range plan.Portals {
		if portal.Name != name || portal.Item == nil {
			continue
		}
		e := &elements{root: root}
		data := connection.PortalData(name)
		for m := data.First(); m != nil; m = m.Next() {
			if portal.Item.Accepts(m) {
				continue
			}
			for _, v := range portal.Item.Validate(m) {
				n := e.find(m)
				if n == nil {
					continue // not of this file: it is built in
				}
				at := opening(nodeAt(n, v.Pointer))
				summary, help := split(v.Message)
				where := m.Key()
				if v.Path != "" {
					where += " " + v.Path
				}
				found.Add(source.Diagnostic{Code: "invalid-portal", Span: at, Summary: name + ", " + where + ": " + summary, Help: help})
			}
		}
	}
	return found
}

// elements finds what an element of portal data was made of in its file.
type elements struct {
	root   *source.Node
	byText map[string]*source.Node
}

// find returns the node that says the same as an element, else the one under the
// same key.
func (e *elements) find(m *value.Node) *source.Node {
	if e.byText == nil {
		e.byText = map[string]*source.Node{}
		e.index(e.root, 0)
	}
	if n := e.byText[string(value.AppendJSON(nil, m))]; n != nil {
		return n
	}
	return e.keyed(e.root, m.Key(), 0)
}

const elementDepth = 4 // lists and objects around the elements, at most

func (e *elements) index(n *source.Node, depth int) {
	if depth > elementDepth || n.Kind == source.Scalar {
		return
	}
	if n.Kind == source.Mapping {
		e.byText[string(JSON(n))] = n
	}
	for _, x := range n.Entries {
		e.index(x.Value, depth+1)
	}
	for _, x := range n.Items {
		e.index(x, depth+1)
	}
}

func (e *elements) keyed(n *source.Node, key string, depth int) *source.Node {
	if depth > elementDepth {
		return nil
	}
	if x := n.Get(key); x != nil {
		return x
	}
	for _, x := range n.Entries {
		if below := e.keyed(x.Value, key, depth+1); below != nil {
			return below
		}
	}
	for _, x := range n.Items {
		if below := e.keyed(x, key, depth+1); below != nil {
			return below
		}
	}
	return nil
}
