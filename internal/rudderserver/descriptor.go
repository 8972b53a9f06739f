package rudderserver

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Descriptor is a request that the router is to make.
type Descriptor struct {
	Method   string
	Endpoint string
	UserID   string
	Headers  map[string]string
	Params   map[string]string
	Format   string          // of the body: "JSON"; empty for none
	Content  json.RawMessage // the object of that format
	Raw      json.RawMessage // all of it
}

var (
	methods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
	formats = []string{"JSON", "JSON_ARRAY", "XML", "GZIP", "FORM"}
)

// descriptors checks the requests of an element: one, or several as a list.
func (c *checks) descriptors(job int64, place string, text json.RawMessage) []*Descriptor {
	if kind(text) != '[' {
		if kind(text) != '{' {
			c.violated(requestPresent, job, place, orAbsent(text), "an object or a list")
			return nil
		}
		return []*Descriptor{c.descriptor(job, place, text)}
	}
	list, ok := c.list(requestPresent, job, place, text)
	if ok && len(list) == 0 {
		c.violated(requestPresent, job, place, "[]", "an object or a list")
	}
	var all []*Descriptor
	for i, raw := range list {
		if kind(raw) != '{' {
			c.violated(requestPresent, job, at(place, i), string(raw), "an object")
			continue
		}
		all = append(all, c.descriptor(job, at(place, i), raw))
	}
	return all
}

func (c *checks) descriptor(job int64, place string, text json.RawMessage) *Descriptor {
	d := &Descriptor{Raw: text}
	values, ok := c.object(requestPresent, job, place, text)
	if !ok {
		return d
	}
	field := func(name string) json.RawMessage { return values[name] }
	in := func(name string) string { return place + "." + name }

	if s, ok := textOf(field("type")); !ok || s != "REST" {
		c.violated(typeREST, job, in("type"), orAbsent(field("type")), `"REST"`)
	}
	if raw, given := values["files"]; given {
		if files, ok := c.object(noFiles, job, in("files"), raw); ok && len(files) > 0 {
			c.violated(noFiles, job, in("files"), string(raw), "{}")
		}
	}
	if d.Method, ok = textOf(field("method")); !ok || !slices.Contains(methods, d.Method) {
		c.violated(methodText, job, in("method"), orAbsent(field("method")), strings.Join(methods, ", "))
	}
	d.Endpoint, ok = textOf(field("endpoint"))
	if u, err := url.Parse(d.Endpoint); !ok || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		c.violated(absoluteURL, job, in("endpoint"), orAbsent(field("endpoint")), "")
	}
	for _, name := range []string{"userId", "endpointPath", "version"} {
		if raw, given := values[name]; given {
			if _, ok := textOf(raw); !ok {
				c.violated(textField, job, in(name), string(raw), "text")
			}
		}
	}
	d.UserID, _ = textOf(field("userId"))
	if raw, given := values["headers"]; given {
		d.Headers = c.textObject(textHeaders, job, in("headers"), raw)
	}
	if raw, given := values["params"]; given {
		d.Params = c.textObject(textParams, job, in("params"), raw)
	}
	if raw, given := values["body"]; given {
		c.body(job, in("body"), raw, d)
	}
	return d
}

func (c *checks) body(job int64, place string, text json.RawMessage, d *Descriptor) {
	bodies, ok := c.object(bodyObjects, job, place, text)
	if !ok {
		return
	}
	for _, format := range sortedKeys(bodies) {
		raw, within := bodies[format], place+"."+format
		if !slices.Contains(formats, format) {
			c.violated(knownFormat, job, within, string(raw), strings.Join(formats, ", "))
			continue
		}
		content, ok := c.object(bodyObjects, job, within, raw)
		if !ok || len(content) == 0 {
			continue
		}
		if d.Format != "" {
			c.violated(oneFormat, job, within, string(raw), "{} beside "+d.Format)
			continue
		}
		d.Format, d.Content = format, raw
		switch format {
		case "JSON_ARRAY":
			if s, ok := textOf(content["batch"]); !ok || !json.Valid([]byte(s)) {
				c.violated(arrayBatch, job, within+".batch", orAbsent(content["batch"]), "")
			}
		case "XML", "GZIP":
			if _, ok := textOf(content["payload"]); !ok {
				c.violated(textPayload, job, within+".payload", orAbsent(content["payload"]), "text")
			}
		case "FORM":
			c.textObject(textForm, job, within, raw)
		}
	}
}
