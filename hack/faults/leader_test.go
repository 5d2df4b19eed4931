//go:build linux && faults

package faults

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func leaders() []row {
	return []row{
		{name: "A5 leader killed", injected: "kill -9 at the browser, 10 waiters", promise: "the next waiter opens a browser within a second, and no waiter fails", play: leaderKilled},
		{name: "A8 closed tab", injected: "a tab closed, 50 waiters", promise: "one browser; all fail for that reason within a second of the leader", play: closedTab},
		{name: "A8 closed tab, again and again", injected: "the same for minutes, 10 processes at a time", promise: "no more browsers than the failure window has ends", long: true, play: closedTabs},
		{name: "A9 Ctrl-C", injected: "SIGINT at the waiter, at the leader", promise: "each ends within 200 ms, status 130, and the lock is free", play: interrupted},
		{name: "A10 suspended", injected: "SIGSTOP, and SIGCONT, of a leader and its waiters", promise: "a login during the stop counts: one browser, all calls succeed", play: suspended},
		{name: "A10 stopped leader", injected: "SIGSTOP at the browser, waiters behind it", promise: "waiters give up at the lock's deadline and report it; calls for another login do not wait", long: true, play: leaderStopped},
	}
}

// shut returns m, with a user who closes each tab.
func shut(m *testenv.Machine) *testenv.Machine {
	away := *m
	away.Env = slices.Clone(m.Env)
	away.CloseTabs()
	return &away
}

// queue starts a leader that waits for its browser, and n processes that wait for the leader.
func (t *trial) queue(ctx context.Context, lead, m *testenv.Machine, n int, args ...string) (leader *process, waiters []*process) {
	browsers := m.Browsers()
	leader = t.start(ctx, lead, args...)
	t.await(ctx, "the leader's browser", func() bool { return m.Browsers() > browsers })
	for range n {
		waiters = append(waiters, t.start(ctx, m, args...))
	}
	t.await(ctx, "the waiters", func() bool {
		return !slices.ContainsFunc(waiters, func(w *process) bool { return !blocked(w) })
	})
	return leader, waiters
}

func leaderKilled(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	var slowest time.Duration
	for i := range pick(3, 100) {
		leader, waiters := t.queue(ctx, shut(m), m, 10, "token", "--account", fmt.Sprint(i))
		killed := time.Now()
		kill(leader, false)
		t.await(ctx, "the next browser", func() bool { return m.Browsers() == 2*i+2 })
		slowest = max(slowest, time.Since(killed))
		for _, w := range append(waiters, leader) {
			t.wait(w)
		}
		t.answered(waiters)
		t.opened(m, 2*i+2)
		t.counted(m, "authorization_code", i+1)
	}
	t.Logf("the next one leads within %s", seconds(slowest))
	if slowest > soon {
		t.Errorf("the next browser opened after %s", slowest)
	}
}

func closedTab(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	leader, waiters := t.queue(ctx, shut(m), shut(m), 50, "token", "--login-timeout", "2s")
	t.wait(leader)
	t.failed(leader, 5)
	last := leader.over
	for _, w := range waiters {
		t.wait(w)
		t.failed(w, 5)
		t.says(w, "was not completed")
		if w.over.After(last) {
			last = w.over
		}
	}
	t.opened(m, 1)
	t.Logf("the last waiter ended %s after the leader", seconds(last.Sub(leader.over)))
	if late := last.Sub(leader.over); late > soon {
		t.Errorf("a waiter ended %s after the leader", late)
	}
}

func closedTabs(ctx context.Context, t *trial) {
	m := shut(t.machine(oauthtest.Config{}))
	start, over := time.Now(), 200*time.Second
	for time.Since(start) < over && ctx.Err() == nil {
		for _, p := range t.crowdOf(ctx, 10, m, "token", "--login-timeout", "1s") {
			t.failed(p, 5)
		}
		time.Sleep(200 * time.Millisecond) // the interval of a caller that retries
	}
	most, window := 1, time.Minute // a browser at the start, and at the end of each window
	for end := window; end < over; end += window {
		most++
		window *= 2
	}
	if n := m.Browsers(); n > most {
		t.Errorf("%d browsers in %s, and not %d at most", n, over, most)
	}
}

func interrupted(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	away := shut(m)
	leader, waiters := t.queue(ctx, away, away, 1, "token")
	for _, p := range []*process{waiters[0], leader} {
		if took := t.interrupt(p); took > soon {
			t.Errorf("it ended %s after the signal", took)
		}
	}
	if p := t.run(ctx, m, "token"); p.code != 0 {
		t.Errorf("after that: %s", p)
	}
}

// interrupt sends SIGINT, as Ctrl-C does, and returns the time until the end.
func (t *trial) interrupt(p *process) time.Duration {
	pressed := time.Now()
	_ = p.Process.Signal(syscall.SIGINT)
	t.wait(p)
	if p.code != 130 || p.stdout.Len() > 0 {
		t.Errorf("not 130 and no answer: %s", p)
	}
	return p.over.Sub(pressed)
}

func leaderStopped(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	t.login(ctx, m, "--account", "other")
	leader, waiters := t.queue(ctx, shut(m), m, 10, "token", "--login-timeout", "1s")
	_ = syscall.Kill(leader.Process.Pid, syscall.SIGSTOP)
	readers := t.crowdOf(ctx, 50, m, "token", "--account", "other")
	t.answered(readers)
	for _, w := range waiters {
		t.wait(w)
		t.failed(w, 5)
		t.says(w, "another process has been renewing this login for too long")
		if w.took() < 30*time.Second || w.took() > time.Minute {
			t.Errorf("it gave up after %s, and not the 31 s of the lock's deadline", w.took())
		}
	}
	kill(leader, false)
	t.wait(leader)
	if p := t.run(ctx, m, "token"); p.code != 0 {
		t.Errorf("after that: %s", p)
	}
}

// suspended stops all processes while the user logs in, as if the machine slept
// and the browser ran on another one.
func suspended(ctx context.Context, t *trial) {
	m := t.machine(oauthtest.Config{})
	m.Env = append(m.Env, "BROWSER="+m.BrowserOf(testenv.Waits))
	leader, waiters := t.queue(ctx, m, m, 10, "token")
	all := append(waiters, leader)
	for _, p := range all {
		_ = syscall.Kill(p.Process.Pid, syscall.SIGSTOP)
	}
	if err := m.Release(); err != nil {
		t.Fatalf("%v", err)
	}
	t.await(ctx, "the sign-in", func() bool { return m.Server.Count("sign-in") == 1 })
	for _, p := range all {
		_ = syscall.Kill(p.Process.Pid, syscall.SIGCONT)
	}
	for _, p := range all {
		t.wait(p)
	}
	t.answered(all)
	t.opened(m, 1)
	t.counted(m, "authorization_code", 1)
}
