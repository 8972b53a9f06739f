package send

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/queue"
)

// run is items that are mapped together, each until it is finished or goes back to
// its lane.
type run struct {
	s       *Sender
	ctx     context.Context // nothing is started after it
	work    context.Context // what is under way ends with it
	entries []*entry        // by the index of their input
	output  *engine.Output
	used    lookup.Destination
	names   map[string]int // of requests, with how often they come

	rules sync.Mutex // held while output is worked with

	mu    sync.Mutex
	fates []fate // of entries
}

// fate is what became of an entry.
type fate struct {
	back  bool // it goes back to its lane
	until time.Time
}

// strand is the items of one lane in a run.
type strand struct {
	lane    uint64
	entries []int
	parts   int  // that are not over
	broken  bool // an item goes back, so those behind it do as well
}

// part is an element of the output, which is sent when all that stands before its
// items in their lanes is finished.
type part struct {
	element *engine.Element
	strands []*strand
	waits   int
	next    []*part
}

// perform takes items of lanes that are out to their end, and puts each lane back
// with what is left of it as soon as that is known. It returns when all is over.
// counted says that the run is one of those that Sender.runs counts.
func (s *Sender) perform(ctx, work context.Context, entries []*entry, counted bool, putBack func(lane uint64, rest []*entry, until time.Time)) {
	r := &run{s: s, ctx: ctx, work: work, entries: entries, fates: make([]fate, len(entries)), used: s.destination()}
	parts, err := r.plan()
	if counted {
		s.mapped()
	}
	if err != nil {
		s.fail(err)
		parts = nil
	}
	strands := r.strands()
	if parts == nil {
		for _, strand := range strands {
			rest, _ := r.rest(strand)
			putBack(strand.lane, rest, time.Time{})
		}
		return
	}
	defer r.output.Release()
	var all sync.WaitGroup
	var start func(p *part)
	over := func(p *part) (ready []*part, ended []*strand) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, index := range p.element.Indexes {
			if r.fates[index].back {
				strands[r.entries[index].Lane].broken = true
			}
		}
		for _, strand := range p.strands {
			if strand.parts--; strand.parts == 0 {
				ended = append(ended, strand)
			}
		}
		for _, n := range p.next {
			if n.waits--; n.waits == 0 {
				ready = append(ready, n)
			}
		}
		return ready, ended
	}
	start = func(p *part) {
		if slices.ContainsFunc(p.strands, func(strand *strand) bool { return strand.broken }) {
			r.giveBack(p.element.Indexes, time.Time{})
		} else {
			r.deliver(p)
		}
		ready, ended := over(p)
		for _, strand := range ended {
			rest, until := r.rest(strand)
			putBack(strand.lane, rest, until)
		}
		for _, n := range ready {
			all.Go(func() { start(n) })
		}
	}
	link(parts, r.entries, strands)
	var first []*part
	for _, p := range parts {
		if p.waits == 0 {
			first = append(first, p)
		}
	}
	for _, p := range first {
		all.Go(func() { start(p) })
	}
	all.Wait()
}

// plan maps the entries. The parts are nil where there is nothing to be done now.
func (r *run) plan() ([]*part, error) {
	inputs := make([]engine.Input, len(r.entries))
	known := map[queue.Memory]string{}
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
	elements := r.output.Elements()
	parts := make([]*part, len(elements))
	block2 := make([]part, len(elements))
	for i := range elements {
		parts[i] = &block2[i]
		parts[i].element = &elements[i]
	}
	return parts, nil
}

// strands groups the entries by their lanes.
func (r *run) strands() map[uint64]*strand {
	strands := make(map[uint64]*strand, len(r.entries))
	for i, e := range r.entries {
		k := strands[e.Lane]
		if k == nil {
			k = &strand{lane: e.Lane}
			strands[e.Lane] = k
		}
		k.entries = append(k.entries, i)
	}
	return strands
}

// link has every part wait for those that have earlier items of its lanes. Elements
// come in an order in which none has to wait for a later one.
func link(parts []*part, entries []*entry, strands map[uint64]*strand) {
	last := make(map[*strand]*part, len(strands))
	for _, p := range parts {
		for _, index := range p.element.Indexes {
			k := strands[entries[index].Lane]
			before := last[k]
			if before == p {
				continue
			}
			if before != nil && (len(before.next) == 0 || before.next[len(before.next)-1] != p) {
				before.next = append(before.next, p)
				p.waits++
			}
			last[k] = p
			p.strands = append(p.strands, k)
			k.parts++
		}
	}
}

