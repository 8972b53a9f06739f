package lookup

import (
	"crypto/sha256"
	"net/http"
	"time"
	"weak"

	"github.com/celmap/celmap/engine"
)

const mostClerks = 4 // calls of one line at a time

// line is where questions of one lookup with equal arguments wait for a call,
// those of all batches together: while a call has to wait, more keys gather for it.
// The account's desk guards what changes.
type line struct {
	account *account
	about   engine.Question // any of them, without its key
	name    string
	waiting []*ticket
	open    map[string]*ticket // by key, those that others who ask the same may share
	clerks  int                // goroutines that make calls
	idle    int                // of them, those that do not make one at the moment
	door    chan struct{}      // holds the clerk whose call is next
}

// ticket is a question in a line.
type ticket struct {
	key   string
	done  chan struct{} // closed when the rest is known
	reply engine.Reply
	mute  bool // it cannot be asked
}

// answer is what is remembered of a lookup that says for how long.
type answer struct {
	reply engine.Reply
	until time.Time
}

type answerKey struct {
	rules weak.Pointer[engine.Program] // which give the answer its form
	sum   [sha256.Size]byte
}

// ask puts questions of one lookup with equal arguments in a line. about is any
// of them, name tells them from others. It returns a ticket for each key. What was
// answered since the caller looked is not asked again.
func (a *account) ask(about *engine.Question, name string, keys []string) []*ticket {
	a.desk.Lock()
	defer a.desk.Unlock()
	l := a.lines[name]
	if l == nil {
		l = &line{account: a, about: about.Kept(), name: name, open: map[string]*ticket{}, door: make(chan struct{}, 1)}
		a.lines[name] = l
	}
	tickets := make([]*ticket, len(keys))
	for i, key := range keys {
		t := l.open[key]
		if t == nil {
			t = a.answered(l, key)
		}
		if t == nil {
			t = &ticket{key: key, done: make(chan struct{})}
			l.open[key] = t
			l.waiting = append(l.waiting, t)
		}
		tickets[i] = t
	}
	for len(l.waiting) > 0 && l.clerks < mostClerks && l.idle < (len(l.waiting)-1)/l.about.Lookup.MostKeys()+1 {
		l.clerks, l.idle = l.clerks+1, l.idle+1
		go l.serve()
	}
	if l.clerks == 0 { // all is known
		delete(a.lines, name)
	}
	return tickets
}

// answered returns a ticket with what is remembered, nil where that is nothing.
func (a *account) answered(l *line, key string) *ticket {
	if l.about.Lookup.TTL == 0 {
		return nil
	}
	known, ok := a.host.answers.get(a.answerKey(l.name, key))
	if !ok || !a.host.now().Before(known.until) {
		return nil
	}
	t := &ticket{key: key, done: make(chan struct{}), reply: known.reply}
	close(t.done)
	return t
}

// serve makes calls as long as questions wait.
func (l *line) serve() {
	for {
		tickets := l.next()
		if tickets == nil {
			return
		}
		l.isolate(tickets, l.call(tickets, true))
		l.account.desk.Lock()
		l.idle++
		l.account.desk.Unlock()
	}
}

// next waits until a call may be made, and takes the questions that it is to
// answer; nil where there are none.
func (l *line) next() []*ticket {
	l.door <- struct{}{}
	defer func() { <-l.door }()
	a := l.account
	for {
		if !l.busy() {
			return nil
		}
		failure := a.pace.admit(l.about.Lookup.Name, l.about.Lookup.PerSecond, time.Now().Add(a.host.patience))
		a.desk.Lock()
		n := min(len(l.waiting), l.about.Lookup.MostKeys())
		if failure != nil {
			n = len(l.waiting)
		} else {
			l.idle--
		}
		tickets := l.waiting[:n:n]
		l.waiting = l.waiting[n:]
		if l.about.Lookup.TTL == 0 { // who asks later wants to know how things are then
			for _, t := range tickets {
				delete(l.open, t.key)
			}
		}
		a.desk.Unlock()
		if failure == nil {
			return tickets
		}
		l.fail(tickets, failure)
	}
}

