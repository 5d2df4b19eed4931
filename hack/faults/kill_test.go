//go:build linux && faults

package faults

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func kills() []row {
	return []row{
		{name: "A6 kill", injected: "kill -9 at a random moment of a refresh", promise: "no login is lost, no refresh token is spent twice", play: killed(false)},
		{name: "A6 kill, group", injected: "the same, with its process group", promise: "no login is lost, no refresh token is spent twice", play: killed(true)},
		{name: "A6 kill, slow", injected: "kill -9 of twenty callers while the server takes 12 s for each refresh", promise: "the workers save the answers: no login is lost, no refresh token is sent twice", play: killedWhileSlow},
		{name: "A7 child kill, grace", injected: "kill -9 of the child after the rotation", promise: "with a grace period of the server, no login is lost", play: childKilled(10*time.Second, false)},
		{name: "A7 child kill", injected: "the same, and the server has no grace", promise: "one login each, whose cause is reported, and then all calls succeed", play: childKilled(0, false)},
		{name: "A7 both kill, grace", injected: "kill -9 of child and caller after the rotation", promise: "with a grace period of the server, no login is lost", play: childKilled(10*time.Second, true)},
		{name: "A7 both kill", injected: "the same, and the server has no grace", promise: "one login each, whose cause is reported, and then all calls succeed", play: childKilled(0, true)},
	}
}

// slowAnswer is longer than a caller waits for the answer to a refresh.
const slowAnswer = 12 * time.Second

// killedWhileSlow kills callers, twenty at a time, while their workers wait for an answer
// that takes longer than the callers would wait.
func killedWhileSlow(ctx context.Context, t *trial) {
	const batch = 20
	for range pick(1, 20) {
		machines := make([]*testenv.Machine, batch)
		for i := range machines {
			m := t.loggedIn(ctx, oauthtest.Config{})
			t.age(ctx, m, 10*time.Minute)
			m.Server.Fail("refresh_token", oauthtest.Fault{Times: 1, After: true, Delay: slowAnswer})
			machines[i] = m
		}
		var all sync.WaitGroup
		for _, m := range machines {
			p := t.start(ctx, m, "token", "--interactive", "never")
			all.Go(func() {
				t.await(ctx, "the request", func() bool { return m.Server.Count("refresh_token") == 1 })
				time.Sleep(time.Duration(rand.IntN(9000)) * time.Millisecond) // a random time
				kill(p, true)
				t.wait(p)
			})
		}
		all.Wait()
		for _, m := range machines {
			t.await(ctx, "the worker", func() bool {
				p := t.run(ctx, m, "token", "--interactive", "never")
				if p.code == 3 {
					t.Errorf("a login was lost: %s", p)
				}
				return p.code != 5 // as long as the server has not answered
			})
			t.counted(m, "refresh_token", 1)
			t.counted(m, "reuse", 0)
		}
	}
}

func killed(group bool) func(context.Context, *trial) {
	return func(ctx context.Context, t *trial) {
		m := t.loggedIn(ctx, oauthtest.Config{})
		midway := 0
		for i := range pick(15, 200) {
			t.age(ctx, m, 10*time.Minute)
			m.Server.Fail("token", oauthtest.Fault{Times: 1, Delay: time.Duration(rand.IntN(10)) * time.Millisecond})
			p := t.start(ctx, m, "token", "--interactive", "never")
			time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // a random time
			sent := m.Server.Count("refresh_token") > i
			kill(p, group)
			if t.wait(p); sent && p.code < 0 {
				midway++
			}
			if lost, said := t.goesOn(ctx, m); lost {
				t.Errorf("a login was lost: %s", said)
			}
		}
		t.Logf("%d kills between the request and the end", midway)
		t.counted(m, "reuse", 0)
	}
}

// rotation is ample time for the server to rotate the refresh token of a request
// that it has. It does so before it writes the first byte of its answer.
const rotation = 100 * time.Millisecond

// childKilled kills the worker, and in some rows its caller, after the server has redeemed
// the refresh token and the worker has half of the answer.
func childKilled(grace time.Duration, both bool) func(context.Context, *trial) {
	return func(ctx context.Context, t *trial) {
		m := t.loggedIn(ctx, oauthtest.Config{Grace: grace})
		for range pick(3, 25) {
			t.age(ctx, m, 10*time.Minute)
			lost := t.killSpender(ctx, m, both)
			if lost && grace > 0 {
				t.Errorf("a login was lost in spite of the grace")
			}
			if !lost && grace == 0 { // then the token was not rotated, and the row shows nothing
				t.Errorf("the kill came too early or too late")
			}
		}
	}
}

func (t *trial) killSpender(ctx context.Context, m *testenv.Machine, both bool) (lost bool) {
	m.Server.Fail("refresh_token", oauthtest.Fault{Times: 1, Drip: 5 * time.Millisecond})
	before := m.Server.Count("refresh_token")
	p := t.start(ctx, m, "token", "--interactive", "never")
	t.await(ctx, "the request", func() bool { return m.Server.Count("refresh_token") > before })
	time.Sleep(rotation)
	child := spender(p)
	if child == 0 {
		t.Fatalf("there is no child that spends")
	}
	if both {
		kill(p, true)
	}
	_ = syscall.Kill(child, syscall.SIGKILL)
	t.wait(p)
	lost, said := t.goesOn(ctx, m)
	if said += p.stderr.String(); lost && !strings.Contains(said, "the saved login was lost") {
		t.Errorf("a login is needed, and the cause is not said: %s", said)
	}
	return lost
}
