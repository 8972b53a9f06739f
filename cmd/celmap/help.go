package main

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	codes "github.com/celmap/celmap/docs/errors"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/syntax"
	"github.com/celmap/celmap/internal/report"
)

type helpCommand struct {
	Mapping string `placeholder:"DIR" help:"Rules whose own codes are explained too. Default: the built-in ones."`
	Topic   string `arg:"" optional:"" help:"A code by number or name, a verb, a key of the language, or codes for the list of all codes."`
}

func (helpCommand) Help() string {
	return `Examples:
  celmap help R301            what the code means, with a wrong and a right example
  celmap help unknown-name    the same by name
  celmap help codes           all codes
  celmap help map             the flags of a verb
  celmap help refreshOnMiss   what a key of rule files is for`
}

func (c *helpCommand) Run(s *streams) error {
	palette := report.PaletteFor(s.out)
	topic := strings.ToLower(strings.TrimSpace(c.Topic))
	switch {
	case topic == "":
		return ended(run([]string{"--help"}, s))
	case slices.Contains(verbs, topic):
		return ended(run([]string{topic, "--help"}, s))
	case topic == "codes" || topic == "errors":
		return listCodes(s, palette)
	}
	if p, ok := codes.Find(topic); ok {
		_, err := fmt.Fprint(s.out, report.Markdown(p.Text, palette))
		return err
	}
	if uses := syntax.Uses(strings.TrimSpace(c.Topic)); len(uses) > 0 {
		return explainKey(s, palette, uses)
	}
	mappings, err := c.mappings()
	if err != nil {
		return err
	}
	var own []ownCode
	for _, m := range mappings {
		found, err := m.ownCodes()
		if err != nil {
			return usage("%w", err)
		}
		own = append(own, found...)
	}
	return explainOwn(s, palette, c.Topic, own)
}

// verbs are what help explains besides codes.
var verbs = []string{"map", "check", "test", "serve", "dead", "simulate", "help", "version"}

// ended returns the error with which a verb ends that has said everything.
func ended(code int) error {
	if code == exitDone {
		return nil
	}
	return &exit{code: code}
}

func listCodes(s *streams, palette report.Palette) error {
	var b strings.Builder
	width := 0
	for _, p := range codes.All() {
		width = max(width, len(p.Name))
	}
	about := map[byte]string{'R': "Rules, and what belongs to them", 'E': "Events"}
	for i, p := range codes.All() {
		if i == 0 || codes.All()[i-1].Number[0] != p.Number[0] {
			if i > 0 {
				b.WriteString("\n")
			}
			b.WriteString(palette.Bold(about[p.Number[0]]) + "\n")
		}
		fmt.Fprintf(&b, "  %s  %-*s  %s\n", p.Number, width, p.Name, p.Title)
	}
	_, err := fmt.Fprint(s.out, b.String())
	return err
}

func (c *helpCommand) mappings() ([]mapping, error) {
	if c.Mapping != "" {
		m, err := findMapping(c.Mapping)
		return []mapping{m}, err
	}
	var all []mapping
	for _, name := range builtinNames() {
		m, _ := builtin(name)
		all = append(all, m)
	}
	return all, nil
}

// explainKey tells what a key of the language is for, in each construct that has it.
func explainKey(s *streams, palette report.Palette, uses []syntax.Use) error {
	var b strings.Builder
	name, width := uses[0].Key.Name, 0
	for _, u := range uses {
		width = max(width, len(u.In.Name))
	}
	b.WriteString(palette.Bold(name) + " is a key of rule files, in:\n\n")
	for _, u := range uses {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, u.In.Name, u.Key.Doc)
	}
	b.WriteString("\nThe page docs/keys.md lists all keys, docs/language.md shows how they are used.\n")
	_, err := fmt.Fprint(s.out, b.String())
	return err
}

// ownCode is a code of a rejection that rules name themselves.
type ownCode struct {
	name, message string
	place         source.Span
}

// ownCodes returns the codes that the rules of a mapping give: those of reject
// in mappings, and of routes.
func (m mapping) ownCodes() ([]ownCode, error) {
	var found []ownCode
	err := fs.WalkDir(m.files, ".", func(name string, entry fs.DirEntry, err error) error {
		if extension := path.Ext(name); err != nil || entry.IsDir() || extension != ".yaml" && extension != ".yml" {
			return err
		}
		data, err := fs.ReadFile(m.files, name)
		if err != nil {
			return err
		}
		root, _ := source.Parse(path.Join(m.name, name), data)
		note := func(name string, place source.Span, rule *source.Node) {
			message := ""
			if n := rule.Get("message"); n != nil {
				message = n.Text
			}
			found = append(found, ownCode{name, message, place})
		}
		if list := root.Get("reject"); list != nil {
			for _, e := range list.Entries {
				name := strings.ReplaceAll(e.Key.Text, "-", "_")
				if n := e.Value.Get("code"); n != nil {
					name = n.Text
				}
				note(name, e.Key.Span, e.Value)
			}
		}
		if routes := root.Get("routes"); routes != nil {
			for _, route := range routes.Items {
				if rule := route.Get("reject"); rule != nil && rule.Get("code") != nil {
					note(rule.Get("code").Text, rule.Get("code").Span, rule)
				}
			}
		}
		return nil
	})
	return found, err
}

// explainOwn tells where rules define a code, or that nothing knows it.
func explainOwn(s *streams, palette report.Palette, topic string, own []ownCode) error {
	same := func(a, b string) bool {
		return strings.EqualFold(strings.ReplaceAll(a, "-", "_"), strings.ReplaceAll(b, "-", "_"))
	}
	var b strings.Builder
	for _, o := range own {
		if !same(o.name, topic) {
			continue
		}
		if b.Len() == 0 {
			b.WriteString(palette.Bold(report.Plain(o.name)) + " is a code of the rules' own: they reject an event with it.\n")
		}
		fmt.Fprintf(&b, "\n  rule     %s\n", report.Plain(o.place.String()))
		if o.message != "" {
			fmt.Fprintf(&b, "  message  %s\n", report.Plain(o.message))
		}
	}
	if b.Len() > 0 {
		_, err := fmt.Fprint(s.out, b.String())
		return err
	}
	known := append(append([]string{"codes"}, verbs...), syntax.KeyNames()...)
	for _, p := range codes.All() {
		known = append(known, p.Name)
	}
	for _, o := range own {
		known = append(known, o.name)
	}
	if near := source.Suggest(topic, known); near != "" {
		return usage("there is no code, verb or key %q: did you mean %s?", topic, near)
	}
	return usage("there is no code, verb or key %q: celmap help codes lists all codes; those of your own rules are found with --mapping DIR", topic)
}
