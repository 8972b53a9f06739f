package send

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/internal/queue"
)

// stored opens a queue in a folder of its own, and takes in events for it.
func stored() (*queue.Queue, *Intake) {
	GinkgoHelper()
	q, err := queue.Open(context.Background(), queue.Options{Dir: GinkgoT().TempDir()})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(q.Close)
	connection, err := crm().Bind(engine.Settings{Config: []byte(config), Delivers: true})
	Expect(err).NotTo(HaveOccurred())
	return q, &Intake{Queue: q, Connection: connection, Tally: NewTally()}
}

// items takes n items out of a queue.
func items(q *queue.Queue, n int) []queue.Item {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	w, err := q.Work(ctx)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(w.Close)
	var all []queue.Item
	for len(all) < n {
		more, err := w.Next(ctx, n)
		Expect(err).NotTo(HaveOccurred())
		all = append(all, more...)
	}
	return all
}

var _ = Describe("A door", func() {
	var (
		q    *queue.Queue
		in   *Intake
		door *Door
	)
	BeforeEach(func() {
		q, in = stored()
		door = NewDoor(in, "", nil)
	})
	post := func(path, body string, change ...func(*http.Request)) (int, string) {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		for _, f := range change {
			f(r)
		}
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		return w.Code, strings.TrimSpace(w.Body.String())
	}

	It("stores the events of a gateway's batch before it answers", func() {
		status, _ := post("/v1/batch", `{"batch":[{"type":"identify","userId":"u1","traits":{"email":"ann@x.com","n":12345678901234567890}},{"type":"track","anonymousId":"a1","event":"Bought"}],"sentAt":"2024-03-05T10:00:00Z"}`)
		Expect(status).To(Equal(200))
		depth, err := q.Depth(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(depth.Events).To(BeEquivalentTo(2))
		all := items(q, 2)
		Expect(string(all[0].JSON)).To(ContainSubstring(`"n":12345678901234567890`))
	})

	It("gives an event what it lacks", func() {
		status, _ := post("/v1/track", `{"userId":"u1","event":"Bought","messageId":"","originalTimestamp":"2024-03-05T10:00:00Z","sentAt":"2024-03-05T10:00:30Z","receivedAt":"2024-03-05T10:05:30.5Z"}`)
		Expect(status).To(Equal(200))
		var e map[string]string
		Expect(json.Unmarshal(items(q, 1)[0].JSON, &e)).To(Succeed())
		Expect(e).To(HaveKeyWithValue("type", "track"))
		Expect(e).To(HaveKeyWithValue("timestamp", "2024-03-05T10:05:00.500Z"))
		Expect(e["messageId"]).To(MatchRegexp(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`))
	})

	It("leaves an event as it is that has all", func() {
		text := `{"messageId":"m","receivedAt":"2024-03-05T10:00:00Z","originalTimestamp":"2024-03-05T10:00:00Z","sentAt":"2024-03-05T10:00:00Z","timestamp":"2024-03-05T09:00:00+01:00","type":"identify","n":1.50}`
		status, _ := post("/hook", `{"message":`+text+`,"metadata":{"jobId":1}}`)
		Expect(status).To(Equal(200))
		Expect(string(items(q, 1)[0].JSON)).To(Equal(text))
	})

	DescribeTable("takes what a webhook sends", func(body string, n int) {
		status, _ := post("/any/path", body)
		Expect(status).To(Equal(200))
		depth, err := q.Depth(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(depth.Events).To(BeEquivalentTo(n))
	},
		Entry("one event", `{"type":"identify"}`, 1),
		Entry("a list", `[{"type":"identify"},{"type":"track"}]`, 2),
		Entry("a batch", `{"batch":[{"type":"identify"},{"type":"track"}]}`, 2),
		Entry("nothing", `[]`, 0),
	)

	It("reads gzip", func() {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		fmt.Fprint(w, `{"type":"identify"}`)
		Expect(w.Close()).To(Succeed())
		status, _ := post("/", packed.String(), func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") })
		Expect(status).To(Equal(200))
	})

	DescribeTable("refuses, and stores nothing", func(path, body string, status int, says string) {
		got, text := post(path, body)
		Expect(got).To(Equal(status))
		Expect(text).To(ContainSubstring(says))
		depth, err := q.Depth(context.Background())
		Expect(err).NotTo(HaveOccurred())
		Expect(depth.Events).To(BeZero())
	},
		Entry("what is no JSON", "/v1/batch", `{"batch":[`, 400, "no JSON"),
		Entry("what is no batch", "/v1/batch", `{"type":"identify"}`, 400, `{"batch": [events]}`),
		Entry("an event of nobody", "/v1/batch", `{"batch":[{"type":"identify","userId":"u"},{"type":"track"}]}`, 400, "event 1 has neither userId nor anonymousId"),
		Entry("what is no event", "/hook", `[{"type":"identify"},7]`, 400, "event 1 is no JSON object"),
		Entry("an unknown page", "/v1/pixel", `{"userId":"u"}`, 404, "/v1/batch"),
		Entry("a large event", "/hook", `[{"type":"track","x":"`+strings.Repeat("x", MostEvent)+`"}]`, 413, "event 0"),
		Entry("a large body", "/hook", `["`+strings.Repeat("x", mostBody)+`"]`, 413, "fewer events"),
	)

	It("asks for the write key", func() {
		door.WriteKey = "key"
		status, text := post("/v1/track", `{"userId":"u"}`)
		Expect(status).To(Equal(401))
		Expect(text).NotTo(ContainSubstring("key\""))
		status, _ = post("/v1/track", `{"userId":"u"}`, func(r *http.Request) { r.SetBasicAuth("key", "") })
		Expect(status).To(Equal(200))
	})

	It("asks to try again where nothing can be stored", func() {
		Expect(q.Close()).To(Succeed())
		status, text := post("/v1/track", `{"userId":"u"}`)
		Expect(status).To(Equal(503))
		Expect(text).To(ContainSubstring("again"))
	})

	It("says that it is up, and takes nothing with GET", func() {
		for path, status := range map[string]int{"/health": 200, "/v1/track": 405} {
			w := httptest.NewRecorder()
			door.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			Expect(w.Code).To(Equal(status))
		}
	})
})

var _ = Describe("A file", func() {
	var (
		in   *Intake
		q    *queue.Queue
		name string
	)
	BeforeEach(func() {
		q, in = stored()
		name = filepath.Join(GinkgoT().TempDir(), "events.ndjson")
	})
	write := func(text string) {
		GinkgoHelper()
		Expect(os.WriteFile(name, []byte(text), 0o600)).To(Succeed())
	}
	read := func(again bool) (nothingNew bool, stored int64) {
		GinkgoHelper()
		before, err := q.Depth(context.Background())
		Expect(err).NotTo(HaveOccurred())
		nothingNew, err = in.File(context.Background(), name, again)
		Expect(err).NotTo(HaveOccurred())
		depth, err := q.Depth(context.Background())
		Expect(err).NotTo(HaveOccurred())
		return nothingNew, depth.Events - before.Events
	}
	const one, two, three = `{"type":"identify","userId":"a"}` + "\n", `{"type":"identify","userId":"b"}` + "\n", `{"type":"identify","userId":"c"}` + "\n"

	It("is read once, then only what was added, then all of it if it is another", func() {
		write(one + two)
		_, n := read(false)
		Expect(n).To(BeEquivalentTo(2))
		nothingNew, n := read(false)
		Expect(nothingNew).To(BeTrue())
		Expect(n).To(BeZero())
		write(one + two + three)
		nothingNew, n = read(false)
		Expect(nothingNew).To(BeFalse())
		Expect(n).To(BeEquivalentTo(1))
		write(two + one)
		_, n = read(false)
		Expect(n).To(BeEquivalentTo(2))
		nothingNew, n = read(true)
		Expect(nothingNew).To(BeFalse())
		Expect(n).To(BeEquivalentTo(2))
		f := in.Tally.Figures(0).Events
		Expect([]int64{f.Read, f.Skipped, f.Stored}).To(Equal([]int64{11, 4, 7}))
	})

	It("gives events that have no messageId the same one whenever it is read", func() {
		write(one + "no JSON\n")
		read(false)
		read(true)
		all := items(q, 4)
		Expect(all[0].JSON).To(Equal(all[2].JSON))
		Expect(string(all[0].JSON)).To(ContainSubstring(`"messageId":"`))
		Expect(string(all[1].JSON)).To(Equal("no JSON"))
		Expect(all[1].Origin).To(HaveSuffix("events.ndjson:2"))
	})

	It("has its events taken one by one where one is too large", func() {
		write(one + `{"x":"` + strings.Repeat("x", MostEvent) + `"}` + "\n" + two)
		_, n := read(false)
		Expect(n).To(BeEquivalentTo(3))
		Expect(string(items(q, 3)[1].JSON)).To(ContainSubstring("send less data"))
	})
})
