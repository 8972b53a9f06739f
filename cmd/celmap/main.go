// Command celmap maps customer events to API requests with rules that are data.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// commands are the verbs, a file each.
type commands struct {
	Map      mapCommand      `cmd:"" help:"Map events to requests, one result a line."`
	Check    checkCommand    `cmd:"" help:"Compile mappings, schemas and fixtures, and say what is wrong with them."`
	Test     testCommand     `cmd:"" help:"Run fixtures."`
	Serve    serveCommand    `cmd:"" help:"Answer rudder-server in the place of its transformer."`
	Send     sendCommand     `cmd:"" help:"Deliver events to the API, with a queue that survives crashes."`
	Dead     deadCommand     `cmd:"" help:"Look at events that could not be delivered, and deliver or drop them."`
	Simulate simulateCommand `cmd:"" help:"Be a HubSpot account on this machine, for tests and demonstrations."`
	Help     helpCommand     `cmd:"" help:"Explain a code of a message, such as R301, or a verb."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// streams are what a verb reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], &streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// run runs the verb that the arguments name and returns its exit code.
func run(args []string, s *streams) (code int) {
	defer func() {
		if p := recover(); p != nil {
			code = explain(s, crash(p))
		}
	}()
	helped := false
	parser, err := kong.New(&commands{},
		kong.Name("celmap"),
		kong.Description("Maps customer events to API requests with rules that are data: YAML files with CEL expressions."),
		kong.Writers(s.out, s.err),
		kong.Help(help),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Exit(func(int) { helped = true }),
		kong.Bind(s),
	)
	if err != nil {
		return explain(s, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	verb, err := parser.Parse(args)
	switch {
	case helped:
		return exitDone
	case err != nil:
		return explain(s, usage("%w\nsee %s", err, helpOf(err)))
	}
	return explain(s, verb.Run())
}

// helpOf returns the command that tells how to use what was asked for.
func helpOf(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) {
		if verb := wrong.Context.Selected(); verb != nil {
			return verb.FullPath() + " --help"
		}
	}
	return "celmap --help"
}

func help(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	_, err := fmt.Fprint(ctx.Stdout, exitHelp)
	return err
}

// crash returns the error for a panic. Without it a crash would end with 2,
// the code of wrong usage.
func crash(p any) error {
	return fmt.Errorf("internal error: %v\nplease report it with these lines:\n%s", p, debug.Stack())
}
