package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/flyteorg/flyte-credential-helper/hack/testenv"
)

// storms measures many concurrent warm calls against as many hello worlds.
func (b *bench) storms(ctx context.Context) error {
	for _, s := range []struct {
		calls, rounds int
		limits        string
	}{{100, 7, "goal 1.60"}, {1000, 3, "goal 1.80"}} {
		var pairs []pair
		for round := range s.rounds {
			hello, err := together(ctx, s.calls, b.machine.Env, b.hello[round%copies])
			if err != nil {
				return err
			}
			call, err := together(ctx, s.calls, b.machine.Env, b.ours[round%copies], "kubernetes")
			if err != nil {
				return err
			}
			pairs = append(pairs, pair{hello, call})
		}
		report(fmt.Sprintf("%d × kubernetes at once", s.calls), s.limits, pairs)
	}
	return nil
}

// together runs n processes of a program at once, and returns the time until the
// last one has succeeded.
func together(ctx context.Context, n int, env []string, program string, args ...string) (took time.Duration, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	start := time.Now()
	var started []*exec.Cmd
	for range n {
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, null, null, null
		testenv.OwnSession(cmd)
		if err = cmd.Start(); err != nil {
			break
		}
		started = append(started, cmd)
	}
	for _, cmd := range started {
		if e := cmd.Wait(); e != nil && err == nil {
			err = fmt.Errorf("%s %v, one of %d: %w", program, args, n, e)
		}
	}
	return time.Since(start), err
}

// cold measures concurrent calls without a login, and then with an expired token.
func (b *bench) cold(ctx context.Context) (err error) {
	const cold, expired = 200, 50
	m, err := newMachine(b.dir, b.ours[0], b.runtimeDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	took, err := together(ctx, cold, m.Env, b.ours[0], "token")
	if err != nil {
		return err
	}
	ended := time.Now()
	signIns := m.Server.Requests("sign-in")
	if len(signIns) == 0 {
		return fmt.Errorf("%d cold calls: no user signed in", cold)
	}
	fmt.Printf("%d × token at once, no login: %d browsers, %d token requests, %.2f s, %.2f s after the sign-in (goals: 1, 1, 1 s after the sign-in)\n",
		cold, m.Browsers(), m.Server.Count("token"), took.Seconds(), ended.Sub(signIns[len(signIns)-1].At).Seconds())
	m.Server.ResetCounts()
	browsers := m.Browsers()
	if err := m.Age(ctx, lifetime+time.Hour); err != nil {
		return err
	}
	if took, err = together(ctx, expired, m.Env, b.ours[0], "token"); err != nil {
		return err
	}
	fmt.Printf("%d × token at once, expired: %d browsers, %d token requests, %.2f s\n", expired, m.Browsers()-browsers, m.Server.Count("token"), took.Seconds())
	return nil
}
