package golden

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// rewrite returns the file in which the root mapping says what want says. Only
// what differs is touched: comments, the order of keys and the form of all else
// stay byte for byte.
func rewrite(root *source.Node, want *value.Node) ([]byte, error) {
	file := root.Span.File
	e := &editor{data: file.Data, arena: &value.Arena{}}
	if !e.mapping(root, want) {
		return nil, errors.New("the fixture is written between { }: write its keys at the beginning of lines to let it be updated")
	}
	data := e.apply()
	again, found := source.Parse(file.Name, data)
	if found.HasErrors() {
		return nil, found
	}
	if !same(again.Value(e.arena), want) {
		return nil, errors.New("the update could not be written in place: remove the expectation and update again")
	}
	return data, nil
}

// editor gathers the changes that turn a node into a value.
type editor struct {
	data  []byte
	arena *value.Arena
	edits []edit
}

type edit struct {
	from, to int
	text     string
}

func (e *editor) replace(from, to int, text string) { e.edits = append(e.edits, edit{from, to, text}) }

// apply makes the changes. Of those at one place, the one that was asked for
// first comes first.
func (e *editor) apply() []byte {
	slices.SortStableFunc(e.edits, func(a, b edit) int { return a.from - b.from })
	eol := "\n"
	if bytes.Contains(e.data, []byte("\r\n")) {
		eol = "\r\n"
	}
	var out []byte
	done := 0
	for _, c := range e.edits {
		out = append(out, e.data[done:c.from]...)
		out = append(out, strings.ReplaceAll(c.text, "\n", eol)...)
		done = c.to
	}
	return append(out, e.data[done:]...)
}

// node changes a node to a value where its form allows it, and reports whether
// it did; else it is for the caller to write the value anew.
func (e *editor) node(n *source.Node, want *value.Node) bool {
	switch {
	case same(n.Value(e.arena), want):
		return true
	case n.Kind == source.Mapping && want.Kind() == value.Object && !e.isFlow(n):
		return e.mapping(n, want)
	case n.Kind == source.Sequence && want.Kind() == value.List && !e.isFlow(n):
		return e.sequence(n, want)
	case n.Kind == source.Scalar:
		return e.scalar(n, want)
	}
	return e.flow(n, want)
}

// isFlow reports whether a list or mapping is written between brackets.
func (e *editor) isFlow(n *source.Node) bool {
	return len(n.Entries)+len(n.Items) == 0 || e.data[n.Span.Start.Offset] == '{' || e.data[n.Span.Start.Offset] == '['
}

// scalar changes a scalar in one line into another.
func (e *editor) scalar(n *source.Node, want *value.Node) bool {
	text, ok := inline(want, 0)
	if !ok || n.Style == source.Literal || n.Style == source.Folded || n.Text == "" && n.Style == source.Plain || want.Len() > 0 {
		return false
	}
	if n.Style == source.Double && want.Kind() == value.String {
		text = quote(want.Text())
	}
	e.replace(n.Span.Start.Offset, n.Span.End.Offset, text)
	return true
}

// flow changes the scalars of what is written between brackets, if that is all
// that has to be changed.
func (e *editor) flow(n *source.Node, want *value.Node) bool {
	before := len(e.edits)
	ok := false
	switch {
	case n.Kind == source.Mapping && want.Kind() == value.Object && len(n.Entries) == want.Len():
		ok = !slices.ContainsFunc(n.Entries, func(m source.Entry) bool {
			w := want.Get(m.Key.Text)
			return w == nil || !e.node(m.Value, w)
		})
	case n.Kind == source.Sequence && want.Kind() == value.List && len(n.Items) == want.Len():
		w := want.First()
		ok = !slices.ContainsFunc(n.Items, func(item *source.Node) bool {
			fits := e.node(item, w)
			w = w.Next()
			return !fits
		})
	}
	if !ok {
		e.edits = e.edits[:before]
	}
	return ok
}

// mapping changes the entries of a mapping in block style.
func (e *editor) mapping(n *source.Node, want *value.Node) bool {
	kept := slices.IndexFunc(n.Entries, func(m source.Entry) bool { return want.Get(m.Key.Text) != nil })
	if e.isFlow(n) || kept < 0 {
		return false
	}
	column := n.Entries[0].Key.Span.Start.Column - 1
	entries := n.Entries
	if start := entries[0].Key.Span.Start.Offset; kept > 0 && !e.startsLine(start) { // behind a dash
		e.replace(start, entries[kept].Key.Span.Start.Offset, "")
		entries = entries[kept:]
	}
	at := n.Entries[kept].Key.Span.Start.Offset
	for added := want.First(); added != nil && n.Get(added.Key()) == nil; added = added.Next() {
		e.replace(at, at, entry(added.Key(), added, column)+"\n"+strings.Repeat(" ", column))
	}
	for _, m := range entries {
		w := want.Get(m.Key.Text)
		if w == nil {
			e.removeLines(m.Key.Span.Start.Offset, e.end(m))
			continue
		}
		if !e.node(m.Value, w) {
			e.entry(m, w, column)
		}
		for added := w.Next(); added != nil && n.Get(added.Key()) == nil; added = added.Next() {
			e.insert(e.end(m), entry(added.Key(), added, column), column)
		}
	}
	return true
}

