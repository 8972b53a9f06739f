//go:build linux

package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	"pgregory.net/rapid"

	"github.com/celmap/celmap/internal/hubspotstub"
	"github.com/celmap/celmap/internal/rudderserver"
)

// asks tells what the mapping of an event asks HubSpot.
type asks int

const (
	nothing       asks = iota
	itsProperties      // which properties contacts have
	itsContacts        // and which contact it is
)

// event is a kind of event: what it asks at most, and whether it can be delivered.
type event struct {
	name string
	asks asks // of a destination of the new API whose lookup field is not unique
	old  asks // of one of the old API, whose events carry the contact's properties
	good bool // for the new API
	// message is the event of a user, with a number of its own.
	message func(t *rapid.T, user string, n int64) any
}

func traits(t *rapid.T, more map[string]any) map[string]any {
	all := map[string]any{
		"firstName": rapid.SampledFrom([]string{"Ada", "Łukasz", "<script>&\u2028", "민준"}).Draw(t, "first name"),
		"plan":      rapid.SampledFrom([]string{"gold", "Plan \"B\"", `C:\x`, "\u0000"}).Draw(t, "plan"),
		"seats":     rapid.IntRange(-3, 1<<53).Draw(t, "seats"),
		"unknown":   map[string]any{"nested": []any{1, nil, "x"}},
	}
	maps.Copy(all, more)
	return all
}

func identify(user string, n int64, traits any) map[string]any {
	return map[string]any{
		"type": "identify", "channel": "server", "userId": user, "anonymousId": "anon-" + user, "messageId": fmt.Sprintf("m-%d", n),
		"originalTimestamp": "2026-11-20T10:00:00.000Z", "timestamp": "2026-11-23T08:38:35.315Z", "context": map[string]any{}, "traits": traits,
	}
}

// emailOf is the same address for all events of some users, so that records merge.
func emailOf(t *rapid.T, n int64) string {
	return rapid.SampledFrom([]string{"ada@example.test", "ADA@example.test", "bob@example.test", fmt.Sprintf("u%d@example.test", n)}).Draw(t, "email")
}

func codeOf(t *rapid.T) string {
	return rapid.SampledFrom([]string{"k1", "K1", "k2", "k3", "k4", "none", "ø"}).Draw(t, "code")
}

