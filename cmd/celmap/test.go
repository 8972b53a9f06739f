package main

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"regexp"

	"github.com/celmap/celmap/internal/golden"
	"github.com/celmap/celmap/internal/report"
)

// fixtureFolder is where fixtures are looked for when none are named.
const fixtureFolder = "fixtures"

type testCommand struct {
	Only    string   `name:"run" placeholder:"REGEX" help:"Only the fixtures whose names, which are sentences, match."`
	Mapping []string `sep:"none" placeholder:"DIR" help:"Folder of rules, or the name of a built-in mapping, that takes precedence over the built-in ones. Repeatable."`
	Update  bool     `help:"Rewrite the expectations of fixtures that fail, and show what changes."`
	Force   bool     `help:"With --update: also where a fixture then pins less than before."`
	Format  string   `enum:"tree,json,junit,github" default:"tree" help:"tree, json, junit or github (${default})."`
	Paths   []string `arg:"" optional:"" name:"path" help:"Folders or files of fixtures. Default: the folder fixtures."`
}

func (testCommand) Help() string {
	return `A fixture is a YAML file that holds an event and what must come of it. Its name is a sentence. Where
something else comes out, each field is shown with the line of the rule behind it.

Examples:
  celmap test
  celmap test --run 'e-?mail' fixtures/hubspot
  celmap test --update 'fixtures/hubspot/identify/a new case.yaml'`
}

func (c *testCommand) Run(s *streams) error {
	if c.Force && !c.Update {
		return usage("--force goes with --update only")
	}
	files, err := c.files()
	if err != nil {
		return err
	}
	library, err := c.library()
	if err != nil {
		return err
	}
	runner := golden.Runner{Library: library, Update: c.Update, Force: c.Force}
	summary, err := runner.Run(files)
	if err != nil {
		return err
	}
	if err := golden.Formats[c.Format](s.out, summary, report.PaletteFor(s.out)); err != nil {
		return err
	}
	switch {
	case summary.Rules.HasErrors() || summary.Count(golden.Broken) > 0:
		return &exit{code: exitRules}
	case !summary.OK():
		return &exit{code: exitFailed}
	}
	return nil
}

// files returns the fixtures to run.
func (c *testCommand) files() ([]string, error) {
	only, err := regexp.Compile(c.Only)
	if err != nil {
		return nil, usage("--run: %w", err)
	}
	paths := c.Paths
	if len(paths) == 0 {
		if _, err := os.Stat(fixtureFolder); errors.Is(err, fs.ErrNotExist) {
			return nil, usage("there is no folder %s here: name the folder or the file of the fixtures to run", fixtureFolder)
		}
		paths = []string{fixtureFolder}
	}
	found, err := golden.Find(paths)
	if err != nil {
		return nil, usage("%w", err)
	}
	var files []string
	for _, file := range found {
		if only.MatchString(golden.Sentence(file)) {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, usage("the names of %s do not match --run %q: match what the file is called, without folder and extension", amount(len(found), "fixture"), c.Only)
	}
	return files, nil
}

// library holds the mappings that fixtures can name: those of --mapping first.
func (c *testCommand) library() (*golden.Library, error) {
	var all []golden.Mapping
	for _, name := range c.Mapping {
		m, err := findMapping(name)
		if err != nil {
			return nil, err
		}
		all = append(all, golden.Mapping{Name: path.Base(m.name), Load: m.load, Named: true})
	}
	for _, name := range builtinNames() {
		m, _ := builtin(name)
		all = append(all, golden.Mapping{Name: name, Load: m.load})
	}
	return golden.NewLibrary(all...), nil
}
