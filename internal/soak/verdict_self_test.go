//go:build linux

package soak

import (
	"bytes"
	"slices"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestSoak(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "soak")
}

// A judge that passes everything proves nothing.
var _ = Describe("The judge", func() {
	few := crowd{events: 400, contacts: 20, poisoned: .1, tracks: .3, seed: 7}
	lines := few.lines()
	want := expected(lines)
	var got outcome
	BeforeEach(func() { got = want.perfect(lines) })

	It("is given the same events by the same seed, of every kind", func() {
		Expect(few.lines()).To(Equal(lines))
		Expect(bytes.Join(lines, nil)).NotTo(Equal(bytes.Join(crowd{events: 400, contacts: 20, poisoned: .1, tracks: .3, seed: 8}.lines(), nil)))
		Expect(len(want.contacts)).To(Equal(21))
		Expect(len(want.orders)).To(BeNumerically("~", 95, 40))
		Expect(len(want.dead)).To(BeNumerically("~", 40, 25))
	})

	It("passes what is right", func() {
		Expect(want.faults(got)).To(BeEmpty())
	})

	It("lets the same write come again", func() {
		got.writes = slices.Insert(got.writes, 100, got.writes[99])
		Expect(want.faults(got)).To(BeEmpty())
	})

	// lateOf finds a contact that was written to several times.
	lateOf := func() (string, int) {
		first := map[string]bool{}
		for i, one := range got.writes {
			if first[one.id] {
				return one.id, i
			}
			first[one.id] = true
		}
		panic("no contact has two writes")
	}
	// anyContact is one of those that there should be.
	anyContact := func() string { return got.orders[0].email }

	DescribeTable("notices", func(damage func(), fault string) {
		damage()
		Expect(want.faults(got)).To(ContainElement(ContainSubstring(fault)))
	},
		Entry("a value that is wrong", func() { got.contacts[anyContact()]["city"] = "Paris" }, "city is \"Paris\""),
		Entry("a value that is missing", func() { delete(got.contacts[anyContact()], "followercount") }, "followercount is \"\""),
		Entry("a contact that is missing", func() { delete(got.contacts, anyContact()) }, "is missing"),
		Entry("a contact too many", func() { got.contacts["x@example.com"] = map[string]string{} }, "should not be there"),
		Entry("an older value after a newer one", func() {
			id, i := lateOf()
			got.writes = append(got.writes[:i+1:i+1], append([]write{{id: id, properties: map[string]string{"followercount": "0"}}}, got.writes[i+1:]...)...)
		}, "back from"),
		Entry("writes in the wrong order", func() { slices.Reverse(got.writes) }, "back from"),
		Entry("no writes", func() { got.writes = nil }, "from 0 writes"),
		Entry("a write of an event that HubSpot refuses", func() {
			got.writes = append(got.writes, write{id: "1", properties: map[string]string{"city": never}})
		}, "should refuse"),
		Entry("an occurrence that is missing", func() { got.orders = got.orders[1:] }, "is missing"),
		Entry("an occurrence that came twice", func() { got.orders = append(got.orders, got.orders[len(got.orders)-1]) }, "came twice"),
		Entry("an occurrence nobody sent", func() { got.orders = append(got.orders, arrival{line: 100000}) }, "should not be there"),
		Entry("an occurrence of the wrong contact", func() { got.orders[0].email = "x@example.com" }, "came as"),
		Entry("occurrences in the wrong order", func() { slices.Reverse(got.orders) }, "of the same contact"),
		Entry("an occurrence with the uuid of another", func() { got.orders[1].uuid = got.orders[0].uuid }, "none of its own"),
		Entry("an event that died without need", func() { got.dead = append(got.dead, got.orders[0].line) }, "should have been delivered"),
		Entry("an event that did not die", func() { got.dead = got.dead[1:] }, "should be a dead letter"),
		Entry("an event that died twice", func() { got.dead = append(got.dead, got.dead[0]) }, "twice"),
	)
})
