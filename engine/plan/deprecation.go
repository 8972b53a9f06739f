package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/source"
)

// deprecations finds rules that use what is marked deprecated. What is marked so
// itself may use it, if the mark stands in the file of the use: an overlay that
// puts a new rule into an old mapping uses the old thing anew.
type deprecations struct {
	*compiler
	requests, lookups, auth, mappings, fragments marks
	hosts                                        map[string]string // addresses that the rules fix
	outdated                                     []*source.Node
}

// marks are the marks of what is deprecated, by its name.
type marks map[string]*source.Node

func (c *compiler) deprecations(f *folder) {
	root := f.destination.root
	d := &deprecations{
		compiler: c, hosts: map[string]string{}, outdated: items(root.Get("deprecated")),
		requests: marked(root.Get("requests")), lookups: marked(root.Get("lookups")), auth: marks{},
		mappings: markedFiles(f.mappings), fragments: markedFiles(f.fragments),
	}
	for _, n := range items(root.Get("auth")) {
		d.auth.add(text(n, "name"), n)
	}
	for _, e := range entries(root.Get("hosts")) {
		d.hosts[e.Key.Text] = strings.TrimSuffix(e.Value.Text, "/")
	}
	d.note(root)
	for _, n := range items(root.Get("routes")) {
		d.use("mapping", d.mappings, n.Get("to"), n)
	}
	for _, n := range items(root.Get("auth")) {
		d.params(n.Get("params"), n)
	}
	for _, e := range entries(root.Get("requests")) {
		for _, name := range items(e.Value.Get("auth")) {
			d.use("auth entry", d.auth, name, e.Value)
		}
		d.address(e.Value, e.Value)
	}
	for _, section := range []string{"lookups", "portal"} {
		for _, e := range entries(root.Get(section)) {
			d.address(e.Value.Get("request"), e.Value)
		}
	}
	for _, name := range sortedNames(f.mappings) {
		m := f.mappings[name].root
		for _, n := range items(m.Get("use")) {
			d.use("fragment", d.fragments, n, m)
		}
		for _, e := range entries(m.Get("ask")) {
			d.use("lookup", d.lookups, e.Value.Get("lookup"), m)
		}
		for _, n := range items(m.Get("send")) {
			d.use("request", d.requests, n.Get("request"), n, m)
			for _, x := range items(n.Get("choose")) {
				d.use("request", d.requests, x.Get("request"), x, n, m)
			}
		}
	}
}

func (m marks) add(name string, n *source.Node) {
	if mark := n.Get("deprecated"); mark != nil && name != "" {
		m[name] = mark
	}
}

func marked(section *source.Node) marks {
	m := marks{}
	for _, e := range entries(section) {
		m.add(e.Key.Text, e.Value)
	}
	return m
}

func markedFiles(files map[string]*ruleFile) marks {
	m := marks{}
	for name, f := range files {
		m.add(name, f.root)
	}
	return m
}

// note puts into the program what settings may choose.
func (d *deprecations) note(root *source.Node) {
	for _, a := range d.program.Auth {
		if mark := d.auth[a.Name]; mark != nil {
			a.Deprecated = mark.Text
		}
	}
	for name, m := range d.program.Mappings {
		if mark := d.mappings[name]; mark != nil {
			m.Deprecated = mark.Text
		}
	}
	for i := range d.program.Slots {
		t := d.program.Slots[i].Table
		if t == nil {
			continue
		}
		n := root.Get("tables").Get(t.Name)
		for _, e := range entries(n.Get("deprecated")) {
			if t.Rows.Get(e.Key.Text) == nil {
				d.unknown(e.Key, "row", d.keys(n, "rows"))
				continue
			}
			if t.Deprecated == nil {
				t.Deprecated = map[string]string{}
			}
			t.Deprecated[e.Key.Text] = e.Value.Text
		}
	}
}

// use warns of a name that is deprecated, unless one of the rules around it is, too.
func (d *deprecations) use(what string, known marks, name *source.Node, around ...*source.Node) {
	if name == nil || known[name.Text] == nil || excused(name, around) {
		return
	}
	mark := known[name.Text]
	d.warnOfOld(name.Span, fmt.Sprintf("the %s %s is deprecated", what, name.Text), mark.Text, "", mark, "it is marked so here")
}

func (d *deprecations) warnOfOld(at source.Span, summary, because, help string, mark *source.Node, why string) {
	d.found.Add(source.Diagnostic{Code: "deprecated", Severity: source.Warning, Span: at, Summary: summary, Detail: because, Help: help})
	d.found[len(d.found)-1].Relate(mark.Span, "%s", why)
}

func excused(use *source.Node, around []*source.Node) bool {
	return slices.ContainsFunc(around, func(n *source.Node) bool {
		mark := n.Get("deprecated")
		return mark != nil && mark.Span.File == use.Span.File
	})
}

// address warns of requests to addresses that are out of date.
func (d *deprecations) address(request, around *source.Node) {
	url := request.Get("url")
	if url != nil && !excused(url, []*source.Node{around}) {
		whole := d.hosts[text(request, "host")] + url.Text
		for _, n := range d.outdated {
			if pattern := n.Get("url"); pattern != nil && function.Glob(whole, pattern.Text) {
				d.warnOfOld(url.Span, fmt.Sprintf("the address %s is deprecated", whole), text(n, "because"), keptOn, n, "it is listed here")
				break
			}
		}
	}
	d.params(request.Get("params"), around)
}

const keptOn = "write deprecated: on what has to go on using it"

func (d *deprecations) params(params, around *source.Node) {
	for _, e := range entries(params) {
		i := slices.IndexFunc(d.outdated, func(n *source.Node) bool { return text(n, "param") == e.Key.Text })
		if i >= 0 && !excused(e.Key, []*source.Node{around}) {
			n := d.outdated[i]
			d.warnOfOld(e.Key.Span, fmt.Sprintf("the parameter %s is deprecated", e.Key.Text), text(n, "because"), keptOn, n, "it is listed here")
		}
	}
}
