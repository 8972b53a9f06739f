//go:build linux

package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/rudderserver"
)

var _ = Describe("Go's profiles", func() {
	const page = "/debug/pprof/goroutine?debug=1"

	It("are not shown, unless they are asked for", func() {
		status, text, err := start(GinkgoTB()).get(page)
		Expect(err).NotTo(HaveOccurred())
		Expect(status).To(Equal(404))
		Expect(text).NotTo(ContainSubstring("goroutine profile"))
	})

	It("are shown at an address of their own, and nothing else is there", func() {
		address := closedPort()
		celmap := start(GinkgoTB(), "--pprof", strings.TrimPrefix(address, "http://"))
		shown := func(path string) (int, string) {
			GinkgoHelper()
			answer, err := rudderserver.Client.Get(address + path)
			Expect(err).NotTo(HaveOccurred())
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			Expect(err).NotTo(HaveOccurred())
			return answer.StatusCode, string(text)
		}
		status, text := shown(page)
		Expect(status).To(Equal(200))
		Expect(text).To(ContainSubstring("goroutine profile"))
		status, _ = shown("/metrics")
		Expect(status).To(Equal(404))
		status, _, err := celmap.get(page)
		Expect(err).NotTo(HaveOccurred())
		Expect(status).To(Equal(404))
	})
})

// labelled are the labels of metrics by their name, in the order of the alphabet.
type labelled map[string][]string

var (
	typed   = regexp.MustCompile(`(?m)^# TYPE (celmap_\w+) (\w+)$`)
	label   = regexp.MustCompile(`([a-zA-Z_]\w*)="(?:[^"\\]|\\.)*"`)
	quoted  = regexp.MustCompile("`([^`]+)`")
	runtime = regexp.MustCompile(`(?m)^# TYPE (go|process)_\w+ `)
)

// shownMetrics are those of celmap's own on a page of Prometheus.
func shownMetrics(text string) labelled {
	shown := labelled{}
	for _, m := range typed.FindAllStringSubmatch(text, -1) {
		sample := m[1]
		if m[2] == "histogram" {
			sample += "_sum"
		}
		line := regexp.MustCompile(`(?m)^` + sample + `(?:\{(.*)\})? `).FindStringSubmatch(text)
		Expect(line).NotTo(BeNil(), sample)
		names := []string{}
		for _, l := range label.FindAllStringSubmatch(line[1], -1) {
			names = append(names, l[1])
		}
		shown[m[1]] = names
	}
	return shown
}

// toldMetrics are those in the table of a guide.
func toldMetrics(file string) labelled {
	GinkgoHelper()
	guide, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	told := labelled{}
	for line := range strings.Lines(string(guide)) {
		if !strings.HasPrefix(line, "| `celmap_") {
			continue
		}
		columns := strings.Split(line, "|")
		labels := []string{}
		for _, l := range quoted.FindAllStringSubmatch(columns[2], -1) {
			labels = append(labels, l[1])
		}
		for _, name := range quoted.FindAllStringSubmatch(columns[1], -1) {
			if strings.HasPrefix(name[1], "celmap_") {
				told[name[1]] = labels
			}
		}
	}
	return told
}

// sameMetrics compares the metrics of a page with those that a guide tells of.
func sameMetrics(page, guide string) {
	GinkgoHelper()
	shown, told := shownMetrics(page), toldMetrics("../../"+guide)
	Expect(told).NotTo(BeEmpty())
	for name, labels := range shown {
		Expect(told).To(HaveKeyWithValue(name, ConsistOf(labels)), "what /metrics shows, in %s", guide)
	}
	for name := range told {
		Expect(shown).To(HaveKey(name), "what %s tells of, on /metrics", guide)
	}
}

