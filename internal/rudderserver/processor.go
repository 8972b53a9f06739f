package rudderserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// Process is a call of the processor's form: /v0/destinations/TYPE. The
// processor's metadata has other keys than the router's; it is echoed all the same.
type Process struct {
	Call
	metadata []json.RawMessage
}

// NewProcess puts events into a call, in a plain body or in a compact one.
func NewProcess(destType string, events []Job, compact bool) (*Process, error) {
	p := &Process{Call: Call{Method: http.MethodPost, Path: "/v0/destinations/" + destType, Header: transformHeader(compact)}}
	var b bytes.Buffer
	destinations, connections := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if compact {
		b.WriteString(`{"input":`)
	}
	b.WriteByte('[')
	for i, e := range events {
		r, err := readJob(e)
		if err != nil {
			return nil, err
		}
		p.metadata = append(p.metadata, e.Metadata)
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"message":%s,"metadata":%s`, e.Message, e.Metadata)
		if compact {
			destinations[r.DestinationID], connections[r.connectionKey()] = r.Destination, r.connection()
		} else {
			fmt.Fprintf(&b, `,"destination":%s,"connection":%s`, e.Destination, r.connection())
		}
		b.WriteString(`,"libraries":null,"credentials":[]}`)
	}
	b.WriteByte(']')
	if compact {
		b.WriteString(`,"destinations":`)
		writeObject(&b, destinations)
		b.WriteString(`,"connections":`)
		writeObject(&b, connections)
		b.WriteByte('}')
	}
	p.Body = b.Bytes()
	return p, nil
}

// ReadProcess reads a body that was recorded, to be sent again as it is.
func ReadProcess(destType string, body []byte, compact bool) (*Process, error) {
	p := &Process{Call: Call{Method: http.MethodPost, Path: "/v0/destinations/" + destType, Header: transformHeader(compact), Body: body}}
	var content struct {
		Input []struct{ Metadata json.RawMessage }
	}
	var err error
	if compact {
		err = json.Unmarshal(body, &content)
	} else {
		err = json.Unmarshal(body, &content.Input)
	}
	for _, in := range content.Input {
		p.metadata = append(p.metadata, in.Metadata)
	}
	return p, err
}

// Check applies every rule to the answer to the call, and returns the status of
// each event, in order: 0 where there is none. An event may have several
// answers, of which the worst counts. The error holds each Violation.
func (p *Process) Check(r *Response) ([]int, error) {
	var c checks
	statuses := make([]int, len(p.metadata))
	if !c.accepted(r) {
		return statuses, c.err()
	}
	answers, ok := c.list(processorList, 0, "the body", r.Body)
	if !ok {
		return statuses, c.err()
	}
	for i, raw := range answers {
		place := "[" + strconv.Itoa(i) + "]"
		values, ok := c.object(readable, 0, place, raw)
		if !ok {
			continue
		}
		event := -1
		for k, m := range p.metadata {
			if bytes.Equal(m, values["metadata"]) {
				event = k
			}
		}
		if event < 0 {
			c.violated(metadataEcho, 0, place+".metadata", orAbsent(values["metadata"]), "")
			continue
		}
		var metadata struct{ JobID int64 }
		_ = json.Unmarshal(values["metadata"], &metadata) // 0 says that there is none
		job := metadata.JobID
		status, ok := c.integer(integerStatus, job, place+".statusCode", values["statusCode"])
		if ok && !allowed(status) {
			c.violated(allowedStatus, job, place+".statusCode", string(values["statusCode"]), "")
		}
		c.failure(job, place, values, status != 200)
		if status == 200 {
			if kind(values["output"]) != '{' {
				c.violated(processorOut, job, place+".output", orAbsent(values["output"]), "")
			} else {
				c.descriptor(job, place+".output", values["output"])
			}
		}
		statuses[event] = max(statuses[event], int(status))
	}
	for k, status := range statuses {
		if status == 0 {
			c.violated(processorEvent, 0, fmt.Sprintf("event %d", k), "without an answer", "")
		}
	}
	return statuses, c.err()
}
