//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// trial is a row under way, and what it has seen. As with a testing.T, fatalf
// and what calls it belong to the goroutine of the row.
type trial struct {
	dir, program string
	long         bool

	machines []*testenv.Machine
	as       *syscall.Credential // who runs the program; nil: who runs us

	mu        sync.Mutex // guards what follows
	problems  []string
	notes     []string
	missing   string // what this machine lacks for the row
	processes int
	slowest   time.Duration // of the processes that ended by themselves
	peak      int64         // KiB of memory of one process, or of ours when it started if that is more
	browsers  int
	requests  int // of tokens
	reuse     int // of a refresh token, after its grace
	lost      int // logins that a person had to do again
}

// play plays r to its end, in a goroutine that fatalf may end early.
func (t *trial) play(ctx context.Context, r row) {
	shrink()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.close()
		r.play(ctx, t)
	}()
	<-done
}

// shrink gives back the memory of the rows before, and has the kernel forget that
// there was more: to a process that we start it counts ours until its exec.
func shrink() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // proc_pid_clear_refs(5); without it the figure is too large
}

// close adds up what the machines have seen, and removes them.
func (t *trial) close() {
	for _, m := range t.machines {
		t.browsers += m.Browsers()
		t.requests += m.Server.Count("token")
		t.reuse += m.Server.Count("reuse")
		if err := m.Close(); err != nil {
			t.errorf("%v", err)
		}
	}
}

func (t *trial) errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

func (t *trial) fatalf(format string, args ...any) {
	t.errorf(format, args...)
	runtime.Goexit()
}

// notef adds a line to the table.
func (t *trial) notef(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// needsRoot leaves the row out for those who may not do what it does.
func (t *trial) needsRoot() {
	if os.Geteuid() != 0 {
		t.missing = "needs root"
		runtime.Goexit()
	}
}

// pick is how often something is done: the short column, or the long one.
func (t *trial) pick(short, long int) int {
	if t.long {
		return long
	}
	return short
}

// machine is a new one, which ends with the row.
func (t *trial) machine(c oauthtest.Config) *testenv.Machine {
	m, err := testenv.New(t.dir, t.program, c)
	if err != nil {
		t.fatalf("%v", err)
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
		t.fatalf("login: %s", p)
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
		t.fatalf("%v", err)
	}
}

// await polls for what a process will do without telling.
func (t *trial) await(ctx context.Context, what string, done func() bool) {
	for range 4000 {
		if done() {
			return
		}
		if ctx.Err() != nil {
			runtime.Goexit()
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.fatalf("waited in vain for %s", what)
}

// counted fails unless the server has seen so many requests of a kind.
func (t *trial) counted(m *testenv.Machine, kind string, want int) {
	if n := m.Server.Count(kind); n != want {
		t.errorf("%d requests of kind %s, not %d", n, kind, want)
	}
}

// opened fails unless so many browsers have opened.
func (t *trial) opened(m *testenv.Machine, want int) {
	if n := m.Browsers(); n != want {
		t.errorf("%d browsers, not %d", n, want)
	}
}

// kept is the file of the machine's only login.
func (t *trial) kept(m *testenv.Machine, suffix string) string {
	found, _ := filepath.Glob(filepath.Join(m.State(), "*"+suffix))
	if len(found) != 1 {
		t.fatalf("%d files are called *%s", len(found), suffix)
	}
	return found[0]
}

// goesOn fails unless the next call answers. If it cannot, a login is lost, and
// after a login anew all must be well.
func (t *trial) goesOn(ctx context.Context, m *testenv.Machine) (lost bool, said string) {
	next := t.run(ctx, m, "token", "--interactive", "never")
	if next.code == 0 {
		return false, ""
	}
	t.mu.Lock()
	t.lost++
	t.mu.Unlock()
	if next.code != 3 {
		t.errorf("the next call: %s", next)
	}
	if p := t.run(ctx, m, "login", "--interactive", "always", "--reuse-window", "0s"); p.code != 0 {
		t.errorf("stuck: a login anew: %s", p)
	}
	if p := t.run(ctx, m, "token", "--interactive", "never"); p.code != 0 {
		t.errorf("stuck: after a login anew: %s", p)
	}
	return true, next.stderr.String()
}
