package hubspotstub_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/hubspotstub"
)

func TestStub(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "HubSpot stub")
}

// account is an account with a few of everything.
const account = `{
	"properties": [{"name": "email", "type": "string"}, {"name": "born", "type": "date", "calculated": false}],
	"propertiesOf": {"cars": [{"name": "born", "type": "number"}]},
	"unique": {"contacts": {"email": true}, "companies": {"key": true, "domain": false}},
	"objects": {"contacts": [
		{"id": 1, "properties": {"email": "Ann@x.com", "hs_additional_emails": "a@x.com;B@x.com", "ref": "r"}},
		{"id": "2", "properties": {"email": "bob@x.com", "hs_additional_emails": null, "ref": "r", "n": 7}},
		{"id": "3", "properties": {"email": "cid@x.com", "ref": "r"}}
	]},
	"pageSize": 2,
	"overrides": [
		{"method": "GET", "path": "/crm/v3/properties/deals", "status": 429, "data": {"message": "slow"}},
		{"path": "/crm/v3/properties/tickets", "status": 503, "data": "down"},
		{"path": "/crm/v3/properties/gone", "status": 204, "data": ""}
	]
}`

var _ = Describe("The stub", func() {
	var (
		stub   *hubspotstub.Stub
		server *httptest.Server
	)

	BeforeEach(func() {
		var portal hubspotstub.Portal
		Expect(json.Unmarshal([]byte(account), &portal)).To(Succeed())
		stub = hubspotstub.New(portal)
		server = httptest.NewServer(stub)
		DeferCleanup(server.Close)
	})

	ask := func(method, path, body string) (int, string, error) {
		request, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		Expect(err).NotTo(HaveOccurred())
		response, err := server.Client().Do(request)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		return response.StatusCode, string(answer), err
	}
	answers := func(method, path, body string, status int, want string) {
		GinkgoHelper()
		got, answer, err := ask(method, path, body)
		Expect(err).NotTo(HaveOccurred())
		Expect(got).To(Equal(status), answer)
		if strings.HasPrefix(want, "{") || strings.HasPrefix(want, "[") {
			Expect(answer).To(MatchJSON(want))
		} else {
			Expect(answer).To(ContainSubstring(want))
		}
	}

	It("lists the properties of an object type in every family of URLs", func() {
		contacts := `[{"name": "email", "type": "string", "hasUniqueValue": true}, {"name": "born", "type": "date", "calculated": false}]`
		answers("GET", "/crm/v3/properties/contacts", "", 200, `{"results": `+contacts+`}`)
		answers("GET", "/crm/properties/2026-09/contacts", "", 200, `{"results": `+contacts+`}`)
		answers("GET", "/properties/v1/contacts/properties", "", 200, contacts)
		answers("GET", "/crm/v3/properties/cars", "", 200, `{"results": [{"name": "born", "type": "number"}]}`)
		answers("GET", "/crm/v3/properties/companies", "", 200, `{"results": [{"name": "email", "type": "string"}, {"name": "born", "type": "date", "calculated": false},
			{"name": "domain", "type": "string", "hasUniqueValue": false}, {"name": "key", "type": "string", "hasUniqueValue": true}]}`)
	})

	It("finds records by values in lower case, among secondary ones too", func() {
		both := `{"filterGroups": [
			{"filters": [{"propertyName": "email", "operator": "IN", "values": ["ann@x.com", "b@x.com", "BOB@x.com"]}]},
			{"filters": [{"propertyName": "hs_additional_emails", "operator": "IN", "values": ["b@x.com"]}]}],
			"properties": ["email", "hs_additional_emails"]}`
		answers("POST", "/crm/v3/objects/contacts/search", both, 200, `{"total": 1, "results": [{"id": "1", "archived": false,
			"properties": {"email": "Ann@x.com", "hs_additional_emails": "a@x.com;B@x.com", "hs_object_id": "1"}}]}`)
		answers("POST", "/crm/objects/2026-03/contacts/search", `{"filterGroups": [{"filters": [
			{"propertyName": "n", "operator": "EQ", "value": 7}, {"propertyName": "ref", "operator": "EQ", "value": "R"}]}], "properties": ["n"]}`,
			200, `{"total": 1, "results": [{"id": "2", "archived": false, "properties": {"n": "7", "hs_object_id": "2"}}]}`)
		answers("POST", "/crm/v3/objects/unheard/search", both, 200, `{"total": 0, "results": []}`)
	})

	It("gives results a page at a time", func() {
		search := `{"filterGroups": [{"filters": [{"propertyName": "ref", "operator": "IN", "values": ["r"]}]}], "limit": 200`
		answers("POST", "/crm/v3/objects/contacts/search", search+`}`, 200, `{"total": 3, "paging": {"next": {"after": "2"}}, "results": [
			{"id": "1", "archived": false, "properties": {"hs_object_id": "1"}}, {"id": "2", "archived": false, "properties": {"hs_object_id": "2"}}]}`)
		answers("POST", "/crm/v3/objects/contacts/search", search+`, "after": "2"}`, 200, `{"total": 3, "results": [
			{"id": "3", "archived": false, "properties": {"hs_object_id": "3"}}]}`)
	})

	It("refuses what HubSpot refuses, and what it does not know itself", func() {
		search := "/crm/v3/objects/contacts/search"
		answers("POST", search, `{"limit": 201}`, 400, "limit")
		answers("POST", search, `{"after": "9"}`, 400, "after")
		answers("POST", search, `{`, 400, "Invalid input JSON")
		answers("POST", search, `{"filterGroups": [{"filters": [{"propertyName": "email", "operator": "LIKE", "value": "x"}]}]}`, 400, "LIKE")
		answers("GET", "/crm/v3/objects/contacts/1", "", 404, "the stub knows no GET")
	})

	It("has fixed answers", func() {
		answers("GET", "/crm/v3/properties/deals", "", 429, `{"message": "slow"}`)
		answers("GET", "/crm/v3/properties/tickets", "", 503, "down")
		answers("GET", "/crm/v3/properties/gone", "", 204, "")
	})

	It("counts what it is asked", func() {
		for range 2 {
			_, _, err := ask("GET", "/crm/v3/properties/deals", "")
			Expect(err).NotTo(HaveOccurred())
		}
		_, _, err := ask("POST", "/crm/v3/objects/contacts/search", "{}")
		Expect(err).NotTo(HaveOccurred())
		Expect(stub.Calls()).To(Equal(map[string]int{"/crm/v3/properties/deals": 2, "/crm/v3/objects/contacts/search": 1}))
		Expect(stub.Total("/search")).To(Equal(1))
		Expect(stub.Total("")).To(Equal(3))
	})

	It("makes trouble, as often as it is told", func() {
		stub.Break(
			hubspotstub.Fault{Path: "/search", Reset: true},
			hubspotstub.Fault{Times: 1, Status: 429, Header: map[string]string{"Retry-After": "3"}, Body: "no JSON"},
			hubspotstub.Fault{Times: 1, Delay: time.Millisecond},
		)
		_, _, err := ask("POST", "/crm/v3/objects/contacts/search", "{}")
		Expect(errors.Is(err, io.EOF)).To(BeTrue())
		response, err := http.Get(server.URL + "/crm/v3/properties/contacts")
		Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		Expect(response.StatusCode).To(Equal(429))
		Expect(response.Header.Get("Retry-After")).To(Equal("3"))
		for range 2 { // late, then well
			answers("GET", "/crm/v3/properties/contacts", "", 200, "results")
		}
		_, _, err = ask("POST", "/crm/v3/objects/contacts/search", "{}")
		Expect(err).To(HaveOccurred())
		stub.Break()
		answers("POST", "/crm/v3/objects/contacts/search", "{}", 200, `{"total": 0, "results": []}`)
	})
})
