package serve

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gleak"
	"github.com/onsi/gomega/types"

	"github.com/celmap/celmap/engine"
	"github.com/celmap/celmap/schemas"
)

func TestServe(t *testing.T) {
	RegisterFailHandler(Fail)
	released = scribble
	SetDefaultEventuallyTimeout(10 * time.Second)
	SetDefaultEventuallyPollingInterval(5 * time.Millisecond)
	RunSpecs(t, "internal/serve")
}

// The rules of a made-up destination.
const (
	destinationFile = `celmap: destination/v1
name: notes
aliases: [N]
events: rudderstack
hosts: {api: https://api.example.com}
routes:
  - when: type == "track"
    to: note
  - filter: only tracks are kept
requests:
  notes: {method: POST, host: api, url: /notes, envelope: {notes: =items}, max: 10}
`
	mappingFile = `celmap: mapping/v1
name: note
objects:
  note:
    under: [properties]
    set:
      text: text
send:
  - {name: note, request: notes, item: =note}
`
	fixtureFile = `celmap: fixture/v1
destination: notes
event: {type: track, properties: {text: hello}}
requests:
  - {method: POST, endpoint: https://api.example.com/notes, body: {notes: [{text: hello}]}}
`
)

// write writes files into a folder, which it makes.
func write(folder string, files map[string]string) {
	GinkgoHelper()
	for name, text := range files {
		file := filepath.Join(folder, name)
		Expect(os.MkdirAll(filepath.Dir(file), 0o755)).To(Succeed())
		Expect(os.WriteFile(file, []byte(text), 0o644)).To(Succeed())
	}
}

// rulesIn writes the rules into a folder.
func rulesIn(folder string) string {
	GinkgoHelper()
	write(folder, map[string]string{"destination.yaml": destinationFile, "note.yaml": mappingFile})
	return folder
}

var eventSchemas = func() fs.FS {
	events, err := fs.Sub(schemas.FS, "events")
	if err != nil {
		panic(err)
	}
	return events
}()

// folderMapping is a folder of rules as the command line serves it.
func folderMapping(folder string) Mapping {
	return Mapping{Name: filepath.Base(folder), Folder: folder, Load: func() (*engine.Program, []string, error) {
		p, err := engine.Load(os.DirFS(folder), engine.WithName(filepath.Base(folder)), engine.WithEvents("rudderstack", eventSchemas))
		return p, nil, err
	}}
}

// running is a server that runs.
type running struct {
	*Server
	url  string
	log  *gbytes.Buffer
	stop context.CancelFunc
	done chan error
}

// start runs a server with the rules in a folder, until the test ends. Nothing of
// it may be left then.
func start(change ...func(*Options)) *running {
	GinkgoHelper()
	before := gleak.Goroutines()
	log := gbytes.NewBuffer()
	o := Options{
		Watch: true, MaxBody: 8 << 20, MaxBodies: 64 << 20, MaxInFlight: 100, Timeout: time.Minute, Version: "1.2.3",
		Log: slog.New(slog.NewJSONHandler(io.MultiWriter(log, GinkgoWriter), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&o)
	}
	if o.Mappings == nil {
		o.Mappings = []Mapping{folderMapping(rulesIn(filepath.Join(GinkgoT().TempDir(), "notes")))}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	r := &running{Server: New(o), url: "http://" + l.Addr().String(), log: log, done: make(chan error, 1)}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	ready := make(chan struct{})
	go func() { r.done <- r.Run(ctx, l, func() { close(ready) }) }()
	DeferCleanup(func() {
		stop()
		if r.done != nil {
			Eventually(r.done).Should(Receive(BeNil()))
		}
		http.DefaultClient.CloseIdleConnections()
		Eventually(gleak.Goroutines).ShouldNot(gleak.HaveLeaked(before))
	})
	Eventually(ready).Should(BeClosed())
	return r
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r *running) do(method, path, body string, headers ...string) reply {
	GinkgoHelper()
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return send(request)
}

func send(request *http.Request) reply {
	GinkgoHelper()
	answer, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	return reply{answer.StatusCode, answer.Header, string(data)}
}

func (r *running) get(path string) reply {
	GinkgoHelper()
	return r.do(http.MethodGet, path, "")
}

// metric returns the lines of a metric.
func (r *running) metric(name string) (lines []string) {
	GinkgoHelper()
	for line := range strings.Lines(r.get("/metrics").body) {
		if strings.HasPrefix(line, name+"{") || strings.HasPrefix(line, name+" ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// readyPage returns the page /ready and its status.
func (r *running) readyPage() (status int, page readiness) {
	GinkgoHelper()
	answer := r.get("/ready")
	Expect(json.Unmarshal([]byte(answer.body), &page)).To(Succeed())
	return answer.status, page
}

// say matches a log that holds a text.
func say(text string) types.GomegaMatcher {
	return WithTransform(func(b *gbytes.Buffer) string { return string(b.Contents()) }, ContainSubstring(text))
}
