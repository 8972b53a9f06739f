package main

import (
	"bytes"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/report"
)

var _ = Describe("What arrived in a simulator", func() {
	It("is shown by type, folded, without what the account sets itself", func() {
		var b bytes.Buffer
		(&arrived{
			types: []string{"companies", "contacts"},
			records: map[string][]heldRecord{
				"companies": {{ID: "7", Properties: map[string]string{"domain": "a.example"}}},
				"contacts": {
					{ID: "1", Properties: map[string]string{"email": "ann@example.com", "createdate": "2026", "jobtitle": "Head of Growth", "phone": ""}},
					{ID: "2", Properties: map[string]string{"email": "bo@example.com", "address": "Some Rather Long Street 12345", "city": "Kraków", "company": "A Rather Long Name of a Company", "firstname": "Bo"}},
				},
			},
			events: []heldEvent{{Name: "pe1_order", Email: "ann@example.com", Properties: map[string]string{"amount": "5"}}},
		}).print(&b, report.Palette{})
		Expect(b.String()).To(Equal(`arrived: companies 1, contacts 2, events 1

companies
  7  domain a.example

contacts
  ann@example.com  jobtitle "Head of Growth"
  bo@example.com   address "Some Rather Long Street 12345", city Kraków,
                   company "A Rather Long Name of a Company", firstname Bo

events
  pe1_order  ann@example.com, amount 5
`))
	})
})
