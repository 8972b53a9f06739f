package rudder

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"sync"
)

// request is a body that was read. All bytes in it are the body's.
type request struct {
	cursor       cursor
	jobs         []job
	destinations map[string]*destination // of a compact body, by ID
	repeated     map[uint64]*destination // of a plain body, by a hash of the bytes
	groups       []group
	form         form
}

// job is one event on its way through the router or the processor.
type job struct {
	message     []byte // as it came; nil where there is none
	metadata    []byte // an object
	destination *destination
	id          int64  // metadata.jobId; 0 where it has none: rudder-server gives the router's jobs others
	user        []byte // metadata.userId, in the bytes of the body; nil if it has none
	of          []byte // metadata.destinationId, unescaped; nil if it has none
	sent        bool   // the message is a descriptor already
	twin        bool   // it shares its ID
	group       int    // index of its group
	place       int    // in the group
	answers     int    // how many elements it is in
}

var requests = sync.Pool{New: func() any {
	return &request{destinations: map[string]*destination{}, repeated: map[uint64]*destination{}}
}}

var seed = maphash.MakeSeed()

// release gives the memory back. Nothing of the body stays in it.
func (r *request) release() {
	clear(r.jobs)
	for i := range r.groups {
		r.groups[i].release()
	}
	clear(r.destinations)
	clear(r.repeated)
	r.cursor.body, r.cursor.fault = nil, nil
	r.jobs, r.groups = r.jobs[:0], r.groups[:0]
	if cap(r.jobs) <= 10*most { // what only an uncommonly large request needs is not kept
		requests.Put(r)
	}
}

// form is how a body is built.
type form struct {
	compact   bool // destinations are beside the jobs
	processor bool // the body may be the list of jobs itself, and IDs do not count
}

// read reads a body. The error is a *BodyError.
func read(body []byte, s form) (*request, error) {
	r := requests.Get().(*request)
	c := &r.cursor
	c.body, c.at, c.depth, c.huge, c.fault = body, 0, 0, false, nil
	r.form = s
	listed := false
	if s.processor && !s.compact {
		listed = r.list()
	} else if c.enter('{') {
		listed = r.object()
	} else {
		at := c.at
		c.pass()
		c.refuse(at, "the body is no object")
	}
	c.end()
	if !listed {
		c.refuse(c.at, "the body has no list of jobs under input")
	}
	if c.fault == nil && s.compact {
		for i := range r.jobs {
			j := &r.jobs[i]
			if i > 0 && bytes.Equal(j.of, r.jobs[i-1].of) {
				j.destination = r.jobs[i-1].destination
			} else {
				j.destination = r.destinations[string(j.of)]
			}
		}
	}
	if fault := c.fault; fault != nil {
		r.release()
		return nil, fault
	}
	return r, nil
}

// object reads a body that is an object, whose bracket is behind us.
func (r *request) object() (listed bool) {
	c := &r.cursor
	for first := true; ; first = false {
		key, ok := c.member(first)
		if !ok {
			return listed
		}
		switch string(key) {
		case "input":
			r.jobs = r.jobs[:0] // the last one of several counts, as everywhere in JSON
			listed = r.list()
		case "destinations":
			clear(r.destinations)
			if !r.form.compact || !c.enter('{') {
				c.pass()
				continue
			}
			for first := true; ; first = false {
				id, ok := c.member(first)
				if !ok {
					break
				}
				r.destinations[string(id)] = c.destination()
			}
		default:
			c.pass()
		}
	}
}

// list reads the list of jobs.
func (r *request) list() bool {
	c := &r.cursor
	if !c.enter('[') {
		c.pass()
		return false
	}
	for first := true; c.element(first); first = false {
		at := c.at
		if !c.enter('{') {
			c.pass()
			c.refuse(at, "a job is no object")
			return false
		}
		r.job()
		if j := &r.jobs[len(r.jobs)-1]; c.fault == nil && j.metadata == nil {
			c.refuse(at, "a job has no metadata, which is an object")
		}
	}
	return c.fault == nil
}

