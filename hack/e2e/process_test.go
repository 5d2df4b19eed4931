//go:build linux

package e2e

import (
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func start(t *testing.T) *bed {
	t.Helper()
	b, err := newBed(testenv.NewForTest(t, oauthtest.Config{TLS: true}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.api.Close)
	return b
}

// kubectl starts a kubectl, the leader of a process group.
func (b *bed) kubectl(t *testing.T, args ...string) *testenv.Process {
	t.Helper()
	cmd := exec.Command("kubectl", args...)
	cmd.Env, cmd.SysProcAttr = b.Env, &syscall.SysProcAttr{Setpgid: true}
	p := testenv.Start(t, cmd)
	t.Cleanup(func() { signal(p, syscall.SIGKILL) })
	return p
}

// signal is what a terminal does at Ctrl-C: the whole process group receives it.
func signal(p *testenv.Process, s syscall.Signal) { _ = syscall.Kill(-p.Process.Pid, s) } // or it has ended

// Ctrl-C ends a kubectl that waits for the login of another one, with the program that
// waits for the lock. The other kubectl continues.
func TestInterruptedInLine(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.Env = append(b.Env, "BROWSER="+b.BrowserOf(testenv.Waits))
	leader := b.kubectl(t, "get", "pods")
	testenv.Await(t, "the browser", func() bool { return b.Browsers() == 1 })
	waiter := b.kubectl(t, "get", "pods")
	testenv.Await(t, "the waiter's place in the line", func() bool { return waits(waiter) })
	signal(waiter, syscall.SIGINT)
	waiter.Await(t)
	if waiter.ProcessState.Success() || waiter.Stdout.Len() > 0 {
		t.Errorf("the waiter: %v, %s", waiter.ProcessState, waiter.Stdout.String())
	}
	if err := b.Release(); err != nil {
		t.Fatal(err)
	}
	leader.Await(t)
	if !leader.ProcessState.Success() || b.Browsers() != 1 {
		t.Errorf("the leader: %v, %d browsers: %s", leader.ProcessState, b.Browsers(), leader.Stderr.String())
	}
}

// waits reports whether a process of p's group waits for a file lock.
func waits(p *testenv.Process) bool {
	return testenv.WaitsForLock(func(pid string) bool {
		id, _ := strconv.Atoi(pid)
		group, err := syscall.Getpgid(id)
		return err == nil && group == p.Process.Pid
	})
}

// A kubectl that is killed with all of its group, when the server has rotated the
// refresh token and not yet answered, loses no login.
func TestKilledDuringRefresh(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.kubectl(t, "get", "pods").Await(t)
	if err := b.Age(t.Context(), 10*time.Minute); err != nil {
		t.Fatal(err)
	}
	b.Server.Fail("token", oauthtest.Fault{Times: 1, Drip: time.Millisecond}) // two seconds or three in all
	killed := b.kubectl(t, "get", "pods")
	testenv.Await(t, "the refresh", func() bool { return b.Server.Count("refresh_token") == 1 })
	signal(killed, syscall.SIGKILL)
	killed.Await(t)
	next := b.kubectl(t, "get", "pods")
	next.Await(t)
	if !next.ProcessState.Success() {
		t.Errorf("the next kubectl: %s", next.Stderr.String())
	}
	if b.Browsers() != 1 || b.Server.Count("refresh_token") != 1 || b.Server.Count("reuse") != 0 {
		t.Errorf("%d browsers, %d refreshes, %d of a spent token; not 1, 1, 0", b.Browsers(), b.Server.Count("refresh_token"), b.Server.Count("reuse"))
	}
}
