// Package conformance compares the HubSpot mapping with recorded answers of
// RudderStack's JavaScript transformer, batch by batch and job by job. Where
// the two differ on purpose, a file of differences says so and why.
package conformance

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/celmap/celmap/internal/hubspotstub"
)

// Case is one batch, the HubSpot account behind its lookups, and what the
// JavaScript transformer answered.
type Case struct {
	ID       string             `json:"id"`
	Group    string             `json:"group"`
	Note     string             `json:"note"`
	Input    []Input            `json:"input"`
	Portal   hubspotstub.Portal `json:"portal"`
	Expected Expected           `json:"expected"`
}

// Input is one job as RudderStack hands it over.
type Input struct {
	Message     json.RawMessage            `json:"message"`
	Metadata    json.RawMessage            `json:"metadata"`
	Destination map[string]json.RawMessage `json:"destination"`
}

// Expected is the recorded answer: Thrown where the transformer's code failed on
// the batch as a whole. Route is what its HTTP route made of that, Elements or the
// text of a refusal.
type Expected struct {
	Output []Element       `json:"output"`
	Thrown string          `json:"thrown"`
	Route  json.RawMessage `json:"route"`
}

// Element is a part of an answer: jobs that share their fate.
type Element struct {
	Request    json.RawMessage   `json:"batchedRequest"`
	Metadata   []json.RawMessage `json:"metadata"`
	StatusCode int               `json:"statusCode"`
	Error      string            `json:"error"`
}

// ReadCases reads a gzipped file with one case a line.
func ReadCases(file string) ([]Case, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all []Case
	for lines := bufio.NewReader(unzipped); ; {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var c Case
			d := json.NewDecoder(bytes.NewReader(asJSON(line)))
			d.UseNumber() // ids keep their digits
			if err := d.Decode(&c); err != nil {
				return nil, fmt.Errorf("%s: case %d: %w", file, len(all)+1, err)
			}
			all = append(all, c)
		}
		if err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
}

// asJSON puts back what the recording holds in a form that is no JSON: numbers
// beyond a double's range, such as 1e400, as Infinity; escaped halves of
// surrogate pairs as the bytes that they would have in UTF-8.
func asJSON(line []byte) []byte {
	const infinity = "Infinity"
	var out []byte
	text := false
	for i := 0; i < len(line); i++ {
		switch {
		case text && line[i] == '\\':
			out = append(out, line[i])
			i++
		case line[i] == '"':
			text = !text
		case text && i+2 < len(line) && line[i] == 0xED && line[i+1] >= 0xA0:
			out = fmt.Appendf(out, `\u%04x`, 0xD000|int(line[i+1]&0x3F)<<6|int(line[i+2]&0x3F))
			i += 2
			continue
		case !text && bytes.HasPrefix(line[i:], []byte(infinity)):
			out = append(out, "1e400"...)
			i += len(infinity) - 1
			continue
		}
		out = append(out, line[i])
	}
	return out
}

// decode reads JSON with the digits of its numbers.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}
