package docs_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"log"
	"time"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

// load compiles a built-in destination, once.
func load(name string) *engine.Program {
	rules, err := fs.Sub(mappings.FS, name) // or os.DirFS(folder)
	if err != nil {
		log.Fatal(err)
	}
	events, err := fs.Sub(schemas.FS, "events")
	if err != nil {
		log.Fatal(err)
	}
	program, err := engine.Load(rules, engine.WithName("mappings/"+name), engine.WithEvents("rudderstack", events))
	if err != nil {
		log.Fatal(err) // source.Diagnostics: every mistake, each with its place
	}
	return program
}

// search stands for a request to the API: it finds one contact.
func search(*engine.Question) engine.Reply {
	return engine.Reply{Answer: []byte(`[{"id": "512"}]`)}
}

// Example_deliver maps events together, answers what the rules ask, and says
// what becomes of each event after the API has answered.
func Example_deliver() {
	program := load("hubspot")
	connection, err := program.Bind(engine.Settings{
		Config: []byte(`{"authorizationType": "newPrivateAppApi", "accessToken": "made-up", "apiVersion": "newApi", "lookupField": "phone"}`),
		Now:    time.Date(2024, 3, 5, 10, 0, 0, 0, time.UTC),
	})
	if err != nil {
		log.Fatal(err)
	}

	batch := connection.Plan([]engine.Input{
		{Index: 0, JSON: []byte(`{"type": "identify", "messageId": "m-1", "traits": {"phone": "+4930", "city": "Berlin"}}`)},
		{Index: 1, JSON: []byte(`{"type": "page", "messageId": "m-2"}`)},
	})
	for questions := batch.Questions(); len(questions) > 0; questions = batch.Questions() {
		for _, q := range questions { // by q.Lookup, q.With and q.Key; many keys fit into one request
			batch.Answer(q, search(q))
		}
	}
	output := batch.Map()
	defer output.Release() // gives the memory back; copy what you keep

	for _, element := range output.Elements() {
		if element.Status != engine.Mapped {
			fmt.Println(element.MessageID, element.Status, element.Error.Code)
			continue
		}
		for i := range element.Requests {
			request := &element.Requests[i]
			fmt.Println(request.Descriptor.Get("method").Text(), request.Descriptor.Get("endpoint").Text())
			outcomes, err := output.Judge(request, engine.Answer{Status: 429, Body: []byte(`{"policyName": "SECONDLY"}`)})
			if err != nil {
				log.Fatal(err)
			}
			for _, o := range outcomes {
				fmt.Println(o.MessageID, o.Do, o.After)
			}
		}
	}
	// Output:
	// POST https://api.hubapi.com/crm/v3/objects/contacts/batch/update
	// m-1 retry 1s
	// m-2 rejected device_mode_only
}

// ask makes a request of the API. This one stands for it.
func ask(call *engine.Call) engine.Answer {
	fmt.Println(call.Method, call.URL)
	if call.Questions == nil {
		return engine.Answer{Status: 200, Body: []byte(`{"results": [{"name": "phone", "type": "string", "modificationMetadata": {"readOnlyValue": false}}]}`)}
	}
	return engine.Answer{Status: 200, Body: []byte(`{"results": [{"id": "512", "properties": {"phone": "+4930"}}]}`)}
}

// Example_ask lets the rules make the requests of what they ask, and read the answers.
func Example_ask() {
	program := load("hubspot")
	settings := engine.Settings{
		Config: []byte(`{"authorizationType": "newPrivateAppApi", "accessToken": "made-up", "apiVersion": "newApi", "lookupField": "phone"}`),
		Portal: map[string][]byte{}, Unfetched: map[string]*engine.LookupFailure{},
	}
	for _, name := range program.Portals() {
		if _, _, fetched := program.Portal(name); fetched {
			settings.Unfetched[name] = nil // in place of what is built in
		}
	}
	events := []engine.Input{{JSON: []byte(`{"type": "identify", "traits": {"phone": "+4930", "vip": true}}`), Metadata: []byte(`{"jobId": 1}`)}}

	connection, err := program.Bind(settings)
	if err != nil {
		log.Fatal(err)
	}
	batch := connection.Plan(events)
	for wants := batch.Wants(); len(wants) > 0; wants = batch.Wants() {
		batch.Release()
		for _, name := range wants {
			call, err := connection.PortalCall(name)
			if err != nil {
				log.Fatal(err)
			}
			settings.Portal[name] = ask(call).Body
		}
		if connection, err = program.Bind(settings); err != nil {
			log.Fatal(err)
		}
		batch = connection.Plan(events)
	}
	for questions := batch.Questions(); len(questions) > 0; questions = batch.Questions() {
		for _, call := range connection.Calls(questions) {
			for page := call; page != nil; {
				if page, err = page.Read(ask(page)); err != nil {
					log.Fatal(err) // or a Reply with a Failure for each of call.Questions
				}
			}
			for i, reply := range call.Replies() {
				batch.Answer(call.Questions[i], reply)
			}
		}
	}
	output := batch.Map()
	defer output.Release()
	for _, result := range output.Results() {
		fmt.Println(result.Requests[0].Descriptor.Get("endpoint").Text())
	}
	fmt.Println(batch.Misses())
	// Output:
	// GET https://api.hubapi.com/crm/v3/properties/contacts
	// POST https://api.hubapi.com/crm/v3/objects/contacts/search
	// https://api.hubapi.com/crm/v3/objects/contacts/batch/update
	// map[contactProperties:[vip]]
}

