//go:build linux

package acceptance

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/rudderserver"
)

// command is the celmap under test, as make builds it.
var command string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "celmap-acceptance")
	if err != nil {
		panic(err)
	}
	command = filepath.Join(folder, "celmap")
	arguments := []string{"build", "-buildvcs=false", "-o", command}
	if race {
		arguments = append(arguments, "-race")
	}
	code := 1
	if text, err := exec.Command("go", append(arguments, "../../cmd/celmap")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "celmap does not build: %s", text)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

func TestAcceptance(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "acceptance")
}

// process is a running `celmap serve`.
type process struct {
	url string
	cmd *exec.Cmd

	mu   sync.Mutex
	said bytes.Buffer // on standard error
	over chan struct{}
	err  error // of the exit, once over
}

var listening = regexp.MustCompile(`^listening on (http://\S+)`)

// starting is how long a server may take to be ready, on a machine that does
// other things.
const starting = time.Minute

// start runs `celmap serve` on a port of its own until the test is over.
func start(t testing.TB, arguments ...string) *process {
	t.Helper()
	p, err := launch(arguments...)
	t.Cleanup(func() {
		p.kill()
		if _, found, raced := strings.Cut(p.stderr(), "WARNING: DATA RACE"); raced {
			t.Errorf("celmap serve has a data race:%.5000s", found)
		}
		if t.Failed() {
			lines := strings.SplitAfter(p.stderr(), "\n")
			t.Logf("celmap serve said at last:\n%s", strings.Join(lines[max(0, len(lines)-20):], ""))
		}
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, p.stderr())
	}
	return p
}

func launch(arguments ...string) (*process, error) {
	p := &process{over: make(chan struct{})}
	p.cmd = exec.Command(command, append([]string{"serve", "--listen", "127.0.0.1:0"}, arguments...)...)
	out, err := p.cmd.StderrPipe()
	if err != nil {
		return p, err
	}
	if err := p.cmd.Start(); err != nil {
		return p, err
	}
	url := make(chan string, 1)
	go func() {
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			p.mu.Lock()
			p.said.WriteString(line)
			p.mu.Unlock()
			if found := listening.FindStringSubmatch(line); found != nil {
				url <- found[1]
			}
			if err != nil {
				break
			}
		}
		p.err = p.cmd.Wait()
		close(p.over)
	}()
	deadline := time.After(starting)
	select {
	case p.url = <-url:
	case <-p.over:
		return p, fmt.Errorf("celmap serve ended: %v", p.err)
	case <-deadline:
		return p, errors.New("celmap serve does not listen")
	}
	for {
		if status, _, err := p.get("/ready"); err == nil && status == http.StatusOK {
			return p, nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-p.over:
			return p, fmt.Errorf("celmap serve ended: %v", p.err)
		case <-deadline:
			return p, errors.New("celmap serve does not become ready")
		}
	}
}

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func (p *process) kill() {
	if p.cmd.Process != nil {
		_ = p.cmd.Process.Kill()
		<-p.over
	}
}

// stop ends the server as Kubernetes does, and waits for its end.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.over:
		return p.err
	case <-time.After(starting):
		return errors.New("celmap serve does not end")
	}
}

func (p *process) get(path string) (int, string, error) {
	response, err := rudderserver.Client.Get(p.url + path)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// transform sends a call of /routerTransform and applies every rule to the answer.
func (p *process) transform(t *rudderserver.Transform) (*rudderserver.Answer, error) {
	response, err := t.Send(context.Background(), rudderserver.Client, p.url)
	if err != nil {
		return nil, err
	}
	return t.Check(response)
}

// metric is the sum of a metric's values, of those whose labels hold the texts.
func (p *process) metric(name string, labels ...string) (float64, error) {
	status, text, err := p.get("/metrics")
	if err != nil || status != http.StatusOK {
		return 0, fmt.Errorf("/metrics: %d, %w", status, err)
	}
	sum, found := 0.0, false
lines:
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(rest, label) {
				continue lines
			}
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
		if err != nil {
			return 0, err
		}
		sum, found = sum+value, true
	}
	if !found && len(labels) == 0 {
		return 0, fmt.Errorf("there is no metric %s", name)
	}
	return sum, nil
}

// goroutines tells how many the server has, connections that go away aside:
// callers use Eventually.
func (p *process) goroutines() int {
	n, err := p.metric("go_goroutines")
	Expect(err).NotTo(HaveOccurred())
	return int(n)
}

// usage is what the kernel knows of the server.
type usage struct {
	cpu time.Duration
	rss int64 // bytes
}

func (p *process) usage() usage {
	field := func(file string, n int) int64 {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file))
		if err != nil {
			return 0
		}
		// The name of the program, the second field, may have blanks.
		_, rest, _ := strings.Cut(string(text), ") ")
		if rest == "" {
			rest = string(text)
		}
		value, err := strconv.ParseInt(strings.Fields(rest)[n], 10, 64)
		if err != nil {
			return 0
		}
		return value
	}
	const tick = time.Second / 100
	return usage{
		cpu: time.Duration(field("stat", 11)+field("stat", 12)) * tick,
		rss: field("statm", 1) * int64(os.Getpagesize()),
	}
}
