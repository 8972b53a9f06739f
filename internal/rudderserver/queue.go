package rudderserver

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// State is what has become of a job.
type State int

// Waiting jobs are sent again; the others are done with.
const (
	Waiting State = iota
	Delivered
	Filtered
	Aborted
)

func (s State) String() string {
	return [...]string{"waiting", "delivered", "filtered", "aborted"}[s]
}

// Queue plays rudder-server's router over as many rounds as its jobs need: it
// picks jobs, delivers what a transformer made of them, and keeps what has to be
// tried again. It is for one goroutine.
type Queue struct {
	jobs   []*queued // by job
	tries  int       // of one job, at most
	failed map[string]int64
}

type queued struct {
	Job
	Metadata
	state State
	alone bool // by the proxy, for the next try
}

func (q *queued) user() string { return q.UserID + "\x00" + q.DestinationID }

// NewQueue takes jobs of which each must be done with after the given number of
// tries at most.
func NewQueue(jobs []Job, tries int) (*Queue, error) {
	q := &Queue{tries: tries, failed: map[string]int64{}}
	for _, j := range jobs {
		r, err := readJob(j)
		if err != nil {
			return nil, err
		}
		q.jobs = append(q.jobs, &queued{Job: j, Metadata: r.Metadata})
	}
	slices.SortFunc(q.jobs, func(a, b *queued) int { return cmp.Compare(a.JobID, b.JobID) })
	return q, nil
}

// Pick returns what the router sends next, n jobs at most. Of a user whose job
// failed it is that job alone, until it is done with.
func (q *Queue) Pick(n int) []Job {
	var jobs []Job
	for _, j := range q.jobs {
		if len(jobs) == n {
			break
		}
		if j.state != Waiting {
			continue
		}
		if first, held := q.failed[j.user()]; held && first != j.JobID {
			continue
		}
		jobs = append(jobs, j.Job)
	}
	return jobs
}

// Deliver does with an answer what the router does: elements by their least job,
// the requests of each up to the first failure, nothing for users who have a
// failure that is to be retried. send makes a request and returns the status of
// each job, or of all of them under 0. The error holds Violations.
func (q *Queue) Deliver(a *Answer, send func(*Element, *Descriptor) map[int64]int) error {
	var c checks
	byID := make(map[int64]*queued, len(q.jobs))
	for _, j := range q.jobs {
		byID[j.JobID] = j
	}
	if a.Status != http.StatusOK {
		for _, j := range a.jobs {
			q.finish(&c, byID[j.JobID], http.StatusInternalServerError)
		}
		return c.err()
	}
	blocked := map[string]bool{} // users
	for _, e := range a.Elements {
		statuses := map[int64]int{0: e.Status}
		if e.Status == http.StatusOK {
			if slices.ContainsFunc(e.Jobs, func(id int64) bool { return blocked[byID[id].user()] }) {
				statuses[0] = http.StatusInternalServerError
			} else {
				q.sequence(&c, e, byID)
				for _, d := range e.Requests {
					statuses = send(e, d)
					if slices.ContainsFunc(slices.Collect(maps.Values(statuses)), func(s int) bool { return s/100 != 2 }) {
						break
					}
				}
			}
		}
		for _, id := range e.Jobs {
			status, own := statuses[id]
			if !own {
				status = statuses[0]
			}
			q.finish(&c, byID[id], status)
			if byID[id].state == Waiting {
				blocked[byID[id].user()] = true
			}
		}
	}
	return c.err()
}

// sequence checks at the moment of sending that no earlier event of a user waits.
func (q *Queue) sequence(c *checks, e *Element, byID map[int64]*queued) {
	for _, id := range e.Jobs {
		for _, earlier := range q.jobs {
			if earlier.JobID >= id {
				break
			}
			if earlier.state == Waiting && earlier.user() == byID[id].user() && !slices.Contains(e.Jobs, earlier.JobID) {
				c.violated(order, id, e.place, fmt.Sprintf("sent while job %d of the same user waits", earlier.JobID), "")
			}
		}
	}
}

// finish gives a job the state that a status means to the router.
func (q *Queue) finish(c *checks, j *queued, status int) {
	first, held := q.failed[j.user()]
	switch {
	case status == 298:
		j.state = Filtered
	case status/100 == 2:
		j.state = Delivered
	case givenUp(status):
		j.state = Aborted
	default:
		if !held || j.JobID < first {
			q.failed[j.user()] = j.JobID
		}
		if j.AttemptNum++; j.AttemptNum >= q.tries {
			c.violated(progress, j.JobID, "", fmt.Sprintf("at status %d after %d tries", status, j.AttemptNum), "")
		}
		if j.FirstAttemptedAt == "" {
			j.FirstAttemptedAt = j.ReceivedAt
		}
		j.DontBatch, j.alone = j.alone, false
		j.Job.Metadata = j.Metadata.JSON()
		return
	}
	if held && first == j.JobID {
		delete(q.failed, j.user())
	}
}

// Alone has a job sent with dontBatch the next time, as a proxy may ask for.
// Called while the job is being delivered.
func (q *Queue) Alone(job int64) {
	for _, j := range q.jobs {
		if j.JobID == job {
			j.alone = true
		}
	}
}

// States tells what has become of each job.
func (q *Queue) States() map[int64]State {
	states := make(map[int64]State, len(q.jobs))
	for _, j := range q.jobs {
		states[j.JobID] = j.state
	}
	return states
}
