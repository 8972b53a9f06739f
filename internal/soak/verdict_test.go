//go:build linux

package soak

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// outcome is what really came of the events.
type outcome struct {
	contacts map[string]map[string]string // by e-mail: their properties in the end
	writes   []write                      // in the order in which they were applied
	orders   []arrival                    // in the order in which they were taken
	dead     []int                        // lines of the dead letters
}

type write struct {
	id         string
	properties map[string]string
}

type arrival struct {
	line int
	order
	uuid string
}

// faults compares what came with what should have come; none means that every
// guarantee was kept.
func (w world) faults(o outcome) []string {
	var faults []string
	fault := func(format string, values ...any) { faults = append(faults, fmt.Sprintf(format, values...)) }

	// The state in the end is that of the events in their order.
	for email, want := range w.contacts {
		got, found := o.contacts[email]
		if !found {
			fault("contact %s is missing", email)
			continue
		}
		for _, property := range properties {
			if got[property] != want[property] {
				fault("contact %s: %s is %q, not %q", email, property, got[property], want[property])
			}
		}
	}
	for email := range o.contacts {
		if _, found := w.contacts[email]; !found {
			fault("contact %s should not be there", email)
		}
	}

	// No contact saw an older value after a newer one.
	counters := map[string]int{}
	for i, one := range o.writes {
		if text, given := one.properties["followercount"]; given {
			counter, err := strconv.Atoi(text)
			if err != nil || counter < counters[one.id] {
				fault("write %d sets contact %s back from %d to %q", i+1, one.id, counters[one.id], text)
			}
			counters[one.id] = max(counters[one.id], counter)
		}
		if strings.HasPrefix(one.properties["city"], never) {
			fault("write %d is of an event that HubSpot should refuse", i+1)
		}
	}
	if made := len(w.contacts) - len(empty().contacts); len(o.writes) < made {
		fault("%d contacts have come from %d writes", made, len(o.writes))
	}

	// Each occurrence came once, in its contact's order.
	arrived, latest, uuids := map[int]bool{}, map[string]int{}, map[string]bool{}
	for _, one := range o.orders {
		want, expected := w.orders[one.line]
		switch {
		case !expected:
			fault("the order of line %d should not be there", one.line)
		case arrived[one.line]:
			fault("the order of line %d came twice", one.line)
		case one.order != want:
			fault("the order of line %d came as %v, not %v", one.line, one.order, want)
		case one.line < latest[one.email]:
			fault("the order of line %d came after that of line %d, of the same contact", one.line, latest[one.email])
		case one.uuid == "" || uuids[one.uuid]:
			fault("the order of line %d has the uuid %q, which is none of its own", one.line, one.uuid)
		}
		arrived[one.line], uuids[one.uuid] = true, true
		latest[one.email] = max(latest[one.email], one.line)
	}
	for line := range w.orders {
		if !arrived[line] {
			fault("the order of line %d is missing", line)
		}
	}

	// Dead letters are exactly the events that cannot be delivered.
	died := map[int]bool{}
	for _, line := range o.dead {
		switch {
		case !w.dead[line]:
			fault("line %d is a dead letter and should have been delivered", line)
		case died[line]:
			fault("line %d is a dead letter twice", line)
		}
		died[line] = true
	}
	for line := range w.dead {
		if !died[line] {
			fault("line %d should be a dead letter", line)
		}
	}
	slices.Sort(faults)
	return faults
}

// perfect is the outcome of a delivery of one event after the other that meets
// no trouble.
func (w world) perfect(lines [][]byte) outcome {
	o := outcome{contacts: map[string]map[string]string{}}
	grown := empty()
	emails := map[string]string{}
	counters := map[string]string{}
	for i, line := range lines {
		if !grown.apply(i+1, line, emails) {
			o.dead = append(o.dead, i+1)
			continue
		}
		if one, is := grown.orders[i+1]; is {
			o.orders = append(o.orders, arrival{line: i + 1, order: one, uuid: fmt.Sprint("uuid-", i)})
			continue
		}
		for email, properties := range grown.contacts { // the one that has counted up
			if counter := properties["followercount"]; counters[email] != counter {
				counters[email] = counter
				o.writes = append(o.writes, write{id: email, properties: map[string]string{"followercount": counter}})
			}
		}
	}
	for email, properties := range grown.contacts {
		o.contacts[email] = maps.Clone(properties)
	}
	return o
}
