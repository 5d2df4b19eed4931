//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/machine"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func start(t *testing.T) *bed {
	t.Helper()
	b, err := newBed(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.close() })
	return b
}

// process is a kubectl, the leader of a process group.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{} // closed once nobody holds its streams any more
}

func (b *bed) kubectl(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("kubectl", args...), ended: make(chan struct{})}
	p.Env, p.Stdout, p.Stderr = b.Env, &p.stdout, &p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.signal(syscall.SIGKILL); <-p.ended })
	go func() {
		_ = p.Wait() // ProcessState tells
		close(p.ended)
	}()
	return p
}

// signal is what a terminal does at Ctrl-C: all of the group get it.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.Process.Pid, s) } // or it has ended

// end waits until kubectl and the program have both ended: each holds stderr.
func (p *process) end(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		t.Fatalf("%v does not end: %s", p.Args, p.stderr.String())
	}
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 6000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// Ctrl-C ends a kubectl whose login another one is at, the program that waits for
// the lock included, and that other one goes on.
func TestInterruptedInLine(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.Env = append(b.Env, "BROWSER="+b.BrowserOf(machine.Dawdles))
	leader := b.kubectl(t, "get", "pods")
	await(t, "the browser", func() bool { return b.Browsers() == 1 })
	waiter := b.kubectl(t, "get", "pods")
	await(t, "the waiter's place in the line", func() bool { return waits(waiter) })
	waiter.signal(syscall.SIGINT)
	waiter.end(t)
	if waiter.ProcessState.Success() || waiter.stdout.Len() > 0 {
		t.Errorf("the waiter: %v, %s", waiter.ProcessState, waiter.stdout.String())
	}
	if err := b.Release(); err != nil {
		t.Fatal(err)
	}
	leader.end(t)
	if !leader.ProcessState.Success() || b.Browsers() != 1 {
		t.Errorf("the leader: %v, %d browsers: %s", leader.ProcessState, b.Browsers(), leader.stderr.String())
	}
}

// waits reports whether a process of p's group waits for a file lock.
func waits(p *process) bool {
	locks, _ := os.ReadFile("/proc/locks")
	for line := range strings.Lines(string(locks)) {
		var pid int
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[1] != "->" {
			continue
		}
		if _, err := fmt.Sscan(fields[5], &pid); err != nil {
			continue
		}
		if group, err := syscall.Getpgid(pid); err == nil && group == p.Process.Pid {
			return true
		}
	}
	return false
}

// A kubectl that is killed with all of its group, when the server has rotated the
// refresh token and not yet answered, loses no login.
func TestKilledDuringRefresh(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.kubectl(t, "get", "pods").end(t)
	if err := b.Age(t.Context(), 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	b.Server.Fail("token", oauthtest.Fault{Times: 1, Drip: time.Millisecond}) // two seconds or three in all
	killed := b.kubectl(t, "get", "pods")
	await(t, "the refresh", func() bool { return b.Server.Count("refresh_token") == 1 })
	killed.signal(syscall.SIGKILL)
	killed.end(t)
	next := b.kubectl(t, "get", "pods")
	next.end(t)
	if !next.ProcessState.Success() {
		t.Errorf("the next kubectl: %s", next.stderr.String())
	}
	if b.Browsers() != 1 || b.Server.Count("refresh_token") != 1 || b.Server.Count("reuse") != 0 {
		t.Errorf("%d browsers, %d refreshes, %d of a spent token; not 1, 1, 0", b.Browsers(), b.Server.Count("refresh_token"), b.Server.Count("reuse"))
	}
}
