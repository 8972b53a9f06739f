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
	c := newCabinet(1000, ticks*time.Second)
	random := rand.New(rand.NewPCG(1, 2))
	want, when := map[name]string{}, map[name]int{}
	for i := range 100_000 {
		n := keyName(fmt.Sprint(random.IntN(900)))
		text, age, ok := c.get(n, time.Unix(int64(i), 0))
		if string(text) != want[n] || ok != (want[n] != "") || ok && age != time.Duration(i-when[n])*time.Second {
			t.Fatalf("after %d: got %q of %v ago, %v, expected %q of %d", i, text, age, ok, want[n], when[n])
		}
		if random.IntN(3) == 0 {
			want[n], when[n] = strings.Repeat("x", random.IntN(40))+fmt.Sprint(i), i
			c.put(n, []byte(want[n]), time.Unix(int64(i), 0))
		}
	}
	if c.count != len(want) {
		t.Errorf("%d are known, expected %d", c.count, len(want))
	}
	testBlocks(t, c)
}

// testBlocks finds blocks that are lost, or in two places, and drawers with more of them than they need.
func testBlocks(t *testing.T, c *cabinet) {
	t.Helper()
	seen := map[uint32]bool{}
	chain := func(number uint32) (length int) {
		for ; number != 0; number = c.block(number).next {
			if length++; seen[number] {
				t.Fatalf("block %d is in two places", number)
			}
			seen[number] = true
		}
		return length
	}
	for i, d := range c.drawers {
		if got, want := chain(d.first), (int(d.bytes)+59)/60; got != want {
			t.Errorf("drawer %d has %d blocks for %d bytes, expected %d", i, got, d.bytes, want)
		}
	}
	chain(c.free)
	if lost := len(c.shelves)*perShelf - 1 - len(seen); lost != 0 {
		t.Errorf("%d blocks are lost", lost)
	}
}

func TestCabinetTellsAges(t *testing.T) {
	const remember = 90 * 24 * time.Hour
	c := newCabinet(1000, remember)
	n, other := keyName("one"), keyName("other")
	// Wherever the clock of two bytes stands, also right before it goes round.
	for begin := time.Unix(1_800_000_000, 0); begin.Before(time.Unix(1_800_000_000, 0).Add(70 * remember)); begin = begin.Add(remember * 7 / 10) {
		c.put(n, []byte("text"), begin)
		c.put(other, nil, begin)
		for _, later := range []time.Duration{0, time.Hour, remember / 2, remember, remember + 3*time.Hour, 10 * remember, 62 * remember} {
			text, age, ok := c.get(n, begin.Add(later))
			if off := age - later; !ok || string(text) != "text" || off.Abs() > remember/ticks {
				t.Fatalf("put at %v, %v later: %q is %v old, %v", begin, later, text, age, ok)
			}
		}
		for _, earlier := range []time.Duration{time.Second, remember / 2, remember} {
			if _, age, ok := c.get(n, begin.Add(-earlier)); !ok || age != 0 {
				t.Fatalf("put at %v, with the clock set back by %v: it is %v old, %v", begin, earlier, age, ok)
			}
		}
	}
}

// TestTableForgets shows what age does to what is known.
func TestTableForgets(t *testing.T) {
	const remember = time.Hour
	begin := time.Unix(1_800_000_000, 0)
	key, memory := keyName("user-1"), memoryName(Memory{Lookup: "identity", Key: "user-1"})
	for later, want := range map[time.Duration]struct{ known, stale bool }{
		-10 * time.Minute:           {known: true}, // a clock that was set back
		0:                           {known: true},
		remember/2 - time.Minute:    {known: true},
		remember/2 + time.Minute:    {known: true, stale: true},
		remember - time.Minute:      {known: true, stale: true},
		remember + time.Minute:      {stale: true},
		40*remember + 3*time.Minute: {stale: true},
	} {
		table := newTable(&Queue{options: Options{Identities: 1000, Remember: remember}})
		table.apply([]change{{name: key, lane: 7}, {name: memory, memory: true, value: "a@example.com"}}, begin, true)
		d := table.draft(begin.Add(later))
		if _, known, stale := d.lane(key); known != want.known || stale != want.stale {
			t.Errorf("%v later, a key is known: %v, to be written again: %v; expected %v", later, known, stale, want)
		}
		if _, known, stale := d.memory(memory); known != want.known || stale != want.stale {
			t.Errorf("%v later, a memory is known: %v, to be written again: %v; expected %v", later, known, stale, want)
		}
	}
}

func TestCabinetIsBounded(t *testing.T) {
	const most = 1000
	key := func(i int) name { return keyName(fmt.Sprint(i)) }
	for what, text := range map[string][]byte{"many": make([]byte, 8), "long": make([]byte, 1000)} {
		t.Run(what, func(t *testing.T) {
			c := newCabinet(most, time.Hour)
			for i := range 100 * most {
				c.put(key(i), text, time.Now())
				if _, _, ok := c.get(key(0), time.Now()); !ok {
					t.Fatalf("what is used was forgotten after %d", i)
				}
				if c.count > most || c.bytes > most*perRecord {
					t.Fatalf("%d are known, in %d bytes", c.count, c.bytes)
				}
			}
			known, last := 0, 0
			for i := range 100 * most {
				if _, _, ok := c.get(key(i), time.Now()); ok {
					known++
					if i > 95*most {
						last++
					}
				}
			}
			testBlocks(t, c)
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
	lanes, memories := newCabinet(2*people, time.Hour), newCabinet(2*people, time.Hour)
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
	if most := uint64(80 * people); took > most {
		t.Errorf("%d people take %d MB, expected %d at the most", people, took>>20, most>>20)
	}
	t.Logf("%d bytes a person", took/people)
	runtime.KeepAlive(lanes)
	runtime.KeepAlive(memories)
}