var events = []event{
	{"a contact", itsContacts, itsProperties, true, func(t *rapid.T, user string, n int64) any {
		return identify(user, n, traits(t, map[string]any{"email": emailOf(t, n), "customer_code": codeOf(t)}))
	}},
	{"a contact by its id", itsProperties, itsProperties, true, func(t *rapid.T, user string, n int64) any {
		m := identify(user, n, traits(t, map[string]any{"email": emailOf(t, n)}))
		m["context"] = map[string]any{"externalId": []any{map[string]any{"type": "hsContactId", "id": fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "id"))}}}
		return m
	}},
	{"a contact with custom objects", itsContacts, itsProperties, true, func(t *rapid.T, user string, n int64) any {
		return identify(user, n, traits(t, map[string]any{"email": emailOf(t, n), "customer_code": codeOf(t), "hubspot": map[string]any{
			"contactId": "7", "qualifiedName": "p1_car", "objects": []any{map[string]any{"objectId": "9", "objectType": "car"}},
		}}))
	}},
	{"a contact without an e-mail", itsProperties, itsProperties, false, func(t *rapid.T, user string, n int64) any {
		return identify(user, n, traits(t, nil))
	}},
	{"a contact with no e-mail address", itsProperties, itsProperties, false, func(t *rapid.T, user string, n int64) any {
		return identify(user, n, traits(t, map[string]any{"email": "ada@", "customer_code": "k1"}))
	}},
	{"a contact with a day that there is not", itsContacts, itsProperties, false, func(t *rapid.T, user string, n int64) any {
		return identify(user, n, traits(t, map[string]any{"email": emailOf(t, n), "customer_code": codeOf(t), "signup_date": "30 Feb 2026"}))
	}},
	{"a behavioural event", nothing, itsProperties, true, func(t *rapid.T, user string, n int64) any {
		return map[string]any{"type": "track", "userId": user, "messageId": fmt.Sprintf("m-%d", n), "event": " order completed", "timestamp": "2026-11-23T08:38:35.315Z",
			"context": map[string]any{"traits": map[string]any{"email": emailOf(t, n)}}, "properties": map[string]any{"total": rapid.Float64Range(0, 1e9).Draw(t, "total")}}
	}},
	{"a screen", nothing, itsProperties, true, func(t *rapid.T, user string, n int64) any {
		return map[string]any{"type": "screen", "userId": user, "messageId": fmt.Sprintf("m-%d", n), "name": "Order Completed", "timestamp": "2026-11-23T08:38:35.315Z",
			"context": map[string]any{"traits": map[string]any{"email": emailOf(t, n)}}, "properties": map[string]any{}}
	}},
	{"an event of no name in HubSpot", nothing, itsProperties, false, func(t *rapid.T, user string, n int64) any {
		return map[string]any{"type": "track", "userId": user, "event": "Unheard Of", "context": map[string]any{"traits": map[string]any{"email": emailOf(t, n)}}}
	}},
	{"a page", nothing, nothing, false, func(t *rapid.T, user string, n int64) any {
		return map[string]any{"type": "page", "userId": user, "name": "Home"}
	}},
	{"an alias", nothing, nothing, false, func(t *rapid.T, user string, n int64) any {
		return map[string]any{"type": "alias", "userId": user, "previousId": "x"}
	}},
	{"no event", nothing, nothing, false, func(t *rapid.T, user string, n int64) any {
		return rapid.SampledFrom([]any{map[string]any{}, 7, "identify", nil, []any{map[string]any{"type": "identify"}}, map[string]any{"type": 7},
			map[string]any{"type": "identify", "traits": "none"}, map[string]any{"type": "track", "properties": []any{}}}).Draw(t, "no event")
	}},
}

// place is a destination with an account of its own. Its twin is the same with
// an account in which nothing goes wrong.
type place struct {
	id            string
	kind          string
	account, twin *account
	fault         trouble
}

func (p place) asks(e event) asks {
	switch {
	case p.kind == "no token":
		return nothing
	case p.kind == "upsert":
		return min(e.asks, itsProperties)
	case p.kind == "legacy":
		return e.old
	default:
		return e.asks
	}
}

func (p place) config(token string) map[string]any {
	switch p.kind {
	case "upsert":
		return newAPI(token, "email")
	case "search":
		return newAPI(token, "customer_code")
	case "legacy":
		return legacyAPI(token)
	default:
		c := newAPI(token, "email")
		delete(c, "accessToken")
		return c
	}
}

// trouble is what goes wrong with an account.
type trouble struct {
	path string // what it hits; "" for nothing
	hubspotstub.Fault
	final bool // a job that needs it has to be given up
}

func (f trouble) hits(a asks) bool {
	return f.path == "/properties/" && a >= itsProperties || f.path == "/search" && a >= itsContacts
}

var faults = []trouble{
	{Fault: hubspotstub.Fault{Status: http.StatusUnauthorized, Body: `{"status":"error","message":"made-up: not yours","category":"INVALID_AUTHENTICATION"}`}, final: true},
	{Fault: hubspotstub.Fault{Status: http.StatusForbidden, Body: `{"status":"error","message":"made-up: no scope","category":"MISSING_SCOPES"}`}, final: true},
	{Fault: hubspotstub.Fault{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "3600"}, Body: `{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","policyName":"DAILY"}`}},
	{Fault: hubspotstub.Fault{Status: http.StatusNotFound, Body: `{"status":"error","message":"made-up: what is that?","category":"OBJECT_NOT_FOUND"}`}, final: true},
	{Fault: hubspotstub.Fault{Status: http.StatusFound, Header: map[string]string{"Location": "https://elsewhere.example.test/"}}},
	{Fault: hubspotstub.Fault{Status: 477}},
	{Fault: hubspotstub.Fault{Status: http.StatusNoContent}},
	{Fault: hubspotstub.Fault{Status: http.StatusOK, Body: `{"results":7}`}},
	{Fault: hubspotstub.Fault{Status: http.StatusOK, Body: `{"results":[`}},
	{Fault: hubspotstub.Fault{Status: http.StatusOK}},
}