// insert adds lines after the line in which something ends.
func (e *editor) insert(end int, text string, column int) {
	at := e.lineEnd(end)
	e.replace(at, at, "\n"+strings.Repeat(" ", column)+text)
}

// entry writes the value of an entry anew. A comment after the key stays if
// the value stood below it and still does.
func (e *editor) entry(m source.Entry, want *value.Node, column int) {
	colon := e.colon(m)
	text := entry(m.Key.Text, want, column)
	text = text[len(scalar(m.Key.Text))+1:]
	from, to := colon+1, max(e.end(m), colon+1)
	if below := e.lineEnd(from); strings.HasPrefix(text, "\n") && m.Value.Span.Start.Offset > below {
		from = below
	}
	e.write(from, to, text)
}

// write replaces a value that is followed by nothing on its line but perhaps a
// comment. In front of a value of several lines the comment stands behind the first.
func (e *editor) write(from, to int, text string) {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		end := e.lineEnd(to)
		comment := strings.TrimRight(string(e.data[to:end]), " \t")
		text, to = text[:i]+comment+text[i:], end
	}
	e.replace(from, to, text)
}

// colon returns where the colon after a key stands.
func (e *editor) colon(m source.Entry) int {
	at := m.Key.Span.End.Offset
	return at + bytes.IndexByte(e.data[at:], ':')
}

// end returns where an entry ends, without what follows it on its line.
func (e *editor) end(m source.Entry) int {
	if m.Value.Kind == source.Scalar && m.Value.Text == "" && m.Value.Style == source.Plain {
		return e.colon(m) + 1
	}
	return m.Value.Span.End.Offset
}

// removeLines removes the lines of a stretch, with the line break before them:
// so what is inserted behind them has its place.
func (e *editor) removeLines(from, to int) {
	line := bytes.LastIndexByte(e.data[:from], '\n')
	if line < 0 { // the first line goes with the break behind it
		_, rest, _ := bytes.Cut(e.data[to:], []byte("\n"))
		e.replace(0, len(e.data)-len(rest), "")
		return
	}
	e.replace(len(bytes.TrimSuffix(e.data[:line], []byte("\r"))), e.lineEnd(to), "")
}

// sequence changes the elements of a list in block style.
func (e *editor) sequence(n *source.Node, want *value.Node) bool {
	start := n.Span.Start.Offset
	have := make([]*value.Node, len(n.Items))
	for i, item := range n.Items {
		have[i] = item.Value(e.arena)
	}
	old, now, first := unlike(have, elements(want))
	if want.Len() == 0 || slices.ContainsFunc(n.Items, func(item *source.Node) bool { return !e.followsDash(item) }) {
		return false
	}
	column := n.Span.Start.Column - 1
	for i := range max(len(old), len(now)) {
		switch {
		case i >= len(now):
			item := n.Items[first+i]
			e.removeLines(item.Span.Start.Offset, item.Span.End.Offset)
		case i < len(old):
			item := n.Items[first+i]
			if !e.node(item, now[i]) {
				e.write(item.Span.Start.Offset, item.Span.End.Offset, block(now[i], item.Span.Start.Column-1))
			}
		case first+len(old) == 0:
			e.replace(start, start, "- "+block(now[i], column+2)+"\n"+strings.Repeat(" ", column))
		default: // after the last element that is not new
			e.insert(n.Items[first+len(old)-1].Span.End.Offset, "- "+block(now[i], column+2), column)
		}
	}
	return true
}

// followsDash reports whether an element stands behind a dash that begins a line.
func (e *editor) followsDash(item *source.Node) bool {
	at := item.Span.Start.Offset
	line := bytes.LastIndexByte(e.data[:at], '\n') + 1
	return string(bytes.TrimSpace(e.data[line:at])) == "-"
}

// startsLine reports whether there is nothing but blanks before a place in its line.
func (e *editor) startsLine(at int) bool {
	line := bytes.LastIndexByte(e.data[:at], '\n') + 1
	return len(bytes.TrimLeft(e.data[line:at], " ")) == 0
}

// lineEnd returns where the line of a place ends, before its line break.
func (e *editor) lineEnd(at int) int {
	end := bytes.IndexByte(e.data[at:], '\n')
	if end < 0 {
		return len(e.data)
	}
	return at + len(bytes.TrimSuffix(e.data[at:at+end], []byte("\r")))
}
