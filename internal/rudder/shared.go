package rudder

import (
	"maps"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine"
)

// Where duplicates were merged, a job's record bears the name of another job, and
// where an API names records by their position, records bear no names. Who
// delivers has to know all the same whose they are. The only part of a descriptor
// that rudder-server hands on and sends nowhere is its userId, so that says it:
//
//	shared 3=1 7=1    jobs 3 and 7 share the record that bears the name of job 1
//	items 1 2,3 4     the jobs of each record, in order
//
// It is empty where the names of the records tell everything.
const (
	sharedWord = "shared"
	itemsWord  = "items"
)

// sharing notes which jobs share the records of a request that has several. job returns the ID of
// the job that an input is.
func sharing(out *engine.Output, p *engine.Program, q *engine.Request, job func(index int) int64) string {
	var b strings.Builder
	switch rules := p.Plan().Requests[q.Name]; {
	case rules == nil || rules.TraceField == "": // the API tells of no record what became of it
		return ""
	case rules.TraceField == "index":
		b.WriteString(itemsWord)
		for _, jobs := range out.Jobs(q) {
			for i, index := range jobs {
				b.WriteByte(" ,"[min(i, 1)])
				b.WriteString(strconv.FormatInt(job(index), 10))
			}
		}
		return b.String()
	}
	for _, jobs := range out.Jobs(q) {
		for _, index := range jobs[1:] {
			if b.Len() == 0 {
				b.WriteString(sharedWord)
			}
			b.WriteByte(' ')
			b.WriteString(strconv.FormatInt(job(index), 10))
			b.WriteByte('=')
			b.WriteString(strconv.FormatInt(job(jobs[0]), 10))
		}
	}
	return b.String()
}

// records tells which records of a request are a job's, by their positions.
type records map[int64][]int

// recordsOf reads the names of a request's records, and what sharing noted. A note
// that was not made by it says nothing.
func recordsOf(traces []string, note string) records {
	of := records{}
	add := func(id string, position ...int) {
		if job, err := strconv.ParseInt(id, 10, 64); err == nil {
			of[job] = append(of[job], position...)
		}
	}
	words := strings.Fields(note)
	if len(words) == len(traces)+1 && words[0] == itemsWord {
		for i, ids := range words[1:] {
			for id := range strings.SplitSeq(ids, ",") {
				add(id, i)
			}
		}
		return of
	}
	for i, trace := range traces {
		add(trace, i)
	}
	if len(words) > 0 && words[0] == sharedWord {
		named := maps.Clone(of)
		for _, pair := range words[1:] {
			id, as, _ := strings.Cut(pair, "=")
			if job, err := strconv.ParseInt(as, 10, 64); err == nil {
				add(id, named[job]...)
			}
		}
	}
	return of
}
