package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// machine is a place where the program runs as a process of its own: what a
// script has, for tests that need its processes' ids.
type machine struct {
	t      *testing.T
	server *oauthtest.Server
	dir    string
	env    []string
}

func newMachine(t *testing.T, c oauthtest.Config) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir()}
	t.Cleanup(m.awaitOrphans)
	s, err := oauthtest.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	m.server = s
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{program, "test-browser", "test-desktop", "test-nokeys"} {
		if err := os.Symlink(self, filepath.Join(m.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Join(m.dir, "home")
	m.env = []string{
		"PATH=" + m.dir + ":" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home + "/config", "XDG_STATE_HOME=" + home + "/state",
		"XDG_RUNTIME_DIR=" + home + "/run", "XDG_DATA_HOME=" + home + "/data", "TMPDIR=" + home, "BROWSER=test-browser", "BROWSER_LOG=" + m.log(),
		"GORACE=atexit_sleep_ms=0", variable("issuer") + "=" + s.URL, variable("client-id") + "=" + oauthtest.PublicClient, variable("store") + "=file",
	}
	return m
}

// awaitOrphans waits until nobody spends any more: they write where the test is about to
// tidy up.
func (m *machine) awaitOrphans() {
	locks, _ := filepath.Glob(filepath.Join(m.dir, "home/state", program, "*.spend"))
	for _, path := range locks {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		l := flock.New(path)
		_, _ = l.TryLockContext(ctx, 10*time.Millisecond)
		_ = l.Unlock()
		cancel()
	}
}

func (m *machine) log() string { return filepath.Join(m.dir, "opened") }

func (m *machine) opened() int {
	text, _ := os.ReadFile(m.log())
	return strings.Count(string(text), "\n")
}

// process is the program under way.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{}
	code           int
}

// command is the program, not started, with more in its environment.
func (m *machine) command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(m.dir, program), args...)
	cmd.Env = append(append([]string{}, m.env...), env...)
	return cmd
}

func (m *machine) start(env []string, args ...string) *process {
	m.t.Helper()
	return m.startCommand(func(*process) {}, env, args...)
}

func (m *machine) startCommand(change func(*process), env []string, args ...string) *process {
	m.t.Helper()
	p := &process{Cmd: m.command(env, args...), ended: make(chan struct{})}
	change(p)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = p.Process.Kill(); <-p.ended })
	go func() {
		err := p.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			p.code = exit.ExitCode()
		}
		close(p.ended)
	}()
	return p
}

// run runs the program to its end.
func (m *machine) run(env []string, args ...string) *process {
	m.t.Helper()
	p := m.start(env, args...)
	m.wait(p)
	return p
}

func (m *machine) wait(p *process) {
	m.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		m.t.Fatalf("%v does not end; stderr: %s", p.Args, p.stderr.String())
	}
}

// await polls for what a process of ours will do without telling.
func (m *machine) await(what string, done func() bool) {
	m.t.Helper()
	for range 4000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	m.t.Fatalf("waited in vain for %s", what)
}

// blocked reports whether a process waits for a file lock.
func blocked(pid int) bool {
	locks, _ := os.ReadFile("/proc/locks")
	for line := range strings.Lines(string(locks)) {
		if strings.Contains(line, "->") && strings.Contains(line, fmt.Sprintf(" %d ", pid)) {
			return true
		}
	}
	return false
}

func linuxOnly(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
}

