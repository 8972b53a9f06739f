// Package golden reads fixtures, runs them, compares what comes out with what
// they say, and rewrites what they say when a rule was changed on purpose.
//
// A fixture is one YAML file that holds one case: a destination's config, one
// or several events, and what must come of them. Its file name is a sentence.
package golden

import (
	"path"
	"strings"
	"time"

	"github.com/celmap/celmap/engine/source"
	"github.com/celmap/celmap/engine/value"
)

// Header is the first entry of every fixture.
const Header = "fixture/v1"

// DefaultNow is the time at which a fixture runs that does not say when.
var DefaultNow = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// Case is one fixture, read and checked.
type Case struct {
	File        string // as it was found, with slashes
	Destination string
	Doc         string
	Config      []byte            // JSON object
	Portal      map[string][]byte // JSON by the name of the portal data
	Lookups     map[string][]byte // JSON by the name of the lookup
	Now         time.Time
	Events      [][]byte // JSON texts, as written; they may be invalid on purpose
	Answer      *Answer  // nil if the case is not about an answer

	single   bool         // one event, under `event`
	root     *source.Node // the file
	config   *source.Node // what Config was read from; nil for none
	expected *value.Node  // object of the expectations that are not empty
}

// Answer is what an API answers to one of the requests.
type Answer struct {
	Request int // counted over all requests, from 0
	Status  int
	Headers map[string]string // names in lower case
	Body    []byte
}

// Sentence returns the name of a case from that of its file.
func Sentence(file string) string {
	base := path.Base(file)
	return strings.TrimSuffix(base, path.Ext(base))
}

// The keys of expectations, in the order in which they are written. The first
// three say what became of one event.
const (
	keyRequests = "requests"
	keyRejected = "rejected"
	keyFiltered = "filtered"
	keyWarnings = "warnings"
	keyResults  = "results"
	keyBatches  = "batches"
	keyOutcomes = "outcomes"
)

var (
	stateKeys       = []string{keyRequests, keyRejected, keyFiltered}
	expectationKeys = append(stateKeys[:3:3], keyWarnings, keyResults, keyBatches, keyOutcomes)
)
