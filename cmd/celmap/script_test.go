package main

import (
	"compress/gzip"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary stand for celmap in the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"celmap": main})
}

// TestScripts runs celmap as users do. Every script finds the rules of
// testdata/rules in the folder rules. UPDATE_SCRIPTS=1 rewrites what they
// compare with.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Values[serversKey] = &scriptServers{}
			return os.CopyFS(filepath.Join(env.WorkDir, "rules"), os.DirFS("testdata/rules"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":    status,
			"gzip":      compress,
			"truncate":  truncate,
			"api":       api,
			"server":    startServer,
			"simulator": startSimulator,
			"sender":    startSender,
			"request":   request,
			"repeat":    repeat,
			"await":     await,
			"signal":    sendSignal,
			"ended":     awaitEnd,
		},
	})
}

// status is `status CODE COMMAND…`, which fails unless the command ends with that code.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND…")
	}
	var failed *exec.ExitError
	code := 0
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d", code)
	}
}

// compress is `gzip FILE`, which makes FILE.gz.
func compress(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gzip FILE")
	}
	file, err := os.Create(ts.MkAbs(args[0] + ".gz"))
	ts.Check(err)
	w := gzip.NewWriter(file)
	_, err = w.Write([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(file.Close())
}

// truncate is `truncate FILE`, which cuts off the last 9 bytes.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: truncate FILE")
	}
	file := ts.MkAbs(args[0])
	info, err := os.Stat(file)
	ts.Check(err)
	ts.Check(os.Truncate(file, info.Size()-9))
}