var _ = Describe("The metrics", func() {
	It("of celmap serve are those of docs/operators.md, once all there is has happened", func() {
		hub := newHubSpot()
		DeferCleanup(hub.Close)
		a := hub.open()
		upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) }))
		DeferCleanup(upstream.Close)
		celmap := start(GinkgoTB(), append(hub.connectTo(), "--upstream", upstream.URL)...)

		to := destination("hs", newAPI(a.token, "customer_code"))
		jobs := people(2, to)
		jobs = append(jobs, job(3, "u", identify("u", 3, map[string]any{"email": "u@example.test", "customer_code": "k1", "Unheard Of": 1, "unheard-of": 2}), to))
		call := transformOf(jobs)
		answer, err := celmap.transform(call)
		Expect(err).NotTo(HaveOccurred())
		Expect(answer.Statuses()).To(HaveEach(200))
		Expect(celmap.metric("celmap_warnings_total", `destination="hubspot"`, `code="not_sent"`)).To(Equal(2.0))
		a.write.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }))
		delivery, err := rudderserver.NewProxy(1, "hs", answer.Elements[0], answer.Elements[0].Requests[0])
		Expect(err).NotTo(HaveOccurred())
		_, err = delivery.Send(context.Background(), rudderserver.Client, celmap.url)
		Expect(err).NotTo(HaveOccurred())
		call.Body = []byte(`{"input":7,"destType":"hs"}`) // refused
		_, err = call.Send(context.Background(), rudderserver.Client, celmap.url)
		Expect(err).NotTo(HaveOccurred())
		_, _, err = celmap.get("/anything") // of upstream
		Expect(err).NotTo(HaveOccurred())
		Expect(celmap.cmd.Process.Signal(syscall.SIGHUP)).To(Succeed())
		Eventually(func() (float64, error) { return celmap.metric("celmap_rules_loads_total") }).WithTimeout(starting).Should(BeNumerically(">=", 2))

		status, text, err := celmap.get("/metrics")
		Expect(err).NotTo(HaveOccurred())
		Expect(status).To(Equal(200))
		sameMetrics(text, "docs/operators.md")
		Expect(runtime.FindAllString(text, -1)).NotTo(BeEmpty())
		Expect(text).NotTo(Or(ContainSubstring(a.token), ContainSubstring("@"), ContainSubstring("k1")))
	})

	It("of celmap send are those of docs/delivery.md, once all there is has happened", func() {
		hub := newHubSpot()
		DeferCleanup(hub.Close)
		a := hub.open()
		var writes atomic.Int32
		a.write.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if writes.Add(1) == 1 { // which is waited for
				w.WriteHeader(http.StatusTooManyRequests)
				fmt.Fprint(w, `{"status":"error","message":"You have reached your secondly limit.","errorType":"RATE_LIMIT","policyName":"SECONDLY"}`)
				return
			}
			fmt.Fprint(w, `{"status":"COMPLETE","results":[{"id":"1"}]}`)
		}))
		folder := GinkgoT().TempDir()
		config := filepath.Join(folder, "config.json")
		Expect(os.WriteFile(config, encoded(newAPI(a.token, "email")), 0o600)).To(Succeed())
		address := closedPort()
		sender := exec.Command(command, append([]string{"send", "--config", config, "--state", filepath.Join(folder, "state"), "--metrics", strings.TrimPrefix(address, "http://")}, hub.connectTo()...)...)
		input, err := sender.StdinPipe()
		Expect(err).NotTo(HaveOccurred())
		var said bytes.Buffer
		sender.Stderr = &said
		Expect(sender.Start()).To(Succeed())
		DeferCleanup(func() { _ = sender.Process.Kill() }) // unless it has ended
		for _, email := range []string{"ada@example.test", "none"} {
			_, err := fmt.Fprintf(input, "%s\n", encoded(identify("u", 1, map[string]any{"email": email})))
			Expect(err).NotTo(HaveOccurred())
		}
		var page string
		Eventually(func(g Gomega) {
			answer, err := rudderserver.Client.Get(address + "/metrics")
			g.Expect(err).NotTo(HaveOccurred())
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			g.Expect(err).NotTo(HaveOccurred())
			page = string(text)
			g.Expect(page).To(And(ContainSubstring("\n"+`celmap_send_events_total{outcome="delivered"} 1`), ContainSubstring("\n"+`celmap_send_events_total{outcome="dead"} 1`)))
		}).WithTimeout(starting).WithPolling(50 * time.Millisecond).Should(Succeed())
		sameMetrics(page, "docs/delivery.md")
		Expect(page).NotTo(Or(ContainSubstring(a.token), ContainSubstring("@")))
		Expect(input.Close()).To(Succeed())
		Expect(sender.Wait()).To(Succeed(), "%s", &said)
	})
})
