// Package rudderserver stands in for rudder-server in tests: it sends what
// rudder-server sends to a transformer, checks the answers as strictly as
// rudder-server does, and where rudder-server silently loses or repeats events,
// more strictly. It delivers as rudder-server's router does, so that tests see
// in which order events would arrive.
//
// It knows the protocol from its description and from recordings alone, and no
// other package of this project, whose server it judges.
package rudderserver

import (
	"encoding/json"
	"fmt"
)

// Job is an event that waits to be delivered. All of it is JSON, and is sent
// byte for byte.
type Job struct {
	Message     json.RawMessage
	Metadata    json.RawMessage
	Destination json.RawMessage // with its ID, by which compact bodies refer to it
	Connection  json.RawMessage // nil for one of empty values
}

// Metadata is what the router keeps beside an event. Times are RFC 3339 text.
type Metadata struct {
	UserID             string          `json:"userId"`
	JobID              int64           `json:"jobId"`
	SourceID           string          `json:"sourceId"`
	SourceCategory     string          `json:"sourceCategory"`
	DestinationID      string          `json:"destinationId"`
	AttemptNum         int             `json:"attemptNum"`
	ReceivedAt         string          `json:"receivedAt"`
	CreatedAt          string          `json:"createdAt"`
	FirstAttemptedAt   string          `json:"firstAttemptedAt"`
	TransformAt        string          `json:"transformAt"`
	WorkspaceID        string          `json:"workspaceId"`
	Secret             json.RawMessage `json:"secret"`
	WorkerAssignedTime string          `json:"workerAssignedTime"`
	DestInfo           json.RawMessage `json:"destInfo,omitempty"`
	DontBatch          bool            `json:"dontBatch"`
	TraceParent        string          `json:"traceparent"`
}

// JSON is the metadata as rudder-server writes it.
func (m Metadata) JSON() json.RawMessage { return encoded(m) }

// read is a job with what the checks need of its metadata.
type read struct {
	Job
	Metadata
}

// readJob takes apart what was put together here or recorded, so that a failure
// is a mistake of the test.
func readJob(j Job) (read, error) {
	r := read{Job: j}
	if err := json.Unmarshal(j.Metadata, &r.Metadata); err != nil {
		return r, fmt.Errorf("metadata of a job: %w: %s", err, shown(string(j.Metadata)))
	}
	return r, nil
}

// user is whose events are kept in order: rudder-server's key.
func (r *read) user() string { return r.UserID + "\x00" + r.DestinationID }

func (r *read) connectionKey() string { return r.SourceID + ":" + r.DestinationID }

func (r *read) connection() json.RawMessage {
	if r.Connection == nil {
		return noConnection
	}
	return r.Connection
}

// noConnection is what rudder-server sends where a workspace has no connection object.
var noConnection = json.RawMessage(`{"sourceId":"","destinationId":"","enabled":false,"processorEnabled":false,"config":null}`)

func encoded(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of values of this package
	}
	return text
}
