package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/celmap/celmap/engine/plan"
	"github.com/celmap/celmap/engine/value"
)

// Input is one event to map.
type Input struct {
	// JSON is an event, or {"message": event, "metadata": {…}} as RudderStack
	// hands it over. It has to stay unchanged until Output.Release.
	JSON []byte
	// Metadata is an object that came beside the event; JSON is the event itself
	// then, whatever it holds. It has to stay unchanged as long as JSON.
	Metadata []byte
	// Index is the input's position in its stream, and comes back in its result.
	Index int
}

// Batch is events on their way: planned, waiting for answers, or mapped. It is
// not safe for concurrent use.
type Batch struct {
	connection *Connection
	runner     *runner
	memory     *memory
	arena      *value.Arena // of memory
	events     []event      // of memory
	questions  []*Question
	asked      map[questionKey][]*Question // the same, which differ in their arguments only
	round      int
	pool       pool
	misses     map[string]map[string]bool // by portal data, of the events that are mapped
	items      []item                     // slab that items are taken from
	indexes    []int                      // slab for item.events
	args       []*value.Node              // slab for item.args
}

// event is one input and what is known of it.
type event struct {
	result   Result
	node     *value.Node // the event itself
	metadata *value.Node
	job      string // jobId or messageId, by which traces name it; may be empty
	user     string // whose order has to be kept
	alone    bool   // metadata.dontBatch
	mapping  *plan.Mapping
	answers  []answered
	items    []*item
	spent    int  // steps
	done     bool // its result is known
}

// Question is one key that events of a batch want looked up.
type Question struct {
	Lookup *plan.Lookup
	With   *value.Node // arguments, an object
	Key    string      // folded as the lookup says
	asks   []askRef
	answer *Reply
}

// Kept returns a question that outlives the batch it came from, to be put by itself.
func (q *Question) Kept() Question {
	return Question{Lookup: q.Lookup, With: keep(q.With), Key: q.Key}
}

type askRef struct{ event, answer int }

type questionKey struct {
	lookup *plan.Lookup
	key    string
}

// Reply is the answer to a question.
type Reply struct {
	// Answer is JSON: what the lookup gives, such as a list of ids. Empty is
	// nothing found.
	Answer []byte
	// Failure says that the lookup did not work; Answer does not count then.
	Failure *LookupFailure

	read *value.Node // Answer, where that was read already
}

// Kept returns a reply for a host that remembers it: its answer is read now, and
// not by every batch that gets it. It may be given to batches at the same time.
func (r Reply) Kept() Reply {
	if r.Failure == nil && len(r.Answer) > 0 {
		n, failure := r.parse(value.NewArena())
		r.read, r.Failure = n.Freeze(), failure
	}
	return r
}

func (r Reply) parse(arena *value.Arena) (*value.Node, *LookupFailure) {
	n, err := value.Parse(arena, r.Answer, answerLimits)
	if err != nil { // an answer that cannot be read is not "nothing found"
		return nil, &LookupFailure{Status: 500, Message: "the answer cannot be read: " + err.Error()}
	}
	return n, nil
}

// LookupFailure is a lookup that the API refused or that broke.
type LookupFailure struct {
	Status  int               // HTTP status; 0 where there was no answer
	Message string            // what the API said
	Headers map[string]string // names in lower case; may be empty
	Body    []byte            // JSON, may be empty
	cause   error             // of our own: the question could not be asked
}

// Plan reads the events and finds out what has to be looked up for them. It
// keeps the bytes of the inputs until the output is released.
func (c *Connection) Plan(inputs []Input) *Batch {
	r := c.runner()
	b := &Batch{connection: c, runner: r, memory: batchMemories.Get().(*memory)}
	b.arena, b.events = b.memory.arena, b.memory.take(len(inputs))
	b.pool = newPool(c.program.limits)
	r.arena, r.frame.Arena = b.arena, b.arena
	for i := range inputs { // one after the other, while the processor has it at hand
		b.read(i, inputs[i])
		b.advance(i)
	}
	return b
}

// read parses one input and takes from it what the batch has to know.
func (b *Batch) read(i int, in Input) {
	e := &b.events[i]
	e.result.Index = in.Index
	event, metadata, err := b.runner.unwrap(in)
	if metadata != nil {
		e.accompany(metadata) // also an event that cannot be read has its place in the order
	}
	if e.node = event; err != nil {
		b.reject(e, err)
		return
	}
	if id := e.node.Get("messageId"); id.IsScalar() {
		e.result.MessageID = scalarText(id)
	}
	if e.job == "" {
		e.job = e.result.MessageID
	}
	for _, u := range []*value.Node{e.node.Get("userId"), e.node.Get("anonymousId")} {
		if e.user == "" && u.IsScalar() {
			e.user = scalarText(u)
		}
	}
}

