package docs_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing/fstest"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
)

// shop is a destination whose rules say how the account's fields are fetched, and
// how people are found. %s is where its API is.
const shop = `celmap: destination/v1
name: shop
hosts: {api: %s}
portal:
  fields: {request: {method: GET, host: api, url: /fields}, answer: body.fields}
lookups:
  people:
    keys: {max: 100, fold: lower}
    request: {method: GET, host: api, url: /people, params: {email: "=joinText(keys, \",\")", after: =page}}
    pages: body.next
    answer: body.people
    matches: lower(item.email) == key
    gives: item.id
routes: [{to: person}]
requests: {update: {method: POST, host: api, url: /people, envelope: =item}}
`

const person = `celmap: mapping/v1
name: person
ask: {found: {lookup: people, key: input.email}}
send: [{request: update, item: {id: "=found[0]", plan: "=fields.plan == null ? null : input.plan"}}]
`

// perform makes a call that rules ask for.
func perform(call *engine.Call) engine.Answer {
	request, err := http.NewRequest(call.Method, call.URL, bytes.NewReader(call.Body))
	if err != nil {
		log.Fatal(err) // never: the engine has checked it
	}
	for name, v := range call.Headers {
		request.Header.Set(name, v)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return engine.Answer{} // without a status: there was no answer
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 32<<20))
	if err != nil {
		return engine.Answer{}
	}
	answer := engine.Answer{Status: response.StatusCode, Headers: map[string]string{}, Body: body}
	for name := range response.Header {
		answer.Headers[strings.ToLower(name)] = response.Header.Get(name)
	}
	return answer
}

// failed says of an answer why it is none; nil where it is one.
func failed(answer engine.Answer) *engine.LookupFailure {
	if answer.Status/100 == 2 {
		return nil
	}
	return &engine.LookupFailure{Status: answer.Status, Message: http.StatusText(answer.Status), Headers: answer.Headers, Body: answer.Body}
}

// read makes a call and those for its further pages.
func read(call *engine.Call) *engine.LookupFailure {
	for page := call; page != nil; {
		answer := perform(page)
		if failure := failed(answer); failure != nil {
			return failure
		}
		next, err := page.Read(answer)
		if err != nil {
			return &engine.LookupFailure{Status: http.StatusInternalServerError, Message: err.Error()}
		}
		page = next
	}
	return nil
}

// answerAll answers what a batch asks.
func answerAll(connection *engine.Connection, batch *engine.Batch) {
	for questions := batch.Questions(); len(questions) > 0; questions = batch.Questions() {
		for _, q := range questions {
			if q.Lookup.Host {
				batch.Answer(q, engine.Reply{}) // nothing is known here
			}
		}
		for _, call := range connection.Calls(questions) { // many questions in each
			failure := read(call)
			for i, reply := range call.Replies() {
				reply.Failure = failure
				batch.Answer(call.Questions[i], reply)
			}
		}
	}
}

// mapAll maps events, and fetches the data about the account that they need.
func mapAll(program *engine.Program, settings engine.Settings, events []engine.Input) *engine.Output {
	settings.Portal, settings.Unfetched = map[string][]byte{}, map[string]*engine.LookupFailure{}
	for _, name := range program.Portals() {
		if _, _, fetched := program.Portal(name); fetched {
			settings.Unfetched[name] = nil // the rules say how, and it was not done yet
		}
	}
	for {
		connection, err := program.Bind(settings)
		if err != nil {
			log.Fatal(err)
		}
		batch := connection.Plan(events)
		answerAll(connection, batch)
		wanted := false
		for _, name := range batch.Wants() {
			if _, known := settings.Portal[name]; known || settings.Unfetched[name] != nil {
				continue // it was in vain
			}
			wanted = true
			call, err := connection.PortalCall(name)
			if err != nil { // what the settings lack
				settings.Unfetched[name] = &engine.LookupFailure{Status: http.StatusBadRequest, Message: err.Error()}
				continue
			}
			answer := perform(call)
			if failure := failed(answer); failure != nil {
				settings.Unfetched[name] = failure
			} else {
				settings.Portal[name] = answer.Body
			}
		}
		if !wanted {
			return batch.Map()
		}
		batch.Release()
	}
}

// Example_fetch maps events, and asks an API what the rules want to know for that.
func Example_fetch() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers := map[string]string{
			"/fields": `{"fields": {"plan": "text"}}`,
			"/people?email=ann%40example.com%2Cbob%40example.com":         `{"people": [{"id": 7, "email": "Ann@example.com"}], "next": 2}`,
			"/people?email=ann%40example.com%2Cbob%40example.com&after=2": `{"people": [{"id": 8, "email": "bob@example.com"}]}`,
		}
		fmt.Println(r.Method, r.URL)
		io.WriteString(w, answers[r.URL.String()])
	}))
	defer api.Close()
	program, err := engine.Load(fstest.MapFS{
		"destination.yaml": {Data: fmt.Appendf(nil, shop, api.URL)},
		"person.yaml":      {Data: []byte(person)},
	})
	if err != nil {
		log.Fatal(err)
	}

	output := mapAll(program, engine.Settings{}, []engine.Input{
		{Index: 0, JSON: []byte(`{"email": "ann@example.com", "plan": "pro"}`)},
		{Index: 1, JSON: []byte(`{"email": "bob@example.com", "plan": "free"}`)},
	})
	defer output.Release()
	for _, result := range output.Results() {
		body := result.Requests[0].Descriptor.Get("body").Get("JSON")
		fmt.Println(result.Status, string(value.AppendJSON(nil, body.Get("id"))), body.Get("plan").Text())
	}
	// Output:
	// GET /people?email=ann%40example.com%2Cbob%40example.com
	// GET /people?email=ann%40example.com%2Cbob%40example.com&after=2
	// GET /fields
	// GET /people?email=ann%40example.com%2Cbob%40example.com
	// GET /people?email=ann%40example.com%2Cbob%40example.com&after=2
	// mapped 7 pro
	// mapped 8 free
}
