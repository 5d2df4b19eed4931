//go:build linux && faults

package faults

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
	"github.com/flyteorg/flyte-credential-helper/pkg/oauth/oauthtest"
)

func network() []row {
	return []row{
		{name: "B1 503", injected: "10 s of 503 for refreshes, 50 callers", promise: "no browser, three requests at most, status 5; the refresh token is kept and good afterwards", play: outage},
		{name: "B2 answer cut", injected: "the answer of a refresh ends half-way", promise: "one second request at once, which the server's grace answers", play: answerCut},
		{name: "B3 hung", injected: "a token endpoint that never answers, 50 callers", promise: "all end within 25 s, status 5, in 64 MiB each, without a browser", play: endpointHung},
		{name: "B3 dripping", injected: "a token endpoint with a byte a second, 20 callers", promise: "all end within 25 s, status 5, without a browser", long: true, play: endpointDripping},
		{name: "B4 429", injected: "Retry-After: 1, then an hour", promise: "one call waits for a second; the hour is reported, and no call waits for it", play: retryAfter},
		{name: "B5 redirect", injected: "the token endpoint redirects to another host", promise: "no request goes there, and no login is lost", play: redirected},
	}
}

// largest is the memory that a process may take, in KiB.
const largest = 64 << 10

func (t *trial) small() {
	t.mu.Lock()
	peak := t.peak
	t.mu.Unlock()
	if peak > largest {
		t.Errorf("a process took %d MiB", peak>>10)
	}
}

// recover fails unless the program answers when the failure window has passed, and when the
// worker has stopped waiting, which it does for the time of wait.
func (t *trial) recover(ctx context.Context, m *testenv.Machine, wait time.Duration) {
	for start := time.Now(); ctx.Err() == nil; time.Sleep(250 * time.Millisecond) {
		p := t.run(ctx, m, "token")
		if p.code == 0 {
			return
		}
		if time.Since(start) > wait+7*time.Second {
			t.Fatalf("it does not recover: %s", p)
		}
	}
}

func outage(ctx context.Context, t *trial) {
	m := t.expired(ctx, oauthtest.Config{})
	m.Server.Fail("token", oauthtest.Fault{Status: http.StatusServiceUnavailable})
	start := time.Now()
	for wave := range 5 {
		time.Sleep(time.Until(start.Add(time.Duration(wave) * 2500 * time.Millisecond)))
		for _, p := range t.crowdOf(ctx, 50, m, "token") {
			t.failed(p, 5)
		}
	}
	if n := m.Server.Count("refresh_token"); n > 3 {
		t.Errorf("%d requests in the outage", n)
	}
	m.Server.Heal()
	t.recover(ctx, m, 0)
	t.opened(m, 1)
}

func answerCut(ctx context.Context, t *trial) {
	m := t.expired(ctx, oauthtest.Config{Grace: 10 * time.Second})
	m.Server.Fail("refresh_token", oauthtest.Fault{Times: 1, After: true, Cut: true})
	t.answered([]*process{t.run(ctx, m, "token", "--interactive", "never")})
	t.counted(m, "refresh_token", 2)
	t.counted(m, "reuse", 0)
	if lost, said := t.goesOn(ctx, m); lost {
		t.Errorf("a login was lost: %s", said)
	}
}

func endpointHung(ctx context.Context, t *trial) { t.slow(ctx, 50, oauthtest.Fault{Hang: true}) }

func endpointDripping(ctx context.Context, t *trial) {
	t.slow(ctx, 20, oauthtest.Fault{Status: http.StatusServiceUnavailable, Body: strings.Repeat(" ", 1000), Drip: time.Second})
}

// slow runs n callers against a token endpoint that takes longer than a call may
// last.
func (t *trial) slow(ctx context.Context, n int, f oauthtest.Fault) {
	m := t.expired(ctx, oauthtest.Config{})
	m.Server.Fail("token", f)
	for _, p := range t.crowdOf(ctx, n, m, "token") {
		t.failed(p, 5)
		if p.took() > 25*time.Second {
			t.Errorf("it ended after %s", p.took())
		}
	}
	t.small()
	t.opened(m, 1)
	m.Server.Heal()
	t.recover(ctx, m, time.Minute)
	t.opened(m, 1)
}

func retryAfter(ctx context.Context, t *trial) {
	m := t.expired(ctx, oauthtest.Config{})
	m.Server.Fail("refresh_token", oauthtest.Fault{Times: 1, Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}})
	p := t.run(ctx, m, "token")
	t.answered([]*process{p})
	if p.took() < time.Second {
		t.Errorf("it waited for %s only", p.took())
	}
	t.counted(m, "refresh_token", 2)
	t.age(ctx, m, 10*time.Minute)
	m.Server.Fail("refresh_token", oauthtest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"3600"}}})
	p = t.run(ctx, m, "token")
	t.failed(p, 5)
	t.says(p, "1h0m0s")
	t.counted(m, "refresh_token", 3)
	t.opened(m, 1)
}

func redirected(ctx context.Context, t *trial) {
	var asked atomic.Int32
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer sink.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		m := t.expired(ctx, oauthtest.Config{})
		m.Server.Fail("token", oauthtest.Fault{Status: status, Redirect: sink.URL + "/token"})
		t.failed(t.run(ctx, m, "token"), 5)
		t.opened(m, 1)
		m.Server.Heal()
		t.forget(m)
		if p := t.run(ctx, m, "token", "--interactive", "always"); p.code != 0 {
			t.Errorf("after %s: %s", fmt.Sprint(status), p)
		}
		t.opened(m, 1)
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests went to the other host", n)
	}
}
