package send

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Tally counts what a sender does: for the line of progress, the table at the end,
// the report and metrics. It is safe for concurrent use.
type Tally struct {
	mu     sync.Mutex
	f      Figures
	dead   map[deadKey]*DeadFigure
	pause  *Pause
	recent []sample
}

type deadKey struct {
	reason Reason
	code   string
	rule   string
}

// sample is how much was finished at a time; the rate is that of the last ones.
type sample struct {
	at       time.Time
	finished int64
}

// Figures are what a sender has done since it began. Its JSON is the report of
// celmap send (--report).
type Figures struct {
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Seconds float64   `json:"seconds"`
	Rate    float64   `json:"rate"` // events finished a second

	Events   EventFigures     `json:"events"`
	Filtered map[string]int64 `json:"filtered"` // events by the reason of the rules
	Dead     []DeadFigure     `json:"dead"`     // most frequent first
	Requests RequestFigures   `json:"requests"`

	Waited map[string]float64 `json:"waited"` // seconds that requests waited, by what for; those that wait together count each
	Pauses []Pause            `json:"pauses"` // of the destination as a whole
}

// EventFigures are events by what became of them. What was in the queue already when
// the sender began is finished, too, so that Finished may be more than Stored.
type EventFigures struct {
	Read      int64 `json:"read"`    // from files, standard input and HTTP
	Skipped   int64 `json:"skipped"` // of them, stored by an earlier run
	Stored    int64 `json:"stored"`  // of them, put into the queue by this one
	Delivered int64 `json:"delivered"`
	Filtered  int64 `json:"filtered"`
	Dead      int64 `json:"dead"`
	Left      int64 `json:"left"`     // in the queue at the end
	Warnings  int64 `json:"warnings"` // about delivered events
	Retried   int64 `json:"retried"`  // times that an event was put back to be sent again
}

// Finished is how many events left the queue.
func (e EventFigures) Finished() int64 { return e.Delivered + e.Filtered + e.Dead }

// DeadFigure is the dead letters of one code of one rule.
type DeadFigure struct {
	Reason  Reason  `json:"reason"`
	Code    string  `json:"code"`
	Count   int64   `json:"count"`
	Rule    string  `json:"rule,omitempty"`
	Line    string  `json:"line,omitempty"`
	Example Example `json:"example"` // the first
}

// Example is one dead letter.
type Example struct {
	ID        string `json:"id"` // for celmap dead show
	MessageID string `json:"messageId,omitempty"`
	Origin    string `json:"origin,omitempty"`
	Message   string `json:"message"`
}

// RequestFigures are requests to the API, those of lookups not included.
type RequestFigures struct {
	Total    int64            `json:"total"`
	Items    int64            `json:"items"`    // events that they carried
	Again    int64            `json:"again"`    // that carried events which had been sent before
	Limited  int64            `json:"limited"`  // answered with 429
	ByStatus map[string]int64 `json:"byStatus"` // "none": no answer
	Seconds  float64          `json:"seconds"`  // that they took together
}

// Pause is a time in which nothing is sent at all.
type Pause struct {
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	Reason  string    `json:"reason"` // for people, with what to do
}

// NewTally returns a tally that begins now.
func NewTally() *Tally {
	now := time.Now()
	return &Tally{
		f: Figures{Started: now, Filtered: map[string]int64{}, Waited: map[string]float64{},
			Requests: RequestFigures{ByStatus: map[string]int64{}}},
		dead:   map[deadKey]*DeadFigure{},
		recent: []sample{{at: now}},
	}
}

// Read counts events that were read, and those of them that an earlier run had stored.
func (t *Tally) Read(events, skipped int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.f.Events.Read += int64(events)
	t.f.Events.Skipped += int64(skipped)
	t.f.Events.Stored += int64(events - skipped)
}

// Delivered counts events that the API took, and warnings about them.
func (t *Tally) Delivered(events, warnings int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.f.Events.Delivered += int64(events)
	t.f.Events.Warnings += int64(warnings)
}

// Filtered counts an event that the rules leave out.
func (t *Tally) Filtered(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.f.Events.Filtered++
	if _, known := t.f.Filtered[reason]; !known && len(t.f.Filtered) >= mostKinds {
		reason = "other"
	}
	t.f.Filtered[reason]++
}

