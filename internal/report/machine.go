package report

import (
	"fmt"
	"io"
	"strings"

	codes "github.com/celmap/celmap/docs/errors"
	"github.com/celmap/celmap/engine/source"
)

// Finding is a diagnostic in JSON. Lines and columns count from 1, columns in
// characters; a finding without a place leaves them out.
type Finding struct {
	Place
	Path     string    `json:"path,omitempty"` // JSON path in the file
	Severity string    `json:"severity"`
	Code     string    `json:"code"`
	Number   string    `json:"number,omitempty"` // of the code: what celmap help explains
	Summary  string    `json:"summary"`
	Detail   string    `json:"detail,omitempty"`
	Help     string    `json:"help,omitempty"`
	Related  []Related `json:"related,omitempty"`
}

// Place is where a finding is.
type Place struct {
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"endLine,omitempty"`
	EndColumn int    `json:"endColumn,omitempty"`
}

// Related is another place that a finding is about.
type Related struct {
	Place
	Message string `json:"message"`
}

// Findings returns the findings for encoding/json, never nil.
func Findings(findings source.Diagnostics) []Finding {
	list := make([]Finding, len(findings))
	for i, d := range findings {
		list[i] = Finding{
			Place: placeOf(d.Span), Path: d.Path,
			Severity: d.Severity.String(), Code: d.Code, Number: codes.Number(d.Code),
			Summary: d.Summary, Detail: d.Detail, Help: d.Help,
		}
		for _, r := range d.Related {
			list[i].Related = append(list[i].Related, Related{placeOf(r.Span), r.Message})
		}
	}
	return list
}

func placeOf(s source.Span) Place {
	p := Place{Line: s.Start.Line, Column: s.Start.Column, EndLine: s.End.Line, EndColumn: s.End.Column}
	if s.File != nil {
		p.File = s.File.Name
	}
	return p
}

// GitHub writes each finding as a workflow command, which GitHub shows beside
// the line. (docs.github.com, "Workflow commands for GitHub Actions")
func GitHub(w io.Writer, findings source.Diagnostics) error {
	for _, d := range findings {
		command := "::" + d.Severity.String()
		var about []string
		if d.Span.File != nil {
			about = append(about, "file="+property.Replace(Plain(d.Span.File.Name)))
			if d.Span.Start.Line > 0 {
				about = append(about, fmt.Sprintf("line=%d,col=%d", d.Span.Start.Line, d.Span.Start.Column))
			}
		}
		if d.Code != "" {
			about = append(about, "title="+property.Replace(codes.Label(d.Code)))
		}
		if len(about) > 0 {
			command += " " + strings.Join(about, ",")
		}
		text := Plain(d.Summary)
		for _, more := range []string{d.Detail, d.Help} {
			for line := range lines(more) {
				text += "\n" + line
			}
		}
		for _, r := range d.Related {
			text += "\n" + Plain(r.Span.String()) + ": " + Plain(r.Message)
		}
		if _, err := fmt.Fprintln(w, command+"::"+message.Replace(text)); err != nil {
			return err
		}
	}
	return nil
}

var (
	message  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
