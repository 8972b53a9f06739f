package simulator

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// FaultKind is a kind of trouble, by the name that portal files and the list of
// requests have for it.
type FaultKind string

// The kinds of trouble. Those that end in an answer of HubSpot's own, or that of
// what stands before it, have not written anything unless it is said.
const (
	FaultLocked      FaultKind = "locked"       // 423, for 2 s
	FaultMigrating   FaultKind = "migrating"    // 477 with Retry-After
	FaultInternal    FaultKind = "500"          //
	FaultBadGateway  FaultKind = "502"          //
	FaultUnavailable FaultKind = "503"          //
	FaultTimeout     FaultKind = "504"          // may have written: the gateway does not know either
	FaultSlowOrigin  FaultKind = "524"          // may have written
	FaultHTML        FaultKind = "html"         // a 502 with a page for people
	FaultResetBefore FaultKind = "reset-before" // the connection breaks, nothing is written
	FaultResetAfter  FaultKind = "reset-after"  // the connection breaks, all is written
	FaultTruncated   FaultKind = "truncated"    // all is written, the answer ends in its middle
	FaultEmpty       FaultKind = "empty"        // a batch is answered with 2xx and no results, and nothing is written
	FaultLostTrace   FaultKind = "lost-trace"   // the errors of a batch lack their objectWriteTraceId
	FaultSlow        FaultKind = "slow"         // the answer is right, and late
)

// FaultKinds lists all kinds, in the order of docs/simulator.md.
var FaultKinds = []FaultKind{
	FaultLocked, FaultMigrating, FaultInternal, FaultBadGateway, FaultUnavailable, FaultTimeout, FaultSlowOrigin, FaultHTML,
	FaultResetBefore, FaultResetAfter, FaultTruncated, FaultEmpty, FaultLostTrace, FaultSlow,
}

// fault is the trouble of one request. The zero fault is none.
type fault struct {
	kind    FaultKind
	commits bool          // what was asked for is done all the same
	delay   time.Duration // before the answer
	after   int           // seconds in Retry-After
	cut     float64       // share of the answer that is sent
	breaks  bool          // a cut answer announces its full length and the connection breaks
}

// faultPlan says which request meets which trouble. It is a function of the seed
// and the request's number alone, so that a run can be repeated.
type faultPlan struct {
	rate    float64 // share of the requests
	seed    uint64
	weights map[FaultKind]float64 // 1 where a kind is not named
	slow    time.Duration         // the longest delay
}

// migratingFor is the longest Retry-After of a 477, in seconds. HubSpot's may be a
// day; a test has to see its end.
const migratingFor = 3

// draw returns the trouble of a request. Only writes of batches whose answer tells
// of each input can meet the kinds that are about their answers.
func (p *faultPlan) draw(number uint64, batchWrite bool) fault {
	if p.rate <= 0 {
		return fault{}
	}
	random := rand.New(rand.NewPCG(p.seed, number))
	if random.Float64() >= p.rate {
		return fault{}
	}
	f := fault{kind: p.kind(random.Float64(), batchWrite)}
	switch f.kind {
	case FaultMigrating:
		f.after = 1 + random.IntN(migratingFor)
	case FaultTimeout, FaultSlowOrigin:
		f.commits = random.IntN(2) == 0
	case FaultTruncated:
		f.commits, f.cut, f.breaks = true, random.Float64(), random.IntN(2) == 0
	case FaultResetAfter, FaultLostTrace:
		f.commits = true
	case FaultSlow:
		f.commits, f.delay = true, time.Duration(random.Float64()*float64(p.slow))
	}
	return f
}

// kind picks a kind by its weight.
func (p *faultPlan) kind(at float64, batchWrite bool) FaultKind {
	weight := func(k FaultKind) float64 {
		if !batchWrite && (k == FaultEmpty || k == FaultLostTrace) {
			return 0
		}
		if w, named := p.weights[k]; named {
			return w
		}
		return 1
	}
	sum := 0.0
	for _, k := range FaultKinds {
		sum += weight(k)
	}
	at *= sum
	picked := FaultKind("") // none where all weigh nothing
	for _, k := range FaultKinds {
		if w := weight(k); w > 0 {
			if picked = k; at < w {
				break
			}
			at -= w
		}
	}
	return picked
}

// errorPage is what stands before an API answers while the API does not.
const errorPage = `<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>
`

// withoutTraces removes the trace ids from the errors of a batch's answer.
func withoutTraces(body []byte) []byte {
	if !bytes.Contains(body, []byte(`"objectWriteTraceId"`)) {
		return body
	}
	var answer map[string]json.RawMessage
	var errors []map[string]any
	if json.Unmarshal(body, &answer) != nil || json.Unmarshal(answer["errors"], &errors) != nil {
		return body
	}
	for _, e := range errors {
		if context, ok := e["context"].(map[string]any); ok {
			delete(context, "objectWriteTraceId")
		}
	}
	answer["errors"], _ = json.Marshal(errors) // it was JSON before
	changed, err := json.Marshal(answer)
	if err != nil {
		return body
	}
	return changed
}

// reset breaks the connection of a request, so that its client reads "connection
// reset by peer" and not the orderly end of a connection.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 or a test's recorder: the stream is reset
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // if it is closed already, it needs none
	}
	_ = connection.Close()
}

// truncate sends the beginning of an answer.
func (f fault) truncate(w http.ResponseWriter, status int, body []byte) {
	cut := int(f.cut * float64(len(body)))
	announced := cut
	if f.breaks {
		announced = len(body)
	}
	w.Header().Set("Content-Length", strconv.Itoa(announced))
	w.WriteHeader(status)
	_, _ = w.Write(body[:cut]) // who has gone needs none
	if f.breaks {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}
