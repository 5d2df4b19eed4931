package testenv

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { Main(m, nil, nil) }

// A command that asserts something fails if it is not so.
func TestCommands(t *testing.T) {
	for line, good := range map[string]bool{
		"status 0 true":                     true,
		"status 1 false":                    true,
		"status 0 false":                    false,
		"status 1 true":                     false,
		"status 1 no-such-program":          false,
		"within 1m 0 true":                  true,
		"within 1m 1 true":                  false,
		"within 1ms 0 sleep 0.1":            false,
		"parallel 3 0 true":                 true,
		"parallel 3 7 sh -c 'exit 7'":       true,
		"parallel 3 0 mkdir once":           false,
		"await file 1":                      true,
		"free-port P\noccupy $P":            true,
		"free-port P\noccupy $P\noccupy $P": false,
		"fill file to\ngrep ^$WORK$ to":     true,
		"fill file to\ngrep ^.WORK.$ to":    false,
	} {
		script := filepath.Join(t.TempDir(), "test.txtar")
		if err := os.WriteFile(script, []byte(line+"\n-- file --\n$WORK\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r := &recorder{T: t}
		func() {
			defer func() { _ = recover() }()
			testscript.RunT(r, testscript.Params{Files: []string{script}, Cmds: commands})
		}()
		if r.failed == good {
			t.Errorf("%q: failed: %v\n%s", line, r.failed, r.log)
		}
	}
}

// recorder is the T of a script that may fail.
type recorder struct {
	*testing.T
	failed bool
	log    string
}

func (r *recorder) Run(_ string, f func(testscript.T)) { f(r) }
func (r *recorder) Parallel()                          {}
func (r *recorder) Verbose() bool                      { return false }
func (r *recorder) Fatal(...any)                       { r.FailNow() }
func (r *recorder) FailNow()                           { r.failed = true; panic("failed") }

func (r *recorder) Log(args ...any) {
	for _, a := range args {
		text, _ := a.(string)
		r.log += text
	}
}
