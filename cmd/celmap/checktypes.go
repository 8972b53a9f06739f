package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/celmap/celmap/engine"
)

// typeLine tells in JSON what an expression can give.
type typeLine struct {
	File       string `json:"file"`
	Line       int    `json:"line"`
	Column     int    `json:"column"`
	Expression string `json:"expression"`
	Type       string `json:"type"`
	Why        string `json:"why,omitempty"` // nothing is known of it
}

func typeLines(types []engine.Typed) []typeLine {
	var out []typeLine
	for _, t := range types {
		line := typeLine{Line: t.Span.Start.Line, Column: t.Span.Start.Column, Expression: t.Text, Type: t.Type, Why: t.Why}
		if t.Span.File != nil {
			line.File = t.Span.File.Name
		}
		out = append(out, line)
	}
	return out
}

// printTypes writes a line for each expression.
func printTypes(out io.Writer, types []engine.Typed) error {
	for _, t := range types {
		why := ""
		if t.Why != "" {
			why = " (" + t.Why + ")"
		}
		if _, err := fmt.Fprintf(out, "%s: %s: %s%s\n", t.Span, strings.Join(strings.Fields(t.Text), " "), t.Type, why); err != nil {
			return err
		}
	}
	return nil
}