// busy tells whether questions wait. Where none do, the clerk who asks leaves.
func (l *line) busy() bool {
	a := l.account
	a.desk.Lock()
	defer a.desk.Unlock()
	if len(l.waiting) > 0 {
		return true
	}
	l.clerks, l.idle = l.clerks-1, l.idle-1
	if l.clerks == 0 && a.lines[l.name] == l {
		delete(a.lines, l.name)
	}
	return false
}

// call makes the call for tickets and settles them. Where it fails they are left
// open, and the failure tells why.
func (l *line) call(tickets []*ticket, admitted bool) *engine.LookupFailure {
	a := l.account
	deadline := time.Now().Add(a.host.patience)
	b, err := a.connection(a.host.now(), nil)
	if err != nil {
		return &engine.LookupFailure{Status: http.StatusInternalServerError, Message: err.Error()}
	}
	byQuestion := make(map[*engine.Question]*ticket, len(tickets))
	questions := make([]*engine.Question, len(tickets))
	for i, t := range tickets {
		questions[i] = &engine.Question{Lookup: l.about.Lookup, With: l.about.With, Key: t.key}
		byQuestion[questions[i]] = t
	}
	for _, c := range b.connection.Calls(questions) {
		for page := c; page != nil; {
			if !admitted {
				if failure := a.pace.admit(c.Name, c.PerSecond, deadline); failure != nil {
					return failure
				}
			}
			admitted = false
			answer, failure := a.perform(page, deadline)
			if failure != nil {
				return failure
			}
			if page, err = page.Read(answer); err != nil {
				failure := &engine.LookupFailure{Status: http.StatusInternalServerError, Message: err.Error()}
				a.warn(c, answer.Status, 1, failure)
				return failure
			}
		}
		for i, reply := range c.Replies() {
			l.settle(byQuestion[c.Questions[i]], reply)
			delete(byQuestion, c.Questions[i])
		}
	}
	for _, t := range byQuestion {
		t.mute = true
		l.settle(t, engine.Reply{})
	}
	return nil
}

// isolate settles tickets whose call failed. What the API refuses may be a single
// key: then the others are asked again without it. Where it refuses both halves of
// the keys, they are not why.
func (l *line) isolate(tickets []*ticket, failure *engine.LookupFailure) {
	for failure != nil && len(tickets) > 1 && dislikes(failure.Status) {
		half := len(tickets) / 2
		first, second := tickets[:half], tickets[half:]
		one, two := l.call(first, false), l.call(second, false)
		if one != nil && two != nil {
			l.fail(first, one)
			l.fail(second, two)
			return
		}
		tickets, failure = first, one
		if two != nil {
			tickets, failure = second, two
		}
	}
	if failure != nil {
		l.fail(tickets, failure)
	}
}

// dislikes reports whether a status says that there is something wrong with what
// was sent.
func dislikes(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// fail settles tickets with a failure.
func (l *line) fail(tickets []*ticket, failure *engine.LookupFailure) {
	for _, t := range tickets {
		l.settle(t, engine.Reply{Failure: failure})
	}
}

// settle tells those who hold a ticket what came of it.
func (l *line) settle(t *ticket, reply engine.Reply) {
	a := l.account
	if ttl := l.about.Lookup.TTL; ttl > 0 && !t.mute {
		key, now := a.answerKey(l.name, t.key), a.host.now()
		if reply = reply.Kept(); reply.Failure == nil {
			a.host.answers.put(key, answer{reply, now.Add(ttl)}, int64(200+8*len(reply.Answer)))
		} else if old, ok := a.host.answers.get(key); ok && now.Sub(old.until) < stale {
			reply = old.reply
			a.host.meter.Cache(a.kind, l.about.Lookup.Name, Stale)
		}
	}
	a.desk.Lock()
	defer a.desk.Unlock()
	if l.open[t.key] == t {
		delete(l.open, t.key)
	}
	t.reply = reply
	close(t.done)
}

func (a *account) answerKey(line, key string) answerKey {
	return answerKey{a.rules, newSum(string(a.key[:]), line, key).sum()}
}