// What may be over soon is waited for, which takes its time: few batches meet it.
var slowFaults = []trouble{
	{Fault: hubspotstub.Fault{Status: http.StatusInternalServerError, Body: `oh`, Times: 1}},
	{Fault: hubspotstub.Fault{Status: http.StatusBadGateway, Body: `<html>`, Times: 2}},
	{Fault: hubspotstub.Fault{Reset: true, Times: 1}},
	{Fault: hubspotstub.Fault{Status: http.StatusInternalServerError, Body: `oh`}},
	{Fault: hubspotstub.Fault{Status: http.StatusLocked}},
	{Fault: hubspotstub.Fault{Reset: true}},
}

func drawPlaces(t *rapid.T, hub *hubspot) []place {
	places := make([]place, rapid.IntRange(1, 4).Draw(t, "destinations"))
	for i := range places {
		p := &places[i]
		p.id = fmt.Sprintf("dst%d", hub.numbers.Add(1))
		p.kind = rapid.SampledFrom([]string{"upsert", "search", "legacy", "no token"}).Draw(t, "destination")
		p.account, p.twin = hub.open(), hub.open()
		if path := rapid.SampledFrom([]string{"", "/properties/", "/search"}).Draw(t, "trouble with"); path != "" {
			p.fault = rapid.SampledFrom(faults).Draw(t, "trouble")
			if rapid.Uint8().Draw(t, "slow")%64 == 5 {
				p.fault = rapid.SampledFrom(slowFaults).Draw(t, "slow trouble")
			}
			p.fault.path, p.fault.Path = path, path
			p.account.Break(p.fault.Fault)
		}
	}
	return places
}

// drawn is a batch of jobs, for the accounts of its destinations and for their twins.
type drawn struct {
	jobs, twins []rudderserver.Job
	event       map[int64]event
	place       map[int64]place
	compact     bool
}

func drawBatch(t *rapid.T, places []place) drawn {
	d := drawn{event: map[int64]event{}, place: map[int64]place{}, compact: rapid.Bool().Draw(t, "compact")}
	size := rapid.OneOf(rapid.IntRange(1, 8), rapid.IntRange(1, 150)).Draw(t, "jobs")
	users := rapid.IntRange(1, 2*size).Draw(t, "users")
	// Beyond 2^53 a number of JavaScript is another one.
	id := rapid.SampledFrom([]int64{0, 1<<53 - 2, 1 << 60}).Draw(t, "jobs after")
	for range size {
		id += int64(rapid.IntRange(1, 3).Draw(t, "next"))
		user := fmt.Sprintf("u%d", rapid.IntRange(1, users).Draw(t, "user"))
		p := rapid.SampledFrom(places).Draw(t, "to")
		e := rapid.SampledFrom(events).Draw(t, "event")
		message := e.message(t, user, id)
		j := job(id, user, message, destination(p.id, p.config(p.account.token)))
		j.Metadata = drawMetadata(t, j.Metadata)
		twin := j
		twin.Destination = destination(p.id, p.config(p.twin.token))
		d.jobs, d.twins = append(d.jobs, j), append(d.twins, twin)
		d.event[id], d.place[id] = e, p
	}
	return d
}

// drawMetadata varies what has to come back unchanged: rudder-server may be built
// with another JSON library tomorrow.
func drawMetadata(t *rapid.T, m json.RawMessage) json.RawMessage {
	text := string(m)
	if rapid.IntRange(0, 9).Draw(t, "alone") == 0 {
		text = replaceOnce(text, `"dontBatch":false`, `"dontBatch":true`)
	}
	switch rapid.IntRange(0, 4).Draw(t, "metadata") {
	case 0:
		text = replaceOnce(text, `,"secret":null`, ` , "secret" : {"a":[1.50,"\/\u00e9"]},"destInfo":{"x":12345678901234567890}`)
	case 1:
		text = replaceOnce(text, `\u003c\u003c\u003e\u003e`, `<<>>`)
	}
	return json.RawMessage(text)
}

