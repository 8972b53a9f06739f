package main

import (
	"errors"
	"fmt"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/internal/report"
)

// The exit codes, the same for every verb.
const (
	exitDone     = 0
	exitInternal = 1
	exitUsage    = 2
	exitRules    = 3
	exitFailed   = 4
)

const exitHelp = `
Exit codes:
  0    done
  1    internal error
  2    wrong usage, or a file that cannot be read
  3    rules do not compile
  4    tests failed or, with --fail-on-reject, an event was rejected
`

// exit is an error that ends a verb with a code. Without an inner error
// everything has been said already.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// usage returns the error of a command that cannot do what it is asked.
func usage(format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf(format, args...)}
}

// explain says why a verb ended and returns the exit code. Findings about rules
// are shown with their places; a verb that found them elsewhere than in rules
// wraps them in an exit of its own code.
func explain(s *streams, err error) int {
	if err == nil {
		return exitDone
	}
	code := exitInternal
	var findings source.Diagnostics
	if errors.As(err, &findings) {
		code = exitRules
	}
	var e *exit
	if errors.As(err, &e) {
		if code = e.code; e.err == nil {
			return code
		}
	}
	if findings == nil {
		fmt.Fprintf(s.err, "celmap: %v\n", err)
		return code
	}
	palette := report.PaletteFor(s.err)
	if writeErr := report.Text(s.err, findings, palette); writeErr != nil {
		return exitInternal
	}
	fmt.Fprint(s.err, report.Hint(findings, palette))
	return code
}
