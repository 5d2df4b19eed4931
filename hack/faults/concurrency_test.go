//go:build linux && faults

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func concurrency() []row {
	return []row{
		{name: "A1 cold", injected: "many processes, no login", promise: "one browser, one code exchange, one token for all", play: cold},
		{name: "A2 warm", injected: "many processes, a good token", promise: "no request to the server", play: warm},
		{name: "A2 warm, lock held", injected: "the same, a stopped process holds the lock", promise: "no call waits for the lock", play: warmStopped},
		{name: "A3 expired", injected: "many processes, an expired token", promise: "one refresh, no refresh token twice, one token for all", play: expiredTogether},
		{name: "A4 forced", injected: "50 processes that force a refresh", promise: "one refresh for all of them", play: forced},
		{name: "A11 accounts", injected: "20 accounts, 10 processes each, cold", promise: "a browser and an exchange for each account", long: true, play: accounts},
		{name: "ahead, init", injected: "200 callers, last fifth, a refresh of 8 s", promise: "each call returns the valid token at once, and one refresh runs in the background", play: aheadOfAll},
		{name: "ahead, no init", injected: "the same, in a namespace in which orphans die with pid 1", promise: "no background refresh starts, and within the margin a call refreshes in the foreground", play: aheadNowhere},
	}
}

func cold(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	sizes := []int{50}
	if *long {
		sizes = []int{50, 200, 500}
	}
	for i, n := range sizes {
		t.answered(t.crowdOf(ctx, n, m, "token", "--account", fmt.Sprint(n)))
		t.opened(m, i+1)
		t.counted(m, "authorization_code", i+1)
	}
}

func warm(ctx context.Context, t *trial) {
	m := t.loggedIn(ctx, oauthtest.Config{})
	t.answered(t.crowdOf(ctx, pick(200, 1000), m, "token"))
	t.counted(m, "token", 1)
	t.opened(m, 1)
}

func warmStopped(ctx context.Context, t *trial) {
	m := t.loggedIn(ctx, oauthtest.Config{})
	m.Server.Fail("refresh_token", oauthtest.Fault{Hang: true})
	leader := t.start(ctx, m, "token", "--force-refresh", "--reuse-window", "0s")
	t.await(ctx, "the refresh", func() bool { return m.Server.Count("refresh_token") == 1 })
	_ = syscall.Kill(leader.Process.Pid, syscall.SIGSTOP)
	t.answered(t.crowdOf(ctx, pick(200, 1000), m, "token"))
	t.counted(m, "token", 2)
	_ = syscall.Kill(spender(leader), syscall.SIGKILL)
	kill(leader, false)
	t.wait(leader)
}

func expiredTogether(ctx context.Context, t *trial) {
	m := t.loggedIn(ctx, oauthtest.Config{})
	for i := range pick(1, 20) {
		t.age(ctx, m, 10*time.Minute)
		t.answered(t.crowdOf(ctx, pick(50, 200), m, "token", "--interactive", "never"))
		t.counted(m, "refresh_token", i+1)
	}
	t.counted(m, "reuse", 0)
}

func forced(ctx context.Context, t *trial) {
	m := t.loggedIn(ctx, oauthtest.Config{})
	t.age(ctx, m, 2*time.Minute) // the login's own window is over
	t.answered(t.crowdOf(ctx, 50, m, "token", "--force-refresh"))
	t.counted(m, "refresh_token", 1)
	t.counted(m, "reuse", 0)
}

func accounts(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	const logins, each = 20, 10
	all := t.together(logins*each, func(i int) *exec.Cmd { return m.Command(ctx, "token", "--account", fmt.Sprint(i%logins)) })
	for i := range logins {
		var mine []*process
		for j := range each {
			mine = append(mine, all[j*logins+i])
		}
		t.answered(mine)
	}
	t.opened(m, logins)
	t.counted(m, "authorization_code", logins)
}

// late is a machine with a token of 100 s in its last fifth, and a server whose
// refresh takes longer than a caller should wait.
func (t *trial) late(ctx context.Context) *testenv.Machine {
	m := t.loggedIn(ctx, oauthtest.Config{AccessLifetime: 100 * time.Second, IDLifetime: 100 * time.Second})
	t.age(ctx, m, 85*time.Second)
	m.Server.Fail("token", oauthtest.Fault{Delay: 8 * time.Second})
	return m
}

// inNamespace runs n callers in a process namespace whose pid 1 is called name.
func (t *trial) inNamespace(ctx context.Context, m *testenv.Machine, name string, n int) []caller {
	self, err := os.Executable()
	link := filepath.Join(m.Dir, name)
	if err == nil && !exists(link) {
		err = os.Symlink(self, link)
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	cmd := exec.CommandContext(ctx, "unshare", "--pid", "--fork", "--mount-proc", link, crowdCommand, fmt.Sprint(n), m.Program, "token", "--min-ttl", "0s")
	cmd.Env = m.Env
	out, err := cmd.Output()
	var all []caller
	if err == nil {
		err = json.Unmarshal(out, &all)
	}
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	t.addCallers(all)
	return all
}

func (t *trial) addCallers(all []caller) {
	t.processes += len(all)
	for _, c := range all {
		t.slowest, t.peak = max(t.slowest, c.Took), max(t.peak, c.Memory)
		if c.Code != 0 || c.Answer != all[0].Answer {
			t.Errorf("a caller ended with status %d: %s", c.Code, c.Said)
		}
	}
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

func aheadOfAll(ctx context.Context, t *trial) {
	t.needsRoot()
	m := t.late(ctx)
	all := t.inNamespace(ctx, m, "init", 200)
	if slowest := slowest(all); slowest > 7*time.Second {
		t.Errorf("a caller waited for %s", slowest)
	}
	t.counted(m, "refresh_token", 1)
	next := t.run(ctx, m, "token", "--min-ttl", "0s")
	if next.code != 0 || next.stdout.String() == all[0].Answer {
		t.Errorf("the background refresh stored no new token: %s", next)
	}
	t.counted(m, "refresh_token", 1)
	t.opened(m, 1)
}

func slowest(all []caller) time.Duration {
	return slices.MaxFunc(all, func(a, b caller) int { return int(a.Took - b.Took) }).Took
}

func aheadNowhere(ctx context.Context, t *trial) {
	t.needsRoot()
	m := t.late(ctx)
	if slowest := slowest(t.inNamespace(ctx, m, "app", 50)); slowest > 7*time.Second {
		t.Errorf("a caller waited for %s", slowest)
	}
	t.counted(m, "refresh_token", 0)
	t.age(ctx, m, 8*time.Second) // 93 s of 100: within the margin
	t.inNamespace(ctx, m, "app", 50)
	t.counted(m, "refresh_token", 1)
	t.opened(m, 1)
}
