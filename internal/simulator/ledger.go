package simulator

import (
	"io"
	"sync"
)

// ledger keeps lines of NDJSON in the order in which they came, the last ones
// where they are too many to keep. It is safe for concurrent use.
type ledger struct {
	most int // bytes

	mu      sync.Mutex
	chunks  []chunk // only the last one grows
	size    int
	lines   uint64 // ever
	dropped uint64
}

type chunk struct {
	text  []byte
	lines uint64
}

// chunkSize is how much of a ledger is dropped together.
const chunkSize = 256 << 10

func newLedger(most int) *ledger { return &ledger{most: most} }

// add appends a line, which ends with its line break.
func (l *ledger) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.chunks) - 1
	if last < 0 || len(l.chunks[last].text)+len(line) > cap(l.chunks[last].text) {
		l.chunks = append(l.chunks, chunk{text: make([]byte, 0, max(chunkSize, len(line)))})
		last++
	}
	c := &l.chunks[last]
	c.text = append(c.text, line...)
	c.lines++
	l.lines++
	l.size += len(line)
	for l.size > l.most && len(l.chunks) > 1 {
		l.size -= len(l.chunks[0].text)
		l.dropped += l.chunks[0].lines
		l.chunks[0] = chunk{}
		l.chunks = l.chunks[1:]
	}
}

// counts returns how many lines were added, and how many of them are gone.
func (l *ledger) counts() (added, dropped uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines, l.dropped
}

// WriteTo writes the lines that are kept. What is added meanwhile may be missing.
func (l *ledger) WriteTo(w io.Writer) (int64, error) {
	l.mu.Lock()
	texts := make([][]byte, len(l.chunks))
	for i, c := range l.chunks {
		texts[i] = c.text // what is in it does not change
	}
	l.mu.Unlock()
	sent := int64(0)
	for _, text := range texts {
		n, err := w.Write(text)
		sent += int64(n)
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}
