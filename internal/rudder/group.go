package rudder

import "github.com/celmap/celmap/engine"

// group is jobs that are mapped together, or share another fate: because says
// why they are not mapped.
type group struct {
	destination *destination // nil where there is none
	because     *engine.EventError
	sent        bool // one job, which is a descriptor already
	jobs        []int
	inputs      []engine.Input
	output      *engine.Output
}

// release lets go of what the group holds, except for memory to use again.
func (g *group) release() {
	if g.output != nil {
		g.output.Release()
	}
	clear(g.inputs)
	*g = group{jobs: g.jobs[:0], inputs: g.inputs[:0]}
}

var (
	errNoDestination = &engine.EventError{Code: "no_destination", Status: 500,
		Message: "rudder-server sent no destination with this job, which is tried again: see whether the destination was deleted, and whether rudder-server reaches its control plane"}
	errNoMessage = &engine.EventError{Code: "no_message", Status: 400, Message: "the job has no message"}
	errTwins     = &engine.EventError{Code: "same_job", Status: 500,
		Message: "the request holds several jobs with this jobId, whose answers could not be told apart: none of them was mapped, and all are tried again"}
)

// arrange puts every job into a group. Jobs of one destination and config are
// mapped together, unless one could overtake an event of the same user in another
// group: rudder-server sends elements in the order of their first jobs, so a job
// joins a group only if its user's latest job is there, or has none before.
func (r *request) arrange() {
	a := arranger{request: r}
	r.markTwins()
	for i := range r.jobs {
		j := &r.jobs[i]
		usual := j.destination != nil && !j.destination.templates && j.message != nil && !j.sent && !j.twin
		switch {
		case usual && len(r.groups) == 0:
			a.join(i, a.open(group{destination: j.destination}))
		case usual && len(r.groups) == 1 && r.groups[0].maps(j.destination) && !r.groups[0].full():
			a.join(i, 0)
		default:
			a.place(i)
		}
	}
}

func (g *group) maps(d *destination) bool {
	return g.destination == d && g.because == nil && !g.sent
}

// most is how many jobs are mapped together. rudder-server sends fewer; requests
// that are much larger shall not take memory for all their jobs at a time.
const most = 1000

func (g *group) full() bool { return g.because == nil && len(g.jobs) >= most }

// arranger is what it takes to arrange jobs that are not all alike.
type arranger struct {
	*request
	homes map[home]int  // the latest group of a kind
	last  map[owner]int // the group of a user's latest job
}

// home is what the jobs of a group have in common.
type home struct {
	destination *destination
	config      string // what templates gave; "" for the destination's own
	because     *engine.EventError
}

// owner is whose events stay in order. The destination is that of the metadata,
// which a job has even where rudder-server sent no destination with it.
type owner struct{ destination, user string }

// place finds the group of a job.
func (a *arranger) place(i int) {
	if a.homes == nil {
		a.homes, a.last = map[home]int{}, map[owner]int{}
		for k := range a.groups { // there is one at most, see arrange
			a.homes[home{destination: a.groups[k].destination}] = k
			for _, i := range a.groups[k].jobs {
				a.last[a.owner(i)] = k
			}
		}
	}
	j := &a.jobs[i]
	h, d := home{destination: j.destination}, j.destination
	switch {
	case j.twin:
		h, d = home{because: errTwins}, nil
	case d == nil:
		h.because = errNoDestination
	case j.message == nil:
		h.because = errNoMessage
	case j.sent:
		a.join(i, a.open(group{destination: d, sent: true}))
		return
	case d.templates:
		var config []byte
		config, j.message = d.fill(j.message)
		h.config, d = string(config), d.with(config)
	}
	k, known := a.homes[h]
	if last, before := a.last[a.owner(i)]; !known || a.groups[k].full() || before && last != k && !j.twin {
		k = a.open(group{destination: d, because: h.because})
		a.homes[h] = k
	}
	a.join(i, k)
}

// open adds a group and returns its index.
func (a *arranger) open(g group) int {
	r := a.request
	n := len(r.groups)
	if n < cap(r.groups) { // of a request before, with memory
		r.groups = r.groups[:n+1]
		g.jobs, g.inputs = r.groups[n].jobs, r.groups[n].inputs
	} else {
		r.groups = append(r.groups, group{})
	}
	r.groups[n] = g
	return n
}

// join makes a job one of a group.
func (a *arranger) join(i, k int) {
	j, g := &a.jobs[i], &a.groups[k]
	j.group, j.place = k, len(g.jobs)
	g.jobs = append(g.jobs, i)
	if a.last != nil {
		a.last[a.owner(i)] = k
	}
}

func (a *arranger) owner(i int) owner {
	j := &a.jobs[i]
	o := owner{destination: string(j.of), user: string(j.user)}
	if isText(j.user) { // however it is escaped
		o.user = string(unquoted(j.user))
	}
	if j.of == nil && j.destination != nil {
		o.destination = j.destination.id
	}
	return o
}
