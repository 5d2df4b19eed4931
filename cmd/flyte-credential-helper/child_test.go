//go:build unix

package main

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/execcred/execcredtest"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

// expire makes the machine's logins ten minutes older.
func expire(t *testing.T, m *testenv.Machine) {
	t.Helper()
	if err := m.Age(t.Context(), 10*time.Minute); err != nil {
		t.Fatal(err)
	}
}

// If a caller is killed while its refresh token is being sent, the worker continues, and
// the next call gets the new token.
func TestStormOrphan(t *testing.T) {
	linuxOnly(t)
	for _, group := range []bool{false, true} {
		m := testenv.NewForTest(t, oauthtest.Config{})
		m.Run(t, "login")
		expire(t, m)
		m.Server.Fail("token", oauthtest.Fault{Delay: time.Second})
		cmd := m.Command(t.Context(), "token")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		p := testenv.Start(t, cmd)
		testenv.Await(t, "the request", func() bool { return m.Server.Count("refresh_token") == 1 })
		kill(p, group)
		p.Await(t)
		var callers []*testenv.Process
		for range 10 {
			callers = append(callers, m.Start(t, "token", "--interactive", "never"))
		}
		for _, c := range callers {
			if c.Await(t); c.Status() != 0 {
				t.Errorf("a caller ended with status %d: %s", c.Status(), c.Stderr.String())
			}
		}
		if n := m.Server.Count("refresh_token"); n != 1 || m.Server.Count("reuse") != 0 {
			t.Errorf("%d refreshes and %d of a spent token, not 1 and 0", n, m.Server.Count("reuse"))
		}
	}
}

// A refresh in the background holds no stream that client-go, or a reader of kubectl's
// stderr, waits for. It needs a pid 1 that reaps orphans.
func TestAheadHoldsNothing(t *testing.T) {
	linuxOnly(t)
	if os.Geteuid() != 0 {
		t.Skip("a process namespace needs root")
	}
	if !testenv.InNamespace(t, "--pid", "--fork", "--mount-proc") {
		return
	}
	for _, c := range execcredtest.Cases() {
		if c.Name != "stdout-closed" && c.Name != "stderr-closed" {
			continue
		}
		m := testenv.NewForTest(t, oauthtest.Config{IDLifetime: 700 * time.Second})
		m.Run(t, "login")
		expire(t, m) // so that a hundred seconds are left
		m.Server.Fail("token", oauthtest.Fault{Hang: true})
		if f := c.Check(t.Context(), plugin(m)); f.Verdict != execcredtest.OK {
			t.Errorf("%s: %s", c.Name, f.Detail)
		}
		testenv.Await(t, "the renewal", func() bool { return m.Server.Count("refresh_token") == 1 })
	}
}

func kill(p *testenv.Process, group bool) {
	pid := p.Process.Pid
	if group {
		pid = -pid
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}