// unwrap parses one input: the event, and the metadata that came with it, nil for
// none. The metadata is there also where the event cannot be read. The error is an
// *EventError.
func (r *runner) unwrap(in Input) (event, metadata *value.Node, err error) {
	limits := r.connection.program.limits.Event
	if in.Metadata != nil {
		if metadata, err = value.Parse(r.arena, in.Metadata, limits); err != nil {
			broken := parseError(err)
			broken.Message, broken.Path = "the metadata of the event cannot be read: "+broken.Message, ""
			return nil, nil, broken
		}
	}
	if event, err = value.Parse(r.arena, in.JSON, limits); err != nil {
		return nil, metadata, parseError(err)
	}
	if m := event.Get("message"); in.Metadata == nil && m.Kind() == value.Object && event.Get("type") == nil {
		event, metadata = m, event.Get("metadata")
	}
	if event.Kind() != value.Object {
		return nil, metadata, &EventError{Code: "not_an_object", Status: 400, Message: "an event is a JSON object, this is " + value.Preview(event)}
	}
	return event, metadata, nil
}

// accompany takes from the metadata of an event what the batch has to know.
func (e *event) accompany(m *value.Node) {
	e.metadata, e.alone = m, m.Get("dontBatch").Bool()
	if id := m.Get("jobId"); id.IsScalar() {
		e.job = scalarText(id)
	}
	if u := m.Get("userId"); u.IsScalar() && !u.IsEmpty() {
		e.user = scalarText(u)
	}
}

func scalarText(n *value.Node) string {
	if n.Kind() == value.Bool {
		return strconv.FormatBool(n.Bool())
	}
	return n.Text()
}

func parseError(err error) *EventError {
	if p, ok := err.(*value.ParseError); ok {
		return &EventError{Code: p.Code, Status: 400, Message: p.Message, Path: p.Path, Cause: err}
	}
	return &EventError{Code: value.CodeInvalidJSON, Status: 400, Message: err.Error(), Cause: err}
}

func (b *Batch) reject(e *event, err error) {
	e.result.reject(err)
	e.items, e.done = nil, true
}

// advance takes an event as far as it goes: to a result, to its items, or to
// questions that have to be answered first.
func (b *Batch) advance(i int) {
	e := &b.events[i]
	if e.done {
		return
	}
	r := b.runner
	steps, mapping := b.pool.allow(e), e.mapping
	r.start(e.node, steps)
	r.answers = e.answers
	err := guarded(func() error { return b.step(i, e) })
	if r.unread != nil {
		err = r.unread
	}
	err = b.pool.explain(e, steps, err)
	e.spent += b.pool.take(steps - r.frame.Steps)
	if err != nil {
		b.reject(e, r.explainSteps(err, steps, func() error {
			again := event{node: e.node, metadata: e.metadata, mapping: mapping, job: e.job}
			r.start(e.node, steps)
			r.answers = e.answers
			return b.step(i, &again)
		}))
	}
	e.answers = r.answers
	if e.done && e.result.Status == Mapped {
		e.result.Warnings = r.warnings
		b.note(r.missed)
	}
}

// guarded turns a panic into an error: a defect, of ours or of a function that
// the host added, costs one event and not the process.
func guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &EventError{Code: "internal_error", Status: 500, Message: fmt.Sprintf("celmap failed on this event; please report it: %v", p)}
		}
	}()
	return do()
}

func (b *Batch) step(i int, e *event) error {
	r := b.runner
	if b.connection.refused != nil {
		return b.connection.refused
	}
	if e.mapping == nil {
		if err := b.validate(e); err != nil {
			return err
		}
		if err := b.route(e); err != nil || e.done {
			return err
		}
		if err := r.needs(e.mapping.Needs); err != nil {
			return err
		}
	}
	waiting, err := b.ask(i, e)
	if err != nil || waiting {
		return err
	}
	if err := r.rejectFirst(e.mapping.Reject); err != nil {
		return err
	}
	for _, f := range e.mapping.Filter {
		ok, err := r.decide(f.Rule, f.When)
		if err != nil {
			return err
		}
		if ok {
			e.result.Status, e.result.Reason, e.done = Filtered, r.message(f.Reason), true
			return nil
		}
	}
	if err := b.send(i, e); err != nil {
		return err
	}
	if len(e.items) == 0 {
		e.result.Status, e.result.Reason, e.done = Filtered, "no entry under send of "+e.mapping.Name+" applies", true
		return nil
	}
	e.result.Status, e.done = Mapped, true
	return nil
}

