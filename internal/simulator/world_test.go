package simulator_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/simulator"
)

// world is a simulator behind HTTP whose clock the test has.
type world struct {
	url string
	at  atomic.Int64
}

// opened is when clocks of tests start: half past ten in the evening in Berlin.
var opened = time.Date(2026, 11, 23, 21, 30, 0, 0, time.UTC)

// simulate runs a simulator of a portal file in JSON.
func simulate(portal string, o simulator.Options) *world {
	GinkgoHelper()
	p, err := simulator.ReadPortal([]byte(portal))
	Expect(err).NotTo(HaveOccurred())
	w := &world{}
	w.at.Store(opened.UnixNano())
	o.Now = func() time.Time { return time.Unix(0, w.at.Load()) }
	s, err := simulator.New(p, o)
	Expect(err).NotTo(HaveOccurred())
	server := httptest.NewServer(s)
	DeferCleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *world) advance(by time.Duration) { w.at.Add(int64(by)) }

// got is an answer.
type got struct {
	status int
	header http.Header
	text   string
	body   map[string]any
	err    error
}

// ask sends a request with a token.
func (w *world) ask(token, method, path, body string) got {
	GinkgoHelper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return got{err: err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	g := got{status: answer.StatusCode, header: answer.Header, text: string(text), err: err}
	_ = json.Unmarshal(text, &g.body) // not all is JSON
	return g
}

// post posts JSON with a token that is good where any is.
func (w *world) post(path, body string) got {
	GinkgoHelper()
	return w.ask("made-up", "POST", path, body)
}

// list reads a list of /_sim.
func (w *world) list(path string) []map[string]any {
	GinkgoHelper()
	answer := w.ask("", "GET", "/_sim/"+path, "")
	Expect(answer.status).To(Equal(200), answer.text)
	lines := []map[string]any{}
	for s := bufio.NewScanner(strings.NewReader(answer.text)); s.Scan(); {
		var line map[string]any
		Expect(json.Unmarshal(s.Bytes(), &line)).To(Succeed())
		lines = append(lines, line)
	}
	return lines
}
