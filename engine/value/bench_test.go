package value_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/celmap/celmap/engine/value"
)

// events returns the 50 events of testdata, one a line.
func events(t testing.TB) [][]byte {
	data, err := os.ReadFile("testdata/identify.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(data), []byte("\n"))
}

func BenchmarkParse(b *testing.B) {
	all := events(b)
	size := 0
	for _, e := range all {
		size += len(e)
	}
	b.SetBytes(int64(size / len(all)))
	b.ReportAllocs()
	a := value.NewArena()
	for i := 0; b.Loop(); i++ {
		a.Reset()
		if _, err := value.Parse(a, all[i%len(all)], value.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	all := events(b)
	a := value.NewArena()
	var nodes []*value.Node
	size := 0
	for _, e := range all {
		n, err := value.Parse(a, e, value.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		nodes = append(nodes, n)
		size += len(e)
	}
	b.SetBytes(int64(size / len(all)))
	b.ReportAllocs()
	var dst []byte
	for i := 0; b.Loop(); i++ {
		dst = value.AppendJSON(dst[:0], nodes[i%len(nodes)])
	}
}
