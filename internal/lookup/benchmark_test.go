package lookup_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/lookup"
	"github.com/celmap/celmap/internal/outbound"
	"github.com/celmap/celmap/mappings"
	"github.com/celmap/celmap/schemas"
)

// BenchmarkMap compares batches that a host maps, when it knows all that they
// need, with batches that the engine maps alone.
func BenchmarkMap(b *testing.B) {
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	read := func(name string) []byte {
		data, err := os.ReadFile("../benchmark/testdata/" + name)
		must(err)
		return data
	}
	folder, err := fs.Sub(mappings.FS, "hubspot")
	must(err)
	schema, err := fs.Sub(schemas.FS, "events")
	must(err)
	program, err := engine.Load(folder, engine.WithEvents("rudderstack", schema))
	must(err)
	var destinations map[string]struct{ Config json.RawMessage }
	must(json.Unmarshal(read("destinations.json"), &destinations))
	properties := read("properties-v3.json")
	packed, err := gzip.NewReader(bytes.NewReader(read("identify.ndjson.gz")))
	must(err)
	events, err := io.ReadAll(packed)
	must(err)
	var batches [][]engine.Input
	var batch []engine.Input
	for lines := bufio.NewScanner(bytes.NewReader(events)); lines.Scan(); {
		if batch = append(batch, engine.Input{JSON: bytes.Clone(lines.Bytes()), Index: len(batch)}); len(batch) == 20 {
			batches, batch = append(batches, batch), nil
		}
	}
	run := func(b *testing.B, perform func([]engine.Input) *engine.Output) {
		for _, inputs := range batches {
			perform(inputs).Release()
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			output := perform(batches[i%len(batches)])
			output.Results()
			output.Release()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20, "ns/event")
	}
	b.Run("engine", func(b *testing.B) {
		c, err := program.Bind(engine.Settings{Config: destinations["upsert"].Config, Portal: map[string][]byte{"contactProperties": properties}})
		must(err)
		run(b, func(inputs []engine.Input) *engine.Output { return c.Plan(inputs).Map() })
	})
	b.Run("host", func(b *testing.B) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(properties) }))
		defer server.Close()
		to, err := url.Parse(server.URL)
		must(err)
		host := lookup.New(lookup.Options{Client: outbound.New(outbound.Options{ConnectTo: map[string]*url.URL{"api.hubapi.com": to}})})
		before := lookup.Destination{Program: program, ID: "d", Config: destinations["upsert"].Config}
		run(b, func(inputs []engine.Input) *engine.Output {
			output, err := host.Map(b.Context(), before, inputs)
			must(err)
			return output
		})
	})
}
