package engine_test

import (
	"fmt"
	"testing/fstest"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/engine/function"
	"github.com/celmap/celmap/engine/value"
)

// A whole destination: one route, one mapping, one request.
var signups = fstest.MapFS{
	"destination.yaml": {Data: []byte(`
celmap: destination/v1
name: signups
hosts: {api: https://api.example.com}
routes:
  - when: input.type == "identify"
    to: signup
  - filter: not a sign-up
requests:
  signups.create:
    method: POST
    host: api
    url: /signups
    envelope: {people: =items}
    max: 100
`)},
	"signup.yaml": {Data: []byte(`
celmap: mapping/v1
name: signup
objects:
  person:
    under: [input.traits]
    set:
      mail: email
      name: [fullName, name]
reject:
  no-email:
    when: person.mail == null
    message: A sign-up needs an email
send:
  - request: signups.create
    item: =person
`)},
}

func Example() {
	program, err := engine.Load(signups)
	if err != nil {
		fmt.Println(err) // every mistake, with file:line:col
		return
	}
	connection, err := program.Bind(engine.Settings{})
	if err != nil {
		fmt.Println(err)
		return
	}
	output := connection.Plan([]engine.Input{
		{Index: 0, JSON: []byte(`{"type": "identify", "traits": {"email": "ada@example.com", "name": "Ada"}}`)},
		{Index: 1, JSON: []byte(`{"type": "identify", "traits": {}}`)},
		{Index: 2, JSON: []byte(`{"type": "page"}`)},
	}).Map()
	defer output.Release()
	for _, result := range output.Results() {
		switch result.Status {
		case engine.Mapped:
			fmt.Printf("%s\n", value.AppendJSON(nil, result.Requests[0].Descriptor))
		case engine.Rejected:
			fmt.Printf("rejected: %s (%s)\n", result.Error.Message, result.Error.Rule.ID)
		case engine.Filtered:
			fmt.Printf("filtered: %s\n", result.Reason)
		}
	}
	// Output:
	// {"method":"POST","endpoint":"https://api.example.com/signups","body":{"JSON":{"people":[{"mail":"ada@example.com","name":"Ada"}]}}}
	// rejected: A sign-up needs an email (signup/reject/no-email)
	// filtered: not a sign-up
}

func ExampleConnection_Plan() {
	program, _ := engine.Load(signups)
	connection, _ := program.Bind(engine.Settings{})
	output := connection.Plan([]engine.Input{
		{Index: 0, JSON: []byte(`{"type": "identify", "messageId": "a", "traits": {"email": "ada@example.com"}}`)},
		{Index: 1, JSON: []byte(`{"type": "identify", "messageId": "b", "traits": {"email": "bob@example.com"}}`)},
	}).Map()
	defer output.Release()
	for _, element := range output.Elements() { // grouped for sending
		fmt.Println(element.MessageIDs, "share", len(element.Requests), "request")
	}
	// Output:
	// [a b] share 1 request
}

func ExampleWithFunctions() {
	shout := &function.Function{
		Name: "shout", Params: []function.Param{{Name: "x", Type: "text"}}, Result: "text",
		Doc: "The text, louder.",
		Eval: func(a *value.Arena, args []*value.Node) (*value.Node, error) {
			return a.String(args[0].Text() + "!"), nil
		},
	}
	louder := fstest.MapFS{"destination.yaml": signups["destination.yaml"], "signup.yaml": {Data: []byte(`
celmap: mapping/v1
name: signup
send:
  - request: signups.create
    item: {name: =shout(input.traits.name)}
`)}}
	program, err := engine.Load(louder, engine.WithFunctions(shout))
	if err != nil {
		fmt.Println(err)
		return
	}
	connection, _ := program.Bind(engine.Settings{})
	output := connection.Plan([]engine.Input{{JSON: []byte(`{"type": "identify", "traits": {"name": "Ada"}}`)}}).Map()
	defer output.Release()
	fmt.Printf("%s\n", value.AppendJSON(nil, output.Results()[0].Requests[0].Descriptor.Get("body")))
	// Output:
	// {"JSON":{"people":[{"name":"Ada!"}]}}
}
