package golden

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/report"
)

type jsonReport struct {
	Passed  int              `json:"passed"`
	Failed  int              `json:"failed"` // with those that are broken or refused
	Updated int              `json:"updated,omitempty"`
	Rules   []report.Finding `json:"rules,omitempty"`
	Cases   []jsonCase       `json:"cases"`
}

type jsonCase struct {
	Name        string           `json:"name"`
	File        string           `json:"file"`
	Status      Status           `json:"status"`
	Differences []jsonDifference `json:"differences"`
	Remarks     []string         `json:"remarks,omitempty"`
	Problems    []report.Finding `json:"problems,omitempty"`
}

type jsonDifference struct {
	Path     string             `json:"path"`
	Expected json.RawMessage    `json:"expected,omitempty"` // left out: nothing
	Got      json.RawMessage    `json:"got,omitempty"`
	Rule     string             `json:"rule,omitempty"`
	Error    *engine.EventError `json:"error,omitempty"` // why the event was rejected
}

// JSON writes a report for programs.
func JSON(w io.Writer, r *Summary, _ report.Palette) error {
	out := jsonReport{Passed: r.Count(Passed), Failed: r.Count(Failed, Broken, Refused), Updated: r.Count(Updated), Cases: []jsonCase{}}
	if len(r.Rules) > 0 {
		out.Rules = report.Findings(r.Rules)
	}
	for _, v := range r.Verdicts {
		c := jsonCase{Name: v.Name(), File: v.File, Status: v.Status, Differences: []jsonDifference{}, Remarks: v.Remarks}
		if len(v.Problems) > 0 {
			c.Problems = report.Findings(v.Problems)
		}
		for _, d := range v.Differences {
			j := jsonDifference{Path: d.Path, Expected: rawJSON(d.Expected), Got: rawJSON(d.Got), Error: d.Error}
			if d.Rule != nil {
				j.Rule = d.Rule.Place
			}
			c.Differences = append(c.Differences, j)
		}
		out.Cases = append(out.Cases, c)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func rawJSON(n *value.Node) json.RawMessage {
	if n == nil {
		return nil
	}
	return value.AppendJSON(nil, n)
}

type junitSuites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Suites   []*junitSuite
}

type junitSuite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Cases    []junitCase
}

type junitCase struct {
	XMLName   xml.Name      `xml:"testcase"`
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	File      string        `xml:"file,attr"`
	Failure   *junitMessage `xml:"failure"`
	Error     *junitMessage `xml:"error"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",cdata"`
}

// JUnit writes a report for build servers: a suite for each folder.
func JUnit(w io.Writer, r *Summary, _ report.Palette) error {
	out := junitSuites{Tests: len(r.Verdicts), Failures: r.Count(Failed, Refused), Errors: r.Count(Broken)}
	var suite *junitSuite
	for _, v := range r.Verdicts {
		if suite == nil || suite.Name != v.Folder() {
			suite = &junitSuite{Name: v.Folder()}
			out.Suites = append(out.Suites, suite)
		}
		c := junitCase{Name: v.Name(), ClassName: v.Folder(), File: v.File}
		message := &junitMessage{Message: v.headline(), Text: "\n" + v.details("", report.Palette{})}
		suite.Tests++
		switch v.Status {
		case Failed, Refused:
			suite.Failures++
			c.Failure = message
		case Broken:
			suite.Errors++
			c.Error = message
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// headline says in one line why a case did not pass.
func (v *Verdict) headline() string {
	switch {
	case len(v.Problems) > 0:
		return v.Problems[0].Error()
	case len(v.Differences) == 0:
		return strings.Join(v.Remarks, "; ")
	}
	d := &v.Differences[0]
	expected, got := d.sides(0)
	text := fmt.Sprintf("%s: expected%s, got%s", d.Path, brief(expected)[1:], brief(got)[1:])
	if n := len(v.Differences) - 1; n > 0 {
		text += fmt.Sprintf(", and %d more", n)
	}
	return text
}

// GitHub writes an annotation for each case that did not pass, at the first
// value that differs, and the summary.
func GitHub(w io.Writer, r *Summary, p report.Palette) error {
	var b strings.Builder
	if err := report.GitHub(&b, r.Rules); err != nil {
		return err
	}
	for _, v := range r.Verdicts {
		if err := report.GitHub(&b, v.annotations()); err != nil {
			return err
		}
	}
	b.WriteString(r.summary(p) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (v *Verdict) annotations() source.Diagnostics {
	if v.Status == Passed || v.Status == Updated || len(v.Problems) > 0 {
		return v.Problems
	}
	at := source.Span{File: source.NewFile(v.File, nil)}
	if len(v.Differences) > 0 {
		at = v.Differences[0].At
	}
	return source.Diagnostics{{Span: at, Summary: v.Name() + ": " + v.headline(), Detail: strings.TrimSuffix(v.details("", report.Palette{}), "\n")}}
}
