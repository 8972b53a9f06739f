package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/report"
)

type checkCommand struct {
	Config  []string `placeholder:"FILE" sep:"none" help:"Config of a destination, as celmap map takes it, JSON or YAML. Repeatable."`
	Lookup  []string `placeholder:"NAME=FILE" sep:"none" help:"Portal data, against which the targets of rules are checked, or the answers of a lookup, as JSON or YAML. Repeatable."`
	Mapping string   `placeholder:"DIR" help:"Folder of rules, or the name of a built-in mapping, that --config and --lookup belong to (the only one that is checked, else hubspot)."`
	Format  string   `enum:"text,json,github,sarif" default:"text" help:"text: for people; json: for programs; github: annotations of a workflow; sarif: for code scanners."`
	Explain bool     `name:"explain-types" help:"Also print what every expression can give, and why nothing is known of it where that is so."`
	Paths   []string `arg:"" optional:"" name:"path" help:"Folders or files; a folder may hold several mappings, schemas and fixtures. Default, without --config and --lookup: all that is built in."`
}

func (checkCommand) Help() string {
	return `Every mistake is shown with its place:

  rules/identify.yaml:14:11: error[R301 unknown-name]: nothing here is called emial
    14 |     when: emial != null
       |           ^^^^^
    help: did you mean email?

Fixtures are checked against the rules that they are about, without running them: settings, portal data,
answers of lookups, codes. Folders called testdata and hidden ones are left out.

With --config, settings are checked before they are used: keys, values, what is missing, what would reject every
event, what is deprecated. Secrets are not shown. ${env:NAME} may be unset: that is a warning.

Examples:
  celmap check mappings fixtures
  celmap check --config production.yaml
  celmap check --mapping rules --config production.yaml --lookup contactProperties=export.json`
}

func (c *checkCommand) Run(s *streams) error {
	known, err := readAccount(c.Lookup)
	if err != nil {
		return err
	}
	k := checker{explain: c.Explain, account: known}
	if len(c.Paths) == 0 && len(c.Config) == 0 && len(c.Lookup) == 0 && c.Mapping == "" {
		k.builtin()
	}
	for _, path := range c.Paths {
		if err := k.path(path); err != nil {
			return err
		}
	}
	if err := k.settings(c.Mapping, c.Config); err != nil {
		return err
	}
	if err := k.run(); err != nil {
		return err
	}
	errors, warnings := 0, 0
	for _, d := range k.findings {
		if d.Severity == source.Error {
			errors++
		} else {
			warnings++
		}
	}
	if err := c.print(s, &k, errors, warnings); err != nil {
		return err
	}
	if errors > 0 {
		return &exit{code: exitRules}
	}
	return nil
}

func (c *checkCommand) print(s *streams, k *checker, errors, warnings int) error {
	switch c.Format {
	case "json":
		encoder := json.NewEncoder(s.out)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(struct {
			Mappings    []string         `json:"mappings"`
			Schemas     []string         `json:"schemas"`
			Fixtures    []string         `json:"fixtures"`
			Configs     []string         `json:"configs"`
			Lookups     []string         `json:"lookups"`
			Errors      int              `json:"errors"`
			Warnings    int              `json:"warnings"`
			Diagnostics []report.Finding `json:"diagnostics"`
			Types       []typeLine       `json:"types,omitempty"`
		}{k.mappings.list(), k.schemas.list(), k.fixtures.list(), k.configs.list(), k.lookups.list(), errors, warnings, report.Findings(k.findings), typeLines(k.types)})
	case "sarif":
		return report.SARIF(s.out, k.findings, versionName())
	case "github":
		if err := report.GitHub(s.out, k.findings); err != nil {
			return err
		}
	default:
		if err := printTypes(s.out, k.types); err != nil {
			return err
		}
		palette := report.PaletteFor(s.out)
		if err := report.Text(s.out, k.findings, palette); err != nil {
			return err
		}
		if _, err := fmt.Fprint(s.out, report.Hint(k.findings, palette)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.out, "%s: %s, %s\n", k.checked(), amount(errors, "error"), amount(warnings, "warning"))
	return err
}

// checked counts what has been looked at; settings only where there are some.
func (k *checker) checked() string {
	all := []string{amount(len(k.mappings), "mapping"), amount(len(k.schemas), "schema"), amount(len(k.fixtures), "fixture")}
	if len(k.configs) > 0 {
		all = append(all, amount(len(k.configs), "config"))
	}
	if len(k.lookups) > 0 {
		all = append(all, amount(len(k.lookups), "lookup"))
	}
	return strings.Join(all, ", ")
}