// job reads a job, whose bracket is behind us.
func (r *request) job() {
	c := &r.cursor
	var last *destination
	if n := len(r.jobs); n > 0 {
		last = r.jobs[n-1].destination
	}
	r.jobs = append(r.jobs, job{})
	j := &r.jobs[len(r.jobs)-1]
	for first := true; ; first = false {
		key, ok := c.member(first)
		if !ok {
			return
		}
		switch string(key) {
		case "message":
			r.message(j)
		case "metadata":
			r.metadata(j)
		case "destination":
			if r.form.compact {
				c.pass()
			} else if last != nil && bytes.HasPrefix(c.body[c.at:], last.raw) {
				j.destination = last // plain bodies repeat it with every job: no need to read it again
				c.at += len(last.raw)
			} else {
				j.destination = r.distinct(c.destination())
			}
		default:
			c.pass()
		}
	}
}

// distinct returns the first of the destinations with these bytes.
func (r *request) distinct(d *destination) *destination {
	if d == nil {
		return nil
	}
	hash := maphash.Bytes(seed, d.raw)
	if first := r.repeated[hash]; first != nil && bytes.Equal(first.raw, d.raw) {
		return first
	}
	r.repeated[hash] = d
	return d
}

// message reads an event, or what a processor made of one before: a descriptor,
// which has a statusCode, too.
func (r *request) message(j *job) {
	c := &r.cursor
	j.sent = false
	start := c.at
	if !c.enter('{') {
		if j.message = c.pass(); string(j.message) == "null" {
			j.message = nil
		}
		return
	}
	status, endpoint := false, false
	for first := true; ; first = false {
		key, ok := c.member(first)
		if !ok {
			break
		}
		literal := c.pass()
		switch string(key) {
		case "statusCode":
			status = string(literal) == "200"
		case "endpoint":
			endpoint = isText(literal)
		}
	}
	j.message, j.sent = c.body[start:c.at], status && endpoint
}

// metadata reads what rudder-server knows of a job.
func (r *request) metadata(j *job) {
	c := &r.cursor
	start := c.at
	j.metadata, j.id, j.user, j.of = nil, 0, nil, nil
	if !c.enter('{') {
		c.pass()
		return
	}
	for first := true; ; first = false {
		key, ok := c.member(first)
		if !ok {
			break
		}
		literal := c.pass()
		switch string(key) {
		case "jobId":
			if j.id = 0; !r.form.processor {
				j.id = idOf(literal)
			}
		case "userId":
			j.user = literal
		case "destinationId":
			if j.of = nil; isText(literal) {
				j.of = unquoted(literal)
			}
		}
	}
	j.metadata = c.body[start:c.at]
}

// idOf returns the ID of a job that a literal says, 0 if it says none.
func idOf(literal []byte) int64 {
	id, err := strconv.ParseInt(string(literal), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// isText reports whether a literal, nil for none, is a text.
func isText(literal []byte) bool { return len(literal) > 0 && literal[0] == '"' }

// unquoted returns what a literal of a text, known to be valid, says.
func unquoted(literal []byte) []byte {
	if inside := literal[1 : len(literal)-1]; bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	return unescaped(literal)
}

// textOf returns the literal of a text member of an object that is known to be
// valid, nil if it has none.
func textOf(object []byte, name string) (literal []byte) {
	c := cursor{body: object}
	c.enter('{')
	for first := true; ; first = false {
		key, ok := c.member(first)
		if !ok {
			return literal
		}
		if v := c.pass(); string(key) == name {
			if literal = nil; isText(v) {
				literal = v
			}
		}
	}
}

// markTwins marks the jobs whose ID others of the request have, too. Jobs without
// one are answered each for itself.
func (r *request) markTwins() {
	sorted := true
	for i := 1; i < len(r.jobs) && sorted; i++ {
		sorted = r.jobs[i-1].id < r.jobs[i].id
	}
	if sorted || r.form.processor { // as rudder-server sends them
		return
	}
	seen := map[int64]int{}
	for i := range r.jobs {
		j := &r.jobs[i]
		if j.id == 0 {
			continue
		}
		if first, again := seen[j.id]; again {
			j.twin, r.jobs[first].twin = true, true
		} else {
			seen[j.id] = i
		}
	}
}
