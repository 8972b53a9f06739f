package send

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/queue"
)

// run is items that are mapped together, each until it is finished or goes back to
// its lane. No two are of one lane.
type run struct {
	s       *Sender
	ctx     context.Context // nothing is started after it
	work    context.Context // what is under way ends with it
	entries []*entry        // by the index of their input
	used    lookup.Destination
	end     func(e *entry, finished bool, until time.Time)

	rules  sync.Mutex // held while output is worked with
	output *engine.Output
}

// perform takes items that are out to their end: end learns of each, as soon as that
// is known, whether it is finished, and else when it may be tried again. mapped is
// called once the items are. perform returns when all is over.
func (s *Sender) perform(ctx, work context.Context, entries []*entry, mapped func(), end func(e *entry, finished bool, until time.Time)) {
	r := &run{s: s, ctx: ctx, work: work, entries: entries, used: s.destination(), end: end}
	elements, err := r.plan()
	mapped()
	if err != nil {
		s.fail(err)
		for _, e := range entries {
			end(e, false, time.Time{})
		}
		return
	}
	defer r.output.Release()
	var all sync.WaitGroup
	for i := range elements {
		all.Go(func() { r.deliver(&elements[i]) })
	}
	all.Wait()
}

// plan maps the entries, and gathers them in elements.
func (r *run) plan() ([]engine.Element, error) {
	inputs := make([]engine.Input, len(r.entries))
	known := make(map[queue.Memory]string, len(r.entries))
	block := make([]byte, 0, 64*len(r.entries))
	for i, e := range r.entries {
		from := len(block)
		block = append(block, `{"jobId":"`...)
		block = append(block, e.ID.String()...)
		block = append(block, `","userId":"`...)
		block = strconv.AppendUint(block, e.Lane, 16)
		block = append(block, `"}`...)
		inputs[i] = engine.Input{JSON: e.JSON, Metadata: block[from:len(block):len(block)], Index: i}
		remember(known, e.Known)
	}
	r.used.Answers = func(q *engine.Question) (engine.Reply, bool) {
		if v, ok := known[queue.Memory{Lookup: q.Lookup.Name, Key: q.Key}]; ok {
			if v == "" {
				return engine.Reply{}, true
			}
			return engine.Reply{Answer: value.AppendString(nil, v)}, true
		}
		return r.s.o.Answers.Answer(q)
	}
	var err error
	if r.output, err = r.s.o.Host.Map(r.ctx, r.used, inputs); err != nil {
		return nil, err
	}
	return r.output.Elements(), nil
}

// deliver takes the entries of an element to their end.
func (r *run) deliver(el *engine.Element) {
	verdicts := make(map[int]verdict, len(el.Indexes))
	switch el.Status {
	case engine.Filtered:
		for _, i := range el.Indexes {
			verdicts[i] = verdict{do: drop, reason: el.Reason}
		}
	case engine.Rejected:
		for _, i := range el.Indexes {
			verdicts[i] = r.rejected(i, el.Error)
		}
	default:
		r.send(el, verdicts)
	}
	r.conclude(el, verdicts)
}

// conclude does what the verdicts on the entries of an element say. An entry
// without one was not sent.
func (r *run) conclude(el *engine.Element, verdicts map[int]verdict) {
	var (
		done    []queue.ID
		dead    []queue.Dead
		ended   []*entry
		alone   []*entry
		retried int
	)
	for _, i := range el.Indexes {
		e, v := r.entries[i], verdicts[i]
		switch v.do {
		case deliver, drop:
			done, ended = append(done, e.ID), append(ended, e)
		case bury:
			note, err := json.Marshal(v.note)
			if err != nil {
				panic(err) // texts and numbers
			}
			dead, ended = append(dead, queue.Dead{ID: e.ID, Note: note}), append(ended, e)
		case single:
			alone = append(alone, e)
		case again:
			retried++
			r.end(e, false, v.until)
		default:
			r.end(e, false, time.Time{})
		}
	}
	r.s.o.Tally.Retried(retried)
	if len(ended) > 0 {
		finished := r.s.finish(r.work, done, dead)
		if finished {
			r.tell(el, verdicts)
		}
		for _, e := range ended {
			r.end(e, finished, time.Time{})
		}
	}
	r.isolate(alone)
}

// tell counts the entries of an element that are finished.
func (r *run) tell(el *engine.Element, verdicts map[int]verdict) {
	tally, delivered, warnings := r.s.o.Tally, 0, len(el.Warnings)
	for k, i := range el.Indexes {
		switch v := verdicts[i]; v.do {
		case deliver:
			delivered++
			if v.warn {
				warnings++
			}
		case drop:
			tally.Filtered(v.reason)
		case bury:
			tally.Dead(r.entries[i].ID.String(), el.MessageIDs[k], r.entries[i].Origin, *v.note)
		}
	}
	if delivered > 0 {
		tally.Delivered(delivered, warnings)
	}
}

// isolate sends entries again in two groups, which do the same as long as the API
// refuses them, until what it refuses stands alone.
func (r *run) isolate(entries []*entry) {
	half := (len(entries) + 1) / 2
	var both sync.WaitGroup
	for _, group := range [][]*entry{entries[:half], entries[half:]} {
		if len(group) > 0 {
			both.Go(func() { r.s.perform(r.ctx, r.work, group, func() {}, r.end) })
		}
	}
	both.Wait()
}
