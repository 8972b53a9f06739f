package report

import (
	"encoding/json"
	"io"
	"net/url"
	"regexp"
	"strings"

	codes "github.com/celmap/celmap/docs/errors"
	"github.com/celmap/celmap/engine/source"
)

// home is where the project is, pages where the pages of its codes are read.
const (
	home  = "https://github.com/celmap/celmap"
	pages = home + "/blob/main/docs/errors/"
)

var relative = regexp.MustCompile(`\]\(([^):]+)\)`)

// SARIF writes the findings in the format that code scanners share, so that
// GitHub and others show them, each with the page of its code.
// (Static Analysis Results Interchange Format 2.1.0, OASIS)
func SARIF(w io.Writer, findings source.Diagnostics, version string) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "celmap", Version: version, InformationURI: home, Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints",
		Results:    make([]sarifResult, len(findings)),
	}
	index := map[string]int{} // of the rules, by the name of their code
	for i, d := range findings {
		result := sarifResult{RuleID: d.Code, Level: d.Severity.String(), Message: sarifMessage{sarifText(d)}}
		if p, ok := codes.Find(d.Code); ok && p.Name == d.Code {
			at, known := index[p.Name]
			if !known {
				at = len(run.Tool.Driver.Rules)
				index[p.Name] = at
				run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ruleOf(p))
			}
			result.RuleID, result.RuleIndex = p.Number, &at
		}
		if place := physical(d.Span); place != nil {
			location := sarifLocation{Physical: place}
			if d.Path != "" {
				location.Logical = []sarifLogical{{FullyQualifiedName: d.Path}}
			}
			result.Locations = []sarifLocation{location}
		}
		for _, r := range d.Related {
			if place := physical(r.Span); place != nil {
				result.Related = append(result.Related, sarifLocation{ID: len(result.Related) + 1, Physical: place, Message: &sarifMessage{Plain(r.Message)}})
			}
		}
		run.Results[i] = result
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

func sarifText(d source.Diagnostic) string {
	text := Plain(d.Summary)
	for line := range lines(d.Detail) {
		text += "\n" + line
	}
	for line := range lines(d.Help) {
		text += "\n" + line
	}
	return text
}

func ruleOf(p codes.Page) sarifRule {
	return sarifRule{
		ID: p.Number, Name: p.Name, ShortDescription: sarifMessage{p.Title},
		HelpURI: pages + p.File(),
		Help:    sarifHelp{Text: Markdown(p.Text, Palette{}), Markdown: relative.ReplaceAllString(p.Text, "]("+pages+"$1)")},
	}
}

// physical returns a place in a file, nil if there is none.
func physical(s source.Span) *sarifPhysical {
	if s.File == nil {
		return nil
	}
	address := url.URL{Path: s.File.Name}
	if strings.HasPrefix(s.File.Name, "/") {
		address.Scheme = "file"
	}
	place := &sarifPhysical{Artifact: sarifArtifact{URI: address.String()}}
	if s.Start.Line > 0 {
		place.Region = &sarifRegion{StartLine: s.Start.Line, StartColumn: s.Start.Column}
		if s.End.Line > s.Start.Line || s.End.Line == s.Start.Line && s.End.Column >= s.Start.Column {
			place.Region.EndLine, place.Region.EndColumn = s.End.Line, s.End.Column
		}
	}
	return place
}

// What of SARIF is written.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string       `json:"id"`
		Name             string       `json:"name"`
		ShortDescription sarifMessage `json:"shortDescription"`
		HelpURI          string       `json:"helpUri"`
		Help             sarifHelp    `json:"help"`
	}
	sarifHelp struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId,omitempty"`
		RuleIndex *int            `json:"ruleIndex,omitempty"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifLocation struct {
		ID       int            `json:"id,omitempty"`
		Physical *sarifPhysical `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
		Message  *sarifMessage  `json:"message,omitempty"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
)