// mostKinds bounds what is told apart: reasons, codes and rules may be made of data.
const mostKinds = 200

// Dead counts a dead letter. id, messageID and origin name it where it is the example.
func (t *Tally) Dead(id, messageID, origin string, n Note) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.f.Events.Dead++
	key := deadKey{n.Reason, n.Code, n.Rule}
	d := t.dead[key]
	if d == nil {
		if len(t.dead) >= mostKinds {
			key = deadKey{n.Reason, "other", ""}
			n.Rule, n.Line = "", ""
		}
		if d = t.dead[key]; d == nil {
			d = &DeadFigure{Reason: n.Reason, Code: key.code, Rule: n.Rule, Line: n.Line,
				Example: Example{ID: id, MessageID: messageID, Origin: origin, Message: n.Message}}
			t.dead[key] = d
		}
	}
	d.Count++
}

// Requested counts a request: its status (0: no answer), the events that it carried, whether they had
// been sent before, and how long it took.
func (t *Tally) Requested(status, events int, again bool, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.f.Requests
	r.Total++
	r.Items += int64(events)
	if again {
		r.Again++
	}
	if status == 429 {
		r.Limited++
	}
	r.ByStatus[statusName(status)]++
	r.Seconds += took.Seconds()
}

func statusName(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status)
}

// Retried counts events that are put back to be sent again.
func (t *Tally) Retried(events int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.f.Events.Retried += int64(events)
}

// UnderWay is the name of the wait for other requests to end.
const UnderWay = "requests under way"

// Waited counts the time that a request waited for what has this name, such as a
// limit, or UnderWay.
func (t *Tally) Waited(name string, d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.f.Waited[name] += d.Seconds()
}

// Pause notes that nothing is sent from now on, and why, for people.
func (t *Tally) Pause(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pause != nil {
		t.pause.Reason = reason
		return
	}
	t.pause = &Pause{Began: time.Now(), Reason: reason}
}

// Resume ends a pause. It is fine where there is none.
func (t *Tally) Resume() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pause == nil {
		return
	}
	t.f.Pauses = append(t.f.Pauses, t.pause.until(time.Now()))
	if len(t.f.Pauses) > mostKinds {
		t.f.Pauses = slices.Delete(t.f.Pauses, 0, 1)
	}
	t.pause = nil
}

func (p *Pause) until(now time.Time) Pause {
	return Pause{Began: p.Began, Seconds: now.Sub(p.Began).Seconds(), Reason: p.Reason}
}

// Paused returns why nothing is sent now, and "" if it is not so.
func (t *Tally) Paused() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pause == nil {
		return ""
	}
	return t.pause.Reason
}

// Figures returns what was counted so far; left is what the queue has yet.
func (t *Tally) Figures(left int64) Figures {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, now := t.f, time.Now()
	f.Ended, f.Seconds, f.Events.Left = now, now.Sub(f.Started).Seconds(), left
	if f.Seconds > 0 {
		f.Rate = float64(f.Events.Finished()) / f.Seconds
	}
	f.Filtered, f.Waited, f.Requests.ByStatus = maps.Clone(f.Filtered), maps.Clone(f.Waited), maps.Clone(f.Requests.ByStatus)
	f.Pauses = slices.Clone(f.Pauses)
	if t.pause != nil {
		f.Pauses = append(f.Pauses, t.pause.until(now))
	}
	f.Dead = make([]DeadFigure, 0, len(t.dead))
	for _, d := range t.dead {
		f.Dead = append(f.Dead, *d)
	}
	slices.SortFunc(f.Dead, func(a, b DeadFigure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Rule, b.Rule))
	})
	return f
}

// Rate is how many events a second were finished lately. It is asked about every
// second, by one caller.
func (t *Tally) Rate() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := sample{time.Now(), t.f.Events.Finished()}
	t.recent = append(t.recent, now)
	if old := len(t.recent) - lately; old > 0 {
		t.recent = slices.Delete(t.recent, 0, old)
	}
	first := t.recent[0]
	span := now.at.Sub(first.at).Seconds()
	if span <= 0 {
		return 0
	}
	return float64(now.finished-first.finished) / span
}

// lately is how many calls of Rate back it looks.
const lately = 10