// rest returns what of a lane goes back, and when it may leave again.
func (r *run) rest(k *strand) (rest []*entry, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range k.entries {
		if f := r.fates[i]; f.back || r.output == nil {
			rest = append(rest, r.entries[i])
			if f.until.After(until) {
				until = f.until
			}
		}
	}
	return rest, until
}

// giveBack has entries go back to their lanes.
func (r *run) giveBack(indexes []int, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range indexes {
		r.fates[i] = fate{back: true, until: until}
	}
}

// deliver takes the entries of a part to their end.
func (r *run) deliver(p *part) {
	verdicts := map[int]verdict{}
	switch el := p.element; el.Status {
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
	r.conclude(p, verdicts)
}

// conclude does what the verdicts on the entries of a part say. An entry without
// one was not sent.
func (r *run) conclude(p *part, verdicts map[int]verdict) {
	var (
		done     []queue.ID
		dead     []queue.Dead
		alone    []int
		retried  int
		leftover = map[uint64]bool{} // lanes of which something goes back
	)
	for _, i := range p.element.Indexes {
		e, v := r.entries[i], verdicts[i]
		switch v.do {
		case deliver, drop:
			done = append(done, e.ID)
		case bury:
			note, err := json.Marshal(v.note)
			if err != nil {
				panic(err) // texts and numbers
			}
			dead = append(dead, queue.Dead{ID: e.ID, Note: note})
		case single:
			if leftover[e.Lane] { // not before what stands before it
				r.giveBack([]int{i}, time.Time{})
			} else {
				alone = append(alone, i)
			}
		default:
			if v.do == again {
				retried++
			}
			r.giveBack([]int{i}, v.until)
			leftover[e.Lane] = true
		}
	}
	if len(done)+len(dead) > 0 {
		if !r.s.finish(r.work, done, dead) {
			r.giveBack(p.element.Indexes, time.Time{})
			return
		}
		r.tell(p, verdicts)
	}
	r.s.o.Tally.Retried(retried)
	if len(alone) > 0 {
		r.isolate(alone)
	}
}

// tell counts the entries of a part that are finished.
func (r *run) tell(p *part, verdicts map[int]verdict) {
	tally, delivered, warnings := r.s.o.Tally, 0, len(p.element.Warnings)
	for k, i := range p.element.Indexes {
		switch v := verdicts[i]; v.do {
		case deliver:
			delivered++
			if v.warn {
				warnings++
			}
		case drop:
			tally.Filtered(v.reason)
		case bury:
			tally.Dead(r.entries[i].ID.String(), p.element.MessageIDs[k], r.entries[i].Origin, *v.note)
		}
	}
	if delivered > 0 {
		tally.Delivered(delivered, warnings)
	}
}

// isolate sends entries again in smaller groups, those of one lane together and in
// their order, until what the API refuses stands alone.
func (r *run) isolate(indexes []int) {
	slices.SortFunc(indexes, func(a, b int) int { return int(int64(r.entries[a].arrival) - int64(r.entries[b].arrival)) })
	var order []uint64
	byLane := map[uint64][]int{}
	for _, i := range indexes {
		lane := r.entries[i].Lane
		if byLane[lane] == nil {
			order = append(order, lane)
		}
		byLane[lane] = append(byLane[lane], i)
	}
	if len(order) > 1 {
		var both sync.WaitGroup
		for _, half := range [][]uint64{order[:len(order)/2], order[len(order)/2:]} {
			both.Go(func() {
				var group []int
				for _, lane := range half {
					group = append(group, byLane[lane]...)
				}
				r.again(group)
			})
		}
		both.Wait()
		return
	}
	for k, i := range indexes {
		if !r.again([]int{i}) {
			r.giveBack(indexes[k+1:], time.Time{})
			return
		}
	}
}

// again sends entries in a run of their own. It tells whether all of them are finished.
func (r *run) again(indexes []int) (finished bool) {
	entries := make([]*entry, len(indexes))
	position := make(map[*entry]int, len(indexes))
	for k, i := range indexes {
		entries[k] = r.entries[i]
		position[entries[k]] = i
	}
	slices.SortFunc(entries, func(a, b *entry) int { return int(int64(a.arrival) - int64(b.arrival)) })
	var mu sync.Mutex
	finished = true
	r.s.perform(r.ctx, r.work, entries, false, func(_ uint64, rest []*entry, until time.Time) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range rest {
			finished = false
			r.giveBack([]int{position[e]}, until)
		}
	})
	return finished
}
