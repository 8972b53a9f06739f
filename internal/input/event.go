package input

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// event returns the event that begins with c: a line or, where it is
// pretty-printed, several. If it turns out to be a batch, the reader enters
// that instead, and event returns false.
func (r *Reader) event(c byte) (Item, bool) {
	item := Item{Line: r.line}
	object := c == '{'
	n, whole := r.measure(newline, object)
	if r.list.state != outside {
		return Item{}, false
	}
	if whole && object && goesOn(r.rest()[:n]) {
		if n, whole = r.measure((&bounds{fenced: true}).scan, true); r.list.state != outside {
			return Item{}, false
		}
	}
	return r.take(item, n, whole), true
}

// newline finds the end of a line.
func newline(p []byte) (n int, done bool) {
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		return i, true
	}
	return len(p), false
}

// goesOn reports whether a line of an object is followed by more of it. What
// prints JSON in several lines breaks them behind brackets, commas and colons;
// a line that is cut off elsewhere takes no further line with it.
func goesOn(line []byte) bool {
	line = trimmed(line)
	if bytes.IndexByte([]byte("{[,:"), line[len(line)-1]) < 0 {
		return false
	}
	_, complete := new(bounds).scan(line)
	return !complete
}

func trimmed(p []byte) []byte { return bytes.TrimRight(p, " \t\r\n") }

// element returns the element of a list that begins here.
func (r *Reader) element() Item {
	item := Item{Line: r.line}
	b := new(bounds)
	n, whole := r.measure(b.scan, false)
	if b.cut() { // the input ends in it, and one item that says so is enough
		r.list.state = outside
	}
	return r.take(item, n, whole)
}

// measure returns the length of the event that begins here, as far as the
// input goes. An event beyond the limit is dropped as it is read: then whole is
// false, and only its last n bytes are left. With batches it enters the list of
// a batch as soon as it sees that the event is one.
func (r *Reader) measure(find func(p []byte) (n int, done bool), batches bool) (n int, whole bool) {
	whole = true
	for searched := 0; ; {
		size, ended := find(r.rest()[n:])
		n += size
		ended = ended || !r.more()
		if batches && whole && (ended || n > r.limit || n >= 2*searched) { // at each piece it would be quadratic
			if head := batchHead(r.rest()[:n]); head > 0 {
				r.enter(head, true)
				return 0, true
			}
			searched = n
		}
		if ended {
			return n, whole && n <= r.limit
		}
		if n > r.limit {
			r.skip(n)
			n, whole = 0, false
		}
	}
}

// take uses up the n bytes of an event.
func (r *Reader) take(item Item, n int, whole bool) Item {
	if whole {
		item.JSON = trimmed(r.rest()[:n])
	} else {
		item.Problem = &Problem{TooLarge: true, Message: fmt.Sprintf(
			"the event has more than %d bytes, which is the most that is accepted: send less data in one event", r.limit)}
	}
	r.skip(n)
	return item
}

// enter begins a list, whose first element may stand n bytes further.
func (r *Reader) enter(n int, batch bool) {
	r.list = list{state: opened, line: r.line, batch: batch}
	r.skip(n)
}

// leave ends a list at its bracket, and a batch with the object around it. It
// returns false where what is left of that object is no JSON.
func (r *Reader) leave() bool {
	r.skip(1)
	r.list.state = outside
	if !r.list.batch {
		return true
	}
	n, whole := r.measure((&bounds{depth: 1}).scan, false)
	object := append([]byte(`{"batch":[]`), r.rest()[:n]...)
	r.skip(n)
	return whole && json.Valid(object)
}

// problem returns an item that stands for a fault of a list.
func (r *Reader) problem(message string, args ...any) Item {
	return Item{Line: r.line, Problem: &Problem{Message: fmt.Sprintf(message, args...)}}
}
