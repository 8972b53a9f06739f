//go:build linux

package soak

import (
	"bufio"
	"bytes"
	"encoding/json"
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
)

// command is the celmap under test, as make builds it.
var command string

func TestMain(m *testing.M) {
	if runNATS() {
		return
	}
	folder, err := os.MkdirTemp("", "celmap-soak")
	if err != nil {
		panic(err)
	}
	command = filepath.Join(folder, "celmap")
	code := 1
	if text, err := exec.Command("go", "build", "-buildvcs=false", "-o", command, "../../cmd/celmap").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "celmap does not build: %s", text)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// process is a running program.
type process struct {
	name  string
	cmd   *exec.Cmd
	begun time.Time
	over  chan struct{}

	mu    sync.Mutex
	said  bytes.Buffer // on standard error
	ready chan struct{}
	url   string // once it says where it listens
}

var listening = regexp.MustCompile(`listening on (\w+://\S+)`)

// launch starts a program, and does not wait until it is ready.
func launch(name string, cmd *exec.Cmd) *process {
	GinkgoHelper()
	p := &process{name: name, cmd: cmd, begun: time.Now(), over: make(chan struct{}), ready: make(chan struct{})}
	// It ends with the test, however that ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StderrPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(cmd.Start()).To(Succeed())
	go func() {
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			p.mu.Lock()
			p.said.WriteString(line)
			if found := listening.FindStringSubmatch(line); found != nil && p.url == "" {
				p.url = found[1]
				close(p.ready)
			}
			p.mu.Unlock()
			if err != nil {
				break
			}
		}
		_ = cmd.Wait() // how it ended is in ProcessState
		close(p.over)
	}()
	DeferCleanup(func() {
		p.kill()
		if CurrentSpecReport().Failed() {
			lines := strings.SplitAfter(p.stderr(), "\n")
			GinkgoWriter.Printf("%s said at last:\n%s\n", name, strings.Join(lines[max(0, len(lines)-30):], ""))
		}
	})
	return p
}

// address is where a server listens, once it does.
func (p *process) address() string {
	GinkgoHelper()
	select {
	case <-p.ready:
		return p.url
	case <-p.over:
		Fail(p.name + " ended: " + p.stderr())
	case <-time.After(time.Minute):
		Fail(p.name + " does not listen: " + p.stderr())
	}
	return ""
}

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// kill ends it at once, with SIGKILL: it can do nothing about it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be over
	<-p.over
}

func (p *process) running() bool {
	select {
	case <-p.over:
		return false
	default:
		return true
	}
}

// wait returns the exit code.
func (p *process) wait(most time.Duration) int {
	GinkgoHelper()
	select {
	case <-p.over:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(most):
		// What it is at, for whoever has to find out why.
		_ = p.cmd.Process.Signal(syscall.SIGQUIT)
		select {
		case <-p.over:
		case <-time.After(5 * time.Second):
		}
		said := p.stderr()
		Fail(fmt.Sprintf("%s does not end in %v: %s", p.name, most, said[max(0, len(said)-20_000):]))
		return -1
	}
}

// cpu is the processor's time that it has used.
func (p *process) cpu() time.Duration {
	if !p.running() {
		return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before it may have blanks
	fields := strings.Fields(rest)
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / 100
}

// peak is the most memory that it has had so far, in MB. It has to be running: what the system says
// of one that has ended counts what this process had when it started it.
func (p *process) peak() int {
	GinkgoHelper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	Expect(err).NotTo(HaveOccurred())
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
			Expect(err).NotTo(HaveOccurred())
			return kilobytes >> 10
		}
	}
	Fail(p.name + " is not running: " + p.stderr())
	return 0
}

// hub is a running `celmap simulate`.
type hub struct{ *process }

func simulate(arguments ...string) hub {
	GinkgoHelper()
	h := hub{launch("celmap simulate", exec.Command(command, append([]string{"simulate", "--listen", "127.0.0.1:0"}, arguments...)...))}
	h.address()
	return h
}

// connectTo has a sender take the simulator for HubSpot.
func (h hub) connectTo() []string { return []string{"--connect-to", "api.hubapi.com=" + h.url} }

// list reads one of the simulator's lists.
func list[T any](h hub, path string) []T {
	GinkgoHelper()
	response, err := http.Get(h.url + path)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	Expect(response.StatusCode).To(Equal(http.StatusOK), path)
	return lines[T](response.Body)
}

// lines reads NDJSON.
func lines[T any](from io.Reader) []T {
	GinkgoHelper()
	var all []T
	for decoder := json.NewDecoder(from); ; {
		var one T
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		Expect(err).NotTo(HaveOccurred())
		all = append(all, one)
	}
}

// stats are the simulator's counts.
type stats struct {
	Time     time.Time
	Requests int
	Inputs   int
	Events   int
	Status   map[string]int
	Faults   map[string]int
	Writes   map[string]map[string]int
	TooMany  map[string]int
	Limits   []struct {
		Name           string
		Most           int
		Taken, Refused int
		Share          float64
	}
}

func (h hub) stats() stats {
	GinkgoHelper()
	return list[stats](h, "/_sim/stats")[0]
}

// arrived counts what was applied: writes and occurrences.
func (h hub) arrived() int {
	GinkgoHelper()
	now := h.stats()
	sum := now.Events
	for _, n := range now.Writes["contacts"] {
		sum += n
	}
	return sum
}

// outcome reads what came of the events, dead letters aside.
func (h hub) outcome() outcome {
	GinkgoHelper()
	o := outcome{contacts: map[string]map[string]string{}}
	for _, one := range list[struct {
		ID         string
		Properties map[string]string
	}](h, "/_sim/objects/contacts") {
		o.contacts[one.Properties["email"]] = one.Properties
	}
	for _, one := range list[struct {
		ID, Type   string
		Properties map[string]string
	}](h, "/_sim/writes") {
		if one.Type == "contacts" {
			o.writes = append(o.writes, write{one.ID, one.Properties})
		}
	}
	for _, one := range list[struct {
		EventName, Email, UUID string
		Properties             map[string]string
	}](h, "/_sim/events") {
		line, err := strconv.Atoi(one.Properties["order_number"])
		Expect(err).NotTo(HaveOccurred())
		o.orders = append(o.orders, arrival{line, order{strings.ToLower(one.Email), one.EventName}, one.UUID})
	}
	return o
}

// deadLetters lists the lines of the events that could not be delivered.
func deadLetters(arguments ...string) []int {
	GinkgoHelper()
	out, err := exec.Command(command, append([]string{"dead", "list", "--format", "json"}, arguments...)...).Output()
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		Fail("celmap dead list: " + string(failed.Stderr))
	}
	Expect(err).NotTo(HaveOccurred())
	var all []int
	for _, one := range lines[struct{ Origin, MessageID string }](bytes.NewReader(out)) {
		number, named := strings.CutPrefix(one.MessageID, message)
		if !named {
			_, number, _ = strings.Cut(filepath.Base(one.Origin), ":")
		}
		line, err := strconv.Atoi(number)
		Expect(err).NotTo(HaveOccurred(), "a dead letter is of %q and comes from %q", one.MessageID, one.Origin)
		all = append(all, line)
	}
	return all
}
