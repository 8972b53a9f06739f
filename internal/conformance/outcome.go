package conformance

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Outcome is what became of one job, in a form in which what does not count is
// gone: Requests is the JSON of the normalised requests, "" where there are none.
// Why says for people why there are none, where that is known.
type Outcome struct {
	Status   int
	Requests string
	Why      string
}

// Agrees reports whether two outcomes are the same in all that counts.
func (o Outcome) Agrees(other Outcome) bool {
	return o.Status == other.Status && o.Requests == other.Requests
}

// Outcomes holds the outcomes of a batch by job. The key is the job's metadata,
// since nothing else tells jobs apart; jobs with the same are sorted.
type Outcomes map[string][]Outcome

func (o Outcomes) add(metadata json.RawMessage, outcome Outcome) error {
	key, err := canonical(metadata)
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	o[key] = append(o[key], outcome)
	slices.SortFunc(o[key], func(a, b Outcome) int {
		if a.Status != b.Status {
			return a.Status - b.Status
		}
		return strings.Compare(a.Requests, b.Requests)
	})
	return nil
}

func canonical(data json.RawMessage) (string, error) {
	v, err := decode(data)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// Recorded returns the outcomes that the JavaScript transformer gave over HTTP.
func (c *Case) Recorded() (Outcomes, error) {
	elements := c.Expected.Output
	if len(c.Expected.Route) > 0 || c.Expected.Thrown != "" {
		if elements = nil; json.Unmarshal(c.Expected.Route, &elements) != nil {
			return c.refused("the transformer refused the request")
		}
	}
	return outcomes(elements)
}

// refused is the outcome of a request that was not answered with 200: rudder-server
// retries all its jobs, as if each had failed with 500.
func (c *Case) refused(why string) (Outcomes, error) {
	all := Outcomes{}
	for _, in := range c.Input {
		if err := all.add(in.Metadata, Outcome{Status: 500, Why: why}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// outcomes reads the elements of an answer job by job.
func outcomes(elements []Element) (Outcomes, error) {
	all := Outcomes{}
	for _, e := range elements {
		outcome := Outcome{Status: e.StatusCode, Why: e.Error}
		if e.StatusCode == 200 {
			v, err := decode(e.Request)
			if err != nil {
				return nil, fmt.Errorf("batchedRequest: %w", err)
			}
			requests, many := v.([]any)
			if !many {
				requests = []any{v}
			}
			if outcome.Requests, err = normal(requests); err != nil {
				return nil, err
			}
		}
		for _, m := range e.Metadata {
			if err := all.add(m, outcome); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// normal writes requests so that two that mean the same are the same text.
func normal(requests []any) (string, error) {
	list := []any{}
	for _, r := range requests {
		request, ok := r.(map[string]any)
		if !ok {
			return "", fmt.Errorf("a request is no object: %v", r)
		}
		n, err := normalRequest(request)
		if err != nil {
			return "", err
		}
		list = append(list, n)
	}
	b, err := json.Marshal(list)
	return string(b), err
}

func normalRequest(request map[string]any) (map[string]any, error) {
	endpoint, _ := request["endpoint"].(string)
	address, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	params := map[string]any{}
	for name, values := range address.Query() {
		params[name] = values[0]
	}
	given, _ := request["params"].(map[string]any)
	for name, v := range given {
		params[name] = texts(v)
	}
	address.RawQuery = ""
	body := map[string]any{}
	formats, _ := request["body"].(map[string]any)
	for format, v := range formats {
		content, ok := v.(map[string]any)
		if !ok || len(content) == 0 {
			continue
		}
		if list, ok := content["batch"].(string); ok && format == "JSON_ARRAY" {
			parsed, err := decode([]byte(list))
			if err != nil {
				return nil, fmt.Errorf("JSON_ARRAY.batch: %w", err)
			}
			content = map[string]any{"batch": parsed}
		}
		if strings.Contains(address.Path, "/events/") {
			delete(content, "uuid") // ours: a second try of the same event counts once
		}
		body[format] = texts(content)
	}
	return map[string]any{"method": request["method"], "endpoint": address.String(), "headers": request["headers"], "params": params, "body": body}, nil
}

// texts replaces numbers and booleans by their text, as which HubSpot reads them.
func texts(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, m := range v {
			out[k] = texts(m)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, m := range v {
			out[i] = texts(m)
		}
		return out
	case bool, json.Number:
		return asText(v)
	}
	return v
}

// asText returns a scalar as HubSpot reads it, and "" for anything else.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		r, ok := new(big.Rat).SetString(v.String())
		switch {
		case !ok:
			return v.String()
		case r.IsInt():
			return r.Num().String()
		}
		digits, _ := r.FloatPrec()
		return r.FloatString(digits)
	}
	return ""
}