// validate checks the event against the schema of its type. A type without a
// schema is for the routes to judge.
func (b *Batch) validate(e *event) error {
	sch := b.runner.program.Events[e.node.Get("type").Text()]
	if sch == nil || sch.Accepts(e.node) {
		return nil
	}
	violations := sch.Validate(e.node)
	if len(violations) == 0 {
		return nil
	}
	v := violations[0]
	message := strings.TrimSpace(v.Path + " " + v.Message)
	if more := len(violations) - 1; more > 0 {
		message += fmt.Sprintf(" (and %d more)", more)
	}
	return &EventError{Code: "invalid_event", Status: 400, Message: message, Path: v.Path, Values: []Operand{{"schema", sch.Name()}}}
}

// route finds the first route that applies.
func (b *Batch) route(e *event) error {
	r := b.runner
	for _, route := range r.program.Routes {
		ok, err := r.decide(route.Rule, route.When)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		switch {
		case route.To != nil:
			e.mapping = route.To
		case route.Reject != nil:
			return r.rejection(route.Reject)
		default:
			e.result.Status, e.result.Reason, e.done = Filtered, r.message(route.Filter), true
		}
		return nil
	}
	kind := r.event.Get("type")
	return &EventError{Code: "no_route", Status: 400, Message: "no route of the destination takes this event", Path: "type", Values: []Operand{{"type", value.Preview(kind)}}}
}

// needs rejects the event if one of the paths gives nothing.
func (r *runner) needs(list []plan.Need) error {
	for _, n := range list {
		v, err := r.expr(n.Path)
		if err != nil {
			return err
		}
		missing := v.IsEmpty()
		if r.observe != nil {
			r.observe.Decided(n.Rule, missing)
		}
		if missing {
			code, where := "missing_value", "the event"
			if slot, _, ok := n.Path.Path(); ok && r.program.Slots[slot].Kind == plan.ConfigSlot {
				code, where = "missing_config", "the destination's settings"
			}
			return (&EventError{Code: code, Status: 400, Message: n.Path.Text + " is missing or empty in " + where, Rule: n.Rule}).with(r, n.Path, v)
		}
	}
	return nil
}

// rejectFirst returns the first rejection that applies.
func (r *runner) rejectFirst(list []*plan.Reject) error {
	for _, j := range list {
		ok, err := r.decide(j.Rule, j.When)
		if err != nil {
			return err
		}
		if ok {
			return r.rejection(j)
		}
	}
	return nil
}

func (r *runner) rejection(j *plan.Reject) error {
	return &EventError{Code: j.Code, Status: j.Status, Message: r.message(j.Message), Path: j.At, Rule: j.Rule}
}

// ask puts the questions of the event's next level. waiting tells that there
// are some; the event goes on when they are answered.
func (b *Batch) ask(i int, e *event) (waiting bool, err error) {
	r := b.runner
	for _, a := range e.mapping.Asks {
		if k := slices.IndexFunc(r.answers, func(x answered) bool { return x.ask == a }); k >= 0 {
			if err := b.failure(r.answers[k]); err != nil {
				return false, err
			}
			continue
		}
		if waiting && a.Level > e.mapping.Asks[0].Level {
			break
		}
		ok, err := r.decide(a.Rule, a.When)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		key, err := r.first(a.Key)
		if err != nil {
			return false, err
		}
		if key.IsEmpty() {
			continue
		}
		// Nothing is asked for an event that is lost anyway.
		if err := r.rejectFirst(e.mapping.Early); err != nil {
			return false, err
		}
		if err := b.question(i, a, key); err != nil {
			return false, err
		}
		waiting = true
	}
	return waiting, nil
}

func (b *Batch) question(i int, a *plan.Ask, key *value.Node) error {
	r := b.runner
	text, err := r.text(key)
	if err != nil {
		return err
	}
	if r.profile != nil {
		return nil // it is put already
	}
	text = a.Lookup.FoldKey(text)
	with := r.arena.Object()
	for _, f := range a.With {
		v, err := r.template(f.Value)
		if err != nil {
			return err
		}
		r.arena.Add(with, f.Name, v)
	}
	r.answers = append(r.answers, answered{ask: a, with: with})
	ref := askRef{i, len(r.answers) - 1}
	same := questionKey{a.Lookup, strings.Clone(text)}
	for _, q := range b.asked[same] {
		if value.Equal(q.With, with) {
			q.asks = append(q.asks, ref)
			return nil
		}
	}
	if b.asked == nil {
		b.asked = map[questionKey][]*Question{}
	}
	q := &Question{Lookup: a.Lookup, With: with, Key: same.key, asks: []askRef{ref}}
	b.questions, b.asked[same] = append(b.questions, q), append(b.asked[same], q)
	return nil
}

