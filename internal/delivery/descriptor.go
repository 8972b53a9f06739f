// Package delivery makes HTTP requests of request descriptors as rudder-server's
// router does, so that it makes no difference to an API who delivers.
package delivery

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/celmap/celmap/internal/outbound"
)

// headerName is what HTTP takes as the name of a header.
var headerName = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")

// Descriptor is a request as RudderStack describes it. All else that it may say
// is not looked at.
type Descriptor struct {
	Type     string            `json:"type"` // only REST is ever sent
	Method   string            `json:"method"`
	Endpoint string            `json:"endpoint"`
	UserID   string            `json:"userId"` // a note of who made it to who delivers it; sent nowhere
	Headers  map[string]string `json:"headers"`
	Params   map[string]any    `json:"params"`
	Body     json.RawMessage   `json:"body"` // an object by format: JSON, JSON_ARRAY, XML, GZIP or FORM
	Files    map[string]any    `json:"files"`
}

// Refusal says why a descriptor cannot be sent.
type Refusal struct {
	Status  int // that rudder-server's router gives the jobs
	Message string
}

// Error returns the message.
func (r *Refusal) Error() string { return r.Message }

func refuse(status int, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Message: fmt.Sprintf(format, args...)}
}

// unreadable is the status of descriptors that have another form: it is tried
// again without end, since the next time the event is transformed anew.
const unreadable = 599

// Read reads a descriptor. The error is a *Refusal.
func Read(text []byte) (*Descriptor, error) {
	d := &Descriptor{}
	if err := json.Unmarshal(text, d); err != nil {
		return nil, refuse(unreadable, "the request descriptor cannot be read: %v; headers, for one, have to be texts", err)
	}
	return d, nil
}

// Request makes the HTTP request. send is false for a descriptor that the router
// does not send at all, and whose jobs it counts as delivered. The error is a
// *Refusal.
func (d *Descriptor) Request() (r outbound.Request, send bool, err error) {
	if d.Type != "REST" || len(d.Files) > 0 {
		return r, false, nil
	}
	r.Headers = make(map[string]string, len(d.Headers)+2)
	for name, v := range d.Headers {
		if !headerName.MatchString(name) {
			return r, false, refuse(http.StatusBadRequest, "%q in the headers of the request descriptor is no name of a header", name)
		}
		if strings.ContainsFunc(v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return r, false, refuse(http.StatusBadRequest, "the header %s of the request descriptor holds a line break or another control character", name)
		}
		r.Headers[http.CanonicalHeaderKey(name)] = v
	}
	if _, own := r.Headers["User-Agent"]; !own {
		r.Headers["User-Agent"] = "RudderLabs"
	}
	if r.Method = d.Method; r.Method == "" {
		r.Method = http.MethodGet
	}
	if r.URL, err = d.url(); err != nil {
		return r, false, err
	}
	if r.Body, err = d.body(r.Headers); err != nil {
		return r, false, err
	}
	return r, true, nil
}

// url adds the parameters to the endpoint, whose own query is written anew, too.
func (d *Descriptor) url() (string, error) {
	u, err := url.Parse(d.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", refuse(http.StatusBadRequest, "the endpoint of the request descriptor is no http or https URL")
	}
	query := u.Query()
	for name, v := range d.Params {
		text, isText := v.(string)
		if object, is := v.(map[string]any); is {
			text = string(encode(object))
		} else if !isText {
			text = fmt.Sprint(v)
		}
		query.Add(name, text)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// body writes the one format that is filled, nil if none is. Of several the router
// would take one at random, this takes the first by name.
func (d *Descriptor) body(headers map[string]string) ([]byte, error) {
	formats := map[string]any{}
	if len(d.Body) > 0 && json.Unmarshal(d.Body, &formats) != nil {
		return nil, refuse(unreadable, "the body of the request descriptor is no object of formats, or holds a number that is too large")
	}
	filled := ""
	for name, v := range formats {
		content, ok := v.(map[string]any)
		if !ok {
			return nil, refuse(http.StatusInternalServerError, "the format %q in the body of the request descriptor is no object", name)
		}
		if len(content) > 0 && (filled == "" || name < filled) {
			filled = name
		}
	}
	if filled == "" {
		return nil, nil
	}
	content := formats[filled].(map[string]any)
	switch filled {
	case "JSON":
		return encode(content), nil
	case "JSON_ARRAY":
		return textIn(content, filled, "batch")
	case "XML":
		return textIn(content, filled, "payload")
	case "GZIP":
		text, err := textIn(content, filled, "payload")
		if err != nil {
			return nil, err
		}
		headers["Content-Encoding"] = "gzip"
		return compress(text), nil
	case "FORM":
		form := url.Values{}
		for name, v := range content {
			form.Set(name, fmt.Sprint(v))
		}
		return []byte(form.Encode()), nil
	}
	return nil, refuse(http.StatusInternalServerError, "the format %q in the body of the request descriptor is none of FORM, GZIP, JSON, JSON_ARRAY and XML", filled)
}

func textIn(content map[string]any, format, member string) ([]byte, error) {
	text, ok := content[member].(string)
	if !ok {
		return nil, refuse(http.StatusBadRequest, "%s.%s in the body of the request descriptor is no text", format, member)
	}
	return []byte(text), nil
}

// encode writes what was read from JSON.
func encode(v map[string]any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func compress(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // memory does not fail
	}
	return b.Bytes()
}
