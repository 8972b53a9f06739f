package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/input"
)

// pipeline maps a stream of events on all cores and writes the results in the
// order of the events. What it holds in memory does not grow with the stream.
type pipeline struct {
	events   *input.Reader
	binder   *binder
	size     int  // events of a job
	batched  bool // jobs are filled up, because it shows in the output
	out      io.Writer
	printer  printer
	progress progress
	total    counts
}

// mostBytes is when a job is mapped though it has few events, unless batched.
const mostBytes = 1 << 20

// job is a run of events that are planned together.
type job struct {
	connection *engine.Connection
	items      []item
	text       []byte // the JSON of all items
	out        []byte
	counts     counts
	err        error
	done       chan struct{}
}

// item is an event of a job, at text[start:end].
type item struct {
	input.Item
	start, end int
	refused    error // its own config cannot be used
}

// run returns the first error. All that was mapped before it has been written.
func (p *pipeline) run() error {
	workers := runtime.GOMAXPROCS(0)
	work := make(chan *job)             // to the workers
	order := make(chan *job, 2*workers) // the same to the writer: bounds what is under way
	free := make(chan *job, 4*workers)  // back to the reader
	stop := make(chan struct{})
	var readErr error
	go func() {
		defer close(order)
		defer close(work)
		defer recoverTo(&readErr)
		readErr = p.read(free, func(j *job) bool {
			select {
			case order <- j:
				work <- j
				return true
			case <-stop:
				return false
			}
		})
	}()
	for range workers {
		go func() {
			for j := range work {
				p.work(j)
			}
		}()
	}
	var err error
	for j := range order {
		<-j.done
		if err == nil {
			if err = p.write(j); err != nil {
				close(stop)
			}
		}
		select {
		case free <- j:
		default:
		}
	}
	p.progress.end()
	return errors.Join(err, readErr)
}

// read makes jobs of the events and gives them away, until that returns false.
func (p *pipeline) read(free <-chan *job, give func(*job) bool) error {
	j := newJob(free)
	for {
		next, err := p.events.Next()
		if err != nil {
			if len(j.items) > 0 {
				give(j)
			}
			if err == io.EOF {
				return nil
			}
			return usage("%w", err)
		}
		connection, refused := p.binder.connection(next.JSON)
		mapped := next.Problem == nil && refused == nil
		if mapped && j.connection != nil && j.connection != connection {
			if !give(j) {
				return nil
			}
			j = newJob(free)
		}
		j.add(next, refused)
		if mapped {
			j.connection = connection
		}
		full := len(j.items) == p.size
		if !p.batched { // where it cannot be seen, nobody waits for a job to fill
			full = full || len(j.text) >= mostBytes || !p.events.Ready()
		}
		if full {
			if !give(j) {
				return nil
			}
			j = newJob(free)
		}
	}
}

func newJob(free <-chan *job) *job {
	select {
	case j := <-free:
		*j = job{items: j.items[:0], text: j.text[:0], out: j.out[:0], done: make(chan struct{})}
		return j
	default:
		return &job{done: make(chan struct{})}
	}
}

func (j *job) add(next input.Item, refused error) {
	start := len(j.text)
	j.text = append(j.text, next.JSON...)
	next.JSON = nil // good until the next item only
	j.items = append(j.items, item{next, start, len(j.text), refused})
}

func (p *pipeline) work(j *job) {
	defer close(j.done)
	defer recoverTo(&j.err)
	p.perform(j)
}

// recoverTo turns a panic into an error of the place that waits for one.
func recoverTo(err *error) {
	if p := recover(); p != nil {
		*err = crash(p)
	}
}

func (p *pipeline) write(j *job) error {
	if j.err != nil {
		return j.err
	}
	if _, err := p.out.Write(j.out); err != nil {
		return fmt.Errorf("the results cannot be written: %w", err)
	}
	p.total.add(j.counts)
	p.progress.show(p.total.Events)
	return nil
}