// A leader that is killed at its browser is followed by the next in line, and
// that one by nobody.
func TestStormLeaderKilled(t *testing.T) {
	linuxOnly(t)
	m := newMachine(t, oauthtest.Config{})
	leader := m.start([]string{"BROWSER=test-browser --closed"}, "token")
	m.await("the leader's browser", func() bool { return m.opened() == 1 })
	var waiters []*process
	for range 10 {
		waiters = append(waiters, m.start(nil, "token"))
	}
	m.await("the waiters", func() bool {
		for _, w := range waiters {
			if !blocked(w.Process.Pid) {
				return false
			}
		}
		return true
	})
	killed := time.Now()
	_ = leader.Process.Kill()
	m.await("the next browser", func() bool { return m.opened() == 2 })
	next := time.Since(killed)
	for _, w := range waiters {
		m.wait(w)
		if w.code != 0 || w.stdout.String() != waiters[0].stdout.String() {
			t.Errorf("a waiter ended with status %d: %s", w.code, w.stderr.String())
		}
	}
	if m.opened() != 2 || m.server.Count("authorization_code") != 1 {
		t.Errorf("%d browsers and %d exchanges, not 2 and 1", m.opened(), m.server.Count("authorization_code"))
	}
	t.Logf("the next one led after %s", next.Round(time.Millisecond))
	if next > time.Second {
		t.Errorf("the next one led after %s", next)
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
		{"at the browser", "", []string{"BROWSER=test-browser --closed"}, syscall.SIGINT, 130},
		{"by SIGTERM", "", []string{"BROWSER=test-browser --closed"}, syscall.SIGTERM, 143},
		{"as a waiter", "waiter", []string{"BROWSER=test-browser --closed"}, syscall.SIGINT, 130},
	} {
		t.Run(row.name, func(t *testing.T) {
			best := time.Hour
			for range 3 { // the best of three: another process's turn is not our delay
				best = min(best, interrupted(t, row.fault, row.env, row.signal, row.code))
			}
			t.Logf("ended after %s", best.Round(time.Millisecond))
			if best > 200*time.Millisecond {
				t.Errorf("ended only after %s", best)
			}
		})
	}
}

func interrupted(t *testing.T, fault string, env []string, signal syscall.Signal, code int) time.Duration {
	t.Helper()
	m := newMachine(t, oauthtest.Config{})
	if fault != "" && fault != "waiter" {
		m.server.Fail(fault, oauthtest.Fault{Hang: true})
	}
	p := m.start(env, "token")
	switch fault {
	case "":
		m.await("the browser", func() bool { return m.opened() == 1 })
	case "waiter":
		m.await("the browser", func() bool { return m.opened() == 1 })
		p = m.start(env, "token")
		m.await("the lock", func() bool { return blocked(p.Process.Pid) })
	default:
		m.await("the request", func() bool { return m.server.Count(fault) > 0 })
	}
	sent := time.Now()
	_ = p.Process.Signal(signal)
	m.wait(p)
	took := time.Since(sent)
	if p.code != code || p.stdout.Len() > 0 {
		t.Errorf("ended with status %d, not %d; stdout %q, stderr %q", p.code, code, p.stdout.String(), p.stderr.String())
	}
	return took
}

// A reader that has gone is an error that is said, not a panic or a signal.
func TestStdoutGone(t *testing.T) {
	m := newMachine(t, oauthtest.Config{})
	m.run(nil, "login")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	defer w.Close()
	cmd := m.command(nil, "token")
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(stderr.String(), "cannot be written to stdout") {
		t.Errorf("%v: %s", err, stderr.String())
	}
}

// No core, and no secret in what Go prints, when the process is made to abort.
func TestAborted(t *testing.T) {
	linuxOnly(t)
	m := newMachine(t, oauthtest.Config{})
	m.run(nil, "login")
	m.server.Fail("token", oauthtest.Fault{Hang: true})
	p := m.startCommand(func(p *process) { // with cores allowed, as far as they may be here
		p.Path, p.Args = "/bin/sh", append([]string{"sh", "-c", `ulimit -Sc "$(ulimit -Hc)"; exec "$@"`, "sh"}, p.Path, "token", "--force-refresh", "--reuse-window=0s")
	}, nil)
	m.await("the request", func() bool { return m.server.Count("refresh_token") > 0 })
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.Process.Pid))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 ") {
		t.Errorf("a core file may be written: %v", err)
	}
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Process.Pid))
	_ = p.Process.Signal(syscall.SIGABRT)
	m.wait(p)
	for _, r := range m.server.Requests("token") {
		for _, name := range []string{"code", "code_verifier", "refresh_token"} {
			if v := r.Form.Get(name); v != "" && strings.Contains(p.stdout.String()+p.stderr.String()+string(cmdline), v) {
				t.Errorf("the %s is told", name)
			}
		}
	}
	if strings.Contains(p.stderr.String(), "eyJ") {
		t.Error("a token is told")
	}
}
