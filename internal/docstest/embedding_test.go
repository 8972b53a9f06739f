package docstest

import (
	"fmt"
	"io/fs"
	"log"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

func folder(files fs.FS, name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		log.Fatal(err)
	}
	return sub
}

// Example_embedding is the example of the README.
func Example_embedding() {
	// Once: compile the rules. The error lists every mistake with its place.
	program, err := engine.Load(folder(mappings.FS, "hubspot"),
		engine.WithName("mappings/hubspot"), engine.WithEvents("rudderstack", folder(schemas.FS, "events")))
	if err != nil {
		log.Fatal(err)
	}

	// Once a destination: its settings.
	connection, err := program.Bind(engine.Settings{Config: []byte(
		`{"authorizationType": "newPrivateAppApi", "accessToken": "made-up", "apiVersion": "newApi", "lookupField": "email"}`)})
	if err != nil {
		log.Fatal(err)
	}

	// For each batch: plan, answer what has to be looked up, map.
	batch := connection.Plan([]engine.Input{{JSON: []byte(
		`{"type": "identify", "messageId": "m-1", "traits": {"email": "ann@example.com", "firstName": "Ann"}}`)}})
	for _, question := range batch.Questions() {
		batch.Answer(question, engine.Reply{Answer: []byte(`["512"]`)}) // ask the API here
	}
	output := batch.Map()
	defer output.Release()
	for _, result := range output.Results() {
		for _, request := range result.Requests {
			fmt.Println(request.Descriptor.Get("method").Text(), request.Descriptor.Get("endpoint").Text())
		}
	}
	// Output: POST https://api.hubapi.com/crm/v3/objects/contacts/batch/upsert
}
