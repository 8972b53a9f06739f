package rudderserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// Proxy is a call to deliver a request: /v1/destinations/TYPE/proxy, or v0.
type Proxy struct {
	Call
	version int
	jobs    []int64
	sent    map[int64]map[string]json.RawMessage // metadata by job
}

// proxyMetadata is what the router tells a proxy of a job.
type proxyMetadata struct {
	JobID         int64           `json:"jobId"`
	AttemptNum    int             `json:"attemptNum"`
	UserID        string          `json:"userId"` // always empty
	SourceID      string          `json:"sourceId"`
	DestinationID string          `json:"destinationId"`
	WorkspaceID   string          `json:"workspaceId"`
	Secret        json.RawMessage `json:"secret"`
	DestInfo      json.RawMessage `json:"destInfo,omitempty"`
	DontBatch     bool            `json:"dontBatch"`
}

// proxyFields are those of a descriptor that the router reads and hands on.
var proxyFields = []string{"type", "endpoint", "endpointPath", "method", "userId", "headers", "params", "body", "files"}

// NewProxy makes the call that delivers one request of an element. Version 0
// knows of the first job alone.
func NewProxy(version int, destType string, e *Element, d *Descriptor) (*Proxy, error) {
	var fields, config map[string]json.RawMessage
	if err := json.Unmarshal(d.Raw, &fields); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(e.Destination, &config); err != nil {
		return nil, err
	}
	body := map[string]json.RawMessage{"destinationConfig": config["Config"]}
	for _, name := range proxyFields {
		if raw, given := fields[name]; given {
			body[name] = raw
		}
	}
	var metadata []json.RawMessage
	for _, j := range e.jobs {
		metadata = append(metadata, encoded(proxyMetadata{
			JobID: j.JobID, AttemptNum: j.AttemptNum, SourceID: j.SourceID, DestinationID: j.DestinationID,
			WorkspaceID: j.WorkspaceID, Secret: j.Secret, DestInfo: j.DestInfo, DontBatch: j.DontBatch,
		}))
	}
	if body["metadata"] = metadata[0]; version > 0 {
		body["metadata"] = encoded(metadata)
	}
	var b bytes.Buffer
	writeObject(&b, body)
	return ReadProxy(version, destType, b.Bytes())
}

// ReadProxy reads a body that was recorded, to be sent again as it is.
func ReadProxy(version int, destType string, body []byte) (*Proxy, error) {
	p := &Proxy{version: version, sent: map[int64]map[string]json.RawMessage{}}
	p.Call = Call{Method: http.MethodPost, Path: fmt.Sprintf("/v%d/destinations/%s/proxy", version, destType), Header: http.Header{}, Body: body}
	p.Header.Set("Content-Type", "application/json")
	p.Header.Set("RdProxy-Timeout", "10000")
	var content struct{ Metadata json.RawMessage }
	if err := json.Unmarshal(body, &content); err != nil {
		return nil, err
	}
	list := []map[string]json.RawMessage{{}}
	var err error
	if version > 0 {
		err = json.Unmarshal(content.Metadata, &list)
	} else {
		err = json.Unmarshal(content.Metadata, &list[0])
	}
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		id, err := strconv.ParseInt(string(m["jobId"]), 10, 64)
		if err != nil {
			return nil, err
		}
		p.jobs, p.sent[id] = append(p.jobs, id), m
	}
	return p, nil
}

// Outcome is what a proxy says of a job.
type Outcome struct {
	Status    int
	Error     string // the destination's answer, or what went wrong
	DontBatch bool   // to be sent alone the next time
}

// Check applies every rule to the answer to the call, and returns the outcome of
// each job as the router sees it. The error holds each Violation.
func (p *Proxy) Check(r *Response) (map[int64]Outcome, error) {
	var c checks
	var outcomes map[int64]Outcome
	if p.version == 0 {
		outcomes = p.checkV0(&c, r)
	} else {
		outcomes = p.checkV1(&c, r)
	}
	return outcomes, c.err()
}

// all gives every job the same outcome.
func (p *Proxy) all(o Outcome) map[int64]Outcome {
	outcomes := map[int64]Outcome{}
	for _, id := range p.jobs {
		outcomes[id] = o
	}
	return outcomes
}

