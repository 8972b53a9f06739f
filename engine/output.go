package engine

import (
	"sync"

	"github.com/celmap/celmap/engine/value"
)

// memory is what batches work in, handed on from one to the next.
type memory struct {
	arena   *value.Arena
	events  []event
	results []Result
}

var batchMemories = sync.Pool{New: func() any { return &memory{arena: value.NewArena()} }}

// take returns n events, all zero but for room for their items.
func (m *memory) take(n int) []event {
	if cap(m.events) < n {
		m.events, m.results = make([]event, n), make([]Result, n)
	}
	m.events, m.results = m.events[:n], m.results[:n]
	return m.events
}

// release makes the memory ready for the next batch.
func (m *memory) release() {
	for i := range m.events {
		items := m.events[i].items
		clear(items)
		m.events[i] = event{items: items[:0]}
	}
	clear(m.results)
	m.events, m.results = m.events[:0], m.results[:0] // who needs none next has nothing to clear
	m.arena.Reset()
	batchMemories.Put(m)
}

// Output is what became of a batch.
type Output struct {
	batch    *Batch
	results  []Result
	elements []Element
	pool     pool              // what Elements has left
	open     map[address][]int // batches that may take more, in order
}

// Map maps the events. Questions that were not answered count as nothing found.
func (b *Batch) Map() *Output {
	for b.round < maxRounds && len(b.questions) > 0 {
		b.settle()
	}
	return &Output{batch: b}
}

// Results returns one result for each input, in order, each with requests of
// its own.
func (o *Output) Results() []Result {
	if o.results != nil {
		return o.results
	}
	b, pool := o.batch, o.batch.pool
	o.results = b.memory.results
	for i := range b.events {
		e := &b.events[i]
		if e.result.Status == Mapped && e.done {
			steps := pool.allow(e)
			b.runner.start(e.node, steps)
			requests, err := b.runner.requests(e.items)
			pool.take(steps - b.runner.frame.Steps)
			if err = pool.explain(e, steps, err); err != nil {
				b.reject(e, b.runner.explainSteps(err, steps, func() error {
					b.runner.start(e.node, steps)
					_, err := b.runner.requests(e.items)
					return err
				}))
			}
			e.result.Requests = requests
		}
		o.results[i] = e.result
	}
	return o.results
}

// Release gives the batch's memory back. Nothing of the output may be used
// afterwards, except texts of results that were copied.
func (o *Output) Release() {
	b := o.batch
	if b == nil {
		return
	}
	o.batch, o.results, o.elements, o.open = nil, nil, nil, nil
	b.Release()
}
