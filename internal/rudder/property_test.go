package rudder_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/celmap/celmap/internal/rudder"
	"github.com/celmap/celmap/internal/rudderserver"
)

// anyJob draws a job: of a few users and destinations, whose settings may change
// between two jobs where the body allows that; with events that are mapped,
// rejected, filtered or nonsense, and metadata that was written in odd ways.
func anyJob(t *rapid.T, id int64, compact bool) rudderserver.Job {
	of := rapid.SampledFrom([]string{"d1", "d2"}).Draw(t, "destination")
	token, gap := "t", ""
	if !compact { // there a destination is told once
		gap = rapid.SampledFrom([]string{"", " "}).Draw(t, "gap")
		token = rapid.SampledFrom([]string{"t", "t", "u", "{{ event.what || v }}"}).Draw(t, "token")
	}
	kind := rapid.SampledFrom([]string{"order", "order", "order", "both", "note", "list", "form", "refuse", "busy", "odd", "drop", ""}).Draw(t, "type")
	what, err := json.Marshal(rapid.SampledFrom([]string{"a", "b", "<&\u2028>", "\\\"", "\x7f"}).Draw(t, "what"))
	if err != nil {
		t.Fatal(err)
	}
	message := fmt.Sprintf(`{"type":%q,"messageId":"m%d","what":%s}`, kind, rapid.IntRange(1, 5).Draw(t, "messageId"), what)
	message = rapid.SampledFrom([]string{message, message, message, message, message, message, `null`, `7`, `{"statusCode":200,"type":"REST","endpoint":"https://x.example","method":"POST","body":{}}`, `{"a":1,"a":1}`}).Draw(t, "message")
	metadata := []string{
		fmt.Sprintf(`"jobId":%d`, id),
		`"userId":` + rapid.SampledFrom([]string{`"uA"`, `"u\u0041"`, `"uB"`, `"u\u0043"`}).Draw(t, "user"),
		fmt.Sprintf(`"destinationId":%q`, of),
		fmt.Sprintf(`"dontBatch":%v`, rapid.IntRange(0, 9).Draw(t, "alone") == 0),
		`"secret":{"x":[1.50,"}"]}`,
	}
	space := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "space")
	return rudderserver.Job{
		Message:     json.RawMessage(message),
		Metadata:    json.RawMessage("{" + space + strings.Join(rapid.Permutation(metadata).Draw(t, "metadata"), space+","+space) + space + "}"),
		Destination: json.RawMessage(fmt.Sprintf(`{%s"Config":{"token":%q},"ID":%q}`, gap, token, of)),
	}
}

// TestRouterKeepsTheProtocol draws batches, and has what stands in for
// rudder-server check the answers: every job in exactly one element, echoes, types,
// order of a user's events.
func TestRouterKeepsTheProtocol(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compact := rapid.Bool().Draw(t, "compact")
		var jobs []rudderserver.Job
		id := int64(0)
		for range rapid.IntRange(0, 25).Draw(t, "jobs") {
			id += int64(rapid.IntRange(1, 3).Draw(t, "next"))
			jobs = append(jobs, anyJob(t, id, compact))
		}
		call, err := rudderserver.NewTransform("shop", jobs, compact)
		if err != nil {
			t.Fatal(err)
		}
		transformer := &rudder.Transformer{Type: "shop", Program: shop, Mapper: direct{}}
		answer, err := transformer.Router(context.Background(), nil, call.Body, compact)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.Check(response(answer)); err != nil {
			for _, v := range rudderserver.Violations(err) {
				// What templates gave is told in the destination's config.
				if !strings.Contains(v.Place, ".destination") || !strings.Contains(v.Want, "{{") {
					t.Errorf("%v\n%s\n%s", v, call.Body, answer)
				}
			}
		}
	})
}

// TestProcessorKeepsTheProtocol does the same for the processor's form.
func TestProcessorKeepsTheProtocol(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compact := rapid.Bool().Draw(t, "compact")
		var jobs []rudderserver.Job
		for id := range rapid.IntRange(0, 15).Draw(t, "jobs") {
			jobs = append(jobs, anyJob(t, int64(id), compact))
		}
		call, err := rudderserver.NewProcess("shop", jobs, compact)
		if err != nil {
			t.Fatal(err)
		}
		transformer := &rudder.Transformer{Type: "shop", Program: shop, Mapper: direct{}}
		answer, err := transformer.Processor(context.Background(), nil, call.Body, compact)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.Check(response(answer)); err != nil {
			t.Errorf("%v\n%s\n%s", err, call.Body, answer)
		}
	})
}
