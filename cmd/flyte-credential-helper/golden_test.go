package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts and files in testdata/golden show what users have stored: every later
// version must find it, read it, and write it in the same form. A golden file is never
// changed: a new form of a format gets a new file, and the old one stays.

// requestsKey is the key of the number of requests that a script's programs have sent.
type requestsKey struct{}

func TestGolden(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/golden",
		Setup: setupGolden,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"asks": asksCommand, "login": loginCommand, "issued": issuedCommand, "journal": journalCommand, "expand": expandCommand,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// setupGolden gives a script a home, the golden files, and a proxy that counts
// requests and answers none.
func setupGolden(e *testscript.Env) error {
	golden, err := filepath.Abs("testdata/golden")
	if err != nil {
		return err
	}
	requests := new(atomic.Int64)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	e.Defer(proxy.Close)
	e.Values[requestsKey{}] = requests
	home := e.WorkDir + "/home"
	e.Vars = append(e.Vars,
		"GOLDEN="+golden, "NL=\n", "HOME="+home, "XDG_CONFIG_HOME="+home+"/config", "XDG_CONFIG_DIRS="+home+"/etc", "XDG_STATE_HOME="+home+"/state", "XDG_RUNTIME_DIR="+home+"/run",
		"STATE="+home+"/state/flyte-credential-helper", "CONFIG="+home+"/config/flyte-credential-helper", "GORACE=atexit_sleep_ms=0",
		"FLYTE_CREDENTIAL_HELPER_STORE=file", "FLYTE_CREDENTIAL_HELPER_INTERACTIVE=never", "HTTP_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL,
		"GIT_CONFIG_GLOBAL="+e.WorkDir+"/gitconfig", "GIT_CONFIG_NOSYSTEM=1", "DOCKER_CONFIG="+home+"/docker", "KUBECONFIG="+e.WorkDir+"/kubeconfig",
	)
	return os.MkdirAll(home+"/run", 0o700)
}

// asksCommand runs a command, which may fail, and asserts that it sent a request, or
// with "!" that it and all commands before it sent none: "asks COMMAND ARGS", "! asks".
func asksCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) > 0 {
		if err := ts.Exec(args[0], args[1:]...); err != nil {
			ts.Logf("[%v]", err)
		}
	}
	if n := ts.Value(requestsKey{}).(*atomic.Int64).Swap(0); (n == 0) != neg {
		ts.Fatalf("%d requests were sent", n)
	}
}

// loginCommand makes kept.plain the only login, under an ID that is the SHA-256 of
// a canonical form: "login ID FORM".
func loginCommand(ts *testscript.TestScript, _ bool, args []string) {
	if id := sha256Of([]byte(args[1])); id != args[0] {
		ts.Fatalf("the script contradicts itself: the SHA-256 is %s", id)
	}
	dir := ts.Getenv("STATE")
	ts.Check(os.RemoveAll(dir))
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(os.WriteFile(filepath.Join(dir, args[0]+".plain"), []byte(ts.ReadFile(ts.Getenv("GOLDEN")+"/kept.plain")), 0o600))
}

// issuedCommand asserts that the only issued record has a name, except for the slot of its
// parent process at the end, and that it contains the words about the token: "issued NAME
// WORDS".
func issuedCommand(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(ts.Getenv("XDG_RUNTIME_DIR") + "/flyte-credential-helper/*")
	ts.Check(err)
	if len(files) != 1 {
		ts.Fatalf("%d issued records: %v", len(files), files)
	}
	name, slot, _ := strings.Cut(filepath.Base(files[0]), ".")
	if _, err := strconv.Atoi(slot); err != nil || name != args[0] {
		ts.Fatalf("the issued record is %s", files[0])
	}
	parent, words, _ := strings.Cut(ts.ReadFile(files[0]), " ")
	if parent == "" || words != args[1]+"\n" {
		ts.Fatalf("the issued record of %s says %q", parent, words)
	}
}

// expandCommand replaces $STATE in a file: "expand FILE".
func expandCommand(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.ReplaceAll(ts.ReadFile(args[0]), "$STATE", ts.Getenv("STATE"))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// journalCommand handles the journals of setup. "journal show NAME FILE" writes a journal to FILE as it is, with
// variables for what differs between machines. "journal store NAME FILE" makes a record of
// an earlier version of a golden file, which has texts in place of base64, and the files that it
// changed.
func journalCommand(ts *testscript.TestScript, _ bool, args []string) {
	stored, golden := filepath.Join(ts.Getenv("STATE"), "setup."+args[1]), ts.MkAbs(args[2])
	program, err := exec.LookPath("flyte-credential-helper")
	ts.Check(err)
	if args[0] == "show" {
		names := strings.NewReplacer(program, "$SELF", ts.Getenv("WORK"), "$WORK")
		ts.Check(os.WriteFile(golden, []byte(names.Replace(ts.ReadFile(stored))), 0o600))
		return
	}
	self, err := filepath.EvalSymlinks(program)
	ts.Check(err)
	var record map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(golden)), &record))
	for _, file := range record["files"].([]any) {
		ts.Check(storedChange(file.(map[string]any), strings.NewReplacer("$SELF", self, "$WORK", ts.Getenv("WORK"))))
	}
	text, err := json.Marshal(record)
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(stored), 0o700))
	ts.Check(os.WriteFile(stored, text, 0o600))
}

// storedChange turns a change of a golden file into one of a record, and makes the file what the change made of it.
func storedChange(change map[string]any, names *strings.Replacer) error {
	path := names.Replace(change["path"].(string))
	change["path"] = path
	if text, ok := change["before"].(string); ok {
		change["before"] = base64.StdEncoding.EncodeToString([]byte(names.Replace(text)))
	}
	text, ok := change["text"].(string)
	if !ok {
		return nil
	}
	text = names.Replace(text)
	change["text"], change["after"] = base64.StdEncoding.EncodeToString([]byte(text)), sha256Of([]byte(text))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if change["link"] == true {
		return os.Symlink(text, path)
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

func sha256Of(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