// holds checks everything that has to hold for the answer to a batch in which
// things went wrong, beside the answer for the twins, where nothing did.
func (d drawn) holds(t *rapid.T, troubled, well *rudderserver.Answer) {
	if troubled.Status != http.StatusOK || well.Status != http.StatusOK {
		t.Fatalf("the batch was answered with %d, its twin with %d", troubled.Status, well.Status)
	}
	got, want := troubled.Statuses(), well.Statuses()
	for _, id := range slices.Sorted(maps.Keys(d.event)) {
		e, p := d.event[id], d.place[id]
		good := e.good && p.kind != "no token"
		switch {
		case p.kind == "legacy":
			// The old API takes other events; what it takes is the rules' matter.
		case good && want[id] != http.StatusOK:
			t.Fatalf("job %d, %s to %s, has status %d where nothing goes wrong", id, e.name, p.kind, want[id])
		case !good && want[id]/100 != 4:
			t.Fatalf("job %d, %s to %s, has status %d", id, e.name, p.kind, want[id])
		}
		switch {
		case !p.fault.hits(p.asks(e)):
			if got[id] != want[id] {
				t.Fatalf("job %d, %s to %s, needs nothing that fails (%s %d), and has status %d instead of %d", id, e.name, p.kind, p.fault.path, p.fault.Status, got[id], want[id])
			}
		case want[id]/100 == 4 && got[id]/100 == 4: // rejected before anything was asked, or by what was asked
		case p.fault.Times > 0 && got[id] == want[id]: // it was over in time
		case p.fault.final && got[id]/100 != 4, !p.fault.final && got[id] != http.StatusTooManyRequests && got[id] < 500:
			t.Fatalf("job %d, %s to %s, has status %d when %s fails with %d", id, e.name, p.kind, got[id], p.fault.path, p.fault.Status)
		}
	}
}

// describe lists what became of the jobs, for a failure.
func (d drawn) describe(a *rudderserver.Answer) string {
	var b strings.Builder
	for _, e := range a.Elements {
		fmt.Fprintf(&b, "%d %s\n", e.Status, e.Error)
		for _, id := range e.Jobs {
			i := slices.IndexFunc(d.jobs, func(j rudderserver.Job) bool {
				return strings.Contains(string(j.Metadata), fmt.Sprintf(`"jobId":%d,`, id))
			})
			fmt.Fprintf(&b, "  %d: %s to %s (%s), %.200s\n", id, d.event[id].name, d.place[id].kind, d.place[id].id, d.jobs[i].Metadata)
		}
	}
	return b.String()
}

// deliver plays all that follows: the router tries again until every job is done
// with, from the second round on with the accounts in which nothing goes wrong. It
// delivers itself or through the proxy, and HubSpot answers at random.
func (d drawn) deliver(t *rapid.T, celmap *process, places []place, first *rudderserver.Answer) {
	const tries = 12
	q, err := rudderserver.NewQueue(d.jobs, tries)
	if err != nil {
		t.Fatal(err)
	}
	well := map[string]json.RawMessage{}
	for i, j := range d.jobs {
		well[string(j.Destination)] = d.twins[i].Destination
	}
	round := 0
	proxied := rapid.Bool().Draw(t, "proxied")
	send := func(e *rudderserver.Element, r *rudderserver.Descriptor) map[int64]int {
		reply := replies[0]
		if round < 2 {
			reply = rapid.SampledFrom(replies).Draw(t, "HubSpot's answer")
		}
		if !proxied {
			return map[int64]int{0: max(reply.status, http.StatusOK)}
		}
		for _, p := range places {
			p.account.write.Store(reply.handler(e.Jobs))
			p.twin.write.Store(reply.handler(e.Jobs))
		}
		call, err := rudderserver.NewProxy(1, "hs", e, r)
		if err != nil {
			t.Fatal(err)
		}
		response, err := call.Send(context.Background(), rudderserver.Client, celmap.url)
		if err != nil {
			t.Fatal(err)
		}
		outcomes, err := call.Check(response)
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, call.Body, response.Body)
		}
		statuses := map[int64]int{}
		for id, o := range outcomes {
			if o.DontBatch {
				q.Alone(id)
			}
			statuses[id] = o.Status
		}
		return statuses
	}
	size := rapid.IntRange((len(d.jobs)+3)/4, len(d.jobs)).Draw(t, "jobs a round")
	for answer := first; ; round++ {
		if err := q.Deliver(answer, send); err != nil {
			t.Fatal(err)
		}
		next := q.Pick(size)
		if len(next) == 0 {
			break
		}
		for i, j := range next {
			next[i].Destination = well[string(j.Destination)]
		}
		call, err := rudderserver.NewTransform("hs", next, d.compact)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err = celmap.transform(call); err != nil {
			t.Fatal(err)
		}
		if answer.Status != http.StatusOK {
			t.Fatalf("a round was answered with %d", answer.Status)
		}
	}
	for id, state := range q.States() {
		if state == rudderserver.Waiting {
			t.Fatalf("job %d waits for ever", id)
		}
	}
}