// maxRounds is how often events may ask: a question may depend on one earlier answer.
const maxRounds = 2

// Questions returns what has to be looked up now. After answering all of it, ask
// again: some questions follow from answers. There are at most two rounds. As long
// as one has no answer, the same questions come again; the zero Reply is an answer.
func (b *Batch) Questions() []*Question {
	if b.round < maxRounds && len(b.questions) > 0 && !slices.ContainsFunc(b.questions, func(q *Question) bool { return q.answer == nil }) {
		b.settle()
	}
	return b.questions
}

// Release gives up a batch that is not going to be mapped, and its memory.
// Nothing of it may be used afterwards; on one that was mapped it does what
// Output.Release does.
func (b *Batch) Release() {
	if b.memory == nil {
		return
	}
	b.memory.release()
	b.runner.arena, b.runner.frame.Arena = nil, nil
	b.connection.runners.Put(b.runner)
	b.memory, b.runner, b.arena, b.events, b.questions, b.asked = nil, nil, nil, nil, nil, nil
}

// Answer answers a question of this batch.
func (b *Batch) Answer(q *Question, reply Reply) { q.answer = &reply }

// settle hands the answers to the events that asked, and takes those on.
func (b *Batch) settle() {
	b.round++
	asked := b.questions
	b.questions, b.asked = nil, nil
	waiting := map[int]bool{}
	for _, q := range asked {
		answer, failure := b.reply(q)
		for _, ref := range q.asks {
			a := &b.events[ref.event].answers[ref.answer]
			a.answer, a.failure = answer, failure
			waiting[ref.event] = true
		}
	}
	for i := range b.events {
		if waiting[i] {
			b.advance(i)
		}
	}
}

func (b *Batch) reply(q *Question) (*value.Node, *LookupFailure) {
	switch r := q.answer; {
	case r == nil:
		return nil, nil
	case r.Failure != nil:
		return nil, r.Failure
	case r.read != nil || len(r.Answer) == 0:
		return r.read, nil
	default:
		return r.parse(b.arena)
	}
}

// failure applies the lookup's failure rules to an event whose question failed.
func (b *Batch) failure(a answered) error {
	if a.failure == nil {
		return nil
	}
	if a.failure.cause != nil { // the API has not failed, so the lookup's rules do not judge it
		return a.failure.cause
	}
	r, l := b.runner, a.ask.Lookup
	r.asking(l, a.with)
	do, e, err := r.loss(l.Failure, a.failure, "the lookup "+l.Name+" failed: "+a.failure.Message)
	if err != nil || do == "empty" {
		return err
	}
	e.Rule = a.ask.Rule
	return e
}

// loss says what becomes of an event that needs the answer to a request which
// failed, by the first rule that applies; message is for where none says more. The
// error of a rule that cannot be used is err.
func (r *runner) loss(rules []plan.Failure, f *LookupFailure, message string) (do string, lost *EventError, err error) {
	body, err := value.Parse(r.arena, orEmptyObject(f.Body), r.connection.program.limits.Event)
	if err != nil {
		body = r.arena.Object()
	}
	if f.Message != "" && body.Get("message") == nil && body.Kind() == value.Object {
		body = r.arena.Fork(body)
		r.arena.Add(body, "message", r.arena.String(f.Message))
	}
	r.answered(Answer{Status: f.Status, Headers: f.Headers}, body)
	refused := f.Status >= 400 && !mayPass(f.Status)
	if do = "retry"; refused {
		do = "reject"
	}
	for _, rule := range rules {
		ok, err := r.condition(rule.When)
		if err != nil {
			return "", nil, err
		}
		if ok {
			do = rule.Do
			if rule.Because != nil {
				message = r.message(rule.Because)
			}
			break
		}
	}
	status := f.Status
	switch {
	case do == "reject" && !refused:
		status = 400
	case do != "reject" && !mayPass(status):
		status = 500
	}
	return do, &EventError{Code: "lookup_failed", Status: status, Message: message}, nil
}

// mayPass reports whether a request that got this HTTP status may get through
// when it is tried again.
func mayPass(status int) bool { return status == 408 || status == 429 || status >= 500 }
