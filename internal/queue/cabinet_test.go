package queue

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestCabinet(t *testing.T) {
	c := newCabinet(1000)
	random := rand.New(rand.NewPCG(1, 2))
	want := map[name]string{}
	for i := range 100_000 {
		n := keyName(fmt.Sprint(random.IntN(900)))
		text, when, ok := c.get(n)
		if string(text) != want[n] || ok != (want[n] != "") || ok && when >= uint32(i) {
			t.Fatalf("after %d: got %q of %d, %v, expected %q", i, text, when, ok, want[n])
		}
		if random.IntN(3) == 0 {
			want[n] = strings.Repeat("x", random.IntN(40)) + fmt.Sprint(i)
			c.put(n, []byte(want[n]), time.Unix(int64(i), 0))
		}
	}
	if c.count != len(want) {
		t.Errorf("%d are known, expected %d", c.count, len(want))
	}
}

func TestCabinetIsBounded(t *testing.T) {
	const most = 1000
	key := func(i int) name { return keyName(fmt.Sprint(i)) }
	for what, text := range map[string][]byte{"many": make([]byte, 8), "long": make([]byte, 1000)} {
		t.Run(what, func(t *testing.T) {
			c := newCabinet(most)
			for i := range 100 * most {
				c.put(key(i), text, time.Now())
				if _, _, ok := c.get(key(0)); !ok {
					t.Fatalf("what is used was forgotten after %d", i)
				}
				if c.count > most || c.bytes > most*perRecord {
					t.Fatalf("%d are known, in %d bytes", c.count, c.bytes)
				}
			}
			known, last := 0, 0
			for i := range 100 * most {
				if _, _, ok := c.get(key(i)); ok {
					known++
					if i > 95*most {
						last++
					}
				}
			}
			if known != c.count || what == "many" && (known != most || last < most*9/10) {
				t.Errorf("%d are known, of the last ones %d", known, last)
			}
		})
	}
}

// TestCabinetIsSmall bounds the memory in which people are known by two keys each, one of which
// leads to the other: celmap send has to stay below 300 MB with an event of each of a million.
func TestCabinetIsSmall(t *testing.T) {
	const people = 200_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	lanes, memories := newCabinet(2*people), newCabinet(2*people)
	key := func(kind, i int) (n name) {
		binary.LittleEndian.PutUint64(n[:], uint64(i)*0x9e3779b97f4a7c15+uint64(kind))
		binary.LittleEndian.PutUint64(n[8:], uint64(i)*0xd1342543de82ef95>>7)
		return n
	}
	lane, value := make([]byte, 8), []byte("somebody-1000000@example.com")
	for i := range people {
		lanes.put(key(1, i), nil, time.Now())
		lanes.put(key(2, i), lane, time.Now())
		memories.put(key(3, i), value, time.Now())
	}
	took := heap() - before
	if lanes.count != 2*people || memories.count != people {
		t.Errorf("%d keys and %d memories are known", lanes.count, memories.count)
	}
	if most := uint64(95 * people); took > most {
		t.Errorf("%d people take %d MB, expected %d at the most", people, took>>20, most>>20)
	}
	t.Logf("%d bytes a person", took/people)
	runtime.KeepAlive(lanes)
	runtime.KeepAlive(memories)
}
