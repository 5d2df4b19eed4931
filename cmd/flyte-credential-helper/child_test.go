//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	place "github.com/flyteorg/flyte-credential-helper/hack/machine"
	"github.com/flyteorg/flyte-credential-helper/pkg/cache"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// expire makes the machine's logins ten minutes older.
func (m *machine) expire() {
	m.t.Helper()
	if err := place.Age(m.t.Context(), cache.Dir(m.dir+"/home/state/"+program), &cache.Keyring{}, 10*time.Minute); err != nil {
		m.t.Fatal(err)
	}
}

// A caller that is killed while its refresh token is on the way loses nothing:
// the child goes on, and whoever comes next gets what it got.
func TestStormOrphan(t *testing.T) {
	linuxOnly(t)
	for _, group := range []bool{false, true} {
		m := newMachine(t, oauthtest.Config{})
		m.run(nil, "login")
		m.expire()
		m.server.Fail("token", oauthtest.Fault{Delay: time.Second})
		p := m.startGroup("token")
		m.await("the request", func() bool { return m.server.Count("refresh_token") == 1 })
		kill(p, group)
		m.wait(p)
		var callers []*process
		for range 10 {
			callers = append(callers, m.start(nil, "token", "--interactive", "never"))
		}
		for _, c := range callers {
			if m.wait(c); c.code != 0 {
				t.Errorf("a caller ended with status %d: %s", c.code, c.stderr.String())
			}
		}
		if n := m.server.Count("refresh_token"); n != 1 || m.server.Count("reuse") != 0 {
			t.Errorf("%d refreshes and %d of a spent token, not 1 and 0", n, m.server.Count("reuse"))
		}
	}
}

// A renewal behind everybody's back holds nothing that client-go, or whoever
// reads kubectl's stderr, waits for. It needs a pid 1 that looks after orphans.
func TestAheadHoldsNothing(t *testing.T) {
	linuxOnly(t)
	if os.Geteuid() != 0 {
		t.Skip("a process namespace needs root")
	}
	if os.Getenv("TEST_UNDER_INIT") == "" {
		underInit(t)
		return
	}
	for _, c := range execcredtest.Cases() {
		if c.Name != "stdout-closed" && c.Name != "stderr-closed" {
			continue
		}
		m := newMachine(t, oauthtest.Config{IDLifetime: 700 * time.Second})
		m.run(nil, "login")
		m.expire() // so that a hundred seconds are left
		m.server.Fail("token", oauthtest.Fault{Hang: true})
		if f := c.Check(t.Context(), m.plugin()); f.Verdict != execcredtest.OK {
			t.Errorf("%s: %s", c.Name, f.Saw)
		}
		m.await("the renewal", func() bool { return m.server.Count("refresh_token") == 1 })
	}
}

// underInit runs the test that calls it in a process namespace of its own.
func underInit(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	init := filepath.Join(t.TempDir(), "init")
	if err := os.Symlink(self, init); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--pid", "--fork", "--mount-proc", init, self, "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "TEST_UNDER_INIT=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// startGroup starts the program in a process group of its own.
func (m *machine) startGroup(args ...string) *process {
	m.t.Helper()
	return m.startCommand(func(p *process) { p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }, nil, args...)
}

func kill(p *process, group bool) {
	pid := p.Process.Pid
	if group {
		pid = -pid
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}
