package simulator

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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

// Faults says which trouble there is, for portals that meet any.
type Faults struct {
	Weights map[FaultKind]float64 `json:"weights"` // how often a kind comes, beside the others; default 1 each, 0 leaves it out
	Slow    Duration              `json:"slow"`    // the longest delay; default 2s
}

// complete fills in defaults, and finds kinds that there are not.
func (f *Faults) complete() error {
	if !f.Slow.Given {
		f.Slow = Duration{2 * time.Second, true}
	}
	for kind, weight := range f.Weights {
		if !slices.Contains(FaultKinds, kind) {
			return &PortalError{"/faults/weights/" + string(kind), fmt.Sprintf("there is no such kind of trouble; there are %s", strings.Trim(fmt.Sprint(FaultKinds), "[]"))}
		}
		if weight < 0 {
			return &PortalError{"/faults/weights/" + string(kind), fmt.Sprintf("%v is below 0; 0 leaves the kind out", weight)}
		}
	}
	return nil
}

func newFaultPlan(p *Portal, o Options) *faultPlan {
	return &faultPlan{rate: o.Faults, seed: o.Seed, weights: p.Faults.Weights, slow: p.Faults.Slow.Duration}
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

// instead returns what is answered in place of an answer, and the trouble that it
// is; nil is a reset of the connection. The answer is nil where the call was not
// worked out.
func (f fault) instead(c *call, a *answer) (*answer, fault) {
	plain := func(status int, contentType, body string) *answer {
		return &answer{status: status, header: http.Header{"Content-Type": {contentType}}, body: []byte(body)}
	}
	switch f.kind {
	case FaultLocked:
		a = c.problem(http.StatusLocked, problem{Message: "The resource is locked because of a high volume of requests. Try again in 2 seconds."})
	case FaultMigrating:
		a = c.problem(477, problem{Message: "This account is being moved to another data center."})
		a.header = http.Header{"Retry-After": {strconv.Itoa(f.after)}}
	case FaultInternal:
		a = c.problem(http.StatusInternalServerError, problem{Message: "internal error"})
	case FaultBadGateway:
		a = c.problem(http.StatusBadGateway, problem{Message: "Bad Gateway"})
	case FaultUnavailable:
		a = c.problem(http.StatusServiceUnavailable, problem{Message: "Service Unavailable"})
	case FaultTimeout:
		a = c.problem(http.StatusGatewayTimeout, problem{Message: "Gateway Timeout"})
	case FaultSlowOrigin:
		a = plain(524, "text/plain; charset=UTF-8", "error code: 524")
	case FaultHTML:
		a = plain(http.StatusBadGateway, "text/html", errorPage)
	case FaultResetBefore, FaultResetAfter:
		a = nil
	case FaultTruncated:
		if len(a.body) == 0 { // nothing to cut: the answer is lost as a whole
			a, f.kind = nil, FaultResetAfter
		}
	case FaultEmpty:
		status := http.StatusOK
		if strings.HasSuffix(c.route.path, "/create") {
			status = http.StatusCreated
		}
		at := c.now.Format("2006-01-02T15:04:05.000Z")
		a = jsonAnswer(status, map[string]any{"status": "COMPLETE", "results": []string{}, "errors": []string{}, "requestedAt": at, "startedAt": at, "completedAt": at})
	case FaultLostTrace:
		without := withoutTraces(a.body)
		if len(without) == len(a.body) { // there were none to lose
			return a, fault{}
		}
		a = &answer{status: a.status, header: a.header, body: without}
	}
	return a, f
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
	var answer map[string]jsontext.Value
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
