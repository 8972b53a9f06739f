// Package codes knows the numbered codes of celmap: what its messages are
// called, and the page that explains each. The pages beside this file are the
// registry; README.md says how they are written.
package codes

import (
	"embed"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed [ER][0-9][0-9][0-9]-*.md
var files embed.FS

// Page explains one code.
type Page struct {
	Number string // such as R301 for rules, E203 for events; never changes its meaning
	Name   string // as in diagnostics and results: unknown-name, expression_failed
	Title  string // what has happened, in a line
	Text   string // all of the page, in Markdown
}

// File returns the name of the page's file in docs/errors.
func (p Page) File() string { return p.Number + "-" + p.Name + ".md" }

var title = regexp.MustCompile(`^# \S+ \S+: (.+)\n`)

var read = sync.OnceValue(func() []Page {
	names, err := files.ReadDir(".")
	if err != nil {
		panic(err)
	}
	pages := make([]Page, len(names))
	for i, entry := range names {
		text, err := files.ReadFile(entry.Name())
		if err != nil {
			panic(err)
		}
		number, name, _ := strings.Cut(strings.TrimSuffix(path.Base(entry.Name()), ".md"), "-")
		pages[i] = Page{Number: number, Name: name, Text: string(text)}
		if m := title.FindSubmatch(text); m != nil {
			pages[i].Title = string(m[1])
		}
	}
	slices.SortFunc(pages, func(a, b Page) int { // rules before events
		return strings.Compare(order(a), order(b))
	})
	return pages
})

func order(p Page) string {
	if p.Number[0] == 'R' {
		return "0" + p.Number
	}
	return p.Number
}

// All returns all pages, those about rules first, ordered by number.
func All() []Page { return slices.Clone(read()) }

// Find returns the page of a code by its number, its name, or both, in any case.
func Find(sought string) (Page, bool) {
	sought = strings.ToLower(strings.TrimSpace(sought))
	for _, p := range read() {
		number := strings.ToLower(p.Number)
		if sought == number || sought == p.Name || sought == number+"-"+p.Name || sought == number+" "+p.Name {
			return p, true
		}
	}
	return Page{}, false
}

var numbers = sync.OnceValue(func() map[string]string {
	m := make(map[string]string)
	for _, p := range read() {
		m[p.Name] = p.Number
	}
	return m
})

// Number returns the number of the code of a name, "" if it has none: a code
// that rules name themselves.
func Number(name string) string { return numbers()[name] }

// Label returns how people see a code: with its number, if it has one.
func Label(name string) string {
	if n := Number(name); n != "" {
		return n + " " + name
	}
	return name
}
