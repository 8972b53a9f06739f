package queue

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func someEntries() []entry {
	return []entry{
		{lane: 1, json: []byte(`{"a":1}`), origin: "a.ndjson:1", index: 1},
		{lane: 1 << 63, json: []byte(`{}`), barriers: []barrier{{lane: 7, sequence: 9}, {lane: 8, sequence: 1 << 40}}},
		{lane: 3, json: []byte{}, known: []Memory{{"identity", "u", "e"}, {"identity", "v", ""}}, index: 1 << 50},
	}
}

func someChunk() []byte { return chunkOf(someEntries()) }

func chunkOf(entries []entry) []byte {
	text := make([]byte, chunkHead)
	for _, e := range entries {
		text = appendEntry(text, &e)
	}
	return sealChunk(text, len(entries))
}

func TestChunk(t *testing.T) {
	chunk := someChunk()
	got, err := readChunk(chunk)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range someEntries() {
		if !bytes.Equal(got[i].json, want.json) {
			t.Errorf("event %d: got %q", i, got[i].json)
		}
		got[i].json, want.json = nil, nil
		if !reflect.DeepEqual(got[i], want) {
			t.Errorf("event %d: got %+v, expected %+v", i, got[i], want)
		}
	}
	if n, err := chunkSize(chunk); n != 3 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	for n := range chunk {
		if _, err := readChunk(chunk[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are no chunk", n, len(chunk))
		}
	}
	if _, err := readChunk(append(chunk, 0)); err == nil {
		t.Error("a byte too many")
	}
	if _, err := readChunk(append([]byte{2}, chunk[1:]...)); err == nil {
		t.Error("another version")
	}
}

// FuzzRead reads anything as what is stored: it gives an error or what, written
// again, reads the same.
func FuzzRead(f *testing.F) {
	f.Add(someChunk())
	f.Add(appendDelta(nil, stamp{1, 2}, items{3: {0, 5}, 1 << 40: {511}}))
	f.Add(appendSnapshot(nil, stamp{1, 2}, &progress{horizon: 9, open: items{3: {0, 5}}, done: items{10: {1}}}))
	f.Add(appendChanges(nil, 7, []change{{name: name{1}, lane: 5, behind: []barrier{{1, 2}}}, {memory: true, value: "e"}}))
	f.Add(appendLetter(nil, &Item{Lane: 1, JSON: []byte("{}"), Stored: time.Unix(1, 2)}, []byte(`{"a":1}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if entries, err := readChunk(data); err == nil {
			again := chunkOf(entries)
			same, err := readChunk(again)
			if err != nil || !bytes.Equal(chunkOf(same), again) {
				t.Fatalf("got %+v, %v, expected %+v", same, err, entries)
			}
		}
		p := progress{open: items{}, done: items{}}
		p.take(data)
		readChanges(data)
		readLetter("celmap.dead.0.1.2", data, time.Time{})
	})
}

func TestProgress(t *testing.T) {
	p := progress{open: items{}, done: items{}}
	take := func(data []byte) {
		t.Helper()
		if _, err := p.take(data); err != nil {
			t.Fatal(err)
		}
	}
	take(appendDelta(nil, stamp{}, items{5: {0, 2}, 6: {1}}))
	take(appendSnapshot(nil, stamp{}, &progress{horizon: 6, open: items{5: {1}, 6: {0, 2, 511}}, done: items{9: {3}}}))
	take(appendDelta(nil, stamp{}, items{5: {1}, 6: {2}, 9: {1, 3}}))
	want := progress{horizon: 6, open: items{6: {0, 511}}, done: items{9: {1, 3}}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, expected %+v", p, want)
	}
}
