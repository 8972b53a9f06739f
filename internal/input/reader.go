// Package input reads streams of events: one JSON object a line, JSON arrays,
// {"batch": […]} objects, pretty-printed objects one after another, and all of
// them compressed with gzip.
//
// It only finds where an event begins and ends. What is inside is read by
// whoever maps it, so a broken event costs its neighbours nothing. Memory stays
// flat: one event and a buffer are held, whatever the size of the stream.
package input

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

// DefaultLimit is the most bytes that one event may have.
const DefaultLimit = 4 << 20

// Item is one event of a stream, or what stands where one should be.
type Item struct {
	Index   int      // from 0, across all sources
	Source  string   // name of the source it comes from
	Line    int      // on which it begins there, from 1
	JSON    []byte   // what stands there, valid until the next call of Next; may be no JSON
	Problem *Problem // instead of JSON
}

// Problem says why nothing can be handed out.
type Problem struct {
	TooLarge bool   // it is longer than the limit; else it is no JSON
	Message  string // what was found, and what to do
}

// Reader reads the events of its sources, in order.
type Reader struct {
	limit   int
	sources []Source
	index   int
	open    io.Closer // the source that is being read, nil between two
	name    string
	window
	list list
}

// list is where the reader stands in an array or batch.
type list struct {
	state state
	line  int  // on which it begins
	batch bool // it stands in an object
}

// state is what may come next.
type state uint8

const (
	outside state = iota // an event, or a list of them
	opened               // the first element of a list, or its end
	element              // a further element
	comma                // a comma, or the end of the list
)

// NewReader returns a reader of the sources, one after another, that refuses
// events of more than limit bytes (DefaultLimit if it is not positive).
func NewReader(limit int, sources ...Source) *Reader {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Reader{limit: limit, sources: sources}
}

// Next returns the next item, and io.EOF after the last. Any other error names
// the source that could not be read, and ends the reading.
func (r *Reader) Next() (Item, error) {
	for {
		if r.open == nil {
			if len(r.sources) == 0 {
				return Item{}, io.EOF
			}
			if err := r.begin(r.sources[0]); err != nil {
				r.Close()
				return Item{}, err
			}
			r.sources = r.sources[1:]
		}
		item, ok := r.read()
		if r.failed != nil { // an event that it cut off is none
			r.Close()
			return Item{}, fmt.Errorf("%s cannot be read behind line %d: %w", r.name, r.line, r.failed)
		}
		if ok {
			item.Index, item.Source = r.index, r.name
			r.index++
			return item, nil
		}
		r.Close()
	}
}

// Ready reports whether something behind the last item has been read already.
// If not, Next may have to wait for it.
func (r *Reader) Ready() bool { return space(r.rest()) < len(r.rest()) }

// Close ends the reading.
func (r *Reader) Close() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}

func (r *Reader) begin(s Source) error {
	source, err := s.open()
	if err != nil {
		return err
	}
	r.open, r.name, r.list = source, s.Name, list{}
	plain, err := decompress(source)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", s.Name, damage(err))
	}
	r.window = newWindow(plain, r.buf)
	switch mark := r.peek(3); {
	case bytes.HasPrefix(mark, []byte("\xef\xbb\xbf")):
		r.skip(len(mark))
	case bytes.HasPrefix(mark, []byte("\xff\xfe")), bytes.HasPrefix(mark, []byte("\xfe\xff")):
		return fmt.Errorf("%s is in UTF-16, and JSON is UTF-8: convert it with `iconv -f UTF-16 -t UTF-8`", s.Name)
	}
	return nil
}

// read returns the next item of the open source, and false at its end.
func (r *Reader) read() (Item, bool) {
	for {
		c, more := r.next()
		switch {
		case r.list.state == outside:
			if !more {
				return Item{}, false
			}
			if c != '[' {
				if item, ok := r.event(c); ok {
					return item, true
				}
				continue
			}
			r.enter(1, false)
		case !more:
			r.list.state = outside
			return r.problem("the input ends inside of the list that begins on line %d: it may be cut off; send all of it", r.list.line), true
		case c == ']':
			dangling := r.list.state == element
			if !r.leave() {
				return r.problem(`what follows the list "batch" is no JSON: give {"batch": [events]}`), true
			}
			if dangling {
				return r.problem("found a comma before the end of the list: remove it"), true
			}
		case r.list.state == comma && c != ',':
			r.list.state = element
			found, _ := utf8.DecodeRune(r.rest())
			return r.problem("found %q behind an event of a list, expected a comma: add it", found), true
		case r.list.state == comma:
			r.skip(1)
			r.list.state = element
		case c == ',':
			r.skip(1)
			r.list.state = element
			return r.problem("found a comma where an event of a list should be: remove it"), true
		default:
			r.list.state = comma
			return r.element(), true
		}
	}
}