// Example_recognize judges an answer with nothing left of a request but its descriptor.
func Example_recognize() {
	connection, err := load("hubspot").Bind(engine.Settings{Config: []byte(`{}`)})
	if err != nil {
		log.Fatal(err)
	}
	const endpoint = "https://api.hubapi.com/crm/v3/objects/contacts/batch/upsert"
	body := []byte(`{"JSON": {"inputs": [
		{"id": "ann@example.com", "idProperty": "email", "properties": {}, "objectWriteTraceId": "m-1"},
		{"id": "bob@example", "idProperty": "email", "properties": {}, "objectWriteTraceId": "m-2"}]}}`)

	sent := connection.Recognize("POST", endpoint, body)
	if sent == nil { // no request of these rules
		log.Fatal(connection.Declares(endpoint)) // whether it would go to a host of theirs at all
	}
	fmt.Println(sent.Name, sent.Traces)
	outcomes, err := sent.Judge(engine.Answer{Status: 207, Body: []byte(`{
		"results": [{"objectWriteTraceId": "m-1"}],
		"errors": [{"message": "Email address bob@example is invalid", "context": {"objectWriteTraceId": ["m-2"]}}]}`)})
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range outcomes { // one for each item, in order
		fmt.Printf("%s: %s %q\n", o.MessageID, o.Do, o.Because)
	}
	// Output:
	// objects.upsert [m-1 m-2]
	// m-1: done ""
	// m-2: give-up "Email address bob@example is invalid"
}

// applied is an observer that notes which rules applied.
type applied []string

func (a *applied) Decided(by *engine.Rule, yes bool) {
	if yes {
		*a = append(*a, by.ID)
	}
}

func (a *applied) Wrote(*value.Node, *engine.Rule) {}

// Example_rejected shows why an event was rejected.
func Example_rejected() {
	connection, err := load("hubspot").Bind(engine.Settings{
		Config: []byte(`{"authorizationType": "newPrivateAppApi", "accessToken": "made-up", "apiVersion": "newApi", "lookupField": "email"}`),
	})
	if err != nil {
		log.Fatal(err)
	}
	output := connection.Plan([]engine.Input{
		{JSON: []byte(`{"type": "identify", "messageId": "m-1", "traits": {"email": "ann@example.com", "closedate": "soon"}}`)},
	}).Map()
	defer output.Release()

	for _, result := range output.Results() {
		if rejected := result.Error; rejected != nil { // holds nothing of the batch: it may be kept
			d := rejected.Diagnostic()         // the form in which Load reports mistakes in rules
			fmt.Println(d.Code, d.Span.Text()) // d.Span is also file, line and column
			fmt.Println(rejected.Path, rejected.Values)
			letter, err := json.Marshal(rejected) // {"code", "status", "message", "path", "rule", "expression", "values"}
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(len(letter) > 0)
		}
	}

	// Output:
	// invalid_value instant(value)
	// traits.closedate [{traits.closedate text "soon"}]
	// true
}

func Example_observe() {
	connection, err := load("webhook").Bind(engine.Settings{Config: []byte(`{"webhookUrl": "https://example.com/hook", "ignoredEvents": ["Heartbeat"]}`)})
	if err != nil {
		log.Fatal(err)
	}
	var seen applied
	output := connection.Observe(&seen).Plan([]engine.Input{{JSON: []byte(`{"type": "track", "event": "Heartbeat"}`)}}).Map()
	defer output.Release()
	fmt.Println(output.Results()[0].Reason)
	fmt.Println([]string(seen))
	// Output:
	// The event "Heartbeat" is one that the settings leave out
	// [webhook/routes/ignored]
}
