package simulator_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/go-json-experiment/json/jsontext"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

// only is a portal with one kind of trouble.
func only(kind simulator.FaultKind) string {
	weights := []string{}
	for _, k := range simulator.FaultKinds {
		if k != kind {
			weights = append(weights, fmt.Sprintf("%q: 0", k))
		}
	}
	return `{"faults": {"slow": "1ms", "weights": {` + strings.Join(weights, ",") + `}}, "searchLag": "0s"}`
}

const (
	upsertPath = "/crm/v3/objects/contacts/batch/upsert"
	ann        = `{"inputs": [{"id": "ann@example.com", "idProperty": "email", "properties": {"firstname": "Ann"}, "objectWriteTraceId": "1"}]}`
	annWrong   = `{"inputs": [{"id": "ann@example.com", "idProperty": "email", "properties": {"nothing": "x"}, "objectWriteTraceId": "1"}]}`
)

var always = simulator.Options{Faults: 1, Seed: 3}

var _ = Describe("Trouble", func() {
	DescribeTable("in place of an answer writes nothing", func(kind simulator.FaultKind, status int, content, text string) {
		w := simulate(only(kind), always)
		answer := w.post(upsertPath, ann)
		Expect(answer.status).To(Equal(status))
		Expect(answer.header.Get("Content-Type")).To(HavePrefix(content))
		Expect(answer.text).To(ContainSubstring(text))
		Expect(w.list("objects/contacts")).To(BeEmpty())
		Expect(w.list("requests")).To(ConsistOf(And(HaveKeyWithValue("fault", string(kind)), HaveKeyWithValue("status", BeEquivalentTo(status)))))
	},
		Entry(nil, simulator.FaultLocked, 423, "application/json", `"status":"error"`),
		Entry(nil, simulator.FaultMigrating, 477, "application/json", `"status":"error"`),
		Entry(nil, simulator.FaultInternal, 500, "application/json", `"correlationId"`),
		Entry(nil, simulator.FaultBadGateway, 502, "application/json", `"status":"error"`),
		Entry(nil, simulator.FaultUnavailable, 503, "application/json", `"status":"error"`),
		Entry(nil, simulator.FaultHTML, 502, "text/html", "<html>"),
		Entry(nil, simulator.FaultEmpty, 200, "application/json", `"results":[]`),
	)

	It("says when a migration is over", func() {
		w := simulate(only(simulator.FaultMigrating), always)
		Expect(w.post(upsertPath, ann).header.Get("Retry-After")).To(MatchRegexp(`^[123]$`))
	})

	DescribeTable("of gateways may have written, or not", func(kind simulator.FaultKind, status int) {
		w := simulate(only(kind), always)
		for i := range 20 {
			Expect(w.post(upsertPath, strings.ReplaceAll(ann, "ann@", fmt.Sprintf("ann%d@", i))).status).To(Equal(status))
		}
		Expect(len(w.list("objects/contacts"))).To(And(BeNumerically(">", 0), BeNumerically("<", 20)))
	},
		Entry(nil, simulator.FaultTimeout, 504),
		Entry(nil, simulator.FaultSlowOrigin, 524),
	)

	DescribeTable("breaks connections", func(kind simulator.FaultKind, written int) {
		w := simulate(only(kind), always)
		err := w.post(upsertPath, ann).err
		Expect(errors.Is(err, syscall.ECONNRESET)).To(BeTrue(), "%v", err)
		Expect(w.list("objects/contacts")).To(HaveLen(written))
		Expect(w.list("requests")[0]).To(And(HaveKeyWithValue("status", BeEquivalentTo(0)), HaveKeyWithValue("fault", string(kind))))
	},
		Entry(nil, simulator.FaultResetBefore, 0),
		Entry(nil, simulator.FaultResetAfter, 1),
	)

	It("cuts answers, with and without a word about their length, when all is written", func() {
		w := simulate(only(simulator.FaultTruncated), always)
		broken, cut := 0, 0
		for i := range 20 {
			answer := w.post(upsertPath, strings.ReplaceAll(ann, "ann@", fmt.Sprintf("ann%d@", i)))
			Expect(jsontext.Value(answer.text).IsValid()).To(BeFalse())
			if answer.err != nil {
				broken++
			} else {
				Expect(answer.status).To(Equal(200))
				cut++
			}
		}
		Expect(broken).To(BeNumerically(">", 0))
		Expect(cut).To(BeNumerically(">", 0))
		Expect(w.list("objects/contacts")).To(HaveLen(20))
	})

	It("loses trace ids of errors, and only those", func() {
		w := simulate(only(simulator.FaultLostTrace), always)
		refused := w.post(upsertPath, annWrong)
		Expect(refused.status).To(Equal(207), refused.text)
		Expect(refused.body["errors"]).To(ConsistOf(HaveKey("message")))
		Expect(refused.text).NotTo(ContainSubstring("objectWriteTraceId"))
		fine := w.post(upsertPath, ann)
		Expect(fine.status).To(Equal(200))
		Expect(fine.text).To(ContainSubstring(`"objectWriteTraceId":"1"`))
		Expect(w.list("requests")[1]).NotTo(HaveKey("fault"))
	})

	It("comes late, and is right then", func() {
		w := simulate(only(simulator.FaultSlow), always)
		Expect(w.post(upsertPath, ann).status).To(Equal(200))
		Expect(w.list("objects/contacts")).To(HaveLen(1))
		Expect(w.list("requests")[0]).To(HaveKeyWithValue("fault", "slow"))
	})

	It("is the same for the same seed, and comes as often as it was asked for", func() {
		kinds := func(seed uint64) (list []any, faults int) {
			w := simulate(`{"faults": {"slow": "0s"}}`, simulator.Options{Faults: 0.2, Seed: seed})
			for range 400 {
				w.ask("t", "GET", details, "")
			}
			for _, r := range w.list("requests") {
				if list = append(list, r["fault"]); r["fault"] != nil {
					faults++
				}
			}
			return list, faults
		}
		first, n := kinds(7)
		Expect(n).To(BeNumerically("~", 80, 30))
		second, _ := kinds(7)
		Expect(second).To(Equal(first))
		other, _ := kinds(8)
		Expect(other).NotTo(Equal(first))
	})

	It("never meets who looks", func() {
		w := simulate(`{"tokens": [{"token": "a", "scopes": []}], "limits": {"burst": 0, "daily": 0}}`, always)
		for range 50 {
			Expect(w.ask("", "GET", "/_sim/stats", "").status).To(Equal(200))
		}
		Expect(w.list("requests")).To(BeEmpty())
	})
})
