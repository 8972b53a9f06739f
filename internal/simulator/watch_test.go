package simulator_test

import (
	"bytes"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

var _ = Describe("What arrived", func() {
	It("is shown: records, writes, requests, counts", func() {
		w := simulate(`{}`, simulator.Options{})
		Expect(w.post(upsertPath, ann).status).To(Equal(200))
		Expect(w.post(upsertPath, strings.ReplaceAll(ann, "Ann", "")).status).To(Equal(200))
		Expect(w.post(upsertPath, annWrong).status).To(Equal(207))
		Expect(w.post("/elsewhere", "").status).To(Equal(404))
		contacts := w.list("objects/contacts")
		Expect(contacts).To(ConsistOf(HaveKeyWithValue("properties", And(HaveKeyWithValue("email", "ann@example.com"), Not(HaveKey("firstname"))))))
		Expect(w.list("objects/0-1")).To(Equal(contacts))
		id := contacts[0]["id"]
		Expect(w.list("writes")).To(HaveExactElements(
			And(HaveKeyWithValue("write", "create"), HaveKeyWithValue("type", "contacts"), HaveKeyWithValue("id", id), HaveKeyWithValue("request", BeEquivalentTo(1)),
				HaveKeyWithValue("time", "2026-11-23T21:30:00.000000Z"), HaveKeyWithValue("properties", Equal(map[string]any{"email": "ann@example.com", "firstname": "Ann"}))),
			And(HaveKeyWithValue("write", "update"), HaveKeyWithValue("id", id), HaveKeyWithValue("request", BeEquivalentTo(2)), HaveKeyWithValue("properties", Equal(map[string]any{"firstname": ""}))),
		))
		requests := w.list("requests")
		Expect(requests).To(HaveLen(4))
		Expect(requests[0]).To(And(HaveKeyWithValue("method", "POST"), HaveKeyWithValue("path", upsertPath), HaveKeyWithValue("status", BeEquivalentTo(200)), HaveKeyWithValue("inputs", BeEquivalentTo(1)), HaveKey("time")))
		stats := w.list("stats")[0]
		Expect(stats).To(And(HaveKeyWithValue("requests", BeEquivalentTo(4)), HaveKeyWithValue("inputs", BeEquivalentTo(3)), HaveKeyWithValue("events", BeEquivalentTo(0)),
			HaveKeyWithValue("records", HaveKeyWithValue("contacts", BeEquivalentTo(1))), HaveKeyWithValue("status", And(HaveKeyWithValue("200", BeEquivalentTo(2)), HaveKeyWithValue("404", BeEquivalentTo(1)))),
			HaveKeyWithValue("writes", HaveKeyWithValue("contacts", And(HaveKeyWithValue("create", BeEquivalentTo(1)), HaveKeyWithValue("update", BeEquivalentTo(1)))))))
		Expect(stats["paths"]).To(HaveKeyWithValue("POST /crm/v3/objects/{type}/batch/upsert", HaveKeyWithValue("207", BeEquivalentTo(1))))
		Expect(w.ask("", "GET", "/_sim/objects/butterflies", "").status).To(Equal(404))
		Expect(w.ask("", "GET", "/_sim/else", "").status).To(Equal(404))
	})

	DescribeTable("is counted, whether or not a call was worked out", func(token, method, path, body string, inputs int) {
		w := simulate(`{"tokens": [{"token": "good"}], "limits": {"daily": 1}}`, simulator.Options{})
		Expect(w.ask("good", "GET", details, "").status).To(Equal(200))
		Expect(w.ask(token, method, path, body).status).To(BeNumerically(">=", 400))
		Expect(w.list("requests")[1]).To(HaveKeyWithValue("inputs", BeEquivalentTo(inputs)))
	},
		Entry("a batch with a wrong token", "bad", "POST", upsertPath, `{"a": {"inputs": 7}, "inputs": [{}, {"inputs": [1]}, 3]}`, 3),
		Entry("a batch beyond a limit", "good", "POST", upsertPath, ann, 1),
		Entry("events beyond a limit", "bad", "POST", "/events/v3/send/batch", `{"inputs": [{}, {}]}`, 2),
		Entry("contacts of v1", "good", "POST", "/contacts/v1/contact/batch/", ` [{}, {}]`, 2),
		Entry("a single write", "good", "PATCH", "/crm/v3/objects/contacts/7", `{"properties": {}}`, 1),
		Entry("a write without a body", "good", "DELETE", "/crm/v3/objects/contacts/7", ``, 1),
		Entry("a read", "good", "GET", "/crm/v3/objects/contacts/7", ``, 0),
		Entry("what cannot be read", "good", "POST", upsertPath, `{"inputs": [1, 2`, 0),
		Entry("nothing", "good", "POST", upsertPath, ``, 0),
	)

	It("counts what met trouble, too", func() {
		w := simulate(only(simulator.FaultResetBefore), always)
		Expect(w.post(upsertPath, ann).err).To(HaveOccurred())
		Expect(w.list("requests")).To(ConsistOf(HaveKeyWithValue("inputs", BeEquivalentTo(1))))
	})

	It("is written to a journal, in order and without tokens", func() {
		var journal bytes.Buffer
		w := simulate(`{}`, simulator.Options{Journal: &journal})
		Expect(w.ask("secret-token", "POST", upsertPath, ann).status).To(Equal(200))
		Expect(w.ask("secret-token", "POST", "/events/v3/send?hapikey=", `{"eventName": "pe1_x", "email": "ann@example.com", "properties": {}}`).status).To(Equal(401))
		Expect(w.ask("secret-token", "POST", "/events/v3/send", `{"eventName": "pe1_x", "email": "ann@example.com", "properties": {}}`).status).To(Equal(204))
		Expect(strings.Split(strings.TrimSpace(journal.String()), "\n")).To(HaveExactElements(
			HavePrefix(`{"write":"create"`), And(HavePrefix(`{"request":1,`), ContainSubstring(upsertPath)), And(HavePrefix(`{"request":2,`), ContainSubstring(`"status":401`)),
			ContainSubstring(`"eventName":"pe1_x"`), HavePrefix(`{"request":3,`)))
		Expect(journal.String()).NotTo(ContainSubstring("secret"))
	})

	It("has a clock that goes forward only", func() {
		w := simulate(`{"limits": {"daily": 1}}`, simulator.Options{})
		Expect(w.ask("t", "GET", details, "").status).To(Equal(200))
		Expect(w.ask("t", "GET", details, "").status).To(Equal(429))
		Expect(w.ask("", "POST", "/_sim/clock?advance=24h", "").body).To(HaveKeyWithValue("time", "2026-11-24T21:30:00Z"))
		Expect(w.ask("t", "GET", details, "").status).To(Equal(200))
		Expect(w.ask("", "POST", "/_sim/clock?advance=-1s", "").status).To(Equal(400))
		Expect(w.ask("", "POST", "/_sim/clock?advance=soon", "").text).To(ContainSubstring("5s, 10m or 24h"))
	})
})

var _ = DescribeTable("A portal that cannot be", func(portal, pointer, reason string) {
	p, err := simulator.ReadPortal([]byte(portal))
	if err == nil {
		_, err = simulator.New(p, simulator.Options{})
	}
	Expect(err).To(And(HaveField("Pointer", pointer), HaveField("Reason", ContainSubstring(reason))))
},
	Entry(nil, `{"tokens": [{"token": ""}]}`, "/tokens/0/token", "without blanks"),
	Entry(nil, `{"tokens": [{"token": "a"}, {"token": "a"}]}`, "/tokens/1/token", "listed twice"),
	Entry(nil, `{"tokens": [{"token": "a", "expires": "2026-01-01T00:00:00Z", "expiresIn": "1h"}]}`, "/tokens/0/expiresIn", "not both"),
	Entry(nil, `{"limits": {"tier": "gold"}}`, "/limits/tier", `"gold" is none of free, pro, enterprise, addon`),
	Entry(nil, `{"limits": {"burst": -1}}`, "/limits/burst", "below 0"),
	Entry(nil, `{"faults": {"weights": {"fire": 1}}}`, "/faults/weights/fire", "no such kind"),
	Entry(nil, `{"faults": {"weights": {"slow": -1}}}`, "/faults/weights/slow", "below 0"),
	Entry(nil, `{"faults": {"slow": "soon"}}`, "/faults/slow", "duration"),
	Entry(nil, `{"customEvents": {"repeatedUuid": "never"}}`, "/customEvents/repeatedUuid", "none of ignore, refuse, keep"),
	Entry(nil, `{"customEvents": {"definitions": [{"name": "Bad Name"}]}}`, "/customEvents/definitions/0", "lower-case"),
	Entry(nil, `{"customEvents": {"definitions": [{"name": "a"}, {"label": "A"}]}}`, "/customEvents/definitions/1", "already exists"),
	Entry(nil, `{"objects": {"contacts": {"form": ["firstname", "nick"]}}}`, "/objects/contacts/form/1", `"nick" does not exist`),
	Entry(nil, `{"objects": {"contacts": {"conditions": [{"when": "country", "is": ["US"], "require": ["estate"]}]}}}`, "/objects/contacts/conditions/0/require/0", `"estate" does not exist`),
	Entry(nil, `{"objects": {"car": {"requiredProperties": ["vin"]}}}`, "/objects/car/requiredProperties/0", `"vin" does not exist`),
	Entry(nil, `{"objects": {"contact": {}}}`, "/objects/contact", "another name of contacts"),
	Entry(nil, `{"objects": {"bike": {"objectTypeId": "2-7"}, "car": {"objectTypeId": "2-7"}}}`, "/objects/car/objectTypeId", "2-7 is the id of bike"),
	Entry(nil, `{"objects": {"car": {"objectTypeId": "0-1"}}}`, "/objects/car/objectTypeId", "0-1 is the id of contacts"),
	Entry(nil, `{"objects": {"contacts": {"properties": [{"name": "a", "type": "string"}, {"name": "b", "type": "text"}]}}}`, "/objects/contacts/properties/1", "text"),
	Entry(nil, `{"objects": {"contacts": {"properties": [{"name": "a", "type": "string"}, {"name": "a", "type": "number"}]}}}`, "/objects/contacts/properties/1", `"a" is listed twice`),
	Entry(nil, `{"customEvents": {"definitions": [{"name": "a", "primaryObject": "BOAT"}]}}`, "/customEvents/definitions/0", "Unable to infer object type from: BOAT"),
	Entry(nil, `{"customEvents": {"definitions": [{"name": "a", "customMatchingId": {"primaryObjectRule": {"targetObjectPropertyName": "city", "eventPropertyName": "town"}}}]}}`, "/customEvents/definitions/0", `"city" is not a unique property of contacts`),
	Entry(nil, `{"legacy": {"track": "maybe"}}`, "/legacy/track", "none of ignore, record"),
)