// output checks the part that both versions have.
func (c *checks) output(r *Response) map[string]json.RawMessage {
	top, ok := c.object(readable, 0, "the body", r.Body)
	if !ok {
		return nil
	}
	output, ok := c.object(proxyOutput, 0, "output", top["output"])
	if !ok {
		return nil
	}
	if status, ok := c.integer(proxyOutput, 0, "output.status", output["status"]); ok && (status < 200 || status > 598) {
		c.violated(proxyOutput, 0, "output.status", strconv.FormatInt(status, 10), "200 to 598")
	}
	if _, ok := textOf(output["message"]); !ok {
		c.violated(proxyOutput, 0, "output.message", orAbsent(output["message"]), "text")
	}
	c.failure(0, "output", output, false)
	return output
}

func (p *Proxy) checkV1(c *checks, r *Response) map[int64]Outcome {
	failed := p.all(Outcome{Status: http.StatusInternalServerError})
	if !c.accepted(r) {
		return failed
	}
	output := c.output(r)
	if output == nil {
		return failed
	}
	list, ok := c.list(proxyResponse, 0, "output.response", output["response"])
	if !ok {
		return failed
	}
	outcomes := map[int64]Outcome{}
	for i, raw := range list {
		place := at("output.response", i)
		values, ok := c.object(proxyResponse, 0, place, raw)
		if !ok {
			continue
		}
		metadata, ok := c.object(resultMetadata, 0, place+".metadata", values["metadata"])
		if !ok {
			continue
		}
		id, ok := c.integer(numericJob, 0, place+".metadata.jobId", metadata["jobId"])
		if !ok {
			continue
		}
		sent, known := p.sent[id]
		if !known {
			c.violated(noneUnknown, id, place, string(raw), "")
			continue
		}
		if _, twice := outcomes[id]; twice {
			c.violated(exactlyOnce, id, place, "its second", "")
		}
		status, _ := c.integer(integerStatus, id, place+".statusCode", values["statusCode"])
		if status < 200 || status > 598 {
			c.violated(allowedStatus, id, place+".statusCode", orAbsent(values["statusCode"]), "")
		}
		text, ok := textOf(values["error"])
		if !ok {
			c.violated(textError, id, place+".error", orAbsent(values["error"]), "text")
		}
		alone := kind(metadata["dontBatch"]) == 't'
		if alone && kind(sent["dontBatch"]) != 't' && status < 500 {
			c.violated(proxyAlone, id, place+".metadata.dontBatch", "true beside "+string(values["statusCode"]), "")
		}
		c.sameMetadata(id, place+".metadata", metadata, sent)
		outcomes[id] = Outcome{Status: int(status), Error: text, DontBatch: alone}
	}
	for _, id := range p.jobs {
		if _, there := outcomes[id]; !there {
			c.violated(noneMissing, id, "output.response", "without it", "")
			outcomes[id] = failed[id]
		}
	}
	return outcomes
}

// sameMetadata compares what comes back with what was sent; dontBatch may turn true.
func (c *checks) sameMetadata(job int64, place string, got, sent map[string]json.RawMessage) {
	for _, name := range sortedKeys(sent) {
		same := bytes.Equal(got[name], sent[name])
		if name == "dontBatch" {
			same = kind(got[name]) == 't' || same
		}
		if !same {
			c.violated(resultMetadata, job, place+"."+name, orAbsent(got[name]), string(sent[name]))
		}
	}
	for _, name := range sortedKeys(got) {
		if _, asked := sent[name]; !asked {
			c.violated(resultMetadata, job, place+"."+name, string(got[name]), "absent")
		}
	}
}

// checkV0 goes by the HTTP status, as the router does.
func (p *Proxy) checkV0(c *checks, r *Response) map[int64]Outcome {
	status := r.Status
	switch {
	case status == http.StatusNotFound:
		c.violated(neverMissing, 0, "status", "404", "")
	case status < 200 || status > 598:
		c.violated(allowedStatus, 0, "status", strconv.Itoa(status), "")
	}
	if version := r.Header.Get("apiVersion"); status == http.StatusOK && version != "2" {
		c.violated(apiVersion, 0, "apiVersion", strconv.Quote(version), "2")
	}
	outcome := Outcome{Status: status}
	if output := c.output(r); output != nil {
		if s := string(output["status"]); s != strconv.Itoa(status) {
			c.violated(proxyStatus, 0, "output.status", s, strconv.Itoa(status))
		}
		if _, there := output["destinationResponse"]; !there {
			c.violated(destResponse, 0, "output.destinationResponse", "absent", "")
		}
		outcome.Error, _ = textOf(output["message"])
	}
	return p.all(outcome)
}
