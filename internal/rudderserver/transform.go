package rudderserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// Transform is a call of /routerTransform.
type Transform struct {
	Call
	jobs []read
}

// NewTransform puts jobs into a call, in a plain body or in a compact one.
func NewTransform(destType string, jobs []Job, compact bool) (*Transform, error) {
	t := &Transform{Call: Call{Method: http.MethodPost, Path: "/routerTransform", Header: transformHeader(compact)}}
	for _, j := range jobs {
		r, err := readJob(j)
		if err != nil {
			return nil, err
		}
		t.jobs = append(t.jobs, r)
	}
	var b bytes.Buffer
	b.WriteString(`{"input":[`)
	for i, j := range t.jobs {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"message":%s,"metadata":%s`, j.Message, j.Job.Metadata)
		if !compact {
			fmt.Fprintf(&b, `,"destination":%s,"connection":%s`, j.Destination, j.connection())
		}
		b.WriteByte('}')
	}
	fmt.Fprintf(&b, `],"destType":%s`, encoded(destType))
	if compact {
		destinations, connections := map[string]json.RawMessage{}, map[string]json.RawMessage{}
		for _, j := range t.jobs {
			if d, given := destinations[j.DestinationID]; given && !bytes.Equal(d, j.Destination) {
				return nil, fmt.Errorf("a compact body has one destination of the ID %s, the jobs have several", j.DestinationID)
			}
			destinations[j.DestinationID] = j.Destination
			connections[j.connectionKey()] = j.connection()
		}
		b.WriteString(`,"destinations":`)
		writeObject(&b, destinations)
		b.WriteString(`,"connections":`)
		writeObject(&b, connections)
	}
	b.WriteByte('}')
	t.Body = b.Bytes()
	return t, nil
}

// ReadTransform reads a body that was recorded, to be sent again as it is.
func ReadTransform(body []byte, compact bool) (*Transform, error) {
	t := &Transform{Call: Call{Method: http.MethodPost, Path: "/routerTransform", Header: transformHeader(compact), Body: body}}
	var content struct {
		Input []struct {
			Message, Metadata, Destination, Connection json.RawMessage
		}
		Destinations map[string]json.RawMessage
		Connections  map[string]json.RawMessage
	}
	if err := json.Unmarshal(body, &content); err != nil {
		return nil, err
	}
	for _, in := range content.Input {
		j, err := readJob(Job{Message: in.Message, Metadata: in.Metadata, Destination: in.Destination, Connection: in.Connection})
		if err != nil {
			return nil, err
		}
		if compact {
			j.Destination, j.Connection = content.Destinations[j.DestinationID], content.Connections[j.connectionKey()]
		}
		t.jobs = append(t.jobs, j)
	}
	return t, nil
}

// Size is the number of jobs.
func (t *Transform) Size() int { return len(t.jobs) }

// Answer is what a transformer made of the jobs of a call.
type Answer struct {
	Status   int        // of HTTP. Other than 200: every job is retried
	Elements []*Element // in the order in which the router takes them; none where Status is not 200

	jobs []read
}

// Element is one unit of delivery: jobs that share their requests and their fate.
type Element struct {
	Jobs        []int64 // in the order of their metadata
	Status      int     // 200 is to be delivered
	Error       string
	Requests    []*Descriptor // made in order, up to the first that fails
	Destination json.RawMessage

	place string
	jobs  []*read
}

// Statuses gives the status of each job; 500 for all where the call failed as a whole.
func (a *Answer) Statuses() map[int64]int {
	statuses := make(map[int64]int, len(a.jobs))
	if a.Status != http.StatusOK {
		for _, j := range a.jobs {
			statuses[j.JobID] = http.StatusInternalServerError
		}
	}
	for _, e := range a.Elements {
		for _, id := range e.Jobs {
			statuses[id] = e.Status
		}
	}
	return statuses
}

// Check applies every rule to the answer to the call. The error holds each
// Violation. The answer is as complete as could be read.
func (t *Transform) Check(r *Response) (*Answer, error) {
	var c checks
	a := &Answer{Status: r.Status, jobs: t.jobs}
	if !c.accepted(r) {
		return a, c.err()
	}
	top, ok := c.object(readable, 0, "the body", r.Body)
	if !ok {
		return a, c.err()
	}
	output, ok := c.list(readable, 0, "output", top["output"])
	if !ok {
		return a, c.err()
	}
	byID := make(map[int64]*read, len(t.jobs))
	for i := range t.jobs {
		byID[t.jobs[i].JobID] = &t.jobs[i]
	}
	for i, raw := range output {
		if e := c.element(at("output", i), raw, byID); e != nil {
			a.Elements = append(a.Elements, e)
		}
	}
	c.once(a, byID)
	slices.SortStableFunc(a.Elements, func(x, y *Element) int {
		return int(slices.Min(x.Jobs) - slices.Min(y.Jobs))
	})
	c.order(a)
	return a, c.err()
}

// element is nil where no job can be told.
func (c *checks) element(place string, text json.RawMessage, byID map[int64]*read) *Element {
	values, ok := c.object(readable, 0, place, text)
	if !ok {
		return nil
	}
	e := &Element{place: place}
	metadata, ok := c.list(someMetadata, 0, place+".metadata", values["metadata"])
	if !ok {
		return nil
	}
	if len(metadata) == 0 {
		c.violated(someMetadata, 0, place+".metadata", "[]", "")
	}
	for i, raw := range metadata {
		c.echo(e, at(place+".metadata", i), raw, byID)
	}
	if len(e.Jobs) == 0 {
		return nil
	}
	first := e.Jobs[0]

	status := int64(200)
	if raw, given := values["statusCode"]; given {
		if status, ok = c.integer(integerStatus, first, place+".statusCode", raw); !ok {
			status = 500
		} else if status != 0 && !allowed(status) {
			c.violated(allowedStatus, first, place+".statusCode", string(raw), "")
		}
		if status == 0 {
			status = 200
		}
	}
	e.Status = int(status)
	e.Error = c.failure(first, place, values, e.Status != 200)
	if e.Status == 200 {
		e.Requests = c.descriptors(first, place+".batchedRequest", values["batchedRequest"])
	}
	if raw, given := values["batched"]; given && kind(raw) != 't' && kind(raw) != 'f' {
		c.violated(batchedFlag, first, place+".batched", string(raw), "")
	}
	e.Destination = values["destination"]
	for _, j := range e.jobs {
		if j.DontBatch && e.Status == 200 && len(e.Jobs) > 1 {
			c.violated(alone, j.JobID, place+".metadata", fmt.Sprintf("with those of %d other jobs", len(e.Jobs)-1), "")
		}
		if !bytes.Equal(e.Destination, j.Destination) {
			c.violated(destination, j.JobID, place+".destination", orAbsent(e.Destination), string(j.Destination))
			break
		}
		if raw, given := values["connection"]; given && !bytes.Equal(raw, j.connection()) {
			c.violated(connection, j.JobID, place+".connection", string(raw), string(j.connection()))
			break
		}
	}
	return e
}

// echo takes one piece of an element's metadata.
func (c *checks) echo(e *Element, place string, raw json.RawMessage, byID map[int64]*read) {
	values, ok := c.object(metadataEcho, 0, place, raw)
	if !ok {
		return
	}
	id, ok := c.integer(numericJob, 0, place+".jobId", values["jobId"])
	if !ok {
		return
	}
	j, known := byID[id]
	if !known {
		c.violated(noneUnknown, id, place, string(raw), "")
		return
	}
	if !bytes.Equal(raw, j.Job.Metadata) {
		c.violated(metadataEcho, id, place, string(raw), string(j.Job.Metadata))
	}
	// rudder-server takes repeats within an element for harmless.
	if !slices.Contains(e.Jobs, id) {
		e.Jobs, e.jobs = append(e.Jobs, id), append(e.jobs, j)
	}
}

// once checks what rudder-server does not: it compares the number of jobs in all
// elements with that of the jobs sent, so that a job twice hides one that is
// missing, which is then never heard of again.
func (c *checks) once(a *Answer, byID map[int64]*read) {
	places := map[int64]string{}
	for _, e := range a.Elements {
		for _, id := range e.Jobs {
			if earlier, twice := places[id]; twice {
				c.violated(exactlyOnce, id, e.place, "its second", earlier+" alone")
			}
			places[id] = e.place
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if _, there := places[id]; !there {
			c.violated(noneMissing, id, "", "in no element", "")
		}
	}
}

// order checks that the router, which takes elements by their least job, does
// not overtake: no element holds a job of a user of whom a later one was in an
// element before. A rejected event counts as one that was overtaken, since it is
// its user's earlier event; it overtakes nobody, as nothing is sent of it. What is
// filtered is no event any more.
func (c *checks) order(a *Answer) {
	type latest struct {
		job     int64
		element *Element
	}
	sent := map[string]latest{}
	for _, e := range a.Elements {
		if e.Status == 298 || e.Status == 299 {
			continue
		}
		for _, j := range e.jobs {
			if before, ok := sent[j.user()]; ok && before.job > j.JobID {
				c.violated(order, j.JobID, e.place, fmt.Sprintf("taken (%d) after job %d of the same user in %s (%d)", e.Status, before.job, before.element.place, before.element.Status), "")
			}
		}
		for _, j := range e.jobs {
			if !givenUp(e.Status) && j.JobID > sent[j.user()].job {
				sent[j.user()] = latest{j.JobID, e}
			}
		}
	}
}

func at(place string, i int) string { return place + "[" + strconv.Itoa(i) + "]" }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func writeObject(b *bytes.Buffer, values map[string]json.RawMessage) {
	b.WriteByte('{')
	for i, key := range sortedKeys(values) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, `%s:%s`, encoded(key), values[key])
	}
	b.WriteByte('}')
}