// reply is HubSpot's answer to a delivery. Status 0 breaks the connection.
type reply struct {
	status int
	body   string // JOB is the first job of the delivery
}

// The first is a success; it has the form that every request's answer may have.
var replies = []reply{
	{200, `{"status":"COMPLETE","results":[{"id":"1"}]}`},
	{200, `{"status":"COMPLETE","results":[{"id":"1"}]}`},
	{204, ``},
	{201, `garbage`},
	{207, `{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{"status":"error","category":"VALIDATION_ERROR","message":"made-up: no","context":{"objectWriteTraceId":["JOB"]}}]}`},
	{207, `{"results":[{"id":"1","objectWriteTraceId":"JOB"}],"errors":[{"message":"made-up: somebody"}]}`},
	{400, `{"status":"error","category":"VALIDATION_ERROR","message":"made-up: Property \"plan\" does not exist","errors":[{"code":"PROPERTY_DOESNT_EXIST"}]}`},
	{401, `{"status":"error","category":"INVALID_AUTHENTICATION","message":"made-up"}`},
	{404, `<html>`},
	{409, `{"status":"error","category":"CONFLICT","message":"Contact already exists. Existing ID: 7"}`},
	{423, ``},
	{429, `{"status":"error","errorType":"RATE_LIMIT","policyName":"DAILY","message":"made-up"}`},
	{477, ``},
	{500, `[`},
	{502, `<html>`},
	{0, ``},
}

func (r reply) handler(jobs []int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if r.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		w.WriteHeader(r.status)
		_, _ = w.Write([]byte(strings.Replace(r.body, "JOB", strconv.FormatInt(jobs[0], 10), 1)))
	}
}

var _ = Describe("Batches of any jobs", func() {
	It("are answered job by job, in order, whatever lookups do", func() {
		hub := newHubSpot()
		DeferCleanup(hub.Close)
		celmap := start(GinkgoTB(), hub.connectTo()...)
		rapid.Check(GinkgoT(), func(t *rapid.T) {
			places := drawPlaces(t, hub)
			d := drawBatch(t, places)
			var answers [2]*rudderserver.Answer
			for i, jobs := range [][]rudderserver.Job{d.jobs, d.twins} {
				call, err := rudderserver.NewTransform("hs", jobs, d.compact)
				if err != nil {
					t.Fatal(err)
				}
				if answers[i], err = celmap.transform(call); err != nil {
					t.Fatalf("%v\n%s", err, d.describe(answers[i]))
				}
			}
			d.holds(t, answers[0], answers[1])
			d.deliver(t, celmap, places, answers[0])
		})
		breaches, err := celmap.metric("celmap_invariant_breaches_total")
		if err == nil && breaches > 0 {
			Fail(fmt.Sprintf("%v jobs broke the rule that each is answered once", breaches))
		}
	})
})

// replaceOnce fails where there is nothing to replace.
func replaceOnce(text, old, new string) string {
	before, after, found := strings.Cut(text, old)
	if !found {
		panic(old + " is not in " + text)
	}
	return before + new + after
}
