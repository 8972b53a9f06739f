package simulator

import (
	"io"
	"strconv"
	"sync"
	"time"
)

// How much of the lists of /_sim is kept, in bytes; the oldest lines go first.
const (
	keptRequests = 128 << 20
	keptWrites   = 512 << 20
	keptEvents   = 256 << 20
)

// journal notes requests, writes and events in the order in which they came. No
// token is ever in it.
type journal struct {
	requests, writes, events *ledger

	mu      sync.Mutex // guards what follows
	file    io.Writer  // nil: none
	pending []byte     // what the file has to have once a request ends
	broken  error      // the file takes no more
	stats   tally
}

// tally counts what there was.
type tally struct {
	Requests uint64                       `json:"requests"`
	Inputs   uint64                       `json:"inputs"`
	Status   map[string]uint64            `json:"status"` // "0": the connection was reset
	Paths    map[string]map[string]uint64 `json:"paths"`  // by method and path of the route, then by status
	Faults   map[FaultKind]uint64         `json:"faults"` // as they were made
	Writes   map[string]map[string]uint64 `json:"writes"` // by type of records, then by what was done
}

func newJournal(file io.Writer) *journal {
	return &journal{
		requests: newLedger(keptRequests), writes: newLedger(keptWrites), events: newLedger(keptEvents), file: file,
		stats: tally{Status: map[string]uint64{}, Paths: map[string]map[string]uint64{}, Faults: map[FaultKind]uint64{}, Writes: map[string]map[string]uint64{}},
	}
}

// entry is a request that has been answered.
type entry struct {
	number uint64
	time   time.Time
	method string
	path   string // as it was asked for
	route  string // with the names of its parts
	status int    // 0: the connection was reset
	inputs int
	fault  FaultKind
	took   time.Duration
}

// request notes a request.
func (j *journal) request(e entry) {
	line := make([]byte, 0, 192)
	line = append(line, `{"request":`...)
	line = strconv.AppendUint(line, e.number, 10)
	line = appendTime(line, e.time)
	line = append(line, `,"method":`...)
	line = appendText(line, e.method)
	line = append(line, `,"path":`...)
	line = appendText(line, e.path)
	line = append(line, `,"status":`...)
	line = strconv.AppendInt(line, int64(e.status), 10)
	line = append(line, `,"inputs":`...)
	line = strconv.AppendInt(line, int64(e.inputs), 10)
	if e.fault != "" {
		line = append(line, `,"fault":`...)
		line = appendText(line, string(e.fault))
	}
	line = append(line, `,"ms":`...)
	line = strconv.AppendFloat(line, float64(e.took.Microseconds())/1000, 'f', -1, 64)
	line = append(line, "}\n"...)

	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests.add(line)
	status := strconv.Itoa(e.status)
	t := &j.stats
	t.Requests++
	t.Inputs += uint64(e.inputs)
	t.Status[status]++
	if t.Paths[e.route] == nil {
		t.Paths[e.route] = map[string]uint64{}
	}
	t.Paths[e.route][status]++
	if e.fault != "" {
		t.Faults[e.fault]++
	}
	if j.file == nil || j.broken != nil {
		return
	}
	j.pending = append(j.pending, line...)
	_, j.broken = j.file.Write(j.pending)
	j.pending = j.pending[:0]
}

// write notes a write to a record. The records' lock is held, so that the order
// is that of the writes.
func (j *journal) write(w change) {
	line := make([]byte, 0, 256)
	line = append(line, `{"write":`...)
	line = appendText(line, w.how)
	line = appendTime(line, w.time)
	line = append(line, `,"type":`...)
	line = appendText(line, w.kind.name)
	line = append(line, `,"id":"`...)
	line = strconv.AppendInt(line, w.id, 10)
	line = append(line, `","properties":`...)
	line = appendFields(line, w.set)
	if w.request != 0 {
		line = append(line, `,"request":`...)
		line = strconv.AppendUint(line, w.request, 10)
	}
	line = append(line, "}\n"...)

	j.mu.Lock()
	defer j.mu.Unlock()
	j.writes.add(line)
	done := j.stats.Writes[w.kind.name]
	if done == nil {
		done = map[string]uint64{}
		j.stats.Writes[w.kind.name] = done
	}
	done[w.how]++
	if j.file != nil && j.broken == nil {
		j.pending = append(j.pending, line...)
	}
}

// JournalError returns what went wrong with the journal; it ends where the first
// line could not be written.
func (s *Simulator) JournalError() error {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return s.journal.broken
}

// event notes an event, a line of JSON with its line break.
func (j *journal) event(line []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events.add(line)
	if j.file != nil && j.broken == nil {
		j.pending = append(j.pending, line...)
	}
}

func appendTime(line []byte, at time.Time) []byte {
	line = append(line, `,"time":"`...)
	line = at.UTC().AppendFormat(line, "2006-01-02T15:04:05.000000Z")
	return append(line, '"')
}

// appendFields appends an object of properties and their texts.
func appendFields(line []byte, set []field) []byte {
	line = append(line, '{')
	for i, f := range set {
		if i > 0 {
			line = append(line, ',')
		}
		line = appendText(line, f.property.Name)
		line = append(line, ':')
		line = appendText(line, f.text)
	}
	return append(line, '}')
}
