package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// server is `celmap serve` or `celmap simulate` as a script runs it.
type server struct {
	process *exec.Cmd
	url     string

	mu    sync.Mutex
	log   strings.Builder
	ended chan error
}

// deadline is how long scripts wait for what has to happen.
const deadline = 20 * time.Second

// startServer is `server FLAGS…`, which runs celmap serve and waits until it
// listens. A script has one at a time.
func startServer(ts *testscript.TestScript, neg bool, args []string) {
	start(ts, neg, "serve", args)
}

// startSimulator is `simulator FLAGS…`, which runs celmap simulate in the same way.
func startSimulator(ts *testscript.TestScript, neg bool, args []string) {
	start(ts, neg, "simulate", args)
}

func start(ts *testscript.TestScript, neg bool, verb string, args []string) {
	if neg {
		ts.Fatalf("a server that does not start is run with status")
	}
	celmap, err := exec.LookPath("celmap")
	ts.Check(err)
	s := &server{process: exec.Command(celmap, append([]string{verb, "--listen", "127.0.0.1:0"}, args...)...), ended: make(chan error, 1)}
	s.process.Dir = ts.MkAbs(".")
	s.process.Env = append(os.Environ(), "PWD="+s.process.Dir)
	log, err := s.process.StderrPipe()
	ts.Check(err)
	ts.Check(s.process.Start())
	ts.Defer(func() { _ = s.process.Process.Kill() }) // it may have ended
	listening := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(log)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
				listening <- url
			}
			s.mu.Lock()
			s.log.WriteString(lines.Text() + "\n")
			s.mu.Unlock()
		}
		s.ended <- s.process.Wait()
	}()
	select {
	case s.url = <-listening:
	case err := <-s.ended:
		ts.Fatalf("the server ended: %v\n%s", err, s.said())
	case <-time.After(deadline):
		ts.Fatalf("the server does not listen:\n%s", s.said())
	}
	ts.Setenv("URL", s.url)
	ts.Value(serverKey).(*scriptServer).server = s
}

// api is `api FILE`, which starts an API at $API that answers everything with the
// file.
func api(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: api FILE")
	}
	answer := ts.ReadFile(args[0])
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer) // who does not read it needs none
	}))
	ts.Defer(stub.Close)
	ts.Setenv("API", stub.URL)
}

// scriptServer is the server of a script.
type scriptServer struct{ *server }

const serverKey = "server"

func serverOf(ts *testscript.TestScript) *server {
	s := ts.Value(serverKey).(*scriptServer)
	if s.server == nil {
		ts.Fatalf("start a server first")
	}
	return s.server
}

func (s *server) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// ask sends a request: METHOD PATH [FILE].
func (s *server) ask(ts *testscript.TestScript, args []string) (status int, body string, err error) {
	var content io.Reader
	if len(args) > 2 {
		content = strings.NewReader(ts.ReadFile(args[2]))
	}
	request, err := http.NewRequest(args[0], s.url+args[1], content)
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer made-up") // serve asks for none, the simulator for any
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), err
}

// request is `request STATUS METHOD PATH [FILE]`, which prints the body of the answer.
func request(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: request STATUS METHOD PATH [FILE]")
	}
	status, body, err := serverOf(ts).ask(ts, args[1:])
	ts.Check(err)
	_, err = io.WriteString(ts.Stdout(), body)
	ts.Check(err)
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("status %d: %s", status, body)
	}
}

// await is `await REGEX METHOD PATH`, which asks until the answer matches, or `await
// REGEX log`, which waits for a line of the log.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await REGEX METHOD PATH, or await REGEX log")
	}
	s, wanted := serverOf(ts), regexp.MustCompile(args[0])
	body := ""
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if body = s.said(); args[1] != "log" {
			_, body, _ = s.ask(ts, args[1:]) // a server that ends may refuse
		}
		if wanted.MatchString(body) {
			return
		}
	}
	ts.Fatalf("no answer matches; the last is\n%s", body)
}

// sendSignal is `signal TERM`, or HUP or INT.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	known := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "INT": syscall.SIGINT}
	if neg || len(args) != 1 || known[args[0]] == 0 {
		ts.Fatalf("usage: signal TERM|HUP|INT")
	}
	ts.Check(serverOf(ts).process.Process.Signal(known[args[0]]))
}

// ended is `ended`, which waits until the server has ended with 0, and prints its log.
func awaitEnd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: ended")
	}
	s := serverOf(ts)
	select {
	case err := <-s.ended:
		ts.Check(err)
	case <-time.After(deadline):
		ts.Fatalf("the server does not end:\n%s", s.said())
	}
	_, err := io.WriteString(ts.Stdout(), s.said())
	ts.Check(err)
}
