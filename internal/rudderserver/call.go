package rudderserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Call is a request of rudder-server to a transformer.
type Call struct {
	Method string
	Path   string
	Header http.Header
	Body   []byte
}

// Response is how a transformer answered a call.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Client makes calls with a connection each, as rudder-server does by default.
// It is safe for concurrent use.
var Client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Send makes the call to a transformer at base, "http://localhost:9090". The
// error is what rudder-server would retry at most some seconds before it
// panics: nothing reachable, or an answer that broke off.
func (c *Call) Send(ctx context.Context, client *http.Client, base string) (*Response, error) {
	request, err := http.NewRequestWithContext(ctx, c.Method, base+c.Path, bytes.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	request.Header = c.Header.Clone()
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", answered, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: %d, then %w", answered, response.StatusCode, err)
	}
	return &Response{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// transformHeader is what comes with the bodies of router and processor.
func transformHeader(compact bool) http.Header {
	h := http.Header{}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Feature-Gzip-Support", "?1")
	h.Set("X-Feature-Filter-Code", "?1")
	if compact {
		h.Set("X-Content-Format", "json+compactedv1")
	}
	return h
}

// accepted checks what holds for every answer, and reports whether there is a
// body to look into: a 200.
func (c *checks) accepted(r *Response) bool {
	if r.Status == http.StatusNotFound {
		c.violated(neverMissing, 0, "status", "404", "")
	}
	if r.Status != http.StatusOK {
		return false
	}
	if v, err := strconv.Atoi(r.Header.Get("apiVersion")); err != nil || v != 2 {
		c.violated(apiVersion, 0, "apiVersion", strconv.Quote(r.Header.Get("apiVersion")), "2")
	}
	if at := bytes.IndexFunc(r.Body, func(r rune) bool { return r == utf8.RuneError }); at >= 0 && !utf8.Valid(r.Body) {
		c.violated(readable, 0, fmt.Sprintf("byte %d", at), "no UTF-8", "")
	}
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(r.Body, new(json.RawMessage)), &syntax) {
		c.violated(readable, 0, fmt.Sprintf("byte %d", syntax.Offset), fmt.Sprintf("a mistake (%s): %s", syntax, r.Body), "")
		return false
	}
	return true
}

// object reads a JSON object. Keys that stand twice, of which Go takes the last
// and others the first, are violations.
func (c *checks) object(r rule, job int64, place string, text json.RawMessage) (map[string]json.RawMessage, bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		c.violated(r, job, place, orAbsent(text), "an object")
		return nil, false
	}
	values := map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil {
			c.violated(r, job, place, string(text), "an object")
			return nil, false
		}
		name := key.(string)
		if _, twice := values[name]; twice {
			c.violated(nothingTwice, job, place+"."+name, "there twice", "")
		}
		values[name] = value
	}
	return values, true
}

// textObject reads an object whose values are text; others violate r.
func (c *checks) textObject(r rule, job int64, place string, text json.RawMessage) map[string]string {
	values, ok := c.object(r, job, place, text)
	if !ok {
		return nil
	}
	texts := make(map[string]string, len(values))
	for key, value := range values {
		if s, ok := textOf(value); ok {
			texts[key] = s
		} else {
			c.violated(r, job, place+"."+key, string(value), "text")
		}
	}
	return texts
}

func (c *checks) list(r rule, job int64, place string, text json.RawMessage) ([]json.RawMessage, bool) {
	var values []json.RawMessage
	if kind(text) != '[' || json.Unmarshal(text, &values) != nil {
		c.violated(r, job, place, orAbsent(text), "a list")
		return nil, false
	}
	return values, true
}

// integer reads a number as Go does into an int: 200.0 and 2e2 are none.
func (c *checks) integer(r rule, job int64, place string, text json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		c.violated(r, job, place, orAbsent(text), "an integer")
	}
	return n, err == nil
}

// failure checks what router, processor and proxy say of a failure: error (for
// which there must be a reason where needed) and statTags.
func (c *checks) failure(job int64, place string, values map[string]json.RawMessage, needed bool) string {
	text := ""
	if raw, ok := values["error"]; ok {
		if text, ok = textOf(raw); !ok {
			c.violated(textError, job, place+".error", string(raw), "text")
			needed = false
		}
	}
	if needed && text == "" {
		c.violated(reason, job, place+".error", "empty", "")
	}
	if raw, ok := values["statTags"]; ok {
		c.textObject(tags, job, place+".statTags", raw)
	}
	if raw, ok := values["authErrorCategory"]; ok {
		if s, ok := textOf(raw); !ok || !slices.Contains([]string{"", "REFRESH_TOKEN", "AUTH_STATUS_INACTIVE"}, s) {
			c.violated(authCategory, job, place+".authErrorCategory", string(raw), "")
		}
	}
	return text
}

// kind is the first byte of a JSON value, which tells its kind; 0 where there is none.
func kind(text json.RawMessage) byte {
	if text = bytes.TrimLeft(text, " \t\r\n"); len(text) > 0 {
		return text[0]
	}
	return 0
}

func textOf(value json.RawMessage) (string, bool) {
	var s string
	return s, kind(value) == '"' && json.Unmarshal(value, &s) == nil
}

func orAbsent(text json.RawMessage) string {
	if text == nil {
		return "absent"
	}
	return string(text)
}

// allowed tells whether a transformation may give a job this status.
func allowed(status int64) bool {
	return status == 200 || status == 298 || status == 299 || status >= 400 && status < 599
}

// givenUp tells whether the router aborts a job with this status.
func givenUp(status int) bool {
	return status/100 == 3 || status/100 == 4 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}
