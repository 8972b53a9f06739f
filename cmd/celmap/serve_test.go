package main

import (
	"bufio"
	"encoding/json"
	"fmt"
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

// server is celmap as a script runs it in the background.
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
// listens, at $URL. A script has one server or simulator at a time.
func startServer(ts *testscript.TestScript, neg bool, args []string) {
	listening(ts, neg, "serve", args)
}

// startSimulator is `simulator FLAGS…`, which runs celmap simulate in the same way.
func startSimulator(ts *testscript.TestScript, neg bool, args []string) {
	listening(ts, neg, "simulate", args)
}

// startSender is `sender FLAGS…`, which runs celmap send beside that. `await`, `signal` and
// `ended` mean it where they are given the word sender.
func startSender(ts *testscript.TestScript, neg bool, args []string) {
	ts.Value(serversKey).(*scriptServers).sender, _ = start(ts, neg, append([]string{"send"}, args...))
}

func listening(ts *testscript.TestScript, neg bool, verb string, args []string) {
	address := "127.0.0.1:0"
	if len(args) > 0 && args[0] == "at" { // `simulator at $URL FLAGS…`
		address, args = strings.TrimPrefix(args[1], "http://"), args[2:]
	}
	s, urls := start(ts, neg, append([]string{verb, "--listen", address}, args...))
	select {
	case s.url = <-urls:
	case err := <-s.ended:
		ts.Fatalf("the server ended: %v\n%s", err, s.said())
	case <-time.After(deadline):
		ts.Fatalf("the server does not listen:\n%s", s.said())
	}
	ts.Setenv("URL", s.url)
	ts.Setenv("ADDRESS", strings.TrimPrefix(s.url, "http://"))
	ts.Value(serversKey).(*scriptServers).server = s
}

// start runs celmap. The channel tells at which URL it listens, if it does.
func start(ts *testscript.TestScript, neg bool, args []string) (*server, <-chan string) {
	if neg {
		ts.Fatalf("what does not start is run with status")
	}
	celmap, err := exec.LookPath("celmap")
	ts.Check(err)
	s := &server{process: exec.Command(celmap, args...), ended: make(chan error, 1)}
	s.process.Dir = ts.MkAbs(".")
	s.process.Env = append(os.Environ(), "PWD="+s.process.Dir)
	log, err := s.process.StderrPipe()
	ts.Check(err)
	ts.Check(s.process.Start())
	ts.Defer(func() { _ = s.process.Process.Kill() }) // it may have ended
	urls := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(log)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			s.mu.Lock()
			s.log.WriteString(lines.Text() + "\n")
			s.mu.Unlock()
			if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
				urls <- url
			}
		}
		s.ended <- s.process.Wait()
	}()
	return s, urls
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

// scriptServers are what a script runs in the background.
type scriptServers struct{ server, sender *server }

const serversKey = "servers"

// serverOf returns the server or simulator of a script, or what it names: its sender.
func serverOf(ts *testscript.TestScript, named ...string) *server {
	all := ts.Value(serversKey).(*scriptServers)
	s := all.server
	if len(named) > 0 {
		if named[0] != "sender" {
			ts.Fatalf("there is no %q: name the sender, or nothing for the server", named[0])
		}
		s = all.sender
	}
	if s == nil {
		ts.Fatalf("start it first")
	}
	return s
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

// repeat is `repeat N METHOD PATH [FILE]`, which asks N times, one after another, and
// prints a line for each answer: its status, and the ids in it in their order. An answer
// that does not come as a whole is a line, too.
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: repeat N METHOD PATH [FILE]")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ids := regexp.MustCompile(`"(?:id|correlationId)":"[^"]+"`)
	for range n {
		status, body, err := serverOf(ts).ask(ts, args[1:])
		line := fmt.Sprint(status, ids.FindAllString(body, -1))
		switch {
		case err != nil:
			line = fmt.Sprintf("%d broken", status)
		case strings.HasPrefix(body, "{") && !json.Valid([]byte(body)):
			line = fmt.Sprintf("%d cut", status)
		}
		_, err = io.WriteString(ts.Stdout(), line+"\n")
		ts.Check(err)
	}
}

// await is `await REGEX METHOD PATH`, which asks until the answer matches, or `await
// REGEX log [sender]`, which waits for a line of the log.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await REGEX METHOD PATH, or await REGEX log [sender]")
	}
	wanted, ask := regexp.MustCompile(args[0]), func() string {
		_, body, _ := serverOf(ts).ask(ts, args[1:]) // a server that ends may refuse
		return body
	}
	if args[1] == "log" {
		ask = serverOf(ts, args[2:]...).said
	}
	body := ""
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if body = ask(); wanted.MatchString(body) {
			return
		}
	}
	ts.Fatalf("nothing matches; the last is\n%s", body)
}

// sendSignal is `signal TERM [sender]`, or HUP, INT or KILL.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	known := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL}
	if neg || len(args) == 0 || known[args[0]] == 0 {
		ts.Fatalf("usage: signal TERM|HUP|INT|KILL [sender]")
	}
	ts.Check(serverOf(ts, args[1:]...).process.Process.Signal(known[args[0]]))
}

// ended is `ended [CODE] [sender]`, which waits until the server has ended with the code,
// 0 without one, and prints its log.
func awaitEnd(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: ended [CODE] [sender]")
	}
	wanted := 0
	if len(args) > 0 {
		if code, err := strconv.Atoi(args[0]); err == nil {
			wanted, args = code, args[1:]
		}
	}
	s := serverOf(ts, args...)
	select {
	case <-s.ended:
	case <-time.After(deadline):
		ts.Fatalf("it does not end:\n%s", s.said())
	}
	if code := s.process.ProcessState.ExitCode(); code != wanted {
		ts.Fatalf("exit code %d:\n%s", code, s.said())
	}
	_, err := io.WriteString(ts.Stdout(), s.said())
	ts.Check(err)
}
