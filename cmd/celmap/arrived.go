package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/celmap/celmap/internal/report"
)

// during runs a command while the simulator answers at a URL, which stands for {url} in
// the command's arguments. It returns the command's exit code, as a shell does: 128 and
// the signal's number where one ended it. Once ctx is done the command is asked to end.
func during(ctx context.Context, s *streams, command []string, url string) error {
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], "{url}", url)
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stdin, c.Stdout, c.Stderr = s.in, s.out, s.err
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	err := c.Run()
	if c.ProcessState == nil {
		return usage("-- %s: it cannot be run: %w: check its name, or give the path of a program", command[0], cause(err))
	}
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &exit{code: 128 + int(status.Signal()), err: fmt.Errorf("%s ended: %s", command[0], c.ProcessState)}
	}
	if !c.ProcessState.Success() {
		return &exit{code: c.ProcessState.ExitCode()}
	}
	if ctx.Err() != nil { // which is the error of a command that ended in order, too
		return nil
	}
	return err
}

// cause is what went wrong with a file or a program, without its name and what was
// done to it.
func cause(err error) error {
	var path *fs.PathError
	var program *exec.Error
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &program):
		return program.Err
	}
	return err
}

// arrived is what a simulator holds.
type arrived struct {
	types   []string // of records, those without a record left out
	records map[string][]heldRecord
	events  []heldEvent
	dropped int64 // events that came before these, and are kept no longer
}

type heldRecord struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"properties"`
}

type heldEvent struct {
	Name       string            `json:"eventName"`
	ObjectType string            `json:"objectType"`
	Email      string            `json:"email"`
	ObjectID   string            `json:"objectId"`
	OccurredAt string            `json:"occurredAt"`
	Properties map[string]string `json:"properties"`
}

// whatArrived asks a simulator what it holds.
func whatArrived(url string) (*arrived, error) {
	var stats struct {
		Records map[string]int
		Dropped struct{ Events int64 }
	}
	if err := eachLine(url+"/_sim/stats", func(line []byte) error { return json.Unmarshal(line, &stats) }); err != nil {
		return nil, err
	}
	a := &arrived{records: map[string][]heldRecord{}, dropped: stats.Dropped.Events}
	for _, name := range slices.Sorted(maps.Keys(stats.Records)) {
		if stats.Records[name] == 0 {
			continue
		}
		a.types = append(a.types, name)
		if err := eachLine(url+"/_sim/objects/"+name, func(line []byte) error {
			var r heldRecord
			err := json.Unmarshal(line, &r)
			a.records[name] = append(a.records[name], r)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return a, eachLine(url+"/_sim/events", func(line []byte) error {
		var e heldEvent
		err := json.Unmarshal(line, &e)
		a.events = append(a.events, e)
		return err
	})
}

// eachLine calls do for each line of a page.
func eachLine(page string, do func([]byte) error) error {
	answer, err := http.Get(page)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it has been read
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if err := do(lines.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", page, err)
		}
	}
	return lines.Err()
}

// mostShown is how many records of a type, and how many events, are shown.
const mostShown = 20

// print writes
//
//	arrived: contacts 2, events 1
//
//	contacts
//	  ann@example.com  firstname Ann, jobtitle "Head of Growth"
//
//	events
//	  pe1_order_completed  ann@example.com  amount 129.9
func (a *arrived) print(w io.Writer, p report.Palette) {
	sums := make([]string, 0, len(a.types)+1)
	for _, name := range a.types {
		sums = append(sums, name+" "+grouped(int64(len(a.records[name]))))
	}
	sums = append(sums, "events "+grouped(a.dropped+int64(len(a.events))))
	fmt.Fprintf(w, "%s\n", p.Bold("arrived: "+strings.Join(sums, ", ")))
	for _, name := range a.types {
		var rows []row
		for _, r := range a.records[name] {
			title := cmp.Or(r.Properties["email"], r.Properties["name"], r.Properties["dealname"], r.Properties["subject"], r.ID)
			rows = append(rows, row{title, properties(r.Properties, title)})
		}
		section(w, p, name, rows)
	}
	var rows []row
	for _, e := range a.events {
		about := append([]string{cmp.Or(e.Email, strings.TrimSpace(e.ObjectType+" "+e.ObjectID))}, properties(e.Properties, "")...)
		rows = append(rows, row{e.Name, about})
	}
	title := "events"
	if a.dropped > 0 {
		title = fmt.Sprintf("events (the first %s are no longer kept; --journal has all)", grouped(a.dropped))
	}
	section(w, p, title, rows)
}

// row is a line of a section: what it is about, and what is said of it.
type row struct {
	title string
	about []string
}

// section writes rows in two columns, the second over as many lines as it needs.
func section(w io.Writer, p report.Palette, title string, rows []row) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", p.Bold(title))
	width := 0
	for _, r := range rows[:min(len(rows), mostShown)] {
		width = max(width, utf8.RuneCountInString(report.Plain(r.title)))
	}
	for i, r := range rows {
		if i == mostShown {
			fmt.Fprintf(w, "  … %s more\n", grouped(int64(len(rows)-i)))
			return
		}
		name := fmt.Sprintf("%-*s", width, report.Plain(r.title))
		for _, line := range folded(r.about, 98-width) {
			fmt.Fprintf(w, "  %s  %s\n", p.Green(name), line)
			name = strings.Repeat(" ", width)
		}
	}
}

// properties returns "name value" of those that somebody has set, without the one that
// is the title.
func properties(all map[string]string, title string) []string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value := all[name]
		if automatic.MatchString(name) || value == "" || value == title {
			continue
		}
		if strings.ContainsAny(value, " ,") {
			value = `"` + value + `"`
		}
		words = append(words, report.Plain(name+" "+value))
	}
	return words
}

// automatic matches properties that an account sets itself.
var automatic = regexp.MustCompile(`^(createdate|lastmodifieddate|hs_(createdate|email_domain|lastmodifieddate|object_.*|all_contact_vids|is_.*|lifecyclestage_.*|membership_.*|pipeline|registered_member))$`)

// folded joins words with commas, in lines of about so many characters.
func folded(words []string, width int) []string {
	lines := []string{""}
	for i, word := range words {
		last := &lines[len(lines)-1]
		if i > 0 {
			*last += ","
			if utf8.RuneCountInString(*last)+utf8.RuneCountInString(word) >= width {
				lines = append(lines, word)
				continue
			}
			*last += " "
		}
		*last += word
	}
	return lines
}
