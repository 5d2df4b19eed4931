//go:build linux && faults

package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// trial is a running row, with its counts.
type trial struct {
	*testing.T
	dir, program string

	machines []*testenv.Machine
	as       *syscall.Credential // the user who runs the program; nil: the user of the test

	mu        sync.Mutex // protects the fields below
	processes int
	slowest   time.Duration // of the processes that were not killed
	peak      int64         // KiB of memory of one process, or of the test when it started the process if that is more
	browsers  int
	requests  int // of tokens
	reuse     int // of a refresh token, after its grace period
	lost      int // logins that the user had to repeat
}

// shrink returns the memory of earlier rows, and resets the kernel's peak for it:
// until its exec, a new process counts the peak of the test as its own.
func shrink() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // proc_pid_clear_refs(5); without it the figure is too large
}

// end logs what the row has cost, and removes its machines.
func (t *trial) end(r row) {
	for _, m := range t.machines {
		t.browsers += m.Browsers()
		t.requests += m.Server.Count("token")
		t.reuse += m.Server.Count("reuse")
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%s: %d processes (slowest %s, %d MiB), %d browsers, %d token requests, %d reused refresh tokens, %d lost logins",
		r.injected, t.processes, seconds(t.slowest), (t.peak+1023)/1024, t.browsers, t.requests, t.reuse, t.lost)
	if t.Failed() {
		t.Logf("promised: %s", r.promise)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func (t *trial) needsRoot() {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// pick returns the number of repetitions: n, or many with -long.
func pick(n, many int) int {
	if *long {
		return many
	}
	return n
}

// machine is a new one, which ends with the row.
func (t *trial) machine(c oauthtest.Config) *testenv.Machine {
	m, err := testenv.New(t.dir, t.program, c)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.machines = append(t.machines, m)
	return m
}

// loggedIn is a machine with a login.
func (t *trial) loggedIn(ctx context.Context, c oauthtest.Config) *testenv.Machine {
	m := t.machine(c)
	t.login(ctx, m)
	return m
}

func (t *trial) login(ctx context.Context, m *testenv.Machine, args ...string) {
	if p := t.run(ctx, m, append([]string{"login"}, args...)...); p.code != 0 {
		t.Fatalf("login: %s", p)
	}
}

// expired is a machine with a login whose token has run out.
func (t *trial) expired(ctx context.Context, c oauthtest.Config) *testenv.Machine {
	m := t.loggedIn(ctx, c)
	t.age(ctx, m, 10*time.Minute)
	return m
}

func (t *trial) age(ctx context.Context, m *testenv.Machine, d time.Duration) {
	if err := m.Age(ctx, d); err != nil {
		t.Fatalf("%v", err)
	}
}

// await polls for an effect of a process that sends no notice.
func (t *trial) await(ctx context.Context, what string, done func() bool) {
	for range 4000 {
		if done() {
			return
		}
		if ctx.Err() != nil {
			t.FailNow()
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// counted fails unless the server has seen so many requests of a kind.
func (t *trial) counted(m *testenv.Machine, kind string, want int) {
	if n := m.Server.Count(kind); n != want {
		t.Errorf("%d requests of kind %s, not %d", n, kind, want)
	}
}

// opened fails unless so many browsers have opened.
func (t *trial) opened(m *testenv.Machine, want int) {
	if n := m.Browsers(); n != want {
		t.Errorf("%d browsers, not %d", n, want)
	}
}

// kept is the file of the machine's only login.
func (t *trial) kept(m *testenv.Machine, suffix string) string {
	found, _ := filepath.Glob(filepath.Join(m.State(), "*"+suffix))
	if len(found) != 1 {
		t.Fatalf("%d files are called *%s", len(found), suffix)
	}
	return found[0]
}

// goesOn fails unless the next call answers. If it cannot, a login is lost, and
// after a new login all calls must succeed.
func (t *trial) goesOn(ctx context.Context, m *testenv.Machine) (lost bool, said string) {
	next := t.run(ctx, m, "token", "--interactive", "never")
	if next.code == 0 {
		return false, ""
	}
	t.mu.Lock()
	t.lost++
	t.mu.Unlock()
	if next.code != 3 {
		t.Errorf("the next call: %s", next)
	}
	if p := t.run(ctx, m, "login", "--interactive", "always", "--reuse-window", "0s"); p.code != 0 {
		t.Errorf("stuck: a new login: %s", p)
	}
	if p := t.run(ctx, m, "token", "--interactive", "never"); p.code != 0 {
		t.Errorf("stuck: after a new login: %s", p)
	}
	return true, next.stderr.String()
}
