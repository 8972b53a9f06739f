package rudder

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
)

// wanted is a job as encoding/json reads it.
type wanted struct {
	message, metadata, destination string
	id                             int64
}

// reference reads a body with encoding/json. ok tells whether it follows the
// protocol.
func reference(body []byte, f form) (jobs []wanted, ok bool) {
	if !json.Valid(body) {
		return nil, false
	}
	var input json.RawMessage
	beside := map[string]json.RawMessage{}
	if f.processor && !f.compact {
		input = bytes.TrimLeft(body, " \t\r\n")
	} else {
		top, ok := object(body)
		if !ok {
			return nil, false
		}
		input = top["input"]
		if f.compact {
			if given, ok := object(top["destinations"]); ok {
				beside = given
			}
		}
	}
	var list []json.RawMessage
	if len(input) == 0 || input[0] != '[' || json.Unmarshal(input, &list) != nil {
		return nil, false
	}
	for _, item := range list {
		members, ok := object(item)
		if !ok {
			return nil, false
		}
		metadata, ok := object(members["metadata"])
		if !ok {
			return nil, false
		}
		w := wanted{message: string(members["message"]), metadata: string(members["metadata"])}
		if !f.processor {
			if id, err := strconv.ParseInt(string(metadata["jobId"]), 10, 64); err == nil {
				w.id = id
			}
		}
		destination := members["destination"]
		if f.compact {
			var of string
			_ = json.Unmarshal(metadata["destinationId"], &of)
			destination = beside[of]
		}
		if _, ok := object(destination); ok {
			w.destination = string(destination)
		}
		if w.message == "null" {
			w.message = ""
		}
		jobs = append(jobs, w)
	}
	return jobs, true
}

func object(text []byte) (members map[string]json.RawMessage, ok bool) {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) == 0 || text[0] != '{' {
		return nil, false
	}
	return members, json.Unmarshal(text, &members) == nil
}

// twice reports whether an object has several members of a name.
func twice(text []byte, name string) bool {
	d, found := json.NewDecoder(bytes.NewReader(text)), 0
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for d.More() {
		key, err := d.Token()
		if err != nil || d.Decode(new(json.RawMessage)) != nil {
			return false
		}
		if key == name {
			found++
		}
	}
	return found > 1
}

var seeds = []string{
	`{"input":[],"destType":"hs"}`,
	`{"input":[{"message":{"type":"identify"},"metadata":{"jobId":1,"destinationId":"d"},"destination":{"ID":"d"}}],"destType":"hs"}`,
	`{"input":[{"metadata":{"jobId":1},"destination":{"ID":"d"},"message":{}},{"destination":{"ID":"d"},"metadata":{"jobId":2}}]}`,
	`{"input":[{"message":{},"metadata":{"jobId":1,"destinationId":"d"}}],"destType":"hs","destinations":{"d":{"ID":"d"},"e":null},"connections":{}}`,
	`[{"message":{},"metadata":{},"destination":{"ID":"d"}}]`,
	"\n{ \"input\" : [ { \"message\" : { \"a\" : [ 1 , [ ] , { } ] } , \"metadata\" : { \"jobId\" : -0 } , \"destination\" : { } } ] }\t",
	`{"input":[{"message":{"a":"\u00e9\ud800\"\\"},"metadata":{"jobId":9223372036854775807,"x":"\"}"},"destination":null}]}`,
	`{"input":[{"message":{},"message":null,"metadata":{"jobId":1,"jobId":2},"metadata":{"jobId":3},"destination":{},"destination":{"ID":"x"}}],"input":[]}`,
	`{"inp\u0075t":[{"m\u0065ssage":1,"metadata":{"\u006aobId":4},"destination":{"ID":"\u0064"}}]}`,
	`{"input":[{"message":{},"metadata":{"jobId":1e3},"destination":{}}]}`, `{"input":[{"message":{},"metadata":{"jobId":1.0}}]}`,
	`{"input":[{"message":{},"metadata":{"jobId":"1"}}]}`, `{"input":[{"message":{},"metadata":null}]}`, `{"input":[{"message":{}}]}`, `{"input":[null]}`,
	`{"input":[{"metadata":{},"metadata":{"jobId":0}}]}`, `{"input":null}`, `{"input":{}}`, `{}`, `null`, `[]`, ``, ` `, `{"input":[`, `{"input":[]`, `{"input":[]}x`, `{"input":[],}`, `{"input":[,]}`, `{"input" []}`,
	`{"input":[{"message":{"a":01},"metadata":{"jobId":1}}]}`, `{"input":[{"message":{"a":"` + "\x01" + `"},"metadata":{"jobId":1}}]}`,
	`{"input":[{"message":{"a":"` + "\xff" + `"},"metadata":{"jobId":1,"x":"` + "\xfe" + `"}}]}`,
	`{"input":[{"message":{"a":1.5e+10,"b":-0.1,"c":1.,"d":2},"metadata":{"jobId":1}}]}`, `{"input":[{"message":{"a":"\x"},"metadata":{"jobId":1}}]}`,
	`{"input":[{"message":{"a":tru},"metadata":{"jobId":1}}]}`, `{"input":[{"message":[}],"metadata":{"jobId":1}}]}`, `{"input":[{"message":{"statusCode":200,"endpoint":"x"},"metadata":{"jobId":1}}]}`,
}

