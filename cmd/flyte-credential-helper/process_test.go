package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// blocked reports whether a process waits for a file lock.
func blocked(p *testenv.Process) bool {
	return testenv.WaitsForLock(func(pid string) bool { return pid == strconv.Itoa(p.Process.Pid) })
}

func linuxOnly(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
}

// If a leader is killed while its browser is open, one waiting process replaces it. If
// that one is killed too, no other does.
func TestStormLeaderKilled(t *testing.T) {
	linuxOnly(t)
	m := testenv.NewForTest(t, oauthtest.Config{})
	leader := m.With("BROWSER=test-browser --closes").Start(t, "token")
	testenv.Await(t, "the leader's browser", func() bool { return m.Browsers() == 1 })
	var waiters []*testenv.Process
	for range 10 {
		waiters = append(waiters, m.Start(t, "token"))
	}
	testenv.Await(t, "the waiters", func() bool {
		for _, w := range waiters {
			if !blocked(w) {
				return false
			}
		}
		return true
	})
	_ = leader.Process.Kill()
	testenv.Await(t, "the next browser", func() bool { return m.Browsers() == 2 })
	for _, w := range waiters {
		w.Await(t)
		if w.Status() != 0 || w.Stdout.String() != waiters[0].Stdout.String() {
			t.Errorf("a waiter ended with status %d: %s", w.Status(), w.Stderr.String())
		}
	}
	if m.Browsers() != 2 || m.Server.Count("authorization_code") != 1 {
		t.Errorf("%d browsers and %d exchanges, not 2 and 1", m.Browsers(), m.Server.Count("authorization_code"))
	}
}

// Ctrl-C ends the program at once wherever it waits, with the status that shells
// expect, nothing on stdout and no lock held.
func TestStormInterrupted(t *testing.T) {
	linuxOnly(t)
	for _, row := range []struct {
		name   string
		fault  string // that hangs
		env    []string
		signal syscall.Signal
		code   int
	}{
		{"at discovery", "discovery", nil, syscall.SIGINT, 130},
		{"at the keys", "keys", nil, syscall.SIGINT, 130},
		{"at the exchange", "token", nil, syscall.SIGINT, 130},
		{"at the browser", "", []string{"BROWSER=test-browser --closes"}, syscall.SIGINT, 130},
		{"by SIGTERM", "", []string{"BROWSER=test-browser --closes"}, syscall.SIGTERM, 143},
		{"as a waiter", "waiter", []string{"BROWSER=test-browser --closes"}, syscall.SIGINT, 130},
	} {
		t.Run(row.name, func(t *testing.T) {
			// The program's own time limits are longer.
			if took := interrupted(t, row.fault, row.env, row.signal, row.code); took > 5*time.Second {
				t.Errorf("ended only after %s", took)
			}
		})
	}
}

func interrupted(t *testing.T, fault string, env []string, signal syscall.Signal, code int) time.Duration {
	t.Helper()
	m := testenv.NewForTest(t, oauthtest.Config{})
	if fault != "" && fault != "waiter" {
		m.Server.Fail(fault, oauthtest.Fault{Hang: true})
	}
	p := m.With(env...).Start(t, "token")
	switch fault {
	case "":
		testenv.Await(t, "the browser", func() bool { return m.Browsers() == 1 })
	case "waiter":
		testenv.Await(t, "the browser", func() bool { return m.Browsers() == 1 })
		p = m.With(env...).Start(t, "token")
		testenv.Await(t, "the lock", func() bool { return blocked(p) })
	default:
		testenv.Await(t, "the request", func() bool { return m.Server.Count(fault) > 0 })
	}
	sent := time.Now()
	_ = p.Process.Signal(signal)
	p.Await(t)
	took := time.Since(sent)
	if p.Status() != code || p.Stdout.Len() > 0 {
		t.Errorf("ended with status %d, not %d; stdout %q, stderr %q", p.Status(), code, p.Stdout.String(), p.Stderr.String())
	}
	return took
}

// If the reader of stdout has gone, the call fails with a message, and not with a panic or
// a signal.
func TestStdoutGone(t *testing.T) {
	m := testenv.NewForTest(t, oauthtest.Config{})
	m.Run(t, "login")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	defer w.Close()
	cmd := m.Command(t.Context(), "token")
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(stderr.String(), "cannot be written to stdout") {
		t.Errorf("%v: %s", err, stderr.String())
	}
}

// If the process aborts, there is no core file, and Go prints no secret.
func TestAborted(t *testing.T) {
	linuxOnly(t)
	m := testenv.NewForTest(t, oauthtest.Config{})
	m.Run(t, "login")
	m.Server.Fail("token", oauthtest.Fault{Hang: true})
	cmd := m.Command(t.Context(), "token", "--force-refresh", "--reuse-window=0s")
	// A shell allows cores, as far as they can be allowed here.
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `ulimit -Sc "$(ulimit -Hc)"; exec "$@"`, "sh"}, cmd.Args...)
	p := testenv.Start(t, cmd)
	testenv.Await(t, "the request", func() bool { return m.Server.Count("refresh_token") > 0 })
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.Process.Pid))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 ") {
		t.Errorf("a core file may be written: %v", err)
	}
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Process.Pid))
	_ = p.Process.Signal(syscall.SIGABRT)
	p.Await(t)
	for _, r := range m.Server.Requests("token") {
		for _, name := range []string{"code", "code_verifier", "refresh_token"} {
			if v := r.Form.Get(name); v != "" && strings.Contains(p.Stdout.String()+p.Stderr.String()+string(cmdline), v) {
				t.Errorf("the output has the %s", name)
			}
		}
	}
	if strings.Contains(p.Stderr.String(), "eyJ") {
		t.Error("the output has a token")
	}
}