// FuzzRead holds the reader of bodies against encoding/json: it accepts the same
// bodies, and finds the same bytes in them.
func FuzzRead(f *testing.F) {
	for _, seed := range seeds {
		for way := range byte(4) {
			f.Add([]byte(seed), way)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, way byte) {
		if twice(body, "input") {
			t.Skip("of two lists the reader looks at the first, too")
		}
		how := form{compact: way&1 != 0, processor: way&2 != 0}
		if how.compact && !utf8.Valid(body) {
			t.Skip("encoding/json takes IDs for the same that are not")
		}
		want, accepted := reference(body, how)
		r, err := read(body, how)
		if (err == nil) != accepted {
			t.Fatalf("accepted by encoding/json: %v; by the reader: %v", accepted, err)
		}
		if err != nil {
			return
		}
		defer r.release()
		if len(r.jobs) != len(want) {
			t.Fatalf("%d jobs, where there are %d", len(r.jobs), len(want))
		}
		for i, w := range want {
			j := &r.jobs[i]
			got := wanted{message: string(j.message), metadata: string(j.metadata), id: j.id}
			if j.destination != nil {
				got.destination = string(j.destination.raw)
			}
			if got != w {
				t.Errorf("job %d is\n%+v, where it is\n%+v", i, got, w)
			}
		}
	})
}

// plain maps without lookups.
type plain struct{}

func (plain) Map(_ context.Context, d lookup.Destination, events []engine.Input) (*engine.Output, error) {
	c, err := d.Program.Bind(engine.Settings{Config: d.Config})
	if err != nil {
		return nil, err
	}
	return c.Plan(events).Map(), nil
}

// FuzzRouter looks for bodies whose answer is no JSON, or does not hold the
// metadata of every job once.
func FuzzRouter(f *testing.F) {
	program, err := engine.Load(os.DirFS("testdata/shop"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range append(seeds,
		`{"input":[{"message":{"type":"order","messageId":"1"},"metadata":{"jobId":1},"destination":{"ID":"d","Config":{"token":"{{ event.x || y }}"}}},{"message":{"type":"both"},"metadata":{"jobId":1},"destination":{}}]}`,
		`{"input":[{"message":{"type":"drop","what":"\ud800"},"metadata":{"jobId":1,"workspaceId":"\u0000","destinationId":"d"}}],"destinations":{"d":{"Config":[]}}}`,
	) {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	transformer := &Transformer{Type: "shop", Program: program, Mapper: plain{}}
	f.Fuzz(func(t *testing.T, body []byte, compact bool) {
		answer, err := transformer.Router(context.Background(), nil, body, compact)
		if err != nil || twice(body, "input") {
			return
		}
		var read struct {
			Output []struct{ Metadata []json.RawMessage }
		}
		if err := json.Unmarshal(answer, &read); err != nil {
			t.Fatalf("%v: %s", err, answer)
		}
		jobs, _ := reference(body, form{compact: compact})
		left := map[string]int{}
		for _, j := range jobs {
			left[j.metadata]++
		}
		for _, e := range read.Output {
			if len(e.Metadata) == 0 {
				t.Errorf("an element is about no job: %s", answer)
			}
			for _, m := range e.Metadata {
				left[string(m)]--
			}
		}
		for metadata, n := range left {
			if n != 0 {
				t.Errorf("%s is answered %d times too few: %s", metadata, n, answer)
			}
		}
	})
}

// FuzzDestinationType holds the way from the end of a body against encoding/json.
func FuzzDestinationType(f *testing.F) {
	for _, seed := range append(seeds,
		`{"destType":"hs"}`, `{"destType":"a","destType":"b"}`, `{"destType":1}`, `{"destType" : "h\u0073" , "x":[1,{"y":"]}"}], "z":true } `,
		`{"destType":"hs","input":["\"destType\":\"no\"}"]}`, `{"x":"\"destType\":\"hs\""}`, `{"x":{"destType":"no"}}`, `{"destType":"hs","n":-1.5e9,"t":"\\"}`,
	) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := DestinationType(body) // of what is no JSON: anything, in time and without panic
		top, ok := object(body)
		if !ok {
			return
		}
		var want any
		_ = json.Unmarshal(top["destType"], &want)
		if s, _ := want.(string); got != s && utf8.Valid(body) {
			t.Errorf("destType is %q, not %q", s, got)
		}
	})
}
